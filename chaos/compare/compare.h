/*
 * The same orders, at the same times, under the same faults, placed in several ways: what does each cost? Each run is
 * one of vow-chaos run, in a process of its own; its archive is measured, and held to the sanity laws.
 */
#ifndef VOW_CHAOS_COMPARE_COMPARE_H
#define VOW_CHAOS_COMPARE_COMPARE_H

#include <jansson.h>

#include "chaos/compare/arms.h"
#include "chaos/kill/scenario.h"

#define COMPARE_PATH_SIZE 2048
#define COMPARE_RUNS_MAX 1000

struct compare_options {
    const char *scenario;
    const char *out;          /* NULL = a folder of its own under out/ */
    const char *redraw;       /* a folder whose results are there: only its report is written anew */
    struct compare_arms arms; /* none = those that the scenario is for */
    struct real_sets sets;    /* further variables of the scenario, the same for all */
    uint32_t runs, seed;
    const char *command; /* what repeats it */
};

/* One run of one arm. */
struct compare_run {
    enum compare_arm_name arm;
    uint32_t number; /* from 1, within its arm */
    uint32_t seed;
    char name[64];                     /* of its archive, below runs/ */
    char directory[COMPARE_PATH_SIZE]; /* that archive */
    json_t *why;                       /* texts: why it is not valid; empty = it is */
    char verdict[16];
    bool is_violated, is_measured;
    struct measure_value values[MEASURE_METRICS];
    struct measure_finding findings[MEASURE_LAWS];
    json_t *curves; /* NULL = none */
};

struct compare {
    const struct compare_options *options;
    const struct real_scenario *scenario;
    char out[COMPARE_PATH_SIZE];
    uint32_t keys;            /* rows that there are: ${keys} of the scenario; 0 = it does not say */
    uint32_t asked_ms;        /* within which whoever asks its peers is told: ${asked}; 0 = it does not say */
    struct compare_run *runs; /* options.arms.len times options.runs, by arm */
    size_t runs_len;
    uint64_t took_us;
};

bool compare_is_valid(const struct compare_run *run);

/* run.c: starts the run, waits for it and measures it. Returns false if somebody has ended the comparison meanwhile. */
bool compare_run_one(const struct compare *compare, struct compare_run *run);
/* The same of an archive that is there. */
void compare_measure(const struct compare *compare, struct compare_run *run);

/* curves.c: what pictures are made of. */
json_t *compare_curves(const struct measure_run *run, const struct measure_spans *spans);

/* results.c: all that is known, as JSON. A pure function of the runs. */
json_t *compare_results(const struct compare *compare);

/* files.c. Each returns 0; or -1 and has said why on stderr. */
int compare_write_json(const char *directory, const json_t *results);
int compare_write_csv(const char *directory, const json_t *results);

/* compare.c: the arms of a comparison that was told none. Returns 0; or -1 and has said why on stderr. */
int compare_choose_arms(const struct real_scenario *scenario, struct compare_options *options);
/* compare.c: does it all. Returns the exit status; it is as that of a run (chaos/kill/run.h), of the worst of them. */
int compare_all(const struct compare_options *options);
/* Writes report.html of a folder anew, from its results.json. */
int compare_redraw(const char *directory);

/* command.c */
int compare_command(int argc, char **argv);

#endif
