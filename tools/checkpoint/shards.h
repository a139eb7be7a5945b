/*
 * shards.h - a checkpoint in several files beside each other, under an index of JSON that says
 * which tensor is in which (model.safetensors.index.json, pytorch_model.bin.index.json).
 */
#ifndef QUALICLIP_SHARDS_H
#define QUALICLIP_SHARDS_H

#include "container.h"

/* Whether a file that begins with these bytes may be an index. */
bool shards_begin(const unsigned char *start, size_t count);

/* See container_open(), which is to be called instead. */
struct container *shards_open(const char *path, struct value_pool *pool, char *message);

#endif
