/*
 * seeds_labels.c - the label files that the tests read, and what in them is compressed as it is
 * within.
 */
#include <string.h>

#include "fuzz.h"
#include "seeds.h"
#include "stored_zip.h"

static void copy_files(void)
{
    static const char *const files[] = {"agiqa-1k/AIGC_MOS_Zscore.xlsx",
                                        "agiqa-3k/data.csv",
                                        "big_endian.mat",
                                        "csiq/csiq.DMOS.xlsx",
                                        "cviu/sr_metric_data.mat",
                                        "flive-3patch/labels_image_3patch.csv",
                                        "inline.xlsx",
                                        "kadid/dmos.csv",
                                        "koniq-sets/koniq10k_distributions_sets.csv",
                                        "live/dmos.mat",
                                        "rows.mat",
                                        "objects.mat",
                                        "plain.mat",
                                        "shrq/dehaze_test_all.txt",
                                        "spaq-csv/MOS_and_Image_attribute_scores.csv",
                                        "tid2013/mos_with_names.txt"};
    char path[128];
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "test/golden/labels/%s", files[i]);
        seed_copy("labels", path);
    }
}

static void make_spreadsheet(void)
{
    static const char workbook[] = "<workbook><sheets><sheet name=\"a\" sheetId=\"1\" r:id=\"r1\"/>"
                                   "</sheets></workbook>";
    static const char relations[] =
        "<Relationships><Relationship Id=\"r1\" Target=\"worksheets/s.xml\"/></Relationships>";
    static const char shared[] =
        "<sst><si><t>Image name</t></si><si><r><t>M</t></r><r><t>OS</t></r>"
        "<rPh><t>x</t></rPh></si><si><t>Brightness</t></si></sst>";
    static const char sheet[] =
        "<worksheet><sheetData><row><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" "
        "t=\"s\"><v>1</v></c>"
        "<c t=\"s\"><v>2</v></c></row><row><c t=\"inlineStr\"><is><t>a&amp;.png</t></is></c>"
        "<c><v>3.5</v></c><c t=\"e\"><v>#N/A</v></c></row></sheetData></worksheet>";
    const struct stored_entry entries[] = {
        {"xl/workbook.xml", workbook, sizeof workbook - 1},
        {"xl/_rels/workbook.xml.rels", relations, sizeof relations - 1},
        {"xl/sharedStrings.xml", shared, sizeof shared - 1},
        {"xl/worksheets/s.xml", sheet, sizeof sheet - 1},
    };
    struct seed seed = {0};
    size_t size;
    uint8_t *archive = stored_zip(entries, sizeof entries / sizeof entries[0], &size);
    seed_add(&seed, archive, size);
    free(archive);
    seed_write(&seed, "labels", "stored.xlsx");
}

void make_label_seeds(void)
{
    struct seed seed = {0};
    copy_files();
    make_spreadsheet();
    seed_text(&seed, "{\"path\":\"a.png\",\"score\":0.5}\n{\"path\":\"b.png\",\"error\":\"no\"}\n");
    seed_write(&seed, "labels", "scores.json");
    seed_text(&seed, "path,score,width,height,error,model,recipe\nx/a.png,0.5,1,1,,m,\"r, s\"\n");
    seed_write(&seed, "labels", "scores.csv");
}
