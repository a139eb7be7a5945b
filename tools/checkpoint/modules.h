/*
 * modules.h - the modules of a TorchScript archive as one dict of names: "visual.conv1.weight" is
 * the attribute "weight" of the attribute "conv1" of the attribute "visual".
 */
#ifndef QUALICLIP_MODULES_H
#define QUALICLIP_MODULES_H

#include "problem.h"
#include "value.h"

/*
 * The dict holds tensors, numbers and whatever else the modules have, but not what every module
 * has (None and flags such as `training`).  NULL: `message` says why: the graph is too deep, too
 * large or contains itself, as only a hostile one does.
 */
const struct value *flatten_modules(struct value *root, const char *origin, struct value_pool *pool,
                                    char *message);

#endif
