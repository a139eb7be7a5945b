/*
 * guarded.c - for tests: memory between forbidden pages, and repeatable random numbers.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "guarded.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PATTERN 0xa5

static uint64_t random_seed, random_state;

/* `size` bytes somewhere in whole pages, filled with the pattern, between forbidden ones. */
static struct guarded between_pages(size_t size, size_t room)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct guarded memory = {.size = size, .page_bytes = (room + page - 1) / page * page};
    size_t all = memory.page_bytes + 2 * page;

    memory.pages = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(memory.pages, MAP_FAILED);
    if (memory.page_bytes)
        assert_int_equal(mprotect(memory.pages + page, memory.page_bytes, PROT_READ | PROT_WRITE),
                         0);
    memory.data = memory.pages + page;
    memset(memory.data, PATTERN, memory.page_bytes);
    return memory;
}

struct guarded guarded_alloc(size_t size)
{
    struct guarded memory = between_pages(size, size);
    memory.data += memory.page_bytes - size;
    return memory;
}

struct guarded guarded_anywhere(size_t size, size_t alignment)
{
    const size_t most = 128 * alignment, where = random_bits() % 3;
    struct guarded memory = between_pages(size, where == 2 ? size + most : size);
    if (where == 1)
        memory.data += (memory.page_bytes - size) / alignment * alignment;
    if (where == 2)
        memory.data += random_between(0, most / alignment) * alignment;
    return memory;
}

void guarded_free(struct guarded *memory)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *end = memory->pages + page + memory->page_bytes;
    size_t changed = 0;
    for (unsigned char *p = memory->pages + page; p < memory->data; p++)
        changed += *p != PATTERN;
    for (unsigned char *p = memory->data + memory->size; p < end; p++)
        changed += *p != PATTERN;
    assert_int_equal(changed, 0);
    munmap(memory->pages, memory->page_bytes + 2 * page);
    memset(memory, 0, sizeof *memory);
}

void random_start(const char *argument)
{
    const char *given = getenv("QC_TEST_SEED");
    if (!given)
        given = argument;
    random_state = random_seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    printf("seed %" PRIu64 " (QC_TEST_SEED or the first argument sets it)\n", random_seed);
}

void random_restart(const char *name)
{
    random_state = random_seed;
    for (; *name; name++)
        random_state = (random_state ^ (unsigned char)*name) * 0x100000001b3u; /* FNV-1a */
}

/* splitmix64 */
uint64_t random_bits(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

size_t random_between(size_t low, size_t high)
{
    return low + (size_t)(random_bits() % (high - low + 1));
}

float random_float(float low, float high)
{
    return low + (high - low) * ((float)(random_bits() >> 40) * 0x1p-24f);
}
