/*
 * info.c - `qualiclip info`: what a model file is and where it came from, by the public API alone.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "commands.h"
#include "diagnostics.h"
#include "info_memory.h"
#include "names.h"
#include "output.h"
#include "qualiclip.h"

static const char help[] =
    "Usage: qualiclip info [OPTION]... [MODEL]\n"
    "\n"
    "Describes a model file, or the built-in model where none is given: what it computes, with "
    "which\n"
    "prompts, where it came from, and the kernels that this machine can run it with.\n"
    "\n"
    "Options:\n"
    "      --format=FORMAT  text (default) or json\n"
    "      --precision=P    as if it were to compute in f32, bf16 or int8\n"
    "      --kernels=NAME   as if it were to compute with these kernels\n"
    "      --memory         tell how large the blocks of a program without a heap must be, with "
    "the\n"
    "                       weights in place, for a scorer of\n"
    "      --max-size=WxH   images up to this size; default 2048x2048\n"
    "      --batch=N        so many images at once; default 1\n"
    "      --threads=N      so many threads; default 1\n"
    "  -h, --help           print this help and exit\n"
    "\n"
    "Examples:\n"
    "  qualiclip info\n"
    "  qualiclip info --format=json qualiclip.gguf\n"
    "  qualiclip info --memory --max-size=640x480\n";

static const char *tower_name(qc_tower tower)
{
    return tower == QC_TOWER_RESNET ? "resnet" : "vit";
}

/* ------------------------------------------------------------------------------------- text */

static void print_text(const char *label, const char *text)
{
    printf("%-16s %s\n", label, *text ? printable(text).text : "unknown");
}

static void print_number(const char *label, uint64_t number, const char *unit)
{
    printf("%-16s %" PRIu64 "%s\n", label, number, unit);
}

static void print_tower(const qc_model_info *info)
{
    const bool resnet = info->tower == QC_TOWER_RESNET;
    print_text("tower", resnet ? "ModifiedResNet" : "ViT");
    print_number("width", info->width, " channels");
    print_number("layers", info->layers, resnet ? " bottleneck blocks" : " transformer blocks");
    print_number("heads", info->heads, resnet ? " (of the attention pool)" : "");
    print_number(resnet ? "total stride" : "patch size", info->patch_size, " pixels");
    print_number("smallest image", info->minimum_size, " pixels a side");
    if (info->image_size)
        print_number("trained at", info->image_size, " pixels a side");
    print_text("positions", info->has_positions ? "stored" : "none stored");
    print_text("texts", info->has_text ? "can be encoded (score --prompts, --text)"
                        : info->has_text_tower
                            ? "those of profiles can be encoded (score --profile)"
                            : "cannot be encoded");
    print_number("feature", info->feature_size, " numbers");
    print_number("parameters", info->parameter_count, "");
}

static void print_recipe(const qc_model *model, const qc_model_info *info)
{
    const char *outputs = readout_name(info->readout);
    print_text("profile", info->profile);
    print_text("scored size", size_name(info->size_rule, info->size_pixels).text);
    print_text("scored with", info->positions == QC_POSITIONS_NONE   ? "no positions"
                              : info->positions == QC_POSITIONS_GRID ? "positions: grid"
                                                                     : "positions: flat");
    printf("%-16s %g\n", "logit scale", (double)info->logit_scale);
    printf("%-16s %g\n", "temperature", (double)info->temperature);
    printf("%-16s %g (bad) to %g (good)\n", "scores", (double)info->score_minimum,
           (double)info->score_maximum);
    if (!info->pair_count)
        print_text(outputs,
                   info->has_text_tower
                       ? "none stored: scores by those of score --profile, --text, --prompts"
                       : "none: this model embeds, but does not score");
    for (uint32_t i = 0; i < info->pair_count; i++)
        print_text(i ? "" : outputs, qc_model_pair_name(model, i));
}

/* GRepQ's second half. */
static void print_low_level(const qc_model_info *info)
{
    print_text("low level from", info->low_level_source);
    print_number("pristine photos", info->pristine_photos, "");
    print_number("their patches", info->pristine_patches, " that were sharp and colourful");
}

/* Without the newline, which ends the output. */
static void print_kernels(const qc_model_info *info)
{
    printf("%-16s", "kernels");
    for (size_t i = 0; qc_kernels_name(i); i++)
        printf("%s %s%s", i ? "," : "", qc_kernels_name(i),
               strcmp(qc_kernels_name(i), info->kernels) == 0 ? " (chosen)" : "");
}

static bool describe_text(const qc_model *model, const qc_model_info *info, const char *path)
{
    output_begin_line();
    print_text("file", path ? path : "(built in)");
    print_text("name", info->name);
    print_tower(info);
    print_recipe(model, info);
    print_text("weights", info->weight_type);
    print_text("computes in", info->precision);
    print_number("size", info->file_size, " bytes");
    print_text("license", info->license);
    print_text("converted from", info->source);
    if (*info->text_source)
        print_text("text tower from", info->text_source);
    if (*info->context_source)
        print_text("contexts from", info->context_source);
    if (info->patch_feature_size)
        print_low_level(info);
    print_text("converted by", info->converter);
    print_text("hash", info->hash);
    print_kernels(info);
    return output_end_line();
}

/* ------------------------------------------------------------------------------------- JSON */

static void add_count(cJSON *object, const char *name, uint64_t number)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, number);
    cJSON_AddRawToObject(object, name, digits);
}

static bool describe_json(const qc_model *model, const qc_model_info *info, const char *path)
{
    cJSON *object = cJSON_CreateObject();
    if (path)
        json_add_text(object, "path", path);
    else
        cJSON_AddNullToObject(object, "path");
    json_add_text(object, "name", info->name);
    json_add_text(object, "tower", tower_name(info->tower));
    add_count(object, "width", info->width);
    add_count(object, "layers", info->layers);
    add_count(object, "heads", info->heads);
    add_count(object, "patch_size", info->patch_size);
    add_count(object, "minimum_size", info->minimum_size);
    add_count(object, "image_size", info->image_size);
    cJSON_AddBoolToObject(object, "has_positions", info->has_positions);
    cJSON_AddBoolToObject(object, "has_text", info->has_text);
    cJSON_AddBoolToObject(object, "has_text_tower", info->has_text_tower);
    add_count(object, "feature_size", info->feature_size);
    add_count(object, "parameters", info->parameter_count);
    json_add_text(object, "profile", info->profile);
    json_add_text(object, "readout", readout_name(info->readout));
    json_add_text(object, "size", size_name(info->size_rule, info->size_pixels).text);
    json_add_text(object, "positions", positions_name(info->positions));
    const float range[] = {info->score_minimum, info->score_maximum};
    json_add_floats(object, "score_range", range, 2);
    json_add_float(object, "logit_scale", info->logit_scale);
    json_add_float(object, "temperature", info->temperature);
    cJSON *pairs = cJSON_AddArrayToObject(object, "pair_names");
    for (uint32_t i = 0; i < info->pair_count; i++)
        json_append_text(pairs, qc_model_pair_name(model, i));
    json_add_text(object, "weight_type", info->weight_type);
    json_add_text(object, "precision", info->precision);
    add_count(object, "file_size", info->file_size);
    json_add_text(object, "license", info->license);
    json_add_text(object, "source", info->source);
    json_add_text(object, "text_source", info->text_source);
    json_add_text(object, "context_source", info->context_source);
    if (info->patch_feature_size) {
        add_count(object, "patch_feature_size", info->patch_feature_size);
        json_add_text(object, "low_level_source", info->low_level_source);
        add_count(object, "pristine_photos", info->pristine_photos);
        add_count(object, "pristine_patches", info->pristine_patches);
    }
    json_add_text(object, "converter", info->converter);
    json_add_text(object, "hash", info->hash);
    json_add_text(object, "kernels", info->kernels);
    cJSON *sets = cJSON_AddArrayToObject(object, "kernel_sets");
    for (size_t i = 0; qc_kernels_name(i); i++)
        json_append_text(sets, qc_kernels_name(i));
    return output_json_line(object);
}

/* ------------------------------------------------------------------------------------------- */

struct request {
    const char *path; /* NULL: the built-in model */
    qc_model_options model;
    qc_scorer_options scorer;
    bool json, memory;
};

static int describe(struct request *request)
{
    char message[QC_MESSAGE_SIZE] = "";
    const char *path = request->path;
    request->model.packing = QC_PACKING_NEVER; /* no image is looked at */
    request->model.message = message;
    request->model.message_size = sizeof message;
    qc_model *model;
    qc_status status = qc_model_open(&model, path, &request->model);
    if (status != QC_OK) {
        complain_about(path ? path : "the built-in model",
                       *message ? message : qc_status_string(status));
        return COMMAND_FAILED;
    }
    qc_model_info info;
    qc_model_describe(model, &info);
    bool written = request->memory ? info_memory(model, &request->scorer, request->json)
                   : request->json ? describe_json(model, &info, path)
                                   : describe_text(model, &info, path);
    qc_model_close(model);
    return written ? COMMAND_OK : COMMAND_FAILED;
}

enum { FORMAT = 256, PRECISION, KERNELS, MEMORY, MAX_SIZE, BATCH, THREADS };

/* What the option's value has to be, or NULL where it is. */
static const char *take_value(struct request *request, int option, const char *value)
{
    qc_scorer_options *scorer = &request->scorer;
    switch (option) {
    case FORMAT:
        request->json = strcmp(value, "json") == 0;
        return request->json || strcmp(value, "text") == 0 ? NULL : "text or json";
    case PRECISION: return parse_precision(value, &request->model.precision) ? NULL : PRECISIONS;
    case MAX_SIZE:
        return parse_size(value, 1 << 20, &scorer->max_width, &scorer->max_height)
                   ? NULL
                   : "a size such as 640x480";
    case BATCH:
        return parse_count(value, 1, 65536, &scorer->max_batch) ? NULL : "a number up to 65536";
    case THREADS:
        return parse_count(value, 1, 1024, &scorer->threads) ? NULL : "a number up to 1024";
    default: return NULL;
    }
}

int command_info(int argc, char **argv)
{
    static const struct option options[] = {
        {"format", required_argument, NULL, FORMAT},
        {"precision", required_argument, NULL, PRECISION},
        {"kernels", required_argument, NULL, KERNELS},
        {"memory", no_argument, NULL, MEMORY},
        {"max-size", required_argument, NULL, MAX_SIZE},
        {"batch", required_argument, NULL, BATCH},
        {"threads", required_argument, NULL, THREADS},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct request request = {.json = false};
    qc_model_options_init(&request.model);
    qc_scorer_options_init(&request.scorer);
    int option, index = 0;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", options, &index)) != -1) {
        const char *expected;
        switch (option) {
        case 'h': fputs(help, stdout); return COMMAND_OK;
        case MEMORY: request.memory = true; break;
        case KERNELS: request.model.kernels = optarg; break;
        case '?':
        case ':': return option_error("info", option, argv);
        default:
            expected = take_value(&request, option, optarg);
            if (expected)
                return usage_error("info", "--%s=%s: expected %s", options[index].name, optarg,
                                   expected);
        }
    }
    if (argc - optind > 1)
        return usage_error("info", "one model at a time: %s is one too many", argv[optind + 1]);
    json_start();
    request.path = optind < argc ? argv[optind] : NULL;
    return describe(&request);
}
