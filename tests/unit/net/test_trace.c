/* The trace: whole lines of JSON, added to what is there, and nothing without a file. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture.h"
#include "proto/net/trace.h"

static char path[] = "/tmp/vow-trace-XXXXXX";
static char text[1 << 20];
static struct vow_error_detail detail;

static void make_file(void)
{
    const int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    (void)close(fd);
}

static void remove_file(void)
{
    (void)unlink(path);
}

TestSuite(trace, .init = make_file, .fini = remove_file, .timeout = 30);

static struct vow_trace *opened(void)
{
    struct vow_trace *trace = NULL;
    cr_assert_eq(vow_trace_open(path, &trace, &detail), 0, "%s", detail.text);
    return trace;
}

/* The file as it is. */
static const char *contents(void)
{
    const int fd = open(path, O_RDONLY);
    const ssize_t len = read(fd, text, sizeof(text) - 1);
    cr_assert_geq(len, 0);
    text[len] = '\0';
    (void)close(fd);
    return text;
}

/* The first line without its time, which is a number. */
static const char *first_line(void)
{
    char *line = (char *)contents();
    const size_t head = strlen("{\"t_us\":");
    cr_assert_eq(strncmp(line, "{\"t_us\":", head), 0, "%s", line);
    line += head + strspn(line + head, "0123456789");
    line[strcspn(line, "\n")] = '\0';
    return line;
}

Test(trace, is_a_line_of_json_for_each_event)
{
    const struct vow_gtrid id = vow_gtrid_make(1, 2, 3, 4, 5);
    char wanted[256], id_text[VOW_GTRID_TEXT_SIZE];
    struct vow_trace *trace = opened();
    VOW_TRACE(trace, "lock", &id, VOW_STR("key", "item/3"), VOW_NUM("shared", 1));
    VOW_TRACE_BARE(trace, "yes", &id);
    cr_assert_str_eq(contents(), "", "it is kept until it is flushed");
    vow_trace_flush(trace);
    cr_assert_eq(count_of(contents(), "\n"), 2);
    vow_gtrid_to_text(&id, id_text);
    (void)snprintf(wanted, sizeof(wanted), ",\"what\":\"lock\",\"id\":\"%s\",\"key\":\"item/3\",\"shared\":1}",
                   id_text);
    cr_assert_str_eq(first_line(), wanted);
    vow_trace_close(trace);
}

/* Fault F177: a value from outside ends neither its quotes nor the line. */
Test(trace, escapes_values)
{
    struct vow_trace *trace = opened();
    VOW_TRACE(trace, "life", NULL, VOW_STR("node", "a\"b\\c\nd\x1b\xc3\xa9"));
    vow_trace_close(trace);
    cr_assert_str_eq(first_line(), ",\"what\":\"life\",\"node\":\"a\\\"b\\\\c\\u000ad\\u001b\xc3\xa9\"}");
}

Test(trace, adds_to_what_is_there_and_makes_no_line_of_half_a_one)
{
    FILE *file = fopen(path, "w");
    (void)fputs("{\"t_us\":1,\"what\":\"ready\"}\n{\"t_us\":2,\"wh", file);
    (void)fclose(file);
    struct vow_trace *trace = opened();
    VOW_TRACE_BARE(trace, "ready", NULL);
    vow_trace_close(trace);
    cr_assert_eq(count_of(contents(), "\n"), 3);
    cr_assert_not_null(strstr(text, "\"wh\n{\"t_us\":"), "%s", text);
}

Test(trace, a_line_that_is_too_long_is_left_out_whole)
{
    static char longest[2000];
    struct vow_trace *trace = opened();
    memset(longest, 'x', sizeof(longest) - 1);
    VOW_TRACE(trace, "life", NULL, VOW_STR("node", longest));
    VOW_TRACE_BARE(trace, "ready", NULL);
    vow_trace_close(trace);
    cr_assert_str_eq(first_line(), ",\"what\":\"ready\"}");
}

Test(trace, more_than_is_kept_is_flushed_before_and_in_order)
{
    struct vow_trace *trace = opened();
    for (int i = 0; i < 5000; i++)
        VOW_TRACE(trace, "cost", NULL, VOW_NUM("fsyncs", i));
    vow_trace_close(trace);
    const char *at = contents();
    for (int i = 0; i < 5000; i++) {
        char wanted[48];
        (void)snprintf(wanted, sizeof(wanted), "\"what\":\"cost\",\"fsyncs\":%d}\n", i);
        at = strstr(at, wanted);
        cr_assert_not_null(at, "%d is missing", i);
        at += strlen(wanted);
    }
    cr_assert_eq(*at, '\0');
}

/* What was flushed outlives SIGKILL; what was not is lost, and what is there are whole lines. */
Test(trace, F034_a_process_that_is_killed_loses_no_more_than_its_last_turn)
{
    int told[2];
    char byte;
    cr_assert_eq(pipe(told), 0);
    const pid_t child = fork();
    if (child == 0) {
        struct vow_trace *trace = opened();
        for (int i = 0; i < 100; i++)
            VOW_TRACE(trace, "cost", NULL, VOW_NUM("fsyncs", i));
        vow_trace_flush(trace);
        VOW_TRACE_BARE(trace, "ready", NULL);
        (void)!write(told[1], "x", 1);
        for (;;)
            (void)pause();
    }
    cr_assert_eq(read(told[0], &byte, 1), 1);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    cr_assert_eq(count_of(contents(), "}\n{"), 99);
    cr_assert_eq(count_of(text, "ready"), 0);
    cr_assert_eq(text[strlen(text) - 1], '\n');
}

Test(trace, without_a_file_there_is_none)
{
    struct vow_trace *trace = opened();
    vow_trace_close(trace);
    cr_assert_eq(vow_trace_open(NULL, &trace, &detail), 0);
    cr_assert_null(trace);
    VOW_TRACE_BARE(trace, "ready", NULL);
    VOW_TRACE(trace, "cost", NULL, VOW_NUM("fsyncs", 1));
    vow_trace_flush(trace);
    vow_trace_close(trace);
}

Test(trace, an_empty_name_is_none)
{
    (void)unsetenv("VOW_TRACE");
    cr_assert_null(vow_trace_path());
    (void)setenv("VOW_TRACE", "", 1);
    cr_assert_null(vow_trace_path());
    (void)setenv("VOW_TRACE", "x", 1);
    cr_assert_str_eq(vow_trace_path(), "x");
}

Test(trace, a_path_that_cannot_be_written_is_an_error)
{
    struct vow_trace *trace = NULL;
    cr_assert_eq(vow_trace_open("/nowhere/at/all", &trace, &detail), VOW_E_IO);
    cr_assert_null(trace);
    cr_assert_str_eq(detail.text, "VOW_TRACE=/nowhere/at/all: No such file or directory");
}

/* Fault F100: a disk that is full ends the trace and nothing else. */
Test(trace, F100_a_full_disk_ends_it_with_one_line_in_the_log)
{
    static struct capture capture;
    struct vow_trace *trace = NULL;
    cr_assert_eq(vow_trace_open("/dev/full", &trace, &detail), 0, "%s", detail.text);
    capture_begin(&capture);
    for (int i = 0; i < 3; i++) {
        VOW_TRACE_BARE(trace, "ready", NULL);
        vow_trace_flush(trace);
    }
    vow_trace_close(trace);
    capture_end(&capture);
    cr_assert_eq(count_of(capture.text, "event=trace_ends path=/dev/full"), 1, "%s", capture.text);
}
