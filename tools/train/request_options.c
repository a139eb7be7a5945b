/*
 * request_options.c - options that settle a run, and one for each number of a recipe.
 */
#include "request_options.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../memory.h"
#include "arguments.h"
#include "commands.h"
#include "diagnostics.h"
#include "photo_lists.h"

enum option_code {
    PHOTOS = 256,
    HOLD_OUT,
    INIT,
    RECIPE_NAME,
    PROMPTS,
    POSITIONS,
    ACTIVATION,
    TYPE,
    NAME,
    LICENSE,
    STATE,
    RESUME,
    TEACHER,
    SAVE_EVERY,
    JUDGE_EVERY,
    HOLD_OUT_SIDE,
    LOG,
    SECONDS,
    UNTIL,
    THREADS_OPTION,
    WORKERS,
    CACHE_MEMORY,
    TYPE_WEIGHTS,
    RECIPE /* and those after it: the fields of a recipe */
};

static const struct option fixed_options[] = {
    {"photos", required_argument, NULL, PHOTOS},
    {"hold-out", required_argument, NULL, HOLD_OUT},
    {"init", required_argument, NULL, INIT},
    {"recipe", required_argument, NULL, RECIPE_NAME},
    {"prompts", required_argument, NULL, PROMPTS},
    {"positions", required_argument, NULL, POSITIONS},
    {"activation", required_argument, NULL, ACTIVATION},
    {"output", required_argument, NULL, 'o'},
    {"type", required_argument, NULL, TYPE},
    {"name", required_argument, NULL, NAME},
    {"license", required_argument, NULL, LICENSE},
    {"state", required_argument, NULL, STATE},
    {"resume", required_argument, NULL, RESUME},
    {"teacher", required_argument, NULL, TEACHER},
    {"save-every", required_argument, NULL, SAVE_EVERY},
    {"judge-every", required_argument, NULL, JUDGE_EVERY},
    {"hold-out-side", required_argument, NULL, HOLD_OUT_SIDE},
    {"log", required_argument, NULL, LOG},
    {"seconds", required_argument, NULL, SECONDS},
    {"until", required_argument, NULL, UNTIL},
    {"threads", required_argument, NULL, THREADS_OPTION},
    {"workers", required_argument, NULL, WORKERS},
    {"cache-memory", required_argument, NULL, CACHE_MEMORY},
    {"type-weights", required_argument, NULL, TYPE_WEIGHTS},
    {"help", no_argument, NULL, 'h'},
};
enum {
    fixed_count = sizeof fixed_options / sizeof *fixed_options,
    count_most = 1000000000,
    side_most = 4096
};

static struct option *all_options(void)
{
    struct option *options =
        reallocate(NULL, fixed_count + recipe_field_count + 1, sizeof *options);
    memcpy(options, fixed_options, sizeof fixed_options);
    for (size_t i = 0; i < recipe_field_count; i++)
        options[fixed_count + i] =
            (struct option){recipe_fields[i].name, required_argument, NULL, RECIPE + (int)i};
    options[fixed_count + recipe_field_count] = (struct option){0};
    return options;
}

static bool parse_number(const char *text, double *value)
{
    char *end;
    if (strspn(text, "0123456789.") == 0)
        return false;
    *value = strtod(text, &end);
    return *end == '\0';
}

/* 0, or the status of a complaint. */
static int change_field(struct recipe_changes *changes, size_t index, const char *text)
{
    const struct recipe_field *field = &recipe_fields[index];
    double value;
    if (!parse_number(text, &value) || !recipe_allows(field, value))
        return usage_error("train", "--%s=%s: expected a%s number from %g to %g", field->name, text,
                           field->kind == RECIPE_NUMBER ? "" : " whole", field->least, field->most);
    changes->given = true;
    changes->set[index] = true;
    changes->values[index] = value;
    return 0;
}

static bool change_type_weight(struct recipe_changes *changes, char *text)
{
    char *equals = strchr(text, '=');
    enum degradation type;
    double weight;
    if (!equals)
        return false;
    *equals = '\0';
    if (!degradation_by_name(text, &type) || !parse_number(equals + 1, &weight) ||
        weight > RECIPE_TYPE_WEIGHT_MOST)
        return false;
    changes->given = true;
    changes->type_weights[type] = weight;
    return true;
}

/* 0, or the status of a complaint. */
static int change_type_weights(struct recipe_changes *changes, const char *text)
{
    char *copy = copy_string(text), *parts[degradation_count];
    size_t count;
    bool good = split_list(copy, parts, degradation_count, &count);
    for (size_t i = 0; i < count && good; i++)
        good = change_type_weight(changes, parts[i]);
    free(copy);
    return good ? 0
                : usage_error("train",
                              "--type-weights=%s: expected NAME=WEIGHT,... with names of "
                              "degradations and weights from 0",
                              text);
}

void apply_changes(const struct recipe_changes *changes, struct recipe *recipe)
{
    for (size_t i = 0; i < recipe_field_count; i++)
        if (changes->set[i])
            recipe_set(recipe, &recipe_fields[i], changes->values[i]);
    for (int type = 0; type < degradation_count; type++)
        if (changes->type_weights[type] >= 0)
            recipe->batch.type_weights[type] = changes->type_weights[type];
}

/* 0 or 1: which of two names; or -1, after a complaint. */
static int choose(const char *option, const char *text, const char *first, const char *second)
{
    const char *const names[] = {first, second, NULL};
    int choice;
    if (parse_choice(text, names, &choice))
        return choice;
    usage_error("train", "--%s=%s: expected %s or %s", option, text, first, second);
    return -1;
}

/* What an option says of the beginning; 0, or the status of a complaint. */
static int take_wish(struct begin_wishes *wishes, struct recipe_changes *changes, int code,
                     const char *text)
{
    int choice = -1;
    switch (code) {
    case RECIPE_NAME:
        choice = choose("recipe", text, "scratch", "fine-tune");
        changes->recipe = choice ? RECIPE_FINE_TUNE : RECIPE_FROM_SCRATCH;
        break;
    case PROMPTS:
        choice = choose("prompts", text, "fixed", "learn");
        wishes->prompts = choice ? PROMPTS_LEARN : PROMPTS_FIXED;
        break;
    case POSITIONS:
        choice = choose("positions", text, "none", "grid");
        wishes->positions = choice ? QC_POSITIONS_GRID : QC_POSITIONS_NONE;
        break;
    case ACTIVATION:
        choice = choose("activation", text, "gelu", "quick_gelu");
        wishes->activation = text;
        break;
    }
    changes->given = true;
    return choice < 0 ? COMMAND_USAGE : 0;
}

static const char *option_name(int code)
{
    for (size_t i = 0; i < fixed_count; i++)
        if (fixed_options[i].val == code)
            return fixed_options[i].name;
    return "";
}

/* 0, or the status of a complaint. */
static int take_option(struct training_request *request, int code, const char *text)
{
    uint32_t count;
    switch (code) {
    case PHOTOS: return photo_list_add(&request->photos, text) ? 0 : COMMAND_FAILED;
    case HOLD_OUT: return photo_list_add(&request->held_out, text) ? 0 : COMMAND_FAILED;
    case INIT: request->init = text; return 0;
    case 'o': request->model.model_path = text; return 0;
    case TYPE:
        request->model.full = strcmp(text, "f32") == 0;
        return request->model.full || strcmp(text, "f16") == 0
                   ? 0
                   : usage_error("train", "--type=%s: expected f16 or f32", text);
    case NAME: request->model.name = text; return 0;
    case LICENSE: request->model.license = text; return 0;
    case STATE: request->state_path = text; return 0;
    case RESUME: request->resume = text; return 0;
    case TEACHER: request->teacher = text; return 0;
    case LOG: request->log_path = text; return 0;
    case SECONDS:
        return parse_positive(text, &request->seconds)
                   ? 0
                   : usage_error("train", "--seconds=%s: expected a number greater than 0", text);
    case CACHE_MEMORY:
        return parse_bytes(text, &request->cache_memory)
                   ? 0
                   : usage_error("train", "--cache-memory=%s: expected a size such as 512M", text);
    }
    const uint32_t least = code == HOLD_OUT_SIDE || code == THREADS_OPTION;
    const int most = code == HOLD_OUT_SIDE ? side_most : count_most;
    if (!parse_count(text, least, (uint32_t)most, &count))
        return usage_error("train", "--%s=%s: expected a whole number from %" PRIu32 " to %d",
                           option_name(code), text, least, most);
    switch (code) {
    case SAVE_EVERY: request->save_every = count; break;
    case JUDGE_EVERY: request->judge_every = count; break;
    case HOLD_OUT_SIDE: request->held_out_side = count; break;
    case THREADS_OPTION: request->threads = count; break;
    case WORKERS: request->workers = count; break;
    case UNTIL: request->until = count; break;
    }
    return 0;
}

/* 0, or the status of a complaint. */
static int check(const struct training_request *request, const struct recipe_changes *changes)
{
    if (!request->photos.count)
        return usage_error("train", "no photos are given (--photos=DIR)");
    if (!request->model.model_path)
        return usage_error("train", "no output file is given (-o MODEL.gguf)");
    if (!request->init == !request->resume)
        return usage_error("train", request->init
                                        ? "--init begins a run, --resume goes on with one: one of "
                                          "them, please"
                                        : "nothing to begin with is given (--init=nano, or "
                                          "--resume=FILE)");
    if (request->resume && changes->given)
        return usage_error("train", "--resume goes on with the recipe of that run: it cannot be "
                                    "changed (--init=FILE takes its weights alone)");
    if (request->threads > 1024 || request->workers > 1024)
        return usage_error("train", "more than 1024 threads");
    return 0;
}

int parse_training(struct training_request *request, struct recipe_changes *changes, int argc,
                   char **argv)
{
    struct option *options = all_options();
    int option, status = 0;
    opterr = 0;
    while (!status && (option = getopt_long(argc, argv, ":o:h", options, NULL)) != -1) {
        if (option == '?' || option == ':')
            status = option_error("train", option, argv);
        else if (option == 'h')
            status = HELP_WANTED;
        else if (option >= RECIPE)
            status = change_field(changes, (size_t)(option - RECIPE), optarg);
        else if (option == TYPE_WEIGHTS)
            status = change_type_weights(changes, optarg);
        else if (option == RECIPE_NAME || option == PROMPTS || option == POSITIONS ||
                 option == ACTIVATION)
            status = take_wish(&request->wishes, changes, option, optarg);
        else
            status = take_option(request, option, optarg);
    }
    free(options);
    if (!status && optind < argc)
        status =
            usage_error("train", "%s: photos are given as --photos=%s", argv[optind], argv[optind]);
    return status ? status : check(request, changes);
}
