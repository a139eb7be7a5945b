/*
 * eval_degradations.c - options, photos and models of `eval --degradations`, and what is made of
 * the result.
 */
#include "eval_degradations.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "../degradation_names.h"
#include "../memory.h"
#include "commands.h"
#include "degradation_figure.h"
#include "degradation_report.h"
#include "degradation_summary.h"
#include "degradation_tables.h"
#include "degradation_trial.h"
#include "diagnostics.h"
#include "fit_photo.h"
#include "inputs.h"
#include "judged_models.h"
#include "machine.h"
#include "output.h"
#include "pictures.h"
#include "progress.h"

static const char help[] =
    "Usage: qualiclip eval --degradations --photos=DIR [DIR|IMAGE]... [OPTION]...\n"
    "\n"
    "Degrades photos step by step and tells how well a model's scores follow: 24 types of\n"
    "degradation, five levels each (qualiclip degrade).  A photo is cut to the largest square\n"
    "about its centre, scaled down, degraded, rounded to 8 bits and scored.\n"
    "\n"
    "      --photos=DIR         a folder of photos, walked, or a photo; may be given several\n"
    "                           times, and more of them as arguments\n"
    "  -m, --model=FILE         a model file; given twice, both are judged side by side; default:\n"
    "                           the built-in model, which `-m builtin` names beside another\n"
    "      --size=N             pixels a side of what is scored; default 384.  A smaller photo is\n"
    "                           reported and left out\n"
    "      --type=NAME[,...]    these types alone: gaussian-blur, jpeg ...\n"
    "      --seed=N             of the first photo, the next one's is one more; default 1\n"
    "      --threads=N          0 (default): one for each processor; the result is the same\n"
    "      --format=FORMAT      text (default); csv: a line for each model and type; json: an\n"
    "                           object a line for each model\n"
    "      --svg=FILE           draw the mean score against intensity, for each group of types\n"
    "      --html=FILE          all of it as a page: figure, tables, photos\n"
    "      --append             ... at the end of the page that is there, if one is\n"
    "      --dump=FILE          every score, as CSV: photo,type,level,score; level 0 is the photo\n"
    "                           as it was\n"
    "  -h, --help               print this help and exit\n"
    "\n";

static const char help_end[] =
    "Rank correlation within an image: Spearman's between how bad a type's levels are and how\n"
    "low they score, of a photo, averaged over the photos; 1 is a model that puts all in order,\n"
    "0 one that sees nothing.  Mean shift and linear contrast have parameters with signs: they\n"
    "are ranked by the absolute value, and equal ones tie.  Across images: the same over all\n"
    "photos, types and levels at once.  Scores of models with another range are mapped onto 0\n"
    "to 1.\n"
    "\n"
    "A photo that cannot be read is reported on standard error; the others are judged, and the\n"
    "exit status is 1.\n"
    "\n"
    "Examples:\n"
    "  qualiclip eval --degradations --photos ~/Pictures/kodak\n"
    "  qualiclip eval --degradations --photos kodak -m builtin -m mine.gguf --svg figure.svg\n"
    "  qualiclip eval --degradations --photos kodak --format=json | jq .within_image\n";

enum { limit_side = 4096, limit_threads = 1024 };

struct evaluation {
    struct degradation_trial trial;
    struct trial_setup setup;
    struct judged_models models;
    struct input_list photos;
    enum output_format format;
    const char *svg, *dump;
    struct page_file page;
    bool tried[degradation_count];
    bool chosen; /* --type was given: what this build cannot do is an error */
    bool failed;
};

/* -------------------------------------------------------------------------------------- options */

enum option_code {
    DEGRADATIONS = 256,
    PHOTOS,
    SIZE,
    TYPE,
    SEED,
    THREADS,
    FORMAT,
    SVG,
    HTML,
    APPEND,
    DUMP
};

/* Takes one option; NULL, or what was expected of its value. */
static const char *take_option(struct evaluation *evaluation, int code, const char *value)
{
    static const char *const formats[] = {"text", "csv", "json", NULL};
    uint32_t number;
    int choice;
    switch (code) {
    case 'm':
        if (evaluation->models.count == judged_models_max)
            return "--model: two are compared at most";
        evaluation->models.items[evaluation->models.count++].path =
            strcmp(value, "builtin") == 0 ? NULL : value;
        break;
    case SIZE:
        if (!parse_count(value, 1, limit_side, &evaluation->setup.side))
            return "--size: expected a number of pixels up to 4096";
        break;
    case TYPE:
        evaluation->chosen = true;
        if (!choose_degradations(value, evaluation->tried))
            return "--type: expected names of `qualiclip degrade --list`";
        break;
    case SEED:
        if (!parse_count(value, 0, UINT32_MAX, &number))
            return "--seed: expected a number";
        evaluation->setup.seed = number;
        break;
    case THREADS:
        if (!parse_count(value, 0, limit_threads, &number))
            return "--threads: expected a number from 0 to 1024";
        evaluation->setup.workers = number;
        break;
    case FORMAT:
        if (!parse_choice(value, formats, &choice))
            return "--format: expected text, csv or json";
        evaluation->format = (enum output_format)choice;
        break;
    case SVG: evaluation->svg = value; break;
    case HTML: evaluation->page.path = value; break;
    case APPEND: evaluation->page.append = true; break;
    case DUMP: evaluation->dump = value; break;
    }
    return NULL;
}

/* Types that were not asked for by name are those that this build can do. */
static bool settle_types(struct evaluation *evaluation)
{
    for (size_t i = 0; i < degradation_count; i++) {
        const bool available = degradation_available((enum degradation)i);
        if (evaluation->chosen && evaluation->tried[i] && !available) {
            complain("this build cannot do %s: it was made without the library for it",
                     degradation_kinds[i].name);
            return false;
        }
        if (evaluation->chosen)
            continue;
        evaluation->tried[i] = available;
        if (!available)
            complain("without %s, for which this build has no library: means are over the others",
                     degradation_kinds[i].name);
    }
    return true;
}

/* True: go on; else *status is how the program ends. */
static bool parse(struct evaluation *evaluation, int argc, char **argv, int *status)
{
    static const struct option options[] = {
        {"degradations", no_argument, NULL, DEGRADATIONS},
        {"photos", required_argument, NULL, PHOTOS},
        {"model", required_argument, NULL, 'm'},
        {"size", required_argument, NULL, SIZE},
        {"type", required_argument, NULL, TYPE},
        {"seed", required_argument, NULL, SEED},
        {"threads", required_argument, NULL, THREADS},
        {"format", required_argument, NULL, FORMAT},
        {"svg", required_argument, NULL, SVG},
        {"html", required_argument, NULL, HTML},
        {"append", no_argument, NULL, APPEND},
        {"dump", required_argument, NULL, DUMP},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int code;
    opterr = 0;
    while ((code = getopt_long(argc, argv, ":m:h", options, NULL)) != -1) {
        if (code == 'h') {
            fputs(help, stdout);
            fputs(help_end, stdout);
            *status = COMMAND_OK;
            return false;
        }
        if (code == '?' || code == ':') {
            *status = option_error("eval", code, argv);
            return false;
        }
        if (code == PHOTOS)
            inputs_gather(&evaluation->photos, &optarg, 1, true);
        const char *expected = take_option(evaluation, code, optarg);
        if (expected) {
            *status = usage_error("eval", "%s, not '%s'", expected, optarg);
            return false;
        }
    }
    inputs_gather(&evaluation->photos, argv + optind, (size_t)(argc - optind), true);
    if (evaluation->photos.count == 0) {
        *status = usage_error("eval", "no photo is named: give --photos=DIR");
        return false;
    }
    *status = COMMAND_FAILED;
    return settle_types(evaluation);
}

/* ------------------------------------------------------------------------------------ the trial */

static bool load_photo(void *context, size_t index, struct photo *photo, char *message)
{
    const struct evaluation *evaluation = context;
    const struct input *input = &evaluation->photos.items[index];
    struct opened_picture opened;
    if (input->error) {
        snprintf(message, QC_MESSAGE_SIZE, "%s", input->error);
        return false;
    }
    if (!picture_open(&opened, input->path, true, 0, message))
        return false;
    const qc_image view = qc_picture_view(opened.picture);
    const bool fits = fit_photo(&view, evaluation->setup.side, photo);
    if (!fits)
        snprintf(message, QC_MESSAGE_SIZE,
                 "%u x %u pixels: smaller than the %u a side that are scored; give --size",
                 (unsigned)view.width, (unsigned)view.height, (unsigned)evaluation->setup.side);
    picture_close(&opened);
    return fits;
}

static bool score_images(void *context, size_t worker, size_t model, const uint8_t *images,
                         size_t count, double *scores, char *message)
{
    struct evaluation *evaluation = context;
    return judged_models_score(&evaluation->models, worker, model, images, count, scores, message);
}

static void note_failure(void *context, size_t photo, const char *message)
{
    const struct evaluation *evaluation = context;
    complain_about(evaluation->photos.items[photo].path, message);
}

static void note_progress(void *context, size_t images)
{
    (void)context;
    progress_show(images);
}

static bool report(struct evaluation *evaluation)
{
    struct trial_summary *summaries = reallocate(NULL, evaluation->models.count, sizeof *summaries);
    for (size_t i = 0; i < evaluation->models.count; i++)
        summarize_trial(&summaries[i], &evaluation->trial, i);
    const struct judgement judgement = {&evaluation->trial, &evaluation->setup, &evaluation->models,
                                        summaries, &evaluation->photos};
    bool good = print_judgement(&judgement, evaluation->format);
    if (evaluation->dump)
        good = dump_scores(&judgement, evaluation->dump) && good;
    if (evaluation->svg)
        good = write_degradation_figure(&judgement, evaluation->svg) && good;
    if (evaluation->page.path)
        good = write_degradation_report(&judgement, &evaluation->page) && good;
    free(summaries);
    return good;
}

static bool judge(struct evaluation *evaluation)
{
    const struct trial_world world = {load_photo, score_images, note_failure, note_progress,
                                      evaluation};
    degradation_trial_open(&evaluation->trial, evaluation->models.count, evaluation->photos.count);
    memcpy(evaluation->trial.tried, evaluation->tried, sizeof evaluation->tried);
    progress_start(degradation_trial_images(&evaluation->trial, evaluation->photos.count));
    const bool complete = degradation_trial_run(&evaluation->trial, &evaluation->setup, &world);
    progress_end();
    bool reported = false;
    if (degradation_trial_scored(&evaluation->trial) == 0)
        complain("no photo could be scored");
    else
        reported = report(evaluation);
    degradation_trial_close(&evaluation->trial);
    return complete && reported;
}

int eval_degradations(int argc, char **argv)
{
    struct evaluation evaluation = {.setup = {.side = 384, .seed = 1}};
    int status;
    if (parse(&evaluation, argc, argv, &status)) {
        if (evaluation.models.count == 0)
            evaluation.models.count = 1; /* the built-in one */
        if (evaluation.setup.workers == 0)
            evaluation.setup.workers = machine_processors();
#ifndef QUALICLIP_THREADS
        evaluation.setup.workers = 1;
#endif
        evaluation.models.side = evaluation.setup.side;
        evaluation.models.batch = degradation_levels;
        evaluation.models.workers = evaluation.setup.workers;
        json_start();
        if (judged_models_open(&evaluation.models)) {
            status = judge(&evaluation) ? COMMAND_OK : COMMAND_FAILED;
            judged_models_close(&evaluation.models);
        }
    }
    inputs_free(&evaluation.photos);
    return status;
}
