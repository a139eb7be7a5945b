/*
 * set_avx2.c - the table of the AVX2 kernels.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include "reference/reference.h"
#include "x86/avx2.h"

const kernel_set kernel_set_avx2 = {
    .name = "avx2",
    .fixed_shape = false,
    .packs = true,
    .gemm_scratch = avx2_gemm_scratch,
    .gemm = avx2_gemm,
    .winograd_input = avx2_winograd_input,
    .winograd_products = avx2_winograd_products,
    .winograd_output = avx2_winograd_output,
    .round_rows = reference_round_rows,
    .attention_scratch = avx2_attention_scratch,
    .attention = avx2_attention,
    .layernorm = avx2_layernorm,
    .softmax = avx2_softmax,
    .activate = avx2_activate,
    .average_pool_row = avx2_average_pool_row,
    .column_mean = avx2_column_mean,
    .all_finite = avx2_all_finite,
    .widen = avx2_widen,
};

#else

typedef int set_avx2_is_for_x86;

#endif
