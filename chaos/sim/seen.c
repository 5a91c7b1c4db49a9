#include "chaos/sim/seen.h"

#include <string.h>

#include "proto/assert.h"

void sim_watch_add(struct sim_watch *watch, sim_see_fn *see, void *ctx)
{
    VOW_ASSERT(watch->watchers_len < SIM_WATCHERS_MAX);
    watch->watchers[watch->watchers_len].see = see;
    watch->watchers[watch->watchers_len++].ctx = ctx;
}

void sim_seen(struct sim_watch *watch, struct sim_sight *sight)
{
    sight->seq = ++watch->seq;
    for (uint32_t i = 0; i < watch->watchers_len; i++)
        watch->watchers[i].see(watch->watchers[i].ctx, sight);
}

struct sim_sight sim_sight_make(enum sim_sight_kind kind, uint8_t node, uint32_t life, uint64_t at_us)
{
    struct sim_sight sight;

    memset(&sight, 0, sizeof(sight));
    sight.kind = kind;
    sight.node = node;
    sight.peer = SIM_NODE_NONE;
    sight.life = life;
    sight.at_us = at_us;
    return sight;
}

const char *sim_sight_name(enum sim_sight_kind kind)
{
    /* clang-format off */
    static const char *const names[] = {
        "NOTHING",
#define SIGHT(name, member, text) #name,
        SIM_SIGHTS(SIGHT)
#undef SIGHT
    };
    /* clang-format on */
    return (unsigned)kind < SIM_SIGHT_KINDS ? names[kind] : "?";
}

const char *sim_fault_name(enum sim_fault fault)
{
    /* clang-format off */
    static const char *const names[] = {
        "NONE",
#define FAULT(name, text) #name,
#include "chaos/sim/fault.def"
#undef FAULT
    };
    /* clang-format on */
    return (unsigned)fault < SIM_FAULTS ? names[fault] : "?";
}

const char *sim_fault_text(enum sim_fault fault)
{
    /* clang-format off */
    static const char *const texts[] = {
        "none",
#define FAULT(name, text) text,
#include "chaos/sim/fault.def"
#undef FAULT
    };
    /* clang-format on */
    return (unsigned)fault < SIM_FAULTS ? texts[fault] : "?";
}

static bool is_message_of_saga(enum vow_msg_kind kind)
{
    return kind == VOW_MSG_SAGA_REQUEST || kind == VOW_MSG_SAGA_QUERY || kind == VOW_MSG_SAGA_CANCEL ||
           kind == VOW_MSG_SAGA_STATE || kind == VOW_MSG_STEP || kind == VOW_MSG_STEP_DONE;
}

bool sim_is_of_saga(const struct sim_sight *sight)
{
    switch ((int)sight->kind) {
    case SIM_SEEN_SENT:
    case SIM_SEEN_RECEIVED:
        return is_message_of_saga(sight->message.msg->kind);
    case SIM_SEEN_MOVED:
        return sight->moved.machine == SIM_MACHINE_SAGA || sight->moved.machine == SIM_MACHINE_STEP;
    case SIM_SEEN_LOG_ASKED:
    case SIM_SEEN_LOG_DURABLE:
    case SIM_SEEN_LOG_FAILED:
    case SIM_SEEN_LOG_DONE:
        return sight->log.is_of_saga;
    case SIM_SEEN_STORE_ASKED:
    case SIM_SEEN_STORE_DONE:
    case SIM_SEEN_STORE_TOLD:
        return sight->store.op == VOW_STORE_STEP;
    case SIM_SEEN_ASKED:
        return sight->asked.what >= SIM_ASK_SAGA;
    case SIM_SEEN_TOLD:
        return sight->told.what >= SIM_ASK_SAGA;
    case SIM_SEEN_ALARM:
        return sight->alarm.is_of_saga;
    case SIM_SEEN_OPERATED:
        return sight->operated.saga != 0;
    default:
        return false;
    }
}

static bool is_message_of_event(enum vow_msg_kind kind)
{
    return kind >= VOW_MSG_PUBLISH && kind <= VOW_MSG_SEEK;
}

bool sim_is_of_event(const struct sim_sight *sight)
{
    switch ((int)sight->kind) {
    case SIM_SEEN_SENT:
    case SIM_SEEN_RECEIVED:
        return is_message_of_event(sight->message.msg->kind);
    case SIM_SEEN_LOG_ASKED:
    case SIM_SEEN_LOG_DURABLE:
    case SIM_SEEN_LOG_FAILED:
    case SIM_SEEN_LOG_DONE:
        return vow_record_is_relay(sight->log.record->kind);
    case SIM_SEEN_STORE_ASKED:
    case SIM_SEEN_STORE_DONE:
    case SIM_SEEN_STORE_TOLD:
        return sight->store.op == VOW_STORE_EVENT || sight->store.op == VOW_STORE_OUTBOX_READ ||
               sight->store.op == VOW_STORE_OUTBOX_DONE;
    case SIM_SEEN_ALARM:
        return sight->alarm.is_of_event;
    case SIM_SEEN_OPERATED:
        return sight->operated.dead != 0;
    case SIM_SEEN_BECAME_TRUE:
    case SIM_SEEN_GROUP:
        return true;
    default:
        return false;
    }
}
