/*
 * source_hash.c - maps a file and hashes it with the library's XXH64; nothing of it is copied.
 */
#include "source_hash.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../lib/xxh64.h"
#include "problem.h"

bool hash_file(const char *path, char digits[SOURCE_HASH_SIZE], char *message)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    void *data = MAP_FAILED;
    size_t size = 0;
    if (file >= 0 && fstat(file, &status) == 0 && status.st_size > 0 &&
        (uintmax_t)status.st_size <= SIZE_MAX) {
        size = (size_t)status.st_size;
        data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
    }
    int error = errno;
    if (file >= 0)
        close(file);
    if (data == MAP_FAILED)
        return problem(message, "%.200s: cannot be mapped: %s", origin_of(path), strerror(error));
    snprintf(digits, SOURCE_HASH_SIZE, "%016" PRIx64, xxh64(data, size, 0));
    munmap(data, size);
    return true;
}

bool hash_checkpoint(const struct checkpoint *checkpoint, char digits[SOURCE_HASH_SIZE],
                     char *message)
{
    const struct container *container = checkpoint->container;
    const size_t count = container->file_count;
    size_t size = 1, used = 0;
    if (!count)
        return hash_file(checkpoint->path, digits, message);
    for (size_t i = 0; i < count; i++)
        size += SOURCE_HASH_SIZE + strlen(base_name(container->files[i])) + 1;
    char *lines = malloc(size);
    if (!lines)
        return problem(message, "%.200s: out of memory", checkpoint->origin);
    bool good = true;
    for (size_t i = 0; i < count && good; i++) {
        good = hash_file(container->files[i], digits, message);
        if (good)
            used += (size_t)snprintf(lines + used, size - used, "%s %s\n", digits,
                                     base_name(container->files[i]));
    }
    snprintf(digits, SOURCE_HASH_SIZE, "%016" PRIx64, xxh64(lines, used, 0));
    free(lines);
    return good;
}
