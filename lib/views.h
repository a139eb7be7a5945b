/*
 * views.h - the size rule of a recipe: what a tower gets to see of an image.
 *
 * The whole image as it is, a resized part of it, or several crops.  A view is a qc_image: where no
 * pixel changes it lies in the caller's memory, else in the scorer's.  Knows nothing of towers but
 * the sizes that they are planned for.
 */
#ifndef QUALICLIP_VIEWS_H
#define QUALICLIP_VIEWS_H

#include "layers.h"
#include "resize.h"
#include "tower.h"

#define VIEWS_MOST 15 /* of one image */

struct size_rule {
    qc_size_rule kind;
    uint32_t pixels; /* QC_SIZE_CROP and QC_SIZE_LONG: the side that is meant */
};

struct views {
    struct size_rule rule;
    struct resize resize;
    uint8_t *resized; /* `resized_size` bytes for each image of a batch */
    size_t resized_size;
};

/* Whether the rule gives a tower of that minimum side anything to see. */
qc_status size_rule_check(const struct size_rule *rule, uint32_t minimum, struct message *message);

/* The most views of one image. */
size_t size_rule_views(const struct size_rule *rule);

/* The smallest side that an image may have, going by what the tower needs. */
uint32_t size_rule_least(const struct size_rule *rule, uint32_t minimum);

/* What a tower has to be planned for, where images come up to these limits. */
struct tower_limits size_rule_limits(const struct size_rule *rule,
                                     const struct tower_limits *images);

/* Reserves what the views of limits->batch images need.  `scratch` is raised. */
void views_plan(struct views *views, const struct size_rule *rule,
                const struct tower_limits *limits, struct arena *arena, size_t *scratch);

/*
 * The size of an image's views, which are all alike; an error where it, or the image, has not
 * enough pixels.  The image has passed image_check().
 */
qc_status views_size(const struct size_rule *rule, const qc_image *image, uint32_t minimum,
                     uint32_t *width, uint32_t *height, struct message *message);

/* How many views an image that passed views_size() has. */
size_t views_count(const struct size_rule *rule, const qc_image *image);

/* Whether the one view of an image of that size is the image itself. */
bool size_rule_keeps(const struct size_rule *rule, uint32_t width, uint32_t height);

/*
 * Writes the views of an image that passed views_size(), at most size_rule_views(); returns how
 * many.  They are valid until another image is given the same `slot`, a number below limits->batch.
 */
size_t views_make(struct views *views, const struct layers *layers, qc_background background,
                  const qc_image *image, size_t slot, qc_image *made);

#endif
