/*
 * fuzz_jpeg.c - the bytes of a JPEG file.
 */
#include "fuzz.h"
#include "picture_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_picture(data, size);
    return 0;
}
