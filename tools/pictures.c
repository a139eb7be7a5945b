/*
 * pictures.c - reads images; what can be read only once is read into memory first.
 */
#include "pictures.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "diagnostics.h"
#include "memory.h"

/* The bytes up to the end of a stream, to be freed; NULL and a message if that failed. */
static unsigned char *read_all(FILE *stream, size_t *size, char *message)
{
    const size_t most = (size_t)1 << 30; /* no image that can be scored is larger */
    size_t room = 1 << 16;
    unsigned char *data = allocate(room);
    for (*size = 0;;) {
        if (*size == room)
            data = reallocate(data, room *= 2, 1);
        errno = 0;
        const size_t got = fread(data + *size, 1, room - *size, stream);
        if (got == 0 && *size && !ferror(stream))
            return data;
        if (got > 0 && (*size += got) <= most)
            continue;
        snprintf(message, QC_MESSAGE_SIZE, "%s",
                 got > 0          ? "more than 1 GiB: expected the bytes of a PNG or JPEG file"
                 : ferror(stream) ? strerror(errno)
                                  : "nothing came: expected the bytes of a PNG or JPEG file");
        free(data);
        return NULL;
    }
}

static qc_status open_stream(struct opened_picture *opened, FILE *stream, bool decode,
                             const qc_picture_options *options)
{
    size_t size;
    opened->data = read_all(stream, &size, options->message);
    if (!opened->data)
        return QC_ERROR_IO;
    return (decode ? qc_picture_read_memory : qc_picture_open_memory)(&opened->picture,
                                                                      opened->data, size, options);
}

void picture_tidy(char *message, const char *path)
{
    const char *reason = without_subject(message, path);
    memmove(message, reason, strlen(reason) + 1);
}

bool picture_open(struct opened_picture *opened, const char *path, bool decode, uint32_t scaled_for,
                  char *message)
{
    qc_picture_options options;
    qc_picture_options_init(&options);
    options.message = message;
    options.message_size = QC_MESSAGE_SIZE;
    options.scaled_for = scaled_for;
    message[0] = '\0';
    *opened = (struct opened_picture){0};

    struct stat file;
    qc_status status;
    if (strcmp(path, "-") == 0) {
        status = open_stream(opened, stdin, decode, &options);
    } else if (stat(path, &file) == 0 && !S_ISREG(file.st_mode)) {
        FILE *stream = fopen(path, "rb");
        if (!stream) {
            snprintf(message, QC_MESSAGE_SIZE, "%s", strerror(errno));
            return false;
        }
        status = open_stream(opened, stream, decode, &options);
        fclose(stream);
    } else {
        status = (decode ? qc_picture_read : qc_picture_open)(&opened->picture, path, &options);
    }
    if (status == QC_OK)
        return true;
    if (!message[0])
        snprintf(message, QC_MESSAGE_SIZE, "%s", qc_status_string(status));
    picture_tidy(message, path);
    picture_close(opened);
    return false;
}

void picture_close(struct opened_picture *opened)
{
    qc_picture_free(opened->picture);
    free(opened->data);
    *opened = (struct opened_picture){0};
}
