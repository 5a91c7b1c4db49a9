/*
 * The test service's own RPC, as a service of a user would have one: a socket beside its file, FILE.sock. A request is
 * a token and a word; the service does what the word says in the token's transaction and answers with its receipt.
 */
#ifndef VOW_TESTS_SYSTEM_RPC_H
#define VOW_TESTS_SYSTEM_RPC_H

#include "kit.h"

struct rpc_reply {
    bool died; /* the service, before it answered */
    int error;
    unsigned ops;
    int cause; /* enum vow_cause */
};

/* In the test. Words: "add" adds 1 to the counter, "double" doubles it, "look", "refuse". */
struct rpc_reply rpc_ask(const struct cluster *cluster, uint32_t i, const char *token, const char *word);

#endif
