/*
 * ranks.c - MPI: collective calls alone, each of them waited for.
 */
#include "ranks.h"

#include <stdlib.h>

#if defined(QUALICLIP_MPI)

#include <limits.h>
#include <mpi.h>

#include "../memory.h"
#include "diagnostics.h"

static struct {
    int rank, count;
    double *numbers; /* of gather() */
    size_t room;
    struct tower_peers peers;
} ranks = {.count = 1};

static double *gather(void *context, const double *mine, size_t count)
{
    const size_t needed = count * (size_t)ranks.count;
    (void)context;
    if (needed > ranks.room) {
        ranks.numbers = reallocate(ranks.numbers, needed, sizeof *ranks.numbers);
        ranks.room = needed;
    }
    MPI_Allgather(mine, (int)count, MPI_DOUBLE, ranks.numbers, (int)count, MPI_DOUBLE,
                  MPI_COMM_WORLD);
    return ranks.numbers;
}

void ranks_start(void)
{
    int level;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &ranks.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks.count);
    if (ranks.count > TOWER_PEERS_MAX) {
        complain("train: %d processes: expected at most %d", ranks.count, TOWER_PEERS_MAX);
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    ranks.peers = (struct tower_peers){
        .count = (uint32_t)ranks.count, .rank = (uint32_t)ranks.rank, .gather = gather};
}

void ranks_end(void)
{
    free(ranks.numbers);
    ranks.numbers = NULL;
    ranks.room = 0;
    MPI_Finalize();
}

uint32_t rank_of_this(void)
{
    return (uint32_t)ranks.rank;
}

uint32_t rank_count(void)
{
    return (uint32_t)ranks.count;
}

const struct tower_peers *rank_peers(void)
{
    return ranks.count > 1 ? &ranks.peers : NULL;
}

/* Summed in one place: MPI_Allreduce() may add in another order on each rank. */
void ranks_sum(float *values, size_t count)
{
    while (ranks.count > 1 && count) {
        const int some = count < INT_MAX ? (int)count : INT_MAX;
        MPI_Reduce(ranks.rank ? values : MPI_IN_PLACE, values, some, MPI_FLOAT, MPI_SUM, 0,
                   MPI_COMM_WORLD);
        MPI_Bcast(values, some, MPI_FLOAT, 0, MPI_COMM_WORLD);
        values += some;
        count -= (size_t)some;
    }
}

void ranks_gather(void *all, const size_t *sizes)
{
    unsigned char *at = all;
    for (int rank = 0; ranks.count > 1 && rank < ranks.count; rank++) {
        MPI_Bcast(at, (int)sizes[rank], MPI_BYTE, rank, MPI_COMM_WORLD);
        at += sizes[rank];
    }
}

bool ranks_any(bool here)
{
    int any = here;
    if (ranks.count > 1)
        MPI_Allreduce(MPI_IN_PLACE, &any, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    return any;
}

#else

void ranks_start(void)
{
}

void ranks_end(void)
{
}

uint32_t rank_of_this(void)
{
    return 0;
}

uint32_t rank_count(void)
{
    return 1;
}

const struct tower_peers *rank_peers(void)
{
    return NULL;
}

void ranks_sum(float *values, size_t count)
{
    (void)values, (void)count;
}

void ranks_gather(void *all, const size_t *sizes)
{
    (void)all, (void)sizes;
}

bool ranks_any(bool here)
{
    return here;
}

#endif
