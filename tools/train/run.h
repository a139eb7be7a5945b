/*
 * run.h - all that a run holds, for the files that share it: run_begin.c, which makes it, and
 * training.c, which takes its steps.
 */
#ifndef QUALICLIP_TRAIN_RUN_H
#define QUALICLIP_TRAIN_RUN_H

#include "begin.h"
#include "feed.h"
#include "held_out.h"
#include "photo_set.h"
#include "qualiclip.h"
#include "run_log.h"
#include "teacher.h"
#include "trainer.h"
#include "training.h"

struct run {
    struct training_request *request;
    struct beginning beginning;
    struct photo_set photos;
    struct held_out held_out;
    struct student student;
    struct adamw optimiser;
    struct trainer trainer;
    struct teacher *teacher;
    struct feed *feed;
    struct run_log log;
    uint64_t first; /* steps done by runs before */
    uint64_t photos_hash;
    char message[QC_MESSAGE_SIZE];
};

/* A new run, or one that goes on.  False: run->message says why; run_end() all the same. */
bool run_begin(struct run *run);
void run_end(struct run *run);

/* One process of several writes files and tells what goes on. */
bool run_is_speaker(void);

#endif
