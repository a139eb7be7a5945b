/*
 * panels_avx512.h - the order of work that the AVX-512 products share, whatever they multiply.
 *
 * A block of rows, small enough to stay in the cache; in it, two panels of 16 outputs at a time;
 * with them, tiles of up to PANEL_TILE_ROWS rows, whose sums stay in registers.  A tile's kind is
 * known from the table that it stands in.
 */
#ifndef QUALICLIP_X86_PANELS_AVX512_H
#define QUALICLIP_X86_PANELS_AVX512_H

#include "kernels.h"

#define PANEL_TILE_ROWS 12
#define PANELS          2 /* at a time */
#define MOST_OUTPUTS    (PANELS * PANEL_OUTPUTS)

/* Up to two panels: what their tiles have in common. */
struct panels {
    const gemm_call *call;
    const char *weights; /* groups of 64 bytes (f16: 32); of I8, a struct panel_i8 */
    size_t to_second;    /* bytes from the first panel's groups to the second's */
    size_t output, outputs;
    const char *ahead; /* memory to fetch while a tile is computed: a cache line for two groups */
};

typedef void tile_function(const struct panels *panels, size_t row);

/* By number of rows, for one panel and for two; [..][0] is NULL. */
struct tile_tables {
    tile_function *const *one, *const *two;
};

/* Floats of scratch, for two panels of packed f32 weights. */
size_t panels_scratch(size_t taps, size_t inputs);

/* Computes a call by tiles; `type` is what they read: the weights' or, if packed here, f32. */
void compute_panels(const gemm_call *call, const struct tile_tables *tables, number_type type,
                    float *scratch);

#endif
