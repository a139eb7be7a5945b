/*
 * convert.c - `qualiclip convert`: the command line of tools/checkpoint/conversion.h.  The file
 * that comes out is opened with the library before it takes its place.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "checkpoint/conversion.h"
#include "checkpoint/problem.h"
#include "checkpoint/source.h"
#include "commands.h"
#include "diagnostics.h"
#include "output.h"
#include "prompts.h"
#include "qualiclip.h"

static const char help[] =
    "Usage: qualiclip convert CHECKPOINT -o MODEL.gguf [OPTION]...\n"
    "\n"
    "Turns a checkpoint into a model file: PyTorch's (torch.save: a dict of tensors, also inside a\n"
    "dict such as `state_dict` or `params`; or a TorchScript archive, as OpenAI's own files are),\n"
    "safetensors, an index of several such files, or a directory that holds them as published.\n"
    "CLIP's ViT and ModifiedResNet are known under the names of OpenAI, OpenCLIP and transformers,\n"
    "with or without `clip_model.` and the like before them, beside QualiCLIP's\n"
    "`prompts_features`.  config.json and preprocessor_config.json (transformers) or\n"
    "open_clip_config.json in the same directory is read.  Nothing in a checkpoint is executed.\n"
    "\n"
    "Options:\n"
    "  -o, --output=FILE    the model file to write; one that is there is replaced at the end\n"
    "      --type=TYPE      f32 (default), f16 or bf16: how matrices and convolutions are stored\n"
    "      --profile=NAME   the scoring recipe: qualiclip (default where there are prompts), clip\n"
    "                       (else), qualiclip-pyiqa, qualiclip+, clip-iqa, clip-iqa+,\n"
    "                       clip-iqa-pyiqa; any other name is a label for the default\n"
    "      --name=TEXT      the model's name; default: the checkpoint's\n"
    "      --license=TEXT   the licence of the weights, to be kept in the file\n"
    "      --vocab=PATH     keep the text tower, with this vocabulary: CLIP's merges file\n"
    "                       (bpe_simple_vocab_16e6.txt, unpacked), or a directory with\n"
    "                       transformers' vocab.json and merges.txt; default: CHECKPOINT, where\n"
    "                       it is such a directory\n"
    "      --activation=A   gelu or quick_gelu, instead of what config.json says; needed where\n"
    "                       nothing tells: OpenCLIP's models without open_clip_config.json\n"
    "      --prompts=FILE   compare with these instead: a pair a line, positive TAB negative\n"
    "                       [TAB name]; # begins a comment.  Needs --vocab\n"
    "      --truncate       cut prompts of too many tokens instead of refusing them\n"
    "      --allow-unknown  pass over names that are not known to be part of CLIP\n"
    "  -v, --verbose        list what was taken, folded and dropped on standard error\n"
    "  -h, --help           print this help and exit\n"
    "\n"
    "Examples:\n"
    "  qualiclip convert qualiclip.pth -o qualiclip.gguf\n"
    "  qualiclip convert qualiclip.pth -o small.gguf --type=f16 --license='CC BY-NC 4.0'\n"
    "  qualiclip info qualiclip.gguf && qualiclip score -m qualiclip.gguf photo.jpg\n";

/* The prompts; and a line that is drawn over itself on a terminal, once it has taken a moment. */
struct work {
    struct prompt_list prompts;
    bool truncate;
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

/* The prompts' features, as the model that was just written encodes them. */
static bool encode(void *context, const char *path, float *features, char *message)
{
    struct work *work = context;
    char reason[QC_MESSAGE_SIZE] = "";
    qc_model_options options;
    qc_model_options_init(&options);
    options.message = reason;
    options.message_size = sizeof reason;
    qc_model *model;
    erase_progress(work);
    if (qc_model_open(&model, path, &options) != QC_OK)
        return problem(message, "the converted model is not usable: %.400s",
                       without_subject(reason, path));
    qc_model_info info;
    qc_model_describe(model, &info);
    const bool good = prompts_encode(&work->prompts, model, work->truncate, reason);
    if (good)
        memcpy(features, work->prompts.features,
               2 * work->prompts.count * info.feature_size * sizeof *features);
    else
        problem(message, "the prompts cannot be encoded: %.400s", reason);
    qc_model_close(model);
    return good;
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
} types[] = {{"f32", GGML_F32}, {"f16", GGML_F16}, {"bf16", GGML_BF16}};

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
    printf(", feature %" PRIu32 ", %" PRIu64 " pair%s, profile %s, %s, %.2f MB",
           tower->feature_size, result->pair_count, result->pair_count == 1 ? "" : "s",
           printable(result->profile).text, type_name(conversion->type),
           (double)result->file_size / 1e6);
    output_end_line();
}

static int run(struct conversion *conversion, const char *prompts, bool truncate)
{
    struct work work = {.percent = -1, .truncate = truncate};
    struct conversion_result result;
    char message[QC_MESSAGE_SIZE];
    if (prompts && !prompts_read(&work.prompts, prompts, false, message)) {
        complain("convert: %s", message);
        return COMMAND_FAILED;
    }
    conversion->prompts = work.prompts.pairs;
    conversion->prompt_count = work.prompts.count;
    conversion->encode = encode;
    clock_gettime(CLOCK_MONOTONIC, &work.start);
    if (isatty(STDERR_FILENO))
        conversion->progress = show_progress;
    conversion->verify = verify;
    conversion->context = &work;
    bool good = convert_checkpoint(conversion, &result, message);
    erase_progress(&work);
    prompts_free(&work.prompts);
    if (!good) {
        complain("convert: %s", message);
        return COMMAND_FAILED;
    }
    print_summary(conversion, &result);
    return COMMAND_OK;
}

int command_convert(int argc, char **argv)
{
    enum { TYPE = 256, PROFILE, NAME, LICENSE, VOCAB, PROMPTS, ACTIVATION, TRUNCATE, ALLOW_UNKNOWN };
    static const struct option options[] = {
        {"output", required_argument, NULL, 'o'},
        {"type", required_argument, NULL, TYPE},
        {"profile", required_argument, NULL, PROFILE},
        {"name", required_argument, NULL, NAME},
        {"license", required_argument, NULL, LICENSE},
        {"vocab", required_argument, NULL, VOCAB},
        {"prompts", required_argument, NULL, PROMPTS},
        {"activation", required_argument, NULL, ACTIVATION},
        {"truncate", no_argument, NULL, TRUNCATE},
        {"allow-unknown", no_argument, NULL, ALLOW_UNKNOWN},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct conversion conversion = {0};
    const char *prompts = NULL;
    bool truncate = false;
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":o:vh", options, NULL)) != -1)
        switch (option) {
        case 'o': conversion.model_path = optarg; break;
        case TYPE:
            if (!type_named(optarg, &conversion.type))
                return usage_error("convert", "--type=%s: expected f32, f16 or bf16", optarg);
            break;
        case PROFILE: conversion.profile = optarg; break;
        case NAME: conversion.name = optarg; break;
        case LICENSE: conversion.license = optarg; break;
        case VOCAB: conversion.vocabulary = optarg; break;
        case PROMPTS: prompts = optarg; break;
        case ACTIVATION:
            conversion.activation = optarg;
            if (strcmp(optarg, "gelu") != 0 && strcmp(optarg, "quick_gelu") != 0)
                return usage_error("convert", "--activation=%s: expected gelu or quick_gelu",
                                   optarg);
            break;
        case TRUNCATE: truncate = true; break;
        case ALLOW_UNKNOWN: conversion.allow_unknown = true; break;
        case 'v': conversion.note = note; break;
        case 'h': fputs(help, stdout); return COMMAND_OK;
        default: return option_error("convert", option, argv);
        }
    if (optind == argc)
        return usage_error("convert", "no checkpoint is given");
    if (argc - optind > 1)
        return usage_error("convert", "one checkpoint at a time: %s is one too many",
                           argv[optind + 1]);
    if (!conversion.model_path)
        return usage_error("convert", "no output file is given (-o MODEL.gguf)");
    conversion.checkpoint_path = argv[optind];
    if (prompts && !conversion.vocabulary && !source_has_vocabulary(conversion.checkpoint_path))
        return usage_error("convert", "--prompts needs --vocab: texts have to be encoded");
    return run(&conversion, prompts, truncate);
}
