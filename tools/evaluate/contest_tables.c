/*
 * contest_tables.c - pairs as text, CSV and JSON.
 */
#include "contest_tables.h"

#include <stdio.h>
#include <string.h>

#include "diagnostics.h"

static const char *const parts[2] = {"better", "worse"};

/* A line of text about one of a pair's images, by what the attacker says. */
static bool print_image(const struct contest *contest, const struct bout *bout, size_t part)
{
    const size_t image = bout->images[part], attacker = 1 - bout->defender;
    output_begin_line();
    printf("  %-6s  %s %.4f  %s %.4f  %s", parts[part], contest->titles[bout->defender],
           contest->scores[bout->defender][image], contest->titles[attacker],
           contest->scores[attacker][image], printable(contest->names[image]).text);
    return output_end_line();
}

static bool print_text(const struct contest *contest)
{
    output_begin_line();
    printf("%zu images in both lists", contest->count);
    for (size_t i = 0; i < 2; i++)
        if (contest->lone[i])
            printf(", %zu in %s alone", contest->lone[i], contest->titles[i]);
    if (contest->failed)
        printf(", %zu without a score", contest->failed);
    if (!output_end_line())
        return false;
    for (size_t i = 0; i < contest->bout_count; i++) {
        const struct bout *bout = &contest->bouts[i];
        char level[32];
        contest_level(contest, bout->level, level);
        output_begin_line();
        printf("\n%s defends, %s attacks: %s", contest->titles[bout->defender],
               contest->titles[1 - bout->defender], level);
        if (contest->pairs > 1)
            printf(", pair %zu", bout->rank);
        if (!output_end_line() || !print_image(contest, bout, 0) || !print_image(contest, bout, 1))
            return false;
    }
    return true;
}

static bool print_csv(const struct contest *contest)
{
    output_begin_line();
    fputs("defender,attacker,level,pair,better,worse,defender_better,defender_worse,"
          "attacker_better,attacker_worse",
          stdout);
    if (!output_end_line())
        return false;
    for (size_t i = 0; i < contest->bout_count; i++) {
        const struct bout *bout = &contest->bouts[i];
        const size_t attacker = 1 - bout->defender;
        output_begin_line();
        output_csv_text(contest->titles[bout->defender]);
        putchar(',');
        output_csv_text(contest->titles[attacker]);
        printf(",%zu,%zu,", bout->level + 1, bout->rank);
        output_csv_text(contest->names[bout->images[0]]);
        putchar(',');
        output_csv_text(contest->names[bout->images[1]]);
        for (size_t j = 0; j < 4; j++)
            printf(",%.9g",
                   contest->scores[j < 2 ? bout->defender : attacker][bout->images[j % 2]]);
        if (!output_end_line())
            return false;
    }
    return true;
}

static cJSON *json_bout(const struct contest *contest, const struct bout *bout)
{
    cJSON *object = cJSON_CreateObject();
    char level[32];
    contest_level(contest, bout->level, level);
    json_add_text(object, "defender", contest->titles[bout->defender]);
    json_add_text(object, "attacker", contest->titles[1 - bout->defender]);
    json_add_text(object, "level", level);
    json_add_measurement(object, "pair", (double)bout->rank);
    for (size_t part = 0; part < 2; part++) {
        const size_t image = bout->images[part];
        cJSON *inner = cJSON_AddObjectToObject(object, parts[part]);
        json_add_text(inner, "path", contest->names[image]);
        json_add_measurement(inner, "defender", contest->scores[bout->defender][image]);
        json_add_measurement(inner, "attacker", contest->scores[1 - bout->defender][image]);
    }
    return object;
}

bool contest_print(const struct contest *contest, enum output_format format)
{
    switch (format) {
    case OUTPUT_CSV: return print_csv(contest);
    case OUTPUT_JSON:
        for (size_t i = 0; i < contest->bout_count; i++)
            if (!output_json_line(json_bout(contest, &contest->bouts[i])))
                return false;
        return true;
    default: return print_text(contest);
    }
}
