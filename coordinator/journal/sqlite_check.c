/* Looking at the journal of a stopped coordinator: everything that a start proves, and what it leaves for later, and no
 * byte of its files is changed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/journal/fail.h"
#include "coordinator/journal/sqlite_engine.h"

static bool exists(const struct sqlite_engine *engine, const char *file)
{
    int64_t size = -1;

    return engine->files.ops->size(&engine->files, file, &size) != 0 || size >= 0;
}

/* A start proves the newest part and reads the rest beside its work; here all of it is read. */
static int prove_all(struct sqlite_engine *engine, struct vow_error_detail *detail)
{
    int error = journal_sqlite_verify_pages(engine, detail);

    while (error == 0 && !engine->proof.done)
        error = journal_sqlite_prove(engine, UINT64_MAX, detail);
    return error;
}

int journal_sqlite_examine(struct sqlite_engine *engine, bool *is_there, struct vow_error_detail *detail)
{
    bool is_new = false;
    int error = journal_files_init(&engine->files, engine->vfs, engine->directory, detail);

    *is_there = false;
    error = error != 0 ? error : engine->files.ops->open(&engine->files, false, detail);
    error = error != 0 ? error : engine->files.ops->lock(&engine->files, true, detail);
    if (error != 0 && error != VOW_E_NOT_FOUND)
        return error;
    /* SQLite would make the file. With a witness, its absence is found out before that. */
    if (!exists(engine, JOURNAL_DB_FILE) && !exists(engine, JOURNAL_WITNESS_FILE))
        return 0;
    error = journal_sqlite_look(engine, NULL, &is_new, detail);
    *is_there = error == 0 && !is_new;
    return error;
}

void journal_sqlite_report(const struct sqlite_engine *engine, struct vow_journal_report *report)
{
    (void)snprintf(report->name, sizeof(report->name), "%s", engine->identity.name);
    report->epoch = engine->identity.epoch;
    report->last_lsn = engine->head.lsn;
    report->cut_lsn = engine->snapshot.cut.lsn;
    report->events_cut = !journal_snapshot_is_whole(&engine->snapshot);
}

static int check(struct sqlite_engine *engine, vow_journal_scan_fn *each, void *ctx, struct vow_error_detail *detail)
{
    bool is_there;
    int error = journal_sqlite_examine(engine, &is_there, detail);

    if (error != 0 || !is_there)
        return error;
    error = prove_all(engine, detail);
    /* The list of what is open came with format 2; a start makes it first. */
    return error == 0 && engine->format >= 2 ? journal_sqlite_scan(engine, each, ctx, detail) : error;
}

int vow_journal_sqlite_check(const char *directory, vow_journal_scan_fn *each, void *ctx,
                             struct vow_journal_report *report, struct vow_error_detail *detail)
{
    struct sqlite_engine *engine = calloc(1, sizeof(*engine));
    int error;

    *detail = (struct vow_error_detail){.error = 0};
    memset(report, 0, sizeof(*report));
    if (engine == NULL || (engine->directory = strdup(directory)) == NULL) {
        free(engine);
        return journal_fail(detail, VOW_E_NO_MEMORY, "out of memory");
    }
    error = check(engine, each, ctx, detail);
    if (error == 0)
        journal_sqlite_report(engine, report);
    journal_sqlite_free(engine);
    return error;
}
