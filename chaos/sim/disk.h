/*
 * The virtual disk: what the journal and the store write to in a simulated world, in place of the operating system's
 * files.
 *
 * A world has one array of disks behind one sqlite3_vfs; sim_disk_path() is a disk's directory there. Each keeps apart
 * what a process sees of its files (the page cache) and what a power cut would leave of them: writes that were not
 * synced, and names of files whose directory was not. A power cut keeps what was synced, and of the rest what its mode
 * says: nothing, the first writes with the last one torn, or any part of it, sector by sector.
 *
 * It is in one of two states. ON: a process may use it. OFF: the process was killed; all files that were open are dead,
 * and every call on the disk fails, so that closing the killed process's connections changes nothing. After
 * sim_disk_boot() it is ON again for the next process.
 *
 * Faults come by plan, at an exact operation or by chance, and by sim_disk_damage() between two lives. A fault counts
 * as a hit when it changed something, and never before.
 *
 * One thread, no locks. Deterministic: the same calls and the same seed give the same bytes and the same random
 * numbers, also those that SQLite draws. Nothing is freed: the memory of a world is used again by the next one.
 */
#ifndef VOW_CHAOS_SIM_DISK_H
#define VOW_CHAOS_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chaos/sim/seen.h"

/* What a file is to the product, by its name. */
enum sim_file_kind {
    SIM_FILE_DB,
    SIM_FILE_WAL,
    SIM_FILE_ROLLBACK, /* SQLite's journal, of a database that is not in WAL mode yet */
    SIM_FILE_WITNESS,
    SIM_FILE_LOCK,
    SIM_FILE_NAMES, /* the directory itself: syncs only */
    SIM_FILE_KINDS,
};
#define SIM_FILES_ALL ((1u << SIM_FILE_KINDS) - 1)
#define SIM_FILES(kind) (1u << (kind))

#define SIM_DISK_SECTOR 512
#define SIM_DISK_FAULTS_MAX 16
#define SIM_DISKS_VFS "vow-sim"

struct sim_disks;
struct sim_disk;

/* A fault hit. `amount`: bytes, sectors or microseconds. */
typedef void sim_disk_hit_fn(void *ctx, unsigned disk, enum sim_fault fault, enum sim_file_kind file, uint64_t amount);
/* Microseconds since 1970 as a process on that disk sees them, for SQLite's own clock. */
typedef uint64_t sim_disk_wall_us_fn(void *ctx);

struct sim_disks_options {
    unsigned count; /* of disks; templates are disks, too */
    sim_disk_wall_us_fn *wall_us;
    sim_disk_hit_fn *hit; /* NULL: nobody is told; they are counted */
    void *ctx;
};

/* Makes the disks, once in a process, and makes their VFS SQLite's default one: SQLite's generator of random numbers
 * (WAL salts, randomblob()) is seeded by the default VFS. */
struct sim_disks *sim_disks_new(const struct sim_disks_options *options);
/* A new world: all disks are empty, ON and without faults, all random numbers come from the seed, SQLite's too. No file
 * may be open. Costs what was used. */
void sim_disks_reset(struct sim_disks *disks, uint64_t seed);
struct sim_disk *sim_disks_at(struct sim_disks *disks, unsigned disk);

/* --- One disk --- */

/* Its directory, to put file names behind: "/vow-sim/3". Lives as long as the disks. */
const char *sim_disk_path(const struct sim_disk *disk);

/* The process that used it is gone: OFF, with what it wrote in the page cache. Right in both states. */
void sim_disk_kill(struct sim_disk *disk);

/* What a power cut keeps of what was not synced. */
enum sim_power {
    SIM_POWER_NOTHING = 1, /* F109 */
    SIM_POWER_FIRST,       /* of each file the first writes, the last of them torn at a sector (F108) */
    SIM_POWER_ANY,         /* any sectors in any order (F111), any names (F110) */
    SIM_POWER_ALL,         /* as it happens: the disk was faster */
    SIM_POWER_MODES,
};
/* The power went: OFF, and only what was durable, or luckily kept, is there. `random` is the stream it draws from. */
void sim_disk_power_cut(struct sim_disk *disk, enum sim_power mode, uint64_t *random);
/* ON again, for the next process. All connections to it must be closed. */
void sim_disk_boot(struct sim_disk *disk);
bool sim_disk_is_on(const struct sim_disk *disk);

/* Copies all files as a process would see them, durable, over what `to` had. `to` has no open file. */
void sim_disk_copy(struct sim_disk *to, const struct sim_disk *from);
/* Puts one file of `from` in the place of that of `to`, empty if there is none, under the connections that have it
 * open: none of them may be in a transaction, and each will read its WAL anew. `to` is for such copies alone, and
 * sim_disks_reset() leaves it as it is. */
void sim_disk_refill(struct sim_disk *to, const struct sim_disk *from, const char *name);
void sim_disk_wipe(struct sim_disk *disk);

/* Of a file as a process would see it: its size, -1 if there is none; some of its bytes, returns how many. */
int64_t sim_disk_size(const struct sim_disk *disk, const char *name);
size_t sim_disk_read(const struct sim_disk *disk, const char *name, uint64_t offset, void *out, size_t len);
/* Writes past the product, durable at once. */
void sim_disk_write(struct sim_disk *disk, const char *name, uint64_t offset, const void *bytes, size_t len);
void sim_disk_truncate(struct sim_disk *disk, const char *name, uint64_t size);
void sim_disk_remove(struct sim_disk *disk, const char *name);
/* Makes `to` what `from` is just now, with all that is not synced, as a process that was killed now would leave it:
 * OFF. Neither of them may have a plan. `to` has no open file. */
void sim_disk_image(struct sim_disk *to, const struct sim_disk *from);

/* Bytes of all files together. */
uint64_t sim_disk_used(const struct sim_disk *disk);
/* Of all names and bytes as a process would see them. */
uint64_t sim_disk_hash(const struct sim_disk *disk);

/* --- Faults --- */

/*
 * A planned fault. By its kind it meets:
 *   NO_SPACE, QUOTA     writes that make a file longer, new files, room that is asked for
 *   WRITE_ERROR         any write: some of its sectors may be there, others not
 *   STALE_PAGE          a write: the page cache has it, the disk never will (it went elsewhere, or nowhere)
 *   READ_ERROR          reads
 *   SYNC_ERROR          syncs: what was to be synced is lost with the next power cut, whatever is synced later; names
 *                       can be synced again
 *   LYING_SYNC          syncs: nothing is done, and the answer is good
 *   SLOW_SYNC           syncs: done, at a cost of `number` microseconds
 */
struct sim_disk_fault {
    enum sim_fault fault;
    uint32_t files;  /* SIM_FILES() of those that it may meet; 0 = all */
    uint64_t after;  /* so many operations of its kind go well first, */
    uint64_t times;  /* then so many may be hit; 0 = all */
    uint32_t one_in; /* of which each is by this chance; 0 or 1 = each */
    uint32_t number; /* QUOTA: the errno, 0 = EDQUOT; SLOW_SYNC: microseconds */
};
/* Adds one to the plan; SIM_DISK_FAULTS_MAX at most. It stays until clear or reset, over power cuts too. */
void sim_disk_plan(struct sim_disk *disk, const struct sim_disk_fault *fault);
void sim_disk_clear_plan(struct sim_disk *disk);
/* Bytes that fit on it; 0 = no limit. */
void sim_disk_set_room(struct sim_disk *disk, uint64_t bytes);

/*
 * Damages what is there, durably, one of WAL_FLIP, PAGE_FLIP, WITNESS_FLIP, STALE_PAGE (a page has the content of
 * another one), WAL_CUT, WAL_ZERO, WAL_GONE. False: there is nothing that it could change, and nothing was hit.
 */
bool sim_disk_damage(struct sim_disk *disk, enum sim_fault fault, uint64_t *random);

uint64_t sim_disks_hits(const struct sim_disks *disks, enum sim_fault fault); /* since reset */

/* --- Operations --- */

/* Writes, truncations, syncs, new names, removals and renamings so far, of one disk since reset. */
uint64_t sim_disk_ops(const struct sim_disk *disk);
/* Kills the disk's process in the nth of them from now on (from 1), just after it was done; 0 = no more. */
void sim_disk_kill_at(struct sim_disk *disk, uint64_t nth);

/* Called after each operation of the disk, within it; NULL: no more. Other disks may be used in it. */
typedef void sim_disk_watch_fn(void *ctx);
void sim_disk_watch(struct sim_disk *disk, sim_disk_watch_fn *watch, void *ctx);

struct sim_disk_stats {
    uint64_t reads, writes, syncs, bytes_written;
};
struct sim_disk_stats sim_disk_stats(const struct sim_disk *disk); /* since reset */

/* Microseconds that the disk's operations and SQLite's sleeps have cost since the last call: the world's to add. */
uint64_t sim_disk_take_cost_us(struct sim_disk *disk);
/* What each sync costs; 0 at first. */
void sim_disk_set_sync_us(struct sim_disk *disk, uint64_t us);

#endif
