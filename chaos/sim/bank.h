/*
 * The services' work: accounts whose sum over all participants stays the same, lists that only grow, sets. Plain SQL in
 * handlers, as a user of the library writes it; what it reads and writes is shown (WORKED), for the checkers.
 */
#ifndef VOW_CHAOS_SIM_BANK_H
#define VOW_CHAOS_SIM_BANK_H

#include "chaos/sim/world.h"

struct sqlite3;
struct sqlite3_stmt;

/* What an account begins with. */
#define SIM_BALANCE 100

/* One thing to do at one participant. */
struct sim_leg {
    uint8_t participant; /* node */
    enum sim_change_kind kind;
    enum sim_table table;
    uint64_t key;
    int64_t amount; /* ADD: what is added; APPEND: the value */
    bool is_first;  /* of the transaction's calls at this participant */
};

enum sim_bank_statement {
    SIM_BANK_READ,
    SIM_BANK_HOLD,
    SIM_BANK_ADD,
    SIM_BANK_READ_LIST,
    SIM_BANK_HOLD_LIST,
    SIM_BANK_APPEND,
    SIM_BANK_INSERT,
    SIM_BANK_STATEMENTS
};

/* What a participant's service has open in one life. */
struct sim_bank {
    struct sqlite3_stmt *statements[SIM_BANK_STATEMENTS];
};

/* The schema and the first rows of a participant: options.schema of libvow. */
extern const char sim_bank_schema[];
/* The first rows, at a database whose schema was just made. */
int sim_bank_fill(struct sqlite3 *db, uint32_t accounts);
/* Shows the first rows. */
void sim_bank_show(struct sim_world *world, const struct sim_node *node);

/* A leg as the payload of a call of the handler "work", and back. */
#define SIM_LEG_BYTES 20
void sim_leg_encode(const struct sim_leg *leg, uint8_t bytes[SIM_LEG_BYTES]);
bool sim_leg_decode(const uint8_t *bytes, size_t len, struct sim_leg *leg);

/* A handler's run: as vow_sqlite_call_fn. */
int sim_bank_work(struct sim_world *world, const struct sim_node *node, struct sim_bank *bank,
                  const struct vow_gtrid *gtrid, struct sqlite3 *db, const struct sim_leg *leg, enum vow_cause *cause,
                  char text[VOW_TEXT_SIZE]);
void sim_bank_close(struct sim_bank *bank);

#endif
