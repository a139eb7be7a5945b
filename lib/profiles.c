/*
 * profiles.c - a table.  Sources: QualiCLIP (arXiv 2403.11176) and its released code, CLIP-IQA
 * (arXiv 2207.12396), LIQE (arXiv 2303.14968), GRepQ (arXiv 2312.15425), and pyiqa for the rows
 * under its name.  docs/scores-explained.md says which program gives which number.
 */
#include "profiles.h"

#include "c_text.h"

#define PAIRS  QC_READOUT_PAIRS
#define LEVELS QC_READOUT_LEVELS
#define TEXTS  QC_READOUT_TEXTS

static const struct profile profiles[] = {
    {"qualiclip", PROMPTS_QUALICLIP, PAIRS, 0, 1, QC_SIZE_NATIVE, false, false, 0, 1},
    {"qualiclip-pyiqa", PROMPTS_QUALICLIP, PAIRS, 0, 2, QC_SIZE_NATIVE, false, false, 0, 1},
    {"qualiclip+", PROMPTS_QUALICLIP_PLUS, PAIRS, 0, 2, QC_SIZE_NATIVE, false, false, 0, 1},
    {"clip-iqa", PROMPTS_CLIP_IQA, PAIRS, 0, 1, QC_SIZE_NATIVE, false, false, 0, 1},
    {"clip-iqa-pyiqa", PROMPTS_CLIP_IQA_PYIQA, PAIRS, 0, 1, QC_SIZE_NATIVE, false, false, 0, 1},
    {"clip-iqa+", PROMPTS_CLIP_IQA_PLUS, PAIRS, 0, 1, QC_SIZE_NATIVE, false, false, 0, 1},
    {"liqe", PROMPTS_LIQE, LEVELS, 0, 1, QC_SIZE_TILES, true, false, 1, 5},
    {"liqe-mix", PROMPTS_LIQE_MIX, LEVELS, 0, 1, QC_SIZE_TILES, true, false, 1, 5},
    {"grepq", PROMPTS_GREPQ, PAIRS, 10, 1, QC_SIZE_NATIVE, false, true, 0, 2},
    {"clip", PROMPTS_ANY, TEXTS, 0, 1, QC_SIZE_NATIVE, true, false, 0, 1},
};

const struct profile *profile_at(size_t index)
{
    return index < sizeof profiles / sizeof profiles[0] ? &profiles[index] : NULL;
}

const struct profile *profile_find(const char *name)
{
    for (size_t i = 0; profile_at(i); i++)
        if (same_text(profiles[i].name, name))
            return &profiles[i];
    return NULL;
}
