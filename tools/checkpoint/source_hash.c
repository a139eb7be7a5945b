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

bool hash_checkpoint(const struct checkpoint *checkpoint, char digits[SOURCE_HASH_SIZE],
                     char *message)
{
    const struct container *container = checkpoint->container;
    if (!container->file_count)
        return hash_file(checkpoint->path, digits, message);
    struct xxh64_state lines;
    xxh64_begin(&lines, 0);
    for (size_t i = 0; i < container->file_count; i++) {
        const char *name = base_name(container->files[i]);
        if (!hash_file(container->files[i], digits, message))
            return false;
        xxh64_add(&lines, digits, strlen(digits));
        xxh64_add(&lines, " ", 1);
        xxh64_add(&lines, name, strlen(name));
        xxh64_add(&lines, "\n", 1);
    }
    snprintf(digits, SOURCE_HASH_SIZE, "%016" PRIx64, xxh64_end(&lines));
    return true;
}
