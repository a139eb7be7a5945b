/*
 * test_tokenizer.c - token ids against test/golden/tokenizer, which the published Python makes
 * (test/reference/make_tokenizer_golden.py), and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"
#include "tokenizer.h"
#include "unicode.h"
#include "vocabulary.h"
#include "vocabulary_index.h"

#include <cmocka.h>

#define GOLDEN "test/golden/tokenizer/"
#define MERGES 461
#define TOKENS (512 + MERGES + 2)
#define ROOM   4096

/* By unicodedata of Python 3.11, over all code points but 0 and the surrogates. */
#define LETTERS   131756
#define NUMBERS   1791
#define LOWER_SUM 187869114

static struct gguf_text tokens[TOKENS], merges[MERGES];
static struct vocabulary_files files;
static struct tokenizer *tokenizer;
static char text_of_message[QC_MESSAGE_SIZE];
static struct message message = {text_of_message, sizeof text_of_message};

static struct vocabulary vocabulary(void)
{
    for (size_t i = 0; i < TOKENS; i++)
        tokens[i] = (struct gguf_text){files.tokens[i], strlen(files.tokens[i])};
    for (size_t i = 0; i < MERGES; i++)
        merges[i] = (struct gguf_text){files.merges[i], strlen(files.merges[i])};
    return (struct vocabulary){tokens, merges, TOKENS, MERGES};
}

static int set_up(void **state)
{
    (void)state;
    if (!vocabulary_read(&files, GOLDEN "merges.txt", TOKENS, text_of_message))
        return -1;
    const struct vocabulary whole = vocabulary();
    return tokenizer_create(&tokenizer, &whole, &message) ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    tokenizer_free(tokenizer);
    vocabulary_free(&files);
    return 0;
}

static unsigned hexadecimal(const char *digits)
{
    unsigned value = 0;
    assert_int_equal(sscanf(digits, "%2x", &value), 1);
    return value;
}

static void compare_line(char *line)
{
    static uint32_t ids[ROOM];
    char text[8192];
    char *colon = strchr(line, ':');
    assert_non_null(colon);
    const size_t size = line[0] == '-' ? 0 : (size_t)(colon - line) / 2;
    assert_true(size < sizeof text);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)(unsigned char)hexadecimal(line + 2 * i);
    text[size] = 0;
    size_t count = 0, expected = 0;
    assert_int_equal(tokenizer_encode(tokenizer, text, false, ids, ROOM, &count, &message), QC_OK);
    char *at = colon + 1;
    for (char *end; *at && *at != '\n'; at = end, expected++) {
        const unsigned long id = strtoul(at, &end, 10);
        assert_true(end > at);
        if (expected < count && ids[expected] != id)
            fail_msg("token %zu of \"%s\" is %u, expected %lu", expected, text,
                     (unsigned)ids[expected], id);
    }
    if (count != expected)
        fail_msg("\"%s\" has %zu tokens, expected %zu", text, count, expected);
}

static void golden_ids(void **state)
{
    (void)state;
    FILE *file = fopen(GOLDEN "ids.txt", "r");
    assert_non_null(file);
    char line[65536];
    size_t cases = 0;
    while (fgets(line, sizeof line, file)) {
        if (line[0] == '#')
            continue;
        compare_line(line);
        cases++;
    }
    fclose(file);
    assert_true(cases >= 40);
}

static void too_long(void **state)
{
    (void)state;
    uint32_t ids[8];
    size_t count;
    assert_int_equal(tokenizer_encode(tokenizer, "1 2 3 4 5 6", false, ids, 8, &count, &message),
                     QC_OK);
    assert_int_equal(count, 8);
    assert_int_equal(tokenizer_encode(tokenizer, "1 2 3 4 5 6 7", false, ids, 8, &count, &message),
                     QC_ERROR_TOO_LARGE);
    assert_non_null(strstr(text_of_message, "9 tokens"));
    assert_int_equal(count, 0);
    assert_int_equal(tokenizer_encode(tokenizer, "1 2 3 4 5 6 7", true, ids, 8, &count, &message),
                     QC_OK);
    assert_int_equal(count, 8);
    assert_int_equal(ids[7], TOKENS - 1);
    assert_int_not_equal(ids[6], TOKENS - 1);
}

static void refused_texts(void **state)
{
    (void)state;
    static const char *const invalid[] = {"\xFF", "a\xC3", "\xC0\x80", "\xED\xA0\x80", "\x80",
                                          "\xF4\x90\x80\x80", "\xE2\x82", "\xF0\x80\x80\x80"};
    uint32_t ids[8];
    size_t count;
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++)
        assert_int_equal(tokenizer_encode(tokenizer, invalid[i], true, ids, 8, &count, &message),
                         QC_ERROR_ARGUMENT);
    assert_non_null(strstr(text_of_message, "UTF-8"));
    char *huge = malloc(TEXT_SIZE_MAX + 2);
    assert_non_null(huge);
    memset(huge, 'a', TEXT_SIZE_MAX + 1);
    huge[TEXT_SIZE_MAX + 1] = 0;
    assert_int_equal(tokenizer_encode(tokenizer, huge, true, ids, 8, &count, &message),
                     QC_ERROR_ARGUMENT);
    huge[TEXT_SIZE_MAX] = 0;
    assert_int_equal(tokenizer_encode(tokenizer, huge, true, ids, 8, &count, &message), QC_OK);
    free(huge);
}

/* The vocabulary with one string changed must be refused, with the word in the message. */
static void refuse(struct gguf_text *place, const char *text, const char *word)
{
    const struct vocabulary changed = vocabulary();
    *place = (struct gguf_text){text, strlen(text)};
    struct tokenizer *made;
    assert_int_equal(tokenizer_create(&made, &changed, &message), QC_ERROR_FORMAT);
    assert_null(made);
    if (!strstr(text_of_message, word))
        fail_msg("\"%s\" does not say %s", text_of_message, word);
}

static void refused_vocabularies(void **state)
{
    (void)state;
    refuse(&tokens[5], files.tokens[4], "twice");
    refuse(&tokens[TOKENS - 1], "nothing", "<|endoftext|>");
    refuse(&tokens[TOKENS - 2], "nothing", "<|startoftext|>");
    refuse(&tokens[0], "nothing", "no token !");
    refuse(&tokens[256], "nothing", "no token !</w>");
    refuse(&tokens[512], "nothing", "no token");
    refuse(&merges[0], "in", "blank");
    refuse(&merges[0], "q q", "no token qq");
    refuse(&merges[7], files.merges[6], "are the same");
}

/*
 * The tokens alone tell each merge as it was given: 57 of them could have been cut elsewhere too.
 */
static void merges_follow_from_tokens(void **state)
{
    (void)state;
    const struct vocabulary given = vocabulary();
    struct vocabulary alone = given;
    alone.merges = NULL;
    alone.merge_count = 0;
    struct vocabulary_index read, recovered;
    assert_int_equal(index_vocabulary(&read, &given, &message), QC_OK);
    assert_int_equal(index_vocabulary(&recovered, &alone, &message), QC_OK);
    assert_memory_equal(read.byte_token, recovered.byte_token, sizeof read.byte_token);
    assert_memory_equal(read.last_byte_token, recovered.last_byte_token,
                        sizeof read.last_byte_token);
    size_t count = 0;
    for (size_t i = 0; i < recovered.merges.slots; i++) {
        const struct merge *merge = &recovered.merges.table[i];
        if (merge->left == NO_TOKEN)
            continue;
        const struct merge *expected = merge_slot(&read.merges, merge->left, merge->right);
        assert_int_equal(expected->left, merge->left);
        assert_int_equal(expected->result, merge->result);
        assert_int_equal(expected->rank, merge->rank - 512);
        count++;
    }
    assert_int_equal(count, MERGES);
    vocabulary_index_free(&read);
    vocabulary_index_free(&recovered);
}

/* Tokens that no byte-pair encoding learnt in this order are refused, and no merge is guessed. */
static void other_tokens_have_no_merges(void **state)
{
    (void)state;
    char long_token[300];
    memset(long_token, 'a', sizeof long_token);
    const struct gguf_text wrong[] = {{"qq", 2},   {"qqq", 3},        {"\xFF", 1},
                                      {"a b", 3},  {"\xE6\xBC\xA2", 3}, {long_token, 256},
                                      {"", 0},     {"</w>", 4},       {long_token, 255}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct vocabulary alone = vocabulary();
        alone.merges = NULL;
        tokens[TOKENS - 3] = wrong[i];
        struct tokenizer *made;
        /* Two bytes that were never merged make a token: a merge that was the last to be learnt. */
        assert_int_equal(tokenizer_create(&made, &alone, &message),
                         i ? QC_ERROR_FORMAT : QC_OK);
        tokenizer_free(made);
        if (i && !strstr(text_of_message, "token 972, "))
            fail_msg("\"%s\" does not name the token", text_of_message);
    }
    struct vocabulary alone = vocabulary();
    alone.merges = NULL;
    const struct gguf_text first = tokens[512];
    tokens[512] = tokens[TOKENS - 3];
    tokens[TOKENS - 3] = first;
    struct tokenizer *made;
    assert_int_equal(tokenizer_create(&made, &alone, &message), QC_ERROR_FORMAT);
    assert_non_null(strstr(text_of_message, "tokenizer.ggml.merges"));
}

/* Every character's class and case are Python's: sums that /usr/bin/python3 gives too. */
static void unicode_sums(void **state)
{
    (void)state;
    size_t letter_count = 0, number_count = 0, space_count = 0;
    uint64_t lower_sum = 0;
    for (uint32_t code = 1; code < 0x110000; code++) {
        if (code >= 0xD800 && code <= 0xDFFF)
            continue;
        char text[UTF8_MAX], lower[LOWER_GROWTH * UTF8_MAX];
        const size_t size = utf8_encode(text, code);
        assert_int_equal(utf8_length(text, size), size);
        assert_int_equal(utf8_decode(text, size), code);
        letter_count += is_letter(code);
        number_count += is_number(code);
        space_count += is_white_space(code);
        const size_t lower_size = lower_case(lower, text, size);
        for (size_t i = 0; i < lower_size; i++)
            lower_sum = (lower_sum * 31 + (unsigned char)lower[i]) % 1000000007;
    }
    assert_int_equal(letter_count, LETTERS);
    assert_int_equal(number_count, NUMBERS);
    assert_int_equal(space_count, 25);
    assert_int_equal(lower_sum, LOWER_SUM);
}

static void unescape(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {{"&lt;&gt;&amp;&quot;", "<>&\""},  {"&ampere", "&ere"},
                 {"&notit;", "\xC2\xACit;"},        {"&#65;&#x42;", "AB"},
                 {"&nGt;", "\xE2\x89\xAB\xE2\x83\x92"}, {"&", "&"},
                 {"&#x;", "&#x;"},                  {"&#11;", ""},
                 {"&#128;", "\xE2\x82\xAC"},        {"&nosuch;", "&nosuch;"}};
    char out[64];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const size_t size = html_unescape(out, cases[i].text, strlen(cases[i].text));
        assert_int_equal(size, strlen(cases[i].expected));
        assert_memory_equal(out, cases[i].expected, size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_ids),           cmocka_unit_test(too_long),
        cmocka_unit_test(refused_texts),        cmocka_unit_test(refused_vocabularies),
        cmocka_unit_test(merges_follow_from_tokens),
        cmocka_unit_test(other_tokens_have_no_merges),
        cmocka_unit_test(unicode_sums),         cmocka_unit_test(unescape),
    };
    return cmocka_run_group_tests_name("tokenizer", tests, set_up, tear_down);
}
