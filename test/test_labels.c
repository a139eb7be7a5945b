/*
 * test_labels.c - label files in the forms of the datasets' authors, tables of any kind, and which
 * score belongs to which label.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <math.h>

#include "labels/delimited.h"
#include "labels/join.h"
#include "labels/labels.h"
#include "labels/mat.h"
#include "labels/scores.h"
#include "labels/xml.h"

#include <cmocka.h>

#define FOLDER "test/golden/labels/"

static struct labels read_with(const char *path, const struct label_options *options)
{
    struct labels labels;
    char message[TABLE_MESSAGE_SIZE] = "";
    if (!labels_read(&labels, path, options, message))
        fail_msg("%s", message);
    return labels;
}

static struct labels read_labels(const char *path)
{
    return read_with(path, &(struct label_options){0});
}

static void assert_refused(const char *path, const struct label_options *options,
                           const char *expected)
{
    struct labels labels;
    char message[TABLE_MESSAGE_SIZE] = "";
    assert_false(labels_read(&labels, path, options, message));
    if (!strstr(message, expected))
        fail_msg("expected '%s' in '%s'", expected, message);
}

static const char *cell(const struct labels *labels, size_t row, const char *column)
{
    const size_t found = table_find(&labels->table, column);
    if (found == TABLE_NO_COLUMN)
        fail_msg("there is no column %s", column);
    return table_cell(&labels->table, row, found);
}

static const char *name_of(const struct labels *labels, size_t row)
{
    return table_cell(&labels->table, row, labels->name);
}

static double opinion_of(const struct labels *labels, size_t row)
{
    return table_number(&labels->table, row, labels->opinion);
}

/* ------------------------------------------------------------------------------------- datasets */

/* What a file of each form must be taken for. */
static void test_datasets(void **state)
{
    (void)state;
    static const struct {
        const char *path, *dataset;
        size_t rows, row;
        const char *name; /* of `row`, and its opinion */
        double opinion;
        bool lower_is_better;
    } files[] = {
        {"koniq", "KonIQ-10k", 10, 9, "1009.jpg", 4.25, false},
        {"koniq-sets", "KonIQ-10k", 10, 0, "1000.jpg", 20, false},
        {"clive", "CLIVE (LIVE In the Wild)", 19, 7, "1.bmp", 38, false},
        {"flive", "FLIVE (PaQ-2-PiQ)", 8, 4, "EE371R/0.jpg", 64, false},
        {"flive-3patch", "FLIVE (PaQ-2-PiQ)", 8, 7, "EE371R/3.jpg", 67, false},
        {"flive-640", "FLIVE (PaQ-2-PiQ)", 8, 0, "blur_dataset/0.jpg", 60, false},
        {"spaq", "SPAQ", 8, 1, "00002.jpg", 28.5, false},
        {"spaq-csv", "SPAQ", 8, 7, "00008.jpg", 76.5, false},
        {"cviu", "CVIU (Ma et al. 2017)", 12, 5, "Shan08/sf4/sigma0.8/c.bmp", 3.5, false},
        {"shrq", "SHRQ", 24, 9, "lawn1_D1_Cai16.png", 3, false},
        {"agiqa-1k", "AGIQA-1K", 9, 8, "dreamStudio_1_8_0_1.jpg", 5, false},
        {"agiqa-3k", "AGIQA-3K", 8, 3, "sd1.5_lowcorr_001.jpg", 1.5, false},
        {"kadid", "KADID-10k", 30, 4, "I01_01_05.png", 1.8, false},
        {"live", "LIVE (release 2)", 982, 227, "jpeg/img1.bmp", 67, true},
        {"live-realigned", "LIVE (release 2), realigned", 982, 980, "fastfading/img173.bmp", 40.25,
         true},
        {"csiq", "CSIQ", 48, 23, "1600.jpeg2000.4.png", 0.6, true},
        {"tid2013", "TID2013", 30, 5, "I01_11_1.BMP", 5.9, false},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, FOLDER "%s", files[i].path);
        struct labels labels = read_labels(path);
        assert_non_null(labels.dataset);
        assert_string_equal(labels.dataset, files[i].dataset);
        assert_int_equal(labels.table.rows, files[i].rows);
        const char *name = name_of(&labels, files[i].row);
        for (size_t j = 0; files[i].name[j]; j++)
            if (name[j] != files[i].name[j] && !(name[j] == '\\' && files[i].name[j] == '/'))
                fail_msg("%s instead of %s", name, files[i].name);
        assert_float_equal(opinion_of(&labels, files[i].row), files[i].opinion, 1e-9);
        assert_int_equal(labels.lower_is_better, files[i].lower_is_better);
        labels_free(&labels);
    }
}

static void test_splits(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        size_t row;
        const char *split;
    } rows[] = {
        {"koniq-sets", 3, "test"},         {"koniq-sets", 2, "validation"},
        {"clive", 6, "practice"},          {"clive", 7, ""},
        {"flive-3patch", 4, "validation"}, {"flive-3patch", 5, "training"},
        {"live", 4, "original"},           {"live", 5, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, FOLDER "%s", rows[i].path);
        struct labels labels = read_labels(path);
        assert_int_not_equal(labels.split, TABLE_NO_COLUMN);
        assert_string_equal(table_cell(&labels.table, rows[i].row, labels.split), rows[i].split);
        labels_free(&labels);
    }
}

static void test_columns_for_groups(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        size_t row;
        const char *column, *value;
    } cells[] = {
        {"kadid", 5, "distortion", "JPEG2000"},
        {"kadid", 14, "distortion", "contrast change"},
        {"kadid", 14, "level", "5"},
        {"kadid", 15, "ref_img", "I02.png"},
        {"tid2013", 1, "reference", "i01"},
        {"tid2013", 5, "distortion", "JPEG2000"},
        {"csiq", 0, "distortion", "noise"},
        {"csiq", 47, "reference", "boston"},
        {"csiq", 20, "DST_LEV", "1"},
        {"live", 226, "distortion", "jp2k"},
        {"live", 981, "distortion", "fastfading"},
        {"live", 30, "reference", "picture1.bmp"},
        {"cviu", 3, "method", "Shan08"},
        {"cviu", 3, "scale", "sf4"},
        {"cviu", 6, "reference", "a.bmp"},
        {"cviu", 6, "method", "Yang10"},
        {"shrq", 0, "method", "Berman16"},
        {"shrq", 0, "reference", "Art"},
        {"shrq", 8, "reference", "lawn1_D1"},
        {"shrq", 8, "subset", "regular"},
        {"shrq", 16, "subset", "aerial"},
        {"agiqa-1k", 7, "generator", "deepai"},
        {"agiqa-1k", 8, "generator", "dreamStudio"},
        {"agiqa-3k", 0, "generator", "AttnGAN"},
        {"agiqa-3k", 1, "generator", "sd1.5"},
        {"agiqa-3k", 1, "style", "anime style"},
        {"agiqa-3k", 2, "prompt", "a cat, \"big\", 2"},
        {"agiqa-1k", 1, "Prompt", "a \"small\" dog"},
        {"agiqa-1k", 2, "prompt", "tea & cake"},
        {"flive", 1, "source", "blur_dataset"},
        {"spaq", 3, "Contrast", "0.03"},
        {"spaq", 3, "Sharpness", ""},
    };
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, FOLDER "%s", cells[i].path);
        struct labels labels = read_labels(path);
        assert_string_equal(cell(&labels, cells[i].row, cells[i].column), cells[i].value);
        labels_free(&labels);
    }
}

static void test_options(void **state)
{
    (void)state;
    struct labels labels =
        read_with(FOLDER "koniq", &(struct label_options){.opinion_column = "mos_zscore"});
    assert_float_equal(opinion_of(&labels, 9), 95, 0);
    labels_free(&labels);
    labels = read_with(FOLDER "csiq", &(struct label_options){.direction = DIRECTION_HIGHER});
    assert_false(labels.lower_is_better);
    labels_free(&labels);
    labels = read_with(FOLDER "kadid/dmos.csv", &(struct label_options){.dataset = "kadid-10k"});
    assert_string_equal(labels.dataset, "KADID-10k");
    labels_free(&labels);
    /* Of SHRQ any table is taken, when it is asked for; what its names do not tell stays empty. */
    labels = read_with(FOLDER "plain.mat", &(struct label_options){.dataset = "shrq"});
    assert_string_equal(labels.dataset, "SHRQ");
    assert_string_equal(cell(&labels, 5, "method"), "");
    assert_string_equal(name_of(&labels, 5), "hazy5.png");
    assert_float_equal(opinion_of(&labels, 5), 50, 0);
    labels_free(&labels);
}

static void test_refusals(void **state)
{
    (void)state;
    const struct label_options none = {0};
    assert_refused(FOLDER "missing.csv", &none, "No such file");
    assert_refused(FOLDER, &none, "no label file of a known dataset");
    assert_refused(FOLDER "level73.mat", &none, "HDF5");
    assert_refused(FOLDER "kadid", &(struct label_options){.dataset = "csiq"},
                   "no label file of a known dataset");
    assert_refused(FOLDER "kadid/dmos.csv", &(struct label_options){.dataset = "csiq"},
                   "not of the form of CSIQ, whose columns are image, dst_type");
    assert_refused(FOLDER "kadid/dmos.csv", &(struct label_options){.opinion_column = "mos"},
                   "has no column mos; there are: dist_img, ref_img, dmos, var");
    assert_refused(FOLDER "table.mat", &none, "writetable() makes a CSV of a table");
    assert_refused(FOLDER "old.xls", &none, "save it as .xlsx or CSV");
    assert_refused("test/photos/bikes-224x224.png", &none, "zero byte");
    assert_refused("test/golden/towers/resnet.pth", &none, "is not a spreadsheet, or damaged");
}

/* ------------------------------------------------------------------------------- MATLAB's files */

static char *whole_file(const char *path, size_t *size)
{
    char message[TABLE_MESSAGE_SIZE];
    char *bytes = table_read_file(path, size, message);
    assert_non_null(bytes);
    return bytes;
}

static void test_mat_kinds(void **state)
{
    (void)state;
    struct labels labels = read_labels(FOLDER "big_endian.mat");
    assert_string_equal(name_of(&labels, 2), "\xC3\xA9.png"); /* of UTF-16 */
    assert_float_equal(opinion_of(&labels, 1), -1.25, 0);
    assert_float_equal(opinion_of(&labels, 2), 3e4, 0);
    labels_free(&labels);
    labels = read_labels(FOLDER "objects.mat"); /* a table is passed over, what is beside it read */
    assert_int_equal(labels.table.columns, 2);
    assert_float_equal(opinion_of(&labels, 1), -1.25, 0);
    labels_free(&labels);
    labels = read_labels(FOLDER "rows.mat"); /* rows of characters, filled up with blanks */
    assert_string_equal(name_of(&labels, 0), "ab.png");
    assert_string_equal(name_of(&labels, 1), "cde.png");
    assert_float_equal(opinion_of(&labels, 2), 2, 0);
    labels_free(&labels);
}

static void test_inline_texts(void **state)
{
    (void)state;
    struct labels labels = read_labels(FOLDER "inline.xlsx");
    assert_int_equal(labels.table.rows, 1);
    assert_string_equal(name_of(&labels, 0), "a&b.png");
    assert_float_equal(opinion_of(&labels, 0), 1.5, 0);
    labels_free(&labels);
}

/* An array that says it has 65536 x 65536 cells has none of them. */
static void test_mat_hostile(void **state)
{
    (void)state;
    char message[TABLE_MESSAGE_SIZE] = "";
    size_t size;
    struct mat_file file;
    char *bytes = whole_file(FOLDER "big_endian.mat", &size);
    /* Behind the head: the tags of the array, its flags and its dimensions. */
    const size_t dimensions = 128 + 8 + 16 + 8;
    assert_memory_equal(bytes + dimensions, "\0\0\0\1\0\0\0\3", 8);
    memcpy(bytes + dimensions, "\0\1\0\0\0\1\0\0", 8);
    assert_false(mat_read(&file, (unsigned char *)bytes, size, "it", message));
    assert_non_null(strstr(message, "more than four million elements"));
    memcpy(bytes + dimensions, "\0\0\0\1\0\0\0\4", 8);
    assert_false(mat_read(&file, (unsigned char *)bytes, size, "it", message));
    assert_string_equal(message, "it: is damaged: an array has fewer numbers than it says");
    free(bytes);
}

/* Every shorter file is refused with a sentence, or has arrays that end before; never more. */
static void test_mat_cut_short(void **state)
{
    (void)state;
    static const char *const paths[] = {FOLDER "big_endian.mat", FOLDER "plain.mat",
                                        FOLDER "cviu/sr_metric_data.mat"};
    for (size_t i = 0; i < 3; i++) {
        size_t size, refused = 0;
        char *bytes = whole_file(paths[i], &size);
        for (size_t cut = 0; cut < size; cut++) {
            char message[TABLE_MESSAGE_SIZE] = "";
            struct mat_file file;
            unsigned char *copy = malloc(cut + 1);
            assert_non_null(copy);
            memcpy(copy, bytes, cut);
            if (mat_read(&file, copy, cut, "it", message))
                mat_free(&file);
            else
                refused += strncmp(message, "it: ", 4) == 0;
            free(copy);
        }
        assert_true(refused > size * 9 / 10);
        free(bytes);
    }
}

/* ---------------------------------------------------------------------------------------- tables
 */

static struct table read_text(const char *text)
{
    struct table table = {0};
    char message[TABLE_MESSAGE_SIZE] = "";
    if (!delimited_read(&table, text, strlen(text), "it", message))
        fail_msg("%s", message);
    return table;
}

static void test_delimited(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t rows, columns;
        const char *last; /* the last row's last cell */
    } tables[] = {
        {"a,b\n1,2\n", 2, 2, "2"},
        {"a,b\r\n1,2", 2, 2, "2"},
        {"\xEF\xBB\xBF"
         "a\n\n\r\n1\n",
         2, 1, "1"},
        {"a;b\n\"x;y\";3,5\n", 2, 2, "3,5"},
        {"a\tb, c\td\n1\t2\t3\n", 2, 3, "3"},
        {"a,b\n1,\"say \"\"no\"\",\nor not\"\n", 2, 2, "say \"no\",\nor not"},
        {"a,b\n1\n", 2, 2, ""},
        {"a,b\n1,2,3\n", 2, 3, "3"},
        {"5.5 I01_01_1.bmp\n  4.2   two words.bmp \n", 2, 2, "two words.bmp"},
        {"I01.bmp I01_01_1.bmp 5.5\n  I01.bmp   I01_01_2.bmp 4.2  \n", 2, 3, "4.2"},
        {"name mos\na.bmp 5.5\n", 2, 2, "5.5"},
        {"a,b,\n1,2,\n", 2, 3, ""},
        {"", 0, 0, NULL},
    };
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        struct table table = read_text(tables[i].text);
        assert_int_equal(table.rows, tables[i].rows);
        assert_int_equal(table.columns, tables[i].columns);
        if (tables[i].last)
            assert_string_equal(table_cell(&table, table.rows - 1, table.columns - 1),
                                tables[i].last);
        table_free(&table);
    }
    struct table table = {0};
    char message[TABLE_MESSAGE_SIZE];
    assert_false(delimited_read(&table, "a,c\n\"b", 6, "it", message));
    assert_string_equal(message, "it: line 2: a quotation mark is not closed");
    table_free(&table);
    assert_false(delimited_read(&table, "a,b\n\"b\"c,1", 10, "it", message));
    assert_non_null(strstr(message, "is not doubled"));
    table_free(&table);
}

static void test_numbers(void **state)
{
    (void)state;
    struct table table = read_text("a;b;c;d;e;f;g\n3,5;nan;;N/A;1e400;0x10; -2e-3 \n");
    const double expected[] = {3.5, NAN, NAN, NAN, NAN, NAN, -2e-3};
    for (size_t i = 0; i < 7; i++) {
        const double value = table_number(&table, 1, i);
        assert_true(isnan(expected[i]) ? isnan(value) : value == expected[i]);
    }
    table_free(&table);
}

static void test_xml(void **state)
{
    (void)state;
    static const char text[] =
        "<?xml?><!-- <no> --><x:a b='1 > 0' r:id=\"&lt;&#x20AC;&#65;&bad;\"/>"
        "t&amp;u</a >";
    struct xml xml;
    char value[64];
    xml_start(&xml, text, strlen(text));
    assert_true(xml_next(&xml) && xml_is(&xml, "a") && xml.empty && !xml.closes);
    assert_true(xml_attribute(&xml, "b", value, sizeof value));
    assert_string_equal(value, "1 > 0");
    assert_true(xml_attribute(&xml, "id", value, sizeof value));
    assert_string_equal(value, "<\xE2\x82\xAC"
                               "A&bad;");
    assert_false(xml_attribute(&xml, "c", value, sizeof value));
    assert_true(xml_next(&xml) && !xml.tag);
    xml_decode(xml.text, xml.text_length, value);
    assert_string_equal(value, "t&u");
    assert_true(xml_next(&xml) && xml_is(&xml, "a") && xml.closes);
    assert_false(xml_next(&xml));
}

/* ---------------------------------------------------------------------------------------- scores
 */

static struct scores read_scores(const char *text, const struct score_options *options)
{
    char path[] = "/tmp/qualiclip-scores-XXXXXX", message[TABLE_MESSAGE_SIZE] = "";
    struct scores scores;
    FILE *file = fdopen(mkstemp(path), "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    const bool good = scores_read(&scores, path, options, message);
    remove(path);
    if (!good)
        fail_msg("%s", message);
    return scores;
}

static void test_scores(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "path,score,width\n\"a, b.png\",0.25,1\nc.png,,\n",
        "{\"path\":\"a, b.png\",\"score\":0.25}\n\n{\"path\":\"c.png\",\"error\":\"no\"}\n",
        "0.25  a  b.png\nnan  c.png\n",
        "c1\tPrediction\tname\n7\t0.25\ta, b.png\n7\tnone\tc.png\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct scores scores = read_scores(texts[i], &(struct score_options){0});
        assert_int_equal(scores.count, 2);
        assert_string_equal(scores.names[0], i == 2 ? "a  b.png" : "a, b.png");
        assert_true(scores.values[0] == 0.25);
        assert_string_equal(scores.names[1], "c.png");
        assert_true(isnan(scores.values[1]));
        scores_free(&scores);
    }
    struct scores scores =
        read_scores("q,score,id\n1,2,x.png\n", &(struct score_options){"id", "q"});
    assert_true(scores.values[0] == 1);
    assert_string_equal(scores.names[0], "x.png");
    scores_free(&scores);
}

/* Without headings the images are in the first column whose cells differ. */
static void test_reference_lists(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "I01.bmp I01_01_1.bmp 5.5 0.1\nI01.bmp I01_01_2.bmp 4.5 0.2\n",
        "I01_01_1.bmp I01.bmp 5.5\nI01_01_2.bmp I01.bmp 4.5\n",
        "I01.bmp,I01_01_1.bmp,5.5\nI01.bmp,I01_01_2.bmp,4.5\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct scores scores = read_scores(texts[i], &(struct score_options){0});
        assert_int_equal(scores.count, 2);
        assert_string_equal(scores.names[1], "I01_01_2.bmp");
        assert_true(scores.values[1] == 4.5);
        scores_free(&scores);
    }
}

/* --------------------------------------------------------------------------------------- joining
 */

static void test_join(void **state)
{
    (void)state;
    static const char *const labels[] = {"a.bmp",          "B.JPG",       "jp2k/img1.bmp",
                                         "jpeg\\img1.bmp", "wn/img1.bmp", "none.png",
                                         "twice.png",      "c.d.png"};
    static const char *const scores[] = {"/data/x/a.png",    "b.jpg",     "/l/JPEG/img1.png",
                                         "/l/jp2k/img1.png", "twice.png", "twice.png",
                                         "other.png",        "c.d.jpg",   "b.png"};
    const size_t expected[] = {0, 1, 3, 2, JOIN_AMBIGUOUS, JOIN_NOTHING, JOIN_AMBIGUOUS, 7};
    size_t partner[8];
    join_names(labels, 8, scores, 9, partner);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(partner[i], expected[i]);
    /* One score cannot be two images'. */
    join_names(labels + 2, 2, scores + 8, 1, partner);
    assert_int_equal(partner[0], JOIN_NOTHING);
    static const char *const bare[] = {"img1.png"};
    join_names(labels + 2, 3, bare, 1, partner);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(partner[i], JOIN_AMBIGUOUS);
    join_names(labels, 0, scores, 9, partner);
    join_names(labels, 1, scores, 0, partner);
    assert_int_equal(partner[0], JOIN_NOTHING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_datasets),
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_columns_for_groups),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_mat_kinds),
        cmocka_unit_test(test_inline_texts),
        cmocka_unit_test(test_mat_hostile),
        cmocka_unit_test(test_mat_cut_short),
        cmocka_unit_test(test_delimited),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_xml),
        cmocka_unit_test(test_scores),
        cmocka_unit_test(test_reference_lists),
        cmocka_unit_test(test_join),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
