/*
 * prompts.c - reads a prompts file: UTF-8, with or without a byte order mark, any line ends.
 */
#include "prompts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

enum { FILE_SIZE_MAX = 1 << 20 };

static bool explain(char *message, const char *path, size_t line, const char *reason)
{
    if (line)
        snprintf(message, QC_MESSAGE_SIZE, "%.250s: line %zu: %s", path, line, reason);
    else
        snprintf(message, QC_MESSAGE_SIZE, "%.250s: %s", path, reason);
    return false;
}

static bool read_file(struct prompt_list *list, const char *path, char *message)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return explain(message, path, 0, strerror(errno));
    list->text = reallocate(NULL, FILE_SIZE_MAX + 1, 1);
    const size_t size = fread(list->text, 1, FILE_SIZE_MAX + 1, file);
    const int error = ferror(file) ? errno : 0;
    fclose(file);
    if (error)
        return explain(message, path, 0, strerror(error));
    if (size > FILE_SIZE_MAX)
        return explain(message, path, 0, "is larger than 1 MiB: not a prompts file");
    list->text[size] = 0;
    if (strlen(list->text) != size)
        return explain(message, path, 0, "has a zero byte, expected text in UTF-8");
    return true;
}

/* Cuts the blanks at both ends. */
static char *trim(char *text)
{
    text += strspn(text, " ");
    size_t length = strlen(text);
    while (length && text[length - 1] == ' ')
        text[--length] = 0;
    return text;
}

static bool add(struct prompt_list *list, const char *positive, const char *negative,
                const char *name)
{
    if (list->count == QC_PAIRS_MAX)
        return false;
    list->pairs[list->count++] = (qc_prompt_pair){positive, negative, name, NULL, NULL};
    return true;
}

static bool read_line(struct prompt_list *list, char *line, const char *path, size_t number,
                      bool single, char *message)
{
    char *fields[3] = {line, NULL, NULL};
    const size_t most = single ? 2 : 3;
    size_t count = 1;
    for (char *tab = strchr(line, '\t'); tab; tab = strchr(tab, '\t')) {
        *tab++ = 0;
        if (count == most)
            return explain(message, path, number,
                           single ? "has more than two fields: text [TAB name]"
                                  : "has more than three fields: positive TAB negative [TAB name]");
        fields[count++] = tab;
    }
    for (size_t i = 0; i < count; i++) {
        fields[i] = trim(fields[i]);
        if (!*fields[i])
            return explain(message, path, number, "has an empty field");
    }
    if (!single && count < 2)
        return explain(message, path, number,
                       "has no TAB: expected positive TAB negative [TAB name]");
    if (!add(list, fields[0], single ? NULL : fields[1], fields[most - 1]))
        return explain(message, path, number, "is one too many: at most 64 can be used");
    return true;
}

static bool read_lines(struct prompt_list *list, const char *path, bool single, char *message)
{
    static const char byte_order_mark[] = "\xEF\xBB\xBF";
    char *at = list->text;
    if (strncmp(at, byte_order_mark, 3) == 0)
        at += 3;
    for (size_t number = 1; *at; number++) {
        char *line = at;
        const size_t length = strcspn(line, "\n");
        at += length + (line[length] == '\n');
        line[length] = 0;
        if (length && line[length - 1] == '\r')
            line[length - 1] = 0;
        if (line[strspn(line, " \t")] && line[0] != '#' &&
            !read_line(list, line, path, number, single, message))
            return false;
    }
    return list->count || explain(message, path, 0, "holds no prompts");
}

/* As the library calls them: "positive/negative". */
static void name_pairs(struct prompt_list *list)
{
    size_t size = 1;
    for (size_t i = 0; i < list->count; i++)
        if (list->pairs[i].negative)
            size += strlen(list->pairs[i].positive) + strlen(list->pairs[i].negative) + 2;
    char *out = list->names = reallocate(NULL, size, 1);
    for (size_t i = 0; i < list->count; i++) {
        qc_prompt_pair *pair = &list->pairs[i];
        if (!pair->name && !pair->negative)
            pair->name = pair->positive;
        if (pair->name)
            continue;
        pair->name = out;
        out += sprintf(out, "%s/%s", pair->positive, pair->negative) + 1;
    }
}

bool prompts_read(struct prompt_list *list, const char *path, bool single, char *message)
{
    memset(list, 0, sizeof *list);
    if (!read_file(list, path, message) || !read_lines(list, path, single, message)) {
        prompts_free(list);
        return false;
    }
    name_pairs(list);
    return true;
}

bool prompts_add_text(struct prompt_list *list, const char *text)
{
    return add(list, text, NULL, text);
}

/* A text's feature, written to *feature, which then moves on. */
static const float *encode(const qc_model *model, const char *text, unsigned flags, size_t size,
                           float **feature, char *message)
{
    float *written = *feature;
    if (qc_embed_text(model, text, flags, written, message, QC_MESSAGE_SIZE))
        return NULL;
    *feature += size;
    return written;
}

bool prompts_encode(struct prompt_list *list, const qc_model *model, bool truncate, char *message)
{
    const unsigned flags = truncate ? QC_TEXT_TRUNCATE : 0;
    qc_model_info info;
    qc_model_describe(model, &info);
    list->features = reallocate(NULL, 2 * list->count * info.feature_size, sizeof(float));
    float *feature = list->features;
    for (size_t i = 0; i < list->count; i++) {
        qc_prompt_pair *pair = &list->pairs[i];
        pair->positive_feature =
            encode(model, pair->positive, flags, info.feature_size, &feature, message);
        if (pair->negative)
            pair->negative_feature =
                encode(model, pair->negative, flags, info.feature_size, &feature, message);
        if (!pair->positive_feature || (pair->negative && !pair->negative_feature))
            return false;
    }
    return true;
}

void prompts_free(struct prompt_list *list)
{
    free(list->text);
    free(list->names);
    free(list->features);
    memset(list, 0, sizeof *list);
}
