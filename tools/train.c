/*
 * train.c - `qualiclip train`: photos in, a model file out.  The work is in tools/train.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "commands.h"
#include "diagnostics.h"
#include "machine.h"
#include "memory.h"
#include "output.h"

#if defined(QUALICLIP_TRAIN)

#include "photo_lists.h"
#include "ranks.h"
#include "repack.h"
#include "training.h"

static const char help[] =
    "Usage: qualiclip train --photos=DIR... --init=NAME|FILE -o MODEL.gguf [OPTION]...\n"
    "       qualiclip train --photos=DIR... --resume=FILE -o MODEL.gguf [OPTION]...\n"
    "\n"
    "Trains an image tower by quality-aware image-text alignment: crops of good photos are\n"
    "degraded at five levels, and their scores have to fall with the level.  No opinions of\n"
    "people are needed.\n"
    "\n"
    "      --photos=WHAT        a photo, a folder that is walked, or a .txt file with a path a\n"
    "                           line (up to a TAB; # begins a comment); may be given several\n"
    "                           times\n"
    "      --hold-out=WHAT      likewise: photos that are kept aside; the model is judged by them\n"
    "      --init=NAME|FILE     from random numbers: nano, a ModifiedResNet of width 16;\n"
    "                           pico, one of width 8; vit-tiny, a ViT of width 192.  Or a file\n"
    "                           that --state wrote: its weights (their running means), under a\n"
    "                           new recipe.  Or a model file (f32, f16, bf16), which is\n"
    "                           fine-tuned as in QualiCLIP's paper: its prompts stay, crops are\n"
    "                           of 224, 10 epochs at a rate of 1e-9\n"
    "  -o, --output=MODEL.gguf  the model, as `qualiclip score -m` takes it; written at every\n"
    "                           judgement and at the end\n"
    "      --teacher=MODEL      a model file, or built-in: what it makes of the crops is\n"
    "                           imitated, scores and, where the sizes are equal, features\n"
    "      --type=f16|f32       of its weights; default f16\n"
    "      --name=TEXT          the model's name; default: the file's\n"
    "      --license=TEXT       the licence of the weights, to be kept in the file\n"
    "      --state=FILE         where the run is saved, to go on later; default: MODEL.gguf.state\n"
    "      --resume=FILE        go on where that run was saved, with its recipe, to the same\n"
    "                           bits; the photos must be given as they were\n"
    "      --save-every=N       save after every N steps and at the end; default 500\n"
    "      --judge-every=N      judge after every N steps and at the end; default 500\n"
    "      --hold-out-side=N    pixels a side of photos that are judged; default 384\n"
    "      --log=FILE           a line of CSV for each step\n"
    "      --until=STEP         stop after that step, to go on later: the rate falls over all\n"
    "                           steps of the recipe\n"
    "      --seconds=S          stop after S seconds; how far that is depends on the machine\n"
    "      --threads=N          of the tower; default: as many as there are processors.  The same\n"
    "                           number gives the same bits\n"
    "      --workers=N          threads that make batches; default: the processors.  Any number\n"
    "                           gives the same bits\n"
    "      --cache-memory=SIZE  for decoded photos, such as 512M; default 2G.  Beyond it,\n"
    "                           photos are kept smaller\n"
    "      --type-weights=LIST  how often degradations are drawn, as darken=2,jpeg=0.5; else 1,\n"
    "                           and more for what is learned late (names: `qualiclip degrade\n"
    "                           --help`)\n"
    "  -h, --help               print this help and exit\n"
    "\n"
    "The recipe, with what it is for --init=nano:\n";

static const char examples[] =
    "\n"
    "A signal (Ctrl-C) ends a run after its step; it is saved, and the exit status is 1.\n"
    "\n"
    "Examples:\n"
    "  qualiclip train --photos ~/Pictures --init nano -o mine.gguf --log mine.csv\n"
    "  qualiclip train --photos ~/Pictures --hold-out ~/Pictures/aside --init nano -o mine.gguf\n"
    "  qualiclip train --photos ~/Pictures --resume mine.gguf.state -o mine.gguf\n"
    "  qualiclip train --photos ~/Pictures --init qualiclip.gguf -o tuned.gguf\n"
    "  qualiclip train --photos ~/Pictures --teacher qualiclip.gguf --init nano -o small.gguf\n";

static void print_recipe(void)
{
    struct recipe recipe;
    recipe_from_scratch(&recipe);
    for (size_t i = 0; i < recipe_field_count; i++) {
        const struct recipe_field *field = &recipe_fields[i];
        char name[40];
        snprintf(name, sizeof name, "%s=N", field->name);
        printf("      --%-18s %s (%g)\n", name, field->meaning, recipe_get(&recipe, field));
    }
}

enum option_code {
    PHOTOS = 256,
    HOLD_OUT,
    INIT,
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
enum { fixed_count = sizeof fixed_options / sizeof *fixed_options };

/* What the recipe is changed by, applied once it is known which one it is. */
struct changes {
    bool given;
    bool *set; /* of each field */
    double *values;
    double type_weights[degradation_count]; /* -1: not given */
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
static int change_field(struct changes *changes, size_t index, const char *text)
{
    const struct recipe_field *field = &recipe_fields[index];
    double value;
    if (!parse_number(text, &value) || !(value >= field->least && value <= field->most) ||
        (field->kind != RECIPE_NUMBER && value > (double)(uint64_t)value))
        return usage_error("train", "--%s=%s: expected a%s number from %g to %g", field->name, text,
                           field->kind == RECIPE_NUMBER ? "" : " whole", field->least, field->most);
    changes->given = true;
    changes->set[index] = true;
    changes->values[index] = value;
    return 0;
}

static bool change_type_weight(struct changes *changes, char *text)
{
    char *equals = strchr(text, '=');
    enum degradation type;
    double weight;
    if (!equals)
        return false;
    *equals = '\0';
    if (!degradation_by_name(text, &type) || !parse_number(equals + 1, &weight) || weight > 1e6)
        return false;
    changes->given = true;
    changes->type_weights[type] = weight;
    return true;
}

/* 0, or the status of a complaint. */
static int change_type_weights(struct changes *changes, const char *text)
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

static void apply(const struct changes *changes, struct recipe *recipe)
{
    for (size_t i = 0; i < recipe_field_count; i++)
        if (changes->set[i])
            recipe_set(recipe, &recipe_fields[i], changes->values[i]);
    for (int type = 0; type < degradation_count; type++)
        if (changes->type_weights[type] >= 0)
            recipe->batch.type_weights[type] = changes->type_weights[type];
}

static bool is_changed(const struct changes *changes, const char *name)
{
    for (size_t i = 0; i < recipe_field_count; i++)
        if (strcmp(recipe_fields[i].name, name) == 0)
            return changes->set[i];
    return false;
}

static bool take_count(const char *text, uint32_t least, uint32_t *count)
{
    return parse_count(text, least, 1000000000, count);
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
    if (!take_count(text, code != WORKERS && code != SAVE_EVERY && code != JUDGE_EVERY, &count))
        return usage_error("train", "%s: expected a whole number", text);
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
static int check(const struct training_request *request, const struct changes *changes)
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

static int parse(struct training_request *request, struct changes *changes, int argc, char **argv)
{
    struct option *options = all_options();
    int option, status = 0;
    opterr = 0;
    while (!status && (option = getopt_long(argc, argv, ":o:h", options, NULL)) != -1) {
        if (option == '?' || option == ':')
            status = option_error("train", option, argv);
        else if (option == 'h')
            status = -1;
        else if (option >= RECIPE)
            status = change_field(changes, (size_t)(option - RECIPE), optarg);
        else if (option == TYPE_WEIGHTS)
            status = change_type_weights(changes, optarg);
        else
            status = take_option(request, option, optarg);
    }
    free(options);
    if (!status && optind < argc)
        status =
            usage_error("train", "%s: photos are given as --photos=%s", argv[optind], argv[optind]);
    return status ? status : check(request, changes);
}

static int run(struct training_request *request, const struct changes *changes)
{
    char *state = NULL;
    if (request->init && is_model_file(request->init))
        recipe_fine_tune(&request->recipe);
    else
        recipe_from_scratch(&request->recipe);
    if (request->teacher)
        recipe_distil(&request->recipe);
    apply(changes, &request->recipe);
    request->scale_is_given = is_changed(changes, "logit-scale");
    photo_list_subtract(&request->photos, &request->held_out);
    if (!request->state_path) {
        const size_t size = strlen(request->model.model_path) + sizeof ".state";
        state = allocate(size);
        snprintf(state, size, "%s.state", request->model.model_path);
        request->state_path = state;
    }
    ranks_start();
    const int status = training_run(request);
    ranks_end();
    free(state);
    return status;
}

int command_train(int argc, char **argv)
{
    struct training_request request = {.threads = machine_processors(),
                                       .workers = machine_processors(),
                                       .save_every = 500,
                                       .judge_every = 500,
                                       .held_out_side = 384,
                                       .cache_memory = (size_t)2 << 30};
    struct changes changes = {.set = reallocate(NULL, recipe_field_count, sizeof(bool)),
                              .values = reallocate(NULL, recipe_field_count, sizeof(double))};
    memset(changes.set, 0, recipe_field_count * sizeof(bool));
    for (int type = 0; type < degradation_count; type++)
        changes.type_weights[type] = -1;
    int status = parse(&request, &changes, argc, argv);
    if (status == -1) {
        fputs(help, stdout);
        print_recipe();
        fputs(examples, stdout);
        status = COMMAND_OK;
    } else if (!status) {
        status = run(&request, &changes);
    }
    inputs_free(&request.photos);
    inputs_free(&request.held_out);
    free(changes.set);
    free(changes.values);
    return status;
}

#else

int command_train(int argc, char **argv)
{
    (void)argc, (void)argv;
    complain("train: this build has no training: it needs oneDNN (make deps, then make TRAIN=yes)");
    return COMMAND_FAILED;
}

#endif
