/* The store over a resource: crashes at every place between the two of them, one-phase commit, and what open refuses.
 */
#include "resource_fixture.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

TestSuite(resource_recover, .timeout = 60, .init = bed_init, .fini = bed_fini);

/* ---- two phases ---- */

Test(resource_recover, F034_a_prepared_branch_is_found_again)
{
    bed_start();
    cr_assert_eq(one(VOW_STORE_PREPARE, 5), VOW_STORE_DONE);
    bed_crash();
    const struct vow_gtrid id = id_of(5);
    cr_assert_eq(bed.recovered, 1);
    cr_assert(vow_gtrid_equal(&bed.last_recovered, &id));
    cr_assert_null(bed_run(NULL));
    cr_assert_eq(bed.fake.commits + bed.fake.aborts, 0, "nobody but the coordinator decides");
    cr_assert_eq(one(VOW_STORE_COMMIT, 5), VOW_STORE_DONE);
    cr_assert_eq(bed.fake.visible, 1);
}

Test(resource_recover, F037_committed_and_not_yet_written_down)
{
    bed_start();
    cr_assert_eq(one(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    cr_assert_eq(one(VOW_STORE_COMMIT, 1), VOW_STORE_DONE);
    cr_assert_eq(bed.fake.forgets, 0, "the acknowledgement rests on the resource's record");
    bed_crash();
    cr_assert_eq(bed.recovered, 0);
    cr_assert_eq(one(VOW_STORE_COMMIT, 1), VOW_STORE_DONE);
    cr_assert_eq(bed.fake.visible, 1);
    run_until_forgotten(1);
    bed_crash();
    cr_assert_eq(one(VOW_STORE_COMMIT, 1), VOW_STORE_DONE, "by the tombstone");
    cr_assert_eq(bed.fake.commits, 1);
}

Test(resource_recover, written_down_and_not_yet_forgotten)
{
    bed_start();
    cr_assert_eq(one(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    cr_assert_eq(one(VOW_STORE_COMMIT, 1), VOW_STORE_DONE);
    run_until_forgotten(1);
    fake_put(&bed.fake, word_of(1), VOW_FOUND_COMMITTED); /* forget was not durable */
    bed_crash();
    run_until_forgotten(2);
    cr_assert_eq(one(VOW_STORE_COMMIT, 1), VOW_STORE_DONE);
    cr_assert_eq(bed.fake.commits, 1);
}

Test(resource_recover, a_record_below_the_watermark_is_forgotten_only)
{
    struct vow_store_op watermark = op_of(VOW_STORE_WATERMARK, 0);
    bed_start();
    watermark.coord = COORD;
    watermark.watermark = (struct vow_watermark){EPOCH, 10};
    cr_assert_not_null(bed_run(&watermark));
    bed_close();
    fake_put(&bed.fake, word_of(9), VOW_FOUND_COMMITTED);
    fake_put(&bed.fake, word_of(11), VOW_FOUND_COMMITTED);
    bed_start();
    run_until_forgotten(2);
    cr_assert_eq(one(VOW_STORE_COMMIT, 9), VOW_STORE_NO_RECORD, "no tombstone that no watermark would remove");
    cr_assert_eq(one(VOW_STORE_COMMIT, 11), VOW_STORE_DONE);
}

/* ---- one phase ---- */

Test(resource_recover, a_one_phase_commit_leaves_a_memo)
{
    struct vow_store_op forget = op_of(VOW_STORE_FORGET, 1);
    bed_start();
    cr_assert_eq(one(VOW_STORE_MEMO, 1), VOW_STORE_NO_RECORD);
    cr_assert_eq(one(VOW_STORE_ONE_PHASE, 1), VOW_STORE_DONE);
    cr_assert_eq(one(VOW_STORE_ONE_PHASE, 1), VOW_STORE_DONE, "a duplicate does nothing");
    cr_assert_eq(bed.fake.prepares, 1);
    bed_crash();
    cr_assert_eq(one(VOW_STORE_MEMO, 1), VOW_STORE_DONE);
    run_until_forgotten(1);
    bed_crash();
    cr_assert_eq(one(VOW_STORE_MEMO, 1), VOW_STORE_DONE);
    cr_assert_not_null(bed_run(&forget));
    cr_assert_eq(bed.fake.visible, 1);
}

/* What is not done again, until the watermark says that no copy of its message can come any more. */
static void expect_once(void)
{
    struct vow_store_op watermark = op_of(VOW_STORE_WATERMARK, 0);
    bed_crash();
    cr_assert_eq(one(VOW_STORE_ONE_PHASE, 1), VOW_STORE_DONE);
    cr_assert_eq(bed.fake.prepares, 1);
    cr_assert_eq(bed.fake.visible, 1);
    watermark.coord = COORD;
    watermark.watermark = (struct vow_watermark){EPOCH, 2};
    cr_assert_not_null(bed_run(&watermark));
    cr_assert_eq(one(VOW_STORE_MEMO, 1), VOW_STORE_NO_RECORD);
}

Test(resource_recover, F080_one_phase_is_not_done_again_after_FORGET)
{
    struct vow_store_op forget = op_of(VOW_STORE_FORGET, 1);
    bed_start();
    cr_assert_eq(one(VOW_STORE_ONE_PHASE, 1), VOW_STORE_DONE);
    run_until_forgotten(1);
    cr_assert_not_null(bed_run(&forget));
    expect_once();
}

/* The resource has committed, and that is not written down yet. */
Test(resource_recover, F080_one_phase_is_not_done_again_after_an_early_FORGET)
{
    struct vow_store_op forget = op_of(VOW_STORE_FORGET, 1);
    bed_start();
    cr_assert_eq(one(VOW_STORE_ONE_PHASE, 1), VOW_STORE_DONE);
    cr_assert_not_null(bed_run(&forget));
    run_until_forgotten(1);
    expect_once();
}

/* Its record at the resource was found again: that takes nothing from the tombstone. */
Test(resource_recover, F080_one_phase_is_forgotten_and_its_record_comes_back)
{
    struct vow_store_op forget = op_of(VOW_STORE_FORGET, 1);
    bed_start();
    cr_assert_eq(one(VOW_STORE_ONE_PHASE, 1), VOW_STORE_DONE);
    run_until_forgotten(1);
    cr_assert_not_null(bed_run(&forget));
    fake_put(&bed.fake, one_phase_word_of(1), VOW_FOUND_COMMITTED);
    bed_crash();
    run_until_forgotten(2);
    expect_once();
}

Test(resource_recover, F015_one_phase_crash_before_the_decision_is_an_abort)
{
    struct vow_store_op op = op_of(VOW_STORE_ONE_PHASE, 1);
    bed.fake.mode = FAKE_HELD;
    bed_start();
    cr_assert_null(bed_run(&op));
    cr_assert_eq(fake_state(&bed.fake, one_phase_word_of(1)), VOW_FOUND_PREPARED);
    bed.fake.mode = FAKE_NOW;
    fake_release(&bed.fake); /* the answer comes, and nobody takes it any more */
    bed_crash();
    cr_assert_eq(bed.recovered, 0, "the coordinator has nothing to decide here");
    cr_assert_null(bed_run(NULL));
    cr_assert_eq(fake_state(&bed.fake, one_phase_word_of(1)), 0);
    cr_assert_eq(one(VOW_STORE_MEMO, 1), VOW_STORE_NO_RECORD);
}

/* Decided, and the resource's commit is not answered when the process dies. */
static void crash_when_decided(void)
{
    struct vow_store_op op = op_of(VOW_STORE_ONE_PHASE, 1);
    bed.fake.mode = FAKE_HELD;
    bed_start();
    cr_assert_null(bed_run(&op));
    fake_release(&bed.fake);
    cr_assert_null(bed_run(NULL));
    cr_assert_eq(bed.fake.commits, 1);
    bed.fake.visible = 0;
    fake_put(&bed.fake, one_phase_word_of(1), VOW_FOUND_PREPARED); /* it had not come far */
    bed.fake.mode = FAKE_NOW;
    fake_release(&bed.fake);
    bed_crash();
}

Test(resource_recover, F015_one_phase_crash_after_the_decision_is_a_commit)
{
    crash_when_decided();
    cr_assert_eq(bed.recovered, 0);
    cr_assert_eq(one(VOW_STORE_MEMO, 1), VOW_STORE_DONE);
    cr_assert_eq(bed.fake.visible, 1);
    cr_assert_eq(fake_state(&bed.fake, one_phase_word_of(1)), VOW_FOUND_COMMITTED);
    cr_assert_eq(bed.fake.aborts, 0);
}

Test(resource_recover, a_memo_stays_until_the_resource_has_committed)
{
    struct vow_store_op forget = op_of(VOW_STORE_FORGET, 1);
    crash_when_decided();
    bed.fake.says = VOW_SAID_TRY_AGAIN;
    cr_assert_not_null(bed_run(&forget));
    bed.fake.says = 0;
    bed_crash();
    cr_assert_null(bed_run(NULL));
    cr_assert_eq(bed.fake.visible, 1, "FORGET must not turn it into one that was not decided");
    cr_assert_eq(bed.fake.aborts, 0);
}

Test(resource_recover, a_decided_branch_that_the_resource_has_lost_stops_the_store)
{
    crash_when_decided();
    bed.fake.records_len = 0;
    bed_run_breaks(NULL, VOW_E_DAMAGED);
    cr_assert_not_null(strstr(bed.detail.text, one_phase_word_of(1)), "%s", bed.detail.text);
}

Test(resource_recover, a_decided_branch_that_is_not_listed_is_committed_again)
{
    crash_when_decided();
    cr_assert_null(bed_run(NULL));
    fake_put(&bed.fake, one_phase_word_of(1), VOW_FOUND_COMMITTED);
    const struct fake_record kept = bed.fake.records[0];
    bed.fake.records_len = 0;
    bed.store->failed = true;
    bed_close();
    bed_start(); /* recover lists nothing */
    bed.fake.records[0] = kept;
    bed.fake.records_len = 1;
    cr_assert_null(bed_run(NULL));
    cr_assert_eq(bed.fake.commits, 3);
    cr_assert_eq(bed.fake.visible, 1);
    run_until_forgotten(1);
}

/* ---- what open refuses ---- */

static void expect_refused(int error, const char *word)
{
    cr_assert_eq(bed_open(), error, "%s", bed.detail.text);
    cr_assert_not_null(strstr(bed.detail.text, word), "%s", bed.detail.text);
}

Test(resource_recover, a_new_file_beside_old_branches)
{
    fake_put(&bed.fake, word_of(1), VOW_FOUND_PREPARED);
    expect_refused(VOW_E_DAMAGED, "new");
}

Test(resource_recover, lists_that_cannot_be_true)
{
    bed_start();
    cr_assert_eq(one(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    bed_close();
    bed.fake.lists_twice = true;
    expect_refused(VOW_E_DAMAGED, "twice");
    bed.fake.lists_twice = false;
    bed.fake.lists_also = "somebody-elses-branch";
    expect_refused(VOW_E_DAMAGED, "recover returned");
    bed.fake.lists_also = NULL;
    bed.fake.recover_says = 5;
    expect_refused(VOW_E_DAMAGED, "recover returned 5");
    bed.fake.recover_says = 0;
    bed_start();
    cr_assert_eq(one(VOW_STORE_COMMIT, 1), VOW_STORE_DONE);
    bed_close();
    fake_put(&bed.fake, word_of(1), VOW_FOUND_PREPARED);
    expect_refused(VOW_E_DAMAGED, "lost its commit");
}

Test(resource_recover, words_are_read_as_they_are_written)
{
    struct vow_gtrid id = id_of(1), read;
    uint32_t branch;
    bool is_one_phase;
    char word[VOW_BRANCH_WORD_SIZE], longer[2 * VOW_BRANCH_WORD_SIZE];
    word_make(&id, UINT32_MAX, true, word);
    cr_assert(word_read(word, &read, &branch, &is_one_phase));
    cr_assert(vow_gtrid_equal(&id, &read) && branch == UINT32_MAX && is_one_phase);
    snprintf(longer, sizeof(longer), "%s0000000000", word);
    cr_assert_not(word_read(longer, &read, &branch, &is_one_phase));
    cr_assert_not(word_read("", &read, &branch, &is_one_phase));
    word[0] = 'Q';
    cr_assert_not(word_read(word, &read, &branch, &is_one_phase));
}

Test(resource_recover, the_struct_must_be_whole)
{
    const struct vow_resource whole = bed.fake.resource;
    bed.fake.resource.commit = NULL;
    expect_refused(VOW_E_ARGUMENT, "five callbacks");
    bed.fake.resource = whole;
    bed.fake.resource.size = sizeof(whole) + 8;
    expect_refused(VOW_E_ARGUMENT, "size");
    bed.fake.resource.size = 8;
    expect_refused(VOW_E_ARGUMENT, "size");
    bed.fake.resource = whole;
    bed.fake.resource.answers_max = 1025;
    expect_refused(VOW_E_ARGUMENT, "answers_max");
}

Test(resource_recover, a_file_has_one_user)
{
    const struct vow_store_ops *ops;
    void *other;
    bed_start();
    cr_assert_eq(vow_store_resource_open(&bed.fake.resource, bed.path, &ops, &other, &bed.detail), VOW_E_LOCKED, "%s",
                 bed.detail.text);
    cr_assert_not_null(strstr(bed.detail.text, "in use"));
}

static void in_file(const char *sql)
{
    sqlite3 *db;
    cr_assert_eq(sqlite3_open(bed.path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

Test(resource_recover, a_services_database_is_not_touched)
{
    in_file("CREATE TABLE item (name)");
    expect_refused(VOW_E_DATABASE, "another path");
}

Test(resource_recover, a_newer_or_damaged_file)
{
    bed_start();
    bed_close();
    in_file("UPDATE vow_meta SET value = 3 WHERE key = 'resource_format'");
    expect_refused(VOW_E_NEWER, "newer");
    in_file("UPDATE vow_meta SET value = 1 WHERE key = 'resource_format'; DELETE FROM vow_meta WHERE key = 'uuid';"
            "INSERT INTO vow_meta VALUES ('uuid', 'x')");
    expect_refused(VOW_E_DAMAGED, "vow_meta");
}

Test(resource_recover, no_database_at_all)
{
    FILE *file = fopen(bed.path, "w");
    for (unsigned i = 0; i < 1000; i++)
        fputs("this is no database\n", file);
    fclose(file);
    expect_refused(VOW_E_DATABASE, bed.path);
}

/* Protocol 2.6: through a crash, and until its end. Nothing is forced for it. */
Test(resource_recover, whom_to_ask_comes_back_with_the_branch)
{
    static char peers[] = "south 3 10.0.0.2:7421\n";
    bed_start();
    struct vow_store_op op = op_of(VOW_STORE_PREPARE, 1);
    op.peers = peers;
    cr_assert_eq(bed_run(&op), &op.job);
    cr_assert_eq(op.result, VOW_STORE_DONE);
    bed_crash();
    cr_assert_eq(bed.recovered, 1);
    cr_assert_str_eq(bed.last_peers, peers);
    cr_assert_eq(one(VOW_STORE_COMMIT, 1), VOW_STORE_DONE);
    run_until_forgotten(1);
    cr_assert_null(state_peers_get(bed.store->file, &op.gtrid, op.branch));

    op = op_of(VOW_STORE_PREPARE, 2);
    op.peers = peers;
    cr_assert_eq(bed_run(&op), &op.job);
    cr_assert_eq(one(VOW_STORE_ABORT, 2), VOW_STORE_DONE);
    cr_assert_null(state_peers_get(bed.store->file, &op.gtrid, op.branch));
    cr_assert_eq(one(VOW_STORE_PREPARE, 3), VOW_STORE_DONE);
    bed_crash();
    cr_assert_str_eq(bed.last_peers, "");
}

/* A peer is told of a tombstone, written down or not yet, and of nothing else. */
Test(resource_recover, recall_knows_tombstones_only)
{
    bed_start();
    cr_assert_eq(one(VOW_STORE_RECALL, 1), VOW_STORE_NO_RECORD);
    cr_assert_eq(one(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    cr_assert_eq(one(VOW_STORE_RECALL, 1), VOW_STORE_NO_RECORD);
    cr_assert_eq(one(VOW_STORE_COMMIT, 1), VOW_STORE_DONE);
    cr_assert_eq(one(VOW_STORE_RECALL, 1), VOW_STORE_DONE);
    run_until_forgotten(1);
    bed_crash();
    cr_assert_eq(one(VOW_STORE_RECALL, 1), VOW_STORE_DONE);
    cr_assert_eq(one(VOW_STORE_ONE_PHASE, 2), VOW_STORE_DONE);
    cr_assert_eq(one(VOW_STORE_RECALL, 2), VOW_STORE_NO_RECORD);
}
