/*
 * normalise.c - see normalise.h.
 *
 * Each function goes through the blocks of channels, and for each through all pixels of the
 * images.  Sums are taken over runs of pixels first, so that none is long, and in f64 in the end.
 */
#include "normalise.h"

/* ------------------------------------------------------------------------------------- moments */

/* Adds the sums of z - centre, or of its square, over a run; two at a time, for the adders. */
static ALWAYS_INLINE void moment_of_run(const float *z, size_t pixels, const lanes *centre,
                                        bool squares, lanes *sum, size_t vectors)
{
    lanes even[MOST_VECTORS] = {{0}}, odd[MOST_VECTORS] = {{0}};
    const size_t step = vectors * LANES;
    size_t i = 0;
    for (; i + 2 <= pixels; i += 2)
        for (size_t v = 0; v < vectors; v++) {
            const lanes a = load(z + i * step + v * LANES) - centre[v];
            const lanes b = load(z + (i + 1) * step + v * LANES) - centre[v];
            even[v] += squares ? a * a : a;
            odd[v] += squares ? b * b : b;
        }
    for (; i < pixels; i++)
        for (size_t v = 0; v < vectors; v++) {
            const lanes a = load(z + i * step + v * LANES) - centre[v];
            even[v] += squares ? a * a : a;
        }
    for (size_t v = 0; v < vectors; v++)
        sum[v] += even[v] + odd[v];
}

static ALWAYS_INLINE void moment_of_block(const struct planes *planes, const float *z, size_t block,
                                          const lanes *centre, bool squares, lanes *sum,
                                          size_t vectors)
{
    const size_t pixels = pixels_of(planes);
    for (size_t image = 0; image < planes->images; image++) {
        const float *from = z + offset_of(planes, image, block);
        for (size_t i = 0; i < pixels; i += RUN)
            moment_of_run(from + i * vectors * LANES, smaller_of(RUN, pixels - i), centre, squares,
                          sum, vectors);
    }
}

/* Joins the moments of `count` more numbers of a channel to those of `before`. */
static ALWAYS_INLINE void merge_channel(double before, double *mean, double *deviation,
                                        double count, double other_mean, double other_deviation)
{
    const double all = before + count, difference = other_mean - *mean;
    *mean += difference * count / all;
    *deviation += other_deviation + difference * difference * before * count / all;
}

static ALWAYS_INLINE void add_moments(struct channel_moments *moments, const struct planes *planes,
                                      const float *z, size_t vectors)
{
    const double count = (double)(planes->images * pixels_of(planes));
    const lanes zero[MOST_VECTORS] = {{0}};
    for (size_t block = 0; block < planes->blocks; block++) {
        lanes sum[MOST_VECTORS] = {{0}}, squares[MOST_VECTORS] = {{0}}, mean[MOST_VECTORS];
        moment_of_block(planes, z, block, zero, false, sum, vectors);
        for (size_t v = 0; v < vectors; v++)
            mean[v] = sum[v] * spread((float)(1 / count));
        moment_of_block(planes, z, block, mean, true, squares, vectors);
        for (size_t v = 0; v < vectors; v++)
            for (size_t l = 0; l < LANES; l++) {
                const size_t channel = (block * vectors + v) * LANES + l;
                /* The squares are about the rounded mean, which moves them by next to nothing. */
                merge_channel(moments->count, &moments->mean[channel], &moments->deviation[channel],
                              count, (double)sum[v][l] / count, (double)squares[v][l]);
            }
    }
    moments->count += count;
}

FOR_EACH_CPU void moments_add(struct channel_moments *moments, const struct planes *planes,
                              const float *z)
{
    FOR_BLOCKS(planes, add_moments, moments, planes, z);
}

void moments_merge(struct channel_moments *moments, size_t count, size_t channels)
{
    struct channel_moments *sum = &moments[0];
    for (size_t i = 1; i < count; i++) {
        if (moments[i].count == 0)
            continue;
        for (size_t c = 0; c < channels; c++)
            merge_channel(sum->count, &sum->mean[c], &sum->deviation[c], moments[i].count,
                          moments[i].mean[c], moments[i].deviation[c]);
        sum->count += moments[i].count;
    }
}

/* ------------------------------------------------------------------------ normalised and ReLUed */

static ALWAYS_INLINE lanes activated(lanes z, lanes scale, lanes shift)
{
    const lanes y = z * scale + shift;
    return keep_where_positive(y, y);
}

static ALWAYS_INLINE void activate_whole(const struct planes *planes,
                                         const struct channel_factors *factors, const float *z,
                                         float *out, size_t vectors)
{
    const size_t pixels = pixels_of(planes), step = vectors * LANES;
    for (size_t image = 0; image < planes->images; image++)
        for (size_t block = 0; block < planes->blocks; block++) {
            lanes scale[MOST_VECTORS], shift[MOST_VECTORS];
            load_channels(scale, factors->scale, block, vectors);
            load_channels(shift, factors->shift, block, vectors);
            const size_t offset = offset_of(planes, image, block);
            for (size_t i = offset; i < offset + pixels * step; i += step)
                for (size_t v = 0; v < vectors; v++)
                    store(out + i + v * LANES,
                          activated(load(z + i + v * LANES), scale[v], shift[v]));
        }
}

static ALWAYS_INLINE void activate_pooled(const struct planes *planes,
                                          const struct channel_factors *factors, const float *z,
                                          float *out, size_t vectors)
{
    const size_t step = vectors * LANES, row = planes->width * step;
    for (size_t image = 0; image < planes->images; image++)
        for (size_t block = 0; block < planes->blocks; block++) {
            lanes scale[MOST_VECTORS], shift[MOST_VECTORS];
            load_channels(scale, factors->scale, block, vectors);
            load_channels(shift, factors->shift, block, vectors);
            float *to = out + pooled_offset_of(planes, image, block);
            for (size_t y = 0; y < planes->height / 2; y++) {
                const float *from = z + offset_of(planes, image, block) + 2 * y * row;
                for (size_t x = 0; x < planes->width / 2; x++, from += 2 * step, to += step)
                    for (size_t v = 0; v < vectors; v++) {
                        const float *corner = from + v * LANES;
                        store(to + v * LANES,
                              spread(0.25f) *
                                  ((activated(load(corner), scale[v], shift[v]) +
                                    activated(load(corner + step), scale[v], shift[v])) +
                                   (activated(load(corner + row), scale[v], shift[v]) +
                                    activated(load(corner + row + step), scale[v], shift[v]))));
                    }
            }
        }
}

FOR_EACH_CPU void activate(const struct planes *planes, const struct channel_factors *factors,
                           const float *z, bool pools, float *out)
{
    if (pools)
        FOR_BLOCKS(planes, activate_pooled, planes, factors, z, out);
    else
        FOR_BLOCKS(planes, activate_whole, planes, factors, z, out);
}

/* ----------------------------------------------------------------- back through ReLU and pooling
 */

/* What the loops below know of a block's channels. */
struct block_factors {
    lanes scale[MOST_VECTORS], shift[MOST_VECTORS], centre[MOST_VECTORS];
    lanes by_gradient[MOST_VECTORS], by_value[MOST_VECTORS], constant[MOST_VECTORS];
};

static ALWAYS_INLINE void load_factors(struct block_factors *to,
                                       const struct channel_factors *factors, size_t block,
                                       bool back, size_t vectors)
{
    load_channels(to->scale, factors->scale, block, vectors);
    load_channels(to->shift, factors->shift, block, vectors);
    load_channels(to->centre, factors->centre, block, vectors);
    if (back) {
        load_channels(to->by_gradient, factors->by_gradient, block, vectors);
        load_channels(to->by_value, factors->by_value, block, vectors);
        load_channels(to->constant, factors->constant, block, vectors);
    }
}

/* One pixel on the way back: into the sums if there is no `out`. */
static ALWAYS_INLINE void pixel_back(const struct block_factors *f, const float *z,
                                     const lanes *change, float *out, lanes *gradient,
                                     lanes *product, size_t vectors)
{
    for (size_t v = 0; v < vectors; v++) {
        const lanes value = load(z + v * LANES), distance = value - f->centre[v];
        const lanes g = keep_where_positive(change[v], value * f->scale[v] + f->shift[v]);
        if (out) {
            store(out + v * LANES,
                  (g * f->by_gradient[v] + f->constant[v]) + distance * f->by_value[v]);
        } else {
            gradient[v] += g;
            product[v] += g * distance;
        }
    }
}

/* A row, or part of one, of `pixels`; each number of `change` is for `together` of them. */
static ALWAYS_INLINE void row_back(const struct block_factors *f, const float *z,
                                   const float *change, size_t pixels, size_t together, float *out,
                                   lanes *gradient, lanes *product, size_t vectors)
{
    const size_t step = vectors * LANES;
    lanes sums[2][MOST_VECTORS] = {{{0}}}, products[2][MOST_VECTORS] = {{{0}}};
    const lanes none[MOST_VECTORS] = {{0}};
    size_t x = 0;
    for (; x + 2 <= pixels; x += 2)
        for (size_t i = 0; i < 2; i++) {
            lanes here[MOST_VECTORS];
            for (size_t v = 0; v < vectors; v++)
                here[v] = !change         ? none[v]
                          : together == 2 ? load(change + x / 2 * step + v * LANES) * spread(0.25f)
                                          : load(change + (x + i) * step + v * LANES);
            pixel_back(f, z + (x + i) * step, here, out ? out + (x + i) * step : NULL, sums[i],
                       products[i], vectors);
        }
    if (x < pixels) {
        lanes here[MOST_VECTORS];
        for (size_t v = 0; v < vectors; v++)
            here[v] = !change || together == 2 ? none[v] : load(change + x * step + v * LANES);
        pixel_back(f, z + x * step, here, out ? out + x * step : NULL, sums[0], products[0],
                   vectors);
    }
    if (out)
        return;
    for (size_t v = 0; v < vectors; v++) {
        gradient[v] += sums[0][v] + sums[1][v];
        product[v] += products[0][v] + products[1][v];
    }
}

static ALWAYS_INLINE void block_back(const struct planes *planes, const struct block_factors *f,
                                     const float *z, const float *change, bool pools, float *out,
                                     lanes *gradient, lanes *product, size_t vectors)
{
    const size_t step = vectors * LANES;
    if (pools) {
        const size_t row = planes->width * step, half = planes->width / 2 * step;
        for (size_t y = 0; y < planes->height; y++)
            row_back(f, z + y * row, y / 2 < planes->height / 2 ? change + y / 2 * half : NULL,
                     planes->width, 2, out ? out + y * row : NULL, gradient, product, vectors);
    } else {
        const size_t pixels = pixels_of(planes);
        for (size_t i = 0; i < pixels; i += RUN)
            row_back(f, z + i * step, change + i * step, smaller_of(RUN, pixels - i), 1,
                     out ? out + i * step : NULL, gradient, product, vectors);
    }
}

static ALWAYS_INLINE void sum_back(const struct planes *planes,
                                   const struct channel_factors *factors, const float *z,
                                   const float *change, bool pools, struct channel_sums *sums,
                                   size_t vectors)
{
    for (size_t block = 0; block < planes->blocks; block++) {
        struct block_factors f;
        load_factors(&f, factors, block, false, vectors);
        lanes gradient[MOST_VECTORS] = {{0}}, product[MOST_VECTORS] = {{0}};
        for (size_t image = 0; image < planes->images; image++)
            block_back(planes, &f, z + offset_of(planes, image, block),
                       change + (pools ? pooled_offset_of(planes, image, block)
                                       : offset_of(planes, image, block)),
                       pools, NULL, gradient, product, vectors);
        add_to_doubles(sums->gradient, gradient, block, vectors);
        add_to_doubles(sums->product, product, block, vectors);
    }
}

FOR_EACH_CPU void activation_sums(const struct planes *planes,
                                  const struct channel_factors *factors, const float *z,
                                  const float *change, bool pools, struct channel_sums *sums)
{
    if (pools)
        FOR_BLOCKS(planes, sum_back, planes, factors, z, change, true, sums);
    else
        FOR_BLOCKS(planes, sum_back, planes, factors, z, change, false, sums);
}

static ALWAYS_INLINE void write_back(const struct planes *planes,
                                     const struct channel_factors *factors, const float *z,
                                     const float *change, bool pools, float *out, size_t vectors)
{
    for (size_t image = 0; image < planes->images; image++)
        for (size_t block = 0; block < planes->blocks; block++) {
            struct block_factors f;
            lanes unused[MOST_VECTORS];
            load_factors(&f, factors, block, true, vectors);
            const size_t offset = offset_of(planes, image, block);
            block_back(planes, &f, z + offset,
                       change + (pools ? pooled_offset_of(planes, image, block) : offset), pools,
                       out + offset, unused, unused, vectors);
        }
}

FOR_EACH_CPU void activation_back(const struct planes *planes,
                                  const struct channel_factors *factors, const float *z,
                                  const float *change, bool pools, float *out)
{
    if (pools)
        FOR_BLOCKS(planes, write_back, planes, factors, z, change, true, out);
    else
        FOR_BLOCKS(planes, write_back, planes, factors, z, change, false, out);
}
