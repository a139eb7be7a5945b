/*
 * gguf_writer.h - writes a model file: keys, then the table of tensors, then their numbers,
 * streamed.
 *
 * It lives with the tools because the inference library never writes a file.  Everything goes to a
 * temporary name beside the destination, which is renamed over it by gguf_writer_finish() alone.
 * A failure is remembered and reported by finish, so that a run of puts needs no checks.
 */
#ifndef QUALICLIP_GGUF_WRITER_H
#define QUALICLIP_GGUF_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../lib/gguf_format.h"

struct gguf_writer;
struct gguf_value; /* lib/gguf.h */

/* NULL if memory is short or the temporary file cannot be made; `message` (512 bytes) says why. */
struct gguf_writer *gguf_writer_open(const char *path, char *message);

void gguf_put_u32(struct gguf_writer *writer, const char *key, uint32_t value);
void gguf_put_f32(struct gguf_writer *writer, const char *key, float value);
void gguf_put_bool(struct gguf_writer *writer, const char *key, bool value);
void gguf_put_string(struct gguf_writer *writer, const char *key, const char *value);
void gguf_put_u32s(struct gguf_writer *writer, const char *key, const uint32_t *values,
                   size_t count);
void gguf_put_f32s(struct gguf_writer *writer, const char *key, const float *values, size_t count);
void gguf_put_strings(struct gguf_writer *writer, const char *key, const char *const *values,
                      size_t count);

/* A key of another file, as it is there. */
void gguf_put_value(struct gguf_writer *writer, const struct gguf_value *value);

/* Announces a tensor; all of them before the first gguf_write().  Fastest dimension first. */
void gguf_declare(struct gguf_writer *writer, const char *name, enum gguf_tensor_type type,
                  uint32_t dimensions, const uint64_t *shape);

/* The next bytes of the tensors' numbers, in the order of declaration; padding is added between. */
void gguf_write(struct gguf_writer *writer, const void *data, size_t size);

/* Where in the file the next of them will lie; to be asked after the first gguf_write(). */
uint64_t gguf_next_place(const struct gguf_writer *writer);

/* Checks that every tensor is complete, renames, and frees the writer.  False: message says why. */
bool gguf_writer_finish(struct gguf_writer *writer, char *message);

/* Removes the temporary file and frees the writer.  NULL is allowed. */
void gguf_writer_abandon(struct gguf_writer *writer);

#endif
