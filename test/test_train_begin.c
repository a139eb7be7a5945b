/*
 * test_train_begin.c - a checkpoint as the beginning of training: its numbers, BatchNorm's
 * statistics among them, arrive where they belong, and what is not as it has to be is named.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "temporary_file.h"
#include "train/begin.h"
#include "train/tensor_file.h"

static const char golden[] = "test/golden/towers/resnet.pth";
static char message[QC_MESSAGE_SIZE];

/* False: message says why. */
static bool begin_with(const char *path, struct student *student)
{
    const struct begin_wishes wishes = {.fine_tunes = true};
    struct beginning beginning;
    message[0] = '\0';
    if (!begin_find(&beginning, path, &wishes, "a-model-elsewhere.gguf", message))
        return false;
    struct tower *tower = tower_create(&beginning.shape, 1, 64, 64, 1, message);
    assert_non_null(tower);
    student_create(student, tower, beginning.texts, beginning.prompts_learn);
    if (begin_fill(&beginning, student, 1, message))
        return true;
    student_free(student);
    return false;
}

/* Tower and prompts as a checkpoint lists them; to be freed. */
static struct named_tensor *list_tensors(const struct student *student, size_t *count)
{
    *count = student->tower->parameter_count + 1;
    struct named_tensor *tensors = calloc(*count, sizeof *tensors);
    assert_non_null(tensors);
    for (size_t i = 0; i < *count; i++) {
        const struct tower_parameter *parameter = &student->parameters[i];
        tensors[i] = (struct named_tensor){.dimensions = parameter->dimensions,
                                           .count = parameter->count,
                                           .values = parameter->values};
        memcpy(tensors[i].shape, parameter->shape, sizeof tensors[i].shape);
        if (i + 1 < *count)
            snprintf(tensors[i].name, sizeof tensors[i].name, "clip_model.visual.%s",
                     parameter->name);
        else
            strcpy(tensors[i].name, "prompts_features");
    }
    return tensors;
}

static struct named_tensor *find(struct named_tensor *tensors, const char *name)
{
    while (strcmp(tensors->name, name) != 0)
        tensors++;
    return tensors;
}

static void numbers_are_the_files(void **state)
{
    static const char *const names[] = {"visual.conv1.weight", "visual.layer3.1.bn2.weight",
                                        "visual.bn1.running_mean",
                                        "visual.layer1.0.downsample.1.running_var"};
    struct student student;
    (void)state;
    assert_true(begin_with(golden, &student));
    assert_false(student.tower->shape.folded);
    assert_false(student.prompts_learn);
    assert_int_equal(student.texts, 4);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct tower_parameter *parameter =
            tower_find(student.tower, names[i] + strlen("visual."));
        float *values = calloc(parameter->count, sizeof *values);
        struct named_tensor tensor = {
            .dimensions = parameter->dimensions, .count = parameter->count, .values = values};
        memcpy(tensor.shape, parameter->shape, sizeof tensor.shape);
        strcpy(tensor.name, names[i]);
        assert_true(tensor_file_read(golden, &tensor, 1, message));
        assert_memory_equal(values, parameter->values, parameter->count * sizeof *values);
        assert_true(values[0] != 0 && values[0] != 1);
        free(values);
    }
    student_free(&student);
}

/* Another program's file of the same model is the same beginning. */
static void a_safetensors_file_is_as_good(void **state)
{
    struct student student, other;
    size_t count;
    (void)state;
    assert_true(begin_with(golden, &student));
    struct named_tensor *tensors = list_tensors(&student, &count);
    assert_true(tensor_file_write(temporary_path, tensors, count, message));
    if (!begin_with(temporary_path, &other))
        fail_msg("%s", message);
    for (size_t i = 0; i < count; i++)
        assert_memory_equal(student.parameters[i].values, other.parameters[i].values,
                            student.parameters[i].count * sizeof(float));
    student_free(&other);
    student_free(&student);
    free(tensors);
}

static void refuses(const struct named_tensor *tensors, size_t count, const char *what)
{
    struct student student;
    assert_true(tensor_file_write(temporary_path, tensors, count, message));
    assert_false(begin_with(temporary_path, &student));
    if (!strstr(message, what))
        fail_msg("expected \"%s\" in: %s", what, message);
}

static void what_is_wrong_is_named(void **state)
{
    struct student student;
    size_t count;
    (void)state;
    assert_true(begin_with(golden, &student));
    struct named_tensor *tensors = list_tensors(&student, &count);

    float *number = &find(tensors, "clip_model.visual.bn2.running_var")->values[1];
    const float variance = *number;
    *number = -1;
    refuses(tensors, count, "visual.bn2.running_var: element 1 is -1, expected a variance");
    *number = variance;

    number = &find(tensors, "clip_model.visual.layer4.0.conv2.weight")->values[7];
    const float weight = *number;
    *number = NAN;
    refuses(tensors, count, "visual.layer4.0.conv2.weight: element 7 is");
    *number = weight;

    struct named_tensor *bias = find(tensors, "clip_model.visual.bn3.bias");
    bias->dimensions = 2;
    bias->shape[1] = 1;
    refuses(tensors, count, "visual.bn3.bias has shape (4, 1), expected 1 dimension");
    bias->dimensions = 1;

    strcpy(bias->name, "clip_model.visual.bn3.bia_");
    refuses(tensors, count, "visual.bn3.bias is missing");
    student_free(&student);
    free(tensors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_the_files),
        cmocka_unit_test(a_safetensors_file_is_as_good),
        cmocka_unit_test(what_is_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, temporary_file_make, temporary_file_remove);
}
