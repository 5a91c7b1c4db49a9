/* What a store knows for peers in doubt (protocol 2.6): whether there is a tombstone, and whom a branch of its own can
 * ask. */
#include "fixture.h"
#include "participant/store/peer_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(store_peers, .init = service_init, .fini = service_fini, .timeout = 60);

#define ACCOUNTS                                                                                                       \
    "CREATE TABLE account (id INTEGER PRIMARY KEY, cents INT); INSERT INTO account VALUES (1, 100), (2, 100);"
#define PEERS "south 3 10.0.0.2:7421\neast 9 [::1]:7421\n"

static enum vow_store_result recall(uint64_t seq, uint32_t branch)
{
    struct work question = work_of(VOW_STORE_RECALL, seq, "");
    question.op.calls_len = 0;
    question.op.branch = branch;
    cr_assert_eq(run_batch(&question, 1), 0, "%s", service.detail.text);
    return question.op.result;
}

/* Mistakes 7 and 8: it changes nothing, and tells of a commit and of nothing else. */
Test(store_peers, recall_knows_tombstones_only)
{
    service_start(ACCOUNTS);
    cr_assert_eq(recall(1, 0), VOW_STORE_NO_RECORD);
    prepare(1, "UPDATE account SET cents = 50 WHERE id = 1");
    cr_assert_eq(recall(1, 0), VOW_STORE_NO_RECORD, "prepared is no outcome");
    expect_seen("SELECT state FROM vow_branch", "prepared");
    expect_seen("SELECT cents FROM account WHERE id = 1", "100");
    commit(1);
    cr_assert_eq(recall(1, 0), VOW_STORE_DONE);
    cr_assert_eq(recall(1, 5), VOW_STORE_DONE, "who asks knows its own number alone");
    cr_assert_eq(one_phase(2, "UPDATE account SET cents = 7 WHERE id = 2"), VOW_STORE_DONE);
    cr_assert_eq(recall(2, 0), VOW_STORE_NO_RECORD, "a memo has no peers");
    prepare(3, "UPDATE account SET cents = 60 WHERE id = 1");
    abort_branch(3);
    cr_assert_eq(recall(3, 0), VOW_STORE_NO_RECORD);
    service_restart();
    cr_assert_eq(recall(1, 0), VOW_STORE_DONE);
}

/* Of the same batch: the decision comes first, and both are durable when they are told. */
Test(store_peers, recall_beside_the_commit)
{
    service_start(ACCOUNTS);
    prepare(1, "UPDATE account SET cents = 50 WHERE id = 1");
    struct work both[] = {work_of(VOW_STORE_RECALL, 1, ""), work_of(VOW_STORE_COMMIT, 1, "")};
    both[0].op.calls_len = both[1].op.calls_len = 0;
    cr_assert_eq(run_batch(both, 2), 0);
    cr_assert_eq(both[0].op.result, VOW_STORE_DONE);
}

static char found[200];

static int take(void *ctx, const struct vow_branches_recovered *branch)
{
    (void)ctx;
    snprintf(found, sizeof(found), "%s", branch->peers != NULL ? branch->peers : "nobody");
    return 0;
}

static const char *recovered_peers(void)
{
    found[0] = '\0';
    cr_assert_eq(service.ops->recover(service.store, take, NULL, &service.detail), 0);
    return found;
}

/* Whom to ask lies with the branch, through a restart, and goes with the decision. */
Test(store_peers, lie_with_the_prepared_branch)
{
    char peers[] = PEERS;
    service_start(ACCOUNTS);
    struct work work = work_of(VOW_STORE_PREPARE, 1, "UPDATE account SET cents = 50 WHERE id = 1");
    work.op.peers = peers;
    cr_assert_eq(run_batch(&work, 1), 0);
    cr_assert_eq(work.op.result, VOW_STORE_DONE);
    service_restart();
    cr_assert_str_eq(recovered_peers(), PEERS);
    commit(1);
    expect_seen("SELECT count(*) FROM vow_branch WHERE peers IS NULL", "1");
    prepare(2, "UPDATE account SET cents = 50 WHERE id = 2");
    service_restart();
    cr_assert_str_eq(recovered_peers(), "nobody");
}

/* A file of before: the branches that it holds have nobody to ask, and go on. */
Test(store_peers, a_file_of_format_1_gets_room_for_them)
{
    service_start(ACCOUNTS);
    prepare(1, "UPDATE account SET cents = 50 WHERE id = 1");
    service_close();
    cr_assert_eq(outside("ALTER TABLE vow_branch DROP COLUMN peers; DROP TABLE vow_heuristic;"
                         "UPDATE vow_meta SET value = 1 WHERE key = 'format'"),
                 SQLITE_OK);
    cr_assert_eq(service_open(), 0, "%s", service.detail.text);
    cr_assert_str_eq(recovered_peers(), "nobody");
    expect_seen("SELECT value FROM vow_meta WHERE key = 'format'", "4");
    commit(1);
    expect_seen("SELECT cents FROM account WHERE id = 1", "50");
}

/* A list that somebody reached into: what cannot be read is passed over, and never an address to connect to. */
Test(store_peers, lines_that_cannot_be_read_are_passed_over)
{
    const char *at = "south\n\nsouth x 10.0.0.2:1\nsouth 3 somewhere:1\nso/uth 3 10.0.0.2:1\nsouth 3 10.0.0.2:0\n"
                     "south 3 10.0.0.2:1 more\nsouth 99999999999999999999999 10.0.0.2:1\neast 9 [::1]:7421";
    struct peer_named peer;
    cr_assert(peer_list_next(&at, &peer));
    cr_assert_str_eq(peer.name, "east");
    cr_assert_eq(peer.incarnation, 9);
    cr_assert_str_eq(peer.address, "[::1]:7421");
    cr_assert_not(peer_list_next(&at, &peer));
    at = NULL;
    cr_assert_not(peer_list_next(&at, &peer));
}

/* This participant itself, and those that answer nowhere, are not asked. */
Test(store_peers, only_others_with_an_address_are_kept)
{
    const struct vow_msg_peer peers[] = {{"north", "10.0.0.1:1", 1}, {"south", "", 2}, {"east", "10.0.0.3:1", 3}};
    char *list = peer_list_write(peers, 3, "north");
    cr_assert_str_eq(list, "east 3 10.0.0.3:1\n");
    free(list);
    cr_assert_null(peer_list_write(peers, 2, "north"));
}
