/*
 * Faults inside a real process: its disk, its wall clock. A library is preloaded into it (LD_PRELOAD) and does
 * what a file says that the harness has made (VOW_FAULTS in the environment); so a fault goes on and off while the
 * process runs, and meets its next life, too. Needs no rights, and no build for tests: it works on any program
 * that uses the C library.
 *
 * The disk's faults meet regular files and directories under one root alone; not sockets, pipes, or the log of a
 * process that goes elsewhere. What a process does to files by mmap() alone is not met.
 *
 * Any thread. Nothing blocks.
 */
#ifndef VOW_CHAOS_PRELOAD_FAULTS_H
#define VOW_CHAOS_PRELOAD_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct faults;

enum faults_kind {
#define FAULT(name, text) FAULTS_##name,
#include "chaos/preload/fault.def"
#undef FAULT
    FAULTS_LEN
};

/* "NO_SPACE", and the sentence of fault.def. */
const char *faults_name(enum faults_kind kind);
const char *faults_text(enum faults_kind kind);

/* The library, where it is installed with the running program, or ../lib/vow in a build tree. Returns 0, or
 * VOW_E_NOT_FOUND with the path that was tried. */
int faults_library(char *path, size_t size);
/* The one beside it, for a process whose memory is limited (limits.h): it counts what that met. */
int faults_memory_library(char *path, size_t size);

/* Makes the file, with nothing wrong. The root is there. Returns 0, VOW_E_IO or VOW_E_NO_MEMORY. */
int faults_new(const char *file, const char *root, struct faults **out);
/* Ends what hangs, and all else. The file stays. NULL is allowed. */
void faults_free(struct faults *faults);

/* All zero = a good disk. */
struct faults_disk {
    bool hangs;        /* fsync and fdatasync do not return until this is false again (F119) */
    uint32_t sync_ms;  /* they take so much longer (F118) */
    bool sync_fails;   /* they return EIO, and have done nothing */
    bool write_fails;  /* EIO on a write */
    bool read_fails;   /* EIO on a read */
    bool is_read_only; /* EROFS on whatever would change a file or a name */
    bool has_room;     /* files may grow by no more than `room` bytes; then ENOSPC */
    uint64_t room;
};

void faults_set_disk(struct faults *faults, const struct faults_disk *disk);
/* How much of the room is left. */
uint64_t faults_room(const struct faults *faults);
/* The wall clock shows so much more. Monotonic time stays (F130). */
void faults_set_clock(struct faults *faults, int64_t offset_us);
/* Since the file was made, in all lives of all processes that have it. */
uint64_t faults_hits(const struct faults *faults, enum faults_kind kind);

#endif
