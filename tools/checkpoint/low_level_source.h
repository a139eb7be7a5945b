/*
 * low_level_source.h - GRepQ's second checkpoint, a ResNet-18 over patches: which tensors of the
 * model file it becomes.
 */
#ifndef QUALICLIP_LOW_LEVEL_SOURCE_H
#define QUALICLIP_LOW_LEVEL_SOURCE_H

#include "plan_write.h"
#include "pristine.h"
#include "source_hash.h"

struct low_level_source {
    struct checkpoint checkpoint;
    struct plan plan;
    uint32_t width, feature_size;
    char hash[SOURCE_HASH_SIZE];
    uint64_t mean_place, covariance_place; /* in the file that was written */
};

/*
 * Opens the checkpoint and plans its tensors; unknown names are an error unless `allow_unknown`.
 * False: `message` says why.  To be closed in either case; `path` must live until then.
 */
bool low_level_open(struct low_level_source *source, const char *path, bool allow_unknown,
                    void (*note)(void *context, const char *line), void *context, char *message);
void low_level_close(struct low_level_source *source);

/* The keys, and the tensors in the order of their numbers. */
void put_low_level(struct gguf_writer *writer, const struct low_level_source *source,
                   const struct pristine *pristine);
void declare_low_level(struct gguf_writer *writer, const struct low_level_source *source,
                       enum gguf_tensor_type type);

/* The numbers, but zeros for the statistics of pristine patches; as plan_write(). */
bool write_low_level(struct gguf_writer *writer, struct low_level_source *source,
                     enum gguf_tensor_type type, plan_progress *progress, void *context);

/* Puts the statistics in their place in the file, which has been finished. */
bool fill_in_pristine(const struct low_level_source *source, const struct pristine *pristine,
                      const char *path, uint32_t threads, char *message);

#endif
