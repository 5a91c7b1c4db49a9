/* The timeline of a run, as JSON lines and for people; and its verdict. */
#ifndef VOW_CHAOS_KILL_RECORD_H
#define VOW_CHAOS_KILL_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

enum real_moment {
#define MOMENT(name, word, text) REAL_MOMENT_##name,
#include "chaos/kill/moment.def"
#undef MOMENT
    REAL_MOMENTS
};

struct real_record {
    FILE *file;
    bool is_shown; /* on stdout, too */
    uint64_t zero_us;
    uint64_t disturbed_us;         /* when something happened last to a process or a link */
    json_t *violations, *invalids; /* arrays of texts */
};

/* 0, or an errno. */
int real_record_open(struct real_record *record, const char *path, bool is_shown, uint64_t zero_us);
void real_record_close(struct real_record *record);

/* Whether all that was said is in the file. */
bool real_record_is_whole(const struct real_record *record);

/* `who` is a node, the load or a check, or NULL. VIOLATED and INVALID are kept for the verdict. */
void real_record_say(struct real_record *record, enum real_moment moment, const char *who, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
