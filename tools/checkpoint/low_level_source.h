/*
 * low_level_source.h - GRepQ's second checkpoint, a ResNet-18 over patches: which tensors of the
 * model file it becomes.
 */
#ifndef QUALICLIP_LOW_LEVEL_SOURCE_H
#define QUALICLIP_LOW_LEVEL_SOURCE_H

#include "gguf_writer.h"
#include "plan.h"
#include "pristine.h"
#include "source_hash.h"

struct low_level_source {
    struct checkpoint checkpoint;
    struct plan plan;
    uint32_t width, feature_size;
    char hash[SOURCE_HASH_SIZE];
};

/*
 * Opens the checkpoint and plans its tensors; unknown names are an error unless `allow_unknown`.
 * False: `message` says why.  To be closed in either case; `path` must live until then.
 */
bool low_level_open(struct low_level_source *source, const char *path, bool allow_unknown,
                    void (*note)(void *context, const char *line), void *context, char *message);
void low_level_close(struct low_level_source *source);

/* The keys; the tensors are those of `plan`. */
void put_low_level(struct gguf_writer *writer, const struct low_level_source *source,
                   const struct pristine *pristine);

#endif
