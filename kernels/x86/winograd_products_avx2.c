/*
 * winograd_products_avx2.c - the products of Winograd's convolutions: up to 6 rows x 16 outputs.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include "x86/avx2.h"

#include <immintrin.h>

#define PRODUCT_TARGET               TARGET_AVX2
#define PRODUCT_VECTOR               __m256
#define PRODUCT_LANES                8
#define PRODUCT_ROWS                 6
#define vector_zero()                _mm256_setzero_ps()
#define vector_read(x)               _mm256_load_ps(x)
#define vector_write(x, v)           _mm256_storeu_ps(x, v)
#define vector_repeat(x)             _mm256_broadcast_ss(x)
#define vector_multiply_add(a, b, c) _mm256_fmadd_ps(a, b, c)

#include "x86/winograd_products_x86.h"

DEFINE_ROWS(1, 2)
DEFINE_ROWS(2, 2)
DEFINE_ROWS(3, 2)
DEFINE_ROWS(4, 2)
DEFINE_ROWS(5, 2)
DEFINE_ROWS(6, 2)

static rows_function *const two_vectors[PRODUCT_ROWS + 1] = {
    NULL, multiply_1x2, multiply_2x2, multiply_3x2, multiply_4x2, multiply_5x2, multiply_6x2};

void avx2_winograd_products(float *out_data, const winograd_tiles *out, const float *in_data,
                            const winograd_tiles *in, const float *weights)
{
    const size_t points = winograd_points(in->side), panel = PANEL_OUTPUTS * in->channels;
    const size_t panels = (out->channels + PANEL_OUTPUTS - 1) / PANEL_OUTPUTS;
    struct pair pair = {.weights = weights, .to_second = PRODUCT_LANES, .inputs = in->channels};
    for (size_t p = 0; p < points; p++)
        for (size_t n = 0; n < panels; n++) {
            pair.ahead = p + 1 == points && n + 1 == panels ? 0 : panel;
            multiply_all_rows(out_data + p * out->point_stride + n * PANEL_OUTPUTS, out,
                              in_data + p * in->point_stride, in->tile_stride, &pair, two_vectors);
            pair.weights += panel;
        }
}

#else

typedef int winograd_products_avx2_is_for_x86;

#endif
