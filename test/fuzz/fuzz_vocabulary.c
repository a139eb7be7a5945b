/*
 * fuzz_vocabulary.c - a vocabulary's files (a list of merges; transformers' vocab.json) and the
 * user's file of prompts or texts.  The first byte says which of them the rest is.
 */
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"
#include "../../tools/prompts.h"
#include "test_vocabulary.h"

enum { SMALLEST_VOCABULARY = 514 };

static size_t count_byte(const uint8_t *data, size_t size, uint8_t byte)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += data[i] == byte;
    return count;
}

static void read_vocabulary(const char *path, size_t tokens)
{
    struct vocabulary_files files;
    char message[QC_MESSAGE_SIZE] = "";
    if (!vocabulary_read(&files, path, tokens, message)) {
        check_message(message);
        return;
    }
    struct tokenizer *tokenizer = tokenizer_of(&files, message);
    if (tokenizer)
        check_encoding(tokenizer, "Good photo, \xC3\x84hnlich ab!", tokens, 77);
    tokenizer_free(tokenizer);
    vocabulary_free(&files);
}

/* As many tokens as the file has lines for, so that it is read to its end. */
static void read_merges(const uint8_t *data, size_t size)
{
    char path[256];
    const size_t lines = count_byte(data, size, '\n');
    scratch_file("merges.txt", data, size, path);
    read_vocabulary(path, SMALLEST_VOCABULARY + (lines ? lines - 1 : 0));
}

static void read_json(const uint8_t *data, size_t size)
{
    static const char merges[] = "#version: 0.2\na b\nb c</w>\n";
    char path[256], folder[256];
    scratch_file("merges.txt", merges, strlen(merges), path);
    scratch_file("vocab.json", data, size, path);
    scratch_path(".", folder);
    const size_t tokens = count_byte(data, size, ':');
    read_vocabulary(folder, tokens < SMALLEST_VOCABULARY ? SMALLEST_VOCABULARY : tokens);
}

static void read_prompts(const uint8_t *data, size_t size, bool single)
{
    char path[256], message[QC_MESSAGE_SIZE] = "";
    struct prompt_list list;
    if (!prompts_read(&list, scratch_file("prompts.txt", data, size, path), single, message)) {
        check_message(message);
        return;
    }
    PROMISE(list.count >= 1 && list.count <= QC_PAIRS_MAX);
    for (size_t i = 0; i < list.count; i++)
        PROMISE(*list.pairs[i].positive && *list.pairs[i].name &&
                (single ? !list.pairs[i].negative : *list.pairs[i].negative != 0));
    prompts_free(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    switch (data[0]) {
    case 'm': read_merges(data + 1, size - 1); break;
    case 'j': read_json(data + 1, size - 1); break;
    case 'p': read_prompts(data + 1, size - 1, false); break;
    case 't': read_prompts(data + 1, size - 1, true); break;
    default: break;
    }
    return 0;
}
