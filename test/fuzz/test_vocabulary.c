/*
 * test_vocabulary.c - see test_vocabulary.h.
 */
#include "test_vocabulary.h"

#include <string.h>

#include "fuzz.h"

static struct gguf_text *list_of(const char *const *strings, size_t count)
{
    struct gguf_text *list = test_memory(count * sizeof *list);
    for (size_t i = 0; i < count; i++)
        list[i] = (struct gguf_text){strings[i], strlen(strings[i])};
    return list;
}

struct tokenizer *tokenizer_of(const struct vocabulary_files *files, char *text)
{
    struct message message = {text, QC_MESSAGE_SIZE};
    struct gguf_text *tokens = list_of(files->tokens, files->token_count);
    struct gguf_text *merges = list_of(files->merges, files->merge_count);
    const struct vocabulary vocabulary = {tokens, merges, files->token_count, files->merge_count};
    struct tokenizer *tokenizer = NULL;
    if (tokenizer_create(&tokenizer, &vocabulary, &message)) {
        PROMISE(!tokenizer);
        check_message(text);
    }
    free(tokens);
    free(merges);
    return tokenizer;
}

void check_encoding(const struct tokenizer *tokenizer, const char *text, size_t tokens, size_t room)
{
    char reason[QC_MESSAGE_SIZE] = "";
    struct message message = {reason, sizeof reason};
    uint32_t *whole = test_memory(room * sizeof *whole), *cut = test_memory(room * sizeof *cut);
    size_t count = 0, cut_count = 0;
    const qc_status status =
        tokenizer_encode(tokenizer, text, false, whole, room, &count, &message);
    if (status) {
        check_message(reason);
        check_utf8(reason);
    }
    const qc_status cut_status =
        tokenizer_encode(tokenizer, text, true, cut, room, &cut_count, &message);
    PROMISE(status || !cut_status);
    if (!cut_status) {
        PROMISE(cut_count >= 2 && cut_count <= room);
        for (size_t i = 0; i < cut_count; i++)
            PROMISE(cut[i] < tokens);
        if (status)
            PROMISE(cut_count == room); /* the length was all that was wrong with it */
        else
            PROMISE(count == cut_count && memcmp(whole, cut, count * sizeof *whole) == 0);
    }
    free(whole);
    free(cut);
}
