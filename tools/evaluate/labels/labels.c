/*
 * labels.c - reads whatever kind of file it is into a table, then asks which dataset's it is.
 */
#include "labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "columns.h"
#include "delimited.h"
#include "forms.h"
#include "mat_table.h"
#include "xlsx.h"

static const char *const usual_names[] = {
    "image_name", "image name", "name",     "image",      "img_name",  "filename",     "file_name",
    "file",       "path",       "dist_img", "name_image", "dist_name", "dis_img_path", NULL};
static const char *const usual_opinions[] = {"mos",       "mos_quality", "quality_mos",
                                             "mos_image", "dmos",        "mos_zscore",
                                             "opinion",   "score",       NULL};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* -------------------------------------------------------------------------- which dataset it is */

static bool wanted(const struct form *form, const struct label_options *options)
{
    return !options->dataset || strcmp(form->key, options->dataset) == 0;
}

static bool has_usual_file_name(const struct form *form, const char *path)
{
    for (size_t i = 0; form->files[i]; i++)
        if (text_equal(base_name(path), form->files[i]))
            return true;
    return false;
}

static bool fits(const struct form *form, struct labels *labels,
                 const struct label_options *options)
{
    if (form->recognise)
        return form->recognise(&labels->table);
    if (form->headings[0])
        return columns_have(&labels->table, form->headings);
    return options->dataset || has_usual_file_name(form, labels->path);
}

static bool find_columns(struct labels *labels, const struct label_options *options,
                         const struct form *form, char *message)
{
    const char *const names[] = {form ? form->name : NULL, NULL};
    const char *const opinions[] = {form ? form->opinion : NULL, NULL};
    const struct column_search search = {.name = options->name_column,
                                         .value = options->opinion_column,
                                         .usual_names = names[0] ? names : usual_names,
                                         .usual_values = opinions[0] ? opinions : usual_opinions,
                                         .name_option = "--name-column",
                                         .value_option = "--mos-column"};
    return columns_find(&labels->table, &search, &labels->name, &labels->opinion, labels->path,
                        message);
}

/* A column called dmos has differences from an original, of which the lower are better. */
static bool is_difference(const struct labels *labels)
{
    const char *name = labels->table.names ? labels->table.names[labels->opinion] : "";
    char start[5] = {0};
    memcpy(start, name, strlen(name) < 4 ? strlen(name) : 4);
    return text_equal(start, "dmos");
}

static bool settle(struct labels *labels, const struct form *form,
                   const struct label_options *options, char *message)
{
    if (form && form->headings[0] && form->derive && !form->derive(labels, message))
        return false;
    if (!find_columns(labels, options, form, message))
        return false;
    if (form && !form->headings[0] && form->derive && !form->derive(labels, message))
        return false;
    labels->dataset = form ? form->title : NULL;
    const bool known = form && (form->headings[0] || form->recognise);
    labels->lower_is_better = known ? form->lower_is_better : is_difference(labels);
    if (options->direction != DIRECTION_OF_FILE)
        labels->lower_is_better = options->direction == DIRECTION_LOWER;
    labels->split = TABLE_NO_COLUMN;
    if (labels->table.names)
        labels->split = table_find(&labels->table, form && form->split ? form->split : "split");
    return true;
}

/* The form that the table has; NULL: none that is known. */
static const struct form *recognise(struct labels *labels, const struct label_options *options)
{
    const struct form *form;
    for (size_t i = 0; (form = form_at(i)); i++)
        if (wanted(form, options) && fits(form, labels, options))
            return form;
    return NULL;
}

static bool not_of_dataset(const struct labels *labels, const struct label_options *options,
                           char *message)
{
    const struct form *form = NULL;
    for (size_t i = 0; form_at(i) && !form; i++)
        form = wanted(form_at(i), options) ? form_at(i) : NULL;
    size_t used = (size_t)snprintf(message, TABLE_MESSAGE_SIZE, "%.250s: is not of the form of %s",
                                   labels->path, form ? form->title : "a known dataset");
    for (size_t i = 0; form && form->headings[i] && used < TABLE_MESSAGE_SIZE - 60; i++)
        used += (size_t)snprintf(message + used, TABLE_MESSAGE_SIZE - used, "%s%s",
                                 i ? ", " : ", whose columns are ", form->headings[i]);
    return false;
}

static bool take_table(struct labels *labels, const struct label_options *options, char *message)
{
    const struct form *form = recognise(labels, options);
    if (!form && options->dataset)
        return not_of_dataset(labels, options, message);
    return settle(labels, form, options, message);
}

/* ----------------------------------------------------------------------------- kinds of files */

/* Files that are of no use without the others. */
static const char *const families[][3] = {
    {"AllMOS_release.mat", "AllImages_release.mat", "AllStdDev_release.mat"},
    {"AllImages_release.mat", "AllMOS_release.mat", "AllStdDev_release.mat"},
    {"dmos.mat", "refnames_all.mat", NULL},
    {"dmos_realigned.mat", "refnames_all.mat", NULL},
};

static bool read_mat_file(struct mat_file *file, const char *path, char *message)
{
    size_t size;
    char *bytes = table_read_file(path, &size, message);
    const bool good = bytes && mat_read(file, (unsigned char *)bytes, size, path, message);
    free(bytes);
    return good;
}

static void sibling_path(const char *path, const char *name, char *sibling, size_t size)
{
    snprintf(sibling, size, "%.*s%s", (int)(base_name(path) - path), path, name);
}

static bool exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && !S_ISDIR(status.st_mode);
}

static bool read_family(struct labels *labels, struct mat_file *files, size_t *count, char *message)
{
    char path[sizeof labels->path + 64];
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        if (!text_equal(base_name(labels->path), families[i][0]))
            continue;
        for (size_t j = 1; j < 3 && families[i][j]; j++) {
            sibling_path(labels->path, families[i][j], path, sizeof path);
            if (exists(path) && !read_mat_file(&files[(*count)++], path, message))
                return false;
        }
    }
    return true;
}

static bool read_mat(struct labels *labels, const char *bytes, size_t size,
                     const struct label_options *options, char *message)
{
    struct mat_file files[3];
    size_t count = 1;
    memset(files, 0, sizeof files);
    const bool good =
        mat_read(&files[0], (const unsigned char *)bytes, size, labels->path, message) &&
        read_family(labels, files, &count, message) &&
        mat_as_table(files, count, &labels->table, labels->path, message) &&
        take_table(labels, options, message);
    for (size_t i = 0; i < count; i++)
        mat_free(&files[i]);
    return good;
}

/* The first sheet that is of a known form, else the first that has names and numbers. */
static bool read_sheets(struct labels *labels, struct xlsx *xlsx,
                        const struct label_options *options, char *message)
{
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < xlsx_sheets(xlsx); i++) {
            table_free(&labels->table);
            if (!xlsx_read(xlsx, i, &labels->table, message))
                return false;
            if (pass == 0 ? recognise(labels, options) && take_table(labels, options, message)
                          : take_table(labels, options, message))
                return true;
        }
    return false;
}

static bool read_xlsx(struct labels *labels, const char *bytes, size_t size,
                      const struct label_options *options, char *message)
{
    struct xlsx *xlsx = xlsx_open(bytes, size, labels->path, message);
    const bool good = xlsx && read_sheets(labels, xlsx, options, message);
    if (xlsx)
        xlsx_close(xlsx);
    return good;
}

/* Excel's files before 2007, and whatever else is in such a container. */
static bool is_old_workbook(const char *bytes, size_t size)
{
    return size >= 8 && memcmp(bytes, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 8) == 0;
}

static bool refuse_old_workbook(const struct labels *labels, char *message)
{
    snprintf(message, TABLE_MESSAGE_SIZE,
             "%.300s: is an old Excel workbook (.xls), which is not read: save it as .xlsx or CSV, "
             "or `libreoffice --convert-to xlsx` it",
             labels->path);
    return false;
}

static bool read_file(struct labels *labels, const struct label_options *options, char *message)
{
    size_t size;
    bool good;
    char *bytes = table_read_file(labels->path, &size, message);
    if (!bytes)
        return false;
    if (mat_recognised((unsigned char *)bytes, size))
        good = read_mat(labels, bytes, size, options, message);
    else if (xlsx_recognised(bytes, size))
        good = read_xlsx(labels, bytes, size, options, message);
    else if (is_old_workbook(bytes, size))
        good = refuse_old_workbook(labels, message);
    else
        good = delimited_read(&labels->table, bytes, size, labels->path, message) &&
               take_table(labels, options, message);
    free(bytes);
    return good;
}

/* -------------------------------------------------------------------------------------- folders */

static bool find_file(struct labels *labels, const char *folder,
                      const struct label_options *options, char *message)
{
    static const char *const subfolders[] = {"",          "Data/",     "Annotations/",
                                             "metadata/", "database/", "sr_metric_data/"};
    const struct form *form;
    for (size_t i = 0; (form = form_at(i)); i++)
        for (size_t j = 0; wanted(form, options) && form->files[j]; j++)
            for (size_t k = 0; k < sizeof subfolders / sizeof subfolders[0]; k++) {
                snprintf(labels->path, sizeof labels->path, "%.900s%s%s%s", folder,
                         folder[strlen(folder) - 1] == '/' ? "" : "/", subfolders[k],
                         form->files[j]);
                if (exists(labels->path))
                    return true;
            }
    snprintf(message, TABLE_MESSAGE_SIZE,
             "%.300s: no label file of a known dataset is in this folder; name the file", folder);
    return false;
}

bool labels_read(struct labels *labels, const char *path, const struct label_options *options,
                 char message[TABLE_MESSAGE_SIZE])
{
    struct stat status;
    memset(labels, 0, sizeof *labels);
    if (strlen(path) >= sizeof labels->path - 64) {
        snprintf(message, TABLE_MESSAGE_SIZE, "%.300s: the path is too long", path);
        return false;
    }
    snprintf(labels->path, sizeof labels->path, "%s", path);
    const bool folder = *path && stat(path, &status) == 0 && S_ISDIR(status.st_mode);
    if ((!folder || find_file(labels, path, options, message)) &&
        read_file(labels, options, message))
        return true;
    labels_free(labels);
    return false;
}

void labels_free(struct labels *labels)
{
    table_free(&labels->table);
}

const char *labels_dataset(size_t index)
{
    const struct form *form;
    for (size_t i = 0; (form = form_at(i)); i++) {
        if (i && strcmp(form->key, form_at(i - 1)->key) == 0)
            continue; /* another form of the same */
        if (index-- == 0)
            return form->key;
    }
    return NULL;
}
