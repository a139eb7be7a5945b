/*
 * eval_labels.h - `qualiclip eval --mos FILE`: models are judged by what people thought of the same
 * images.
 */
#ifndef QUALICLIP_EVAL_LABELS_H
#define QUALICLIP_EVAL_LABELS_H

/* As a subcommand of commands.h. */
int eval_labels(int argc, char **argv);

#endif
