/*
 * eval_request.c - options of `qualiclip eval --mos`.
 */
#include "eval_request.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../arguments.h"
#include "../commands.h"
#include "../diagnostics.h"
#include "../memory.h"

static const char help[] =
    "Usage: qualiclip eval --mos=FILE --scores=FILE... [OPTION]...\n"
    "       qualiclip eval --mos=FILE --images=DIR [-m MODEL]... [OPTION]...\n"
    "\n"
    "Tells how well scores agree with what people thought of the same images: SRCC, KRCC, and\n"
    "PLCC and RMSE after a logistic curve of five parameters, each with the interval in which\n"
    "95 % of resampled sets of images lie.\n"
    "\n"
    "      --mos=FILE           opinions: the label file of a dataset as its authors publish it\n"
    "                           (or its folder), or any CSV with names and numbers\n"
    "      --dataset=NAME       expect the files of koniq-10k, clive, flive, spaq, cviu, shrq,\n"
    "                           agiqa-1k, agiqa-3k, kadid-10k, live, csiq or tid2013; default:\n"
    "                           recognised by their form\n"
    "      --scores=FILE        what `qualiclip score --format=csv` or json printed, or any CSV;\n"
    "                           `-`: from standard input; several times: models side by side,\n"
    "                           up to 8\n"
    "      --images=DIR         score the images in and below it (or one image) with\n"
    "  -m, --model=FILE         this model, or several; default: the built-in model, which\n"
    "                           `builtin` names beside others.  Options of `qualiclip score` that\n"
    "                           decide a score may follow\n";

static const char help_end[] =
    "      --name-column=NAME   of the label file, the column of the images' names\n"
    "      --mos-column=NAME    ... and that of the opinions, such as MOS_zscore or mos_align\n"
    "      --score-column=NAME  of the score files, the column of the scores\n"
    "      --score-name-column=NAME  ... and that of the images' names\n"
    "      --lower-is-better    of the opinions; default: as the dataset has it, else for columns\n"
    "                           called dmos; --higher-is-better\n"
    "      --split=NAME         only the images of that split, such as test; default: all but\n"
    "                           practice images and undistorted originals; all\n"
    "      --group=COLUMN       also for each value of a column, such as distortion; several "
    "times\n"
    "      --resamples=N        of the bootstrap; default 1000, 0: no intervals\n"
    "      --seed=N             of the bootstrap; default 0\n"
    "      --threads=N          0 (default): one for each processor\n"
    "      --format=FORMAT      text (default), csv or json (an object a line)\n"
    "      --html=FILE          a page: measures, scores against opinions with the curve, the "
    "images\n"
    "                           that a model is most wrong about\n"
    "      --append             ... at the end of the page that is there, if one is\n"
    "      --pictures=DIR       where the images are, to be shown there; default: as --images or\n"
    "                           the files of scores name them\n"
    "  -v, --verbose            name the images that have a score or an opinion only\n"
    "  -h, --help               print this help and exit\n"
    "\n"
    "Scores and opinions are joined by the names of the files, without folders and endings; where\n"
    "several have a name, the one in the same folders is meant.\n"
    "\n"
    "Examples:\n"
    "  qualiclip score -r --format=csv koniq/1024x768 > a.csv\n"
    "  qualiclip eval --scores=a.csv --mos=koniq10k_distributions_sets.csv --split=test\n"
    "  qualiclip eval --scores=a.csv --scores=b.csv --mos=kadid10k/dmos.csv --group=distortion\n"
    "  qualiclip eval -m mine.gguf --images=spaq/TestImage --mos=spaq/Annotations\n";

enum option_code {
    option_mos = 256,
    option_dataset,
    option_scores,
    option_images,
    option_name_column,
    option_mos_column,
    option_score_column,
    option_score_name_column,
    option_lower,
    option_higher,
    option_split,
    option_group,
    option_resamples,
    option_seed,
    option_threads,
    option_format,
    option_html,
    option_append,
    option_pictures,
    option_of_scoring /* handed on as it is */
};

static const struct option long_options[] = {
    {"mos", required_argument, NULL, option_mos},
    {"dataset", required_argument, NULL, option_dataset},
    {"scores", required_argument, NULL, option_scores},
    {"images", required_argument, NULL, option_images},
    {"model", required_argument, NULL, 'm'},
    {"name-column", required_argument, NULL, option_name_column},
    {"mos-column", required_argument, NULL, option_mos_column},
    {"score-column", required_argument, NULL, option_score_column},
    {"score-name-column", required_argument, NULL, option_score_name_column},
    {"lower-is-better", no_argument, NULL, option_lower},
    {"higher-is-better", no_argument, NULL, option_higher},
    {"split", required_argument, NULL, option_split},
    {"group", required_argument, NULL, option_group},
    {"resamples", required_argument, NULL, option_resamples},
    {"seed", required_argument, NULL, option_seed},
    {"threads", required_argument, NULL, option_threads},
    {"format", required_argument, NULL, option_format},
    {"html", required_argument, NULL, option_html},
    {"append", no_argument, NULL, option_append},
    {"pictures", required_argument, NULL, option_pictures},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {"batch", required_argument, NULL, option_of_scoring},
    {"size", required_argument, NULL, option_of_scoring},
    {"max-memory", required_argument, NULL, option_of_scoring},
    {"precision", required_argument, NULL, option_of_scoring},
    {"positions", required_argument, NULL, option_of_scoring},
    {"temperature", required_argument, NULL, option_of_scoring},
    {"kernels", required_argument, NULL, option_of_scoring},
    {"background", required_argument, NULL, option_of_scoring},
    {"profile", required_argument, NULL, option_of_scoring},
    {"prompts", required_argument, NULL, option_of_scoring},
    {"text", required_argument, NULL, option_of_scoring},
    {NULL, 0, NULL, 0},
};

/* --name=value for `qualiclip score`; false if there are too many. */
static bool hand_on(struct eval_request *request, const char *name, const char *value)
{
    const size_t room = sizeof request->scoring / sizeof request->scoring[0];
    if (request->scoring_count == room)
        return false;
    const size_t size = strlen(name) + strlen(value) + 4;
    char *argument = allocate(size);
    snprintf(argument, size, "--%s=%s", name, value);
    request->scoring[request->scoring_count++] = argument;
    return true;
}

static bool is_dataset(const char *name)
{
    for (size_t i = 0; labels_dataset(i); i++)
        if (strcmp(labels_dataset(i), name) == 0)
            return true;
    return false;
}

/* Adds to a list; NULL, or what is wrong. */
static const char *add_to(const char **list, size_t *count, size_t room, const char *value,
                          const char *complaint)
{
    if (*count == room)
        return complaint;
    list[(*count)++] = value;
    return NULL;
}

/* Takes one option; NULL, or what was expected of its value. */
static const char *take_option(struct eval_request *request, int code, int index, char *value)
{
    static const char *const formats[] = {"text", "csv", "json", NULL};
    struct evaluation_request *evaluation = &request->evaluation;
    int choice;
    switch (code) {
    case 'm':
        return add_to(request->models, &request->model_count, evaluation_models_max,
                      strcmp(value, "builtin") == 0 ? NULL : value,
                      "--model: at most 8 can be given");
    case 'v': request->verbose = true; break;
    case option_mos: request->mos = value; break;
    case option_scores:
        return add_to(request->files, &request->file_count, evaluation_models_max, value,
                      "--scores: at most 8 can be given");
    case option_images:
        return add_to((const char **)request->images, &request->image_count,
                      sizeof request->images / sizeof request->images[0], value,
                      "--images: at most 32 can be given");
    case option_group:
        return add_to(evaluation->columns, &evaluation->column_count, evaluation_columns_max, value,
                      "--group: at most 8 can be given");
    case option_dataset:
        if (!is_dataset(value))
            return "--dataset: expected one of those in `qualiclip eval --help`";
        request->labels.dataset = value;
        break;
    case option_name_column: request->labels.name_column = value; break;
    case option_mos_column: request->labels.opinion_column = value; break;
    case option_score_column: request->scores.score_column = value; break;
    case option_score_name_column: request->scores.name_column = value; break;
    case option_lower: request->labels.direction = DIRECTION_LOWER; break;
    case option_higher: request->labels.direction = DIRECTION_HIGHER; break;
    case option_split: evaluation->split = value; break;
    case option_resamples:
        if (!parse_count(value, 0, 100000, &request->resamples))
            return "--resamples: expected a number from 0 to 100000";
        break;
    case option_seed:
        if (!parse_count(value, 0, UINT32_MAX, &request->seed))
            return "--seed: expected a number from 0 to 4294967295";
        break;
    case option_threads:
        if (!parse_count(value, 0, 1024, &request->threads))
            return "--threads: expected a number from 0 to 1024";
        break;
    case option_html: request->page.path = value; break;
    case option_append: request->page.append = true; break;
    case option_pictures: inputs_gather(&request->pictures, &value, 1, true); break;
    case option_format:
        if (!parse_choice(value, formats, &choice))
            return "--format: expected text, csv or json";
        request->format = (enum output_format)choice;
        break;
    default:
        if (!hand_on(request, long_options[index].name, value))
            return "there are too many options";
    }
    return NULL;
}

/* NULL, or what is missing or does not go together. */
static const char *settle(struct eval_request *request, int argc)
{
    if (!request->mos)
        return "which opinions?  Say --mos=FILE";
    if (optind < argc)
        return "there are arguments that are no options: folders of images follow --images=";
    if (!request->file_count && !request->image_count)
        return "whose scores?  Say --scores=FILE, or --images=DIR to score images";
    if (request->model_count && !request->image_count)
        return "--model is for --images=DIR";
    if (request->scoring_count && !request->image_count)
        return "options of `qualiclip score` are for --images=DIR";
    if (request->image_count && !request->model_count)
        request->model_count = 1; /* the built-in one */
    return request->file_count + request->model_count > evaluation_models_max
               ? "at most 8 models can be compared"
               : NULL;
}

/* False: *status is how the program ends. */
bool eval_request_parse(struct eval_request *request, int argc, char **argv, int *status)
{
    int code, index = 0;
    *request = (struct eval_request){.resamples = 1000};
    opterr = 0;
    *status = COMMAND_USAGE;
    while ((code = getopt_long(argc, argv, ":m:vh", long_options, &index)) != -1) {
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
        const char *expected = take_option(request, code, index, optarg);
        if (expected) {
            *status = usage_error("eval", "%s, not '%s'", expected, optarg ? optarg : "");
            return false;
        }
    }
    const char *problem = settle(request, argc);
    if (problem)
        *status = usage_error("eval", "%s", problem);
    return !problem;
}

void eval_request_free(struct eval_request *request)
{
    for (size_t i = 0; i < request->scoring_count; i++)
        free(request->scoring[i]);
    inputs_free(&request->pictures);
}
