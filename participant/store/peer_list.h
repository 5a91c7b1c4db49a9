/*
 * The participants of a transaction as one text, a line for each: NAME INCARNATION ADDRESS. It lies with the prepared
 * branch, so that a participant in doubt can ask its peers after a restart, too (protocol 2.6). Losing it, or a line of
 * it, costs a question and no more: what cannot be read is passed over.
 */
#ifndef VOW_PARTICIPANT_STORE_PEER_LIST_H
#define VOW_PARTICIPANT_STORE_PEER_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/address.h"
#include "proto/message.h"

struct peer_named {
    char name[VOW_NAME_SIZE];
    uint64_t incarnation; /* as enlisted */
    char address[VOW_ADDRESS_SIZE];
};

/* The peers but `self`, and but those that answer nowhere; malloc()ed, NULL if there is none or no memory. */
char *peer_list_write(const struct vow_msg_peer *peers, uint32_t len, const char *self);
/* Takes the next peer off the text; false after the last. *at begins as the text, which may be NULL. */
bool peer_list_next(const char **at, struct peer_named *peer);
bool peer_list_find(const char *list, const char *name, struct peer_named *peer);

#endif
