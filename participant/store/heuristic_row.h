/*
 * A row of vow_heuristic, which a service's file and the file beside a resource have alike: a branch that was ended
 * without a decision (protocol 2.7).
 */
#ifndef VOW_PARTICIPANT_STORE_HEURISTIC_ROW_H
#define VOW_PARTICIPANT_STORE_HEURISTIC_ROW_H

#include <sqlite3.h>

#include "participant/store/store.h"

#define HEURISTIC_ROWS_SQL "SELECT gtrid, branch, epoch, verdict, decided, who, why, wall_us FROM vow_heuristic"

/* False: it is not what it must be. The texts live as long as the row does. */
bool heuristic_row_read(sqlite3_stmt *row, struct vow_branches_recovered *out);

#endif
