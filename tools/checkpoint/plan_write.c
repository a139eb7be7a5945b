/*
 * plan_write.c - the numbers.  Folding is done in double precision and rounded once to f32 or bf16;
 * f16 is the rounding of that f32, so that the f16 file is exactly the f32 file rounded.
 */
#include "plan_write.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/large_matrices.h"
#include "problem.h"

enum { CHUNK = 4096 };

/* Of every BatchNorm in CLIP. */
static const double batch_norm_epsilon = 1e-5;

/* What is being written, and a chunk of it on its way through the types. */
struct pass {
    const struct plan *plan;
    struct gguf_writer *writer;
    plan_progress *progress;
    void *context;
    uint64_t done, total;
    double numbers[CHUNK];
    float singles[CHUNK];
    uint16_t shorts[CHUNK];
};

/* What becomes 8 bits does so later, out of f32 (repack.h); so little of a ViT is left that it
 * stays f32; the rest is bf16. */
static enum gguf_tensor_type type_of(const struct plan_item *item, enum gguf_tensor_type matrices)
{
    if (!item->is_matrix)
        return GGML_F32;
    if (matrices != GGML_I8)
        return matrices;
    return is_large_matrix(item->name, strlen(item->name)) ||
                   strcmp(item->name, "visual_projection.weight") == 0
               ? GGML_F32
               : GGML_BF16;
}

void plan_declare(const struct plan *plan, struct gguf_writer *writer, enum gguf_tensor_type type)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_item *item = &plan->items[i];
        uint64_t shape[4];
        for (unsigned d = 0; d < item->view.dimensions; d++)
            shape[d] = item->view.shape[item->view.dimensions - 1 - d];
        gguf_declare(writer, item->name, type_of(item, type), item->view.dimensions, shape);
    }
}

/* All numbers of a vector. */
static bool read_vector(const struct plan *plan, const struct view *view, double *numbers)
{
    if (!checkpoint_load(plan->checkpoint, view, plan->message))
        return false;
    checkpoint_read(plan->checkpoint, view, 0, (size_t)view->shape[0], numbers);
    return true;
}

/* What the BatchNorm multiplies each output by: gain / sqrt(variance + epsilon). */
static bool read_factors(const struct plan *plan, const struct batch_norm *norm, double *factors,
                         double *scratch)
{
    size_t count = (size_t)norm->gain.shape[0];
    if (!read_vector(plan, &norm->gain, factors) || !read_vector(plan, &norm->variance, scratch))
        return false;
    for (size_t i = 0; i < count; i++) {
        double variance = scratch[i] + batch_norm_epsilon;
        if (!(variance > 0) || isinf(variance))
            return problem(plan->message,
                           "%.200s: tensor %.150s: element %zu is %g, expected a variance",
                           plan->checkpoint->origin, norm->variance.name, i, scratch[i]);
        factors[i] /= sqrt(variance);
    }
    return true;
}

/* Rounds a chunk and hands it over.  `first` is the number of its first element. */
static bool put_chunk(struct pass *pass, const struct plan_item *item, enum gguf_tensor_type type,
                      uint64_t first, size_t count)
{
    const char *origin = pass->plan->checkpoint->origin;
    for (size_t i = 0; i < count; i++) {
        double number = pass->numbers[i];
        if (!(fabs(number) <= (double)FLT_MAX))
            return problem(pass->plan->message,
                           "%.200s: tensor %.150s%s: element %" PRIu64 " is %g, expected a finite "
                           "number",
                           origin, item->view.name,
                           item->kind == PLAN_COPY ? "" : " with its BatchNorm folded in",
                           first + i, number);
        pass->singles[i] = (float)number;
    }
    if (type == GGML_F32) {
        gguf_write(pass->writer, pass->singles, count * sizeof(float));
        return true;
    }
    const bool half = type == GGML_F16;
    const uint16_t infinity = half ? 0x7c00 : 0x7f80;
    for (size_t i = 0; i < count; i++) {
        pass->shorts[i] =
            half ? half_from_float(pass->singles[i]) : bfloat_from_double(pass->numbers[i]);
        if ((pass->shorts[i] & infinity) == infinity)
            return problem(pass->plan->message,
                           "%.200s: tensor %.150s: element %" PRIu64 " is %g, beyond the range of "
                           "%s: use %s",
                           origin, item->view.name, first + i, (double)pass->singles[i],
                           half ? "f16 (65504)" : "bf16 (3.39e38)", half ? "bf16 or f32" : "f32");
    }
    gguf_write(pass->writer, pass->shorts, count * sizeof(uint16_t));
    return true;
}

/* Numbers of a view, each row (first dimension) times its factor where there are any. */
static bool write_view(struct pass *pass, const struct plan_item *item, enum gguf_tensor_type type,
                       const double *factors)
{
    const struct plan *plan = pass->plan;
    if (!checkpoint_load(plan->checkpoint, &item->view, plan->message))
        return false;
    uint64_t count = plan_item_count(item), row_size = count / item->view.shape[0];
    for (uint64_t first = 0; first < count; first += CHUNK) {
        size_t size = count - first < CHUNK ? (size_t)(count - first) : CHUNK;
        checkpoint_read(plan->checkpoint, &item->view, first, size, pass->numbers);
        for (size_t i = 0; factors && i < size; i++)
            pass->numbers[i] *= factors[(first + i) / row_size];
        if (!put_chunk(pass, item, type, first, size))
            return false;
        pass->done += size;
        if (pass->progress)
            pass->progress(pass->context, pass->done, pass->total);
    }
    return true;
}

/* bias - mean * factor */
static bool write_folded_bias(struct pass *pass, const struct plan_item *item,
                              const double *factors, double *scratch)
{
    const struct plan *plan = pass->plan;
    size_t count = (size_t)item->view.shape[0];
    if (!read_vector(plan, &item->norm.mean, scratch) ||
        !checkpoint_load(plan->checkpoint, &item->view, plan->message))
        return false;
    for (size_t first = 0; first < count; first += CHUNK) {
        size_t size = count - first < CHUNK ? count - first : CHUNK;
        checkpoint_read(plan->checkpoint, &item->view, first, size, pass->numbers);
        for (size_t i = 0; i < size; i++)
            pass->numbers[i] -= scratch[first + i] * factors[first + i];
        if (!put_chunk(pass, item, GGML_F32, first, size))
            return false;
    }
    pass->done += count;
    return true;
}

static bool write_folded(struct pass *pass, const struct plan_item *item,
                         enum gguf_tensor_type type)
{
    size_t count = (size_t)item->norm.gain.shape[0];
    double *factors = malloc(2 * count * sizeof *factors);
    if (!factors)
        return problem(pass->plan->message, "%.200s: out of memory",
                       pass->plan->checkpoint->origin);
    bool good = read_factors(pass->plan, &item->norm, factors, factors + count) &&
                (item->kind == PLAN_FOLDED_WEIGHT
                     ? write_view(pass, item, type, factors)
                     : write_folded_bias(pass, item, factors, factors + count));
    free(factors);
    return good;
}

bool plan_write(const struct plan *plan, struct gguf_writer *writer, enum gguf_tensor_type type,
                plan_progress *progress, void *context)
{
    struct pass *pass = calloc(1, sizeof *pass);
    if (!pass)
        return problem(plan->message, "%.200s: out of memory", plan->checkpoint->origin);
    pass->plan = plan;
    pass->writer = writer;
    pass->progress = progress;
    pass->context = context;
    for (size_t i = 0; i < plan->count; i++)
        pass->total += plan_item_count(&plan->items[i]);
    bool good = true;
    for (size_t i = 0; i < plan->count && good; i++) {
        const struct plan_item *item = &plan->items[i];
        const enum gguf_tensor_type stored = type_of(item, type);
        good = item->kind == PLAN_COPY ? write_view(pass, item, stored, NULL)
                                       : write_folded(pass, item, stored);
    }
    free(pass);
    return good;
}
