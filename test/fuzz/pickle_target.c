/*
 * pickle_target.c - see pickle_target.h.
 */
#include "pickle_target.h"

#include "checkpoint/pickle.h"
#include "checksums.h"
#include "convert_file.h"
#include "fuzz.h"
#include "storages.h"

static bool gives(const uint8_t *data, size_t size, enum value_kind wanted)
{
    struct value_pool pool = {0};
    char message[QC_MESSAGE_SIZE] = "";
    const struct value *value = pickle_read(data, size, "pickle", &pool, message);
    if (!value)
        check_message(message);
    const bool good =
        value && value->kind == wanted && (wanted != VALUE_DICT || value->sequence.count > 0);
    pool_free(&pool);
    return good;
}

void read_pickle(const uint8_t *data, size_t size, enum value_kind wanted)
{
    char path[256], message[QC_MESSAGE_SIZE];
    if (!gives(data, size, wanted))
        return;
    size_t archive_size;
    uint8_t *archive = archive_of_pickle(data, size, &archive_size);
    convert_file(scratch_file("pickle.pth", archive, archive_size, path), crc32_of(data, size),
                 message);
    free(archive);
}
