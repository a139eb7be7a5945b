/*
 * progress.h - one line on a terminal that tells how far a long run has come.
 *
 * The line belongs to standard error, of which a process has one; so there is one progress line.
 * Nothing is ever shown where standard error is not a terminal, or for a single image.
 */
#ifndef QUALICLIP_PROGRESS_H
#define QUALICLIP_PROGRESS_H

#include <stddef.h>

void progress_start(size_t total);

/* The same of other things than images, of which some were done before. */
void progress_start_units(size_t total, const char *units, size_t before);

/* What the line ends with from now on. */
void progress_detail(const char *text);

void progress_show(size_t done); /* draws the line anew, at most ten times a second */
void progress_hide(void);        /* erases it, so that something else can be written */
void progress_end(void);

#endif
