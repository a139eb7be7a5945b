/*
 * storages.h - an archive around a pickle, with storages "0" to "6" for its tensors.
 */
#ifndef QUALICLIP_FUZZ_STORAGES_H
#define QUALICLIP_FUZZ_STORAGES_H

#include <stddef.h>
#include <stdint.h>

/* Storage k has 4^(k + 1) bytes. */
enum { STORAGES = 7, LARGEST_STORAGE = 16384 };

/* Small positive numbers, whether they are read as f32, f16 or bf16. */
void fill_numbers(uint8_t *bytes, size_t size);

/* As torch.save would have made it; to be freed. */
uint8_t *archive_of_pickle(const uint8_t *pickle, size_t pickle_size, size_t *size);

#endif
