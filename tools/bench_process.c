/*
 * bench_process.c - processes and pipes between them.
 */
#include "bench_process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

bool process_read(int pipe, void *bytes, size_t size)
{
    char *at = bytes;
    while (size) {
        const ssize_t got = read(pipe, at, size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

bool process_write(int pipe, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size) {
        const ssize_t put = write(pipe, at, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        at += put;
        size -= (size_t)put;
    }
    return true;
}

bool process_start(struct bench_process *process, void (*work)(void *context, int from, int to),
                   void *context)
{
    int down[2], up[2];
    if (pipe(down) != 0)
        return false;
    if (pipe(up) != 0) {
        close(down[0]);
        close(down[1]);
        return false;
    }
    fflush(stdout);
    process->process = fork();
    if (process->process == 0) {
        close(down[1]);
        close(up[0]);
        work(context, down[0], up[1]);
        _exit(0);
    }
    close(down[0]);
    close(up[1]);
    process->to = down[1];
    process->from = up[0];
    if (process->process > 0)
        return true;
    close(process->to);
    close(process->from);
    return false;
}

const char *process_end(struct bench_process *process, char *text, size_t size)
{
    int status = 0;
    close(process->to);
    close(process->from);
    while (waitpid(process->process, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFSIGNALED(status))
        snprintf(text, size, "its process was ended by signal %d", WTERMSIG(status));
    else if (WEXITSTATUS(status))
        snprintf(text, size, "its process ended with status %d", WEXITSTATUS(status));
    else
        return NULL;
    return text;
}
