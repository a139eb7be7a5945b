/*
 * names.h - how settings of a recipe are written on the command line and in JSON.
 */
#ifndef QUALICLIP_TOOLS_NAMES_H
#define QUALICLIP_TOOLS_NAMES_H

#include <stdbool.h>

#include "qualiclip.h"

struct size_name {
    char text[24];
};

/* "native", "crop224", "long=512" or "tiles". */
struct size_name size_name(qc_size_rule rule, uint32_t pixels);

/* The reverse; sides from 1 to 65535 pixels. */
bool parse_size_rule(const char *text, qc_size_rule *rule, uint32_t *pixels);

/* "f32", "bf16" or "int8". */
bool parse_precision(const char *text, qc_precision *precision);
#define PRECISIONS "f32, bf16 or int8"

/* The reverse; "default" where the model decides. */
const char *precision_name(qc_precision precision);

const char *positions_name(qc_positions positions); /* "none", "grid" or "flat" */
const char *readout_name(qc_readout readout);       /* "pairs", "levels" or "texts" */

#endif
