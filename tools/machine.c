/*
 * machine.c - processors, memory and time.  The one file of the program that needs more than
 * POSIX: a process's processors are known to Linux alone.
 */
#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include "machine.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* ---------------------------------------------------------------------------- control groups */

enum { path_room = 4096 };

/* "QUOTA PERIOD" in microseconds, or "max PERIOD"; what is left of `processors` under that. */
static uint32_t within_quota(const char *path, uint32_t processors)
{
    unsigned long long quota, period;
    FILE *file = fopen(path, "re");
    if (!file)
        return processors; /* the topmost group has none */
    if (fscanf(file, "%llu %llu", &quota, &period) == 2 && period > 0) {
        const unsigned long long whole = (quota + period - 1) / period;
        if (whole < processors)
            processors = whole > 0 ? (uint32_t)whole : 1;
    }
    fclose(file);
    return processors;
}

/* The group of this process, "/a/b", out of the line "0::/a/b" (version 2); false if none. */
static bool find_group(const char *membership, char group[path_room])
{
    FILE *file = fopen(membership, "re");
    bool found = false;
    while (file && !found && fgets(group, path_room, file)) {
        group[strcspn(group, "\n")] = '\0';
        found = strncmp(group, "0::/", 4) == 0;
    }
    if (file)
        fclose(file);
    if (found)
        memmove(group, group + 3, strlen(group + 3) + 1);
    return found;
}

uint32_t machine_group_processors(const char *membership, const char *root, uint32_t processors)
{
    char group[path_room], path[2 * path_room];
    if (!find_group(membership, group))
        return processors;
    for (;;) { /* a group is bound by all that it is in */
        snprintf(path, sizeof path, "%s%s/cpu.max", root, group);
        processors = within_quota(path, processors);
        char *slash = strrchr(group, '/');
        if (!slash)
            return processors;
        *slash = '\0';
    }
}

/* ---------------------------------------------------------------------------------- machine */

static uint32_t usable_processors(void)
{
#if defined(__linux__)
    cpu_set_t set; /* 1024 processors; on a larger machine the call fails and all are counted */
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return (uint32_t)CPU_COUNT(&set);
#endif
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (uint32_t)count : 1;
}

uint32_t machine_processors(void)
{
    return machine_group_processors("/proc/self/cgroup", "/sys/fs/cgroup", usable_processors());
}

uint64_t machine_memory(void)
{
#if defined(_SC_PHYS_PAGES)
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    if (pages > 0 && size > 0)
        return (uint64_t)pages * (uint64_t)size;
#endif
    return 0;
}

double machine_peak_mb(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss / 1024 : 0;
}

double machine_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
