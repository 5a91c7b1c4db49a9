#include "participant/client_table.h"

#include <stdlib.h>

#include "participant/client_internal.h"

int vow_request_table_init(struct vow_request_table *table, size_t entries)
{
    size_t size = 64;

    while (size < entries && size <= SIZE_MAX / 2 / sizeof(*table->buckets))
        size *= 2;
    table->buckets = calloc(size, sizeof(*table->buckets));
    table->mask = size - 1;
    return table->buckets != NULL ? 0 : VOW_E_NO_MEMORY;
}

void vow_request_table_deinit(struct vow_request_table *table)
{
    free(table->buckets);
}

static struct vow_request **bucket(const struct vow_request_table *table, const struct vow_gtrid *id)
{
    return &table->buckets[vow_gtrid_hash(id) & table->mask].first;
}

void vow_request_table_add(struct vow_request_table *table, struct vow_request *request)
{
    struct vow_request **head = bucket(table, &request->id);

    request->bucket_next = *head;
    *head = request;
}

void vow_request_table_remove(struct vow_request_table *table, struct vow_request *request)
{
    struct vow_request **at = bucket(table, &request->id);

    while (*at != request)
        at = &(*at)->bucket_next;
    *at = request->bucket_next;
}

static struct vow_request *first_with(struct vow_request *request, const struct vow_gtrid *id)
{
    while (request != NULL && !vow_gtrid_equal(&request->id, id))
        request = request->bucket_next;
    return request;
}

struct vow_request *vow_request_table_find(const struct vow_request_table *table, const struct vow_gtrid *id)
{
    return first_with(*bucket(table, id), id);
}

struct vow_request *vow_request_table_next(const struct vow_request *request)
{
    return first_with(request->bucket_next, &request->id);
}
