/*
 * safetensors.h - a safetensors file as a container: the length of a JSON header, the header, and
 * the numbers of its tensors, one after the other.
 */
#ifndef QUALICLIP_SAFETENSORS_H
#define QUALICLIP_SAFETENSORS_H

#include "container.h"

/* Whether a file that begins with these bytes may be one. */
bool safetensors_begins(const unsigned char *start, size_t count);

/* See container_open(), which is to be called instead. */
struct container *safetensors_open(const char *path, struct value_pool *pool, char *message);

#endif
