/*
 * degradation_report.h - all of `eval --degradations` as one HTML page.
 */
#ifndef QUALICLIP_DEGRADATION_REPORT_H
#define QUALICLIP_DEGRADATION_REPORT_H

#include "degradation_tables.h"
#include "page.h"

/* False, once complained about, if the file cannot be written. */
bool write_degradation_report(const struct judgement *judgement, const struct page_file *file);

#endif
