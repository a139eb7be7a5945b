/*
 * make_seeds.c - `make_seeds FOLDER`, run in the repository's root: writes FOLDER/TARGET/NAME.
 */
#include "seeds.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

static const char *root;

void seed_add(struct seed *seed, const void *bytes, size_t size)
{
    if (seed->room - seed->size < size) {
        seed->room = 2 * (seed->size + size);
        seed->bytes = realloc(seed->bytes, seed->room);
        PROMISE(seed->bytes);
    }
    if (size)
        memcpy(seed->bytes + seed->size, bytes, size);
    seed->size += size;
}

void seed_text(struct seed *seed, const char *text)
{
    seed_add(seed, text, strlen(text));
}

void seed_write(struct seed *seed, const char *target, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%.200s/%.50s", root, target);
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        perror(path);
        exit(1);
    }
    snprintf(path, sizeof path, "%.200s/%.50s/%.100s", root, target, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(seed->bytes, 1, seed->size, file) != seed->size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
    free(seed->bytes);
    *seed = (struct seed){0};
}

void seed_copy(const char *target, const char *path)
{
    struct seed seed = {0};
    char part[4096];
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    for (size_t size; (size = fread(part, 1, sizeof part, file)) > 0;)
        seed_add(&seed, part, size);
    fclose(file);
    const char *slash = strrchr(path, '/');
    seed_write(&seed, target, slash ? slash + 1 : path);
}

void make_picture_seeds(void)
{
    static const char images[] = "test/golden/images";
    char path[512];
    DIR *folder = opendir(images);
    PROMISE(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        const char *ending = strrchr(entry->d_name, '.');
        snprintf(path, sizeof path, "%s/%.255s", images, entry->d_name);
        if (ending && strcmp(ending, ".png") == 0)
            seed_copy("png", path);
        if (ending && strcmp(ending, ".jpg") == 0)
            seed_copy("jpeg", path);
    }
    closedir(folder);
}

int main(int argc, char **argv)
{
    if (argc != 2 || (mkdir(argv[1], 0777) != 0 && errno != EEXIST)) {
        fprintf(stderr, "Usage: make_seeds FOLDER\n");
        return 1;
    }
    root = argv[1];
    make_model_seeds();
    make_checkpoint_seeds();
    make_published_seeds();
    make_text_seeds();
    make_picture_seeds();
    make_film_seeds();
    make_label_seeds();
    return 0;
}
