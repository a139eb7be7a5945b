/*
 * score.c - the shortest program that scores pixels of its own: a grey ramp, drawn here.
 */
#include <qualiclip.h>
#include <stdio.h>

enum { width = 160, height = 120 };

int main(void)
{
    static unsigned char pixels[height][width][3];
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int channel = 0; channel < 3; channel++)
                pixels[y][x][channel] = (unsigned char)(x + y / 2);

    qc_image image;
    qc_image_init(&image, QC_PIXEL_RGB, width, height, pixels);

    qc_model *model;
    qc_scorer *scorer;
    qc_result result;
    if (qc_model_open(&model, NULL, NULL) || qc_scorer_create(&scorer, model, NULL))
        return 2;
    if (qc_score(scorer, &image, &result) == QC_OK)
        printf("%.4f\n", (double)result.score);
    else
        fprintf(stderr, "%s\n", result.message);
    qc_scorer_destroy(scorer);
    qc_model_close(model);
    return result.status != QC_OK;
}
