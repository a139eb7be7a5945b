/*
 * html.h - HTML character references in a text, as Python's html.unescape() takes them.
 */
#ifndef QUALICLIP_HTML_H
#define QUALICLIP_HTML_H

#include <stddef.h>

/*
 * Replaces "&eacute;", "&#233;", "&#xE9;" and what browsers forgive.  `text` is valid UTF-8; `out`
 * must have room for UNESCAPE_GROWTH * size bytes and may not overlap; returns how many it wrote.
 */
#define UNESCAPE_GROWTH 2
size_t html_unescape(char *out, const char *text, size_t size);

#endif
