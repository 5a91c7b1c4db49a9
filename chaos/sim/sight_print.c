/* One line for a sight: readable traces, and what the trace hash covers. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "chaos/sim/seen.h"

struct out {
    char *text;
    size_t size;
    size_t len; /* wanted so far, as snprintf() counts: may be over size */
};

__attribute__((format(printf, 2, 3))) static void print(struct out *out, const char *format, ...)
{
    size_t used = out->len < out->size ? out->len : out->size;
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(out->text + used, out->size - used, format, args);
    va_end(args);
    out->len += len > 0 ? (size_t)len : 0;
}

static const char *pick(const char *const *names, size_t names_len, unsigned value)
{
    return names[value < names_len ? value : 0];
}
#define PICK(names, value) pick(names, sizeof(names) / sizeof((names)[0]), (unsigned)(value))

static const char *const roles[] = {"?", "coordinator", "participant", "client", "operator", "saga client"};
static const char *const crashes[] = {"?", "killed", "power-lost", "stopped"};
static const char *const asks[] = {"?", "begin", "work", "commit", "rollback", "status", "saga", "cancel"};
static const char *const tables[] = {"?", "bank", "lists", "set"};
static const char *const changes[] = {"?", "read", "hold", "add", "append", "insert", "is"};
static const char *const ops[] = {"?",        "PREPARE", "COMMIT",           "ABORT",           "ONE-PHASE",
                                  "MEMO",     "FORGET",  "CANCEL",           "WATERMARK",       "WORK",
                                  "DESCRIBE", "RECALL",  "HEURISTIC-COMMIT", "HEURISTIC-ABORT", "SETTLE",
                                  "STEP",     "EVENT",   "OUTBOX-READ",      "OUTBOX-DONE"};
static const char *const results[] = {"-", "DONE", "READ-ONLY", "REFUSED", "NO-RECORD"};
static const char *const samples[] = {"?",      "open",   "in-doubt", "branches", "peers",
                                      "outbox", "events", "dead",     "sagas",    "steps"};
static const char *const fates[] = {"-", "DONE", "REJECTED", "UNKNOWN", "UNDONE", "STUCK"};
static const char *const directions[] = {"?", "action", "compensation"};
static const char *const step_results[] = {"-", "DONE", "REJECTED", "TOO-LATE", "NOT-YET", "UNABLE"};
static const char *const event_results[] = {"-", "DONE", "NOT-YET", "UNABLE"};
static const char *const verdicts[] = {"forget", "commit", "abort"};

/* The part of an id that tells transactions of one world apart: epoch and sequence. */
static void print_gtrid(struct out *out, const struct vow_gtrid *gtrid)
{
    if (!vow_gtrid_is_none(gtrid))
        print(out, " t%" PRIu32 ".%" PRIu64, vow_gtrid_epoch(gtrid), vow_gtrid_seq(gtrid));
}

static void print_change(struct out *out, const struct sim_change *change)
{
    print(out, " %s %s/%" PRIu64 " %" PRId64, PICK(changes, change->kind), PICK(tables, change->table), change->key,
          change->value);
    if (change->before != 0)
        print(out, " before=%" PRId64, change->before);
    for (uint32_t i = 0; i < change->list_len; i++)
        print(out, "%s%" PRId64, i == 0 ? " list=" : ",", change->list[i]);
}

static void print_message(struct out *out, const struct sim_sight *sight)
{
    char text[512];

    (void)vow_msg_print(sight->message.msg, text, sizeof(text));
    print(out, " %s #%" PRIu64, text, sight->message.frame);
}

static void print_event(struct out *out, const char *topic, const char *key, uint64_t key_seq)
{
    print(out, " %s %s/%" PRIu64, topic, key, key_seq);
}

static void print_relay(struct out *out, const struct sim_sight *sight)
{
    const struct vow_record *record = sight->log.record;

    if (sight->log.event != NULL)
        print_event(out, sight->log.event->topic, sight->log.event->key, sight->log.event->key_seq);
    else
        print(out, " %s at %" PRIu64 " attempts=%" PRIu32 " %" PRIu32, record->who, record->relay.lsn,
              record->relay.attempts, record->detail);
}

static void print_log(struct out *out, const struct sim_sight *sight)
{
    print(out, " %s", vow_record_name(sight->log.record->kind));
    if (sight->log.record->branches_len > 0)
        print(out, " yes=%" PRIu32, sight->log.record->branches_len);
    if (sight->log.record->cause != VOW_CAUSE_NONE)
        print(out, " cause=%s", vow_cause_name((int)sight->log.record->cause));
    if (sight->log.record->kind == VOW_RECORD_SAGA_STEP)
        print(out, " step=%" PRIu32 " %s %s", sight->log.record->step.number,
              PICK(directions, sight->log.record->step.direction), PICK(fates, sight->log.record->step.fate));
    if (sight->log.record->kind == VOW_RECORD_SAGA_END)
        print(out, " %s", vow_saga_state_name((int)sight->log.record->detail));
    if (vow_record_is_relay(sight->log.record->kind))
        print_relay(out, sight);
    if (sight->log.lsn != 0)
        print(out, " lsn=%" PRIu64, sight->log.lsn);
    print(out, "%s", sight->log.forced ? " forced" : "");
}

static void print_store_event(struct out *out, const struct sim_sight *sight)
{
    const struct sim_seen_event *event = &sight->store.event;

    for (uint32_t i = 0; i < sight->store.rows_len; i++)
        print(out, " %s/%" PRIu64, sight->store.rows[i].key, sight->store.rows[i].key_seq);
    if (sight->store.op != VOW_STORE_EVENT)
        return;
    print(out, " %s at %" PRIu64 " attempt %" PRIu32, event->group, event->offset, event->attempt);
    print_event(out, event->topic, event->key, event->key_seq);
    print(out, " %s%s%s", PICK(event_results, event->result), event->is_repeat ? " again" : "",
          event->has_run ? " ran" : "");
}

static void print_store(struct out *out, const struct sim_sight *sight)
{
    print(out, " %s b%" PRIu32 " %s", PICK(ops, sight->store.op), sight->store.branch,
          PICK(results, sight->store.result));
    if (sight->store.cause != VOW_CAUSE_NONE)
        print(out, " cause=%s", vow_cause_name((int)sight->store.cause));
    if (sight->store.op == VOW_STORE_STEP)
        print(out, " step=%" PRIu32 " %s %s%s", sight->store.step.number, PICK(directions, sight->store.step.direction),
              PICK(step_results, sight->store.step.result), sight->store.step.has_run ? " ran" : "");
    print_store_event(out, sight);
}

static void print_client(struct out *out, const struct sim_sight *sight)
{
    if (sight->kind == SIM_SEEN_ASKED) {
        print(out, " %s%s", PICK(asks, sight->asked.what), sight->asked.is_again ? " again" : "");
        return;
    }
    print(out, " %s %s", PICK(asks, sight->told.what),
          sight->told.what >= SIM_ASK_SAGA ? vow_saga_state_name((int)sight->told.saga)
                                           : vow_outcome_name((int)sight->told.outcome));
    if (sight->told.cause != VOW_CAUSE_NONE)
        print(out, " cause=%s", vow_cause_name((int)sight->told.cause));
    if (sight->told.error != 0)
        print(out, " error=%d", sight->told.error);
}

static void print_news(struct out *out, const struct sim_sight *sight)
{
    if (sight->kind == SIM_SEEN_BECAME_TRUE)
        print(out, " t%" PRIu32 "/%" PRIu64 " %s%s", sight->news.thing, sight->news.number, sight->news.topic,
              sight->news.is_found ? " found" : "");
    else
        print(out, " %s %s %s%s cursor=%" PRIu64 " lag=%" PRIu32 " dead=%" PRIu32, sight->group.name,
              sight->group.participant, sight->group.state, sight->group.is_connected ? "" : " alone",
              sight->group.cursor, sight->group.lag, sight->group.dead);
}

static void print_order(struct out *out, const struct sim_sight *sight)
{
    if (sight->operated.dead == VOW_ADMIN_GROUP_REMOVE)
        print(out, " remove %s", sight->operated.group);
    else if (sight->operated.dead == VOW_ADMIN_GROUP_SEEK)
        print(out, " move %s behind %" PRIu64, sight->operated.group, sight->operated.offset);
    else if (sight->operated.dead != 0)
        print(out, " %s %s at %" PRIu64, sight->operated.dead == VOW_ADMIN_DLQ_RETRY ? "retry" : "drop",
              sight->operated.group, sight->operated.offset);
    else
        print(out, " %s%s",
              sight->operated.saga == VOW_ADMIN_SAGA_RETRY   ? "retry"
              : sight->operated.saga == VOW_ADMIN_SAGA_CLOSE ? "close"
                                                             : PICK(verdicts, sight->operated.verdict),
              sight->operated.is_heuristic ? " heuristic" : "");
}

/* What a process and its world are about. */
static void print_process(struct out *out, const struct sim_sight *sight)
{
    switch ((int)sight->kind) {
    case SIM_SEEN_NODE:
        print(out, " %s %s", PICK(roles, sight->node_is.role), sight->node_is.name);
        break;
    case SIM_SEEN_UP:
        print(out, " epoch=%" PRIu32 " incarnation=%" PRIu64 " recovered=%" PRIu32, sight->up.epoch,
              sight->up.incarnation, sight->up.recovered);
        break;
    case SIM_SEEN_REFUSED:
    case SIM_SEEN_STOPPED:
    case SIM_SEEN_STORE_FAILED:
        print(out, " error=%d", sight->stop.error);
        break;
    case SIM_SEEN_CRASHED:
        print(out, " %s%s%s", PICK(crashes, sight->crashed.how), sight->crashed.in_commit ? " in-commit" : "",
              sight->crashed.in_recovery ? " in-recovery" : "");
        break;
    case SIM_SEEN_HEALED:
        print(out, " nodes=%" PRIx32, sight->healed.nodes);
        break;
    case SIM_SEEN_FAULT:
        print(out, " %s %" PRIu64, sim_fault_name(sight->fault.fault), sight->fault.amount);
        break;
    case SIM_SEEN_ALARM:
        print(out, " %s %s", sight->alarm.what, sight->alarm.who != NULL ? sight->alarm.who : "");
        break;
    case SIM_SEEN_SAMPLE:
        print(out, " %s=%" PRIu64 "/%" PRIu64, PICK(samples, sight->sample.what), sight->sample.value,
              sight->sample.limit);
        break;
    case SIM_SEEN_MOVED:
        print(out, " %u-%u-%u", sight->moved.from, sight->moved.event, sight->moved.to);
        break;
    default:
        break;
    }
}

static void print_body(struct out *out, const struct sim_sight *sight)
{
    switch ((int)sight->kind) {
    case SIM_SEEN_SENT:
    case SIM_SEEN_RECEIVED:
        print_message(out, sight);
        break;
    case SIM_SEEN_LOOKED_UP:
        if (sight->looked_up.cut_lsn != 0)
            print(out, " cut=%" PRIu64, sight->looked_up.cut_lsn);
        break;
    case SIM_SEEN_LOG_ASKED:
    case SIM_SEEN_LOG_DURABLE:
    case SIM_SEEN_LOG_FAILED:
    case SIM_SEEN_LOG_DONE:
        print_log(out, sight);
        break;
    case SIM_SEEN_STORE_ASKED:
    case SIM_SEEN_STORE_DONE:
    case SIM_SEEN_STORE_TOLD:
        print_store(out, sight);
        break;
    case SIM_SEEN_ACCOUNT:
    case SIM_SEEN_WORKED:
    case SIM_SEEN_WROTE_ALONE:
        print_change(out, &sight->change);
        break;
    case SIM_SEEN_ASKED:
    case SIM_SEEN_TOLD:
        print_client(out, sight);
        break;
    case SIM_SEEN_OPERATED:
        print_order(out, sight);
        break;
    case SIM_SEEN_BECAME_TRUE:
    case SIM_SEEN_GROUP:
        print_news(out, sight);
        break;
    default:
        print_process(out, sight);
        break;
    }
}

int sim_sight_print(const struct sim_sight *sight, char *text, size_t size)
{
    struct out out = {.text = text, .size = size};

    print(&out, "%" PRIu64 ".%06" PRIu64, sight->at_us / 1000000, sight->at_us % 1000000);
    if (sight->node != SIM_NODE_NONE)
        print(&out, " n%u.%" PRIu32, sight->node, sight->life);
    print(&out, " %s", sim_sight_name(sight->kind));
    if (sight->peer != SIM_NODE_NONE)
        print(&out, " n%u", sight->peer);
    if (sight->kind == SIM_SEEN_SENT || sight->kind == SIM_SEEN_RECEIVED) {
        const struct vow_gtrid gtrid = sim_message_id(sight->message.msg);

        print_gtrid(&out, &gtrid);
    } else {
        print_gtrid(&out, &sight->gtrid);
    }
    print_body(&out, sight);
    return (int)out.len;
}
