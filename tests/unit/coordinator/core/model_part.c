/* The participants: durable at once, and otherwise by the book (protocol 2.3). */
#include "model_world.h"

static void say_vote(struct model *m, uint32_t p, uint32_t t, enum vow_vote vote)
{
    struct vow_msg msg = {.kind = VOW_MSG_VOTE, .vote = {.header = m->parts[p].header[t], .vote = vote, .text = ""}};

    msg.vote.cause = vote == VOW_VOTE_NO ? VOW_CAUSE_CONSTRAINT : VOW_CAUSE_NONE;
    msg.vote.header.incarnation = m->parts[p].incarnation;
    model_post(m, true, p, &msg);
}

static void on_prepare(struct model *m, uint32_t p, uint32_t t, const struct vow_msg_header *header)
{
    struct part *part = &m->parts[p];

    if (part->state[t] == PREPARED || part->state[t] == COMMITTED) {
        if (part->state[t] == PREPARED)
            say_vote(m, p, t, VOW_VOTE_YES);
        return;
    }
    part->header[t] = *header;
    if (part->state[t] != UNKNOWN || header->incarnation != part->incarnation || model_chance(m, 8)) {
        if (part->state[t] != READ_ONLY)
            part->state[t] = ABORTED;
        say_vote(m, p, t, VOW_VOTE_NO);
        return;
    }
    if (model_chance(m, 20)) {
        part->state[t] = READ_ONLY;
        m->txns[t].read_only |= 1u << p;
        say_vote(m, p, t, VOW_VOTE_READ_ONLY);
        return;
    }
    part->state[t] = PREPARED;
    m->txns[t].voters |= 1u << p;
    say_vote(m, p, t, VOW_VOTE_YES);
}

static void on_decision(struct model *m, uint32_t p, uint32_t t, const struct vow_msg_decision *decision)
{
    struct part *part = &m->parts[p];
    struct vow_msg ack = {.kind = VOW_MSG_ACK, .ack = {decision->header, VOW_ACK_DONE}};

    if (decision->verdict == VOW_ABORT) {
        if (part->state[t] == PREPARED && m->txns[t].commit_durable)
            model_broke(m, "%s aborts a transaction whose COMMIT is durable", part->name);
        if (part->state[t] != COMMITTED)
            part->state[t] = ABORTED;
        return;
    }
    if (part->state[t] != PREPARED && part->state[t] != COMMITTED)
        model_broke(m, "COMMIT reached %s, which is not prepared", part->name);
    part->state[t] = COMMITTED;
    ack.ack.header.incarnation = part->incarnation;
    model_post(m, true, p, &ack);
}

static void say_one_phase(struct model *m, uint32_t p, const struct vow_msg_header *header, enum vow_one_phase result)
{
    struct vow_msg msg = {.kind = VOW_MSG_ONE_PHASE_DONE, .one_phase_done = {*header, result, VOW_CAUSE_NONE, ""}};

    model_post(m, true, p, &msg);
}

static void on_one_phase(struct model *m, uint32_t p, uint32_t t, const struct vow_msg *msg)
{
    struct part *part = &m->parts[p];
    const struct vow_msg_header *header = &msg->inquiry.header;

    if (msg->kind == VOW_MSG_FORGET) {
        part->state[t] = ABORTED; /* the memo is gone; a late COMMIT_ONE_PHASE is refused */
    } else if (msg->kind == VOW_MSG_COMMIT_ONE_PHASE && part->state[t] == UNKNOWN && model_chance(m, 80)) {
        part->state[t] = MEMO;
        m->txns[t].one_phase_committed = true;
        m->totals->one_phase++;
        say_one_phase(m, p, header, VOW_ONE_PHASE_COMMITTED);
    } else if (msg->kind == VOW_MSG_COMMIT_ONE_PHASE) {
        say_one_phase(m, p, header, VOW_ONE_PHASE_ABORTED);
    } else {
        say_one_phase(m, p, header, part->state[t] == MEMO ? VOW_ONE_PHASE_COMMITTED : VOW_ONE_PHASE_NO_RECORD);
    }
}

void model_part_take(struct model *m, const struct packet *packet)
{
    uint32_t t = model_txn_of(m, &packet->msg.inquiry.header.gtrid);
    uint32_t p = packet->part;

    switch ((int)packet->msg.kind) {
    case VOW_MSG_PREPARE:
        on_prepare(m, p, t, &packet->msg.prepare.header);
        break;
    case VOW_MSG_DECISION:
        on_decision(m, p, t, &packet->msg.decision);
        break;
    case VOW_MSG_COMMIT_ONE_PHASE:
    case VOW_MSG_ONE_PHASE_QUERY:
    case VOW_MSG_FORGET:
        on_one_phase(m, p, t, &packet->msg);
        break;
    default: /* WAIT: it asks again by itself */
        break;
    }
}

void model_part_connect(struct model *m, uint32_t p)
{
    m->parts[p].session = m->f.last_session + 1;
    fixture_peer_back(&m->f, m->parts[p].name, m->parts[p].incarnation, (uint8_t)p);
    model_take_effects(m);
}

void model_part_drop(struct model *m, uint32_t p)
{
    uint64_t session = m->parts[p].session;

    m->parts[p].session = 0;
    for (size_t i = 0; i < m->net_len;) {
        if (m->net[i].part == p)
            m->net[i] = m->net[--m->net_len];
        else
            i++;
    }
    if (session != 0) {
        fixture_down(&m->f, session);
        model_take_effects(m);
    }
}

void model_part_restart(struct model *m, uint32_t p)
{
    struct part *part = &m->parts[p];

    model_part_drop(m, p);
    part->incarnation++;
    m->totals->restarts++;
    for (uint32_t t = 0; t < TXNS; t++) {
        if (part->state[t] == ABORTED || part->state[t] == READ_ONLY)
            part->state[t] = UNKNOWN;
    }
}

void model_part_inquire(struct model *m, uint32_t p)
{
    for (uint32_t t = 0; t < m->txns_len; t++) {
        if (m->parts[p].state[t] == PREPARED && (m->healed || model_chance(m, 40))) {
            struct vow_msg msg = {.kind = VOW_MSG_INQUIRY, .inquiry = {m->parts[p].header[t]}};

            msg.inquiry.header.incarnation = m->parts[p].incarnation;
            model_post(m, true, p, &msg);
        }
    }
}
