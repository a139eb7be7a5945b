/*
 * info_memory.c - `qualiclip info --memory`: how large the blocks are that a program without a heap
 * provides, and how much work an image is.
 */
#include "info_memory.h"

#include <inttypes.h>
#include <stdio.h>

#include "diagnostics.h"
#include "output.h"

struct needs {
    size_t model_bytes, scorer_bytes;
    uint64_t cost;
};

static bool measure(const qc_model *model, qc_scorer_options options, struct needs *needs)
{
    char message[QC_MESSAGE_SIZE] = "";
    options.message = message;
    options.message_size = sizeof message;
    qc_model_info info;
    qc_scorer *scorer;
    qc_model_describe(model, &info);
    needs->model_bytes = info.memory_size;
    needs->scorer_bytes = qc_scorer_memory(model, &options);
    if (qc_scorer_create(&scorer, model, &options) != QC_OK) {
        complain("%s", message);
        return false;
    }
    needs->cost = qc_scorer_cost(scorer, options.max_width, options.max_height);
    qc_scorer_destroy(scorer);
    return true;
}

static bool print_json(const qc_scorer_options *options, const struct needs *needs)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "max_width", options->max_width);
    cJSON_AddNumberToObject(object, "max_height", options->max_height);
    cJSON_AddNumberToObject(object, "batch", options->max_batch);
    cJSON_AddNumberToObject(object, "threads", options->threads);
    cJSON_AddNumberToObject(object, "model_bytes", (double)needs->model_bytes);
    cJSON_AddNumberToObject(object, "scorer_bytes", (double)needs->scorer_bytes);
    cJSON_AddNumberToObject(object, "multiply_adds", (double)needs->cost);
    return output_json_line(object);
}

static bool print_text(const qc_scorer_options *options, const struct needs *needs)
{
    output_begin_line();
    printf("%-16s %zu bytes, beside the file itself\n", "model", needs->model_bytes);
    printf("%-16s %zu bytes: images up to %lux%lu, batch %lu, threads %lu\n", "scorer",
           needs->scorer_bytes, (unsigned long)options->max_width,
           (unsigned long)options->max_height, (unsigned long)options->max_batch,
           (unsigned long)options->threads);
    printf("%-16s %" PRIu64 " for an image of %lux%lu", "multiply-adds", needs->cost,
           (unsigned long)options->max_width, (unsigned long)options->max_height);
    return output_end_line();
}

bool info_memory(const qc_model *model, const qc_scorer_options *options, bool json)
{
    struct needs needs;
    if (!measure(model, *options, &needs))
        return false;
    return json ? print_json(options, &needs) : print_text(options, &needs);
}
