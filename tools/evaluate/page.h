/*
 * page.h - an HTML page that is complete in one file: style, figures and thumbnails inside, no
 * scripts, nothing fetched from anywhere.
 */
#ifndef QUALICLIP_PAGE_H
#define QUALICLIP_PAGE_H

#include "markup.h"

/* A page's contents begin with their title. */
void page_begin(struct markup *page, const char *title);

/* Where it goes.  `append`: at the end of the page that is there already, if one is. */
struct page_file {
    const char *path; /* NULL: nowhere */
    bool append;
};

/* Writes the contents as a page; false, once complained about, if that cannot be. */
bool page_write(const struct markup *page, const char *title, const struct page_file *file);

/* Begins a section; a note may follow its heading.  `name` is its id. */
void page_section(struct markup *page, const char *name, const char *heading, const char *note);
void page_section_end(struct markup *page);

/* A table that scrolls sideways where the screen is narrow; its head's cells, tab-separated, the
 * first to the left, the others to the right. */
void page_table(struct markup *page, const char *const *head, size_t count);
void page_table_end(struct markup *page);

/* A row begins with its label, then cells follow. */
void page_row(struct markup *page, const char *label);
void page_number(struct markup *page, double value, int digits);
void page_difference(struct markup *page, double value, int digits); /* signed */
void page_row_end(struct markup *page);

/* 0 instead of what would be shown as -0.000. */
double without_sign_of_nothing(double value, int digits);

/* Two counted shares as a histogram's series: names of series and their values. */
struct histogram_series {
    const char *name;
    const double *values;
    size_t count;
};

/* How values are spread over [least, most], one or two series over each other, in per cent. */
void draw_histogram(struct markup *page, const char *title, const struct histogram_series *series,
                    size_t count, double least, double most, const char *x_name);

#endif
