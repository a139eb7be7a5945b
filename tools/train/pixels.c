/*
 * pixels.c - see pixels.h.
 */
#include "pixels.h"

static const double mean[] = {0.48145466, 0.4578275, 0.40821073};
static const double deviation[] = {0.26862954, 0.26130258, 0.27577711};

void byte_table_fill(struct byte_table *table)
{
    for (unsigned channel = 0; channel < 3; channel++)
        for (unsigned value = 0; value < 256; value++)
            table->values[channel][value] =
                (float)((value / 255.0 - mean[channel]) / deviation[channel]);
}

void bytes_to_pixels(const struct byte_table *table, const unsigned char *bytes, size_t area,
                     float *pixels)
{
    for (size_t i = 0; i < area; i++)
        for (unsigned channel = 0; channel < 3; channel++)
            pixels[channel * area + i] = table->values[channel][bytes[3 * i + channel]];
}

void pixels_to_bytes(const float *pixels, size_t area, unsigned char *bytes)
{
    for (size_t i = 0; i < area; i++)
        for (unsigned channel = 0; channel < 3; channel++) {
            const double value =
                (double)pixels[channel * area + i] * deviation[channel] + mean[channel];
            bytes[3 * i + channel] = (unsigned char)(value * 255 + 0.5);
        }
}
