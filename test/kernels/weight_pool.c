/*
 * weight_pool.c - for timing: weights that come from memory, as in a whole model, not from a cache.
 */
#define _DEFAULT_SOURCE /* madvise */
#include "kernels/weight_pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

#define POOL_FLOATS    (64u << 20) /* several times the largest cache */
#define SCRATCH_FLOATS (4u << 20)

/* In large pages, as the library has its packed weights; kept till the end. */
static float *large_pages(size_t count)
{
    const size_t page = (size_t)2 << 20, bytes = count * sizeof(float);
    float *block = aligned_alloc(page, (bytes + page - 1) / page * page);
    assert_non_null(block);
#ifdef MADV_HUGEPAGE
    (void)madvise(block, bytes, MADV_HUGEPAGE);
#endif
    return block;
}

/* Numbers of the size of weights; their halves, taken as numbers of 16 bits, are finite too. */
static const float *pool(void)
{
    static float *block;
    if (!block) {
        block = large_pages(POOL_FLOATS);
        for (size_t i = 0; i < POOL_FLOATS; i++)
            block[i] = (float)(i % 251) * 0x1p-8f - 0.5f;
    }
    return block;
}

struct pooled_product pool_product(const struct product *p, const kernel_set *set)
{
    static float *scratch;
    const gemm_call *call = &p->call;
    const size_t bytes = packed_bytes(NUMBER_F32, call->taps, call->inputs, call->outputs);
    struct pooled_product pooled = {.call = *call, .set = set, .matrix = bytes / sizeof(float)};
    if (!scratch)
        scratch = large_pages(SCRATCH_FLOATS);
    pooled.scratch = scratch;
    assert_true(set->gemm_scratch(call->taps, call->inputs, call->outputs) <= SCRATCH_FLOATS);
    pooled.call.packed = pool();
    pooled.call.weights_transposed = false;
    pooled.call.weight_stride = call->taps * call->inputs;
    pooled.call.activation = ACTIVATION_NONE;
    return pooled;
}

void compute_pooled(void *pooled_product)
{
    struct pooled_product *pooled = pooled_product;
    gemm_call *call = &pooled->call;
    call->weights = pool() + pooled->at;
    if (call->packed)
        call->packed = call->weights;
    pooled->set->gemm(call, pooled->scratch);
    pooled->at += pooled->matrix;
    if (pooled->at + pooled->matrix > POOL_FLOATS)
        pooled->at = 0;
}
