/*
 * leftovers.c - the names that CLIP's text tower, BatchNorm's training and OpenAI's files bring
 * along.
 */
#include "leftovers.h"

#include <stdio.h>
#include <string.h>

#include "problem.h"

static const char *const text_tower_prefixes[] = {"transformer.", "token_embedding.", "ln_final."};
static const char *const known_names[] = {"positional_embedding", "text_projection",
                                          "input_resolution", "context_length", "vocab_size"};
/* BatchNorm's counter, for training alone; the mask of the text tower. */
static const char *const known_ends[] = {".num_batches_tracked", ".attn_mask"};

static bool is_droppable(const char *name)
{
    for (size_t i = 0; i < sizeof text_tower_prefixes / sizeof text_tower_prefixes[0]; i++)
        if (strncmp(name, text_tower_prefixes[i], strlen(text_tower_prefixes[i])) == 0)
            return true;
    for (size_t i = 0; i < sizeof known_names / sizeof known_names[0]; i++)
        if (strcmp(name, known_names[i]) == 0)
            return true;
    const size_t length = strlen(name);
    for (size_t i = 0; i < sizeof known_ends / sizeof known_ends[0]; i++) {
        const size_t end = strlen(known_ends[i]);
        if (length > end && strcmp(name + length - end, known_ends[i]) == 0)
            return true;
    }
    return false;
}

static void note_dropped(void (*note)(void *, const char *), void *context, const char *what,
                         const char *name)
{
    char line[QC_MESSAGE_SIZE];
    if (!note)
        return;
    snprintf(line, sizeof line, "%s %.300s", what, name);
    make_printable(line);
    note(context, line);
}

/* What lies beside a dict of weights: counters, settings, an optimizer's state. */
static void note_beside(const struct checkpoint_nesting *nesting,
                        void (*note)(void *, const char *), void *context)
{
    for (size_t i = 0; i + 1 < nesting->around->sequence.count; i += 2) {
        const struct value *key = nesting->around->sequence.items[i];
        char what[64];
        snprintf(what, sizeof what, "dropped, beside %s:", nesting->name);
        if (key->kind == VALUE_STRING && strcmp(key->string, nesting->name) != 0)
            note_dropped(note, context, what, key->string);
    }
}

bool pass_over_leftovers(const struct checkpoint *checkpoint, bool allow_unknown,
                         void (*note)(void *context, const char *line), void *context,
                         char *message)
{
    for (unsigned i = 0; i < checkpoint->nesting; i++)
        note_beside(&checkpoint->nested_in[i], note, context);
    for (size_t i = 0; i < checkpoint->count; i++) {
        const struct checkpoint_entry *entry = &checkpoint->entries[i];
        if (entry->used)
            continue;
        if (checkpoint->container && checkpoint->container->is_module &&
            entry->value->kind != VALUE_TENSOR)
            note_dropped(note, context, "dropped setting", entry->name);
        else if (is_droppable(entry->name))
            note_dropped(note, context, "dropped", entry->name);
        else if (allow_unknown)
            note_dropped(note, context, "dropped unknown", entry->name);
        else
            return problem(message,
                           "%.200s: %.150s is not known to be part of a CLIP model (pass over "
                           "such names with --allow-unknown)",
                           checkpoint->origin, entry->name);
    }
    return true;
}
