/* Ids and the forget watermark: protocol 2.1, 2.8. */
#include <criterion/criterion.h>
#include <string.h>

#include "fixture.h"
#include "proto/error.h"

static const char *const one[] = {"p"};

static struct vow_watermark watermark(const struct fixture *f)
{
    return fixture_counts(f).watermark;
}

static void grant(struct fixture *f, uint32_t count, struct vow_gtrid *ids)
{
    const struct vow_msg_ids *got;

    fixture_send(f, 999, &(struct vow_msg){.kind = VOW_MSG_IDS_REQUEST, .ids_request = {count}});
    got = &fixture_message(f, VOW_MSG_IDS)->ids;
    cr_assert_eq(got->count, count);
    for (uint32_t i = 0; i < count; i++)
        ids[i] = vow_gtrid_make(FIXTURE_COORD, got->epoch, got->first_seq + i, 0, got->rand[i]);
}

Test(ids, a_grant_makes_no_entry_and_is_clamped)
{
    struct fixture f;

    fixture_open(&f);
    fixture_send(&f, 1, &(struct vow_msg){.kind = VOW_MSG_IDS_REQUEST, .ids_request = {100000}});
    cr_expect_eq(fixture_message(&f, VOW_MSG_IDS)->ids.count, VOW_IDS_MAX);
    fixture_send(&f, 1, &(struct vow_msg){.kind = VOW_MSG_IDS_REQUEST, .ids_request = {0}});
    cr_expect_eq(fixture_message(&f, VOW_MSG_IDS)->ids.count, 1);
    cr_expect_eq(fixture_message(&f, VOW_MSG_IDS)->ids.first_seq, 1 + VOW_IDS_MAX);
    cr_expect_eq(fixture_counts(&f).open, 0);
    fixture_close(&f);
}

/* The oldest are void, whatever their bit was: a bit that is used again must not make them begin. */
Test(ids, beyond_the_window_the_oldest_are_void)
{
    struct vow_gtrid first[VOW_IDS_MAX], more[VOW_IDS_MAX];
    struct fixture f;

    fixture_open(&f);
    fixture_peer_up(&f, "p");
    grant(&f, VOW_IDS_MAX, first);
    fixture_commit(&f, 1, &first[3], one, 1);
    for (int i = 0; i < 3; i++)
        grant(&f, VOW_IDS_MAX, more);
    fixture_commit(&f, 1, &first[5], one, 1);
    cr_expect_not_null(fixture_effect(&f, VOW_COORD_LOOKUP, 0));
    cr_expect_str_eq(fixture_state(&f, &first[5]), "NONE");
    cr_expect_str_eq(fixture_state(&f, &first[3]), "PREPARING");
    fixture_commit(&f, 1, &more[3], one, 1);
    cr_expect_str_eq(fixture_state(&f, &more[3]), "PREPARING");
    fixture_close(&f);
}

Test(ids, an_id_lives_for_the_timeout_and_not_for_twice_that)
{
    struct vow_gtrid ids[2];
    struct fixture f;

    fixture_open(&f);
    fixture_peer_up(&f, "p");
    fixture_after(&f, 29999); /* just before the marks move */
    grant(&f, 2, ids);
    fixture_after(&f, 29999);
    fixture_commit(&f, 1, &ids[0], one, 1);
    cr_expect_str_eq(fixture_state(&f, &ids[0]), "PREPARING");
    fixture_after(&f, 30001);
    fixture_commit(&f, 1, &ids[1], one, 1);
    cr_expect_not_null(fixture_effect(&f, VOW_COORD_LOOKUP, 0));
    fixture_close(&f);
}

/* F170: the rand part is what only the coordinator can know. */
Test(ids, F170_a_guess_is_refused_and_counted)
{
    struct vow_gtrid id;
    struct fixture f;

    fixture_open(&f);
    fixture_peer_up(&f, "p");
    id = fixture_id(&f, 0);
    id = vow_gtrid_make(FIXTURE_COORD, 1, vow_gtrid_seq(&id) + 1, 0, vow_gtrid_rand(&id));
    fixture_commit(&f, 1, &id, one, 1);
    cr_expect_eq(fixture_outcome(&f)->error, VOW_E_NOT_FOUND);
    cr_expect_eq(fixture_counts(&f).protocol_errors, 1);
    fixture_close(&f);
}

/* The flags are the client's, so one sequence has two ids: only the one that is used first begins. */
Test(ids, the_other_flags_make_another_id_that_never_begins)
{
    struct vow_gtrid id, other;
    struct fixture f;

    fixture_open(&f);
    fixture_peer_up(&f, "p");
    id = fixture_id(&f, 0);
    other = vow_gtrid_make(FIXTURE_COORD, 1, vow_gtrid_seq(&id), VOW_GTRID_ONE_PHASE, vow_gtrid_rand(&id));
    fixture_commit(&f, 1, &id, one, 1);
    fixture_commit(&f, 2, &other, one, 1);
    cr_expect_str_eq(fixture_state(&f, &id), "PREPARING");
    cr_expect_str_eq(fixture_state(&f, &other), "LOOKING_UP");
    fixture_close(&f);
}

/*
 * F056, I18: whoever reports damage names an abort, so an id that could still begin is void from then on, and a client
 * that comes with it while the journal is asked hears what it hears of the past.
 */
Test(ids, I18_an_id_that_damage_is_reported_of_never_begins)
{
    struct vow_msg_header header;
    struct vow_gtrid id;
    struct fixture f;
    uint64_t peer;

    fixture_open(&f);
    peer = fixture_peer_up(&f, "p");
    id = fixture_id(&f, 0);
    header = fixture_header(&f, &id, 0, 1);
    fixture_report(&f, peer, &header, VOW_COMMIT);
    cr_assert_str_eq(fixture_state(&f, &id), "JUDGING");
    fixture_commit(&f, 1, &id, one, 1);
    cr_expect_not_null(fixture_effect(&f, VOW_COORD_LOOKUP, 0), "it is asked about, and does not begin");
    fixture_looked_up(&f, &(struct vow_coord_lookup){.question.gtrid = id, .session = peer, .unproved = true});
    cr_assert_str_eq(fixture_state(&f, &id), "NONE");
    fixture_commit(&f, 1, &id, one, 1);
    cr_expect_str_eq(fixture_state(&f, &id), "NONE");
    fixture_close(&f);
}

static void vote_and_log(struct fixture *f, uint64_t peer, const struct vow_gtrid *id)
{
    struct vow_msg_header header = fixture_header(f, id, 0, 1);

    fixture_vote(f, peer, &header, VOW_VOTE_YES);
    fixture_log_done(f, fixture_token(f));
}

/* Everything below the watermark has a durable END or never commits. */
Test(watermark, waits_for_the_oldest_id_that_may_commit)
{
    struct vow_msg_header header;
    struct vow_gtrid ids[4];
    struct fixture f;
    uint64_t peer, end;

    fixture_open(&f);
    peer = fixture_peer_up(&f, "p");
    cr_expect_eq(watermark(&f).seq, 1);
    grant(&f, 4, ids);
    fixture_commit(&f, 1, &ids[1], one, 1);
    vote_and_log(&f, peer, &ids[1]);
    header = fixture_header(&f, &ids[1], 0, 1);
    fixture_status(&f, 1, &ids[0], "");
    cr_expect_eq(watermark(&f).seq, 2, "the open one holds it");
    fixture_ack(&f, peer, &header, VOW_ACK_DONE);
    end = fixture_token(&f);
    cr_expect_eq(watermark(&f).seq, 2, "END is not durable yet");
    fixture_log_done(&f, end);
    cr_expect_eq(watermark(&f).seq, 3, "an unused id holds it");
    fixture_commit(&f, 1, &ids[3], one, 1);
    cr_expect_eq(fixture_message(&f, VOW_MSG_PREPARE)->prepare.watermark.seq, 3);
    fixture_after(&f, 30000);
    fixture_after(&f, 30000);
    cr_expect_eq(watermark(&f).seq, 5, "void by age, aborted by the vote timer");
    fixture_close(&f);
}

Test(watermark, an_open_transaction_of_an_older_epoch_holds_it)
{
    struct vow_record_branch member = {.name = "p", .incarnation = 1};
    struct vow_record record = {.kind = VOW_RECORD_COMMIT, .epoch = 2, .branches_len = 1, .branches = &member};
    struct vow_coord_limits limits = fixture_limits();
    struct vow_msg_header header;
    struct fixture f;
    uint64_t peer;

    fixture_init(&f, &limits, 3);
    record.gtrid = vow_gtrid_make(FIXTURE_COORD, 2, 41, 0, 7);
    memset(member.db_uuid, 1, sizeof(member.db_uuid));
    fixture_recovered(&f, &record);
    cr_expect_eq(watermark(&f).epoch, 0, "before recovery is done, nothing is known");
    fixture_recovery_done(&f);
    cr_expect_eq(watermark(&f).epoch, 2);
    cr_expect_eq(watermark(&f).seq, 41);
    peer = fixture_peer_up(&f, "p");
    header = fixture_header(&f, &record.gtrid, 0, 1);
    fixture_ack(&f, peer, &header, VOW_ACK_DONE);
    fixture_log_done(&f, fixture_token(&f));
    cr_expect_eq(watermark(&f).epoch, 3);
    fixture_close(&f);
}

/* In the last epoch of all, too, transactions commit, and the watermark follows. */
Test(ids, F152_the_last_epoch_is_an_epoch)
{
    struct vow_coord_limits limits = fixture_limits();
    struct fixture f;

    fixture_init(&f, &limits, UINT32_MAX);
    fixture_recovery_done(&f);
    const uint64_t stock = fixture_peer_back(&f, "stock", UINT64_MAX, 1);
    const struct vow_gtrid id = fixture_id(&f, 0);
    const struct vow_msg_header header = fixture_header(&f, &id, 0, UINT64_MAX);

    cr_expect_eq(vow_gtrid_epoch(&id), UINT32_MAX);
    fixture_commit(&f, 500, &id, (const char *const[]){"stock"}, 1);
    fixture_vote(&f, stock, &header, VOW_VOTE_YES);
    fixture_log_done(&f, fixture_token(&f));
    cr_assert_not_null(fixture_outcome(&f));
    cr_expect_eq(fixture_outcome(&f)->outcome, VOW_COMMITTED);
    fixture_ack(&f, stock, &header, VOW_ACK_DONE);
    fixture_log_done(&f, fixture_token(&f));
    cr_expect_eq(fixture_counts(&f).watermark.epoch, UINT32_MAX);
    cr_expect_geq(fixture_counts(&f).watermark.seq, vow_gtrid_seq(&id));
    fixture_close(&f);
}

/* A saga's id begins one thing, whoever asks for it: a transaction under the same id would have no log of its own. */
Test(ids, what_a_saga_has_used_begins_no_transaction)
{
    struct vow_gtrid ids[3], older, foreign;
    struct fixture f;

    fixture_open(&f);
    fixture_peer_up(&f, "p");
    grant(&f, 3, ids);
    fixture_commit(&f, 1, &ids[1], one, 1);
    cr_expect_eq(vow_coord_id(f.core, &ids[0]), VOW_COORD_ID_FRESH);
    cr_expect_eq(vow_coord_id(f.core, &ids[1]), VOW_COORD_ID_USED);
    vow_coord_use_id(f.core, &ids[0]);
    cr_expect_eq(vow_coord_id(f.core, &ids[0]), VOW_COORD_ID_USED);
    fixture_commit(&f, 1, &ids[0], one, 1);
    cr_expect_str_eq(fixture_state(&f, &ids[0]), "NONE");
    cr_expect_not_null(fixture_effect(&f, VOW_COORD_LOOKUP, 0));
    foreign = vow_gtrid_make(FIXTURE_COORD + 1, vow_gtrid_epoch(&ids[2]), vow_gtrid_seq(&ids[2]), 0, 1);
    cr_expect_eq(vow_coord_id(f.core, &foreign), VOW_COORD_ID_VOID);
    older = vow_gtrid_make(FIXTURE_COORD, vow_gtrid_epoch(&ids[2]) - 1, 1, 0, 1);
    cr_expect_eq(vow_coord_id(f.core, &older), VOW_COORD_ID_USED);
    fixture_close(&f);
}
