#include <string.h>

#include "coordinator/core/relay/core.h"
#include "proto/assert.h"
#include "proto/error.h"
#include "proto/jitter.h"

/* When who was told BUSY is to come again, at the earliest; up to twice that (F147). */
#define BUSY_RETRY_MS 100u
/* A token is what is logged: its kind, the serial of its slot, and the slot. */
#define SERIAL_MASK 0x3fffffffu
#define KIND_SHIFT 62
#define SERIAL_SHIFT 32

struct vow_relay_effect *relay_emit(struct vow_relay *core, enum vow_relay_effect_kind kind)
{
    struct vow_relay_effect *effect;

    VOW_ASSERT(core->effects_len < RELAY_EFFECTS_MAX);
    effect = &core->effects[core->effects_len++];
    memset(effect, 0, sizeof(*effect));
    effect->kind = kind;
    return effect;
}

/* ---- the log ---- */

struct vow_relay_effect *relay_log(struct vow_relay *core, enum vow_record_kind kind, enum token_kind of,
                                   uint32_t serial, uint32_t index, bool forced)
{
    struct vow_relay_effect *effect = relay_emit(core, VOW_RELAY_LOG);

    effect->log.token = (uint64_t)of << KIND_SHIFT | (uint64_t)(serial & SERIAL_MASK) << SERIAL_SHIFT | index;
    effect->log.forced = forced;
    effect->log.record.kind = kind;
    effect->log.record.epoch = core->epoch;
    return effect;
}

void relay_set_who(struct vow_record *record, const struct group *group)
{
    memcpy(record->who, group->name, sizeof(record->who));
}

static void group_logged(struct vow_relay *core, uint32_t index)
{
    struct group_input in = {.event = GROUP_ON_LOGGED, .group = &core->groups[index]};

    group_dispatch(core, &in);
}

void relay_take_logged(struct vow_relay *core, const struct vow_relay_event *event)
{
    const uint64_t token = event->logged.token;
    const uint32_t index = (uint32_t)token, serial = (uint32_t)(token >> SERIAL_SHIFT) & SERIAL_MASK;

    switch ((enum token_kind)(token >> KIND_SHIFT)) {
    case TOKEN_NONE:
        break;
    case TOKEN_EVENT:
        relay_event_logged(core, index, serial, event->logged.lsn);
        break;
    case TOKEN_GROUP:
        group_logged(core, index);
        break;
    case TOKEN_DEAD:
        dead_logged(core, index, serial);
        break;
    }
}

/* ---- participants and operators ---- */

void relay_published(struct vow_relay *core, uint64_t session, const struct vow_msg_event *event, uint64_t lsn,
                     int error, const char *text)
{
    struct vow_relay_effect *effect;

    if (session == 0)
        return;
    effect = relay_emit(core, VOW_RELAY_SEND);
    effect->session = session;
    effect->msg.kind = VOW_MSG_PUBLISHED;
    effect->msg.published = (struct vow_msg_published){
        .key = event->key, .key_seq = event->key_seq, .offset = lsn, .error = error, .text = text};
    if (error == VOW_E_BUSY)
        effect->msg.published.retry_after_ms =
            BUSY_RETRY_MS + (uint32_t)(vow_jitter_next(&core->jitter) % BUSY_RETRY_MS);
}

void relay_subscribed(struct vow_relay *core, uint64_t session, const char *group, int error, const char *text,
                      uint64_t cursor)
{
    struct vow_relay_effect *effect;

    if (session == 0)
        return;
    effect = relay_emit(core, VOW_RELAY_SEND);
    effect->session = session;
    effect->msg.kind = VOW_MSG_SUBSCRIBED;
    effect->msg.subscribed =
        (struct vow_msg_subscribed){.group = group, .error = error, .text = text, .cursor = cursor};
}

void relay_alarm(struct vow_relay *core, const char *what, const struct group *group, uint64_t lsn)
{
    struct vow_relay_effect *effect = relay_emit(core, VOW_RELAY_ALARM);

    effect->alarm.what = what;
    effect->alarm.group = group != NULL ? group->name : "";
    effect->alarm.lsn = lsn;
}

void relay_ordered(struct vow_relay *core, uint64_t tag, int error, const char *text)
{
    struct vow_relay_effect *effect = relay_emit(core, VOW_RELAY_ORDERED);

    effect->ordered.tag = tag;
    effect->ordered.error = error;
    effect->ordered.text = text;
}
