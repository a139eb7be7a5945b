/*
 * set_avx512.c - the tables of the AVX-512 kernels.  Each set has what the one before it has, and a
 * product more: of bytes (VNNI), of bf16.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include "x86/avx2.h"
#include "x86/avx512.h"

/* The same in all three: products apart, AVX2's kernels are fast enough, and keep their bits. */
#define COMMON_KERNELS                                                                             \
    .fixed_shape = false, .packs = true, .gemm_scratch = avx512_gemm_scratch,                      \
    .winograd_input = avx512_winograd_input, .winograd_products = avx512_winograd_products,        \
    .winograd_output = avx512_winograd_output, .attention = avx512_attention,                      \
    .layernorm = avx512_layernorm, .softmax = avx2_softmax, .activate = avx512_activate,           \
    .average_pool_row = avx2_average_pool_row, .column_mean = avx2_column_mean,                    \
    .all_finite = avx2_all_finite, .widen = avx2_widen, .yuv_to_rgb = avx2_yuv_to_rgb,             \
    .rgb565_to_rgb = avx2_rgb565_to_rgb, .bytes_to_rgb = avx2_bytes_to_rgb

const kernel_set kernel_set_avx512 = {
    .name = "avx512",
    .gemm = avx512_gemm,
    .round_rows = avx2_round_rows,
    .attention_scratch = avx512_attention_scratch,
    COMMON_KERNELS,
};

const kernel_set kernel_set_avx512vnni = {
    .name = "avx512vnni",
    .gemm = avx512vnni_gemm,
    .round_rows = avx512vnni_round_rows,
    .attention_scratch = avx512_attention_scratch,
    COMMON_KERNELS,
};

const kernel_set kernel_set_avx512bf16 = {
    .name = "avx512bf16",
    .multiplies_bf16 = true,
    .gemm = avx512bf16_gemm,
    .round_rows = avx512bf16_round_rows,
    .attention_scratch = avx512bf16_attention_scratch,
    .attention_rounded = avx512bf16_attention_rounded,
    COMMON_KERNELS,
};

#else

typedef int set_avx512_is_for_x86;

#endif
