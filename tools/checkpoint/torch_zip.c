/*
 * torch_zip.c - the archive, read with libzip.
 */
#include "torch_zip.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

    bool *checked;    /* of each entry, whether its checksum has been compared */
    zip_file_t *file; /* the entry that was read last, for whoever reads on; may be NULL */
    zip_uint64_t file_index, file_position;
};

static bool measure_file(const char *path, uint64_t *size, char *message)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return problem(message, "%.200s: %s", origin_of(path), strerror(errno));
    *size = (uint64_t)status.st_size;
    return true;
}

static bool has_entry(const struct torch_zip *zip, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s%s", zip->prefix, name);
    return zip_name_locate(zip->archive, path, ZIP_FL_ENC_RAW) >= 0;
}

/* Whether an entry is called NAME/`file`. */
static bool is_called(const char *entry, const char *file)
{
    const char *slash = strchr(entry, '/');
    return slash && slash != entry && strcmp(slash + 1, file) == 0;
}

/* Of an archive without a pickle. */
static bool refuse_other_archive(struct torch_zip *zip, char *message)
{
    zip_int64_t count = zip_get_num_entries(zip->archive, 0);
    for (zip_int64_t i = 0; i < count; i++) {
        const char *name = zip_get_name(zip->archive, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        if (name && is_called(name, "model.json"))
            return problem(message,
                           "%.200s: a TorchScript archive of PyTorch before 1.4, which is not "
                           "read: load it and save it again with a newer PyTorch",
                           zip->origin);
    }
    return problem(message,
                   "%.200s: a zip archive without NAME/data.pkl: not written by torch.save or "
                   "torch.jit.save",
                   zip->origin);
}

/* The folder that holds data.pkl; its name is the file's name at the time it was saved. */
static bool find_prefix(struct torch_zip *zip, char *message)
{
    zip_int64_t count = zip_get_num_entries(zip->archive, 0);
    for (zip_int64_t i = 0; i < count; i++) {
        const char *name = zip_get_name(zip->archive, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        if (name && zip_name_locate(zip->archive, name, ZIP_FL_ENC_RAW) != i)
            return problem(message, "%.200s: has two entries %.150s", zip->origin, name);
        if (!name || strlen(name) > 300 || !is_called(name, "data.pkl"))
            continue;
        if (zip->prefix)
            return problem(message, "%.200s: has two pickles, %.100sdata.pkl and %.100s",
                           zip->origin, zip->prefix, name);
        size_t prefix = strlen(name) - strlen("data.pkl");
        zip->prefix = malloc(prefix + 1);
        if (!zip->prefix)
            return problem(message, "%.200s: out of memory", zip->origin);
        memcpy(zip->prefix, name, prefix);
        zip->prefix[prefix] = 0;
    }
    return zip->prefix || refuse_other_archive(zip, message);
}

/* Checks what the archive says of an entry; *size is its size. */
static bool check_entry(struct torch_zip *zip, const char *name, uint64_t limit, zip_stat_t *entry,
                        char *message)
{
    const zip_uint64_t needed =
        ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_INDEX;
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

static void close_entry(struct torch_zip *zip)
{
    if (zip->file)
        zip_fclose(zip->file);
    zip->file = NULL;
}

static bool damaged(struct torch_zip *zip, const zip_stat_t *entry, const char *how, char *message)
{
    problem(message, "%.200s: entry %.150s is damaged: %s", zip->origin, entry->name, how);
    close_entry(zip);
    return false;
}

/* Reads on in the entry that is open. */
static bool read_on(struct torch_zip *zip, const zip_stat_t *entry, unsigned char *bytes,
                    uint64_t size, char *message)
{
    while (size) {
        zip_int64_t count = zip_fread(zip->file, bytes, size);
        if (count <= 0)
            return damaged(zip, entry,
                           count < 0 ? zip_file_strerror(zip->file)
                                     : "shorter than the archive says",
                           message);
        bytes += count;
        size -= (uint64_t)count;
        zip->file_position += (uint64_t)count;
    }
    return true;
}

/* Passes over bytes; where they are deflated, that takes inflating them. */
static bool skip_to(struct torch_zip *zip, const zip_stat_t *entry, uint64_t position,
                    char *message)
{
    if (entry->comp_method == ZIP_CM_STORE && position != zip->file_position) {
        if (position > INT64_MAX || zip_fseek(zip->file, (zip_int64_t)position, SEEK_SET) != 0)
            return damaged(zip, entry, zip_file_strerror(zip->file), message);
        zip->file_position = position;
    }
    unsigned char passed[16384];
    while (zip->file_position < position) {
        uint64_t left = position - zip->file_position;
        if (!read_on(zip, entry, passed, left < sizeof passed ? left : sizeof passed, message))
            return false;
    }
    return true;
}

/* Opens the entry at its start, or leaves it open where that is not behind `position`. */
static bool open_entry(struct torch_zip *zip, const zip_stat_t *entry, uint64_t position,
                       char *message)
{
    if (zip->file && zip->file_index == entry->index && zip->file_position <= position)
        return true;
    close_entry(zip);
    zip->file = zip_fopen_index(zip->archive, entry->index, 0);
    zip->file_index = entry->index;
    zip->file_position = 0;
    return zip->file || problem(message, "%.200s: entry %.150s: %s", zip->origin, entry->name,
                                zip_strerror(zip->archive));
}

/* The checksum is compared when the end is read, if all before it has been read. */
static bool expect_end(struct torch_zip *zip, const zip_stat_t *entry, char *message)
{
    unsigned char beyond;
    zip_int64_t count = zip_fread(zip->file, &beyond, 1);
    if (count != 0)
        return damaged(zip, entry,
                       count < 0 ? zip_file_strerror(zip->file) : "longer than the archive says",
                       message);
    zip->checked[entry->index] = true;
    close_entry(zip);
    return true;
}

/* Reads all of an entry, keeping nothing. */
static bool check_sum(struct torch_zip *zip, const zip_stat_t *entry, char *message)
{
    unsigned char passed[16384];
    close_entry(zip);
    if (!open_entry(zip, entry, 0, message))
        return false;
    for (uint64_t left = entry->size; left;) {
        uint64_t size = left < sizeof passed ? left : sizeof passed;
        if (!read_on(zip, entry, passed, size, message))
            return false;
        left -= size;
    }
    return expect_end(zip, entry, message);
}

/* A part of an entry that check_entry() has passed. */
static bool read_range(struct torch_zip *zip, const zip_stat_t *entry, uint64_t first,
                       uint64_t size, unsigned char *bytes, char *message)
{
    if (size == entry->size) {
        close_entry(zip);
        return open_entry(zip, entry, 0, message) && read_on(zip, entry, bytes, size, message) &&
               expect_end(zip, entry, message);
    }
    return (zip->checked[entry->index] || check_sum(zip, entry, message)) &&
           open_entry(zip, entry, first, message) && skip_to(zip, entry, first, message) &&
           read_on(zip, entry, bytes, size, message);
}

/* All bytes of an entry that check_entry() has passed. */
static unsigned char *read_entry(struct torch_zip *zip, const zip_stat_t *entry, char *message)
{
    unsigned char *bytes = malloc(entry->size ? (size_t)entry->size : 1);
    if (!bytes) {
        problem(message, "%.200s: out of memory for entry %.150s of %" PRIu64 " bytes", zip->origin,
                entry->name, (uint64_t)entry->size);
        return NULL;
    }
    if (read_range(zip, entry, 0, entry->size, bytes, message))
        return bytes;
    free(bytes);
    return NULL;
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
    char *text = (char *)read_entry(zip, &entry, message);
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
    if (!measure_file(path, &file_size, message))
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
    zip_int64_t count = zip_get_num_entries(zip->archive, 0);
    zip->checked = calloc(count > 0 ? (size_t)count : 1, sizeof *zip->checked);
    if (!zip->checked) {
        problem(message, "%.200s: out of memory", zip->origin);
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
    close_entry(zip);
    if (zip->archive)
        zip_discard(zip->archive);
    free(zip->checked);
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
    return read_entry(zip, &entry, message);
}

bool torch_zip_read_storage(struct torch_zip *zip, const char *key, uint64_t storage_size,
                            uint64_t first, size_t size, unsigned char *bytes, char *message)
{
    char name[512];
    snprintf(name, sizeof name, "%sdata/%.100s", zip->prefix, key);
    zip_stat_t entry;
    if (!check_entry(zip, name, storage_limit, &entry, message))
        return false;
    if (entry.size != storage_size || first > storage_size || size > storage_size - first)
        return problem(
            message, "%.200s: entry %.150s has %" PRIu64 " bytes, but the pickle expects %" PRIu64,
            zip->origin, name, (uint64_t)entry.size, storage_size);
    return read_range(zip, &entry, first, size, bytes, message);
}
