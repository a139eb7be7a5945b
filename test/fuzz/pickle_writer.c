/*
 * pickle_writer.c - see pickle_writer.h; the instructions are those of Python's pickletools.
 */
#include "pickle_writer.h"

#include <string.h>

#include "fuzz.h"

static const char new_module[] = "c__torch__.part\nModule\n)\x81}(";

static void add_little(struct seed *seed, uint32_t number)
{
    for (int i = 0; i < 4; i++, number >>= 8)
        seed_add(seed, &(uint8_t){(uint8_t)number}, 1);
}

void pickle_string(struct seed *seed, const char *text)
{
    seed_text(seed, "X");
    add_little(seed, (uint32_t)strlen(text));
    seed_text(seed, text);
}

void pickle_integer(struct seed *seed, uint32_t number)
{
    seed_text(seed, "J");
    add_little(seed, number);
}

/* Remembers: 0 the function that makes tensors, 1 the storage, 2 an empty dict of hooks. */
void begin_pickle(struct pickle *pickle)
{
    struct seed *seed = &pickle->seed;
    seed_text(seed, "\x80\x02"
                    "ctorch._utils\n_rebuild_tensor_v2\n");
    seed_literal(seed, "q\0000(");
    pickle_string(seed, "storage");
    seed_text(seed, "ctorch\nFloatStorage\n");
    pickle_string(seed, pickle->storage);
    pickle_string(seed, "cpu");
    pickle_integer(seed, pickle->elements);
    seed_text(seed, "tQq\1"
                    "0ccollections\nOrderedDict\n)Rq\2"
                    "0");
    seed_text(seed, pickle->modules ? new_module : "}(");
    if (pickle->wrapper) {
        pickle_string(seed, pickle->wrapper);
        seed_text(seed, "}(");
    }
}

/* Ends the modules that `name` is not in, begins those that it is; returns what is left of it. */
static const char *enter_module(struct pickle *pickle, const char *name)
{
    char *path = pickle->path;
    while (strncmp(path, name, strlen(path)) != 0) {
        seed_text(&pickle->seed, "ub");
        path[strlen(path) - 1] = 0;
        char *last = strrchr(path, '.');
        (last ? last + 1 : path)[0] = 0;
    }
    name += strlen(path);
    for (const char *dot; (dot = strchr(name, '.')); name = dot + 1) {
        char part[64];
        snprintf(part, sizeof part, "%.*s", (int)(dot - name), name);
        pickle_string(&pickle->seed, part);
        seed_text(&pickle->seed, new_module);
        strncat(path, name, (size_t)(dot + 1 - name));
    }
    return name;
}

void pickle_tensor(struct pickle *pickle, const char *name, unsigned dimensions,
                   const uint32_t *shape)
{
    struct seed *seed = &pickle->seed;
    uint32_t count = 1, stride[4];
    for (unsigned i = dimensions; i-- > 0;) {
        stride[i] = count;
        count *= shape[i];
    }
    pickle_string(seed, pickle->modules ? enter_module(pickle, name) : name);
    seed_literal(seed, "h\0(h\1K\0(");
    for (unsigned i = 0; i < dimensions; i++)
        pickle_integer(seed, shape[i]);
    seed_text(seed, "t(");
    for (unsigned i = 0; i < dimensions; i++)
        pickle_integer(seed, count <= pickle->elements ? stride[i] : 0);
    seed_text(seed, "t\x89h\2tR");
}

void end_pickle(struct pickle *pickle)
{
    if (pickle->modules) {
        enter_module(pickle, "");
        seed_text(&pickle->seed, "ub.");
    } else {
        seed_text(&pickle->seed, pickle->wrapper ? "uu." : "u.");
    }
}
