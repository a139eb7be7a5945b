/*
 * winograd_products_avx512.c - the products of Winograd's convolutions: up to 12 rows x 32 outputs.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include "x86/avx512.h"

#include <immintrin.h>

#define PRODUCT_TARGET               TARGET_AVX512
#define PRODUCT_VECTOR               __m512
#define PRODUCT_LANES                16
#define PRODUCT_ROWS                 12
#define vector_zero()                _mm512_setzero_ps()
#define vector_read(x)               _mm512_load_ps(x)
#define vector_write(x, v)           _mm512_storeu_ps(x, v)
#define vector_repeat(x)             _mm512_set1_ps(*(x))
#define vector_multiply_add(a, b, c) _mm512_fmadd_ps(a, b, c)

#include "x86/winograd_products_x86.h"

DEFINE_ROWS(1, 1)
DEFINE_ROWS(2, 1)
DEFINE_ROWS(3, 1)
DEFINE_ROWS(4, 1)
DEFINE_ROWS(5, 1)
DEFINE_ROWS(6, 1)
DEFINE_ROWS(7, 1)
DEFINE_ROWS(8, 1)
DEFINE_ROWS(9, 1)
DEFINE_ROWS(10, 1)
DEFINE_ROWS(11, 1)
DEFINE_ROWS(12, 1)
DEFINE_ROWS(1, 2)
DEFINE_ROWS(2, 2)
DEFINE_ROWS(3, 2)
DEFINE_ROWS(4, 2)
DEFINE_ROWS(5, 2)
DEFINE_ROWS(6, 2)
DEFINE_ROWS(7, 2)
DEFINE_ROWS(8, 2)
DEFINE_ROWS(9, 2)
DEFINE_ROWS(10, 2)
DEFINE_ROWS(11, 2)
DEFINE_ROWS(12, 2)

static rows_function *const one_vector[PRODUCT_ROWS + 1] = {
    NULL,          multiply_1x1,  multiply_2x1, multiply_3x1, multiply_4x1,
    multiply_5x1,  multiply_6x1,  multiply_7x1, multiply_8x1, multiply_9x1,
    multiply_10x1, multiply_11x1, multiply_12x1};
static rows_function *const two_vectors[PRODUCT_ROWS + 1] = {
    NULL,          multiply_1x2,  multiply_2x2, multiply_3x2, multiply_4x2,
    multiply_5x2,  multiply_6x2,  multiply_7x2, multiply_8x2, multiply_9x2,
    multiply_10x2, multiply_11x2, multiply_12x2};

void avx512_winograd_products(float *out_data, const winograd_tiles *out, const float *in_data,
                              const winograd_tiles *in, const float *weights)
{
    const size_t points = winograd_points(in->side), panel = PANEL_OUTPUTS * in->channels;
    const size_t panels = (out->channels + PANEL_OUTPUTS - 1) / PANEL_OUTPUTS;
    struct pair pair = {.weights = weights, .to_second = panel, .inputs = in->channels};
    for (size_t p = 0; p < points; p++)
        for (size_t n = 0; n < panels; n += 2) {
            const size_t vectors = panels - n < 2 ? 1 : 2;
            const bool last = p + 1 == points && n + 2 >= panels;
            pair.ahead = last ? 0 : vectors * panel;
            multiply_all_rows(out_data + p * out->point_stride + n * PANEL_OUTPUTS, out,
                              in_data + p * in->point_stride, in->tile_stride, &pair,
                              vectors == 2 ? two_vectors : one_vector);
            pair.weights += vectors * panel;
        }
}

#else

typedef int winograd_products_avx512_is_for_x86;

#endif
