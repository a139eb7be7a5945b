/*
 * degrade.c - `qualiclip degrade`: images in, worsened copies of them out.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "commands.h"
#include "copy_names.h"
#include "degradation_names.h"
#include "degrade_list.h"
#include "degraded_copies.h"
#include "diagnostics.h"
#include "inputs.h"
#include "machine.h"
#include "memory.h"
#include "png_file.h"
#include "progress.h"

static const char help[] =
    "Usage: qualiclip degrade IMAGE... -o DIR [OPTION]...\n"
    "       qualiclip degrade --list [--format=FORMAT]\n"
    "\n"
    "Writes worsened copies of photos: the 24 synthetic degradations of the QualiCLIP method, in\n"
    "five levels each.  `-` is an image on standard input.  The same image, seed and options give\n"
    "the same copies.  Copies are PNG files of 8 bits, DIR/NAME.TYPE.LEVEL.png.\n"
    "\n"
    "  -o, --output=DIR         where the copies go; made, with the folders above it,\n"
    "                           if it is not there\n"
    "      --type=NAME          all (default), or names of --list, with commas between them\n"
    "      --level=N            all (default), or numbers from 1 (weak) to 5 (strong)\n"
    "      --seed=N             decides what is random: angles, noise, places.  It is the same "
    "for\n"
    "                           all levels, which differ in strength alone; default 1\n"
    "      --grid[=WHAT]        instead of the copies, draw one figure for each image,\n"
    "                           DIR/NAME.degradations.png: a row for each type, a column for each\n"
    "                           level.  WHAT: whole (default), the photo scaled down; centre, the\n"
    "                           middle of it as large as it is, where noise can be seen\n"
    "  -r, --recursive          for a directory, take the .png, .jpg and .jpeg files in it and\n"
    "                           below it, sorted by name; DIR gets the folders below it, too\n"
    "      --threads=N          copies made at once; 0 (default): one for each processor\n"
    "      --list               print the types, their groups and the strengths of the levels\n"
    "      --format=FORMAT      text (default): the path of each file that was written; csv or\n"
    "                           json: path, image, type, level, strength, seed, error\n"
    "  -h, --help               print this help and exit\n"
    "\n"
    "What a strength means is in docs/degradations.md.  The first levels of gaussian-blur,\n"
    "motion-blur, saturation-lab and mean-shift leave a photo as it is.  An image that cannot be\n"
    "read or a copy that cannot be made is reported; the others are made, and the exit status is "
    "1.\n"
    "\n"
    "Examples:\n"
    "  qualiclip degrade photo.jpg -o worse                        120 files\n"
    "  qualiclip degrade photo.jpg -o worse --type=jpeg,white-noise --level=3\n"
    "  qualiclip degrade photo.jpg -o . --grid                     photo.degradations.png\n"
    "  qualiclip degrade photo.jpg -o worse --type=jpeg | xargs -d '\\n' qualiclip score\n"
    "  qualiclip degrade --list --format=json | jq -r .type\n";

enum {
    option_type = 256,
    option_level,
    option_seed,
    option_grid,
    option_threads,
    option_list,
    option_format,
    threads_most = 1024
};

struct settings {
    struct copies_request copies;
    bool list, recursive;
};

/* Names with commas between them, or all; false: one is not of a degradation. */
static bool choose_types(struct copies_request *copies, const char *value)
{
    const bool all = strcmp(value, "all") == 0;
    for (int i = 0; i < degradation_count; i++)
        copies->types[i] = all;
    return all || choose_degradations(value, copies->types);
}

static bool choose_levels(struct copies_request *copies, const char *value)
{
    const bool all = strcmp(value, "all") == 0;
    for (int i = 0; i < degradation_levels; i++)
        copies->levels[i] = all;
    uint32_t levels[degradation_levels];
    size_t count = 0;
    if (!all && !parse_counts(value, 1, degradation_levels, levels, degradation_levels, &count))
        return false;
    for (size_t i = 0; i < count; i++)
        copies->levels[levels[i] - 1] = true;
    return true;
}

static bool choose_figure(struct copies_request *copies, const char *value)
{
    static const char *const figures[] = {"whole", "centre", NULL};
    int choice = 0;
    if (value && !parse_choice(value, figures, &choice))
        return false;
    copies->figure = choice ? FIGURE_CENTRE : FIGURE_WHOLE;
    return true;
}

static bool choose_format(struct copies_request *copies, const char *value)
{
    static const char *const formats[] = {"text", "csv", "json", NULL};
    int choice;
    if (!parse_choice(value, formats, &choice))
        return false;
    copies->format = (enum output_format)(OUTPUT_TEXT + choice);
    return true;
}

/* Takes an option; NULL, or what was expected of its value. */
static const char *take_option(struct settings *settings, int option, const char *value)
{
    struct copies_request *copies = &settings->copies;
    uint32_t number;
    switch (option) {
    case 'o': copies->directory = value; return *value ? NULL : "a directory";
    case 'r': settings->recursive = true; return NULL;
    case option_list: settings->list = true; return NULL;
    case option_type:
        return choose_types(copies, value) ? NULL : "all, or names of `qualiclip degrade --list`";
    case option_level: return choose_levels(copies, value) ? NULL : "all, or numbers from 1 to 5";
    case option_grid: return choose_figure(copies, value) ? NULL : "whole or centre";
    case option_format: return choose_format(copies, value) ? NULL : "text, csv or json";
    case option_threads:
        return parse_count(value, 0, threads_most, &copies->threads) ? NULL : "a number up to 1024";
    case option_seed:
        if (!parse_count(value, 0, UINT32_MAX, &number))
            return "a number from 0 to 4294967295";
        copies->seed = number;
        return NULL;
    default: return NULL;
    }
}

/* What this build cannot do is left out and said; false if nothing is left. */
static bool leave_out_unavailable(struct copies_request *copies, bool *good)
{
    for (int i = 0; i < degradation_count; i++) {
        const enum degradation type = (enum degradation)i;
        if (!copies->types[type] || degradation_available(type))
            continue;
        copies->types[type] = false;
        *good = false;
        complain("%s: %s", degradation_kinds[type].name,
                 type == DEGRADE_JPEG
                     ? "this build has no libjpeg; install libjpeg-dev and build again"
                     : "this build has no OpenJPEG; install libopenjp2-7-dev and build again");
    }
    return copies_count(copies) > 0;
}

/* An earlier image whose copies have the same names, or NULL. */
static const char *namesake(const struct input_list *inputs, char *const *stems, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(stems[i], stems[index]) == 0)
            return inputs->items[i].path;
    return NULL;
}

static bool degrade_inputs(struct copies_request *copies, const struct input_list *inputs,
                           bool *good)
{
    char **stems = reallocate(NULL, inputs->count, sizeof *stems);
    bool told = copies_begin(copies);
    size_t count = 0;
    progress_start(inputs->count * copies_count(copies));
    for (; told && count < inputs->count; count++) {
        const struct input *input = &inputs->items[count];
        stems[count] = copy_stem(input);
        const char *before = namesake(inputs, stems, count);
        char reason[QC_MESSAGE_SIZE] = "";
        if (before)
            snprintf(reason, sizeof reason,
                     "its copies would replace those of %.200s; give them another -o", before);
        else if (!input->error && !make_directories_of(copies->directory, stems[count]))
            snprintf(reason, sizeof reason, "the folder of its copies cannot be made: %s",
                     strerror(errno));
        if (input->error || reason[0]) {
            *good = false;
            told = copies_failed(copies, input->path, input->error ? input->error : reason);
        } else {
            told = copies_make(copies, input->path, stems[count], good);
        }
    }
    progress_end();
    while (count)
        free(stems[--count]);
    free(stems);
    return told;
}

static int run(struct settings *settings, char *const *arguments, size_t count)
{
    struct copies_request *copies = &settings->copies;
    bool good = true;
    if (!png_file_available()) {
        complain("degrade: this build writes no PNG; install libpng-dev and build again");
        return COMMAND_FAILED;
    }
    if (!leave_out_unavailable(copies, &good))
        return COMMAND_FAILED;
    if (!make_directory(copies->directory)) {
        complain("%s: %s", copies->directory, strerror(errno));
        return COMMAND_FAILED;
    }
    if (copies->threads == 0)
        copies->threads = machine_processors();
    struct input_list inputs = {0};
    inputs_gather(&inputs, arguments, count, settings->recursive);
    good = degrade_inputs(copies, &inputs, &good) && good;
    inputs_free(&inputs);
    return good ? COMMAND_OK : COMMAND_FAILED;
}

int command_degrade(int argc, char **argv)
{
    static const struct option options[] = {
        {"output", required_argument, NULL, 'o'},
        {"type", required_argument, NULL, option_type},
        {"level", required_argument, NULL, option_level},
        {"seed", required_argument, NULL, option_seed},
        {"grid", optional_argument, NULL, option_grid},
        {"recursive", no_argument, NULL, 'r'},
        {"threads", required_argument, NULL, option_threads},
        {"list", no_argument, NULL, option_list},
        {"format", required_argument, NULL, option_format},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct settings settings = {.copies.seed = 1};
    int option, index = 0;
    choose_types(&settings.copies, "all");
    choose_levels(&settings.copies, "all");
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":o:rh", options, &index)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return COMMAND_OK;
        }
        if (option == '?' || option == ':')
            return option_error("degrade", option, argv);
        const char *expected = take_option(&settings, option, optarg);
        if (expected)
            return usage_error("degrade", "--%s=%s: expected %s",
                               option == 'o' ? "output" : options[index].name, optarg, expected);
    }
    json_start();
    if (settings.list && optind < argc)
        return usage_error("degrade", "--list takes no image");
    if (settings.list)
        return degrade_list(settings.copies.format) ? COMMAND_OK : COMMAND_FAILED;
    if (optind == argc)
        return usage_error("degrade", "which images?");
    if (!settings.copies.directory)
        return usage_error("degrade", "where to? -o DIR is missing");
    return run(&settings, argv + optind, (size_t)(argc - optind));
}
