/*
 * products.c - oneDNN's matrix product, which was faster than OpenBLAS's in all but the smallest
 * sizes: see docs/training.md.
 */
#include "products.h"

#include <dnnl.h>

#include "omp_threads.h"

enum turned { AS_IT_IS = 'N', TRANSPOSED = 'T' };

static void multiply(enum turned a_turned, enum turned b_turned, struct product_size size,
                     float scale, struct operand a, struct operand b, struct outcome out)
{
    if (!size.rows || !size.columns)
        return;
    omp_set_num_threads(1); /* of this thread alone: our callers bring their own */
    (void)dnnl_sgemm((char)a_turned, (char)b_turned, (dnnl_dim_t)size.rows,
                     (dnnl_dim_t)size.columns, (dnnl_dim_t)size.depth, scale, a.data,
                     (dnnl_dim_t)a.stride, b.data, (dnnl_dim_t)b.stride, out.keep, out.data,
                     (dnnl_dim_t)out.stride);
}

void product(struct product_size size, float scale, struct operand a, struct operand b,
             struct outcome out)
{
    multiply(AS_IT_IS, AS_IT_IS, size, scale, a, b, out);
}

void product_transposed(struct product_size size, float scale, struct operand a, struct operand b,
                        struct outcome out)
{
    multiply(AS_IT_IS, TRANSPOSED, size, scale, a, b, out);
}

void product_of_columns(struct product_size size, float scale, struct operand a, struct operand b,
                        struct outcome out)
{
    multiply(TRANSPOSED, AS_IT_IS, size, scale, a, b, out);
}
