/*
 * fuzz_labels.c - a file of opinions or of scores: text, MATLAB's, a spreadsheet.
 */
#include <math.h>
#include <string.h>

#include "checksums.h"
#include "fuzz.h"
#include "labels/join.h"
#include "labels/labels.h"
#include "labels/scores.h"

static void check_reason(const char *message)
{
    const size_t length = strnlen(message, TABLE_MESSAGE_SIZE);
    PROMISE(length > 0 && length < TABLE_MESSAGE_SIZE);
}

/* Every cell is a text; what the readers say of columns is so. */
static void check_labels(const struct labels *labels)
{
    const struct table *table = &labels->table;
    PROMISE(labels->name < table->columns && labels->opinion < table->columns);
    PROMISE(labels->split < table->columns || labels->split == TABLE_NO_COLUMN);
    size_t letters = 0;
    for (size_t i = 0; table->names && i < table->columns; i++)
        letters += strlen(table->names[i]);
    for (size_t row = 0; row < table->rows; row++) {
        for (size_t i = 0; i < table->columns; i++)
            letters += strlen(table_cell(table, row, i));
        PROMISE(!isinf(table_number(table, row, labels->opinion)));
    }
    PROMISE(letters < SIZE_MAX / 2);
}

/* Names are joined with themselves: each has itself, unless it is there twice. */
static void check_join(const struct scores *scores)
{
    size_t *partner = test_memory((scores->count + 1) * sizeof *partner);
    join_names(scores->names, scores->count, scores->names, scores->count, partner);
    for (size_t i = 0; i < scores->count; i++)
        PROMISE(partner[i] == i || partner[i] == JOIN_AMBIGUOUS);
    free(partner);
}

static void read_labels(const char *path, const struct label_options *options)
{
    char message[TABLE_MESSAGE_SIZE] = "";
    struct labels labels;
    if (labels_read(&labels, path, options, message)) {
        check_labels(&labels);
        labels_free(&labels);
    } else {
        check_reason(message);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[256], message[TABLE_MESSAGE_SIZE] = "";
    struct scores scores;
    size_t datasets = 0;
    while (labels_dataset(datasets))
        datasets++;
    scratch_file("labels", data, size, path);
    read_labels(path, &(struct label_options){0});
    read_labels(
        path, &(struct label_options){.dataset = labels_dataset(crc32_of(data, size) % datasets)});
    if (scores_read(&scores, path, &(struct score_options){0}, message)) {
        check_join(&scores);
        scores_free(&scores);
    } else {
        check_reason(message);
    }
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed)
{
    size = LLVMFuzzerMutate(data, size, room);
    if (seed % 8)
        repair_zip(data, size);
    return size;
}
