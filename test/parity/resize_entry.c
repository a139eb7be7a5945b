/*
 * resize_entry.c - one view of an RGB image, for test/parity/resize.py: built into a shared library
 * with the library's sources.
 */
#include <stdlib.h>

#include "views.h"

/* Rows of RGB as `kind` and `pixels` say, at most `room` bytes; 0 where that cannot be. */
size_t make_view(const uint8_t *rgb, uint32_t width, uint32_t height, ptrdiff_t stride, int kind,
                 uint32_t pixels, uint8_t *out, size_t room, uint32_t size[2]);

static const kernel_set none; /* rows of RGB are copied */

static struct threads *plan(struct views *views, const struct size_rule *rule,
                            const struct tower_limits *limits, struct layers *layers,
                            struct arena *arena)
{
    qc_scorer_options options = {.threads = 1};
    layers->threads = threads_plan(arena, &options);
    layers->scratch_size = 0;
    views_plan(views, rule, limits, arena, &layers->scratch_size);
    layers->scratch = arena_take(arena, 1, layers->scratch_size);
    if (arena->base)
        (void)threads_start(layers->threads, &options, NULL);
    return layers->threads;
}

size_t make_view(const uint8_t *rgb, uint32_t width, uint32_t height, ptrdiff_t stride, int kind,
                 uint32_t pixels, uint8_t *out, size_t room, uint32_t size[2])
{
    const struct size_rule rule = {(qc_size_rule)kind, pixels};
    const struct tower_limits limits = {width, height, 1};
    struct arena arena = {0};
    struct views views;
    struct layers layers = {.kernels = &none};
    (void)plan(&views, &rule, &limits, &layers, &arena);
    void *block = aligned_alloc(ARENA_ALIGNMENT, arena.used);
    if (!block)
        return 0;
    arena = (struct arena){.base = block};
    struct threads *threads = plan(&views, &rule, &limits, &layers, &arena);

    qc_image image = {.format = QC_PIXEL_RGB, .width = width, .height = height};
    image.planes[0] = rgb;
    image.strides[0] = stride;
    qc_image made[VIEWS_MOST];
    (void)views_make(&views, &layers, QC_BACKGROUND_DROP, &image, 0, made);
    size_t bytes = (size_t)3 * made[0].width * made[0].height;
    if (bytes <= room)
        for (uint32_t y = 0; y < made[0].height; y++)
            image_row_rgb(&none, &made[0], QC_BACKGROUND_DROP, y, 0, made[0].width,
                          out + (size_t)3 * made[0].width * y);
    size[0] = made[0].width;
    size[1] = made[0].height;
    threads_stop(threads);
    free(block);
    return bytes <= room ? bytes : 0;
}
