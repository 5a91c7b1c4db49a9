#include "participant/client_internal.h"

#include "proto/frame.h"
#include "proto/net/clock.h"
#include "proto/net/clock_manual.h"

/* Ids that were asked for and do not come are asked for again after this time. */
#define ASK_AGAIN_MS 500

/* --- Ids --- */

static void ask_for_ids(struct vow_client *client)
{
    struct vow_msg msg = {.kind = VOW_MSG_IDS_REQUEST};

    msg.ids_request.count = vow_ids_wanted(&client->ids, client->waiting_len);
    if (msg.ids_request.count == 0 || vow_channel_send(client->channel, &msg) != 0)
        return;
    client->ids.asked = true;
    vow_timer_arm(&client->ask_again, ASK_AGAIN_MS);
}

void vow_client_serve(struct vow_client *client)
{
    uint64_t now_ms = vow_clock_ms();
    struct vow_gtrid id;

    if (client->channel == NULL)
        return;
    while (client->waiting != NULL) {
        uint8_t flags = client->waiting->one_phase ? VOW_GTRID_ONE_PHASE : 0;

        if (!vow_ids_take(&client->ids, now_ms, flags, &id))
            break;
        vow_request_begin(client->waiting, &id);
    }
    ask_for_ids(client);
}

static void no_ids_came(void *ctx)
{
    struct vow_client *client = ctx;

    client->ids.asked = false;
    vow_client_serve(client);
}

static void on_ids(struct vow_client *client, const struct vow_msg_ids *grant)
{
    /* None now: ask_again stays armed, and asks. */
    if (grant->count == 0)
        return;
    vow_timer_disarm(&client->ask_again);
    vow_ids_granted(&client->ids, grant, client->waiting_len, vow_clock_ms());
    vow_client_serve(client);
}

/* --- The connection --- */

static void on_outcome(struct vow_client *client, const struct vow_msg_outcome *outcome)
{
    struct vow_request *request = vow_request_table_find(&client->table, &outcome->gtrid);

    while (request != NULL) {
        struct vow_request *next = vow_request_table_next(request);

        if (vow_gtrid_is_none(&outcome->named))
            vow_request_hear(request, outcome);
        else
            vow_request_hear_named(request, outcome);
        request = next;
    }
}

static void on_saga_state(struct vow_client *client, const struct vow_msg_saga_state *state)
{
    struct vow_request *request = vow_request_table_find(&client->table, &state->gtrid);

    while (request != NULL) {
        struct vow_request *next = vow_request_table_next(request);

        if (vow_request_is_of_saga(request))
            vow_saga_request_hear(request, state);
        request = next;
    }
}

static void on_up(void *ctx, struct vow_channel *channel, const struct vow_msg_welcome *welcome)
{
    struct vow_client *client = ctx;
    struct vow_request *request, *next;

    client->channel = channel;
    vow_ids_connected(&client->ids, welcome->coord, welcome->epoch);
    for (request = client->open; request != NULL; request = next) {
        next = request->next;
        vow_request_reconnected(request);
    }
    vow_client_serve(client);
}

static void on_message(void *ctx, struct vow_channel *channel, const struct vow_msg *msg)
{
    struct vow_client *client = ctx;

    (void)channel;
    /* Whatever else comes is for other roles, and changes nothing. */
    if (msg->kind == VOW_MSG_IDS)
        on_ids(client, &msg->ids);
    else if (msg->kind == VOW_MSG_OUTCOME)
        on_outcome(client, &msg->outcome);
    else if (msg->kind == VOW_MSG_SAGA_STATE)
        on_saga_state(client, &msg->saga_state);
}

static void on_down(void *ctx, struct vow_channel *channel, const struct vow_error_detail *detail)
{
    struct vow_client *client = ctx;

    (void)channel, (void)detail;
    if (client->channel == NULL)
        return;
    client->channel = NULL;
    vow_timer_disarm(&client->ask_again);
    for (struct vow_request *request = client->open; request != NULL; request = request->next)
        vow_request_disconnected(request);
}

static const struct vow_channel_ops channel_ops = {.on_up = on_up, .on_message = on_message, .on_down = on_down};

/* --- Time --- */

/* They are in the order of their deadlines. */
static void arm_timeout(struct vow_client *client)
{
    uint64_t now_ms = vow_clock_ms();

    if (client->open == NULL || vow_timer_is_armed(&client->timeout))
        return;
    vow_timer_arm(&client->timeout, client->open->deadline_ms > now_ms ? client->open->deadline_ms - now_ms : 0);
}

static void time_is_up(void *ctx)
{
    struct vow_client *client = ctx;
    uint64_t now_ms = vow_clock_ms();

    while (client->open != NULL && client->open->deadline_ms <= now_ms)
        vow_request_give_up(client->open);
    arm_timeout(client);
}

/* --- The thread --- */

/* Takes over what was submitted. True if the client is being closed. */
static bool take_submitted(struct vow_client *client)
{
    struct vow_request *request, *next;
    bool closing;

    (void)pthread_mutex_lock(&client->lock);
    request = client->submitted;
    client->submitted = client->submitted_last = NULL;
    closing = client->closing;
    (void)pthread_mutex_unlock(&client->lock);
    if (request != NULL)
        vow_clock_stir();
    for (; request != NULL; request = next) {
        next = request->next_submitted;
        vow_request_adopt(request);
    }
    return closing;
}

static void end_all(struct vow_client *client)
{
    (void)take_submitted(client);
    while (client->open != NULL)
        vow_request_give_up(client->open);
}

static void woken(void *ctx)
{
    struct vow_client *client = ctx;

    if (!take_submitted(client)) {
        vow_client_serve(client);
        arm_timeout(client);
    } else if (client->loop.kind == VOW_LOOP_OWN_THREAD) {
        end_all(client);
        vow_loop_leave(&client->loop);
    } else if (client->close_later && client->loop.kind == VOW_LOOP_BASE) {
        vow_client_end(client);
    }
}

static int start_dialer(struct vow_client *client, const struct vow_address *coordinator)
{
    const struct vow_msg_hello hello = {
        .version_min = VOW_WIRE_VERSION,
        .version_max = VOW_WIRE_VERSION,
        .role = VOW_ROLE_CLIENT,
        .name = client->name,
        .software = "libvow " VOW_SOFTWARE_VERSION,
    };
    struct vow_channel_options options = vow_channel_defaults;
    uint64_t requests = (uint64_t)client->in_flight_max * (VOW_FRAME_MAX_DEFAULT + VOW_FRAME_HEADER_BYTES);

    /* All requests may lie unsent at once: their number is the bound, and a burst within it is no reason to lose the
     * connection. */
    options.timers = client->loop.timers;
    options.write_high_water = requests < UINT32_MAX ? (uint32_t)requests : UINT32_MAX;
    return vow_dialer_new(client->loop.base, coordinator, &options, &hello, &channel_ops, client, client->random,
                          &client->dialer);
}

int vow_client_start(struct vow_client *client, enum vow_loop_kind kind, struct event_base *base,
                     const struct vow_address *coordinator)
{
    int error = vow_loop_init(&client->loop, kind, base, woken, client);

    if (error != 0)
        return error;
    error = vow_request_table_init(&client->table, client->in_flight_max);
    if (error != 0)
        goto err_deinit_loop;
    vow_timer_init(&client->timeout, client->loop.base, client->loop.timers, time_is_up, client);
    vow_timer_init(&client->ask_again, client->loop.base, client->loop.timers, no_ids_came, client);
    error = start_dialer(client, coordinator);
    if (error != 0)
        goto err_deinit_table;
    error = vow_loop_start(&client->loop, "vow-client");
    if (error == 0)
        return 0;

    vow_dialer_free(client->dialer);
err_deinit_table:
    vow_request_table_deinit(&client->table);
err_deinit_loop:
    vow_loop_deinit(&client->loop);
    return error;
}

void vow_client_stop(struct vow_client *client)
{
    if (client->loop.kind == VOW_LOOP_OWN_THREAD) {
        vow_loop_wake(&client->loop);
        vow_loop_join(&client->loop);
    } else {
        end_all(client);
    }
    /* What was submitted is the coordinator's to finish: it is not to be lost in our buffer. */
    if (client->channel != NULL)
        vow_channel_flush(client->channel);
    vow_dialer_free(client->dialer);
    vow_timer_deinit(&client->ask_again);
    vow_timer_deinit(&client->timeout);
    vow_request_table_deinit(&client->table);
    vow_loop_deinit(&client->loop);
}
