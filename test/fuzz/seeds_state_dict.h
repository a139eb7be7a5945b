/*
 * seeds_state_dict.h - state dicts as pickles, small ones: all tensors repeat the numbers of one
 * storage.  What PyTorch would write, but for the numbers.
 */
#ifndef QUALICLIP_FUZZ_SEEDS_STATE_DICT_H
#define QUALICLIP_FUZZ_SEEDS_STATE_DICT_H

#include <stdbool.h>

#include "seeds.h"

struct state_dict {
    const char *storage; /* its key */
    uint32_t elements;   /* f32 */
    const char *wrapper; /* the dict lies in another under this name; NULL: it does not */
    bool modules;        /* as TorchScript's: "a.b.c" is c of b of a, each a module */

    struct seed seed;
    char path[128]; /* of the module that is being written, ending in '.' */
};

void state_dict_begin(struct state_dict *dict);

/* With strides of 0 where the storage is too small. */
void state_dict_tensor(struct state_dict *dict, const char *name, unsigned dimensions,
                       const uint32_t *shape);

/* The finished pickle is in `seed`. */
void state_dict_end(struct state_dict *dict);

/* What these consist of: a string, and a number of 32 bits. */
void seed_string(struct seed *seed, const char *text);
void seed_integer(struct seed *seed, uint32_t number);

#endif
