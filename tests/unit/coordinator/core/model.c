#include "model_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void model_broke(struct model *m, const char *format, ...)
{
    va_list args;

    if (m->broken)
        return;
    m->broken = true;
    va_start(args, format);
    vsnprintf(m->why, m->why_size, format, args);
    va_end(args);
}

uint64_t model_draw(struct model *m, uint64_t below)
{
    m->random = m->random * 6364136223846793005u + 1442695040888963407u;
    return (m->random >> 33) % below;
}

bool model_chance(struct model *m, uint32_t percent)
{
    return model_draw(m, 100) < percent;
}

uint32_t model_txn_of(const struct model *m, const struct vow_gtrid *id)
{
    uint32_t i = 0;

    while (i < m->txns_len && !vow_gtrid_equal(&m->txns[i].id, id))
        i++;
    return i;
}

/* One-phase commit leans on the order of one connection; everything else must live with any order. */
static bool is_ordered(const struct packet *packet)
{
    return packet->msg.kind == VOW_MSG_COMMIT_ONE_PHASE || packet->msg.kind == VOW_MSG_ONE_PHASE_QUERY ||
           packet->msg.kind == VOW_MSG_ONE_PHASE_DONE || packet->msg.kind == VOW_MSG_FORGET;
}

static size_t oldest_ordered(const struct model *m, size_t chosen)
{
    for (size_t i = 0; i < m->net_len; i++) {
        if (is_ordered(&m->net[i]) && m->net[i].part == m->net[chosen].part &&
            m->net[i].to_coord == m->net[chosen].to_coord && m->net[i].order < m->net[chosen].order)
            chosen = i;
    }
    return chosen;
}

static void deliver(struct model *m)
{
    size_t i = model_draw(m, m->net_len);
    struct packet packet;

    if (is_ordered(&m->net[i]))
        i = oldest_ordered(m, i);
    packet = m->net[i];
    if (!is_ordered(&packet) && !m->healed && model_chance(m, 10))
        m->totals->repeats++; /* and it stays to come again */
    else
        m->net[i] = m->net[--m->net_len];
    if (packet.session != m->parts[packet.part].session)
        return;
    if (packet.to_coord) {
        fixture_send(&m->f, packet.session, &packet.msg);
        model_take_effects(m);
    } else {
        model_part_take(m, &packet);
    }
}

static void crash(struct model *m)
{
    uint32_t epoch = m->f.epoch + 1;
    uint64_t session = m->f.last_session, now_ms = m->f.now_ms;

    m->totals->crashes++;
    m->net_len = 0;
    model_lose_unflushed(m);
    fixture_close(&m->f);
    fixture_init(&m->f, &m->limits, epoch);
    m->f.last_session = session;
    m->f.now_ms = now_ms;
    for (size_t i = 0; i < m->log_len; i++) {
        if (m->log[i].record.kind == VOW_RECORD_COMMIT && !model_has_ended(m, &m->log[i].record.gtrid)) {
            fixture_recovered(&m->f, &m->log[i].record);
            model_take_effects(m);
        }
    }
    fixture_recovery_done(&m->f);
    model_take_effects(m);
    for (uint32_t p = 0; p < PARTS; p++)
        m->parts[p].session = 0;
}

static void send_commit(struct model *m, uint32_t t)
{
    const char *names[PARTS];

    for (uint32_t i = 0; i < m->txns[t].parts_len; i++)
        names[i] = m->parts[m->txns[t].parts[i]].name;
    fixture_commit(&m->f, CLIENT + t, &m->txns[t].id, names, m->txns[t].parts_len);
    model_take_effects(m);
}

static void start_txn(struct model *m)
{
    struct world_txn *t = &m->txns[m->txns_len];
    uint32_t first = (uint32_t)model_draw(m, PARTS);

    if (m->txns_len == TXNS)
        return;
    t->parts_len = 1 + (uint32_t)model_draw(m, PARTS);
    for (uint32_t i = 0; i < t->parts_len; i++)
        t->parts[i] = (first + i) % PARTS;
    t->one_phase = t->parts_len == 1 && model_chance(m, 50);
    t->id = fixture_id(&m->f, t->one_phase ? VOW_GTRID_ONE_PHASE : 0);
    m->txns_len++;
    if (model_chance(m, 90))
        send_commit(m, m->txns_len - 1);
}

/* A client that asks again, asks for the outcome, or gives up. */
static void nag(struct model *m)
{
    uint32_t t = (uint32_t)model_draw(m, m->txns_len);
    uint64_t client = CLIENT + t + (model_chance(m, 30) ? 100 : 0);

    switch (model_draw(m, 4)) {
    case 0:
        send_commit(m, t);
        return;
    case 1:
        fixture_request(&m->f, client, VOW_MSG_ROLLBACK_REQUEST, &m->txns[t].id);
        break;
    default:
        fixture_status(&m->f, client, &m->txns[t].id, m->parts[m->txns[t].parts[0]].name);
        break;
    }
    model_take_effects(m);
}

static void pass_time(struct model *m)
{
    static const uint64_t jumps[] = {1, 100, 1000, 6000, 70000};

    fixture_after(&m->f, jumps[model_draw(m, m->healed ? 4 : 5)]);
    model_take_effects(m);
}

/* An operator changes the limits in the middle of it all (fault F225): lower, or so high that the core must move. */
static void change_limits(struct model *m)
{
    struct vow_coord_limits limits = m->limits;

    limits.txns_max = 1 + (uint32_t)model_draw(m, 40);
    limits.branches_max = 1 + (uint32_t)model_draw(m, 160);
    limits.vote_timeout_ms = 1 + (uint32_t)model_draw(m, 10000);
    limits.ack_timeout_ms = 1 + (uint32_t)model_draw(m, 2000);
    fixture_set_limits(&m->f, &limits);
    m->totals->limits_changed++;
}

static void trouble(struct model *m)
{
    uint32_t p = (uint32_t)model_draw(m, PARTS);

    switch (model_draw(m, 7)) {
    case 6:
        change_limits(m);
        break;
    case 0:
        crash(m);
        break;
    case 1:
        model_part_restart(m, p);
        break;
    case 2:
        model_part_drop(m, p);
        break;
    default:
        if (m->parts[p].session == 0)
            model_part_connect(m, p);
        break;
    }
}

static void act(struct model *m)
{
    uint64_t what = model_draw(m, 100);

    if (what < 55 && m->net_len > 0)
        deliver(m);
    else if (what < 70)
        model_flush(m, 1 + model_draw(m, 3));
    else if (what < 80)
        start_txn(m);
    else if (what < 85 && m->txns_len > 0)
        nag(m);
    else if (what < 89)
        model_part_inquire(m, (uint32_t)model_draw(m, PARTS));
    else if (what < 94)
        pass_time(m);
    else
        trouble(m);
}

static bool is_quiet(const struct model *m)
{
    for (uint32_t t = 0; t < m->txns_len; t++) {
        for (uint32_t p = 0; p < PARTS; p++) {
            if (m->parts[p].state[t] == PREPARED)
                return false;
        }
    }
    return m->net_len == 0 && m->flushed == m->log_len && fixture_counts(&m->f).open == 0;
}

/* Guarantee 5: once faults end, every transaction ends. */
static void heal(struct model *m)
{
    m->healed = true;
    fixture_set_limits(&m->f, &m->limits);
    for (uint32_t p = 0; p < PARTS; p++) {
        if (m->parts[p].session == 0)
            model_part_connect(m, p);
    }
    for (int round = 0; round < 200 && !m->broken && !is_quiet(m); round++) {
        while (m->net_len > 0)
            deliver(m);
        model_flush(m, LOG_MAX);
        pass_time(m);
        for (uint32_t p = 0; p < PARTS; p++)
            model_part_inquire(m, p);
    }
    if (!is_quiet(m))
        model_broke(m, "not everything has ended: %u open", fixture_counts(&m->f).open);
}

static void ask_for_outcomes(struct model *m)
{
    for (uint32_t t = 0; t < m->txns_len; t++) {
        const struct world_txn *txn = &m->txns[t];

        fixture_status(&m->f, CLIENT + t, &txn->id, m->parts[txn->parts[0]].name);
        model_take_effects(m);
        for (int round = 0; round < 20 && !m->broken && !is_quiet(m); round++) {
            while (m->net_len > 0)
                deliver(m);
            model_flush(m, LOG_MAX);
            pass_time(m);
        }
        if ((txn->commit_durable || txn->one_phase_committed) && !txn->told_committed)
            model_broke(m, "a client was not told COMMITTED");
        if (!txn->told_committed && !txn->told_aborted)
            model_broke(m, "a client was told nothing");
        m->totals->committed += txn->told_committed;
        m->totals->aborted += txn->told_aborted;
    }
}

static void check_end(struct model *m)
{
    for (uint32_t t = 0; t < m->txns_len; t++) {
        for (uint32_t p = 0; p < PARTS; p++) {
            bool committed = m->parts[p].state[t] == COMMITTED;

            if (committed != ((m->txns[t].yes_list >> p & 1) != 0))
                model_broke(m, "%s and the log do not agree", m->parts[p].name);
        }
    }
}

static void open_world(struct model *m, uint64_t seed)
{
    m->random = seed * 2654435761u + 1;
    m->limits = fixture_limits();
    m->limits.txns_max = 2 + (uint32_t)model_draw(m, 16);
    m->limits.branches_max = 8 + (uint32_t)model_draw(m, 48);
    /* Recovery asserts that what the log holds fits. */
    m->limits.txns_max = m->limits.txns_max < TXNS ? TXNS : m->limits.txns_max;
    m->limits.branches_max = m->limits.branches_max < TXNS * PARTS ? TXNS * PARTS : m->limits.branches_max;
    m->limits.ended_max = 1 + (uint32_t)model_draw(m, 8);
    m->limits.ids_window = VOW_IDS_MAX;
    fixture_init(&m->f, &m->limits, 1);
    fixture_recovery_done(&m->f);
    for (uint32_t p = 0; p < PARTS; p++) {
        snprintf(m->parts[p].name, sizeof(m->parts[p].name), "p%u", p);
        m->parts[p].incarnation = 1;
        model_part_connect(m, p);
    }
}

int model_run(uint64_t seed, struct model_totals *totals, char *why, size_t why_size)
{
    struct model *m = calloc(1, sizeof(*m));
    bool broken;

    m->totals = totals;
    m->why = why;
    m->why_size = why_size;
    open_world(m, seed);
    for (int i = 0; i < STEPS && !m->broken; i++)
        act(m);
    heal(m);
    ask_for_outcomes(m);
    check_end(m);
    broken = m->broken;
    fixture_close(&m->f);
    free(m);
    return broken ? -1 : 0;
}
