/*
 * resnet_cells.c - what attention pooling would make of each position alone: its value, projected
 * as the feature is.  So dense features are read off a CLIP (cf. MaskCLIP).
 */
#include "resnet.h"

#include "products.h"

size_t tower_resnet_cells(const struct tower *tower)
{
    const struct resnet_pool *pool = &((const struct resnet *)tower)->pool;
    return pool->height * pool->width;
}

/* The projection of the value is one matrix, and so is the way from its bias. */
void tower_resnet_cell_weights(const struct tower *tower, float *weight, float *bias)
{
    const struct resnet_pool *pool = &((const struct resnet *)tower)->pool;
    const size_t channels = pool->channels, size = pool->features;
    const struct operand out = {pool->out.weight->values, channels};
    product((struct product_size){size, channels, channels}, 1, out,
            (struct operand){pool->value.weight->values, channels},
            (struct outcome){weight, channels, 0});
    for (size_t i = 0; i < size; i++)
        bias[i] = pool->out.bias->values[i];
    product_transposed((struct product_size){1, size, channels}, 1,
                       (struct operand){pool->value.bias->values, channels}, out,
                       (struct outcome){bias, size, 1});
}

void tower_resnet_cell_features(const struct tower *tower, const float *weight, const float *bias,
                                float *cells)
{
    const struct resnet_pool *pool = &((const struct resnet *)tower)->pool;
    const size_t channels = pool->channels, size = pool->features;
    const size_t count = tower_resnet_cells(tower);
    for (size_t image = 0; image < pool->batch; image++, cells += count * size) {
        const float *tokens = pool->tokens + (image * (1 + count) + 1) * channels;
        for (size_t i = 0; i < count * size; i++)
            cells[i] = bias[i % size];
        product_transposed((struct product_size){count, size, channels}, 1,
                           (struct operand){tokens, channels}, (struct operand){weight, channels},
                           (struct outcome){cells, size, 1});
    }
}
