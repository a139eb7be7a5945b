/*
 * training.c - the order of things: photos, tower, steps, and every so often a file or a judgement.
 */
#include "training.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "begin.h"
#include "commands.h"
#include "diagnostics.h"
#include "feed.h"
#include "held_out.h"
#include "machine.h"
#include "../memory.h"
#include "output.h"
#include "photo_set.h"
#include "problem.h"
#include "progress.h"
#include "regions.h"
#include "ranks.h"
#include "run_log.h"
#include "teacher.h"
#include "trainer.h"

#define EPOCHS 10 /* where the recipe has no steps */

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

/* A signal asks for the end; a second one of the kind ends the program at once. */
static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number)
{
    interrupted = 1;
    signal(signal_number, SIG_DFL);
}

static void catch_signals(void)
{
    interrupted = 0;
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
}

static struct batch_share own_share(const struct training_request *request)
{
    return batch_share_of(&request->recipe.batch, rank_of_this(), rank_count());
}

/* One process writes files and tells what goes on. */
static bool is_speaker(void)
{
    return rank_of_this() == 0;
}

/* ------------------------------------------------------------------------------------ photos */

static size_t list_paths(const struct input_list *list, const char **paths)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].error)
            complain_about(list->items[i].path, list->items[i].error);
        else
            paths[count++] = list->items[i].path;
    return count;
}

/* Tells photos from other photos: their number and sizes, in their order. */
static uint64_t hash_photos(const struct photo_set *set)
{
    uint64_t hash = set->count;
    for (size_t i = 0; i < set->count; i++)
        for (uint32_t size = 0; size < set->photos[i].size_count; size++) {
            const struct cached_picture *picture = &set->photos[i].sizes[size];
            const size_t middle = 3 * ((size_t)picture->width * picture->height / 2);
            hash = random_word(hash, (uint64_t)picture->width << 32 | picture->height);
            hash = random_word(hash, picture->pixels[middle]);
        }
    return hash & 0xffffffffffff;
}

static bool load_photos(struct run *run)
{
    const struct training_request *request = run->request;
    const char **paths =
        reallocate(NULL, request->photos.count + request->held_out.count, sizeof *paths);
    size_t count = list_paths(&request->photos, paths);
    photo_set_load(&run->photos, paths, count, region_most(request->recipe.batch.crop),
                   request->cache_memory);
    run->photos_hash = hash_photos(&run->photos);
    count = list_paths(&request->held_out, paths);
    if (run->photos.count && count && is_speaker())
        held_out_load(&run->held_out, paths, count, request->held_out_side);
    free(paths);
    return run->photos.count || problem(run->message, "there is no photo to learn from");
}

static void tell_memory(const struct run *run)
{
    const struct training_request *request = run->request;
    if (!is_speaker())
        return;
    const struct batch_recipe *batch = &request->recipe.batch;
    output_begin_line();
    printf(
        "%zu photos (%.0f MB), %zu kept aside (%.0f MB), batches of %" PRIu32 " images (%.0f MB)",
        run->photos.count, (double)run->photos.bytes / 1e6, run->held_out.photos,
        (double)(run->held_out.photos * held_out_bytes(request->held_out_side)) / 1e6,
        batch_images(batch),
        (double)feed_room(request->workers) * (double)batch_bytes(batch, own_share(request)) / 1e6);
    output_end_line();
}

/* ------------------------------------------------------------------------------------- files */

static struct state_head head_of(const struct run *run)
{
    return (struct state_head){.shape = run->student.tower->shape,
                               .texts = run->student.texts,
                               .prompts_learn = run->student.prompts_learn,
                               .step = run->trainer.step,
                               .photos = run->photos_hash,
                               .recipe = run->request->recipe};
}

static bool save(struct run *run)
{
    const struct state_head head = head_of(run);
    return !is_speaker() || state_save(run->request->state_path, &head, &run->student,
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
    if (!is_speaker())
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

/* ------------------------------------------------------------------------------------- begin */

static bool resume(struct run *run, const struct state_head *head)
{
    const char *path = run->request->resume;
    if (head->photos != run->photos_hash)
        return problem(run->message,
                       "%.200s: was made with other photos: give the same --photos, in their "
                       "order, the same --hold-out and --cache-memory",
                       path);
    if (!state_load(path, &run->student, &run->optimiser, run->message))
        return false;
    run->trainer.step = run->first = head->step;
    run->optimiser.steps = head->step;
    return true;
}

static bool make_student(struct run *run)
{
    const struct training_request *request = run->request;
    const struct batch_recipe *batch = &request->recipe.batch;
    struct tower *tower = tower_create(&run->beginning.shape, own_share(request).images,
                                       batch->crop, batch->crop, request->threads, run->message);
    if (!tower)
        return false;
    tower->peers = rank_peers();
    student_create(&run->student, tower, run->beginning.texts, run->beginning.prompts_learn);
    adamw_create(&run->optimiser, run->student.parameters, run->student.count,
                 request->recipe.weight_decay);
    trainer_create(&run->trainer, &request->recipe, &run->student, &run->optimiser);
    return true;
}

/* The paper counts in epochs: each photo so many times. */
static uint64_t steps_of_epochs(const struct run *run)
{
    const uint64_t photos = run->request->recipe.batch.photos;
    return (EPOCHS * (uint64_t)run->photos.count + photos - 1) / photos;
}

/* A run that is resumed has no teacher but the one that is named again. */
static bool check_teacher(const struct training_request *request, char *message)
{
    const struct loss_recipe *loss = &request->recipe.loss;
    const bool wanted = loss->teacher_score > 0 || loss->teacher_feature > 0;
    if (wanted && !request->teacher)
        return problem(message, "the recipe has weights for a teacher: give --teacher");
    return wanted || !request->teacher ||
           problem(message, "the recipe has no weight for a teacher: leave --teacher out, or give "
                            "--teacher-score");
}

static bool ask_teacher(struct run *run)
{
    const struct training_request *request = run->request;
    const uint32_t workers = request->workers ? request->workers : 1;
    const bool features = request->recipe.loss.teacher_feature > 0;
    if (!check_teacher(request, run->message))
        return false;
    if (!request->teacher)
        return true;
    run->teacher = teacher_open(request->teacher, request->recipe.batch.crop, workers,
                                features ? run->student.tower->shape.feature : 0, run->message);
    return run->teacher && (!run->held_out.photos ||
                            held_out_ask_teacher(&run->held_out, teacher_path(request->teacher),
                                                 request->threads, run->message));
}

static void open_feed(struct run *run)
{
    const struct training_request *request = run->request;
    const uint32_t size = run->student.tower->shape.feature;
    const struct feed_finish finish = {
        .work = teacher_judge,
        .context = run->teacher,
        .lesson = true,
        .feature = run->teacher && teacher_has_features(run->teacher) ? size : 0};
    const struct feed_order order = {.photos = &run->photos,
                                     .recipe = &request->recipe.batch,
                                     .share = own_share(request),
                                     .first = run->first,
                                     .workers = request->workers};
    run->feed = feed_open(&order, run->teacher ? &finish : NULL);
}

/* A new run, or one that goes on. */
static bool begin(struct run *run)
{
    struct training_request *request = run->request;
    struct state_head head;
    if (request->resume) {
        if (!state_read_head(request->resume, &head, run->message))
            return false;
        request->recipe = head.recipe;
        run->beginning = (struct beginning){
            .shape = head.shape, .texts = head.texts, .prompts_learn = head.prompts_learn};
    } else if (!begin_find(&run->beginning, request->init, run->message)) {
        return false;
    } else if (run->beginning.logit_scale > 0 && !request->scale_is_given) {
        request->recipe.logit_scale = run->beginning.logit_scale;
    }
    if (request->recipe.batch.photos < rank_count())
        return problem(
            run->message, "%u processes, but %u photos a step: give --photos-a-step=%u or more",
            (unsigned)rank_count(), (unsigned)request->recipe.batch.photos, (unsigned)rank_count());
    if (!load_photos(run))
        return false;
    if (!request->recipe.steps)
        request->recipe.steps = steps_of_epochs(run);
    if (!make_student(run) || !ask_teacher(run))
        return false;
    tell_memory(run);
    if (request->resume)
        return resume(run, &head);
    return begin_fill(&run->beginning, &run->student, request->recipe.batch.seed, run->message);
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
    if (is_speaker())
        run_log_step(&run->log, run->trainer.step, &report, feed_waited(run->feed));
    return true;
}

/* All processes do as one of them must. */
static bool is_over(const struct run *run, double start)
{
    const struct training_request *request = run->request;
    if (ranks_any(interrupted))
        interrupted = 1;
    return run->trainer.step >= request->recipe.steps || interrupted ||
           (request->until && run->trainer.step >= request->until) ||
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
                 interrupted ? "interrupted" : "stopped", run->trainer.step, request->recipe.steps,
                 printable(request->state_path).text);
    output_begin_line();
    printf("%s: %" PRIu64 " steps, %.2f s each (%.0f %% waiting for batches), at most %.0f MB",
           printable(request->model.model_path).text, done, done ? seconds / (double)done : 0,
           seconds > 0 ? 100 * feed_waited(run->feed) / seconds : 0, machine_peak_mb());
    output_end_line();
}

static void end(struct run *run)
{
    feed_close(run->feed);
    teacher_close(run->teacher);
    trainer_free(&run->trainer);
    adamw_free(&run->optimiser);
    if (run->student.tower)
        student_free(&run->student);
    held_out_free(&run->held_out);
    photo_set_free(&run->photos);
}

static bool open_log(struct run *run)
{
    const struct training_request *request = run->request;
    run->log.start = machine_seconds();
    return !is_speaker() ||
           run_log_open(&run->log, request->log_path, request->recipe.steps, run->first);
}

int training_run(struct training_request *request)
{
    struct run run = {.request = request};
    bool good = all_are(begin(&run)) && all_are(open_log(&run));
    if (good) {
        catch_signals();
        open_feed(&run);
        good = run_steps(&run);
        if (good && is_speaker())
            tell_end(&run);
        good = run_log_close(&run.log) && good;
    }
    if (!good && run.message[0])
        complain("train: %s", run.message);
    end(&run);
    return good && !interrupted ? COMMAND_OK : COMMAND_FAILED;
}
