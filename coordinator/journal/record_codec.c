#include "coordinator/journal/record_codec.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/core/beyond.h"
#include "journal.pb-c.h"
#include "proto/assert.h"
#include "proto/error.h"

/* Unpacking may use this much beside the bytes themselves, and no more: a body that would need more is not one of
 * ours. */
#define ARENA_BYTES ((size_t)32 * 1024)

struct arena {
    uint8_t *bytes; /* aligned for any type */
    size_t size, used;
};

static void *arena_alloc(void *ctx, size_t size)
{
    struct arena *arena = ctx;
    size_t align = alignof(max_align_t);
    void *piece = arena->bytes + arena->used;

    if (size > arena->size - arena->used)
        return NULL;
    size = (size + align - 1) / align * align;
    arena->used += size < arena->size - arena->used ? size : arena->size - arena->used;
    return piece;
}

static void arena_free(void *ctx, void *piece)
{
    (void)ctx;
    (void)piece;
}

static void branch_to_wire(const struct vow_record_branch *branch, Vow__Journal__Branch *wire)
{
    vow__journal__branch__init(wire);
    wire->name = (char *)branch->name;
    wire->branch = branch->branch;
    wire->incarnation = branch->incarnation;
    wire->db_uuid.data = (uint8_t *)branch->db_uuid;
    wire->db_uuid.len = sizeof(branch->db_uuid);
}

/* A body as protobuf-c wants it. */
struct wire {
    Vow__Journal__Branch branches[VOW_CALLS_MAX];
    Vow__Journal__Branch *list[VOW_CALLS_MAX];
    Vow__Journal__Step step;
    Vow__Journal__Body body;
};

static void step_to_wire(const struct vow_record_step *step, struct wire *wire)
{
    vow__journal__step__init(&wire->step);
    wire->step.number = step->number;
    wire->step.attempts = step->attempts;
    wire->step.direction = step->direction;
    wire->step.fate = step->fate;
    wire->body.step = &wire->step;
}

static size_t bytes_max(enum vow_record_kind kind)
{
    switch ((int)kind) {
    case VOW_RECORD_SAGA_BEGIN:
        return (size_t)JOURNAL_ORDER_MAX;
    case VOW_RECORD_SAGA_STEP:
        return VOW_STEP_ANSWER_MAX;
    case VOW_RECORD_EVENT:
        return JOURNAL_EVENT_MAX;
    case VOW_RECORD_GROUP:
        return JOURNAL_SUBSCRIBE_MAX;
    case VOW_RECORD_CURSOR:
        return VOW_BEYOND_BYTES_MAX;
    default:
        return 0;
    }
}

/* They say a thing in a message, as it travels. */
static bool has_message(enum vow_record_kind kind)
{
    return kind == VOW_RECORD_SAGA_BEGIN || kind == VOW_RECORD_EVENT || kind == VOW_RECORD_GROUP;
}

static bool has_place(enum vow_record_kind kind)
{
    return vow_record_is_relay(kind) && kind != VOW_RECORD_EVENT;
}

static void place_to_wire(const struct vow_record_relay *relay, struct wire *wire)
{
    vow__journal__step__init(&wire->step);
    wire->step.lsn = relay->lsn;
    wire->step.attempts = relay->attempts;
    wire->body.step = &wire->step;
}

static void body_to_wire(const struct vow_record *record, struct wire *wire)
{
    VOW_ASSERT(record->branches_len <= VOW_CALLS_MAX);
    VOW_IMPLIES(record->kind == VOW_RECORD_COMMIT, record->branches_len > 0); /* protocol 2.10, mistake 13 */
    VOW_ASSERT(record->body.len <= bytes_max(record->kind));
    vow__journal__body__init(&wire->body);
    for (uint32_t i = 0; i < record->branches_len; i++) {
        branch_to_wire(&record->branches[i], &wire->branches[i]);
        wire->list[i] = &wire->branches[i];
    }
    wire->body.epoch = record->epoch;
    wire->body.cause = (uint32_t)record->cause;
    wire->body.detail = record->detail;
    wire->body.who = (char *)record->who;
    wire->body.text = (char *)record->text;
    wire->body.n_branches = record->branches_len;
    wire->body.branches = wire->list;
    wire->body.bytes.data = (uint8_t *)record->body.data;
    wire->body.bytes.len = record->body.len;
    if (record->kind == VOW_RECORD_SAGA_STEP)
        step_to_wire(&record->step, wire);
    else if (has_place(record->kind))
        place_to_wire(&record->relay, wire);
}

size_t journal_body_size(const struct vow_record *record)
{
    struct wire wire;

    body_to_wire(record, &wire);
    return vow__journal__body__get_packed_size(&wire.body);
}

size_t journal_body_encode(const struct vow_record *record, uint8_t *out)
{
    struct wire wire;

    body_to_wire(record, &wire);
    return vow__journal__body__pack(&wire.body, out);
}

static bool copy_text(const char *from, char *to, size_t size)
{
    size_t len = strlen(from);

    if (len >= size)
        return false;
    memcpy(to, from, len + 1);
    return true;
}

static bool branch_from_wire(const Vow__Journal__Branch *wire, struct vow_record_branch *branch)
{
    if (!vow_name_is_valid(wire->name) || wire->db_uuid.len != sizeof(branch->db_uuid))
        return false;
    memset(branch, 0, sizeof(*branch));
    branch->branch = wire->branch;
    branch->incarnation = wire->incarnation;
    memcpy(branch->db_uuid, wire->db_uuid.data, sizeof(branch->db_uuid));
    return copy_text(wire->name, branch->name, sizeof(branch->name));
}

static bool detail_is_good(enum vow_record_kind kind, uint32_t detail)
{
    switch ((int)kind) {
    case VOW_RECORD_HEURISTIC:
        return detail == VOW_COMMIT || detail == VOW_ABORT;
    case VOW_RECORD_DAMAGE:
        return detail >= VOW_DAMAGE_ROLLBACK && detail <= VOW_DAMAGE_HAZARD;
    case VOW_RECORD_SAGA_END:
        return detail >= VOW_SAGA_COMPLETED && detail <= VOW_SAGA_CLOSED;
    case VOW_RECORD_SAGA_TURN:
        return detail < VOW_STEPS_MAX; /* a stage */
    case VOW_RECORD_GROUP:
        return detail <= VOW_GROUP_MOVED;
    case VOW_RECORD_REVIVED:
        return detail >= VOW_REVIVAL_RETRY && detail <= VOW_REVIVAL_DONE;
    default:
        return true;
    }
}

static bool has_cause(enum vow_record_kind kind)
{
    return kind == VOW_RECORD_ABORTED || kind == VOW_RECORD_HEURISTIC || kind == VOW_RECORD_SAGA_STEP ||
           kind == VOW_RECORD_SAGA_TURN || kind == VOW_RECORD_SAGA_END || kind == VOW_RECORD_DEAD;
}

static bool step_from_wire(const Vow__Journal__Body *body, struct vow_record *record)
{
    const Vow__Journal__Step *step = body->step;

    if (has_place(record->kind)) {
        if (step != NULL)
            record->relay = (struct vow_record_relay){.lsn = step->lsn, .attempts = step->attempts};
        return step != NULL;
    }
    if (record->kind != VOW_RECORD_SAGA_STEP)
        return true;
    if (step == NULL || step->number >= VOW_STEPS_MAX || step->direction < VOW_STEP_ACTION ||
        step->direction > VOW_STEP_COMPENSATION || step->fate > VOW_FATE_STUCK)
        return false;
    record->step = (struct vow_record_step){.number = step->number,
                                            .attempts = step->attempts,
                                            .direction = (uint8_t)step->direction,
                                            .fate = (uint8_t)step->fate};
    return true;
}

/* They are at the end of the body, where they stay when the arena goes. */
static bool bytes_from_wire(const Vow__Journal__Body *body, struct vow_slice row, struct vow_record *record)
{
    size_t len = body->bytes.len;

    if (len > bytes_max(record->kind) || (has_message(record->kind) && len == 0))
        return false;
    record->body = (struct vow_slice){NULL, 0};
    if (len == 0)
        return true;
    record->body = (struct vow_slice){row.data + (row.len - len), len};
    return memcmp(record->body.data, body->bytes.data, len) == 0;
}

static bool body_from_wire(const Vow__Journal__Body *body, struct vow_slice row, struct vow_record *record,
                           struct vow_record_branch branches[VOW_CALLS_MAX])
{
    if (body->n_branches > VOW_CALLS_MAX || (record->kind == VOW_RECORD_COMMIT && body->n_branches == 0))
        return false;
    if ((has_cause(record->kind) && !vow_cause_is_valid((int)body->cause)) ||
        !detail_is_good(record->kind, body->detail) || (record->kind == VOW_RECORD_HEURISTIC && body->n_branches > 1))
        return false;
    if (!step_from_wire(body, record) || !bytes_from_wire(body, row, record))
        return false;
    for (size_t i = 0; i < body->n_branches; i++) {
        if (!branch_from_wire(body->branches[i], &branches[i]))
            return false;
    }
    record->epoch = body->epoch;
    record->cause = (enum vow_cause)body->cause;
    record->detail = body->detail;
    record->branches_len = (uint32_t)body->n_branches;
    record->branches = branches;
    return copy_text(body->who, record->who, sizeof(record->who)) &&
           copy_text(body->text, record->text, sizeof(record->text));
}

static bool kind_is_known(enum vow_record_kind kind)
{
    switch (kind) {
    case VOW_RECORD_EPOCH:
    case VOW_RECORD_COMMIT:
    case VOW_RECORD_END:
    case VOW_RECORD_HAZARD:
    case VOW_RECORD_HEURISTIC:
    case VOW_RECORD_DAMAGE:
    case VOW_RECORD_FORGET:
    case VOW_RECORD_SAGA_BEGIN:
    case VOW_RECORD_SAGA_STEP:
    case VOW_RECORD_SAGA_TURN:
    case VOW_RECORD_SAGA_RETRY:
    case VOW_RECORD_SAGA_END:
    case VOW_RECORD_SAGA_KEY:
    case VOW_RECORD_ABORTED:
    case VOW_RECORD_READ_ONLY:
    case VOW_RECORD_ONE_PHASE:
    case VOW_RECORD_KEY:
    case VOW_RECORD_OPERATOR:
    case VOW_RECORD_EVENT:
    case VOW_RECORD_GROUP:
    case VOW_RECORD_CURSOR:
    case VOW_RECORD_DEAD:
    case VOW_RECORD_REVIVED:
    case VOW_RECORD_REMOVED:
        return true;
    case VOW_RECORD_NOTES:
        break;
    }
    return false;
}

static int decode_with(struct arena *arena, struct vow_slice row, struct vow_record *record,
                       struct vow_record_branch branches[VOW_CALLS_MAX])
{
    ProtobufCAllocator allocator = {.alloc = arena_alloc, .free = arena_free, .allocator_data = arena};
    const Vow__Journal__Body *wire = vow__journal__body__unpack(&allocator, row.len, row.data);

    return wire != NULL && body_from_wire(wire, row, record, branches) ? 0 : VOW_E_DAMAGED;
}

/* protobuf-c has a copy of an order, for as long as it is looked at. */
static int decode_order(struct vow_slice row, struct vow_record *record,
                        struct vow_record_branch branches[VOW_CALLS_MAX])
{
    struct arena arena = {.size = ARENA_BYTES + row.len};
    int error;

    arena.bytes = malloc(arena.size);
    if (arena.bytes == NULL)
        return VOW_E_NO_MEMORY;
    error = decode_with(&arena, row, record, branches);
    free(arena.bytes);
    return error;
}

int journal_body_decode(const uint8_t *body, size_t len, struct vow_record *record,
                        struct vow_record_branch branches[VOW_CALLS_MAX])
{
    alignas(max_align_t) uint8_t bytes[ARENA_BYTES];
    struct arena arena = {.bytes = bytes, .size = sizeof(bytes)};
    struct vow_slice row = {body, len};

    if (!kind_is_known(record->kind) || len > JOURNAL_BODY_MAX + bytes_max(record->kind))
        return VOW_E_DAMAGED;
    return has_message(record->kind) ? decode_order(row, record, branches) : decode_with(&arena, row, record, branches);
}
