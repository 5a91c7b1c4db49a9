/*
 * Peers that say what is not theirs to say, or say it twice, against a real vowd that serves two honest services and a
 * client. Each is dropped or answered as the protocol says, and nothing else is disturbed.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

#include "proto/error.h"
#include "proto/frame.h"
#include "world.h"

TestSuite(protocol, .timeout = 60);

/* ---- messages of another role ---- */

static struct vow_msg make_vote(const struct vow_gtrid *id, uint32_t branch, uint64_t incarnation, uint32_t epoch)
{
    struct vow_msg msg = {.kind = VOW_MSG_VOTE};
    msg.vote = (struct vow_msg_vote){.vote = VOW_VOTE_NO, .cause = VOW_CAUSE_HANDLER_REFUSED, .text = ""};
    msg.vote.header =
        (struct vow_msg_header){.gtrid = *id, .branch = branch, .incarnation = incarnation, .epoch = epoch};
    return msg;
}

static void send_out_of_role(struct world *world, enum vow_role role, const struct vow_msg *msg)
{
    struct peer *peer = world_guest(world, role);
    peer_send(peer, msg);
    world_expect_dropped(world, peer, vow_msg_name(msg->kind));
}

Test(protocol, F169_messages_of_another_role)
{
    static struct world world;
    world_start(&world, NULL);
    struct peer *client = world_guest(&world, VOW_ROLE_CLIENT);
    struct vow_gtrid id = peer_take_id(client);
    struct vow_msg vote = make_vote(&id, 0, 1, client->epoch);
    struct vow_msg decision = {.kind = VOW_MSG_DECISION};
    decision.decision = (struct vow_msg_decision){.header = vote.vote.header, .verdict = VOW_ABORT};
    struct vow_msg commit = {.kind = VOW_MSG_COMMIT_REQUEST, .commit_request.gtrid = id};
    struct vow_msg admin = {.kind = VOW_MSG_ADMIN_REQUEST};
    admin.admin_request = (struct vow_msg_admin_request){.command = VOW_ADMIN_STATUS, .filter = ""};

    send_out_of_role(&world, VOW_ROLE_CLIENT, &vote);
    send_out_of_role(&world, VOW_ROLE_CLIENT, &admin);
    send_out_of_role(&world, VOW_ROLE_CLIENT, &decision);
    send_out_of_role(&world, VOW_ROLE_PARTICIPANT, &commit);
    send_out_of_role(&world, VOW_ROLE_PARTICIPANT, &admin);
    send_out_of_role(&world, VOW_ROLE_PARTICIPANT, &decision);
    send_out_of_role(&world, VOW_ROLE_ADMIN, &commit);
    send_out_of_role(&world, VOW_ROLE_ADMIN, &vote);

    /* None of it touched the id: it is as good as before. */
    peer_commit(client, &id);
    peer_expect_outcome(client, &id, VOW_COMMITTED);
    world.commits++;
    world_end(&world);
}

/* Begins a transaction that stays undecided: s1 is stopped. When this returns vowd has it. */
static void begin_undecided(struct world *world, struct peer *client, const struct vow_gtrid *id)
{
    kill(world->cluster.services[1].pid, SIGSTOP);
    peer_commit(client, id);
    peer_ask(client, id);
    peer_expect_outcome(client, id, VOW_PENDING);
}

static void go_on(struct world *world)
{
    kill(world->cluster.services[1].pid, SIGCONT);
}

/* An inquiry about an id that is not vowd's: its answer says that all that was sent before was taken. */
static void wait_until_heard(struct peer *participant)
{
    struct vow_msg inquiry = {.kind = VOW_MSG_INQUIRY};
    inquiry.inquiry.header.gtrid = vow_gtrid_make(participant->coord ^ 1, 1, 1, 0, 1);
    peer_send(participant, &inquiry);
    peer_expect(participant, VOW_MSG_WAIT);
    cr_expect_eq(participant->msg.wait.reason, VOW_WAIT_NOT_MINE);
}

Test(protocol, F168_a_vote_for_the_branch_of_another)
{
    static struct world world;
    world_start(&world, NULL);
    struct peer *client = world_guest(&world, VOW_ROLE_CLIENT), *rogue = world_guest(&world, VOW_ROLE_PARTICIPANT);
    struct vow_gtrid id = peer_take_id(client);
    begin_undecided(&world, client, &id);
    struct vow_msg vote = make_vote(&id, 1, 1, client->epoch);
    peer_send(rogue, &vote);
    wait_until_heard(rogue);
    go_on(&world);
    peer_expect_outcome(client, &id, VOW_COMMITTED);
    world.commits++;
    world.errors++; /* the alarm */
    char *log = cluster_log(&world.cluster);
    cr_expect_eq(lines_with(log, "event=alarm", "participant=rogue"), 1, "%s", log);
    free(log);
    world_end(&world);
}

/* s0 is dead after its YES. That somebody else says "committed" must not end the transaction. */
Test(protocol, F168_an_acknowledgement_for_the_branch_of_another)
{
    static struct world world;
    world_start(&world, STRAND_AT);
    struct peer *client = world_guest(&world, VOW_ROLE_CLIENT), *rogue = world_guest(&world, VOW_ROLE_PARTICIPANT);
    struct vow_gtrid id = peer_take_id(client);
    peer_commit(client, &id);
    peer_expect_outcome(client, &id, VOW_COMMITTED);
    process_wait_killed(&world.cluster.services[0]);
    struct vow_msg ack = {.kind = VOW_MSG_ACK, .ack.ack = VOW_ACK_DONE};
    ack.ack.header = (struct vow_msg_header){.gtrid = id, .incarnation = 1, .epoch = client->epoch};
    peer_send(rogue, &ack);
    wait_until_heard(rogue);
    service_start(&world.cluster, 0, NULL);
    world.commits++;
    cluster_expect_counters(&world.cluster, world.commits);
    world.errors++;   /* the alarm */
    world.warnings++; /* s0 was lost */
    world_end(&world);
}

/* ---- ids ---- */

static void expect_refused_id(struct peer *client, struct vow_gtrid id, int error)
{
    peer_ask(client, &id);
    peer_expect_error(client, &id, error);
    peer_commit(client, &id);
    peer_expect_error(client, &id, error);
}

Test(protocol, F170_ids_that_were_not_given)
{
    static struct world world;
    world_start(&world, NULL);
    struct peer *client = world_guest(&world, VOW_ROLE_CLIENT);
    struct vow_gtrid id = peer_take_id(client);
    uint64_t coord = vow_gtrid_coord(&id), seq = vow_gtrid_seq(&id), rand = vow_gtrid_rand(&id);
    uint32_t epoch = vow_gtrid_epoch(&id);
    expect_refused_id(client, vow_gtrid_make(coord, epoch, seq, 0, rand ^ 1), VOW_E_NOT_FOUND);
    expect_refused_id(client, vow_gtrid_make(coord, epoch, seq + 1000000, 0, rand), VOW_E_NOT_FOUND);
    expect_refused_id(client, vow_gtrid_make(coord, epoch, 0, 0, rand), VOW_E_NOT_FOUND);
    expect_refused_id(client, vow_gtrid_make(coord, epoch + 1, seq, 0, rand), VOW_E_NOT_FOUND);
    expect_refused_id(client, vow_gtrid_make(coord ^ 1, epoch, seq, 0, rand), VOW_E_NOT_MINE);
    /* Guessing did not spoil the one that was given. */
    peer_commit(client, &id);
    peer_expect_outcome(client, &id, VOW_COMMITTED);
    world.commits++;
    world_end(&world);
}

/* An id of an earlier epoch that was never used never begins, and its answer never changes. */
Test(protocol, F064_an_id_of_an_old_epoch)
{
    static struct world world;
    world_start(&world, NULL);
    struct peer *before = world_guest(&world, VOW_ROLE_CLIENT);
    struct vow_gtrid unused = peer_take_id(before), used = peer_take_id(before);
    peer_commit(before, &used);
    peer_expect_outcome(before, &used, VOW_COMMITTED);
    world.commits++;
    for (int life = 0; life < 2; life++) {
        process_kill(&world.cluster.vowd);
        vowd_start(&world.cluster, NULL);
        struct peer *client = world_guest(&world, VOW_ROLE_CLIENT);
        for (int again = 0; again < 2; again++) {
            peer_ask(client, &unused);
            peer_expect_outcome(client, &unused, VOW_ABORTED);
            peer_commit(client, &unused);
            peer_expect_outcome(client, &unused, VOW_ABORTED);
            peer_ask(client, &used);
            peer_expect_outcome(client, &used, VOW_COMMITTED);
            peer_commit(client, &used);
            peer_expect_outcome(client, &used, VOW_COMMITTED);
        }
    }
    world_end(&world);
}

/* ---- requests that come again ---- */

static unsigned count_open(struct peer *admin)
{
    unsigned rows = 0;
    struct vow_msg list = {.kind = VOW_MSG_ADMIN_REQUEST};
    list.admin_request = (struct vow_msg_admin_request){.command = VOW_ADMIN_LIST, .filter = "all"};
    peer_send(admin, &list);
    do {
        peer_expect(admin, VOW_MSG_ADMIN_REPLY);
        rows += admin->msg.admin_reply.json[0] != '\0';
    } while (!admin->msg.admin_reply.last);
    return rows;
}

/* Until the last acknowledgement is in and END is written: what is asked then is answered from the past. */
static void wait_until_ended(struct world *world)
{
    struct peer *admin = world_guest(world, VOW_ROLE_ADMIN);
    while (count_open(admin) > 0)
        continue;
}

Test(protocol, F062_the_same_request_again)
{
    static struct world world;
    world_start(&world, NULL);
    struct peer *first = world_guest(&world, VOW_ROLE_CLIENT), *second = world_guest(&world, VOW_ROLE_CLIENT);
    struct vow_gtrid id = peer_take_id(first);
    begin_undecided(&world, first, &id);
    peer_commit(first, &id);
    peer_commit(second, &id);
    peer_expect_outcome(first, &id, VOW_PENDING); /* it is there, too: it is told to ask */
    peer_ask(second, &id);
    peer_expect_outcome(second, &id, VOW_PENDING);
    go_on(&world);
    peer_expect_outcome(second, &id, VOW_COMMITTED); /* the newest connection is the one that hears */
    world.commits++;
    peer_commit(first, &id);
    peer_expect_outcome(first, &id, VOW_COMMITTED);
    wait_until_ended(&world);
    for (int again = 0; again < 3; again++) {
        peer_commit(first, &id);
        peer_expect_outcome(first, &id, VOW_COMMITTED);
    }
    world_end(&world);
}

Test(protocol, F065_rollback_of_what_is_being_committed)
{
    static struct world world;
    world_start(&world, NULL);
    struct peer *first = world_guest(&world, VOW_ROLE_CLIENT), *second = world_guest(&world, VOW_ROLE_CLIENT);
    struct vow_gtrid id = peer_take_id(first);
    struct vow_msg rollback = {.kind = VOW_MSG_ROLLBACK_REQUEST, .rollback_request.gtrid = id};
    begin_undecided(&world, first, &id);
    peer_send(second, &rollback);
    peer_expect_outcome(second, &id, VOW_ABORTED);
    peer_expect_outcome(first, &id, VOW_ABORTED);
    go_on(&world);
    peer_commit(first, &id);
    peer_expect_outcome(first, &id, VOW_ABORTED);
    world_end(&world);
}

/* ---- a session that somebody has recorded ---- */

struct recording {
    uint8_t bytes[4096];
    size_t len;
};

static void record(struct recording *recording, const struct vow_msg *msg)
{
    const size_t room = sizeof(recording->bytes) - recording->len;
    const size_t len = vow_msg_encode(msg, VOW_FRAME_MAX_DEFAULT, recording->bytes + recording->len, room);
    cr_assert_gt(len, 0);
    recording->len += len;
}

static void record_commit(struct recording *recording, const struct vow_gtrid *id)
{
    static const struct vow_msg_call calls[] = {{"s0", "add", {NULL, 0}}, {"s1", "add", {NULL, 0}}};
    struct vow_msg hello = {.kind = VOW_MSG_HELLO};
    hello.hello = (struct vow_msg_hello){
        .version_min = 1, .version_max = VOW_WIRE_VERSION, .role = VOW_ROLE_CLIENT, .name = "recorded", .software = ""};
    record(recording, &hello);
    struct vow_msg commit = {.kind = VOW_MSG_COMMIT_REQUEST};
    commit.commit_request = (struct vow_msg_commit_request){.gtrid = *id, .calls_len = 2, .calls = calls, .key = ""};
    record(recording, &commit);
}

static void replay(struct world *world, const struct recording *recording, const struct vow_gtrid *id)
{
    struct peer *peer = world_stranger(world);
    peer_send_bytes(peer, recording->bytes, recording->len);
    peer_expect(peer, VOW_MSG_WELCOME);
    peer_expect_outcome(peer, id, VOW_COMMITTED);
}

/* Sent again byte for byte, in the same epoch and in the next, it has the same answer and no second effect. */
Test(protocol, F182_a_recorded_session_is_played_again)
{
    static struct world world;
    static struct recording recording;
    world_start(&world, NULL);
    struct vow_gtrid id = peer_take_id(world_guest(&world, VOW_ROLE_CLIENT));
    record_commit(&recording, &id);
    replay(&world, &recording, &id);
    world.commits++;
    replay(&world, &recording, &id);
    world_expect_alive(&world);
    world.commits++;
    process_kill(&world.cluster.vowd);
    vowd_start(&world.cluster, NULL);
    replay(&world, &recording, &id);
    cluster_expect_counters(&world.cluster, 2);
    cluster_end(&world.cluster);
}
