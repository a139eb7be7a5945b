/*
 * stored_zip.c - see stored_zip.h; every entry once before its bytes and once in the directory.
 */
#include "stored_zip.h"

#include <string.h>

#include "checksums.h"
#include "fuzz.h"

enum { VERSION = 20 };

/* The part that both records of an entry share: 26 bytes from the version on. */
static void put_common(uint8_t *at, const struct stored_entry *entry, uint32_t sum)
{
    memset(at, 0, 26);
    store_little(at, 2, VERSION);
    store_little(at + 10, 4, sum);
    store_little(at + 14, 4, (uint32_t)entry->size);
    store_little(at + 18, 4, (uint32_t)entry->size);
    store_little(at + 22, 2, (uint32_t)strlen(entry->name));
}

static uint8_t *put_local(uint8_t *at, const struct stored_entry *entry, uint32_t sum)
{
    const size_t length = strlen(entry->name);
    memcpy(at, ZIP_LOCAL_MAGIC, 4);
    put_common(at + 4, entry, sum);
    memcpy(at + ZIP_LOCAL_SIZE, entry->name, length);
    memcpy(at + ZIP_LOCAL_SIZE + length, entry->bytes, entry->size);
    return at + ZIP_LOCAL_SIZE + length + entry->size;
}

static uint8_t *put_entry(uint8_t *at, const struct stored_entry *entry, uint32_t sum,
                          uint32_t local)
{
    const size_t length = strlen(entry->name);
    memset(at, 0, ZIP_ENTRY_SIZE);
    memcpy(at, ZIP_ENTRY_MAGIC, 4);
    store_little(at + 4, 2, VERSION);
    put_common(at + 6, entry, sum);
    store_little(at + 42, 4, local);
    memcpy(at + ZIP_ENTRY_SIZE, entry->name, length);
    return at + ZIP_ENTRY_SIZE + length;
}

uint8_t *stored_zip(const struct stored_entry *entries, size_t count, size_t *size)
{
    *size = ZIP_END_SIZE;
    for (size_t i = 0; i < count; i++)
        *size += ZIP_LOCAL_SIZE + ZIP_ENTRY_SIZE + 2 * strlen(entries[i].name) + entries[i].size;
    uint8_t *archive = test_memory(*size), *at = archive;
    uint32_t *sums = test_memory(2 * count * sizeof *sums), *places = sums + count;
    for (size_t i = 0; i < count; i++) {
        places[i] = (uint32_t)(at - archive);
        sums[i] = crc32_of(entries[i].bytes, entries[i].size);
        at = put_local(at, &entries[i], sums[i]);
    }
    const uint32_t directory = (uint32_t)(at - archive);
    for (size_t i = 0; i < count; i++)
        at = put_entry(at, &entries[i], sums[i], places[i]);
    memset(at, 0, ZIP_END_SIZE);
    memcpy(at, ZIP_END_MAGIC, 4);
    store_little(at + 8, 2, (uint32_t)count);
    store_little(at + 10, 2, (uint32_t)count);
    store_little(at + 12, 4, (uint32_t)(at - archive) - directory);
    store_little(at + 16, 4, directory);
    free(sums);
    return archive;
}
