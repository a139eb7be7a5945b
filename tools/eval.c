/*
 * eval.c - `qualiclip eval`: how good a model is.  Hands over to one way of finding out.
 */
#include "commands.h"
#include "eval_labels.h"

int command_eval(int argc, char **argv)
{
    return eval_labels(argc, argv);
}
