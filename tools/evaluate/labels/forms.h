/*
 * forms.h - the datasets whose label files are known: by which columns, called how, and what else
 * can be told of an image from its name.
 */
#ifndef QUALICLIP_FORMS_H
#define QUALICLIP_FORMS_H

#include "labels.h"

struct form {
    const char *key, *title;
    const char *files[6];               /* in a folder of the dataset, the best first */
    const char *headings[5];            /* by which a table is recognised */
    const char *name, *opinion, *split; /* columns, once derive() has run; split may be NULL */
    bool lower_is_better;

    /* Adds columns; NULL: nothing to add.  False with a message: it is of another form after all.
     */
    bool (*derive)(struct labels *labels, char message[TABLE_MESSAGE_SIZE]);

    /* Instead of headings, for tables that have none; NULL: by headings alone. */
    bool (*recognise)(struct table *table);
};

/* NULL behind the last. */
const struct form *form_at(size_t index);

#endif
