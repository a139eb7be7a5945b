/*
 * model_numbers.c - the one pass over a model's file at open: its hash, and whether the numbers in
 * it can be numbers of a model.
 *
 * Memory is what that takes: a file of 350 MB is read once, a piece that stays in the cache at a
 * time, hashed and looked at.
 */
#include "model_load.h"

#include "map_file.h"
#include "sort.h"
#include "xxh64.h"

/* Stays in the second cache. */
#define PIECE_BYTES ((size_t)128 << 10)

struct pass {
    struct loader *loader;
    size_t next; /* of the unchecked, the first that is not done with */
    bool releases;
};

static int by_place(const void *left, const void *right)
{
    const struct gguf_tensor *a = left, *b = right;
    return (a->data > b->data) - (a->data < b->data);
}

static bool any_byte(const unsigned char *bytes, unsigned char wanted, size_t count)
{
    unsigned found = 0; /* without a way out, so that it becomes vector code */
    for (size_t i = 0; i < count; i++)
        found |= bytes[i] == wanted;
    return found;
}

/* Of I8, -128 is none. */
static bool are_numbers(const struct loader *loader, const struct gguf_tensor *tensor,
                        const unsigned char *bytes, size_t count)
{
    number_type type = NUMBER_F32;
    if (tensor->type == GGML_I8)
        return !any_byte(bytes, 0x80, count);
    number_type_of(tensor->type, &type);
    return loader->model->kernels->all_finite(bytes, type, count);
}

/* The part of a tensor that lies before `end`, from where the last piece ended. */
static void check_part(struct pass *pass, const struct gguf_tensor *tensor,
                       const unsigned char *begin, const unsigned char *end)
{
    const unsigned char *data = tensor->data;
    const size_t element = tensor->size / tensor->count;
    const size_t first = begin > data ? (size_t)(begin - data) / element : 0;
    const size_t last = end > data ? (size_t)(end - data) / element : 0;
    const size_t stop = last < tensor->count ? last : tensor->count;
    if (first < stop && !are_numbers(pass->loader, tensor, data + first * element, stop - first))
        loader_fail(
            pass->loader, QC_ERROR_FORMAT, "tensor %s holds %s", gguf_label(tensor->name).text,
            tensor->type == GGML_I8 ? "-128, expected -127 to 127" : "a number that is not finite");
}

/* All tensors with numbers in a piece of the file.  A number across its end is the next one's. */
static void check_piece(struct pass *pass, const unsigned char *begin, const unsigned char *end)
{
    const struct loader *loader = pass->loader;
    for (size_t i = pass->next; i < loader->unchecked_count && !loader->status; i++) {
        const struct gguf_tensor *tensor = loader->unchecked[i];
        const unsigned char *data = tensor->data;
        if (data >= end)
            return;
        check_part(pass, tensor, begin, end);
        if (data + tensor->size > end)
            return; /* it goes on in the next piece */
        pass->next = i + 1;
    }
}

/* Of bytes that are fetched, and then given back if they are not needed in memory. */
static void read_window(struct pass *pass, struct xxh64_state *hash, const unsigned char *bytes,
                        size_t size)
{
    if (pass->loader->model->mapped)
        fetch_mapped(bytes, size);
    for (size_t first = 0; first < size; first += PIECE_BYTES) {
        const size_t left = size - first, piece = left < PIECE_BYTES ? left : PIECE_BYTES;
        xxh64_add(hash, bytes + first, piece);
        check_piece(pass, bytes + first, bytes + first + piece);
    }
    if (pass->releases)
        release_mapped(bytes, size);
}

uint64_t check_numbers(struct loader *loader)
{
    const struct qc_model *model = loader->model;
    /* What is copied or never used for images, as text towers, should not stay in memory. */
    struct pass pass = {.loader = loader,
                        .releases = model->mapped &&
                                    (model->only_checked || model->has_text || packs_anew(model))};
    struct xxh64_state hash;
    xxh64_begin(&hash, 0);
    if (loader->unchecked)
        sort_pointers(loader->unchecked, loader->unchecked_count, by_place);
    const unsigned char *bytes = model->data;
    for (size_t first = 0; first < model->size && !loader->status; first += RELEASE_BYTES) {
        const size_t left = model->size - first;
        read_window(&pass, &hash, bytes + first, left < RELEASE_BYTES ? left : RELEASE_BYTES);
    }
    return xxh64_end(&hash);
}
