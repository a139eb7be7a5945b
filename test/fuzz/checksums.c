/*
 * checksums.c - see checksums.h; walks over bytes of any content.
 */
#include "checksums.h"

#include <string.h>

#include "stored_zip.h"

/* Four bits at a time. */
uint32_t crc32_of(const void *bytes, size_t size)
{
    static const uint32_t table[16] = {0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC,
                                       0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
                                       0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
                                       0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};
    const uint8_t *at = bytes;
    uint32_t sum = 0xFFFFFFFF;
    for (size_t i = 0; i < size; i++) {
        sum ^= at[i];
        sum = sum >> 4 ^ table[sum & 15];
        sum = sum >> 4 ^ table[sum & 15];
    }
    return ~sum;
}

uint32_t load_little(const uint8_t *bytes, unsigned size)
{
    uint32_t number = 0;
    for (unsigned i = size; i-- > 0;)
        number = number << 8 | bytes[i];
    return number;
}

void store_little(uint8_t *bytes, unsigned size, uint32_t number)
{
    for (unsigned i = 0; i < size; i++, number >>= 8)
        bytes[i] = (uint8_t)number;
}

/* A chunk: length, name, `length` bytes, the CRC of name and bytes; numbers are big-endian. */
void repair_png(uint8_t *bytes, size_t size)
{
    enum { SIGNATURE = 8, AROUND = 12 };
    size_t at = SIGNATURE;
    while (at < size && size - at >= AROUND) {
        const uint32_t length = (uint32_t)bytes[at] << 24 | (uint32_t)bytes[at + 1] << 16 |
                                (uint32_t)bytes[at + 2] << 8 | bytes[at + 3];
        if (length > size - at - AROUND)
            return;
        const uint32_t sum = crc32_of(bytes + at + 4, 4 + (size_t)length);
        for (unsigned i = 0; i < 4; i++)
            bytes[at + 8 + length + i] = (uint8_t)(sum >> (24 - 8 * i));
        at += AROUND + length;
    }
}

/* Returns the bytes of the entry in the directory, 0 where it is damaged. */
static size_t repair_entry(uint8_t *bytes, size_t size, size_t entry)
{
    if (size - entry < ZIP_ENTRY_SIZE || memcmp(bytes + entry, ZIP_ENTRY_MAGIC, 4) != 0)
        return 0;
    uint8_t *record = bytes + entry;
    const size_t whole = ZIP_ENTRY_SIZE + load_little(record + 28, 2) +
                         load_little(record + 30, 2) + load_little(record + 32, 2);
    const size_t length = load_little(record + 20, 4), local = load_little(record + 42, 4);
    if (local >= size || size - local < ZIP_LOCAL_SIZE || load_little(record + 10, 2) != 0)
        return whole;
    const size_t start = local + ZIP_LOCAL_SIZE + load_little(bytes + local + 26, 2) +
                         load_little(bytes + local + 28, 2);
    if (start > size || length > size - start)
        return whole;
    const uint32_t sum = crc32_of(bytes + start, length);
    store_little(record + 16, 4, sum);
    store_little(bytes + local + 14, 4, sum);
    return whole;
}

void repair_zip(uint8_t *bytes, size_t size)
{
    if (size < ZIP_END_SIZE)
        return;
    size_t end = size - ZIP_END_SIZE;
    while (end > 0 && memcmp(bytes + end, ZIP_END_MAGIC, 4) != 0)
        end--;
    size_t entry = load_little(bytes + end + 16, 4);
    for (size_t length; entry < size && (length = repair_entry(bytes, size, entry)) > 0;)
        entry += length;
}
