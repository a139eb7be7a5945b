/*
 * progress.c - the progress line, drawn with carriage returns and blanks, which every terminal has.
 */
#include "progress.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "machine.h"

static struct {
    size_t total, before;
    const char *units;
    char detail[96];
    bool enabled;
    int width; /* of what stands on the terminal now; 0: nothing */
    double start, drawn;
} progress;

void progress_start(size_t total)
{
    progress_start_units(total, "images", 0);
}

void progress_start_units(size_t total, const char *units, size_t before)
{
    progress.total = total;
    progress.before = before;
    progress.units = units;
    progress.detail[0] = '\0';
    progress.enabled = total > 1 && isatty(STDERR_FILENO);
    progress.width = 0;
    progress.start = machine_seconds();
    progress.drawn = 0;
}

void progress_detail(const char *text)
{
    snprintf(progress.detail, sizeof progress.detail, "  %s", text);
}

static void describe_time(char *text, size_t size, double seconds)
{
    if (seconds < 60)
        snprintf(text, size, "%.0f s left", seconds);
    else if (seconds < 3600)
        snprintf(text, size, "%.0f min left", seconds / 60);
    else
        snprintf(text, size, "%.1f h left", seconds / 3600);
}

void progress_show(size_t done)
{
    if (!progress.enabled || done <= progress.before)
        return;
    double now = machine_seconds();
    if (now - progress.drawn < 0.1)
        return;
    progress.drawn = now;
    double rate = (double)(done - progress.before) / (now - progress.start + 1e-9);
    char left[64], line[256];
    describe_time(left, sizeof left, (double)(progress.total - done) / rate);
    snprintf(line, sizeof line, "%zu of %zu  %.0f %%  %.1f %s/s  %s%s", done, progress.total,
             100.0 * (double)done / (double)progress.total, rate, progress.units, left,
             progress.detail);
    int width = (int)strlen(line);
    fprintf(stderr, "\r%-*s", progress.width, line);
    fflush(stderr);
    if (width > progress.width)
        progress.width = width;
}

void progress_hide(void)
{
    if (progress.width) {
        fprintf(stderr, "\r%*s\r", progress.width, "");
        fflush(stderr);
        progress.width = 0;
    }
}

void progress_end(void)
{
    progress_hide();
    progress.enabled = false;
}
