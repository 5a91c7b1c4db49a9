/* The same work as choreographed sagas: the first participant is called, the others react, the last event ends it. */
#include <stdio.h>
#include <string.h>
#include <vow/vow.h>

#include "bench/bench.h"

static struct vow_participant *listener;
static struct load_slot *all;
static uint32_t all_len;

/* An event that comes again, because its record was lost with a connection, is of an older saga by then. */
static int on_last(struct vow_branch *branch, struct sqlite3 *db, const struct vow_received_event *event, void *ctx)
{
    struct react_payload what;
    (void)branch, (void)db, (void)ctx;
    if (event->len != sizeof(what))
        return VOW_E_ARGUMENT;
    memcpy(&what, event->payload, sizeof(what));
    if (what.slot < all_len && all[what.slot].number == what.number)
        load_ended(&all[what.slot], VOW_COMMITTED);
    return 0;
}

static int subscribe(const struct cluster *cluster)
{
    char topic[24];
    const struct vow_reaction reaction = {.on = topic, .handler = on_last};
    const struct vow_subscription subscription = {.size = sizeof(subscription),
                                                  .group = "load",
                                                  .reactions = &reaction,
                                                  .reactions_len = 1,
                                                  .window = CLIENTS_MAX};
    react_topic(topic, cluster->participants_len);
    return vow_participant_subscribe(listener, &subscription);
}

int load_events_open(const struct cluster *cluster, struct load_slot *slots, uint32_t slots_len)
{
    char path[300];
    struct vow_error_detail detail = {.text = ""};
    snprintf(path, sizeof(path), "%s/load.db", cluster->directory);
    const struct vow_participant_options options = {
        .size = sizeof(options), .name = "load", .path = path, .coordinator = cluster->address};
    all = slots;
    all_len = slots_len;
    if (vow_participant_open(&options, &listener, &detail) == 0 && subscribe(cluster) == 0 &&
        vow_participant_start(listener) == 0 && vow_participant_wait(listener, 10000) == 0 &&
        vow_participant_subscribed(listener, "load", 10000, &detail) == 0)
        return 0;
    fprintf(stderr, "vow-bench: the load cannot hear of events: %s\n", detail.text);
    return -1;
}

void load_events_close(void)
{
    vow_participant_close(listener);
    listener = NULL;
}

/* The end of the call is not that of the saga, unless it did not begin. */
static void on_called(void *ctx, const struct vow_result *result)
{
    if (result->outcome != VOW_COMMITTED)
        load_ended(ctx, result->outcome);
}

int load_start_choreography(struct load_slot *slot)
{
    const struct react_payload what = {.row = slot->row, .slot = slot->index, .number = slot->number};
    const struct vow_call call = {
        .participant = slot->names[0], .handler = "begin", .payload = &what, .len = sizeof(what)};
    return vow_commit_async(slot->client, &call, 1, on_called, slot);
}
