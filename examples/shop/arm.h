/*
 * What a saga of the shop does against the anomalies that it lets in: no saga is isolated, so one may read what another
 * is about to undo, and write over what it has not read. One run of the shop has one of these (docs/shop.md).
 */
#ifndef SHOP_ARM_H
#define SHOP_ARM_H

enum shop_arm {
    SHOP_ARM_UNSET = 0,        /* nothing is measured: the handlers as two-phase commit has them */
    SHOP_ARM_NONE,             /* reads in one step, writes in another what it has made of it, restores what was */
    SHOP_ARM_SEMANTIC_LOCK,    /* the row says whose it is until the saga has ended */
    SHOP_ARM_COMMUTATIVE,      /* adds and subtracts, instead of writing what was read */
    SHOP_ARM_PESSIMISTIC_VIEW, /* takes goods last, in a step that is not undone any more */
    SHOP_ARM_REREAD,           /* reads again before it writes, and gives up if the row has changed */
    SHOP_ARM_VERSION_FILE,     /* keeps the changes of a row, and makes the row of them anew with each */
    SHOP_ARM_BY_VALUE,         /* dear orders are transactions, cheap ones sagas */
    SHOP_ARMS
};

/* "none", "semantic-lock", ...; the empty word for SHOP_ARM_UNSET. */
const char *shop_arm_name(enum shop_arm arm);
/* Returns 0, or -1 if no arm has that name. */
int shop_arm_parse(const char *name, enum shop_arm *arm);

#endif
