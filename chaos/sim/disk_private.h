/*
 * Inside of the virtual disk, shared by its files: disk.c has the disks, disk_names.c the names on them, disk_content.c
 * what is in a file, disk_power.c what a power cut leaves, disk_fault.c what goes wrong, disk_lock.c its locks,
 * disk_file.c and disk_vfs.c what SQLite calls.
 */
#ifndef VOW_CHAOS_SIM_DISK_PRIVATE_H
#define VOW_CHAOS_SIM_DISK_PRIVATE_H

#include <sqlite3.h>

#include "chaos/sim/disk.h"
#include "proto/assert.h"
#include "proto/jitter.h"

#define DISK_NAME_SIZE 32
#define DISK_NAMES_MAX 16
#define DISK_INODES_MAX 24
#define DISK_NAME_OPS_MAX 64
#define DISK_SHM_REGIONS_MAX 8

/* --- Content of files --- */

enum change_state {
    CHANGE_PENDING, /* in the page cache; a sync makes it durable */
    CHANGE_DROPPED, /* in the page cache, which takes it for written: the disk will never have it */
    CHANGE_DURABLE, /* kept for its place between dropped ones */
};

/* A write, or a change of the size alone (len is 0). Its bytes are in the file's log: the new ones, then the old. */
struct change {
    enum change_state state;
    uint64_t offset, len;
    uint64_t size, old_size, old_used;
    size_t new_at, old_at;
    uint64_t old_from, old_len;
};

struct shm {
    uint8_t *regions[DISK_SHM_REGIONS_MAX];
    uint32_t users;
    uint16_t shared[SQLITE_SHM_NLOCK];
    bool exclusive[SQLITE_SHM_NLOCK];
};

/*
 * A file, whatever its names. `bytes` is what a process sees; the changes since the last sync can be undone from it, so
 * a sync costs nothing but to forget them. Bytes beyond `used` are zeros that are not there.
 */
struct inode {
    bool is_used;
    enum sim_file_kind kind;
    uint32_t handles; /* of the living process */
    uint8_t *bytes;
    uint64_t capacity, used, size;
    struct change *changes;
    uint32_t changes_len, changes_capacity;
    uint32_t dropped; /* of the changes */
    uint8_t *log;
    size_t log_len, log_capacity;
    /* Locks of connections of the living process. */
    uint32_t sharers;
    const void *reserved, *pending, *exclusive; /* struct sim_file */
    struct shm shm;
};

/* Changes as a process makes them: seen at once, durable after a sync. */
void content_write(struct inode *inode, uint64_t offset, const void *bytes, uint64_t len, enum change_state state);
void content_resize(struct inode *inode, uint64_t size);
/* What is not there reads as zeros; returns how many bytes were there. */
uint64_t content_read(const struct inode *inode, uint64_t offset, void *out, uint64_t len);
void content_sync(struct inode *inode);
/* A sync that failed: what was pending is dropped. */
void content_drop(struct inode *inode);
/* Past the process: durable, and no change of its own. */
void content_put(struct inode *inode, uint64_t offset, const void *bytes, uint64_t len);
void content_set_size(struct inode *inode, uint64_t size);
/* Takes all changes back, from the last to the first; they stay in the list. */
void content_undo(struct inode *inode);
void content_forget(struct inode *inode);
void content_clear(struct inode *inode);
/* With its changes. */
void content_copy(struct inode *to, const struct inode *from);

/* --- Names --- */

struct names {
    uint32_t len;
    struct {
        char name[DISK_NAME_SIZE];
        struct inode *inode;
    } entries[DISK_NAMES_MAX];
};

/* from "" = a new file; to "" = removed. */
struct name_change {
    char from[DISK_NAME_SIZE], to[DISK_NAME_SIZE];
    struct inode *inode;
};

struct inode *names_find(const struct names *names, const char *name);
void names_apply(struct names *names, const struct name_change *change);

/* --- Faults --- */

/* What an operation is to faults; one may be several. */
enum { DISK_READS = 1, DISK_WRITES = 2, DISK_GROWS = 4, DISK_SYNCS = 8 };

struct plan_entry {
    struct sim_disk_fault fault;
    uint64_t seen, hits;
};

struct sim_disk {
    struct sim_disks *disks;
    unsigned number;
    char path[24];
    bool is_on;
    bool is_refilled; /* outlives a world */
    uint32_t life;
    struct inode inodes[DISK_INODES_MAX];
    struct names names, durable;
    struct name_change name_changes[DISK_NAME_OPS_MAX];
    uint32_t name_changes_len;
    struct plan_entry plan[SIM_DISK_FAULTS_MAX];
    uint32_t plan_len;
    uint64_t room;
    uint64_t random;
    uint64_t ops, kill_at;
    sim_disk_watch_fn *watch;
    void *watch_ctx;
    uint64_t cost_us, sync_us;
    int error; /* errno of the last failure */
    struct sim_disk_stats stats;
};

struct sim_disks {
    struct sim_disks_options options;
    sqlite3_vfs vfs;
    uint64_t random; /* SQLite's */
    uint64_t hits[SIM_FAULTS];
    int error;
    struct sim_disk *disks; /* and one more, for files without a name */
};

/* Makes a name, takes one away, moves one. No such name is no error of remove. */
struct inode *disk_create(struct sim_disk *disk, const char *name);
void disk_remove(struct sim_disk *disk, const char *name);
void disk_rename(struct sim_disk *disk, const char *from, const char *to);
void disk_sync_names(struct sim_disk *disk);
struct inode *disk_new_inode(struct sim_disk *disk, const char *name);
/* Forgets files that nothing refers to. */
void disk_sweep(struct sim_disk *disk);
enum sim_file_kind disk_kind(const char *name);

/* The planned fault that an operation meets, or NULL. */
const struct sim_disk_fault *disk_meets(struct sim_disk *disk, unsigned what, enum sim_file_kind file);
void disk_hit(struct sim_disk *disk, enum sim_fault fault, enum sim_file_kind file, uint64_t amount);
bool disk_has_room(const struct sim_disk *disk, uint64_t more);

/* --- What SQLite holds --- */

struct sim_file {
    sqlite3_file base; /* first */
    struct sim_disk *disk;
    struct inode *inode;
    uint32_t life; /* of the disk when it was opened */
    int level;     /* SQLITE_LOCK_ */
    bool syncs_names;
    bool is_temporary;
    bool has_shm;
    uint16_t shm_shared, shm_exclusive;
    char name[DISK_NAME_SIZE];
};

static inline bool file_is_alive(const struct sim_file *file)
{
    return file->disk->is_on && file->life == file->disk->life;
}

int disk_lock(sqlite3_file *file, int level);
int disk_unlock(sqlite3_file *file, int level);
int disk_check_reserved(sqlite3_file *file, int *held);
int disk_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **out);
int disk_shm_lock(sqlite3_file *file, int offset, int n, int flags);
void disk_shm_barrier(sqlite3_file *file);
int disk_shm_unmap(sqlite3_file *file, int delete_it);
/* All locks of a file are free: their process is gone. */
void disk_unlock_all(struct inode *inode);
/* As if nobody had looked at the WAL yet. */
void disk_shm_clear(struct inode *inode);

/* --- Files and the VFS --- */

/* Notes the errno, and returns rc. */
int disk_fail(struct sim_disk *disk, int error, int rc);
/* Ends an operation that changed something: it may have been the last one of its process. */
int disk_done(struct sim_disk *disk, int rc, int rc_if_dead);
/* Syncs the names, with the faults that this may meet. */
int disk_sync_directory(struct sim_disk *disk);
extern const sqlite3_io_methods disk_file_methods;
void disk_vfs_init(struct sim_disks *disks);

#endif
