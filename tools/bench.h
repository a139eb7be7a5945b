/*
 * bench.h - what the parts of `qualiclip bench` share: what is to be measured, and what came out.
 */
#ifndef QUALICLIP_BENCH_H
#define QUALICLIP_BENCH_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel_trace.h"
#include "output.h"
#include "qualiclip.h"

enum { bench_list_room = 32, bench_trace_room = 128 };

/* A model as it is opened. */
struct bench_subject {
    const char *kernels; /* NULL: the default */
    qc_precision precision;

    /* What is known once it has run. */
    bool known;
    char name[128], hash[32], kernels_name[32], precision_name[8], weight_type[8];
    double work, work_done; /* operations for an image: nominal, and executed */
    double peak;            /* of a core; thousand millions of operations a second; 0: unknown */
    double traced_ms;       /* for an image on one thread, while it was traced */
    struct trace_line lines[bench_trace_room];
    size_t line_count;
};

/* A subject with a batch and a number of threads. */
struct bench_combination {
    struct bench_subject *subject;
    uint32_t batch, threads;
    bool measured;
    double open_ms, first_ms, rss_mb; /* of a process of its own */
    double *seconds;                  /* of each call, in ascending order at the end */
    size_t count;
};

struct bench {
    const char *model_path; /* NULL: built in */
    enum output_format format;
    double seconds;
    bool profile;
    qc_image image;
    struct bench_subject *subjects;
    struct bench_combination *combinations; /* those of a subject follow each other */
    size_t subject_count, combination_count;
    bool automatic_threads; /* 1 and all; a build without threads does 1 alone */
    int status;
};

/* What a combination takes in a process of its own, and what is known of its subject. */
void bench_measure_first(struct bench *bench, struct bench_combination *combination);

/* Calls of all combinations that were found to work, in turns. */
void bench_measure_speed(struct bench *bench);

/* Complains, and sets bench->status. */
void bench_combination_failed(struct bench *bench, const struct bench_combination *combination,
                              const char *reason);

/* Prints what was measured; false if standard output takes no more. */
bool bench_print(const struct bench *bench);

/* Measures `qualiclip score` over the photos of a directory, and their decoding by itself; prints
 * it.  Batches are the command's own. */
void bench_photos(struct bench *bench, char *directory);

#endif
