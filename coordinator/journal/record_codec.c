#include "coordinator/journal/record_codec.h"

#include <stdalign.h>
#include <string.h>

#include "journal.pb-c.h"
#include "proto/assert.h"
#include "proto/error.h"

/* Unpacking may use this much and no more: a body that would need more is not one of ours. */
struct arena {
    alignas(max_align_t) uint8_t bytes[32 * 1024];
    size_t used;
};

static void *arena_alloc(void *ctx, size_t size)
{
    struct arena *arena = ctx;
    size_t align = alignof(max_align_t);
    void *piece = arena->bytes + arena->used;

    if (size > sizeof(arena->bytes) - arena->used)
        return NULL;
    size = (size + align - 1) / align * align;
    arena->used += size < sizeof(arena->bytes) - arena->used ? size : sizeof(arena->bytes) - arena->used;
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

size_t journal_body_encode(const struct vow_record *record, uint8_t out[JOURNAL_BODY_MAX])
{
    Vow__Journal__Branch branches[VOW_CALLS_MAX];
    Vow__Journal__Branch *list[VOW_CALLS_MAX];
    Vow__Journal__Body body = VOW__JOURNAL__BODY__INIT;

    VOW_ASSERT(record->branches_len <= VOW_CALLS_MAX);
    VOW_IMPLIES(record->kind == VOW_RECORD_COMMIT, record->branches_len > 0); /* protocol 2.10, mistake 13 */
    for (uint32_t i = 0; i < record->branches_len; i++) {
        branch_to_wire(&record->branches[i], &branches[i]);
        list[i] = &branches[i];
    }
    body.epoch = record->epoch;
    body.cause = (uint32_t)record->cause;
    body.detail = record->detail;
    body.who = (char *)record->who;
    body.text = (char *)record->text;
    body.n_branches = record->branches_len;
    body.branches = list;
    VOW_ASSERT(vow__journal__body__get_packed_size(&body) <= JOURNAL_BODY_MAX);
    return vow__journal__body__pack(&body, out);
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
    if (kind == VOW_RECORD_HEURISTIC)
        return detail == VOW_COMMIT || detail == VOW_ABORT;
    return kind != VOW_RECORD_DAMAGE || (detail >= VOW_DAMAGE_ROLLBACK && detail <= VOW_DAMAGE_HAZARD);
}

static bool body_from_wire(const Vow__Journal__Body *body, struct vow_record *record,
                           struct vow_record_branch branches[VOW_CALLS_MAX])
{
    if (body->n_branches > VOW_CALLS_MAX || (record->kind == VOW_RECORD_COMMIT && body->n_branches == 0))
        return false;
    if ((record->kind == VOW_RECORD_ABORTED || record->kind == VOW_RECORD_HEURISTIC) &&
        !vow_cause_is_valid((int)body->cause))
        return false;
    if (!detail_is_good(record->kind, body->detail) || (record->kind == VOW_RECORD_HEURISTIC && body->n_branches > 1))
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
    case VOW_RECORD_ABORTED:
    case VOW_RECORD_READ_ONLY:
    case VOW_RECORD_ONE_PHASE:
    case VOW_RECORD_KEY:
    case VOW_RECORD_OPERATOR:
        return true;
    case VOW_RECORD_SAGA_BEGIN: /* not written yet */
    case VOW_RECORD_SAGA_STEP:
    case VOW_RECORD_SAGA_TURN:
    case VOW_RECORD_SAGA_RETRY:
    case VOW_RECORD_SAGA_END:
    case VOW_RECORD_NOTES:
        break;
    }
    return false;
}

int journal_body_decode(const uint8_t *body, size_t len, struct vow_record *record,
                        struct vow_record_branch branches[VOW_CALLS_MAX])
{
    struct arena arena;
    ProtobufCAllocator allocator = {.alloc = arena_alloc, .free = arena_free, .allocator_data = &arena};
    const Vow__Journal__Body *wire;

    arena.used = 0;
    if (!kind_is_known(record->kind) || len > JOURNAL_BODY_MAX)
        return VOW_E_DAMAGED;
    wire = vow__journal__body__unpack(&allocator, len, body);
    return wire != NULL && body_from_wire(wire, record, branches) ? 0 : VOW_E_DAMAGED;
}
