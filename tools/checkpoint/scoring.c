/*
 * scoring.c - settings of the profile that was asked for, or of what fits the checkpoint.
 */
#include "scoring.h"

#include <stdio.h>
#include <string.h>

#include "problem.h"

/* Which of its settings the profile leaves open, and whether the user's prompts fit it. */
static bool take_own_prompts(struct scoring *scoring, const struct conversion *conversion,
                             bool is_known, char *message)
{
    const bool pairs = conversion->prompts[0].negative != NULL;
    for (size_t i = 0; i < conversion->prompt_count; i++)
        if ((conversion->prompts[i].negative != NULL) != pairs)
            return problem(message, "some of the prompts are pairs, some single texts");
    if (!is_known)
        scoring->readout = pairs ? QC_READOUT_PAIRS : QC_READOUT_TEXTS;
    if (scoring->readout == QC_READOUT_LEVELS)
        return problem(message,
                       "the profile %s scores by quality levels: it takes no other prompts",
                       scoring->name);
    if (pairs != (scoring->readout == QC_READOUT_PAIRS))
        return problem(message, "the profile %s compares with %s, but the prompts are %s",
                       scoring->name, pairs ? "single texts" : "pairs of texts",
                       pairs ? "pairs" : "single texts");
    scoring->origin = PROMPTS_OWN;
    scoring->output_count = conversion->prompt_count;
    scoring->text_count = (pairs ? 2 : 1) * conversion->prompt_count;
    return true;
}

static bool settle_positions(struct scoring *scoring, qc_positions wanted, bool has_positions,
                             char *message)
{
    scoring->positions =
        scoring->profile->positions && has_positions ? QC_POSITIONS_GRID : QC_POSITIONS_NONE;
    if (wanted == QC_POSITIONS_MODEL)
        return true;
    if (wanted != QC_POSITIONS_NONE && !has_positions)
        return problem(message, "the image tower has no positional embeddings: only --positions="
                                "none is possible");
    scoring->positions = wanted;
    return true;
}

/* A label of the user's own would make two recipes look like one, or one like two. */
static bool unknown_profile(const char *name, char *message)
{
    char known[256] = "";
    for (size_t i = 0, used = 0; profile_at(i) && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                                 profile_at(i)->name);
    return problem(message, "there is no profile \"%.60s\", but %s; a model's own name is given by "
                            "--name",
                   name, known);
}

bool settle_scoring(struct scoring *scoring, const struct conversion *conversion, bool has_stored,
                    bool has_positions, char *message)
{
    const struct profile *known = conversion->profile ? profile_find(conversion->profile) : NULL;
    const struct profile *profile = known ? known : profile_find(has_stored ? "qualiclip" : "clip");
    const bool own = conversion->prompt_count > 0;
    if (conversion->profile && !known && strcmp(conversion->profile, PROFILE_CUSTOM) != 0)
        return unknown_profile(conversion->profile, message);
    const bool rescaled = conversion->size_rule != QC_SIZE_MODEL;
    *scoring = (struct scoring){.name = conversion->profile ? conversion->profile
                                        : own               ? PROFILE_CUSTOM
                                                            : profile->name,
                                .profile = profile,
                                .readout = profile->readout,
                                .temperature = conversion->temperature > 0 ? conversion->temperature
                                                                           : profile->temperature,
                                .size_rule = rescaled ? conversion->size_rule : profile->size,
                                .size_pixels = rescaled ? conversion->size_pixels : 0};
    if (!settle_positions(scoring, conversion->positions, has_positions, message))
        return false;
    if (own)
        return take_own_prompts(scoring, conversion, known != NULL, message);
    if (has_stored && profile->prompts == PROMPTS_QUALICLIP) {
        scoring->origin = PROMPTS_STORED; /* the official list differs from what was encoded */
    } else if (profile->prompts != PROMPTS_ANY) {
        scoring->origin = PROMPTS_ENCODED;
        scoring->text_count = prompt_count(profile->prompts);
        scoring->output_count = prompt_output_count(profile->prompts);
    }
    return true;
}

void scoring_output_name(const struct scoring *scoring, size_t index, char name[PROMPT_TEXT_SIZE])
{
    const enum prompt_set set = scoring->profile->prompts;
    if (scoring->output_count == prompt_output_count(set))
        prompt_output_name(set, index, name);
    else
        snprintf(name, PROMPT_TEXT_SIZE, "pair %zu", index + 1);
}
