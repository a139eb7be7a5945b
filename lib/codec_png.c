/*
 * codec_png.c - PNG, by libpng: every colour type and depth to 8-bit RGB or RGBA.
 *
 * The only file that includes png.h.  libpng leaves by longjmp; the one function that calls setjmp
 * has no local variables, so none can be lost, and all state is in one struct.
 */
#include "picture.h"

#include <png.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES_MAX 8000000 /* what libpng may allocate for one chunk that is not pixels */
#define DEFLATE_RATIO   1032    /* no deflate stream expands further: 258 bytes out of 2 bits */

struct png_reader {
    png_structp png;
    png_infop info;
    const struct encoded_image *encoded;
    size_t position;
    struct picture_header header;
    int passes;
    bool out_of_memory;
    qc_status status; /* why libpng was left */

    /* Where the next rows go, and how many there are after them. */
    uint8_t *rows;
    size_t stride;
    uint32_t count, left;
};

static PNG_CALLBACK(png_voidp, allocate, (png_structp png, png_alloc_size_t size))
{
    struct png_reader *reader = png_get_mem_ptr(png);
    void *block = malloc(size);
    if (!block)
        reader->out_of_memory = true;
    return block;
}

static PNG_CALLBACK(void, release, (png_structp png, png_voidp block))
{
    (void)png;
    free(block);
}

static PNG_CALLBACK(void, leave_with_error, (png_structp png, png_const_charp text))
{
    struct png_reader *reader = png_get_error_ptr(png);
    const struct encoded_image *encoded = reader->encoded;
    if (reader->out_of_memory)
        reader->status = fail(encoded->message, QC_ERROR_MEMORY, "%s: no memory to decode the PNG",
                              encoded->name);
    else
        reader->status =
            fail(encoded->message, QC_ERROR_FORMAT, "%s: damaged PNG: %s", encoded->name, text);
    png_longjmp(png, 1);
}

/* Warnings are about chunks that do not change the pixels. */
static PNG_CALLBACK(void, ignore_warning, (png_structp png, png_const_charp text))
{
    (void)png;
    (void)text;
}

static PNG_CALLBACK(void, read_bytes, (png_structp png, png_bytep out, size_t count))
{
    struct png_reader *reader = png_get_io_ptr(png);
    if (count > reader->encoded->size - reader->position)
        png_error(png, "the file ends too early");
    memcpy(out, reader->encoded->data + reader->position, count);
    reader->position += count;
}

/* Leaves libpng with a status whose message has been written. */
static void leave(struct png_reader *reader, qc_status status)
{
    reader->status = status;
    png_longjmp(reader->png, 1);
}

static void set_limits(png_structp png)
{
    /* The true limits are picture_check_size()'s, which can say what they are. */
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_chunk_cache_max(png, 16);
    png_set_chunk_malloc_max(png, CHUNK_BYTES_MAX);
    /* A wrong checksum is damage, in whichever chunk. */
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
#ifdef PNG_HANDLE_AS_UNKNOWN_SUPPORTED
    /* Skips text, profiles and all else that does not change the pixels, without inflating it. */
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
#endif
}

/* A header that promises more than its file can hold is found out before memory is asked for. */
static void check_size(struct png_reader *reader)
{
    const struct encoded_image *encoded = reader->encoded;
    uint32_t width = png_get_image_width(reader->png, reader->info);
    uint32_t height = png_get_image_height(reader->png, reader->info);
    qc_status status = picture_check_size(encoded, width, height);
    if (status)
        leave(reader, status);
    uint64_t bits = (uint64_t)png_get_bit_depth(reader->png, reader->info) *
                    png_get_channels(reader->png, reader->info);
    uint64_t least = (uint64_t)width * height / (8 * DEFLATE_RATIO) * bits;
    if (least > encoded->size)
        leave(reader, fail(encoded->message, QC_ERROR_FORMAT,
                           "%s: damaged PNG: %lu x %lu pixels need at least %llu bytes, not %zu",
                           encoded->name, (unsigned long)width, (unsigned long)height,
                           (unsigned long long)least, encoded->size));
}

/* Everything becomes RGB of 8 bits, with alpha where the file has alpha or a transparent colour. */
static bool set_transformations(png_structp png, png_infop info)
{
    png_byte color = png_get_color_type(png, info);
    bool alpha = (color & PNG_COLOR_MASK_ALPHA) || png_get_valid(png, info, PNG_INFO_tRNS);
    png_set_expand(png);
    png_set_scale_16(png);
    if (!(color & PNG_COLOR_MASK_COLOR))
        png_set_gray_to_rgb(png);
    return alpha;
}

static void read_header(struct png_reader *reader)
{
    png_structp png = reader->png;
    set_limits(png);
    png_set_read_fn(png, reader, read_bytes);
    png_read_info(png, reader->info);
    check_size(reader);
    const bool alpha = set_transformations(png, reader->info);
    reader->passes = png_set_interlace_handling(png);
    png_read_update_info(png, reader->info);
    reader->header = (struct picture_header){.width = png_get_image_width(png, reader->info),
                                             .height = png_get_image_height(png, reader->info),
                                             .format = alpha ? QC_PIXEL_RGBA : QC_PIXEL_RGB,
                                             .reduction = 1,
                                             .interlaced = reader->passes > 1};
    reader->left = reader->header.height;
    if (png_get_rowbytes(png, reader->info) != (size_t)reader->header.width * (alpha ? 4 : 3))
        png_error(png, "rows of an unexpected size");
}

static void read_rows(struct png_reader *reader)
{
    for (int pass = 0; pass < reader->passes; pass++) {
        for (uint32_t y = 0; y < reader->count; y++)
            png_read_row(reader->png, reader->rows + y * reader->stride, NULL);
    }
    reader->left -= reader->count;
    if (reader->left == 0)
        png_read_end(reader->png, NULL);
}

static qc_status do_or_leave(struct png_reader *reader, void (*step)(struct png_reader *reader))
{
    if (setjmp(png_jmpbuf(reader->png)))
        return reader->status;
    step(reader);
    return QC_OK;
}

static void close_png(void *decoder)
{
    struct png_reader *reader = decoder;
    png_destroy_read_struct(&reader->png, &reader->info, NULL);
    free(reader);
}

static qc_status open_png(void **decoder, struct picture_header *header,
                          const struct encoded_image *encoded)
{
    struct png_reader *reader = calloc(1, sizeof *reader);
    if (reader) {
        reader->encoded = encoded;
        reader->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, reader, leave_with_error,
                                               ignore_warning, reader, allocate, release);
    }
    if (reader && reader->png)
        reader->info = png_create_info_struct(reader->png);
    qc_status status;
    if (reader && reader->info)
        status = do_or_leave(reader, read_header);
    else
        status = fail(encoded->message, QC_ERROR_MEMORY, "%s: cannot start libpng", encoded->name);
    if (status) {
        if (reader)
            close_png(reader);
        return status;
    }
    *header = reader->header;
    *decoder = reader;
    return QC_OK;
}

static qc_status read_png(void *decoder, uint8_t *rows, size_t stride, uint32_t count)
{
    struct png_reader *reader = decoder;
    reader->rows = rows;
    reader->stride = stride;
    reader->count = count;
    return do_or_leave(reader, read_rows);
}

/* Of the eight bytes only four: the rest tell how a file was damaged on its way, to libpng. */
const struct codec codec_png = {"PNG", {0x89, 'P', 'N', 'G'}, 4, open_png, read_png, close_png};
