/*
 * image_run.c - parses the options of `score` and `embed`, opens the model, gathers the images.
 */
#include "image_run.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "commands.h"
#include "diagnostics.h"
#include "in_order.h"
#include "names.h"
#include "progress.h"

enum { limit_threads = 1024, limit_batch = 1024 };

struct settings {
    const char *model, *kernels, *prompts;
    const char *texts[QC_PAIRS_MAX];
    size_t text_count;
    uint32_t threads, batch;
    bool recursive, truncate, fast_decode, verbose;
    qc_precision precision;
    qc_scorer_options scorer;
};

enum option_code {
    option_format = 256,
    option_threads,
    option_batch,
    option_size,
    option_max_memory,
    option_precision,
    option_positions,
    option_temperature,
    option_kernels,
    option_background,
    option_profile,
    option_prompts,
    option_text,
    option_truncate,
    option_sort,
    option_fast_decode,
    option_raw,
    option_matrix,
    option_range,
    option_every,
    option_percentile,
    option_worst
};

static const struct option long_options[] = {
    {"model", required_argument, NULL, 'm'},
    {"format", required_argument, NULL, option_format},
    {"threads", required_argument, NULL, option_threads},
    {"batch", required_argument, NULL, option_batch},
    {"size", required_argument, NULL, option_size},
    {"max-memory", required_argument, NULL, option_max_memory},
    {"precision", required_argument, NULL, option_precision},
    {"positions", required_argument, NULL, option_positions},
    {"temperature", required_argument, NULL, option_temperature},
    {"kernels", required_argument, NULL, option_kernels},
    {"background", required_argument, NULL, option_background},
    {"recursive", no_argument, NULL, 'r'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    /* The last: not every command has them. */
    {"profile", required_argument, NULL, option_profile},
    {"prompts", required_argument, NULL, option_prompts},
    {"text", required_argument, NULL, option_text},
    {"truncate", no_argument, NULL, option_truncate},
    {"sort", no_argument, NULL, option_sort},
    {"fast-decode", no_argument, NULL, option_fast_decode},
    {"raw", required_argument, NULL, option_raw},
    {"matrix", required_argument, NULL, option_matrix},
    {"range", required_argument, NULL, option_range},
    {"every", required_argument, NULL, option_every},
    {"percentile", required_argument, NULL, option_percentile},
    {"worst", required_argument, NULL, option_worst},
    {NULL, 0, NULL, 0},
};
enum {
    option_end = sizeof long_options / sizeof long_options[0] - 1,
    profile_index = option_end - 12
};

static bool is_profile(const char *name)
{
    for (size_t i = 0; qc_profile_name(i); i++)
        if (strcmp(name, qc_profile_name(i)) == 0)
            return true;
    return false;
}

/* Takes an option that is about films; NULL, or what was expected of its value. */
static const char *take_film_option(struct film_run *films, int code, const char *value)
{
    static const char *const ranges[] = {"full", "limited", NULL};
    int choice;
    switch (code) {
    case option_raw: return film_parse_raw(value, &films->options);
    case option_matrix:
        return film_parse_matrix(value, &films->options)
                   ? NULL
                   : "--matrix: expected bt601, bt709 or bt2020";
    case option_range:
        if (!parse_choice(value, ranges, &choice))
            return "--range: expected full or limited";
        films->options.range = (qc_range)(QC_RANGE_FULL + choice);
        break;
    case option_every:
        if (!parse_count(value, 1, INT32_MAX, &films->every))
            return "--every: expected a number from 1 on";
        break;
    case option_percentile:
        if (!parse_count(value, 0, 100, &films->percentile))
            return "--percentile: expected a number from 0 to 100";
        break;
    case option_worst:
        if (!parse_count(value, 0, INT32_MAX, &films->worst))
            return "--worst: expected a number";
        break;
    }
    return NULL;
}

/* Takes one option; NULL, or what was expected of its value. */
static const char *take_option(struct image_run *run, struct settings *settings, int code,
                               const char *value)
{
    static const char *const formats[] = {"text", "csv", "json", NULL};
    static const char *const positions[] = {"none", "grid", "flat", NULL};
    static const char *const backgrounds[] = {"drop", "black", "white", NULL};
    int choice;
    double number;
    switch (code) {
    case 'm': settings->model = value; break;
    case 'r': settings->recursive = true; break;
    case 'v': settings->verbose = true; break;
    case option_kernels: settings->kernels = value; break;
    case option_prompts: settings->prompts = value; break;
    case option_profile:
        if (!is_profile(value))
            return "--profile: expected one of those in `qualiclip score --help`";
        settings->scorer.profile = value;
        break;
    case option_text:
        if (settings->text_count == QC_PAIRS_MAX)
            return "--text: at most 64 can be given";
        settings->texts[settings->text_count++] = value;
        break;
    case option_truncate: settings->truncate = true; break;
    case option_sort: run->sort = true; break;
    case option_fast_decode: settings->fast_decode = true; break;
    case option_format:
        if (!parse_choice(value, formats, &choice))
            return "--format: expected text, csv or json";
        run->format = (enum output_format)choice;
        break;
    case option_threads:
        if (!parse_count(value, 0, limit_threads, &settings->threads))
            return "--threads: expected a number from 0 to 1024";
        break;
    case option_batch:
        if (!parse_count(value, 0, limit_batch, &settings->batch))
            return "--batch: expected a number from 0 to 1024";
        break;
    case option_size:
        if (!parse_size_rule(value, &settings->scorer.size_rule, &settings->scorer.size_pixels))
            return "--size: expected native, crop224 (or any number), long=N or tiles";
        break;
    case option_max_memory:
        if (!parse_bytes(value, &settings->scorer.memory_limit))
            return "--max-memory: expected a number of bytes, such as 500M or 2G";
        break;
    case option_precision:
        if (!parse_precision(value, &settings->precision))
            return "--precision: expected " PRECISIONS;
        break;
    case option_positions:
        if (!parse_choice(value, positions, &choice))
            return "--positions: expected none, grid or flat";
        settings->scorer.positions = (qc_positions)(QC_POSITIONS_NONE + choice);
        break;
    case option_temperature:
        if (!parse_positive(value, &number) || !((float)number > 0) || number > 1e30)
            return "--temperature: expected a number greater than 0";
        settings->scorer.temperature = (float)number;
        break;
    case option_background:
        if (!parse_choice(value, backgrounds, &choice))
            return "--background: expected drop, black or white";
        settings->scorer.background = (qc_background)choice;
        break;
    default: return take_film_option(&run->films, code, value);
    }
    return NULL;
}

/* --text means the profile clip; NULL, or what does not go together. */
static const char *settle_texts(struct settings *settings)
{
    const char *profile = settings->scorer.profile;
    if (!settings->text_count)
        return NULL;
    if (settings->prompts)
        return "--text and --prompts: give one of them";
    if (profile && strcmp(profile, "clip") != 0)
        return "--text is for --profile=clip, which it means";
    settings->scorer.profile = "clip";
    return NULL;
}

/* NULL, or why pictures that are not resized cannot be decoded smaller. */
static const char *settle_decoding(struct image_run *run, const struct settings *settings)
{
    const qc_scorer_options *scorer = &settings->scorer;
    if (!settings->fast_decode)
        return NULL;
    if (scorer->size_rule != QC_SIZE_CROP && scorer->size_rule != QC_SIZE_LONG)
        return "--fast-decode is for --size=cropN or --size=long=N";
    run->scaled_for = scorer->size_pixels;
    return NULL;
}

/* Whether anything that decides the number was asked for. */
static bool is_overridden(const qc_scorer_options *options)
{
    return options->profile || options->prompt_count || options->size_rule || options->positions ||
           options->temperature > 0 || options->background;
}

/* True: go on with the arguments from argv[optind]. */
static bool parse(struct image_run *run, struct settings *settings,
                  const struct image_command *command, int argc, char **argv)
{
    struct option options[sizeof long_options / sizeof long_options[0]];
    memcpy(options, long_options, sizeof options);
    if (!command->scores)
        options[profile_index] = options[option_end];
    int code;
    opterr = 0;
    while ((code = getopt_long(argc, argv, ":m:rvh", options, NULL)) != -1) {
        if (code == 'h') {
            fputs(command->help, stdout);
            fputs(command->help_end, stdout);
            run->status = COMMAND_OK;
            return false;
        }
        if (code == '?' || code == ':') {
            run->status = option_error(command->name, code, argv);
            return false;
        }
        const char *expected = take_option(run, settings, code, optarg);
        if (expected) {
            run->status = usage_error(command->name, "%s, not '%s'", expected, optarg);
            return false;
        }
    }
    if (optind == argc) {
        run->status = usage_error(command->name, "no image is named");
        return false;
    }
    const char *conflict = settle_texts(settings);
    if (!conflict)
        conflict = settle_decoding(run, settings);
    if (conflict)
        run->status = usage_error(command->name, "%s", conflict);
    return !conflict;
}

/* The user's own prompts: pairs from a file, or single texts, which are for the profile clip. */
static bool read_prompts(struct image_run *run, struct settings *settings, const char *model)
{
    char message[QC_MESSAGE_SIZE] = "";
    const char *profile = settings->scorer.profile;
    const bool single = profile && strcmp(profile, "clip") == 0;
    if (settings->prompts && !prompts_read(&run->prompts, settings->prompts, single, message)) {
        complain("%s", message);
        return false;
    }
    for (size_t i = 0; i < settings->text_count; i++)
        prompts_add_text(&run->prompts, settings->texts[i]);
    if (run->prompts.count &&
        !prompts_encode(&run->prompts, run->model, settings->truncate, message)) {
        complain_about(run->info.has_text && settings->prompts ? settings->prompts : model,
                       message);
        return false;
    }
    settings->scorer.prompts = run->prompts.pairs;
    settings->scorer.prompt_count = run->prompts.count;
    return true;
}

/* What to do about a model that has nothing to compare images with. */
static const char *without_prompts(const qc_model_info *info)
{
    if (info->has_text)
        return "has no prompts to compare with: give --profile=clip-iqa, --prompts=FILE or --text";
    if (info->has_text_tower)
        return "has no prompts to compare with: give --profile=clip-iqa";
    return "has no prompts to compare with: it can embed, but not score; convert its checkpoint "
           "with --profile=NAME";
}

/* Standard input, named twice, is read twice, and the first to do so gets it all. */
static bool reads_in_any_order(const struct input_list *inputs)
{
    size_t streams = 0;
    for (size_t i = 0; i < inputs->count; i++)
        streams += strcmp(inputs->items[i].path, "-") == 0;
    return streams < 2;
}

/*
 * Images from which on packing a ViT's weights takes less time than it saves.  A ResNet's are
 * always packed: their bits depend on it, and no score may depend on how many images there are.
 */
enum { many_images = 16 };

/* A qc_log: what the library decided, for --verbose. */
static void show(void *context, qc_log_level level, const char *sentence)
{
    (void)context;
    complain("%s%s", level == QC_LOG_WARNING ? "note: " : "", sentence);
}

static bool open_model(struct image_run *run, struct settings *settings,
                       const struct image_command *command)
{
    char message[QC_MESSAGE_SIZE] = "";
    const char *name = settings->model ? settings->model : "built-in model";
    qc_model_options options;
    qc_model_options_init(&options);
    options.kernels = settings->kernels;
    options.precision = settings->precision;
    const size_t images = run->films.any ? SIZE_MAX : run->inputs.count;
    if (images < many_images)
        options.packing = QC_PACKING_RESNET;
    options.message = message;
    options.message_size = sizeof message;
    options.log = settings->scorer.log = settings->verbose ? show : NULL;
    qc_status status = qc_model_open(&run->model, settings->model, &options);
    if (status != QC_OK) {
        complain_about(name, message[0] ? message : qc_status_string(status));
        return false;
    }
    qc_model_describe(run->model, &run->info);
    if (!read_prompts(run, settings, name))
        return false;
    if (!lanes_open(&run->lanes, run->model, &settings->scorer, settings->threads, settings->batch,
                    images, !run->films.any && reads_in_any_order(&run->inputs))) {
        complain_about(name, run->lanes.whole.message);
        return false;
    }
    if (!command->scores || qc_scorer_pair_name(run->lanes.whole.prompts, 0))
        return true;
    complain_about(name, without_prompts(&run->info));
    lanes_close(&run->lanes);
    return false;
}

bool image_run_open(struct image_run *run, const struct image_command *command, int argc,
                    char **argv)
{
    struct settings settings = {0};
    qc_scorer_options_init(&settings.scorer);
    memset(run, 0, sizeof *run);
    run->films = (struct film_run){.every = 1, .percentile = 5, .worst = 3};
    if (!parse(run, &settings, command, argc, argv))
        return false;
    json_start();
    inputs_gather(&run->inputs, argv + optind, (size_t)(argc - optind), settings.recursive);
    run->films.any = command->scores && run->inputs.count &&
                     (run->films.options.raw || film_is_y4m(run->inputs.items[0].path));
    if (run->films.any && run->sort) {
        run->status = usage_error(command->name, "--sort is for photos, not for films");
        inputs_free(&run->inputs);
        return false;
    }
    if (!open_model(run, &settings, command)) {
        inputs_free(&run->inputs);
        prompts_free(&run->prompts);
        qc_model_close(run->model);
        run->status = COMMAND_FAILED;
        return false;
    }
    run->other_recipe = is_overridden(&settings.scorer);
    progress_start(run->inputs.count);
    return true;
}

int image_run_close(struct image_run *run)
{
    progress_end();
    inputs_free(&run->inputs);
    lanes_close(&run->lanes);
    prompts_free(&run->prompts);
    qc_model_close(run->model);
    return run->status;
}

/* Each piece that is being computed may be followed by many that wait for it. */
size_t image_run_room(const struct image_run *run)
{
    enum { waiting = 32 };
    return run->lanes.count > 1 ? waiting * run->lanes.count : 1;
}

struct each {
    struct image_run *run;
    const struct image_work *work;
};

static size_t images_of_piece(const struct image_run *run, size_t piece, size_t *first)
{
    const size_t batch = run->lanes.batch, total = run->inputs.count;
    *first = piece * batch;
    return total - *first < batch ? total - *first : batch;
}

static void compute_piece(void *context, size_t lane, size_t piece)
{
    const struct each *each = context;
    size_t first, count = images_of_piece(each->run, piece, &first);
    each->work->compute(each->run, each->work->context, lane, first, count);
}

static bool print_piece(void *context, size_t piece)
{
    const struct each *each = context;
    size_t first, count = images_of_piece(each->run, piece, &first);
    for (size_t i = first; i < first + count; i++)
        if (!each->work->print(each->run, each->work->context, i))
            return false;
    progress_show(first + count);
    return true;
}

bool image_run_each(struct image_run *run, const struct image_work *work)
{
    const size_t batch = run->lanes.batch;
    struct each each = {run, work};
    const struct ordered_work pieces = {.count = (run->inputs.count + batch - 1) / batch,
                                        .workers = run->lanes.count,
                                        .ahead = work->room,
                                        .work = compute_piece,
                                        .take = print_piece,
                                        .context = &each};
    return run_in_order(&pieces);
}

void image_run_failed(struct image_run *run, const char *path, const char *message)
{
    complain_about(path, message);
    run->status = COMMAND_FAILED;
}
