/* The parts of the world, for its own files. */
#ifndef VOW_TESTS_PARTICIPANT_WORLD_INSIDE_H
#define VOW_TESTS_PARTICIPANT_WORLD_INSIDE_H

#include "fixture.h"
#include "world.h"

#define TXNS 10
#define FLIGHTS_MAX 128
#define OPS_MAX 64

/* What the store holds of a transaction. */
enum held { HELD_NONE = 0, HELD_ACTIVE, HELD_PREPARED, HELD_TOMBSTONE, HELD_MEMO };

/* Where the coordinator is with it: NEW, then one of the middle ones, then GONE. */
enum phase { PHASE_NEW = 0, PHASE_ACTIVE, PHASE_PREPARING, PHASE_COMMITTING, PHASE_DELEGATED, PHASE_GONE };

enum told { TOLD_NOTHING = 0, TOLD_COMMITTED, TOLD_ABORTED };

struct txn {
    struct vow_gtrid gtrid;
    bool one_phase;
    bool joined; /* its work is joined */
    /* The service's and the client's. */
    bool joining;     /* a join is under way */
    uint32_t counted; /* receipts that reached the client */
    /* The coordinator's. */
    bool enlisted;
    enum phase phase;
    bool committed; /* the COMMIT record is durable, and this participant is bound by it */
    bool commits;   /* the transaction as a whole: this participant may have voted READ_ONLY */
    bool prepare_sent;
    bool peer_aborted; /* a peer was told that it is aborted, and has believed it */
    bool others_agree;
    uint64_t incarnation; /* PREPARE went to this one */
    uint32_t attempt;
    enum told told; /* one-phase: what the client heard */
    /* The store's. */
    enum held held;
    bool abort_is_lazy; /* dropped, but a crash may bring it back */
    uint32_t ops;       /* of joined work */
    int applied;
    bool ran_read_only;
    /* The network's. */
    bool abort_arrived;
};

struct flight {
    bool to_participant;
    bool is_of_peer; /* to or from another participant, else the coordinator */
    struct vow_msg msg;
};

struct op {
    enum vow_store_op_kind kind;
    int txn; /* -1: WATERMARK */
    uint32_t epoch;
    uint64_t coord;
    struct vow_watermark watermark;
    bool is_done;
    enum vow_store_result result;
};

struct world {
    uint64_t random;
    bool is_calm; /* no more faults */
    bool connected;
    struct fixture f;
    struct txn txns[TXNS];
    int begun;
    struct flight flights[FLIGHTS_MAX];
    int flights_len;
    struct op ops[OPS_MAX];
    int ops_len;
    /* The coordinator. */
    uint32_t epoch;
    uint64_t seq;
    uint64_t peer_incarnation; /* what the participant said in the handshake */
    /* The store's identity. */
    struct vow_branches_identity durable;
    uint64_t edge_hits[VOW_BRANCH_EDGES];
    const char *violation; /* the first one */
};

uint64_t world_draw(struct world *w, uint64_t below);
bool world_chance(struct world *w, unsigned percent);
/* A check: notes the first one that does not hold. */
void world_check(struct world *w, bool holds, const char *what);
struct txn *world_txn(struct world *w, const struct vow_gtrid *gtrid);
/* Carries out what the core's last step wants. */
void world_carry_out(struct world *w);
void world_put(struct world *w, bool to_participant, const struct vow_msg *msg);

/* world_coord.c */
void coord_begin(struct world *w);
void coord_receive(struct world *w, const struct vow_msg *msg);
/* Something that the coordinator does of itself: a timeout, a resend, a query. */
/* It may have said ABORT of a COMMIT that all have acknowledged. */
bool coord_has_denied(struct world *w, const struct vow_gtrid *gtrid);
void coord_nudge(struct world *w, struct txn *txn);
void coord_crash(struct world *w);
struct vow_watermark coord_watermark(const struct world *w);
bool coord_is_finished(const struct world *w);

/* world_peer.c */
void peers_hear_question(struct world *w, const struct vow_branches_effect *effect);
void peers_hear_answer(struct world *w, const struct vow_branches_effect *effect);
void peers_ask(struct world *w, const struct txn *txn);
void peers_receive(struct world *w, const struct flight *flight);

/* world_service.c */
void service_join(struct world *w, struct txn *txn);
void service_hear(struct world *w, const struct vow_branches_effect *effect);

/* world_store.c */
void store_submit(struct world *w, const struct vow_branches_effect *effect);
void store_work(struct world *w, struct op *op);
void store_crash(struct world *w);

#endif
