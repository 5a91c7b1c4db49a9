/*
 * A node's disk, as its process sees it: where the journal and the store are opened, and what may happen to it.
 */
#ifndef VOW_CHAOS_SIM_STORAGE_H
#define VOW_CHAOS_SIM_STORAGE_H

#include "chaos/sim/world.h"
#include "coordinator/journal/journal.h"
#include "participant/store/sqlite.h"

/* Empty disks for all nodes of a world. */
void sim_storage_begin(struct sim_world *world);
void sim_storage_end(struct sim_world *world);
void sim_storage_free(void);

int sim_storage_open_journal(struct sim_world *world, const struct sim_node *node,
                             const struct vow_journal_options *options, const struct vow_journal_engine **ops,
                             void **engine, struct vow_error_detail *detail);
int sim_storage_open_store(struct sim_world *world, const struct sim_node *node,
                           const struct vow_sqlite_options *options, const struct vow_store_ops **ops, void **store,
                           struct vow_error_detail *detail);

#endif
