/*
 * torch_zip.h - the archive that torch.save and torch.jit.save write: a zip file with NAME/data.pkl
 * and one entry NAME/data/KEY for each storage.  Other entries (code, constants) are not looked at.
 *
 * Whatever the archive claims is checked before memory is asked for: an entry may not be larger
 * than what is expected of it, nor inflate beyond measure.
 */
#ifndef QUALICLIP_TORCH_ZIP_H
#define QUALICLIP_TORCH_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct torch_zip;

/* NULL: `message` says why.  `path`, a file, must outlive the result. */
struct torch_zip *torch_zip_open(const char *path, char *message);
void torch_zip_close(struct torch_zip *zip); /* NULL is allowed */

uint64_t torch_zip_file_size(const struct torch_zip *zip);

/* Whether its numbers are stored with the most significant byte first. */
bool torch_zip_big_endian(const struct torch_zip *zip);

/* The pickle, to be freed by the caller; NULL: message. */
unsigned char *torch_zip_read_pickle(struct torch_zip *zip, size_t *size, char *message);

/*
 * Reads `size` bytes from byte `first` on of a storage of `storage_size` bytes, within which they
 * must lie.  The checksum of the whole storage has been compared when this returns true.
 */
bool torch_zip_read_storage(struct torch_zip *zip, const char *key, uint64_t storage_size,
                            uint64_t first, size_t size, unsigned char *bytes, char *message);

#endif
