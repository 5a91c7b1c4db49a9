/* The ways in which the same orders can be placed, and which of them are compared. */
#ifndef VOW_CHAOS_COMPARE_ARMS_H
#define VOW_CHAOS_COMPARE_ARMS_H

#include "chaos/measure/laws.h"

enum compare_arm_name {
#define ARM(name, word, protocol, countermeasure, peers, record, kind, text) COMPARE_##name,
#include "chaos/compare/arm.def"
#undef ARM
    COMPARE_ARMS
};

struct compare_arm {
    const char *word, *protocol, *countermeasure, *peers, *record, *text;
    struct measure_kind kind;
};

const struct compare_arm *compare_arm(enum compare_arm_name name);

struct compare_arms {
    enum compare_arm_name of[COMPARE_ARMS];
    size_t len;
};

struct compare_arms compare_arms_all(void);
/* Returns 0; or -1 if there is no such arm, or it is among them. */
int compare_arms_add(struct compare_arms *arms, const char *word);
/* "2pc,saga". Returns 0; or -1, and `wrong` is the word that there is not, or that is there twice. */
int compare_arms_parse(const char *list, struct compare_arms *arms, char wrong[64]);

#endif
