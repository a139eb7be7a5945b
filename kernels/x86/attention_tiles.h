/*
 * attention_tiles.h - attention on x86, blocked, with an online softmax.  Included by each set,
 * which defines before:
 *
 *   TILE_TARGET   the target attribute
 *   VECTOR        so many floats: LANES
 *   TILE_ROWS     vectors of sums in a tile, divided by two
 *   PAIRS         1, or 2: numbers are rounded to bf16, and two of them stand where else a float
 * does vector_...    inline functions; of them vector_pairs(a, b), if PAIRS is 2: the numbers of a
 * in the lower halves, those of b in the upper ones
 *
 * Queries lie in the lanes: 2 * LANES of them, turned once, against which keys and values are read
 * where they are, one float spread over a vector at a time.  So neither is ever copied, and all of
 * softmax is lane by lane.  Of a block of tokens, for each group of queries: their scores; the
 * largest so far, by whose growth what was summed before is corrected; the exponentials; the sums
 * of values, a channel a row.  Nothing is as large as queries x tokens.
 *
 * Of pairs, queries and keys have those of neighbouring channels, scores and values those of
 * neighbouring tokens, an odd one's other half being zero; keys and values are rounded to scratch,
 * once for all groups that share a block.
 *
 * What a query gives depends on itself and all tokens alone: blocks of tokens begin at fixed ones,
 * and each of its sums is one chain in ascending order.
 */
#include <math.h>

#include "compiler.h"
#include "kernels.h"
#include "x86/pack_avx2.h"

#define ELEMENTS(n) (((n) + PAIRS - 1) / PAIRS) /* floats, or pairs, that n numbers take */

#define VECTORS     2
#define GROUP       (VECTORS * LANES) /* queries whose sums a tile holds */
#define QUERY_BLOCK 96                /* that a block of keys and values serves in one go */
#define UNROLL      4                 /* channels */
#define TOKEN_BLOCK 96 /* whose scores, and what they meet, stay in the first cache */

/* A group of queries: what is known of them so far. */
struct group {
    const float *queries; /* panels of PANEL_OUTPUTS lanes: see query_vector() */
    float *sums;          /* channels x GROUP */
    float *largest, *total, *correction;
    size_t vectors; /* that hold queries */
};

static size_t group_floats(size_t size)
{
    return 2 * size * GROUP + 3 * GROUP;
}

static ALWAYS_INLINE TILE_TARGET VECTOR query_vector(const float *queries, size_t size, size_t c,
                                                     size_t v)
{
    const size_t lane = v * LANES;
    return vector_load(queries + (lane / PANEL_OUTPUTS * size + c) * PANEL_OUTPUTS +
                       lane % PANEL_OUTPUTS);
}

/* --------------------------------------------------------------------------------------- scores */

/* Tokens to fetch while a tile is computed, a row for each UNROLL channels. */
struct ahead {
    const float *keys, *values;
    size_t stride; /* 0: what is at hand, over and over */
};

static ALWAYS_INLINE void fetch_row(const float *row)
{
    UNROLL_FULLY
    for (size_t line = 0; line < 4; line++) /* CLIP's heads have 64 channels */
        PREFETCH(row + 16 * line);
}

/* Channel, or pair of channels, c: rows x vectors products. */
static ALWAYS_INLINE TILE_TARGET void add_channel(VECTOR *sums, const struct group *group,
                                                  const float *const *every_third, size_t stride,
                                                  size_t size, size_t c, size_t rows,
                                                  size_t vectors)
{
    VECTOR w[VECTORS];
    UNROLL_FULLY
    for (size_t v = 0; v < vectors; v++) {
        w[v] = query_vector(group->queries, size, c, v);
        KEEP_IN_REGISTER(w[v]);
    }
    UNROLL_FULLY
    for (size_t r = 0; r < rows; r++) {
        const VECTOR x = vector_spread(every_third[r / 3] + r % 3 * stride + c);
        UNROLL_FULLY
        for (size_t v = 0; v < vectors; v++)
            sums[r * vectors + v] = vector_multiply_add(x, w[v], sums[r * vectors + v]);
    }
}

/* scores[r] = keys[r] . queries; raises `largest`. */
static ALWAYS_INLINE TILE_TARGET void score_tile(const struct group *group, const float *keys,
                                                 size_t stride, size_t size, struct ahead ahead,
                                                 float *scores, size_t rows, size_t vectors)
{
    const float *every_third[(TILE_ROWS + 2) / 3];
    VECTOR sums[TILE_ROWS * VECTORS];
    UNROLL_FULLY
    for (size_t r = 0; r < rows; r += 3)
        every_third[r / 3] = keys + r * stride;
    UNROLL_FULLY
    for (size_t s = 0; s < rows * vectors; s++)
        sums[s] = vector_set(0);
    size_t c = 0;
    for (; c + UNROLL <= size; c += UNROLL) {
        FORGET(stride);
        fetch_row(ahead.keys);
        fetch_row(ahead.values);
        ahead.keys += ahead.stride;
        ahead.values += ahead.stride;
        UNROLL_FULLY
        for (size_t u = 0; u < UNROLL; u++)
            add_channel(sums, group, every_third, stride, size, c + u, rows, vectors);
    }
    for (; c < size; c++)
        add_channel(sums, group, every_third, stride, size, c, rows, vectors);
    UNROLL_FULLY
    for (size_t v = 0; v < vectors; v++) {
        VECTOR largest = vector_load(group->largest + v * LANES);
        UNROLL_FULLY
        for (size_t r = 0; r < rows; r++) {
            vector_store(scores + r * GROUP + v * LANES, sums[r * vectors + v]);
            largest = vector_max(sums[r * vectors + v], largest);
        }
        vector_store(group->largest + v * LANES, largest);
    }
}

/* --------------------------------------------------------------------------------- exponentials */

/* Scores become exp(scale * (score - largest)), or their pairs; they are added to the total. */
static ALWAYS_INLINE TILE_TARGET void exponentials(const struct group *group, float *scores,
                                                   size_t tokens, float scale, size_t v)
{
    const VECTOR largest = vector_load(group->largest + v * LANES), scales = vector_set(scale);
    VECTOR total = vector_load(group->total + v * LANES);
    total = vector_multiply(total, vector_load(group->correction + v * LANES));
    scores += v * LANES;
    float *to = scores;
    for (size_t j = 0; j < tokens; j += PAIRS, scores += PAIRS * GROUP, to += GROUP) {
        VECTOR e[PAIRS];
        UNROLL_FULLY
        for (size_t i = 0; i < PAIRS; i++) {
            const VECTOR below = vector_subtract(vector_load(scores + i * GROUP), largest);
            e[i] = vector_exp(vector_multiply(below, scales));
            if (j + i < tokens)
                total = vector_add(total, e[i]);
            else
                e[i] = vector_set(0);
        }
        vector_store(to, PAIRS == 2 ? vector_pairs(e[0], e[PAIRS - 1]) : e[0]);
    }
    vector_store(group->total + v * LANES, total);
}

/* --------------------------------------------------------------------------------------- values */

/* sums[c] = correction * sums[c] + the values' channel c, each times its score. */
static ALWAYS_INLINE TILE_TARGET void value_tile(const struct group *group, const float *values,
                                                 size_t stride, const float *scores, size_t tokens,
                                                 float *to, size_t rows, size_t vectors)
{
    VECTOR sums[TILE_ROWS * VECTORS];
    UNROLL_FULLY
    for (size_t r = 0; r < rows; r++)
        UNROLL_FULLY
    for (size_t v = 0; v < vectors; v++)
        sums[r * vectors + v] = vector_multiply(vector_load(to + r * GROUP + v * LANES),
                                                vector_load(group->correction + v * LANES));
    for (size_t j = 0; j < tokens; j++, values += stride, scores += GROUP) {
        VECTOR w[VECTORS];
        UNROLL_FULLY
        for (size_t v = 0; v < vectors; v++) {
            w[v] = vector_load(scores + v * LANES);
            KEEP_IN_REGISTER(w[v]);
        }
        UNROLL_FULLY
        for (size_t r = 0; r < rows; r++) {
            const VECTOR x = vector_spread(values + r);
            UNROLL_FULLY
            for (size_t v = 0; v < vectors; v++)
                sums[r * vectors + v] = vector_multiply_add(x, w[v], sums[r * vectors + v]);
        }
    }
    UNROLL_FULLY
    for (size_t r = 0; r < rows; r++)
        UNROLL_FULLY
    for (size_t v = 0; v < vectors; v++)
        vector_store(to + r * GROUP + v * LANES, sums[r * vectors + v]);
}

/* ------------------------------------------------------------------------ tiles of every height */

typedef void score_function(const struct group *group, const float *keys, size_t stride,
                            size_t size, struct ahead ahead, float *scores);
typedef void value_function(const struct group *group, const float *values, size_t stride,
                            const float *scores, size_t tokens, float *to);

#define DEFINE_HEIGHT(rows, vectors)                                                               \
    static TILE_TARGET void score_##rows##x##vectors(const struct group *group, const float *keys, \
                                                     size_t stride, size_t size,                   \
                                                     struct ahead ahead, float *scores)            \
    {                                                                                              \
        score_tile(group, keys, stride, size, ahead, scores, rows, vectors);                       \
    }                                                                                              \
    static TILE_TARGET void value_##rows##x##vectors(                                              \
        const struct group *group, const float *values, size_t stride, const float *scores,        \
        size_t tokens, float *to)                                                                  \
    {                                                                                              \
        value_tile(group, values, stride, scores, tokens, to, rows, vectors);                      \
    }

/* `each` is DEFINE_HEIGHT, and then what makes the tables. */
#if TILE_ROWS == 12
#define FOR_EACH_HEIGHT(each, vectors)                                                             \
    each(1, vectors) each(2, vectors) each(3, vectors) each(4, vectors) each(5, vectors)           \
        each(6, vectors) each(7, vectors) each(8, vectors) each(9, vectors) each(10, vectors)      \
            each(11, vectors) each(12, vectors)
#else
#define FOR_EACH_HEIGHT(each, vectors)                                                             \
    each(1, vectors) each(2, vectors) each(3, vectors) each(4, vectors) each(5, vectors)           \
        each(6, vectors)
#endif
#define SCORE_ENTRY(rows, vectors) score_##rows##x##vectors,
#define VALUE_ENTRY(rows, vectors) value_##rows##x##vectors,

FOR_EACH_HEIGHT(DEFINE_HEIGHT, 1)
FOR_EACH_HEIGHT(DEFINE_HEIGHT, 2)

static score_function *const score_tiles[VECTORS + 1][TILE_ROWS + 1] = {
    {NULL}, {NULL, FOR_EACH_HEIGHT(SCORE_ENTRY, 1)}, {NULL, FOR_EACH_HEIGHT(SCORE_ENTRY, 2)}};
static value_function *const value_tiles[VECTORS + 1][TILE_ROWS + 1] = {
    {NULL}, {NULL, FOR_EACH_HEIGHT(VALUE_ENTRY, 1)}, {NULL, FOR_EACH_HEIGHT(VALUE_ENTRY, 2)}};

/* Rows of the next tile: as many for each as the fewest tiles can have. */
static size_t rows_of_tile(size_t left)
{
    const size_t tiles = (left + TILE_ROWS - 1) / TILE_ROWS;
    return (left + tiles - 1) / tiles;
}

/* --------------------------------------------------------------------------------------- groups */

/* Keys and values of some tokens, as tiles read them: of the call, or pairs in scratch. */
struct block {
    const float *keys, *values;
    size_t key_stride, value_stride;
    size_t first, tokens;
};

#if PAIRS == 2

static size_t whole_vectors(size_t elements)
{
    return (elements + LANES - 1) / LANES * LANES;
}

static size_t room_floats(size_t size)
{
    return TOKEN_BLOCK * whole_vectors(ELEMENTS(size)) +
           ELEMENTS(TOKEN_BLOCK) * whole_vectors(size);
}

static TILE_TARGET struct block take_block(const attention_call *call, size_t first, size_t tokens,
                                           float *room)
{
    const size_t size = call->size;
    float *keys = room, *values = room + TOKEN_BLOCK * whole_vectors(ELEMENTS(size));
    const struct block block = {keys,  values, whole_vectors(ELEMENTS(size)), whole_vectors(size),
                                first, tokens};
    for (size_t j = 0; j < tokens; j++, keys += block.key_stride) {
        const float *row = call->k + (first + j) * call->stride;
        for (size_t c = 0; c < size; c += 2 * LANES)
            vector_store(keys + c / 2,
                         vector_neighbours(
                             vector_load_first(row + c, size - c),
                             c + LANES < size ? vector_load_first(row + c + LANES, size - c - LANES)
                                              : vector_set(0)));
    }
    for (size_t j = 0; j < tokens; j += 2, values += block.value_stride) {
        const float *row = call->v + (first + j) * call->stride;
        for (size_t c = 0; c < size; c += LANES)
            vector_store(values + c,
                         vector_pairs(vector_load_first(row + c, size - c),
                                      j + 1 < tokens
                                          ? vector_load_first(row + call->stride + c, size - c)
                                          : vector_set(0)));
    }
    return block;
}

/* What is read next is in the cache: it has just been rounded. */
static struct ahead find_ahead(const attention_call *call, const struct block *block, size_t token,
                               size_t rows)
{
    (void)call;
    (void)token;
    (void)rows;
    return (struct ahead){block->keys, block->values, 0};
}

/* Panels of floats become panels of pairs, in place. */
static TILE_TARGET void round_queries(float *queries, size_t size, size_t lane)
{
    const float *from = queries + lane * size;
    float *to = queries + lane * ELEMENTS(size);
    for (size_t c = 0; c < size; c += 2, to += PANEL_OUTPUTS)
        vector_store(to, vector_pairs(vector_load(from + c * PANEL_OUTPUTS),
                                      c + 1 < size ? vector_load(from + (c + 1) * PANEL_OUTPUTS)
                                                   : vector_set(0)));
}

#else

static size_t room_floats(size_t size)
{
    (void)size;
    return 0;
}

static struct block take_block(const attention_call *call, size_t first, size_t tokens, float *room)
{
    (void)room;
    return (struct block){call->k + first * call->stride,
                          call->v + first * call->stride,
                          call->stride,
                          call->stride,
                          first,
                          tokens};
}

/* The keys behind a tile of them, and the values of its own tokens: a row for UNROLL channels. */
static struct ahead find_ahead(const attention_call *call, const struct block *block, size_t token,
                               size_t rows)
{
    const size_t fetched = call->size / UNROLL;
    const bool inside = block->first + token + rows + fetched <= call->tokens;
    return (struct ahead){block->keys + (token + (inside ? rows : 0)) * call->stride,
                          block->values + token * call->stride, inside ? call->stride : 0};
}

static void round_queries(float *queries, size_t size, size_t lane)
{
    (void)queries;
    (void)size;
    (void)lane;
}

#endif

/* A block of tokens for a group of queries. */
static TILE_TARGET void attend_block(const struct group *group, const attention_call *call,
                                     const struct block *block, float *scores)
{
    const size_t vectors = group->vectors;
    VECTOR before[VECTORS];
    for (size_t v = 0; v < vectors; v++)
        before[v] = vector_load(group->largest + v * LANES);
    for (size_t j = 0; j < block->tokens;) {
        const size_t rows = rows_of_tile(block->tokens - j);
        score_tiles[vectors][rows](group, block->keys + j * block->key_stride, block->key_stride,
                                   ELEMENTS(call->size), find_ahead(call, block, j, rows),
                                   scores + j * GROUP);
        j += rows;
    }
    for (size_t v = 0; v < vectors; v++) {
        const VECTOR growth = vector_subtract(before[v], vector_load(group->largest + v * LANES));
        vector_store(group->correction + v * LANES,
                     vector_exp(vector_multiply(growth, vector_set(call->scale))));
        exponentials(group, scores, block->tokens, call->scale, v);
    }
    for (size_t c = 0; c < call->size;) {
        const size_t rows = rows_of_tile(call->size - c);
        value_tiles[vectors][rows](group, block->values + c, block->value_stride, scores,
                                   ELEMENTS(block->tokens), group->sums + c * GROUP);
        c += rows;
    }
}

static TILE_TARGET void begin_group(struct group *group, const attention_call *call, size_t first,
                                    size_t count, float *memory)
{
    float *queries = memory;
    group->queries = queries;
    group->sums = memory + call->size * GROUP;
    group->largest = group->sums + call->size * GROUP;
    group->total = group->largest + GROUP;
    group->correction = group->total + GROUP;
    group->vectors = (count + LANES - 1) / LANES;

    const gemm_call turned = {.weights = call->q, .weight_stride = call->stride};
    for (size_t i = 0; i < count; i += PANEL_OUTPUTS) {
        const size_t left = count - i;
        avx2_pack_weights(queries + i * call->size, PANEL_OUTPUTS, &turned, first + i,
                          left < PANEL_OUTPUTS ? left : PANEL_OUTPUTS, call->size);
        round_queries(queries, call->size, i);
    }
    for (size_t i = 0; i < call->size * GROUP; i++)
        group->sums[i] = 0;
    for (size_t i = 0; i < GROUP; i++) {
        group->largest[i] = -INFINITY;
        group->total[i] = 0;
    }
}

/* `room`: GROUP * PANEL_OUTPUTS floats. */
static TILE_TARGET void end_group(const struct group *group, const attention_call *call,
                                  size_t first, size_t count, float *room)
{
    for (size_t v = 0; v < group->vectors; v++) {
        const VECTOR factor = vector_divide(vector_set(1), vector_load(group->total + v * LANES));
        for (size_t c = 0; c < call->size; c++) {
            float *sums = group->sums + c * GROUP + v * LANES;
            vector_store(sums, vector_multiply(vector_load(sums), factor));
        }
    }
    const gemm_call turned = {.weights = group->sums, .weight_stride = GROUP};
    for (size_t c = 0; c < call->size; c += PANEL_OUTPUTS) {
        const size_t left = call->size - c, width = left < PANEL_OUTPUTS ? left : PANEL_OUTPUTS;
        avx2_pack_weights(room, PANEL_OUTPUTS, &turned, c, width, count);
        for (size_t i = 0; i < count; i++)
            for (size_t j = 0; j < width; j++)
                call->out[(first + i) * call->out_stride + c + j] = room[i * PANEL_OUTPUTS + j];
    }
}

static size_t scratch_floats(size_t queries, size_t size)
{
    const size_t most = queries < QUERY_BLOCK ? queries : QUERY_BLOCK;
    const size_t groups = (most + GROUP - 1) / GROUP;
    return groups * group_floats(size) + TOKEN_BLOCK * GROUP + room_floats(size);
}

static TILE_TARGET void attend(const attention_call *call, float *scratch)
{
    struct group groups[QUERY_BLOCK / GROUP];
    float *scores = scratch, *room = scratch + TOKEN_BLOCK * GROUP;
    float *memory = room + room_floats(call->size);

    for (size_t i = 0; i < call->queries; i += QUERY_BLOCK) {
        const size_t rest = call->queries - i, queries = rest < QUERY_BLOCK ? rest : QUERY_BLOCK;
        const size_t count = (queries + GROUP - 1) / GROUP;
        for (size_t g = 0; g < count; g++) {
            const size_t left = queries - g * GROUP;
            begin_group(&groups[g], call, i + g * GROUP, left < GROUP ? left : GROUP,
                        memory + g * group_floats(call->size));
        }
        for (size_t first = 0; first < call->tokens; first += TOKEN_BLOCK) {
            const size_t left = call->tokens - first;
            const struct block block =
                take_block(call, first, left < TOKEN_BLOCK ? left : TOKEN_BLOCK, room);
            for (size_t g = 0; g < count; g++)
                attend_block(&groups[g], call, &block, scores);
        }
        for (size_t g = 0; g < count; g++) {
            const size_t left = queries - g * GROUP;
            end_group(&groups[g], call, i + g * GROUP, left < GROUP ? left : GROUP, scores);
        }
    }
}
