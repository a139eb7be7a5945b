/*
 * seeds_films.c - short films in every format that is read.
 */
#include "fuzz.h"
#include "seeds.h"

static void add_frame(struct seed *seed, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        seed_add(seed, &(uint8_t){(uint8_t)(40 + i * 7 % 160)}, 1);
}

void make_film_seeds(void)
{
    static const struct {
        const char *name, *header;
        size_t frame_bytes;
    } films[] = {
        {"420", "YUV4MPEG2 W6 H4 F25:1 Ip A1:1 C420jpeg XYSCSS=420JPEG XCOLORRANGE=LIMITED\n", 36},
        {"odd", "YUV4MPEG2 W5 H3 F30000:1001 It C420mpeg2\n", 27},
        {"422", "YUV4MPEG2 H4 W6 C422 XCOLORRANGE=FULL\n", 48},
        {"444", "YUV4MPEG2 W6 H4 F0:0 A0:0 I? C444\n", 72},
        {"mono", "YUV4MPEG2 W6 H4 Cmono\n", 24},
        {"deep", "YUV4MPEG2 W6 H4 C420p10\n", 72},
        {"411", "YUV4MPEG2 W6 H4 C411\n", 40},
        {"alpha", "YUV4MPEG2 W6 H4 C444alpha\n", 96},
        {"plain", "YUV4MPEG2 W6 H4\n", 36},
    };
    for (size_t i = 0; i < sizeof films / sizeof films[0]; i++) {
        struct seed seed = {0};
        seed_text(&seed, "y");
        seed_text(&seed, films[i].header);
        for (int frame = 0; frame < 2; frame++) {
            seed_text(&seed, frame ? "FRAME Ip\n" : "FRAME\n");
            add_frame(&seed, films[i].frame_bytes);
        }
        seed_write(&seed, "film", films[i].name);
    }
    for (uint8_t format = 0; format < 32; format += 3) {
        struct seed seed = {0};
        char name[16];
        seed_add(&seed, &format, 1);
        add_frame(&seed, 2 * 144);
        snprintf(name, sizeof name, "raw-%u", (unsigned)format);
        seed_write(&seed, "film", name);
    }
}
