/*
 * derived.h - what datasets say of an image by where it is in the file and by its name.
 */
#ifndef QUALICLIP_DERIVED_H
#define QUALICLIP_DERIVED_H

#include "labels.h"

/* Each adds the columns that its dataset has use for; false with a message. */
typedef bool derivation(struct labels *labels, char message[TABLE_MESSAGE_SIZE]);

derivation derive_clive; /* split: practice, of the seven images that observers were shown first */
derivation derive_flive; /* source: the folder; split: validation, where is_valid says so */
derivation derive_cviu;  /* name, method, scale and reference of a path of Windows */
derivation derive_shrq;  /* method, reference and subset: regular or aerial */
derivation derive_agiqa; /* generator */
derivation derive_kadid; /* distortion and level */
derivation derive_tid;   /* distortion, level and reference */
derivation derive_live;  /* name, distortion, reference; split: original */
derivation derive_csiq;  /* name, distortion, level, reference */

/* Tables without headings, whose columns they name: of numbers and names like I01_01_1.bmp; of
 * references, names like Art_He09.png and numbers. */
bool recognise_tid(struct table *table);
bool recognise_shrq(struct table *table);

#endif
