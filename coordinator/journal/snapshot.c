#include "coordinator/journal/snapshot.h"

#include <string.h>

#include "proto/bytes.h"

static uint8_t *put_hash(uint8_t *at, const struct journal_hash *hash)
{
    memcpy(at, hash->bytes, sizeof(hash->bytes));
    return at + sizeof(hash->bytes);
}

/* A head and a set of rows have the same shape: a number and 16 bytes. */
static uint8_t *put_pair(uint8_t *at, uint64_t number, const struct journal_hash *hash)
{
    return put_hash(vow_bytes_put(at, number, 8), hash);
}

static uint8_t *put_mark(uint8_t *at, const struct vow_watermark *mark)
{
    return vow_bytes_put(vow_bytes_put(at, mark->epoch, 4), mark->seq, 8);
}

static const uint8_t *take_hash(const uint8_t *at, struct journal_hash *hash)
{
    memcpy(hash->bytes, at, sizeof(hash->bytes));
    return at + sizeof(hash->bytes);
}

static const uint8_t *take_pair(const uint8_t *at, uint64_t *number, struct journal_hash *hash)
{
    *number = vow_bytes_take(at, 8);
    return take_hash(at + 8, hash);
}

static const uint8_t *take_mark(const uint8_t *at, struct vow_watermark *mark)
{
    mark->epoch = (uint32_t)vow_bytes_take(at, 4);
    mark->seq = vow_bytes_take(at + 4, 8);
    return at + 12;
}

void journal_snapshot_encode(const struct journal_snapshot *snapshot, uint8_t bytes[JOURNAL_SNAPSHOT_BYTES])
{
    uint8_t *at = bytes;

    at = put_pair(at, snapshot->cut.lsn, &snapshot->cut.hash);
    at = put_pair(at, snapshot->kept.count, &snapshot->kept.sum);
    at = put_pair(at, snapshot->taken.lsn, &snapshot->taken.hash);
    at = put_pair(at, snapshot->open.count, &snapshot->open.sum);
    at = put_hash(at, &snapshot->epoch_event);
    at = put_mark(at, &snapshot->floor);
    at = put_mark(at, &snapshot->high);
    at = vow_bytes_put(at, snapshot->pruned, 8);
    _Static_assert(4 * 24 + 16 + 2 * 12 + 8 + 4 == JOURNAL_SNAPSHOT_BYTES, "the layout above");
    (void)vow_bytes_put(at, snapshot->is_whole, 4);
}

bool journal_snapshot_decode(const uint8_t *bytes, size_t len, struct journal_snapshot *snapshot)
{
    const uint8_t *at = bytes;

    if (len != JOURNAL_SNAPSHOT_BYTES)
        return false;
    at = take_pair(at, &snapshot->cut.lsn, &snapshot->cut.hash);
    at = take_pair(at, &snapshot->kept.count, &snapshot->kept.sum);
    at = take_pair(at, &snapshot->taken.lsn, &snapshot->taken.hash);
    at = take_pair(at, &snapshot->open.count, &snapshot->open.sum);
    at = take_hash(at, &snapshot->epoch_event);
    at = take_mark(at, &snapshot->floor);
    at = take_mark(at, &snapshot->high);
    snapshot->pruned = vow_bytes_take(at, 8);
    snapshot->is_whole = vow_bytes_take(at + 8, 4) == 1;
    return snapshot->cut.lsn <= snapshot->taken.lsn && snapshot->kept.count <= snapshot->cut.lsn &&
           snapshot->open.count <= snapshot->taken.lsn;
}

void journal_rows_add(struct journal_rows *rows, const struct journal_hash *digest)
{
    unsigned carry = 0;

    rows->count++;
    for (int i = JOURNAL_HASH_BYTES - 1; i >= 0; i--) {
        carry += (unsigned)rows->sum.bytes[i] + digest->bytes[i];
        rows->sum.bytes[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

void journal_rows_remove(struct journal_rows *rows, const struct journal_hash *digest)
{
    int borrow = 0;

    rows->count--;
    for (int i = JOURNAL_HASH_BYTES - 1; i >= 0; i--) {
        int difference = rows->sum.bytes[i] - digest->bytes[i] - borrow;

        borrow = difference < 0;
        rows->sum.bytes[i] = (uint8_t)(difference & 0xff);
    }
}

bool journal_rows_equal(const struct journal_rows *a, const struct journal_rows *b)
{
    return a->count == b->count && journal_hash_equal(&a->sum, &b->sum);
}

void journal_mark_raise(struct vow_watermark *mark, const struct vow_gtrid *gtrid)
{
    if (!vow_gtrid_is_none(gtrid) && !vow_gtrid_below(gtrid, *mark))
        *mark = (struct vow_watermark){vow_gtrid_epoch(gtrid), vow_gtrid_seq(gtrid) + 1};
}
