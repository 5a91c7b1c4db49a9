/*
 * The token that services pass to one another with a transaction: the gtrid, its deadline, where its coordinator
 * listens, and a W3C traceparent. One word without spaces: "vow1.GTRID.DEADLINE.ADDRESSES.TRACEPARENT"; safe in an HTTP
 * header.
 */
#ifndef VOW_PROTO_TOKEN_H
#define VOW_PROTO_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/gtrid.h"

#define VOW_TOKEN_SIZE 512
#define VOW_TOKEN_ADDRESSES_SIZE 256
#define VOW_TRACEPARENT_LEN 55
#define VOW_TOKEN_DEADLINE_END UINT64_C(1000000000000000)

struct vow_token {
    struct vow_gtrid gtrid;
    uint64_t deadline_ms;                      /* milliseconds since 1970, under VOW_TOKEN_DEADLINE_END; 0 = none */
    char addresses[VOW_TOKEN_ADDRESSES_SIZE];  /* HOST:PORT, several joined by ',' */
    char traceparent[VOW_TRACEPARENT_LEN + 1]; /* "" = none */
};

/* Returns 0, or VOW_E_TOKEN if a part has a character or a length that is not allowed. */
int vow_token_print(const struct vow_token *token, char text[VOW_TOKEN_SIZE]);
/* Returns 0, or VOW_E_TOKEN; then *token is undefined. Reads at most len characters. */
int vow_token_parse(const char *text, size_t len, struct vow_token *token);

#endif
