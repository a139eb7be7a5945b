/*
 * source_hash.c - maps a file and hashes it with the library's XXH64; nothing of it is copied.
 */
#include "source_hash.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
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
