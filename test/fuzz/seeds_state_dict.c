/*
 * seeds_state_dict.c - see seeds_state_dict.h; the instructions are those of Python's pickletools.
 */
#include "seeds_state_dict.h"

#include <string.h>

#include "fuzz.h"

static const char new_module[] = "c__torch__.part\nModule\n)\x81}(";

static void add_little(struct seed *seed, uint32_t number)
{
    for (int i = 0; i < 4; i++, number >>= 8)
        seed_add(seed, &(uint8_t){(uint8_t)number}, 1);
}

void seed_string(struct seed *seed, const char *text)
{
    seed_text(seed, "X");
    add_little(seed, (uint32_t)strlen(text));
    seed_text(seed, text);
}

void seed_integer(struct seed *seed, uint32_t number)
{
    seed_text(seed, "J");
    add_little(seed, number);
}

/* Remembers: 0 the function that makes tensors, 1 the storage, 2 an empty dict of hooks. */
void state_dict_begin(struct state_dict *dict)
{
    struct seed *seed = &dict->seed;
    seed_text(seed, "\x80\x02"
                    "ctorch._utils\n_rebuild_tensor_v2\n");
    seed_literal(seed, "q\0000(");
    seed_string(seed, "storage");
    seed_text(seed, "ctorch\nFloatStorage\n");
    seed_string(seed, dict->storage);
    seed_string(seed, "cpu");
    seed_integer(seed, dict->elements);
    seed_text(seed, "tQq\1"
                    "0ccollections\nOrderedDict\n)Rq\2"
                    "0");
    seed_text(seed, dict->modules ? new_module : "}(");
    if (dict->wrapper) {
        seed_string(seed, dict->wrapper);
        seed_text(seed, "}(");
    }
}

/* Ends the modules that `name` is not in, begins those that it is; returns what is left of it. */
static const char *enter_module(struct state_dict *dict, const char *name)
{
    char *path = dict->path;
    while (strncmp(path, name, strlen(path)) != 0) {
        seed_text(&dict->seed, "ub");
        path[strlen(path) - 1] = 0;
        char *last = strrchr(path, '.');
        (last ? last + 1 : path)[0] = 0;
    }
    name += strlen(path);
    for (const char *dot; (dot = strchr(name, '.')); name = dot + 1) {
        char part[64];
        snprintf(part, sizeof part, "%.*s", (int)(dot - name), name);
        seed_string(&dict->seed, part);
        seed_text(&dict->seed, new_module);
        strncat(path, name, (size_t)(dot + 1 - name));
    }
    return name;
}

void state_dict_tensor(struct state_dict *dict, const char *name, unsigned dimensions,
                       const uint32_t *shape)
{
    struct seed *seed = &dict->seed;
    uint32_t count = 1, stride[4];
    for (unsigned i = dimensions; i-- > 0;) {
        stride[i] = count;
        count *= shape[i];
    }
    seed_string(seed, dict->modules ? enter_module(dict, name) : name);
    seed_literal(seed, "h\0(h\1K\0(");
    for (unsigned i = 0; i < dimensions; i++)
        seed_integer(seed, shape[i]);
    seed_text(seed, "t(");
    for (unsigned i = 0; i < dimensions; i++)
        seed_integer(seed, count <= dict->elements ? stride[i] : 0);
    seed_text(seed, "t\x89h\2tR");
}

void state_dict_end(struct state_dict *dict)
{
    if (dict->modules) {
        enter_module(dict, "");
        seed_text(&dict->seed, "ub.");
    } else {
        seed_text(&dict->seed, dict->wrapper ? "uu." : "u.");
    }
}
