/*
 * dispatch.c - which kernels this build and this CPU have, and in which order.
 *
 * Nothing is remembered between calls, so there is nothing to lock; a model asks once, at open.
 */
#include "c_text.h"
#include "compiler.h"
#include "reference/reference.h"

#if defined(QUALICLIP_OPENBLAS)
#include "gemm_openblas.h"
#endif

#if QUALICLIP_X86

#include <cpuid.h>
#include <immintrin.h>

#include "x86/avx2.h"
#include "x86/avx512.h"
#include "x86/avxvnni.h"

/* The register in which the operating system declares what it saves at a context switch. */
TARGET_XSAVE static uint64_t saved_state(void)
{
    return _xgetbv(0);
}

/* What of the x86 sets can run here. */
struct x86_features {
    bool avx2, avx512, vnni, bf16; /* each with those before it */
    bool avxvnni;                  /* with avx2 */
};

static struct x86_features find_features(void)
{
    enum { SAVES_YMM = 0x06, SAVES_ZMM = 0xe6 };
    enum { AVX512_F = 1 << 16, AVX512_DQ = 1 << 17, AVX512_BW = 1 << 30 };
    const unsigned avx512_vl = 1u << 31, avx512_vnni = 1u << 11, avx512_bf16 = 1u << 5;
    const unsigned avx_vnni = 1u << 4;
    struct x86_features features = {0};
    unsigned a, b, c, d;

    if (!__get_cpuid(1, &a, &b, &c, &d))
        return features;
    unsigned needed = bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C;
    if ((c & needed) != needed || (saved_state() & SAVES_YMM) != SAVES_YMM)
        return features;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return features;
    features.avx2 = (b & bit_AVX2) != 0;
    needed = AVX512_F | AVX512_DQ | AVX512_BW | avx512_vl;
    features.avx512 =
        features.avx2 && (b & needed) == needed && (saved_state() & SAVES_ZMM) == SAVES_ZMM;
    features.vnni = features.avx512 && (c & avx512_vnni);
    if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) {
        features.bf16 = features.vnni && (a & avx512_bf16);
        features.avxvnni = features.avx2 && (a & avx_vnni);
    }
    return features;
}

#endif

#if QUALICLIP_AARCH64
#include "arm/neon.h"
#endif

/* What else an AArch64 CPU has, Linux tells every program; elsewhere nothing is assumed. */
#if QUALICLIP_NEON_EXTENSIONS && defined(__linux__)
#define QUALICLIP_ASKS_LINUX 1
#include <sys/auxv.h>

static bool has(unsigned long type, unsigned bit)
{
    return (getauxval(type) >> bit & 1) != 0;
}

#endif

enum { MOST_SETS = 10 };

/* Fills `sets`, the default first; the rest stay NULL. */
static void list_sets(const kernel_set *sets[MOST_SETS])
{
    size_t count = 0;

#if QUALICLIP_X86
    const struct x86_features features = find_features();
    if (features.bf16)
        sets[count++] = &kernel_set_avx512bf16;
    if (features.vnni)
        sets[count++] = &kernel_set_avx512vnni;
    if (features.avx512)
        sets[count++] = &kernel_set_avx512;
    if (features.avxvnni)
        sets[count++] = &kernel_set_avxvnni;
    /* Where it was measured, our own product beats OpenBLAS's on every shape (docs/kernels.md). */
    if (features.avx2) {
        sets[count++] = &kernel_set_avx2;
#if defined(QUALICLIP_OPENBLAS)
        sets[count++] = &kernel_set_avx2_openblas;
#endif
    }
#endif
#if defined(QUALICLIP_ASKS_LINUX)
    enum { ASIMDDP = 20, I8MM = 13, BF16 = 14 }; /* of HWCAP, HWCAP2 and HWCAP2 */
    const bool i8mm = has(AT_HWCAP2, I8MM);
    if (i8mm && has(AT_HWCAP2, BF16))
        sets[count++] = &kernel_set_neonbf16;
    if (i8mm)
        sets[count++] = &kernel_set_neoni8mm;
    if (has(AT_HWCAP, ASIMDDP))
        sets[count++] = &kernel_set_neondot;
#endif
#if QUALICLIP_AARCH64
    sets[count++] = &kernel_set_neon;
#endif
#if defined(QUALICLIP_OPENBLAS)
    sets[count++] = &kernel_set_reference_openblas;
#endif
    sets[count++] = &kernel_set_reference;
}

const kernel_set *kernel_set_at(size_t index)
{
    const kernel_set *sets[MOST_SETS] = {NULL};
    list_sets(sets);
    return index < MOST_SETS ? sets[index] : NULL;
}

const kernel_set *kernel_set_find(const char *name)
{
    if (!name)
        return kernel_set_at(0);
    for (size_t i = 0;; i++) {
        const kernel_set *set = kernel_set_at(i);
        if (!set || same_text(set->name, name))
            return set;
    }
}
