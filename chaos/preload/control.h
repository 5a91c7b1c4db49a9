/*
 * What the harness and a process under it share: a small file that both have mapped. The harness writes what is to
 * go wrong and the process counts what did. Everything is one atomic word, so neither waits for the other, and
 * whoever dies leaves nothing locked; the file outlives them, so a process that is started again meets the same
 * disk.
 */
#ifndef VOW_CHAOS_PRELOAD_CONTROL_H
#define VOW_CHAOS_PRELOAD_CONTROL_H

#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>

#include "chaos/preload/faults.h"

/* In the environment of the process: the path of the file. */
#define FAULTS_VARIABLE "VOW_FAULTS"
/* Changes with the layout. */
#define FAULTS_MAGIC UINT64_C(0x32307374666c7561)

struct faults_control {
    uint64_t magic;
    char root[PATH_MAX];     /* whose files have the disk's faults */
    _Atomic uint32_t turn;   /* counts changes; who hangs or waits sleeps on it (futex) */
    _Atomic uint32_t is_bad; /* any of the disk's faults is on */
    _Atomic uint32_t hangs, sync_ms, sync_fails, write_fails, read_fails, is_read_only, has_room;
    _Atomic uint64_t room;
    _Atomic int64_t clock_us;
    _Atomic uint64_t hits[FAULTS_LEN];
};

#endif
