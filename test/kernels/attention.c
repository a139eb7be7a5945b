/*
 * attention.c - checks of one head of attention.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/kernel_check.h"

struct head {
    attention_call call;
    const kernel_set *set;
    bool rounds; /* attention_rounded() instead */
    struct guarded q, k, v, out, scratch;
};

/* Keys grow from nothing to three times their size: the largest score is found late and often. */
static void let_keys_rise(float *keys, const attention_call *call)
{
    for (size_t j = 0; j < call->tokens; j++)
        for (size_t c = 0; c < call->size; c++)
            keys[j * call->stride + c] *= 3 * (float)j / (float)call->tokens;
}

static struct head make_head(const kernel_set *set, bool rounds, size_t queries, size_t tokens,
                             size_t size)
{
    struct head head = {
        .call = {.queries = queries, .tokens = tokens, .size = size}, .set = set, .rounds = rounds};
    attention_call *call = &head.call;
    const size_t most = queries > tokens ? queries : tokens;
    call->stride = size + random_between(0, 20);
    call->out_stride = size + random_between(0, 5);
    call->scale = random_bits() % 2 ? 0.125f : 1.5f;
    const size_t floats = (most - 1) * call->stride + size;
    head.q = random_floats(floats, -2, 2);
    head.k = random_floats(floats, -2, 2);
    head.v = random_floats(floats, -2, 2);
    head.out = random_floats((queries - 1) * call->out_stride + size, -2, 2);
    head.scratch = cache_lines(set->attention_scratch(queries, tokens, size) * sizeof(float));
    call->q = floats_of(&head.q);
    call->k = floats_of(&head.k);
    call->v = floats_of(&head.v);
    call->out = floats_of(&head.out);
    if (random_bits() % 2)
        let_keys_rise(floats_of(&head.k), call);
    return head;
}

static void free_head(struct head *head)
{
    struct guarded *all[] = {&head->q, &head->k, &head->v, &head->out, &head->scratch};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        guarded_free(all[i]);
}

static float as_it_is(float x)
{
    return x;
}

static void compute(void *context)
{
    struct head *head = context;
    (head->rounds ? head->set->attention_rounded : head->set->attention)(&head->call,
                                                                         floats_of(&head->scratch));
}

/*
 * Scores err by at most d, so probabilities by a factor exp(2 d) and what softmax adds: u for each
 * term of its sum and twice u times the largest exponent.  Rounded numbers have exact products;
 * exponentials that are rounded err by another 2^-8.
 */
static void check_output(const struct head *head)
{
    const attention_call *call = &head->call;
    float (*number)(float) = head->rounds ? rounded_to_bf16 : as_it_is;
    double *scores = malloc(call->tokens * sizeof *scores);
    assert_non_null(scores);
    for (size_t i = 0; i < call->queries; i++) {
        double largest = -INFINITY, smallest = INFINITY, score_error = 0, total = 0;
        for (size_t j = 0; j < call->tokens; j++) {
            double sum = 0, size = 0;
            for (size_t c = 0; c < call->size; c++) {
                double product = (double)number(call->q[i * call->stride + c]) *
                                 number(call->k[j * call->stride + c]);
                sum += product;
                size += fabs(product);
            }
            scores[j] = sum * call->scale;
            score_error = fmax(score_error, roundings((double)call->size + 1) * size * call->scale);
            largest = fmax(largest, scores[j]);
            smallest = fmin(smallest, scores[j]);
        }
        for (size_t j = 0; j < call->tokens; j++)
            total += scores[j] = exp(scores[j] - largest);
        double share = expm1(2 * score_error + 2 * ROUNDING * fmin(largest - smallest, 104)) +
                       roundings(2 * (double)call->tokens + 12) + (head->rounds ? 0x1p-8 : 0);
        for (size_t c = 0; c < call->size; c++) {
            double sum = 0, size = 0;
            for (size_t j = 0; j < call->tokens; j++) {
                double term = scores[j] / total * number(call->v[j * call->stride + c]);
                sum += term;
                size += fabs(term);
            }
            double got = call->out[i * call->out_stride + c];
            if (!(fabs(got - sum) <= share * size + 1e-37))
                fail_msg("query %zu channel %zu of %zu x %zu x %zu: got %.9g, expected %.9g", i, c,
                         call->queries, call->tokens, call->size, got, sum);
        }
    }
    free(scores);
}

/* A query alone gives the same bits. */
static void check_one_query(struct head *head)
{
    struct guarded whole = same_floats(&head->out);
    const attention_call all = head->call;
    const size_t i = random_between(0, all.queries - 1);
    head->call.queries = 1;
    head->call.q += i * all.stride;
    head->call.out += i * all.out_stride;
    memset(head->call.out, 0, all.size * sizeof(float));
    compute(head);
    assert_memory_equal(head->out.data, whole.data, whole.size);
    head->call = all;
    guarded_free(&whole);
}

/* So does a set of the same chains. */
static void check_same_bits(struct head *head)
{
    const kernel_set *set = head->set, *other = set_of_same_bits(set);
    if (!other || head->rounds)
        return;
    struct guarded ours = same_floats(&head->out), scratch = head->scratch;
    const attention_call *call = &head->call;
    head->set = other;
    head->scratch = cache_lines(other->attention_scratch(call->queries, call->tokens, call->size) *
                                sizeof(float));
    compute(head);
    assert_memory_equal(head->out.data, ours.data, ours.size);
    guarded_free(&head->scratch);
    guarded_free(&ours);
    head->scratch = scratch;
    head->set = set;
}

static void check_shape(const kernel_set *set, bool rounds, size_t queries, size_t tokens,
                        size_t size)
{
    struct head head = make_head(set, rounds, queries, tokens, size);
    struct guarded before = same_floats(&head.out);
    const attention_call *call = &head.call;
    compute(&head);
    check_output(&head);
    for (size_t i = 0; i + 1 < queries; i++)
        assert_memory_equal(call->out + i * call->out_stride + size,
                            floats_of(&before) + i * call->out_stride + size,
                            (call->out_stride - size) * sizeof(float));
    check_one_query(&head);
    check_same_bits(&head);
    guarded_free(&before);
    free_head(&head);
}

static void check_shapes(const kernel_set *set, bool rounds)
{
    for (int turn = 0; turn < 40; turn++)
        check_shape(set, rounds, random_between(1, 30), random_between(1, 70),
                    random_between(1, 70));
    check_shape(set, rounds, 50, 50, 64);
    check_shape(set, rounds, 1, 200, 64);
    check_shape(set, rounds, 33, 400, 64);
    check_shape(set, rounds, 200, 197, 64);
}

static void time_shapes(const kernel_set *set, bool rounds)
{
    static const size_t shapes[][2] = {{50, 50}, {197, 197}, {1, 577}, {577, 577}, {96, 2915}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const size_t queries = shapes[i][0], tokens = shapes[i][1];
        struct head head = make_head(set, rounds, queries, tokens, 64);
        char name[64];
        snprintf(name, sizeof name, "%zu queries, %zu tokens, 64 channels", queries, tokens);
        time_kernel(name, 4.0 * 64 * (double)(queries * tokens), compute, &head);
        free_head(&head);
    }
}

static void check(const kernel_set *set)
{
    check_shapes(set, false);
}

static void time_floats(const kernel_set *set)
{
    time_shapes(set, false);
}

static bool attends_rounded(const kernel_set *set)
{
    return set->attention_rounded != NULL;
}

static void check_rounded(const kernel_set *set)
{
    check_shapes(set, true);
}

static void time_rounded(const kernel_set *set)
{
    time_shapes(set, true);
}

const struct kernel_check attention_checks[] = {
    {"attention", NULL, "f32", check, time_floats},
    {"attention bf16", attends_rounded, "bf16", check_rounded, time_rounded},
    {0},
};
