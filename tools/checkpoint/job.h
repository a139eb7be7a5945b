/*
 * job.h - everything that one conversion holds, for the files that share it: conversion.c, which
 * orders the work, sources.c, which reads, and model_keys.c, which writes.
 */
#ifndef QUALICLIP_JOB_H
#define QUALICLIP_JOB_H

#include "context.h"
#include "conversion.h"
#include "low_level_part.h"
#include "scoring.h"
#include "source_hash.h"
#include "text_model.h"

/* The features of QualiCLIP's prompts in a checkpoint. */
#define STORED_PROMPTS "prompts_features"

/* A file that something is taken from, under the name of this file. */
struct source {
    char *file; /* its path */
    struct checkpoint checkpoint;
    const struct naming *naming;
    struct published_config config;
    char hash[SOURCE_HASH_SIZE];
    bool is_open;
};

struct job {
    const struct conversion *conversion;
    struct conversion_result *result;
    char *message;
    struct source image, text, context; /* the latter two: only if they are files of their own */
    struct source low_level;            /* open where there is such a part */
    struct plan plan;                   /* the image tower, and prompts that are stored */
    struct plan text_plan;              /* the text tower; empty: there is no need of it */
    struct plan low_level_plan;
    struct low_level_part low_level_part;
    struct text_tower_sizes text_sizes;
    struct vocabulary_files vocabulary;
    bool image_gelu, text_gelu; /* the activations of the towers that have one */
    struct scoring scoring;
    struct context learned;
    double logit_scale;
    float *features; /* of prompts that were encoded; NULL: there are none */
};

/* Where the text tower is, and learned contexts are. */
struct source *text_file(struct job *job);
struct checkpoint *text_source(struct job *job);
struct checkpoint *context_source(struct job *job);

/* Tells the user, who may not want to know. */
void job_note(const struct job *job, const char *what, const char *more);

static inline bool job_encodes(const struct job *job)
{
    return job->scoring.origin == PROMPTS_OWN || job->scoring.origin == PROMPTS_ENCODED;
}

#endif
