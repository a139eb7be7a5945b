/*
 * frames.c - how long the rows of a 1920x1080 frame take to become R, G and B, in each format and
 * by each set of kernels, beside a copy of the frame.
 *
 * usage: frames
 *
 * In turns, so that what slows the machine down for a while hits all of them; the fastest counts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "image.h"

enum { WIDTH = 1920, HEIGHT = 1080, ROUNDS = 10, MOST_SETS = 16 };

static const qc_pixel_format formats[] = {
    QC_PIXEL_NV12, QC_PIXEL_I420,   QC_PIXEL_I444,   QC_PIXEL_YUYV, QC_PIXEL_P010,
    QC_PIXEL_GREY, QC_PIXEL_GREY10, QC_PIXEL_RGB565, QC_PIXEL_BGR,  QC_PIXEL_BGRX};
#define FORMATS (sizeof formats / sizeof formats[0])

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static double convert(const kernel_set *kernels, const qc_image *frame)
{
    static uint8_t rgb[3 * WIDTH];
    const double start = now();
    for (uint32_t y = 0; y < HEIGHT; y++)
        image_row_rgb(kernels, frame, QC_BACKGROUND_DROP, y, 0, WIDTH, rgb);
    return now() - start;
}

static double copy(uint8_t *to, const uint8_t *from, size_t size)
{
    const double start = now();
    memcpy(to, from, size);
    return now() - start;
}

static void keep_fastest(double *fastest, double time)
{
    if (*fastest == 0 || time < *fastest)
        *fastest = time;
}

int main(void)
{
    static double copies[FORMATS], times[FORMATS][MOST_SETS];
    const kernel_set *sets[MOST_SETS];
    size_t count = 0;
    for (; count < MOST_SETS && kernel_set_at(count); count++)
        sets[count] = kernel_set_at(count);
    const size_t most = (size_t)4 * WIDTH * HEIGHT;
    uint8_t *pixels = malloc(most), *room = calloc(most, 1);
    if (!pixels || !room)
        return EXIT_FAILURE;
    for (size_t i = 0; i < most; i++)
        pixels[i] = (uint8_t)(i * 2654435761u >> 24);

    for (int round = 0; round < ROUNDS; round++)
        for (size_t f = 0; f < FORMATS; f++) {
            qc_image frame;
            const size_t size = qc_image_init(&frame, formats[f], WIDTH, HEIGHT, pixels);
            if (formats[f] == QC_PIXEL_GREY)
                frame.range = QC_RANGE_LIMITED;
            keep_fastest(&copies[f], copy(room, pixels, size));
            for (size_t s = 0; s < count; s++)
                keep_fastest(&times[f][s], convert(sets[s], &frame));
        }

    printf("%-20s", "ms a frame");
    for (size_t f = 0; f < FORMATS; f++)
        printf(" %6s", qc_pixel_format_name(formats[f]));
    printf("\n%-20s", "copy");
    for (size_t f = 0; f < FORMATS; f++)
        printf(" %6.2f", copies[f]);
    for (size_t s = 0; s < count; s++) {
        printf("\n%-20s", sets[s]->name);
        for (size_t f = 0; f < FORMATS; f++)
            printf(" %6.2f", times[f][s]);
    }
    printf("\n");
    free(pixels);
    free(room);
    return EXIT_SUCCESS;
}
