/*
 * avxvnni_as_avx512.c - the set `avxvnni` with the same instructions in the encoding of AVX-512, so
 * that it can be checked where there is no AVX-VNNI.  What this cannot tell is whether the CPU
 * takes the other encoding.
 */
#include "kernels/kernel_check.h"

#include "compiler.h"

#if QUALICLIP_X86

#define AVXVNNI_AS_AVX512
#define avxvnni_gemm       avxvnni_as_avx512_gemm
#define avxvnni_round_rows avxvnni_as_avx512_round_rows
#include "x86/gemm_avxvnni.c"

const kernel_set *stand_in_set(void)
{
    static kernel_set set;
    if (!kernel_set_find("avx512vnni") || kernel_set_find("avxvnni"))
        return NULL;
    set = *kernel_set_find("avx2");
    set.name = "avxvnni (as AVX-512)";
    set.gemm = avxvnni_as_avx512_gemm;
    set.round_rows = avxvnni_as_avx512_round_rows;
    return &set;
}

#else

const kernel_set *stand_in_set(void)
{
    return NULL;
}

#endif
