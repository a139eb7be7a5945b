/*
 * fuzz_pickle.c - the pickle of a checkpoint: read by itself; and where a dict comes out of it, in
 * an archive whose storages are there, so that its tensors are read and converted.
 */
#include <string.h>

#include "checkpoint/pickle.h"
#include "convert_file.h"
#include "fuzz.h"
#include "storages.h"

static bool gives_dict(const uint8_t *data, size_t size)
{
    struct value_pool pool = {0};
    char message[QC_MESSAGE_SIZE] = "";
    const struct value *value = pickle_read(data, size, "pickle", &pool, message);
    if (!value)
        check_message(message);
    const bool is_dict = value && value->kind == VALUE_DICT && value->sequence.count > 0;
    pool_free(&pool);
    return is_dict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[256], message[QC_MESSAGE_SIZE];
    if (!gives_dict(data, size))
        return 0;
    size_t archive_size;
    uint8_t *archive = archive_of_pickle(data, size, &archive_size);
    convert_file(scratch_file("pickle.pth", archive, archive_size, path), (unsigned)size, message);
    free(archive);
    return 0;
}
