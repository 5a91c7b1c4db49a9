#include "chaos/sim/storage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/sim/bank.h"
#include "chaos/sim/clock.h"
#include "chaos/sim/dump.h"
#include "chaos/sim/purse.h"
#include "chaos/sim/thing.h"
#include "proto/assert.h"
#include "proto/net/clock.h"

#define PATH_SIZE 96
/* Disks: of the nodes, of their backups, one to make templates on, and those to look at copies on: for a journal and a
 * store that kept connections read, and for what they cannot read. */
#define BACKUPS SIM_NODES_MAX
#define SCRATCH (2 * SIM_NODES_MAX)
#define LOOK (SCRATCH + 1)
#define COPY (LOOK + 2)
#define DISKS (COPY + 1)
#define TEMPLATES_MAX 160
#define FILES_MAX 4
#define COORDINATORS 0xffffffffu
#define WITH_PURSE 0x10000u
#define WITH_THINGS 0x20000u

/* The files of a database that was just made. */
struct template
{
    uint32_t which, accounts; /* of the node; COORDINATORS, or of a participant: with what is set of these */
    uint32_t files_len;
    struct {
        const char *name;
        uint8_t *bytes;
        size_t len;
    } files[FILES_MAX];
};

static struct sim_disks *disks;
static struct sim_world *current;
static struct template templates[TEMPLATES_MAX];
static uint32_t templates_len;

static uint64_t wall_us(void *ctx)
{
    (void)ctx;
    return vow_clock_wall_us();
}

/* What a disk did that nobody can find out, or that its node must refuse: others may never let it in again. */
static bool is_harm(enum sim_fault fault)
{
    return fault == SIM_FAULT_LYING_SYNC || fault == SIM_FAULT_STALE_PAGE || fault == SIM_FAULT_WAL_FLIP ||
           fault == SIM_FAULT_PAGE_FLIP || fault == SIM_FAULT_WAL_CUT || fault == SIM_FAULT_WAL_ZERO ||
           fault == SIM_FAULT_WAL_GONE || fault == SIM_FAULT_WITNESS_FLIP;
}

static void hit(void *ctx, unsigned disk, enum sim_fault fault, enum sim_file_kind file, uint64_t amount)
{
    (void)ctx, (void)file;
    if (current == NULL || disk >= current->nodes_len)
        return;
    if (is_harm(fault))
        current->nodes[disk].is_harmed = true;
    sim_hit(current, fault, (uint8_t)disk, SIM_NODE_NONE, amount);
}

struct sim_disk *sim_storage_disk(const struct sim_node *node)
{
    return sim_disks_at(disks, node->index);
}

struct sim_disk *sim_storage_backup(const struct sim_node *node)
{
    return sim_disks_at(disks, BACKUPS + node->index);
}

/* --- Templates --- */

static void keep_file(struct template *template, const char *name)
{
    struct sim_disk *scratch = sim_disks_at(disks, SCRATCH);
    const int64_t size = sim_disk_size(scratch, name);
    uint8_t *bytes;

    if (size < 0)
        return;
    VOW_ASSERT(template->files_len < FILES_MAX);
    bytes = malloc((size_t)size + 1);
    VOW_ASSERT(bytes != NULL && sim_disk_read(scratch, name, 0, bytes, (size_t)size) == (size_t)size);
    template->files[template->files_len].name = name;
    template->files[template->files_len].bytes = bytes;
    template->files[template->files_len++].len = (size_t)size;
}

static void make_journal(struct template *template)
{
    const struct vow_journal_options options = {
        .directory = sim_disk_path(sim_disks_at(disks, SCRATCH)), .vfs = SIM_DISKS_VFS, .name = NULL};
    const struct vow_journal_engine *ops;
    struct vow_error_detail detail;
    void *engine;

    VOW_ASSERT(vow_journal_sqlite_open(&options, &ops, &engine, &detail) == 0);
    ops->close(engine);
    keep_file(template, "journal.db");
    keep_file(template, "witness");
    keep_file(template, "lock");
}

static int no_call(void *ctx, const struct vow_gtrid *gtrid, struct sqlite3 *db, const struct vow_msg_call *call,
                   enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    (void)ctx, (void)gtrid, (void)db, (void)call, (void)text;
    *cause = VOW_CAUSE_NO_SUCH_HANDLER;
    return VOW_E_NOT_FOUND;
}

static uint32_t tables_of(const struct sim_options *options)
{
    return (sim_has_sagas(options) ? WITH_PURSE : 0) | (sim_has_events(options) ? WITH_THINGS : 0);
}

static const char *schema_of(uint32_t tables)
{
    static char both[4096];
    const char *first = (tables & WITH_PURSE) != 0 ? sim_purse_schema : sim_bank_schema;

    if ((tables & WITH_THINGS) == 0)
        return first;
    (void)snprintf(both, sizeof(both), "%s%s", first, sim_thing_schema);
    return both;
}

static void make_store(struct template *template)
{
    char path[PATH_SIZE];
    const struct vow_sqlite_options options = {.path = path, .vfs = SIM_DISKS_VFS, .call = no_call};
    const struct vow_store_ops *ops;
    struct vow_error_detail detail;
    void *store;

    (void)snprintf(path, sizeof(path), "%s/" SIM_STORE_FILE, sim_disk_path(sim_disks_at(disks, SCRATCH)));
    VOW_ASSERT(vow_store_sqlite_open(&options, &ops, &store, &detail) == 0);
    VOW_ASSERT(vow_store_sqlite_schema(store, schema_of(template->accounts), &detail) == 0);
    VOW_ASSERT(sim_bank_fill(vow_store_sqlite_db(store), template->accounts & ~(WITH_PURSE | WITH_THINGS)) == 0);
    if ((template->accounts & WITH_THINGS) != 0)
        VOW_ASSERT(sim_thing_fill(vow_store_sqlite_db(store)) == 0);
    ops->close(store);
    keep_file(template, SIM_STORE_FILE);
}

/* Each participant has a file of its own, with its own number in it; a coordinator draws its own when it takes over. */
static const struct template *template_of(uint32_t which, uint32_t accounts)
{
    struct template *template = templates;

    while (template <templates + templates_len && (template->which != which || template->accounts != accounts))
        template ++;
    if (template <templates + templates_len)
        return template;
    VOW_ASSERT(templates_len < TEMPLATES_MAX);
    templates_len++;
    *template = (struct template){.which = which, .accounts = accounts};
    sim_disks_reset(disks, (uint64_t)which << 32 | accounts);
    sim_clock_set_random(sim_rng_of(which, SIM_FOR_IDENTITY, accounts, 0));
    if (which == COORDINATORS)
        make_journal(template);
    else
        make_store(template);
    return template;
}

static const struct template *template_for(const struct sim_world *world, const struct sim_node *node)
{
    return node->role == SIM_COORDINATOR
               ? template_of(COORDINATORS, 0)
               : template_of(node->index, world->options.accounts | tables_of(&world->options));
}

static void put_template(const struct sim_node *node, const struct template *template)
{
    for (uint32_t i = 0; i < template->files_len; i++)
        sim_disk_write(sim_storage_disk(node), template->files[i].name, 0, template->files[i].bytes,
                       template->files[i].len);
}

void sim_storage_begin(struct sim_world *world)
{
    const struct sim_disks_options options = {.count = DISKS, .wall_us = wall_us, .hit = hit};
    const uint32_t servers = world->options.coordinators + world->options.participants;
    struct sim_rng rng = sim_rng_of(world->options.seed, SIM_FOR_DISK, 0, 0);

    current = NULL;
    if (disks == NULL)
        disks = sim_disks_new(&options);
    VOW_ASSERT(disks != NULL);
    for (uint32_t i = 0; i < servers; i++)
        (void)template_for(world, &world->nodes[i]);
    sim_disks_reset(disks, sim_rng_next(&rng));
    sim_clock_set_random(sim_rng_of(world->options.seed, SIM_FOR_IDENTITY, UINT32_MAX, 0));
    for (uint32_t i = 0; i < servers; i++)
        put_template(&world->nodes[i], template_for(world, &world->nodes[i]));
    current = world;
}

/* --- Looking --- */

/* The witness has two slots, of which the second begins at 4096. */
#define WITNESS_BYTES 8192

struct look {
    struct sim_disk *disk; /* that is looked at */
    bool is_journal;
    const char *file;
    const uint8_t *witness; /* NULL: there is none */
    size_t witness_len;
};

static void read_dump(const struct look *look, const struct sim_disk *copy, struct sim_dump *dump)
{
    char path[PATH_SIZE];

    (void)snprintf(path, sizeof(path), "%s/%s", sim_disk_path(copy), look->file);
    if (look->is_journal)
        sim_dump_journal(dump, SIM_DISKS_VFS, path, look->witness, look->witness_len);
    else
        sim_dump_store(dump, SIM_DISKS_VFS, path);
}

/* True if the kept connection could read it. A rollback journal is for a fresh one to play back. */
static bool read_kept(const struct look *look, struct sim_dump *dump)
{
    struct sim_disk *copy = sim_disks_at(disks, LOOK + look->is_journal);
    char name[PATH_SIZE];

    (void)snprintf(name, sizeof(name), "%s-journal", look->file);
    if (sim_disk_size(look->disk, look->file) <= 0 || sim_disk_size(look->disk, name) > 0)
        return false;
    sim_disk_refill(copy, look->disk, look->file);
    (void)snprintf(name, sizeof(name), "%s-wal", look->file);
    sim_disk_refill(copy, look->disk, name);
    sim_dump_keep_open(dump);
    read_dump(look, copy, dump);
    return dump->is_readable;
}

static void read_fresh(const struct look *look, struct sim_dump *dump)
{
    struct sim_disk *copy = sim_disks_at(disks, COPY);

    sim_disk_copy(copy, look->disk);
    sim_disk_boot(copy);
    read_dump(look, copy, dump);
}

void sim_storage_show(struct sim_world *world, const struct sim_node *node)
{
    static struct sim_dump kept[2], fresh;
    static uint8_t witness[WITNESS_BYTES];
    const bool is_journal = node->role == SIM_COORDINATOR;
    struct look look = {.disk = sim_storage_disk(node), .is_journal = is_journal};
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_DISK, node);
    struct sim_dump *dump = &kept[is_journal];

    look.file = is_journal ? "journal.db" : SIM_STORE_FILE;
    look.witness = sim_disk_size(look.disk, "witness") >= 0 ? witness : NULL;
    look.witness_len = sim_disk_read(look.disk, "witness", 0, witness, sizeof(witness));
    if (!read_kept(&look, dump)) {
        dump = &fresh;
        read_fresh(&look, dump);
    }
    dump->is_there = sim_disk_size(look.disk, look.file) > 0;
    /* What is not there is read easily: it holds nothing. */
    dump->is_readable = dump->is_readable || !dump->is_there;
    sight.disk.dump = dump;
    sim_show(world, &sight);
}

/* --- Opening --- */

int sim_storage_open_journal(const struct sim_node *node, const struct vow_journal_options *options,
                             const struct vow_journal_engine **ops, void **engine, struct vow_error_detail *detail)
{
    struct vow_journal_options with = *options;

    with.directory = sim_disk_path(sim_storage_disk(node));
    with.vfs = SIM_DISKS_VFS;
    return vow_journal_sqlite_open(&with, ops, engine, detail);
}

/* As vow_participant_open() with options.schema; a wiped disk gets the tables, and no rows. */
int sim_storage_open_store(const struct sim_node *node, const struct vow_sqlite_options *options,
                           const struct vow_store_ops **ops, void **store, struct vow_error_detail *detail)
{
    struct vow_sqlite_options with = *options;
    char path[PATH_SIZE];
    int error;

    (void)snprintf(path, sizeof(path), "%s/" SIM_STORE_FILE, sim_disk_path(sim_storage_disk(node)));
    with.path = path;
    with.vfs = SIM_DISKS_VFS;
    error = vow_store_sqlite_open(&with, ops, store, detail);
    if (error != 0)
        return error;
    error = vow_store_sqlite_schema(*store, schema_of(tables_of(&current->options)), detail);
    if (error != 0)
        (*ops)->close(*store);
    return error;
}

sqlite3 *sim_storage_connect(const struct sim_node *node, bool is_synced)
{
    char path[PATH_SIZE];
    sqlite3 *db = NULL;
    int rc;

    (void)snprintf(path, sizeof(path), "%s/" SIM_STORE_FILE, sim_disk_path(sim_storage_disk(node)));
    rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, SIM_DISKS_VFS);
    if (rc == SQLITE_OK)
        rc =
            sqlite3_exec(db, is_synced ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (rc == SQLITE_OK)
        return db;
    (void)sqlite3_close(db);
    return NULL;
}

uint64_t sim_storage_cost_us(struct sim_world *world, const struct sim_node *node, uint64_t batch)
{
    struct sim_rng rng = sim_rng_of(world->options.seed, SIM_FOR_DISK, node->index, batch * 64 + node->life);
    const struct sim_noise_item commit = {.is_commit = true, .node = node->index, .life = node->life, .number = batch};
    uint64_t us = 1 + sim_rng_wait(&rng, world->options.sync_us) + sim_disk_take_cost_us(sim_storage_disk(node));

    if (sim_strikes(world, &rng, &commit, world->options.slow_sync)) {
        const uint64_t more = sim_rng_below(&rng, 2 * SIM_SECOND_US);

        us += more;
        sim_hit(world, SIM_FAULT_SLOW_SYNC, node->index, SIM_NODE_NONE, more);
    }
    return us;
}
