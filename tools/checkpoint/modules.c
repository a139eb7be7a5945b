/*
 * modules.c - walks the modules once, depth first.  A pickle can describe any graph, so depth,
 * number and length of names are bounded here, and a module may not lie inside itself.
 */
#include "modules.h"

#include <stdlib.h>
#include <string.h>

enum {
    DEPTH_LIMIT = 32,        /* CLIP: 6 */
    ATTRIBUTE_LIMIT = 65536, /* looked at, in all modules; CLIP's largest: about 3000 */
    NAME_SIZE = 256
};

struct walk {
    const char *origin;
    struct value_pool *pool;
    char *message;
    struct value *dict;
    size_t looked_at;
    char name[NAME_SIZE];
};

static bool add(struct walk *walk, struct value *value)
{
    struct value *key = new_value(walk->pool, VALUE_STRING);
    if (!key || !(key->string = pool_string(walk->pool, walk->name, strlen(walk->name))) ||
        !sequence_append(walk->pool, walk->dict, key) ||
        !sequence_append(walk->pool, walk->dict, value))
        return problem(walk->message, "%.200s: data.pkl: needs too much memory", walk->origin);
    return true;
}

/* Puts "." and the attribute's name behind the module's. */
static bool extend_name(struct walk *walk, size_t length, const struct value *key)
{
    if (key->kind != VALUE_STRING)
        return problem(walk->message,
                       "%.200s: data.pkl: a module has an attribute whose name is "
                       "%s, not a string",
                       walk->origin, kind_name(key->kind));
    size_t more = strlen(key->string);
    if (length + 1 + more >= NAME_SIZE)
        return problem(walk->message, "%.200s: data.pkl: the name %.150s... is too long",
                       walk->origin, walk->name);
    if (length)
        walk->name[length++] = '.';
    memcpy(walk->name + length, key->string, more + 1);
    return true;
}

/* `length` is that of the module's name in walk->name. */
static bool flatten(struct walk *walk, struct value *module, size_t length, unsigned depth)
{
    if (depth == DEPTH_LIMIT)
        return problem(walk->message, "%.200s: data.pkl: modules are nested too deeply (%.100s...)",
                       walk->origin, walk->name);
    if (module->object.open)
        return problem(walk->message, "%.200s: data.pkl: module %.150s lies inside itself",
                       walk->origin, walk->name);
    module->object.open = true;
    const struct value *state = module->object.state;
    bool good = true;
    for (size_t i = 0; good && state && i + 1 < state->sequence.count; i += 2) {
        struct value *value = state->sequence.items[i + 1];
        if (++walk->looked_at > ATTRIBUTE_LIMIT)
            good = problem(walk->message,
                           "%.200s: data.pkl: the modules have more than %d "
                           "attributes",
                           walk->origin, ATTRIBUTE_LIMIT);
        else if (value->kind != VALUE_NONE && value->kind != VALUE_BOOL)
            good =
                extend_name(walk, length, state->sequence.items[i]) &&
                (value->kind == VALUE_OBJECT ? flatten(walk, value, strlen(walk->name), depth + 1)
                                             : add(walk, value));
        walk->name[length] = 0;
    }
    module->object.open = false;
    return good;
}

const struct value *flatten_modules(struct value *root, const char *origin, struct value_pool *pool,
                                    char *message)
{
    struct walk walk = {.origin = origin, .pool = pool, .message = message};
    walk.dict = new_value(pool, VALUE_DICT);
    if (!walk.dict) {
        problem(message, "%.200s: data.pkl: needs too much memory", origin);
        return NULL;
    }
    return flatten(&walk, root, 0, 0) ? walk.dict : NULL;
}
