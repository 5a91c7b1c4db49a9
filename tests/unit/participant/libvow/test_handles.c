/* Handles at the edge of their lives: closed by one thread while another is in a call, and carried into a child. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vow/client.h>
#include <vow/sqlite.h>

#include "service.h"

TestSuite(handles, .timeout = 60);

static const struct vow_call pair[] = {{"stock", "take", "apple 2", 7}, {"payment", "pay", "ann 10", 6}};

static struct vow_client *open_client(const char *address)
{
    const struct vow_client_options options = {
        .size = sizeof(options), .coordinator = address, .loop = fake_loop(), .base = fake_loop_base()};
    struct vow_error_detail detail;
    struct vow_client *client;

    cr_assert_eq(vow_client_open(&options, &client, &detail), 0, "%s", detail.text);
    return client;
}

/* --- Closing beside a call --- */

/* How long the close gets to overtake the call, which it must not do. */
#define HEAD_START_NS 100000000

static struct {
    struct vow_client *client;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool may_close, closed, overtaken;
} race = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
static _Thread_local bool is_caller;

static void *close_when_told(void *unused)
{
    (void)pthread_mutex_lock(&race.lock);
    while (!race.may_close)
        (void)pthread_cond_wait(&race.changed, &race.lock);
    (void)pthread_mutex_unlock(&race.lock);
    vow_client_close(race.client);
    (void)pthread_mutex_lock(&race.lock);
    race.closed = true;
    (void)pthread_cond_signal(&race.changed);
    (void)pthread_mutex_unlock(&race.lock);
    return unused;
}

static void let_close_overtake(void)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += HEAD_START_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    (void)pthread_mutex_lock(&race.lock);
    race.may_close = true;
    (void)pthread_cond_broadcast(&race.changed);
    while (!race.closed && pthread_cond_timedwait(&race.changed, &race.lock, &until) == 0)
        continue;
    race.overtaken = race.closed;
    (void)pthread_mutex_unlock(&race.lock);
}

/* Stands before the C library's: the caller is held up where it wakes the client's thread. */
ssize_t write(int fd, const void *data, size_t len)
{
    if (is_caller) {
        is_caller = false;
        let_close_overtake();
    }
    return (ssize_t)syscall(SYS_write, fd, data, len);
}

Test(handles, a_client_is_not_freed_while_a_call_wakes_it)
{
    struct fake *fake = fake_open();
    struct vow_result result;
    pthread_t closer;

    (void)unsetenv("VOW_TEST_LOOP"); /* a thread that runs the loop cannot be in a call that waits */
    fake_vanish(fake);
    race.client = open_client(fake->address);
    cr_assert_eq(pthread_create(&closer, NULL, close_when_told, NULL), 0);
    is_caller = true;
    cr_assert_eq(vow_commit(race.client, pair, 2, &result), VOW_E_UNREACHABLE);
    cr_assert_eq(pthread_join(closer, NULL), 0);
    cr_assert_not(race.overtaken, "closed and freed inside the call");
    fake_close(fake);
}

/* --- A child (fault F058) --- */

/* Runs `check` in a child, which it must leave within seconds; returns what it returned. */
static int in_child(int (*check)(void *), void *ctx)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        (void)alarm(10);
        _exit(check(ctx));
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status), "the child hung or crashed");
    return WEXITSTATUS(status);
}

static void never(void *ctx, const struct vow_result *result)
{
    (void)ctx, (void)result;
    _exit(99);
}

static int use_client(void *ctx)
{
    const struct vow_gtrid id = vow_gtrid_make(FAKE_COORD, 3, 9, 0, 1);
    struct vow_client *client = ctx;
    struct vow_result result;

    if (vow_commit(client, pair, 2, &result) != VOW_E_FORKED)
        return 1;
    if (vow_commit_async(client, pair, 2, never, NULL) != VOW_E_FORKED)
        return 2;
    if (vow_status(client, &id, NULL, &result) != VOW_E_FORKED)
        return 3;
    if (vow_client_fd(client) != VOW_E_FORKED)
        return 4;
    if (vow_client_process(client) != VOW_E_FORKED)
        return 5;
    vow_client_close(client);
    return 0;
}

Test(handles, F058_a_child_cannot_use_the_client)
{
    struct fake *fake = fake_open();
    struct vow_client *client = open_client(fake->address);
    struct answer answer = {.fake = fake};

    fake->commits_all = true;
    fake_until_up(fake, 1);
    cr_assert_eq(in_child(use_client, client), 0);
    cr_assert_eq(vow_commit_async(client, pair, 2, answer_take, &answer), 0);
    cr_assert_eq(answer_await(&answer)->outcome, VOW_COMMITTED);
    cr_assert_eq(fake->ups, 1, "the child took the parent's connection");
    vow_client_close(client);
    fake_close(fake);
}

static int handle(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    (void)branch, (void)db, (void)payload, (void)len, (void)ctx;
    return 0;
}

static int use_participant(void *ctx)
{
    struct vow_participant *participant = ctx;
    struct vow_participant_stats stats;

    if (vow_participant_handle(participant, "take", handle, NULL) != VOW_E_FORKED)
        return 1;
    if (vow_participant_start(participant) != VOW_E_FORKED)
        return 2;
    if (vow_participant_wait(participant, 1) != VOW_E_FORKED)
        return 3;
    if (vow_participant_db(participant) != NULL)
        return 4;
    if (vow_participant_fd(participant) != VOW_E_FORKED)
        return 5;
    if (vow_participant_process(participant) != VOW_E_FORKED)
        return 6;
    vow_participant_stats(participant, &stats, sizeof(stats));
    vow_participant_close(participant);
    return 0;
}

Test(handles, F058_a_child_cannot_use_the_participant)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = service_open(fake, NULL);
    struct vow_gtrid id = service_id(fake, 1);

    cr_assert_eq(in_child(use_participant, participant), 0);
    cr_assert_eq(vow_participant_start(participant), 0);
    fake_until_up(fake, 1);
    cr_assert_eq(in_child(use_participant, participant), 0);
    service_vote(fake, &id, "take", "apple", VOW_VOTE_YES);
    service_commit(fake, &id);
    cr_assert_eq(fake->ups, 1, "the child took the parent's connection");
    vow_participant_close(participant);
    fake_close(fake);
}
