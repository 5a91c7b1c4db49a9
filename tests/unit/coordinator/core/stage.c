#include "stage.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *const one[] = {"p"};

void stage_commit(struct stage *s)
{
    fixture_commit(&s->f, s->client, &s->id, one, 1);
    fixture_vote(&s->f, s->peer, &s->header, VOW_VOTE_YES);
    fixture_log_done(&s->f, fixture_token(&s->f));
}

static void reach_looking_up(struct stage *s)
{
    struct vow_coord_limits limits = fixture_limits();

    /* A restart of the coordinator: the id is of an older epoch. */
    fixture_close(&s->f);
    fixture_init(&s->f, &limits, 2);
    fixture_recovery_done(&s->f);
    s->peer = fixture_peer_up(&s->f, "p");
    s->client = 500;
    s->header = fixture_header(&s->f, &s->id, 0, 1);
    fixture_status(&s->f, s->client, &s->id, "p");
}

void stage_log_done(struct stage *s)
{
    uint64_t token = 0;

    for (size_t i = 0; i < s->f.effects.len; i++) {
        if (s->f.effects.items[i].kind == VOW_COORD_LOG && s->f.effects.items[i].log.token != 0)
            token = s->f.effects.items[i].log.token;
    }
    fixture_log_done(&s->f, token);
}

static void reach_damage(struct stage *s, enum txn_state state)
{
    stage_commit(s);
    if (state == TXN_ABANDONED) {
        fixture_down(&s->f, s->peer);
        fixture_forget(&s->f, &s->id, "");
        stage_log_done(s);
        s->peer = fixture_peer_up(&s->f, "p");
        return;
    }
    fixture_ack(&s->f, s->peer, &s->header, VOW_ACK_NO_RECORD);
    if (state == TXN_DAMAGING)
        return;
    stage_log_done(s);
    if (state == TXN_FORGIVING)
        fixture_forget(&s->f, &s->id, "");
}

/* The participant says so on the session that the journal is asked for. */
static void reach_judging(struct stage *s)
{
    fixture_request(&s->f, s->client, VOW_MSG_ROLLBACK_REQUEST, &s->id);
    fixture_report(&s->f, s->peer, &s->header, VOW_COMMIT);
}

void stage_reach(struct stage *s, enum txn_state state)
{
    bool one_phase = state == TXN_DELEGATED || state == TXN_FORGETTING || state == TXN_LOOKING_UP;

    memset(s, 0, sizeof(*s));
    fixture_open(&s->f);
    s->peer = fixture_peer_up(&s->f, "p");
    s->client = 500;
    s->id = fixture_id(&s->f, one_phase ? VOW_GTRID_ONE_PHASE : 0);
    s->header = fixture_header(&s->f, &s->id, 0, 1);
    switch (state) {
    case TXN_NONE: /* ended, so that nothing can begin it */
        fixture_request(&s->f, s->client, VOW_MSG_ROLLBACK_REQUEST, &s->id);
        break;
    case TXN_ACTIVE:
        fixture_request(&s->f, s->client, VOW_MSG_BEGIN, &s->id);
        fixture_branch(&s->f, s->peer, VOW_MSG_ENLIST, &s->header);
        break;
    case TXN_PREPARING:
    case TXN_DELEGATED:
        fixture_commit(&s->f, s->client, &s->id, one, 1);
        break;
    case TXN_DECIDING:
        fixture_commit(&s->f, s->client, &s->id, one, 1);
        fixture_vote(&s->f, s->peer, &s->header, VOW_VOTE_YES);
        break;
    case TXN_COMMITTING:
        stage_commit(s);
        break;
    case TXN_ENDING:
        stage_commit(s);
        fixture_ack(&s->f, s->peer, &s->header, VOW_ACK_DONE);
        break;
    case TXN_FORGETTING:
        fixture_commit(&s->f, s->client, &s->id, one, 1);
        fixture_one_phase_done(&s->f, s->peer, &s->header, VOW_ONE_PHASE_COMMITTED);
        break;
    case TXN_LOOKING_UP:
        reach_looking_up(s);
        break;
    case TXN_DAMAGING:
    case TXN_HEUR:
    case TXN_FORGIVING:
    case TXN_ABANDONED:
        reach_damage(s, state);
        break;
    case TXN_JUDGING:
        reach_judging(s);
        break;
    case TXN_STATES:
        break;
    }
    s->lookup =
        (struct vow_coord_lookup){.question.gtrid = s->id, .session = state == TXN_JUDGING ? s->peer : s->client};
    cr_assert_str_eq(fixture_state(&s->f, &s->id), vow_coord_fsm()->states[state].name);
}

bool stage_feed(struct stage *s, enum txn_event event)
{
    switch (event) {
    case TXN_ON_BEGIN:
        fixture_request(&s->f, s->client, VOW_MSG_BEGIN, &s->id);
        return true;
    case TXN_ON_ENLIST:
        fixture_branch(&s->f, s->peer, VOW_MSG_ENLIST, &s->header);
        return true;
    case TXN_ON_COMMIT_REQUEST:
        fixture_commit(&s->f, s->client, &s->id, one, 1);
        return true;
    case TXN_ON_ROLLBACK_REQUEST:
        fixture_request(&s->f, s->client, VOW_MSG_ROLLBACK_REQUEST, &s->id);
        return true;
    case TXN_ON_STATUS_REQUEST:
        fixture_status(&s->f, s->client, &s->id, "p");
        return true;
    case TXN_ON_LOOKED_UP:
        fixture_looked_up(&s->f, &s->lookup);
        return true;
    case TXN_ON_VOTE_YES:
        fixture_vote(&s->f, s->peer, &s->header, VOW_VOTE_YES);
        return true;
    case TXN_ON_VOTE_READ_ONLY:
        fixture_vote(&s->f, s->peer, &s->header, VOW_VOTE_READ_ONLY);
        return true;
    case TXN_ON_VOTE_NO:
        fixture_vote(&s->f, s->peer, &s->header, VOW_VOTE_NO);
        return true;
    case TXN_ON_ACK_DONE:
        fixture_ack(&s->f, s->peer, &s->header, VOW_ACK_DONE);
        return true;
    case TXN_ON_ACK_NO_RECORD:
        fixture_ack(&s->f, s->peer, &s->header, VOW_ACK_NO_RECORD);
        return true;
    case TXN_ON_ACK_MISMATCH:
        fixture_ack(&s->f, s->peer, &s->header, VOW_ACK_HEURISTIC_MISMATCH);
        return true;
    case TXN_ON_HEURISTIC_REPORT:
        fixture_report(&s->f, s->peer, &s->header, VOW_ABORT);
        return true;
    case TXN_ON_FORGET_ORDER:
        fixture_forget(&s->f, &s->id, "");
        return true;
    case TXN_ON_INQUIRY:
        fixture_branch(&s->f, s->peer, VOW_MSG_INQUIRY, &s->header);
        return true;
    case TXN_ON_ONE_PHASE_COMMITTED:
        fixture_one_phase_done(&s->f, s->peer, &s->header, VOW_ONE_PHASE_COMMITTED);
        return true;
    case TXN_ON_ONE_PHASE_ABORTED:
        fixture_one_phase_done(&s->f, s->peer, &s->header, VOW_ONE_PHASE_ABORTED);
        return true;
    case TXN_ON_ONE_PHASE_NO_RECORD:
        fixture_one_phase_done(&s->f, s->peer, &s->header, VOW_ONE_PHASE_NO_RECORD);
        return true;
    case TXN_ON_CLIENT_LOST:
    case TXN_ON_PARTICIPANT_LOST:
    case TXN_ON_TIMEOUT:
    case TXN_ON_LOGGED:
    case TXN_ON_RECOVERED_COMMIT:
    case TXN_ON_RECOVERED_HAZARD:
    case TXN_ON_RECOVERED_HEURISTIC:
    case TXN_ON_RECOVERED_DAMAGE:
    case TXN_ON_RECOVERED_FORGET:
    case TXN_EVENTS:
        break;
    }
    return false;
}
