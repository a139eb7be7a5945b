/*
 * workspace.c - sizes and re-makes the scorer.  Reads no files and prints nothing.
 */
#include "workspace.h"

#include <stdio.h>
#include <string.h>

#include "machine.h"

static double mebibytes(uint64_t bytes)
{
    return (double)bytes / (1 << 20);
}

/* What a batch may take that nobody asked for: of images so large a batch makes nothing faster. */
static const uint64_t batch_memory = UINT64_C(256) << 20;

static uint64_t memory_present(void)
{
    return machine_memory() ? machine_memory() : UINT64_MAX;
}

/* Makes the scorer for the sizes in the options; false with a message if that cannot be. */
static bool create(struct workspace *workspace)
{
    qc_scorer_options *options = &workspace->options;
    if (workspace->scorer != workspace->prompts)
        qc_scorer_destroy(workspace->scorer);
    workspace->scorer = NULL;
    options->prompts_of = workspace->prompts;
    workspace->message[0] = '\0';

    const uint64_t present = memory_present();
    const uint64_t limit = options->memory_limit ? options->memory_limit : UINT64_MAX;
    const uint64_t comfortable = workspace->share < batch_memory ? workspace->share : batch_memory;
    uint64_t needed;
    while ((needed = qc_scorer_memory(workspace->model, options)) > comfortable &&
           workspace->automatic_batch && options->max_batch > 1)
        options->max_batch /= 2;
    if (needed > limit || needed > present) {
        snprintf(workspace->message, sizeof workspace->message,
                 "an image of %u x %u needs %.1f MiB of memory to be scored; %s %.1f MiB",
                 (unsigned)options->max_width, (unsigned)options->max_height, mebibytes(needed),
                 needed > limit ? "--max-memory allows" : "this machine has",
                 mebibytes(needed > limit ? limit : present));
        return false;
    }
    qc_status status = qc_scorer_create(&workspace->scorer, workspace->model, options);
    if (status != QC_OK && !workspace->message[0])
        snprintf(workspace->message, sizeof workspace->message, "%s", qc_status_string(status));
    if (!workspace->prompts)
        workspace->prompts = workspace->scorer;
    return status == QC_OK;
}

/*
 * A transformer reads all its weights for each batch, which a few images hide; a ResNet takes
 * images one by one.
 */
static uint32_t default_batch(const qc_model_info *info, uint32_t threads)
{
    enum { few = 4 };
    if (info->tower != QC_TOWER_VIT)
        return 1;
    return threads > few ? threads : few;
}

bool workspace_open(struct workspace *workspace, const qc_model *model,
                    const qc_scorer_options *options, uint32_t threads, uint32_t batch,
                    size_t images)
{
    qc_model_info info;
    qc_model_describe(model, &info);
    memset(workspace, 0, sizeof *workspace);
    workspace->model = model;
    workspace->minimum_size = info.minimum_size;
    workspace->options = *options;
    workspace->options.message = workspace->message;
    workspace->options.message_size = sizeof workspace->message;
    workspace->options.max_width = info.minimum_size;
    workspace->options.max_height = info.minimum_size;
    workspace->options.threads = threads ? threads : machine_processors();
    workspace->automatic_batch = batch == 0;
    workspace->batch = batch ? batch : default_batch(&info, workspace->options.threads);
    const uint64_t most = memory_present() / 4;
    workspace->share =
        options->memory_limit && options->memory_limit < most ? options->memory_limit : most;
    if (images < workspace->batch)
        workspace->batch = images ? (uint32_t)images : 1;
    workspace->options.max_batch = workspace->batch;
    if (create(workspace) || threads != 0)
        return workspace->scorer != NULL;
    workspace->options.threads = 1; /* perhaps a build without threads */
    return create(workspace);
}

void workspace_open_lane(struct workspace *workspace, const struct workspace *whole, size_t lanes,
                         uint32_t batch)
{
    *workspace = *whole;
    workspace->options.threads = 1;
    workspace->options.message = workspace->message;
    workspace->options.log = NULL; /* one of them tells, on one thread */
    workspace->share = whole->share / lanes;
    workspace->options.memory_limit =
        (size_t)(workspace->share < SIZE_MAX ? workspace->share : SIZE_MAX);
    workspace->batch = batch;
    workspace->borrows_prompts = true;
    workspace->scorer = NULL; /* made for the first image */
}

void workspace_close(struct workspace *workspace)
{
    if (workspace->scorer != workspace->prompts)
        qc_scorer_destroy(workspace->scorer);
    if (!workspace->borrows_prompts)
        qc_scorer_destroy(workspace->prompts);
    workspace->scorer = workspace->prompts = NULL;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Sees to it that the scorer takes images of these sides. */
static bool fit(struct workspace *workspace, uint32_t long_side, uint32_t short_side)
{
    qc_scorer_options *options = &workspace->options;
    const qc_scorer_options before = *options;
    long_side = larger(long_side, workspace->minimum_size);
    short_side = larger(short_side, workspace->minimum_size);
    if (workspace->scorer && long_side <= before.max_width && short_side <= before.max_height)
        return true;
    options->max_width = larger(long_side, before.max_width);
    options->max_height = larger(short_side, before.max_height);
    options->max_batch = workspace->batch;
    if (create(workspace))
        return true;
    /* A panorama after a large photo: each alone may fit where a frame around both does not. */
    options->max_width = long_side;
    options->max_height = short_side;
    options->max_batch = 1;
    if (create(workspace))
        return true;
    *options = before; /* the scorer is made anew for the next image, as it was */
    return false;
}

static bool fit_images(struct workspace *workspace, const qc_image *images, size_t count)
{
    uint32_t long_side = 0, short_side = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t width = images[i].width, height = images[i].height;
        long_side = larger(long_side, larger(width, height));
        short_side = larger(short_side, width < height ? width : height);
    }
    return fit(workspace, long_side, short_side);
}

static void fail_result(struct workspace *workspace, qc_result *result)
{
    memset(result, 0, sizeof *result);
    result->status = QC_ERROR_MEMORY;
    memcpy(result->message, workspace->message, sizeof result->message);
}

/* A failure always has a message. */
static void explain(qc_result *result)
{
    if (result->status != QC_OK && !result->message[0])
        snprintf(result->message, sizeof result->message, "%s", qc_status_string(result->status));
}

void workspace_score(struct workspace *workspace, const qc_image *images, size_t count,
                     qc_result *results)
{
    for (size_t done = 0; done < count;) {
        size_t part = count - done < workspace->batch ? count - done : workspace->batch;
        if (!fit_images(workspace, images + done, part)) {
            part = 1; /* one that is too large must not take the others with it */
            if (!fit_images(workspace, images + done, part)) {
                fail_result(workspace, &results[done++]);
                continue;
            }
        }
        if (part > workspace->options.max_batch)
            part = workspace->options.max_batch;
        (void)qc_score_batch(workspace->scorer, images + done, part, results + done);
        for (size_t i = done; i < done + part; i++)
            explain(&results[i]);
        done += part;
    }
}

static bool fit_picture(struct workspace *workspace, const qc_picture *picture)
{
    const qc_image image = qc_picture_view(picture);
    return fit_images(workspace, &image, 1);
}

void workspace_score_picture(struct workspace *workspace, qc_picture *picture, qc_result *result)
{
    if (!fit_picture(workspace, picture)) {
        fail_result(workspace, result);
        return;
    }
    (void)qc_score_picture(workspace->scorer, picture, result);
    explain(result);
}

qc_status workspace_embed(struct workspace *workspace, qc_picture *picture, float *feature)
{
    if (!fit_picture(workspace, picture))
        return QC_ERROR_MEMORY;
    qc_status status = qc_embed_picture(workspace->scorer, picture, feature);
    if (status == QC_OK)
        return QC_OK;
    const char *message = qc_scorer_message(workspace->scorer);
    snprintf(workspace->message, sizeof workspace->message, "%s",
             message[0] ? message : qc_status_string(status));
    return status;
}
