/*
 * repack.c - copies a model file tensor by tensor; what is to change is changed on the way.  The
 * file is mapped, a panel's weights at a time are in memory.
 */
#include "repack.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../kernels/kernels.h"
#include "../../kernels/reference/reference.h"
#include "../../lib/gguf.h"
#include "../../lib/large_matrices.h"
#include "../../lib/map_file.h"
#include "../../lib/smoothing.h"
#include "gguf_writer.h"
#include "problem.h"

#define NAME_SIZE 128 /* of tensors, which are not longer in files that can be opened */

struct repacking {
    const struct gguf *gguf;
    struct gguf_writer *writer;
    struct large_form form;
    char *message;

    /* Factors of the norm that was asked for last. */
    double *factors;
    char norm[NAME_SIZE];
};

struct name {
    char text[NAME_SIZE + 16];
};

static struct name name_of(const struct gguf_tensor *tensor)
{
    struct name name;
    const size_t size = tensor->name.size < NAME_SIZE ? tensor->name.size : (size_t)NAME_SIZE - 1;
    memcpy(name.text, tensor->name.bytes, size);
    name.text[size] = '\0';
    return name;
}

static bool out_of_memory(const struct repacking *repacking)
{
    return problem(repacking->message, "%.200s: out of memory", repacking->gguf->origin);
}

/* ------------------------------------------------------------------------------ what is stored */

static bool plain_type(enum gguf_tensor_type stored, number_type *type)
{
    *type = stored == GGML_F16 ? NUMBER_F16 : stored == GGML_BF16 ? NUMBER_BF16 : NUMBER_F32;
    return stored == GGML_F32 || stored == GGML_F16 || stored == GGML_BF16;
}

/* A large matrix in numbers that each mean something by themselves. */
static bool is_plain_large(const struct gguf_tensor *tensor)
{
    number_type type;
    return is_large_matrix(tensor->name.bytes, tensor->name.size) &&
           plain_type(tensor->type, &type) && tensor->count && tensor->dimensions >= 2;
}

static size_t outputs_of(const struct gguf_tensor *tensor)
{
    return (size_t)tensor->shape[tensor->dimensions - 1];
}

static size_t inputs_of(const struct gguf_tensor *tensor)
{
    return tensor->count / outputs_of(tensor);
}

static void read_rows(const struct gguf_tensor *tensor, size_t output, size_t outputs, float *rows)
{
    number_type type;
    const size_t inputs = inputs_of(tensor);
    plain_type(tensor->type, &type);
    reference_widen(rows, (const char *)tensor->data + output * inputs * number_size(type), type,
                    outputs * inputs);
}

/* A vector of a norm as floats, or NULL where it is none of that size. */
static float *read_vector(const struct repacking *repacking, const char *norm, const char *part,
                          size_t size)
{
    struct name name;
    number_type type;
    snprintf(name.text, sizeof name.text, "%s.%s", norm, part);
    const struct gguf_tensor *tensor = gguf_find_tensor(repacking->gguf, name.text);
    if (!tensor || tensor->count != size || !plain_type(tensor->type, &type)) {
        problem(repacking->message, "%.200s: tensor %.100s: expected %zu numbers",
                repacking->gguf->origin, name.text, size);
        return NULL;
    }
    float *vector = malloc(size * sizeof *vector);
    if (vector)
        reference_widen(vector, tensor->data, type, size);
    else
        out_of_memory(repacking);
    return vector;
}

/* ------------------------------------------------------------------------------------- smoothing
 */

/* "v.blk.7.ln1" for what it belongs to: itself, and the matrices behind it; "" for all else. */
static struct name norm_of(const struct name *tensor)
{
    static const struct {
        const char *part, *norm;
    } parts[] = {{"ln1.weight", "ln1"},    {"ln1.bias", "ln1"},       {"ln2.weight", "ln2"},
                 {"ln2.bias", "ln2"},      {"attn_q.weight", "ln1"},  {"attn_k.weight", "ln1"},
                 {"attn_v.weight", "ln1"}, {"ffn_down.weight", "ln2"}};
    struct name norm = {""};
    unsigned block;
    int length = 0;
    if (sscanf(tensor->text, "v.blk.%u.%n", &block, &length) < 1 || !length)
        return norm;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcmp(tensor->text + length, parts[i].part) == 0)
            snprintf(norm.text, sizeof norm.text, "%.*s%s", length, tensor->text, parts[i].norm);
    return norm;
}

static bool add_energies(const struct repacking *repacking, const char *norm, const char *part,
                         size_t channels)
{
    struct name name;
    snprintf(name.text, sizeof name.text, "%.*s%s", (int)(strrchr(norm, '.') + 1 - norm), norm,
             part);
    const struct gguf_tensor *tensor = gguf_find_tensor(repacking->gguf, name.text);
    if (!tensor || !is_plain_large(tensor) || inputs_of(tensor) != channels)
        return problem(repacking->message, "%.200s: tensor %.100s: expected a matrix of %zu inputs",
                       repacking->gguf->origin, name.text, channels);
    float *row = malloc(channels * sizeof *row);
    if (!row)
        return out_of_memory(repacking);
    for (size_t output = 0; output < outputs_of(tensor); output++) {
        read_rows(tensor, output, 1, row);
        smoothing_add(repacking->factors, row, channels);
    }
    free(row);
    return true;
}

/* Sets repacking->factors to those of a norm. */
static bool find_factors(struct repacking *repacking, const char *norm, size_t channels)
{
    if (strcmp(repacking->norm, norm) == 0)
        return true;
    free(repacking->factors);
    repacking->factors = calloc(channels, sizeof *repacking->factors);
    if (!repacking->factors)
        return out_of_memory(repacking);
    const bool attention = norm[strlen(norm) - 1] == '1', first = strcmp(norm, "v.blk.0.ln1") == 0;
    float *gain = read_vector(repacking, norm, "weight", channels);
    float *bias = read_vector(repacking, norm, "bias", channels);
    float *before = first ? read_vector(repacking, "v.pre_ln", "weight", channels) : NULL;
    float *bias_before = first ? read_vector(repacking, "v.pre_ln", "bias", channels) : NULL;
    const bool good = gain && bias && (!first || (before && bias_before)) &&
                      (attention ? add_energies(repacking, norm, "attn_q.weight", channels) &&
                                       add_energies(repacking, norm, "attn_k.weight", channels) &&
                                       add_energies(repacking, norm, "attn_v.weight", channels)
                                 : add_energies(repacking, norm, "ffn_down.weight", channels));
    if (good) {
        smoothing_factors(repacking->factors, gain, bias, before, bias_before, channels);
        snprintf(repacking->norm, sizeof repacking->norm, "%s", norm);
    }
    free(gain);
    free(bias);
    free(before);
    free(bias_before);
    return good;
}

/* ----------------------------------------------------------------------------- large matrices */

/* Whole numbers, a panel's at a time, in panels or as rows; scales are for later. */
static void put_whole_panel(struct repacking *repacking, const struct panel_i8 *panel,
                            size_t outputs, size_t inputs, float *scales)
{
    memcpy(scales, panel->scales, outputs * sizeof *scales);
    if (repacking->form.packed) {
        gguf_write(repacking->writer, panel, panel_bytes(NUMBER_I8, 1, inputs));
        return;
    }
    int8_t chunk[4096];
    for (size_t n = 0; n < outputs; n++)
        for (size_t first = 0; first < inputs; first += sizeof chunk) {
            const size_t left = inputs - first, count = left < sizeof chunk ? left : sizeof chunk;
            for (size_t i = 0; i < count; i++)
                chunk[i] = panel->groups[(first + i) / 4][n][(first + i) % 4];
            gguf_write(repacking->writer, chunk, count);
        }
}

static void put_panel(struct repacking *repacking, const struct gguf_tensor *tensor, size_t output,
                      size_t outputs, void *panel)
{
    number_type type;
    const size_t inputs = inputs_of(tensor);
    plain_type(tensor->type, &type);
    pack_weights(panel, (const char *)tensor->data + output * inputs * number_size(type), type,
                 outputs, 1, inputs);
    gguf_write(repacking->writer, panel, panel_bytes(type, 1, inputs));
}

/* In the order of declare_large(). */
static bool write_large(struct repacking *repacking, const struct gguf_tensor *tensor)
{
    const size_t outputs = outputs_of(tensor), inputs = inputs_of(tensor);
    const struct name name = name_of(tensor), norm = norm_of(&name);
    if (repacking->form.whole && *norm.text && !find_factors(repacking, norm.text, inputs))
        return false;
    float *rows = malloc(PANEL_OUTPUTS * inputs * sizeof *rows);
    float *scales = malloc((outputs + PANEL_OUTPUTS) * sizeof *scales);
    void *panel = malloc(panel_bytes(NUMBER_F32, 1, inputs + 4) + sizeof(struct panel_i8));
    const bool good = rows && scales && panel;
    for (size_t output = 0; good && output < outputs; output += PANEL_OUTPUTS) {
        const size_t left = outputs - output, count = left < PANEL_OUTPUTS ? left : PANEL_OUTPUTS;
        if (!repacking->form.whole) {
            put_panel(repacking, tensor, output, count, panel);
            continue;
        }
        read_rows(tensor, output, count, rows);
        for (size_t n = 0; *norm.text && n < count; n++)
            smoothing_multiply(rows + n * inputs, rows + n * inputs, repacking->factors, inputs);
        quantise_weights(panel, rows, count, inputs);
        put_whole_panel(repacking, panel, count, inputs, scales + output);
    }
    if (good && repacking->form.whole && !repacking->form.packed)
        gguf_write(repacking->writer, scales, outputs * sizeof *scales);
    free(rows);
    free(scales);
    free(panel);
    return good || out_of_memory(repacking);
}

static void declare_large(struct repacking *repacking, const struct gguf_tensor *tensor)
{
    struct name name = name_of(tensor);
    number_type type;
    const size_t outputs = outputs_of(tensor), inputs = inputs_of(tensor);
    plain_type(tensor->type, &type);
    if (repacking->form.whole)
        type = NUMBER_I8;
    const enum gguf_tensor_type stored = repacking->form.whole ? GGML_I8 : tensor->type;
    if (repacking->form.packed) {
        const uint64_t shape[] = {panel_bytes(type, 1, inputs) / number_size(type),
                                  (outputs + PANEL_OUTPUTS - 1) / PANEL_OUTPUTS};
        strcat(name.text, PACKED_SUFFIX);
        gguf_declare(repacking->writer, name.text, stored, 2, shape);
        return;
    }
    const uint64_t scales[] = {outputs};
    gguf_declare(repacking->writer, name.text, stored, tensor->dimensions, tensor->shape);
    strcat(name.text, SCALES_SUFFIX);
    gguf_declare(repacking->writer, name.text, GGML_F32, 1, scales);
}

/* ------------------------------------------------------------------------------------- the file */

static bool is_smoothed_norm(const struct repacking *repacking, const struct gguf_tensor *tensor)
{
    const struct name name = name_of(tensor);
    return repacking->form.whole && tensor->dimensions == 1 && *norm_of(&name).text;
}

static bool write_norm(struct repacking *repacking, const struct gguf_tensor *tensor)
{
    const struct name name = name_of(tensor), norm = norm_of(&name);
    const char *part = strrchr(name.text, '.') + 1;
    if (!find_factors(repacking, norm.text, tensor->count))
        return false;
    float *vector = read_vector(repacking, norm.text, part, tensor->count);
    if (!vector)
        return false;
    smoothing_divide(vector, vector, repacking->factors, tensor->count);
    gguf_write(repacking->writer, vector, tensor->count * sizeof *vector);
    free(vector);
    return true;
}

static bool check_tensor(const struct repacking *repacking, const struct gguf_tensor *tensor)
{
    static const char packed[] = PACKED_SUFFIX;
    const size_t length = sizeof packed - 1, size = tensor->name.size;
    const bool is_packed =
        size > length && memcmp(tensor->name.bytes + size - length, packed, length) == 0;
    if (is_packed || is_large_matrix(tensor->name.bytes, size) != is_plain_large(tensor))
        return problem(repacking->message,
                       "%.200s: tensor %.80s is packed or in 8 bits already: take the file that it "
                       "was made from",
                       repacking->gguf->origin, gguf_label(tensor->name).text);
    if (!tensor->count || size >= NAME_SIZE)
        return problem(repacking->message, "%.200s: tensor %.80s cannot be copied",
                       repacking->gguf->origin, gguf_label(tensor->name).text);
    return true;
}

static bool declare_all(struct repacking *repacking)
{
    for (uint64_t i = 0; i < repacking->gguf->tensor_count; i++) {
        const struct gguf_tensor *tensor = &repacking->gguf->tensors[i];
        if (!check_tensor(repacking, tensor))
            return false;
        if (is_plain_large(tensor))
            declare_large(repacking, tensor);
        else
            gguf_declare(repacking->writer, name_of(tensor).text,
                         is_smoothed_norm(repacking, tensor) ? GGML_F32 : tensor->type,
                         tensor->dimensions, tensor->shape);
    }
    return true;
}

static bool write_all(struct repacking *repacking)
{
    for (uint64_t i = 0; i < repacking->gguf->tensor_count; i++) {
        const struct gguf_tensor *tensor = &repacking->gguf->tensors[i];
        if (is_plain_large(tensor)) {
            if (!write_large(repacking, tensor))
                return false;
        } else if (is_smoothed_norm(repacking, tensor)) {
            if (!write_norm(repacking, tensor))
                return false;
        } else {
            gguf_write(repacking->writer, tensor->data, tensor->size);
        }
        release_mapped(tensor->data, tensor->size);
    }
    return true;
}

static bool is_key(const struct gguf_value *value, const char *key)
{
    return value->key.size == strlen(key) && memcmp(value->key.bytes, key, value->key.size) == 0;
}

static void put_keys(struct repacking *repacking)
{
    for (uint64_t i = 0; i < repacking->gguf->value_count; i++) {
        const struct gguf_value *value = &repacking->gguf->values[i];
        if (!is_key(value, KEY_ALIGNMENT) && !is_key(value, KEY_PACKED))
            gguf_put_value(repacking->writer, value);
    }
    if (repacking->form.packed)
        gguf_put_u32(repacking->writer, KEY_PACKED, PACKED_LAYOUT);
}

static bool write_file(const struct gguf *gguf, const char *to, struct large_form form,
                       char *message)
{
    struct repacking repacking = {.gguf = gguf, .form = form, .message = message};
    repacking.writer = gguf_writer_open(to, message);
    if (!repacking.writer)
        return false;
    put_keys(&repacking);
    const bool good = declare_all(&repacking) && write_all(&repacking);
    free(repacking.factors);
    if (good)
        return gguf_writer_finish(repacking.writer, message);
    gguf_writer_abandon(repacking.writer);
    return false;
}

bool repack(const char *from, const char *to, struct large_form form, char *message)
{
    struct message sentence = {message, QC_MESSAGE_SIZE};
    const void *data;
    size_t size;
    struct gguf gguf;
    if (map_file(&data, &size, from, &sentence) != QC_OK)
        return false;
    const bool parsed = gguf_parse(&gguf, data, size, origin_of(from), &sentence) == QC_OK;
    const bool good = parsed && write_file(&gguf, to, form, message);
    if (parsed)
        gguf_free(&gguf);
    unmap_file(data, size);
    return good;
}

bool is_model_file(const char *path)
{
    char magic[4] = "";
    FILE *file = fopen(path, "rb");
    const bool is = file && fread(magic, 1, sizeof magic, file) == sizeof magic &&
                    memcmp(magic, GGUF_MAGIC, sizeof magic) == 0;
    if (file)
        fclose(file);
    return is;
}
