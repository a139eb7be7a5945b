/*
 * jpeg.c - what JPEG leaves of an image: encoded and decoded in memory, by libjpeg's defaults.
 *
 * libjpeg leaves by longjmp; all state is in one struct, so no local variable can be lost.
 */
#include "operations.h"

#if QUALICLIP_JPEG

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include "bytes.h"

struct round_trip {
    struct jpeg_error_mgr errors;
    jmp_buf leave;
    struct jpeg_compress_struct encoder;
    struct jpeg_decompress_struct decoder;
    struct jpeg_destination_mgr destination;
    uint8_t *pixels, *file;
    size_t room; /* for the file */
    uint32_t width, height;
    int quality;
};

static void leave(j_common_ptr info)
{
    struct round_trip *trip = info->client_data;
    longjmp(trip->leave, 1);
}

static void print_nothing(j_common_ptr info)
{
    (void)info;
}

static uint8_t *row(const struct round_trip *trip, JDIMENSION y)
{
    return trip->pixels + 3 * (size_t)trip->width * y;
}

static void begin_file(j_compress_ptr encoder)
{
    struct round_trip *trip = encoder->client_data;
    trip->destination.next_output_byte = trip->file;
    trip->destination.free_in_buffer = trip->room;
}

/* Never called, if the room is what no JPEG file exceeds. */
static boolean leave_when_full(j_compress_ptr encoder)
{
    leave((j_common_ptr)encoder);
    return FALSE;
}

static void end_file(j_compress_ptr encoder)
{
    (void)encoder;
}

/* Three bytes a pixel of whole blocks, as TurboJPEG reckons for chroma at half size, and tables. */
static size_t largest_file(const struct photo *photo)
{
    const size_t width = ((size_t)photo->width + 15) / 16 * 16;
    const size_t height = ((size_t)photo->height + 15) / 16 * 16;
    return 3 * width * height + 4096;
}

static void encode(struct round_trip *trip)
{
    struct jpeg_compress_struct *encoder = &trip->encoder;
    trip->destination.init_destination = begin_file;
    trip->destination.empty_output_buffer = leave_when_full;
    trip->destination.term_destination = end_file;
    encoder->dest = &trip->destination;
    encoder->image_width = trip->width;
    encoder->image_height = trip->height;
    encoder->input_components = 3;
    encoder->in_color_space = JCS_RGB;
    jpeg_set_defaults(encoder);
    jpeg_set_quality(encoder, trip->quality, TRUE);
    jpeg_start_compress(encoder, TRUE);
    while (encoder->next_scanline < encoder->image_height) {
        JSAMPROW next = row(trip, encoder->next_scanline);
        jpeg_write_scanlines(encoder, &next, 1);
    }
    jpeg_finish_compress(encoder);
}

static void decode(struct round_trip *trip)
{
    struct jpeg_decompress_struct *decoder = &trip->decoder;
    const size_t size = trip->room - trip->destination.free_in_buffer;
    jpeg_mem_src(decoder, trip->file, (unsigned long)size);
    jpeg_read_header(decoder, TRUE);
    decoder->out_color_space = JCS_RGB;
    jpeg_start_decompress(decoder);
    while (decoder->output_scanline < decoder->output_height) {
        JSAMPROW next = row(trip, decoder->output_scanline);
        jpeg_read_scanlines(decoder, &next, 1);
    }
    jpeg_finish_decompress(decoder);
}

static bool encode_and_decode(struct round_trip *trip)
{
    if (setjmp(trip->leave))
        return false;
    encode(trip);
    decode(trip);
    return true;
}

/* False: there was no memory for a codec. */
static bool create(struct round_trip *trip)
{
    if (setjmp(trip->leave))
        return false;
    jpeg_create_compress(&trip->encoder);
    jpeg_create_decompress(&trip->decoder);
    return true;
}

bool jpeg(struct photo *photo, double quality, uint64_t seed)
{
    (void)seed;
    const size_t values = 3 * pixel_count(photo);
    struct round_trip *trip = calloc(1, sizeof *trip);
    if (!trip)
        return false;
    jpeg_std_error(&trip->errors);
    trip->errors.error_exit = leave;
    trip->errors.output_message = print_nothing;
    trip->encoder.err = trip->decoder.err = &trip->errors;
    trip->encoder.client_data = trip->decoder.client_data = trip;
    trip->width = photo->width;
    trip->height = photo->height;
    trip->quality = quality < 1 ? 1 : quality < 100 ? (int)(quality + 0.5) : 100;
    trip->room = largest_file(photo);
    trip->pixels = malloc(values);
    trip->file = malloc(trip->room);
    bool done = trip->pixels && trip->file && create(trip);
    if (done) {
        bytes_from_values(trip->pixels, photo->pixels, values);
        done = encode_and_decode(trip);
    }
    if (done)
        values_from_bytes(photo->pixels, trip->pixels, values);
    /* Both are no-ops on what was never created. */
    jpeg_destroy_compress(&trip->encoder);
    jpeg_destroy_decompress(&trip->decoder);
    free(trip->file);
    free(trip->pixels);
    free(trip);
    return done;
}

#else

bool jpeg(struct photo *photo, double quality, uint64_t seed)
{
    (void)photo, (void)quality, (void)seed;
    return false;
}

#endif
