/*
 * contest_report.h - a gMAD competition as one HTML page.
 */
#ifndef QUALICLIP_CONTEST_REPORT_H
#define QUALICLIP_CONTEST_REPORT_H

#include "contest.h"
#include "page.h"

/* False, once complained about, if the file cannot be written. */
bool write_contest_report(const struct contest *contest, const struct page_file *file);

#endif
