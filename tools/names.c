/*
 * names.c - settings as words.
 */
#include "names.h"

#include <stdio.h>
#include <string.h>

#include "arguments.h"

struct size_name size_name(qc_size_rule rule, uint32_t pixels)
{
    struct size_name name = {"native"};
    if (rule == QC_SIZE_CROP)
        snprintf(name.text, sizeof name.text, "crop%u", (unsigned)pixels);
    else if (rule == QC_SIZE_LONG)
        snprintf(name.text, sizeof name.text, "long=%u", (unsigned)pixels);
    else if (rule == QC_SIZE_TILES)
        snprintf(name.text, sizeof name.text, "tiles");
    return name;
}

bool parse_size_rule(const char *text, qc_size_rule *rule, uint32_t *pixels)
{
    enum { side_most = 65535 };
    *pixels = 0;
    *rule = QC_SIZE_NATIVE;
    if (strcmp(text, "native") == 0)
        return true;
    *rule = QC_SIZE_TILES;
    if (strcmp(text, "tiles") == 0)
        return true;
    *rule = QC_SIZE_CROP;
    if (strncmp(text, "crop", 4) == 0)
        return parse_count(text + 4, 1, side_most, pixels);
    *rule = QC_SIZE_LONG;
    return strncmp(text, "long=", 5) == 0 && parse_count(text + 5, 1, side_most, pixels);
}

bool parse_precision(const char *text, qc_precision *precision)
{
    static const char *const names[] = {"f32", "bf16", "int8", NULL};
    int choice;
    if (!parse_choice(text, names, &choice))
        return false;
    *precision = (qc_precision)(QC_PRECISION_F32 + choice);
    return true;
}

const char *precision_name(qc_precision precision)
{
    return precision == QC_PRECISION_F32    ? "f32"
           : precision == QC_PRECISION_BF16 ? "bf16"
           : precision == QC_PRECISION_INT8 ? "int8"
                                            : "default";
}

const char *positions_name(qc_positions positions)
{
    return positions == QC_POSITIONS_GRID   ? "grid"
           : positions == QC_POSITIONS_FLAT ? "flat"
                                            : "none";
}

const char *readout_name(qc_readout readout)
{
    return readout == QC_READOUT_LEVELS  ? "levels"
           : readout == QC_READOUT_TEXTS ? "texts"
                                         : "pairs";
}
