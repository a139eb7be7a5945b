/*
 * convolution.c - see convolution.h.
 */
#include "convolution.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "omp_threads.h"
#include "planes.h"
#include "qualiclip.h"

#define MOST_SIZES 4
#define OPERANDS   4 /* input, weights, output, scratch */

/* One primitive, and memories to hand operands over with: OPERANDS for each member. */
struct bound_primitive {
    dnnl_primitive_t primitive;
    dnnl_memory_t *memories;
};

/* Weights or their gradient as a pass wants them, and the way from or to plain ones. */
struct packed_weights {
    dnnl_memory_desc_t layout;
    float *values; /* of the gradient: of all members, one behind the other */
    struct bound_primitive reorder;
};

struct convolution {
    struct convolution_engine *engine;
    struct convolution_shape shape;
    size_t padded_inputs, padded_outputs;
    struct tower_parameter *weight;
    size_t sizes[MOST_SIZES], size_count;
    struct bound_primitive bound[MOST_SIZES][PASSES];
    struct packed_weights packed[PASSES];
    bool *begun; /* whether a member's gradient holds something */
};

/* Which argument of a pass each operand is, and how its layout is asked for. */
static const int arguments[PASSES][OPERANDS] = {
    {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_SCRATCHPAD},
    {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST, DNNL_ARG_SCRATCHPAD},
    {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST, DNNL_ARG_SCRATCHPAD}};
static const dnnl_query_t queries[PASSES][OPERANDS] = {
    {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md, dnnl_query_scratchpad_md},
    {dnnl_query_diff_src_md, dnnl_query_weights_md, dnnl_query_diff_dst_md,
     dnnl_query_scratchpad_md},
    {dnnl_query_src_md, dnnl_query_diff_weights_md, dnnl_query_diff_dst_md,
     dnnl_query_scratchpad_md}};
static const int reorder_arguments[OPERANDS - 1] = {DNNL_ARG_FROM, DNNL_ARG_TO,
                                                    DNNL_ARG_SCRATCHPAD};

/* -------------------------------------------------------------------------------------- engine */

bool convolution_engine_create(struct convolution_engine *engine, size_t members, char *message)
{
    *engine = (struct convolution_engine){.members = members};
    engine->block = dnnl_get_effective_cpu_isa() >= dnnl_cpu_isa_avx512_core ? 16 : 8;
    engine->streams = calloc(members, sizeof(dnnl_stream_t));
    engine->scratch = calloc(members, sizeof *engine->scratch);
    bool made = engine->streams && engine->scratch &&
                dnnl_engine_create(&engine->engine, dnnl_cpu, 0) == dnnl_success &&
                dnnl_primitive_attr_create(&engine->attributes) == dnnl_success &&
                dnnl_primitive_attr_set_scratchpad_mode(engine->attributes,
                                                        dnnl_scratchpad_mode_user) == dnnl_success;
    for (size_t i = 0; i < members && made; i++)
        made = dnnl_stream_create(&engine->streams[i], engine->engine, dnnl_stream_default_flags) ==
               dnnl_success;
    if (!made) {
        convolution_engine_destroy(engine);
        snprintf(message, QC_MESSAGE_SIZE, "oneDNN could not be started");
    }
    return made;
}

static void *take_bytes(size_t bytes)
{
    return aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
}

bool convolution_engine_ready(struct convolution_engine *engine)
{
    bool made = true;
    for (size_t i = 0; i < engine->members; i++) {
        struct convolution_scratch *scratch = &engine->scratch[i];
        scratch->scratch = take_bytes(engine->scratch_size);
        scratch->plain = take_bytes(engine->weights_size);
        scratch->latest = take_bytes(engine->weights_size);
        made = made && scratch->scratch && scratch->plain && scratch->latest;
    }
    return made;
}

void convolution_engine_destroy(struct convolution_engine *engine)
{
    for (size_t i = 0; i < engine->members; i++) {
        if (engine->streams && engine->streams[i])
            dnnl_stream_destroy(engine->streams[i]);
        if (engine->scratch) {
            free(engine->scratch[i].scratch);
            free(engine->scratch[i].plain);
            free(engine->scratch[i].latest);
        }
    }
    free(engine->streams);
    free(engine->scratch);
    if (engine->attributes)
        dnnl_primitive_attr_destroy(engine->attributes);
    if (engine->engine)
        dnnl_engine_destroy(engine->engine);
    *engine = (struct convolution_engine){0};
}

/* ---------------------------------------------------------------------------------- primitives */

static void raise(size_t *size, size_t to)
{
    if (*size < to)
        *size = to;
}

/* Memories without data for each member. */
static bool bind_memories(const struct convolution_engine *engine, struct bound_primitive *bound,
                          const dnnl_memory_desc_t *const *layouts, size_t operands)
{
    bound->memories = calloc(engine->members * OPERANDS, sizeof(dnnl_memory_t));
    if (!bound->memories)
        return false;
    for (size_t member = 0; member < engine->members; member++)
        for (size_t i = 0; i < operands; i++)
            if (dnnl_memory_create(&bound->memories[member * OPERANDS + i], layouts[i],
                                   engine->engine, DNNL_MEMORY_NONE) != dnnl_success)
                return false;
    return true;
}

static void unbind(const struct convolution_engine *engine, struct bound_primitive *bound)
{
    for (size_t i = 0; bound->memories && i < engine->members * OPERANDS; i++)
        if (bound->memories[i])
            dnnl_memory_destroy(bound->memories[i]);
    free(bound->memories);
    if (bound->primitive)
        dnnl_primitive_destroy(bound->primitive);
}

/* Fails only where it would for a lack of memory; then the numbers are not what they should be. */
static void execute(const struct convolution_engine *engine, const struct bound_primitive *bound,
                    const int *argument, size_t member, void *const *data, size_t operands)
{
    dnnl_exec_arg_t given[OPERANDS];
    for (size_t i = 0; i < operands; i++) {
        given[i] = (dnnl_exec_arg_t){argument[i], bound->memories[member * OPERANDS + i]};
        dnnl_memory_set_data_handle(given[i].memory, data[i]);
    }
    dnnl_primitive_execute(bound->primitive, engine->streams[member], (int)operands, given);
}

/* ------------------------------------------------------------------------------------ creation */

/* Layouts that are handed to oneDNN: the tensors' are given, the weights' may be its choice. */
struct operand_layouts {
    dnnl_memory_desc_t in, weights, out;
};

static dnnl_status_t describe(const struct convolution *convolution, size_t images,
                              const dnnl_memory_desc_t *weights, struct operand_layouts *layouts)
{
    const struct convolution_shape *shape = &convolution->shape;
    const dnnl_dim_t side = (dnnl_dim_t)shape->side, stride = (dnnl_dim_t)shape->stride;
    const dnnl_dim_t height = (dnnl_dim_t)shape->height, width = (dnnl_dim_t)shape->width;
    const dnnl_dim_t padded_inputs = (dnnl_dim_t)convolution->padded_inputs;
    const dnnl_dim_t padded_outputs = (dnnl_dim_t)convolution->padded_outputs;
    const dnnl_dims_t in = {(dnnl_dim_t)images, padded_inputs, height, width};
    const dnnl_dims_t out = {(dnnl_dim_t)images, padded_outputs, (height - 1) / stride + 1,
                             (width - 1) / stride + 1};
    const dnnl_dims_t kernel = {padded_outputs, padded_inputs, side, side};
    const dnnl_format_tag_t blocked = shape->block == 16 ? dnnl_nChw16c : dnnl_nChw8c;
    dnnl_status_t status = dnnl_memory_desc_init_by_tag(&layouts->in, 4, in, dnnl_f32,
                                                        shape->from_pixels ? dnnl_nchw : blocked);
    if (status == dnnl_success)
        status = dnnl_memory_desc_init_by_tag(&layouts->out, 4, out, dnnl_f32, blocked);
    if (weights)
        layouts->weights = *weights;
    else if (status == dnnl_success)
        status = dnnl_memory_desc_init_by_tag(&layouts->weights, 4, kernel, dnnl_f32,
                                              dnnl_format_tag_any);
    return status;
}

static dnnl_status_t describe_pass(const struct convolution *convolution,
                                   enum convolution_pass pass, const struct operand_layouts *l,
                                   dnnl_alg_kind_t algorithm, const_dnnl_primitive_desc_t hint,
                                   dnnl_primitive_desc_t *primitive)
{
    const struct convolution_engine *engine = convolution->engine;
    const dnnl_dim_t stride = (dnnl_dim_t)convolution->shape.stride;
    const dnnl_dim_t around = (dnnl_dim_t)convolution->shape.side / 2;
    const dnnl_dims_t strides = {stride, stride}, padding = {around, around};
    dnnl_convolution_desc_t operation;
    dnnl_status_t status;
    if (pass == FORWARD)
        status = dnnl_convolution_forward_desc_init(&operation, dnnl_forward_training, algorithm,
                                                    &l->in, &l->weights, NULL, &l->out, strides,
                                                    padding, padding);
    else if (pass == BACK_TO_INPUT)
        status = dnnl_convolution_backward_data_desc_init(
            &operation, algorithm, &l->in, &l->weights, &l->out, strides, padding, padding);
    else
        status = dnnl_convolution_backward_weights_desc_init(
            &operation, algorithm, &l->in, &l->weights, NULL, &l->out, strides, padding, padding);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(primitive, &operation, engine->attributes,
                                            engine->engine, hint);
    return status;
}

/*
 * Whether Winograd's way is the faster one: measured.  Only on the way back: there its rounding
 * (1e-5) is all there is, but forth it would turn the decisions of ReLUs near 0.
 */
static bool is_for_winograd(const struct convolution *convolution, enum convolution_pass pass)
{
    const struct convolution_shape *shape = &convolution->shape;
    const size_t inputs = convolution->padded_inputs, outputs = convolution->padded_outputs;
    return pass != FORWARD && shape->side == 3 && shape->stride == 1 && shape->block == 16 &&
           inputs >= 32 && outputs >= 32 && inputs <= 64 && outputs <= 64 && shape->height >= 12 &&
           shape->width >= 12;
}

/* One pass for one number of images; `hint` is that of FORWARD, and is set by it. */
static bool create_pass(struct convolution *convolution, enum convolution_pass pass, size_t size,
                        dnnl_primitive_desc_t *hint)
{
    struct convolution_engine *engine = convolution->engine;
    struct bound_primitive *bound = &convolution->bound[size][pass];
    struct packed_weights *packed = &convolution->packed[pass];
    struct operand_layouts layouts;
    dnnl_primitive_desc_t description;
    dnnl_status_t status =
        describe(convolution, convolution->sizes[size], size ? &packed->layout : NULL, &layouts);
    if (status != dnnl_success)
        return false;
    status = dnnl_unimplemented;
    if (is_for_winograd(convolution, pass))
        status = describe_pass(convolution, pass, &layouts, dnnl_convolution_winograd, *hint,
                               &description);
    if (status != dnnl_success)
        status = describe_pass(convolution, pass, &layouts, dnnl_convolution_direct, *hint,
                               &description);
    if (status != dnnl_success)
        return false;
    const dnnl_memory_desc_t *of[OPERANDS];
    for (size_t i = 0; i < OPERANDS; i++)
        of[i] = dnnl_primitive_desc_query_md(description, queries[pass][i], 0);
    packed->layout = *of[1];
    raise(&engine->scratch_size, dnnl_memory_desc_get_size(of[3]));
    const bool made = dnnl_primitive_create(&bound->primitive, description) == dnnl_success &&
                      bind_memories(engine, bound, of, OPERANDS);
    if (pass == FORWARD)
        *hint = description;
    else
        dnnl_primitive_desc_destroy(description);
    return made;
}

static bool wanted(const struct convolution *convolution, enum convolution_pass pass)
{
    return pass != BACK_TO_INPUT || !convolution->shape.from_pixels;
}

static bool create_size(struct convolution *convolution, size_t size)
{
    dnnl_primitive_desc_t hint = NULL;
    bool made = true;
    for (int pass = FORWARD; pass < PASSES && made; pass++)
        if (wanted(convolution, (enum convolution_pass)pass))
            made = create_pass(convolution, (enum convolution_pass)pass, size, &hint);
    if (hint)
        dnnl_primitive_desc_destroy(hint);
    return made;
}

/* The way from plain weights to those of a pass, or of the gradient to plain. */
static bool create_reorder(struct convolution *convolution, enum convolution_pass pass)
{
    struct convolution_engine *engine = convolution->engine;
    struct packed_weights *packed = &convolution->packed[pass];
    dnnl_memory_desc_t plain;
    dnnl_primitive_desc_t description;
    if (dnnl_memory_desc_init_by_tag(&plain, 4, packed->layout.dims, dnnl_f32, dnnl_oihw) !=
        dnnl_success)
        return false;
    const bool to_plain = pass == BACK_TO_WEIGHTS;
    const dnnl_memory_desc_t *from = to_plain ? &packed->layout : &plain;
    const dnnl_memory_desc_t *to = to_plain ? &plain : &packed->layout;
    if (dnnl_reorder_primitive_desc_create(&description, from, engine->engine, to, engine->engine,
                                           engine->attributes) != dnnl_success)
        return false;
    const dnnl_memory_desc_t *of[OPERANDS - 1] = {
        from, to, dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0)};
    raise(&engine->scratch_size, dnnl_memory_desc_get_size(of[2]));
    raise(&engine->weights_size, dnnl_memory_desc_get_size(&plain));
    raise(&engine->weights_size, dnnl_memory_desc_get_size(&packed->layout));
    const bool made =
        dnnl_primitive_create(&packed->reorder.primitive, description) == dnnl_success &&
        bind_memories(engine, &packed->reorder, of, OPERANDS - 1);
    dnnl_primitive_desc_destroy(description);
    packed->values =
        take_bytes(dnnl_memory_desc_get_size(&packed->layout) * (to_plain ? engine->members : 1));
    return made && packed->values;
}

struct convolution *convolution_create(struct convolution_engine *engine,
                                       const struct convolution_shape *shape, const size_t *sizes,
                                       size_t size_count, struct tower_parameter *weight,
                                       char *message)
{
    struct convolution *convolution = calloc(1, sizeof *convolution);
    bool made = convolution != NULL && size_count <= MOST_SIZES;
    if (made) {
        const size_t block = shape->block;
        convolution->engine = engine;
        convolution->shape = *shape;
        convolution->weight = weight;
        convolution->padded_inputs =
            shape->from_pixels ? shape->inputs : (shape->inputs + block - 1) / block * block;
        convolution->padded_outputs = (shape->outputs + block - 1) / block * block;
        convolution->size_count = size_count;
        memcpy(convolution->sizes, sizes, size_count * sizeof *sizes);
        convolution->begun = calloc(engine->members, sizeof *convolution->begun);
        made = convolution->begun != NULL;
    }
    for (size_t i = 0; i < size_count && made; i++)
        made = create_size(convolution, i);
    for (int pass = FORWARD; pass < PASSES && made; pass++)
        if (wanted(convolution, (enum convolution_pass)pass))
            made = create_reorder(convolution, (enum convolution_pass)pass);
    if (made)
        return convolution;
    snprintf(message, QC_MESSAGE_SIZE,
             "oneDNN has no convolution for %zu to %zu channels at %zux%zu, or no memory",
             shape->inputs, shape->outputs, shape->width, shape->height);
    convolution_destroy(convolution);
    return NULL;
}

void convolution_destroy(struct convolution *convolution)
{
    if (!convolution)
        return;
    for (int pass = FORWARD; pass < PASSES; pass++) {
        for (size_t i = 0; i < convolution->size_count; i++)
            unbind(convolution->engine, &convolution->bound[i][pass]);
        unbind(convolution->engine, &convolution->packed[pass].reorder);
        free(convolution->packed[pass].values);
    }
    free(convolution->begun);
    free(convolution);
}

/* ------------------------------------------------------------------------------------- weights */

/* Copies the weights of true channels between the parameter and padded plain ones. */
static void copy_weights(const struct convolution *convolution, const float *from,
                         size_t from_inputs, float *to, size_t to_inputs)
{
    const struct convolution_shape *shape = &convolution->shape;
    const size_t taps = shape->side * shape->side;
    for (size_t output = 0; output < shape->outputs; output++)
        memcpy(to + output * to_inputs * taps, from + output * from_inputs * taps,
               shape->inputs * taps * sizeof *to);
}

static bool is_padded(const struct convolution *convolution)
{
    return convolution->padded_inputs != convolution->shape.inputs ||
           convolution->padded_outputs != convolution->shape.outputs;
}

void convolution_pack(struct convolution *convolution, bool back, size_t member)
{
    const struct convolution_engine *engine = convolution->engine;
    const struct convolution_scratch *scratch = &engine->scratch[member];
    float *plain = convolution->weight->values;
    if (is_padded(convolution)) {
        const size_t taps = convolution->shape.side * convolution->shape.side;
        plain = scratch->plain;
        memset(plain, 0,
               convolution->padded_outputs * convolution->padded_inputs * taps * sizeof *plain);
        copy_weights(convolution, convolution->weight->values, convolution->shape.inputs, plain,
                     convolution->padded_inputs);
    }
    for (int pass = FORWARD; pass <= (back ? BACK_TO_INPUT : FORWARD); pass++) {
        const struct packed_weights *packed = &convolution->packed[pass];
        if (wanted(convolution, (enum convolution_pass)pass))
            execute(engine, &packed->reorder, reorder_arguments, member,
                    (void *[]){plain, packed->values, scratch->scratch}, OPERANDS - 1);
    }
}

static size_t gradient_count(const struct convolution *convolution)
{
    return dnnl_memory_desc_get_size(&convolution->packed[BACK_TO_WEIGHTS].layout) / sizeof(float);
}

FOR_EACH_CPU static void add(float *sum, const float *more, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sum[i] += more[i];
}

void convolution_unpack(struct convolution *convolution, size_t member)
{
    const struct convolution_engine *engine = convolution->engine;
    const struct convolution_scratch *scratch = &engine->scratch[member];
    const struct packed_weights *packed = &convolution->packed[BACK_TO_WEIGHTS];
    const size_t count = gradient_count(convolution);
    for (size_t i = 1; i < engine->members; i++)
        if (convolution->begun[i])
            add(packed->values, packed->values + i * count, count);
    memset(convolution->begun, 0, engine->members * sizeof *convolution->begun);
    const bool padded = is_padded(convolution);
    float *plain = padded ? scratch->plain : convolution->weight->gradient;
    execute(engine, &packed->reorder, reorder_arguments, member,
            (void *[]){packed->values, plain, scratch->scratch}, OPERANDS - 1);
    if (padded)
        copy_weights(convolution, plain, convolution->padded_inputs, convolution->weight->gradient,
                     convolution->shape.inputs);
}

/* -------------------------------------------------------------------------------------- passes */

static const struct bound_primitive *for_images(const struct convolution *convolution,
                                                enum convolution_pass pass, size_t images)
{
    size_t size = 0;
    while (convolution->sizes[size] != images)
        size++;
    return &convolution->bound[size][pass];
}

static void run_pass(const struct convolution *convolution, enum convolution_pass pass,
                     size_t member, size_t images, const float *in, const float *weights,
                     const float *out)
{
    const struct convolution_engine *engine = convolution->engine;
    execute(engine, for_images(convolution, pass, images), arguments[pass], member,
            (void *[]){(void *)in, (void *)weights, (void *)out, engine->scratch[member].scratch},
            OPERANDS);
}

void convolution_forward(struct convolution *convolution, size_t member, size_t images,
                         const float *in, float *out)
{
    run_pass(convolution, FORWARD, member, images, in, convolution->packed[FORWARD].values, out);
}

void convolution_back_to_input(struct convolution *convolution, size_t member, size_t images,
                               const float *out_gradient, float *in_gradient)
{
    run_pass(convolution, BACK_TO_INPUT, member, images, in_gradient,
             convolution->packed[BACK_TO_INPUT].values, out_gradient);
}

void convolution_back_to_weights(struct convolution *convolution, size_t member, size_t images,
                                 const float *in, const float *out_gradient)
{
    const size_t count = gradient_count(convolution);
    float *sum = convolution->packed[BACK_TO_WEIGHTS].values + member * count;
    float *latest = convolution->engine->scratch[member].latest;
    const bool begun = convolution->begun[member];
    run_pass(convolution, BACK_TO_WEIGHTS, member, images, in, begun ? latest : sum, out_gradient);
    if (begun)
        add(sum, latest, count);
    convolution->begun[member] = true;
}
