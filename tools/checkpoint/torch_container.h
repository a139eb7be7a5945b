/*
 * torch_container.h - what PyTorch's torch.save and torch.jit.save write, as a container: the
 * pickle's value is its root, modules flattened to a dict; the archive's entries are its storages.
 */
#ifndef QUALICLIP_TORCH_CONTAINER_H
#define QUALICLIP_TORCH_CONTAINER_H

#include "container.h"

/* See container_open(), which is to be called instead. */
struct container *torch_open(const char *path, struct value_pool *pool, char *message);

#endif
