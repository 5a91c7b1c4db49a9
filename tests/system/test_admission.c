/* Limits: what is over one is refused with an error that says "come back", is counted, and disturbs nobody who is in.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "disk.h"
#include "peer.h"
#include "proto/error.h"

TestSuite(admission, .timeout = 60);

static struct cluster cluster;

static void start(uint32_t services, const char *service_crash, const char *const flags[])
{
    cluster_init(&cluster);
    cluster.vowd_flags[0] = "--http";
    cluster.vowd_flags[1] = "127.0.0.1:0";
    for (size_t i = 0; flags[i] != NULL; i++)
        cluster.vowd_flags[i + 2] = flags[i];
    cluster_run(&cluster, services, NULL, service_crash);
}

#define START(services, ...) start(services, NULL, (const char *const[]){__VA_ARGS__, NULL})

/* The number behind a word of /metrics. */
static unsigned long long metric(const char *name)
{
    static const char request[] = "GET /metrics HTTP/1.0\r\n\r\n";
    static char answer[64 * 1024];
    char line[96];
    size_t len = 0;
    ssize_t got;
    int fd = connect_to(cluster.http);
    cr_assert_eq(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL), (ssize_t)sizeof(request) - 1);
    while ((got = recv(fd, answer + len, sizeof(answer) - 1 - len, 0)) > 0)
        len += (size_t)got;
    close(fd);
    answer[len] = '\0';
    snprintf(line, sizeof(line), "\n%s ", name);
    const char *at = strstr(answer, line);
    cr_assert_not_null(at, "no %s in %s", name, answer);
    return strtoull(at + strlen(line), NULL, 10);
}

static void begin(struct peer *peer, const struct vow_gtrid *id)
{
    struct vow_msg msg = {.kind = VOW_MSG_BEGIN, .begin.gtrid = *id};
    peer_send(peer, &msg);
}

static struct vow_gtrid begin_one(struct peer *peer)
{
    struct vow_gtrid id = peer_take_id(peer);
    begin(peer, &id);
    peer_expect_outcome(peer, &id, VOW_PENDING);
    return id;
}

static void expect_busy(struct peer *peer, const struct vow_gtrid *id)
{
    peer_expect_error(peer, id, VOW_E_BUSY);
    uint32_t after_ms = peer->msg.outcome.retry_after_ms;
    cr_expect(after_ms >= 50 && after_ms < 100, "retry after %u ms", after_ms);
}

static void rollback(struct peer *peer, const struct vow_gtrid *id)
{
    struct vow_msg msg = {.kind = VOW_MSG_ROLLBACK_REQUEST, .rollback_request.gtrid = *id};
    peer_send(peer, &msg);
    peer_expect_outcome(peer, id, VOW_ABORTED);
}

/* ---- new work ---- */

/* ---- events ---- */

static void subscribe(struct peer *peer, const char *group)
{
    static const char *const patterns[] = {"#"};
    const struct vow_msg msg = {
        .kind = VOW_MSG_SUBSCRIBE,
        .subscribe = {.group = group, .patterns_len = 1, .patterns = patterns, .key_filter = "", .from = VOW_FROM_END}};
    peer_send(peer, &msg);
    peer_expect(peer, VOW_MSG_SUBSCRIBED);
}

static int publish(struct peer *peer, const char *key)
{
    const struct vow_msg msg = {
        .kind = VOW_MSG_PUBLISH,
        .publish.event = {.topic = "t", .key = key, .source = "shop", .key_seq = 1, .version = 1}};
    peer_send(peer, &msg);
    peer_expect(peer, VOW_MSG_PUBLISHED);
    return peer->msg.published.error;
}

Test(admission, F205_events_that_are_not_done)
{
    struct peer shop, billing;
    START(0, "--events-max", "2", "--event-keys-max", "8", "--groups-max", "1", "--heartbeat", "600000");
    peer_open(&billing, &cluster, VOW_ROLE_PARTICIPANT, "billing");
    subscribe(&billing, "billing");
    cr_expect_eq(billing.msg.subscribed.error, 0);
    subscribe(&billing, "another");
    cr_expect_eq(billing.msg.subscribed.error, VOW_E_BUSY);
    peer_open(&shop, &cluster, VOW_ROLE_PARTICIPANT, "shop");
    cr_expect_eq(publish(&shop, "a"), 0);
    cr_expect_eq(publish(&shop, "b"), 0);
    cr_expect_eq(publish(&shop, "c"), VOW_E_BUSY);
    cr_expect_eq(metric("vow_limit{limit=\"events_max\"}"), 2);
    cr_expect_eq(metric("vow_limit_used{limit=\"events_max\"}"), 2);
    cr_expect_eq(metric("vow_limit_used_most{limit=\"events_max\"}"), 2);
    cr_expect_eq(metric("vow_limit_refused_total{limit=\"events_max\"}"), 1);
    cr_expect_eq(metric("vow_limit_used{limit=\"groups_max\"}"), 1);
    cr_expect_eq(metric("vow_limit_refused_total{limit=\"groups_max\"}"), 1);
    cr_expect_eq(metric("vow_limit_used{limit=\"dlq_max\"}"), 0);
    cr_expect_gt(metric("vow_limit_used_most{limit=\"event_bytes_max\"}"), 0);
    peer_close(&shop);
    peer_close(&billing);
    cluster_end(&cluster);
}

Test(admission, F147_transactions_in_memory)
{
    struct peer client;
    struct vow_gtrid first, second;
    START(0, "--txns-max", "1");
    peer_open(&client, &cluster, VOW_ROLE_CLIENT, "c");
    first = begin_one(&client);
    second = peer_take_id(&client);
    begin(&client, &second);
    expect_busy(&client, &second);
    rollback(&client, &first);
    begin(&client, &second); /* the id is still good */
    peer_expect_outcome(&client, &second, VOW_PENDING);
    cr_expect_eq(metric("vow_limit{limit=\"txns_max\"}"), 1);
    cr_expect_eq(metric("vow_limit_used{limit=\"txns_max\"}"), 1);
    cr_expect_eq(metric("vow_limit_used_most{limit=\"txns_max\"}"), 1);
    cr_expect_eq(metric("vow_limit_refused_total{limit=\"txns_max\"}"), 1);
    static struct run run;
    run_program(&run, (const char *const[]){VOW_BIN "/vowctl", "--coordinator", cluster.address, "status", NULL});
    cr_expect_eq(lines_with(run.out, "limit ", "txns_max 1: 1 now, 1 at most, 1 refused"), 1, "%s", run.out);
    rollback(&client, &second);
    peer_close(&client);
    cluster_end(&cluster);
}

/* libvow comes back by itself, and all get through. */
Test(admission, F147_F094_the_library_comes_back)
{
    struct commit commits[8];
    START(1, "--txns-max", "1");
    for (size_t i = 0; i < 8; i++)
        commit_start_all(&cluster, &commits[i], "look");
    for (size_t i = 0; i < 8; i++)
        cr_expect_eq(commit_wait(&cluster, &commits[i]), VOW_COMMITTED);
    cluster_end(&cluster);
}

/* One connection cannot have all of it. */
Test(admission, F183_in_flight_on_one_connection)
{
    struct peer greedy, modest;
    struct vow_gtrid ids[2], third, other;
    START(0, "--in-flight-max", "2");
    peer_open(&greedy, &cluster, VOW_ROLE_CLIENT, "greedy");
    peer_open(&modest, &cluster, VOW_ROLE_CLIENT, "modest");
    ids[0] = begin_one(&greedy);
    ids[1] = begin_one(&greedy);
    third = peer_take_id(&greedy);
    begin(&greedy, &third);
    expect_busy(&greedy, &third);
    other = begin_one(&modest);
    begin(&greedy, &ids[0]); /* in flight: asked again, it is not new */
    peer_expect_outcome(&greedy, &ids[0], VOW_PENDING);
    rollback(&greedy, &ids[0]);
    begin(&greedy, &third);
    peer_expect_outcome(&greedy, &third, VOW_PENDING);
    cr_expect_eq(metric("vow_limit_refused_total{limit=\"in_flight_max\"}"), 1);
    cr_expect_eq(metric("vow_limit_used_most{limit=\"in_flight_max\"}"), 2);
    rollback(&greedy, &ids[1]);
    rollback(&greedy, &third);
    rollback(&modest, &other);
    peer_close(&greedy);
    peer_close(&modest);
    cluster_end(&cluster);
}

/* Guarantee 3: BUSY says that nothing happened. Who asks again for what has committed hears that, however full it is.
 */
Test(admission, F062_what_has_ended_is_never_busy)
{
    struct peer client;
    struct vow_gtrid done, open;
    START(2, "--in-flight-max", "1");
    peer_open(&client, &cluster, VOW_ROLE_CLIENT, "c");
    done = peer_take_id(&client);
    peer_commit(&client, &done);
    peer_expect_outcome(&client, &done, VOW_COMMITTED);
    cluster_expect_counters(&cluster, 1);
    while (metric("vow_transactions_open") > 0)
        continue;
    open = begin_one(&client);
    peer_commit(&client, &done);
    peer_expect_outcome(&client, &done, VOW_COMMITTED);
    rollback(&client, &open);
    cluster_expect_counters(&cluster, 1);
    peer_close(&client);
    cluster_end(&cluster);
}

Test(admission, F144_memory)
{
    struct peer client;
    struct vow_gtrid id;
    START(0, "--memory-max", "1");
    peer_open(&client, &cluster, VOW_ROLE_CLIENT, "c");
    id = peer_take_id(&client);
    begin(&client, &id);
    expect_busy(&client, &id);
    cr_expect_eq(metric("vow_limit_refused_total{limit=\"memory_mib\"}"), 1);
    cr_expect_gt(metric("vow_limit_used{limit=\"memory_mib\"}"), 1);
    peer_close(&client);
    cluster_end(&cluster);
}

/* The journal does not come after: what is in flight waits for it, new work does not queue up behind. */
static void hang_and_fill(const char *flag, const char *value)
{
    struct peer client;
    struct vow_gtrid first, second;
    cluster_init(&cluster);
    struct faults *disk = disk_new(&cluster);
    const char *const flags[] = {"--http", "127.0.0.1:0", flag, value};
    memcpy(cluster.vowd_flags, flags, sizeof(flags));
    cluster_run(&cluster, 2, NULL, NULL);
    peer_open(&client, &cluster, VOW_ROLE_CLIENT, "c");
    while (metric("vow_limit_used{limit=\"journal_queue_max\"}") > 0)
        continue; /* the records of the start: behind them, the first commit itself would be refused */
    disk_hang(disk, true);
    first = peer_take_id(&client);
    peer_commit(&client, &first); /* its COMMIT record hangs */
    do {
        second = peer_take_id(&client);
        begin(&client, &second);
        peer_expect(&client, VOW_MSG_OUTCOME);
    } while (client.msg.outcome.error != VOW_E_BUSY);
    cr_expect_gt(metric("vow_limit_refused_total{limit=\"journal_queue_max\"}"), 0);
    disk_hang(disk, false);
    peer_expect_outcome(&client, &first, VOW_COMMITTED);
    cluster_expect_counters(&cluster, 1);
    peer_close(&client);
    cluster_end(&cluster);
    disk_free(disk);
}

Test(admission, F119_a_journal_that_is_behind)
{
    hang_and_fill("--journal-queue-max", "1");
}

Test(admission, F119_a_journal_that_stands_still)
{
    hang_and_fill("--journal-stall", "50");
}

/* ---- sessions ---- */

/* HELLO, and whatever comes for it; coord is the one that a participant's file belongs to, 0 = none yet. */
static int hello_of(struct peer *peer, enum vow_role role, const char *name, uint64_t coord)
{
    struct vow_msg msg = {.kind = VOW_MSG_HELLO};
    msg.hello = (struct vow_msg_hello){.version_min = VOW_WIRE_VERSION,
                                       .version_max = VOW_WIRE_VERSION,
                                       .role = role,
                                       .name = name,
                                       .incarnation = 1,
                                       .coord = coord,
                                       .epoch = coord != 0,
                                       .software = "test"};
    peer_connect(peer, &cluster);
    peer_send(peer, &msg);
    cr_assert(peer_receive(peer));
    return peer->msg.kind == VOW_MSG_REJECT ? peer->msg.reject.error : 0;
}

static int hello(struct peer *peer, enum vow_role role, const char *name)
{
    return hello_of(peer, role, name, 0);
}

/* The id of vowd's journal, as an operator's connection hears it. */
static uint64_t coord_of_vowd(void)
{
    struct peer admin;
    cr_assert_eq(hello(&admin, VOW_ROLE_ADMIN, "admin"), 0);
    uint64_t coord = admin.msg.welcome.coord;
    peer_close(&admin);
    return coord;
}

Test(admission, F166_sessions_of_each_role)
{
    struct peer first, second, admin, other_admin;
    START(0, "--clients-max", "2", "--admins-max", "1"); /* the kit's own client is one */
    cr_expect_eq(hello(&first, VOW_ROLE_CLIENT, "first"), 0);
    while (metric("vow_limit_used{limit=\"clients_max\"}") < 2) /* until the kit's has come, too */
        continue;
    cr_expect_eq(hello(&second, VOW_ROLE_CLIENT, "second"), VOW_E_BUSY);
    cr_expect_eq(hello(&admin, VOW_ROLE_ADMIN, "admin"), 0);
    cr_expect_eq(hello(&other_admin, VOW_ROLE_ADMIN, "other"), VOW_E_BUSY);
    peer_expect_closed(&second);
    peer_close(&second);
    peer_close(&first);
    while (hello(&second, VOW_ROLE_CLIENT, "second") != 0) /* until its end has been seen */
        peer_close(&second);
    cr_expect_geq(metric("vow_limit_refused_total{limit=\"clients_max\"}"), 1);
    cr_expect_eq(metric("vow_limit_refused_total{limit=\"admins_max\"}"), 1);
    peer_close(&second);
    peer_close(&admin);
    peer_close(&other_admin);
    cluster_end(&cluster);
}

/* Everything is full of clients: a participant that holds a branch in doubt gets in all the same. */
Test(admission, F166_a_participant_with_branches_is_let_in)
{
    struct peer client;
    const char *const flags[] = {"--sessions-max", "3", NULL};
    start(2, STRAND_AT, flags);
    cluster_strand(&cluster);
    while (hello(&client, VOW_ROLE_CLIENT, "c") != 0)
        peer_close(&client);
    service_start(&cluster, 0, NULL);
    cluster_expect_counters(&cluster, 1);
    cr_expect_eq(metric("vow_limit_used{limit=\"sessions_max\"}"), 4);
    peer_close(&client);
    cluster_end(&cluster);
}

/*
 * After a start vowd knows nothing of branches that were prepared and not decided: to it they never were. Their
 * participant does, and must get in to hear that they are aborted, or their rows stay locked.
 */
Test(admission, F166_a_participant_that_has_been_here_is_let_in)
{
    struct peer client, new_one, old_one;
    START(0, "--sessions-max", "1"); /* the kit's own client */
    uint64_t coord = coord_of_vowd();
    while (metric("vow_limit_used{limit=\"sessions_max\"}") < 1)
        continue;
    cr_expect_eq(hello(&client, VOW_ROLE_CLIENT, "c"), VOW_E_BUSY);
    cr_expect_eq(hello(&new_one, VOW_ROLE_PARTICIPANT, "new"), VOW_E_BUSY);
    cr_expect_eq(hello_of(&old_one, VOW_ROLE_PARTICIPANT, "old", coord), 0);
    peer_close(&client);
    peer_close(&new_one);
    peer_close(&old_one);
    cluster_end(&cluster);
}

Test(admission, F174_more_participants_than_there_may_be)
{
    struct peer second;
    START(1, "--participants-max", "1");
    cr_expect_eq(hello(&second, VOW_ROLE_PARTICIPANT, "p2"), VOW_E_BUSY);
    cr_expect_not_null(strstr(second.msg.reject.text, "participants_max"), "%s", second.msg.reject.text);
    cluster_expect_alive(&cluster);
    peer_close(&second);
    cluster_end(&cluster);
}

/* A flood of connections that say nothing: the oldest make room, and who speaks gets in. */
Test(admission, F166_a_flood_of_strangers)
{
    enum { FLOOD = 60 };
    struct peer silent[FLOOD], honest;
    START(2, "--strangers-max", "4");
    for (int i = 0; i < FLOOD; i++)
        peer_connect(&silent[i], &cluster);
    peer_open(&honest, &cluster, VOW_ROLE_CLIENT, "honest");
    for (int i = 0; i < FLOOD - 4; i++)
        peer_expect_closed(&silent[i]);
    cluster_expect_alive(&cluster);
    cr_expect_leq(metric("vow_limit_used_most{limit=\"strangers_max\"}"), 4);
    cr_expect_geq(metric("vow_limit_refused_total{limit=\"strangers_max\"}"), FLOOD - 4);
    for (int i = 0; i < FLOOD; i++)
        peer_close(&silent[i]);
    peer_close(&honest);
    cluster_end(&cluster);
}

/* ---- starvation ---- */

/* F145: a process that gets no time for longer than every timeout. It only takes longer; the outcomes are right. */
Test(admission, F145_F133_a_participant_gets_no_time)
{
    struct commit commit;
    START(2, "--vote-timeout", "100");
    cluster_expect_alive(&cluster);
    cr_assert_eq(kill(cluster.services[0].pid, SIGSTOP), 0);
    commit_start(&cluster, &commit, "add");
    cr_expect_eq(commit_wait(&cluster, &commit), VOW_ABORTED); /* its vote did not come in time */
    cr_assert_eq(kill(cluster.services[0].pid, SIGCONT), 0);
    cluster_expect_counters(&cluster, 1);
    cluster_expect_alive(&cluster);
    cluster_expect_counters(&cluster, 2);
    cluster_end(&cluster);
}

/* With time-outs that short a vote may come late at any time. */
static void add_one(void)
{
    struct commit commit;
    do
        commit_start(&cluster, &commit, "add");
    while (commit_wait(&cluster, &commit) != VOW_COMMITTED);
}

Test(admission, F145_F133_the_coordinator_gets_no_time)
{
    struct commit commit;
    struct vow_result result;
    START(2, "--vote-timeout", "50", "--txn-timeout", "50", "--heartbeat", "20");
    add_one();
    struct vow_gtrid nobody = vow_gtrid_make(1, 2, 3, 0, 4);
    commit_start(&cluster, &commit, "add");
    cr_assert_eq(kill(cluster.vowd.pid, SIGSTOP), 0);
    /* Until all that waits for it has given it up: three heartbeats, and every timeout of it is shorter. */
    while (vow_status(cluster.client, &nobody, NULL, &result) != VOW_E_UNREACHABLE)
        continue;
    cr_assert_eq(kill(cluster.vowd.pid, SIGCONT), 0);
    int64_t added = commit_wait(&cluster, &commit) == VOW_COMMITTED;
    cluster_expect_counters(&cluster, 1 + added);
    add_one();
    cluster_expect_counters(&cluster, 2 + added);
    cluster_end(&cluster);
}

/* ---- descriptors ---- */

#define DESCRIPTORS 80

static void start_with_few_descriptors(void)
{
    const struct rlimit few = {.rlim_cur = DESCRIPTORS, .rlim_max = DESCRIPTORS};
    START(0, "--log-level", "error");
    cr_assert_eq(prlimit(cluster.vowd.pid, RLIMIT_NOFILE, &few, NULL), 0);
}

static void expect_participant_and_operator(uint64_t coord)
{
    struct peer participant, admin;
    cr_expect_eq(hello_of(&participant, VOW_ROLE_PARTICIPANT, "p", coord), 0);
    cr_expect_eq(hello(&admin, VOW_ROLE_ADMIN, "admin"), 0);
    peer_close(&participant);
    peer_close(&admin);
}

/* Requests over HTTP that never end have a share of the descriptors, and not all of them. */
Test(admission, F165_http_does_not_take_the_last_descriptors)
{
    static const char part[] = "GET /health HTTP/1.1\r\nX: ";
    int slow[DESCRIPTORS];
    start_with_few_descriptors();
    uint64_t coord = coord_of_vowd();
    for (int i = 0; i < DESCRIPTORS; i++) {
        slow[i] = connect_to(cluster.http);
        cr_assert_eq(send(slow[i], part, sizeof(part) - 1, MSG_NOSIGNAL), (ssize_t)sizeof(part) - 1);
    }
    expect_participant_and_operator(coord);
    for (int i = 0; i < DESCRIPTORS; i++)
        close(slow[i]);
    cluster_end(&cluster);
}

/* Nor do clients, whatever limits.clients_max says. */
Test(admission, F140_clients_do_not_take_the_last_descriptors)
{
    static struct peer clients[DESCRIPTORS];
    int count = 0;
    start_with_few_descriptors();
    uint64_t coord = coord_of_vowd();
    while (count < DESCRIPTORS && hello(&clients[count], VOW_ROLE_CLIENT, "c") == 0)
        count++;
    cr_assert_lt(count, DESCRIPTORS);
    cr_expect_not_null(strstr(clients[count].msg.reject.text, "descriptors"), "%s", clients[count].msg.reject.text);
    expect_participant_and_operator(coord);
    for (int i = 0; i <= count; i++)
        peer_close(&clients[i]);
    cr_expect_eq(metric("vow_limit_refused_total{limit=\"descriptors\"}"), 1);
    cluster_end(&cluster);
}
