/*
 * evaluation.h - the scores of one or more models against a dataset's labels: which belong
 * together, and how well they agree, over all images and over each group of them.
 */
#ifndef QUALICLIP_EVALUATION_H
#define QUALICLIP_EVALUATION_H

#include "agreement.h"
#include "labels/labels.h"
#include "labels/scores.h"

enum { evaluation_models_max = 8, evaluation_columns_max = 8, evaluation_groups_max = 1000 };

/* What became of a model's scores. */
struct pairing {
    double *values;       /* of each label its score; NaN: it has none */
    size_t with_score;    /* used labels that have a score */
    size_t failed;        /* ... whose score is not a number */
    size_t without_score; /* ... of which no score has the name */
    size_t ambiguous;     /* ... whose name several scores have, or a score that is several's */
    size_t other_scores;  /* scores of images that have no label */
    size_t *partner;      /* of each label, as join_names() has it */
    bool *taken;          /* of each score, whether it is some label's */
};

/* Images that have the same text in a column; column NULL: all of them. */
struct group {
    const char *column, *value;
    size_t place;  /* of the column in the table */
    size_t images; /* used labels */
    struct agreement agreements[evaluation_models_max];
};

/* How much better a model is than another, over the images that both have scores of. */
struct comparison {
    size_t model, other, count;
    struct interval difference; /* of SRCC */
};

struct evaluation {
    const struct labels *labels;
    const struct scores *models;
    size_t model_count;

    bool *used;                         /* of each label, whether it is of the split */
    size_t used_count, without_opinion; /* used labels; of these, ones that have no number */
    size_t set_aside; /* practice images and originals that were left out unasked */
    struct pairing pairings[evaluation_models_max];
    struct group *groups; /* the first is all images */
    size_t group_count;
    struct comparison *comparisons;
    size_t comparison_count;
};

struct evaluation_request {
    const char *split;                           /* NULL: all but what is set aside; "all" */
    const char *columns[evaluation_columns_max]; /* of groups */
    size_t column_count;
    struct bootstrap bootstrap;
};

/* False with a message: a column or a split that the labels do not have. */
bool evaluate(struct evaluation *evaluation, const struct labels *labels,
              const struct scores *models, size_t model_count,
              const struct evaluation_request *request, char message[TABLE_MESSAGE_SIZE]);
void evaluation_free(struct evaluation *evaluation);

#endif
