/*
 * bytes.h - an image in the eight bits a value that codecs take, rounded to the nearest.
 */
#ifndef QUALICLIP_DEGRADE_BYTES_H
#define QUALICLIP_DEGRADE_BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline void bytes_from_values(uint8_t *bytes, const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const float x = values[i] > 0 ? values[i] < 1 ? values[i] : 1 : 0;
        bytes[i] = (uint8_t)(int)(x * 255 + 0.5f);
    }
}

static inline void values_from_bytes(float *values, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        values[i] = (float)bytes[i] / 255;
}

#endif
