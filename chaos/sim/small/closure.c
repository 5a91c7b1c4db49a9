#include "chaos/sim/small/closure.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chaos/sim/small/peers.h"
#include "proto/assert.h"

struct closure {
    struct small_nodes *nodes;
    struct small_set to_coord, to_parts; /* the messages that somebody can send */
    bool grew;                           /* in this round */
};

/* ---- messages ---- */

static bool has(const struct small_set *set, uint32_t message)
{
    return (set->words[message / 64] >> (message % 64) & 1) != 0;
}

static void put(struct closure *closure, struct small_set *set, uint32_t message)
{
    closure->grew = closure->grew || !has(set, message);
    set->words[message / 64] |= UINT64_C(1) << (message % 64);
}

/* What one participant asks another, any of them can ask any other. */
static void put_from_all(struct closure *closure, uint32_t message)
{
    for (uint32_t i = 0; i < closure->nodes->config.participants; i++)
        put(closure, &closure->to_parts, small_mail_of(&closure->nodes->mail, message, i));
}

static void take_sends(struct closure *closure, bool is_coord, const struct small_step *step)
{
    for (uint32_t i = 0; i < step->sends_len; i++) {
        if (is_coord)
            put(closure, &closure->to_parts, step->sends[i].message);
        else if (step->sends[i].peer == SMALL_TO_THE_COORD)
            put(closure, &closure->to_coord, step->sends[i].message);
        else
            put_from_all(closure, step->sends[i].message);
    }
}

/* ---- crashes: those that a node knows of ---- */

static uint32_t crashes_max(const struct small_config *config)
{
    return config->crashes != 0 ? config->crashes : config->coord_crashes + config->participants * config->part_crashes;
}

/* It has seen its own, and those of the participants that it was connected to. */
static uint32_t crashes_seen(const struct small_coord *coord, uint32_t except)
{
    uint32_t seen = coord->disk.epoch - 1;

    for (uint32_t i = 0; i < SMALL_PARTICIPANTS_MAX; i++)
        seen += i != except && coord->lives[i] > 0 ? coord->lives[i] - 1u : 0;
    return seen;
}

static bool may_coord_crash(const struct small_config *config, const struct small_coord *coord)
{
    return coord->disk.epoch <= config->coord_crashes && crashes_seen(coord, UINT32_MAX) < crashes_max(config);
}

static uint32_t epochs_seen(const struct small_part *part)
{
    const uint32_t kept = part->rows[0].known_epoch;

    return part->epoch_seen > kept ? part->epoch_seen : kept;
}

/*
 * Its own, the coordinator's, and those of the others that take part, as far as it was told by PREPARE: now, or when it
 * was prepared. Which of them it is itself nobody says, so it is the one of which that makes least.
 */
static uint32_t crashes_told(const struct small_config *config, const struct small_part *part,
                             const struct vow_msg_prepare *prepare, uint32_t epoch)
{
    uint32_t lives[SMALL_PARTICIPANTS_MAX] = {1, 1, 1};
    const uint32_t own = part->rows[0].incarnation;
    uint32_t sum = 0, least = UINT32_MAX;

    for (uint32_t i = 0; i < config->participants; i++)
        lives[i] = part->rows[0].peers[i] > 0 ? part->rows[0].peers[i] : 1;
    for (uint32_t i = 0; prepare != NULL && i < prepare->peers_len; i++) {
        uint32_t *life = &lives[prepare->peers[i].name[1] - '0'];

        if (prepare->peers[i].incarnation > *life)
            *life = (uint32_t)prepare->peers[i].incarnation;
    }
    for (uint32_t i = 0; i < config->participants; i++)
        sum += lives[i] - 1;
    for (uint32_t i = 0; i < config->participants; i++) {
        const uint32_t all = sum - (lives[i] - 1) + own - 1;

        if (lives[i] <= own && all < least)
            least = all;
    }
    return least == UINT32_MAX ? least : least + epoch - 1;
}

static bool may_part_crash(const struct small_config *config, const struct small_part *part)
{
    const uint32_t own = part->rows[0].incarnation - 1u;

    return own < config->part_crashes && crashes_told(config, part, NULL, epochs_seen(part)) < crashes_max(config);
}

/* ---- what can happen to a node ---- */

struct list {
    struct small_event *events;
    uint32_t len;
};

static void add(struct list *list, enum small_event_kind kind, uint32_t peer, uint32_t arg)
{
    VOW_ASSERT(list->len < SMALL_EVENTS_MAX);
    list->events[list->len++] = (struct small_event){(uint8_t)kind, (uint8_t)peer, (uint16_t)arg};
}

/* Of each participant the client may know of that many operations. */
static void add_commits(const struct small_config *config, uint32_t session, struct list *list)
{
    const uint32_t most = config->work == SMALL_JOINED ? small_joins_max(config) : 0;
    const uint32_t end = UINT32_C(1) << (2 * config->participants);

    for (uint32_t ops = 0; ops < end; ops++) {
        bool is_possible = true;

        for (uint32_t i = 0; i < config->participants; i++)
            is_possible = is_possible && (ops >> (2 * i) & 3) <= most;
        if (is_possible)
            add(list, SMALL_COMMIT, 0, small_ask(session, ops));
    }
}

static void add_client(const struct small_config *config, uint32_t session, struct list *list)
{
    if (config->work == SMALL_JOINED)
        add(list, SMALL_BEGIN, 0, session);
    add_commits(config, session, list);
    if (config->rolls_back)
        add(list, SMALL_ROLLBACK, 0, session);
    add(list, SMALL_STATUS, 0, session);
}

/* A message comes through the connection of the life that sent it, or a later one. */
static void add_peer(const struct closure *closure, const struct small_coord *coord, uint32_t peer, struct list *list)
{
    const struct small_config *config = &closure->nodes->config;
    const struct small_mail *mail = &closure->nodes->mail;
    const bool is_up = (coord->sessions >> peer & 1) != 0;
    const bool breaks = config->part_crashes > 0 || config->breaks > 0;
    const uint32_t life = coord->lives[peer] > 0 ? coord->lives[peer] : 1;

    if (is_up && breaks)
        add(list, SMALL_SESSION_DOWN, peer, 0);
    for (uint32_t next = life; next <= 1 + config->part_crashes && (breaks || !is_up); next++) {
        if (crashes_seen(coord, peer) + next - 1 <= crashes_max(config))
            add(list, SMALL_SESSION_UP, peer, next);
    }
    for (uint32_t number = 0; number < mail->messages_len && is_up; number++) {
        if (has(&closure->to_coord, number) && mail->messages[number].enlist.header.incarnation <= life &&
            mail->messages[number].enlist.header.epoch <= coord->disk.epoch)
            add(list, SMALL_TO_COORD, peer, number);
    }
}

static void add_coord(const struct closure *closure, uint32_t state, struct list *list)
{
    const struct small_config *config = &closure->nodes->config;
    const struct small_coord *coord = &closure->nodes->coords[state];

    if (!coord->up) {
        add(list, SMALL_COORD_START, 0, 0);
        return;
    }
    if (!coord->has_recovered)
        add(list, SMALL_COORD_RECOVER, 0, 0);
    add_client(config, SMALL_CLIENT_SESSION, list);
    add_client(config, SMALL_CLIENT_SESSION + 1, list);
    add(list, SMALL_CLIENT_DOWN, 0, SMALL_CLIENT_SESSION);
    if (coord->queue_len > 0)
        add(list, SMALL_JOURNAL_DONE, 0, 0);
    if (coord->has_timer)
        add(list, SMALL_COORD_TIMER, 0, 0);
    for (uint32_t k = 0; k <= coord->queue_len && may_coord_crash(config, coord); k++)
        add(list, SMALL_COORD_CRASH, 0, k);
    for (uint32_t i = 0; i < config->participants; i++)
        add_peer(closure, coord, i, list);
}

static void add_store(const struct small_part *part, struct list *list)
{
    enum vow_store_result results[3];

    for (uint32_t i = 0; i < part->queue_len; i++) {
        const uint32_t len = small_part_answers(part, i, results);

        for (uint32_t k = 0; k < len; k++)
            add(list, SMALL_STORE_DONE, 0, small_answer(i, results[k]));
    }
}

/* It connects to a life of the coordinator that is no older than the last. */
static bool may_connect(const struct closure *closure, const struct small_part *part, uint32_t number)
{
    const struct vow_msg *msg = &closure->nodes->mail.messages[number];
    const uint32_t own = part->rows[0].incarnation - 1u;

    return msg->kind == VOW_MSG_WELCOME && !part->is_connected && msg->welcome.epoch >= part->epoch_seen &&
           own + msg->welcome.epoch - 1 <= crashes_max(&closure->nodes->config);
}

/* Its coordinator's messages come from the life that it is connected to, or an earlier one. */
static bool may_receive(const struct closure *closure, const struct small_part *part, uint32_t number)
{
    const struct small_mail *mail = &closure->nodes->mail;

    const struct vow_msg *msg = &mail->messages[number];

    if (!has(&closure->to_parts, number))
        return false;
    if (mail->from[number] != 0)
        return true;
    return part->is_connected && msg->enlist.header.epoch <= part->epoch_seen &&
           msg->enlist.header.incarnation <= part->rows[0].incarnation &&
           crashes_told(&closure->nodes->config, part, msg->kind == VOW_MSG_PREPARE ? &msg->prepare : NULL,
                        epochs_seen(part)) <= crashes_max(&closure->nodes->config);
}

static void add_part(const struct closure *closure, uint32_t state, struct list *list)
{
    const struct small_config *config = &closure->nodes->config;
    const struct small_part *part = &closure->nodes->parts[state];

    if (!part->up) {
        add(list, SMALL_PART_START, 0, 0);
        return;
    }
    if (small_part_may_join(config, part))
        add(list, SMALL_JOIN, 0, 0);
    add_store(part, list);
    if (part->has_timer) {
        add(list, SMALL_PART_TIMER, 0, 0);
        add(list, SMALL_PART_LATE, 0, 0);
    }
    for (uint32_t k = 0; k < small_part_survivors(part) && may_part_crash(config, part); k++)
        add(list, SMALL_PART_CRASH, 0, k);
    if (part->is_connected && (config->coord_crashes > 0 || config->breaks > 0))
        add(list, SMALL_COORD_DOWN, 0, 0);
    for (uint32_t number = 0; number < closure->nodes->mail.messages_len; number++) {
        if (may_connect(closure, part, number))
            add(list, SMALL_COORD_UP, 0, number);
        if (may_receive(closure, part, number))
            add(list, SMALL_TO_PART, 0, number);
    }
}

/* ---- until nothing new is found ---- */

static void reach(struct closure *closure, bool is_coord, uint32_t state)
{
    struct small_memo *memo = is_coord ? &closure->nodes->coord_memo : &closure->nodes->part_memo;

    memo->reached = small_room_grow(memo->reached, &memo->reached_room, (size_t)state + 1, 1);
    closure->grew = closure->grew || memo->reached[state] == 0;
    memo->reached[state] = 1;
}

static void note_move(struct small_memo *memo, struct small_event event, const struct small_step *step)
{
    memo->moves = small_room_grow(memo->moves, &memo->moves_room, memo->moves_len + 1, sizeof(*memo->moves));
    memo->moves[memo->moves_len++] = (struct small_move){event, (uint32_t)(step - memo->steps)};
}

static void follow(struct closure *closure, bool is_coord, uint32_t state)
{
    struct small_nodes *nodes = closure->nodes;
    struct small_event events[SMALL_EVENTS_MAX];
    struct list list = {events, 0};

    if (is_coord)
        add_coord(closure, state, &list);
    else
        add_part(closure, state, &list);
    for (uint32_t i = 0; i < list.len; i++) {
        const struct small_step *found =
            is_coord ? small_coord_step(nodes, state, events[i]) : small_part_step(nodes, state, events[i]);
        const struct small_step step = *found;

        if (found == &nodes->coord_memo.nothing || found == &nodes->part_memo.nothing)
            continue;
        note_move(is_coord ? &nodes->coord_memo : &nodes->part_memo, events[i], found);
        if (step.rule != NULL)
            continue;
        reach(closure, is_coord, step.to);
        take_sends(closure, is_coord, &step);
    }
}

static void follow_all(struct closure *closure, bool is_coord)
{
    struct small_nodes *nodes = closure->nodes;
    struct small_memo *memo = is_coord ? &nodes->coord_memo : &nodes->part_memo;
    uint32_t state = 0;

    memo->moves_len = 0;
    for (; state < (is_coord ? nodes->coords_len : nodes->parts_len); state++) {
        memo->first_move = small_room_grow(memo->first_move, &memo->first_room, (size_t)state + 2, sizeof(uint32_t));
        memo->first_move[state] = (uint32_t)memo->moves_len;
        if (small_is_reached(memo, state))
            follow(closure, is_coord, state);
    }
    memo->first_move[state] = (uint32_t)memo->moves_len;
}

/* A core may well assert against what no world can make of it; what a world can is told when a search finds it. */
static int silence(void)
{
    const int before = dup(STDERR_FILENO), nothing = open("/dev/null", O_WRONLY);

    if (nothing >= 0) {
        (void)dup2(nothing, STDERR_FILENO);
        (void)close(nothing);
    }
    return before;
}

static void speak(int before)
{
    if (before >= 0) {
        (void)dup2(before, STDERR_FILENO);
        (void)close(before);
    }
}

void small_closure(struct small_nodes *nodes)
{
    struct closure closure = {.nodes = nodes};
    const int before = silence();

    reach(&closure, true, 0);
    reach(&closure, false, 0);
    do {
        const uint32_t messages_len = nodes->mail.messages_len;

        closure.grew = false;
        follow_all(&closure, true);
        follow_all(&closure, false);
        closure.grew = closure.grew || nodes->mail.messages_len != messages_len;
    } while (closure.grew);
    speak(before);
    small_nodes_let_go(nodes);
}
