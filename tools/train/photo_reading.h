/*
 * photo_reading.h - many photo files, read on several threads, kept one by one in their order.
 *
 * Knows nothing of what is made of a photo.  Files that cannot be read are complained about.
 */
#ifndef QUALICLIP_TRAIN_PHOTO_READING_H
#define QUALICLIP_TRAIN_PHOTO_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct photo_reading {
    const char *const *paths;
    size_t count;
    uint32_t workers; /* threads; 0: one */
    const char *unit; /* what progress counts */

    /* Runs in any order, several at once; false: `message` (QC_MESSAGE_SIZE bytes) says why. */
    bool (*read)(void *context, size_t index, char *message);

    /* Runs on the calling thread, in order, for each photo that was read. */
    void (*keep)(void *context, size_t index);

    void *context;
};

void read_photos(const struct photo_reading *reading);

#endif
