/*
 * attention_avx2.c - attention out of this set's matrix product and softmax.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include "x86/avx2.h"
#include "attention_blocks.h"

static const struct attention_parts parts = {avx2_gemm_scratch, avx2_gemm, avx2_softmax};

size_t avx2_attention_scratch(size_t queries, size_t tokens, size_t size)
{
    return attention_blocks_scratch(&parts, queries, tokens, size);
}

void avx2_attention(const attention_call *call, float *scratch)
{
    attention_blocks(&parts, call, scratch);
}

#else

typedef int attention_avx2_is_for_x86;

#endif
