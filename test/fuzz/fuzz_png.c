/*
 * fuzz_png.c - the bytes of a PNG file, their checksums mostly right.
 */
#include "checksums.h"
#include "fuzz.h"
#include "picture_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_picture(data, size);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed)
{
    size = LLVMFuzzerMutate(data, size, room);
    if (seed % 8)
        repair_png(data, size);
    return size;
}
