#include "chaos/kill/lines.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "chaos/kill/clock.h"
#include "chaos/kill/memory.h"

struct real_lines {
    struct event *event;
    int fd;
    const char *word;
    FILE *log;
    uint64_t zero_us;
    real_line_fn *fn;
    void *ctx;
    size_t len;
    char line[REAL_LINE_SIZE];
};

static void end_line(struct real_lines *lines)
{
    const uint64_t us = real_clock_us() - lines->zero_us;

    lines->line[lines->len] = '\0';
    lines->len = 0;
    (void)fprintf(lines->log, "[%4" PRIu64 ".%06" PRIu64 "] %s: %s\n", us / 1000000, us % 1000000, lines->word,
                  lines->line);
    (void)fflush(lines->log);
    lines->fn(lines->ctx, lines->line);
}

static void add(struct real_lines *lines, char byte)
{
    if (byte == '\n') {
        end_line(lines);
        return;
    }
    lines->line[lines->len] = byte;
    if (byte == '\0')
        lines->line[lines->len] = '?';
    lines->len++;
    if (lines->len == REAL_LINE_SIZE - 1)
        end_line(lines);
}

/* Up to so many bytes. Returns how many there were, 0 for none; -1 = try again. */
static ssize_t read_some(struct real_lines *lines, size_t most)
{
    char bytes[4096];
    const ssize_t got = read(lines->fd, bytes, most < sizeof(bytes) ? most : sizeof(bytes));

    for (ssize_t i = 0; i < got; i++)
        add(lines, bytes[i]);
    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
        (void)event_del(lines->event);
    return got < 0 && errno != EINTR ? 0 : got;
}

/* What is in the pipe now and no more: who has left the process's group may write into it for ever. */
static void read_rest(struct real_lines *lines)
{
    int left = 0;

    if (ioctl(lines->fd, FIONREAD, &left) != 0)
        return;
    while (left > 0) {
        const ssize_t got = read_some(lines, (size_t)left);
        if (got == 0)
            return;
        left -= got > 0 ? (int)got : 0;
    }
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    (void)read_some(ctx, SIZE_MAX);
}

struct real_lines *real_lines_new(struct event_base *base, int fd, const char *word, FILE *log, uint64_t zero_us,
                                  real_line_fn *fn, void *ctx)
{
    struct real_lines *lines = real_need(calloc(1, sizeof(*lines)));

    *lines = (struct real_lines){.fd = fd, .word = word, .log = log, .zero_us = zero_us, .fn = fn, .ctx = ctx};
    lines->event = real_need(event_new(base, fd, EV_READ | EV_PERSIST, on_readable, lines));
    (void)event_add(lines->event, NULL);
    return lines;
}

void real_lines_free(struct real_lines *lines)
{
    if (lines == NULL)
        return;
    read_rest(lines);
    if (lines->len > 0)
        end_line(lines);
    event_free(lines->event);
    close(lines->fd);
    free(lines);
}
