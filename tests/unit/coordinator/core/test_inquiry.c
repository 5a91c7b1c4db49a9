/* Who is prepared and asks about what is not in memory: only the journal's proved silence is an abort (I10). */
#include <criterion/criterion.h>

#include "fixture.h"

#define COMMITTED                                                                                                      \
    {                                                                                                                  \
        .found = true, .decided = true, .outcome = VOW_COMMITTED                                                       \
    }

/* The coordinator was started again: p is prepared in an id of its life before. */
struct case_of {
    struct fixture f;
    uint64_t p;
    struct vow_msg_header header;
};

static void restart(struct case_of *c, const struct vow_coord_limits *limits)
{
    struct vow_gtrid id;

    fixture_open(&c->f);
    id = fixture_id(&c->f, 0);
    fixture_close(&c->f);
    fixture_init(&c->f, limits, 2);
    fixture_recovery_done(&c->f);
    c->p = fixture_peer_up(&c->f, "p");
    c->header = fixture_header(&c->f, &id, 3, 1);
}

static void set_up(struct case_of *c)
{
    struct vow_coord_limits limits = fixture_limits();

    restart(c, &limits);
}

static void inquire(struct case_of *c)
{
    fixture_branch(&c->f, c->p, VOW_MSG_INQUIRY, &c->header);
}

/* The journal's answer to the question of the last step. */
static void answer(struct case_of *c, struct vow_coord_lookup lookup)
{
    const struct vow_coord_effect *effect = fixture_effect(&c->f, VOW_COORD_LOOKUP, 0);

    cr_assert_not_null(effect, "the journal was not asked");
    cr_assert_null(fixture_message(&c->f, VOW_MSG_DECISION), "nothing is said before it has spoken");
    lookup.question = effect->lookup.question;
    lookup.session = effect->session;
    fixture_looked_up(&c->f, &lookup);
}

static void expect_verdict(const struct case_of *c, enum vow_verdict verdict)
{
    const struct vow_msg *msg = fixture_message(&c->f, VOW_MSG_DECISION);

    cr_assert_not_null(msg);
    cr_expect_eq(msg->decision.verdict, verdict);
    cr_expect_eq(msg->decision.header.branch, c->header.branch);
    cr_expect_eq(msg->decision.header.incarnation, c->header.incarnation);
    cr_expect_eq(msg->decision.header.epoch, c->f.epoch);
    cr_expect_null(fixture_outcome(&c->f), "a participant is no client");
}

static void expect_wait(const struct case_of *c, enum vow_wait reason)
{
    const struct vow_msg *msg = fixture_message(&c->f, VOW_MSG_WAIT);

    cr_expect_null(fixture_message(&c->f, VOW_MSG_DECISION));
    cr_assert_not_null(msg);
    cr_expect_eq(msg->wait.reason, reason);
}

/* F045, F113: its data file lost the commit that it had acknowledged. COMMIT and END are in the journal, and nothing in
 * memory. */
Test(inquiry, F045_I10_what_committed_and_ended_before_the_restart_is_told_to_commit)
{
    struct case_of c;

    set_up(&c);
    inquire(&c);
    answer(&c, (struct vow_coord_lookup)COMMITTED);
    expect_verdict(&c, VOW_COMMIT);
    fixture_close(&c.f);
}

Test(inquiry, F045_I10_a_late_vote_is_an_inquiry)
{
    struct case_of c;

    set_up(&c);
    fixture_vote(&c.f, c.p, &c.header, VOW_VOTE_YES);
    answer(&c, (struct vow_coord_lookup)COMMITTED);
    expect_verdict(&c, VOW_COMMIT);
    fixture_close(&c.f);
}

/* The ring is small: the same life forgets, too. */
Test(inquiry, F045_I10_what_the_ring_forgot_is_asked_of_the_journal)
{
    struct vow_coord_limits limits = fixture_limits();
    struct vow_gtrid id;
    struct case_of c;

    limits.ended_max = 1;
    restart(&c, &limits);
    id = fixture_id(&c.f, 0);
    fixture_commit(&c.f, 500, &id, (const char *const[]){"p"}, 1);
    c.header = fixture_header(&c.f, &id, 0, 1);
    fixture_vote(&c.f, c.p, &c.header, VOW_VOTE_YES);
    fixture_log_done(&c.f, fixture_token(&c.f));
    fixture_ack(&c.f, c.p, &c.header, VOW_ACK_DONE);
    fixture_log_done(&c.f, fixture_token(&c.f));
    inquire(&c);
    expect_verdict(&c, VOW_COMMIT);
    id = fixture_id(&c.f, 0);
    fixture_commit(&c.f, 500, &id, NULL, 0);
    inquire(&c);
    answer(&c, (struct vow_coord_lookup)COMMITTED);
    expect_verdict(&c, VOW_COMMIT);
    fixture_close(&c.f);
}

Test(inquiry, I10_proved_silence_and_notes_are_aborts)
{
    const struct vow_coord_lookup aborts[] = {
        {.found = false},
        {.found = true, .outcome = VOW_ABORTED, .cause = VOW_CAUSE_VOTE_TIMEOUT},
        {.found = true, .outcome = VOW_COMMITTED}, /* a note: nobody wrote, or in one phase */
    };
    struct case_of c;

    for (size_t i = 0; i < sizeof(aborts) / sizeof(aborts[0]); i++) {
        set_up(&c);
        inquire(&c);
        answer(&c, aborts[i]);
        expect_verdict(&c, VOW_ABORT);
        fixture_close(&c.f);
    }
}

/* What is below the floor may have committed. Nobody knows any more, and an operator hears of it, once. */
Test(inquiry, F045_I10_below_the_floor_it_never_aborts_and_an_operator_hears_of_it_once)
{
    struct case_of c;

    set_up(&c);
    for (int i = 0; i < 3; i++) {
        const struct vow_coord_effect *alarm;

        inquire(&c);
        answer(&c, (struct vow_coord_lookup){.below_floor = true});
        expect_wait(&c, VOW_WAIT_EXPIRED);
        alarm = fixture_effect(&c.f, VOW_COORD_ALARM, 0);
        cr_expect_eq(alarm != NULL, i == 0);
        if (alarm != NULL)
            cr_expect_str_eq(alarm->alarm.who, "p");
    }
    fixture_close(&c.f);
}

Test(inquiry, I10_silence_that_is_not_proved_is_no_abort)
{
    struct case_of c;

    set_up(&c);
    inquire(&c);
    answer(&c, (struct vow_coord_lookup){.unproved = true});
    expect_wait(&c, VOW_WAIT_RECOVERING);
    cr_expect_null(fixture_effect(&c.f, VOW_COORD_ALARM, 0));
    inquire(&c);
    answer(&c, (struct vow_coord_lookup){.found = false});
    expect_verdict(&c, VOW_ABORT);
    fixture_close(&c.f);
}

/* F028: many ask at once after a start. The questions are bounded; who is over waits its turn. */
Test(inquiry, F028_the_questions_to_the_journal_are_bounded)
{
    struct vow_coord_limits limits = fixture_limits();
    struct vow_coord_lookup lookup = {.found = false};
    struct case_of c;

    limits.txns_max = 2;
    restart(&c, &limits);
    for (int i = 0; i < 2; i++) {
        inquire(&c);
        lookup.question = fixture_effect(&c.f, VOW_COORD_LOOKUP, 0)->lookup.question;
        lookup.session = c.p;
    }
    inquire(&c);
    cr_expect_null(fixture_effect(&c.f, VOW_COORD_LOOKUP, 0));
    expect_wait(&c, VOW_WAIT_RECOVERING);
    fixture_looked_up(&c.f, &lookup);
    inquire(&c);
    answer(&c, lookup);
    expect_verdict(&c, VOW_ABORT);
    fixture_close(&c.f);
}

/* The answer finds nobody, and is asked for again on the next connection. */
Test(inquiry, an_answer_for_a_connection_that_is_gone_is_dropped)
{
    struct vow_coord_lookup lookup = COMMITTED;
    struct case_of c;

    set_up(&c);
    inquire(&c);
    lookup.question = fixture_effect(&c.f, VOW_COORD_LOOKUP, 0)->lookup.question;
    lookup.session = c.p;
    fixture_down(&c.f, c.p);
    c.p = fixture_peer_back(&c.f, "p", 2, 1);
    fixture_looked_up(&c.f, &lookup);
    cr_expect_eq(c.f.effects.len, 0);
    inquire(&c);
    answer(&c, lookup);
    expect_verdict(&c, VOW_COMMIT);
    fixture_close(&c.f);
}

/* A client asks about the same id at the same time: each hears its own answer. */
Test(inquiry, a_client_and_a_participant_ask_at_once)
{
    struct vow_coord_lookup lookup = COMMITTED, client = COMMITTED;
    struct case_of c;

    set_up(&c);
    fixture_status(&c.f, 500, &c.header.gtrid, "");
    client.question = fixture_effect(&c.f, VOW_COORD_LOOKUP, 0)->lookup.question;
    client.session = 500;
    inquire(&c);
    answer(&c, lookup);
    expect_verdict(&c, VOW_COMMIT);
    fixture_looked_up(&c.f, &client);
    cr_assert_not_null(fixture_outcome(&c.f));
    cr_expect_eq(fixture_outcome(&c.f)->outcome, VOW_COMMITTED);
    cr_expect_null(fixture_message(&c.f, VOW_MSG_DECISION));
    fixture_close(&c.f);
}

/* Its own report of damage under the same id is being judged, on the same connection: the answers do not mix. */
Test(inquiry, an_inquiry_is_not_the_answer_to_a_report)
{
    struct vow_coord_lookup report = {.found = false};
    struct case_of c;

    set_up(&c);
    fixture_report(&c.f, c.p, &c.header, VOW_COMMIT);
    report.question = fixture_effect(&c.f, VOW_COORD_LOOKUP, 0)->lookup.question;
    report.session = c.p;
    inquire(&c);
    answer(&c, (struct vow_coord_lookup){.found = false});
    expect_verdict(&c, VOW_ABORT);
    cr_expect_str_eq(fixture_state(&c.f, &c.header.gtrid), "JUDGING");
    fixture_looked_up(&c.f, &report);
    cr_expect_str_eq(fixture_state(&c.f, &c.header.gtrid), "DAMAGING");
    fixture_close(&c.f);
}
