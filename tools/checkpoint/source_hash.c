/*
 * source_hash.c - reads a file piece by piece through the library's XXH64; nothing of it is kept.
 */
#include "source_hash.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "../../lib/xxh64.h"
#include "problem.h"

bool hash_file(const char *path, char digits[SOURCE_HASH_SIZE], char *message)
{
    unsigned char piece[32768];
    struct xxh64_state hash;
    xxh64_begin(&hash, 0);
    FILE *file = fopen(path, "rb");
    if (!file)
        return problem(message, "%.200s: %s", origin_of(path), strerror(errno));
    setvbuf(file, NULL, _IONBF, 0); /* the pieces are large enough */
    for (size_t count; (count = fread(piece, 1, sizeof piece, file)) > 0;)
        xxh64_add(&hash, piece, count);
    const int error = ferror(file) ? errno : 0;
    fclose(file);
    if (error)
        return problem(message, "%.200s: %s", origin_of(path), strerror(error));
    snprintf(digits, SOURCE_HASH_SIZE, "%016" PRIx64, xxh64_end(&hash));
    return true;
}
