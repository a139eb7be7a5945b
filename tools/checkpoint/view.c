/*
 * view.c - the numbers of a tensor, or of a part of it, in the order that a model file wants them.
 *
 * Storages may be far larger than the tensors that lie in them.  What is read is the span from the
 * view's first number to its last; where that is much more than the tensor's own numbers, only
 * these are kept.
 */
#include "checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"

/* A span may be this much larger than the tensor's numbers and still be read in one piece. */
static const uint64_t span_slack = UINT64_C(16) << 20;

/* A container may be deflated, but not beyond this factor, nor does a small tensor matter. */
static const uint64_t inflation_limit = 64, small_size = UINT64_C(1) << 20;

enum { WINDOW = 1 << 20 }; /* bytes */

/* "(64, 3, 32, 32)" */
static void print_shape(char *text, size_t size, unsigned dimensions, const uint64_t *shape)
{
    size_t used = (size_t)snprintf(text, size, "(");
    for (unsigned i = 0; i < dimensions && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%" PRIu64, i ? ", " : "", shape[i]);
    if (used < size)
        snprintf(text + used, size - used, ")");
}

bool checkpoint_view(struct checkpoint *checkpoint, const char *name, unsigned dimensions,
                     struct view *view, char *message)
{
    struct checkpoint_entry *entry = checkpoint_find(checkpoint, name);
    if (!entry)
        return problem(message, "%.200s: tensor %.150s is missing", checkpoint->origin, name);
    if (entry->value->kind != VALUE_TENSOR)
        return problem(message, "%.200s: %.150s is %s, expected a tensor", checkpoint->origin, name,
                       kind_name(entry->value->kind));
    const struct tensor *tensor = entry->value->tensor;
    if (!element_is_float(tensor->type))
        return problem(message,
                       "%.200s: tensor %.150s holds %s numbers, expected f32, f16, bf16 "
                       "or f64",
                       checkpoint->origin, name, element_name(tensor->type));
    if (tensor->dimensions != dimensions || !tensor->count) {
        char shape[200];
        print_shape(shape, sizeof shape, tensor->dimensions, tensor->shape);
        return problem(message,
                       "%.200s: tensor %.100s has shape %.100s, expected %u dimensions that are "
                       "not empty",
                       checkpoint->origin, name, shape, dimensions);
    }
    entry->used = true;
    view->name = entry->name;
    view->tensor = tensor;
    view->offset = tensor->offset;
    view->dimensions = dimensions;
    for (unsigned i = 0; i < dimensions; i++) {
        view->shape[i] = tensor->shape[i];
        view->stride[i] = tensor->stride[i];
    }
    return true;
}

bool check_shape(const struct checkpoint *checkpoint, const struct view *view,
                 const uint64_t *shape, char *message)
{
    if (memcmp(view->shape, shape, view->dimensions * sizeof *shape) == 0)
        return true;
    char have[100], want[100];
    print_shape(have, sizeof have, view->dimensions, view->shape);
    print_shape(want, sizeof want, view->dimensions, shape);
    return problem(message, "%.200s: tensor %.100s has shape %s, expected %s", checkpoint->origin,
                   view->name, have, want);
}

/* Steps of 0 lead to the same number again. */
static uint64_t count_distinct(unsigned dimensions, const uint64_t *shape, const uint64_t *stride)
{
    uint64_t count = 1; /* a divisor of the tensor's count */
    for (unsigned i = 0; i < dimensions; i++)
        count *= stride[i] ? shape[i] : 1;
    return count;
}

/* From the first number to the last, in elements; the tensor has been measured. */
static uint64_t span_of(const struct view *view)
{
    uint64_t span = 1;
    for (unsigned i = 0; i < view->dimensions; i++)
        span += (view->shape[i] - 1) * view->stride[i];
    return span;
}

/* Memory for numbers of which the file only claims so far that it has them. */
static bool allocate(struct checkpoint *checkpoint, const struct view *view, uint64_t size,
                     char *message)
{
    if (size > small_size && size / inflation_limit > checkpoint->file_size)
        return problem(message,
                       "%.200s: has %" PRIu64 " bytes, but its tensor %.150s claims %" PRIu64,
                       checkpoint->origin, checkpoint->file_size, view->name, size);
    checkpoint->loaded = size <= SIZE_MAX ? malloc((size_t)size) : NULL;
    return checkpoint->loaded ||
           problem(message, "%.200s: out of memory for tensor %.150s of %" PRIu64 " bytes",
                   checkpoint->origin, view->name, size);
}

static bool load_span(struct checkpoint *checkpoint, const struct view *view, size_t element,
                      uint64_t span, char *message)
{
    const uint64_t size = span * element;
    if (!allocate(checkpoint, view, size, message))
        return false;
    checkpoint->loaded_view.offset = 0;
    return checkpoint->container->read(checkpoint->container, view->tensor, view->offset * element,
                                       (size_t)size, checkpoint->loaded, message);
}

/* A view's dimensions without those of stride 0, the largest stride first. */
struct walk {
    unsigned dimensions, source[4];
    uint64_t shape[4], stride[4];
};

static struct walk walk_forward(const struct view *view)
{
    struct walk walk = {0};
    for (unsigned i = 0; i < view->dimensions; i++) {
        if (!view->stride[i])
            continue;
        unsigned at = walk.dimensions++;
        for (; at && walk.stride[at - 1] < view->stride[i]; at--) {
            walk.source[at] = walk.source[at - 1];
            walk.shape[at] = walk.shape[at - 1];
            walk.stride[at] = walk.stride[at - 1];
        }
        walk.source[at] = i;
        walk.shape[at] = view->shape[i];
        walk.stride[at] = view->stride[i];
    }
    return walk;
}

/* Bytes [first, end) of the storage. */
struct window {
    unsigned char *bytes;
    uint64_t first, end;
};

/* The element at byte `place`, which may not lie before the window. */
static const unsigned char *look_at(struct checkpoint *checkpoint, const struct view *view,
                                    struct window *window, uint64_t place, uint64_t last_end,
                                    char *message)
{
    if (place < window->first) {
        problem(message, "%.200s: tensor %.150s overlaps itself", checkpoint->origin, view->name);
        return NULL;
    }
    if (place >= window->end) {
        const uint64_t size = last_end - place < WINDOW ? last_end - place : WINDOW;
        if (!checkpoint->container->read(checkpoint->container, view->tensor, place, (size_t)size,
                                         window->bytes, message))
            return NULL;
        window->first = place;
        window->end = place + size;
    }
    return window->bytes + (place - window->first);
}

/* Walks forward through the span and keeps the view's own numbers, in the order they lie in. */
static bool gather(struct checkpoint *checkpoint, const struct view *view, size_t element,
                   const struct walk *walk, struct window *window, char *message)
{
    const uint64_t last_end = (view->offset + span_of(view)) * element;
    const uint64_t count = count_distinct(view->dimensions, view->shape, view->stride);
    uint64_t index[4] = {0}, place = view->offset;
    for (uint64_t n = 0; n < count; n++) {
        const unsigned char *number =
            look_at(checkpoint, view, window, place * element, last_end, message);
        if (!number)
            return false;
        memcpy(checkpoint->loaded + (size_t)n * element, number, element);
        for (unsigned i = walk->dimensions; i-- > 0;) {
            place += walk->stride[i];
            if (++index[i] < walk->shape[i])
                break;
            place -= walk->shape[i] * walk->stride[i];
            index[i] = 0;
        }
    }
    return true;
}

static bool load_scattered(struct checkpoint *checkpoint, const struct view *view, size_t element,
                           char *message)
{
    const struct walk walk = walk_forward(view);
    const uint64_t count = count_distinct(view->dimensions, view->shape, view->stride);
    if (!allocate(checkpoint, view, count * element, message))
        return false;
    struct window window = {.bytes = malloc(WINDOW)};
    bool good = window.bytes ? gather(checkpoint, view, element, &walk, &window, message)
                             : problem(message, "%.200s: out of memory for tensor %.150s",
                                       checkpoint->origin, view->name);
    free(window.bytes);
    checkpoint->loaded_view.offset = 0;
    uint64_t stride = 1;
    for (unsigned i = walk.dimensions; i-- > 0;) {
        checkpoint->loaded_view.stride[walk.source[i]] = stride;
        stride *= walk.shape[i];
    }
    return good;
}

bool checkpoint_load(struct checkpoint *checkpoint, const struct view *view, char *message)
{
    const struct tensor *tensor = view->tensor;
    const size_t element = element_size(tensor->type);
    const uint64_t span = span_of(view);
    uint64_t count = count_distinct(tensor->dimensions, tensor->shape, tensor->stride);
    bool in_one_piece = span * element <= count * element + span_slack;

    free(checkpoint->loaded);
    checkpoint->loaded = NULL;
    checkpoint->loaded_view = *view;
    if (!(in_one_piece ? load_span(checkpoint, view, element, span, message)
                       : load_scattered(checkpoint, view, element, message))) {
        free(checkpoint->loaded);
        checkpoint->loaded = NULL;
        return false;
    }
    if (checkpoint->container->big_endian) {
        if (!in_one_piece)
            count = count_distinct(view->dimensions, view->shape, view->stride);
        swap_bytes(checkpoint->loaded, (size_t)(in_one_piece ? span : count), element);
    }
    return true;
}

void checkpoint_read(const struct checkpoint *checkpoint, const struct view *view, uint64_t first,
                     size_t count, double *numbers)
{
    const struct view *loaded = &checkpoint->loaded_view;
    const enum element_type type = view->tensor->type;
    const size_t element = element_size(type);
    uint64_t index[4], rest = first, place = loaded->offset;
    for (unsigned i = loaded->dimensions; i-- > 0;) {
        index[i] = rest % loaded->shape[i];
        rest /= loaded->shape[i];
        place += index[i] * loaded->stride[i];
    }
    for (size_t n = 0; n < count; n++) {
        numbers[n] = element_value(type, checkpoint->loaded + (size_t)place * element);
        for (unsigned i = loaded->dimensions; i-- > 0;) {
            place += loaded->stride[i];
            if (++index[i] < loaded->shape[i])
                break;
            place -= loaded->shape[i] * loaded->stride[i];
            index[i] = 0;
        }
    }
}
