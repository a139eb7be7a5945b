/*
 * set_neon.c - the tables of the NEON kernels.  Each set has what the one before it has, and other
 * products: of whole numbers by dot products, by small matrix products, and of bf16.
 */
#include "compiler.h"

#if QUALICLIP_AARCH64

#include "arm/neon.h"

/* The same in all four. */
#define COMMON_KERNELS                                                                             \
    .fixed_shape = false, .packs = true, .attention_scratch = neon_attention_scratch,              \
    .winograd_input = neon_winograd_input, .winograd_products = neon_winograd_products,            \
    .winograd_output = neon_winograd_output, .attention = neon_attention,                          \
    .layernorm = neon_layernorm, .softmax = neon_softmax, .activate = neon_activate,               \
    .average_pool_row = neon_average_pool_row, .column_mean = neon_column_mean,                    \
    .all_finite = neon_all_finite, .widen = neon_widen, .yuv_to_rgb = neon_yuv_to_rgb,             \
    .rgb565_to_rgb = neon_rgb565_to_rgb, .bytes_to_rgb = neon_bytes_to_rgb

const kernel_set kernel_set_neon = {
    .name = "neon",
    .gemm_scratch = neon_gemm_scratch,
    .gemm = neon_gemm,
    .round_rows = neon_round_rows,
    COMMON_KERNELS,
};

#if QUALICLIP_NEON_EXTENSIONS

const kernel_set kernel_set_neondot = {
    .name = "neondot",
    .gemm_scratch = neon_gemm_scratch,
    .gemm = neondot_gemm,
    .round_rows = neon_round_rows,
    COMMON_KERNELS,
};

const kernel_set kernel_set_neoni8mm = {
    .name = "neoni8mm",
    .gemm_scratch = neoni8mm_gemm_scratch,
    .gemm = neoni8mm_gemm,
    .round_rows = neon_round_rows,
    COMMON_KERNELS,
};

const kernel_set kernel_set_neonbf16 = {
    .name = "neonbf16",
    .multiplies_bf16 = true,
    .gemm_scratch = neonbf16_gemm_scratch,
    .gemm = neonbf16_gemm,
    .round_rows = neonbf16_round_rows,
    COMMON_KERNELS,
};

#endif

#else

typedef int set_neon_is_for_aarch64;

#endif
