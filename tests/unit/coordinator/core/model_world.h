/* The insides of the random world, shared by the model_*.c files. */
#ifndef VOW_TEST_MODEL_WORLD_H
#define VOW_TEST_MODEL_WORLD_H

#include "fixture.h"
#include "model.h"

#define PARTS 4
#define TXNS 12
#define NET_MAX 256
#define LOG_MAX 512
#define STEPS 220
#define CLIENT 500 /* sessions of clients: CLIENT + transaction */

enum part_state { UNKNOWN, PREPARED, COMMITTED, ABORTED, READ_ONLY, MEMO };

struct part {
    char name[8];
    uint64_t session, incarnation;
    enum part_state state[TXNS]; /* PREPARED, COMMITTED and MEMO are durable */
    struct vow_msg_header header[TXNS];
};

struct world_txn {
    struct vow_gtrid id;
    bool begun, one_phase, commit_durable, one_phase_committed, told_committed, told_aborted, told_read_only;
    uint32_t parts_len;
    unsigned voters, read_only, yes_list; /* masks of participants: that voted YES, READ_ONLY; in the COMMIT record */
    uint32_t parts[PARTS];
};

struct packet {
    bool to_coord;
    uint32_t part;
    uint64_t session;
    uint64_t order;
    struct vow_msg msg;
};

struct journal_entry {
    bool lookup, durable;
    uint64_t token, session;
    struct vow_coord_question question;
    struct vow_record record;
    struct vow_record_branch branches[PARTS];
};

struct model {
    struct fixture f;
    struct vow_coord_limits limits;
    uint64_t random, order;
    struct part parts[PARTS];
    struct world_txn txns[TXNS];
    uint32_t txns_len;
    struct packet net[NET_MAX];
    size_t net_len;
    struct journal_entry log[LOG_MAX];
    size_t log_len, flushed;
    bool healed;
    struct model_totals *totals;
    bool broken; /* a rule; `why` says which, the first counts */
    char *why;
    size_t why_size;
};

/* Notes that a rule is broken; the first one counts. */
__attribute__((format(printf, 2, 3))) void model_broke(struct model *m, const char *format, ...);
uint64_t model_draw(struct model *m, uint64_t below);
bool model_chance(struct model *m, uint32_t percent);
/* The transaction's place in m->txns. */
uint32_t model_txn_of(const struct model *m, const struct vow_gtrid *id);

/* The rules: model_rules.c. */
void model_check_decision(struct model *m, const struct vow_msg *msg, uint32_t part);
void model_check_outcome(struct model *m, const struct vow_msg_outcome *outcome);
/* A COMMIT record has become durable. */
void model_check_commit(struct model *m, const struct journal_entry *entry);

/* The network and the journal: model_journal.c. */
void model_post(struct model *m, bool to_coord, uint32_t part, const struct vow_msg *msg);
/* Carries out the effects of the last step. */
void model_take_effects(struct model *m);
/* One group commit: a prefix of what was submitted becomes durable, then the answers are fed. */
void model_flush(struct model *m, size_t count);
void model_lose_unflushed(struct model *m);
bool model_has_ended(const struct model *m, const struct vow_gtrid *id);

/* The participants: model_part.c. */
void model_part_take(struct model *m, const struct packet *packet);
void model_part_connect(struct model *m, uint32_t p);
void model_part_drop(struct model *m, uint32_t p);
void model_part_restart(struct model *m, uint32_t p);
/* Asks for the decision on what is prepared. */
void model_part_inquire(struct model *m, uint32_t p);

#endif
