/*
 * fuzz_safetensors.c - a safetensors file; or its header alone, where the bytes begin with one:
 * then as many numbers follow as it says, so that more than the first of its tensors is looked at.
 */
#include <string.h>

#include "checksums.h"
#include "convert_file.h"
#include "fuzz.h"
#include "published_model.h"

enum { DATA_MAX = 1 << 17 };

/* The last number of "data_offsets":[...] where it is largest. */
static size_t end_of_data(const uint8_t *header, size_t size)
{
    static const char field[] = "data_offsets\":[";
    const size_t length = strlen(field);
    size_t end = 0;
    for (size_t i = 0; i + length < size; i++) {
        if (memcmp(header + i, field, length) != 0)
            continue;
        size_t number = 0;
        for (i += length; i < size && header[i] != ']'; i++) {
            if (header[i] < '0' || header[i] > '9')
                number = 0;
            else if (number < DATA_MAX)
                number = 10 * number + (size_t)(header[i] - '0');
        }
        end = number > end && number <= DATA_MAX ? number : end;
    }
    return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char config[] = "{\"vision_config\":{\"num_attention_heads\":2,"
                                 "\"hidden_act\":\"gelu\"},\"text_config\":"
                                 "{\"num_attention_heads\":1,\"hidden_act\":\"gelu\"}}";
    static const char open_clip[] = "{\"model_cfg\":{\"vision_cfg\":{\"head_width\":2},"
                                    "\"text_cfg\":{\"heads\":1}}}";
    char path[256], message[QC_MESSAGE_SIZE];
    const uint32_t variant = crc32_of(data, size);
    scratch_file("config.json", config, strlen(config), path);
    scratch_file("open_clip_config.json", open_clip, strlen(open_clip), path);
    if (size && data[0] == '{') {
        size_t whole;
        uint8_t *file = safetensors_of(data, size, end_of_data(data, size), &whole);
        scratch_file("model.safetensors", file, whole, path);
        free(file);
    } else {
        scratch_file("model.safetensors", data, size, path);
    }
    convert_file(path, variant, message);
    return 0;
}
