/*
 * set_avx2.c - the tables of the AVX2 kernels, and of those with dot products of bytes besides.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include "x86/avx2.h"
#include "x86/avxvnni.h"

#define COMMON_KERNELS                                                                             \
    .fixed_shape = false, .packs = true, .gemm_scratch = avx2_gemm_scratch,                        \
    .winograd_input = avx2_winograd_input, .winograd_products = avx2_winograd_products,            \
    .winograd_output = avx2_winograd_output, .attention_scratch = avx2_attention_scratch,          \
    .attention = avx2_attention, .layernorm = avx2_layernorm, .softmax = avx2_softmax,             \
    .activate = avx2_activate, .average_pool_row = avx2_average_pool_row,                          \
    .column_mean = avx2_column_mean, .all_finite = avx2_all_finite, .widen = avx2_widen,           \
    .yuv_to_rgb = avx2_yuv_to_rgb, .rgb565_to_rgb = avx2_rgb565_to_rgb,                            \
    .bytes_to_rgb = avx2_bytes_to_rgb

const kernel_set kernel_set_avx2 = {
    .name = "avx2",
    .gemm = avx2_gemm,
    .round_rows = avx2_round_rows,
    COMMON_KERNELS,
};

const kernel_set kernel_set_avxvnni = {
    .name = "avxvnni",
    .gemm = avxvnni_gemm,
    .round_rows = avxvnni_round_rows,
    COMMON_KERNELS,
};

#else

typedef int set_avx2_is_for_x86;

#endif
