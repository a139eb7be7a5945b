/*
 * camera.c - a camera's loop: NV12 frames as they come, a block of memory that is set aside when
 * the program is linked, no allocation afterwards.
 *
 *     ffmpeg -v error -i film.mkv -vf scale=320:240 -f rawvideo -pix_fmt nv12 - | camera
 *
 * Prints a line for each frame whose sharpness and exposure are good enough to be kept.
 */
#include <qualiclip.h>
#include <stdio.h>

enum { width = 320, height = 240, block_size = 16 << 20 };

static const float good_enough = 0.5f;

/* What the sensor fills, and what the scorer works in. */
static unsigned char frame[width * height * 3 / 2];
static union {
    unsigned char bytes[block_size];
    max_align_t alignment;
} block;

/* The first address in the block that is a multiple of 64. */
static void *aligned_block(size_t *size)
{
    const size_t gap = (64 - (uintptr_t)block.bytes % 64) % 64;
    *size = block_size - gap;
    return block.bytes + gap;
}

int main(void)
{
    char message[QC_MESSAGE_SIZE] = "";
    qc_model *model;
    if (qc_model_open(&model, NULL, NULL))
        return 2;

    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = width;
    options.max_height = height;
    options.memory = aligned_block(&options.memory_size);
    options.message = message;
    options.message_size = sizeof message;
    qc_scorer *scorer;
    if (qc_scorer_create(&scorer, model, &options)) {
        fprintf(stderr, "%s\n", message); /* tells how many bytes it takes */
        qc_model_close(model);
        return 2;
    }

    qc_image image;
    qc_image_init(&image, QC_PIXEL_NV12, width, height, frame);
    image.matrix = QC_MATRIX_BT709;
    image.range = QC_RANGE_LIMITED;

    qc_result result = {0};
    for (unsigned long number = 0; fread(frame, sizeof frame, 1, stdin) == 1; number++) {
        if (qc_score(scorer, &image, &result) != QC_OK) {
            fprintf(stderr, "frame %lu: %s\n", number, result.message);
            break;
        }
        if (result.score >= good_enough)
            printf("frame %lu: %.4f\n", number, (double)result.score);
    }
    qc_scorer_destroy(scorer);
    qc_model_close(model);
    return result.status != QC_OK;
}
