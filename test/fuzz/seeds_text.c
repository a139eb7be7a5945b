/*
 * seeds_text.c - texts of the tokenizer's golden file; vocabularies and prompts.
 */
#include <stdbool.h>
#include <string.h>

#include "checkpoint/vocabulary.h"
#include "fuzz.h"
#include "seeds.h"

enum { SMALLEST_VOCABULARY = 514 };

/* Each line begins with a text as hexadecimal digits, '-' for none. */
static void make_tokenizer_seeds(void)
{
    char line[8192], digits[8192], name[32];
    FILE *file = fopen("test/golden/tokenizer/ids.txt", "r");
    PROMISE(file);
    for (unsigned number = 1; fgets(line, sizeof line, file); number++) {
        struct seed seed = {0};
        unsigned byte;
        if (line[0] == '#' || sscanf(line, "%8191[0-9a-f]", digits) != 1)
            continue;
        for (const char *at = digits; sscanf(at, "%2x", &byte) == 1; at += 2)
            seed_add(&seed, &(uint8_t){(uint8_t)byte}, 1);
        snprintf(name, sizeof name, "line-%u", number);
        seed_write(&seed, "tokenizer", name);
    }
    fclose(file);
    struct seed seed = {0};
    for (int i = 0; i < 40; i++)
        seed_text(&seed, "one more of many words, ");
    seed_write(&seed, "tokenizer", "too-many-words");
}

static void make_merges_seeds(void)
{
    struct seed seed = {0};
    seed_text(&seed, "m#version: 0.2\na b\nab c</w>\n");
    seed_write(&seed, "vocabulary", "merges-two");
    char line[256];
    FILE *file = fopen(TEST_VOCABULARY, "r");
    PROMISE(file);
    seed_text(&seed, "m");
    for (int i = 0; i < 40 && fgets(line, sizeof line, file); i++)
        seed_text(&seed, line);
    fclose(file);
    seed_write(&seed, "vocabulary", "merges-forty");
}

static void add_json_string(struct seed *seed, const char *text)
{
    seed_text(seed, "\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            seed_text(seed, "\\");
        seed_add(seed, text, 1);
    }
    seed_text(seed, "\"");
}

/* The bytes' tokens and two merges, as fuzz_vocabulary.c has them. */
static void make_json_seed(void)
{
    static const char merges[] = "#version: 0.2\na b\nb c</w>\n";
    enum { TOKENS = SMALLEST_VOCABULARY + 2 };
    struct vocabulary_files files;
    char path[256], number[32], message[QC_MESSAGE_SIZE];
    scratch_file("merges.txt", merges, strlen(merges), path);
    PROMISE(vocabulary_read(&files, path, TOKENS, message));
    struct seed seed = {0};
    seed_text(&seed, "j{");
    for (int i = 0; i < TOKENS; i++) {
        add_json_string(&seed, files.tokens[i]);
        snprintf(number, sizeof number, ":%d%s", i, i + 1 < TOKENS ? "," : "}");
        seed_text(&seed, number);
    }
    vocabulary_free(&files);
    seed_write(&seed, "vocabulary", "json");
}

static void make_prompts_seeds(void)
{
    struct seed seed = {0};
    seed_text(&seed, "p# comment\n\nGood photo.\tBad photo.\nSharp\tBlurry\tsharpness\r\n");
    seed_write(&seed, "vocabulary", "prompts");
    seed_text(&seed, "tA cat.\tcat\n# no dog\nA horse.\n");
    seed_write(&seed, "vocabulary", "texts");
    seed_text(&seed, "p\xEF\xBB\xBFWell lit.\t Badly lit. \t\xE5\x85\x89");
    seed_write(&seed, "vocabulary", "prompts-mark");
}

void make_text_seeds(void)
{
    make_tokenizer_seeds();
    make_merges_seeds();
    make_json_seed();
    make_prompts_seeds();
}
