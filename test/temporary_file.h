/*
 * temporary_file.h - the one file that a program's tests write, each anew: made before the first of
 * them and gone after the last.
 *
 *     cmocka_run_group_tests(tests, temporary_file_make, temporary_file_remove)
 */
#ifndef TEST_TEMPORARY_FILE_H
#define TEST_TEMPORARY_FILE_H

extern char temporary_path[];

int temporary_file_make(void **state);
int temporary_file_remove(void **state);

#endif
