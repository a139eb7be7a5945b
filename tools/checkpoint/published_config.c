/*
 * published_config.c - finds the files beside a checkpoint and has them read.
 */
#include "published_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_fields.h"
#include "problem.h"

enum { CONFIG_MAX = 1 << 20 };

/* The path of a file in the directory of `path`, to be freed; *path is NULL where it is not there.
 */
static bool find_beside(const char *path, const char *file, char **found, char *message)
{
    const size_t directory = (size_t)(base_name(path) - path);
    *found = malloc(directory + strlen(file) + 1);
    if (!*found)
        return problem(message, "%.200s: out of memory", origin_of(path));
    memcpy(*found, path, directory);
    strcpy(*found + directory, file);
    if (access(*found, F_OK) != 0) {
        free(*found);
        *found = NULL;
    }
    return true;
}

static bool read_config(struct published_config *config, const char *path, enum config_kind kind,
                        char *message)
{
    const char *file = kind == CONFIG_TRANSFORMERS ? "config.json" : "open_clip_config.json";
    if (!find_beside(path, file, &config->path, message))
        return false;
    if (!config->path)
        return true;
    cJSON *root = json_read(config->path, CONFIG_MAX, message);
    if (!root)
        return false;
    bool failed = false;
    struct fields fields = {root, config->path, message, &failed};
    if (kind == CONFIG_TRANSFORMERS)
        read_transformers_config(&fields, config);
    else
        read_open_clip_config(&fields, config);
    cJSON_Delete(root);
    return !failed;
}

/* transformers tells the mean and the deviation of pixels in a file of its own. */
static bool read_pixels(struct published_config *config, const char *path, char *message)
{
    char *found;
    if (!find_beside(path, "preprocessor_config.json", &found, message))
        return false;
    if (!found)
        return true;
    cJSON *root = json_read(found, CONFIG_MAX, message);
    bool failed = !root;
    struct fields fields = {root, found, message, &failed};
    const bool told = root && read_preprocessor_config(&fields, config);
    cJSON_Delete(root);
    if (told)
        config->pixels_path = found;
    else
        free(found);
    return !failed;
}

bool published_config_read(struct published_config *config, const char *path, enum config_kind kind,
                           char *message)
{
    memset(config, 0, sizeof *config);
    if (read_config(config, path, kind, message) &&
        (kind != CONFIG_TRANSFORMERS || read_pixels(config, path, message)))
        return true;
    published_config_free(config);
    return false;
}

void published_config_free(struct published_config *config)
{
    if (config->pixels_path != config->path)
        free(config->pixels_path);
    free(config->path);
    memset(config, 0, sizeof *config);
}
