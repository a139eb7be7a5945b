/*
 * font.h - the letters of figures: printable ASCII, five dots wide, nine high, in a cell of six.
 */
#ifndef QUALICLIP_FONT_H
#define QUALICLIP_FONT_H

#include <stdbool.h>

enum {
    font_advance = 6, /* from one letter to the next                            */
    font_height = 9,  /* rows 0 to 6 stand on the line, 7 and 8 are below it    */
    font_width = 5
};

/* Whether a letter has a dot there; other characters look like '?'. */
bool font_dot(char letter, int x, int y);

#endif
