#include "proto/net/log.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proto/net/clock.h"

/* Longer lines are cut: PIPE_BUF is 4096, and up to that a write to a pipe is not mixed with others. */
#define LINE_SIZE 4096
#define CUT "...\n"

/* A line as it grows. There is always room left for CUT. */
struct line {
    char text[LINE_SIZE];
    size_t len;
    bool is_cut;
};

static _Atomic int highest_level = VOW_LOG_WARN;

/* Set before threads start (logging.h). */
static vow_log_fn *sink;
static void *sink_ctx;

void vow_log_to(vow_log_fn *fn, void *ctx, enum vow_log_level up_to)
{
    sink = fn;
    sink_ctx = ctx;
    vow_log_set_level(up_to);
}

void vow_log_set_level(enum vow_log_level level)
{
    atomic_store_explicit(&highest_level, (int)level, memory_order_relaxed);
}

static void put(struct line *line, const char *text, size_t len)
{
    if (line->is_cut || len > sizeof(line->text) - sizeof(CUT) - line->len) {
        line->is_cut = true;
        return;
    }
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

/* One byte inside quotes. What a terminal could take for a command, or a reader for the end of the value, is escaped
 * (fault F177). */
static void put_escaped(struct line *line, unsigned char byte)
{
    char escaped[8];
    int len;
    if (byte == '"' || byte == '\\')
        len = snprintf(escaped, sizeof(escaped), "\\%c", byte);
    else if (byte == '\n')
        len = snprintf(escaped, sizeof(escaped), "\\n");
    else if (byte >= 0x20 && byte < 0x7f)
        len = snprintf(escaped, sizeof(escaped), "%c", byte);
    else
        len = snprintf(escaped, sizeof(escaped), "\\x%02x", byte);
    put(line, escaped, (size_t)len);
}

static bool needs_quotes(const char *value)
{
    if (*value == '\0')
        return true;
    for (; *value != '\0'; value++) {
        const unsigned char byte = (unsigned char)*value;
        if (byte <= 0x20 || byte >= 0x7f || byte == '"' || byte == '\\' || byte == '=')
            return true;
    }
    return false;
}

static void put_value(struct line *line, const char *value)
{
    if (!needs_quotes(value)) {
        put_text(line, value);
        return;
    }
    put_text(line, "\"");
    for (; *value != '\0'; value++)
        put_escaped(line, (unsigned char)*value);
    put_text(line, "\"");
}

static void put_field(struct line *line, const struct vow_log_field *field)
{
    put_text(line, " ");
    put_text(line, field->key);
    put_text(line, "=");
    if (field->text != NULL) {
        put_value(line, field->text);
    } else {
        char number[24];
        snprintf(number, sizeof(number), "%lld", (long long)field->number);
        put_text(line, number);
    }
}

static void put_time(struct line *line)
{
    const uint64_t now_us = vow_clock_wall_us();
    const time_t seconds = (time_t)(now_us / 1000000);
    struct tm utc;
    char text[48];
    gmtime_r(&seconds, &utc);
    put_text(line, "ts=");
    put(line, text, strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc));
    snprintf(text, sizeof(text), ".%03uZ", (unsigned)(now_us / 1000 % 1000));
    put_text(line, text);
}

static const char *level_name(enum vow_log_level level)
{
    switch (level) {
    case VOW_LOG_NONE:
        break;
    case VOW_LOG_ERROR:
        return "error";
    case VOW_LOG_WARN:
        return "warn";
    case VOW_LOG_INFO:
        return "info";
    case VOW_LOG_DEBUG:
        return "debug";
    }
    return "?";
}

void vow_log_write(enum vow_log_level level, const char *event, const struct vow_log_field *fields, unsigned fields_len)
{
    if ((int)level > atomic_load_explicit(&highest_level, memory_order_relaxed))
        return;
    struct line line;
    line.len = 0;
    line.is_cut = false;
    put_time(&line);
    put_text(&line, " level=");
    put_text(&line, level_name(level));
    put_text(&line, " event=");
    put_value(&line, event);
    for (unsigned i = 0; i < fields_len; i++)
        put_field(&line, &fields[i]);

    const char *end = line.is_cut ? CUT : "\n";
    memcpy(line.text + line.len, end, strlen(end));
    line.len += strlen(end);
    if (sink != NULL) {
        line.text[line.len - 1] = '\0';
        sink(sink_ctx, level, line.text);
        return;
    }
    /* A log that cannot be written changes nothing (fault F150); there is nobody to tell. */
    const ssize_t written = write(STDERR_FILENO, line.text, line.len);
    (void)written;
}
