/*
 * winograd.c - cuts a convolution into blocks of tiles.  In each, first all tiles are transformed;
 * then, for each block of outputs, come the products of all points and the way back into pixels.
 * Where there are tiles enough and not too many weights, each block is one worker's, which then
 * finds in its own cache what it has transformed; else all share each of its halves.
 */
#include "winograd.h"

#include "layer_cuts.h"

/* Tiles in a block, at most: enough rows for the products, few enough for the second cache. */
#ifndef BLOCK_TILES
#define BLOCK_TILES 48
#endif

/* For a worker to have a block of its own: tiles in it, at least; bytes of weights, at most. */
#define OWN_TILES   24
#define OWN_WEIGHTS (4 << 20)

/* Tiles that are transformed by one task. */
#define INPUT_TILES 12

#define LINE_FLOATS 16 /* of a cache line */

/* An odd number of cache lines: points of a tile must not all fall into one set of the cache. */
static size_t point_stride(size_t tiles, size_t tile_stride)
{
    return (tiles * tile_stride / LINE_FLOATS | 1) * LINE_FLOATS;
}

static size_t input_stride(const struct convolution *convolution)
{
    const size_t lines = ceiling_divide(convolution->channels, LINE_FLOATS);
    return (lines % 8 == 0 ? lines + 1 : lines) * LINE_FLOATS;
}

static size_t output_stride(const struct convolution *convolution)
{
    const size_t outputs = smaller(convolution->linear.weight.outputs, WINOGRAD_OUTPUTS);
    return ceiling_divide(outputs, LINE_FLOATS) * LINE_FLOATS;
}

size_t winograd_floats(const struct convolution *convolution)
{
    return winograd_points(convolution->side) *
           point_stride(BLOCK_TILES, input_stride(convolution));
}

struct winograd_job {
    const struct layers *layers;
    const struct convolution *convolution;
    const struct band *in;
    size_t first_row, rows, columns; /* rows that are wanted; columns of tiles */
    bool pools;
    float *transformed, *out;
    size_t all_tiles, blocks; /* how many blocks they are cut into */

    /* A block of tiles, counted from the first that is wanted. */
    size_t first_tile, tiles;
    size_t piece; /* tiles of a task in the second half */
};

/* Pieces of a worker's scratch. */
struct winograd_pieces {
    const float **pixels; /* of INPUT_TILES tiles, or of BLOCK_TILES tiles those to write */
    float *nowhere;       /* where pixels outside the image are written */
    float *products;
    float *transformed; /* of a block of its own */
};

#define POINTERS                                                                                   \
    larger(INPUT_TILES *WINOGRAD_MOST_POINTS, BLOCK_TILES *WINOGRAD_MOST_SIDE *WINOGRAD_MOST_SIDE)

static size_t products_floats(const struct convolution *convolution)
{
    return winograd_points(convolution->side) *
           point_stride(BLOCK_TILES, output_stride(convolution));
}

static bool has_few_weights(const struct convolution *convolution)
{
    return winograd_weights_bytes(convolution->side, convolution->channels,
                                  convolution->linear.weight.outputs) <= OWN_WEIGHTS;
}

size_t winograd_scratch(const struct convolution *convolution)
{
    const size_t own = has_few_weights(convolution) ? winograd_floats(convolution) : 0;
    return POINTERS * sizeof(float *) +
           (WINOGRAD_OUTPUTS + products_floats(convolution) + own) * sizeof(float);
}

static struct winograd_pieces scratch_pieces(const struct winograd_job *job, size_t worker)
{
    struct winograd_pieces pieces;
    pieces.pixels = scratch_of(job->layers, worker);
    pieces.nowhere = (float *)(pieces.pixels + POINTERS);
    pieces.products = pieces.nowhere + WINOGRAD_OUTPUTS;
    pieces.transformed = pieces.products + products_floats(job->convolution);
    return pieces;
}

/* The pixels that a tile is made of, zeros outside the image. */
static void find_inputs(const struct winograd_job *job, size_t tile, const float **pixels)
{
    const struct band *in = job->in;
    const size_t side = job->convolution->side;
    /* One more than what is meant, so that they are never negative. */
    const size_t top = job->first_row + tile / job->columns * side;
    const size_t left = tile % job->columns * side;
    const bool whole = left > 0 && left + side + 1 <= in->width;
    for (size_t y = top; y < top + side + 2; y++) {
        if (y == 0 || y > in->height) {
            for (size_t x = 0; x < side + 2; x++)
                *pixels++ = job->layers->zeros;
            continue;
        }
        const float *row = band_row(in, y - 1);
        for (size_t x = left; x < left + side + 2; x++)
            *pixels++ = whole || (x > 0 && x <= in->width) ? row + (x - 1) * in->channels
                                                           : job->layers->zeros;
    }
}

static void input_task(void *context, size_t index, size_t worker)
{
    const struct winograd_job *job = context;
    const struct convolution *convolution = job->convolution;
    const float **pixels = scratch_pieces(job, worker).pixels;
    const size_t first = index * INPUT_TILES;
    const size_t stride = input_stride(convolution);
    const winograd_tiles tiles = {.side = convolution->side,
                                  .tiles = smaller(INPUT_TILES, job->tiles - first),
                                  .channels = convolution->channels,
                                  .point_stride = point_stride(BLOCK_TILES, stride),
                                  .tile_stride = stride};
    for (size_t t = 0; t < tiles.tiles; t++)
        find_inputs(job, job->first_tile + first + t,
                    pixels + t * winograd_points(convolution->side));
    job->layers->kernels->winograd_input(job->transformed + first * stride, pixels, &tiles);
}

/* The pixels that a tile becomes, from an output on; those outside the image go nowhere. */
static void find_outputs(const struct winograd_job *job, size_t tile, size_t output, float *nowhere,
                         float **pixels)
{
    const size_t outputs = job->convolution->linear.weight.outputs;
    const size_t scale = job->pools ? 2 : 1, side = job->convolution->side / scale;
    const size_t width = job->in->width / scale, rows = job->rows / scale;
    const size_t top = tile / job->columns * side, left = tile % job->columns * side;
    for (size_t y = top; y < top + side; y++)
        for (size_t x = left; x < left + side; x++)
            *pixels++ =
                y < rows && x < width ? job->out + (y * width + x) * outputs + output : nowhere;
}

static void multiply_points(const struct winograd_job *job, size_t first_tile, size_t output,
                            const winograd_tiles *tiles, float *products)
{
    const struct convolution *convolution = job->convolution;
    const size_t stride = input_stride(convolution), points = winograd_points(tiles->side);
    const size_t panel = PANEL_OUTPUTS * convolution->channels;
    const winograd_tiles in = {.side = tiles->side,
                               .tiles = tiles->tiles,
                               .channels = convolution->channels,
                               .point_stride = point_stride(BLOCK_TILES, stride),
                               .tile_stride = stride};
    job->layers->kernels->winograd_products(
        products, tiles, job->transformed + first_tile * stride, &in,
        convolution->winograd + output / PANEL_OUTPUTS * panel * points);
}

/* Task = piece of the tiles * output blocks + output block. */
static void output_task(void *context, size_t index, size_t worker)
{
    const struct winograd_job *job = context;
    const struct convolution *convolution = job->convolution;
    const struct linear *linear = &convolution->linear;
    const struct winograd_pieces scratch = scratch_pieces(job, worker);
    const size_t blocks = ceiling_divide(linear->weight.outputs, WINOGRAD_OUTPUTS);
    const size_t first = index / blocks * job->piece, output = index % blocks * WINOGRAD_OUTPUTS;
    const size_t stride = output_stride(convolution);
    const winograd_tiles tiles = {.side = convolution->side,
                                  .tiles = smaller(job->piece, job->tiles - first),
                                  .channels =
                                      smaller(WINOGRAD_OUTPUTS, linear->weight.outputs - output),
                                  .point_stride = point_stride(BLOCK_TILES, stride),
                                  .tile_stride = stride};
    multiply_points(job, first, output, &tiles, scratch.products);

    float **pixels = (float **)scratch.pixels;
    const size_t written = convolution->side * convolution->side / (job->pools ? 4 : 1);
    for (size_t t = 0; t < tiles.tiles; t++)
        find_outputs(job, job->first_tile + first + t, output, scratch.nowhere,
                     pixels + t * written);
    job->layers->kernels->winograd_output(pixels, scratch.products, &tiles, linear->bias + output,
                                          job->pools);
}

/* By outputs first, as products are cut; then by tiles. */
static size_t cut_tiles(const struct winograd_job *job)
{
    const size_t inputs = job->convolution->channels;
    const size_t outputs = job->convolution->linear.weight.outputs;
    const size_t work = job->tiles * winograd_points(job->convolution->side) * inputs * outputs;
    const size_t by_outputs = ceiling_divide(outputs, WINOGRAD_OUTPUTS);
    const size_t pieces = ceiling_divide(pieces_wanted(job->layers, work), by_outputs);
    return ceiling_divide(job->tiles, smaller(pieces, ceiling_divide(job->tiles, INPUT_TILES)));
}

static void take_block(struct winograd_job *job, size_t block)
{
    job->first_tile = job->all_tiles * block / job->blocks;
    job->tiles = job->all_tiles * (block + 1) / job->blocks - job->first_tile;
}

static size_t input_tasks(const struct winograd_job *job)
{
    return ceiling_divide(job->tiles, INPUT_TILES);
}

static size_t output_tasks(const struct winograd_job *job)
{
    return ceiling_divide(job->tiles, job->piece) *
           ceiling_divide(job->convolution->linear.weight.outputs, WINOGRAD_OUTPUTS);
}

/* A whole block by one worker. */
static void block_task(void *context, size_t index, size_t worker)
{
    struct winograd_job own = *(const struct winograd_job *)context;
    take_block(&own, index);
    own.transformed = scratch_pieces(&own, worker).transformed;
    own.piece = own.tiles;
    for (size_t task = 0; task < input_tasks(&own); task++)
        input_task(&own, task, worker);
    for (size_t task = 0; task < output_tasks(&own); task++)
        output_task(&own, task, worker);
}

void winograd_forward(const struct layers *layers, const struct convolution *convolution,
                      const struct band *in, size_t first, size_t count, bool pools,
                      float *transformed, float *out)
{
    const size_t side = convolution->side;
    struct winograd_job job = {.layers = layers,
                               .convolution = convolution,
                               .in = in,
                               .first_row = first,
                               .rows = count,
                               .columns = ceiling_divide(in->width, side),
                               .pools = pools,
                               .transformed = transformed,
                               .out = out};
    job.all_tiles = job.columns * ceiling_divide(count, side);
    job.blocks = ceiling_divide(job.all_tiles, BLOCK_TILES);
    const size_t threads = threads_count(layers->threads);
    if (threads > 1 && has_few_weights(convolution) && job.all_tiles >= threads * OWN_TILES) {
        job.blocks = ceiling_divide(job.blocks, threads) * threads;
        threads_run(layers->threads, job.blocks, block_task, &job);
        return;
    }
    for (size_t block = 0; block < job.blocks; block++) {
        take_block(&job, block);
        job.piece = cut_tiles(&job);
        threads_run(layers->threads, input_tasks(&job), input_task, &job);
        threads_run(layers->threads, output_tasks(&job), output_task, &job);
    }
}
