/*
 * Every operation of the virtual disk against a plain model, with random operations and power cuts. The model keeps
 * each file whole as it was after each change since its last sync; what a power cut leaves of a sector must be what
 * one of them has there.
 */
#include <stdio.h>
#include <string.h>

#include "disk_bed.h"
#include "proto/jitter.h"
#include "proto/net/filesystem.h"

#define FILE_BYTES 8192u
#define VERSIONS_MAX 64u
#define FILES_MAX 3u

struct version {
    uint8_t bytes[FILE_BYTES]; /* zeros behind the end */
    int64_t size;              /* -1: there is no such file */
};

/* versions[0] is durable, the last one is what is seen. */
struct model {
    struct version versions[VERSIONS_MAX];
    unsigned len;
    sqlite3_file *file;
    bool name_is_durable;
};

static struct model models[FILES_MAX];
static const char *const names[FILES_MAX] = {"a.db", "a.db-wal", "witness"};
static sqlite3_vfs *vfs;
static uint64_t random_state;

static void init(void)
{
    disk_bed_init();
    vfs = sqlite3_vfs_find(SIM_DISKS_VFS);
}

TestSuite(disk_model, .init = init, .timeout = 240);

static uint64_t below(uint64_t n)
{
    return vow_jitter_next(&random_state) % n;
}

static struct version *newest(struct model *model)
{
    return &model->versions[model->len - 1];
}

static struct version *add_version(struct model *model)
{
    cr_assert_lt(model->len, VERSIONS_MAX);
    model->versions[model->len] = *newest(model);
    return &model->versions[model->len++];
}

static void open_one(unsigned i)
{
    struct model *model = &models[i];
    static char paths[FILES_MAX][64];

    (void)snprintf(paths[i], sizeof(paths[i]) - 1, "%s/%s", sim_disk_path(disk), names[i]);
    model->file = calloc(1, (size_t)vfs->szOsFile);
    cr_assert_eq(
        vfs->xOpen(vfs, paths[i], model->file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB, NULL),
        SQLITE_OK);
    if (newest(model)->size < 0) {
        memset(&model->versions[0], 0, sizeof(model->versions[0]));
        model->len = 1;
        model->name_is_durable = false;
    }
}

static void close_one(struct model *model)
{
    if (model->file != NULL)
        (void)model->file->pMethods->xClose(model->file);
    free(model->file);
    model->file = NULL;
}

static void write_one(struct model *model)
{
    uint8_t bytes[2000];
    unsigned len = 1 + (unsigned)below(sizeof(bytes)), offset = (unsigned)below(FILE_BYTES - len);
    struct version *version = add_version(model);

    for (unsigned i = 0; i < len; i++)
        bytes[i] = (uint8_t)vow_jitter_next(&random_state);
    cr_assert_eq(model->file->pMethods->xWrite(model->file, bytes, (int)len, offset), SQLITE_OK);
    memcpy(version->bytes + offset, bytes, len);
    version->size = version->size > offset + len ? version->size : offset + len;
}

static void truncate_one(struct model *model)
{
    struct version *version = add_version(model);
    int64_t size = (int64_t)below((uint64_t)version->size + 1);

    cr_assert_eq(model->file->pMethods->xTruncate(model->file, size), SQLITE_OK);
    memset(version->bytes + size, 0, FILE_BYTES - (size_t)size);
    version->size = size;
}

static void sync_one(struct model *model)
{
    cr_assert_eq(model->file->pMethods->xSync(model->file, SQLITE_SYNC_NORMAL), SQLITE_OK);
    model->versions[0] = *newest(model);
    model->len = 1;
}

static void sync_names(struct model *model)
{
    cr_assert_eq(model->file->pMethods->xFileControl(model->file, VOW_FCNTL_SYNC_DIRECTORY, NULL), SQLITE_OK);
    for (unsigned i = 0; i < FILES_MAX; i++)
        models[i].name_is_durable = newest(&models[i])->size >= 0;
}

/* Reads a random part, and the size. */
static void read_one(struct model *model)
{
    uint8_t bytes[FILE_BYTES];
    const struct version *version = newest(model);
    unsigned len = 1 + (unsigned)below(FILE_BYTES - 1), offset = (unsigned)below(FILE_BYTES - len);
    sqlite3_int64 size = -1;
    int rc = model->file->pMethods->xRead(model->file, bytes, (int)len, offset);

    cr_assert_eq(rc, offset + len <= version->size ? SQLITE_OK : SQLITE_IOERR_SHORT_READ);
    cr_assert_arr_eq(bytes, version->bytes + offset, len);
    cr_assert_eq(model->file->pMethods->xFileSize(model->file, &size), SQLITE_OK);
    cr_assert_eq(size, version->size);
}

static void do_one(void)
{
    struct model *model = &models[below(FILES_MAX)];
    uint64_t what = below(20);

    if (model->len == VERSIONS_MAX || what < 3)
        sync_one(model);
    else if (what < 13)
        write_one(model);
    else if (what < 15)
        truncate_one(model);
    else if (what < 16)
        sync_names(model);
    else
        read_one(model);
}

/* Does one of the versions have the sector so? */
static bool has_sector(const struct model *model, const uint8_t *sector, unsigned offset)
{
    for (unsigned i = 0; i < model->len; i++) {
        if (memcmp(model->versions[i].bytes + offset, sector, SIM_DISK_SECTOR) == 0)
            return true;
    }
    return false;
}

static bool has_size(const struct model *model, int64_t size)
{
    int64_t least = INT64_MAX, most = -1;

    for (unsigned i = 0; i < model->len; i++) {
        least = model->versions[i].size < least ? model->versions[i].size : least;
        most = model->versions[i].size > most ? model->versions[i].size : most;
    }
    return size >= least && size <= most;
}

/* A truncation that is not kept leaves bytes that a later write is put among: then sectors are mixed. */
static bool has_truncation(const struct model *model)
{
    for (unsigned i = 1; i < model->len; i++) {
        if (model->versions[i].size < model->versions[i - 1].size)
            return true;
    }
    return false;
}

static void check_cut(unsigned i, enum sim_power mode)
{
    struct model *model = &models[i];
    struct version found = {.size = sim_disk_size(disk, names[i])};

    if (found.size >= 0)
        (void)sim_disk_read(disk, names[i], 0, found.bytes, FILE_BYTES);
    if (mode == SIM_POWER_NOTHING && !model->name_is_durable)
        cr_assert_eq(found.size, -1, "%s: nobody synced its name", names[i]);
    if (model->name_is_durable || mode == SIM_POWER_ALL)
        cr_assert_geq(found.size, 0, "%s: its name is gone", names[i]);
    if (found.size >= 0 && (mode == SIM_POWER_NOTHING || mode == SIM_POWER_ALL)) {
        const struct version *wanted = mode == SIM_POWER_ALL ? newest(model) : &model->versions[0];

        cr_assert_eq(found.size, wanted->size, "%s", names[i]);
        cr_assert_arr_eq(found.bytes, wanted->bytes, FILE_BYTES, "%s", names[i]);
    } else if (found.size >= 0 && !has_truncation(model)) {
        cr_assert(has_size(model, found.size), "%s", names[i]);
        for (unsigned at = 0; at < FILE_BYTES; at += SIM_DISK_SECTOR)
            cr_assert(has_sector(model, found.bytes + at, at), "%s: sector at %u", names[i], at);
    }
    model->versions[0] = found;
    model->len = 1;
    model->name_is_durable = found.size >= 0;
}

static void live(void)
{
    for (unsigned i = 0; i < FILES_MAX; i++)
        open_one(i);
    for (unsigned i = (unsigned)below(60); i > 0; i--)
        do_one();
}

static void die(void)
{
    enum sim_power mode = (enum sim_power)(SIM_POWER_NOTHING + below(4));

    sim_disk_power_cut(disk, mode, &random_state);
    for (unsigned i = 0; i < FILES_MAX; i++) {
        close_one(&models[i]);
        check_cut(i, mode);
    }
    sim_disk_boot(disk);
}

Test(disk_model, F108_F109_F110_F111_random_operations_and_power_cuts)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        random_state = seed;
        sim_disks_reset(disks, seed);
        for (unsigned i = 0; i < FILES_MAX; i++) {
            models[i].len = 1;
            models[i].versions[0].size = -1;
            models[i].name_is_durable = false;
        }
        for (unsigned lives = 0; lives < 6; lives++) {
            live();
            die();
        }
    }
}
