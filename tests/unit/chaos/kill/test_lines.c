/* What a process writes, line by line; and an end of it, also where somebody writes on. */
#include <criterion/criterion.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chaos/kill/clock.h"
#include "chaos/kill/lines.h"

/* A pipe into which each line that is read brings another one, up to a bound. */
struct bed {
    struct event_base *base;
    struct real_lines *lines;
    FILE *log;
    int to, count, answers;
    char last[64];
};

static void on_line(void *ctx, const char *line)
{
    struct bed *bed = ctx;
    bed->count++;
    (void)snprintf(bed->last, sizeof(bed->last), "%s", line);
    if (bed->count <= bed->answers)
        cr_assert_eq(write(bed->to, "again\n", 6), 6);
}

static void bed_open(struct bed *bed, int answers)
{
    int pipe_of[2];
    cr_assert_eq(pipe2(pipe_of, O_CLOEXEC | O_NONBLOCK), 0);
    *bed = (struct bed){.to = pipe_of[1], .answers = answers, .base = event_base_new(), .log = tmpfile()};
    bed->lines = real_lines_new(bed->base, pipe_of[0], "out", bed->log, real_clock_us(), on_line, bed);
}

static void bed_close(struct bed *bed)
{
    real_lines_free(bed->lines);
    event_base_free(bed->base);
    fclose(bed->log);
    close(bed->to);
}

Test(kill_lines, the_rest_is_read_and_the_last_line_needs_no_end)
{
    struct bed bed;
    bed_open(&bed, 0);
    cr_assert_eq(write(bed.to, "one\ntwo", 7), 7);
    bed_close(&bed);
    cr_expect_eq(bed.count, 2);
    cr_expect_str_eq(bed.last, "two");
}

/* A process that has left the group of its node may hold the pipe, and write for ever. */
Test(kill_lines, who_writes_on_is_not_read_for_ever)
{
    struct bed bed;
    bed_open(&bed, 1000);
    cr_assert_eq(write(bed.to, "one\ntwo\n", 8), 8);
    bed_close(&bed);
    cr_expect_eq(bed.count, 2);
}
