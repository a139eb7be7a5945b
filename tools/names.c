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
    static const char *const names[] = {"native", "tiles", NULL};
    static const char crop[] = "crop", longest[] = "long=";
    int choice;
    *pixels = 0;
    if (parse_choice(text, names, &choice)) {
        *rule = choice ? QC_SIZE_TILES : QC_SIZE_NATIVE;
        return true;
    }
    const bool crops = strncmp(text, crop, strlen(crop)) == 0;
    if (!crops && strncmp(text, longest, strlen(longest)) != 0)
        return false;
    *rule = crops ? QC_SIZE_CROP : QC_SIZE_LONG;
    return parse_count(text + strlen(crops ? crop : longest), 1, 65535, pixels);
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
