/*
 * state.c - one safetensors file.  Weights have the names that the converter knows; whole numbers
 * and doubles lie in tensors, too, in parts of 16 bits, which f32 holds exactly.
 */
#include "state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../memory.h"
#include "problem.h"
#include "qualiclip.h"
#include "tensor_file.h"

enum { SHAPE_WORDS = 14, PARTS = 4 };

/* ------------------------------------------------------------------------------------- words */

static size_t head_words(void)
{
    return SHAPE_WORDS + 4 + recipe_words();
}

static void split(const uint64_t *words, size_t count, float *parts)
{
    for (size_t i = 0; i < count * PARTS; i++)
        parts[i] = (float)(words[i / PARTS] >> 16 * (i % PARTS) & 0xffff);
}

static void join(const float *parts, size_t count, uint64_t *words)
{
    memset(words, 0, count * sizeof *words);
    for (size_t i = 0; i < count * PARTS; i++) {
        const float part = parts[i] >= 0 && parts[i] <= 65535 ? parts[i] : 0;
        words[i / PARTS] |= (uint64_t)part << 16 * (i % PARTS);
    }
}

static void record_head(const struct state_head *head, uint64_t *words)
{
    const struct tower_shape *shape = &head->shape;
    const uint64_t numbers[SHAPE_WORDS + 4] = {
        (uint64_t)shape->kind, shape->width,       shape->feature,
        shape->heads,          shape->blocks[0],   shape->blocks[1],
        shape->blocks[2],      shape->blocks[3],   shape->layers,
        shape->patch,          shape->exact_gelu,  shape->grid,
        shape->folded,         head->from_scratch, head->texts,
        head->prompts_learn,   head->step,         head->photos};
    memcpy(words, numbers, sizeof numbers);
    recipe_record(&head->recipe, words + SHAPE_WORDS + 4);
}

/* False and why not in `message`: numbers that no run has. */
static bool recall_head(struct state_head *head, const uint64_t *words, char *message)
{
    enum { texts_most = 2 * QC_PAIRS_MAX };
    const uint64_t steps_most = UINT64_C(1000000000000);
    struct tower_shape *shape = &head->shape;
    shape->kind = words[0] ? TRAIN_VIT : TRAIN_RESNET;
    uint32_t *const members[] = {&shape->width,     &shape->feature,   &shape->heads,
                                 &shape->blocks[0], &shape->blocks[1], &shape->blocks[2],
                                 &shape->blocks[3], &shape->layers,    &shape->patch};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        *members[i] = (uint32_t)words[1 + i];
    shape->exact_gelu = words[10] != 0;
    shape->grid = (uint32_t)words[11];
    shape->folded = words[12] != 0;
    head->from_scratch = words[13] != 0;
    words += SHAPE_WORDS;
    if (words[0] < 2 || words[0] > texts_most || words[0] % 2)
        return problem(message, "it has %" PRIu64 " prompts, expected an even number from 2 to %d",
                       words[0], (int)texts_most);
    if (words[2] > steps_most)
        return problem(message, "it has done %" PRIu64 " steps, expected at most %" PRIu64,
                       words[2], steps_most);
    head->texts = (uint32_t)words[0];
    head->prompts_learn = words[1] != 0;
    head->step = words[2];
    head->photos = words[3];
    return recipe_recall(&head->recipe, words + 4, message);
}

static struct named_tensor numbers_tensor(float *parts, size_t words)
{
    struct named_tensor tensor = {.name = STATE_NUMBERS, .dimensions = 1, .count = words * PARTS};
    tensor.shape[0] = tensor.count;
    tensor.values = parts;
    return tensor;
}

/* ----------------------------------------------------------------------------------- tensors */

static struct named_tensor named(const struct student *student, size_t index, const char *prefix,
                                 float *values)
{
    const struct tower_parameter *parameter = &student->parameters[index];
    struct named_tensor tensor = {
        .dimensions = parameter->dimensions, .count = parameter->count, .values = values};
    memcpy(tensor.shape, parameter->shape, sizeof tensor.shape);
    snprintf(tensor.name, sizeof tensor.name, "%s%s%s", prefix,
             index < student->tower->parameter_count ? "visual." : "", parameter->name);
    return tensor;
}

/* Values, averages and moments of all that learns or is kept; returns how many. */
static size_t list_tensors(const struct student *student, const struct adamw *optimiser,
                           struct named_tensor *tensors)
{
    size_t count = 0;
    for (size_t i = 0; i < student->count; i++) {
        tensors[count++] = named(student, i, "", student->parameters[i].values);
        if (student->averages[i])
            tensors[count++] = named(student, i, "average.", student->averages[i]);
        if (!student->parameters[i].gradient)
            continue;
        tensors[count++] = named(student, i, "adam.first.", optimiser->first[i]);
        tensors[count++] = named(student, i, "adam.second.", optimiser->second[i]);
    }
    return count;
}

static struct named_tensor *make_list(const struct student *student)
{
    return reallocate(NULL, 4 * student->count + 1, sizeof(struct named_tensor));
}

bool state_save(const char *path, const struct state_head *head, const struct student *student,
                const struct adamw *optimiser, char *message)
{
    uint64_t *words = reallocate(NULL, head_words(), sizeof *words);
    float *parts = reallocate(NULL, head_words(), PARTS * sizeof *parts);
    struct named_tensor *tensors = make_list(student);
    record_head(head, words);
    split(words, head_words(), parts);
    size_t count = list_tensors(student, optimiser, tensors);
    tensors[count++] = numbers_tensor(parts, head_words());
    const bool good = tensor_file_write(path, tensors, count, message);
    free(tensors);
    free(parts);
    free(words);
    return good;
}

/*
 * Whether the last block of each stage is in the file and as wide as the shape says: before memory
 * is asked for that grows with both.
 */
static bool check_width(const char *path, const struct tower_shape *shape, char *message)
{
    const uint32_t width_most = UINT32_C(1) << 16;
    const bool vit = shape->kind == TRAIN_VIT;
    const size_t stages = vit ? 1 : 4;
    if (shape->width > width_most >> (stages - 1))
        return problem(message, "%.200s: not the state of a run: its width is %" PRIu32, path,
                       shape->width);
    float *values = reallocate(NULL, width_most, sizeof *values);
    bool good = true;
    for (size_t stage = 0; stage < stages && good; stage++) {
        const uint32_t blocks = vit ? shape->layers : shape->blocks[stage];
        struct named_tensor tensor = {
            .dimensions = 1, .count = (size_t)shape->width << stage, .values = values};
        tensor.shape[0] = tensor.count;
        if (vit)
            snprintf(tensor.name, sizeof tensor.name,
                     "visual.transformer.resblocks.%" PRIu32 ".ln_1.bias", blocks - 1);
        else
            snprintf(tensor.name, sizeof tensor.name, "visual.layer%zu.%" PRIu32 ".bn1.bias",
                     stage + 1, blocks - 1);
        good = tensor_file_read(path, &tensor, 1, message);
    }
    free(values);
    return good;
}

/* Of a file of before, what it does not record is 0; of neither, `message` is about today's. */
static bool read_numbers(const char *path, float *parts, char *message)
{
    const size_t less = recipe_words() - recipe_words_of_before();
    const struct named_tensor tensor = numbers_tensor(parts, head_words());
    const struct named_tensor before = numbers_tensor(parts, head_words() - less);
    char other_message[QC_MESSAGE_SIZE];
    memset(parts, 0, tensor.count * sizeof *parts);
    return tensor_file_read(path, &tensor, 1, message) ||
           tensor_file_read(path, &before, 1, other_message);
}

bool state_read_head(const char *path, struct state_head *head, char *message)
{
    uint64_t *words = reallocate(NULL, head_words(), sizeof *words);
    float *parts = reallocate(NULL, head_words(), PARTS * sizeof *parts);
    char reason[QC_MESSAGE_SIZE];
    bool good = read_numbers(path, parts, message);
    if (good) {
        join(parts, head_words(), words);
        *head = (struct state_head){0};
        good = recall_head(head, words, reason) ||
               problem(message, "%.200s: not the state of a run: %.200s", path, reason);
    }
    free(parts);
    free(words);
    return good && check_width(path, &head->shape, message);
}

bool state_load(const char *path, struct student *student, struct adamw *optimiser, char *message)
{
    struct named_tensor *tensors = make_list(student);
    const size_t count = list_tensors(student, optimiser, tensors);
    const bool good = tensor_file_read(path, tensors, count, message);
    free(tensors);
    return good;
}

bool state_load_weights(const char *path, struct student *student, char *message)
{
    struct named_tensor *tensors = make_list(student);
    size_t count = 0;
    for (size_t i = 0; i < student->count; i++)
        tensors[count++] = named(student, i, student->averages[i] ? "average." : "",
                                 student->parameters[i].values);
    const bool good = tensor_file_read(path, tensors, count, message);
    free(tensors);
    return good;
}
