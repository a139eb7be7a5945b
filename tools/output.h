/*
 * output.h - standard output, whose failures are never lost, and the ways to write text in it.
 */
#ifndef QUALICLIP_OUTPUT_H
#define QUALICLIP_OUTPUT_H

#include <stdbool.h>

#include <cjson/cJSON.h>

enum output_format { OUTPUT_TEXT, OUTPUT_CSV, OUTPUT_JSON };

/* To be called before the first character of a line, and after the last (it writes the newline). */
void output_begin_line(void);

/* False, once complained about, if the line could not be written: no more will be. */
bool output_end_line(void);

/* The last word on standard output; false if anything written to it was lost. */
bool output_close(void);

/* A CSV field, in quotes where it needs them (RFC 4180). */
void output_csv_text(const char *text);

/* Makes cJSON end the program where memory is short; to be called before any other json_. */
void json_start(void);

/* Writes the object as one line and deletes it; the value is that of output_end_line(). */
bool output_json_line(cJSON *object);

/* Text of any bytes; what is not UTF-8 becomes U+FFFD, because JSON can hold nothing else. */
void json_add_text(cJSON *object, const char *name, const char *text);
void json_append_text(cJSON *array, const char *text);

/* A float with as many digits as its exact value needs to be read back. */
void json_add_float(cJSON *object, const char *name, float value);
void json_add_floats(cJSON *object, const char *name, const float *values, size_t count);

/* Six digits: a measurement. */
void json_add_measurement(cJSON *object, const char *name, double value);

#endif
