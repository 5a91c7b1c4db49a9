/*
 * The judge of a run of real processes: reads the lines of their traces and of the histories of their clients as they
 * are written, and knows the first line that breaks a law (law.def) together with one that came before. It asks for
 * nothing but the lines of one file in their order: how those of several files come among one another is all the same.
 * So it says the same of a run while that goes on and of its archive afterwards.
 *
 * It keeps what was said of the last JUDGE_STORIES_MAX transactions and sagas, and of rows that are locked, and no
 * more. Pure, but for memory.
 */
#ifndef VOW_CHAOS_JUDGE_JUDGE_H
#define VOW_CHAOS_JUDGE_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "chaos/measure/read.h"

#define JUDGE_STORIES_MAX 32768u
#define JUDGE_FACTS_MAX 96u     /* of one of them */
#define JUDGE_EVENTS_MAX 65536u /* that were handled last */

enum judge_law {
    JUDGE_NO_LAW = 0,
#define LAW(name, word, invariant, reads, text) JUDGE_##name,
#include "chaos/judge/law.def"
#undef LAW
    JUDGE_LAWS
};

const char *judge_law_word(enum judge_law law);
const char *judge_law_invariant(enum judge_law law);
const char *judge_law_text(enum judge_law law);

/* What kind of lines a file has. */
enum judge_kind {
    JUDGE_TRACE,  /* and of an auditor */
    JUDGE_HISTORY /* of a load */
};

/* A line of a file. */
struct judge_line {
    uint32_t source;
    uint32_t number; /* from 1; 0 = none */
};

struct judge_violation {
    enum judge_law law;
    struct judge_line lines[2]; /* the one that was there, if it takes two, and the one that breaks the law */
    char text[256];             /* of what, and what they say */
};

struct judge;

/* is_isolated: a sum over all accounts is constant. */
struct judge *judge_new(bool is_isolated);
void judge_free(struct judge *judge);
/* A file of a node, in the order of their coming, from 0. */
uint32_t judge_source(struct judge *judge, const char *name, const char *node, enum judge_kind kind);
const char *judge_source_name(const struct judge *judge, uint32_t source);

/* The next line of it, without its end. False: it cannot be read, and *why says so; the file is not read any more. One
 * that a death has cut short is none. After a violation nothing more is judged. */
bool judge_take(struct judge *judge, uint32_t source, const char *line, char why[MEASURE_ERROR_SIZE]);
/* The data of a node are others from then on: an old copy, or none. What it did before binds it no more. */
void judge_replaced(struct judge *judge, const char *node, uint64_t t_us);
/* Since then all nodes serve and no fault lasts. */
void judge_calm(struct judge *judge, uint64_t since_us, uint64_t now_us, uint64_t bound_us);
/* No line comes any more. */
void judge_end(struct judge *judge);

/* The first; NULL = none yet. */
const struct judge_violation *judge_violation(const struct judge *judge);
/* How often there was something that the law is about. */
uint64_t judge_met(const struct judge *judge, enum judge_law law);
uint64_t judge_lines(const struct judge *judge);
/* Of transactions and sagas, now. */
uint32_t judge_stories(const struct judge *judge);

#endif
