/*
 * convert.c - `qualiclip convert`: the command line of tools/checkpoint/conversion.h.  The file
 * that comes out is opened with the library before it takes its place.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "arguments.h"
#include "checkpoint/conversion.h"
#include "checkpoint/problem.h"
#include "checkpoint/repack.h"
#include "checkpoint/source.h"
#include "commands.h"
#include "diagnostics.h"
#include "inputs.h"
#include "machine.h"
#include "memory.h"
#include "names.h"
#include "output.h"
#include "prompts.h"
#include "qualiclip.h"

static const char help[] =
    "Usage: qualiclip convert CHECKPOINT -o MODEL.gguf [OPTION]...\n"
    "\n"
    "Turns a checkpoint into a model file: PyTorch's (torch.save: a dict of tensors, also inside "
    "a\n"
    "dict such as `state_dict` or `params`; or a TorchScript archive, as OpenAI's own files are),\n"
    "safetensors, an index of several such files, or a directory that holds them as published.\n"
    "CLIP's ViT and ModifiedResNet are known under the names of OpenAI, OpenCLIP and "
    "transformers,\n"
    "with or without `clip_model.` and the like before them, beside QualiCLIP's\n"
    "`prompts_features`.  config.json and preprocessor_config.json (transformers) or\n"
    "open_clip_config.json in the same directory is read.  Nothing in a checkpoint is executed.\n"
    "CHECKPOINT may also be a model file, for --type=q8, --packed or both.\n"
    "\n"
    "Options:\n"
    "  -o, --output=FILE    the model file to write; one that is there is replaced at the end\n"
    "      --type=TYPE      f32 (default), f16, bf16 or q8: how matrices and convolutions are\n"
    "                       stored; q8: whole numbers of 8 bits, computed with as such\n"
    "      --packed         store the large ones in the order in which this program reads them:\n"
    "                       opened in a fraction of the time, and nothing of them is copied\n"
    "      --profile=NAME   the scoring recipe: qualiclip (default where there are prompts), clip\n"
    "                       (else), qualiclip-pyiqa, qualiclip+, clip-iqa, clip-iqa-pyiqa,\n"
    "                       clip-iqa+, liqe, liqe-mix, grepq.  Its prompts are encoded by the\n"
    "                       checkpoint's text tower, unless it stores their features\n"
    "                       (prompts_features)\n"
    "      --text=FILE      take the text tower from this checkpoint\n"
    "      --context=FILE   of qualiclip+ and clip-iqa+: the learned contexts, where CHECKPOINT "
    "has\n"
    "                       no prompt_learner.ctx\n"
    "      --prompts=FILE   compare with these instead: a pair a line, positive TAB negative\n"
    "                       [TAB name]; under the profile clip a text a line, text [TAB name]; #\n"
    "                       begins a comment.  Needs --vocab\n"
    "      --low-level=FILE of grepq: its second checkpoint, a ResNet-18 over patches\n"
    "      --pristine=DIR   of grepq: the photos that others are measured by, all .png, .jpg and\n"
    "                       .jpeg files in and below DIR; of each its sharpest, most colourful\n"
    "                       patches are used\n"
    "      --truncate       cut prompts of too many tokens instead of refusing them\n"
    "      --size=RULE      score at this size, not the profile's: native, crop224, long=N, tiles\n"
    "      --positions=MODE add positional embeddings otherwise: none, grid or flat\n"
    "      --temperature=T  divide the logits by another number\n"
    "      --vocab=PATH     keep the text tower, with this vocabulary: CLIP's merges file\n"
    "                       (bpe_simple_vocab_16e6.txt, unpacked), or a directory with\n"
    "                       transformers' vocab.json and merges.txt; default: CHECKPOINT (or that\n"
    "                       of --text), where it is such a directory\n"
    "      --activation=A   gelu or quick_gelu, instead of what config.json says; needed where\n"
    "                       nothing tells: OpenCLIP's models without open_clip_config.json\n"
    "      --keep-text      keep the text tower, which encodes the prompts of other profiles when\n"
    "                       scoring; the profile clip keeps it unasked (ViT-B/32: 250 MB in f32)\n"
    "      --no-text        drop the text tower when the prompts are encoded\n"
    "      --name=TEXT      the model's name; default: the checkpoint's\n"
    "      --license=TEXT   the licence of the weights, to be kept in the file\n"
    "      --allow-unknown  pass over names that are not known to be part of CLIP\n"
    "  -v, --verbose        list what was read, renamed, folded, encoded and dropped on standard\n"
    "                       error\n"
    "  -h, --help           print this help and exit\n";

static const char examples[] =
    "\n"
    "Examples:\n"
    "  qualiclip convert qualiclip.pth -o qualiclip.gguf\n"
    "  qualiclip convert qualiclip.pth -o small.gguf --type=f16 --license='CC BY-NC 4.0'\n"
    "  qualiclip convert small.gguf -o fast.gguf --type=q8 --packed\n"
    "  qualiclip convert RN50.pt -o clip-iqa.gguf --profile=clip-iqa\n"
    "  qualiclip convert qualiclip.pth -o plus.gguf --profile=qualiclip+ "
    "--context=QualiCLIP+_koniq.pth\n"
    "  qualiclip convert GRepQ.pth -o grepq.gguf --profile=grepq --text=RN50.pt "
    "--low-level=GRepQ.tar \\\n"
    "    --pristine=photos\n"
    "  qualiclip info qualiclip.gguf && qualiclip score -m qualiclip.gguf photo.jpg\n";

/* The prompts; and a line that is drawn over itself on a terminal, once it has taken a moment. */
struct work {
    struct prompt_list prompts;
    struct input_list photos;
    const char **photo_paths;
    struct pristine pristine;
    bool shown;
    int percent;
    struct timespec start;
};

static double seconds_since(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) * 1e-9;
}

static void show_progress(void *context, uint64_t done, uint64_t total)
{
    struct work *work = context;
    int percent = (int)(100.0 * (double)done / (double)total);
    if (percent == work->percent || seconds_since(&work->start) < 0.5)
        return;
    work->percent = percent;
    work->shown = true;
    fprintf(stderr, "\rconverting: %d %%", percent);
    fflush(stderr);
}

static void erase_progress(struct work *work)
{
    if (work->shown)
        fputs("\r\033[K", stderr);
    work->shown = false;
}

static void note(void *context, const char *line)
{
    erase_progress(context);
    fprintf(stderr, "%s\n", line);
}

/* Finds the pristine photos and the patches in them; false: `message` says what is wrong. */
static bool choose_pristine(struct work *work, const char *directory, char *message)
{
    char *arguments[] = {(char *)directory};
    inputs_gather(&work->photos, arguments, 1, true);
    work->photo_paths = reallocate(NULL, work->photos.count, sizeof *work->photo_paths);
    for (size_t i = 0; i < work->photos.count; i++) {
        const struct input *photo = &work->photos.items[i];
        if (photo->error)
            return problem(message, "%.200s: %s", photo->path, photo->error);
        work->photo_paths[i] = photo->path;
    }
    return pristine_choose(&work->pristine, work->photo_paths, work->photos.count, message);
}

static void free_work(struct work *work)
{
    prompts_free(&work->prompts);
    pristine_free(&work->pristine);
    inputs_free(&work->photos);
    free(work->photo_paths);
}

/* Whether the library takes the file: everything in it is there, fits and is finite. */
static bool verify(void *context, const char *path, char *message)
{
    char reason[QC_MESSAGE_SIZE];
    qc_model_options options;
    qc_model_options_init(&options);
    options.message = reason;
    options.message_size = sizeof reason;
    erase_progress(context);
    if (qc_model_check(path, &options) != QC_OK)
        return problem(message, "the converted model is not usable: %.400s",
                       without_subject(reason, path));
    return true;
}

static const struct {
    const char *name;
    enum gguf_tensor_type type;
} types[] = {{"f32", GGML_F32}, {"f16", GGML_F16}, {"bf16", GGML_BF16}, {"q8", GGML_I8}};

static bool type_named(const char *name, enum gguf_tensor_type *type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, name) == 0) {
            *type = types[i].type;
            return true;
        }
    return false;
}

static const char *type_name(enum gguf_tensor_type type)
{
    size_t i = 0;
    while (types[i].type != type)
        i++;
    return types[i].name;
}

static void print_outputs(const struct conversion_result *result)
{
    static const char *const outputs[] = {"pair", "level", "text"};
    printf(", %" PRIu64 " %s%s", result->pair_count, outputs[result->readout],
           result->pair_count == 1 ? "" : "s");
}

static void print_summary(const struct conversion *conversion,
                          const struct conversion_result *result)
{
    const struct tower *tower = &result->tower;
    output_begin_line();
    printf("%s: ", printable(conversion->model_path).text);
    if (tower->is_resnet)
        printf("ModifiedResNet, width %" PRIu32 ", blocks %" PRIu32 "-%" PRIu32 "-%" PRIu32
               "-%" PRIu32,
               tower->width, tower->blocks[0], tower->blocks[1], tower->blocks[2],
               tower->blocks[3]);
    else
        printf("ViT, width %" PRIu32 ", %" PRIu32 " layer%s, patch %" PRIu32, tower->width,
               tower->layers, tower->layers == 1 ? "" : "s", tower->patch_size);
    printf(", feature %" PRIu32, tower->feature_size);
    print_outputs(result);
    printf(", profile %s, %s%s%s, %.2f MB", printable(result->profile).text,
           type_name(conversion->type), conversion->packed ? " packed" : "",
           result->keeps_text ? " with text tower" : "",
           (double)result->file_size / 1e6);
    output_end_line();
}

/* A model file in another form.  What else was asked for cannot be had from one. */
static int run_model(struct conversion *conversion)
{
    struct work work = {.percent = -1};
    uint64_t file_size;
    char message[QC_MESSAGE_SIZE];
    conversion->verify = verify;
    conversion->context = &work;
    if (!convert_model(conversion, &file_size, message)) {
        complain("convert: %s", message);
        return COMMAND_FAILED;
    }
    output_begin_line();
    printf("%s: %s%s, %.2f MB", printable(conversion->model_path).text,
           conversion->type == GGML_I8 ? "q8" : "as it was", conversion->packed ? ", packed" : "",
           (double)file_size / 1e6);
    return output_end_line() ? COMMAND_OK : COMMAND_FAILED;
}

static int run(struct conversion *conversion, const char *prompts, const char *pristine)
{
    struct work work = {.percent = -1};
    struct conversion_result result;
    char message[QC_MESSAGE_SIZE];
    const bool single = conversion->profile && strcmp(conversion->profile, "clip") == 0;
    if ((prompts && !prompts_read(&work.prompts, prompts, single, message)) ||
        (pristine && !choose_pristine(&work, pristine, message))) {
        complain("convert: %s", message);
        free_work(&work);
        return COMMAND_FAILED;
    }
    conversion->pristine = &work.pristine;
    conversion->threads = machine_processors();
    conversion->prompts = work.prompts.pairs;
    conversion->prompt_count = work.prompts.count;
    clock_gettime(CLOCK_MONOTONIC, &work.start);
    if (isatty(STDERR_FILENO))
        conversion->progress = show_progress;
    conversion->verify = verify;
    conversion->context = &work;
    bool good = convert_checkpoint(conversion, &result, message);
    erase_progress(&work);
    free_work(&work);
    if (!good) {
        complain("convert: %s", message);
        return COMMAND_FAILED;
    }
    print_summary(conversion, &result);
    return COMMAND_OK;
}

enum option_code {
    TYPE = 256,
    PROFILE,
    TEXT,
    CONTEXT,
    LOW_LEVEL,
    PRISTINE,
    PROMPTS,
    TRUNCATE,
    SIZE,
    POSITIONS,
    TEMPERATURE,
    VOCAB,
    ACTIVATION,
    KEEP_TEXT,
    NO_TEXT,
    NAME,
    LICENSE,
    ALLOW_UNKNOWN,
    PACKED
};

/* Settings of the recipe; NULL, or what was expected. */
static const char *take_setting(struct conversion *conversion, int code, const char *value)
{
    static const char *const positions[] = {"none", "grid", "flat", NULL};
    int choice;
    double number;
    switch (code) {
    case SIZE:
        if (!parse_size_rule(value, &conversion->size_rule, &conversion->size_pixels))
            return "--size: expected native, crop224, long=N or tiles";
        break;
    case POSITIONS:
        if (!parse_choice(value, positions, &choice))
            return "--positions: expected none, grid or flat";
        conversion->positions = (qc_positions)(QC_POSITIONS_NONE + choice);
        break;
    case TEMPERATURE:
        if (!parse_positive(value, &number) || !((float)number > 0) || number > 1e30)
            return "--temperature: expected a number greater than 0";
        conversion->temperature = (float)number;
        break;
    }
    return NULL;
}

/* What does not go together, or NULL. */
static const char *contradiction(const struct conversion *conversion, const char *prompts)
{
    if (!conversion->model_path)
        return "no output file is given (-o MODEL.gguf)";
    if (prompts && !conversion->vocabulary &&
        !source_has_vocabulary(conversion->text_path ? conversion->text_path
                                                     : conversion->checkpoint_path))
        return "--prompts needs --vocab: texts have to be encoded";
    if (conversion->vocabulary && !prompts && conversion->text == TEXT_DROPPED)
        return "--no-text leaves no use for --vocab";
    return NULL;
}

/* Whether nothing is to be decided that a model file has decided. */
static bool asks_for_form_alone(const struct conversion *conversion, const char *prompts)
{
    return (conversion->type == GGML_F32 || conversion->type == GGML_I8) && !prompts &&
           !conversion->profile && !conversion->text_path && !conversion->context_path &&
           !conversion->name && !conversion->license && !conversion->vocabulary &&
           !conversion->activation && !conversion->low_level_path && !conversion->size_rule &&
           !conversion->positions && !(conversion->temperature > 0) &&
           conversion->text == TEXT_IF_USEFUL;
}

int command_convert(int argc, char **argv)
{
    static const struct option options[] = {
        {"output", required_argument, NULL, 'o'},
        {"type", required_argument, NULL, TYPE},
        {"profile", required_argument, NULL, PROFILE},
        {"name", required_argument, NULL, NAME},
        {"license", required_argument, NULL, LICENSE},
        {"text", required_argument, NULL, TEXT},
        {"context", required_argument, NULL, CONTEXT},
        {"low-level", required_argument, NULL, LOW_LEVEL},
        {"pristine", required_argument, NULL, PRISTINE},
        {"prompts", required_argument, NULL, PROMPTS},
        {"truncate", no_argument, NULL, TRUNCATE},
        {"size", required_argument, NULL, SIZE},
        {"positions", required_argument, NULL, POSITIONS},
        {"temperature", required_argument, NULL, TEMPERATURE},
        {"vocab", required_argument, NULL, VOCAB},
        {"activation", required_argument, NULL, ACTIVATION},
        {"keep-text", no_argument, NULL, KEEP_TEXT},
        {"no-text", no_argument, NULL, NO_TEXT},
        {"allow-unknown", no_argument, NULL, ALLOW_UNKNOWN},
        {"packed", no_argument, NULL, PACKED},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct conversion conversion = {0};
    const char *prompts = NULL, *pristine = NULL, *wrong;
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":o:vh", options, NULL)) != -1)
        switch (option) {
        case 'o': conversion.model_path = optarg; break;
        case TYPE:
            if (!type_named(optarg, &conversion.type))
                return usage_error("convert", "--type=%s: expected f32, f16, bf16 or q8", optarg);
            break;
        case PROFILE: conversion.profile = optarg; break;
        case TEXT: conversion.text_path = optarg; break;
        case CONTEXT: conversion.context_path = optarg; break;
        case LOW_LEVEL: conversion.low_level_path = optarg; break;
        case PRISTINE: pristine = optarg; break;
        case PROMPTS: prompts = optarg; break;
        case TRUNCATE: conversion.truncate = true; break;
        case SIZE:
        case POSITIONS:
        case TEMPERATURE:
            if ((wrong = take_setting(&conversion, option, optarg)))
                return usage_error("convert", "%s", wrong);
            break;
        case VOCAB: conversion.vocabulary = optarg; break;
        case ACTIVATION:
            conversion.activation = optarg;
            if (strcmp(optarg, "gelu") != 0 && strcmp(optarg, "quick_gelu") != 0)
                return usage_error("convert", "--activation=%s: expected gelu or quick_gelu",
                                   optarg);
            break;
        case KEEP_TEXT: conversion.text = TEXT_KEPT; break;
        case NO_TEXT: conversion.text = TEXT_DROPPED; break;
        case NAME: conversion.name = optarg; break;
        case LICENSE: conversion.license = optarg; break;
        case ALLOW_UNKNOWN: conversion.allow_unknown = true; break;
        case PACKED: conversion.packed = true; break;
        case 'v': conversion.note = note; break;
        case 'h':
            fputs(help, stdout);
            fputs(examples, stdout);
            return COMMAND_OK;
        default: return option_error("convert", option, argv);
        }
    if (optind == argc)
        return usage_error("convert", "no checkpoint is given");
    if (argc - optind > 1)
        return usage_error("convert", "one checkpoint at a time: %s is one too many",
                           argv[optind + 1]);
    if (!conversion.low_level_path != !pristine)
        return usage_error("convert", "--low-level and --pristine go together");
    conversion.checkpoint_path = argv[optind];
    if ((wrong = contradiction(&conversion, prompts)))
        return usage_error("convert", "%s", wrong);
    if (!is_model_file(conversion.checkpoint_path))
        return run(&conversion, prompts, pristine);
    if (!asks_for_form_alone(&conversion, prompts))
        return usage_error("convert", "%s is a model file: only -o, --type=q8 and --packed go with it",
                           conversion.checkpoint_path);
    return run_model(&conversion);
}
