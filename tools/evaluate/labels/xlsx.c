/*
 * xlsx.c - a zip archive (libzip) of XML: the workbook names its sheets, relationships say which
 * file each is, and texts that several cells share are in a file of their own.
 */
#include "xlsx.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "../../memory.h"
#include "xml.h"

enum { SHEETS_MAX = 64, NAME_SIZE = 256, TEXTS_MAX = 1 << 22 };

struct xlsx {
    zip_t *archive;
    const char *origin;
    char *message;
    size_t left; /* bytes that may still be inflated */
    size_t sheet_count;
    char sheets[SHEETS_MAX][NAME_SIZE]; /* the names of their files */
    struct table texts;                 /* where the shared texts are */
    const char **shared;
    size_t shared_count;
};

static bool explain(const struct xlsx *xlsx, const char *reason, const char *entry)
{
    snprintf(xlsx->message, TABLE_MESSAGE_SIZE, "%.200s: %s%s%.100s", xlsx->origin, reason,
             *entry ? ": " : "", entry);
    return false;
}

bool xlsx_recognised(const void *bytes, size_t size)
{
    return size >= 4 && memcmp(bytes, "PK\3\4", 4) == 0;
}

/* A file of the archive, terminated; NULL with a message. */
static char *read_entry(struct xlsx *xlsx, const char *name, size_t *size)
{
    zip_file_t *file = zip_fopen(xlsx->archive, name, 0);
    char *bytes = NULL;
    size_t room = 0, used = 0;
    zip_int64_t count = 1;
    if (!file) {
        explain(xlsx, "is not a spreadsheet, or damaged: an entry is missing", name);
        return NULL;
    }
    while (count > 0 && used <= xlsx->left) {
        if (room - used < 4096)
            bytes = reallocate(bytes, room = 2 * room + 65536, 1);
        count = zip_fread(file, bytes + used, room - used - 1);
        used += count > 0 ? (size_t)count : 0;
    }
    zip_fclose(file);
    if (count == 0 && used <= xlsx->left) {
        xlsx->left -= used;
        bytes[used] = 0;
        *size = used;
        return bytes;
    }
    free(bytes);
    explain(xlsx,
            count < 0 ? "is damaged: an entry cannot be inflated"
                      : "inflates to more than 256 MiB: not a file of opinions",
            name);
    return NULL;
}

/* ----------------------------------------------------------------------------------- the sheets */

/* The file that a relationship points to. */
static void resolve(const char *target, char name[NAME_SIZE])
{
    if (target[0] == '/')
        snprintf(name, NAME_SIZE, "%.250s", target + 1);
    else
        snprintf(name, NAME_SIZE, "xl/%.250s", target);
}

/* Puts the names of files in the place of the relationships' identifiers. */
static bool resolve_sheets(struct xlsx *xlsx)
{
    size_t size, found = 0;
    char *bytes = read_entry(xlsx, "xl/_rels/workbook.xml.rels", &size);
    char identifier[NAME_SIZE], target[NAME_SIZE], files[SHEETS_MAX][NAME_SIZE] = {{0}};
    struct xml xml;
    if (!bytes)
        return false;
    for (xml_start(&xml, bytes, size); xml_next(&xml);) {
        if (!xml_is(&xml, "Relationship") || xml.closes ||
            !xml_attribute(&xml, "Id", identifier, sizeof identifier) ||
            !xml_attribute(&xml, "Target", target, sizeof target))
            continue;
        for (size_t i = 0; i < xlsx->sheet_count; i++)
            if (!files[i][0] && strcmp(xlsx->sheets[i], identifier) == 0)
                resolve(target, files[i]);
    }
    free(bytes);
    for (size_t i = 0; i < xlsx->sheet_count; i++)
        if (files[i][0])
            memcpy(xlsx->sheets[found++], files[i], NAME_SIZE);
    xlsx->sheet_count = found;
    return found || explain(xlsx, "is not a spreadsheet, or has no sheets", "");
}

static bool find_sheets(struct xlsx *xlsx)
{
    size_t size;
    char *bytes = read_entry(xlsx, "xl/workbook.xml", &size);
    struct xml xml;
    if (!bytes)
        return false;
    for (xml_start(&xml, bytes, size); xml_next(&xml) && xlsx->sheet_count < SHEETS_MAX;)
        if (xml_is(&xml, "sheet") && !xml.closes &&
            xml_attribute(&xml, "id", xlsx->sheets[xlsx->sheet_count], NAME_SIZE))
            xlsx->sheet_count++;
    free(bytes);
    return resolve_sheets(xlsx);
}

/* -------------------------------------------------------------------------------------- texts */

/* Text that is put together of several pieces. */
struct pieces {
    char *text;
    size_t length, room;
};

static void add_piece(struct pieces *pieces, const struct xml *xml)
{
    if (pieces->room - pieces->length <= xml->text_length) {
        pieces->room = 2 * (pieces->length + xml->text_length) + 256;
        pieces->text = reallocate(pieces->text, pieces->room, 1);
    }
    pieces->length += xml_decode(xml->text, xml->text_length, pieces->text + pieces->length);
}

/* The shared texts, in the order that cells count them in. */
static bool read_shared(struct xlsx *xlsx)
{
    static const char name[] = "xl/sharedStrings.xml";
    size_t size, room = 0;
    if (zip_name_locate(xlsx->archive, name, 0) < 0)
        return true; /* there need not be any */
    char *bytes = read_entry(xlsx, name, &size);
    struct pieces pieces = {0};
    struct xml xml;
    bool inside = false, phonetic = false;
    if (!bytes)
        return false;
    for (xml_start(&xml, bytes, size); xml_next(&xml);) {
        if (xml_is(&xml, "t"))
            inside = !xml.closes && !xml.empty;
        else if (xml_is(&xml, "rPh"))
            phonetic = !xml.closes && !xml.empty; /* how a text is pronounced */
        else if (!xml.tag && inside && !phonetic)
            add_piece(&pieces, &xml);
        if (!xml_is(&xml, "si") || (!xml.closes && !xml.empty))
            continue;
        if (xlsx->shared_count == room && room < TEXTS_MAX)
            xlsx->shared = reallocate(xlsx->shared, room = 2 * room + 1024, sizeof *xlsx->shared);
        if (xlsx->shared_count < room)
            xlsx->shared[xlsx->shared_count++] =
                table_text(&xlsx->texts, pieces.text, pieces.length);
        pieces.length = 0;
    }
    free(pieces.text);
    free(bytes);
    return true;
}

/* -------------------------------------------------------------------------------------- cells */

/* A row that is being read. */
struct row {
    const char *cells[TABLE_COLUMNS_MAX];
    size_t count;
};

struct cell {
    size_t column;
    bool shared, failed; /* by its type: a number of a shared text, an error */
    bool takes_text;     /* inside <v> or <t> */
    struct pieces pieces;
};

/* "AB12": 27; the next column where a cell does not say. */
static size_t column_of(const struct xml *xml, size_t next)
{
    char reference[32];
    size_t column = 0;
    if (!xml_attribute(xml, "r", reference, sizeof reference))
        return next;
    const char *at = reference;
    for (; *at >= 'A' && *at <= 'Z' && column <= TABLE_COLUMNS_MAX; at++)
        column = 26 * column + (size_t)(*at - 'A') + 1;
    return column ? column - 1 : next;
}

static void begin_cell(struct cell *cell, const struct xml *xml, const struct row *row)
{
    char type[32] = "n";
    xml_attribute(xml, "t", type, sizeof type);
    cell->column = column_of(xml, row->count);
    cell->shared = strcmp(type, "s") == 0;
    cell->failed = strcmp(type, "e") == 0;
    cell->pieces.length = 0;
    cell->takes_text = false;
}

/* A shared text that the table takes over, once however many cells have it. */
static const char *shared_text(const struct xlsx *xlsx, const struct cell *cell, const char **taken,
                               struct table *table)
{
    const unsigned long number =
        cell->pieces.length ? strtoul(cell->pieces.text, NULL, 10) : xlsx->shared_count;
    if (number >= xlsx->shared_count)
        return "";
    if (!taken[number])
        taken[number] = table_text(table, xlsx->shared[number], strlen(xlsx->shared[number]));
    return taken[number];
}

static void end_cell(const struct xlsx *xlsx, struct cell *cell, struct row *row,
                     const char **taken, struct table *table)
{
    const char *text = "";
    if (cell->shared) {
        text = shared_text(xlsx, cell, taken, table);
    } else if (!cell->failed) {
        text = table_text(table, cell->pieces.text, cell->pieces.length);
    }
    if (cell->column >= TABLE_COLUMNS_MAX)
        return;
    while (row->count <= cell->column)
        row->cells[row->count++] = "";
    row->cells[cell->column] = text;
}

static bool end_row(struct row *row, struct table *table)
{
    bool filled = false;
    for (size_t i = 0; i < row->count; i++)
        filled |= row->cells[i][0] != 0;
    const bool good = !filled || table_add_row(table, row->cells, row->count);
    row->count = 0;
    return good;
}

static bool read_cells(struct xlsx *xlsx, struct xml *xml, struct table *table)
{
    struct row row = {.count = 0};
    struct cell cell = {0};
    bool good = true, open = false;
    const char **taken = reallocate(NULL, xlsx->shared_count + 1, sizeof *taken);
    for (size_t i = 0; i < xlsx->shared_count; i++)
        taken[i] = NULL;
    while (good && xml_next(xml)) {
        if (xml_is(xml, "c")) {
            if (!xml->closes)
                begin_cell(&cell, xml, &row);
            if (xml->closes || xml->empty)
                end_cell(xlsx, &cell, &row, taken, table);
            open = !xml->closes && !xml->empty;
        } else if (xml_is(xml, "v") || xml_is(xml, "t")) {
            cell.takes_text = open && !xml->closes && !xml->empty;
        } else if (!xml->tag && cell.takes_text) {
            add_piece(&cell.pieces, xml);
        } else if (xml_is(xml, "row") && (xml->closes || xml->empty)) {
            good = end_row(&row, table);
        }
    }
    free(cell.pieces.text);
    free(taken);
    return good;
}

bool xlsx_read(struct xlsx *xlsx, size_t sheet, struct table *table,
               char message[TABLE_MESSAGE_SIZE])
{
    size_t size;
    xlsx->message = message;
    char *bytes = read_entry(xlsx, xlsx->sheets[sheet], &size);
    struct xml xml;
    if (!bytes)
        return false;
    xml_start(&xml, bytes, size);
    const bool good = read_cells(xlsx, &xml, table);
    free(bytes);
    return good || explain(xlsx, "a sheet has more than 16 million cells", "");
}

/* ---------------------------------------------------------------------------------- the archive */

static bool open_archive(struct xlsx *xlsx, const void *bytes, size_t size)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *source = zip_source_buffer_create(bytes, size, 0, &error);
    xlsx->archive = source ? zip_open_from_source(source, ZIP_RDONLY, &error) : NULL;
    if (!xlsx->archive) {
        explain(xlsx, "the zip archive is damaged or cut short", zip_error_strerror(&error));
        zip_source_free(source);
    }
    zip_error_fini(&error);
    return xlsx->archive;
}

struct xlsx *xlsx_open(const void *bytes, size_t size, const char *origin,
                       char message[TABLE_MESSAGE_SIZE])
{
    struct xlsx *xlsx = allocate(sizeof *xlsx);
    memset(xlsx, 0, sizeof *xlsx);
    xlsx->origin = origin;
    xlsx->message = message;
    xlsx->left = TABLE_FILE_MAX;
    if (open_archive(xlsx, bytes, size) && find_sheets(xlsx) && read_shared(xlsx))
        return xlsx;
    xlsx_close(xlsx);
    return NULL;
}

void xlsx_close(struct xlsx *xlsx)
{
    if (xlsx->archive)
        zip_discard(xlsx->archive);
    free(xlsx->shared);
    table_free(&xlsx->texts);
    free(xlsx);
}

size_t xlsx_sheets(const struct xlsx *xlsx)
{
    return xlsx->sheet_count;
}
