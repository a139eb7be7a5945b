/*
 * host.c - a program that computes with OpenBLAS of its own, has functions that are named like the
 * library's hidden ones, and loads the library late, for itself alone (RTLD_LOCAL).
 *
 *     host LIBRARY.so MODEL|- PHOTO KERNELS|-        prints the score
 */
#include <cblas.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qualiclip.h"

/* Names inside the library: were they not hidden, these would be called instead. */
#define DECOY(name)                                                                                \
    void name(void);                                                                               \
    void name(void)                                                                                \
    {                                                                                              \
        fprintf(stderr, "the host's " #name "() was called\n");                                    \
        abort();                                                                                   \
    }
DECOY(xxh64)
DECOY(gguf_parse)
DECOY(vit_forward)
DECOY(resnet_forward)
DECOY(threads_run)
DECOY(kernel_set_find)
DECOY(larger)
DECOY(fail)

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

enum { side = 160 };

/* A product that OpenBLAS shares out among its threads; the sum of its elements. */
static double multiply(void)
{
    static float a[side * side], b[side * side], c[side * side];
    double sum = 0;
    for (int i = 0; i < side * side; i++) {
        a[i] = (float)(i % 7);
        b[i] = (float)(i % 5);
    }
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, side, side, side, 1, a, side, b, side, 0,
                c, side);
    for (int i = 0; i < side * side; i++)
        sum += (double)c[i];
    return sum;
}

static void *find(void *library, const char *name)
{
    void *function = dlsym(library, name);
    CHECK(function);
    return function;
}

static qc_status (*p_qc_model_open)(qc_model **, const char *, const qc_model_options *);
static void (*p_qc_model_options_init)(qc_model_options *);
static void (*p_qc_model_close)(qc_model *);
static qc_status (*p_qc_scorer_create)(qc_scorer **, const qc_model *, const qc_scorer_options *);
static void (*p_qc_scorer_options_init)(qc_scorer_options *);
static void (*p_qc_scorer_destroy)(qc_scorer *);
static qc_status (*p_qc_score_file)(qc_scorer *, const char *, qc_result *);

/* ISO C knows no way from the address of an object to that of a function. */
#define LOAD(name) memcpy(&p_##name, &(void *){find(library, #name)}, sizeof(void *))

static float score(void *library, const char *model_path, const char *photo, const char *kernels)
{
    LOAD(qc_model_open);
    LOAD(qc_model_options_init);
    LOAD(qc_model_close);
    LOAD(qc_scorer_create);
    LOAD(qc_scorer_options_init);
    LOAD(qc_scorer_destroy);
    LOAD(qc_score_file);

    qc_model_options model_options;
    p_qc_model_options_init(&model_options);
    model_options.kernels = kernels;
    qc_scorer_options options;
    p_qc_scorer_options_init(&options);
    options.threads = 2;
    qc_model *model;
    qc_scorer *scorer;
    qc_result result;
    CHECK(p_qc_model_open(&model, model_path, &model_options) == QC_OK);
    if (p_qc_scorer_create(&scorer, model, &options) != QC_OK) { /* a build without threads */
        options.threads = 1;
        CHECK(p_qc_scorer_create(&scorer, model, &options) == QC_OK);
    }
    CHECK(p_qc_score_file(scorer, photo, &result) == QC_OK);
    p_qc_scorer_destroy(scorer);
    p_qc_model_close(model);
    return result.score;
}

static const char *given(const char *argument)
{
    return strcmp(argument, "-") == 0 ? NULL : argument;
}

int main(int argc, char **argv)
{
    CHECK(argc == 5);
    openblas_set_num_threads(2);
    const double before = multiply();
    for (int turn = 0; turn < 2; turn++) { /* loaded, unloaded, and once more */
        void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        if (!library)
            fprintf(stderr, "%s\n", dlerror());
        CHECK(library);
        CHECK(!dlsym(RTLD_DEFAULT, "qc_score")); /* for us alone */
        const float result = score(library, given(argv[2]), argv[3], given(argv[4]));
        if (turn == 0)
            printf("%.4f\n", (double)result);
        CHECK(multiply() == before);
        /* Our own sets leave its threads alone; those on OpenBLAS say that they do not. */
        if (!given(argv[4]))
            CHECK(openblas_get_num_threads() == 2);
        CHECK(dlclose(library) == 0);
    }
    return 0;
}
