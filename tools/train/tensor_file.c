/*
 * tensor_file.c - the writer of the format that tools/checkpoint/safetensors.c reads.
 */
#include "tensor_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint.h"
#include "../memory.h"
#include "problem.h"

/* A tensor's line in the header is its name, its shape and where it lies. */
enum { ENTRY_SIZE = sizeof((struct named_tensor *)0)->name + 200 };

static char *make_header(const struct named_tensor *tensors, size_t count, size_t *length)
{
    char *header = allocate(count * ENTRY_SIZE + 16);
    size_t used = 0, at = 0;
    header[used++] = '{';
    for (size_t i = 0; i < count; i++) {
        const struct named_tensor *tensor = &tensors[i];
        used += (size_t)sprintf(header + used, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[",
                                i ? "," : "", tensor->name);
        for (unsigned d = 0; d < tensor->dimensions; d++)
            used += (size_t)sprintf(header + used, "%s%zu", d ? "," : "", tensor->shape[d]);
        const size_t end = at + tensor->count * sizeof(float);
        used += (size_t)sprintf(header + used, "],\"data_offsets\":[%zu,%zu]}", at, end);
        at = end;
    }
    header[used++] = '}';
    while (used % 8)
        header[used++] = ' ';
    *length = used;
    return header;
}

/* Low byte first, whatever the machine. */
static bool write_floats(FILE *file, const float *values, size_t count)
{
    unsigned char bytes[4096];
    const size_t most = sizeof bytes / sizeof(float);
    while (count) {
        const size_t some = count < most ? count : most;
        for (size_t i = 0; i < some; i++) {
            uint32_t bits;
            memcpy(&bits, &values[i], sizeof bits);
            for (unsigned b = 0; b < 4; b++)
                bytes[4 * i + b] = (unsigned char)(bits >> 8 * b);
        }
        if (fwrite(bytes, sizeof(float), some, file) != some)
            return false;
        values += some;
        count -= some;
    }
    return true;
}

static bool write_all(FILE *file, const struct named_tensor *tensors, size_t count)
{
    size_t length;
    char *header = make_header(tensors, count, &length);
    unsigned char size[8];
    for (unsigned i = 0; i < 8; i++)
        size[i] = (unsigned char)((uint64_t)length >> 8 * i);
    bool good = fwrite(size, 1, 8, file) == 8 && fwrite(header, 1, length, file) == length;
    for (size_t i = 0; i < count && good; i++)
        good = write_floats(file, tensors[i].values, tensors[i].count);
    free(header);
    return good && fflush(file) == 0 && fsync(fileno(file)) == 0;
}

bool tensor_file_write(const char *path, const struct named_tensor *tensors, size_t count,
                       char *message)
{
    const size_t size = strlen(path) + 32;
    char *unfinished = allocate(size);
    snprintf(unfinished, size, "%s.%ld.part", path, (long)getpid());
    FILE *file = fopen(unfinished, "wb");
    bool good = file && write_all(file, tensors, count);
    int error = good ? 0 : errno;
    if (file && fclose(file) != 0 && good) {
        good = false;
        error = errno;
    }
    if (good && rename(unfinished, path) != 0) {
        good = false;
        error = errno;
    }
    if (!good && file)
        unlink(unfinished);
    free(unfinished);
    return good || problem(message, "%.200s: %s", path, strerror(error));
}

static bool read_tensor(struct checkpoint *checkpoint, const struct named_tensor *tensor,
                        char *message)
{
    struct view view;
    uint64_t shape[4] = {0};
    for (unsigned d = 0; d < tensor->dimensions; d++)
        shape[d] = tensor->shape[d];
    if (!checkpoint_view(checkpoint, tensor->name, tensor->dimensions, &view, message) ||
        !check_shape(checkpoint, &view, shape, message) ||
        !checkpoint_load(checkpoint, &view, message))
        return false;
    double *numbers = reallocate(NULL, tensor->count, sizeof *numbers);
    checkpoint_read(checkpoint, &view, 0, tensor->count, numbers);
    size_t finite = 0;
    for (; finite < tensor->count && isfinite(numbers[finite]); finite++)
        tensor->values[finite] = (float)numbers[finite];
    const double other = finite < tensor->count ? numbers[finite] : 0;
    free(numbers);
    return finite == tensor->count ||
           problem(message, "%.200s: tensor %s: element %zu is %g, expected a finite number",
                   checkpoint->path, tensor->name, finite, other);
}

bool tensor_file_read(const char *path, const struct named_tensor *tensors, size_t count,
                      char *message)
{
    struct checkpoint checkpoint;
    if (!checkpoint_open(&checkpoint, path, message))
        return false;
    bool good = true;
    for (size_t i = 0; i < count && good; i++)
        good = read_tensor(&checkpoint, &tensors[i], message);
    checkpoint_close(&checkpoint);
    return good;
}
