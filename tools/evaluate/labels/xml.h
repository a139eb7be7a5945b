/*
 * xml.h - a document cut into tags and text, one after another; as much of XML as spreadsheets use.
 *
 * Namespaces' prefixes are taken off, comments and declarations passed over, and entities are only
 * the five that XML has and characters by number: nothing can be defined, so nothing can explode.
 */
#ifndef QUALICLIP_XML_H
#define QUALICLIP_XML_H

#include <stdbool.h>
#include <stddef.h>

struct xml {
    const char *at, *end;
    /* Of the piece that xml_next() has found: */
    bool tag;         /* a tag, else text between tags */
    bool closes;      /* </name> */
    bool empty;       /* <name/> */
    const char *name; /* not terminated */
    size_t name_length;
    const char *text; /* of a tag its attributes; raw, not terminated */
    size_t text_length;
};

void xml_start(struct xml *xml, const char *bytes, size_t size);

/* False at the end, or where a tag has none. */
bool xml_next(struct xml *xml);

bool xml_is(const struct xml *xml, const char *name);

/* The value of an attribute of the tag, decoded; false if it has none or is longer than `size`. */
bool xml_attribute(const struct xml *xml, const char *name, char *value, size_t size);

/* Text without its entities: at most as long as before, terminated.  Returns its length. */
size_t xml_decode(const char *text, size_t length, char *decoded);

#endif
