/*
 * One run of a scenario. The harness starts the nodes one after another, then the load; while it runs, the timeline is
 * carried out. When it has ended, what is down or paused is brought back, until nothing is in doubt; then the nodes are
 * ended in their order, and the checks judge what they have left.
 *
 * One thread, one event loop. Members (nodes, the load, commands of checks) are real_node's; what is theirs alone is
 * in struct real_member.
 */
#ifndef VOW_CHAOS_KILL_RUN_H
#define VOW_CHAOS_KILL_RUN_H

#include "chaos/judge/files.h"
#include "chaos/kill/expand.h"
#include "chaos/kill/guard.h"
#include "chaos/kill/node.h"
#include "chaos/kill/port.h"
#include "chaos/kill/record.h"
#include "chaos/kill/scenario.h"
#include "chaos/kill/storm.h"
#include "chaos/netns/netns.h"
#include "chaos/preload/faults.h"
#include "chaos/proxy/proxy.h"

#define REAL_PATH_SIZE 1024
#define REAL_FILE_SIZE 2048 /* of a file below such a path */
#define REAL_INSIDE_VARIABLES 3

/* The verdict, which is the exit status. */
enum { REAL_HELD = 0, REAL_VIOLATED = 1, REAL_BAD = 2, REAL_INVALID = 3 };

struct real_member {
    const struct real_node_plan *plan;
    struct real_node node;
    struct real_port ports[REAL_PORTS_MAX];
    const char *host;          /* of them */
    const struct netns *netns; /* NULL = it lives where the harness does */
    unsigned place;            /* in it */
    char directory[REAL_PATH_SIZE];
    char *argv[REAL_WORDS_MAX + 1];
    const char *variables[2 * (REAL_VARIABLES_MAX + 5 + REAL_INSIDE_VARIABLES) + 1]; /* five are the harness's own */
    const char *files[2 * REAL_FILES_MAX + 1];                                       /* pairs: path, text */
    char *texts[REAL_WORDS_MAX + REAL_VARIABLES_MAX + REAL_FILES_MAX + REAL_INSIDE_VARIABLES + 7]; /* to be freed */
    size_t texts_len;
    bool starts_again; /* when it has ended */
    bool was_late;
    bool is_unstartable;     /* its last start has failed: what follows says nothing of it */
    uint32_t work;           /* of a load: lines that tell of what it needs to have done */
    struct faults *faults;   /* inside of it; NULL = none are planned */
    struct faults_disk disk; /* as it is now */
    uint32_t descriptors;    /* its limits; 0 = none */
    uint64_t memory;
    uint32_t awaited;         /* it is to end by itself with this status, */
    bool is_awaited;          /* of a fault that is inside of it */
    const char *next_point;   /* the crash point of that life */
    uint32_t deaths, readies; /* since the load was started */
    struct real_run *run;     /* of a storm: whose it is, */
    struct real_timer *back;  /* when it comes back, */
    bool comes_back;          /* it is set */
    char *points;             /* what its life is armed with */
};

struct real_link {
    struct real_run *run;
    const struct real_link_plan *plan;
    struct proxy *proxy;     /* one of them: */
    struct netns_link *lane; /* by namespaces */
};

/* A fault of the timeline, as far as it has come. */
struct real_deed {
    const struct real_fault *fault;
    struct real_run *run;
    struct real_timer *timer;
    uint32_t events; /* how often its event has come */
    bool is_armed, is_done, is_hit;
    bool is_early; /* its time came before that of what it is to heal */
    uint64_t done_us;
    int error;                      /* an errno: it could not be done; 0 = the node's state had no place for it */
    bool is_inside[REAL_NODES_MAX]; /* of its nodes, by target: what is counted there is its doing, */
    uint64_t hits[REAL_NODES_MAX];  /* from this count on */
    unsigned ways[REAL_NODES_MAX];  /* of its links, by target: what they do on these ways is this fault's doing */
    bool is_met[REAL_NODES_MAX];    /* and so something has happened */
};

/* judge.c: of = NULL: there is none. */
struct real_judge {
    struct judge *of;
    struct judge_files *files;
    struct real_timer *timer;
    uint64_t calm_us; /* all has been well since */
    uint64_t looks;
    bool is_condemned; /* it has found something, and the run has ended with that */
};

struct real_run {
    const struct real_scenario *scenario;
    struct event_base *base;
    struct real_record record;
    struct real_guard guard;
    struct real_strangers strangers;
    char out[REAL_PATH_SIZE], bin[REAL_PATH_SIZE], here[REAL_PATH_SIZE];
    char libexec[REAL_PATH_SIZE]; /* as installed: what else scenarios need; "" = there is none */
    char points[REAL_PATH_SIZE];  /* programs, and the library, with crash points; "" = there are none */
    char *vars[REAL_VARS_MAX];    /* written out */
    size_t vars_len;
    char seed[16];
    uint32_t seed_number;
    uint64_t zero_us;
    struct real_member members[REAL_NODES_MAX];
    struct real_member loads[REAL_LOADS_MAX];
    struct real_link links[REAL_LINKS_MAX];
    struct netns *netns;     /* NULL = the processes are on the network that the harness was started on */
    struct real_member task; /* a check, or a command of the setup: one at a time */
    struct real_node_plan task_plan;
    char task_name[32];
    bool task_held;
    int task_error; /* an errno: it could not be started */
    struct real_deed deeds[REAL_FAULTS_MAX];
    uint32_t points_armed, points_met;
    struct real_storm *storm; /* NULL = none */
    struct real_timer *strike, *lull;
    bool is_lull; /* nobody has died at a new crash point for so long that it is enough */
    uint64_t luck;
    bool is_quiet;               /* says nothing but what is wrong */
    struct real_member *ending;  /* the node that is being ended after the load, */
    uint32_t ending_lives;       /* and its lives before */
    bool has_begun;              /* every node has served */
    bool is_loading;             /* faults may happen */
    struct real_deed *resetting; /* the one whose reset is being done */
    bool is_interrupted;         /* SIGINT, SIGTERM, SIGHUP, or the judge */
    struct real_judge judge;
    json_t *checks; /* for the verdict */
};

struct real_run_options {
    const char *scenario;
    const char *out; /* NULL = a folder of its own under out/ */
    struct real_sets sets;
    const char *network; /* in place of what the scenario says; NULL = that */
    uint32_t seed;
    bool has_seed;
    bool is_json;             /* the verdict on stdout instead of the timeline */
    bool is_quiet;            /* nothing on stdout but what is wrong */
    struct real_storm *storm; /* while the load works; NULL = none */
};

/* Runs it and returns the exit status. */
int real_run(const struct real_run_options *options);

/* --- Between the files of the run --- */

/* member.c. Each returns 0; or -1 and has said why on stderr. */
int real_member_prepare(struct real_run *run, struct real_member *member, const struct real_node_plan *plan);
int real_member_write_out(struct real_run *run, struct real_member *member);
void real_member_close(struct real_member *member);
/* Starts a life, with a word in the timeline. 0, or an errno: what cannot be started proves nothing. */
int real_member_start(struct real_run *run, struct real_member *member, const char *point);
/* `text` with its variables; `own` may be NULL. The caller frees it. */
char *real_write_out(struct real_run *run, const struct real_member *own, const struct real_text *text);

/* files.c: writes those of its plan into its directory. 0, or an errno. */
int real_member_write_files(const struct real_member *member);

/* task.c: a command that is run to its end, with real_member_close(&run->task) after it. The first: 0; or -1 and has
 * said why on stderr. The second: whether it ended as it is to, before that time; else run->task.node.why says how, and
 * run->task_error is not 0 if it could not be started. */
int real_task_open(struct real_run *run, const struct real_check *task, const char *name);
bool real_task_run(struct real_run *run, uint64_t until_us);
/* The setup: false if one of its commands did not end as it is to. */
bool real_setup(struct real_run *run);

/* program.c. The first finds the folders of Vow's own programs. The second finds one, which is to have crash points or
 * not; NULL, and has said why. The third: is there one behind a first word, as far as can be said before all runs? */
int real_find_folders(struct real_run *run);
char *real_find_program(const struct real_run *run, const struct real_text *said, const char *name, bool has_points);
int real_program_check(const struct real_run *run, const struct real_text *word, bool has_points);

/* watch.c: the watcher of nodes and loads. */
struct real_watcher real_watch(struct real_run *run);

/* link.c. The first: 0; or -1 and has said why on stderr. */
int real_links_open(struct real_run *run);
void real_links_close(struct real_run *run);
void real_links_mend(struct real_run *run);
/* `field` is NAME, NAME.port or NAME.host; NULL = there is none. */
const char *real_link_address(const struct real_run *run, const char *field);
void real_link_act(struct real_run *run, const struct real_fault *fault, uint32_t index);
/* The ways that a fault is about, and how its link counts what it does; PROXY_FAULTS_LEN = it harms nobody. */
unsigned real_link_ways(const struct real_fault *fault);
enum proxy_fault real_link_counts_as(enum real_action action);

/* work.c. The first: a load has written a line. The second, when all have ended. The third, for the verdict. */
void real_work_line(struct real_member *load, const char *line);
void real_work_judge(struct real_run *run);
json_t *real_work_of(const struct real_run *run);

/* inside.c. The first: the variables by which a node has its faults inside; 0, or -1 and has said why on stderr. */
struct real_inside {
    const char *names[REAL_INSIDE_VARIABLES];
    char *values[REAL_INSIDE_VARIABLES];
};
int real_inside_open(const struct real_run *run, struct real_member *member, struct real_inside *inside);
void real_inside_close(struct real_member *member);
/* A life has begun: the limit goes on. */
int real_inside_begin(struct real_member *member);
/* In the process that is about to be a life of it: what must hold from its first moment. As struct real_command has
 * it. */
int real_inside_enter(const void *ctx);
int real_inside_act(struct real_member *member, const struct real_fault *fault); /* as real_act() */
void real_inside_mend(struct real_run *run);
/* How what an action does is counted; FAULTS_LEN = it harms nobody. And how often it was met, in all lives so far. */
enum faults_kind real_inside_counts_as(enum real_action action);
uint64_t real_inside_hits(const struct real_member *member, enum real_action action);

/* act.c: 0; an errno; or that the state of the node has no place for it. */
enum { REAL_UNFIT = -1 };
int real_act(struct real_run *run, const struct real_fault *fault, struct real_member *member);

/* deed.c: the timeline. */
void real_deeds_begin(struct real_run *run);
void real_deeds_event(struct real_run *run, enum real_trigger trigger, uint32_t member, const char *line);
/* A link has done something. */
void real_deeds_link(struct real_run *run, uint32_t link, enum proxy_fault kind, unsigned ways);
/* The load has ended: what has not happened does not any more. Tells which faults were missed. */
void real_deeds_end(struct real_run *run);

/* run.c: the time that nodes are given which are about to end when the load has. */
uint64_t real_ends_within_ms(const struct real_scenario *scenario);

/* check.c */
void real_checks_serving(struct real_run *run);
void real_checks_ended(struct real_run *run);

/* wait.c: lets the loop turn until `is` holds or the time is over. False if it does not hold. */
bool real_wait(struct real_run *run, bool (*is)(struct real_run *run), uint64_t ms);

/* storm.c; each does nothing in a run without a storm. The first two: before members are written out, and after. Then:
 * the load works; has there been enough of it? It is over, and what is down comes back. A node has ended. All have. */
void real_storm_prepare(const struct real_storm *storm, struct real_scenario *scenario);
void real_storm_open(struct real_run *run);
bool real_storm_start(struct real_run *run,
                      struct real_member *member); /* a first life; false = none of its business */
void real_storm_begin(struct real_run *run);
bool real_storm_is_over(const struct real_run *run);
void real_storm_end(struct real_run *run);
void real_storm_ended(struct real_run *run, struct real_member *member, enum real_ending ending);
void real_storm_close(struct real_run *run);

/* judge.c. The first, when the variables are known: 0; or -1 and has said why on stderr. Then: the data of a node are
 * others now. All have ended. For the verdict: how often each law had something to say. */
int real_judge_open(struct real_run *run);
void real_judge_replaced(struct real_run *run, const char *node);
void real_judge_end(struct real_run *run);
json_t *real_judge_of(const struct real_run *run);
void real_judge_close(struct real_run *run);

/* verdict.c: writes verdict.json, prints the end, returns the exit status. */
int real_verdict(struct real_run *run, bool is_json);

#endif
