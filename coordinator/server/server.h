/*
 * The coordinator's driver: one libevent loop around one core and one journal.
 *
 * The core decides everything. The driver carries events to it and effects from it, and knows nothing of the protocol
 * but three rules of the core's contract (coordinator/core/coord.h): effects in order, LOG_DONE after durability, stop
 * when a log write fails.
 */
#ifndef VOW_COORDINATOR_SERVER_H
#define VOW_COORDINATOR_SERVER_H

#include <stdint.h>

#include "coordinator/server/settings.h"
#include "proto/address.h"
#include "proto/error.h"

struct vow_server;

struct vow_server_options {
    struct vow_settings settings;
    /* Where SIGHUP finds them again; lives as long as the server. NULL = SIGHUP changes nothing. */
    const struct vow_settings_source *source;
    /* A pipe through which connections come as descriptors (one int each), for a server inside a test's process: it
     * listens nowhere, takes no signal, and ends at once when the pipe does. NULL = a daemon. The pipe stays the
     * caller's. */
    const int *feed;
    const char *trace; /* the file of the trace (docs/trace.md); NULL = none */
};

/* Why vow_server_run() ended. */
enum vow_server_end {
    VOW_SERVER_DRAINED = 0,   /* nothing is left to do */
    VOW_SERVER_LEFT_OPEN = 1, /* decided transactions wait for their participants; the next start goes on with them */
    VOW_SERVER_FAILED = 2,    /* the journal cannot be written: what is durable is read at the next start */
};

/* The status of a process that ends at once, as after a SIGKILL, for want of memory for a record of the journal (F142):
 * what its core has decided it could not write down. */
#define VOW_SERVER_EXIT_FAILED 4

/*
 * Locks and opens the data directory, takes the epoch, recovers, listens. On 0 the server is ready to run. On an error
 * nothing is left open and *detail says what was found and what to do.
 */
int vow_server_open(const struct vow_server_options *options, struct vow_server **out, struct vow_error_detail *detail);

/* What the ready line says. Strings live as long as the server. */
struct vow_server_facts {
    const char *name;
    const char *directory;
    uint32_t epoch;
    uint32_t recovered; /* transactions read back that are not acknowledged by all */
    struct vow_address listen, http;
};
void vow_server_facts(const struct vow_server *server, struct vow_server_facts *facts);

/* Serves until SIGTERM or SIGINT; drains; a second signal ends at once. SIGHUP loads the settings again. */
enum vow_server_end vow_server_run(struct vow_server *server);

/* Closes connections and journal. NULL is allowed. */
void vow_server_free(struct vow_server *server);

#endif
