/*
 * A node's disk, as its process sees it: where the journal and the store are opened, and what may happen to it. The
 * disks are virtual (disk.h). A world's nodes begin with copies of files that were made once in a process, so that a
 * new world costs no schema.
 */
#ifndef VOW_CHAOS_SIM_STORAGE_H
#define VOW_CHAOS_SIM_STORAGE_H

#include "chaos/sim/disk.h"
#include "chaos/sim/world.h"
#include "coordinator/journal/journal.h"
#include "participant/store/sqlite.h"

/* The files of a coordinator and of a participant on their disks. */
#define SIM_STORE_FILE "bank.db"

/* Empty disks for all nodes of a world, and on them what each begins with. */
void sim_storage_begin(struct sim_world *world);
struct sim_disk *sim_storage_disk(const struct sim_node *node);
/* The one that holds a node's backup. */
struct sim_disk *sim_storage_backup(const struct sim_node *node);

/* Shows DISK: what a fresh connection reads on a copy of the node's disk, as its next process would find it. */
void sim_storage_show(struct sim_world *world, const struct sim_node *node);

int sim_storage_open_journal(const struct sim_node *node, const struct vow_journal_options *options,
                             const struct vow_journal_engine **ops, void **engine, struct vow_error_detail *detail);
int sim_storage_open_store(const struct sim_node *node, const struct vow_sqlite_options *options,
                           const struct vow_store_ops **ops, void **store, struct vow_error_detail *detail);

/* Another connection to a participant's file, as its service has one; NULL: it does not open. */
sqlite3 *sim_storage_connect(const struct sim_node *node, bool is_synced);

/* What one batch costs on the node's disk, in microseconds: what the options say, and what the disk has added. */
uint64_t sim_storage_cost_us(struct sim_world *world, const struct sim_node *node, uint64_t batch);

#endif
