/*
 * image_run.h - what `score` and `embed` have in common: their options, the open model, the
 * workspace and the list of images.
 */
#ifndef QUALICLIP_IMAGE_RUN_H
#define QUALICLIP_IMAGE_RUN_H

#include "film.h"
#include "inputs.h"
#include "lanes.h"
#include "output.h"
#include "prompts.h"

struct image_command {
    const char *name;
    const char *help, *help_end; /* C compilers need not take it as one string */
    bool scores; /* takes films, --profile, --prompts, --text, --truncate, --sort; needs prompts */
};

/* What is to be done about films. */
struct film_run {
    bool any; /* the inputs are films */
    struct film_options options;
    uint32_t every, percentile, worst;
};

struct image_run {
    enum output_format format;
    bool sort;
    uint32_t scaled_for; /* 0: pictures are decoded as they are */
    bool other_recipe; /* something of the model's was overridden: say which recipe it was */
    qc_model *model;
    qc_model_info info;
    struct prompt_list prompts; /* the user's; none: the model's */
    struct lanes lanes;
    struct input_list inputs;
    struct film_run films;
    int status; /* the exit status so far */
};

/* False: run->status is how the program ends (--help too), and there is nothing to close. */
bool image_run_open(struct image_run *run, const struct image_command *command, int argc,
                    char **argv);

/* Ends the progress line, frees everything, and returns the exit status. */
int image_run_close(struct image_run *run);

/* What a command does with its images, which come in pieces of run->lanes.batch. */
struct image_work {
    size_t room; /* pieces whose results there is room for: piece i's place is i % room */

    /* Reads and computes images first ... first + count, in that lane, on any thread. */
    void (*compute)(struct image_run *run, void *context, size_t lane, size_t first, size_t count);

    /* Writes what became of image `index`, in order, on the calling thread; false: end. */
    bool (*print)(struct image_run *run, void *context, size_t index);

    void *context;
};

/* Pieces that are worth room for. */
size_t image_run_room(const struct image_run *run);

/* All images, each computed and then printed; false if print() ended it. */
bool image_run_each(struct image_run *run, const struct image_work *work);

/* Complains about an image and remembers that not all went well. */
void image_run_failed(struct image_run *run, const char *path, const char *message);

/* The options that both commands' help ends with. */
#define IMAGE_OPTIONS_HELP                                                                         \
    "  -m, --model=FILE         a model file instead of the built-in model\n"                      \
    "      --format=FORMAT      text (default), csv or json (an object a line)\n"                  \
    "  -r, --recursive          for a directory, take the .png, .jpg and .jpeg files in it and\n"  \
    "                           below it, sorted by name\n"                                        \
    "      --background=COLOUR  alpha: drop it (default), or compose over black or white\n"        \
    "      --size=RULE          native: the image at its own size; crop224: the short side\n"      \
    "                           resized to 224 pixels (or another number), the centre cut out;\n"  \
    "                           long=N: the long side resized to N pixels where it is longer;\n"   \
    "                           tiles: the mean over up to 15 crops of 224 x 224; default: as\n"   \
    "                           the model says.  Resizing is that of Pillow, to the bit\n"         \
    "      --positions=MODE     positional embeddings: none, grid (interpolated to the image's\n"  \
    "                           size) or flat (as pyiqa does); default: as the model says\n"       \
    "      --max-memory=SIZE    bytes to score an image in, beside the model and the picture:\n"   \
    "                           digits and K, M or G; one that needs more fails\n"                 \
    "      --temperature=T      divide the logits by T; default: as the model says\n"              \
    "      --threads=N          0 (default): one for each processor; the result has the same\n"    \
    "                           bits for any number\n"                                             \
    "      --batch=N            images a thread computes at once; 0 (default): a few\n"            \
    "      --precision=P        f32, bf16 or int8: what images are computed in; smaller is\n"      \
    "                           faster and moves scores a little; default: f32, or int8 for a\n"   \
    "                           model of type q8\n"                                                \
    "      --kernels=NAME       a kernel set of `qualiclip --version`; default: the fastest\n"     \
    "  -v, --verbose            tell on standard error what is decided: kernels, precision,\n"    \
    "                           packing, recipe, memory\n"                                        \
    "  -h, --help               print this help and exit\n"

#endif
