/* A participant's part in choreographed sagas: it counts when it hears that the one before it has, and tells so. */
#include <stdio.h>
#include <string.h>
#include <vow/vow.h>

#include "bench/bench.h"

/* Lives as long as the process, which is one participant. */
static struct {
    vow_handler_fn *change;
    void *ctx;
    char hears[24], tells[24];
} part;

void react_topic(char topic[24], uint32_t participants)
{
    snprintf(topic, 24, "bench.%u", participants);
}

static int count_and_tell(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len)
{
    struct react_payload what;
    char key[16];
    if (len != sizeof(what))
        return VOW_E_ARGUMENT;
    memcpy(&what, payload, sizeof(what));
    snprintf(key, sizeof(key), "c%u", what.slot);
    const struct vow_event event = {
        .size = sizeof(event), .topic = part.tells, .key = key, .payload = payload, .len = len};
    int error = part.change(branch, db, &what.row, sizeof(what.row), part.ctx);
    return error != 0 ? error : vow_publish(branch, &event);
}

/* The first of them is called by the client. */
static int begin(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    (void)ctx;
    return count_and_tell(branch, db, payload, len);
}

static int on_event(struct vow_branch *branch, struct sqlite3 *db, const struct vow_received_event *event, void *ctx)
{
    (void)ctx;
    return count_and_tell(branch, db, event->payload, event->len);
}

int react_open(struct vow_participant *participant, uint32_t i, vow_handler_fn *change, void *ctx)
{
    char name[16];
    const char *const publishes[] = {part.tells};
    const struct vow_reaction reaction = {
        .on = part.hears, .handler = on_event, .publishes = publishes, .publishes_len = 1};
    const struct vow_subscription subscription = {
        .size = sizeof(subscription), .group = name, .reactions = &reaction, .reactions_len = 1, .window = CLIENTS_MAX};
    part.change = change;
    part.ctx = ctx;
    participant_name(i, name);
    react_topic(part.hears, i);
    react_topic(part.tells, i + 1);
    return i == 0 ? vow_participant_handle(participant, "begin", begin, NULL)
                  : vow_participant_subscribe(participant, &subscription);
}
