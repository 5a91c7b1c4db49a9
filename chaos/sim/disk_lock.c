/* Locks of files and the shared memory of a WAL, between connections of one process and one thread. What is taken is
 * BUSY at once. */
#include <stdlib.h>
#include <string.h>

#include "chaos/sim/disk_private.h"

#define REGION_BYTES 32768

static int take_exclusive(struct sim_file *file)
{
    struct inode *inode = file->inode;

    if ((inode->pending != NULL && inode->pending != file) || (inode->reserved != NULL && inode->reserved != file))
        return SQLITE_BUSY;
    /* From here on nobody new may read: else a writer could wait for ever. */
    inode->pending = file;
    if (file->level < SQLITE_LOCK_PENDING)
        file->level = SQLITE_LOCK_PENDING;
    if (inode->sharers > 1)
        return SQLITE_BUSY;
    inode->exclusive = file;
    return SQLITE_OK;
}

int disk_lock(sqlite3_file *base, int level)
{
    struct sim_file *file = (struct sim_file *)base;
    struct inode *inode = file->inode;
    int rc = SQLITE_OK;

    if (!file_is_alive(file))
        return SQLITE_IOERR_LOCK;
    if (file->level >= level)
        return SQLITE_OK;
    if (file->level == SQLITE_LOCK_NONE) {
        if (inode->pending != NULL || inode->exclusive != NULL)
            return SQLITE_BUSY;
        inode->sharers++;
        file->level = SQLITE_LOCK_SHARED;
    }
    if (level == SQLITE_LOCK_RESERVED) {
        if (inode->reserved != NULL || inode->pending != NULL)
            return SQLITE_BUSY;
        inode->reserved = file;
    } else if (level == SQLITE_LOCK_EXCLUSIVE) {
        rc = take_exclusive(file);
    }
    if (rc == SQLITE_OK)
        file->level = level;
    return rc;
}

static void let_go(const void **holder, const struct sim_file *file)
{
    if (*holder == file)
        *holder = NULL;
}

int disk_unlock(sqlite3_file *base, int level)
{
    struct sim_file *file = (struct sim_file *)base;
    struct inode *inode = file->inode;

    if (!file_is_alive(file) || file->level <= level)
        return SQLITE_OK;
    let_go(&inode->reserved, file);
    let_go(&inode->pending, file);
    let_go(&inode->exclusive, file);
    if (level == SQLITE_LOCK_NONE)
        inode->sharers--;
    file->level = level;
    return SQLITE_OK;
}

int disk_check_reserved(sqlite3_file *base, int *held)
{
    struct sim_file *file = (struct sim_file *)base;

    *held = file_is_alive(file) &&
            (file->inode->reserved != NULL || file->inode->pending != NULL || file->inode->exclusive != NULL);
    return file_is_alive(file) ? SQLITE_OK : SQLITE_IOERR_CHECKRESERVEDLOCK;
}

void disk_shm_clear(struct inode *inode)
{
    for (int i = 0; i < DISK_SHM_REGIONS_MAX; i++) {
        if (inode->shm.regions[i] != NULL)
            memset(inode->shm.regions[i], 0, REGION_BYTES);
    }
}

/* The first connection finds it empty, as if the file were made anew: SQLite then reads the WAL. */
static void join_shm(struct sim_file *file)
{
    if (file->has_shm)
        return;
    file->has_shm = true;
    if (file->inode->shm.users++ == 0)
        disk_shm_clear(file->inode);
}

int disk_shm_map(sqlite3_file *base, int region, int size, int extend, void volatile **out)
{
    struct sim_file *file = (struct sim_file *)base;
    uint8_t **memory;

    (void)extend; /* what is not extended would be answered with NULL, and asked for again */
    *out = NULL;
    if (!file_is_alive(file) || size != REGION_BYTES || region >= DISK_SHM_REGIONS_MAX)
        return SQLITE_IOERR_SHMMAP;
    join_shm(file);
    memory = &file->inode->shm.regions[region];
    if (*memory == NULL)
        *memory = calloc(1, REGION_BYTES);
    if (*memory == NULL)
        return SQLITE_IOERR_NOMEM;
    *out = *memory;
    return SQLITE_OK;
}

static void shm_unlock(struct sim_file *file, uint16_t mask)
{
    struct shm *shm = &file->inode->shm;

    for (int i = 0; i < SQLITE_SHM_NLOCK; i++) {
        uint16_t bit = (uint16_t)(1u << i);

        if ((mask & bit) != 0 && (file->shm_shared & bit) != 0)
            shm->shared[i]--;
        if ((mask & bit) != 0 && (file->shm_exclusive & bit) != 0)
            shm->exclusive[i] = false;
    }
    file->shm_shared = (uint16_t)(file->shm_shared & ~mask);
    file->shm_exclusive = (uint16_t)(file->shm_exclusive & ~mask);
}

static int shm_share(struct sim_file *file, int slot)
{
    struct shm *shm = &file->inode->shm;
    uint16_t bit = (uint16_t)(1u << slot);

    if ((file->shm_shared & bit) != 0)
        return SQLITE_OK;
    if (shm->exclusive[slot])
        return SQLITE_BUSY;
    shm->shared[slot]++;
    file->shm_shared |= bit;
    return SQLITE_OK;
}

static int shm_exclude(struct sim_file *file, int offset, int n)
{
    struct shm *shm = &file->inode->shm;

    for (int i = offset; i < offset + n; i++) {
        if (shm->exclusive[i] || shm->shared[i] > 0)
            return SQLITE_BUSY;
    }
    for (int i = offset; i < offset + n; i++) {
        shm->exclusive[i] = true;
        file->shm_exclusive |= (uint16_t)(1u << i);
    }
    return SQLITE_OK;
}

int disk_shm_lock(sqlite3_file *base, int offset, int n, int flags)
{
    struct sim_file *file = (struct sim_file *)base;

    if (!file_is_alive(file))
        return (flags & SQLITE_SHM_UNLOCK) != 0 ? SQLITE_OK : SQLITE_IOERR_SHMLOCK;
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
        shm_unlock(file, (uint16_t)(((1u << n) - 1) << offset));
        return SQLITE_OK;
    }
    return (flags & SQLITE_SHM_SHARED) != 0 ? shm_share(file, offset) : shm_exclude(file, offset, n);
}

void disk_shm_barrier(sqlite3_file *file)
{
    (void)file;
}

int disk_shm_unmap(sqlite3_file *base, int delete_it)
{
    struct sim_file *file = (struct sim_file *)base;

    (void)delete_it;
    if (file->has_shm && file_is_alive(file)) {
        shm_unlock(file, UINT16_MAX);
        file->inode->shm.users--;
    }
    file->has_shm = false;
    return SQLITE_OK;
}

void disk_unlock_all(struct inode *inode)
{
    inode->sharers = 0;
    inode->reserved = inode->pending = inode->exclusive = NULL;
    inode->shm.users = 0;
    memset(inode->shm.shared, 0, sizeof(inode->shm.shared));
    memset(inode->shm.exclusive, 0, sizeof(inode->shm.exclusive));
}
