/*
 * fuzz.h - what the fuzz targets share.
 *
 * A target is one file with LLVMFuzzerTestOneInput(), which reads bytes as if they were a file that
 * a stranger sent.  Whatever they are, it must end soon, leave nothing behind, and do the same each
 * time; a promise of the headers that is broken aborts (PROMISE), as an error found by the
 * sanitizers does.  The same targets run without libFuzzer over files that are at hand (replay.c).
 */
#ifndef QUALICLIP_FUZZ_H
#define QUALICLIP_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "qualiclip.h"

#define TEST_VOCABULARY "test/golden/tokenizer/merges.txt"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of libFuzzer: changes `size` bytes at random; returns the new size, at most `room`. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room);
/* Of a target whose format has checksums: changes the bytes and mostly sets them right again. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed);

/* Ends the run as a finding unless the condition holds. */
#define PROMISE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #condition);        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* A failure must be explained by a sentence that fits its buffer and can be shown in a terminal. */
void check_message(const char message[QC_MESSAGE_SIZE]);

/* A string of the library's is UTF-8. */
void check_utf8(const char *text);

/* The path of `name` in a folder of this process's own, which is removed at the end. */
const char *scratch_path(const char *name, char path[256]);

/* Writes such a file anew. */
const char *scratch_file(const char *name, const void *bytes, size_t size, char path[256]);

/* Memory that must be there: of the test, not of what is tested. */
void *test_memory(size_t size);

#endif
