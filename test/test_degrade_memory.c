/*
 * test_degrade_memory.c - degrading while memory runs out: the nth allocation fails, for every n.
 * Then the photo is as it was and nothing is lost.  The linker's --wrap sends the allocations of
 * our own code through here (Makefile); a codec's own are not seen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "degrade_photos.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __wrap_free(void *block);

static bool counting;
static size_t allocations; /* since counting began */
static size_t failing;     /* the number of the one that fails */
static long alive;         /* blocks not yet freed */

static void *count_block(void *block)
{
    alive += counting && block;
    return block;
}

void *__wrap_malloc(size_t size)
{
    return counting && ++allocations == failing ? NULL : count_block(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return counting && ++allocations == failing ? NULL : count_block(__real_calloc(count, size));
}

void __wrap_free(void *block)
{
    alive -= counting && block;
    __real_free(block);
}

/* Tells whether the allocation was asked for. */
static bool degrade_without_memory(const struct photo *photo, enum degradation type, size_t number)
{
    struct photo copy = photo_copy(photo);
    allocations = 0;
    alive = 0;
    failing = number;
    counting = true;
    const bool done = degrade(&copy, type, degradation_kinds[type].strength[4], 1);
    counting = false;
    const bool asked = allocations >= number;
    assert_int_equal(alive, 0);
    assert_int_equal(done, !asked);
    if (!done)
        assert_true(photo_equal(&copy, photo));
    photo_free(&copy);
    return asked;
}

static void every_allocation(void **state)
{
    (void)state;
    struct photo photo = photo_textured(24, 18);
    size_t most = 0;
    for (int type = 0; type < degradation_count; type++) {
        size_t number = 1;
        while (degradation_available((enum degradation)type) &&
               degrade_without_memory(&photo, (enum degradation)type, number))
            number++;
        most = number > most ? number : most;
    }
    assert_true(most > 10); /* color diffusion's planes and kernels */
    photo_free(&photo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
