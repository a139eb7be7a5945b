/*
 * lanes.c - a workspace for each thread beside one of all threads.
 */
#include "lanes.h"

#include <stdlib.h>
#include <string.h>

#ifdef QUALICLIP_THREADS
#include <pthread.h>
#endif

#include "memory.h"

/* --------------------------------------------------------------------------------------- turns */

/* Lanes run beside each other, `whole` alone. */
#ifdef QUALICLIP_THREADS

struct turns {
    pthread_rwlock_t lock;
};

static struct turns *turns_open(void)
{
    struct turns *turns = allocate(sizeof *turns);
    pthread_rwlock_init(&turns->lock, NULL);
    return turns;
}

static void turns_close(struct turns *turns)
{
    if (turns)
        pthread_rwlock_destroy(&turns->lock);
    free(turns);
}

static void begin_beside(struct turns *turns)
{
    pthread_rwlock_rdlock(&turns->lock);
}

static void begin_alone(struct turns *turns)
{
    pthread_rwlock_wrlock(&turns->lock);
}

static void end_turn(struct turns *turns)
{
    pthread_rwlock_unlock(&turns->lock);
}

#else /* one thread, one lane */

static struct turns *turns_open(void)
{
    return NULL;
}

static void turns_close(struct turns *turns)
{
    (void)turns;
}

static void begin_beside(struct turns *turns)
{
    (void)turns;
}

static void begin_alone(struct turns *turns)
{
    (void)turns;
}

static void end_turn(struct turns *turns)
{
    (void)turns;
}

#endif

/* --------------------------------------------------------------------------------------- lanes */

/* Of what a batch is good for, this many images give a single thread most. */
enum { lane_batch = 4 };

static uint32_t smaller(size_t a, uint32_t b)
{
    return a < b ? (uint32_t)a : b;
}

bool lanes_open(struct lanes *lanes, const qc_model *model, const qc_scorer_options *options,
                uint32_t threads, uint32_t batch, size_t images, bool side_by_side)
{
    memset(lanes, 0, sizeof *lanes);
    lanes->count = 1;
    if (!workspace_open(&lanes->whole, model, options, threads, batch, images))
        return false;
    lanes->batch = lanes->whole.batch;
    threads = lanes->whole.options.threads; /* 0 has become a number */
    if (threads == 1 || images < threads || !side_by_side)
        return true;

    lanes->count = threads;
    if (batch == 0)
        lanes->batch = smaller(images / threads, smaller(lanes->batch, lane_batch));
    lanes->turns = turns_open();
    lanes->lane = reallocate(NULL, threads, sizeof *lanes->lane);
    for (size_t i = 0; i < threads; i++)
        workspace_open_lane(&lanes->lane[i], &lanes->whole, threads, lanes->batch);
    return true;
}

void lanes_close(struct lanes *lanes)
{
    for (size_t i = 0; lanes->lane && i < lanes->count; i++)
        workspace_close(&lanes->lane[i]);
    free(lanes->lane);
    workspace_close(&lanes->whole);
    turns_close(lanes->turns);
    memset(lanes, 0, sizeof *lanes);
}

void lanes_score(struct lanes *lanes, size_t lane, const qc_image *images, size_t count,
                 qc_result *results)
{
    if (!lanes->lane) {
        workspace_score(&lanes->whole, images, count, results);
        return;
    }
    begin_beside(lanes->turns);
    workspace_score(&lanes->lane[lane], images, count, results);
    end_turn(lanes->turns);
    for (size_t i = 0; i < count; i++) {
        if (results[i].status != QC_ERROR_MEMORY)
            continue;
        begin_alone(lanes->turns);
        workspace_score(&lanes->whole, &images[i], 1, &results[i]);
        end_turn(lanes->turns);
    }
}

void lanes_score_picture(struct lanes *lanes, size_t lane, qc_picture *picture, qc_result *result)
{
    if (!lanes->lane) {
        workspace_score_picture(&lanes->whole, picture, result);
        return;
    }
    begin_beside(lanes->turns);
    workspace_score_picture(&lanes->lane[lane], picture, result);
    end_turn(lanes->turns);
    if (result->status != QC_ERROR_MEMORY)
        return;
    begin_alone(lanes->turns);
    workspace_score_picture(&lanes->whole, picture, result);
    end_turn(lanes->turns);
}

static qc_status embed(struct workspace *workspace, qc_picture *picture, float *feature,
                       char *message)
{
    qc_status status = workspace_embed(workspace, picture, feature);
    memcpy(message, workspace->message, QC_MESSAGE_SIZE);
    return status;
}

bool lanes_embed(struct lanes *lanes, size_t lane, qc_picture *picture, float *feature,
                 char *message)
{
    if (!lanes->lane)
        return embed(&lanes->whole, picture, feature, message) == QC_OK;
    begin_beside(lanes->turns);
    qc_status status = embed(&lanes->lane[lane], picture, feature, message);
    end_turn(lanes->turns);
    if (status == QC_ERROR_MEMORY) {
        begin_alone(lanes->turns);
        status = embed(&lanes->whole, picture, feature, message);
        end_turn(lanes->turns);
    }
    return status == QC_OK;
}
