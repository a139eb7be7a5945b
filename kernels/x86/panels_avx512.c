/*
 * panels_avx512.c - cuts a product into panels and tiles, finds their weights, and has the next
 * ones fetched in time.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include "x86/pack_avx2.h"
#include "x86/panels_avx512.h"

#define ROW_BLOCK 240
#define LINE      64

/* Rows of the next tile: as many for each as the fewest tiles can have. */
static size_t rows_of_tile(size_t left)
{
    const size_t tiles = (left + PANEL_TILE_ROWS - 1) / PANEL_TILE_ROWS;
    return (left + tiles - 1) / tiles;
}

/* What a tile fetches in its course. */
static size_t tile_fetches(const gemm_call *call, number_type type)
{
    const size_t groups = call->taps * (call->inputs / group_inputs(type));
    return groups / 2 * LINE;
}

/* What is read next: the panels behind these, or what follows this call. */
static const char *find_next(const struct panels *panels, size_t *bytes)
{
    const gemm_call *call = panels->call;
    const size_t output = panels->output + MOST_OUTPUTS;
    const size_t panel = panel_bytes(call->weight_type, call->taps, call->inputs);
    if (call->packed && output < call->outputs) {
        const size_t left = (call->outputs - output + PANEL_OUTPUTS - 1) / PANEL_OUTPUTS;
        *bytes = (left < PANELS ? left : PANELS) * panel;
        return (const char *)call->packed + output / PANEL_OUTPUTS * panel;
    }
    *bytes = call->ahead ? call->ahead_bytes : 0;
    return call->ahead ? call->ahead : panels->weights;
}

static void compute_tiles(struct panels *panels, const struct tile_tables *tables, number_type type,
                          size_t first_row, size_t rows)
{
    const gemm_call *call = panels->call;
    tile_function *const *tiles = panels->outputs > PANEL_OUTPUTS ? tables->two : tables->one;
    const size_t fetched = tile_fetches(call, type);
    size_t bytes;
    const char *next = find_next(panels, &bytes);
    /* In the last tiles: what came earlier would be pushed out again before its use. */
    size_t fetches = fetched ? bytes / fetched : 0;

    for (size_t row = first_row; row < first_row + rows;) {
        const size_t left = first_row + rows - row, count = rows_of_tile(left);
        const bool fetch = fetches > 0 && left <= (fetches + 1) * PANEL_TILE_ROWS;
        /* Where nothing is to be fetched, what is at hand: a test in the loop would cost more. */
        panels->ahead = fetch ? next : panels->weights;
        next += fetch ? fetched : 0;
        fetches -= fetch;
        tiles[count](panels, row);
        row += count;
    }
}

/* Packed in this call, or packed before but of a type that the tiles do not read. */
static void gather_weights(struct panels *panels, float *scratch)
{
    const gemm_call *call = panels->call;
    const size_t depth = call->taps * call->inputs;
    panels->weights = (const char *)scratch;
    panels->to_second = depth * PANEL_OUTPUTS * sizeof(float);
    for (size_t first = 0; first < panels->outputs; first += PANEL_OUTPUTS) {
        const size_t output = panels->output + first, left = panels->outputs - first;
        float *panel = scratch + first * depth;
        if (call->packed)
            avx2_widen_panel(panel, PANEL_OUTPUTS,
                             (const char *)call->packed +
                                 output / PANEL_OUTPUTS *
                                     panel_bytes(call->weight_type, call->taps, call->inputs),
                             call->weight_type, call->taps, call->inputs);
        else
            avx2_pack_weights(panel, PANEL_OUTPUTS, call, output,
                              left < PANEL_OUTPUTS ? left : PANEL_OUTPUTS, depth);
    }
}

static void find_weights(struct panels *panels, number_type type, float *scratch)
{
    const gemm_call *call = panels->call;
    const bool in_place = call->packed && type == call->weight_type;

    if (in_place) {
        panels->to_second = panel_bytes(type, call->taps, call->inputs);
        panels->weights =
            (const char *)call->packed + panels->output / PANEL_OUTPUTS * panels->to_second;
    } else {
        gather_weights(panels, scratch);
    }
}

size_t panels_scratch(size_t taps, size_t inputs)
{
    return MOST_OUTPUTS * taps * inputs;
}

void compute_panels(const gemm_call *call, const struct tile_tables *tables, number_type type,
                    float *scratch)
{
    const size_t blocks = (call->rows + ROW_BLOCK - 1) / ROW_BLOCK;
    struct panels panels = {.call = call};

    for (size_t b = 0; b < blocks; b++) {
        const size_t first_row = call->rows * b / blocks;
        const size_t rows = call->rows * (b + 1) / blocks - first_row;
        for (panels.output = 0; panels.output < call->outputs; panels.output += MOST_OUTPUTS) {
            const size_t left = call->outputs - panels.output;
            panels.outputs = left < MOST_OUTPUTS ? left : MOST_OUTPUTS;
            find_weights(&panels, type, scratch);
            compute_tiles(&panels, tables, type, first_row, rows);
        }
    }
}

#else

typedef int panels_avx512_is_for_x86;

#endif
