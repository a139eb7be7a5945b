/*
 * vocabulary.c - reads merges and token lists as text and JSON.  What the strings mean is checked
 * by the library, when the model that they go into is used.
 */
#include "vocabulary.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>

#include "problem.h"

enum { FILE_SIZE_MAX = 64 << 20, BYTES = 256, SPECIALS = 2, BASE = 2 * BYTES + SPECIALS };

/* -------------------------------------------------------------------------------------- files */

/* A whole file with a zero behind it, kept by the vocabulary. */
static char *read_text(struct vocabulary_files *vocabulary, const char *path, char *message)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        problem(message, "%.200s: cannot be opened: %s", origin_of(path), strerror(errno));
        return NULL;
    }
    size_t size = 0, capacity = 1 << 20;
    char *text = malloc(capacity + 1);
    while (text && size < FILE_SIZE_MAX) {
        const size_t part = fread(text + size, 1, capacity - size, file);
        size += part;
        if (!part)
            break;
        if (size == capacity) {
            capacity *= 2;
            char *larger = realloc(text, capacity + 1);
            if (!larger)
                free(text);
            text = larger;
        }
    }
    const bool failed = ferror(file);
    fclose(file);
    if (!text || failed || size >= FILE_SIZE_MAX) {
        free(text);
        problem(message, "%.200s: %s", origin_of(path),
                failed ? "cannot be read" : !text ? "out of memory" : "is larger than 64 MiB");
        return NULL;
    }
    text[size] = 0;
    vocabulary->texts[vocabulary->text_count++] = text;
    if (size >= 2 && memcmp(text, "\x1f\x8b", 2) == 0) {
        problem(message, "%.200s: is compressed: gunzip it first", origin_of(path));
        return NULL;
    }
    if (strlen(text) != size) {
        problem(message, "%.200s: has a zero byte, expected text", origin_of(path));
        return NULL;
    }
    return text;
}

/* -------------------------------------------------------------------------------------- merges */

static bool out_of_memory(const char *path, char *message)
{
    return problem(message, "%.200s: out of memory", origin_of(path));
}

/* One line, without its end; moves on.  NULL behind the last. */
static char *next_line(char **text)
{
    char *line = *text;
    if (!*line)
        return NULL;
    const size_t length = strcspn(line, "\n");
    *text = line + length + (line[length] == '\n');
    line[length] = 0;
    if (length && line[length - 1] == '\r')
        line[length - 1] = 0;
    return line;
}

/* The first `count` lines behind the heading. */
static bool read_merges(struct vocabulary_files *vocabulary, const char *path, size_t count,
                        char *message)
{
    char *text = read_text(vocabulary, path, message);
    if (!text)
        return false;
    vocabulary->merges = calloc(count ? count : 1, sizeof *vocabulary->merges);
    if (!vocabulary->merges)
        return out_of_memory(path, message);
    const char *heading = next_line(&text);
    /* Some have `"name"#version: 0.2`, as the archive was packed. */
    if (!heading || !strstr(heading, "#version"))
        return problem(message, "%.200s: is not a list of merges: the first line has no #version",
                       origin_of(path));
    while (vocabulary->merge_count < count) {
        const char *line = next_line(&text);
        if (!line || !*line)
            return problem(message,
                           "%.200s: has %zu merges, but the model's token embedding is for %zu",
                           origin_of(path), vocabulary->merge_count, count);
        const char *blank = strchr(line, ' ');
        if (!blank || blank == line || !blank[1] || strchr(blank + 1, ' '))
            return problem(message, "%.200s: line %zu: expected two tokens with a blank between",
                           origin_of(path), vocabulary->merge_count + 2);
        vocabulary->merges[vocabulary->merge_count++] = line;
    }
    return true;
}

/* -------------------------------------------------------------------------------------- tokens */

/* GPT-2's visible character of a byte, as UTF-8 of at most two bytes. */
static size_t put_visible(char *out, unsigned byte, unsigned *next)
{
    const bool itself = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
    const unsigned code = itself ? byte : (*next)++;
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    out[0] = (char)(0xC0 | code >> 6);
    out[1] = (char)(0x80 | (code & 0x3F));
    return 2;
}

/* Writes the bytes' tokens: those that are visible characters themselves first, as published. */
static char *put_byte_tokens(const char **tokens, char *out, const char *suffix)
{
    size_t count = 0;
    unsigned next = 0x100;
    for (int invisible = 0; invisible < 2; invisible++)
        for (unsigned byte = 0; byte < BYTES; byte++) {
            const bool itself = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
            if (itself == (invisible == 1))
                continue;
            tokens[count++] = out;
            out += put_visible(out, byte, &next);
            out += sprintf(out, "%s", suffix) + 1;
        }
    return out;
}

/* Bytes, bytes at the end of a word, what merges make, start and end: the order of OpenAI's. */
static bool derive_tokens(struct vocabulary_files *vocabulary, const char *path, char *message)
{
    size_t size = 2 * BYTES * 8 + 64;
    for (size_t i = 0; i < vocabulary->merge_count; i++)
        size += strlen(vocabulary->merges[i]) + 1;
    vocabulary->tokens = calloc(vocabulary->token_count, sizeof *vocabulary->tokens);
    char *out = malloc(size);
    if (!out || !vocabulary->tokens) {
        free(out);
        return out_of_memory(path, message);
    }
    vocabulary->texts[vocabulary->text_count++] = out;
    out = put_byte_tokens(vocabulary->tokens, out, "");
    out = put_byte_tokens(vocabulary->tokens + BYTES, out, "</w>");
    const char **token = vocabulary->tokens + 2 * BYTES;
    for (size_t i = 0; i < vocabulary->merge_count; i++) {
        const char *merge = vocabulary->merges[i];
        const size_t left = strcspn(merge, " ");
        *token++ = out;
        out += sprintf(out, "%.*s%s", (int)left, merge, merge + left + 1) + 1;
    }
    *token++ = "<|startoftext|>";
    *token = "<|endoftext|>";
    return true;
}

static bool read_json(struct vocabulary_files *vocabulary, const char *path, char *message)
{
    const char *text = read_text(vocabulary, path, message);
    if (!text)
        return false;
    vocabulary->json = cJSON_Parse(text);
    vocabulary->tokens = calloc(vocabulary->token_count, sizeof *vocabulary->tokens);
    if (!vocabulary->tokens)
        return out_of_memory(path, message);
    if (!cJSON_IsObject(vocabulary->json))
        return problem(message, "%.200s: is not a JSON object", origin_of(path));
    size_t count = 0;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, (cJSON *)vocabulary->json) {
        const double id = cJSON_IsNumber(entry) ? entry->valuedouble : -1;
        if (!(id >= 0 && id < (double)vocabulary->token_count) || id != (double)(size_t)id)
            return problem(message,
                           "%.200s: token %.80s: expected a number below %zu, the rows of the "
                           "model's token embedding",
                           origin_of(path), entry->string, vocabulary->token_count);
        if (vocabulary->tokens[(size_t)id])
            return problem(message, "%.200s: token %zu is given twice", origin_of(path),
                           (size_t)id);
        vocabulary->tokens[(size_t)id] = entry->string;
        count++;
    }
    if (count != vocabulary->token_count)
        return problem(message, "%.200s: has %zu tokens, the model's token embedding %zu",
                       origin_of(path), count, vocabulary->token_count);
    return true;
}

/* --------------------------------------------------------------------------------------- both */

static bool read_directory(struct vocabulary_files *vocabulary, const char *path, char *message)
{
    const size_t size = strlen(path) + 16;
    char *name = malloc(size);
    if (!name)
        return out_of_memory(path, message);
    snprintf(name, size, "%s/vocab.json", path);
    bool good = read_json(vocabulary, name, message);
    if (good) {
        snprintf(name, size, "%s/merges.txt", path);
        good = read_merges(vocabulary, name, vocabulary->token_count - BASE, message);
    }
    free(name);
    return good;
}

bool vocabulary_read(struct vocabulary_files *vocabulary, const char *path, size_t token_count,
                     char *message)
{
    *vocabulary = (struct vocabulary_files){.token_count = token_count};
    struct stat status;
    bool good;
    if (token_count < BASE || token_count > 1 << 24)
        good = problem(message, "%.200s: the model's token embedding has %zu rows, expected %d or "
                                "more",
                       origin_of(path), token_count, (int)BASE);
    else if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        good = read_directory(vocabulary, path, message);
    else
        good = read_merges(vocabulary, path, token_count - BASE, message) &&
               derive_tokens(vocabulary, path, message);
    if (good)
        return true;
    vocabulary_free(vocabulary);
    return false;
}

void vocabulary_free(struct vocabulary_files *vocabulary)
{
    for (size_t i = 0; i < vocabulary->text_count; i++)
        free(vocabulary->texts[i]);
    cJSON_Delete(vocabulary->json);
    free(vocabulary->tokens);
    free(vocabulary->merges);
    *vocabulary = (struct vocabulary_files){0};
}
