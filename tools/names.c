/*
 * names.c - settings as words.
 */
#include "names.h"

#include <stdio.h>

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
