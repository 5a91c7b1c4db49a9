/* What is published: once, in the order of its key, and told so when it is durable (B58). */
#include "coordinator/core/relay/core.h"
#include "proto/assert.h"
#include "proto/error.h"

static void refuse(struct vow_relay *core, const struct vow_relay_event *event, int error, const char *text)
{
    core->counts.busy += error == VOW_E_BUSY;
    core->counts.refused += error == VOW_E_REFUSED;
    core->counts.gaps += error == VOW_E_STATE;
    relay_published(core, event->session, event->publish.event, 0, error, text);
}

/* Sent again on another connection while it is on its way to the disk: who asked last is told. */
static void publish_again(struct vow_relay *core, const struct vow_relay_event *event, const struct key *key)
{
    struct event *under_way = &core->events[key->logging];

    if (under_way->msg->key_seq != event->publish.event->key_seq) {
        refuse(core, event, VOW_E_STATE, "a gap: the one before it is not here");
        return;
    }
    under_way->session = event->session;
}

static const char *why_busy(const struct vow_relay *core, const struct vow_relay_event *event)
{
    if (core->recovering)
        return "recovery is not finished";
    if (core->draining || core->shedding)
        return "no new work is taken";
    /* Nothing that is not done is ever cut off, so what is full stays full until some consumer goes on (F205). */
    if (event->publish.no_room || relay_is_full(core))
        return "too many events are not done: see vowctl topics";
    if (read_is_full(core))
        return "a group has too much to read: see vowctl topics";
    return NULL;
}

/* Of what is busy: because of events_max, and nothing else. */
static void count_full(struct vow_relay *core, const struct vow_relay_event *event)
{
    core->counts.full_events +=
        !core->recovering && !core->draining && !core->shedding && !event->publish.no_room && relay_is_full(core);
}

static void publish_new(struct vow_relay *core, const struct vow_relay_event *event)
{
    const struct vow_msg_event *msg = event->publish.event;
    const char *busy = why_busy(core, event);
    const uint32_t key = busy == NULL ? key_intern(core, msg->db_uuid, msg->key) : RELAY_NIL;
    struct vow_relay_effect *effect;
    uint32_t index;

    if (key == RELAY_NIL) {
        count_full(core, event);
        refuse(core, event, VOW_E_BUSY, busy != NULL ? busy : "events of too many keys are not done");
        return;
    }
    index = kept_new(core, msg, key);
    core->events[index].session = event->session;
    watch_set(core, index, event->due_ms);
    core->keys[key].logging = index;
    effect = relay_log(core, VOW_RECORD_EVENT, TOKEN_EVENT, core->events[index].serial, index, true);
    effect->log.event = msg;
    effect->log.record.gtrid = msg->gtrid;
}

void relay_take_publish(struct vow_relay *core, const struct vow_relay_event *event)
{
    const struct vow_msg_event *msg = event->publish.event;
    const char *fault = vow_event_fault(msg);
    const uint32_t index = key_find(core, msg->db_uuid, msg->key);
    const struct key *key = index != RELAY_NIL ? &core->keys[index] : NULL;

    if (fault != NULL) {
        refuse(core, event, VOW_E_REFUSED, fault);
    } else if (key != NULL && msg->key_seq <= key->seq) {
        core->counts.duplicates++;
        relay_published(core, event->session, msg, msg->key_seq == key->seq ? key->lsn : 0, 0, "");
    } else if (key != NULL && key->logging != RELAY_NIL) {
        publish_again(core, event, key);
    } else if (key != NULL && key->seq != 0 && msg->key_seq != key->seq + 1) {
        refuse(core, event, VOW_E_STATE, "a gap: the one before it is not here");
    } else {
        publish_new(core, event);
    }
}

void relay_event_logged(struct vow_relay *core, uint32_t index, uint32_t serial, uint64_t lsn)
{
    struct event *event = &core->events[index];
    struct key *key = &core->keys[event->key];

    VOW_ASSERT(event->msg != NULL && event->serial == serial && key->logging == index && lsn > core->last_lsn);
    key->logging = RELAY_NIL;
    key_published(core, event->key, event->msg->key_seq, lsn);
    kept_durable(core, index, lsn);
    core->last_lsn = lsn;
    core->counts.published++;
    relay_published(core, event->session, event->msg, lsn, 0, "");
    relay_spread(core, index);
}
