/*
 * wrapping.c - dicts inside dicts, prefixes of wrapping modules, towers without a name of their
 * own.
 */
#include "wrapping.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"

/* Where training programs put the weights among other things; of two, the first is meant. */
static const char *const wrappers[] = {"params",           "params_ema", "state_dict",
                                       "model_state_dict", "model",      "module"};

/* What wrapping modules put before names; they occur one after the other, too. */
static const char *const prefixes[] = {"module.", "_orig_mod.", "model.", "clip_model.", "clip."};

/* The parts of CLIP's image towers, which have no "visual." before them when they are alone. */
static const char *const tower_names[] = {"class_embedding", "positional_embedding", "proj"};
static const char *const tower_prefixes[] = {
    "conv1.",  "conv2.",  "conv3.",  "bn1.",      "bn2.",    "bn3.",     "layer1.",
    "layer2.", "layer3.", "layer4.", "attnpool.", "ln_pre.", "ln_post.", "transformer."};
static const char tower[] = "visual.";

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static bool begins_with(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* ------------------------------------------------------------------------------------- dicts */

/* Sets *inner to the dict `name` inside `dict`, or to NULL; false: there are two. */
static bool find_nested(const struct value *dict, const char *name, const struct value **inner)
{
    *inner = NULL;
    for (size_t i = 0; i + 1 < dict->sequence.count; i += 2) {
        const struct value *key = dict->sequence.items[i], *value = dict->sequence.items[i + 1];
        if (key->kind != VALUE_STRING || strcmp(key->string, name) != 0 ||
            value->kind != VALUE_DICT)
            continue;
        if (*inner)
            return false;
        *inner = value;
    }
    return true;
}

/* The innermost dict of weights, or NULL. */
static const struct value *unwrap(struct checkpoint *checkpoint, char *message)
{
    const struct value *dict = checkpoint->container->root;
    if (dict->kind != VALUE_DICT) {
        problem(message, "%.200s: holds %s, expected a dict of tensors (a state_dict())",
                checkpoint->origin, kind_name(dict->kind));
        return NULL;
    }
    for (;;) {
        const struct value *inner = NULL;
        size_t i = 0;
        for (; i < COUNT(wrappers); i++) {
            if (!find_nested(dict, wrappers[i], &inner)) {
                problem(message, "%.200s: key %s occurs twice", checkpoint->origin, wrappers[i]);
                return NULL;
            }
            if (inner)
                break;
        }
        if (!inner)
            return dict;
        if (checkpoint->nesting == CHECKPOINT_NESTING_MAX) {
            problem(message, "%.200s: dicts are nested too deeply or contain themselves",
                    checkpoint->origin);
            return NULL;
        }
        checkpoint->nested_in[checkpoint->nesting] =
            (struct checkpoint_nesting){.name = wrappers[i], .around = dict};
        checkpoint->nesting++;
        dict = inner;
    }
}

/* ------------------------------------------------------------------------------------- names */

static const char *without_prefixes(const char *name)
{
    for (size_t i = 0; i < COUNT(prefixes); i++)
        if (begins_with(name, prefixes[i])) {
            name += strlen(prefixes[i]);
            i = (size_t)-1; /* from the first again */
        }
    return name;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(((const struct checkpoint_entry *)left)->name,
                  ((const struct checkpoint_entry *)right)->name);
}

static void sort_entries(struct checkpoint *checkpoint)
{
    qsort(checkpoint->entries, checkpoint->count, sizeof *checkpoint->entries, compare_names);
}

static bool is_of_tower(const char *name)
{
    for (size_t i = 0; i < COUNT(tower_names); i++)
        if (strcmp(name, tower_names[i]) == 0)
            return true;
    for (size_t i = 0; i < COUNT(tower_prefixes); i++)
        if (begins_with(name, tower_prefixes[i]))
            return true;
    return false;
}

/* Of CLIP's: torchvision's ResNets, for one, have no attention pool. */
static bool is_lone_tower(const struct checkpoint *checkpoint)
{
    return !checkpoint_has_prefix(checkpoint, tower) &&
           !checkpoint_find(checkpoint, "token_embedding.weight") &&
           (checkpoint_find(checkpoint, "class_embedding") ||
            checkpoint_find(checkpoint, "attnpool.c_proj.weight"));
}

static bool put_tower_before_names(struct checkpoint *checkpoint, char *message)
{
    for (size_t i = 0; i < checkpoint->count; i++) {
        const char *name = checkpoint->entries[i].name;
        if (!is_of_tower(name))
            continue;
        size_t size = strlen(tower) + strlen(name);
        char *longer = pool_allocate(&checkpoint->pool, size + 1);
        if (!longer)
            return problem(message, "%.200s: out of memory", checkpoint->origin);
        snprintf(longer, size + 1, "%s%s", tower, name);
        checkpoint->entries[i].name = longer;
    }
    sort_entries(checkpoint);
    return true;
}

static bool list_entries(struct checkpoint *checkpoint, const struct value *dict, char *message)
{
    size_t count = dict->sequence.count / 2;
    checkpoint->entries = calloc(count ? count : 1, sizeof *checkpoint->entries);
    if (!checkpoint->entries)
        return problem(message, "%.200s: out of memory", checkpoint->origin);
    for (size_t i = 0; i < count; i++) {
        const struct value *key = dict->sequence.items[2 * i];
        if (key->kind != VALUE_STRING)
            return problem(message, "%.200s: the dict has a key that is %s, not a string",
                           checkpoint->origin, kind_name(key->kind));
        checkpoint->entries[i].key = key->string;
        checkpoint->entries[i].name = without_prefixes(key->string);
        checkpoint->entries[i].value = dict->sequence.items[2 * i + 1];
    }
    checkpoint->count = count;
    sort_entries(checkpoint);
    return !is_lone_tower(checkpoint) || put_tower_before_names(checkpoint, message);
}

/* A tensor that was saved alone, as CLIP-IQA+'s contexts are: under the name they have elsewhere.
 */
static bool list_lone_tensor(struct checkpoint *checkpoint, char *message)
{
    checkpoint->entries = calloc(1, sizeof *checkpoint->entries);
    if (!checkpoint->entries)
        return problem(message, "%.200s: out of memory", checkpoint->origin);
    checkpoint->entries[0] = (struct checkpoint_entry){
        .name = LONE_TENSOR, .key = LONE_TENSOR, .value = checkpoint->container->root};
    checkpoint->count = 1;
    return true;
}

bool unwrap_entries(struct checkpoint *checkpoint, char *message)
{
    if (checkpoint->container->root->kind == VALUE_TENSOR)
        return list_lone_tensor(checkpoint, message);
    const struct value *dict = unwrap(checkpoint, message);
    if (!dict || !list_entries(checkpoint, dict, message))
        return false;
    for (size_t i = 1; i < checkpoint->count; i++)
        if (strcmp(checkpoint->entries[i - 1].name, checkpoint->entries[i].name) == 0)
            return problem(message, "%.200s: key %.150s occurs twice", checkpoint->origin,
                           checkpoint->entries[i].name);
    return true;
}

/* ------------------------------------------------------------------------------------- notes */

/* The same change of many names: `length` bytes at `before` replaced by "visual." or nothing. */
struct renaming {
    const char *before;
    size_t length, count;
    bool gets_tower;
};

static struct renaming renaming_of(const struct checkpoint_entry *entry)
{
    const size_t key = strlen(entry->key), name = strlen(entry->name);
    struct renaming renaming = {.before = entry->key, .count = 1};
    renaming.gets_tower = name > key || strcmp(entry->key + key - name, entry->name) != 0;
    renaming.length = key + (renaming.gets_tower ? strlen(tower) : 0) - name;
    return renaming;
}

static bool is_same(const struct renaming *a, const struct renaming *b)
{
    return a->gets_tower == b->gets_tower && a->length == b->length &&
           memcmp(a->before, b->before, a->length) == 0;
}

/* One line for each way in which names were changed, not for each name. */
static void note_renamings(const struct checkpoint *checkpoint, note_line *note, void *context)
{
    struct renaming seen[8];
    size_t count = 0;
    for (size_t i = 0; i < checkpoint->count; i++) {
        struct renaming one = renaming_of(&checkpoint->entries[i]);
        size_t at = 0;
        while (at < count && !is_same(&seen[at], &one))
            at++;
        if (at < count)
            seen[at].count++;
        else if ((one.length || one.gets_tower) && count < COUNT(seen))
            seen[count++] = one;
    }
    for (size_t i = 0; i < count; i++) {
        char line[QC_MESSAGE_SIZE];
        snprintf(line, sizeof line, "renamed %.*s* to %s*: %zu name%s",
                 (int)(seen[i].length < 200 ? seen[i].length : 200), seen[i].before,
                 seen[i].gets_tower ? tower : "", seen[i].count, seen[i].count == 1 ? "" : "s");
        make_printable(line);
        note(context, line);
    }
}

void note_names(const struct checkpoint *checkpoint, note_line *note, void *context)
{
    char line[QC_MESSAGE_SIZE];
    int used = snprintf(line, sizeof line, "read %.200s (%s): %zu names", checkpoint->origin,
                        checkpoint->container->format, checkpoint->count);
    for (unsigned i = 0; i < checkpoint->nesting; i++)
        used += snprintf(line + used, sizeof line - (size_t)used, "%s%s", i ? "." : " in ",
                         checkpoint->nested_in[i].name);
    make_printable(line);
    note(context, line);
    note_renamings(checkpoint, note, context);
}
