/*
 * eval.c - `qualiclip eval`: how good a model is.  Hands over to one way of finding out.
 */
#include <stdbool.h>
#include <string.h>

#include "commands.h"
#include "diagnostics.h"
#include "eval_degradations.h"

static bool is_given(const char *option, int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], option) == 0)
            return true;
    return false;
}

int command_eval(int argc, char **argv)
{
    if (is_given("--degradations", argc, argv) || is_given("--help", argc, argv))
        return eval_degradations(argc, argv);
    return usage_error("eval", "give --degradations and --photos=DIR");
}
