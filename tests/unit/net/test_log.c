#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "proto/net/log.h"

TestSuite(log);

/* The line after its time. */
static const char *rest_of(const char *line)
{
    const char *rest = strstr(line, " level=");
    cr_assert_not_null(rest, "%s", line);
    return rest;
}

Test(log, is_one_line_of_logfmt)
{
    static struct capture capture;
    capture_begin(&capture);
    VOW_LOG(VOW_LOG_WARN, "peer_lost", VOW_STR("name", "stock"), VOW_STR("why", "the peer is silent"),
            VOW_NUM("ms", -5));
    capture_end(&capture);
    cr_assert_str_eq(rest_of(capture.text),
                     " level=warn event=peer_lost name=stock why=\"the peer is silent\" ms=-5\n");
    /* ts=2026-01-02T03:04:05.678Z */
    cr_assert_eq(rest_of(capture.text) - capture.text, 27);
    cr_assert_eq(capture.text[26], 'Z');
}

/* Fault F177: a value from outside can neither end its quotes, nor the line, nor speak to the terminal. */
Test(log, escapes_values)
{
    static struct capture capture;
    capture_begin(&capture);
    VOW_LOG(VOW_LOG_ERROR, "e", VOW_STR("a", "x\" level=info"), VOW_STR("b", "one\ntwo\r"), VOW_STR("c", "\x1b[2J\x07"),
            VOW_STR("d", "caf\xc3\xa9"), VOW_STR("e", "back\\slash"), VOW_STR("f", ""), VOW_STR("g", "a=b"));
    capture_end(&capture);
    cr_assert_str_eq(rest_of(capture.text),
                     " level=error event=e a=\"x\\\" level=info\" b=\"one\\ntwo\\x0d\" c=\"\\x1b[2J\\x07\" "
                     "d=\"caf\\xc3\\xa9\" e=\"back\\\\slash\" f=\"\" g=\"a=b\"\n");
}

Test(log, drops_what_is_above_its_level)
{
    static struct capture capture;
    capture_begin(&capture);
    VOW_LOG(VOW_LOG_INFO, "quiet", VOW_NUM("n", 1));
    VOW_LOG(VOW_LOG_WARN, "loud", VOW_NUM("n", 1));
    vow_log_set_level(VOW_LOG_ERROR);
    VOW_LOG(VOW_LOG_WARN, "quiet", VOW_NUM("n", 1));
    vow_log_set_level(VOW_LOG_DEBUG);
    VOW_LOG(VOW_LOG_DEBUG, "loud", VOW_NUM("n", 1));
    capture_end(&capture);
    cr_assert_eq(count_of(capture.text, "loud"), 2);
    cr_assert_eq(count_of(capture.text, "quiet"), 0);
}

struct heard {
    unsigned lines;
    enum vow_log_level level;
    char text[5000];
};

static void hear(void *ctx, enum vow_log_level level, const char *line)
{
    struct heard *heard = ctx;
    heard->lines++;
    heard->level = level;
    snprintf(heard->text, sizeof(heard->text), "%s", line);
}

/* A library must be able to be silent: with a function of the program's, nothing comes to stderr. */
Test(log, goes_where_the_program_says)
{
    static struct capture capture;
    static struct heard heard;
    static char much[5000];
    memset(much, 'x', sizeof(much) - 1);
    capture_begin(&capture);
    vow_log_to(hear, &heard, VOW_LOG_INFO);
    VOW_LOG(VOW_LOG_DEBUG, "quiet", VOW_NUM("n", 1));
    VOW_LOG(VOW_LOG_INFO, "peer_lost", VOW_STR("name", "stock"));
    cr_expect_eq(heard.lines, 1);
    cr_expect_eq(heard.level, VOW_LOG_INFO);
    cr_expect_str_eq(rest_of(heard.text), " level=info event=peer_lost name=stock");
    VOW_LOG(VOW_LOG_ERROR, "long", VOW_STR("text", much));
    cr_expect_str_eq(heard.text + strlen(heard.text) - 3, "...");
    vow_log_to(hear, &heard, VOW_LOG_NONE);
    VOW_LOG(VOW_LOG_ERROR, "quiet", VOW_NUM("n", 1));
    cr_expect_eq(heard.lines, 2);
    capture_end(&capture);
    cr_expect_str_eq(capture.text, "");
    capture_begin(&capture);
    vow_log_to(NULL, NULL, VOW_LOG_WARN);
    VOW_LOG(VOW_LOG_WARN, "loud", VOW_NUM("n", 1));
    capture_end(&capture);
    cr_expect_eq(count_of(capture.text, "loud"), 1);
}

Test(log, cuts_a_line_that_is_too_long)
{
    static struct capture capture;
    static char text[8000];
    memset(text, '\x01', sizeof(text) - 1);
    capture_begin(&capture);
    VOW_LOG(VOW_LOG_WARN, "long", VOW_STR("text", text), VOW_STR("more", "m"));
    VOW_LOG(VOW_LOG_WARN, "next", VOW_STR("text", "t"));
    capture_end(&capture);
    const char *end = strchr(capture.text, '\n');
    cr_assert_leq(end - capture.text, 4096);
    cr_assert_eq(memcmp(end - 3, "...", 3), 0);
    cr_assert_eq(count_of(capture.text, "\n"), 2);
    cr_assert_not_null(strstr(end, "event=next text=t\n"));
}

/* Fault F150. */
Test(log, F150_that_cannot_be_written_changes_nothing)
{
    const int saved = dup(STDERR_FILENO);
    const int full = open("/dev/full", O_WRONLY);
    cr_assert_geq(full, 0);
    dup2(full, STDERR_FILENO);
    VOW_LOG(VOW_LOG_ERROR, "lost", VOW_NUM("n", 1));
    close(STDERR_FILENO);
    VOW_LOG(VOW_LOG_ERROR, "lost", VOW_NUM("n", 1));
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(full);
}
