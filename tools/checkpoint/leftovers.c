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
static const char counter[] = ".num_batches_tracked"; /* of BatchNorm: for training alone */

static bool is_droppable(const char *name)
{
    for (size_t i = 0; i < sizeof text_tower_prefixes / sizeof text_tower_prefixes[0]; i++)
        if (strncmp(name, text_tower_prefixes[i], strlen(text_tower_prefixes[i])) == 0)
            return true;
    for (size_t i = 0; i < sizeof known_names / sizeof known_names[0]; i++)
        if (strcmp(name, known_names[i]) == 0)
            return true;
    size_t length = strlen(name);
    return length > strlen(counter) && strcmp(name + length - strlen(counter), counter) == 0;
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

bool pass_over_leftovers(const struct checkpoint *checkpoint, bool allow_unknown,
                         void (*note)(void *context, const char *line), void *context,
                         char *message)
{
    if (checkpoint->outside)
        note_dropped(note, context, "dropped what lies beside the dict", checkpoint->outside);
    for (size_t i = 0; i < checkpoint->count; i++) {
        const struct checkpoint_entry *entry = &checkpoint->entries[i];
        if (entry->used)
            continue;
        if (is_droppable(entry->name))
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
