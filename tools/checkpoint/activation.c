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

static bool ask_config(const struct activation_question *question, struct activation_answer *answer,
                       bool *known, char *message)
{
    const struct published_config *config = question->config;
    const enum told_activation vision = config->vision.activation, text = config->text.activation;
    if (question->has_vit && question->has_text && vision && text && vision != text)
        return problem(message,
                       "%.200s: the towers differ in their activations, which a model file cannot "
                       "say: convert the image tower alone",
                       origin_of(config->path));
    const enum told_activation told = question->has_vit ? vision : text;
    *known = told != ACTIVATION_NOT_TOLD;
    answer->is_gelu = told == ACTIVATION_TOLD_GELU;
    answer->reason = *known ? base_name(config->path) : NULL;
    return true;
}

bool find_activation(const struct activation_question *question, struct activation_answer *answer,
                     char *message)
{
    bool known = false;
    if (question->demanded) {
        answer->is_gelu = strcmp(question->demanded, "gelu") == 0;
        answer->reason = "as demanded";
        return true;
    }
    if (question->config->path && !ask_config(question, answer, &known, message))
        return false;
    if (known)
        return true;
    if (may_be_open_clips(question))
        return problem(
            message,
            "%.200s: nothing tells the activation: put open_clip_config.json beside it, "
            "or give --activation=gelu (OpenCLIP's own models) or =quick_gelu (copies of "
            "OpenAI's)",
            question->checkpoint->origin);
    answer->is_gelu = false;
    answer->reason = "of OpenAI's models";
    return true;
}
