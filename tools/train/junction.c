/*
 * junction.c - see junction.h.
 */
#include "junction.h"

/* ------------------------------------------------------------------------------------ together */

static ALWAYS_INLINE void join_blocks(const struct planes *planes, const struct junction *junction,
                                      float *out, size_t vectors)
{
    const size_t length = pixels_of(planes) * vectors * LANES;
    const struct channel_factors *other = junction->shortcut_factors;
    for (size_t image = 0; image < planes->images; image++)
        for (size_t block = 0; block < planes->blocks; block++) {
            lanes scale[MOST_VECTORS], shift[MOST_VECTORS], second_scale[MOST_VECTORS];
            load_channels(scale, junction->main_factors->scale, block, vectors);
            load_channels(shift, junction->main_factors->shift, block, vectors);
            for (size_t v = 0; v < vectors; v++)
                second_scale[v] = spread(1);
            if (other) {
                lanes second_shift[MOST_VECTORS];
                load_channels(second_scale, other->scale, block, vectors);
                load_channels(second_shift, other->shift, block, vectors);
                for (size_t v = 0; v < vectors; v++)
                    shift[v] += second_shift[v];
            }
            const size_t offset = offset_of(planes, image, block);
            for (size_t i = offset; i < offset + length; i += vectors * LANES)
                for (size_t v = 0; v < vectors; v++) {
                    const lanes x = load(junction->main + i + v * LANES) * scale[v] +
                                    load(junction->shortcut + i + v * LANES) * second_scale[v] +
                                    shift[v];
                    store(out + i + v * LANES, keep_where_positive(x, x));
                }
        }
}

FOR_EACH_CPU void join(const struct planes *planes, const struct junction *junction, float *out)
{
    FOR_BLOCKS(planes, join_blocks, planes, junction, out);
}

/* ---------------------------------------------------------------------------------------- back */

/* `count` numbers of a row; the second change is for `together` pixels each. */
static ALWAYS_INLINE void join_row_back(const float *first, const float *second, size_t together,
                                        const float *joined, size_t pixels, float *g,
                                        size_t vectors)
{
    const size_t step = vectors * LANES;
    for (size_t x = 0; x < pixels; x++)
        for (size_t v = 0; v < vectors; v++) {
            const size_t i = x * step + v * LANES;
            lanes sum = load(first + i);
            if (second && together == 2 && x / 2 < pixels / 2)
                sum += spread(0.25f) * load(second + x / 2 * step + v * LANES);
            if (second && together == 1)
                sum += load(second + i);
            store(g + i, joined ? keep_where_positive(sum, load(joined + i)) : sum);
        }
}

static ALWAYS_INLINE void join_blocks_back(const struct planes *planes,
                                           const struct changes *changes, const float *joined,
                                           float *g, size_t vectors)
{
    const size_t row = planes->width * vectors * LANES;
    const size_t half = planes->width / 2 * vectors * LANES;
    for (size_t image = 0; image < planes->images; image++)
        for (size_t block = 0; block < planes->blocks; block++) {
            const size_t offset = offset_of(planes, image, block);
            const float *second = changes->second;
            if (second)
                second += changes->second_pooled ? pooled_offset_of(planes, image, block) : offset;
            for (size_t y = 0; y < planes->height; y++) {
                const size_t i = offset + y * row;
                const float *mask = joined ? joined + i : NULL;
                if (second && !changes->second_pooled)
                    join_row_back(changes->first + i, second + y * row, 1, mask, planes->width,
                                  g + i, vectors);
                else if (second && y / 2 < planes->height / 2)
                    join_row_back(changes->first + i, second + y / 2 * half, 2, mask, planes->width,
                                  g + i, vectors);
                else
                    join_row_back(changes->first + i, NULL, 1, mask, planes->width, g + i, vectors);
            }
        }
}

FOR_EACH_CPU void join_back(const struct planes *planes, const struct changes *changes,
                            const float *joined, float *g)
{
    FOR_BLOCKS(planes, join_blocks_back, planes, changes, joined, g);
}

static ALWAYS_INLINE void sum_run(const float *z, const float *g, const lanes *centre,
                                  size_t pixels, lanes *gradient, lanes *product, size_t vectors)
{
    const size_t step = vectors * LANES;
    lanes sums[2][MOST_VECTORS] = {{{0}}}, products[2][MOST_VECTORS] = {{{0}}};
    size_t x = 0;
    for (; x + 2 <= pixels; x += 2)
        for (size_t i = 0; i < 2; i++)
            for (size_t v = 0; v < vectors; v++) {
                const size_t at = (x + i) * step + v * LANES;
                sums[i][v] += load(g + at);
                products[i][v] += load(g + at) * (load(z + at) - centre[v]);
            }
    for (size_t v = 0; v < vectors; v++) {
        if (x < pixels) {
            const size_t at = x * step + v * LANES;
            sums[0][v] += load(g + at);
            products[0][v] += load(g + at) * (load(z + at) - centre[v]);
        }
        gradient[v] += sums[0][v] + sums[1][v];
        product[v] += products[0][v] + products[1][v];
    }
}

static ALWAYS_INLINE void sum_blocks(const struct planes *planes,
                                     const struct channel_factors *factors, const float *z,
                                     const float *g, struct channel_sums *sums, size_t vectors)
{
    const size_t pixels = pixels_of(planes), step = vectors * LANES;
    for (size_t block = 0; block < planes->blocks; block++) {
        lanes gradient[MOST_VECTORS] = {{0}}, product[MOST_VECTORS] = {{0}}, centre[MOST_VECTORS];
        load_channels(centre, factors->centre, block, vectors);
        for (size_t image = 0; image < planes->images; image++) {
            const size_t offset = offset_of(planes, image, block);
            for (size_t i = 0; i < pixels; i += RUN)
                sum_run(z + offset + i * step, g + offset + i * step, centre,
                        smaller_of(RUN, pixels - i), gradient, product, vectors);
        }
        add_to_doubles(sums->gradient, gradient, block, vectors);
        add_to_doubles(sums->product, product, block, vectors);
    }
}

FOR_EACH_CPU void junction_sums(const struct planes *planes, const struct channel_factors *factors,
                                const float *z, const float *g, struct channel_sums *sums)
{
    FOR_BLOCKS(planes, sum_blocks, planes, factors, z, g, sums);
}

static ALWAYS_INLINE void write_blocks_back(const struct planes *planes,
                                            const struct channel_factors *factors, const float *z,
                                            const float *g, float *out, size_t vectors)
{
    const size_t length = pixels_of(planes) * vectors * LANES;
    for (size_t image = 0; image < planes->images; image++)
        for (size_t block = 0; block < planes->blocks; block++) {
            lanes centre[MOST_VECTORS], by_gradient[MOST_VECTORS], by_value[MOST_VECTORS],
                constant[MOST_VECTORS];
            load_channels(centre, factors->centre, block, vectors);
            load_channels(by_gradient, factors->by_gradient, block, vectors);
            load_channels(by_value, factors->by_value, block, vectors);
            load_channels(constant, factors->constant, block, vectors);
            const size_t offset = offset_of(planes, image, block);
            for (size_t i = offset; i < offset + length; i += vectors * LANES)
                for (size_t v = 0; v < vectors; v++) {
                    const size_t at = i + v * LANES;
                    store(out + at, (load(g + at) * by_gradient[v] + constant[v]) +
                                        (load(z + at) - centre[v]) * by_value[v]);
                }
        }
}

FOR_EACH_CPU void normalise_back(const struct planes *planes, const struct channel_factors *factors,
                                 const float *z, const float *g, float *out)
{
    FOR_BLOCKS(planes, write_blocks_back, planes, factors, z, g, out);
}

/* ------------------------------------------------------------------------------------- parting */

static ALWAYS_INLINE void average_blocks(const struct planes *planes, const float *in, float *out,
                                         size_t vectors)
{
    const size_t step = vectors * LANES, row = planes->width * step;
    for (size_t image = 0; image < planes->images; image++)
        for (size_t block = 0; block < planes->blocks; block++) {
            float *to = out + pooled_offset_of(planes, image, block);
            for (size_t y = 0; y < planes->height / 2; y++) {
                const float *from = in + offset_of(planes, image, block) + 2 * y * row;
                for (size_t x = 0; x < planes->width / 2; x++, from += 2 * step, to += step)
                    for (size_t v = 0; v < vectors; v++) {
                        const float *corner = from + v * LANES;
                        store(to + v * LANES,
                              spread(0.25f) * ((load(corner) + load(corner + step)) +
                                               (load(corner + row) + load(corner + row + step))));
                    }
            }
        }
}

FOR_EACH_CPU void average(const struct planes *planes, const float *in, float *out)
{
    FOR_BLOCKS(planes, average_blocks, planes, in, out);
}

/* Where the eight channels of a group begin in an image. */
static ALWAYS_INLINE size_t group_offset(size_t group, size_t block, size_t pixels)
{
    return group * LANES / block * block * pixels + group * LANES % block;
}

FOR_EACH_CPU void reblock(const struct planes *from, const float *in, const struct planes *to,
                          float *out)
{
    const size_t pixels = pixels_of(from);
    const size_t in_groups = from->blocks * from->block / LANES;
    const size_t out_groups = to->blocks * to->block / LANES;
    for (size_t image = 0; image < from->images; image++) {
        for (size_t group = 0; group < out_groups; group++) {
            const float *source = in + group_offset(group, from->block, pixels);
            float *target = out + group_offset(group, to->block, pixels);
            for (size_t i = 0; i < pixels; i++)
                store(target + i * to->block,
                      group < in_groups ? load(source + i * from->block) : spread(0));
        }
        in += in_groups * LANES * pixels;
        out += out_groups * LANES * pixels;
    }
}
