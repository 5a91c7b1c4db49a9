#include "proto/net/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/net/clock.h"

/* A line that is longer is left out: what is written is JSON. */
#define LINE_MAX_BYTES 1024u
/* More lines than this between two flushes are flushed before. */
#define KEPT_BYTES 65536u

struct vow_trace {
    int fd;
    pthread_mutex_t lock; /* of what follows */
    bool is_lost;         /* nothing is written any more */
    size_t len;
    char *path; /* behind the struct */
    char kept[KEPT_BYTES];
};

/* A line as it grows. */
struct line {
    char text[LINE_MAX_BYTES];
    size_t len;
    bool is_over;
};

/* ---- the file ---- */

const char *vow_trace_path(void)
{
    const char *path = getenv("VOW_TRACE");
    return path != NULL && path[0] != '\0' ? path : NULL;
}

/* A process that was killed in a write may have left half a line: what comes now shall not become a part of it. */
static bool ends_in_a_line(int fd)
{
    char last = '\n';
    const off_t end = lseek(fd, 0, SEEK_END);
    return end <= 0 || (pread(fd, &last, 1, end - 1) == 1 && last == '\n');
}

int vow_trace_open(const char *path, struct vow_trace **out, struct vow_error_detail *detail)
{
    *out = NULL;
    if (path == NULL)
        return 0;
    struct vow_trace *trace = malloc(sizeof(*trace) + strlen(path) + 1);
    if (trace == NULL) {
        *detail = (struct vow_error_detail){.error = VOW_E_NO_MEMORY, .text = "no memory for the trace"};
        return VOW_E_NO_MEMORY;
    }
    trace->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (trace->fd < 0) {
        detail->error = VOW_E_IO;
        (void)snprintf(detail->text, sizeof(detail->text), "VOW_TRACE=%s: %s", path, strerror(errno));
        free(trace);
        return VOW_E_IO;
    }
    trace->path = memcpy((char *)(trace + 1), path, strlen(path) + 1);
    (void)pthread_mutex_init(&trace->lock, NULL); /* without attributes it cannot fail */
    trace->is_lost = false;
    trace->len = 0;
    if (!ends_in_a_line(trace->fd))
        trace->kept[trace->len++] = '\n';
    *out = trace;
    return 0;
}

static void flush(struct vow_trace *trace)
{
    const size_t len = trace->len;
    trace->len = 0;
    if (trace->is_lost || len == 0)
        return;
    const ssize_t written = write(trace->fd, trace->kept, len);
    if (written == (ssize_t)len)
        return;
    trace->is_lost = true;
    VOW_LOG(VOW_LOG_ERROR, "trace_ends", VOW_STR("path", trace->path),
            VOW_STR("why", written < 0 ? strerror(errno) : "no room for a whole line"));
}

void vow_trace_flush(struct vow_trace *trace)
{
    if (trace == NULL)
        return;
    (void)pthread_mutex_lock(&trace->lock);
    flush(trace);
    (void)pthread_mutex_unlock(&trace->lock);
}

void vow_trace_close(struct vow_trace *trace)
{
    if (trace == NULL)
        return;
    vow_trace_flush(trace);
    (void)close(trace->fd);
    (void)pthread_mutex_destroy(&trace->lock);
    free(trace);
}

/* ---- a line ---- */

static void put(struct line *line, const char *text)
{
    const size_t len = strlen(text);
    if (line->is_over || len >= sizeof(line->text) - line->len) {
        line->is_over = true;
        return;
    }
    memcpy(line->text + line->len, text, len + 1);
    line->len += len;
}

/* Texts are of printable UTF-8, but for what JSON wants escaped (fault F177). */
static void put_text(struct line *line, const char *text)
{
    put(line, "\"");
    for (; *text != '\0'; text++) {
        char one[8] = {*text, '\0'};
        const unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\')
            (void)snprintf(one, sizeof(one), "\\%c", byte);
        else if (byte < 0x20 || byte == 0x7f)
            (void)snprintf(one, sizeof(one), "\\u%04x", byte);
        put(line, one);
    }
    put(line, "\"");
}

static void put_key(struct line *line, const char *key)
{
    put(line, ",\"");
    put(line, key);
    put(line, "\":");
}

static void put_field(struct line *line, const struct vow_log_field *field)
{
    char number[24];
    put_key(line, field->key);
    if (field->text != NULL) {
        put_text(line, field->text);
        return;
    }
    (void)snprintf(number, sizeof(number), "%lld", (long long)field->number);
    put(line, number);
}

void vow_trace_write(struct vow_trace *trace, const char *what, const struct vow_gtrid *id,
                     const struct vow_log_field *fields, unsigned fields_len)
{
    struct line line = {.len = 0};
    char text[VOW_GTRID_TEXT_SIZE];
    line.len = (size_t)snprintf(line.text, sizeof(line.text), "{\"t_us\":%llu", (unsigned long long)vow_clock_us());
    put_key(&line, "what");
    put_text(&line, what);
    if (id != NULL) {
        vow_gtrid_to_text(id, text);
        put_key(&line, "id");
        put_text(&line, text);
    }
    for (unsigned i = 0; i < fields_len; i++)
        put_field(&line, &fields[i]);
    put(&line, "}\n");
    if (line.is_over)
        return;
    (void)pthread_mutex_lock(&trace->lock);
    if (line.len > sizeof(trace->kept) - trace->len)
        flush(trace);
    memcpy(trace->kept + trace->len, line.text, line.len);
    trace->len += line.len;
    (void)pthread_mutex_unlock(&trace->lock);
}
