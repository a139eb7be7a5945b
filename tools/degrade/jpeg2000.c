/*
 * jpeg2000.c - what JPEG 2000 leaves of an image at a compression ratio: encoded and decoded in
 * memory, by OpenJPEG's irreversible transform.
 */
#include "operations.h"

#if QUALICLIP_JPEG2000

#include <stdlib.h>
#include <string.h>

#include <openjpeg.h>

#include "bytes.h"

/* A file in memory, read or written in order or by position. */
struct file {
    uint8_t *bytes;
    size_t size, room, position;
};

static OPJ_SIZE_T read_file(void *buffer, OPJ_SIZE_T count, void *context)
{
    struct file *file = context;
    const size_t left = file->size - file->position, some = count < left ? count : left;
    if (some == 0)
        return (OPJ_SIZE_T)-1;
    memcpy(buffer, file->bytes + file->position, some);
    file->position += some;
    return some;
}

static OPJ_SIZE_T write_file(void *buffer, OPJ_SIZE_T count, void *context)
{
    struct file *file = context;
    if (count > file->room - file->position)
        return (OPJ_SIZE_T)-1;
    memcpy(file->bytes + file->position, buffer, count);
    file->position += count;
    file->size = file->position > file->size ? file->position : file->size;
    return count;
}

static OPJ_BOOL seek_file(OPJ_OFF_T position, void *context)
{
    struct file *file = context;
    if (position < 0 || (uint64_t)position > file->size)
        return OPJ_FALSE;
    file->position = (size_t)position;
    return OPJ_TRUE;
}

static OPJ_OFF_T skip_file(OPJ_OFF_T count, void *context)
{
    struct file *file = context;
    return seek_file((OPJ_OFF_T)file->position + count, context) ? count : -1;
}

static opj_stream_t *open_stream(struct file *file, bool input)
{
    opj_stream_t *stream = opj_stream_create(1 << 16, input);
    if (!stream)
        return NULL;
    opj_stream_set_user_data(stream, file, NULL);
    opj_stream_set_user_data_length(stream, file->size);
    opj_stream_set_read_function(stream, read_file);
    opj_stream_set_write_function(stream, write_file);
    opj_stream_set_seek_function(stream, seek_file);
    opj_stream_set_skip_function(stream, skip_file);
    return stream;
}

static opj_image_t *image_from(const struct photo *photo)
{
    opj_image_cmptparm_t channels[3];
    memset(channels, 0, sizeof channels);
    for (int c = 0; c < 3; c++) {
        channels[c].dx = channels[c].dy = 1;
        channels[c].w = photo->width;
        channels[c].h = photo->height;
        channels[c].prec = 8;
    }
    opj_image_t *image = opj_image_create(3, channels, OPJ_CLRSPC_SRGB);
    if (!image)
        return NULL;
    image->x1 = photo->width;
    image->y1 = photo->height;
    const size_t pixels = pixel_count(photo);
    for (size_t i = 0; i < pixels; i++) {
        uint8_t bytes[3];
        bytes_from_values(bytes, photo->pixels + 3 * i, 3);
        for (int c = 0; c < 3; c++)
            image->comps[c].data[i] = bytes[c];
    }
    return image;
}

/* The usual six, or as many as halve the shorter side down to one pixel. */
static int resolutions_for(const struct photo *photo)
{
    uint32_t side = photo->width < photo->height ? photo->width : photo->height;
    int resolutions = 1;
    for (; side > 1 && resolutions < 6; side /= 2)
        resolutions++;
    return resolutions;
}

/* Whichever there are. */
static void put_away(opj_stream_t *stream, opj_codec_t *codec, opj_image_t *image)
{
    if (stream)
        opj_stream_destroy(stream);
    if (codec)
        opj_destroy_codec(codec);
    opj_image_destroy(image);
}

static bool encode(const struct photo *photo, double ratio, struct file *file)
{
    char no_comment[] = ""; /* else OpenJPEG's version, which would take bytes from the image */
    opj_cparameters_t parameters;
    opj_set_default_encoder_parameters(&parameters);
    parameters.tcp_numlayers = 1;
    parameters.tcp_rates[0] = (float)ratio;
    parameters.cp_disto_alloc = 1;
    parameters.irreversible = 1;
    parameters.tcp_mct = 1;
    parameters.numresolution = resolutions_for(photo);
    parameters.cp_comment = no_comment;
    opj_image_t *image = image_from(photo);
    opj_codec_t *codec = opj_create_compress(OPJ_CODEC_J2K);
    opj_stream_t *stream = open_stream(file, false);
    const bool done = image && codec && stream && opj_setup_encoder(codec, &parameters, image) &&
                      opj_start_compress(codec, image, stream) && opj_encode(codec, stream) &&
                      opj_end_compress(codec, stream);
    put_away(stream, codec, image);
    return done;
}

static bool take_pixels(struct photo *photo, const opj_image_t *image)
{
    if (image->numcomps != 3)
        return false;
    for (int c = 0; c < 3; c++)
        if (image->comps[c].w != photo->width || image->comps[c].h != photo->height ||
            !image->comps[c].data)
            return false;
    const size_t pixels = pixel_count(photo);
    for (size_t i = 0; i < pixels; i++)
        for (int c = 0; c < 3; c++)
            photo->pixels[3 * i + c] = (float)image->comps[c].data[i] / 255;
    return true;
}

static bool decode(struct photo *photo, struct file *file)
{
    opj_dparameters_t parameters;
    opj_set_default_decoder_parameters(&parameters);
    opj_image_t *image = NULL;
    opj_codec_t *codec = opj_create_decompress(OPJ_CODEC_J2K);
    opj_stream_t *stream = open_stream(file, true);
    const bool done = codec && stream && opj_setup_decoder(codec, &parameters) &&
                      opj_read_header(stream, codec, &image) && opj_decode(codec, stream, image) &&
                      opj_end_decompress(codec, stream) && take_pixels(photo, image);
    put_away(stream, codec, image);
    return done;
}

bool jpeg2000(struct photo *photo, double ratio, uint64_t seed)
{
    (void)seed;
    const size_t room =
        4 * 3 * pixel_count(photo) + 4096; /* far above what even a ratio of 1 takes */
    struct file file = {.bytes = malloc(room), .room = room};
    bool done = file.bytes && encode(photo, ratio > 1 ? ratio : 1, &file);
    file.position = 0;
    done = done && decode(photo, &file);
    free(file.bytes);
    return done;
}

#else

bool jpeg2000(struct photo *photo, double ratio, uint64_t seed)
{
    (void)photo, (void)ratio, (void)seed;
    return false;
}

#endif
