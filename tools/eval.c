/*
 * eval.c - `qualiclip eval`: how good a model is.  Hands over to one way of finding out.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "eval_degradations.h"
#include "eval_labels.h"

static bool is_given(const char *option, int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], option) == 0)
            return true;
    return false;
}

/* Of both ways, one after the other. */
static int print_help(int argc, char **argv)
{
    eval_labels(argc, argv);
    putchar('\n');
    optind = 1;
    return eval_degradations(argc, argv);
}

int command_eval(int argc, char **argv)
{
    if (is_given("--degradations", argc, argv))
        return eval_degradations(argc, argv);
    if (argc == 2 && (is_given("--help", argc, argv) || is_given("-h", argc, argv)))
        return print_help(argc, argv);
    return eval_labels(argc, argv);
}
