/*
 * image_check.c - whether the caller's description of an image can be right.
 */
#include "image.h"
#include "pixel_format.h"

static qc_status check_side(const char *name, uint32_t side, const char *first_name, uint32_t first,
                            struct message *message)
{
    if (side < 1 || side > IMAGE_SIDE_MAX)
        return fail(message, side ? QC_ERROR_TOO_LARGE : QC_ERROR_ARGUMENT,
                    "image: %s is %lu, expected 1 to %lu", name, (unsigned long)side,
                    (unsigned long)IMAGE_SIDE_MAX);
    if (first > IMAGE_SIDE_MAX - side)
        return fail(message, QC_ERROR_TOO_LARGE, "image: %s + %s is %lu, expected at most %lu",
                    first_name, name, (unsigned long)first + side, (unsigned long)IMAGE_SIDE_MAX);
    return QC_OK;
}

static qc_status check_colours(const qc_image *image, const struct pixel_format *format,
                               struct message *message)
{
    if ((unsigned long)image->matrix > QC_MATRIX_BT2020)
        return fail(message, QC_ERROR_ARGUMENT, "image: matrix is %ld, expected a qc_matrix",
                    (long)image->matrix);
    if ((unsigned long)image->range > QC_RANGE_LIMITED)
        return fail(message, QC_ERROR_ARGUMENT, "image: range is %ld, expected a qc_range",
                    (long)image->range);
    const bool luma =
        format->kind == PIXEL_YUV || format->kind == PIXEL_GREY || image->format == QC_PIXEL_GREY;
    if (image->range == QC_RANGE_LIMITED && !luma)
        return fail(message, QC_ERROR_UNSUPPORTED,
                    "image: range is limited, which only YUV and grey formats can be; format is %s",
                    format->name);
    return QC_OK;
}

/* Strides are compared without negating: the most negative one has no positive counterpart. */
static qc_status check_plane(const qc_image *image, int index, const struct plane_layout *plane,
                             struct message *message)
{
    if (!image->planes[index])
        return fail(message, QC_ERROR_ARGUMENT, "image: planes[%d] is NULL, expected pixels",
                    index);
    const ptrdiff_t stride = image->strides[index];
    const size_t groups = plane_groups(image->left + image->width, plane->shift_x);
    const size_t rows = plane_groups(image->top + image->height, plane->shift_y);
    const ptrdiff_t least = (ptrdiff_t)(groups * plane->bytes);
    const ptrdiff_t most = PTRDIFF_MAX / (ptrdiff_t)rows;
    if ((stride < least && stride > -least) || stride > most || stride < -most)
        return fail(message, QC_ERROR_ARGUMENT,
                    "image: strides[%d] is %td, expected %td to %td bytes, or the negative of that",
                    index, stride, least, most);
    return QC_OK;
}

qc_status image_check(const qc_image *image, struct message *message)
{
    if (!image)
        return fail(message, QC_ERROR_ARGUMENT, "image: NULL, expected a qc_image");
    const struct pixel_format *format = pixel_format_of(image->format);
    if (!format)
        return fail(message, QC_ERROR_ARGUMENT, "image: format is %ld, expected a qc_pixel_format",
                    (long)image->format);
    qc_status status = check_side("width", image->width, "left", image->left, message);
    if (!status)
        status = check_side("height", image->height, "top", image->top, message);
    if (!status)
        status = check_colours(image, format, message);
    for (int i = 0; i < format->plane_count && !status; i++)
        status = check_plane(image, i, &format->planes[i], message);
    for (int i = format->plane_count; i < 3 && !status; i++) {
        if (image->planes[i] || image->strides[i])
            status = fail(message, QC_ERROR_ARGUMENT,
                          "image: planes[%d] and strides[%d] are set, expected NULL and 0: %s has "
                          "fewer planes",
                          i, i, format->name);
    }
    for (int i = 0; i < 4 && !status; i++) {
        if (image->reserved[i])
            status = fail(message, QC_ERROR_ARGUMENT,
                          "image: reserved[%d] is set, expected 0: a qc_image begins as "
                          "qc_image_init() or {0} leaves it",
                          i);
    }
    return status;
}
