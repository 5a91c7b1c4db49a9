/* What is in a file, and what of it was not synced. */
#include <stdlib.h>
#include <string.h>

#include "chaos/sim/disk_private.h"

/* Doubles: a file that has reached its size allocates no more, in the worlds after this one neither. */
static void *grow(void *memory, size_t *capacity, size_t wanted, size_t first)
{
    size_t size = *capacity > 0 ? *capacity : first;

    while (size < wanted)
        size *= 2;
    memory = realloc(memory, size);
    VOW_ASSERT(memory != NULL);
    *capacity = size;
    return memory;
}

static void reserve(struct inode *inode, uint64_t end)
{
    size_t capacity = inode->capacity;

    if (end <= inode->capacity)
        return;
    inode->bytes = grow(inode->bytes, &capacity, end, 16384);
    inode->capacity = capacity;
}

/* Where the next change's bytes go; they are counted when it is added. */
static uint8_t *log_room(struct inode *inode, size_t len)
{
    if (inode->log_len + len > inode->log_capacity)
        inode->log = grow(inode->log, &inode->log_capacity, inode->log_len + len, 16384);
    return inode->log + inode->log_len;
}

static struct change *add_change(struct inode *inode, enum change_state state)
{
    struct change *change;

    if (inode->changes_len == inode->changes_capacity) {
        size_t bytes = inode->changes_capacity * sizeof(*change);

        inode->changes = grow(inode->changes, &bytes, bytes + sizeof(*change), 16 * sizeof(*change));
        inode->changes_capacity = (uint32_t)(bytes / sizeof(*change));
    }
    change = &inode->changes[inode->changes_len++];
    *change = (struct change){.state = state, .old_size = inode->size, .old_used = inode->used};
    inode->dropped += state == CHANGE_DROPPED;
    return change;
}

/* Keeps what is there between two offsets, as far as anything is. */
static void keep_old(struct inode *inode, struct change *change, uint64_t from, uint64_t end)
{
    change->old_from = from;
    if (end > inode->used)
        end = inode->used;
    change->old_len = end > from ? end - from : 0;
    change->old_at = inode->log_len;
    if (change->old_len > 0)
        memcpy(log_room(inode, change->old_len), inode->bytes + from, change->old_len);
    inode->log_len += change->old_len;
}

void content_put(struct inode *inode, uint64_t offset, const void *bytes, uint64_t len)
{
    uint64_t end = offset + len;

    if (len == 0)
        return;
    reserve(inode, end);
    if (offset > inode->used)
        memset(inode->bytes + inode->used, 0, offset - inode->used);
    memcpy(inode->bytes + offset, bytes, len);
    if (end > inode->used)
        inode->used = end;
    if (end > inode->size)
        inode->size = end;
}

void content_set_size(struct inode *inode, uint64_t size)
{
    inode->size = size;
    if (inode->used > size)
        inode->used = size;
}

void content_write(struct inode *inode, uint64_t offset, const void *bytes, uint64_t len, enum change_state state)
{
    struct change *change = add_change(inode, state);

    change->offset = offset;
    change->len = len;
    change->new_at = inode->log_len;
    memcpy(log_room(inode, len), bytes, len);
    inode->log_len += len;
    keep_old(inode, change, offset, offset + len);
    content_put(inode, offset, bytes, len);
    change->size = inode->size;
}

void content_resize(struct inode *inode, uint64_t size)
{
    struct change *change;

    if (size == inode->size)
        return;
    change = add_change(inode, CHANGE_PENDING);
    keep_old(inode, change, size, inode->size);
    content_set_size(inode, size);
    change->size = size;
}

uint64_t content_read(const struct inode *inode, uint64_t offset, void *out, uint64_t len)
{
    uint64_t there = inode->size > offset ? inode->size - offset : 0;
    uint64_t known = inode->used > offset ? inode->used - offset : 0;

    there = there < len ? there : len;
    known = known < there ? known : there;
    if (known > 0)
        memcpy(out, inode->bytes + offset, known);
    memset((uint8_t *)out + known, 0, len - known);
    return there;
}

void content_forget(struct inode *inode)
{
    inode->changes_len = inode->dropped = 0;
    inode->log_len = 0;
}

/* What was dropped must stay apart from what is durable, until a power cut settles it. */
void content_sync(struct inode *inode)
{
    if (inode->dropped == 0) {
        content_forget(inode);
        return;
    }
    for (uint32_t i = 0; i < inode->changes_len; i++) {
        if (inode->changes[i].state == CHANGE_PENDING)
            inode->changes[i].state = CHANGE_DURABLE;
    }
}

void content_drop(struct inode *inode)
{
    for (uint32_t i = 0; i < inode->changes_len; i++) {
        if (inode->changes[i].state == CHANGE_PENDING) {
            inode->changes[i].state = CHANGE_DROPPED;
            inode->dropped++;
        }
    }
}

void content_undo(struct inode *inode)
{
    for (uint32_t i = inode->changes_len; i > 0; i--) {
        const struct change *change = &inode->changes[i - 1];

        if (change->old_len > 0)
            memcpy(inode->bytes + change->old_from, inode->log + change->old_at, change->old_len);
        inode->used = change->old_used;
        inode->size = change->old_size;
    }
}

void content_copy(struct inode *to, const struct inode *from)
{
    content_clear(to);
    if (from->used > 0)
        content_put(to, 0, from->bytes, from->used);
    to->size = from->size;
    if (from->log_len > 0)
        memcpy(log_room(to, from->log_len), from->log, from->log_len);
    to->log_len = from->log_len;
    for (uint32_t i = 0; i < from->changes_len; i++)
        *add_change(to, CHANGE_PENDING) = from->changes[i];
    to->dropped = from->dropped;
}

void content_clear(struct inode *inode)
{
    content_forget(inode);
    inode->used = inode->size = 0;
}
