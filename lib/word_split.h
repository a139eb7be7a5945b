/*
 * word_split.h - where CLIP's tokenizer cuts a text: its regular expression as a function.
 */
#ifndef QUALICLIP_WORD_SPLIT_H
#define QUALICLIP_WORD_SPLIT_H

#include <stddef.h>

struct split {
    size_t skipped; /* bytes before the word that belong to none */
    size_t size;    /* bytes of the word; 0: there is none, and all was skipped */
};

/* The first word of a text in lower case, valid UTF-8, of size > 0. */
struct split next_word(const char *text, size_t size);

#endif
