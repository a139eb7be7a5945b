/*
 * fuzz_film.c - a film: the first byte says whether the rest is a YUV4MPEG2 stream, or of which
 * format its raw frames are.
 */
#include <string.h>

#include "../../tools/film.h"
#include "fuzz.h"

enum { SIDE = 6, FRAME_MOST = 1 << 16 };

static void read_frames(struct film *film, size_t size)
{
    char message[QC_MESSAGE_SIZE] = "";
    uint8_t *pixels = test_memory(film->frame_bytes);
    qc_image image;
    enum film_step step;
    while ((step = film_read(film, pixels, &image, message)) == FILM_FRAME) {
        PROMISE(film->frames * (film->kept_bytes + film->apart_bytes) <= size);
        PROMISE(image.width == film->frame.width && image.height == film->frame.height);
        PROMISE(image.planes[0] == pixels && image.strides[0] > 0);
    }
    if (step == FILM_FAILED)
        check_message(message);
    free(pixels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct film_options options = {0};
    struct film film;
    char message[QC_MESSAGE_SIZE] = "";
    if (size < 2)
        return 0;
    if (data[0] != 'y') {
        options.raw = true;
        options.format = (qc_pixel_format)(data[0] % 32);
        options.width = options.height = SIDE;
    }
    uint8_t *copy = test_memory(size - 1);
    memcpy(copy, data + 1, size - 1);
    FILE *stream = fmemopen(copy, size - 1, "rb");
    PROMISE(stream);
    if (!film_open(&film, stream, &options, message))
        check_message(message);
    else if (film.frame_bytes <= FRAME_MOST)
        read_frames(&film, size);
    fclose(stream);
    free(copy);
    return 0;
}
