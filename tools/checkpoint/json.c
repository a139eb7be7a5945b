/*
 * json.c - looks the text over before cJSON parses it, and the tree afterwards.
 */
#include "json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "problem.h"

enum { DEPTH_MAX = 32 }; /* cJSON recurses, and so does what walks its tree */

/* Nesting, and what would cut a string short, where C strings end at a zero. */
static bool look_over(const char *text, size_t size, const char *origin, char *message)
{
    unsigned depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < size; i++) {
        const char byte = text[i];
        if (!byte)
            return problem(message, "%.200s: has a zero byte, expected JSON", origin);
        if (in_string && byte == '\\') {
            i++;
            if (size - i >= 5 && memcmp(text + i, "u0000", 5) == 0)
                return problem(message, "%.200s: a string in the JSON holds a zero", origin);
        } else if (byte == '"') {
            in_string = !in_string;
        } else if (!in_string && (byte == '{' || byte == '[')) {
            if (++depth > DEPTH_MAX)
                return problem(message, "%.200s: the JSON is nested deeper than %d", origin,
                               DEPTH_MAX);
        } else if (!in_string && (byte == '}' || byte == ']') && depth) {
            depth--;
        }
    }
    return true;
}

static int compare_strings(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* cJSON keeps all of several values of one key, and would answer with the first. */
static bool keys_are_unique(const cJSON *object, const char *origin, char *message)
{
    const size_t count = (size_t)cJSON_GetArraySize(object);
    const char **keys = malloc((count ? count : 1) * sizeof *keys);
    if (!keys)
        return problem(message, "%.200s: out of memory", origin);
    size_t i = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, object) keys[i++] = item->string;
    qsort(keys, count, sizeof *keys, compare_strings);
    bool good = true;
    for (i = 1; i < count && good; i++)
        if (strcmp(keys[i - 1], keys[i]) == 0)
            good = problem(message, "%.200s: key %.150s occurs twice", origin, keys[i]);
    free(keys);
    return good;
}

static bool check_tree(const cJSON *item, const char *origin, char *message)
{
    if (cJSON_IsObject(item) && !keys_are_unique(item, origin, message))
        return false;
    const cJSON *child;
    cJSON_ArrayForEach(child, item)
    {
        if (child->child && !check_tree(child, origin, message))
            return false;
    }
    return true;
}

cJSON *json_parse(const char *text, size_t size, const char *origin, char *message)
{
    if (!look_over(text, size, origin, message))
        return NULL;
    const char *end = text;
    cJSON *root = cJSON_ParseWithLengthOpts(text, size + 1, &end, true);
    if (!root)
        problem(message, "%.200s: is not JSON (at byte %zu)", origin, (size_t)(end - text));
    else if (!cJSON_IsObject(root))
        problem(message, "%.200s: expected a JSON object", origin);
    else if (check_tree(root, origin, message))
        return root;
    cJSON_Delete(root);
    return NULL;
}

/* A whole file with a zero behind it; NULL: message. */
static char *read_text(const char *path, size_t limit, size_t *size, char *message)
{
    struct stat status;
    char *text = NULL;
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0 || fstat(file, &status) != 0) {
        problem(message, "%.200s: %s", origin_of(path), strerror(errno));
    } else if (!S_ISREG(status.st_mode)) {
        problem(message, "%.200s: not a regular file", origin_of(path));
    } else if (status.st_size < 0 || (uintmax_t)status.st_size > limit) {
        problem(message, "%.200s: has %jd bytes, expected JSON of at most %zu", origin_of(path),
                (intmax_t)status.st_size, limit);
    } else {
        *size = (size_t)status.st_size;
        text = calloc(1, *size + 1);
        if (!text || read(file, text, *size) != (ssize_t)*size) {
            problem(message, "%.200s: %s", origin_of(path),
                    text ? "cannot be read" : "out of memory");
            free(text);
            text = NULL;
        }
    }
    if (file >= 0)
        close(file);
    return text;
}

cJSON *json_read(const char *path, size_t limit, char *message)
{
    size_t size;
    char *text = read_text(path, limit, &size, message);
    cJSON *root = text ? json_parse(text, size, origin_of(path), message) : NULL;
    free(text);
    return root;
}

bool json_integer(const cJSON *item, uint64_t *number)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble < 0x1p53) ||
        item->valuedouble != (double)(uint64_t)item->valuedouble)
        return false;
    *number = (uint64_t)item->valuedouble;
    return true;
}
