/* What all participants of a small world have in common, and what messages point to: texts that never change. */
#ifndef VOW_CHAOS_SIM_SMALL_PEERS_H
#define VOW_CHAOS_SIM_SMALL_PEERS_H

#include "proto/message.h"

#define SMALL_COORD UINT64_C(7)
#define SMALL_CLIENT_SESSION 1 /* the client's first connection; its second is the next number */
#define SMALL_PEER_SESSION 10  /* and one for each participant */

const char *small_peer_name(uint32_t peer);
/* The shipped work: a call for each participant, in their order. */
const struct vow_msg_call *small_calls(void);

#endif
