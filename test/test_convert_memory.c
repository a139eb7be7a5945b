/*
 * test_convert_memory.c - how much memory a conversion takes: that of the largest tensor and 64 MiB
 * at most, however large the storage is that the tensors lie in.
 *
 * The checkpoint is a ViT whose tensors are all views of one storage of 200 MB.  Not measured where
 * a sanitizer keeps memory of its own (SANITIZE, as `make check` sets it).
 */
#include "conversion.h"
#include "gguf.h"
#include "map_file.h"
#include "problem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zip.h>

#include <cmocka.h>

#include "archive.h"
#include "pickle_writer.h"

enum {
    WIDTH = 768,
    MLP = 3072,
    LAYERS = 7,
    FEATURE = 512,
    SPACING = 65536, /* between the rows of two tensors that are scattered over the storage */
    TEXT = 8,        /* tensors of a text tower, which is dropped */
    ELEMENTS = 50500000,
    LARGEST = MLP * WIDTH * 4, /* bytes of a tensor */
    LIMIT = LARGEST + (64 << 20)
};

static char directory[] = "/tmp/qualiclip-test-memory-XXXXXX";
static char input[64], output[64];

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(input, sizeof input, "%s/in.pth", directory);
    snprintf(output, sizeof output, "%s/out.gguf", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(input);
    unlink(output);
    return rmdir(directory);
}

/* ------------------------------------------------------------------------------- checkpoint */

static float number_at(int64_t element)
{
    return (float)(element % 99991) / 65536;
}

struct dict {
    struct pickle pickle;
    int64_t next; /* where the next tensor lies in the storage */
    unsigned count;
};

static void put_at(struct dict *dict, const char *name, struct pickled_tensor tensor)
{
    tensor.key = "0";
    tensor.elements = ELEMENTS;
    pickle_string(&dict->pickle, name);
    pickle_tensor(&dict->pickle, &tensor);
    dict->count++;
}

static void put(struct dict *dict, const char *name, int64_t rows, int64_t columns)
{
    struct pickled_tensor tensor = {.offset = dict->next, .dimensions = columns ? 2 : 1};
    tensor.shape[0] = rows;
    tensor.shape[1] = columns;
    tensor.stride[0] = columns ? columns : 1;
    tensor.stride[1] = 1;
    put_at(dict, name, tensor);
    dict->next += rows * (columns ? columns : 1);
}

static void put_block(struct dict *dict, unsigned index)
{
    static const struct {
        const char *name;
        int64_t rows, columns;
    } parts[] = {{"attn.in_proj_weight", 3 * WIDTH, WIDTH},
                 {"attn.in_proj_bias", 3 * WIDTH, 0},
                 {"attn.out_proj.weight", WIDTH, WIDTH},
                 {"attn.out_proj.bias", WIDTH, 0},
                 {"ln_1.weight", WIDTH, 0},
                 {"ln_1.bias", WIDTH, 0},
                 {"mlp.c_fc.weight", MLP, WIDTH},
                 {"mlp.c_fc.bias", MLP, 0},
                 {"mlp.c_proj.weight", WIDTH, MLP},
                 {"mlp.c_proj.bias", WIDTH, 0},
                 {"ln_2.weight", WIDTH, 0},
                 {"ln_2.bias", WIDTH, 0}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        char name[96];
        snprintf(name, sizeof name, "visual.transformer.resblocks.%u.%s", index, parts[i].name);
        put(dict, name, parts[i].rows, parts[i].columns);
    }
}

static void write_pickle(struct dict *dict)
{
    pickle_bytes(&dict->pickle, "\x80\2}(", 4);
    /* These two have the whole storage between their first and their last number. */
    put_at(dict, "visual.class_embedding",
           (struct pickled_tensor){.dimensions = 1, .shape = {WIDTH}, .stride = {SPACING}});
    put_at(dict, "visual.proj",
           (struct pickled_tensor){
               .offset = 5, .dimensions = 2, .shape = {WIDTH, FEATURE}, .stride = {SPACING, 1}});
    put_at(dict, "visual.conv1.weight",
           (struct pickled_tensor){.dimensions = 4,
                                   .shape = {WIDTH, 3, 32, 32},
                                   .stride = {3 * 32 * 32, 32 * 32, 32, 1}});
    put(dict, "visual.positional_embedding", 50, WIDTH);
    static const char *const norms[] = {"visual.ln_pre.weight", "visual.ln_pre.bias",
                                        "visual.ln_post.weight", "visual.ln_post.bias"};
    for (size_t i = 0; i < 4; i++)
        put(dict, norms[i], WIDTH, 0);
    for (unsigned i = 0; i < LAYERS; i++)
        put_block(dict, i);
    for (unsigned i = 0; i < TEXT; i++) {
        char name[64];
        snprintf(name, sizeof name, "transformer.resblocks.%u.ln_1.weight", i);
        put(dict, name, 512, 0);
    }
    pickle_bytes(&dict->pickle, "u.", 2);
    assert_true(dict->next <= ELEMENTS && dict->next > ELEMENTS / 100 * 98);
    assert_true((int64_t)(WIDTH - 1) * SPACING + FEATURE + 5 <= ELEMENTS);
    assert_true(dict->count >= 100);
}

/* The storage's bytes, as libzip asks for them: they are never all there. */
static zip_int64_t give_storage(void *context, void *data, zip_uint64_t size, zip_source_cmd_t what)
{
    int64_t *next = context;
    zip_stat_t *stat = data;
    switch (what) {
    case ZIP_SOURCE_OPEN: *next = 0; return 0;
    case ZIP_SOURCE_READ: {
        zip_uint64_t count = 0;
        for (; (count + 1) * sizeof(float) <= size && *next < ELEMENTS; count++, ++*next) {
            const float number = number_at(*next);
            memcpy((char *)data + count * sizeof number, &number, sizeof number);
        }
        return (zip_int64_t)(count * sizeof(float));
    }
    case ZIP_SOURCE_STAT:
        zip_stat_init(stat);
        stat->size = (zip_uint64_t)ELEMENTS * sizeof(float);
        stat->valid = ZIP_STAT_SIZE;
        return (zip_int64_t)sizeof *stat;
    case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE,
                                              ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE,
                                              -1);
    case ZIP_SOURCE_ERROR: return 2 * (zip_int64_t)sizeof(int);
    default: return 0;
    }
}

static void write_checkpoint(void)
{
    struct dict dict = {.next = 0};
    write_pickle(&dict);
    archive_add(input, "views/data.pkl", dict.pickle.bytes, dict.pickle.size, 0);
    free(dict.pickle.bytes);
    int error;
    int64_t next = 0;
    zip_t *archive = zip_open(input, 0, &error);
    assert_non_null(archive);
    zip_source_t *source = zip_source_function(archive, give_storage, &next);
    const zip_int64_t index = zip_file_add(archive, "views/data/0", source, ZIP_FL_ENC_UTF_8);
    assert_true(index >= 0);
    assert_int_equal(zip_set_file_compression(archive, (zip_uint64_t)index, ZIP_CM_STORE, 0), 0);
    assert_int_equal(zip_close(archive), 0);
}

/* ------------------------------------------------------------------------------ measurement */

static bool verify(void *context, const char *path, char *message)
{
    (void)context;
    return qc_model_check(path, NULL) == QC_OK || problem(message, "the model is not usable");
}

/* Bytes by which the peak of this process's memory grew. */
static long convert_and_measure(bool half)
{
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    char message[QC_MESSAGE_SIZE];
    struct conversion_result result;
    struct conversion conversion = {
        .checkpoint_path = input, .model_path = output, .text = TEXT_DROPPED, .verify = verify};
    conversion.type = half ? GGML_F16 : GGML_F32;
    if (!convert_checkpoint(&conversion, &result, message)) {
        fprintf(stderr, "%s\n", message);
        return -1;
    }
    getrusage(RUSAGE_SELF, &after);
    return (after.ru_maxrss - before.ru_maxrss) * 1024;
}

/* In a process of its own, whose memory has no past. */
static long measure(bool half)
{
    int ends[2];
    long growth = -1;
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        growth = convert_and_measure(half);
        _exit(write(ends[1], &growth, sizeof growth) == (ssize_t)sizeof growth ? 0 : 1);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &growth, sizeof growth), sizeof growth);
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    return growth;
}

/* The tensor's numbers are those of the storage from `offset` on, row after row. */
static void check_numbers(const struct gguf *gguf, const char *name, int64_t offset,
                          int64_t columns, int64_t row_stride)
{
    const struct gguf_tensor *tensor = gguf_find_tensor(gguf, name);
    assert_non_null(tensor);
    const float *numbers = tensor->data;
    for (int64_t i = 0; i < (int64_t)tensor->count; i++)
        if (!(numbers[i] == number_at(offset + i / columns * row_stride + i % columns)))
            fail_msg("%s: element %ld is %g", name, (long)i, (double)numbers[i]);
}

static void check_output(void)
{
    const void *data;
    size_t size;
    struct gguf gguf;
    char text[QC_MESSAGE_SIZE];
    struct message message = {text, sizeof text};
    if (map_file(&data, &size, output, &message) != QC_OK ||
        gguf_parse(&gguf, data, size, output, &message) != QC_OK)
        fail_msg("%s", text);
    check_numbers(&gguf, "v.class_embd", 0, 1, SPACING);
    check_numbers(&gguf, "v.position_embd.weight", 0, WIDTH, WIDTH);
    check_numbers(&gguf, "v.patch_embd.weight", 0, WIDTH, WIDTH);
    const int64_t first = 50 * WIDTH + 4 * WIDTH; /* of block 0 */
    check_numbers(&gguf, "v.blk.0.attn_v.weight", first + 2 * WIDTH * WIDTH, WIDTH, WIDTH);
    /* Transposed: (FEATURE, WIDTH) of what lies as (WIDTH, FEATURE). */
    const struct gguf_tensor *projection = gguf_find_tensor(&gguf, "visual_projection.weight");
    assert_non_null(projection);
    const float *numbers = projection->data;
    for (int64_t row = 0; row < FEATURE; row++)
        for (int64_t column = 0; column < WIDTH; column++)
            assert_true(numbers[row * WIDTH + column] == number_at(5 + column * SPACING + row));
    gguf_free(&gguf);
    unmap_file(data, size);
}

static void memory_is_that_of_the_largest_tensor(void **state)
{
    (void)state;
    const char *sanitizer = getenv("SANITIZE");
    write_checkpoint();
    for (int half = 1; half >= 0; half--) {
        const long growth = measure(half);
        assert_true(growth > 0);
        if (sanitizer && sanitizer[0])
            continue;
        print_message("grew by %.1f MiB; the largest tensor has %.1f\n", (double)growth / (1 << 20),
                      (double)LARGEST / (1 << 20));
        if (growth > LIMIT)
            fail_msg("memory grew by %ld bytes, expected %ld at most", growth, (long)LIMIT);
    }
    check_output();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_that_of_the_largest_tensor),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
