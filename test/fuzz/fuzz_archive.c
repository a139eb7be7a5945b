/*
 * fuzz_archive.c - a checkpoint of torch.save, as the bytes of its zip archive.
 */
#include "checksums.h"
#include "convert_file.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[256], message[QC_MESSAGE_SIZE];
    convert_file(scratch_file("archive.pth", data, size, path), crc32_of(data, size), message);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed)
{
    size = LLVMFuzzerMutate(data, size, room);
    if (seed % 8)
        repair_zip(data, size);
    return size;
}
