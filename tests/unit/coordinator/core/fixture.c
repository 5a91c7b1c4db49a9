#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "proto/assert.h"

struct vow_coord_limits fixture_limits(void)
{
    struct vow_coord_limits limits = vow_coord_default_limits;

    limits.txns_max = 64;
    limits.branches_max = 256;
    limits.peers_max = 16;
    limits.ended_max = 64;
    limits.keys_max = 16;
    limits.ids_window = 512;
    return limits;
}

void fixture_init(struct fixture *f, const struct vow_coord_limits *limits, uint32_t epoch)
{
    struct vow_coord_identity identity = {.coord = FIXTURE_COORD, .epoch = epoch, .seed = 1};

    memset(f, 0, sizeof(*f));
    memset(identity.secret, (int)epoch, sizeof(identity.secret));
    f->limits = *limits;
    f->epoch = epoch;
    f->now_ms = 1000;
    f->core = vow_coord_init(malloc(vow_coord_size(limits)), limits, &identity);
}

void fixture_open(struct fixture *f)
{
    struct vow_coord_limits limits = fixture_limits();

    fixture_init(f, &limits, 1);
    fixture_recovery_done(f);
}

void fixture_close(struct fixture *f)
{
    free(f->core);
    f->core = NULL;
}

void fixture_step(struct fixture *f, const struct vow_coord_event *event)
{
    struct vow_coord_event timed = *event;

    timed.now_ms = f->now_ms;
    vow_coord_step(f->core, &timed, &f->effects);
}

void fixture_send(struct fixture *f, uint64_t session, const struct vow_msg *msg)
{
    fixture_step(f, &(struct vow_coord_event){.kind = VOW_COORD_MESSAGE, .session = session, .msg = msg});
}

uint64_t fixture_peer_back(struct fixture *f, const char *name, uint64_t incarnation, uint8_t file)
{
    struct vow_coord_event event = {.kind = VOW_COORD_PEER_UP, .session = ++f->last_session};

    event.peer.name = name;
    event.peer.incarnation = incarnation;
    memset(event.peer.db_uuid, file, sizeof(event.peer.db_uuid));
    event.peer.since = f->since;
    fixture_step(f, &event);
    return event.session;
}

uint64_t fixture_peer_up(struct fixture *f, const char *name)
{
    return fixture_peer_back(f, name, 1, 1);
}

void fixture_report(struct fixture *f, uint64_t session, const struct vow_msg_header *header, enum vow_verdict verdict)
{
    struct vow_msg msg = {.kind = VOW_MSG_HEURISTIC_REPORT};

    msg.heuristic_report = (struct vow_msg_heuristic_report){*header, verdict, "eva", "the till is waiting", 77};
    fixture_send(f, session, &msg);
}

void fixture_forget(struct fixture *f, const struct vow_gtrid *id, const char *participant)
{
    struct vow_coord_event event = {.kind = VOW_COORD_FORGET};

    event.forget =
        (struct vow_coord_forget){.gtrid = *id, .participant = participant, .who = "eva", .why = "repaired", .tag = 5};
    fixture_step(f, &event);
}

void fixture_down(struct fixture *f, uint64_t session)
{
    fixture_step(f, &(struct vow_coord_event){.kind = VOW_COORD_SESSION_DOWN, .session = session});
}

void fixture_full(struct fixture *f, uint64_t session, bool is_full)
{
    fixture_step(
        f, &(struct vow_coord_event){.kind = is_full ? VOW_COORD_PEER_FULL : VOW_COORD_PEER_READY, .session = session});
}

void fixture_recovery_done(struct fixture *f)
{
    fixture_step(f, &(struct vow_coord_event){.kind = VOW_COORD_RECOVERY_DONE});
}

void fixture_shed(struct fixture *f, bool shed)
{
    fixture_step(f, &(struct vow_coord_event){.kind = VOW_COORD_SHED, .shed = shed});
}

void fixture_drain(struct fixture *f)
{
    fixture_step(f, &(struct vow_coord_event){.kind = VOW_COORD_DRAIN});
}

void fixture_set_limits(struct fixture *f, const struct vow_coord_limits *limits)
{
    struct vow_coord_limits room = *limits;
    struct vow_coord *old = f->core;

    if (!vow_coord_fits(old, limits)) {
        vow_coord_widen(old, &room);
        f->core = vow_coord_move(malloc(vow_coord_size(&room)), &room, old);
        free(old);
    }
    fixture_step(f, &(struct vow_coord_event){.kind = VOW_COORD_LIMITS, .limits = limits});
}

void fixture_log_done(struct fixture *f, uint64_t token)
{
    fixture_step(f, &(struct vow_coord_event){.kind = VOW_COORD_LOG_DONE, .token = token});
}

void fixture_looked_up(struct fixture *f, const struct vow_coord_lookup *lookup)
{
    fixture_step(f, &(struct vow_coord_event){.kind = VOW_COORD_LOOKED_UP, .lookup = *lookup});
}

void fixture_recovered(struct fixture *f, const struct vow_record *record)
{
    fixture_step(f, &(struct vow_coord_event){.kind = VOW_COORD_RECOVERED, .record = record});
}

void fixture_after(struct fixture *f, uint64_t ms)
{
    f->now_ms += ms;
    fixture_step(f, &(struct vow_coord_event){.kind = VOW_COORD_TIMER});
}

struct vow_gtrid fixture_id(struct fixture *f, uint8_t flags)
{
    const struct vow_msg_ids *ids;

    fixture_send(f, 999, &(struct vow_msg){.kind = VOW_MSG_IDS_REQUEST, .ids_request = {.count = 1}});
    ids = &fixture_message(f, VOW_MSG_IDS)->ids;
    return vow_gtrid_make(FIXTURE_COORD, ids->epoch, ids->first_seq, flags, ids->rand[0]);
}

void fixture_commit_request(struct fixture *f, uint64_t client, struct vow_msg_commit_request request,
                            const char *const *names, uint32_t names_len)
{
    struct vow_msg_call calls[VOW_CALLS_MAX];
    struct vow_msg msg = {.kind = VOW_MSG_COMMIT_REQUEST, .commit_request = request};

    VOW_ASSERT(names_len <= VOW_CALLS_MAX);
    for (uint32_t i = 0; i < names_len; i++)
        calls[i] = (struct vow_msg_call){.participant = names[i], .handler = "do"};
    msg.commit_request.calls_len = names_len;
    msg.commit_request.calls = calls;
    fixture_send(f, client, &msg);
}

void fixture_commit(struct fixture *f, uint64_t client, const struct vow_gtrid *id, const char *const *names,
                    uint32_t names_len)
{
    fixture_commit_request(f, client, (struct vow_msg_commit_request){.gtrid = *id}, names, names_len);
}

void fixture_begin(struct fixture *f, uint64_t client, struct vow_msg_begin begin)
{
    fixture_send(f, client, &(struct vow_msg){.kind = VOW_MSG_BEGIN, .begin = begin});
}

void fixture_request(struct fixture *f, uint64_t client, enum vow_msg_kind kind, const struct vow_gtrid *id)
{
    fixture_send(f, client, &(struct vow_msg){.kind = kind, .begin = {.gtrid = *id}});
}

void fixture_status(struct fixture *f, uint64_t client, const struct vow_gtrid *id, const char *participant)
{
    fixture_send(f, client, &(struct vow_msg){.kind = VOW_MSG_STATUS_REQUEST, .status_request = {*id, participant}});
}

struct vow_msg_header fixture_header(const struct fixture *f, const struct vow_gtrid *id, uint32_t branch,
                                     uint64_t incarnation)
{
    return (struct vow_msg_header){.gtrid = *id, .branch = branch, .incarnation = incarnation, .epoch = f->epoch};
}

void fixture_vote(struct fixture *f, uint64_t session, const struct vow_msg_header *header, enum vow_vote vote)
{
    struct vow_msg msg = {.kind = VOW_MSG_VOTE, .vote = {.header = *header, .vote = vote, .text = ""}};

    if (vote == VOW_VOTE_NO) {
        msg.vote.cause = VOW_CAUSE_HANDLER_REFUSED;
        msg.vote.text = "out of stock";
    }
    fixture_send(f, session, &msg);
}

void fixture_ack(struct fixture *f, uint64_t session, const struct vow_msg_header *header, enum vow_ack ack)
{
    fixture_send(f, session, &(struct vow_msg){.kind = VOW_MSG_ACK, .ack = {*header, ack}});
}

void fixture_one_phase_done(struct fixture *f, uint64_t session, const struct vow_msg_header *header,
                            enum vow_one_phase result)
{
    struct vow_msg msg = {.kind = VOW_MSG_ONE_PHASE_DONE, .one_phase_done = {*header, result, VOW_CAUSE_NONE, ""}};

    if (result == VOW_ONE_PHASE_ABORTED) {
        msg.one_phase_done.cause = VOW_CAUSE_CONSTRAINT;
        msg.one_phase_done.text = "balance below zero";
    }
    fixture_send(f, session, &msg);
}

void fixture_branch(struct fixture *f, uint64_t session, enum vow_msg_kind kind, const struct vow_msg_header *header)
{
    fixture_send(f, session, &(struct vow_msg){.kind = kind, .inquiry = {*header}});
}

const struct vow_coord_effect *fixture_effect(const struct fixture *f, enum vow_coord_effect_kind kind, size_t nth)
{
    for (size_t i = 0; i < f->effects.len; i++) {
        if (f->effects.items[i].kind == kind && nth-- == 0)
            return &f->effects.items[i];
    }
    return NULL;
}

const struct vow_msg *fixture_message(const struct fixture *f, enum vow_msg_kind kind)
{
    for (size_t i = 0; i < f->effects.len; i++) {
        const struct vow_coord_effect *effect = &f->effects.items[i];

        if ((effect->kind == VOW_COORD_SEND || effect->kind == VOW_COORD_REPLY) && effect->msg.kind == kind)
            return &effect->msg;
    }
    return NULL;
}

const struct vow_msg_outcome *fixture_outcome(const struct fixture *f)
{
    const struct vow_msg *msg = fixture_message(f, VOW_MSG_OUTCOME);

    return msg != NULL ? &msg->outcome : NULL;
}

const struct vow_record *fixture_record(const struct fixture *f, enum vow_record_kind kind)
{
    const struct vow_coord_effect *effect;

    for (size_t i = 0; (effect = fixture_effect(f, VOW_COORD_LOG, i)) != NULL; i++) {
        if (effect->log.record.kind == kind)
            return &effect->log.record;
    }
    return NULL;
}

uint64_t fixture_token(const struct fixture *f)
{
    const struct vow_coord_effect *effect;
    uint64_t token = 0;

    for (size_t i = 0; (effect = fixture_effect(f, VOW_COORD_LOG, i)) != NULL; i++)
        token = effect->log.token;
    return token;
}

const char *fixture_state(const struct fixture *f, const struct vow_gtrid *id)
{
    struct vow_coord_txn_view view;

    return vow_coord_find(f->core, id, &view) ? view.state : "NONE";
}

struct vow_coord_counts fixture_counts(const struct fixture *f)
{
    struct vow_coord_counts counts;

    vow_coord_counts(f->core, &counts);
    return counts;
}
