/*
 * clones.h - functions that are compiled for several CPUs, of which one is chosen at run time.
 */
#ifndef QUALICLIP_TRAIN_CLONES_H
#define QUALICLIP_TRAIN_CLONES_H

/*
 * For functions: as a target beyond AVX2, for AVX2 and for any CPU, where the compiler can choose.
 * Sanitizers look into functions before the choice can be made.
 */
#if defined __x86_64__ && defined __gnu_linux__ && !defined __SANITIZE_ADDRESS__ &&                \
    !defined __SANITIZE_THREAD__ && !defined __clang__
#define CLONES(target) __attribute__((target_clones(target, "avx2", "default")))
#else
#define CLONES(target)
#endif

#endif
