/*
 * test_page.c - documents that hold what strangers wrote: names of files become text and nothing
 * else; and the drawings' arithmetic.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <math.h>

#include "labels/table.h"
#include "page.h"
#include "svg.h"

#include <cmocka.h>

static void assert_text(const char *text, const char *expected)
{
    struct markup markup = {0};
    markup_text(&markup, text);
    assert_string_equal(markup.text ? markup.text : "", expected);
    markup_free(&markup);
}

static void test_foreign_text_is_escaped(void **state)
{
    (void)state;
    assert_text("", "");
    assert_text("plain \xc3\xa9 \xe2\x9c\x93", "plain \xc3\xa9 \xe2\x9c\x93");
    assert_text("<script>alert('&\")</script>",
                "&lt;script&gt;alert(&#39;&amp;&quot;)&lt;/script&gt;");
    assert_text("a\x01\x7f\x1b[31m\n\t",
                "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd[31m\xef\xbf\xbd\xef\xbf\xbd");
    assert_text("\xff\xc3", "\xef\xbf\xbd\xef\xbf\xbd");
    assert_text("\xc2\x85", "\xef\xbf\xbd"); /* a control character of two bytes */
    assert_text("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* half a surrogate pair */
    assert_text("\xef\xbf\xbf", "\xef\xbf\xbd"); /* U+FFFF, which XML forbids */
}

static void test_base64(void **state)
{
    (void)state;
    static const char *const expected[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                           "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"}; /* RFC 4648 */
    for (size_t i = 0; i < 7; i++) {
        struct markup markup = {0};
        markup_base64(&markup, (const unsigned char *)"foobar", i);
        assert_string_equal(markup.text ? markup.text : "", expected[i]);
        markup_free(&markup);
    }
    struct markup markup = {0};
    markup_base64(&markup, (const unsigned char *)"\xff\xfe\xfd", 3);
    assert_string_equal(markup.text, "//79");
    markup_free(&markup);
}

static void test_long_documents_grow(void **state)
{
    (void)state;
    struct markup markup = {0};
    for (int i = 0; i < 20000; i++)
        markup_add(&markup, "%05d", i);
    assert_int_equal(markup.length, 100000);
    assert_int_equal(strlen(markup.text), 100000);
    assert_memory_equal(markup.text + 5 * 12345, "12345", 5);
    markup_free(&markup);
}

static void test_lines_break_where_there_is_no_number(void **state)
{
    (void)state;
    const double x[] = {0, 1, NAN, 3, 4}, y[] = {0, 1, 2, 3, NAN};
    struct markup svg = {0};
    svg_polyline(&svg, x, y, 5, "ink");
    assert_string_equal(svg.text, "<polyline class=\"ink\" points=\"0.0,0.0 1.0,1.0\"/>\n"
                                  "<polyline class=\"ink\" points=\"3.0,3.0\"/>\n");
    markup_free(&svg);
}

static void test_ranges_are_round(void **state)
{
    (void)state;
    const double cases[][5] = {{0, 1, 5, 0, 1},         {0.13, 0.87, 5, 0.1, 0.9},
                               {13.2, 88.1, 5, 10, 90}, {-3.3, 3.3, 5, -4, 4},
                               {2, 2, 5, 1.8, 2.2},     {0, 0, 5, -1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double least = cases[i][0], greatest = cases[i][1];
        svg_round_range(&least, &greatest, (int)cases[i][2]);
        assert_float_equal(least, cases[i][3], 1e-9);
        assert_float_equal(greatest, cases[i][4], 1e-9);
    }
    /* So close together that a double has no multiples of a step between them. */
    double least = 1e9, greatest = 1e9 + 2e-7;
    svg_round_range(&least, &greatest, 5);
    assert_true(greatest - least > 1e7);
}

static void test_plots_place_numbers(void **state)
{
    (void)state;
    const struct svg_plot plot = {10, 20, 100, 50, 0, 2, -1, 1};
    assert_float_equal(svg_plot_x(&plot, 0), 10, 1e-12);
    assert_float_equal(svg_plot_x(&plot, 1), 60, 1e-12);
    assert_float_equal(svg_plot_y(&plot, 1), 20, 1e-12);
    assert_float_equal(svg_plot_y(&plot, -1), 70, 1e-12);
}

static void test_axes_end(void **state)
{
    (void)state;
    const struct svg_plot plots[] = {{0, 0, 9, 9, 1e17, 1e17 + 64, 1e17, 1e17 + 64},
                                     {0, 0, 9, 9, -1e308, 1e308, NAN, INFINITY}};
    for (size_t i = 0; i < 2; i++) {
        struct markup svg = {0};
        svg_axes(&svg, &plots[i], 5, 5, "x", "y");
        assert_true(svg.length < 20000);
        markup_free(&svg);
    }
}

static size_t occurrences(const char *text, const char *part)
{
    size_t count = 0;
    for (; (text = strstr(text, part)); text++)
        count++;
    return count;
}

static void test_a_page_is_complete(void **state)
{
    (void)state;
    static const char *const head[] = {"<b>", "score"};
    const double values[] = {0.1, 0.1, 0.95, 1, 2};
    const struct histogram_series series = {"all & sundry", values, 5};
    char message[TABLE_MESSAGE_SIZE], path[] = "/tmp/test_page.XXXXXX";
    struct markup page = {0};
    const int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    page_begin(&page, "a <title>");
    page_section(&page, "part", "R&D", "note");
    page_table(&page, head, 2);
    page_row(&page, "'quoted'");
    page_number(&page, 0.12345, 3);
    page_number(&page, NAN, 3);
    page_row_end(&page);
    page_table_end(&page);
    draw_histogram(&page, "h", &series, 1, 0, 1, "x");
    page_section_end(&page);
    assert_true(page_write(&page, "a <title>", &(struct page_file){path, false}));
    assert_true(page_write(&page, "another", &(struct page_file){path, true}));
    markup_free(&page);
    page.text = table_read_file(path, &page.length, message);
    assert_non_null(page.text);
    remove(path);
    assert_int_equal(occurrences(page.text, "a &lt;title&gt;"), 3); /* head, contents twice */
    assert_int_equal(occurrences(page.text, "another"), 0);
    assert_int_equal(occurrences(page.text, "<b>"), 0);
    assert_int_equal(occurrences(page.text, "<td>0.123</td><td>&ndash;</td>"), 2);
    assert_int_equal(occurrences(page.text, "R&amp;D"), 2);
    assert_int_equal(occurrences(page.text, "all &amp; sundry"), 2);
    assert_int_equal(occurrences(page.text, "<script"), 0);
    assert_int_equal(occurrences(page.text, "http"), 3); /* http-equiv, and the name of SVG twice */
    static const char *const pairs[][2] = {{"<section", "</section>"}, {"<table", "</table>"},
                                           {"<tr", "</tr>"},           {"<svg", "</svg>"},
                                           {"<text", "</text>"},       {"<html", "</html>"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        assert_int_equal(occurrences(page.text, pairs[i][0]), occurrences(page.text, pairs[i][1]));
    markup_free(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_foreign_text_is_escaped),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_long_documents_grow),
        cmocka_unit_test(test_lines_break_where_there_is_no_number),
        cmocka_unit_test(test_ranges_are_round),
        cmocka_unit_test(test_plots_place_numbers),
        cmocka_unit_test(test_axes_end),
        cmocka_unit_test(test_a_page_is_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
