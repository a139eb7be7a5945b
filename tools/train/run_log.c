/*
 * run_log.c - see run_log.h.  The CSV has a line a step; what was not judged then is empty.
 */
#include "run_log.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "diagnostics.h"
#include "machine.h"
#include "output.h"
#include "progress.h"

static void print_header(FILE *file)
{
    fputs("step,loss", file);
    for (int term = 0; term < loss_term_count; term++)
        fprintf(file, ",%s", loss_term_names[term]);
    fputs(",gradient_norm,learning_rate,seconds,waited,within,across,like_teacher\n", file);
}

/*
 * What a run wrote after it was saved, before it was ended by force, is cut off: it comes again.
 * False if what is there is no such log.
 */
static bool cut_after(FILE *file, uint64_t step)
{
    static const char start[] = "step,loss,";
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    off_t keep = 0;
    bool good = true;
    while (good && (length = getline(&line, &room, file)) > 0) {
        good = keep > 0 || strncmp(line, start, sizeof start - 1) == 0;
        if (line[length - 1] != '\n' || (keep > 0 && strtoull(line, NULL, 10) > step))
            break;
        keep += length;
    }
    free(line);
    return good && ftruncate(fileno(file), keep) == 0 && fseeko(file, 0, SEEK_END) == 0;
}

static FILE *open_file(const char *path, uint64_t first)
{
    struct stat status;
    if (!first || stat(path, &status) != 0 || !S_ISREG(status.st_mode))
        return fopen(path, first ? "a" : "w");
    FILE *file = fopen(path, "r+");
    if (!file || cut_after(file, first))
        return file;
    fclose(file);
    errno = 0;
    return NULL;
}

bool run_log_open(struct run_log *log, const char *path, uint64_t steps, uint64_t first)
{
    *log = (struct run_log){.path = path,
                            .steps = steps,
                            .start = machine_seconds(),
                            .smooth_loss = NAN,
                            .within = NAN,
                            .across = NAN};
    progress_start_units(steps, "steps", first);
    if (!path)
        return true;
    log->file = open_file(path, first);
    if (!log->file) {
        complain_about(path, errno ? strerror(errno)
                                   : "is there, and no log of a run of training that could go on");
        return false;
    }
    if (ftell(log->file) == 0)
        print_header(log->file);
    return true;
}

bool run_log_close(struct run_log *log)
{
    progress_end();
    if (!log->file)
        return true;
    const bool failed = ferror(log->file);
    const bool good = fclose(log->file) == 0 && !failed;
    log->file = NULL;
    if (!good)
        complain_about(log->path, "the log could not be written in full");
    return good;
}

static void show(struct run_log *log, uint64_t step)
{
    char text[96];
    int used = snprintf(text, sizeof text, "loss %.4f", log->smooth_loss);
    if (isfinite(log->within))
        snprintf(text + used, sizeof text - (size_t)used, "  within %.3f  across %.3f", log->within,
                 log->across);
    progress_detail(text);
    progress_show(step);
}

void run_log_step(struct run_log *log, uint64_t step, const struct step_report *report,
                  double waited)
{
    const double loss = report->losses.total;
    log->smooth_loss =
        isfinite(log->smooth_loss) ? log->smooth_loss + 0.05 * (loss - log->smooth_loss) : loss;
    if (log->file) {
        fprintf(log->file, "%" PRIu64 ",%.6g", step, loss);
        for (int term = 0; term < loss_term_count; term++)
            fprintf(log->file, ",%.6g", report->losses.terms[term]);
        fprintf(log->file, ",%.6g,%.6g,%.3f,%.3f,,,\n", report->gradient_norm,
                report->learning_rate, machine_seconds() - log->start, waited);
        fflush(log->file);
    }
    show(log, step);
}

void run_log_judgement(struct run_log *log, uint64_t step, const struct held_out_result *result)
{
    log->within = result->within;
    log->across = result->across;
    progress_hide();
    output_begin_line();
    printf("step %" PRIu64 "  loss %.4f  within %.3f  across %.3f  weakest %s %.2f  pristine %.2f  "
           "worst %.2f",
           step, log->smooth_loss, result->within, result->across,
           degradation_kinds[result->weakest].name, result->weakest_within, result->pristine,
           result->worst);
    if (!isnan(result->like_teacher))
        printf("  like the teacher %.3f", result->like_teacher);
    printf("  %.0f s", machine_seconds() - log->start);
    output_end_line();
    if (log->file) {
        fprintf(log->file, "%" PRIu64 ",", step);
        for (int column = 0; column < loss_term_count + 5; column++)
            fputc(',', log->file);
        fprintf(log->file, "%.6g,%.6g,", result->within, result->across);
        if (!isnan(result->like_teacher))
            fprintf(log->file, "%.6g", result->like_teacher);
        fputc('\n', log->file);
    }
}
