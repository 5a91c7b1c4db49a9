/*
 * An order as a choreography. The load writes down that it asks for the order, and the event that asks, in one
 * transaction of its own file; from there nothing is lost, and the services do the rest among themselves. The id that
 * it gives the first event is that of all that follow: `vowctl history ID` shows them.
 */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <vow/sqlite.h>

#include "events.h"
#include "load.h"

struct load_events {
    struct vow_participant *participant;
    sqlite3 *db; /* the main thread's own connection to its file */
};

/* --- hearing --- */

/* On the store's thread. The event may come again, or be of an earlier run: only an order that is awaited counts. */
static struct load_order *find_awaited(struct load *load, const char *id)
{
    for (int64_t i = 0; i < load->options.in_flight; i++)
        if (load->slots[i].is_awaited && strcmp(load->slots[i].order.id, id) == 0)
            return &load->slots[i];
    return NULL;
}

static void hear(struct load *load, const struct vow_received_event *event, const char *why)
{
    struct load_order *slot;

    pthread_mutex_lock(&load->mailbox.lock);
    slot = find_awaited(load, event->key);
    if (slot != NULL) {
        slot->is_awaited = false;
        slot->result = (struct vow_result){.id = event->id, .outcome = why == NULL ? VOW_COMMITTED : VOW_ABORTED};
        slot->result.cause = why == NULL ? VOW_CAUSE_NONE : VOW_CAUSE_HANDLER_REFUSED;
        if (why != NULL)
            strncpy(slot->result.text, why, sizeof(slot->result.text) - 1);
    }
    pthread_mutex_unlock(&load->mailbox.lock);
    if (slot != NULL)
        load_mailbox_put_result(load, slot);
}

static int on_placed(struct vow_branch *branch, struct sqlite3 *db, const struct vow_received_event *event, void *ctx)
{
    (void)branch;
    (void)db;
    hear(ctx, event, NULL);
    return 0;
}

static int on_undone(struct vow_branch *branch, struct sqlite3 *db, const struct vow_received_event *event, void *ctx)
{
    const char *why = events_reason(event);

    (void)branch;
    (void)db;
    hear(ctx, event, why != NULL ? why : "no reason given");
    return 0;
}

static int subscribe(struct load *load)
{
    const struct vow_reaction reactions[] = {{.on = EVENT_PLACED, .handler = on_placed, .ctx = load},
                                             {.on = EVENT_OUT_OF_STOCK, .handler = on_undone, .ctx = load},
                                             {.on = EVENT_RETURNED, .handler = on_undone, .ctx = load}};
    const struct vow_subscription ends = {
        .size = sizeof(ends), .group = "load", .reactions = reactions, .reactions_len = 3};

    return vow_participant_subscribe(load->events->participant, &ends);
}

/* --- the load's own file --- */

static int open_participant(struct load *load)
{
    const struct vow_participant_options options = {.size = sizeof(options),
                                                    .name = "load",
                                                    .path = load->options.db,
                                                    .coordinator = load->options.coordinator,
                                                    .schema =
                                                        "CREATE TABLE asked (order_id TEXT PRIMARY KEY NOT NULL)"};
    struct vow_error_detail detail;

    if (vow_participant_open(&options, &load->events->participant, &detail) != 0) {
        fprintf(stderr, "shop-load: %s\n", detail.text);
        return -1;
    }
    if (subscribe(load) == 0 && vow_participant_start(load->events->participant) == 0 &&
        sqlite3_open_v2(load->options.db, &load->events->db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK)
        return sqlite3_busy_timeout(load->events->db, 10000);
    fprintf(stderr, "shop-load: cannot use %s\n", load->options.db);
    return -1;
}

int load_events_open(struct load *load)
{
    if (load->options.protocol != LOAD_CHOREOGRAPHY)
        return 0;
    load->events = calloc(1, sizeof(*load->events));
    if (load->events == NULL)
        return -1;
    if (open_participant(load) == 0)
        return 0;
    load_events_close(load);
    return -1;
}

void load_events_close(struct load *load)
{
    if (load->events == NULL)
        return;
    sqlite3_close(load->events->db);
    vow_participant_close(load->events->participant);
    free(load->events);
    load->events = NULL;
}

/* --- asking --- */

static void await(struct load_order *slot, bool is_awaited)
{
    pthread_mutex_lock(&slot->load->mailbox.lock);
    slot->is_awaited = is_awaited;
    pthread_mutex_unlock(&slot->load->mailbox.lock);
}

/* That it asks and the event that asks, both or neither. */
static int write_down(sqlite3 *db, const struct load_order *slot, const struct vow_event *event)
{
    int error = shop_sql(db, "INSERT OR IGNORE INTO asked (order_id) VALUES (?1)", "s", slot->order.id);

    if (error == SQLITE_OK)
        error = vow_outbox_publish(db, event);
    if (error == 0 && shop_sql(db, "COMMIT", "") == SQLITE_OK)
        return 0;
    (void)shop_sql(db, "ROLLBACK", "");
    return error < 0 ? error : VOW_E_BUSY;
}

int load_events_send(struct load_order *slot, const char *payload, size_t len)
{
    struct load *load = slot->load;
    struct vow_gtrid id;
    const struct vow_event event = {
        .size = sizeof(event), .topic = EVENT_ASKED, .key = slot->order.id, .payload = payload, .len = len, .id = &id};
    int error = vow_choreography_new(load->client, 0, &id);

    if (error == 0)
        error = shop_sql(load->events->db, "BEGIN IMMEDIATE", "") == SQLITE_OK ? 0 : VOW_E_BUSY;
    if (error != 0)
        return error;
    slot->ask_until_ms = load_now_ms() + (uint64_t)load->options.ask_ms;
    slot->result = (struct vow_result){.id = id, .outcome = VOW_UNKNOWN};
    await(slot, true);
    error = write_down(load->events->db, slot, &event);
    if (error != 0)
        await(slot, false);
    return error;
}

bool load_events_give_up(struct load_order *slot, uint64_t now_ms)
{
    bool is_given_up;

    if (slot->protocol != LOAD_CHOREOGRAPHY || slot->state != LOAD_SENT || slot->ask_until_ms > now_ms)
        return false;
    pthread_mutex_lock(&slot->load->mailbox.lock);
    is_given_up = slot->is_awaited;
    slot->is_awaited = false;
    pthread_mutex_unlock(&slot->load->mailbox.lock);
    return is_given_up;
}
