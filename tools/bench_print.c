/*
 * bench_print.c - what `bench` measured, as a table or as lines of JSON.
 */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "machine.h"

/* One combination's calls, summed up. */
struct summary {
    double median_ms, p99_ms, images_per_second, gflops, peak;
};

static double smaller_of(double a, double b)
{
    return a < b ? a : b;
}

static struct summary summary_of(const struct bench_combination *combination)
{
    const struct bench_subject *subject = combination->subject;
    const double *seconds = combination->seconds;
    const size_t count = combination->count, beyond = count / 100; /* slower than the 99th % */
    const double median = (seconds[(count - 1) / 2] + seconds[count / 2]) / 2;
    struct summary summary;
    summary.median_ms = 1e3 * median / combination->batch;
    summary.p99_ms = 1e3 * seconds[count - 1 - beyond] / combination->batch;
    summary.images_per_second = combination->batch / median;
    summary.gflops = subject->work * summary.images_per_second * 1e-9;
    summary.peak = subject->peak * smaller_of(combination->threads, machine_processors());
    return summary;
}

/* -------------------------------------------------------------------------------------- JSON */

static void add_profile(cJSON *object, const struct bench_subject *subject)
{
    cJSON *lines = cJSON_AddArrayToObject(object, "profile");
    for (size_t i = 0; i < subject->line_count; i++) {
        const struct trace_line *line = &subject->lines[i];
        cJSON *entry = cJSON_CreateObject();
        json_add_text(entry, "layer", line->name);
        cJSON_AddNumberToObject(entry, "calls", (double)line->calls);
        json_add_measurement(entry, "ms", 1e3 * line->seconds);
        json_add_measurement(entry, "gflop", line->operations * 1e-9);
        cJSON_AddItemToArray(lines, entry);
    }
}

static bool print_json(const struct bench *bench, const struct bench_combination *combination)
{
    const struct bench_subject *subject = combination->subject;
    const struct summary summary = summary_of(combination);
    char size[32];
    snprintf(size, sizeof size, "%ux%u", (unsigned)bench->image.width,
             (unsigned)bench->image.height);
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "batch", combination->batch);
    cJSON_AddNumberToObject(object, "threads", combination->threads);
    json_add_text(object, "precision", subject->precision_name);
    json_add_text(object, "kernels", subject->kernels_name);
    json_add_measurement(object, "ms_per_image", summary.median_ms);
    json_add_measurement(object, "images_per_second", summary.images_per_second);
    json_add_measurement(object, "open_ms", combination->open_ms);
    json_add_measurement(object, "first_ms", combination->first_ms);
    json_add_measurement(object, "rss_mb", combination->rss_mb);
    json_add_measurement(object, "p50_ms", summary.median_ms);
    json_add_measurement(object, "p99_ms", summary.p99_ms);
    cJSON_AddNumberToObject(object, "calls", (double)combination->count);
    json_add_measurement(object, "gflop_per_image", subject->work * 1e-9);
    json_add_measurement(object, "gflop_executed", subject->work_done * 1e-9);
    json_add_measurement(object, "gflops", summary.gflops);
    json_add_measurement(object, "peak_gflops", summary.peak);
    json_add_measurement(object, "percent_of_peak",
                         summary.peak > 0 ? 100 * summary.gflops / summary.peak : 0);
    json_add_text(object, "size", size);
    json_add_text(object, "model", subject->hash);
    if (bench->profile)
        add_profile(object, subject);
    return output_json_line(object);
}

/* -------------------------------------------------------------------------------------- text */

static bool print_header(const struct bench *bench, const struct bench_subject *subject)
{
    output_begin_line();
    printf("model %s (%s), %u x %u pixels, weights %s, %.3g GFLOP an image", subject->name,
           subject->hash, (unsigned)bench->image.width, (unsigned)bench->image.height,
           subject->weight_type, subject->work * 1e-9);
    return output_end_line() &&
           printf("%-16s %-9s %7s %5s %10s %10s %9s %8s %7s %9s %9s %8s", "kernels", "precision",
                  "threads", "batch", "ms/image", "p99", "images/s", "GFLOP/s", "of peak",
                  "open ms", "first ms", "peak RSS") > 0 &&
           output_end_line();
}

static bool print_row(const struct bench_combination *combination)
{
    const struct summary summary = summary_of(combination);
    printf("%-16s %-9s %7u %5u %10.3f %10.3f %9.1f %8.1f ", combination->subject->kernels_name,
           combination->subject->precision_name, (unsigned)combination->threads,
           (unsigned)combination->batch, summary.median_ms, summary.p99_ms,
           summary.images_per_second, summary.gflops);
    if (summary.peak > 0)
        printf("%5.1f %%", 100 * summary.gflops / summary.peak);
    else
        printf("%7s", "-");
    printf(" %9.2f %9.2f %8.1f", combination->open_ms, combination->first_ms, combination->rss_mb);
    return output_end_line();
}

/* Where less is computed than the model is defined to. */
static bool print_executed(const struct bench_subject *subject)
{
    if (!subject->known || subject->work_done > 0.999 * subject->work)
        return true;
    printf("%s, %s: %.3g GFLOP are computed", subject->kernels_name, subject->precision_name,
           subject->work_done * 1e-9);
    return output_end_line();
}

static bool print_profile(const struct bench_subject *subject)
{
    double rest = subject->traced_ms;
    if (!output_end_line())
        return false;
    printf("%s, %s, one image on one thread: %.3f ms", subject->kernels_name,
           subject->precision_name, subject->traced_ms);
    if (!output_end_line())
        return false;
    printf("  %-34s %7s %10s %7s %9s %7s", "layer", "calls", "ms", "share", "GFLOP/s", "of peak");
    for (size_t i = 0; i < subject->line_count && output_end_line(); i++) {
        const struct trace_line *line = &subject->lines[i];
        const double rate = line->operations / line->seconds * 1e-9;
        rest -= 1e3 * line->seconds;
        printf("  %-34s %7zu %10.3f %5.1f %%", line->name, line->calls, 1e3 * line->seconds,
               1e5 * line->seconds / subject->traced_ms);
        if (line->operations > 0)
            printf(" %9.1f", rate);
        if (line->products && subject->peak > 0)
            printf(" %5.1f %%", 100 * rate / subject->peak);
    }
    if (!output_end_line())
        return false;
    printf("  %-34s %7s %10.3f %5.1f %%", "pixels, pointers, readout", "", rest,
           100 * rest / subject->traced_ms);
    return output_end_line();
}

bool bench_print(const struct bench *bench)
{
    const bool text = bench->format == OUTPUT_TEXT;
    bool written = true, headed = false;
    for (size_t i = 0; i < bench->combination_count && written; i++) {
        const struct bench_combination *combination = &bench->combinations[i];
        if (!combination->measured)
            continue;
        if (text && !headed)
            written = print_header(bench, combination->subject);
        headed = true;
        written = written && (text ? print_row(combination) : print_json(bench, combination));
    }
    for (size_t i = 0; i < bench->subject_count && written && text; i++)
        written = print_executed(&bench->subjects[i]);
    for (size_t i = 0; i < bench->subject_count && written && text && bench->profile; i++)
        if (bench->subjects[i].known)
            written = print_profile(&bench->subjects[i]);
    return written;
}
