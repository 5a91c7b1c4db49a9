/*
 * The log for people, from within: logfmt, one line an event, values from outside escaped (fault F177). Where lines go
 * is said in proto/logging.h, which users see.
 */
#ifndef VOW_NET_LOG_H
#define VOW_NET_LOG_H

#include <stdint.h>

#include "proto/logging.h"

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

/* Lines above this level are dropped; VOW_LOG_WARN at start. Any thread. */
void vow_log_set_level(enum vow_log_level level);

#endif
