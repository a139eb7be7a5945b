/*
 * model_load.c - takes checked, typed views of tensors out of a model file.
 *
 * Nothing here knows a tower's structure.  Numbers stay where they are unless they have to be
 * widened.
 */
#include "model_load.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "c_text.h"
#include "format.h"
#include "large_matrices.h"
#include "map_file.h"
#include "utf8.h"

struct tensor_name tensor_name(const char *format, ...)
{
    struct tensor_name name;
    va_list arguments;
    va_start(arguments, format);
    format_text_v(name.text, sizeof name.text, format, arguments);
    va_end(arguments);
    return name;
}

void loader_fail(struct loader *loader, qc_status status, const char *format, ...)
{
    if (loader->status)
        return;
    char sentence[QC_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    format_text_v(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    loader->status = fail(loader->message, status, "%s: %s", loader->model->gguf.origin, sentence);
}

void *loader_allocate(struct loader *loader, size_t count, size_t size)
{
    if (loader->status)
        return NULL;
    void *piece = memory_take(&loader->model->memory, count, size);
    if (!piece)
        loader_fail(loader, QC_ERROR_MEMORY, "not enough memory for %zu elements of %zu bytes",
                    count, size);
    return piece;
}

/* ------------------------------------------------------------------------------------ text */

bool text_is(struct gguf_text text, const char *expected)
{
    return text.size == text_size(expected) && memcmp(text.bytes, expected, text.size) == 0;
}

char *loader_copy_text(struct loader *loader, struct gguf_text text)
{
    char *copy = loader_allocate(loader, text.size + 1, 1);
    if (!copy)
        return NULL;
    for (size_t i = 0; i < text.size;) {
        const unsigned char first = (unsigned char)text.bytes[i];
        size_t length = utf8_length(text.bytes + i, text.size - i);
        if (length == 0 || first < 0x20 || first == 0x7F) {
            copy[i] = '?';
            length = 1;
        } else {
            memcpy(copy + i, text.bytes + i, length);
        }
        i += length;
    }
    return copy;
}

/* --------------------------------------------------------------------------------- tensors */

/* "3, 4, 5" */
static void print_shape(char *text, size_t size, const uint64_t *sizes, size_t count)
{
    size_t used = 0;
    for (size_t i = 0; i < count && used < size; i++)
        used += format_text(text + used, size - used, "%s%llu", i ? ", " : "",
                            (unsigned long long)sizes[i]);
}

/* Without trailing sizes of 1, which are not stored. */
static size_t shape_length(const uint64_t *sizes)
{
    size_t length = GGUF_MAX_DIMENSIONS;
    while (length > 1 && !sizes[length - 1])
        length--;
    return length;
}

static bool check_shape(struct loader *loader, const char *name, const struct gguf_tensor *tensor,
                        const struct shape *shape)
{
    const size_t expected = shape_length(shape->sizes);
    uint64_t found[GGUF_MAX_DIMENSIONS];
    bool same = tensor->dimensions == expected;
    for (size_t i = 0; i < tensor->dimensions; i++) {
        found[i] = tensor->shape[tensor->dimensions - 1 - i];
        same = same && found[i] == shape->sizes[i];
    }
    if (!same) {
        char expected_text[96], found_text[96];
        print_shape(expected_text, sizeof expected_text, shape->sizes, expected);
        print_shape(found_text, sizeof found_text, found, tensor->dimensions);
        loader_fail(loader, QC_ERROR_FORMAT, "tensor %s has shape (%s), expected (%s)", name,
                    found_text, expected_text);
    }
    return same;
}

bool number_type_of(enum gguf_tensor_type stored, number_type *type)
{
    switch (stored) {
    case GGML_F32: *type = NUMBER_F32; return true;
    case GGML_F16: *type = NUMBER_F16; return true;
    case GGML_BF16: *type = NUMBER_BF16; return true;
    case GGML_I8:
    case GGML_F64: break;
    }
    return false;
}

static bool check_type(struct loader *loader, const char *name, const struct gguf_tensor *tensor)
{
    number_type type;
    if (number_type_of(tensor->type, &type))
        return true;
    const char *type_name = gguf_type_name(tensor->type);
    if (gguf_type_is_quantised(tensor->type))
        loader_fail(loader, QC_ERROR_UNSUPPORTED,
                    "tensor %s is quantised (%s), expected f32, f16 or bf16: take the f16 file, or "
                    "convert the original checkpoint",
                    name, type_name);
    loader_fail(loader, QC_ERROR_UNSUPPORTED,
                "tensor %s has number type %lu%s%s%s, expected f32, f16 or bf16", name,
                (unsigned long)tensor->type, type_name ? " (" : "", type_name ? type_name : "",
                type_name ? ")" : "");
    return false;
}

/* Of a tensor that passed check_type(). */
static number_type type_of(const struct gguf_tensor *tensor)
{
    number_type type = NUMBER_F32;
    number_type_of(tensor->type, &type);
    return type;
}

/* Its numbers are looked at in the one pass over the file. */
static void check_later(struct loader *loader, const struct gguf_tensor *tensor)
{
    if (!loader->unchecked)
        loader->unchecked = loader_allocate(loader, (size_t)loader->model->gguf.tensor_count,
                                            sizeof *loader->unchecked);
    if (loader->unchecked)
        loader->unchecked[loader->unchecked_count++] = tensor;
}

/* The tensor of that name, fit for use, or NULL. */
static const struct gguf_tensor *load_tensor(struct loader *loader, const char *name,
                                             const struct shape *shape)
{
    if (loader->status)
        return NULL;
    const struct gguf_tensor *tensor = gguf_find_tensor(&loader->model->gguf, name);
    if (!tensor) {
        loader_fail(loader, QC_ERROR_FORMAT, "tensor %s is missing", name);
        return NULL;
    }
    if (!check_type(loader, name, tensor) || !check_shape(loader, name, tensor, shape))
        return NULL;
    if (!loader->skip_numbers)
        check_later(loader, tensor);
    loader->model->info.parameter_count += tensor->count;
    return tensor;
}

bool loader_has(const struct loader *loader, const char *name)
{
    return gguf_find_tensor(&loader->model->gguf, name) != NULL;
}

struct matrix load_matrix(struct loader *loader, const char *name, struct shape shape)
{
    const struct gguf_tensor *tensor = load_tensor(loader, name, &shape);
    if (!tensor)
        return (struct matrix){0};
    loader->matrix_numbers[type_of(tensor)] += tensor->count;
    const size_t outputs = (size_t)shape.sizes[0];
    return (struct matrix){.data = tensor->data,
                           .type = type_of(tensor),
                           .outputs = outputs,
                           .inputs = tensor->count / outputs};
}

static struct tensor_name with_suffix(const char *name, const char *suffix)
{
    return tensor_name("%s%s", name, suffix);
}

/* Whole numbers with a scale for each output. */
static struct matrix load_whole_matrix(struct loader *loader, const char *name,
                                       const struct gguf_tensor *tensor, struct shape shape)
{
    const size_t outputs = (size_t)shape.sizes[0];
    const char *scales_name = with_suffix(name, SCALES_SUFFIX).text;
    if (!check_shape(loader, name, tensor, &shape))
        return (struct matrix){0};
    const float *scales = load_vector(loader, scales_name, outputs);
    for (size_t n = 0; scales && n < outputs; n++)
        if (!(scales[n] >= 0 && scales[n] <= FLT_MAX)) {
            loader_fail(loader, QC_ERROR_FORMAT,
                        "tensor %s: scale %zu is %g, expected a finite number from 0 on",
                        scales_name, n, (double)scales[n]);
            return (struct matrix){0};
        }
    if (!scales)
        return (struct matrix){0};
    check_later(loader, tensor);
    loader->matrix_numbers[NUMBER_I8] += tensor->count;
    /* A scale takes the place of what it belongs to; it is no parameter. */
    loader->model->info.parameter_count += tensor->count - outputs;
    return (struct matrix){.data = tensor->data,
                           .scales = scales,
                           .type = NUMBER_I8,
                           .outputs = outputs,
                           .inputs = tensor->count / outputs};
}

static bool check_layout(struct loader *loader)
{
    uint32_t layout = 0;
    if (!loader->status)
        loader->status =
            gguf_get_u32(&loader->model->gguf, KEY_PACKED, true, &layout, loader->message);
    if (!loader->status && layout != PACKED_LAYOUT)
        loader_fail(loader, QC_ERROR_UNSUPPORTED,
                    "key " KEY_PACKED " is %lu: weights are packed in a layout that this library "
                    "does not know, which is %d; convert the checkpoint again",
                    (unsigned long)layout, PACKED_LAYOUT);
    return !loader->status;
}

static bool panel_type_of(const struct gguf_tensor *tensor, number_type *type)
{
    if (tensor->type == GGML_I8)
        *type = NUMBER_I8;
    return tensor->type == GGML_I8 || number_type_of(tensor->type, type);
}

/* Panels, as kernels read them. */
static struct matrix load_panels(struct loader *loader, const char *name,
                                 const struct gguf_tensor *tensor, struct shape shape)
{
    number_type type = NUMBER_F32;
    const size_t outputs = (size_t)shape.sizes[0];
    size_t inputs = 1;
    for (size_t i = 1; i < GGUF_MAX_DIMENSIONS && shape.sizes[i]; i++)
        inputs *= (size_t)shape.sizes[i];
    if (!check_layout(loader))
        return (struct matrix){0};
    if (!panel_type_of(tensor, &type)) {
        loader_fail(loader, QC_ERROR_UNSUPPORTED,
                    "tensor %s has number type %lu, expected f32, f16, bf16 or i8", name,
                    (unsigned long)tensor->type);
        return (struct matrix){0};
    }
    const struct shape panels = {{(outputs + PANEL_OUTPUTS - 1) / PANEL_OUTPUTS,
                                  panel_bytes(type, 1, inputs) / number_size(type)}};
    if (!check_shape(loader, name, tensor, &panels))
        return (struct matrix){0};
    const struct qc_model *model = loader->model;
    if (model->mapped && type == NUMBER_I8) /* a scale on each of many pages */
        fetch_mapped(tensor->data, tensor->size);
    const char *fault = panels_fault(tensor->data, type, outputs, inputs, model->only_checked);
    if (model->only_checked)
        release_mapped(tensor->data, tensor->size);
    if (fault) {
        loader_fail(loader, QC_ERROR_FORMAT, "tensor %s holds %s", name, fault);
        return (struct matrix){0};
    }
    if (type != NUMBER_I8) /* of which every byte is a number */
        check_later(loader, tensor);
    loader->matrix_numbers[type] += outputs * inputs;
    loader->model->info.parameter_count += outputs * inputs;
    return (struct matrix){
        .type = type, .outputs = outputs, .inputs = inputs, .packed = tensor->data};
}

/* In whichever form it is stored. */
static struct matrix load_any_form(struct loader *loader, const char *name, struct shape shape)
{
    if (loader->status)
        return (struct matrix){0};
    const struct gguf *gguf = &loader->model->gguf;
    const struct tensor_name packed_name = with_suffix(name, PACKED_SUFFIX);
    const struct gguf_tensor *tensor = gguf_find_tensor(gguf, name);
    const struct gguf_tensor *packed = gguf_find_tensor(gguf, packed_name.text);
    if (tensor && packed) {
        loader_fail(loader, QC_ERROR_FORMAT, "tensor %s is there packed, too", name);
        return (struct matrix){0};
    }
    if (packed)
        return load_panels(loader, packed_name.text, packed, shape);
    if (tensor && tensor->type == GGML_I8)
        return load_whole_matrix(loader, name, tensor, shape);
    return load_matrix(loader, name, shape);
}

struct matrix load_large_matrix(struct loader *loader, const char *name, struct shape shape)
{
    const struct matrix matrix = load_any_form(loader, name, shape);
    loader->model->large_type = matrix.type;
    loader->model->is_packed = matrix.packed != NULL;
    return matrix;
}

const float *load_floats(struct loader *loader, const char *name, struct shape shape)
{
    const struct gguf_tensor *tensor = load_tensor(loader, name, &shape);
    if (!tensor)
        return NULL;
    if (tensor->type == GGML_F32)
        return tensor->data;
    float *wide = loader_allocate(loader, tensor->count, sizeof *wide);
    if (wide)
        loader->model->kernels->widen(wide, tensor->data, type_of(tensor), tensor->count);
    return wide;
}

const double *load_doubles(struct loader *loader, const char *name, struct shape shape)
{
    if (loader->status)
        return NULL;
    const struct gguf_tensor *tensor = gguf_find_tensor(&loader->model->gguf, name);
    if (!tensor) {
        loader_fail(loader, QC_ERROR_FORMAT, "tensor %s is missing", name);
        return NULL;
    }
    if (tensor->type != GGML_F64)
        loader_fail(loader, QC_ERROR_UNSUPPORTED, "tensor %s has number type %lu, expected f64",
                    name, (unsigned long)tensor->type);
    double *numbers = NULL;
    if (!loader->status && check_shape(loader, name, tensor, &shape))
        numbers = loader_allocate(loader, tensor->count, sizeof *numbers);
    if (!numbers)
        return NULL;
    memcpy(numbers, tensor->data, tensor->count * sizeof *numbers); /* of any alignment there */
    for (size_t i = 0; i < tensor->count; i++)
        if (!isfinite(numbers[i])) {
            loader_fail(loader, QC_ERROR_FORMAT, "tensor %s holds a number that is not finite",
                        name);
            return NULL;
        }
    return numbers;
}

const float *load_vector(struct loader *loader, const char *name, size_t size)
{
    return load_floats(loader, name, (struct shape){{size}});
}

struct linear load_linear(struct loader *loader, const char *stem, size_t outputs, size_t inputs)
{
    const struct tensor_name name = tensor_name("%s.weight", stem);
    const struct shape shape = {{outputs, inputs}};
    return (struct linear){
        .weight = is_large_matrix(name.text, text_size(name.text))
                      ? load_large_matrix(loader, name.text, shape)
                      : load_matrix(loader, name.text, shape),
        .bias = load_vector(loader, tensor_name("%s.bias", stem).text, outputs),
    };
}

struct norm load_norm(struct loader *loader, const char *stem, size_t size)
{
    return (struct norm){
        .gain = load_vector(loader, tensor_name("%s.weight", stem).text, size),
        .bias = load_vector(loader, tensor_name("%s.bias", stem).text, size),
    };
}

void load_transformer_block(struct loader *loader, struct vit_block *block, char tower,
                            size_t index, size_t width, size_t mlp_width)
{
#define NAME(part) tensor_name("%c.blk.%zu." part, tower, index).text
    block->norm1 = load_norm(loader, NAME("ln1"), width);
    block->query = load_linear(loader, NAME("attn_q"), width, width);
    block->key = load_linear(loader, NAME("attn_k"), width, width);
    block->value = load_linear(loader, NAME("attn_v"), width, width);
    block->out = load_linear(loader, NAME("attn_out"), width, width);
    block->norm2 = load_norm(loader, NAME("ln2"), width);
    /* clip.cpp calls the first layer "down" and the second "up". */
    block->fc1 = load_linear(loader, NAME("ffn_down"), mlp_width, width);
    block->fc2 = load_linear(loader, NAME("ffn_up"), width, mlp_width);
#undef NAME
}

/* ------------------------------------------------------------------------------------ keys */

size_t load_size(struct loader *loader, const char *key, uint32_t otherwise, uint32_t least,
                 uint32_t most)
{
    if (loader->status)
        return 0;
    uint32_t value = otherwise;
    loader->status =
        gguf_get_u32(&loader->model->gguf, key, otherwise == 0, &value, loader->message);
    if (!loader->status && (value < least || value > most))
        loader_fail(loader, QC_ERROR_FORMAT, "key %s is %lu, expected %lu to %lu", key,
                    (unsigned long)value, (unsigned long)least, (unsigned long)most);
    return loader->status ? 0 : value;
}

const float *load_positions(struct loader *loader, const char *name, size_t patch_size,
                            size_t width, size_t *grid)
{
    *grid = 0;
    if (loader->status || !loader_has(loader, name))
        return NULL;
    const size_t image_size =
        load_size(loader, KEY_IMAGE_SIZE, 0, (uint32_t)patch_size, MAX_IMAGE_SIZE);
    if (!image_size)
        return NULL;
    *grid = image_size / patch_size;
    loader->model->info.image_size = (uint32_t)image_size;
    return load_floats(loader, name, (struct shape){{1 + *grid * *grid, width}});
}
