/* The driver's start and end: what is in the journal when it starts, what is still waiting when it is freed. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "coordinator/server/internal.h"

struct place {
    char directory[64];
    struct vow_server_options options;
    struct vow_server *server;
    struct vow_error_detail detail;
};

static void make(struct place *place)
{
    memset(place, 0, sizeof *place);
    strcpy(place->directory, "/tmp/vow-server-XXXXXX");
    cr_assert_not_null(mkdtemp(place->directory));
    vow_settings_defaults(&place->options.settings);
    place->options.settings.listen.port = 0;
    place->options.settings.http.host[0] = '\0';
    memcpy(place->options.settings.data, place->directory, sizeof place->directory);
}

static int start(struct place *place)
{
    return vow_server_open(&place->options, &place->server, &place->detail);
}

static void removed(const struct place *place)
{
    static const char *const files[] = {"journal.db", "journal.db-wal", "witness", "lock"};
    char path[128];

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", place->directory, files[i]);
        (void)unlink(path);
    }
    cr_expect_eq(rmdir(place->directory), 0, "%s has other files", place->directory);
}

/* A journal on a failing disk takes its time to close, and people send SIGTERM to what hangs. */
Test(server, a_signal_that_comes_while_it_is_freed_is_not_acted_upon)
{
    struct place place;

    make(&place);
    cr_assert_eq(start(&place), 0, "%s", place.detail.text);
    raise(SIGTERM);
    vow_server_free(place.server);
    removed(&place);
}

static void push_history(struct vow_server *server, const struct vow_gtrid *gtrid)
{
    struct log_op *op = log_op_take(server);

    op->op.kind = VOW_JOURNAL_HISTORY;
    op->op.gtrid = *gtrid;
    log_op_push(server, op, true);
}

/* The sanitizer tells of what is lost. */
Test(server, a_history_that_nobody_waits_for_any_more_is_not_leaked)
{
    const struct vow_gtrid epochs = {{0}}; /* the EPOCH record has the gtrid "none" */
    struct place place;

    make(&place);
    cr_assert_eq(start(&place), 0, "%s", place.detail.text);
    push_history(place.server, &epochs);
    vow_server_free(place.server);
    removed(&place);
}

/* Leaves one COMMIT without END in the directory. */
static void leave_open(const struct place *place)
{
    const struct vow_journal_options options = {.directory = place->directory};
    const struct vow_journal_engine *ops;
    struct vow_journal_identity identity;
    struct vow_error_detail detail;
    struct vow_record_branch branch = {.name = "stock", .incarnation = 1};
    struct vow_journal_op op = {.kind = VOW_JOURNAL_DECIDE};
    void *engine;

    cr_assert_eq(vow_journal_sqlite_open(&options, &ops, &engine, &detail), 0, "%s", detail.text);
    cr_assert_eq(ops->takeover(engine, &identity, &detail), 0, "%s", detail.text);
    op.record = (struct vow_record){.kind = VOW_RECORD_COMMIT,
                                    .gtrid = vow_gtrid_make(identity.coord, identity.epoch, 1, 0, 1),
                                    .epoch = identity.epoch,
                                    .branches_len = 1,
                                    .branches = &branch};
    ops->commit(engine, &op);
    cr_assert_eq(op.result, VOW_JOURNAL_WON);
    ops->close(engine);
}

/* F028: the room for new work is beside the room for what must be finished. */
Test(server, the_highest_limits_leave_room_for_what_the_log_left_open)
{
    struct place place;

    make(&place);
    leave_open(&place);
    place.options.settings.participants_max = VOW_COORD_PEERS_HIGHEST;
    cr_assert_eq(start(&place), 0, "%s", place.detail.text);
    vow_server_free(place.server);
    removed(&place);
}

static int connect_to(const struct vow_address *address)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(address->port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    inet_pton(AF_INET, address->host, &to.sin_addr);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* libevent warns each time it meets the connection that it cannot accept. */
static unsigned warnings;

static void count_warning(int severity, const char *text)
{
    (void)severity, (void)text;
    warnings++;
}

/* F140: without descriptors the loop does not spin, and HTTP is back when there are some again. */
Test(server, http_rests_while_there_are_no_descriptors)
{
    static const char request[] = "GET /health HTTP/1.0\r\n\r\n";
    struct rlimit limit, none;
    struct vow_server_facts facts;
    struct place place;
    char answer[16];
    int client;

    make(&place);
    place.options.settings.http = (struct vow_address){.host = "127.0.0.1"};
    cr_assert_eq(start(&place), 0, "%s", place.detail.text);
    vow_server_facts(place.server, &facts);
    client = connect_to(&facts.http);
    event_set_log_callback(count_warning);
    getrlimit(RLIMIT_NOFILE, &limit);
    none = (struct rlimit){.rlim_cur = 3, .rlim_max = limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    for (int turn = 0; turn < 100; turn++)
        event_base_loop(place.server->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    setrlimit(RLIMIT_NOFILE, &limit);
    cr_expect_eq(warnings, 0);
    cr_assert_eq(send(client, request, sizeof request - 1, 0), (ssize_t)sizeof request - 1);
    while (recv(client, answer, sizeof answer, MSG_DONTWAIT) < 0)
        event_base_loop(place.server->base, EVLOOP_ONCE);
    cr_expect_eq(memcmp(answer, "HTTP/1", 6), 0);
    close(client);
    vow_server_free(place.server);
    removed(&place);
}
