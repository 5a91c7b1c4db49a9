#include "chaos/kill/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "chaos/kill/clock.h"
#include "chaos/kill/memory.h"
#include "proto/quote.h"

int real_record_open(struct real_record *record, const char *path, bool is_shown, uint64_t zero_us)
{
    *record = (struct real_record){.file = fopen(path, "we"), .is_shown = is_shown, .zero_us = zero_us};
    if (record->file == NULL)
        return errno;
    record->violations = real_need(json_array());
    record->invalids = real_need(json_array());
    return 0;
}

void real_record_close(struct real_record *record)
{
    if (record->file != NULL)
        (void)fclose(record->file);
    json_decref(record->violations);
    json_decref(record->invalids);
    *record = (struct real_record){.file = NULL};
}

bool real_record_is_whole(const struct real_record *record)
{
    return ferror(record->file) == 0;
}

static const char *word_of(enum real_moment moment)
{
    static const char *const words[] = {
#define MOMENT(name, word, text) word,
#include "chaos/kill/moment.def"
#undef MOMENT
    };

    return words[moment];
}

static bool is_disturbance(enum real_moment moment)
{
    return moment != REAL_MOMENT_CHECK && moment != REAL_MOMENT_SHOWN && moment != REAL_MOMENT_MISSED;
}

static void keep(json_t *list, const char *who, const char *text)
{
    (void)json_array_append_new(list, who != NULL ? json_sprintf("%s: %s", who, text) : json_string(text));
}

void real_record_say(struct real_record *record, enum real_moment moment, const char *who, const char *format, ...)
{
    const uint64_t us = real_clock_us() - record->zero_us;
    char text[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    vow_text_to_ascii(text); /* JSON wants UTF-8, and a name of a file may be anything */
    json_t *line = real_need(
        json_pack("{s:I, s:s, s:s*, s:s}", "t_us", (json_int_t)us, "what", word_of(moment), "who", who, "text", text));
    (void)json_dumpf(line, record->file, JSON_COMPACT);
    (void)fputc('\n', record->file);
    (void)fflush(record->file);
    json_decref(line);
    if (is_disturbance(moment))
        record->disturbed_us = record->zero_us + us;
    if (moment == REAL_MOMENT_VIOLATED)
        keep(record->violations, who, text);
    if (moment == REAL_MOMENT_INVALID)
        keep(record->invalids, who, text);
    if (record->is_shown) {
        printf("%4" PRIu64 ".%03" PRIu64 " s  %-8s  %s%s%s\n", us / 1000000, us / 1000 % 1000, word_of(moment),
               who != NULL ? who : "", who != NULL ? ": " : "", text);
        (void)fflush(stdout);
    }
}
