/* A table of the client's transactions by id. Its size is fixed at open; several entries may have one id (two
 * questions). */
#ifndef VOW_PARTICIPANT_CLIENT_TABLE_H
#define VOW_PARTICIPANT_CLIENT_TABLE_H

#include <stddef.h>

#include "proto/gtrid.h"

struct vow_request;

struct vow_request_bucket {
    struct vow_request *first;
};

struct vow_request_table {
    struct vow_request_bucket *buckets;
    size_t mask;
};

/* For about so many entries. Returns 0 or VOW_E_NO_MEMORY. */
int vow_request_table_init(struct vow_request_table *table, size_t entries);
void vow_request_table_deinit(struct vow_request_table *table);
/* Under request->id, which must stay as it is while it is in. */
void vow_request_table_add(struct vow_request_table *table, struct vow_request *request);
void vow_request_table_remove(struct vow_request_table *table, struct vow_request *request);
/* The first entry with this id, or NULL; the next one after request with the same id, or NULL. */
struct vow_request *vow_request_table_find(const struct vow_request_table *table, const struct vow_gtrid *id);
struct vow_request *vow_request_table_next(const struct vow_request *request);

#endif
