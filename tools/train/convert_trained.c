/*
 * convert_trained.c - convert_checkpoint() with the settings of a model of our own.
 */
#include "convert_trained.h"

#include "conversion.h"
#include "problem.h"
#include "qualiclip.h"

static bool verify(void *context, const char *path, char *message)
{
    char reason[QC_MESSAGE_SIZE];
    qc_model_options options;
    (void)context;
    qc_model_options_init(&options);
    options.message = reason;
    options.message_size = sizeof reason;
    return qc_model_check(path, &options) == QC_OK ||
           problem(message, "the trained model is not usable: %.400s", reason);
}

bool convert_trained(const struct trained_model *model, char *message)
{
    struct conversion_result result;
    const struct conversion conversion = {.checkpoint_path = model->checkpoint_path,
                                          .model_path = model->model_path,
                                          .type = model->full ? GGML_F32 : GGML_F16,
                                          .profile = "qualiclip",
                                          .activation = model->activation,
                                          .name = model->name,
                                          .license = model->license,
                                          .positions = model->takes_positions ? QC_POSITIONS_GRID
                                                                              : QC_POSITIONS_MODEL,
                                          .threads = 1,
                                          .verify = verify};
    return convert_checkpoint(&conversion, &result, message);
}
