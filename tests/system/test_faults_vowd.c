/*
 * A real vowd between honest services and a participant made by hand, that votes twice, acknowledges what it was not
 * asked, answers with errors, or goes away. And what a client may believe when vowd goes away.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "disk.h"
#include "proto/error.h"
#include "proto/frame.h"
#include "world.h"

TestSuite(faults_vowd, .timeout = 60);

/* ---- a participant made by hand, "rogue" ---- */

/* Asks to commit "add" on both services, and something on the rogue. */
static void commit_with_rogue(struct peer *client, const struct vow_gtrid *id)
{
    static const struct vow_msg_call calls[] = {{.participant = "s0", .handler = "add"},
                                                {.participant = "s1", .handler = "add"},
                                                {.participant = "rogue", .handler = "anything"}};
    struct vow_msg commit = {.kind = VOW_MSG_COMMIT_REQUEST};
    commit.commit_request = (struct vow_msg_commit_request){.gtrid = *id, .calls_len = 3, .calls = calls};
    peer_send(client, &commit);
}

/* The header of the PREPARE that comes, to answer with. */
static struct vow_msg_header expect_prepare(struct peer *rogue)
{
    peer_expect(rogue, VOW_MSG_PREPARE);
    return rogue->msg.prepare.header;
}

static void vote(struct peer *rogue, const struct vow_msg_header *header, enum vow_vote vote)
{
    struct vow_msg msg = {.kind = VOW_MSG_VOTE, .vote = {.header = *header, .vote = vote, .text = ""}};
    if (vote == VOW_VOTE_NO)
        msg.vote.cause = VOW_CAUSE_HANDLER_REFUSED;
    peer_send(rogue, &msg);
}

static void acknowledge(struct peer *rogue, const struct vow_msg_header *header, enum vow_ack ack)
{
    struct vow_msg msg = {.kind = VOW_MSG_ACK, .ack = {.header = *header, .ack = ack}};
    peer_send(rogue, &msg);
}

static void expect_decision(struct peer *rogue, enum vow_verdict verdict)
{
    peer_expect(rogue, VOW_MSG_DECISION);
    cr_expect_eq(rogue->msg.decision.verdict, verdict);
}

/* What is logged at a step is there before the answer of that step, or of a later one. */
static void expect_logged(const struct world *world, const char *word, const char *other, unsigned count)
{
    char *log = cluster_log(&world->cluster);
    cr_assert_eq(lines_with(log, word, other), count, "not %u lines with %s and %s:\n%s", count, word, other, log);
    free(log);
}

static void wait_for_log(const struct world *world, const char *word, const char *other, unsigned count)
{
    unsigned found = 0;
    while (found < count) { /* the suite's time-out is the bound */
        char *log = cluster_log(&world->cluster);
        found = lines_with(log, word, other);
        free(log);
    }
}

struct scene {
    struct world world;
    struct peer *client, *rogue;
    struct vow_gtrid id;
    struct vow_msg_header header; /* of the PREPARE */
};

static struct scene scene;

/* All are asked to vote. */
static void open_scene(void)
{
    world_start(&scene.world, NULL);
    scene.client = world_guest(&scene.world, VOW_ROLE_CLIENT);
    scene.rogue = world_guest(&scene.world, VOW_ROLE_PARTICIPANT);
    scene.id = peer_take_id(scene.client);
}

static void expect_committed(void)
{
    peer_expect_outcome(scene.client, &scene.id, VOW_COMMITTED);
    scene.world.commits++;
}

/* ---- votes and acknowledgements ---- */

Test(faults_vowd, F171_yes_then_no_while_others_are_missing)
{
    open_scene();
    kill(scene.world.cluster.services[1].pid, SIGSTOP);
    commit_with_rogue(scene.client, &scene.id);
    scene.header = expect_prepare(scene.rogue);
    vote(scene.rogue, &scene.header, VOW_VOTE_YES);
    vote(scene.rogue, &scene.header, VOW_VOTE_NO);
    peer_expect_outcome(scene.client, &scene.id, VOW_ABORTED);
    kill(scene.world.cluster.services[1].pid, SIGCONT);
    expect_logged(&scene.world, "event=alarm", "rogue", 1);
    scene.world.errors++;
    world_end(&scene.world);
}

Test(faults_vowd, F171_yes_then_no_when_it_is_decided)
{
    open_scene();
    commit_with_rogue(scene.client, &scene.id);
    scene.header = expect_prepare(scene.rogue);
    vote(scene.rogue, &scene.header, VOW_VOTE_YES);
    expect_committed();
    vote(scene.rogue, &scene.header, VOW_VOTE_NO);
    expect_decision(scene.rogue, VOW_COMMIT);
    peer_ask(scene.client, &scene.id);
    peer_expect_outcome(scene.client, &scene.id, VOW_COMMITTED);
    acknowledge(scene.rogue, &scene.header, VOW_ACK_DONE);
    world_end(&scene.world);
}

/* It is asked to commit all the same. */
Test(faults_vowd, F172_an_acknowledgement_before_the_vote)
{
    open_scene();
    commit_with_rogue(scene.client, &scene.id);
    scene.header = expect_prepare(scene.rogue);
    acknowledge(scene.rogue, &scene.header, VOW_ACK_DONE);
    vote(scene.rogue, &scene.header, VOW_VOTE_YES);
    expect_committed();
    expect_logged(&scene.world, "event=alarm", "rogue", 1);
    scene.world.errors++;
    expect_decision(scene.rogue, VOW_COMMIT);
    acknowledge(scene.rogue, &scene.header, VOW_ACK_DONE);
    world_end(&scene.world);
}

/* What answers a COMMIT and is no acknowledgement leaves it owed. */
Test(bugs, B20_an_error_is_never_an_acknowledgement, .timeout = 60)
{
    struct vow_msg error = {.kind = VOW_MSG_REJECT};
    error.reject = (struct vow_msg_reject){.error = VOW_E_VERSION, .text = "API version mismatch"};
    open_scene();
    commit_with_rogue(scene.client, &scene.id);
    scene.header = expect_prepare(scene.rogue);
    vote(scene.rogue, &scene.header, VOW_VOTE_YES);
    expect_committed();
    expect_decision(scene.rogue, VOW_COMMIT);
    peer_send(scene.rogue, &error);
    peer_expect_closed(scene.rogue);
    scene.world.warnings++;
    struct peer *again = world_guest(&scene.world, VOW_ROLE_PARTICIPANT);
    expect_decision(again, VOW_COMMIT);
    acknowledge(again, &scene.header, VOW_ACK_DONE);
    world_end(&scene.world);
}

/* "I have no such transaction" is a hazard, on record, and told to people: never the end of a commit. */
Test(faults_vowd, F051_no_record_is_a_hazard)
{
    open_scene();
    commit_with_rogue(scene.client, &scene.id);
    scene.header = expect_prepare(scene.rogue);
    vote(scene.rogue, &scene.header, VOW_VOTE_YES);
    expect_committed();
    expect_decision(scene.rogue, VOW_COMMIT);
    acknowledge(scene.rogue, &scene.header, VOW_ACK_NO_RECORD);
    wait_for_log(&scene.world, "event=alarm", "no record", 1);
    process_kill(&scene.world.cluster.vowd);
    vowd_start(&scene.world.cluster, NULL);
    cluster_expect_alive(&scene.world.cluster);
    cluster_expect_counters(&scene.world.cluster, 2);
    cr_expect_eq(process_end(&scene.world.cluster.vowd), 3, "it is still open, and stays so until people have looked");
    for (unsigned i = 0; i < scene.world.peers_len; i++)
        peer_close(&scene.world.peers[i]);
    cluster_end(&scene.world.cluster);
}

static struct vow_msg_header enlist(struct peer *rogue, const struct vow_gtrid *id)
{
    struct vow_msg msg = {.kind = VOW_MSG_ENLIST};
    msg.enlist.header = (struct vow_msg_header){.gtrid = *id, .incarnation = 1, .epoch = rogue->epoch};
    peer_send(rogue, &msg);
    peer_expect(rogue, VOW_MSG_ENLISTED);
    cr_assert_eq(rogue->msg.enlisted.error, 0, "%s", vow_error_name(rogue->msg.enlisted.error));
    return rogue->msg.enlisted.header;
}

/* One PREPARE, one vote that counts, one COMMIT. */
Test(faults_vowd, F175_enlisted_twice_is_one_branch)
{
    open_scene();
    struct vow_msg begin = {.kind = VOW_MSG_BEGIN, .begin.gtrid = scene.id};
    peer_send(scene.client, &begin);
    peer_expect_outcome(scene.client, &scene.id, VOW_PENDING);
    struct vow_msg_header first = enlist(scene.rogue, &scene.id), second = enlist(scene.rogue, &scene.id);
    cr_expect_eq(first.branch, second.branch, "two branches, %u and %u", first.branch, second.branch);
    peer_commit(scene.client, &scene.id);
    scene.header = expect_prepare(scene.rogue);
    cr_expect_eq(scene.header.branch, first.branch);
    vote(scene.rogue, &scene.header, VOW_VOTE_YES);
    expect_committed();
    expect_decision(scene.rogue, VOW_COMMIT);
    acknowledge(scene.rogue, &scene.header, VOW_ACK_DONE);
    world_end(&scene.world);
}

/* ---- the log before phase 2 ---- */

/* Its answer shows that vowd has read all that came before on this connection, and that nothing was decided. */
static void expect_undecided(struct peer *rogue, const struct vow_msg_header *header)
{
    struct vow_msg ask = {.kind = VOW_MSG_INQUIRY, .inquiry.header = *header};
    peer_send(rogue, &ask);
    peer_expect(rogue, VOW_MSG_WAIT);
}

static struct faults *start_on_disk(struct world *world)
{
    memset(world, 0, sizeof(*world));
    cluster_init(&world->cluster);
    struct faults *disk = disk_new(&world->cluster);
    world->cluster.keeps_log = true;
    cluster_run(&world->cluster, 2, NULL, NULL);
    return disk;
}

/* Bug B43: all votes are in, and the record of the decision hangs on its way to the disk. Nobody hears of it before it
 * is there. */
Test(bugs, B43_B53_the_log_is_durable_before_phase_2, .timeout = 60)
{
    static struct world world;
    static const struct vow_msg_call calls[] = {{.participant = "rogue", .handler = "any"},
                                                {.participant = "other", .handler = "any"}};
    struct vow_msg commit = {.kind = VOW_MSG_COMMIT_REQUEST};
    struct faults *disk = start_on_disk(&world);
    struct peer *client = world_guest(&world, VOW_ROLE_CLIENT), *rogue = world_guest(&world, VOW_ROLE_PARTICIPANT);
    struct peer *other = &world.peers[world.peers_len++];
    peer_open(other, &world.cluster, VOW_ROLE_PARTICIPANT, "other");
    struct vow_gtrid id = peer_take_id(client);
    commit.commit_request = (struct vow_msg_commit_request){.gtrid = id, .calls_len = 2, .calls = calls};
    peer_send(client, &commit);
    struct vow_msg_header header = expect_prepare(rogue), others = expect_prepare(other);
    vote(other, &others, VOW_VOTE_YES);
    expect_undecided(other, &others);
    disk_hang(disk, true);
    vote(rogue, &header, VOW_VOTE_YES);
    expect_undecided(rogue, &header);
    expect_undecided(other, &others);
    peer_ask(client, &id);
    peer_expect_outcome(client, &id, VOW_PENDING);
    disk_hang(disk, false);
    peer_expect_outcome(client, &id, VOW_COMMITTED);
    cr_expect_gt(faults_hits(disk, FAULTS_SYNC_HUNG), 0, "the disk hung when something was synced");
    expect_decision(rogue, VOW_COMMIT);
    expect_decision(other, VOW_COMMIT);
    acknowledge(rogue, &header, VOW_ACK_DONE);
    acknowledge(other, &others, VOW_ACK_DONE);
    world_end(&world);
    disk_free(disk);
}

/* ---- pauses ---- */

/* Its YES comes when the transaction has been aborted for want of it: it learns that, and lets go of the row. */
Test(faults_vowd, F046_a_vote_that_comes_too_late)
{
    struct cluster cluster;
    struct commit commit;
    cluster_init(&cluster);
    cluster.vowd_flags[0] = "--vote-timeout";
    cluster.vowd_flags[1] = "300";
    cluster_run(&cluster, 2, NULL, NULL);
    kill(cluster.services[1].pid, SIGSTOP);
    commit_start(&cluster, &commit, "add");
    cr_expect_eq(commit_wait(&cluster, &commit), VOW_ABORTED);
    cr_expect_eq(commit.result.cause, VOW_CAUSE_VOTE_TIMEOUT);
    kill(cluster.services[1].pid, SIGCONT);
    cluster_expect_counters(&cluster, 0);
    cluster.vowd_flags[0] = NULL;
    cluster_end(&cluster);
}

/* The same by hand: the vote itself comes when all is over. */
Test(faults_vowd, F046_a_yes_after_the_abort_hears_abort)
{
    memset(&scene, 0, sizeof(scene));
    cluster_init(&scene.world.cluster);
    scene.world.cluster.keeps_log = true;
    scene.world.cluster.vowd_flags[0] = "--vote-timeout";
    scene.world.cluster.vowd_flags[1] = "300";
    cluster_run(&scene.world.cluster, 2, NULL, NULL);
    scene.client = world_guest(&scene.world, VOW_ROLE_CLIENT);
    scene.rogue = world_guest(&scene.world, VOW_ROLE_PARTICIPANT);
    scene.id = peer_take_id(scene.client);
    commit_with_rogue(scene.client, &scene.id);
    scene.header = expect_prepare(scene.rogue);
    peer_expect_outcome(scene.client, &scene.id, VOW_ABORTED);
    expect_decision(scene.rogue, VOW_ABORT);
    vote(scene.rogue, &scene.header, VOW_VOTE_YES);
    expect_decision(scene.rogue, VOW_ABORT);
    cluster_expect_counters(&scene.world.cluster, 0);
    for (unsigned i = 0; i < scene.world.peers_len; i++)
        peer_close(&scene.world.peers[i]);
    cluster_end(&scene.world.cluster);
}

/* ---- what a client may believe ---- */

static enum vow_outcome ask_until_ended(struct peer *other, const struct vow_gtrid *id)
{
    enum vow_outcome outcome = VOW_PENDING;
    while (outcome != VOW_COMMITTED && outcome != VOW_ABORTED) {
        peer_ask(other, id);
        peer_expect(other, VOW_MSG_OUTCOME);
        outcome = other->msg.outcome.outcome;
    }
    return outcome;
}

/* It is gone right after it has asked. */
Test(faults_vowd, F061_a_client_that_dies_after_its_request)
{
    open_scene();
    peer_commit(scene.client, &scene.id);
    shutdown(scene.client->fd, SHUT_RDWR);
    struct peer *other = world_guest(&scene.world, VOW_ROLE_CLIENT);
    scene.world.commits += ask_until_ended(other, &scene.id) == VOW_COMMITTED;
    world_end(&scene.world);
}

/* vowd has seen that it is gone while a vote is missing: that aborts nothing. */
Test(faults_vowd, F061_a_client_that_dies_while_a_vote_is_missing)
{
    open_scene();
    commit_with_rogue(scene.client, &scene.id);
    scene.header = expect_prepare(scene.rogue);
    shutdown(scene.client->fd, SHUT_RDWR);
    wait_for_log(&scene.world, "event=peer_lost", scene.client->address, 1);
    vote(scene.rogue, &scene.header, VOW_VOTE_YES);
    expect_decision(scene.rogue, VOW_COMMIT);
    acknowledge(scene.rogue, &scene.header, VOW_ACK_DONE);
    struct peer *other = world_guest(&scene.world, VOW_ROLE_CLIENT);
    cr_expect_eq(ask_until_ended(other, &scene.id), VOW_COMMITTED);
    scene.world.commits++;
    world_end(&scene.world);
}

/* vowd dies at a point, and stays away for longer than the client waits. Then it comes back. */
static void expect_unknown_then(const char *point, enum vow_outcome then)
{
    struct cluster cluster;
    struct vow_client *client;
    struct vow_result result;
    const struct vow_call calls[] = {{.participant = "s0", .handler = "add"}, {.participant = "s1", .handler = "add"}};
    cluster_start(&cluster, 2, point, NULL);
    struct vow_client_options options = {.size = sizeof(options), .coordinator = cluster.address, .timeout_ms = 2000};
    cr_assert_eq(vow_client_open(&options, &client, NULL), 0);
    cr_assert_eq(vow_commit(client, calls, 2, &result), 0);
    process_wait_killed(&cluster.vowd);
    cr_expect_eq(result.outcome, VOW_UNKNOWN, "%s", vow_outcome_name((int)result.outcome));
    cr_expect_eq(result.error, VOW_E_IN_DOUBT);
    struct vow_gtrid id = result.id;
    vowd_start(&cluster, NULL);
    while (vow_status(client, &id, NULL, &result) != 0 || result.outcome == VOW_PENDING)
        continue;
    cr_expect_eq(result.outcome, then, "%s", vow_outcome_name((int)result.outcome));
    cluster_expect_counters(&cluster, then == VOW_COMMITTED);
    vow_client_close(client);
    cluster_end(&cluster);
}

Test(faults_vowd, F066_a_lost_connection_is_no_abort)
{
    expect_unknown_then("recv.before.COMMIT_REQUEST", VOW_ABORTED);
}

/* Neither an error though it commits later, nor success though it was rolled back. */
Test(bugs, B49_what_a_client_is_told_holds, .timeout = 60)
{
    expect_unknown_then("log.after.COMMIT", VOW_COMMITTED);
}

/* ---- limits and names ---- */

static struct vow_msg begin(const struct vow_gtrid *id)
{
    return (struct vow_msg){.kind = VOW_MSG_BEGIN, .begin.gtrid = *id};
}

/* Beyond the limit work is refused for now; the work in flight goes on. */
Test(faults_vowd, F174_more_transactions_than_there_is_room_for)
{
    static struct world world;
    struct vow_gtrid ids[12];
    unsigned refused = 0;
    memset(&world, 0, sizeof(world));
    cluster_init(&world.cluster);
    world.cluster.keeps_log = true;
    world.cluster.vowd_flags[0] = "--txns-max";
    world.cluster.vowd_flags[1] = "4";
    cluster_run(&world.cluster, 2, NULL, NULL);
    struct peer *client = world_guest(&world, VOW_ROLE_CLIENT);
    for (int i = 0; i < 12; i++) {
        ids[i] = peer_take_id(client);
        struct vow_msg msg = begin(&ids[i]);
        peer_send(client, &msg);
        peer_expect(client, VOW_MSG_OUTCOME);
        refused += client->msg.outcome.error == VOW_E_BUSY;
        cr_expect(client->msg.outcome.error == VOW_E_BUSY || client->msg.outcome.outcome == VOW_PENDING);
    }
    cr_expect_eq(refused, 8);
    peer_commit(client, &ids[0]);
    peer_expect_outcome(client, &ids[0], VOW_COMMITTED);
    world.commits++;
    for (int i = 1; i < 4; i++) {
        struct vow_msg rollback = {.kind = VOW_MSG_ROLLBACK_REQUEST, .rollback_request.gtrid = ids[i]};
        peer_send(client, &rollback);
        peer_expect_outcome(client, &ids[i], VOW_ABORTED);
    }
    world_end(&world);
}

/* Sends msg with some bytes in it exchanged for others, of the same length, that no encoder of ours would write. */
static void send_changed(struct peer *peer, const struct vow_msg *msg, const char *from, const char *to)
{
    uint8_t frame[4096];
    size_t len = vow_msg_encode(msg, VOW_FRAME_MAX_DEFAULT, frame, sizeof(frame));
    uint8_t *at = memmem(frame, len, from, strlen(from));
    cr_assert(at != NULL && strlen(from) == strlen(to));
    memcpy(at, to, strlen(to));
    peer_send_bytes(peer, frame, len);
}

/* Names end up in SQL, in logs and in paths of other people's programs: a name is a name, or the peer is dropped. */
static void expect_name_refused(struct world *world, const char *name)
{
    char placeholder[VOW_NAME_SIZE] = "";
    struct peer *client = world_guest(world, VOW_ROLE_CLIENT);
    memset(placeholder, 'x', strlen(name));
    struct vow_msg_call call = {.participant = placeholder, .handler = "add"};
    struct vow_msg commit = {.kind = VOW_MSG_COMMIT_REQUEST};
    commit.commit_request =
        (struct vow_msg_commit_request){.gtrid = peer_take_id(client), .calls_len = 1, .calls = &call};
    send_changed(client, &commit, placeholder, name);
    world_expect_dropped(world, client, "VOW_E_MESSAGE");

    struct peer *stranger = world_stranger(world);
    struct vow_msg hello = {.kind = VOW_MSG_HELLO};
    hello.hello = (struct vow_msg_hello){.version_min = VOW_WIRE_VERSION,
                                         .version_max = VOW_WIRE_VERSION,
                                         .role = VOW_ROLE_PARTICIPANT,
                                         .name = placeholder,
                                         .incarnation = 1,
                                         .software = "test"};
    send_changed(stranger, &hello, placeholder, name);
    world_expect_dropped(world, stranger, "VOW_E_MESSAGE");
}

Test(faults_vowd, F176_sql_in_names)
{
    static struct world world;
    world_start(&world, NULL);
    expect_name_refused(&world, "s0'; DROP TABLE event; --");
    expect_name_refused(&world, "s0\" OR 1=1");
    world_end(&world);
}

/* A log is read by people, in terminals, and by programs, line by line. */
static void expect_plain_log(const struct world *world)
{
    char *log = cluster_log(&world->cluster);
    for (const char *at = log; *at != '\0'; at++)
        cr_assert(*at == '\n' || (unsigned char)*at >= ' ', "a control character in the log: %s", log);
    cr_expect_eq(lines_with(log, "event=", ""), lines_with(log, "ts=", ""), "a line that vowd did not write:\n%s", log);
    free(log);
}

Test(faults_vowd, F177_paths_and_control_characters)
{
    static struct world world;
    world_start(&world, NULL);
    expect_name_refused(&world, "../../../etc/passwd");
    expect_name_refused(&world, "a\nlevel=error event=forged");
    expect_name_refused(&world, "\x1b[2Jgone");
    expect_plain_log(&world);
    world_end(&world);
}

/* The same in what a participant says of its NO: it is for the client, and harms nobody on the way. */
Test(faults_vowd, F177_control_characters_in_the_text_of_a_vote)
{
    static const char plain[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAA", evil[] = "\n\x1b[2Jlevel=error event=evil";
    open_scene();
    commit_with_rogue(scene.client, &scene.id);
    scene.header = expect_prepare(scene.rogue);
    struct vow_msg no = {.kind = VOW_MSG_VOTE};
    char text[sizeof(plain)];
    snprintf(text, sizeof(text), "%.*s", (int)strlen(evil), plain);
    no.vote = (struct vow_msg_vote){
        .header = scene.header, .vote = VOW_VOTE_NO, .cause = VOW_CAUSE_HANDLER_REFUSED, .text = text};
    send_changed(scene.rogue, &no, text, evil);
    peer_expect_outcome(scene.client, &scene.id, VOW_ABORTED);
    for (const char *at = scene.client->msg.outcome.text; *at != '\0'; at++)
        cr_expect_geq((unsigned char)*at, ' ', "a control character reaches the client");
    expect_plain_log(&scene.world);
    char *log = cluster_log(&scene.world.cluster);
    scene.world.warnings = lines_with(log, "level=warn", "");
    free(log);
    world_end(&scene.world);
}

/* ---- bugs of others ---- */

/* A transaction that cannot end stops neither the start nor the others. */
Test(bugs, B36_one_bad_transaction_does_not_stop_the_start, .timeout = 60)
{
    struct cluster cluster;
    struct vow_result result = {.outcome = VOW_UNKNOWN};
    const struct vow_call alone = {.participant = "s1", .handler = "look"};
    cluster_start(&cluster, 2, NULL, STRAND_AT);
    struct vow_gtrid id = cluster_strand(&cluster);
    for (int i = 0; i < 2; i++) {
        process_kill(&cluster.vowd);
        vowd_start(&cluster, NULL);
        do
            cr_assert_eq(vow_error_class(vow_commit(cluster.client, &alone, 1, &result)) == VOW_CLASS_USAGE, false);
        while (result.outcome != VOW_COMMITTED);
        while (vow_status(cluster.client, &id, NULL, &result) != 0)
            continue;
        cr_expect_eq(result.outcome, VOW_COMMITTED);
    }
    service_start(&cluster, 0, NULL);
    cluster_expect_counters(&cluster, 1);
    cluster_end(&cluster);
}

/* A branch that was refused leaves nothing in the connection that the next one uses. */
Test(bugs, B48_a_refused_branch_leaves_no_trace_in_its_connection, .timeout = 60)
{
    struct cluster cluster;
    cluster_start(&cluster, 2, NULL, NULL);
    for (int i = 1; i <= 5; i++) {
        struct commit commit;
        commit_start(&cluster, &commit, "spoil");
        cr_expect_eq(commit_wait(&cluster, &commit), VOW_ABORTED);
        commit_start_all(&cluster, &commit, "spoil");
        cr_expect_eq(commit_wait(&cluster, &commit), VOW_ABORTED);
        cluster_expect_counters(&cluster, i - 1);
        cluster_expect_alive(&cluster);
    }
    cluster_expect_counters(&cluster, 5);
    cluster_end(&cluster);
}

/* Two connections to a WAL can damage it, so the journal has one, and lets no other in. */
Test(bugs, B54_the_journal_lets_no_second_connection_in, .timeout = 60)
{
    struct cluster cluster;
    char path[160];
    sqlite3 *db;
    cluster_start(&cluster, 2, NULL, NULL);
    cluster_expect_alive(&cluster);
    snprintf(path, sizeof(path), "%s/vowd/journal.db", cluster.directory);
    cr_assert_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    cr_expect_eq(sqlite3_exec(db, "PRAGMA wal_checkpoint", NULL, NULL, NULL), SQLITE_BUSY);
    cr_expect_eq(sqlite3_exec(db, "SELECT count(*) FROM event", NULL, NULL, NULL), SQLITE_BUSY);
    sqlite3_close(db);
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}

/* ---- an assertion that does not hold ---- */

static void abort_at(const char *vowd_point, const char *service_point)
{
    struct cluster cluster;
    struct commit commit;
    setenv("VOW_CRASH_HOW", "abort", 1);
    cluster_start(&cluster, 2, vowd_point, service_point);
    commit_start(&cluster, &commit, "add");
    if (vowd_point != NULL) {
        process_wait_signal(&cluster.vowd, SIGABRT);
        vowd_start(&cluster, NULL);
    } else {
        process_wait_signal(&cluster.services[0], SIGABRT);
        service_start(&cluster, 0, NULL);
    }
    bool committed = commit_wait(&cluster, &commit) == VOW_COMMITTED;
    cluster_expect_counters(&cluster, committed);
    cluster_expect_alive(&cluster);
    cluster_expect_counters(&cluster, 1 + committed);
    cluster_end(&cluster);
}

/* F143 is the same to a process: it ends at once, wherever it is. */
Test(faults_vowd, F143_F230_vowd_aborts_anywhere)
{
    static const char *const points[] = {"recv.before.VOTE", "log.before.COMMIT", "log.after.COMMIT",
                                         "send.before.COMMIT", "recv.after.ACK"};
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
        abort_at(points[i], NULL);
}

/* F057: the library dies with the service that it is a part of. */
Test(faults_vowd, F057_F143_F230_a_service_aborts_anywhere)
{
    static const char *const points[] = {"recv.before.PREPARE", "store.before.PREPARE", "send.after.VOTE",
                                         "store.before.COMMIT", "store.mid.COMMIT",     "store.after.COMMIT"};
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
        abort_at(NULL, points[i]);
}
