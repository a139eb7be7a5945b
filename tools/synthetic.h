/*
 * synthetic.h - a picture that looks like a photo to a decoder and a tower: smooth light, edges,
 * texture and noise.  The same for the same size on every machine.
 */
#ifndef QUALICLIP_SYNTHETIC_H
#define QUALICLIP_SYNTHETIC_H

#include <stdint.h>

/* 3 * width * height bytes, RGB without padding, to be freed. */
uint8_t *synthetic_photo(uint32_t width, uint32_t height);

#endif
