/*
 * pixels_neon.c - packed pixels as bytes R, G, B.
 */
#include "compiler.h"

#if QUALICLIP_AARCH64

#include <arm_neon.h>

#include "arm/neon.h"
#include "reference/reference.h"

/* The nearest of 8 bits to x * 255 / 31 and x * 255 / 63, for all of 5 and 6 bits. */
static ALWAYS_INLINE uint8x8_t of_five_bits(uint16x8_t x)
{
    return vshrn_n_u16(vmlaq_n_u16(vdupq_n_u16(23), x, 527), 6);
}

static ALWAYS_INLINE uint8x8_t of_six_bits(uint16x8_t x)
{
    return vshrn_n_u16(vmlaq_n_u16(vdupq_n_u16(33), x, 259), 6);
}

void neon_rgb565_to_rgb(uint8_t *rgb, const uint8_t *pixels, size_t count)
{
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        const uint16x8_t words = vreinterpretq_u16_u8(vld1q_u8(pixels + 2 * i));
        const uint8x8x3_t colours = {
            {of_five_bits(vshrq_n_u16(words, 11)),
             of_six_bits(vandq_u16(vshrq_n_u16(words, 5), vdupq_n_u16(63))),
             of_five_bits(vandq_u16(words, vdupq_n_u16(31)))}};
        vst3_u8(rgb + 3 * i, colours);
    }
    reference_rgb565_to_rgb(rgb + 3 * i, pixels + 2 * i, count - i);
}

/*
 * 16 bytes are looked up in the next 16 of the pixels.  What is written beyond four pixels, the
 * next four overwrite; the last ones are left, so that nothing is touched beyond the rows.
 */
void neon_bytes_to_rgb(uint8_t *rgb, const uint8_t *pixels, size_t step, const uint8_t bytes[3],
                       size_t count)
{
    const size_t spare = step == 1 ? 16 : 6; /* pixels that 16 bytes reach into, of either side */
    uint8_t places[16] = {0};
    for (size_t i = 0; i < 12; i++)
        places[i] = (uint8_t)(i / 3 * step + bytes[i % 3]);
    const uint8x16_t shuffle = vld1q_u8(places);
    size_t i = 0;
    for (; i + spare <= count; i += 4)
        vst1q_u8(rgb + 3 * i, vqtbl1q_u8(vld1q_u8(pixels + i * step), shuffle));
    reference_bytes_to_rgb(rgb + 3 * i, pixels + i * step, step, bytes, count - i);
}

#else

typedef int pixels_neon_is_for_aarch64;

#endif
