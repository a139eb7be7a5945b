/*
 * gmad.c - `qualiclip gmad`: shows where two models disagree most, so that eyes can tell which is
 * wrong.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "commands.h"
#include "contact_sheet.h"
#include "contest.h"
#include "contest_report.h"
#include "contest_tables.h"
#include "diagnostics.h"
#include "inputs.h"
#include "output.h"
#include "png_file.h"

static const char help[] =
    "Usage: qualiclip gmad --scores A.csv B.csv [--images=DIR] [-o SHEET.png] [OPTION]...\n"
    "\n"
    "The group maximum differentiation competition (gMAD) between two models, of which all that\n"
    "is needed are the scores.  One defends: images that it finds equally good.  The other\n"
    "attacks: the two of them that it finds most different.  Look at the pair: if one is better\n"
    "as the attacker says, the defender is wrong, else the attacker.  Then the roles are swapped.\n"
    "\n"
    "      --scores=FILE        what `qualiclip score --format=csv` or json printed, or any CSV\n"
    "                           with names and numbers; the second file may follow as an argument\n"
    "      --images=DIR         where the images are; needed for -o, and for pictures in --html\n"
    "  -o, --output=FILE        the pairs with their scores as one PNG\n"
    "      --html=FILE          ... and as a page; --append: at the end of the page there is\n"
    "      --levels=low,high    images of low and of high quality by the defender's score, a "
    "fifth\n"
    "                           of all each (default); N: each of N parts of equal numbers\n"
    "      --pairs=K            so many for each level and role; default 1; no image twice\n"
    "      --tolerance=T        how far two scores of the defender may differ to be equal, as a\n"
    "                           part of the range of its scores; default 0.01\n"
    "      --score-column=NAME  of the files, the column of the scores\n"
    "      --name-column=NAME   ... and that of the images' names\n"
    "      --format=FORMAT      text (default), csv or json (an object a line), a pair each\n"
    "  -h, --help               print this help and exit\n"
    "\n"
    "Images are joined by the names of their files, without folders and endings; where several\n"
    "have a name, the one in the same folders is meant.  The result does not depend on the order\n"
    "of the lines.\n"
    "\n"
    "Examples:\n"
    "  qualiclip score -r --format=csv photos > a.csv\n"
    "  qualiclip score -r --format=csv -m mine.gguf photos > b.csv\n"
    "  qualiclip gmad --scores a.csv b.csv --images photos -o pairs.png\n";

enum { default_bins = 5, limit_bins = 100, limit_pairs = 100 };

struct settings {
    const char *files[2];
    size_t file_count;
    struct input_list pictures;
    const char *sheet;
    struct page_file page;
    enum output_format format;
    struct score_options columns;
};

enum option_code {
    SCORES = 256,
    IMAGES,
    HTML,
    APPEND,
    LEVELS,
    PAIRS,
    TOLERANCE,
    FORMAT,
    SCORES_OF,
    NAMES
};

static bool take_levels(struct contest *contest, const char *value)
{
    contest->ends_alone = strcmp(value, "low,high") == 0;
    contest->bins = default_bins;
    return contest->ends_alone || parse_count(value, 1, limit_bins, &contest->bins);
}

static bool take_file(struct settings *settings, const char *value)
{
    if (settings->file_count == 2)
        return false;
    settings->files[settings->file_count++] = value;
    return true;
}

/* Takes one option; NULL, or what was expected of its value. */
static const char *take_option(struct contest *contest, struct settings *settings, int code,
                               char *value)
{
    static const char *const formats[] = {"text", "csv", "json", NULL};
    int choice;
    switch (code) {
    case SCORES:
        if (!take_file(settings, value))
            return "--scores: two models compete";
        break;
    case IMAGES: inputs_gather(&settings->pictures, &value, 1, true); break;
    case 'o': settings->sheet = value; break;
    case HTML: settings->page.path = value; break;
    case APPEND: settings->page.append = true; break;
    case LEVELS:
        if (!take_levels(contest, value))
            return "--levels: expected low,high or a number from 1 to 100";
        break;
    case PAIRS:
        if (!parse_count(value, 1, limit_pairs, &contest->pairs))
            return "--pairs: expected a number from 1 to 100";
        break;
    case TOLERANCE:
        if (strcmp(value, "0") == 0)
            contest->tolerance = 0;
        else if (!parse_positive(value, &contest->tolerance) || contest->tolerance > 1)
            return "--tolerance: expected a number from 0 to 1";
        break;
    case SCORES_OF: settings->columns.score_column = value; break;
    case NAMES: settings->columns.name_column = value; break;
    case FORMAT:
        if (!parse_choice(value, formats, &choice))
            return "--format: expected text, csv or json";
        settings->format = (enum output_format)choice;
        break;
    }
    return NULL;
}

/* False: *status is how the program ends. */
static bool parse(struct contest *contest, struct settings *settings, int argc, char **argv,
                  int *status)
{
    static const struct option options[] = {
        {"scores", required_argument, NULL, SCORES},
        {"images", required_argument, NULL, IMAGES},
        {"output", required_argument, NULL, 'o'},
        {"html", required_argument, NULL, HTML},
        {"append", no_argument, NULL, APPEND},
        {"levels", required_argument, NULL, LEVELS},
        {"pairs", required_argument, NULL, PAIRS},
        {"tolerance", required_argument, NULL, TOLERANCE},
        {"score-column", required_argument, NULL, SCORES_OF},
        {"name-column", required_argument, NULL, NAMES},
        {"format", required_argument, NULL, FORMAT},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int code;
    opterr = 0;
    while ((code = getopt_long(argc, argv, ":o:h", options, NULL)) != -1) {
        if (code == 'h') {
            fputs(help, stdout);
            *status = COMMAND_OK;
            return false;
        }
        if (code == '?' || code == ':') {
            *status = option_error("gmad", code, argv);
            return false;
        }
        const char *expected = take_option(contest, settings, code, optarg);
        if (expected) {
            *status = usage_error("gmad", "%s, not '%s'", expected, optarg);
            return false;
        }
    }
    for (int i = optind; i < argc; i++) {
        if (!take_file(settings, argv[i])) {
            *status = usage_error("gmad", "two models compete: %s is one too many", argv[i]);
            return false;
        }
    }
    *status = COMMAND_USAGE;
    if (settings->file_count < 2)
        usage_error("gmad", "two lists of scores are needed: --scores A.csv B.csv");
    else if (settings->sheet && settings->pictures.count == 0)
        usage_error("gmad", "-o shows pictures: say where they are with --images=DIR");
    else
        return true;
    return false;
}

static bool write_pictures(struct contest *contest, const struct settings *settings)
{
    bool good = true;
    if (settings->pictures.count == 0)
        return !settings->page.path || write_contest_report(contest, &settings->page);
    for (size_t i = 0; i < settings->pictures.count; i++)
        if (settings->pictures.items[i].error) {
            complain_about(settings->pictures.items[i].path, settings->pictures.items[i].error);
            good = false;
        }
    if (contest_find_pictures(contest, &settings->pictures) == 0 && contest->bout_count) {
        complain("none of the pairs' pictures is in --images");
        return false;
    }
    if (settings->page.path)
        good = write_contest_report(contest, &settings->page) && good;
    if (settings->sheet)
        good = write_contact_sheet(contest, settings->sheet) && good;
    return good;
}

static int compete(struct contest *contest, const struct settings *settings)
{
    if (settings->sheet && !png_file_available()) {
        complain("this build writes no PNG: leave out -o, or build with libpng");
        return COMMAND_FAILED;
    }
    if (!contest_read(contest, settings->files, &settings->columns))
        return COMMAND_FAILED;
    contest_run(contest);
    if (contest->bout_count == 0) {
        complain("no two images are equal for one model (--tolerance=%g of its range) and differ "
                 "for the other: they agree, or the tolerance is too small for so few images",
                 contest->tolerance);
        return COMMAND_FAILED;
    }
    const bool printed = contest_print(contest, settings->format);
    return write_pictures(contest, settings) && printed ? COMMAND_OK : COMMAND_FAILED;
}

int command_gmad(int argc, char **argv)
{
    struct contest contest = {
        .bins = default_bins, .pairs = 1, .ends_alone = true, .tolerance = 0.01};
    struct settings settings = {0};
    int status;
    if (parse(&contest, &settings, argc, argv, &status)) {
        json_start();
        status = compete(&contest, &settings);
    }
    contest_free(&contest);
    inputs_free(&settings.pictures);
    return status;
}
