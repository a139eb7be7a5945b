/*
 * fuzz_torchscript.c - the pickle of a TorchScript archive: modules.
 */
#include "fuzz.h"
#include "pickle_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_pickle(data, size, VALUE_OBJECT);
    return 0;
}
