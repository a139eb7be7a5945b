/*
 * picture.c - image files: read whole, recognised by their content, handed to a decoder.
 *
 * Knows no more of a format than its first bytes.
 */
#include "picture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "options.h"

#define FILE_SIZE_MAX     ((size_t)1 << 30) /* far beyond 2^28 pixels as any camera stores them */
#define FILE_SIZE_AT_HAND ((size_t)1 << 16) /* read at first, to see what the file is */

typedef qc_status decoder(qc_picture *picture, const struct encoded_image *encoded);

struct format {
    const char *name;
    uint8_t signature[4];
    size_t signature_size;
    decoder *decode; /* NULL: not in this build */
};

/* Of PNG's eight bytes only four: the rest tell how a file was damaged on its way, to libpng. */
static const struct format formats[] = {
#if QUALICLIP_PNG
    {"PNG", {0x89, 'P', 'N', 'G'}, 4, decode_png},
#else
    {"PNG", {0x89, 'P', 'N', 'G'}, 4, NULL},
#endif
#if QUALICLIP_JPEG
    {"JPEG", {0xFF, 0xD8, 0xFF}, 3, decode_jpeg},
#else
    {"JPEG", {0xFF, 0xD8, 0xFF}, 3, NULL},
#endif
};

/* The decoder for a file that begins with these bytes; NULL with a status where there is none. */
static decoder *find_decoder(const struct encoded_image *encoded, qc_status *status)
{
    if (encoded->size == 0) {
        *status = fail(encoded->message, QC_ERROR_FORMAT,
                       "%s: the file is empty, expected an image", encoded->name);
        return NULL;
    }
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        const struct format *format = &formats[i];
        if (encoded->size < format->signature_size ||
            memcmp(encoded->data, format->signature, format->signature_size) != 0)
            continue;
        if (!format->decode)
            *status = fail(encoded->message, QC_ERROR_UNSUPPORTED, "%s: this build cannot read %s",
                           encoded->name, format->name);
        return format->decode;
    }
    *status = fail(encoded->message, QC_ERROR_FORMAT, "%s: neither PNG nor JPEG", encoded->name);
    return NULL;
}

qc_status picture_check_size(const struct encoded_image *encoded, uint32_t width, uint32_t height)
{
    const char *name = encoded->name;
    if (width < 1 || height < 1)
        return fail(encoded->message, QC_ERROR_FORMAT, "%s: no pixels (%lu x %lu)", name,
                    (unsigned long)width, (unsigned long)height);
    if (width > IMAGE_SIDE_MAX || height > IMAGE_SIDE_MAX)
        return fail(encoded->message, QC_ERROR_TOO_LARGE,
                    "%s: %lu x %lu pixels, expected at most %lu a side", name, (unsigned long)width,
                    (unsigned long)height, (unsigned long)IMAGE_SIDE_MAX);
    if ((uint64_t)width * height > encoded->max_pixels)
        return fail(encoded->message, QC_ERROR_TOO_LARGE,
                    "%s: %lu x %lu pixels, expected at most %llu (max_pixels)", name,
                    (unsigned long)width, (unsigned long)height,
                    (unsigned long long)encoded->max_pixels);
    return QC_OK;
}

qc_status picture_allocate(qc_picture *picture, const struct encoded_image *encoded, uint32_t width,
                           uint32_t height, qc_pixel_format format)
{
    qc_status status = picture_check_size(encoded, width, height);
    if (status)
        return status;
    uint64_t pixels = (uint64_t)width * height;
    size_t channels = format == QC_PIXEL_RGBA ? 4 : 3;
    if (pixels <= PTRDIFF_MAX / channels)
        picture->pixels = malloc((size_t)pixels * channels);
    if (!picture->pixels)
        return fail(encoded->message, QC_ERROR_MEMORY, "%s: no memory for %lu x %lu pixels",
                    encoded->name, (unsigned long)width, (unsigned long)height);
    picture->format = format;
    picture->width = width;
    picture->height = height;
    picture->stride = (size_t)width * channels;
    return QC_OK;
}

static qc_status decode(qc_picture **picture, const struct encoded_image *encoded)
{
    qc_status status = QC_OK;
    decoder *decode_format = find_decoder(encoded, &status);
    if (!decode_format)
        return status;
    qc_picture *made = calloc(1, sizeof *made);
    if (!made)
        return fail(encoded->message, QC_ERROR_MEMORY, "%s: no memory for a picture",
                    encoded->name);
    status = decode_format(made, encoded);
    if (status) {
        qc_picture_free(made);
        return status;
    }
    *picture = made;
    return QC_OK;
}

static qc_status fail_to_read(const struct encoded_image *encoded, int error)
{
    char reason[128];
    if (error == 0 || strerror_r(error, reason, sizeof reason) != 0)
        snprintf(reason, sizeof reason, "reading failed");
    return fail(encoded->message, QC_ERROR_IO, "%s: %s", encoded->name, reason);
}

/*
 * Reads a file, a pipe as well as a regular one, to its end.  What is seen at its beginning to be
 * no image is not read further.  On success the caller frees *bytes.
 */
static qc_status read_stream(FILE *file, struct encoded_image *encoded, uint8_t **bytes)
{
    size_t capacity = FILE_SIZE_AT_HAND;
    *bytes = malloc(capacity);
    while (*bytes) {
        errno = 0;
        encoded->size += fread(*bytes + encoded->size, 1, capacity - encoded->size, file);
        encoded->data = *bytes;
        if (ferror(file))
            return fail_to_read(encoded, errno);
        qc_status status = QC_OK;
        if (capacity == FILE_SIZE_AT_HAND && !find_decoder(encoded, &status))
            return status;
        if (encoded->size < capacity)
            return QC_OK;
        if (capacity >= FILE_SIZE_MAX)
            return fail(encoded->message, QC_ERROR_TOO_LARGE,
                        "%s: the file is larger than expected, which is less than %zu bytes",
                        encoded->name, FILE_SIZE_MAX);
        capacity *= 4;
        uint8_t *grown = realloc(*bytes, capacity);
        if (!grown)
            break;
        *bytes = grown;
    }
    return fail(encoded->message, QC_ERROR_MEMORY,
                "%s: no memory for a file of more than %zu bytes", encoded->name, encoded->size);
}

void qc_picture_options_init(qc_picture_options *options)
{
    *options = (qc_picture_options){.size = sizeof *options, .max_pixels = UINT64_C(1) << 28};
}

/* What both ways of reading have in common before they begin. */
static qc_status begin(qc_picture **picture, const qc_picture_options *given,
                       struct encoded_image *encoded, struct message *message)
{
    if (picture)
        *picture = NULL;
    qc_picture_options options;
    qc_picture_options_init(&options);
    if (!take_options(&options, sizeof options, given))
        return QC_ERROR_ARGUMENT;
    *message = (struct message){options.message, options.message_size};
    encoded->max_pixels = options.max_pixels;
    encoded->message = message;
    if (!picture)
        return fail(message, QC_ERROR_ARGUMENT, "picture: NULL, expected where to put one");
    if (options.max_pixels < 1)
        return fail(message, QC_ERROR_ARGUMENT, "max_pixels: 0, expected at least 1");
    return QC_OK;
}

qc_status qc_picture_read(qc_picture **picture, const char *path, const qc_picture_options *options)
{
    struct message message;
    struct encoded_image encoded = {.name = path};
    qc_status status = begin(picture, options, &encoded, &message);
    if (status)
        return status;
    if (!path)
        return fail(&message, QC_ERROR_ARGUMENT, "path: NULL, expected the name of an image file");
    errno = 0;
    FILE *file = fopen(path, "rb");
    if (!file)
        return fail_to_read(&encoded, errno);
    uint8_t *bytes = NULL;
    status = read_stream(file, &encoded, &bytes);
    fclose(file);
    if (!status)
        status = decode(picture, &encoded);
    free(bytes);
    return status;
}

qc_status qc_picture_read_memory(qc_picture **picture, const void *data, size_t size,
                                 const qc_picture_options *options)
{
    struct message message;
    struct encoded_image encoded = {.name = "image in memory", .data = data, .size = size};
    qc_status status = begin(picture, options, &encoded, &message);
    if (status)
        return status;
    if (!data && size > 0)
        return fail(&message, QC_ERROR_ARGUMENT, "data: NULL, expected %zu bytes", size);
    return decode(picture, &encoded);
}

qc_image qc_picture_view(const qc_picture *picture)
{
    qc_image view = {
        .format = picture->format,
        .width = picture->width,
        .height = picture->height,
        .planes = {picture->pixels, NULL, NULL},
        .strides = {(ptrdiff_t)picture->stride, 0, 0},
    };
    return view;
}

void qc_picture_free(qc_picture *picture)
{
    if (picture)
        free(picture->pixels);
    free(picture);
}
