/*
 * fuzz_config.c - the JSON files beside a checkpoint.  The first byte says which of them the rest
 * is; the checkpoint is a good one.
 */
#include <string.h>
#include <unistd.h>

#include "checksums.h"
#include "convert_file.h"
#include "fuzz.h"
#include "published_model.h"

static void write_model(const char *name, bool is_open_clip, bool has_image, bool has_text)
{
    const struct published_model model = {is_open_clip, has_image, has_text, "F32"};
    char path[256];
    size_t data_size, size;
    char *header = published_header(&model, &data_size);
    uint8_t *file = safetensors_of(header, strlen(header), data_size, &size);
    scratch_file(name, file, size, path);
    free(file);
    free(header);
}

/* Written once and never changed. */
static void write_models(void)
{
    static bool written;
    if (written)
        return;
    write_model("transformers.safetensors", false, true, true);
    write_model("open_clip.safetensors", true, true, true);
    write_model("image.safetensors", false, true, false);
    write_model("text.safetensors", false, false, true);
    written = true;
}

static void remove_file(const char *name)
{
    char path[256];
    unlink(scratch_path(name, path));
}

static void convert(const char *name, uint32_t variant)
{
    char path[256], message[QC_MESSAGE_SIZE];
    convert_file(scratch_path(name, path), variant, message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const files[] = {"config.json", "open_clip_config.json",
                                        "preprocessor_config.json", "index.json"};
    static const char heads[] = "{\"vision_config\":{\"num_attention_heads\":2},"
                                "\"text_config\":{\"num_attention_heads\":1}}";
    const uint32_t variant = crc32_of(data, size);
    char path[256];
    size_t which = 0;
    if (!size)
        return 0;
    write_models();
    while (which < 4 && data[0] != "copi"[which])
        which++;
    if (which == 4)
        return 0;
    scratch_file("config.json", heads, strlen(heads), path);
    scratch_file(files[which], data + 1, size - 1, path);
    convert(which == 3   ? "index.json"
            : which == 1 ? "open_clip.safetensors"
                         : "transformers.safetensors",
            variant);
    remove_file(files[which]);
    return 0;
}
