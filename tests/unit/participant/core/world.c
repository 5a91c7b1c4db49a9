#include "world.h"

#include <stdio.h>

#include "proto/assert.h"
#include "world_inside.h"

#define STEPS 500
#define CALM_STEPS 20000

/* --- what all parts use --- */

uint64_t world_draw(struct world *w, uint64_t below)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random % below;
}

bool world_chance(struct world *w, unsigned percent)
{
    return world_draw(w, 100) < percent;
}

void world_check(struct world *w, bool holds, const char *what)
{
    if (!holds && w->violation == NULL)
        w->violation = what;
}

struct txn *world_txn(struct world *w, const struct vow_gtrid *gtrid)
{
    for (int i = 0; i < w->begun; i++) {
        if (vow_gtrid_equal(&w->txns[i].gtrid, gtrid))
            return &w->txns[i];
    }
    VOW_UNREACHABLE("a transaction that nobody began");
}

/* A connection that is down, or a full network, loses the message. */
void world_put(struct world *w, bool to_participant, const struct vow_msg *msg)
{
    if (w->connected && w->flights_len < FLIGHTS_MAX)
        w->flights[w->flights_len++] = (struct flight){to_participant, false, *msg};
}

/* --- what the core says --- */

static void check_send(struct world *w, const struct vow_msg *msg)
{
    const struct txn *txn = world_txn(w, &msg->vote.header.gtrid);
    switch ((int)msg->kind) {
    case VOW_MSG_VOTE:
        world_check(w, (msg->vote.vote == VOW_VOTE_YES) == (txn->held == HELD_PREPARED),
                    "a vote that the disk does not bear out");
        world_check(w, msg->vote.vote == VOW_VOTE_NO || !txn->joined || txn->ops == txn->counted,
                    "a vote on other work than the client counted");
        return;
    case VOW_MSG_ENLIST:
        world_check(w, txn->joining, "enlisted though nobody wants to join");
        return;
    case VOW_MSG_INQUIRY:
        world_check(w, txn->held == HELD_PREPARED, "asked about a branch that is not in doubt");
        return;
    case VOW_MSG_ACK:
        world_check(w, msg->ack.ack == VOW_ACK_DONE && txn->applied == 1, "an ACK before the durable commit");
        return;
    case VOW_MSG_ONE_PHASE_DONE:
        if (msg->one_phase_done.result == VOW_ONE_PHASE_COMMITTED)
            world_check(w, txn->applied == 1 || txn->ran_read_only, "\"committed\" that is not true");
        else /* once the client was told, nobody listens: the memo may be gone by FORGET */
            world_check(w, txn->applied == 0 || txn->told == TOLD_COMMITTED, "\"aborted\" that is not true");
        return;
    default:
        world_check(w, false, "a message of no use");
    }
}

void world_carry_out(struct world *w)
{
    for (size_t i = 0; i < w->f.effects.len; i++) {
        const struct vow_branches_effect *effect = &w->f.effects.items[i];
        switch (effect->kind) {
        case VOW_BRANCHES_SEND:
            check_send(w, &effect->msg);
            world_put(w, false, &effect->msg);
            break;
        case VOW_BRANCHES_STORE:
            store_submit(w, effect);
            break;
        case VOW_BRANCHES_ALARM:
            world_check(w, coord_has_denied(w, &effect->alarm.gtrid), effect->alarm.what);
            break;
        case VOW_BRANCHES_JOINED:
            service_hear(w, effect);
            break;
        case VOW_BRANCHES_ANSWER:
            world_check(w, false, "an answer that nobody asked for");
            break;
        case VOW_BRANCHES_ASK_PEERS:
            peers_hear_question(w, effect);
            break;
        case VOW_BRANCHES_ANSWER_PEER:
            peers_hear_answer(w, effect);
            break;
        case VOW_BRANCHES_TRACE:
            break;
        }
    }
    world_check(w, counts_of(&w->f).in_doubt == 0 || vow_branches_deadline_ms(w->f.core) != UINT64_MAX,
                "in doubt, and nothing will ask");
}

/* --- what may happen --- */

static void deliver(struct world *w)
{
    if (w->flights_len == 0)
        return;
    struct flight *at = &w->flights[world_draw(w, (uint64_t)w->flights_len)];
    const struct flight flight = *at;
    if (w->is_calm || !world_chance(w, 15)) /* else it stays, and comes again */
        *at = w->flights[--w->flights_len];
    if (!w->is_calm && world_chance(w, 10))
        return; /* lost */
    if (flight.is_of_peer) {
        peers_receive(w, &flight);
        return;
    }
    if (!flight.to_participant) {
        coord_receive(w, &flight.msg);
        return;
    }
    if (flight.msg.kind == VOW_MSG_DECISION && flight.msg.decision.verdict == VOW_ABORT)
        world_txn(w, &flight.msg.decision.header.gtrid)->abort_arrived = true;
    feed_message(&w->f, &flight.msg);
    world_carry_out(w);
}

/* The store begins any operation, or reports any that is done. */
static void advance_store(struct world *w)
{
    if (w->ops_len == 0)
        return;
    struct op *at = &w->ops[world_draw(w, (uint64_t)w->ops_len)];
    if (!at->is_done) {
        store_work(w, at);
        return;
    }
    const struct op op = *at;
    const struct vow_gtrid none = {{0}};
    *at = w->ops[--w->ops_len];
    feed_store(&w->f, op.kind, op.txn >= 0 ? w->txns[op.txn].gtrid : none, op.result);
    world_carry_out(w);
}

static void pass_time(struct world *w)
{
    w->f.now_ms += world_draw(w, 2000);
    if (vow_branches_deadline_ms(w->f.core) > w->f.now_ms)
        return;
    feed_timer(&w->f, w->f.now_ms);
    world_carry_out(w);
}

static void disconnect(struct world *w)
{
    w->connected = false;
    feed_coord_down(&w->f);
    world_carry_out(w);
}

static void reconnect(struct world *w)
{
    if (w->connected)
        return;
    w->connected = true;
    w->peer_incarnation = w->durable.incarnation;
    feed_coord_up(&w->f, COORD, w->epoch, coord_watermark(w));
    world_carry_out(w);
}

static void collect_hits(struct world *w)
{
    for (size_t i = 0; i < VOW_BRANCH_EDGES; i++)
        w->edge_hits[i] += vow_branches_edge_hits(w->f.core)[i];
}

static void start_participant(struct world *w)
{
    struct vow_branches_limits limits = fixture_limits();
    limits.idle_timeout_ms = 8000;
    limits.branches_max = 4 + (uint32_t)world_draw(w, TXNS);
    const uint64_t now_ms = w->f.now_ms;
    w->durable.incarnation++;
    w->durable.seed = w->random;
    fixture_start(&w->f, &limits, &w->durable);
    w->f.now_ms += now_ms;
    for (int i = 0; i < w->begun; i++) {
        if (w->txns[i].held != HELD_PREPARED)
            continue;
        feed_recovered(&w->f, w->txns[i].gtrid);
        world_carry_out(w);
    }
}

static void crash_participant(struct world *w)
{
    collect_hits(w);
    fixture_stop(&w->f);
    w->connected = false;
    for (int i = 0; i < w->begun; i++)
        w->txns[i].joining = false;
    store_crash(w);
    start_participant(w);
}

static void one_step(struct world *w)
{
    const uint64_t what = world_draw(w, 100);
    if (what < 8)
        coord_begin(w);
    else if (what < 45)
        deliver(w);
    else if (what < 75)
        advance_store(w);
    else if (what < 82)
        pass_time(w);
    else if (what < 87 && w->begun > 0)
        coord_nudge(w, &w->txns[world_draw(w, (uint64_t)w->begun)]);
    else if (what < 90)
        reconnect(w);
    else if (what < 92 && w->begun > 0 && !w->is_calm)
        peers_ask(w, &w->txns[world_draw(w, (uint64_t)w->begun)]);
    else if (what < 97 && w->begun > 0)
        service_join(w, &w->txns[world_draw(w, (uint64_t)w->begun)]);
    else if (w->is_calm)
        return;
    else if (what < 98)
        disconnect(w);
    else if (world_chance(w, 50))
        crash_participant(w);
    else {
        disconnect(w);
        coord_crash(w);
    }
}

/* --- from the seed to the end --- */

static bool is_over(const struct world *w)
{
    return coord_is_finished(w) && w->flights_len == 0 && w->ops_len == 0 && counts_of(&w->f).open == 0;
}

static void check_end(struct world *w)
{
    world_check(w, is_over(w), "the faults have ended and a transaction has not");
    for (int i = 0; i < w->begun; i++) {
        const struct txn *txn = &w->txns[i];
        world_check(w, txn->held != HELD_PREPARED && txn->held != HELD_ACTIVE, "still holds locks");
        world_check(w, !txn->joining, "a join that was never answered");
        if (!txn->one_phase)
            world_check(w, txn->applied == txn->committed, "the participant and the coordinator differ");
        else if (txn->told == TOLD_COMMITTED)
            world_check(w, txn->applied == 1 || txn->ran_read_only, "told committed, and it is not");
        else
            world_check(w, txn->applied == 0, "told aborted, and it is not");
    }
}

const char *world_run(uint64_t seed, uint64_t edge_hits[VOW_BRANCH_EDGES])
{
    struct world w = {.random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1, .epoch = EPOCH};
    w.durable = (struct vow_branches_identity){.coord = 0, .epoch = 0};
    start_participant(&w);
    for (int i = 0; i < STEPS && w.violation == NULL; i++)
        one_step(&w);
    w.is_calm = true;
    for (int i = 0; i < CALM_STEPS && w.violation == NULL && !is_over(&w); i++)
        one_step(&w);
    check_end(&w);
    collect_hits(&w);
    fixture_stop(&w.f);
    for (size_t i = 0; i < VOW_BRANCH_EDGES; i++)
        edge_hits[i] += w.edge_hits[i];
    return w.violation;
}
