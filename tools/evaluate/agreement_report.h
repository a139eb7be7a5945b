/*
 * agreement_report.h - scores against opinions as one HTML page.
 */
#ifndef QUALICLIP_AGREEMENT_REPORT_H
#define QUALICLIP_AGREEMENT_REPORT_H

#include "evaluation.h"
#include "inputs.h"
#include "page.h"

/*
 * pictures: where the images are, which are joined by their names; where there are none, names of
 * scores that are files are shown.  False, once complained about, if the file cannot be written.
 */
bool write_agreement_report(const struct evaluation *evaluation, const struct input_list *pictures,
                            const struct page_file *file);

#endif
