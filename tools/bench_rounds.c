/*
 * bench_rounds.c - speed: a process for each subject holds the scorers of all its combinations, and
 * these take turns, a few calls each, in rounds, so that whatever disturbs the machine disturbs
 * all.
 */
#include <stdlib.h>

#include "bench_process.h"
#include "bench_trial.h"
#include "machine.h"
#include "memory.h"
#include "peak.h"

enum { rounds = 5 };

/* What a process is to hold: the combinations of a subject. */
struct assignment {
    const struct bench *bench;
    const struct bench_subject *subject;
    struct bench_combination *combinations;
    size_t count;
};

struct request {
    size_t index; /* of a combination; the first that is none: measure the peak; beyond: end */
    double seconds;
};

/* Calls for the time that was asked for, once at least, and tells each call's time. */
static bool take_turn(const struct trial *trial, double seconds, int to)
{
    size_t count = 0, room = 1024;
    double *times = reallocate(NULL, room, sizeof *times);
    const double start = machine_seconds();
    double now = start;
    bool good = true;
    do {
        if (count == room)
            times = reallocate(times, room *= 2, sizeof *times);
        const double before = machine_seconds();
        good = trial_call(trial, trial->batch);
        now = machine_seconds();
        times[count++] = now - before;
    } while (good && now - start < seconds);
    good = good && process_write(to, &count, sizeof count) &&
           process_write(to, times, count * sizeof *times);
    free(times);
    return good;
}

static void runner_work(void *context, int from, int to)
{
    const struct assignment *assignment = context;
    char message[QC_MESSAGE_SIZE];
    qc_model_info info;
    struct request request;
    qc_model *model = trial_open(assignment->bench, assignment->subject, message);
    struct trial *trials = reallocate(NULL, assignment->count, sizeof *trials);
    bool good = model != NULL;
    if (good)
        qc_model_describe(model, &info);
    for (size_t i = 0; i < assignment->count && good; i++) {
        const struct bench_combination *combination = &assignment->combinations[i];
        if (!combination->measured)
            continue;
        good = trial_start(&trials[i], model, &info, &assignment->bench->image, combination->batch,
                           combination->threads, message) &&
               trial_call(&trials[i], combination->batch);
    }
    while (good && process_read(from, &request, sizeof request)) {
        if (request.index < assignment->count) {
            good = take_turn(&trials[request.index], request.seconds, to);
        } else if (request.index == assignment->count) {
            const double peak = peak_gflops(info.kernels, info.precision);
            good = process_write(to, &peak, sizeof peak);
        } else {
            break;
        }
    }
    /* Whatever is left is given back with the process. */
}

static bool ask_turn(const struct bench_process *process, const struct request *request,
                     struct bench_combination *combination)
{
    size_t count;
    if (!process_write(process->to, request, sizeof *request) ||
        !process_read(process->from, &count, sizeof count))
        return false;
    combination->seconds =
        reallocate(combination->seconds, combination->count + count, sizeof *combination->seconds);
    if (!process_read(process->from, combination->seconds + combination->count,
                      count * sizeof *combination->seconds))
        return false;
    combination->count += count;
    return true;
}

static void ask_peak(const struct bench_process *process, const struct assignment *assignment,
                     struct bench_subject *subject)
{
    const struct request request = {.index = assignment->count};
    double peak;
    if (process_write(process->to, &request, sizeof request) &&
        process_read(process->from, &peak, sizeof peak) && peak > subject->peak)
        subject->peak = peak;
}

/* Closing its pipe would not do: processes that were started later have it open, too. */
static void end_runner(struct bench_process *process, const struct assignment *assignment)
{
    const struct request request = {.index = assignment->count + 1};
    char text[80];
    process_write(process->to, &request, sizeof request);
    process_end(process, text, sizeof text);
}

/* A subject's combinations that work take their turns of a round. */
static bool run_subject(struct bench *bench, const struct bench_process *process,
                        const struct assignment *assignment, struct bench_subject *subject)
{
    struct bench_combination *combinations = assignment->combinations;
    for (size_t i = 0; i < assignment->count; i++) {
        const struct request request = {i, bench->seconds / rounds};
        if (combinations[i].measured && !ask_turn(process, &request, &combinations[i])) {
            bench_combination_failed(bench, &combinations[i], "it failed while it was measured");
            combinations[i].measured = false;
            return false;
        }
    }
    ask_peak(process, assignment, subject);
    return true;
}

static struct assignment all_of_subject(const struct bench *bench,
                                        const struct bench_subject *subject)
{
    struct assignment assignment = {.bench = bench, .subject = subject};
    for (size_t i = 0; i < bench->combination_count; i++) {
        if (bench->combinations[i].subject != subject)
            continue;
        if (!assignment.count++)
            assignment.combinations = &bench->combinations[i];
    }
    return assignment;
}

void bench_measure_speed(struct bench *bench)
{
    struct bench_process *processes = reallocate(NULL, bench->subject_count, sizeof *processes);
    struct assignment *assignments = reallocate(NULL, bench->subject_count, sizeof *assignments);
    bool *runs = reallocate(NULL, bench->subject_count, sizeof *runs);
    for (size_t i = 0; i < bench->subject_count; i++) {
        assignments[i] = all_of_subject(bench, &bench->subjects[i]);
        runs[i] =
            bench->subjects[i].known && process_start(&processes[i], runner_work, &assignments[i]);
    }
    for (size_t round = 0; round < rounds; round++)
        for (size_t i = 0; i < bench->subject_count; i++)
            if (runs[i] &&
                !run_subject(bench, &processes[i], &assignments[i], &bench->subjects[i])) {
                end_runner(&processes[i], &assignments[i]);
                runs[i] = false;
            }
    for (size_t i = 0; i < bench->subject_count; i++)
        if (runs[i])
            end_runner(&processes[i], &assignments[i]);
    free(processes);
    free(assignments);
    free(runs);
}
