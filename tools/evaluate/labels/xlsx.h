/*
 * xlsx.h - spreadsheets of Excel and its kin (Office Open XML): the sheets' cells as tables.
 *
 * What formulas came to is read, not the formulas; dates are the numbers that they are stored as.
 * The old binary .xls is not read.
 */
#ifndef QUALICLIP_XLSX_H
#define QUALICLIP_XLSX_H

#include <stdbool.h>
#include <stddef.h>

#include "table.h"

struct xlsx;

/* `bytes` must stay until xlsx_close(); NULL with a message. */
struct xlsx *xlsx_open(const void *bytes, size_t size, const char *origin,
                       char message[TABLE_MESSAGE_SIZE]);
void xlsx_close(struct xlsx *xlsx);

/* Whether the bytes begin like a zip archive, which a spreadsheet is. */
bool xlsx_recognised(const void *bytes, size_t size);

/* The sheets in the workbook's order. */
size_t xlsx_sheets(const struct xlsx *xlsx);

/* Reads a sheet as a table without headings; empty rows are left out. */
bool xlsx_read(struct xlsx *xlsx, size_t sheet, struct table *table,
               char message[TABLE_MESSAGE_SIZE]);

#endif
