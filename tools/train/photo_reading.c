/*
 * photo_reading.c - pieces of ordered work, each of which may say why it came to nothing.
 */
#include "photo_reading.h"

#include <stdlib.h>

#include "diagnostics.h"
#include "../in_order.h"
#include "../memory.h"
#include "progress.h"
#include "qualiclip.h"

struct progress_of_reading {
    const struct photo_reading *reading;
    char **why_not; /* of each path; NULL: it was read */
};

static void read_piece(void *context, size_t worker, size_t piece)
{
    const struct progress_of_reading *progress = context;
    const struct photo_reading *reading = progress->reading;
    char message[QC_MESSAGE_SIZE];
    (void)worker;
    const bool good = reading->read(reading->context, piece, message);
    progress->why_not[piece] = good ? NULL : copy_string(message);
}

static bool take_piece(void *context, size_t piece)
{
    const struct progress_of_reading *progress = context;
    const struct photo_reading *reading = progress->reading;
    progress_show(piece + 1);
    if (progress->why_not[piece])
        complain_about(reading->paths[piece], progress->why_not[piece]);
    else
        reading->keep(reading->context, piece);
    free(progress->why_not[piece]);
    return true;
}

void read_photos(const struct photo_reading *reading)
{
    const size_t workers = reading->workers ? reading->workers : 1;
    struct progress_of_reading progress = {
        reading, reallocate(NULL, reading->count, sizeof *progress.why_not)};
    const struct ordered_work work = {.count = reading->count,
                                      .workers = workers,
                                      .ahead = 2 * workers,
                                      .work = read_piece,
                                      .take = take_piece,
                                      .context = &progress};
    progress_start_units(reading->count, reading->unit, 0);
    run_in_order(&work);
    progress_end();
    free(progress.why_not);
}
