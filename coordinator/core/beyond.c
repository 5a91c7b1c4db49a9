#include "coordinator/core/beyond.h"

#include "proto/assert.h"

/* Numbers of seven bits a byte, the lowest first; the highest bit of a byte says that there are more. What each is: the
 * distance from the one before. The first is that of the further place, from the cursor. */
static void put(struct vow_beyond *beyond, uint64_t number)
{
    for (; number >= 0x80; number >>= 7)
        beyond->bytes[beyond->len++] = (uint8_t)(number | 0x80);
    beyond->bytes[beyond->len++] = (uint8_t)number;
}

/* False: there is none, or it is too long. */
static bool get(struct vow_slice *bytes, uint64_t *number)
{
    *number = 0;
    for (unsigned shift = 0; shift < 64 && bytes->len > 0; shift += 7) {
        const uint8_t byte = *bytes->data++;

        bytes->len--;
        *number |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return true;
    }
    return false;
}

void vow_beyond_begin(struct vow_beyond *beyond, uint8_t *bytes, uint64_t cursor, uint64_t upto)
{
    VOW_ASSERT(upto > cursor);
    *beyond = (struct vow_beyond){.bytes = bytes, .last = cursor};
    put(beyond, upto - cursor);
}

void vow_beyond_leave_out(struct vow_beyond *beyond, uint64_t lsn)
{
    VOW_ASSERT(lsn > beyond->last && beyond->len + 10 <= VOW_BEYOND_BYTES_MAX);
    put(beyond, lsn - beyond->last);
    beyond->last = lsn;
}

bool vow_beyond_is_valid(uint64_t cursor, struct vow_slice bytes)
{
    uint64_t far, step, at = 0;

    if (bytes.len == 0)
        return true;
    if (bytes.len > VOW_BEYOND_BYTES_MAX || !get(&bytes, &far) || far == 0 || far > (uint64_t)INT64_MAX ||
        cursor > (uint64_t)INT64_MAX - far)
        return false;
    while (bytes.len > 0) {
        if (!get(&bytes, &step) || step == 0 || step > far - at)
            return false;
        at += step;
    }
    return true;
}

bool vow_beyond_owes(uint64_t cursor, struct vow_slice bytes, uint64_t lsn)
{
    uint64_t step, at = cursor;

    if (lsn <= cursor)
        return false;
    if (bytes.len == 0 || !get(&bytes, &step) || lsn - cursor > step)
        return true;
    while (at < lsn && bytes.len > 0) {
        if (!get(&bytes, &step))
            return true;
        at += step;
    }
    return at == lsn;
}
