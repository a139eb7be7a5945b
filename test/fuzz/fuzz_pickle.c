/*
 * fuzz_pickle.c - the pickle of a checkpoint of torch.save.
 */
#include "fuzz.h"
#include "pickle_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_pickle(data, size, VALUE_DICT);
    return 0;
}
