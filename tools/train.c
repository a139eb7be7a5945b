/*
 * train.c - `qualiclip train`: photos in, a model file out.  The work is in tools/train.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "diagnostics.h"
#include "machine.h"
#include "memory.h"

#if defined(QUALICLIP_TRAIN)

#include "photo_lists.h"
#include "ranks.h"
#include "request_options.h"

static const char help[] =
    "Usage: qualiclip train --photos=DIR... --init=NAME|FILE -o MODEL.gguf [OPTION]...\n"
    "       qualiclip train --photos=DIR... --resume=FILE -o MODEL.gguf [OPTION]...\n"
    "\n"
    "Trains an image tower by quality-aware image-text alignment: crops of good photos are\n"
    "degraded at five levels, and their scores have to fall with the level.  No opinions of\n"
    "people are needed.\n"
    "\n"
    "      --photos=WHAT        a photo, a folder that is walked, or a .txt file with a path a\n"
    "                           line (up to a TAB; # begins a comment); may be given several\n"
    "                           times\n"
    "      --hold-out=WHAT      likewise: photos that are kept aside; the model is judged by them\n"
    "      --init=NAME|FILE     from random numbers: nano, a ModifiedResNet of width 16;\n"
    "                           pico, one of width 8; vit-tiny, a ViT of width 192.  Or shallow:\n"
    "                           the layers of --teacher, one block of each stage.  Or a file\n"
    "                           that --state wrote: its weights (their running means).  Or a\n"
    "                           checkpoint as `qualiclip convert` reads it, BatchNorm and all;\n"
    "                           or a model file (f32, f16, bf16), BatchNorm folded\n"
    "      --recipe=NAME        which recipe the options below change: scratch, which they\n"
    "                           show; or fine-tune, which is QualiCLIP's paper's: crops of 224,\n"
    "                           10 epochs at a rate of 1e-9.  Default: fine-tune for a\n"
    "                           checkpoint and a model file, else scratch\n"
    "      --prompts=fixed|learn\n"
    "                           whether the prompts' features, of which a checkpoint or a model\n"
    "                           file may have some, learn; default: fixed if fine-tuned, learn\n"
    "                           from scratch, and with a state as they did\n"
    "      --positions=none|grid, --activation=gelu|quick_gelu\n"
    "                           of a checkpoint, as for `qualiclip convert`\n"
    "  -o, --output=MODEL.gguf  the model, as `qualiclip score -m` takes it; written at every\n"
    "                           judgement and at the end\n"
    "      --teacher=MODEL      a model file, or built-in: what it makes of the crops is\n"
    "                           imitated, scores and, where the sizes are equal, features; by\n"
    "                           a ViT a ResNet's map, too (--teacher-tokens; 1 where it fits)\n"
    "      --type=f16|f32       of its weights; default f16\n"
    "      --name=TEXT          the model's name; default: the file's\n"
    "      --license=TEXT       the licence of the weights, to be kept in the file\n";

/* Of the run.  (A string that every compiler takes is 4095 bytes at most.) */
static const char help_of_runs[] =
    "      --state=FILE         where the run is saved, to go on later; default: MODEL.gguf.state\n"
    "      --resume=FILE        go on where that run was saved, with its recipe, to the same\n"
    "                           bits; the photos must be given as they were\n"
    "      --save-every=N       save after every N steps and at the end; default 500\n"
    "      --judge-every=N      judge after every N steps and at the end; default 500\n"
    "      --hold-out-side=N    pixels a side of photos that are judged; default 384\n"
    "      --log=FILE           a line of CSV for each step; with --resume it goes on\n"
    "      --until=STEP         stop after that step, to go on later: the rate falls over all\n"
    "                           steps of the recipe; 0: only judge and write the beginning\n"
    "      --seconds=S          stop after S seconds; how far that is depends on the machine\n"
    "      --threads=N          of the tower; default: as many as there are processors.  The same\n"
    "                           number gives the same bits\n"
    "      --workers=N          threads that read photos and make batches; default: the\n"
    "                           processors.  Any number gives the same bits\n"
    "      --cache-memory=SIZE  for decoded photos, such as 512M; default 2G.  Beyond it,\n"
    "                           photos are kept smaller; as much for those kept aside\n"
    "      --type-weights=LIST  how often degradations are drawn, as darken=2,jpeg=0.5; else 1,\n"
    "                           and more for what is learned late (names: `qualiclip degrade\n"
    "                           --help`)\n"
    "  -h, --help               print this help and exit\n"
    "\n"
    "The recipe, with what it is from scratch:\n";

static const char examples[] =
    "\n"
    "A signal (Ctrl-C) ends a run after its step; it is saved, and the exit status is 1.\n"
    "\n"
    "Examples:\n"
    "  qualiclip train --photos ~/Pictures --init nano -o mine.gguf --log mine.csv\n"
    "  qualiclip train --photos ~/Pictures --hold-out ~/Pictures/aside --init nano -o mine.gguf\n"
    "  qualiclip train --photos ~/Pictures --resume mine.gguf.state -o mine.gguf\n"
    "  qualiclip train --photos ~/Pictures --init qualiclip.pth -o tuned.gguf\n"
    "  qualiclip train --photos ~/Pictures --init qualiclip.gguf -o tuned.gguf\n"
    "  qualiclip train --photos ~/Pictures --teacher qualiclip.gguf --init nano -o small.gguf\n";

static void print_recipe(void)
{
    struct recipe recipe;
    recipe_from_scratch(&recipe);
    for (size_t i = 0; i < recipe_field_count; i++) {
        const struct recipe_field *field = &recipe_fields[i];
        char name[40];
        snprintf(name, sizeof name, "%s=N", field->name);
        printf("      --%-18s %s (%g)\n", name, field->meaning, recipe_get(&recipe, field));
    }
}

/* What others trained is fine-tuned, unless something else is chosen. */
static bool is_fine_tuned(const struct training_request *request,
                          const struct recipe_changes *changes)
{
    if (changes->recipe != RECIPE_BY_BEGINNING)
        return changes->recipe == RECIPE_FINE_TUNE;
    const enum beginning_kind kind = begin_kind(request->init);
    return kind == BEGIN_WITH_MODEL || kind == BEGIN_WITH_CHECKPOINT;
}

static void settle_recipe(struct training_request *request, const struct recipe_changes *changes)
{
    struct recipe *recipe = &request->recipe;
    request->wishes.fine_tunes = is_fine_tuned(request, changes);
    (request->wishes.fine_tunes ? recipe_fine_tune : recipe_from_scratch)(recipe);
    recipe->logit_scale = 0;
    if (request->teacher)
        recipe_distil(recipe);
    if (begin_kind(request->init) == BEGIN_WITH_TEACHER)
        recipe_inherit(recipe);
    request->wishes.teacher = request->teacher;
    apply_changes(changes, recipe);
}

static int run(struct training_request *request, const struct recipe_changes *changes)
{
    char *state = NULL;
    if (request->init)
        settle_recipe(request, changes);
    photo_list_subtract(&request->photos, &request->held_out);
    if (!request->state_path) {
        const size_t size = strlen(request->model.model_path) + sizeof ".state";
        state = allocate(size);
        snprintf(state, size, "%s.state", request->model.model_path);
        request->state_path = state;
    }
    ranks_start();
    const int status = training_run(request);
    ranks_end();
    free(state);
    return status;
}

int command_train(int argc, char **argv)
{
    struct training_request request = {.threads = machine_processors(),
                                       .workers = machine_processors(),
                                       .until = UINT64_MAX,
                                       .save_every = 500,
                                       .judge_every = 500,
                                       .held_out_side = 384,
                                       .cache_memory = (size_t)2 << 30};
    struct recipe_changes changes = {.set = reallocate(NULL, recipe_field_count, sizeof(bool)),
                                     .values =
                                         reallocate(NULL, recipe_field_count, sizeof(double))};
    memset(changes.set, 0, recipe_field_count * sizeof(bool));
    for (int type = 0; type < degradation_count; type++)
        changes.type_weights[type] = -1;
    int status = parse_training(&request, &changes, argc, argv);
    if (status == HELP_WANTED) {
        fputs(help, stdout);
        fputs(help_of_runs, stdout);
        print_recipe();
        fputs(examples, stdout);
        status = COMMAND_OK;
    } else if (!status) {
        status = run(&request, &changes);
    }
    inputs_free(&request.photos);
    inputs_free(&request.held_out);
    free(changes.set);
    free(changes.values);
    return status;
}

#else

int command_train(int argc, char **argv)
{
    (void)argc, (void)argv;
    complain("train: this build has no training: it needs oneDNN (make deps, then make TRAIN=yes)");
    return COMMAND_FAILED;
}

#endif
