/*
 * degrade_figure.h - the figure of degradations: types as rows, levels as columns, all labelled.
 */
#ifndef QUALICLIP_DEGRADE_FIGURE_H
#define QUALICLIP_DEGRADE_FIGURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "degrade/degrade.h"

struct degrade_figure;

/* The image that is degraded. */
struct figure_subject {
    const char *name;
    const uint8_t *pixels; /* RGB; used at once */
    uint32_t width, height;
    uint64_t seed;
};

/* `centre`: cells show the middle of the image at its own size instead of all of it. */
struct degrade_figure *degrade_figure_open(const struct figure_subject *subject, const bool *types,
                                           const bool *levels, bool centre);

/*
 * The copy of that number, counted type by type and in each level by level, of those that are
 * asked for.  Several threads may add copies at once.
 */
void degrade_figure_add(struct degrade_figure *figure, size_t copy, const uint8_t *pixels);

/* `message` has QC_MESSAGE_SIZE bytes. */
bool degrade_figure_write(const struct degrade_figure *figure, const char *path, char *message);
void degrade_figure_close(struct degrade_figure *figure);

#endif
