/*
 * run_begin.c - a run before its first step, and after its last: photos, tower, teacher, feed.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../memory.h"
#include "../written_file.h"
#include "diagnostics.h"
#include "output.h"
#include "problem.h"
#include "ranks.h"
#include "regions.h"
#include "run.h"
#include "teacher_tower.h"

#define EPOCHS 10 /* where the recipe has no steps */

static struct batch_share own_share(const struct training_request *request)
{
    return batch_share_of(&request->recipe.batch, rank_of_this(), rank_count());
}

bool run_is_speaker(void)
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

/* Photos that are judged are kept degraded: not more of them than photos to learn from may take. */
static bool check_held_out(struct run *run)
{
    const struct training_request *request = run->request;
    const size_t each = held_out_bytes(request->held_out_side), count = request->held_out.count;
    return count <= request->cache_memory / each ||
           problem(run->message,
                   "%zu photos kept aside take %.0f MB at %" PRIu32 " pixels a side, more than "
                   "--cache-memory, %.0f MB: give fewer, a smaller --hold-out-side, or more memory",
                   count, (double)count * (double)each / 1e6, request->held_out_side,
                   (double)request->cache_memory / 1e6);
}

static bool load_photos(struct run *run)
{
    const struct training_request *request = run->request;
    const char **paths =
        reallocate(NULL, request->photos.count + request->held_out.count, sizeof *paths);
    size_t count = list_paths(&request->photos, paths);
    const struct photo_wishes wishes = {.shortest = region_most(request->recipe.batch.crop),
                                        .memory = request->cache_memory,
                                        .workers = request->workers};
    photo_set_load(&run->photos, paths, count, &wishes);
    run->photos_hash = hash_photos(&run->photos);
    count = list_paths(&request->held_out, paths);
    if (run->photos.count && count && run_is_speaker())
        held_out_load(&run->held_out, paths, count, request->held_out_side, request->workers);
    free(paths);
    return run->photos.count || problem(run->message, "there is no photo to learn from%s",
                                        request->photos.count ? "" : ": --hold-out has them all");
}

static void tell_memory(const struct run *run)
{
    const struct training_request *request = run->request;
    if (!run_is_speaker())
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
    if (!run->teacher || teacher_has_features(run->teacher) ||
        !(request->recipe.loss.teacher_feature > 0))
        return;
    output_begin_line();
    fputs("the teacher's features are of another size: its scores alone are imitated", stdout);
    output_end_line();
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
    struct tower_shape shape = run->beginning.shape;
    shape.patches_leave = request->recipe.loss.teacher_tokens > 0;
    struct tower *tower = tower_create(&shape, own_share(request).images, batch->crop, batch->crop,
                                       request->threads, run->message);
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
    const bool wanted =
        loss->teacher_score > 0 || loss->teacher_feature > 0 || loss->teacher_tokens > 0;
    if (wanted && !request->teacher)
        return problem(message, "the recipe has weights for a teacher: give --teacher");
    return wanted || !request->teacher ||
           problem(message, "the recipe has no weight for a teacher: leave --teacher out, or give "
                            "--teacher-score");
}

/* Whether the teacher has a map that the student's patches can imitate, if that is asked for. */
static bool settle_tokens(struct run *run)
{
    struct training_request *request = run->request;
    const double *weight = &request->recipe.loss.teacher_tokens;
    if (*weight == 0 || !request->teacher)
        return true;
    const bool fit = teacher_tower_fits(request->teacher, &run->beginning.shape,
                                        request->recipe.batch.crop, run->message);
    recipe_settle_tokens(&request->recipe, fit);
    return fit || *weight == 0;
}

static bool ask_teacher(struct run *run)
{
    const struct training_request *request = run->request;
    const struct loss_recipe *loss = &request->recipe.loss;
    const bool cells = loss->teacher_tokens > 0, features = loss->teacher_feature > 0 || cells;
    if (!request->teacher)
        return true;
    const struct teacher_order order = {.name = request->teacher,
                                        .crop = request->recipe.batch.crop,
                                        .workers = request->workers ? request->workers : 1,
                                        .feature = features ? run->student.tower->shape.feature : 0,
                                        .cells = cells,
                                        .photos = cells ? &run->photos : NULL,
                                        .recipe = &request->recipe.batch,
                                        /* Prompts that are fixed know where features are. */
                                        .of_features = run->student.prompts_learn};
    run->teacher = teacher_open(&order, run->message);
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
        .feature = run->teacher && teacher_has_features(run->teacher) ? size : 0,
        .cells = run->teacher ? teacher_cells(run->teacher) : 0};
    const struct feed_order order = {.photos = &run->photos,
                                     .recipe = &request->recipe.batch,
                                     .share = own_share(request),
                                     .first = run->first,
                                     .workers = request->workers};
    run->feed = feed_open(&order, run->teacher ? &finish : NULL);
}

/* The recipe and the tower's shape: the file's that is resumed, or those that are asked for. */
static bool settle_recipe(struct run *run, struct state_head *head)
{
    struct training_request *request = run->request;
    if (request->resume) {
        if (!state_read_head(request->resume, head, run->message))
            return false;
        request->recipe = head->recipe;
        run->beginning =
            (struct beginning){.kind = head->from_scratch ? BEGIN_FROM_SCRATCH : BEGIN_WITH_STATE,
                               .shape = head->shape,
                               .texts = head->texts,
                               .prompts_learn = head->prompts_learn};
        return true;
    }
    if (!begin_find(&run->beginning, request->init, &request->wishes, request->model.model_path,
                    run->message))
        return false;
    if (!(request->recipe.logit_scale > 0))
        request->recipe.logit_scale = run->beginning.logit_scale;
    return true;
}

static bool check_ranks(struct run *run)
{
    const unsigned photos = run->request->recipe.batch.photos, ranks = rank_count();
    return photos >= ranks ||
           problem(run->message,
                   "%u processes, but %u photos a step: give --photos-a-step=%u or more", ranks,
                   photos, ranks);
}

/* What would be lost at the end for want of a folder is told before photos are read. */
static bool check_files(struct run *run)
{
    const struct training_request *request = run->request;
    const char *teacher = request->teacher ? teacher_path(request->teacher) : NULL;
    if (teacher && access(teacher, R_OK) != 0)
        return problem(run->message, "--teacher=%.200s: %s: expected a model file, or built-in",
                       teacher, strerror(errno));
    return !run_is_speaker() || (written_file_can_open(request->model.model_path, run->message) &&
                                 written_file_can_open(request->state_path, run->message));
}

static bool begin_work(struct run *run, const struct state_head *head)
{
    const struct training_request *request = run->request;
    if (!make_student(run) || !ask_teacher(run))
        return false;
    tell_memory(run);
    if (request->resume
            ? !resume(run, head)
            : !begin_fill(&run->beginning, &run->student, request->recipe.batch.seed, run->message))
        return false;
    open_feed(run);
    return true;
}

/* The threads of the tower and of the feed leave signals to this one, which has a stack for them.
 */
static bool begin_work_without_signals(struct run *run, const struct state_head *head)
{
    sigset_t ends, before;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, &before);
    const bool good = begin_work(run, head);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return good;
}

bool run_begin(struct run *run)
{
    struct training_request *request = run->request;
    struct state_head head;
    if (!check_files(run) || !settle_recipe(run, &head) || !check_ranks(run) ||
        !check_held_out(run) || !load_photos(run))
        return false;
    if (!request->recipe.steps)
        request->recipe.steps = steps_of_epochs(run);
    return check_teacher(request, run->message) && settle_tokens(run) &&
           begin_work_without_signals(run, &head);
}

void run_end(struct run *run)
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
