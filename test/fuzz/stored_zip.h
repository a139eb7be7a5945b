/*
 * stored_zip.h - makes zip archives in memory, as torch.save does: entries are stored, not
 * deflated.
 */
#ifndef QUALICLIP_FUZZ_STORED_ZIP_H
#define QUALICLIP_FUZZ_STORED_ZIP_H

#include <stddef.h>
#include <stdint.h>

/* The format's records (APPNOTE.TXT of PKWARE), without the names that follow them. */
#define ZIP_LOCAL_MAGIC "PK\3\4"
#define ZIP_ENTRY_MAGIC "PK\1\2"
#define ZIP_END_MAGIC   "PK\5\6"
enum { ZIP_LOCAL_SIZE = 30, ZIP_ENTRY_SIZE = 46, ZIP_END_SIZE = 22 };

struct stored_entry {
    const char *name;
    const void *bytes;
    size_t size;
};

/* Returns an archive of `count` entries, to be freed. */
uint8_t *stored_zip(const struct stored_entry *entries, size_t count, size_t *size);

#endif
