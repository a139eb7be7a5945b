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

#if !QUALICLIP_PNG
const struct codec codec_png = {"PNG", {0x89, 'P', 'N', 'G'}, 4, NULL, NULL, NULL};
#endif
#if !QUALICLIP_JPEG
const struct codec codec_jpeg = {"JPEG", {0xFF, 0xD8, 0xFF}, 3, NULL, NULL, NULL};
#endif

static const struct codec *const codecs[] = {&codec_png, &codec_jpeg};

/* The codec for a file that begins with these bytes; NULL with a status where there is none. */
static const struct codec *find_codec(const struct encoded_image *encoded, qc_status *status)
{
    if (encoded->size == 0) {
        *status = fail(encoded->message, QC_ERROR_FORMAT,
                       "%s: the file is empty, expected an image", encoded->name);
        return NULL;
    }
    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
        const struct codec *codec = codecs[i];
        if (encoded->size < codec->signature_size ||
            memcmp(encoded->data, codec->signature, codec->signature_size) != 0)
            continue;
        if (codec->open)
            return codec;
        *status = fail(encoded->message, QC_ERROR_UNSUPPORTED, "%s: this build cannot read %s",
                       encoded->name, codec->name);
        return NULL;
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

static qc_status allocate(uint8_t **pixels, const struct picture_header *header, size_t stride,
                          const struct encoded_image *encoded)
{
    if (header->height <= PTRDIFF_MAX / stride)
        *pixels = malloc(header->height * stride);
    return *pixels
               ? QC_OK
               : fail(encoded->message, QC_ERROR_MEMORY, "%s: no memory for %lu x %lu pixels",
                      encoded->name, (unsigned long)header->width, (unsigned long)header->height);
}

qc_status picture_begin(qc_picture *picture, void **decoder, struct message *message)
{
    picture->encoded.message = message;
    *decoder = picture->decoder;
    picture->decoder = NULL;
    return *decoder ? QC_OK : picture->codec->open(decoder, &picture->header, &picture->encoded);
}

qc_status picture_decode(qc_picture *picture, struct message *message)
{
    if (picture->pixels)
        return QC_OK;
    void *decoder;
    qc_status status = picture_begin(picture, &decoder, message);
    if (status)
        return status;
    uint8_t *pixels = NULL;
    status = allocate(&pixels, &picture->header, picture->stride, &picture->encoded);
    if (!status)
        status = picture->codec->read(decoder, pixels, picture->stride, picture->header.height);
    picture->codec->close(decoder);
    if (status) {
        free(pixels);
        return status;
    }
    picture->pixels = pixels;
    free(picture->bytes);
    picture->bytes = NULL;
    return QC_OK;
}

/* A picture of which no more than the header has been read; it takes *bytes over. */
static qc_status make(qc_picture **picture, const struct encoded_image *encoded, uint8_t **bytes)
{
    qc_status status = QC_OK;
    const struct codec *codec = find_codec(encoded, &status);
    if (!codec)
        return status;
    const size_t name_size = strlen(encoded->name) + 1;
    qc_picture *made = calloc(1, sizeof *made + name_size);
    if (!made)
        return fail(encoded->message, QC_ERROR_MEMORY, "%s: no memory for a picture",
                    encoded->name);
    made->codec = codec;
    made->encoded = *encoded;
    made->encoded.name = memcpy(made + 1, encoded->name, name_size);
    status = codec->open(&made->decoder, &made->header, &made->encoded);
    if (status) {
        free(made);
        return status;
    }
    made->stride = (size_t)made->header.width * (made->header.format == QC_PIXEL_RGBA ? 4 : 3);
    made->bytes = *bytes;
    *bytes = NULL;
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
        if (capacity == FILE_SIZE_AT_HAND && !find_codec(encoded, &status))
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
    encoded->scaled_for = options.scaled_for;
    encoded->message = message;
    if (!picture)
        return fail(message, QC_ERROR_ARGUMENT, "picture: NULL, expected where to put one");
    if (options.max_pixels < 1)
        return fail(message, QC_ERROR_ARGUMENT, "max_pixels: 0, expected at least 1");
    return QC_OK;
}

static qc_status open_file(qc_picture **picture, struct encoded_image *encoded)
{
    if (!encoded->name)
        return fail(encoded->message, QC_ERROR_ARGUMENT,
                    "path: NULL, expected the name of an image file");
    errno = 0;
    FILE *file = fopen(encoded->name, "rb");
    if (!file)
        return fail_to_read(encoded, errno);
    uint8_t *bytes = NULL;
    qc_status status = read_stream(file, encoded, &bytes);
    fclose(file);
    if (!status)
        status = make(picture, encoded, &bytes);
    free(bytes);
    return status;
}

static qc_status open_memory(qc_picture **picture, struct encoded_image *encoded)
{
    uint8_t *none = NULL;
    if (!encoded->data && encoded->size > 0)
        return fail(encoded->message, QC_ERROR_ARGUMENT, "data: NULL, expected %zu bytes",
                    encoded->size);
    return make(picture, encoded, &none);
}

/* Of a picture that was opened: all its pixels, or it is not there. */
static qc_status decode(qc_picture **picture, struct message *message)
{
    qc_status status = picture_decode(*picture, message);
    if (status) {
        qc_picture_free(*picture);
        *picture = NULL;
    }
    return status;
}

qc_status qc_picture_open(qc_picture **picture, const char *path, const qc_picture_options *options)
{
    struct message message;
    struct encoded_image encoded = {.name = path};
    qc_status status = begin(picture, options, &encoded, &message);
    return status ? status : open_file(picture, &encoded);
}

qc_status qc_picture_open_memory(qc_picture **picture, const void *data, size_t size,
                                 const qc_picture_options *options)
{
    struct message message;
    struct encoded_image encoded = {.name = "image in memory", .data = data, .size = size};
    qc_status status = begin(picture, options, &encoded, &message);
    return status ? status : open_memory(picture, &encoded);
}

qc_status qc_picture_read(qc_picture **picture, const char *path, const qc_picture_options *options)
{
    struct message message;
    struct encoded_image encoded = {.name = path};
    qc_status status = begin(picture, options, &encoded, &message);
    if (!status)
        status = open_file(picture, &encoded);
    return status ? status : decode(picture, &message);
}

qc_status qc_picture_read_memory(qc_picture **picture, const void *data, size_t size,
                                 const qc_picture_options *options)
{
    struct message message;
    struct encoded_image encoded = {.name = "image in memory", .data = data, .size = size};
    qc_status status = begin(picture, options, &encoded, &message);
    if (!status)
        status = open_memory(picture, &encoded);
    return status ? status : decode(picture, &message);
}

qc_image qc_picture_view(const qc_picture *picture)
{
    qc_image view = {
        .format = picture->header.format,
        .width = picture->header.width,
        .height = picture->header.height,
        .planes = {picture->pixels, NULL, NULL},
        .strides = {(ptrdiff_t)picture->stride, 0, 0},
    };
    return view;
}

void qc_picture_free(qc_picture *picture)
{
    if (!picture)
        return;
    if (picture->decoder)
        picture->codec->close(picture->decoder);
    free(picture->pixels);
    free(picture->bytes);
    free(picture);
}
