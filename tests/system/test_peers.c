/* vowd dies for ever: participants in doubt end as one of them knows it ended (protocol 2.6). */
#include <criterion/criterion.h>
#include <stdlib.h>

#include <stdio.h>
#include <string.h>

#include "peer.h"
#include "proto/error.h"

/* Two inquiries without an answer come first: some 14 s. */
TestSuite(peers_system, .timeout = 120);

static void start(struct cluster *cluster, uint32_t services, const char *vowd_crash)
{
    cr_assert_eq(setenv("SERVICE_PEER_LISTEN", "127.0.0.1:0", 1), 0);
    cluster_init(cluster);
    cluster->keeps_service_logs = true;
    cluster_run(cluster, services, vowd_crash, NULL);
}

/* F009, and guarantee 5: one participant has heard COMMIT, and vowd never comes back. */
Test(peers_system, F009_all_commit_though_vowd_never_comes_back)
{
    struct cluster cluster;
    struct commit commit;

    start(&cluster, 3, "send.after.COMMIT");
    commit_start(&cluster, &commit, "add");
    process_wait_killed(&cluster.vowd);
    cluster_expect_counters(&cluster, 1);
    /* The first hears it from vowd, the others from a peer; nobody has decided alone. */
    unsigned said = 0;
    for (uint32_t i = 0; i < 3; i++) {
        char *log = service_log(&cluster, i);
        said += lines_with(log, "level=error", "");
        free(log);
    }
    cr_expect_eq(said, 0, "alarms");
    cluster_end(&cluster);
}

/* The one in doubt is killed, too, and asks when it is back: whom, lies with the prepared branch. */
Test(peers_system, F009_F034_the_one_in_doubt_dies_too)
{
    struct cluster cluster;
    struct commit commit;

    start(&cluster, 2, "send.after.COMMIT");
    commit_start(&cluster, &commit, "add");
    process_wait_killed(&cluster.vowd);
    cluster_expect_counter(&cluster, 0, 1);
    process_kill(&cluster.services[1]);
    service_spawn(&cluster, 1, NULL);
    cluster_expect_counters(&cluster, 1);
    process_kill(&cluster.services[1]); /* it waits for vowd, and hears no SIGTERM until then */
    cluster_end(&cluster);
}

/* ---- who may ask ---- */

static struct run run;

/* Where a service listens, as a cluster that peers can connect to. */
static struct cluster service_at(const struct cluster *cluster, const char *name)
{
    struct cluster there = {.services_len = 0};
    char format[48];
    const char *argv[] = {VOW_BIN "/vowctl", "--coordinator", cluster->address, "peers", NULL};
    run_program(&run, argv);
    const char *line = strstr(run.out, name);
    snprintf(format, sizeof(format), "%s %%*s %%*s %%63s", name);
    cr_assert(line != NULL && sscanf(line, format, there.address) == 1, "%s", run.out);
    return there;
}

/* HELLO, and what the service says to it. */
static int introduce(struct peer *peer, const struct cluster *there, enum vow_role role, uint64_t coord)
{
    struct vow_msg hello = {.kind = VOW_MSG_HELLO};
    hello.hello = (struct vow_msg_hello){.version_min = VOW_WIRE_VERSION,
                                         .version_max = VOW_WIRE_VERSION,
                                         .role = role,
                                         .name = "rogue",
                                         .incarnation = 1,
                                         .coord = coord,
                                         .software = "test",
                                         .address = ""};
    peer_connect(peer, there);
    peer_send(peer, &hello);
    cr_assert(peer_receive(peer));
    if (peer->msg.kind == VOW_MSG_WELCOME)
        return 0;
    cr_assert_eq(peer->msg.kind, VOW_MSG_REJECT);
    return peer->msg.reject.error;
}

/* F091: peers of the same coordinator and operators, and nobody else; nor may a peer say what only vowd may. */
Test(peers_system, F091_only_peers_of_the_same_coordinator_are_let_in)
{
    struct cluster cluster, there;
    struct peer vowd, peer;

    start(&cluster, 2, NULL);
    there = service_at(&cluster, "s0");
    peer_open(&vowd, &cluster, VOW_ROLE_CLIENT, "rogue");
    cr_expect_eq(introduce(&peer, &there, VOW_ROLE_CLIENT, vowd.coord), VOW_E_REFUSED);
    peer_close(&peer);
    cr_expect_eq(introduce(&peer, &there, VOW_ROLE_COORDINATOR, vowd.coord), VOW_E_REFUSED);
    peer_close(&peer);
    cr_expect_eq(introduce(&peer, &there, VOW_ROLE_PARTICIPANT, vowd.coord + 1), VOW_E_NOT_MINE);
    peer_close(&peer);
    cr_expect_eq(introduce(&peer, &there, VOW_ROLE_PARTICIPANT, 0), VOW_E_NOT_MINE);
    peer_close(&peer);

    struct vow_msg msg = {.kind = VOW_MSG_DECISION, .decision = {.verdict = VOW_COMMIT}};
    msg.decision.header.gtrid = vow_gtrid_make(vowd.coord, 1, 77, 0, 0);
    msg.decision.header.epoch = 1;
    cr_assert_eq(introduce(&peer, &there, VOW_ROLE_PARTICIPANT, vowd.coord), 0);
    peer_send(&peer, &msg);
    peer_expect_closed(&peer);
    peer_close(&peer);
    char *log = service_log(&cluster, 0);
    cr_expect_eq(lines_with(log, "event=peer_breaks_protocol", "message=DECISION"), 1, "%s", log);
    free(log);

    /* Of what it has never heard it has no information. */
    cr_assert_eq(introduce(&peer, &there, VOW_ROLE_PARTICIPANT, vowd.coord), 0);
    msg = (struct vow_msg){.kind = VOW_MSG_PEER_INQUIRY};
    msg.peer_inquiry.header.gtrid = vow_gtrid_make(vowd.coord, 1, 77, 0, 0);
    msg.peer_inquiry.header.incarnation = 1;
    peer_send(&peer, &msg);
    peer_expect(&peer, VOW_MSG_PEER_ANSWER);
    cr_expect_eq(peer.msg.peer_answer.answer, VOW_PEER_NO_INFO);
    peer_close(&peer);
    peer_close(&vowd);
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}
