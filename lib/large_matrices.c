/*
 * large_matrices.c - which tensors are large matrices.
 */
#include "large_matrices.h"

/* '#' stands for digits. */
static const char *const patterns[] = {
    "v.patch_embd.weight",         "v.blk.#.attn_q.weight",    "v.blk.#.attn_k.weight",
    "v.blk.#.attn_v.weight",       "v.blk.#.attn_out.weight",  "v.blk.#.ffn_down.weight",
    "v.blk.#.ffn_up.weight",       "v.stage.#.#.conv1.weight", "v.stage.#.#.conv3.weight",
    "v.stage.#.#.shortcut.weight",
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool matches(const char *pattern, const char *name, const char *end)
{
    for (; *pattern; pattern++) {
        if (name == end)
            return false;
        if (*pattern == '#') {
            if (!is_digit(*name))
                return false;
            while (name < end && is_digit(*name))
                name++;
        } else if (*pattern != *name++) {
            return false;
        }
    }
    return name == end;
}

bool is_large_matrix(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        if (matches(patterns[i], name, name + length))
            return true;
    return false;
}
