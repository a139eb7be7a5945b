/*
 * default_kernels.h - for tests: the machine's default set of kernels, looked for once.  (A virtual
 * machine takes its time over CPUID.)
 */
#ifndef QUALICLIP_TEST_DEFAULT_KERNELS_H
#define QUALICLIP_TEST_DEFAULT_KERNELS_H

#include "kernels.h"

static inline const kernel_set *default_kernels(void)
{
    static const kernel_set *set;
    if (!set)
        set = kernel_set_at(0);
    return set;
}

#endif
