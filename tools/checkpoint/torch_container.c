/*
 * torch_container.c - puts the archive (torch_zip.h) and the pickle (pickle.h) together.
 */
#include "torch_container.h"

#include <stdlib.h>

#include "modules.h"
#include "pickle.h"
#include "problem.h"
#include "torch_zip.h"

struct torch_container {
    struct container container; /* first: a pointer to it is one to this */
    struct torch_zip *zip;
};

static bool read_storage(struct container *container, const struct tensor *tensor, uint64_t first,
                         size_t size, unsigned char *bytes, char *message)
{
    struct torch_container *torch = (struct torch_container *)container;
    const uint64_t storage_size = tensor->storage_count * element_size(tensor->type);
    return torch_zip_read_storage(torch->zip, tensor->storage_key, storage_size, first, size, bytes,
                                  message);
}

static void close_torch(struct container *container)
{
    struct torch_container *torch = (struct torch_container *)container;
    torch_zip_close(torch->zip);
    free(torch);
}

static bool read_root(struct torch_container *torch, const char *origin, struct value_pool *pool,
                      char *message)
{
    size_t size;
    unsigned char *pickle = torch_zip_read_pickle(torch->zip, &size, message);
    if (!pickle)
        return false;
    struct value *root = pickle_read(pickle, size, origin, pool, message);
    free(pickle);
    if (!root)
        return false;
    torch->container.is_module = root->kind == VALUE_OBJECT;
    torch->container.format = torch->container.is_module ? "TorchScript" : "torch.save";
    torch->container.root =
        torch->container.is_module ? flatten_modules(root, origin, pool, message) : root;
    return torch->container.root != NULL;
}

struct container *torch_open(const char *path, struct value_pool *pool, char *message)
{
    struct torch_container *torch = calloc(1, sizeof *torch);
    if (!torch) {
        problem(message, "%.200s: out of memory", origin_of(path));
        return NULL;
    }
    torch->container.read = read_storage;
    torch->container.close = close_torch;
    torch->zip = torch_zip_open(path, message);
    if (!torch->zip || !read_root(torch, origin_of(path), pool, message)) {
        close_torch(&torch->container);
        return NULL;
    }
    torch->container.file_size = torch_zip_file_size(torch->zip);
    torch->container.big_endian = torch_zip_big_endian(torch->zip);
    return &torch->container;
}
