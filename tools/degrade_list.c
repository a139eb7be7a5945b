/*
 * degrade_list.c - a line for each degradation: its name, its group, its strengths.
 */
#include "degrade_list.h"

#include <stdio.h>

#include "degrade/degrade.h"

static const char *group_of(const struct degradation_kind *kind)
{
    return degradation_group_titles[kind->group];
}

static bool list_text(const struct degradation_kind *kind, bool available)
{
    output_begin_line();
    printf("%-22s  %-19s ", kind->name, group_of(kind));
    for (int i = 0; i < degradation_levels; i++)
        printf(" %6g", kind->strength[i]);
    if (!available)
        fputs("  (not in this build)", stdout);
    return output_end_line();
}

static bool list_csv(const struct degradation_kind *kind, bool available)
{
    output_begin_line();
    printf("%s,", kind->name);
    output_csv_text(group_of(kind));
    for (int i = 0; i < degradation_levels; i++)
        printf(",%g", kind->strength[i]);
    for (int i = 0; i < degradation_levels; i++)
        printf(",%g", kind->badness[i]);
    printf(",%s", available ? "yes" : "no");
    return output_end_line();
}

static bool list_json(const struct degradation_kind *kind, bool available)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "type", kind->name);
    cJSON_AddStringToObject(object, "title", kind->title);
    cJSON_AddStringToObject(object, "group", group_of(kind));
    cJSON_AddItemToObject(object, "strengths",
                          cJSON_CreateDoubleArray(kind->strength, degradation_levels));
    cJSON_AddItemToObject(object, "badness",
                          cJSON_CreateDoubleArray(kind->badness, degradation_levels));
    cJSON_AddBoolToObject(object, "available", available);
    return output_json_line(object);
}

bool degrade_list(enum output_format format)
{
    if (format == OUTPUT_CSV) {
        output_begin_line();
        fputs("type,group,strength1,strength2,strength3,strength4,strength5,"
              "badness1,badness2,badness3,badness4,badness5,available",
              stdout);
        if (!output_end_line())
            return false;
    }
    for (int i = 0; i < degradation_count; i++) {
        const struct degradation_kind *kind = &degradation_kinds[i];
        const bool available = degradation_available((enum degradation)i);
        if (!(format == OUTPUT_JSON  ? list_json(kind, available)
              : format == OUTPUT_CSV ? list_csv(kind, available)
                                     : list_text(kind, available)))
            return false;
    }
    return true;
}
