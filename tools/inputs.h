/*
 * inputs.h - which images are meant: the arguments in their order, directories walked.
 *
 * Only names are looked at; no image is opened.
 */
#ifndef QUALICLIP_INPUTS_H
#define QUALICLIP_INPUTS_H

#include <stdbool.h>
#include <stddef.h>

struct input {
    char *path;
    size_t below; /* where in `path` the part below the walked directory begins; 0: an argument */
    char *error;  /* why there is nothing to read here; NULL: an image is expected */
};

struct input_list {
    struct input *items;
    size_t count, room;
};

/*
 * Appends the images that the arguments name.  With `recursive` a directory stands for the .png,
 * .jpg and .jpeg files (whatever their case) in and below it, sorted by name; symbolic links to
 * directories are followed only where they are arguments, so that no walk is endless.
 */
void inputs_gather(struct input_list *list, char *const *arguments, size_t count, bool recursive);

void inputs_free(struct input_list *list);

/* Where a name's .png, .jpg or .jpeg begins, whatever its case; NULL: it has none of them. */
const char *image_ending(const char *name);

#endif
