/*
 * replay.c - takes libFuzzer's place: runs a target over files and folders of them.
 *
 *     fuzz_NAME [FILE | FOLDER]...
 *
 * Without arguments, as `make check` runs it: over all that ever was found, which is kept in
 * test/fuzz/regressions/NAME, and the seeds in fuzz-seeds/NAME beside the program.
 */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room)
{
    (void)data;
    return size < room ? size : room;
}

/* Returns how many were run; a finding ends the program. */
static size_t run_file(const char *path)
{
    struct stat status;
    FILE *file = fopen(path, "rb");
    if (!file || fstat(fileno(file), &status) != 0) {
        perror(path);
        exit(1);
    }
    const size_t size = (size_t)status.st_size;
    uint8_t *bytes = test_memory(size); /* of this size, so that a byte beyond is found */
    if (fread(bytes, 1, size, file) != size) {
        perror(path);
        exit(1);
    }
    fclose(file);
    printf("[ RUN      ] %s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(bytes, size);
    printf("[       OK ] %s\n", path);
    free(bytes);
    return 1;
}

static size_t run_path(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
        return run_file(path);
    DIR *folder = opendir(path);
    size_t count = 0;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char name[512];
        snprintf(name, sizeof name, "%.200s/%.255s", path, entry->d_name);
        if (entry->d_name[0] != '.')
            count += run_file(name);
    }
    if (folder)
        closedir(folder);
    return count;
}

static size_t run_defaults(const char *program)
{
    const char *slash = strrchr(program, '/');
    const char *name = strstr(slash ? slash : program, "fuzz_");
    if (!name)
        return 0;
    name += strlen("fuzz_");
    char path[512];
    struct stat status;
    snprintf(path, sizeof path, "test/fuzz/regressions/%.100s", name);
    size_t count = stat(path, &status) == 0 ? run_path(path) : 0;
    snprintf(path, sizeof path, "%.*s/fuzz-seeds/%.100s", slash ? (int)(slash - program) : 1,
             slash ? program : ".", name);
    const size_t seeds = stat(path, &status) == 0 ? run_path(path) : 0;
    if (!seeds)
        fprintf(stderr, "%s: no seeds (make fuzz-seeds)\n", path);
    return seeds ? count + seeds : 0;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    for (int i = 1; i < argc; i++)
        count += run_path(argv[i]);
    if (argc == 1)
        count = run_defaults(argv[0]);
    return count ? 0 : 1;
}
