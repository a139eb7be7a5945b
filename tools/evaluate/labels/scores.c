/*
 * scores.c - tables by their columns; objects of JSON, a line each or in one array, by their
 * members.
 */
#include "scores.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "../../memory.h"
#include "columns.h"
#include "delimited.h"

void scores_add(struct scores *scores, const char *name, double value)
{
    if (scores->count == scores->room) {
        scores->room = 2 * scores->room + 256;
        scores->names = reallocate(scores->names, scores->room, sizeof *scores->names);
        scores->values = reallocate(scores->values, scores->room, sizeof *scores->values);
    }
    scores->names[scores->count] = table_text(&scores->text, name, strlen(name));
    scores->values[scores->count++] = value;
}

void scores_free(struct scores *scores)
{
    free(scores->names);
    free(scores->values);
    table_free(&scores->text);
    memset(scores, 0, sizeof *scores);
}

static bool read_table(struct scores *scores, const char *bytes, size_t size, const char *path,
                       const struct score_options *options, char *message)
{
    static const char *const usual_names[] = {"path",       "name",     "image",     "image_name",
                                              "file",       "filename", "file_name", "img_name",
                                              "image name", NULL};
    static const char *const usual_scores[] = {"score", "quality", "prediction", "predicted",
                                               "pred",  "value",   NULL};
    const struct column_search search = {.name = options->name_column,
                                         .value = options->score_column,
                                         .usual_names = usual_names,
                                         .usual_values = usual_scores,
                                         .name_option = "--name-column",
                                         .value_option = "--score-column"};
    struct table table = {0};
    size_t name, value;
    const bool good = delimited_read(&table, bytes, size, path, message) &&
                      columns_find(&table, &search, &name, &value, path, message);
    for (size_t row = 0; good && row < table.rows; row++)
        scores_add(scores, table_cell(&table, row, name), table_number(&table, row, value));
    table_free(&table);
    return good;
}

/* Lines about a film as a whole, and members of other kinds, are passed over. */
static bool take_object(struct scores *scores, const cJSON *object,
                        const struct score_options *options)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(
        object, options->name_column ? options->name_column : "path");
    const cJSON *score = cJSON_GetObjectItemCaseSensitive(
        object, options->score_column ? options->score_column : "score");
    if (!cJSON_IsString(name))
        return false;
    if (score || cJSON_HasObjectItem(object, "error"))
        scores_add(scores, name->valuestring,
                   cJSON_IsNumber(score) && isfinite(score->valuedouble) ? score->valuedouble
                                                                         : (double)NAN);
    return true;
}

static bool read_json_lines(struct scores *scores, const char *bytes, size_t size, const char *path,
                            const struct score_options *options, char *message)
{
    const char *at = bytes, *end = bytes + size;
    for (size_t line = 1; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        const char *text = at;
        while (text < stop && (*text == ' ' || *text == '\t' || *text == '\r'))
            text++;
        cJSON *object = text < stop ? cJSON_ParseWithLength(text, (size_t)(stop - text)) : NULL;
        const bool good = text == stop || (object && take_object(scores, object, options));
        cJSON_Delete(object);
        if (!good) {
            snprintf(message, TABLE_MESSAGE_SIZE,
                     "%.300s: line %zu: expected a JSON object with the members %.50s and %.50s",
                     path, line, options->name_column ? options->name_column : "path",
                     options->score_column ? options->score_column : "score");
            return false;
        }
        at = stop + (stop < end);
    }
    return true;
}

/* An array of such objects, as `jq --slurp` makes of lines. */
static bool read_json_array(struct scores *scores, const char *bytes, size_t size, const char *path,
                            const struct score_options *options, char *message)
{
    cJSON *array = cJSON_ParseWithLength(bytes, size);
    bool good = cJSON_IsArray(array);
    size_t index = 0;
    const cJSON *object = good ? array->child : NULL;
    for (; good && object; object = object->next, index += good)
        good = take_object(scores, object, options);
    if (!array)
        snprintf(message, TABLE_MESSAGE_SIZE, "%.300s: begins like a JSON array, but is none",
                 path);
    else if (!good)
        snprintf(message, TABLE_MESSAGE_SIZE,
                 "%.300s: element %zu of the array: expected an object with the members %.50s and "
                 "%.50s",
                 path, index, options->name_column ? options->name_column : "path",
                 options->score_column ? options->score_column : "score");
    cJSON_Delete(array);
    return good;
}

bool scores_read(struct scores *scores, const char *path, const struct score_options *options,
                 char message[TABLE_MESSAGE_SIZE])
{
    size_t size;
    char *bytes = table_read_file(path, &size, message);
    if (!bytes)
        return false;
    const size_t mark = strncmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* of the byte order */
    const char first = bytes[mark + strspn(bytes + mark, " \t\r\n")];
    memset(scores, 0, sizeof *scores);
    const bool good =
        (first == '{'   ? read_json_lines
         : first == '[' ? read_json_array
                        : read_table)(scores, bytes + mark, size - mark, path, options, message);
    free(bytes);
    if (good)
        return true;
    scores_free(scores);
    return false;
}
