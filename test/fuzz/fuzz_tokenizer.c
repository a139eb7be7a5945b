/*
 * fuzz_tokenizer.c - any bytes as a text for CLIP's tokenizer, with the tests' small vocabulary.
 */
#include <string.h>

#include "checkpoint/vocabulary.h"
#include "fuzz.h"
#include "test_vocabulary.h"
#include "tokenizer.h"

enum { CONTEXT = 77, PLENTY = 4096 };

/* Made once and never changed. */
static const struct tokenizer *vocabulary_of_the_tests(void)
{
    static struct tokenizer *tokenizer;
    static struct vocabulary_files files;
    char text[QC_MESSAGE_SIZE] = "";
    if (tokenizer)
        return tokenizer;
    PROMISE(vocabulary_read(&files, TEST_VOCABULARY, TEST_TOKENS, text));
    tokenizer = tokenizer_of(&files, text);
    PROMISE(tokenizer);
    return tokenizer;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct tokenizer *tokenizer = vocabulary_of_the_tests();
    char *text = test_memory(size + 1);
    memcpy(text, data, size);
    text[size] = 0;
    check_encoding(tokenizer, text, TEST_TOKENS, CONTEXT);
    check_encoding(tokenizer, text, TEST_TOKENS, PLENTY);
    check_encoding(tokenizer, text, TEST_TOKENS, 2);
    free(text);
    return 0;
}
