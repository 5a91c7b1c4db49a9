/* Two banks, a client and a coordinator in one process, for the tests of <vow/testing.h>. */
#ifndef VOW_TEST_TESTING_TOWN_H
#define VOW_TEST_TESTING_TOWN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <vow/testing.h>
#include <vow/vow.h>

enum { NORTH, SOUTH, BANKS };

struct town {
    char directory[64];
    bool by_hand; /* the clock is moved by hand */
    enum vow_loop_kind loop;
    struct event_base *base;
    bool asks_peers;              /* banks listen for each other */
    bool is_alone;                /* a bank that is opened is not waited for: there is no coordinator */
    uint32_t decision_timeout_ms; /* of banks that are opened from now on; 0 = the library's own */
    struct vow_test_network *network;
    struct vow_participant *banks[BANKS];
    struct vow_client *client;
};

/* All of it, connected. timeout_ms: the client's. */
void town_open(struct town *town, bool by_hand, uint32_t timeout_ms);
/* The same with everybody on this loop, and not yet connected: the caller runs it. */
void town_open_on(struct town *town, bool by_hand, enum vow_loop_kind loop, struct event_base *base);
/* The same by a clock that is moved by hand, with banks that can ask each other. */
void town_open_of_peers(struct town *town, enum vow_loop_kind loop, struct event_base *base);
void town_close(struct town *town);
void town_open_bank(struct town *town, int bank);
void town_close_bank(struct town *town, int bank);
/* What is in the account now, for everybody to see. */
int town_money(const struct town *town, int bank);
/* One number from its file. */
int town_number(const struct town *town, int bank, const char *sql);
struct vow_participant_stats town_stats(const struct town *town, int bank);

/* Where the result of an asynchronous transfer goes. */
struct transfer {
    atomic_bool done;
    struct vow_result result;
};
/* Does the calls by a clock that is moved by hand, until nothing happens any more. */
struct vow_result town_commit_by_hand(struct town *town, const struct vow_call *work, size_t len);
/* Moves 30 from north to south. */
void town_transfer(struct town *town, struct transfer *transfer);
/* The same by a clock that is moved by hand, until nothing happens any more. */
struct vow_result town_transfer_by_hand(struct town *town);
/* The same, and waits. */
struct vow_result town_transfer_now(struct town *town);

#endif
