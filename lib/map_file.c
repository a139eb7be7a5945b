/*
 * map_file.c - mmap, and all the ways in which a path is not a file that can be mapped.
 */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* madvise */
#endif
#include "map_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static qc_status fail_errno(struct message *message, const char *path, const char *what)
{
    const int reason = errno;
    return fail(message, QC_ERROR_IO, "%s: %s: %s", path, what, strerror(reason));
}

static qc_status check_file(const struct stat *status, const char *path, struct message *message)
{
    if (S_ISDIR(status->st_mode))
        return fail(message, QC_ERROR_IO, "%s: is a directory, expected a file", path);
    if (!S_ISREG(status->st_mode))
        return fail(message, QC_ERROR_IO, "%s: is a device or a pipe, expected a file", path);
    if (status->st_size == 0)
        return fail(message, QC_ERROR_FORMAT, "%s: is empty", path);
    if ((uintmax_t)status->st_size > PTRDIFF_MAX)
        return fail(message, QC_ERROR_MEMORY, "%s: is larger than memory can be", path);
    return QC_OK;
}

static qc_status map_descriptor(const void **data, size_t *size, int descriptor, const char *path,
                                struct message *message)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0)
        return fail_errno(message, path, "cannot be examined");
    const qc_status checked = check_file(&status, path, message);
    if (checked)
        return checked;
    void *mapping = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (mapping == MAP_FAILED)
        return fail_errno(message, path, "cannot be mapped");
    *data = mapping;
    *size = (size_t)status.st_size;
    /* All of it is about to be read from front to back; only speed depends on this. */
    (void)posix_madvise(mapping, *size, POSIX_MADV_WILLNEED);
    return QC_OK;
}

qc_status map_file(const void **data, size_t *size, const char *path, struct message *message)
{
    *data = NULL;
    *size = 0;
    /* Without O_NONBLOCK, opening a pipe would wait for its writer. */
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return fail_errno(message, path, "cannot be opened");
    const qc_status status = map_descriptor(data, size, descriptor, path, message);
    close(descriptor);
    return status;
}

void unmap_file(const void *data, size_t size)
{
    if (data)
        munmap((void *)(uintptr_t)data, size);
}

#if defined(MADV_DONTNEED) || defined(MADV_HUGEPAGE) || defined(MADV_NOHUGEPAGE) || \
    defined(MADV_POPULATE_READ)
/* Advice about the whole pages in a range; only speed and memory depend on whether it is taken. */
static void advise(const void *data, size_t size, size_t page, int advice)
{
    const uintptr_t first = ((uintptr_t)data + page - 1) / page * page;
    const uintptr_t end = ((uintptr_t)data + size) / page * page;
    if (first < end)
        (void)madvise((void *)first, end - first, advice);
}
#endif

void fetch_mapped(const void *data, size_t size)
{
#ifdef MADV_POPULATE_READ /* Linux 5.14; else a fault for each page or few of them */
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t before = (uintptr_t)data % page;
    advise((const char *)data - before, before + size + page - 1, page, MADV_POPULATE_READ);
#else
    (void)data;
    (void)size;
#endif
}

void release_mapped(const void *data, size_t size)
{
#ifdef MADV_DONTNEED /* glibc's posix_madvise() does nothing of the kind */
    advise(data, size, (size_t)sysconf(_SC_PAGESIZE), MADV_DONTNEED);
#else
    (void)data;
    (void)size;
#endif
}

void prefer_small_pages(const void *data, size_t size)
{
#ifdef MADV_NOHUGEPAGE /* Linux */
    advise(data, size, (size_t)sysconf(_SC_PAGESIZE), MADV_NOHUGEPAGE);
#else
    (void)data;
    (void)size;
#endif
}

void prefer_large_pages(void *data, size_t size)
{
#ifdef MADV_HUGEPAGE /* Linux */
    advise(data, size, LARGE_PAGE, MADV_HUGEPAGE);
#else
    (void)data;
    (void)size;
#endif
}
