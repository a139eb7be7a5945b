/*
 * torch_zip.c - the archive, read with libzip.
 */
#include "torch_zip.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "problem.h"

/* A state dict's pickle takes about 120 bytes a tensor. */
static const uint64_t pickle_limit = UINT64_C(64) << 20;
static const uint64_t storage_limit = UINT64_C(16) << 30;

/*
 * torch.save stores; an archive that was packed anew may be deflated.  Weights hardly shrink, so
 * more than this factor (beyond a first MiB, which may be all zeros) is a bomb.
 */
static const uint64_t inflation_limit = 64;

struct torch_zip {
    zip_t *archive;
    const char *origin;
    char *prefix; /* "NAME/" */
    uint64_t file_size;
    bool big_endian;
};

static const char legacy_start[] = {'\x80', '\x02', '\x8a', '\x0a', 'l', '\xfc', '\x9c', 'F'};

/* Looks at the first bytes, so that a wrong file is called by its name. */
static bool check_kind(const char *path, uint64_t *file_size, char *message)
{
    const char *origin = origin_of(path);
    FILE *file = fopen(path, "rb");
    if (!file)
        return problem(message, "%.200s: %s", origin, strerror(errno));
    unsigned char start[16] = {0};
    size_t count = fread(start, 1, sizeof start, file);
    int error = ferror(file) ? errno : 0;
    long end = !error && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : 0;
    fclose(file);
    if (error || end < 0)
        return problem(message, "%.200s: %s", origin, strerror(error ? error : EIO));
    *file_size = (uint64_t)end;
    if (!count)
        return problem(message, "%.200s: the file is empty", origin);
    if (memcmp(start, "PK\x03\x04", 4) == 0)
        return true;
    if (memcmp(start, legacy_start, sizeof legacy_start) == 0)
        return problem(message,
                       "%.200s: written in the legacy format of PyTorch before 1.6, which is not "
                       "read: load it and save it again with a newer PyTorch",
                       origin);
    if (memcmp(start, "GGUF", 4) == 0)
        return problem(message, "%.200s: this is a model file (GGUF) already", origin);
    if (count > 8 && start[8] == '{')
        return problem(message,
                       "%.200s: this looks like safetensors, which is not read: expected "
                       "a checkpoint of torch.save",
                       origin);
    return problem(message, "%.200s: not a checkpoint of torch.save (not a zip archive)", origin);
}

static bool has_entry(const struct torch_zip *zip, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s%s", zip->prefix, name);
    return zip_name_locate(zip->archive, path, ZIP_FL_ENC_RAW) >= 0;
}

/* The folder that holds data.pkl; its name is the file's name at the time it was saved. */
static bool find_prefix(struct torch_zip *zip, char *message)
{
    static const char wanted[] = "/data.pkl";
    zip_int64_t count = zip_get_num_entries(zip->archive, 0);
    for (zip_int64_t i = 0; i < count; i++) {
        const char *name = zip_get_name(zip->archive, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        size_t length = name ? strlen(name) : 0;
        if (length < sizeof wanted || length > 300 ||
            strcmp(name + length - strlen(wanted), wanted) != 0)
            continue;
        size_t prefix = length - strlen("data.pkl");
        if (memchr(name, '/', prefix - 1))
            continue; /* deeper inside: not the archive's own */
        if (zip->prefix)
            return problem(message, "%.200s: has two pickles, %.100sdata.pkl and %.100s",
                           zip->origin, zip->prefix, name);
        zip->prefix = malloc(prefix + 1);
        if (!zip->prefix)
            return problem(message, "%.200s: out of memory", zip->origin);
        memcpy(zip->prefix, name, prefix);
        zip->prefix[prefix] = 0;
    }
    if (!zip->prefix)
        return problem(
            message, "%.200s: a zip archive without NAME/data.pkl: not a checkpoint of torch.save",
            zip->origin);
    if (has_entry(zip, "constants.pkl"))
        return problem(message,
                       "%.200s: a TorchScript archive, which is not read: load it with "
                       "torch.jit.load and save its state_dict() with torch.save",
                       zip->origin);
    return true;
}

/* Checks what the archive says of an entry; *size is its size. */
static bool check_entry(struct torch_zip *zip, const char *name, uint64_t limit, zip_stat_t *entry,
                        char *message)
{
    const zip_uint64_t needed =
        ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_INDEX;
    zip_stat_init(entry);
    if (zip_stat(zip->archive, name, ZIP_FL_ENC_RAW, entry) != 0 ||
        (entry->valid & needed) != needed)
        return problem(message, "%.200s: entry %.150s is missing", zip->origin, name);
    if (entry->comp_method != ZIP_CM_STORE && entry->comp_method != ZIP_CM_DEFLATE)
        return problem(message, "%.200s: entry %.150s is neither stored nor deflated", zip->origin,
                       name);
    if (entry->comp_size > zip->file_size ||
        (entry->comp_method == ZIP_CM_STORE && entry->size != entry->comp_size))
        return problem(message, "%.200s: entry %.150s claims more bytes than the file has",
                       zip->origin, name);
    if (entry->size > limit)
        return problem(message,
                       "%.200s: entry %.150s claims %" PRIu64 " bytes, more than the limit of "
                       "%" PRIu64,
                       zip->origin, name, (uint64_t)entry->size, limit);
    if (entry->comp_method == ZIP_CM_DEFLATE && entry->size > UINT64_C(1) << 20 &&
        entry->size / inflation_limit > entry->comp_size)
        return problem(message,
                       "%.200s: entry %.150s would inflate from %" PRIu64 " to %" PRIu64
                       " bytes: refused as a zip bomb",
                       zip->origin, name, (uint64_t)entry->comp_size, (uint64_t)entry->size);
    return true;
}

/* All bytes of an entry that check_entry() has passed. */
static unsigned char *read_entry(struct torch_zip *zip, const char *name, const zip_stat_t *entry,
                                 char *message)
{
    unsigned char *bytes = malloc(entry->size ? (size_t)entry->size : 1);
    if (!bytes) {
        problem(message, "%.200s: out of memory for entry %.150s of %" PRIu64 " bytes", zip->origin,
                name, (uint64_t)entry->size);
        return NULL;
    }
    zip_file_t *file = zip_fopen_index(zip->archive, entry->index, 0);
    if (!file) {
        problem(message, "%.200s: entry %.150s: %s", zip->origin, name, zip_strerror(zip->archive));
        free(bytes);
        return NULL;
    }
    zip_uint64_t done = 0;
    zip_int64_t count = 0;
    while (done < entry->size) {
        count = zip_fread(file, bytes + done, entry->size - done);
        if (count <= 0)
            break;
        done += (zip_uint64_t)count;
    }
    /* The checksum is compared when the end is read. */
    unsigned char beyond;
    if (count >= 0 && done == entry->size)
        count = zip_fread(file, &beyond, 1);
    if (done != entry->size || count != 0) {
        problem(message, "%.200s: entry %.150s is damaged: %s", zip->origin, name,
                count < 0 ? zip_file_strerror(file)
                : count   ? "longer than the archive says"
                          : "shorter than the archive says");
        free(bytes);
        bytes = NULL;
    }
    zip_fclose(file);
    return bytes;
}

static bool read_byte_order(struct torch_zip *zip, char *message)
{
    if (!has_entry(zip, "byteorder"))
        return true; /* before PyTorch 2.1; little-endian everywhere that matters */
    char name[512];
    snprintf(name, sizeof name, "%sbyteorder", zip->prefix);
    zip_stat_t entry;
    if (!check_entry(zip, name, 16, &entry, message))
        return false;
    char *text = (char *)read_entry(zip, name, &entry, message);
    if (!text)
        return false;
    bool little = entry.size == 6 && memcmp(text, "little", 6) == 0;
    zip->big_endian = entry.size == 3 && memcmp(text, "big", 3) == 0;
    free(text);
    return little || zip->big_endian ||
           problem(message, "%.200s: entry %.150s says neither \"little\" nor \"big\"", zip->origin,
                   name);
}

struct torch_zip *torch_zip_open(const char *path, char *message)
{
    uint64_t file_size = 0;
    if (!check_kind(path, &file_size, message))
        return NULL;
    struct torch_zip *zip = calloc(1, sizeof *zip);
    if (!zip) {
        problem(message, "%.200s: out of memory", origin_of(path));
        return NULL;
    }
    zip->origin = origin_of(path);
    zip->file_size = file_size;
    int code = 0;
    zip->archive = zip_open(path, ZIP_RDONLY, &code);
    if (!zip->archive) {
        zip_error_t error;
        zip_error_init_with_code(&error, code);
        problem(message, "%.200s: the zip archive is damaged or cut short: %s", zip->origin,
                zip_error_strerror(&error));
        zip_error_fini(&error);
        torch_zip_close(zip);
        return NULL;
    }
    if (!find_prefix(zip, message) || !read_byte_order(zip, message)) {
        torch_zip_close(zip);
        return NULL;
    }
    return zip;
}

void torch_zip_close(struct torch_zip *zip)
{
    if (!zip)
        return;
    if (zip->archive)
        zip_discard(zip->archive);
    free(zip->prefix);
    free(zip);
}

uint64_t torch_zip_file_size(const struct torch_zip *zip)
{
    return zip->file_size;
}

bool torch_zip_big_endian(const struct torch_zip *zip)
{
    return zip->big_endian;
}

unsigned char *torch_zip_read_pickle(struct torch_zip *zip, size_t *size, char *message)
{
    char name[512];
    snprintf(name, sizeof name, "%sdata.pkl", zip->prefix);
    zip_stat_t entry;
    if (!check_entry(zip, name, pickle_limit, &entry, message))
        return NULL;
    *size = (size_t)entry.size;
    return read_entry(zip, name, &entry, message);
}

unsigned char *torch_zip_read_storage(struct torch_zip *zip, const char *key, uint64_t count,
                                      size_t element, char *message)
{
    char name[512];
    snprintf(name, sizeof name, "%sdata/%.100s", zip->prefix, key);
    zip_stat_t entry;
    if (!check_entry(zip, name, storage_limit, &entry, message))
        return NULL;
    if (entry.size / element != count) {
        problem(message,
                "%.200s: entry %.150s has %" PRIu64 " bytes, but the pickle expects %" PRIu64
                " elements of %zu",
                zip->origin, name, (uint64_t)entry.size, count, element);
        return NULL;
    }
    return read_entry(zip, name, &entry, message);
}
