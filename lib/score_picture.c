/*
 * score_picture.c - pictures and image files to scores and features: decoded row by row on their
 * way through the tower where it takes rows, else as a whole before.
 */
#include <stdio.h>
#include <string.h>

#include "picture_rows.h"
#include "scorer.h"

static bool streams(const qc_scorer *scorer, const qc_picture *picture)
{
    const struct picture_header *header = &picture->header;
    return !picture->pixels && !header->interlaced &&
           scorer_takes_rows(scorer, header->width, header->height);
}

/* A picture for as long as its rows are streamed. */
struct streaming {
    struct picture_rows rows;
    qc_scorer *scorer;
    qc_image view; /* of something: there must be pixels, but nobody looks at them */
};

static void begin(struct streaming *streaming, qc_scorer *scorer, qc_picture *picture,
                  struct message *message)
{
    picture_rows_begin(&streaming->rows, picture, message);
    scorer_set_rows(scorer, &streaming->rows.stream);
    streaming->scorer = scorer;
    streaming->view = qc_picture_view(picture);
    streaming->view.planes[0] = picture->encoded.data;
}

static void end(struct streaming *streaming)
{
    scorer_set_rows(streaming->scorer, NULL);
    picture_rows_end(&streaming->rows);
}

/* Says of a score that it is of other pixels than the file's. */
static qc_status tell_reduction(const qc_picture *picture, qc_result *result)
{
    const size_t length = strlen(result->recipe);
    if (result->status == QC_OK && picture->header.reduction > 1)
        snprintf(result->recipe + length, sizeof result->recipe - length, " decoded=1/%u",
                 picture->header.reduction);
    return result->status;
}

qc_status qc_score_picture(qc_scorer *scorer, qc_picture *picture, qc_result *result)
{
    if (!scorer || !picture || !result)
        return QC_ERROR_ARGUMENT;
    struct message message = {result->message, sizeof result->message};
    if (streams(scorer, picture)) {
        struct streaming streaming;
        begin(&streaming, scorer, picture, &message);
        (void)qc_score(scorer, &streaming.view, result);
        end(&streaming);
        return tell_reduction(picture, result);
    }
    memset(result, 0, sizeof *result);
    result->status = picture_decode(picture, &message);
    if (result->status != QC_OK) {
        memcpy(scorer_message(scorer).text, result->message, QC_MESSAGE_SIZE);
        return result->status;
    }
    const qc_image image = qc_picture_view(picture);
    (void)qc_score(scorer, &image, result);
    return tell_reduction(picture, result);
}

qc_status qc_embed_picture(qc_scorer *scorer, qc_picture *picture, float *feature)
{
    if (!scorer || !picture || !feature)
        return QC_ERROR_ARGUMENT;
    struct message message = scorer_message(scorer);
    qc_status status;
    if (streams(scorer, picture)) {
        struct streaming streaming;
        begin(&streaming, scorer, picture, &message);
        status = qc_embed(scorer, &streaming.view, feature);
        end(&streaming);
        return status;
    }
    status = picture_decode(picture, &message);
    if (status != QC_OK) {
        memset(feature, 0, scorer_feature_size(scorer) * sizeof *feature);
        return status;
    }
    const qc_image image = qc_picture_view(picture);
    return qc_embed(scorer, &image, feature);
}

qc_status qc_score_file(qc_scorer *scorer, const char *path, qc_result *result)
{
    if (!scorer || !result)
        return QC_ERROR_ARGUMENT;
    memset(result, 0, sizeof *result);
    qc_picture_options options;
    qc_picture_options_init(&options);
    options.message = result->message;
    options.message_size = sizeof result->message;
    qc_picture *picture;
    result->status = qc_picture_open(&picture, path, &options);
    if (result->status != QC_OK) {
        memcpy(scorer_message(scorer).text, result->message, QC_MESSAGE_SIZE);
        return result->status;
    }
    qc_status status = qc_score_picture(scorer, picture, result);
    qc_picture_free(picture);
    return status;
}
