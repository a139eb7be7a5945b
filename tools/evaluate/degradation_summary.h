/*
 * degradation_summary.h - what the scores of a trial say about a model.
 */
#ifndef QUALICLIP_DEGRADATION_SUMMARY_H
#define QUALICLIP_DEGRADATION_SUMMARY_H

#include "degradation_trial.h"

/*
 * Rank correlations within an image, between how bad the five levels are and how low they score,
 * averaged over the photos; a series whose scores are all equal counts as 0.  NaN: no photo has all
 * scores that are needed.
 */
struct within_image {
    double levels;     /* badness of levels 1 to 5: levels of equal strength tie        */
    double pristine;   /* the same with the pristine photo as a sixth, of badness 0     */
    double as_counted; /* levels 1 to 5 by their numbers, whatever the parameter's sign */
};

struct distribution {
    size_t count;
    double least, lower, median, upper, most; /* quartiles between */
    double share; /* of the pristine photos above 0.7; of those of level 5 below 0.3 */
};

/* Scores that a good model gives pristine photos, and photos of level 5. */
#define SCORE_OF_PRISTINE 0.7
#define SCORE_OF_WORST    0.3

struct trial_summary {
    struct within_image types[degradation_count]; /* NaN where not tried */
    struct within_image mean;                     /* over the types                      */
    struct within_image mean_but_linear;          /* ... without linear contrast        */
    double across;                       /* all photos, types and levels 1 to 5 at once     */
    double across_pristine;              /* ... and the pristine photos                     */
    struct distribution pristine, worst; /* worst: level 5 of all types        */
    enum degradation by_weakness[degradation_count]; /* tried types, the weakest first */

    double step_means[degradation_count][trial_steps]; /* mean score of step 0 to 5 */
    /* Mean score over a group's types at intensities 0, 1/5 ... 1; NaN: none of them was tried. */
    double curves[degradation_group_count][trial_steps];
};

void summarize_trial(struct trial_summary *summary, const struct degradation_trial *trial,
                     size_t model);

/* The mean of a type's score at an intensity from 0 to 5, by the badness of its levels. */
double score_at_intensity(const double *step_means, enum degradation type, double intensity);

#endif
