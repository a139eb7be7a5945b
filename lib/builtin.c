/*
 * builtin.c - finds the model that builtin_data.S linked in.
 */
#include "builtin.h"

#ifdef QUALICLIP_BUILTIN

#include <stdint.h>

extern const unsigned char builtin_model_data[];
extern const uint64_t builtin_model_size;

const void *builtin_model(size_t *size)
{
    *size = (size_t)builtin_model_size;
    return builtin_model_data;
}

#else

const void *builtin_model(size_t *size)
{
    *size = 0;
    return NULL;
}

#endif
