/*
 * activation.c - OpenAI's models have QuickGELU; OpenCLIP's have the exact GELU unless their config
 * says otherwise; transformers' say in theirs.  Names and shapes are the same, and the scores of
 * the wrong one look like scores: where nothing tells, the user is asked.
 */
#include "activation.h"

#include <string.h>

#include "problem.h"

/* OpenCLIP publishes OpenAI's names in these, OpenAI never did. */
static bool may_be_open_clips(const struct activation_question *question)
{
    const char *file = base_name(question->checkpoint->path);
    return question->naming->config == CONFIG_OPEN_CLIP &&
           (question->naming->is_open_clip || strncmp(file, "open_clip", 9) == 0 ||
            strcmp(question->checkpoint->container->format, "safetensors") == 0);
}

bool find_activation(const struct activation_question *question, struct activation_answer *answer,
                     char *message)
{
    const struct published_config *config = question->config;
    const enum told_activation told =
        question->is_text ? config->text.activation : config->vision.activation;
    if (question->demanded)
        *answer =
            (struct activation_answer){strcmp(question->demanded, "gelu") == 0, "as demanded"};
    else if (told != ACTIVATION_NOT_TOLD)
        *answer = (struct activation_answer){told == ACTIVATION_TOLD_GELU, base_name(config->path)};
    else if (may_be_open_clips(question))
        return problem(
            message,
            "%.200s: nothing tells the activation: put open_clip_config.json beside it, "
            "or give --activation=gelu (OpenCLIP's own models) or =quick_gelu (copies of "
            "OpenAI's)",
            question->checkpoint->origin);
    else
        *answer = (struct activation_answer){false, "of OpenAI's models"};
    return true;
}
