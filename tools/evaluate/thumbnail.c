/*
 * thumbnail.c - decode, shrink, encode; pictures are shown as they are stored, as they are scored.
 */
#include "thumbnail.h"

#include <stdio.h>
#include <stdlib.h>

#include "fit_photo.h"
#include "../memory.h"
#include "pictures.h"

#if QUALICLIP_JPEG
#include <setjmp.h>

#include <jpeglib.h>

static const char media_type[] = "image/jpeg";

/* libjpeg's exits go here: it has no other way to report that memory is short. */
struct exits {
    struct jpeg_error_mgr manager;
    jmp_buf leave;
};

static void leave(j_common_ptr info)
{
    longjmp(((struct exits *)info->err)->leave, 1);
}

static void write_rows(struct jpeg_compress_struct *info, uint8_t *rgb, const struct photo *photo)
{
    info->image_width = photo->width;
    info->image_height = photo->height;
    info->input_components = 3;
    info->in_color_space = JCS_RGB;
    jpeg_set_defaults(info);
    jpeg_set_quality(info, 85, TRUE);
    jpeg_start_compress(info, TRUE);
    while (info->next_scanline < photo->height) {
        JSAMPROW row = rgb + (size_t)3 * photo->width * info->next_scanline;
        jpeg_write_scanlines(info, &row, 1);
    }
    jpeg_finish_compress(info);
}

static bool encode(uint8_t *rgb, const struct photo *photo, unsigned char **data, size_t *size)
{
    struct jpeg_compress_struct info;
    struct exits exits;
    unsigned long length = 0;
    volatile bool written = false;
    *data = NULL;
    info.err = jpeg_std_error(&exits.manager);
    exits.manager.error_exit = leave;
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, data, &length);
    if (setjmp(exits.leave) == 0) {
        write_rows(&info, rgb, photo);
        written = true;
    }
    jpeg_destroy_compress(&info);
    *size = length;
    return written;
}

#elif QUALICLIP_PNG
#include <png.h>

static const char media_type[] = "image/png";

static bool encode(uint8_t *rgb, const struct photo *photo, unsigned char **data, size_t *size)
{
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = photo->width,
                       .height = photo->height,
                       .format = PNG_FORMAT_RGB};
    png_alloc_size_t length = PNG_IMAGE_PNG_SIZE_MAX(image);
    *data = allocate(length);
    const bool written = png_image_write_to_memory(&image, *data, &length, 0, rgb, 0, NULL) != 0;
    *size = length;
    return written;
}

#else

static const char media_type[] = "";

static bool encode(uint8_t *rgb, const struct photo *photo, unsigned char **data, size_t *size)
{
    (void)rgb;
    (void)photo;
    *data = NULL;
    *size = 0;
    return false;
}

#endif

static bool read_small(const char *path, uint32_t width, uint32_t height, struct photo *photo)
{
    char message[QC_MESSAGE_SIZE];
    struct opened_picture opened;
    if (!picture_open(&opened, path, true, 0, message))
        return false;
    const qc_image view = qc_picture_view(opened.picture);
    const bool shrunk = shrink_photo(&view, width, height, photo);
    picture_close(&opened);
    return shrunk;
}

void add_thumbnail(struct markup *page, const char *path, uint32_t width, uint32_t height,
                   const char *alternative)
{
    struct photo photo = {0};
    unsigned char *data = NULL;
    size_t size = 0;
    uint8_t *rgb = NULL;
    if (read_small(path, width, height, &photo)) {
        rgb = reallocate(NULL, photo.height, (size_t)3 * photo.width);
        photo_to_bytes(&photo, rgb);
    }
    if (rgb && encode(rgb, &photo, &data, &size)) {
        markup_add(page, "<img width=\"%u\" height=\"%u\" alt=\"", (unsigned)photo.width,
                   (unsigned)photo.height);
        markup_text(page, alternative);
        markup_add(page, "\" src=\"data:%s;base64,", media_type);
        markup_base64(page, data, size);
        markup_add(page, "\">");
    } else {
        markup_add(page, "<span class=\"missing\">no picture</span>");
    }
    free(data);
    free(rgb);
    free(photo.pixels);
}
