/*
 * pickle.c - the stack machine: one function reads one instruction.  It may only build values; what
 * the known names mean is in pickle_globals.c.
 *
 * Bounded throughout: the stack, the memo, nested marks and, in value.c, all memory.  There is no
 * recursion, so neither depth nor cycles in the data matter here.
 */
#include "pickle.h"

#include <stdlib.h>
#include <string.h>

#include "pickle_globals.h"

enum {
    STACK_LIMIT = 1 << 20,
    MEMO_LIMIT = 1 << 20,
    MARK_LIMIT = 1 << 12,
    NAME_LIMIT = 256 /* bytes of a global's module or name */
};

enum opcode {
    OP_MARK = '(',
    OP_STOP = '.',
    OP_POP = '0',
    OP_POP_MARK = '1',
    OP_DUP = '2',
    OP_NONE = 'N',
    OP_BINFLOAT = 'G',
    OP_BININT = 'J',
    OP_BININT1 = 'K',
    OP_BININT2 = 'M',
    OP_LONG1 = 0x8a,
    OP_LONG4 = 0x8b,
    OP_NEWTRUE = 0x88,
    OP_NEWFALSE = 0x89,
    OP_BINSTRING = 'T',
    OP_SHORT_BINSTRING = 'U',
    OP_BINUNICODE = 'X',
    OP_SHORT_BINUNICODE = 0x8c,
    OP_BINUNICODE8 = 0x8d,
    OP_BINBYTES = 'B',
    OP_SHORT_BINBYTES = 'C',
    OP_BINBYTES8 = 0x8e,
    OP_BYTEARRAY8 = 0x96,
    OP_EMPTY_LIST = ']',
    OP_APPEND = 'a',
    OP_APPENDS = 'e',
    OP_LIST = 'l',
    OP_EMPTY_TUPLE = ')',
    OP_TUPLE = 't',
    OP_TUPLE1 = 0x85,
    OP_TUPLE2 = 0x86,
    OP_TUPLE3 = 0x87,
    OP_EMPTY_DICT = '}',
    OP_DICT = 'd',
    OP_SETITEM = 's',
    OP_SETITEMS = 'u',
    OP_GLOBAL = 'c',
    OP_STACK_GLOBAL = 0x93,
    OP_REDUCE = 'R',
    OP_NEWOBJ = 0x81,
    OP_BUILD = 'b',
    OP_BINPERSID = 'Q',
    OP_BINGET = 'h',
    OP_LONG_BINGET = 'j',
    OP_BINPUT = 'q',
    OP_LONG_BINPUT = 'r',
    OP_MEMOIZE = 0x94,
    OP_PROTO = 0x80,
    OP_FRAME = 0x95
};

/* A growing array of values. */
struct shelf {
    struct value **values;
    size_t count, capacity;
};

struct machine {
    const unsigned char *data;
    size_t size, position;
    const char *origin;
    char *message;
    struct value_pool *pool;
    struct shelf stack, memo;
    size_t marks[MARK_LIMIT]; /* heights of the stack */
    size_t mark_count;
};

static bool refuse(struct machine *machine, const char *what)
{
    return problem(machine->message, "%.200s: data.pkl: %s (at byte %zu)", machine->origin, what,
                   machine->position);
}

static bool shelf_reserve(struct shelf *shelf, size_t count)
{
    if (count <= shelf->capacity)
        return true;
    size_t capacity = shelf->capacity ? shelf->capacity : 256;
    while (capacity < count)
        capacity *= 2;
    struct value **values = realloc(shelf->values, capacity * sizeof *values);
    if (!values)
        return false;
    memset(values + shelf->capacity, 0, (capacity - shelf->capacity) * sizeof *values);
    shelf->values = values;
    shelf->capacity = capacity;
    return true;
}

/* --------------------------------------------------------------------------------- operands */

/* The next `size` bytes, or NULL where the pickle ends before. */
static const unsigned char *take(struct machine *machine, uint64_t size)
{
    if (size > machine->size - machine->position) {
        refuse(machine, "ends in the middle of an instruction");
        return NULL;
    }
    const unsigned char *bytes = machine->data + machine->position;
    machine->position += (size_t)size;
    return bytes;
}

static bool take_number(struct machine *machine, unsigned size, uint64_t *number)
{
    const unsigned char *bytes = take(machine, size);
    if (!bytes)
        return false;
    *number = 0;
    for (unsigned i = size; i-- > 0;)
        *number = *number << 8 | bytes[i];
    return true;
}

/* A name that ends with a line feed, as GLOBAL has two of. */
static const char *take_line(struct machine *machine)
{
    const unsigned char *start = machine->data + machine->position;
    size_t left = machine->size - machine->position;
    const unsigned char *end = left ? memchr(start, '\n', left) : NULL;
    if (!end || end - start > NAME_LIMIT || memchr(start, 0, (size_t)(end - start))) {
        refuse(machine, "a global's name is cut short or too long");
        return NULL;
    }
    machine->position += (size_t)(end - start) + 1;
    const char *line = pool_string(machine->pool, (const char *)start, (size_t)(end - start));
    if (!line)
        refuse(machine, "needs too much memory");
    return line;
}

/* ------------------------------------------------------------------------------------ stack */

static size_t stack_floor(const struct machine *machine)
{
    return machine->mark_count ? machine->marks[machine->mark_count - 1] : 0;
}

static bool push(struct machine *machine, struct value *value)
{
    if (!value)
        return refuse(machine, "needs too much memory");
    if (machine->stack.count >= STACK_LIMIT)
        return refuse(machine, "the stack grows beyond its limit");
    if (!shelf_reserve(&machine->stack, machine->stack.count + 1))
        return refuse(machine, "out of memory");
    machine->stack.values[machine->stack.count++] = value;
    return true;
}

/* NULL: there is nothing above the last mark. */
static struct value *pop(struct machine *machine)
{
    if (machine->stack.count <= stack_floor(machine)) {
        refuse(machine, "takes from an empty stack");
        return NULL;
    }
    return machine->stack.values[--machine->stack.count];
}

static struct value *top(struct machine *machine)
{
    struct value *value = pop(machine);
    machine->stack.count += value != NULL;
    return value;
}

/* Removes the last mark; *first is where the values above it begin. */
static bool pop_mark(struct machine *machine, size_t *first)
{
    if (!machine->mark_count)
        return refuse(machine, "takes a mark that was not set");
    *first = machine->marks[--machine->mark_count];
    return true;
}

static bool drop_to_mark(struct machine *machine)
{
    size_t first = 0;
    if (!pop_mark(machine, &first))
        return false;
    machine->stack.count = first;
    return true;
}

static struct value *push_new(struct machine *machine, enum value_kind kind)
{
    struct value *value = new_value(machine->pool, kind);
    return push(machine, value) ? value : NULL;
}

/* ------------------------------------------------------------------------------------ values */

static bool push_integer(struct machine *machine, int64_t integer)
{
    struct value *value = push_new(machine, VALUE_INTEGER);
    if (value)
        value->integer = integer;
    return value != NULL;
}

static bool push_truth(struct machine *machine, bool truth)
{
    struct value *value = push_new(machine, VALUE_BOOL);
    if (value)
        value->truth = truth;
    return value != NULL;
}

static bool read_integer(struct machine *machine, unsigned size)
{
    uint64_t number;
    if (!take_number(machine, size, &number))
        return false;
    /* Only the four-byte form has a sign. */
    return push_integer(machine, size == 4 ? (int64_t)(int32_t)(uint32_t)number : (int64_t)number);
}

/* A two's complement number of any length. */
static bool read_long(struct machine *machine, unsigned length_size)
{
    uint64_t length;
    if (!take_number(machine, length_size, &length))
        return false;
    const unsigned char *bytes = take(machine, length);
    if (!bytes)
        return false;
    if (length > 8)
        return push_new(machine, VALUE_OPAQUE) != NULL;
    uint64_t number = length && (bytes[length - 1] & 0x80) ? UINT64_MAX : 0;
    for (size_t i = (size_t)length; i-- > 0;)
        number = number << 8 | bytes[i];
    int64_t integer;
    memcpy(&integer, &number, sizeof integer);
    return push_integer(machine, integer);
}

static bool read_float(struct machine *machine)
{
    const unsigned char *bytes = take(machine, 8);
    if (!bytes)
        return false;
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++) /* big-endian, alone among the operands */
        bits = bits << 8 | bytes[i];
    struct value *value = push_new(machine, VALUE_FLOAT);
    if (value)
        memcpy(&value->number, &bits, sizeof bits);
    return value != NULL;
}

static bool read_string(struct machine *machine, unsigned length_size)
{
    uint64_t length;
    if (!take_number(machine, length_size, &length))
        return false;
    const unsigned char *bytes = take(machine, length);
    if (!bytes)
        return false;
    if (length && memchr(bytes, 0, (size_t)length))
        return push_new(machine, VALUE_OPAQUE) != NULL; /* bytes, as Python 3 writes numpy's */
    struct value *value = push_new(machine, VALUE_STRING);
    if (!value)
        return false;
    value->string = pool_string(machine->pool, (const char *)bytes, (size_t)length);
    return value->string || refuse(machine, "needs too much memory");
}

static bool read_bytes(struct machine *machine, unsigned length_size)
{
    uint64_t length;
    return take_number(machine, length_size, &length) && take(machine, length) &&
           push_new(machine, VALUE_OPAQUE);
}

/* Makes a sequence of all values from `first` on, in their place. */
static bool gather(struct machine *machine, enum value_kind kind, size_t first)
{
    struct value *value = new_value(machine->pool, kind);
    size_t count = machine->stack.count - first;
    if (kind == VALUE_DICT && count % 2)
        return refuse(machine, "a dict has a key without a value");
    if (value && count) {
        value->sequence.items = pool_allocate(machine->pool, count * sizeof(struct value *));
        if (!value->sequence.items)
            return refuse(machine, "needs too much memory");
        memcpy(value->sequence.items, machine->stack.values + first,
               count * sizeof(struct value *));
        value->sequence.count = value->sequence.capacity = count;
    }
    machine->stack.count = first;
    return push(machine, value);
}

static bool gather_from_mark(struct machine *machine, enum value_kind kind)
{
    size_t first = 0;
    return pop_mark(machine, &first) && gather(machine, kind, first);
}

static bool gather_last(struct machine *machine, size_t count)
{
    if (machine->stack.count - stack_floor(machine) < count)
        return refuse(machine, "takes from an empty stack");
    return gather(machine, VALUE_TUPLE, machine->stack.count - count);
}

/* Moves the values from `first` on into the list or dict below them. */
static bool extend(struct machine *machine, enum value_kind kind, size_t first)
{
    if (first <= stack_floor(machine))
        return refuse(machine, "takes from an empty stack");
    struct value *target = machine->stack.values[first - 1];
    if (target->kind != kind)
        return refuse(machine, kind == VALUE_DICT ? "sets items of something that is not a dict"
                                                  : "appends to something that is not a list");
    if (kind == VALUE_DICT && (machine->stack.count - first) % 2)
        return refuse(machine, "a dict has a key without a value");
    for (size_t i = first; i < machine->stack.count; i++)
        if (!sequence_append(machine->pool, target, machine->stack.values[i]))
            return refuse(machine, "needs too much memory");
    machine->stack.count = first;
    return true;
}

static bool extend_from_mark(struct machine *machine, enum value_kind kind)
{
    size_t first = 0;
    return pop_mark(machine, &first) && extend(machine, kind, first);
}

static bool extend_last(struct machine *machine, enum value_kind kind, size_t count)
{
    if (machine->stack.count - stack_floor(machine) < count)
        return refuse(machine, "takes from an empty stack");
    return extend(machine, kind, machine->stack.count - count);
}

/* -------------------------------------------------------------------------------------- memo */

static bool memo_put(struct machine *machine, uint64_t index)
{
    struct value *value = top(machine);
    if (!value)
        return false;
    if (index >= MEMO_LIMIT)
        return refuse(machine, "the memo grows beyond its limit");
    if (!shelf_reserve(&machine->memo, (size_t)index + 1))
        return refuse(machine, "out of memory");
    machine->memo.count += !machine->memo.values[index]; /* what MEMOIZE numbers by */
    machine->memo.values[index] = value;
    return true;
}

static bool read_put(struct machine *machine, unsigned size)
{
    uint64_t index;
    return take_number(machine, size, &index) && memo_put(machine, index);
}

static bool read_get(struct machine *machine, unsigned size)
{
    uint64_t index;
    if (!take_number(machine, size, &index))
        return false;
    if (index >= machine->memo.capacity || !machine->memo.values[index])
        return refuse(machine, "recalls something that was not remembered");
    return push(machine, machine->memo.values[index]);
}

/* --------------------------------------------------------------------------- names and calls */

/* Pushes a result whose failure has been explained already. */
static bool push_result(struct machine *machine, struct value *value)
{
    return value && push(machine, value);
}

static bool read_global(struct machine *machine)
{
    const char *module = take_line(machine);
    const char *name = module ? take_line(machine) : NULL;
    return name && push_result(machine, find_global(module, name, machine->origin, machine->pool,
                                                    machine->message));
}

static bool stack_global(struct machine *machine)
{
    struct value *name = pop(machine);
    struct value *module = name ? pop(machine) : NULL;
    if (!module)
        return false;
    if (name->kind != VALUE_STRING || module->kind != VALUE_STRING)
        return refuse(machine, "a global's name is not a string");
    return push_result(machine, find_global(module->string, name->string, machine->origin,
                                            machine->pool, machine->message));
}

static bool reduce(struct machine *machine)
{
    struct value *arguments = pop(machine);
    struct value *callable = arguments ? pop(machine) : NULL;
    return callable && push_result(machine, call_global(callable, arguments, machine->origin,
                                                        machine->pool, machine->message));
}

static bool new_object(struct machine *machine)
{
    struct value *arguments = pop(machine);
    struct value *class = arguments ? pop(machine) : NULL;
    return class && push_result(machine, new_module(class, arguments, machine->origin,
                                                    machine->pool, machine->message));
}

static bool persistent_id(struct machine *machine)
{
    struct value *id = pop(machine);
    return id &&
           push_result(machine, find_storage(id, machine->origin, machine->pool, machine->message));
}

/* A module's state is its attributes; that of an OrderedDict (a state dict's versions) or of a
 * thing of no use is of no use. */
static bool build(struct machine *machine)
{
    struct value *state = pop(machine);
    struct value *target = state ? top(machine) : NULL;
    if (!target)
        return false;
    if (state->kind == VALUE_DICT && target->kind == VALUE_OBJECT && !target->object.state) {
        target->object.state = state;
        return true;
    }
    return (state->kind == VALUE_DICT && target->kind == VALUE_DICT) ||
           target->kind == VALUE_OPAQUE ||
           refuse(machine,
                  "sets a state that is not a dict, or that of something that is neither a "
                  "dict nor a new module");
}

static bool mark(struct machine *machine)
{
    if (machine->mark_count == MARK_LIMIT)
        return refuse(machine, "values are nested too deeply");
    machine->marks[machine->mark_count++] = machine->stack.count;
    return true;
}

static bool protocol(struct machine *machine)
{
    uint64_t version;
    if (!take_number(machine, 1, &version))
        return false;
    return (version >= 2 && version <= 5) || refuse(machine, "the protocol is not 2, 3, 4 or 5");
}

static bool unknown(struct machine *machine, unsigned opcode)
{
    return problem(machine->message,
                   "%.200s: data.pkl: instruction 0x%02x at byte %zu is none that a checkpoint of "
                   "tensors needs",
                   machine->origin, opcode, machine->position - 1);
}

static bool step(struct machine *machine, unsigned opcode)
{
    switch (opcode) {
    case OP_PROTO: return protocol(machine);
    case OP_FRAME: return take(machine, 8) != NULL; /* a hint for buffering, nothing else */
    case OP_MARK: return mark(machine);
    case OP_POP: return pop(machine) != NULL;
    case OP_POP_MARK: return drop_to_mark(machine);
    case OP_DUP: {
        struct value *value = top(machine);
        return value && push(machine, value);
    }
    case OP_NONE: return push_new(machine, VALUE_NONE) != NULL;
    case OP_NEWTRUE: return push_truth(machine, true);
    case OP_NEWFALSE: return push_truth(machine, false);
    case OP_BININT: return read_integer(machine, 4);
    case OP_BININT1: return read_integer(machine, 1);
    case OP_BININT2: return read_integer(machine, 2);
    case OP_LONG1: return read_long(machine, 1);
    case OP_LONG4: return read_long(machine, 4);
    case OP_BINFLOAT: return read_float(machine);
    case OP_SHORT_BINSTRING:
    case OP_SHORT_BINUNICODE: return read_string(machine, 1);
    case OP_BINSTRING:
    case OP_BINUNICODE: return read_string(machine, 4);
    case OP_BINUNICODE8: return read_string(machine, 8);
    case OP_SHORT_BINBYTES: return read_bytes(machine, 1);
    case OP_BINBYTES: return read_bytes(machine, 4);
    case OP_BINBYTES8:
    case OP_BYTEARRAY8: return read_bytes(machine, 8);
    case OP_EMPTY_TUPLE: return push_new(machine, VALUE_TUPLE) != NULL;
    case OP_TUPLE: return gather_from_mark(machine, VALUE_TUPLE);
    case OP_TUPLE1: return gather_last(machine, 1);
    case OP_TUPLE2: return gather_last(machine, 2);
    case OP_TUPLE3: return gather_last(machine, 3);
    case OP_EMPTY_LIST: return push_new(machine, VALUE_LIST) != NULL;
    case OP_LIST: return gather_from_mark(machine, VALUE_LIST);
    case OP_APPEND: return extend_last(machine, VALUE_LIST, 1);
    case OP_APPENDS: return extend_from_mark(machine, VALUE_LIST);
    case OP_EMPTY_DICT: return push_new(machine, VALUE_DICT) != NULL;
    case OP_DICT: return gather_from_mark(machine, VALUE_DICT);
    case OP_SETITEM: return extend_last(machine, VALUE_DICT, 2);
    case OP_SETITEMS: return extend_from_mark(machine, VALUE_DICT);
    case OP_BINPUT: return read_put(machine, 1);
    case OP_LONG_BINPUT: return read_put(machine, 4);
    case OP_MEMOIZE: return memo_put(machine, machine->memo.count);
    case OP_BINGET: return read_get(machine, 1);
    case OP_LONG_BINGET: return read_get(machine, 4);
    case OP_GLOBAL: return read_global(machine);
    case OP_STACK_GLOBAL: return stack_global(machine);
    case OP_REDUCE: return reduce(machine);
    case OP_NEWOBJ: return new_object(machine);
    case OP_BUILD: return build(machine);
    case OP_BINPERSID: return persistent_id(machine);
    default: return unknown(machine, opcode);
    }
}

static struct value *run(struct machine *machine)
{
    for (;;) {
        uint64_t opcode;
        if (machine->position == machine->size) {
            refuse(machine, "ends without STOP");
            return NULL;
        }
        if (!take_number(machine, 1, &opcode))
            return NULL;
        if (opcode == OP_STOP)
            return pop(machine);
        if (!step(machine, (unsigned)opcode))
            return NULL;
    }
}

struct value *pickle_read(const unsigned char *data, size_t size, const char *origin,
                          struct value_pool *pool, char *message)
{
    struct machine *machine = calloc(1, sizeof *machine);
    if (!machine) {
        problem(message, "%.200s: out of memory", origin);
        return NULL;
    }
    machine->data = data;
    machine->size = size;
    machine->origin = origin;
    machine->message = message;
    machine->pool = pool;
    struct value *value = run(machine);
    free(machine->stack.values);
    free(machine->memo.values);
    free(machine);
    return value;
}
