/*
 * A broker in memory, beside the embedded one: what coordinator/server/broker.h says, and no more, with no journal. Its
 * disk is a test's word: what it was given is durable when the test says so, and a restart forgets the rest. It knows
 * one pattern of a subscription, and no operator's REMOVE or SEEK.
 */
#ifndef VOW_TESTS_MEMORY_BROKER_H
#define VOW_TESTS_MEMORY_BROKER_H

#include "coordinator/server/broker.h"

/* events_max: that some group has not done; beyond, PUBLISH is BUSY. */
struct broker *memory_broker_new(uint32_t events_max, const struct broker_host *host, void *host_ctx);
/* All that is on its way is durable. */
void memory_broker_sync(struct broker *broker);
/* As after a crash: what was not durable is gone, and all connections. */
void memory_broker_crash(struct broker *broker);

#endif
