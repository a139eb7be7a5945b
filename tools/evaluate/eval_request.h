/*
 * eval_request.h - what the command line of `qualiclip eval --mos` asks for.
 */
#ifndef QUALICLIP_EVAL_REQUEST_H
#define QUALICLIP_EVAL_REQUEST_H

#include "evaluation.h"
#include "inputs.h"
#include "output.h"
#include "page.h"

struct eval_request {
    const char *mos;
    const char *files[evaluation_models_max];  /* of scores */
    const char *models[evaluation_models_max]; /* that score the images; NULL: built in */
    size_t file_count, model_count;
    char *images[32];
    size_t image_count;
    char *scoring[64]; /* options of `qualiclip score` */
    size_t scoring_count;
    uint32_t threads, seed, resamples;
    enum output_format format;
    struct page_file page;
    struct input_list pictures;
    bool verbose;
    struct label_options labels;
    struct score_options scores;
    struct evaluation_request evaluation;
};

/* False: *status is how the program ends.  To be freed in any case. */
bool eval_request_parse(struct eval_request *request, int argc, char **argv, int *status);
void eval_request_free(struct eval_request *request);

#endif
