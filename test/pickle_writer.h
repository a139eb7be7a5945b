/*
 * pickle_writer.h - pickles that tests write by hand, instruction by instruction, as torch.save and
 * torch.jit.save would, or as they never would.
 */
#ifndef TEST_PICKLE_WRITER_H
#define TEST_PICKLE_WRITER_H

#include <stddef.h>
#include <stdint.h>

struct pickle {
    unsigned char *bytes; /* to be freed */
    size_t size, capacity;
};

void pickle_bytes(struct pickle *pickle, const void *bytes, size_t size);
void pickle_op(struct pickle *pickle, int opcode);
void pickle_string(struct pickle *pickle, const char *string);
void pickle_integer(struct pickle *pickle, int64_t integer);
void pickle_global(struct pickle *pickle, const char *module, const char *name);

/* A tensor of f32 in the storage `key` of `elements`. */
struct pickled_tensor {
    const char *key;
    int64_t elements, offset;
    unsigned dimensions;
    int64_t shape[8], stride[8];
};
void pickle_tensor(struct pickle *pickle, const struct pickled_tensor *tensor);

/* A new object of a TorchScript class and the beginning of its attributes; ends with "ub". */
void pickle_module(struct pickle *pickle);

#endif
