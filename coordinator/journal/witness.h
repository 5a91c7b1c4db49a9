/*
 * The witness: a second, small file that says how far the log had come.
 *
 * SQLite drops a damaged tail of its WAL without a word, and a COMMIT record that is gone reads as "no record, so
 * abort". The witness is written and synced after each commit of the log and before anything is acknowledged, so a
 * log that ends before it has lost something (faults F023, F112 to F117). It may lag behind the log by one commit,
 * never run ahead of it.
 *
 * Two slots, each in a disk sector of its own, written in turn: a torn write leaves the other one.
 */
#ifndef VOW_JOURNAL_WITNESS_H
#define VOW_JOURNAL_WITNESS_H

#include "coordinator/journal/chain.h"
#include "coordinator/journal/files.h"
#include "proto/error.h"

#define JOURNAL_WITNESS_FILE "witness"

struct journal_witness {
    const struct journal_files *files; /* NULL: never opened */
    struct journal_chain *chain;       /* for the slots' checksums */
    struct journal_file file;          /* not open: there is none */
    uint64_t counter;                  /* of the newest slot */
    struct journal_head head;          /* what it says */
    uint64_t syncs;                    /* of write */
};

/*
 * Reads the file, if there is one. Borrows the files and the chain. Returns 0 (see `file`), VOW_E_DAMAGED if neither
 * slot is good, VOW_E_NEWER, VOW_E_NO_MEMORY or VOW_E_IO. close is right after each of them, and on zeroed memory.
 */
int journal_witness_open(struct journal_witness *witness, const struct journal_files *files,
                         struct journal_chain *chain, struct vow_error_detail *detail);
void journal_witness_close(struct journal_witness *witness);

/* Makes the file of a new directory, durably, with LSN 0. Returns 0, VOW_E_NO_MEMORY or VOW_E_IO. */
int journal_witness_create(struct journal_witness *witness, struct vow_error_detail *detail);

/* Writes and syncs the next slot. After an error nothing is known about the file: the caller must stop writing. */
int journal_witness_write(struct journal_witness *witness, const struct journal_head *head,
                          struct vow_error_detail *detail);

#endif
