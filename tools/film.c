/*
 * film.c - headers of streams and frames, and the frames between them.
 */
#include "film.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "arguments.h"
#include "y4m.h"

/* As of pictures: larger ones are refused before memory is asked for. */
static const uint64_t pixels_most = UINT64_C(1) << 28;

const char *film_parse_raw(const char *text, struct film_options *options)
{
    const char *colon = strchr(text, ':');
    const size_t length = colon ? (size_t)(colon - text) : 0;
    const char *name;
    for (int i = 0; (name = qc_pixel_format_name((qc_pixel_format)i)); i++) {
        if (length != strlen(name) || strncmp(text, name, length) != 0)
            continue;
        options->raw = true;
        options->format = (qc_pixel_format)i;
        return parse_size(colon + 1, Y4M_SIDE_MOST, &options->width, &options->height)
                   ? NULL
                   : "--raw: expected FORMAT:WIDTHxHEIGHT";
    }
    return "--raw: expected FORMAT:WIDTHxHEIGHT, such as nv12:1920x1080, with one of the formats "
           "in `qualiclip score --help`";
}

bool film_parse_matrix(const char *text, struct film_options *options)
{
    static const char *const names[] = {"bt601", "bt709", "bt2020", NULL};
    int choice;
    if (!parse_choice(text, names, &choice))
        return false;
    options->has_matrix = true;
    options->matrix = (qc_matrix)choice;
    return true;
}

bool film_is_y4m(const char *path)
{
    char start[sizeof Y4M_MAGIC - 1];
    if (strcmp(path, "-") == 0) { /* one byte is as many as can be put back */
        const int first = getc(stdin);
        return first != EOF && ungetc(first, stdin) == Y4M_MAGIC[0];
    }
    struct stat file;
    if (stat(path, &file) != 0 || !S_ISREG(file.st_mode))
        return false;
    FILE *stream = fopen(path, "rb");
    const bool is = stream && fread(start, sizeof start, 1, stream) == 1 &&
                    memcmp(start, Y4M_MAGIC, sizeof start) == 0;
    if (stream)
        fclose(stream);
    return is;
}

/*
 * A line of a stream, without its newline: 1, or 0 if the stream ends before it begins, or -1 with
 * a message.
 */
static int read_line(FILE *stream, char line[Y4M_LINE_MOST], const char *what, char *message)
{
    size_t length = 0;
    int byte;
    while ((byte = getc(stream)) != EOF && byte != '\n' && byte && length + 1 < Y4M_LINE_MOST)
        line[length++] = (char)byte;
    line[length] = '\0';
    if (byte == '\n')
        return 1;
    if (byte == EOF && ferror(stream))
        snprintf(message, QC_MESSAGE_SIZE, "%s", strerror(errno));
    else if (byte == EOF && length == 0)
        return 0;
    else
        snprintf(message, QC_MESSAGE_SIZE, "%s %s", what,
                 byte == EOF ? "is cut short"
                 : byte      ? "has no end"
                             : "has a byte of value 0");
    return -1;
}

static bool open_y4m(struct film_options *options, FILE *stream, char *message)
{
    struct y4m y4m;
    char line[Y4M_LINE_MOST];
    const int read = read_line(stream, line, "the header", message);
    if (read == 0)
        snprintf(message, QC_MESSAGE_SIZE, "is empty, expected a YUV4MPEG2 stream");
    if (read <= 0 || !y4m_parse(&y4m, line, message))
        return false;
    options->format = y4m.format;
    options->layout = y4m.layout;
    options->width = y4m.width;
    options->height = y4m.height;
    if (options->range == QC_RANGE_DEFAULT)
        options->range = y4m.range;
    return true;
}

bool film_open(struct film *film, FILE *stream, const struct film_options *given, char *message)
{
    struct film_options options = *given;
    *film = (struct film){.stream = stream, .raw = options.raw};
    if (!options.raw && !open_y4m(&options, stream, message))
        return false;
    if ((uint64_t)options.width * options.height <= pixels_most)
        film->image_bytes =
            qc_image_init(&film->frame, options.format, options.width, options.height, NULL);
    if (film->image_bytes == 0) {
        snprintf(message, QC_MESSAGE_SIZE,
                 "frames have %u x %u pixels, expected no more than %llu in all",
                 (unsigned)options.width, (unsigned)options.height,
                 (unsigned long long)pixels_most);
        return false;
    }
    film->layout = options.layout;
    film->kept_bytes =
        layout_bytes_kept(options.layout, film->image_bytes, options.width, options.height);
    film->apart_bytes = layout_bytes_apart(options.layout, options.width, options.height);
    film->frame_bytes = film->image_bytes + film->apart_bytes;
    enum { high_definition = 720 };
    film->frame.range = options.range;
    film->frame.matrix = options.has_matrix                  ? options.matrix
                         : options.height >= high_definition ? QC_MATRIX_BT709
                                                             : QC_MATRIX_BT601;
    return true;
}

/* The line before a frame, whose parameters change nothing that is looked at here. */
static enum film_step read_frame_line(struct film *film, char *message)
{
    char line[Y4M_LINE_MOST];
    const int read = read_line(film->stream, line, "the line before a frame", message);
    if (read <= 0)
        return read == 0 ? FILM_END : FILM_FAILED;
    if (strncmp(line, "FRAME", 5) == 0 && (line[5] == ' ' || line[5] == '\0'))
        return FILM_FRAME;
    snprintf(message, QC_MESSAGE_SIZE, "the line before a frame does not begin with FRAME");
    return FILM_FAILED;
}

enum film_step film_read(struct film *film, void *pixels, qc_image *image, char *message)
{
    enum film_step step = film->raw ? FILM_FRAME : read_frame_line(film, message);
    if (step != FILM_FRAME)
        return step;
    unsigned char *apart = (unsigned char *)pixels + film->image_bytes;
    const size_t wanted = film->kept_bytes + film->apart_bytes;
    size_t got = fread(pixels, 1, film->kept_bytes, film->stream);
    if (got == film->kept_bytes && film->apart_bytes)
        got += fread(apart, 1, film->apart_bytes, film->stream);
    if (got < wanted) {
        if (ferror(film->stream))
            snprintf(message, QC_MESSAGE_SIZE, "%s", strerror(errno));
        else if (got == 0 && film->raw)
            return FILM_END;
        else
            snprintf(message, QC_MESSAGE_SIZE, "the frame is cut short: %zu bytes of %zu", got,
                     wanted);
        return FILM_FAILED;
    }
    film->frames++;
    qc_image_init(image, film->frame.format, film->frame.width, film->frame.height, pixels);
    layout_put(film->layout, image, pixels, apart);
    image->matrix = film->frame.matrix;
    image->range = film->frame.range;
    return FILM_FRAME;
}
