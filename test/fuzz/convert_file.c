/*
 * convert_file.c - see convert_file.h.
 */
#include "convert_file.h"

#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/conversion.h"
#include "fuzz.h"

enum { SAMPLE = 256 };

/* Numbers at the beginning and at the end of a tensor, which is as far as its strides reach. */
static void read_tensor(struct checkpoint *checkpoint, const struct checkpoint_entry *entry)
{
    const unsigned dimensions = entry->value->tensor->dimensions;
    const uint64_t count = entry->value->tensor->count;
    char message[QC_MESSAGE_SIZE] = "";
    struct view view;
    double numbers[SAMPLE];
    if (dimensions > 4)
        return;
    if (!checkpoint_view(checkpoint, entry->name, dimensions, &view, message) ||
        !checkpoint_load(checkpoint, &view, message)) {
        check_message(message);
        return;
    }
    const size_t part = count < SAMPLE ? (size_t)count : SAMPLE;
    checkpoint_read(checkpoint, &view, 0, part, numbers);
    checkpoint_read(checkpoint, &view, count - part, part, numbers);
}

/* Whether there is a text tower, under whoever's names. */
static bool has_tokens(const struct checkpoint *checkpoint)
{
    static const char *const names[] = {"token_embedding.weight", "text.token_embedding.weight",
                                        "text_model.embeddings.token_embedding.weight"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (checkpoint_find(checkpoint, names[i]))
            return true;
    return false;
}

/* Returns whether there is a text tower. */
static bool read_tensors(const char *path)
{
    struct checkpoint checkpoint;
    char message[QC_MESSAGE_SIZE] = "";
    if (!checkpoint_open(&checkpoint, path, message)) {
        check_message(message);
        return false;
    }
    for (size_t i = 0; i < checkpoint.count; i++)
        if (checkpoint.entries[i].value->kind == VALUE_TENSOR)
            read_tensor(&checkpoint, &checkpoint.entries[i]);
    const bool has_text = has_tokens(&checkpoint);
    checkpoint_close(&checkpoint);
    return has_text;
}

static void check_note(void *context, const char *line)
{
    (void)context;
    check_message(line);
}

/* What was written must be a model that the library takes. */
static bool verify(void *context, const char *path, char *message)
{
    (void)context;
    qc_model *model;
    qc_model_options options;
    qc_model_options_init(&options);
    options.message = message;
    options.message_size = QC_MESSAGE_SIZE;
    if (qc_model_open(&model, path, &options) != QC_OK)
        return false;
    qc_model_close(model);
    return true;
}

bool convert_file(const char *path, unsigned variant, char *message)
{
    static const enum gguf_tensor_type types[] = {GGML_F32, GGML_F16, GGML_BF16};
    char target[256];
    const bool has_text = read_tensors(path);
    const struct conversion conversion = {
        .checkpoint_path = path,
        .model_path = scratch_path("model.gguf", target),
        .type = types[variant % 3],
        .allow_unknown = variant & 4,
        .vocabulary = has_text && !(variant & 8) ? TEST_VOCABULARY : NULL,
        .activation = variant & 16 ? "gelu" : NULL,
        .profile = (variant & 0xC0) == 0xC0 ? qc_profile_name(variant >> 8 & 15) : NULL,
        .context_path = variant & 32 ? path : NULL,
        .note = check_note,
        .verify = verify,
    };
    struct conversion_result result;
    message[0] = 0;
    if (!convert_checkpoint(&conversion, &result, message)) {
        check_message(message);
        PROMISE(access(target, F_OK) != 0);
        return false;
    }
    PROMISE(access(target, F_OK) == 0);
    unlink(target);
    return true;
}
