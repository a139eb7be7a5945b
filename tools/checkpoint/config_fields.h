/*
 * config_fields.h - fields of a JSON object that describes a model, each checked and named in full
 * where it is wrong.  For published_config.c and the readers of its two formats.
 */
#ifndef QUALICLIP_CONFIG_FIELDS_H
#define QUALICLIP_CONFIG_FIELDS_H

#include "json.h"
#include "published_config.h"

/* An object being read; a failure is kept, for all objects of a file, and later calls do nothing.
 */
struct fields {
    const cJSON *object; /* NULL: nothing is there */
    const char *path;
    char *message;
    bool *failed;
};

/* The object within, or one with nothing in it. */
struct fields fields_within(struct fields *fields, const char *name);

/* The field after the last dot of `field`; what is absent or null is NULL. */
const cJSON *field_find(const struct fields *fields, const char *field);

/* An integer from 1 to 2^24; untouched where it is absent. */
void field_size(struct fields *fields, const char *field, struct told *told);

/* The same, which the format takes for `absent` where it is not there. */
void field_size_or(struct fields *fields, const char *field, uint64_t absent,
                   const char *field_if_absent, struct told *told);

/* A number above `least` and below `most`. */
void field_number(struct fields *fields, const char *field, double least, double most,
                  double *number);

/* Three numbers in the range of pixels; `is_divisor`: above 0. */
void field_channels(struct fields *fields, const char *field, bool is_divisor, float *numbers,
                    bool *given);

/* Fails unless the field is absent or this; `expected` is a JSON text such as "true". */
void field_must_be(struct fields *fields, const char *field, const char *expected);

void fields_fail(struct fields *fields, const char *field, const char *expected);

/* The readers. */
void read_transformers_config(struct fields *root, struct published_config *config);
void read_open_clip_config(struct fields *root, struct published_config *config);

/* preprocessor_config.json; whether it tells the numbers. */
bool read_preprocessor_config(struct fields *root, struct published_config *config);

#endif
