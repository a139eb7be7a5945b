/*
 * eval_degradations.h - `qualiclip eval --degradations`: photos are degraded step by step, and
 * models are judged by whether their scores follow.
 */
#ifndef QUALICLIP_EVAL_DEGRADATIONS_H
#define QUALICLIP_EVAL_DEGRADATIONS_H

/* As a subcommand of commands.h; --degradations is among the arguments. */
int eval_degradations(int argc, char **argv);

#endif
