/*
 * scratch.c - files for those readers that want a path, and the checks that all targets need.
 */
#include "fuzz.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "unicode.h"

static char folder[128];

void check_message(const char message[QC_MESSAGE_SIZE])
{
    const size_t length = strnlen(message, QC_MESSAGE_SIZE);
    PROMISE(length > 0 && length < QC_MESSAGE_SIZE);
    for (size_t i = 0; i < length; i++) {
        const unsigned char byte = (unsigned char)message[i];
        PROMISE(byte >= 0x20 && byte != 0x7F);
    }
}

void check_utf8(const char *text)
{
    const size_t size = strlen(text);
    for (size_t i = 0, length; i < size; i += length) {
        length = utf8_length(text + i, size - i);
        PROMISE(length);
    }
}

void *test_memory(size_t size)
{
    void *memory = malloc(size ? size : 1);
    if (!memory) {
        perror("the test's own memory");
        exit(1);
    }
    return memory;
}

static void remove_folder(void)
{
    char path[512];
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        snprintf(path, sizeof path, "%s/%.255s", folder, entry->d_name);
        unlink(path);
    }
    if (entries)
        closedir(entries);
    rmdir(folder);
}

const char *scratch_path(const char *name, char path[256])
{
    if (!folder[0]) {
        const char *parent = getenv("TMPDIR");
        snprintf(folder, sizeof folder, "%.100s/qualiclip-fuzz-XXXXXX", parent ? parent : "/tmp");
        if (!mkdtemp(folder)) {
            perror(folder);
            exit(1);
        }
        atexit(remove_folder);
    }
    snprintf(path, 256, "%s/%.100s", folder, name);
    return path;
}

const char *scratch_file(const char *name, const void *bytes, size_t size, char path[256])
{
    FILE *file = fopen(scratch_path(name, path), "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
    return path;
}
