/*
 * attention_neon.c - attention out of this set's matrix product and softmax.
 */
#include "compiler.h"

#if QUALICLIP_AARCH64

#include "arm/neon.h"
#include "attention_blocks.h"

static const struct attention_parts parts = {neon_gemm_scratch, neon_gemm, neon_softmax};

size_t neon_attention_scratch(size_t queries, size_t tokens, size_t size)
{
    return attention_blocks_scratch(&parts, queries, tokens, size);
}

void neon_attention(const attention_call *call, float *scratch)
{
    attention_blocks(&parts, call, scratch);
}

#else

typedef int attention_neon_is_for_aarch64;

#endif
