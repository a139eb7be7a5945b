/*
 * best_shot.c - which of several shots of a scene makes the thumbnail?
 *
 *     best_shot SHOT...          prints the shots, the best first
 *
 * All are looked at in one size (the long side at most 512 pixels), so that a smaller file has no
 * advantage: what is compared is what a thumbnail shows.  A shot that cannot be read is reported
 * and left out.
 */
#include <qualiclip.h>
#include <stdio.h>
#include <stdlib.h>

struct shot {
    const char *path;
    float score;
};

static int best_first(const void *left, const void *right)
{
    const struct shot *a = left, *b = right;
    return a->score < b->score ? 1 : a->score > b->score ? -1 : 0;
}

/* Scores the shots; returns how many could be read. */
static int score_shots(qc_scorer *scorer, char **paths, int count, struct shot *shots)
{
    int read = 0;
    for (int i = 0; i < count; i++) {
        qc_result result;
        if (qc_score_file(scorer, paths[i], &result) == QC_OK)
            shots[read++] = (struct shot){paths[i], result.score};
        else
            fprintf(stderr, "%s: %s\n", paths[i], result.message);
    }
    return read;
}

int main(int argc, char **argv)
{
    char message[QC_MESSAGE_SIZE] = "";
    if (argc < 2) {
        fprintf(stderr, "Usage: best_shot SHOT...\n");
        return 2;
    }

    qc_model_options model_options;
    qc_model_options_init(&model_options);
    model_options.message = message;
    model_options.message_size = sizeof message;
    qc_model *model;
    if (qc_model_open(&model, NULL, &model_options)) {
        fprintf(stderr, "the built-in model: %s\n", message);
        return 1;
    }

    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = options.max_height = 8192; /* of the files; memory goes by size_pixels */
    options.size_rule = QC_SIZE_LONG;
    options.size_pixels = 512;
    options.message = message;
    options.message_size = sizeof message;
    qc_scorer *scorer;
    if (qc_scorer_create(&scorer, model, &options)) {
        fprintf(stderr, "%s\n", message);
        qc_model_close(model);
        return 1;
    }

    struct shot *shots = malloc((size_t)(argc - 1) * sizeof *shots);
    int count = shots ? score_shots(scorer, argv + 1, argc - 1, shots) : 0;
    if (count)
        qsort(shots, (size_t)count, sizeof *shots, best_first);
    for (int i = 0; i < count; i++)
        printf("%.4f  %s\n", (double)shots[i].score, shots[i].path);
    free(shots);
    qc_scorer_destroy(scorer);
    qc_model_close(model);
    return count == argc - 1 ? 0 : 1;
}
