#include "participant/store/heuristic_row.h"

#include <string.h>

static const char *text_of(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text != NULL ? text : "";
}

bool heuristic_row_read(sqlite3_stmt *row, struct vow_branches_recovered *out)
{
    const sqlite3_int64 verdict = sqlite3_column_int64(row, 3), decided = sqlite3_column_int64(row, 4);
    if (sqlite3_column_bytes(row, 0) != VOW_GTRID_BYTES || (verdict != VOW_COMMIT && verdict != VOW_ABORT) ||
        decided < 0 || decided > VOW_ABORT || decided == verdict)
        return false;
    memcpy(out->gtrid.bytes, sqlite3_column_blob(row, 0), VOW_GTRID_BYTES);
    out->branch = (uint32_t)sqlite3_column_int64(row, 1);
    out->epoch = (uint32_t)sqlite3_column_int64(row, 2);
    out->heuristic = (enum vow_verdict)verdict;
    out->decided = (enum vow_verdict)decided;
    out->who = text_of(row, 5);
    out->why = text_of(row, 6);
    out->wall_us = (uint64_t)sqlite3_column_int64(row, 7);
    return true;
}
