/*
 * output.c - lines, CSV fields and JSON objects on standard output.
 */
#include "output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diagnostics.h"
#include "memory.h"
#include "progress.h"

static bool complained; /* about standard output, of which a process has one */

static bool lost(void)
{
    if (!complained)
        complain("standard output: %s", strerror(errno));
    complained = true;
    return false;
}

void output_begin_line(void)
{
    static int shares_terminal = -1;
    if (shares_terminal < 0)
        shares_terminal = isatty(STDOUT_FILENO);
    if (shares_terminal)
        progress_hide();
}

bool output_end_line(void)
{
    putchar('\n');
    return (fflush(stdout) == 0 && !ferror(stdout)) || lost();
}

bool output_close(void)
{
    bool failed = complained || ferror(stdout) != 0;
    return (fclose(stdout) == 0 && !failed) || lost();
}

void output_csv_text(const char *text)
{
    size_t length = strlen(text);
    bool plain = strpbrk(text, ",\"\r\n") == NULL;
    if (plain && (length == 0 || (text[0] != ' ' && text[length - 1] != ' '))) {
        fputs(text, stdout);
        return;
    }
    putchar('"');
    for (; *text; text++) {
        if (*text == '"')
            putchar('"');
        putchar(*text);
    }
    putchar('"');
}

void json_start(void)
{
    cJSON_Hooks hooks = {allocate, free};
    cJSON_InitHooks(&hooks);
}

bool output_json_line(cJSON *object)
{
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    output_begin_line();
    fputs(text, stdout);
    cJSON_free(text);
    return output_end_line();
}

/* Bytes of the UTF-8 character at `text`; 0 if there is none (Unicode, table 3-7). */
static size_t character_length(const unsigned char *text)
{
    unsigned char first = text[0], low = 0x80, high = 0xbf;
    size_t length = first < 0x80                    ? 1
                    : first >= 0xc2 && first < 0xe0 ? 2
                    : first >= 0xe0 && first < 0xf0 ? 3
                    : first >= 0xf0 && first < 0xf5 ? 4
                                                    : 0;
    if (first == 0xe0)
        low = 0xa0; /* else a longer form of a two-byte character */
    if (first == 0xed)
        high = 0x9f; /* else half of a surrogate pair */
    if (first == 0xf0)
        low = 0x90;
    if (first == 0xf4)
        high = 0x8f; /* else beyond U+10FFFF */
    for (size_t i = 1; i < length; i++) {
        if (text[i] < low || text[i] > high)
            return 0;
        low = 0x80;
        high = 0xbf;
    }
    return length;
}

static cJSON *text_item(const char *text)
{
    static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
    char *valid = reallocate(NULL, strlen(text) + 1, 3), *end = valid;
    while (*text) {
        size_t length = character_length((const unsigned char *)text);
        const char *from = length ? text : replacement;
        text += length ? length : 1;
        length = length ? length : 3;
        memcpy(end, from, length);
        end += length;
    }
    *end = '\0';
    cJSON *item = cJSON_CreateString(valid);
    free(valid);
    return item;
}

void json_add_text(cJSON *object, const char *name, const char *text)
{
    cJSON_AddItemToObject(object, name, text_item(text));
}

void json_append_text(cJSON *array, const char *text)
{
    cJSON_AddItemToArray(array, text_item(text));
}

static cJSON *raw_float(float value)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%.9g", (double)value);
    return cJSON_CreateRaw(digits);
}

void json_add_float(cJSON *object, const char *name, float value)
{
    cJSON_AddItemToObject(object, name, raw_float(value));
}

void json_add_floats(cJSON *object, const char *name, const float *values, size_t count)
{
    cJSON *array = cJSON_AddArrayToObject(object, name);
    for (size_t i = 0; i < count; i++)
        cJSON_AddItemToArray(array, raw_float(values[i]));
}

void json_add_measurement(cJSON *object, const char *name, double value)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%.6g", value);
    cJSON_AddRawToObject(object, name, digits);
}
