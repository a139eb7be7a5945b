/*
 * resize_golden.h - test/golden/resize: what Pillow makes of noise, and the noise.
 */
#ifndef TEST_RESIZE_GOLDEN_H
#define TEST_RESIZE_GOLDEN_H

#include <stddef.h>
#include <stdint.h>

#include "qualiclip.h"

struct resize_golden {
    char rule[16]; /* "resize", "crop8", "long=16" */
    unsigned seed, width, height, out_width, out_height;
    uint8_t *expected; /* 3 * out_width * out_height bytes */
};

/* Calls `check` for each case; returns how many there were. */
size_t resize_golden_each(void (*check)(const struct resize_golden *golden));

/* 3 * width * height bytes of RGB, in a block of just that size, to be freed. */
uint8_t *noise_pixels(unsigned seed, uint32_t width, uint32_t height);

/* A view of such pixels. */
qc_image rgb_image(const uint8_t *pixels, uint32_t width, uint32_t height);

#endif
