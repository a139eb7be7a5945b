/*
 * resnet_chunks.c - who of a crew computes which images, and how many at a time.
 */
#include "resnet.h"

#include "omp_threads.h"

size_t resnet_chunks(const struct resnet *resnet, const struct layer *layer, size_t member)
{
    const size_t members = crew_size(resnet->crew), batch = resnet->tower.batch;
    const size_t images =
        crew_share(batch, member + 1, members) - crew_share(batch, member, members);
    return (images + layer->chunk - 1) / layer->chunk;
}

struct chunk resnet_chunk(const struct resnet *resnet, const struct layer *layer, size_t member,
                          size_t index)
{
    const size_t members = crew_size(resnet->crew), batch = resnet->tower.batch;
    const size_t first = crew_share(batch, member, members);
    const size_t images = crew_share(batch, member + 1, members) - first;
    const size_t chunks = resnet_chunks(resnet, layer, member);
    const size_t from = crew_share(images, index, chunks);
    return (struct chunk){first + from, crew_share(images, index + 1, chunks) - from};
}

struct guarded_task {
    crew_task *task;
    void *context;
};

static void run_on_one_thread(void *context, size_t member, size_t members)
{
    const struct guarded_task *guarded = context;
    const int before = omp_get_max_threads();
    omp_set_num_threads(1);
    guarded->task(guarded->context, member, members);
    omp_set_num_threads(before);
}

void resnet_run(struct resnet *resnet, crew_task *task, void *context)
{
    struct guarded_task guarded = {task, context};
    crew_run(resnet->crew, run_on_one_thread, &guarded);
}
