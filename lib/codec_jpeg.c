/*
 * codec_jpeg.c - JPEG, by libjpeg-turbo, to the pixels that Pillow makes of it.
 *
 * The only file that includes jpeglib.h.  Pillow's choices are libjpeg's defaults (the exact
 * integer transform, smooth upsampling); they are not to be changed for speed.  libjpeg leaves by
 * longjmp; the one function that calls setjmp has no local variables, so none can be lost, and all
 * state is in one struct.
 */
#include "picture.h"

#include <limits.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <jerror.h>
#include <jpeglib.h>

#define SCANS_MAX                                                                                  \
    100 /* encoders write about ten; a small file may hold thousands to waste time                 \
         */

struct jpeg_reader {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf leave;
    const struct encoded_image *encoded;
    bool component_seen[MAX_COMPONENTS];
    bool started;
    JSAMPROW inks;    /* a row of CMYK; NULL: the file has none */
    qc_status status; /* why libjpeg was left */

    /* Where the next rows go. */
    uint8_t *rows;
    size_t stride;
    uint32_t count;
};

static struct jpeg_reader *reader_of(j_common_ptr info)
{
    return info->client_data;
}

static void leave(struct jpeg_reader *reader, qc_status status)
{
    reader->status = status;
    longjmp(reader->leave, 1);
}

static qc_status status_of(int message_code)
{
    switch (message_code) {
    case JERR_OUT_OF_MEMORY:
    case JERR_NO_BACKING_STORE: return QC_ERROR_MEMORY;
    case JERR_IMAGE_TOO_BIG:
    case JERR_WIDTH_OVERFLOW: return QC_ERROR_TOO_LARGE;
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_CCIR601_NOTIMPL:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_SOF_UNSUPPORTED: return QC_ERROR_UNSUPPORTED;
    default: return QC_ERROR_FORMAT;
    }
}

static void leave_with_error(j_common_ptr info)
{
    struct jpeg_reader *reader = reader_of(info);
    const struct encoded_image *encoded = reader->encoded;
    qc_status status = status_of(info->err->msg_code);
    char text[JMSG_LENGTH_MAX];
    info->err->format_message(info, text);
    leave(reader, fail(encoded->message, status, "%s: %s: %s", encoded->name,
                       status == QC_ERROR_FORMAT ? "damaged JPEG" : "cannot decode JPEG", text));
}

/* Things that many good files have, and that change no pixel. */
static bool is_harmless(int warning_code)
{
    return warning_code == JWRN_EXTRANEOUS_DATA || warning_code == JWRN_JFIF_MAJOR ||
           warning_code == JWRN_ADOBE_XFORM || warning_code == JWRN_NOT_SEQUENTIAL;
}

/* What libjpeg would only warn of and paint grey: a file cut short, or bits that make no sense. */
static void judge_warning(j_common_ptr info, int level)
{
    if (level < 0 && !is_harmless(info->err->msg_code))
        leave_with_error(info);
}

static void print_nothing(j_common_ptr info)
{
    (void)info;
}

/* Called while the scans of a file that has several are read, before there are pixels. */
static void watch_scans(j_common_ptr common)
{
    struct jpeg_reader *reader = reader_of(common);
    const struct encoded_image *encoded = reader->encoded;
    const struct jpeg_decompress_struct *info = &reader->info;
    if (info->input_scan_number > SCANS_MAX)
        leave(reader, fail(encoded->message, QC_ERROR_FORMAT,
                           "%s: damaged JPEG: more than %d scans, expected about ten",
                           encoded->name, SCANS_MAX));
    for (int i = 0; i < info->comps_in_scan; i++)
        reader->component_seen[info->cur_comp_info[i]->component_index] = true;
}

/* Colour components that are in no scan would come out as if they were grey. */
static void check_components(struct jpeg_reader *reader)
{
    const struct encoded_image *encoded = reader->encoded;
    if (!jpeg_has_multiple_scans(&reader->info))
        return;
    for (int i = 0; i < reader->info.num_components; i++) {
        if (!reader->component_seen[i])
            leave(reader, fail(encoded->message, QC_ERROR_FORMAT,
                               "%s: damaged JPEG: colour component %d of %d is missing",
                               encoded->name, i + 1, reader->info.num_components));
    }
}

/* Coefficients of a file with several scans, two bytes each, and room for all else. */
static void limit_memory(struct jpeg_decompress_struct *info)
{
    uint64_t limit = (UINT64_C(64) << 20) + (uint64_t)info->image_width * info->image_height *
                                                (uint64_t)info->num_components * 3;
    info->mem->max_memory_to_use = limit < LONG_MAX ? (long)limit : LONG_MAX;
}

/* How many times smaller the picture may be: see qc_picture_options.scaled_for. */
static unsigned reduction_of(const struct encoded_image *encoded, uint32_t width, uint32_t height)
{
    const uint32_t shorter = width < height ? width : height;
    unsigned reduction = encoded->scaled_for ? 8 : 1;
    while (reduction > 1 && shorter / reduction < 2 * (uint64_t)encoded->scaled_for)
        reduction /= 2;
    return reduction;
}

static void read_header(struct jpeg_reader *reader)
{
    struct jpeg_decompress_struct *info = &reader->info;
    const struct encoded_image *encoded = reader->encoded;

    jpeg_create_decompress(info);
    reader->progress.progress_monitor = watch_scans;
    info->progress = &reader->progress;
    jpeg_mem_src(info, (unsigned char *)encoded->data, (unsigned long)encoded->size);
    jpeg_read_header(info, TRUE);

    if (info->data_precision != 8)
        leave(reader, fail(encoded->message, QC_ERROR_UNSUPPORTED,
                           "%s: JPEG of %d bits a channel, expected 8", encoded->name,
                           info->data_precision));
    if (info->num_components != 1 && info->num_components != 3 && info->num_components != 4)
        leave(reader, fail(encoded->message, QC_ERROR_UNSUPPORTED,
                           "%s: JPEG of %d colour components, expected 1, 3 or 4", encoded->name,
                           info->num_components));
    info->out_color_space = info->num_components == 4 ? JCS_CMYK : JCS_RGB;
    qc_status status = picture_check_size(encoded, info->image_width, info->image_height);
    if (status)
        leave(reader, status);
    info->scale_num = 1;
    info->scale_denom = reduction_of(encoded, info->image_width, info->image_height);
    jpeg_calc_output_dimensions(info);
}

/*
 * As Pillow does: the four inks are taken to be stored inverted, as Adobe does it, and each of red,
 * green and blue is ink * black / 255, rounded as black - round((255 - ink) * black / 255).
 */
static void convert_cmyk(uint8_t *rgb, const uint8_t *cmyk, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++, rgb += 3, cmyk += 4) {
        unsigned black = cmyk[3];
        for (int c = 0; c < 3; c++)
            rgb[c] = (uint8_t)(black - ((255u - cmyk[c]) * black + 127) / 255);
    }
}

/* Of a file with several scans all are read here. */
static void start(struct jpeg_reader *reader)
{
    struct jpeg_decompress_struct *info = &reader->info;
    reader->started = true;
    limit_memory(info);
    jpeg_start_decompress(info);
    check_components(reader);
    if (info->out_color_space == JCS_CMYK)
        reader->inks =
            info->mem->alloc_large((j_common_ptr)info, JPOOL_IMAGE, (size_t)info->output_width * 4);
}

static void read_rows(struct jpeg_reader *reader)
{
    struct jpeg_decompress_struct *info = &reader->info;
    if (!reader->started)
        start(reader);
    for (; reader->count > 0; reader->count--, reader->rows += reader->stride) {
        JSAMPROW row = reader->rows;
        jpeg_read_scanlines(info, reader->inks ? &reader->inks : &row, 1);
        if (reader->inks)
            convert_cmyk(row, reader->inks, info->output_width);
    }
    if (info->output_scanline == info->output_height)
        jpeg_finish_decompress(info); /* reads on to the end mark: there must be one */
}

static qc_status do_or_leave(struct jpeg_reader *reader, void (*step)(struct jpeg_reader *reader))
{
    if (setjmp(reader->leave))
        return reader->status;
    step(reader);
    return QC_OK;
}

static void close_jpeg(void *decoder)
{
    struct jpeg_reader *reader = decoder;
    jpeg_destroy_decompress(&reader->info);
    free(reader);
}

static qc_status open_jpeg(void **decoder, struct picture_header *header,
                           const struct encoded_image *encoded)
{
    struct jpeg_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return fail(encoded->message, QC_ERROR_MEMORY, "%s: no memory to decode the JPEG",
                    encoded->name);
    reader->encoded = encoded;
    reader->info.client_data = reader;
    reader->info.err = jpeg_std_error(&reader->errors);
    reader->errors.error_exit = leave_with_error;
    reader->errors.emit_message = judge_warning;
    reader->errors.output_message = print_nothing;
    qc_status status = do_or_leave(reader, read_header);
    if (status) {
        close_jpeg(reader);
        return status;
    }
    *header = (struct picture_header){.width = reader->info.output_width,
                                      .height = reader->info.output_height,
                                      .format = QC_PIXEL_RGB,
                                      .reduction = reader->info.scale_denom};
    *decoder = reader;
    return QC_OK;
}

static qc_status read_jpeg(void *decoder, uint8_t *rows, size_t stride, uint32_t count)
{
    struct jpeg_reader *reader = decoder;
    reader->rows = rows;
    reader->stride = stride;
    reader->count = count;
    return do_or_leave(reader, read_rows);
}

const struct codec codec_jpeg = {"JPEG", {0xFF, 0xD8, 0xFF}, 3, open_jpeg, read_jpeg, close_jpeg};
