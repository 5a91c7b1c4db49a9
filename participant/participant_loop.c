#include "participant/participant_internal.h"

#include <stdlib.h>
#include <string.h>

#include "proto/net/clock.h"
#include "proto/net/crash.h"
#include "proto/net/log.h"

/* What nobody waits for is durable after this time at the latest. */
#define STORE_TICK_MS 100u
/* Answers and inquiries for all branches of a full core may lie unsent at once; that is no reason to lose the
 * connection. */
#define WRITE_HIGH_WATER (64u * 1024u * 1024u)

/* --- The core and its effects --- */

static void send_message(struct vow_participant *participant, const struct vow_msg *msg)
{
    if (participant->channel == NULL)
        return;
    VOW_CRASH("send", "before", vow_msg_name(msg->kind));
    /* What cannot be sent is dropped: every message is asked for again (participant/core/branch.h). */
    (void)vow_channel_send(participant->channel, msg);
    if (vow_crash_hit("send", "after", vow_msg_name(msg->kind))) {
        vow_channel_flush(participant->channel);
        vow_crash_now();
    }
}

int vow_participant_tell_bulk(struct vow_participant *participant, uint64_t asker, const struct vow_msg *msg,
                              bool is_last)
{
    struct vow_channel *channel =
        asker == 0 ? participant->channel : vow_participant_channel_of_session(participant, asker);
    int error;

    if (channel == NULL)
        return VOW_E_STATE;
    VOW_CRASH("send", "before", vow_msg_name(msg->kind));
    error = vow_channel_send_bulk(channel, msg, is_last);
    if (vow_crash_hit("send", "after", vow_msg_name(msg->kind))) {
        vow_channel_flush(channel);
        vow_crash_now();
    }
    return error;
}

void vow_participant_tell(struct vow_participant *participant, uint64_t asker, const struct vow_msg *msg)
{
    if (asker == 0)
        send_message(participant, msg);
    else
        vow_participant_tell_session(participant, asker, msg);
}

static void raise_alarm(const struct vow_participant *participant, const struct vow_branches_effect *effect)
{
    char id[VOW_GTRID_TEXT_SIZE];

    vow_gtrid_to_text(&effect->alarm.gtrid, id);
    VOW_LOG(VOW_LOG_ERROR, "alarm", VOW_STR("name", participant->name), VOW_STR("id", id),
            VOW_STR("what", effect->alarm.what));
}

static void carry_out(struct vow_participant *participant, const struct vow_branches_effect *effect)
{
    switch (effect->kind) {
    case VOW_BRANCHES_SEND:
        send_message(participant, &effect->msg);
        break;
    case VOW_BRANCHES_STORE:
        vow_participant_store_add(participant, effect);
        break;
    case VOW_BRANCHES_JOINED:
        vow_participant_answer_join(participant, effect);
        break;
    case VOW_BRANCHES_ALARM:
        raise_alarm(participant, effect);
        break;
    case VOW_BRANCHES_ANSWER:
        vow_participant_tell(participant, effect->told.tag, &effect->told.msg);
        break;
    case VOW_BRANCHES_ASK_PEERS:
        vow_participant_ask_peers(participant, effect);
        break;
    case VOW_BRANCHES_ANSWER_PEER:
        vow_participant_tell(participant, effect->answer.session, &effect->answer.msg);
        break;
    case VOW_BRANCHES_TRACE:
        break;
    }
}

static void step(struct vow_participant *participant, struct vow_branches_event *event)
{
    struct vow_branches_effects effects;

    event->now_ms = vow_clock_ms();
    vow_branches_step(participant->core, event, &effects);
    for (size_t i = 0; i < effects.len; i++)
        carry_out(participant, &effects.items[i]);
}

void vow_participant_store_done(struct vow_participant *participant, const struct vow_store_op *op)
{
    struct vow_branches_event event = {.kind = VOW_BRANCHES_STORE_DONE};

    event.done = (struct vow_branches_done){
        .op = op->kind,
        .gtrid = op->gtrid,
        .branch = op->branch,
        .result = op->result,
        .cause = op->cause,
        .text = op->text,
        .session = op->session,
        .attempt = op->attempt,
        .wall_us = op->wall_us,
    };
    step(participant, &event);
}

void vow_participant_resolve(struct vow_participant *participant, uint64_t asker, const struct vow_msg *msg)
{
    struct vow_branches_event event = {.kind = VOW_BRANCHES_RESOLVE};
    const struct vow_msg_resolve *resolve = &msg->resolve;
    char id[VOW_GTRID_TEXT_SIZE];

    /* The record goes when the decision agrees, and vowd's history has nothing of what did not come through vowd. */
    vow_gtrid_to_text(&resolve->header.gtrid, id);
    VOW_LOG(VOW_LOG_WARN, "operator", VOW_STR("name", participant->name),
            VOW_STR("command", resolve->verdict == VOW_COMMIT ? "commit" : "abort"), VOW_STR("id", id),
            VOW_STR("who", resolve->who), VOW_STR("reason", resolve->why));
    event.resolve.tag = asker;
    event.resolve.msg = msg;
    step(participant, &event);
}

void vow_participant_join(struct vow_participant *participant, const struct vow_gtrid *gtrid)
{
    struct vow_branches_event event = {.kind = VOW_BRANCHES_JOIN};

    event.join.gtrid = *gtrid;
    step(participant, &event);
}

void vow_participant_peer(struct vow_participant *participant, uint64_t session, const struct vow_msg *msg)
{
    struct vow_branches_event event = {.kind = VOW_BRANCHES_PEER, .peer = {msg, session}};

    step(participant, &event);
}

bool vow_participant_operator(struct vow_participant *participant, uint64_t session, const struct vow_msg *msg)
{
    if (msg->kind == VOW_MSG_ADMIN_REQUEST)
        vow_participant_admin(participant, session, &msg->admin_request);
    else if (msg->kind == VOW_MSG_RESOLVE)
        vow_participant_resolve(participant, session, msg);
    else
        return false;
    return true;
}

/* --- The end of a turn --- */

static void arm_timer(struct vow_participant *participant, uint64_t now_ms)
{
    uint64_t deadline_ms = vow_branches_deadline_ms(participant->core);

    if (deadline_ms == participant->timer_ms)
        return;
    participant->timer_ms = deadline_ms;
    if (deadline_ms == UINT64_MAX)
        vow_timer_disarm(&participant->timer);
    else
        vow_timer_arm(&participant->timer, deadline_ms > now_ms ? deadline_ms - now_ms : 0);
}

/* What nobody here can end is said once, and once when it is over. */
static void say_blocked(struct vow_participant *participant, const struct vow_branches_counts *counts)
{
    if (participant->says_blocked == (counts->blocked > 0))
        return;
    participant->says_blocked = counts->blocked > 0;
    if (counts->blocked > 0)
        VOW_LOG(VOW_LOG_WARN, "branches_blocked", VOW_STR("name", participant->name),
                VOW_NUM("blocked", counts->blocked), VOW_NUM("in_doubt", counts->in_doubt),
                VOW_STR("why", "the coordinator is silent, and no peer that answers knows the outcome"),
                VOW_STR("then", "start the coordinator: until then their rows stay locked"));
    else
        VOW_LOG(VOW_LOG_INFO, "branches_not_blocked", VOW_STR("name", participant->name));
}

static void publish(struct vow_participant *participant, uint64_t now_ms)
{
    struct vow_participant_stats *stats = &participant->stats;
    int connected = participant->channel != NULL;
    struct vow_branches_counts counts;

    vow_branches_counts(participant->core, now_ms, &counts);
    say_blocked(participant, &counts);
    (void)pthread_mutex_lock(&participant->lock);
    stats->prepared = counts.prepared;
    stats->committed = counts.committed;
    stats->aborted = counts.aborted;
    stats->read_only = counts.read_only;
    stats->refused = counts.refused;
    stats->one_phase = counts.one_phase;
    stats->in_doubt = counts.in_doubt;
    stats->in_doubt_max_ms = counts.in_doubt_max_ms;
    stats->heuristics = counts.heuristic_commits + counts.heuristic_aborts;
    stats->contradicted = counts.contradicted;
    stats->unforgotten = counts.heuristics;
    stats->blocked = counts.blocked;
    stats->asked_peers = counts.asked_peers;
    stats->answered_peers = counts.answered_peers;
    stats->ended_by_peers = counts.ended_by_peers;
    stats->steps_done = participant->steps_done;
    stats->steps_refused = participant->steps_refused;
    stats->events_published = participant->relay.flights.published;
    stats->events_unwanted = participant->relay.flights.refused;
    stats->events_handled = participant->events_handled;
    stats->events_refused = participant->events_refused;
    if (stats->connected != connected)
        (void)pthread_cond_broadcast(&participant->changed);
    stats->connected = connected;
    (void)pthread_mutex_unlock(&participant->lock);
}

/* All that the turn asked of the store goes over as one list, so that it becomes one batch (group commit). */
void vow_participant_turn_end(struct vow_participant *participant)
{
    uint64_t now_ms = vow_clock_ms();

    vow_participant_settle_joins(participant);
    vow_relay_turn_end(participant);
    vow_participant_store_submit(participant);
    arm_timer(participant, now_ms);
    publish(participant, now_ms);
}

static void time_is_up(void *ctx)
{
    struct vow_participant *participant = ctx;
    struct vow_branches_event event = {.kind = VOW_BRANCHES_TIMER};

    participant->timer_ms = UINT64_MAX;
    step(participant, &event);
    vow_participant_turn_end(participant);
}

/* --- The connection --- */

static void on_up(void *ctx, struct vow_channel *channel, const struct vow_msg_welcome *welcome)
{
    struct vow_participant *participant = ctx;
    struct vow_branches_event event = {.kind = VOW_BRANCHES_COORD_UP};

    participant->channel = channel;
    /* The data belongs to the first coordinator it ever met; the core raises an alarm at any other. */
    if (participant->coord == 0)
        participant->coord = welcome->coord;
    if (participant->coord == welcome->coord) {
        vow_dialer_set_epoch(participant->dialer, welcome->coord, welcome->epoch);
        participant->epoch = welcome->epoch > participant->epoch ? welcome->epoch : participant->epoch;
    }
    event.coord.coord = welcome->coord;
    event.coord.epoch = welcome->epoch;
    event.coord.watermark = welcome->watermark;
    step(participant, &event);
    /* Another coordinator does not know what this data has published, nor what it has handled. */
    if (participant->coord == welcome->coord) {
        vow_relay_up(participant);
        vow_subscriptions_up(participant);
    }
    vow_participant_turn_end(participant);
}

static void on_message(void *ctx, struct vow_channel *channel, const struct vow_msg *msg)
{
    struct vow_branches_event event = {.kind = VOW_BRANCHES_MESSAGE, .msg = msg};

    (void)channel;
    VOW_CRASH("recv", "before", vow_msg_name(msg->kind));
    if (msg->kind == VOW_MSG_ADMIN_REQUEST)
        vow_participant_admin(ctx, 0, &msg->admin_request);
    else if (msg->kind == VOW_MSG_STEP)
        vow_participant_step(ctx, &msg->step);
    else if (msg->kind == VOW_MSG_PUBLISHED)
        vow_relay_published(ctx, &msg->published);
    else if (msg->kind == VOW_MSG_SUBSCRIBED)
        vow_participant_hear_subscribed(ctx, &msg->subscribed);
    else if (msg->kind == VOW_MSG_DELIVER)
        vow_participant_deliver(ctx, &msg->deliver);
    else
        step(ctx, &event);
}

static void on_turn_end(void *ctx, struct vow_channel *channel)
{
    (void)channel;
    vow_participant_turn_end(ctx);
}

static void on_down(void *ctx, struct vow_channel *channel, const struct vow_error_detail *detail)
{
    struct vow_participant *participant = ctx;
    struct vow_branches_event event = {.kind = VOW_BRANCHES_COORD_DOWN};

    (void)channel, (void)detail;
    if (participant->channel == NULL)
        return;
    participant->channel = NULL;
    vow_participant_tell_parted(participant);
    vow_relay_down(participant);
    vow_subscriptions_down(participant);
    step(participant, &event);
    vow_participant_turn_end(participant);
}

static const struct vow_channel_ops channel_ops = {
    .on_up = on_up, .on_message = on_message, .on_turn_end = on_turn_end, .on_down = on_down};

/* --- Recovery, start and end --- */

/* The branches that the store holds: they are counted before the core is made. */
struct recovered {
    struct vow_branches_event *events;
    size_t len, room;
    uint32_t heuristics; /* of them */
    struct vow_participant *participant;
};

static bool make_room(struct recovered *all)
{
    const size_t room = all->room > 0 ? 2 * all->room : 64;
    struct vow_branches_event *events;

    if (all->len < all->room)
        return true;
    events = realloc(all->events, room * sizeof(*events));
    if (events == NULL)
        return false;
    all->events = events;
    all->room = room;
    return true;
}

static uint64_t ms_since(uint64_t wall_us)
{
    const uint64_t now_us = vow_clock_wall_us();

    return wall_us != 0 && now_us > wall_us ? (now_us - wall_us) / 1000 : 0;
}

static int recovered(void *ctx, const struct vow_branches_recovered *found)
{
    struct recovered *all = ctx;
    struct vow_branches_event *event;

    if (!make_room(all))
        return VOW_E_NO_MEMORY;
    event = &all->events[all->len++];
    *event = (struct vow_branches_event){.kind = VOW_BRANCHES_RECOVERED, .recovered = *found};
    event->recovered.who = event->recovered.why = event->recovered.peers = NULL;
    event->recovered.doubt_ms = ms_since(found->since_us);
    if (found->peers != NULL)
        vow_participant_keep_peers(all->participant, &found->gtrid, strdup(found->peers));
    if (found->heuristic == 0)
        return 0;
    all->heuristics++;
    event->recovered.who = strdup(found->who);
    event->recovered.why = strdup(found->why);
    return event->recovered.who != NULL && event->recovered.why != NULL ? 0 : VOW_E_NO_MEMORY;
}

static void free_recovered(struct recovered *all)
{
    for (size_t i = 0; i < all->len; i++) {
        free((char *)all->events[i].recovered.who);
        free((char *)all->events[i].recovered.why);
    }
    free(all->events);
}

static struct vow_branches_identity core_identity(const struct vow_store_identity *identity)
{
    return (struct vow_branches_identity){
        .incarnation = identity->incarnation,
        .coord = identity->coord,
        .epoch = identity->epoch,
        .watermark = identity->watermark,
    };
}

/* A question that comes later than the back-off would ever go has no back-off. */
static void set_decision_timeout(struct vow_branches_limits *limits, uint32_t timeout_ms)
{
    if (timeout_ms == 0)
        return;
    limits->decision_timeout_ms = timeout_ms;
    if (limits->decision_timeout_max_ms < timeout_ms)
        limits->decision_timeout_max_ms = timeout_ms;
}

/* Room for all that is there beside the limit of new work (fault F028). */
static int make_core(struct vow_participant *participant, const struct recovered *all)
{
    struct vow_branches_limits limits = vow_branches_default_limits;
    struct vow_branches_identity identity = core_identity(&participant->identity);
    void *mem;
    size_t size;

    limits.branches_max = participant->branches_max;
    if (all->len > UINT32_MAX - limits.branches_max)
        return VOW_E_NO_MEMORY;
    limits.branches_max += (uint32_t)all->len;
    limits.heuristics_max += all->heuristics;
    set_decision_timeout(&limits, participant->decision_timeout_ms);
    limits.heuristic_timeout_ms = participant->heuristic_timeout_ms;
    limits.heuristic_verdict = participant->heuristic == VOW_HEURISTIC_COMMIT ? VOW_COMMIT : VOW_ABORT;
    if (vow_random_bytes(&identity.seed, sizeof(identity.seed)) != 0)
        return VOW_E_SYSTEM;
    size = vow_branches_size(&limits);
    mem = size > 0 ? malloc(size) : NULL;
    if (mem == NULL)
        return VOW_E_NO_MEMORY;
    participant->core = vow_branches_init(mem, &limits, &identity);
    return 0;
}

int vow_participant_recover(struct vow_participant *participant, struct vow_error_detail *detail)
{
    struct recovered all = {.participant = participant};
    int error;

    participant->store_ops->identity(participant->store, &participant->identity);
    participant->coord = participant->identity.coord;
    participant->epoch = participant->identity.epoch;
    error = participant->store_ops->recover(participant->store, recovered, &all, detail);
    if (error == 0)
        error = make_core(participant, &all);
    for (size_t i = 0; i < all.len && error == 0; i++)
        step(participant, &all.events[i]);
    free_recovered(&all);
    if (error == 0)
        publish(participant, vow_clock_ms());
    return error;
}

struct vow_msg_hello vow_participant_hello(const struct vow_participant *participant)
{
    struct vow_msg_hello hello = {
        .version_min = VOW_WIRE_VERSION,
        .version_max = VOW_WIRE_VERSION,
        .role = VOW_ROLE_PARTICIPANT,
        .name = participant->name,
        .incarnation = participant->identity.incarnation,
        .coord = participant->coord,
        .epoch = participant->epoch,
        .software = "libvow " VOW_SOFTWARE_VERSION,
        .address = participant->peer_address,
    };

    memcpy(hello.db_uuid, participant->identity.db_uuid, sizeof(hello.db_uuid));
    return hello;
}

static int start_dialer(struct vow_participant *participant)
{
    struct vow_channel_options options = vow_channel_defaults;
    const struct vow_msg_hello hello = vow_participant_hello(participant);
    uint64_t seed;

    options.timers = participant->loop.timers;
    options.write_high_water = WRITE_HIGH_WATER;
    if (vow_random_bytes(&seed, sizeof(seed)) != 0)
        return VOW_E_SYSTEM;
    return vow_dialer_new(participant->loop.base, &participant->coordinator, &options, &hello, &channel_ops,
                          participant, seed, &participant->dialer);
}

/* Any thread: an answer that the store waits for has come. */
static void nudge_store(void *ctx)
{
    struct vow_participant *participant = ctx;

    vow_worker_nudge(participant->worker);
}

static void let_store_wake(struct vow_participant *participant, bool is_allowed)
{
    if (participant->store_ops->wake_with != NULL)
        participant->store_ops->wake_with(participant->store, is_allowed ? nudge_store : NULL, participant);
}

/* The participant's loop is woken for joins, and its own thread to end. */
static void woken(void *ctx)
{
    struct vow_participant *participant = ctx;

    if (vow_participant_take_joins(participant) && participant->loop.kind == VOW_LOOP_OWN_THREAD)
        vow_loop_leave(&participant->loop);
    else
        vow_participant_turn_end(participant);
}

int vow_participant_run(struct vow_participant *participant)
{
    const struct vow_worker_options worker = {
        .thread_name = "vow-store",
        .run = vow_participant_store_run,
        .done = vow_participant_store_take_back,
        .ctx = participant,
        .tick_ms = STORE_TICK_MS,
    };
    int error = vow_loop_init(&participant->loop, participant->loop_kind, participant->base, woken, participant);

    if (error != 0)
        return error;
    vow_timer_init(&participant->timer, participant->loop.base, participant->loop.timers, time_is_up, participant);
    vow_relay_init(participant);
    vow_subscriptions_init(participant);
    error = vow_worker_new(participant->loop.base, &worker, &participant->worker);
    if (error != 0)
        goto err_deinit_loop;
    let_store_wake(participant, true);
    error = vow_participant_listen(participant);
    if (error == 0)
        error = start_dialer(participant);
    if (error != 0)
        goto err_free_worker;
    error = vow_loop_start(&participant->loop, "vow-network");
    if (error == 0) {
        /* A turn of its own: what was recovered has timers, and the coordinator may not come to begin one. */
        vow_loop_wake(&participant->loop);
        return 0;
    }

    vow_dialer_free(participant->dialer);
err_free_worker:
    vow_participant_unlisten(participant);
    let_store_wake(participant, false);
    vow_worker_free(participant->worker);
err_deinit_loop:
    vow_relay_deinit(participant);
    vow_subscriptions_deinit(participant);
    vow_loop_deinit(&participant->loop);
    return error;
}

void vow_participant_halt(struct vow_participant *participant)
{
    (void)pthread_mutex_lock(&participant->lock);
    participant->halting = true;
    (void)pthread_mutex_unlock(&participant->lock);
    vow_loop_wake(&participant->loop);
    vow_loop_join(&participant->loop);
    participant->closing = true;
    participant->channel = NULL;
    vow_participant_unlisten(participant);
    vow_participant_close_links(participant);
    vow_dialer_free(participant->dialer);
    let_store_wake(participant, false);
    /* What the store has begun becomes durable; nobody hears of it until the next start. */
    vow_worker_free(participant->worker);
    vow_participant_store_give_up(participant);
    vow_participant_give_up_joins(participant);
    vow_relay_deinit(participant);
    vow_subscriptions_deinit(participant);
    vow_timer_deinit(&participant->timer);
    vow_loop_deinit(&participant->loop);
}
