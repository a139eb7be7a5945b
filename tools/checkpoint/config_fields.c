/*
 * config_fields.c - see config_fields.h.
 */
#include "config_fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"

enum { SIZE_MOST = 1 << 24 };

void fields_fail(struct fields *fields, const char *field, const char *expected)
{
    if (*fields->failed)
        return;
    *fields->failed = true;
    const cJSON *item = field_find(fields, field);
    char *text = item ? cJSON_PrintUnformatted(item) : NULL;
    problem(fields->message, "%.200s: %s is %.60s, expected %s", origin_of(fields->path), field,
            text ? text : "absent", expected);
    free(text);
}

const cJSON *field_find(const struct fields *fields, const char *field)
{
    const char *dot = strrchr(field, '.');
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(fields->object, dot ? dot + 1 : field);
    return cJSON_IsNull(item) ? NULL : item;
}

struct fields fields_within(struct fields *fields, const char *name)
{
    struct fields within = *fields;
    within.object = field_find(fields, name);
    if (within.object && !cJSON_IsObject(within.object)) {
        fields_fail(fields, name, "an object");
        within.object = NULL;
    }
    return within;
}

void field_size(struct fields *fields, const char *field, struct told *told)
{
    const cJSON *item = field_find(fields, field);
    uint64_t number;
    if (*fields->failed || !item)
        return;
    if (!json_integer(item, &number) || number < 1 || number > SIZE_MOST)
        fields_fail(fields, field, "an integer from 1 to 16777216");
    else
        *told = (struct told){field, number};
}

void field_size_or(struct fields *fields, const char *field, uint64_t absent,
                   const char *field_if_absent, struct told *told)
{
    *told = (struct told){field_if_absent, absent};
    field_size(fields, field, told);
}

void field_number(struct fields *fields, const char *field, double least, double most,
                  double *number)
{
    const cJSON *item = field_find(fields, field);
    char range[80];
    if (*fields->failed || !item)
        return;
    snprintf(range, sizeof range, "a number above %g and below %g", least, most);
    if (!cJSON_IsNumber(item) || !(item->valuedouble > least && item->valuedouble < most))
        fields_fail(fields, field, range);
    else
        *number = item->valuedouble;
}

void field_channels(struct fields *fields, const char *field, bool is_divisor, float *numbers,
                    bool *given)
{
    const cJSON *list = field_find(fields, field);
    if (*fields->failed || !list)
        return;
    unsigned count = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        const double number = cJSON_IsNumber(item) ? item->valuedouble : -1;
        if (count == 3 || !(number >= (is_divisor ? 1e-3 : 0) && number <= 10))
            break;
        numbers[count++] = (float)number;
    }
    if (!cJSON_IsArray(list) || count != 3 || item)
        fields_fail(fields, field,
                    is_divisor ? "three numbers from 0.001 to 10" : "three numbers from 0 to 10");
    *given = true;
}

void field_must_be(struct fields *fields, const char *field, const char *expected)
{
    const cJSON *item = field_find(fields, field);
    if (*fields->failed || !item)
        return;
    char *text = cJSON_PrintUnformatted(item);
    if (!text || strcmp(text, expected) != 0)
        fields_fail(fields, field, expected);
    free(text);
}
