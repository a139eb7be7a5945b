/*
 * compiler.h - the one place that may know which compiler this is.
 *
 * Everything here has a fallback in plain C11, so that another compiler loses speed, not meaning.
 */
#ifndef QUALICLIP_COMPILER_H
#define QUALICLIP_COMPILER_H

#if defined(__GNUC__)
#  define PRINTF_LIKE(string, first) __attribute__((format(printf, string, first)))
#  define ALWAYS_INLINE inline __attribute__((always_inline))
#  define NEVER_INLINE __attribute__((noinline))
#  define TARGET_AVX2 __attribute__((target("avx2,fma,f16c")))
#  define TARGET_AVXVNNI __attribute__((target("avx2,fma,f16c,avxvnni")))
#  define TARGET_AVX512 __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")))
#  define TARGET_AVX512VNNI                                                                        \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#  define TARGET_AVX512BF16                                                                        \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))
#  define TARGET_NEONDOT __attribute__((target("arch=armv8.2-a+dotprod")))
#  define TARGET_NEONI8MM __attribute__((target("arch=armv8.2-a+i8mm")))
#  define TARGET_NEONBF16 __attribute__((target("arch=armv8.2-a+bf16")))
#  define TARGET_XSAVE __attribute__((target("xsave")))
#  if defined(__aarch64__)
#    define VECTOR_OPERAND "+w"
#  else
#    define VECTOR_OPERAND "+v"
#  endif
/* Keeps a float or vector in a register: gcc else folds its load into each of its uses. */
#  define KEEP_IN_REGISTER(v) __asm__("" : VECTOR_OPERAND(v))
/* The same, and in the order of other such points: gcc else starts too much for the registers. */
#  define KEEP_IN_ORDER(v) __asm__ volatile("" : VECTOR_OPERAND(v))
/* Keeps the compiler from knowing a whole number, and from computing with it beforehand. */
#  define FORGET(number) __asm__("" : "+r"(number))
#  define PREFETCH(address) __builtin_prefetch(address)
/*
 * Before a loop whose every turn must become straight-line code, or its arrays stay in memory.  Not
 * for the sanitizers (QUALICLIP_ROLLED): they add to each access, and minutes to each file of tiles.
 */
#  if defined(QUALICLIP_ROLLED)
#    define UNROLL_FULLY
#  elif defined(__clang__)
#    define UNROLL_FULLY _Pragma("clang loop unroll(full)")
#  else
#    define UNROLL_FULLY _Pragma("GCC unroll 32")
#  endif
#else
#  define PRINTF_LIKE(string, first)
#  define ALWAYS_INLINE inline
#  define NEVER_INLINE
#  define TARGET_AVX2
#  define TARGET_AVXVNNI
#  define TARGET_AVX512
#  define TARGET_AVX512VNNI
#  define TARGET_AVX512BF16
#  define TARGET_NEONDOT
#  define TARGET_NEONI8MM
#  define TARGET_NEONBF16
#  define TARGET_XSAVE
#  define KEEP_IN_REGISTER(v) ((void)0)
#  define KEEP_IN_ORDER(v) ((void)0)
#  define FORGET(number) ((void)0)
#  define PREFETCH(address) ((void)(address))
#  define UNROLL_FULLY
#endif

/* Tells the core that it is waiting for another one. */
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
#  define CPU_RELAX() __builtin_ia32_pause()
#elif defined(__GNUC__) && defined(__aarch64__)
#  define CPU_RELAX() __asm__ volatile("yield")
#else
#  define CPU_RELAX() ((void)0)
#endif

#if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)
#  define QUALICLIP_X86 1
#else
#  define QUALICLIP_X86 0
#endif

/* Every AArch64 has NEON; a program may be compiled not to use it.  No set for big-endian ones. */
#if defined(__aarch64__) && defined(__ARM_NEON) && !defined(__AARCH64EB__) && defined(__GNUC__)
#  define QUALICLIP_AARCH64 1
#else
#  define QUALICLIP_AARCH64 0
#endif

/* Whether a function may use what later AArch64 CPUs have: clang learned to say so late. */
#if QUALICLIP_AARCH64 && (!defined(__clang__) || __clang_major__ >= 16)
#  define QUALICLIP_NEON_EXTENSIONS 1
#else
#  define QUALICLIP_NEON_EXTENSIONS 0
#endif

#endif
