/*
 * pack_weights.c - weights in the order in which kernels read them.  Done once, when a model is
 * opened; bound by memory, so that plain C is enough.
 */
#include "kernels.h"

/*
 * One panel, as many inputs at a time as fill a cache line of each output: rows whose length is a
 * power of two would push each other out of the cache otherwise.
 */
#define DEFINE_PACK_PANEL(number)                                                                  \
    static void pack_panel_##number(number *packed, const number *weights, size_t outputs,         \
                                    size_t depth)                                                  \
    {                                                                                              \
        enum { CHUNK = 64 / sizeof(number) };                                                      \
        for (size_t first = 0; first < depth; first += CHUNK) {                                    \
            size_t count = depth - first < CHUNK ? depth - first : CHUNK;                          \
            for (size_t n = 0; n < PANEL_OUTPUTS; n++)                                             \
                for (size_t i = first; i < first + count; i++)                                     \
                    packed[i * PANEL_OUTPUTS + n] = n < outputs ? weights[n * depth + i] : 0;      \
        }                                                                                          \
    }

DEFINE_PACK_PANEL(float)
DEFINE_PACK_PANEL(uint16_t)

void pack_weights(void *packed, const void *weights, number_type type, size_t outputs, size_t depth)
{
    for (size_t output = 0; output < outputs; output += PANEL_OUTPUTS) {
        size_t left = outputs - output, first = output * depth;
        size_t count = left < PANEL_OUTPUTS ? left : PANEL_OUTPUTS;
        if (number_size(type) == sizeof(float))
            pack_panel_float((float *)packed + first, (const float *)weights + first, count, depth);
        else
            pack_panel_uint16_t((uint16_t *)packed + first, (const uint16_t *)weights + first,
                                count, depth);
    }
}
