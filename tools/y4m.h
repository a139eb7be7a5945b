/*
 * y4m.h - the first line of a YUV4MPEG2 stream (.y4m; yuv4mpeg(5)), which says what its frames are.
 *
 * Strict: a line that is not understood to its last letter is refused, for frames of another size
 * or format would be scored as noise.  Ways of scanning are taken as they come.
 */
#ifndef QUALICLIP_Y4M_H
#define QUALICLIP_Y4M_H

#include <stdbool.h>

#include "film_layout.h"
#include "qualiclip.h"

#define Y4M_MAGIC "YUV4MPEG2"

enum {
    Y4M_LINE_MOST = 1024, /* bytes of a line, the newline included */
    Y4M_SIDE_MOST = 65535
};

struct y4m {
    uint32_t width, height;
    qc_pixel_format format;  /* what frames become ... */
    enum film_layout layout; /* ... of what they are */
    qc_range range;          /* QC_RANGE_DEFAULT where the stream does not tell */
};

/* `line` without its newline; false with a message (QC_MESSAGE_SIZE bytes) that names the field. */
bool y4m_parse(struct y4m *y4m, const char *line, char *message);

#endif
