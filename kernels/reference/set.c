/*
 * set.c - the table of the reference kernels.
 */
#include "reference/reference.h"

const kernel_set kernel_set_reference = {
    .name = "reference",
    .fixed_shape = false,
    .gemm_scratch = reference_gemm_scratch,
    .gemm = reference_gemm,
    .winograd_input = reference_winograd_input,
    .winograd_products = reference_winograd_products,
    .winograd_output = reference_winograd_output,
    .round_rows = reference_round_rows,
    .attention_scratch = reference_attention_scratch,
    .attention = reference_attention,
    .layernorm = reference_layernorm,
    .softmax = reference_softmax,
    .activate = reference_activate,
    .average_pool_row = reference_average_pool_row,
    .column_mean = reference_column_mean,
    .all_finite = reference_all_finite,
    .widen = reference_widen,
    .yuv_to_rgb = reference_yuv_to_rgb,
    .rgb565_to_rgb = reference_rgb565_to_rgb,
    .bytes_to_rgb = reference_bytes_to_rgb,
};
