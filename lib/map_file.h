/*
 * map_file.h - a whole file, read-only, as memory; and advice to the system about pages.  The one
 * place in the library that maps files.
 */
#ifndef QUALICLIP_MAP_FILE_H
#define QUALICLIP_MAP_FILE_H

#include <stddef.h>

#include "status.h"

/* A good size of the pieces in which to read and release. */
#define RELEASE_BYTES ((size_t)4 << 20)

/* What large pages are aligned to. */
#define LARGE_PAGE ((size_t)2 << 20)

#ifdef QUALICLIP_FILES

/*
 * Maps a regular file that is not empty.  The file descriptor is closed again; whoever shortens the
 * file while it is mapped kills the reader (SIGBUS), which the public header forbids.
 */
qc_status map_file(const void **data, size_t *size, const char *path, struct message *message);
void unmap_file(const void *data, size_t size);

/* Of a mapped file: these bytes are about to be read. */
void fetch_mapped(const void *data, size_t size);

/* Of a mapped file: these bytes need not stay in memory; they are read again where they are used.
 */
void release_mapped(const void *data, size_t size);

/*
 * Of a mapped file of which little will be used: where the system has it in large pages, each use
 * would otherwise bring in all of one.
 */
void prefer_small_pages(const void *data, size_t size);

/* Of fresh memory that will be used as a whole: few large pages are faster than many small ones. */
void prefer_large_pages(void *data, size_t size);

#else /* FILES=no: nobody is there to map a file or to be advised */

static inline qc_status map_file(const void **data, size_t *size, const char *path,
                                 struct message *message)
{
    *data = NULL;
    *size = 0;
    return fail(message, QC_ERROR_UNSUPPORTED, "%s: this build (FILES=no) reads no files", path);
}

static inline void unmap_file(const void *data, size_t size)
{
    (void)data;
    (void)size;
}

static inline void fetch_mapped(const void *data, size_t size)
{
    (void)data;
    (void)size;
}

static inline void prefer_small_pages(const void *data, size_t size)
{
    (void)data;
    (void)size;
}

static inline void release_mapped(const void *data, size_t size)
{
    (void)data;
    (void)size;
}

static inline void prefer_large_pages(void *data, size_t size)
{
    (void)data;
    (void)size;
}

#endif

#endif
