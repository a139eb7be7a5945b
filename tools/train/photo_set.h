/*
 * photo_set.h - photos, decoded once and kept in memory at a few sizes, 8 bits a channel.
 *
 * Immutable once loaded: any number of threads may read it.
 */
#ifndef QUALICLIP_TRAIN_PHOTO_SET_H
#define QUALICLIP_TRAIN_PHOTO_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RGB without gaps. */
struct cached_picture {
    uint32_t width, height;
    unsigned char *pixels;
};

enum { PHOTO_SIZES = 7 }; /* at most */

struct cached_photo {
    char *path;
    uint32_t size_count;                      /* 1 or more */
    struct cached_picture sizes[PHOTO_SIZES]; /* the largest first */
};

struct photo_set {
    size_t count;
    struct cached_photo *photos;
    size_t bytes; /* of all pixels */
};

struct photo_wishes {
    uint32_t shortest; /* pixels that a shorter side has at least */
    size_t memory;     /* bytes that all sizes of all photos take at most */
    uint32_t workers;  /* threads that read; any number gives the same set */
};

/*
 * Reads the files, which are named in the order of their use.  Photos are scaled down by averaging
 * to longest sides of 1536, 1024, 768, 512, 384, 256 and 192 pixels as far as their shorter side
 * stays at least `shortest`; where all this takes more than `memory` bytes, the largest sizes are
 * left out.  Files that cannot be read, or are too small, are complained about and left out.
 */
void photo_set_load(struct photo_set *set, const char *const *paths, size_t count,
                    const struct photo_wishes *wishes);
void photo_set_free(struct photo_set *set);

#endif
