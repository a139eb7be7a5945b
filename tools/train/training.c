/*
 * training.c - the order of things: photos, tower, steps, and every so often a file or a judgement.
 */
#define _XOPEN_SOURCE 700 /* sigaltstack */
#include "training.h"
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "commands.h"
#include "diagnostics.h"
#include "machine.h"
#include "output.h"
#include "problem.h"
#include "progress.h"
#include "ranks.h"
#include "run.h"

/*
 * A signal asks for the end; one that comes a second later or more ends the program at once.  Those
 * in between are the same wish: timeout(1) and mpirun(1) send to a process and to its group.  Two
 * may be taken by two threads at once.
 */
static atomic_ulong first_signal; /* when it came, in milliseconds of some clock; 0: none did */

static unsigned long odd_milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return ((unsigned long)now.tv_sec * 1000 + (unsigned long)(now.tv_nsec / 1000000)) | 1;
}

/* Of two threads the second may have looked at the clock before the first: a difference below 0. */
static void interrupt(int signal_number)
{
    const unsigned long now = odd_milliseconds();
    unsigned long first = 0;
    if (!atomic_compare_exchange_strong(&first_signal, &first, now) && now - first >= 1000 &&
        now - first <= ULONG_MAX / 2) {
        signal(signal_number, SIG_DFL);
        raise(signal_number);
    }
}

static bool is_interrupted(void)
{
    return atomic_load(&first_signal) != 0;
}

static void catch_signals(void)
{
    /* Not signal(): some give up the handler at the first signal. */
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESTART | SA_ONSTACK};
    /* Code that oneDNN generates keeps data below its stack's end, where a handler would write. */
    static char stack[1 << 16];
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    atomic_store(&first_signal, 0);
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGINT);
    sigaddset(&action.sa_mask, SIGTERM);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* ------------------------------------------------------------------------------------- files */

static struct state_head head_of(const struct run *run)
{
    return (struct state_head){.shape = run->student.tower->shape,
                               .from_scratch = run->beginning.kind == BEGIN_FROM_SCRATCH,
                               .texts = run->student.texts,
                               .prompts_learn = run->student.prompts_learn,
                               .step = run->trainer.step,
                               .photos = run->photos_hash,
                               .recipe = run->request->recipe};
}

static bool save(struct run *run)
{
    const struct state_head head = head_of(run);
    return !run_is_speaker() || state_save(run->request->state_path, &head, &run->student,
                                           &run->optimiser, run->message);
}

static bool export(struct run *run)
{
    struct export_options options = run->request->model;
    options.logit_scale = run->request->recipe.logit_scale;
    if (!(run->request->recipe.average > 0))
        student_begin_average(&run->student);
    return export_model(&run->student, &options, run->message);
}

/* Writes the model and, with photos kept aside, tells how good it is. */
static bool judge(struct run *run)
{
    struct held_out_result result;
    if (!run_is_speaker())
        return true;
    if (!export(run))
        return false;
    if (!run->held_out.photos)
        return true;
    if (!held_out_judge(&run->held_out, run->request->model.model_path, run->request->threads,
                        &result, run->message))
        return false;
    run_log_judgement(&run->log, run->trainer.step, &result);
    return true;
}

/* -------------------------------------------------------------------------------------- steps */

static bool is_due(uint64_t step, uint64_t every)
{
    return every && step % every == 0;
}

static bool step_once(struct run *run)
{
    const struct batch *batch = feed_next(run->feed);
    struct step_report report;
    if (run->trainer.step == 0 && run->beginning.kind == BEGIN_FROM_SCRATCH) {
        trainer_centre(&run->trainer, batch);
        student_begin_average(&run->student);
    }
    trainer_step(&run->trainer, batch, &report);
    if (!report.finite)
        return problem(run->message,
                       "step %" PRIu64 ": the loss or its gradient is no finite number; a smaller "
                       "--learning-rate helps",
                       run->trainer.step + 1);
    if (run_is_speaker())
        run_log_step(&run->log, run->trainer.step, &report, feed_waited(run->feed));
    return true;
}

/* All processes do as one of them must. */
static bool is_over(const struct run *run, double start)
{
    const struct training_request *request = run->request;
    unsigned long none = 0;
    if (ranks_any(is_interrupted())) /* another process's is this one's, too */
        atomic_compare_exchange_strong(&first_signal, &none, odd_milliseconds());
    return run->trainer.step >= request->recipe.steps || is_interrupted() ||
           run->trainer.step >= request->until ||
           (request->seconds > 0 && ranks_any(machine_seconds() - start >= request->seconds));
}

static bool all_are(bool good)
{
    return !ranks_any(!good);
}

static bool run_steps(struct run *run)
{
    const struct training_request *request = run->request;
    const double start = machine_seconds();
    while (!is_over(run, start)) {
        if (!step_once(run))
            return false;
        if (is_over(run, start))
            break;
        if (is_due(run->trainer.step, request->save_every) && !all_are(save(run)))
            return false;
        if (is_due(run->trainer.step, request->judge_every) && !all_are(judge(run)))
            return false;
    }
    return all_are(save(run) && judge(run));
}

static void tell_end(const struct run *run)
{
    const struct training_request *request = run->request;
    const uint64_t done = run->trainer.step - run->first;
    const double seconds = machine_seconds() - run->log.start;
    progress_hide();
    if (run->trainer.step < request->recipe.steps)
        complain("train: %s after %" PRIu64 " of %" PRIu64 " steps: --resume=%s goes on",
                 is_interrupted() ? "interrupted" : "stopped", run->trainer.step,
                 request->recipe.steps, printable(request->state_path).text);
    output_begin_line();
    printf("%s: %" PRIu64 " steps, %.2f s each (%.0f %% waiting for batches), at most %.0f MB",
           printable(request->model.model_path).text, done, done ? seconds / (double)done : 0,
           seconds > 0 ? 100 * feed_waited(run->feed) / seconds : 0, machine_peak_mb());
    output_end_line();
}

static bool open_log(struct run *run)
{
    const struct training_request *request = run->request;
    run->log.start = machine_seconds();
    return !run_is_speaker() ||
           run_log_open(&run->log, request->log_path, request->recipe.steps, run->first);
}

int training_run(struct training_request *request)
{
    struct run run = {.request = request};
    bool good = all_are(run_begin(&run)) && all_are(open_log(&run));
    if (good) {
        catch_signals();
        good = run_steps(&run);
        if (good && run_is_speaker())
            tell_end(&run);
        good = run_log_close(&run.log) && good;
    }
    if (!good && run.message[0])
        complain("train: %s", run.message);
    run_end(&run);
    return good && !is_interrupted() ? COMMAND_OK : COMMAND_FAILED;
}
