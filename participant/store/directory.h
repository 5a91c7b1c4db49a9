/* The directory of a database: what SQLite leaves to whoever opens one. */
#ifndef VOW_PARTICIPANT_STORE_DIRECTORY_H
#define VOW_PARTICIPANT_STORE_DIRECTORY_H

#include <sqlite3.h>

#include "proto/error.h"

/* May a log live there (fault F123)? A directory that is not there is SQLite's to report. 0, VOW_E_IO, or
 * VOW_E_NO_MEMORY. */
int directory_check(const char *path, struct vow_error_detail *detail);
/*
 * Makes the names of the open database and of its WAL durable (fault F110). SQLite syncs the name of a WAL that it has
 * made; but if it is killed before, the next process finds the WAL there, and nobody ever does. 0, VOW_E_IO, or
 * VOW_E_NO_MEMORY.
 */
int directory_sync(sqlite3 *db, const char *path, struct vow_error_detail *detail);

#endif
