/*
 * bench_first.c - a combination by itself: what it takes to open the model and score the first
 * image, the memory of it, and what can be known of the subject beside its speed.
 */
#include <stdio.h>
#include <string.h>

#include "bench_process.h"
#include "bench_trial.h"
#include "machine.h"
#include "model_work.h"

struct assignment {
    const struct bench *bench;
    const struct bench_combination *combination;
    bool survey; /* tell what is known of the subject, too */
};

/* What the process tells. */
struct first_report {
    bool good;
    char message[QC_MESSAGE_SIZE];
    double open_ms, first_ms, rss_mb;
};

static void copy_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

/* The scored size, where it is one; 0: it is many (tiles) or not all of the work (GRepQ). */
static double nominal_work(const struct trial *trial, const qc_model *model)
{
    const qc_result *result = trial->results;
    if (trial->info->patch_feature_size)
        return 0;
    if (!trial->info->pair_count)
        return model_work(model, trial->images->width, trial->images->height);
    return result->size_rule == QC_SIZE_TILES ? 0
                                              : model_work(model, result->width, result->height);
}

/* One image at a time, on one thread, with each kernel timed. */
static bool trace(const struct assignment *assignment, qc_model *model, const qc_model_info *info,
                  struct bench_subject *subject)
{
    struct trial trial;
    char message[QC_MESSAGE_SIZE];
    trace_model(model);
    bool good = trial_start(&trial, model, info, &assignment->bench->image, 1, 1, message) &&
                trial_call(&trial, 1);
    trace_reset();
    const double start = machine_seconds();
    size_t turns = 0;
    while (good && (turns == 0 || (assignment->bench->profile &&
                                   machine_seconds() - start < assignment->bench->seconds))) {
        good = trial_call(&trial, 1);
        turns++;
    }
    const double seconds = machine_seconds() - start;
    if (good) {
        const struct trace_line *lines = trace_lines(&subject->line_count);
        memcpy(subject->lines, lines, subject->line_count * sizeof *lines);
        subject->work = nominal_work(&trial, model);
        subject->traced_ms = 1e3 * seconds / (double)turns;
    }
    for (size_t i = 0; i < subject->line_count; i++) {
        struct trace_line *line = &subject->lines[i];
        line->calls /= turns;
        line->seconds /= (double)turns;
        line->operations /= (double)turns;
        subject->work_done += line->products ? line->operations : 0;
    }
    if (subject->work == 0)
        subject->work = subject->work_done;
    trial_end(&trial);
    trace_release(model);
    return good;
}

static void survey(const struct assignment *assignment, qc_model *model, const qc_model_info *info,
                   int to)
{
    struct bench_subject subject = *assignment->combination->subject;
    copy_text(subject.name, sizeof subject.name, info->name);
    copy_text(subject.hash, sizeof subject.hash, info->hash);
    copy_text(subject.kernels_name, sizeof subject.kernels_name, info->kernels);
    copy_text(subject.precision_name, sizeof subject.precision_name, info->precision);
    copy_text(subject.weight_type, sizeof subject.weight_type, info->weight_type);
    subject.known = trace(assignment, model, info, &subject);
    process_write(to, &subject, sizeof subject);
}

/* Opens, scores one image, then a batch; tells how long that took and what memory. */
static void first_work(void *context, int from, int to)
{
    const struct assignment *assignment = context;
    const struct bench_combination *combination = assignment->combination;
    struct first_report report = {0};
    struct trial trial = {0};
    qc_model_info info;
    (void)from;
    const double start = machine_seconds();
    qc_model *model = trial_open(assignment->bench, combination->subject, report.message);
    const double opened = machine_seconds();
    if (model) {
        qc_model_describe(model, &info);
        const double described = machine_seconds();
        report.good = trial_start(&trial, model, &info, &assignment->bench->image,
                                  combination->batch, combination->threads, report.message);
        if (report.good) {
            report.good = trial_call(&trial, 1);
            report.first_ms = 1e3 * (machine_seconds() - described);
            report.good = report.good && trial_call(&trial, combination->batch);
            copy_text(report.message, sizeof report.message, qc_scorer_message(trial.scorer));
        }
    }
    report.open_ms = 1e3 * (opened - start);
    report.rss_mb = machine_peak_mb();
    process_write(to, &report, sizeof report);
    trial_end(&trial);
    if (report.good && assignment->survey)
        survey(assignment, model, &info, to);
    qc_model_close(model);
}

void bench_measure_first(struct bench *bench, struct bench_combination *combination)
{
    struct bench_subject *subject = combination->subject;
    struct assignment assignment = {bench, combination, !subject->known};
    struct bench_process process;
    struct first_report report = {0};
    char text[80];
    if (!process_start(&process, first_work, &assignment)) {
        bench_combination_failed(bench, combination, "no process could be made");
        return;
    }
    bool told = process_read(process.from, &report, sizeof report);
    if (told && report.good && assignment.survey)
        told = process_read(process.from, subject, sizeof *subject);
    const char *end = process_end(&process, text, sizeof text);
    if (!told || !report.good) {
        bench_combination_failed(bench, combination,
                                 report.message[0] ? report.message
                                 : end             ? end
                                                   : "it failed");
        return;
    }
    combination->open_ms = report.open_ms;
    combination->first_ms = report.first_ms;
    combination->rss_mb = report.rss_mb;
    combination->measured = true;
}
