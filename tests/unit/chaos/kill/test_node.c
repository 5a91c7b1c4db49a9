/* Processes under the harness: ready, dead, paused, told to end; and nothing that is left of them. */
#include <criterion/criterion.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chaos/kill/clock.h"
#include "chaos/kill/node.h"

/* A shell under a node, and what was told of it. */
struct bed {
    struct event_base *base;
    struct real_node node;
    char *argv[4];
    char directory[64], note[96];
    struct real_strangers strangers;
    int readies, lates, ends;
    enum real_ending ending;
    char line[256]; /* the last one */
};

static void on_ready(void *ctx, struct real_node *node)
{
    struct bed *bed = ctx;
    bed->readies++;
    (void)event_base_loopbreak(node->base);
}

static void on_late(void *ctx, struct real_node *node)
{
    struct bed *bed = ctx;
    bed->lates++;
    (void)event_base_loopbreak(node->base);
}

static void on_ended(void *ctx, struct real_node *node, enum real_ending ending)
{
    struct bed *bed = ctx;
    bed->ends++;
    bed->ending = ending;
    (void)event_base_loopbreak(node->base);
}

static void on_line(void *ctx, struct real_node *node, const char *line)
{
    struct bed *bed = ctx;
    (void)node;
    (void)snprintf(bed->line, sizeof(bed->line), "%s", line);
}

static void bed_open(struct bed *bed, const char *script)
{
    *bed = (struct bed){.directory = "/tmp/vow-node-XXXXXX"};
    cr_assert_not_null(mkdtemp(bed->directory));
    cr_assert_eq(real_adopt_strays(&bed->strangers), 0);
    bed->base = event_base_new();
    (void)snprintf(bed->note, sizeof(bed->note), "%s/note", bed->directory);
    bed->argv[0] = "/bin/sh";
    bed->argv[1] = "-c";
    bed->argv[2] = (char *)(uintptr_t)script;
    bed->node = (struct real_node){.base = bed->base,
                                   .name = "n",
                                   .argv = bed->argv,
                                   .directory = bed->directory,
                                   .ready = {.line = "ready", .within_ms = 60000},
                                   .note = bed->note,
                                   .end_ms = 60000,
                                   .watcher = {on_ready, on_late, on_ended, on_line, bed},
                                   .log = tmpfile(),
                                   .zero_us = real_clock_us()};
    real_node_init(&bed->node);
}

static void bed_close(struct bed *bed)
{
    static const char *const files[] = {"f", "g", "h", "port", "note"};
    char path[96];
    real_node_deinit(&bed->node);
    cr_expect_eq(real_reap_strays(&bed->strangers), 0);
    event_base_free(bed->base);
    fclose(bed->node.log);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", bed->directory, files[i]);
        (void)unlink(path);
    }
    cr_expect_eq(rmdir(bed->directory), 0);
}

static void turn(struct bed *bed)
{
    (void)event_base_dispatch(bed->base);
}

static void start_and_wait(struct bed *bed, const char *point)
{
    cr_assert_eq(real_node_start(&bed->node, point), 0);
    turn(bed);
    cr_assert(bed->readies > 0 && real_node_is(&bed->node, REAL_NODE_SERVING), "%s", bed->node.why);
}

/* A pipe "g" that a script reads from, until it is let go. */
static void make_gate(const struct bed *bed)
{
    char fifo[96];
    (void)snprintf(fifo, sizeof(fifo), "%s/g", bed->directory);
    cr_assert_eq(mkfifo(fifo, 0600), 0);
}

static void let_go(const struct bed *bed)
{
    char fifo[96];
    (void)snprintf(fifo, sizeof(fifo), "%s/g", bed->directory);
    FILE *go = fopen(fifo, "w");
    fputs("go\n", go);
    fclose(go);
}

/* A shell looks for its traps between two commands. */
#define IDLE "while :; do sleep 0.1; done"
/* "exec cat" waits for nothing: a pipe of its own that nobody writes to. */
#define WAIT "mkfifo f 2>/dev/null; exec cat <>f"

Test(kill_node, ready_by_its_line_and_ended_by_sigterm)
{
    struct bed bed;
    bed_open(&bed, "trap 'echo bye; exit 3' TERM; echo it is ready; " IDLE);
    bed.node.exit_status = 3;
    start_and_wait(&bed, NULL);
    cr_expect(real_node_term(&bed.node));
    turn(&bed);
    cr_expect(bed.ends == 1 && bed.ending == REAL_ENDED_BY_US, "%s", bed.node.why);
    cr_expect_str_eq(bed.line, "bye");
    cr_expect(real_node_is(&bed.node, REAL_NODE_DOWN));
    bed_close(&bed);
}

Test(kill_node, another_status_than_wanted_is_a_bad_end)
{
    struct bed bed;
    bed_open(&bed, "trap 'exit 4' TERM; echo ready; " IDLE);
    start_and_wait(&bed, NULL);
    cr_expect(real_node_term(&bed.node));
    turn(&bed);
    cr_expect(bed.ending == REAL_ENDED_BADLY);
    cr_expect_str_eq(bed.node.why, "ended with status 4 when it was told to end");
    bed_close(&bed);
}

Test(kill_node, one_that_does_not_heed_sigterm_is_killed_and_told)
{
    struct bed bed;
    bed_open(&bed, "trap '' TERM; echo ready; " WAIT);
    bed.node.end_ms = 1;
    start_and_wait(&bed, NULL);
    cr_expect(real_node_term(&bed.node));
    turn(&bed);
    cr_expect_eq(bed.ending, REAL_ENDED_BADLY);
    cr_expect_str_eq(bed.node.why, "did not end within its time after SIGTERM");
    bed_close(&bed);
}

Test(kill_node, killed_and_started_again)
{
    struct bed bed;
    bed_open(&bed, "echo ready; " WAIT);
    for (int i = 1; i <= 3; i++) {
        start_and_wait(&bed, NULL);
        cr_expect(real_node_kill(&bed.node));
        cr_expect_not(real_node_kill(&bed.node), "it is dying already");
        turn(&bed);
        cr_expect(bed.ends == i && bed.ending == REAL_ENDED_BY_US && bed.node.lives == (uint32_t)i);
    }
    cr_expect_not(real_node_kill(&bed.node), "there is nothing to kill");
    cr_expect_not(real_node_pause(&bed.node));
    bed_close(&bed);
}

/* What proto/net/crash.c writes before it dies; nothing if no point is armed. */
#define NOTE "[ -z \"$VOW_CRASH_AT\" ] || echo $$ log.before.COMMIT >$VOW_CRASH_NOTE; "

static enum real_ending end_of(struct bed *bed, const char *script, const char *point)
{
    bed->argv[2] = (char *)(uintptr_t)script;
    cr_assert_eq(real_node_start(&bed->node, point), 0);
    turn(bed);
    return bed->ending;
}

/* Our own bugs die of the same signals: a failed assertion by SIGABRT, a process without memory by SIGKILL. */
Test(kill_node, a_signal_alone_is_no_crash_point)
{
    struct bed bed;
    bed_open(&bed, "");
    cr_expect_eq(end_of(&bed, "kill -ABRT $$", "log.before.COMMIT"), REAL_ENDED_BADLY);
    cr_expect_str_eq(bed.node.why, "ended by signal 6 (Aborted) that the harness did not send");
    cr_expect_eq(end_of(&bed, "kill -KILL $$", "log.before.COMMIT"), REAL_ENDED_BADLY);
    cr_expect_eq(end_of(&bed, NOTE "kill -ABRT $$", "log.before.COMMIT"), REAL_ENDED_AT_POINT);
    cr_expect_eq(end_of(&bed, "kill -KILL $$", "log.before.COMMIT"), REAL_ENDED_BADLY, "the note is an older one");
    cr_expect_eq(end_of(&bed, NOTE "kill -KILL $$", "log.after.COMMIT"), REAL_ENDED_BADLY, "of another point");
    cr_expect_eq(end_of(&bed, "(" NOTE "); exec sh -c 'kill -KILL $$'", "log.before.COMMIT@2"), REAL_ENDED_AT_POINT);
    cr_expect_eq(end_of(&bed, "sh -c '" NOTE "'; kill -KILL $$", "log.before.COMMIT"), REAL_ENDED_BADLY,
                 "of another process");
    bed_close(&bed);
}

/* As a shell with `trap "" CHLD` has it, and what it starts. */
Test(kill_node, an_ignored_SIGCHLD_hides_no_status)
{
    struct bed bed;
    (void)signal(SIGCHLD, SIG_IGN);
    bed_open(&bed, "exit 7");
    bed.node.ends_itself = true;
    cr_expect_eq(end_of(&bed, "exit 7", NULL), REAL_ENDED_ITSELF);
    cr_expect_eq(real_node_status(&bed.node), 7);
    bed_close(&bed);
}

Test(kill_node, a_status_that_nobody_knows_is_no_success)
{
    struct bed bed;
    bed_open(&bed, "echo ready; read x <>g");
    make_gate(&bed);
    bed.node.ends_itself = true;
    start_and_wait(&bed, NULL);
    (void)signal(SIGCHLD, SIG_IGN); /* the kernel drops what it ends with */
    let_go(&bed);
    turn(&bed);
    cr_expect_eq(real_node_status(&bed.node), 255);
    bed_close(&bed);
}

Test(kill_node, what_ends_itself_may_end_by_a_signal)
{
    struct bed bed;
    bed_open(&bed, "");
    bed.node.ends_itself = true;
    cr_expect_eq(end_of(&bed, "kill -SEGV $$", NULL), REAL_ENDED_ITSELF);
    cr_expect_eq(real_node_status(&bed.node), 139);
    bed_close(&bed);
}

Test(kill_node, a_death_of_its_own_is_a_bad_end_and_one_at_its_crash_point_is_not)
{
    struct bed bed;
    bed_open(&bed, "echo at $VOW_CRASH_AT; " NOTE "kill -KILL $$");
    cr_assert_eq(real_node_start(&bed.node, NULL), 0);
    turn(&bed);
    cr_expect_eq(bed.ending, REAL_ENDED_BADLY);
    cr_expect_str_eq(bed.node.why, "ended by signal 9 (Killed) that the harness did not send");
    cr_assert_eq(real_node_start(&bed.node, "log.before.COMMIT@3"), 0);
    turn(&bed);
    cr_expect_eq(bed.ending, REAL_ENDED_AT_POINT);
    cr_expect_str_eq(bed.line, "at log.before.COMMIT@3");
    bed_close(&bed);
}

/* The harness's own environment has a crash point, which is not the node's. */
Test(kill_node, only_what_is_said_is_in_its_environment)
{
    static const char *const variables[] = {"COLOUR", "red", NULL};
    struct bed bed;
    setenv("VOW_CRASH_AT", "recv.before.VOTE", 1);
    bed_open(&bed, "echo \"ready $COLOUR ${VOW_CRASH_AT-none}\"; exit 7");
    bed.node.variables = variables;
    bed.node.ends_itself = true;
    cr_assert_eq(real_node_start(&bed.node, NULL), 0);
    while (bed.ends == 0)
        turn(&bed);
    cr_expect_eq(bed.ending, REAL_ENDED_ITSELF);
    cr_expect_str_eq(bed.line, "ready red none");
    bed_close(&bed);
}

Test(kill_node, paused_and_resumed)
{
    struct bed bed;
    bed_open(&bed, "echo ready; " WAIT);
    start_and_wait(&bed, NULL);
    cr_expect(real_node_pause(&bed.node));
    cr_expect_not(real_node_term(&bed.node), "it could not hear it");
    cr_expect(real_node_resume(&bed.node));
    cr_expect(real_node_is(&bed.node, REAL_NODE_SERVING));
    cr_expect(real_node_pause(&bed.node));
    cr_expect(real_node_kill(&bed.node), "SIGKILL ends a stopped one, too");
    turn(&bed);
    cr_expect_eq(bed.ending, REAL_ENDED_BY_US);
    bed_close(&bed);
}

Test(kill_node, ready_by_a_file_and_late_without_it)
{
    struct bed bed;
    bed_open(&bed, "read x <>g; echo 1 >port; " WAIT);
    bed.node.ready = (struct real_readiness_plan){.file = "port", .within_ms = 1};
    make_gate(&bed);
    cr_assert_eq(real_node_start(&bed.node, NULL), 0);
    turn(&bed);
    cr_expect(bed.lates == 1 && bed.readies == 0);
    let_go(&bed);
    turn(&bed);
    cr_expect(bed.readies == 1 && real_node_is(&bed.node, REAL_NODE_SERVING));
    cr_expect(real_node_kill(&bed.node));
    turn(&bed);
    bed_close(&bed);
}

/* The signal that was not sent, for it stood still, is not what it died of. */
Test(kill_node, told_only_by_what_was_sent)
{
    struct bed bed;
    bed_open(&bed, "echo ready; read x <>g; exit 5");
    make_gate(&bed);
    start_and_wait(&bed, NULL);
    cr_expect(real_node_pause(&bed.node));
    cr_expect_not(real_node_term(&bed.node));
    cr_expect(real_node_resume(&bed.node));
    let_go(&bed);
    turn(&bed);
    cr_expect_str_eq(bed.node.why, "ended with status 5");
    bed_close(&bed);
}

/* The file is the first life's until the second has written it. */
Test(kill_node, the_file_of_an_earlier_life_makes_nothing_ready)
{
    struct bed bed;
    bed_open(&bed, "[ -e port ] || echo 1 >port; " WAIT);
    bed.node.ready = (struct real_readiness_plan){.file = "port", .within_ms = 60000};
    start_and_wait(&bed, NULL);
    cr_expect(real_node_kill(&bed.node));
    turn(&bed);
    bed.node.ready.within_ms = 100;
    cr_assert_eq(real_node_start(&bed.node, NULL), 0);
    turn(&bed);
    cr_expect(bed.lates == 1 && bed.readies == 1);
    cr_expect(real_node_kill(&bed.node));
    turn(&bed);
    bed_close(&bed);
}

/* What it tells before it is stopped counts when it goes on; and nobody is late who stands still. */
Test(kill_node, paused_while_it_gets_ready)
{
    struct bed bed;
    char byte;
    int told[2];
    cr_assert_eq(pipe(told), 0);
    bed_open(&bed, "echo ready; echo x >$TOLD; " WAIT);
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), told[1]);
    const char *const variables[] = {"TOLD", path, NULL};
    bed.node.variables = variables;
    cr_assert_eq(real_node_start(&bed.node, NULL), 0);
    cr_assert_eq(read(told[0], &byte, 1), 1); /* the line is in the pipe, and nobody has read it */
    cr_expect(real_node_pause(&bed.node));
    (void)event_base_loop(bed.base, EVLOOP_ONCE);
    cr_expect(bed.readies == 0 && real_node_is(&bed.node, REAL_NODE_PAUSED_STARTING));
    cr_expect_eq(event_base_get_num_events(bed.base, EVENT_BASE_COUNT_ADDED), 3, "no time runs: lines and the end");
    cr_expect(real_node_resume(&bed.node));
    turn(&bed);
    cr_expect(bed.readies == 1 && real_node_is(&bed.node, REAL_NODE_SERVING));
    bed_close(&bed);
}

/* What a node has started ends with it: its group. What has left the group is found by the harness at the end. */
Test(kill_node, children_of_a_node_end_with_it)
{
    struct bed bed;
    bed_open(&bed, "(" WAIT ") & (setsid sh -c 'mkfifo h; echo ready; exec cat <>h') & wait");
    start_and_wait(&bed, NULL);
    cr_expect(real_node_kill(&bed.node));
    turn(&bed);
    real_node_deinit(&bed.node);
    cr_expect_eq(real_reap_strays(&bed.strangers), 1);
    bed_close(&bed);
}

Test(kill_node, a_program_that_is_not_there_is_told)
{
    struct bed bed;
    bed_open(&bed, "");
    bed.argv[0] = "/no/such/program";
    cr_expect_eq(real_node_start(&bed.node, NULL), ENOENT);
    cr_expect(real_node_is(&bed.node, REAL_NODE_DOWN));
    bed_close(&bed);
}
