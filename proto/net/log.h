/*
 * The log for people: logfmt on stderr, one line an event, values from outside escaped (fault F177).
 *   ts=2026-01-02T03:04:05.678Z level=warn event=peer_lost name=stock why="the peer is silent"
 */
#ifndef VOW_NET_LOG_H
#define VOW_NET_LOG_H

#include <stdint.h>

enum vow_log_level { VOW_LOG_ERROR = 1, VOW_LOG_WARN = 2, VOW_LOG_INFO = 3, VOW_LOG_DEBUG = 4 };

/* A key with a value that is text, a number or nothing. Made with the three macros below. */
struct vow_log_field {
    const char *key;
    const char *text;
    int64_t number;
};

#define VOW_STR(key, text) ((struct vow_log_field){(key), (text), 0})
#define VOW_NUM(key, number) ((struct vow_log_field){(key), NULL, (int64_t)(number)})

/* Writes one line with one write(2); never blocks on the data path for a full pipe longer than that call, and a log
 * that cannot be written changes nothing else (fault F150). Thread-safe. */
void vow_log_write(enum vow_log_level level, const char *event, const struct vow_log_field *fields,
                   unsigned fields_len);

#define VOW_LOG(level, event, ...)                                                                                     \
    vow_log_write(level, event, (const struct vow_log_field[]){__VA_ARGS__},                                           \
                  (unsigned)(sizeof((const struct vow_log_field[]){__VA_ARGS__}) / sizeof(struct vow_log_field)))

/* Lines above this level are dropped; VOW_LOG_INFO at start. Any thread. */
void vow_log_set_level(enum vow_log_level level);

#endif
