#include "chaos/sim/trace.h"

#include "proto/message.h"

#define LINE_BYTES 1024

void sim_trace_begin(struct sim_trace *trace, FILE *out)
{
    *trace = (struct sim_trace){.hash = UINT64_C(0xcbf29ce484222325), .out = out};
}

/* FNV-1a, eight bytes at a time: not for anybody who wants to forge one. */
static void add(struct sim_trace *trace, uint64_t number)
{
    trace->hash = (trace->hash ^ number) * UINT64_C(0x100000001b3);
    trace->hash ^= trace->hash >> 29;
}

static void add_bytes(struct sim_trace *trace, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        add(trace, bytes[i]);
}

static void add_detail(struct sim_trace *trace, const struct sim_sight *sight)
{
    switch ((int)sight->kind) {
    case SIM_SEEN_SENT:
    case SIM_SEEN_RECEIVED:
        add(trace, sight->message.frame);
        add(trace, (uint64_t)sight->message.msg->kind);
        break;
    case SIM_SEEN_MOVED:
        add(trace, (uint64_t)sight->moved.from << 16 | (uint64_t)sight->moved.event << 8 | sight->moved.to);
        break;
    case SIM_SEEN_LOG_DURABLE:
    case SIM_SEEN_LOG_DONE:
        add(trace, sight->log.lsn);
        break;
    case SIM_SEEN_STORE_DONE:
        add(trace, (uint64_t)sight->store.op << 8 | (uint64_t)sight->store.result);
        if (sight->store.op == VOW_STORE_STEP)
            add(trace, (uint64_t)sight->store.step.number << 16 | (uint64_t)sight->store.step.direction << 8 |
                           (uint64_t)sight->store.step.result);
        break;
    case SIM_SEEN_WORKED:
        add(trace, (uint64_t)sight->change.value);
        add(trace, (uint64_t)sight->change.before);
        break;
    case SIM_SEEN_TOLD:
        add(trace, (uint64_t)sight->told.outcome << 8 | (uint64_t)sight->told.cause);
        if (sight->told.what >= SIM_ASK_SAGA)
            add(trace, (uint64_t)sight->told.saga);
        break;
    case SIM_SEEN_FAULT:
        add(trace, (uint64_t)sight->fault.fault);
        add(trace, sight->fault.amount);
        break;
    default:
        break;
    }
}

void sim_trace_see(void *ctx, const struct sim_sight *sight)
{
    struct sim_trace *trace = ctx;
    char line[LINE_BYTES];

    trace->sights++;
    add(trace, sight->at_us);
    add(trace, (uint64_t)sight->kind << 16 | (uint64_t)sight->node << 8 | sight->peer);
    add(trace, sight->life);
    add_bytes(trace, sight->gtrid.bytes, sizeof(sight->gtrid.bytes));
    add_detail(trace, sight);
    if (trace->out == NULL)
        return;
    (void)sim_sight_print(sight, line, sizeof(line));
    (void)fprintf(trace->out, "%s\n", line);
}
