/*
 * seeds.h - small files of every format, good ones for the most part, that fuzzing begins with.
 *
 * They are made anew from what the tests have; make_seeds.c puts them into a folder for each
 * target.
 */
#ifndef QUALICLIP_FUZZ_SEEDS_H
#define QUALICLIP_FUZZ_SEEDS_H

#include <stddef.h>
#include <stdint.h>

/* A seed in the making: bytes are appended. */
struct seed {
    uint8_t *bytes;
    size_t size, room;
};

void seed_add(struct seed *seed, const void *bytes, size_t size);
void seed_text(struct seed *seed, const char *text);

/* Zeros inside a literal are meant; the one behind it is not. */
#define seed_literal(seed, literal) seed_add(seed, literal, sizeof literal - 1)

/* Writes it as `name` of a target's seeds, and empties it. */
void seed_write(struct seed *seed, const char *target, const char *name);

/* A file as a seed of a target, whose name it keeps. */
void seed_copy(const char *target, const char *path);

/* Each makes the seeds of the targets that it is named after. */
void make_model_seeds(void);      /* gguf */
void make_checkpoint_seeds(void); /* pickle, torchscript, archive */
void make_published_seeds(void);  /* safetensors, config */
void make_text_seeds(void);       /* tokenizer, vocabulary */
void make_picture_seeds(void);    /* png, jpeg */
void make_film_seeds(void);       /* film */
void make_label_seeds(void);      /* labels */

#endif
