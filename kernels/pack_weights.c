/*
 * pack_weights.c - weights in the order in which kernels read them.  Done once, when a model is
 * converted or opened; bound by memory, so that plain C is enough.
 */
#include "kernels.h"

#include <float.h>
#include <math.h>
#include <string.h>

static size_t groups_of(number_type type, size_t inputs)
{
    return (inputs + group_inputs(type) - 1) / group_inputs(type);
}

size_t panel_bytes(number_type type, size_t taps, size_t inputs)
{
    const size_t header = type == NUMBER_I8 ? sizeof(struct panel_i8) : 0;
    return header +
           taps * groups_of(type, inputs) * group_inputs(type) * number_size(type) * PANEL_OUTPUTS;
}

size_t packed_bytes(number_type type, size_t taps, size_t inputs, size_t outputs)
{
    return (outputs + PANEL_OUTPUTS - 1) / PANEL_OUTPUTS * panel_bytes(type, taps, inputs);
}

/*
 * One tap of a panel whose output n begins at weights + n * depth, as many inputs at a time as fill
 * a cache line of each output: rows whose length is a power of two would push each other out of the
 * cache otherwise.  `group` is known when compiled.
 */
#define DEFINE_PACK_TAP(name, number, group)                                                       \
    static void name(number *packed, const number *weights, size_t outputs, size_t inputs,         \
                     size_t depth)                                                                 \
    {                                                                                              \
        enum { CHUNK = 64 / sizeof(number) };                                                      \
        const size_t filled = (inputs + (group)-1) / (group) * (group);                            \
        for (size_t first = 0; first < filled; first += CHUNK) {                                   \
            size_t end = filled - first < CHUNK ? filled : first + CHUNK;                          \
            for (size_t n = 0; n < PANEL_OUTPUTS; n++)                                             \
                for (size_t i = first; i < end; i++)                                               \
                    packed[(i / (group)*PANEL_OUTPUTS + n) * (group) + i % (group)] =              \
                        n < outputs && i < inputs ? weights[n * depth + i] : 0;                    \
        }                                                                                          \
    }

DEFINE_PACK_TAP(pack_tap_f32, float, 1)
DEFINE_PACK_TAP(pack_tap_f16, uint16_t, 1)
DEFINE_PACK_TAP(pack_tap_bf16, uint16_t, 2)

static void pack_panel(char *packed, const char *weights, number_type type, size_t outputs,
                       size_t taps, size_t inputs)
{
    const size_t element = number_size(type), tap_bytes = panel_bytes(type, 1, inputs);
    for (size_t t = 0; t < taps; t++) {
        void *to = packed + t * tap_bytes;
        const void *from = weights + t * inputs * element;
        if (type == NUMBER_F32)
            pack_tap_f32(to, from, outputs, inputs, taps * inputs);
        else if (type == NUMBER_F16)
            pack_tap_f16(to, from, outputs, inputs, taps * inputs);
        else
            pack_tap_bf16(to, from, outputs, inputs, taps * inputs);
    }
}

void pack_weights(void *packed, const void *weights, number_type type, size_t outputs, size_t taps,
                  size_t inputs)
{
    const size_t row_bytes = taps * inputs * number_size(type);
    for (size_t output = 0; output < outputs; output += PANEL_OUTPUTS) {
        size_t left = outputs - output;
        pack_panel((char *)packed + output / PANEL_OUTPUTS * panel_bytes(type, taps, inputs),
                   (const char *)weights + output * row_bytes, type,
                   left < PANEL_OUTPUTS ? left : PANEL_OUTPUTS, taps, inputs);
    }
}

void pack_transposed_weights(void *packed, const void *weights, number_type type, size_t outputs,
                             size_t inputs, size_t stride)
{
    const size_t element = number_size(type), group = group_inputs(type);
    for (size_t output = 0; output < outputs; output += PANEL_OUTPUTS) {
        char *panel = (char *)packed + output / PANEL_OUTPUTS * panel_bytes(type, 1, inputs);
        const size_t left = outputs - output, lanes = left < PANEL_OUTPUTS ? left : PANEL_OUTPUTS;
        memset(panel, 0, panel_bytes(type, 1, inputs));
        for (size_t i = 0; i < inputs; i++) {
            const char *from = (const char *)weights + (i * stride + output) * element;
            char *to = panel + (i / group * PANEL_OUTPUTS * group + i % group) * element;
            for (size_t n = 0; n < lanes; n++)
                memcpy(to + n * group * element, from + n * element, element);
        }
    }
}

/* Beyond the largest bf16 lies infinity, which no weight is. */
static uint16_t bfloat_of(float weight)
{
    uint32_t bits;
    memcpy(&bits, &weight, sizeof bits);
    const uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1), infinity = 0x7f80;
    const uint16_t bfloat = (uint16_t)(rounded >> 16);
    return (bfloat & infinity) == infinity ? (uint16_t)(bfloat - 1) : bfloat;
}

void round_weights(void *packed, const float *weights, size_t outputs, size_t inputs)
{
    const size_t bytes = panel_bytes(NUMBER_BF16, 1, inputs);
    memset(packed, 0, packed_bytes(NUMBER_BF16, 1, inputs, outputs));
    for (size_t n = 0; n < outputs; n++) {
        uint16_t *panel = (void *)((char *)packed + n / PANEL_OUTPUTS * bytes);
        for (size_t i = 0; i < inputs; i++)
            panel[(i / 2 * PANEL_OUTPUTS + n % PANEL_OUTPUTS) * 2 + i % 2] =
                bfloat_of(weights[n * inputs + i]);
    }
}

static void quantise_row(struct panel_i8 *panel, size_t n, const float *row, size_t inputs)
{
    float largest = 0;
    for (size_t i = 0; i < inputs; i++)
        largest = fabsf(row[i]) > largest ? fabsf(row[i]) : largest;
    /* Rows so small that 127 / largest is infinite are as good as zeros. */
    if (largest < ROUNDING_LEAST_RANGE)
        return;
    const float inverse = 127 / largest;
    panel->scales[n] = largest / 127;
    for (size_t i = 0; i < inputs; i++) {
        const int8_t whole = (int8_t)rintf(row[i] * inverse);
        panel->groups[i / 4][n][i % 4] = whole;
        panel->sums[n] += whole;
    }
}

void quantise_weights(struct panel_i8 *packed, const float *weights, size_t outputs, size_t inputs)
{
    const size_t bytes = panel_bytes(NUMBER_I8, 1, inputs);
    memset(packed, 0, packed_bytes(NUMBER_I8, 1, inputs, outputs));
    for (size_t n = 0; n < outputs; n++)
        quantise_row((void *)((char *)packed + n / PANEL_OUTPUTS * bytes), n % PANEL_OUTPUTS,
                     weights + n * inputs, inputs);
}

void pack_whole_weights(struct panel_i8 *packed, const int8_t *weights, const float *scales,
                        size_t outputs, size_t inputs)
{
    const size_t bytes = panel_bytes(NUMBER_I8, 1, inputs);
    memset(packed, 0, packed_bytes(NUMBER_I8, 1, inputs, outputs));
    for (size_t n = 0; n < outputs; n++) {
        struct panel_i8 *panel = (void *)((char *)packed + n / PANEL_OUTPUTS * bytes);
        const int8_t *row = weights + n * inputs;
        const size_t lane = n % PANEL_OUTPUTS;
        int32_t sum = 0;
        for (size_t i = 0; i < inputs; i++) {
            panel->groups[i / 4][lane][i % 4] = row[i];
            sum += row[i];
        }
        panel->scales[lane] = scales[n];
        panel->sums[lane] = sum;
    }
}

/* Of I8, all of a panel's outputs. */
static void widen_whole(float *out, size_t input_step, size_t output_step,
                        const struct panel_i8 *panel, size_t begin, size_t end, size_t inputs)
{
    for (size_t i = 0; i < inputs; i++)
        for (size_t n = begin; n < end; n++)
            out[i * input_step + (n - begin) * output_step] =
                panel->scales[n] * (float)panel->groups[i / 4][n][i % 4];
}

void unpack_weights(float *out, size_t input_step, size_t output_step, const gemm_call *call,
                    size_t first, size_t count,
                    void (*widen)(float *, const void *, number_type, size_t))
{
    const number_type type = call->weight_type;
    const size_t group = group_inputs(type), element = number_size(type);
    const size_t tap_bytes = panel_bytes(type, 1, call->inputs);
    for (size_t panel = first / PANEL_OUTPUTS * PANEL_OUTPUTS; panel < first + count;
         panel += PANEL_OUTPUTS) {
        const char *from =
            (const char *)call->packed + panel / PANEL_OUTPUTS * call->taps * tap_bytes;
        const size_t begin = panel < first ? first - panel : 0;
        const size_t left = first + count - panel;
        const size_t end = left < PANEL_OUTPUTS ? left : PANEL_OUTPUTS;
        float *to = out + (panel + begin - first) * output_step;
        if (type == NUMBER_I8) {
            widen_whole(to, input_step, output_step, (const void *)from, begin, end, call->inputs);
            continue;
        }
        for (size_t t = 0; t < call->taps; t++, from += tap_bytes)
            for (size_t i = 0; i < call->inputs; i++, to += input_step) {
                float wide[2 * PANEL_OUTPUTS];
                if (i % group == 0)
                    widen(wide, from + i * PANEL_OUTPUTS * element, type, group * PANEL_OUTPUTS);
                for (size_t n = begin; n < end; n++)
                    to[(n - begin) * output_step] = wide[n * group + i % group];
            }
    }
}

/* Inputs that only fill up the last group are zeros. */
static bool padding_is_zero(const char *panel, number_type type, size_t inputs)
{
    const size_t group = group_inputs(type), filled = groups_of(type, inputs) * group;
    const size_t element = number_size(type);
    static const char zeros[sizeof(float)];
    for (size_t i = inputs; i < filled; i++)
        for (size_t n = 0; n < PANEL_OUTPUTS; n++)
            if (memcmp(panel + ((i / group * PANEL_OUTPUTS + n) * group + i % group) * element,
                       zeros, element) != 0)
                return false;
    return true;
}

static bool sums_are_right(const struct panel_i8 *panel, size_t inputs)
{
    int32_t sums[PANEL_OUTPUTS] = {0};
    for (size_t g = 0; g < groups_of(NUMBER_I8, inputs); g++)
        for (size_t n = 0; n < PANEL_OUTPUTS; n++)
            for (size_t i = 0; i < 4; i++)
                sums[n] += panel->groups[g][n][i];
    return memcmp(sums, panel->sums, sizeof sums) == 0;
}

const char *panels_fault(const void *packed, number_type type, size_t outputs, size_t inputs,
                         bool thorough)
{
    const size_t bytes = panel_bytes(type, 1, inputs);
    for (size_t output = 0; output < outputs; output += PANEL_OUTPUTS) {
        const char *panel = (const char *)packed + output / PANEL_OUTPUTS * bytes;
        const struct panel_i8 *whole = (const void *)panel;
        for (size_t n = 0; type == NUMBER_I8 && n < PANEL_OUTPUTS; n++)
            if (!(whole->scales[n] >= 0 && whole->scales[n] <= FLT_MAX))
                return "a scale that is not a finite number from 0 on";
        if (type == NUMBER_I8 && thorough && !sums_are_right(whole, inputs))
            return "a sum that is not that of its numbers";
        if (!padding_is_zero(type == NUMBER_I8 ? (const char *)whole->groups : panel, type, inputs))
            return "numbers for inputs that there are not";
    }
    return NULL;
}
