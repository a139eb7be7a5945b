/*
 * main.c - the `qualiclip` program: finds the subcommand and hands over.
 *
 * Knows names and summaries only; what a subcommand does and accepts is in its own file.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "diagnostics.h"
#include "output.h"
#include "qualiclip.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
};

static const struct command commands[] = {
    {"score", command_score, "score photos: 0 is bad, 1 is good"},
    {"embed", command_embed, "print the image features that scores are made of"},
    {"convert", command_convert, "turn a PyTorch checkpoint into a model file"},
    {"info", command_info, "describe a model file"},
    {"degrade", command_degrade, "write worsened copies of photos"},
    {"train", command_train, "make a model, or a better one, from your own photos"},
    {"bench", command_bench, "measure speed and memory on this machine"},
    {"eval", command_eval, "judge a model: opinions of people, degradations of photos"},
    {"gmad", command_gmad, "show where two models disagree most"},
};
enum { command_count = sizeof commands / sizeof commands[0] };

static void list_commands(FILE *stream)
{
    fputs("Commands:\n", stream);
    for (size_t i = 0; i < command_count; i++)
        fprintf(stream, "  %-8s  %s\n", commands[i].name, commands[i].summary);
    fputs("  help      explain a command: qualiclip help score\n", stream);
}

static void print_help(FILE *stream)
{
    fputs("Usage: qualiclip COMMAND [OPTION]... [ARGUMENT]...\n"
          "\n"
          "How good does a photo look?  Scores photos from 0 (bad) to 1 (good) without a\n"
          "reference image, by the QualiCLIP method.  A model is built in; nothing is downloaded.\n"
          "\n",
          stream);
    list_commands(stream);
    fputs("\n"
          "Options:\n"
          "  --help     print this help and exit\n"
          "  --version  print the version and the kernels that this machine can run, and exit\n"
          "\n"
          "Examples:\n"
          "  qualiclip score photo.jpg                the score of one photo\n"
          "  qualiclip score --sort -r holiday        the photos of a folder, the best first\n"
          "  qualiclip convert qualiclip.pth -o mine.gguf && qualiclip score -m mine.gguf *.jpg\n"
          "                                           score by a model of your own\n"
          "\n"
          "Exit status: 0 all is well, 1 something failed and was reported (what could be done\n"
          "was done), 2 the command line makes no sense.\n",
          stream);
}

static void print_version(void)
{
    printf("qualiclip %s\nkernels:", qc_version());
    for (size_t i = 0; qc_kernels_name(i); i++)
        printf("%s %s", i ? "," : "", qc_kernels_name(i));
    fputs("\nMIT licence; `qualiclip info` shows that of the built-in model.\n", stdout);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* How many letters must be put in, taken out or exchanged to turn one name into the other. */
static size_t edit_distance(const char *from, const char *to)
{
    enum { longest = 31 };
    size_t row[longest + 1], width = strlen(to);
    if (width > longest || strlen(from) > longest)
        return longest;
    for (size_t x = 0; x <= width; x++)
        row[x] = x;
    for (size_t y = 0; from[y]; y++) {
        size_t diagonal = row[0]++;
        for (size_t x = 0; x < width; x++) {
            size_t best = diagonal + (from[y] != to[x]);
            if (row[x] + 1 < best)
                best = row[x] + 1;
            if (row[x + 1] + 1 < best)
                best = row[x + 1] + 1;
            diagonal = row[x + 1];
            row[x + 1] = best;
        }
    }
    return row[width];
}

static int unknown_command(const char *name)
{
    struct stat status;
    complain("'%s' is not a command", name);
    if (stat(name, &status) == 0) {
        fprintf(stderr, "To score it: qualiclip score %s'%s'\n", name[0] == '-' ? "-- " : "",
                printable(name).text);
    } else {
        for (size_t i = 0; i < command_count; i++)
            if (edit_distance(name, commands[i].name) <= 2)
                fprintf(stderr, "Did you mean '%s'?\n", commands[i].name);
    }
    fputc('\n', stderr);
    list_commands(stderr);
    fputs("Try 'qualiclip --help'.\n", stderr);
    return COMMAND_USAGE;
}

/*
 * A file that is opened while 0, 1 or 2 is closed would become standard input, output or error.
 * Each is opened the wrong way round, so that its use is still the error that the caller asked for.
 */
static void occupy_standard_streams(void)
{
    for (int descriptor = 0; descriptor <= 2; descriptor++)
        if (fcntl(descriptor, F_GETFD) == -1 && errno == EBADF)
            (void)open("/dev/null", descriptor == 1 ? O_RDONLY : O_WRONLY);
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return COMMAND_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ||
        (strcmp(name, "help") == 0 && argc == 2)) {
        print_help(stdout);
        return COMMAND_OK;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        print_version();
        return COMMAND_OK;
    }
    bool explain = strcmp(name, "help") == 0;
    if (explain)
        name = argv[2];
    const struct command *command = find_command(name);
    if (!command)
        return unknown_command(name);
    if (explain) {
        char option[] = "--help";
        char *arguments[] = {argv[2], option, NULL};
        return command->run(2, arguments);
    }
    return command->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    occupy_standard_streams();
    /* A reader that has gone is a failed write, which is reported like a full disk. */
    signal(SIGPIPE, SIG_IGN);
    int status = run(argc, argv);
    if (!output_close() && status == COMMAND_OK)
        status = COMMAND_FAILED;
    return status;
}
