#include "chaos/sim/storage.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chaos/sim/bank.h"

static char root[64];

static void path_of(const struct sim_node *node, char path[200])
{
    (void)snprintf(path, 200, "%s/%s", root, node->name);
}

void sim_storage_begin(struct sim_world *world)
{
    char command[200];
    (void)world;
    if (root[0] == 0)
        (void)snprintf(root, sizeof(root), "/dev/shm/vow-chaos.%ld", (long)getpid());
    (void)snprintf(command, sizeof(command), "rm -rf %s && mkdir %s", root, root);
    if (system(command) != 0)
        abort();
}
void sim_storage_end(struct sim_world *world)
{
    (void)world;
}
void sim_storage_free(void)
{
    char command[200];
    (void)snprintf(command, sizeof(command), "rm -rf %s", root);
    if (system(command) != 0)
        abort();
}

int sim_storage_open_journal(struct sim_world *world, const struct sim_node *node,
                             const struct vow_journal_options *options, const struct vow_journal_engine **ops,
                             void **engine, struct vow_error_detail *detail)
{
    struct vow_journal_options with = *options;
    char path[200];
    (void)world;
    path_of(node, path);
    with.directory = path;
    return vow_journal_sqlite_open(&with, ops, engine, detail);
}

int sim_storage_open_store(struct sim_world *world, const struct sim_node *node,
                           const struct vow_sqlite_options *options, const struct vow_store_ops **ops, void **store,
                           struct vow_error_detail *detail)
{
    struct vow_sqlite_options with = *options;
    char path[200];
    bool is_new;
    int error;
    path_of(node, path);
    is_new = access(path, F_OK) != 0;
    with.path = path;
    error = vow_store_sqlite_open(&with, ops, store, detail);
    if (error == 0) {
        error = vow_store_sqlite_schema(*store, sim_bank_schema, detail);
        if (error == 0 && is_new && sim_bank_fill(vow_store_sqlite_db(*store), world->options.accounts) != 0)
            error = detail->error = VOW_E_DATABASE;
        if (error != 0)
            (*ops)->close(*store);
    }
    return error;
}
