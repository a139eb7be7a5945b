/*
 * context.c - finds the tensor `ctx`, (texts, length, width) or (length, width), and beside it the
 * embeddings of the tokens around it, `token_prefix` and `token_suffix`, which those programs save
 * too: they tell whether the text tower is the one that the contexts were learned with.
 */
#include "context.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"
#include "wrapping.h"

enum { LENGTH_MAX = 256, NAME_SIZE = 256 };

static const char learner[] = "prompt_learner.ctx";

static bool is_context(const char *name)
{
    const size_t length = strlen(name), end = strlen(learner);
    return strcmp(name, LONE_TENSOR) == 0 ||
           (length >= end && strcmp(name + length - end, learner) == 0);
}

bool has_context(const struct checkpoint *checkpoint)
{
    for (size_t i = 0; i < checkpoint->count; i++)
        if (is_context(checkpoint->entries[i].name))
            return true;
    return false;
}

static const struct checkpoint_entry *find_context(const struct checkpoint *checkpoint,
                                                   char *message)
{
    const struct checkpoint_entry *found = NULL;
    for (size_t i = 0; i < checkpoint->count; i++) {
        const struct checkpoint_entry *entry = &checkpoint->entries[i];
        if (!is_context(entry->name))
            continue;
        if (found) {
            problem(message, "%.200s: has several learned contexts: %.100s and %.100s",
                    checkpoint->origin, found->name, entry->name);
            return NULL;
        }
        found = entry;
    }
    if (!found)
        problem(message,
                "%.200s: has no learned contexts (prompt_learner.ctx): name the file that has them "
                "with --context=FILE",
                checkpoint->origin);
    return found;
}

/* ----------------------------------------------------------------------------------- vectors */

/* The shape with `texts` before it where all texts share the vectors. */
static bool measure(struct context *context, const struct checkpoint *checkpoint,
                    const struct view *view, size_t texts, size_t width, char *message)
{
    const unsigned last = view->dimensions - 1;
    context->texts = view->dimensions == 3 ? (size_t)view->shape[0] : 1;
    context->length = (size_t)view->shape[last - 1];
    context->width = (size_t)view->shape[last];
    if ((view->dimensions == 3 && context->texts != texts) || context->width != width)
        return problem(message,
                       "%.200s: tensor %.100s has contexts for %zu text%s of width %zu, expected "
                       "%zu texts of width %zu, the text tower's",
                       checkpoint->origin, view->name, context->texts,
                       context->texts == 1 ? "" : "s", context->width, texts, width);
    if (context->length % 2 || context->length > LENGTH_MAX)
        return problem(message,
                       "%.200s: tensor %.100s has contexts of %zu vectors, expected an even number "
                       "up to %d: half of them stand before the text",
                       checkpoint->origin, view->name, context->length, LENGTH_MAX);
    return true;
}

static bool read_vectors(struct context *context, struct checkpoint *checkpoint,
                         const struct view *view, char *message)
{
    const size_t rows = context->texts * context->length, width = context->width;
    double *numbers = malloc(width * sizeof *numbers);
    context->vectors = malloc(rows * width * sizeof *context->vectors);
    bool good = numbers && context->vectors;
    if (!good)
        problem(message, "%.200s: out of memory", checkpoint->origin);
    good = good && checkpoint_load(checkpoint, view, message);
    for (size_t row = 0; row < rows && good; row++) {
        checkpoint_read(checkpoint, view, row * width, width, numbers);
        for (size_t i = 0; i < width && good; i++) {
            context->vectors[row * width + i] = (float)numbers[i];
            if (!(fabs(numbers[i]) <= (double)FLT_MAX))
                good = problem(message,
                               "%.200s: tensor %.100s: element %zu is %g, expected a finite number",
                               checkpoint->origin, view->name, row * width + i, numbers[i]);
        }
    }
    free(numbers);
    return good;
}

/* ------------------------------------------------------------------------------------ tokens */

/* Row (i, j) of a tensor of three dimensions, or row j of one of two. */
static struct view row_of(const struct view *view, uint64_t i, uint64_t j)
{
    struct view row = *view;
    const unsigned last = view->dimensions - 1;
    row.dimensions = 1;
    row.offset += j * view->stride[last - 1] + (view->dimensions == 3 ? i * view->stride[0] : 0);
    row.shape[0] = view->shape[last];
    row.stride[0] = view->stride[last];
    return row;
}

/* Embeddings that were saved, a text's first token first, and what they must be equal to. */
struct comparison {
    struct checkpoint *checkpoint, *text_source;
    const struct view *embedding;
    double *saved, *expected; /* room for a row of each */
};

static bool read_row(struct checkpoint *checkpoint, struct view row, double *numbers, char *message)
{
    if (!checkpoint_load(checkpoint, &row, message))
        return false;
    checkpoint_read(checkpoint, &row, 0, (size_t)row.shape[0], numbers);
    return true;
}

/* Equal but for the precision that either was saved in. */
static bool compare_row(const struct comparison *comparison, const struct view *saved, size_t text,
                        size_t at, uint32_t id, char *message)
{
    const size_t width = (size_t)comparison->embedding->shape[1];
    if (!read_row(comparison->checkpoint, row_of(saved, text, at), comparison->saved, message) ||
        !read_row(comparison->text_source, row_of(comparison->embedding, 0, id),
                  comparison->expected, message))
        return false;
    for (size_t i = 0; i < width; i++) {
        const double expected = comparison->expected[i];
        if (!(fabs(comparison->saved[i] - expected) <= 1e-4 + 1e-2 * fabs(expected)))
            return problem(message,
                           "%.150s: the contexts were learned with another text tower than that "
                           "of %.150s: token %" PRIu32 " is %g in %.60s, %g there",
                           comparison->checkpoint->origin, comparison->text_source->origin, id,
                           comparison->saved[i], saved->name, expected);
    }
    return true;
}

/* The tensor beside the context whose name ends so; false in *there if there is none. */
static bool view_beside(struct checkpoint *checkpoint, const char *context, const char *end,
                        struct view *view, bool *there, char *message)
{
    char name[NAME_SIZE];
    const size_t length = strlen(context) - strlen("ctx");
    snprintf(name, sizeof name, "%.*s%s", (int)(length < 200 ? length : 200), context, end);
    *there = checkpoint_find(checkpoint, name) != NULL;
    return !*there || checkpoint_view(checkpoint, name, 3, view, message);
}

/* Start token in one tensor; own tokens, end token and padding in the other. */
static bool compare_tokens(const struct comparison *comparison, enum prompt_set set,
                           const struct view *prefix, const struct view *suffix, char *message)
{
    bool good = true;
    for (size_t text = 0; text < prompt_count(set) && good; text++) {
        uint32_t ids[PROMPT_TOKENS_MAX];
        const size_t count = prompt_tokens(set, text, ids);
        if (prefix)
            good = compare_row(comparison, prefix, text, 0, ids[0], message);
        for (size_t i = 1; suffix && i < count && good; i++)
            good = compare_row(comparison, suffix, text, i - 1, ids[i], message);
    }
    return good;
}

/* The most tokens that any of the texts has behind the start token. */
static uint64_t longest_text(enum prompt_set set)
{
    uint64_t longest = 0;
    for (size_t text = 0; text < prompt_count(set); text++) {
        uint32_t ids[PROMPT_TOKENS_MAX];
        const size_t count = prompt_tokens(set, text, ids) - 1;
        longest = count > longest ? count : longest;
    }
    return longest;
}

static bool check_tokens(struct checkpoint *checkpoint, const char *name, enum prompt_set set,
                         struct checkpoint *text_source, const struct view *embedding,
                         char *message)
{
    struct view prefix, suffix = {0};
    bool has_prefix, has_suffix;
    if (!view_beside(checkpoint, name, "token_prefix", &prefix, &has_prefix, message) ||
        !view_beside(checkpoint, name, "token_suffix", &suffix, &has_suffix, message))
        return false;
    const uint64_t texts = prompt_count(set), width = embedding->shape[1];
    const uint64_t longest = longest_text(set), length = suffix.shape[1];
    const uint64_t prefix_shape[] = {texts, 1, width};
    const uint64_t suffix_shape[] = {texts, length > longest ? length : longest, width};
    if ((has_prefix && !check_shape(checkpoint, &prefix, prefix_shape, message)) ||
        (has_suffix && !check_shape(checkpoint, &suffix, suffix_shape, message)))
        return false;
    double *rows = malloc(2 * (size_t)width * sizeof *rows);
    if (!rows)
        return problem(message, "%.200s: out of memory", checkpoint->origin);
    const struct comparison comparison = {checkpoint, text_source, embedding, rows, rows + width};
    const bool good = compare_tokens(&comparison, set, has_prefix ? &prefix : NULL,
                                     has_suffix ? &suffix : NULL, message);
    free(rows);
    return good;
}

/* ------------------------------------------------------------------------------------- whole */

bool context_read(struct context *context, struct checkpoint *checkpoint, enum prompt_set set,
                  struct checkpoint *text_source, const struct view *embedding, char *message)
{
    memset(context, 0, sizeof *context);
    const struct checkpoint_entry *entry = find_context(checkpoint, message);
    if (!entry)
        return false;
    const bool shared = entry->value->kind == VALUE_TENSOR && entry->value->tensor->dimensions == 2;
    struct view view;
    const bool good = checkpoint_view(checkpoint, entry->name, shared ? 2 : 3, &view, message) &&
                      measure(context, checkpoint, &view, prompt_count(set),
                              (size_t)embedding->shape[1], message) &&
                      check_tokens(checkpoint, entry->name, set, text_source, embedding, message) &&
                      read_vectors(context, checkpoint, &view, message);
    if (!good)
        context_free(context);
    return good;
}

void context_free(struct context *context)
{
    free(context->vectors);
    memset(context, 0, sizeof *context);
}

const float *context_of(const struct context *context, size_t text)
{
    return context->vectors + (context->texts == 1 ? 0 : text) * context->length * context->width;
}
