/* A peer made of a bare socket, which keeps to the protocol only as far as a test wants it to. */
#ifndef VOW_TEST_NET_RAW_PEER_H
#define VOW_TEST_NET_RAW_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/address.h"
#include "proto/message.h"

struct event_base;

/* Connected at once: the kernel accepts for the listener. */
int raw_connect(const struct vow_address *address);
/* A listening socket and its port; who connects is accepted by raw_accept(). */
int raw_listen(struct vow_address *address);
int raw_accept(struct event_base *base, int listen_fd);

void raw_write(int fd, const void *bytes, size_t len);
/* The frame of a message, for tests that cut or bend it. Returns its length. */
size_t raw_encode(const struct vow_msg *msg, uint8_t *out, size_t out_size);
void raw_send(int fd, const struct vow_msg *msg);
void raw_send_hello(int fd);
void raw_send_welcome(int fd, uint32_t version);

/* Runs the loop until a whole frame has come, and returns its kind; 0 if the connection ended first. The nonce is a
 * PING's or PONG's. */
int raw_receive(struct event_base *base, int fd, uint64_t *nonce);
/* Runs the loop until the other side has closed; throws away what comes before. */
void raw_wait_closed(struct event_base *base, int fd);
/* HELLO sent and WELCOME received. */
int raw_connect_up(struct event_base *base, const struct vow_address *address);

#endif
