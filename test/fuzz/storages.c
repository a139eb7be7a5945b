/*
 * storages.c - see storages.h.
 */
#include "storages.h"

#include "checksums.h"
#include "fuzz.h"
#include "stored_zip.h"

void fill_numbers(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i + 1 < size; i += 2)
        store_little(bytes + i, 2, (uint32_t)(0x3C00 | (i / 2 * 37 & 0xFF)));
    if (size % 2)
        bytes[size - 1] = 0;
}

uint8_t *archive_of_pickle(const uint8_t *pickle, size_t pickle_size, size_t *size)
{
    uint8_t *numbers = test_memory(LARGEST_STORAGE);
    fill_numbers(numbers, LARGEST_STORAGE);
    char names[STORAGES][16];
    struct stored_entry entries[STORAGES + 2] = {{"a/data.pkl", pickle, pickle_size}};
    for (unsigned i = 0; i < STORAGES; i++) {
        snprintf(names[i], sizeof names[i], "a/data/%u", i);
        entries[1 + i] = (struct stored_entry){names[i], numbers, (size_t)4 << 2 * i};
    }
    entries[STORAGES + 1] = (struct stored_entry){"a/version", "3\n", 2};
    uint8_t *archive = stored_zip(entries, STORAGES + 2, size);
    free(numbers);
    return archive;
}
