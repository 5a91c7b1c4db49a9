#include "coordinator/fold/event_copy.h"

#include <stdlib.h>
#include <string.h>

static int copy_bytes(const void *from, size_t size, void **copy)
{
    *copy = NULL;
    if (size == 0)
        return 0;
    *copy = malloc(size);
    if (*copy == NULL)
        return VOW_E_NO_MEMORY;
    memcpy(*copy, from, size);
    return 0;
}

int event_copy(const struct vow_journal_event *from, struct vow_journal_event *to)
{
    void *branches, *body;
    int error =
        copy_bytes(from->record.branches, from->record.branches_len * sizeof(*from->record.branches), &branches);

    if (error != 0)
        return error;
    error = copy_bytes(from->record.body.data, from->record.body.len, &body);
    if (error != 0) {
        free(branches);
        return error;
    }
    *to = *from;
    to->record.branches = branches;
    to->record.body.data = body;
    return 0;
}
