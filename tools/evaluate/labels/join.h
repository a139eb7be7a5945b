/*
 * join.h - which score belongs to which opinion: by the names of the files.
 *
 * Names are compared without their folders and endings and whatever the case of their letters, so
 * that an image that was converted is found.  Where several have the same name, the one with the
 * same ending and the most equal folders next to the name is meant; a score and an opinion belong
 * together if each is the only best one for the other.
 */
#ifndef QUALICLIP_JOIN_H
#define QUALICLIP_JOIN_H

#include <stddef.h>

#define JOIN_NOTHING   SIZE_MAX /* no name is the same */
#define JOIN_AMBIGUOUS (SIZE_MAX - 1)

/* partner[i]: which of `others` belongs to names[i], or why none does. */
void join_names(const char *const *names, size_t count, const char *const *others,
                size_t other_count, size_t *partner);

#endif
