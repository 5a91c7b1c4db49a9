/* Between the files of the judge. */
#ifndef VOW_CHAOS_JUDGE_PRIVATE_H
#define VOW_CHAOS_JUDGE_PRIVATE_H

#include <stddef.h>
#include <uthash.h>
#include <utlist.h>

#include "chaos/judge/judge.h"

#define JUDGE_ID_SIZE 64

/* What a line says of a transaction or a saga. */
struct judge_fact {
    enum measure_what what; /* MEASURE_NOTHING: a client was told */
    enum measure_outcome outcome;
    enum measure_state state;
    uint64_t t_us;
    uint32_t place; /* the process and the life of its data: what two of one place say is of one branch */
    uint32_t step;
    bool is_compensation, is_refused, was_found, is_by_hand;
    struct judge_line at;
    uint64_t row; /* of an access: which, */
    int64_t version;
};

struct judge_story {
    char id[JUDGE_ID_SIZE];
    struct judge_fact *facts;
    size_t len, size;
    struct judge_story *prev, *next; /* the one that was told of longest ago is first */
    UT_hash_handle hh;
};

/* A row that a branch has for itself. */
struct judge_row {
    char *name; /* the number of its file, a blank, its key */
    char id[JUDGE_ID_SIZE];
    struct judge_line at;
    UT_hash_handle hh;
};

/* An event that a group has handled. */
struct judge_mark {
    char *name;
    struct judge_line at;
    struct judge_mark *prev, *next;
    UT_hash_handle hh;
};

struct judge_acked;

struct judge_marks {
    struct judge_mark *by_name, *oldest;
    size_t len;
};

struct judge_source {
    char *name, *node, *process; /* process: of its lives; NULL = it has not begun one */
    uint32_t place;              /* the number of a file of this process: its lives may have one each */
    uint64_t life_us;            /* when the newest life in this file began */
    enum judge_kind kind;
    uint32_t lines, life_line;
    uint32_t suspect; /* a line that a death may have cut; 0 = none */
    char why[MEASURE_ERROR_SIZE];
    bool is_closed;             /* it cannot be read, or several processes write it */
    char ending[JUDGE_ID_SIZE]; /* the branch whose rows are being freed */
    size_t ending_rows;
    struct judge_line ending_at;
    uint64_t letters; /* so many dead ones there were last */
    struct judge_line letters_at;
};

struct judge_replacement {
    char *node;
    uint64_t t_us;
};

struct judge {
    bool is_isolated, is_broken;
    struct measure_names *names; /* of the line at hand */
    struct judge_source *sources;
    size_t sources_len, sources_size;
    struct judge_story *by_id, *oldest;
    struct judge_row *rows;
    struct judge_marks handled;
    struct judge_acked *acked;
    struct judge_replacement *replacements;
    size_t replacements_len;
    uint64_t lines;
    uint64_t met[JUDGE_LAWS];
    struct judge_violation violation;
};

/* A line as it is judged. */
struct judge_look {
    struct judge *judge;
    struct judge_source *source;
    struct judge_line at;
    uint32_t place;
    const struct measure_record *record;
    const char *id, *key, *other; /* of the record */
};

/* judge.c: the first stays. `before` may be NULL. */
void judge_break(struct judge *judge, enum judge_law law, const struct judge_line *before, const struct judge_line *at,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

/* facts.c: one more; what it says is held against all that was said of the same id. */
void judge_fact(struct judge *judge, const char *id, const struct judge_fact *fact);
void judge_facts_free(struct judge *judge);

/* clash.c: which law two facts of one story break; `later` came after the other, or is of another file. */
enum judge_law judge_clash(struct judge *judge, const struct judge_story *story, const struct judge_fact *a,
                           const struct judge_fact *b);

/* acked.c: the last fact of a story, which may make an acknowledged version of a write, or a read one. */
uint64_t judge_row_number(uint32_t place, const char *key);
void judge_acked_fact(struct judge *judge, const struct judge_story *story, const struct judge_fact *fact);
void judge_acked_free(struct judge *judge);

/* rows.c */
void judge_row_line(const struct judge_look *look);
void judge_rows_end(struct judge *judge, struct judge_source *source);
void judge_rows_forget(struct judge *judge, uint32_t source);

/* events.c: what was handled, dead letters, audits. */
void judge_event_line(const struct judge_look *look);
void judge_events_free(struct judge *judge);

#endif
