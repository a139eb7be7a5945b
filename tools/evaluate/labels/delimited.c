/*
 * delimited.c - a pass over the bytes; each record ends in a row.
 */
#include "delimited.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../memory.h"

struct reader {
    struct table *table;
    const char *at, *end;
    char separator; /* ' ': blanks */
    size_t line;
    const char *origin;
    char *message;
};

static bool explain(const struct reader *reader, const char *reason)
{
    snprintf(reader->message, TABLE_MESSAGE_SIZE, "%.300s: line %zu: %s", reader->origin,
             reader->line, reason);
    return false;
}

/* What the first line has most of, outside quotes. */
static char find_separator(const char *at, const char *end)
{
    static const char candidates[] = ",;\t";
    size_t counts[3] = {0}, best = 0;
    bool quoted = false;
    for (; at < end && (quoted || (*at != '\n' && *at != '\r')); at++) {
        quoted ^= *at == '"';
        const char *found = quoted || !*at ? NULL : strchr(candidates, *at);
        if (found)
            counts[found - candidates]++;
    }
    for (size_t i = 1; i < 3; i++)
        if (counts[i] > counts[best])
            best = i;
    return counts[best] ? candidates[best] : ' ';
}

static bool at_line_end(const struct reader *reader)
{
    return reader->at == reader->end || *reader->at == '\n' || *reader->at == '\r';
}

static void pass_line_end(struct reader *reader)
{
    if (reader->at < reader->end && *reader->at == '\r')
        reader->at++;
    if (reader->at < reader->end && *reader->at == '\n')
        reader->at++;
    reader->line++;
}

/* Blanks around a cell say nothing. */
static const char *trimmed(struct table *table, const char *from, const char *to)
{
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    return table_text(table, from, (size_t)(to - from));
}

/* Behind the opening quote. */
static bool read_quoted(struct reader *reader, const char **cell)
{
    const char *start = reader->at;
    char *text = NULL, *to;
    for (;; reader->at++) {
        if (reader->at == reader->end)
            return explain(reader, "a quotation mark is not closed");
        reader->line += *reader->at == '\n';
        if (*reader->at != '"')
            continue;
        if (reader->at + 1 == reader->end || reader->at[1] != '"')
            break;
        reader->at++;
    }
    to = text = reallocate(NULL, (size_t)(reader->at - start) + 1, 1);
    for (const char *from = start; from < reader->at; from++) {
        *to++ = *from;
        from += *from == '"';
    }
    reader->at++;
    *cell = table_text(reader->table, text, (size_t)(to - text));
    free(text);
    while (reader->at < reader->end && *reader->at == ' ')
        reader->at++;
    return at_line_end(reader) || *reader->at == reader->separator ||
           explain(reader, "a quotation mark inside a cell is not doubled");
}

static bool read_cell(struct reader *reader, const char **cell)
{
    if (reader->at < reader->end && *reader->at == '"') {
        reader->at++;
        return read_quoted(reader, cell);
    }
    const char *start = reader->at;
    while (!at_line_end(reader) && *reader->at != reader->separator)
        reader->at++;
    *cell = trimmed(reader->table, start, reader->at);
    return true;
}

static bool read_record(struct reader *reader, const char **cells, size_t *count)
{
    const char *beyond;
    *count = 0;
    for (;;) {
        const bool kept = *count < TABLE_COLUMNS_MAX;
        if (!read_cell(reader, kept ? &cells[*count] : &beyond))
            return false;
        *count += kept;
        if (at_line_end(reader))
            return true;
        reader->at++;
    }
}

/* The end of the blank-separated word that starts at `from`. */
static const char *word_end(const char *from, const char *end)
{
    while (from < end && *from != ' ')
        from++;
    return from;
}

/* "I01.bmp I01_01_1.bmp 5.51429": as many words as the line has. */
static void read_words(struct reader *reader, const char *at, const char **cells, size_t *count)
{
    for (*count = 0; at < reader->at && *count < TABLE_COLUMNS_MAX;) {
        const char *end = word_end(at, reader->at);
        cells[(*count)++] = trimmed(reader->table, at, end);
        for (at = end; at < reader->at && *at == ' ';)
            at++;
    }
}

/* "5.51429 I01_01_1.bmp": behind a number is a name, which may have blanks in it. */
static bool read_blank_separated(struct reader *reader, const char **cells, size_t *count)
{
    const char *start = reader->at;
    while (!at_line_end(reader))
        reader->at++;
    const char *cut = word_end(start, reader->at);
    cells[0] = trimmed(reader->table, start, cut);
    if (!text_is_number(cells[0], false)) {
        read_words(reader, start, cells, count);
        return true;
    }
    cells[1] = trimmed(reader->table, cut, reader->at);
    *count = *cells[1] ? 2 : 1;
    return true;
}

static bool read_records(struct reader *reader)
{
    const char *cells[TABLE_COLUMNS_MAX];
    size_t count;
    while (reader->at < reader->end) {
        if (reader->separator == ' ')
            while (reader->at < reader->end && *reader->at == ' ')
                reader->at++;
        const bool blank = at_line_end(reader);
        if (!blank &&
            !(reader->separator == ' ' ? read_blank_separated : read_record)(reader, cells, &count))
            return false;
        if (!blank && !table_add_row(reader->table, cells, count))
            return explain(reader, "the table has more than 16 million cells");
        pass_line_end(reader);
    }
    return true;
}

bool delimited_read(struct table *table, const char *bytes, size_t size, const char *origin,
                    char message[TABLE_MESSAGE_SIZE])
{
    struct reader reader = {table, bytes, bytes + size, ',', 1, origin, message};
    if (memchr(bytes, 0, size)) {
        snprintf(message, TABLE_MESSAGE_SIZE,
                 "%.300s: has a zero byte: neither text in UTF-8 (UTF-16?  Save it as UTF-8) nor "
                 "a format that is known",
                 origin);
        return false;
    }
    if (size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0)
        reader.at += 3;
    while (reader.at < reader.end && at_line_end(&reader))
        pass_line_end(&reader);
    reader.separator = find_separator(reader.at, reader.end);
    table->decimal_comma = reader.separator == ';';
    return read_records(&reader);
}
