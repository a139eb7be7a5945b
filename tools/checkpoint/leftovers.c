/*
 * leftovers.c - a text tower that is of no use, and what files bring along, are passed over.
 */
#include "leftovers.h"

#include <stdio.h>
#include <string.h>

#include "problem.h"

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

void set_aside(struct checkpoint *checkpoint, const char *prefix, const char *why,
               void (*note)(void *context, const char *line), void *context)
{
    for (size_t i = 0; i < checkpoint->count; i++) {
        struct checkpoint_entry *entry = &checkpoint->entries[i];
        if (entry->used || strncmp(entry->name, prefix, strlen(prefix)) != 0)
            continue;
        entry->used = true;
        char what[128];
        snprintf(what, sizeof what, "dropped, %s:", why);
        note_dropped(note, context, what, entry->name);
    }
}

bool pass_over_leftovers(const struct checkpoint *checkpoint, const struct naming *naming,
                         bool takes_text, bool allow_unknown,
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
        else if (is_needless_name(entry->name) ||
                 (!takes_text && is_text_name(naming, entry->name)))
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
