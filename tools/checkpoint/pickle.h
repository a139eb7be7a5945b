/*
 * pickle.h - reads the pickles that torch.save and torch.jit.save write (protocols 2 to 5) into
 * plain values.
 *
 * A pickle is a program for a small stack machine, and Python's own reader will call any function
 * that the program names.  This one calls nothing: it knows the few names that a state dict of
 * tensors needs, builds values for them, and refuses a file that has any other, naming it.  The
 * classes of a TorchScript archive become objects without behaviour.
 */
#ifndef QUALICLIP_PICKLE_H
#define QUALICLIP_PICKLE_H

#include "problem.h"
#include "value.h"

/*
 * Returns the value that the pickle builds; it lives in `pool` and does not refer to `data`.  NULL:
 * `message` says why.  `origin` names the file in messages.
 */
struct value *pickle_read(const unsigned char *data, size_t size, const char *origin,
                          struct value_pool *pool, char *message);

#endif
