/*
 * checksums.h - the CRC-32 that PNG and zip share, and files made whole after their bytes were
 * changed, so that what is behind the check is tested, not the check alone.
 */
#ifndef QUALICLIP_FUZZ_CHECKSUMS_H
#define QUALICLIP_FUZZ_CHECKSUMS_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32_of(const void *bytes, size_t size);

/* Little-endian numbers of 2 or 4 bytes. */
uint32_t load_little(const uint8_t *bytes, unsigned size);
void store_little(uint8_t *bytes, unsigned size, uint32_t number);

/* Of every chunk that lies inside the file. */
void repair_png(uint8_t *bytes, size_t size);

/* Of every stored entry that the central directory lists and that lies inside the file. */
void repair_zip(uint8_t *bytes, size_t size);

#endif
