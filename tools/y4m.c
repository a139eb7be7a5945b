/*
 * y4m.c - fields of a letter and a value, separated by blanks.
 */
#include "y4m.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "diagnostics.h"

/* Where a parse has come to; each field may be given once. */
struct reading {
    struct y4m *y4m;
    char *message;
    bool has_width, has_height, has_format, has_range;
};

PRINTF_LIKE(2, 3) static bool refuse(const struct reading *reading, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reading->message, QC_MESSAGE_SIZE, format, arguments);
    va_end(arguments);
    return false;
}

static bool take_side(struct reading *reading, const char *field, uint32_t *side, bool *seen)
{
    if (*seen)
        return refuse(reading, "field %c of the header is there twice", field[0]);
    *seen = true;
    return parse_count(field + 1, 1, Y4M_SIDE_MOST, side) ||
           refuse(reading, "field %c of the header is \"%s\", expected a number from 1 to %d",
                  field[0], field + 1, (int)Y4M_SIDE_MOST);
}

static bool take_format(struct reading *reading, const char *name)
{
    static const struct {
        const char *name;
        qc_pixel_format format;
        enum film_layout layout;
    } formats[] = {
        /* They differ in where chroma lies between the pixels; the pixel's own is taken. */
        {"420", QC_PIXEL_I420, LAYOUT_SAME},
        {"420jpeg", QC_PIXEL_I420, LAYOUT_SAME},
        {"420mpeg2", QC_PIXEL_I420, LAYOUT_SAME},
        {"420paldv", QC_PIXEL_I420, LAYOUT_SAME},
        {"411", QC_PIXEL_I422, LAYOUT_411},
        {"422", QC_PIXEL_I422, LAYOUT_SAME},
        {"444", QC_PIXEL_I444, LAYOUT_SAME},
        {"444alpha", QC_PIXEL_I444, LAYOUT_ALPHA},
        {"mono", QC_PIXEL_GREY, LAYOUT_SAME},
        /* Those of yuv4mpeg(5) end here; ffmpeg has more, in words of two bytes. */
        {"420p10", QC_PIXEL_P010, LAYOUT_420P10},
        {"mono10", QC_PIXEL_GREY10, LAYOUT_SAME},
        {"mono12", QC_PIXEL_GREY12, LAYOUT_SAME},
    };
    if (reading->has_format)
        return refuse(reading, "field C of the header is there twice");
    reading->has_format = true;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(name, formats[i].name) == 0) {
            reading->y4m->format = formats[i].format;
            reading->y4m->layout = formats[i].layout;
            return true;
        }
    }
    return refuse(reading,
                  "frames of format C%s cannot be scored, expected 420, 420jpeg, 420mpeg2, "
                  "420paldv, 411, 422, 444, 444alpha, mono, 420p10, mono10 or mono12 (ffmpeg: "
                  "-pix_fmt yuv420p, or yuv420p10le -strict -1)",
                  name);
}

/* "30000:1001"; of rates and aspects, 0:0 is unknown. */
static bool is_ratio(const char *text)
{
    uint32_t number;
    char first[12];
    const char *colon = strchr(text, ':');
    if (!colon || (size_t)(colon - text) >= sizeof first)
        return false;
    memcpy(first, text, (size_t)(colon - text));
    first[colon - text] = '\0';
    return parse_count(first, 0, INT32_MAX, &number) &&
           parse_count(colon + 1, 0, INT32_MAX, &number);
}

static bool is_scanning(const char *text)
{
    return strlen(text) == 1 && strchr("?ptbm", text[0]);
}

/* Comments, of which ffmpeg's say which numbers are black and white. */
static bool take_comment(struct reading *reading, const char *text)
{
    static const char range[] = "COLORRANGE=";
    if (strncmp(text, range, sizeof range - 1) != 0)
        return true;
    const char *value = text + sizeof range - 1;
    const bool full = strcmp(value, "FULL") == 0;
    if (reading->has_range)
        return refuse(reading, "XCOLORRANGE is in the header twice");
    reading->has_range = true;
    reading->y4m->range = full ? QC_RANGE_FULL : QC_RANGE_LIMITED;
    return full || strcmp(value, "LIMITED") == 0 ||
           refuse(reading, "XCOLORRANGE is \"%s\", expected FULL or LIMITED", value);
}

static bool take_field(struct reading *reading, const char *field)
{
    struct y4m *y4m = reading->y4m;
    const char *value = field + 1;
    switch (field[0]) {
    case 'W': return take_side(reading, field, &y4m->width, &reading->has_width);
    case 'H': return take_side(reading, field, &y4m->height, &reading->has_height);
    case 'C': return take_format(reading, value);
    case 'F':
    case 'A':
        return is_ratio(value) ||
               refuse(reading, "field %c of the header is \"%s\", expected two numbers and a colon",
                      field[0], value);
    case 'I':
        return is_scanning(value) ||
               refuse(reading, "field I of the header is \"%s\", expected p, t, b, m or ?", value);
    case 'X': return take_comment(reading, value);
    default: return refuse(reading, "the header has a field \"%s\", which is not known", field);
    }
}

/* The next field of *rest, cut off there, or NULL behind the last. */
static char *next_field(char **rest)
{
    char *field = *rest + strspn(*rest, " ");
    const size_t length = strcspn(field, " ");
    *rest = field + length;
    if (field[length])
        *(*rest)++ = '\0';
    return length ? field : NULL;
}

bool y4m_parse(struct y4m *y4m, const char *line, char *message)
{
    struct reading reading = {.y4m = y4m, .message = message};
    char text[Y4M_LINE_MOST], *rest = text, *field;
    *y4m = (struct y4m){.format = QC_PIXEL_I420};
    if (strlen(line) >= sizeof text)
        return refuse(&reading, "the header has more than %d bytes", (int)Y4M_LINE_MOST);
    for (const char *at = line; *at; at++)
        if (*at < ' ' || *at > '~')
            return refuse(&reading, "the header has a byte of value %d", (unsigned char)*at);
    strcpy(text, line);

    field = next_field(&rest);
    if (!field || line[0] == ' ' || strcmp(field, Y4M_MAGIC) != 0)
        return refuse(&reading, "does not begin with " Y4M_MAGIC);
    while ((field = next_field(&rest)))
        if (!take_field(&reading, field))
            return false;
    if (!reading.has_width || !reading.has_height)
        return refuse(&reading, "the header has no %s (field %c)",
                      reading.has_width ? "height" : "width", reading.has_width ? 'H' : 'W');
    return true;
}
