/*
 * attention_avx512.c - attention out of this set's matrix product and softmax.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include "attention_blocks.h"
#include "x86/avx2.h"
#include "x86/avx512.h"

static const struct attention_parts parts = {avx512_gemm_scratch, avx512_gemm, avx2_softmax};

size_t avx512_attention_scratch(size_t queries, size_t tokens, size_t size)
{
    return attention_blocks_scratch(&parts, queries, tokens, size);
}

void avx512_attention(const attention_call *call, float *scratch)
{
    attention_blocks(&parts, call, scratch);
}

#else

typedef int attention_avx512_is_for_x86;

#endif
