/* The test service's own RPC (rpc.h), in its process. */
#ifndef VOW_TESTS_SYSTEM_SERVICE_RPC_H
#define VOW_TESTS_SYSTEM_SERVICE_RPC_H

#include <vow/vow.h>

/* Starts the thread that serves FILE.sock, to the end of the process. Returns 0 or -1. */
int service_rpc_start(struct vow_participant *participant, const char *file);

#endif
