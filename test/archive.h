/*
 * archive.h - checkpoints that tests make: files and zip archives, copied with changes.
 */
#ifndef TEST_ARCHIVE_H
#define TEST_ARCHIVE_H

#include <stddef.h>

/* A whole file, to be freed; fails the test where it is missing. */
unsigned char *read_whole_file(const char *path, size_t *size);
void write_whole_file(const char *path, const void *bytes, size_t size);

/*
 * Copies a zip archive, passing each entry to `change`, which may alter the bytes in place, replace
 * them by others from malloc() and drop the entry by returning 0.
 */
typedef int archive_change(void *context, const char *name, unsigned char **bytes, size_t *size);
void archive_copy(const char *source, const char *target, archive_change *change, void *context);

/* A new archive of one entry, or adds an entry to one that is there. */
void archive_add(const char *path, const char *name, const void *bytes, size_t size, int deflated);

/* Replaces a run of bytes by one of the same length; fails the test where there is none. */
void replace_bytes(unsigned char *bytes, size_t size, const char *old, const char *new);

#endif
