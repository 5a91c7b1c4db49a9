/*
 * What a scenario says: the processes, what they work on, what happens to them when, and what must hold afterwards.
 * docs/chaos.md is the manual of the file; its keys are the tables of scenario_keys.c. Reads and checks; runs nothing.
 */
#ifndef VOW_CHAOS_KILL_SCENARIO_H
#define VOW_CHAOS_KILL_SCENARIO_H

#include "chaos/kill/yaml.h"

#define REAL_NODES_MAX 32
#define REAL_WORDS_MAX 64
#define REAL_PORTS_MAX 8
#define REAL_VARIABLES_MAX 8
#define REAL_FAULTS_MAX 256
#define REAL_CHECKS_MAX 32
#define REAL_LINKS_MAX 32
#define REAL_VARS_MAX 32
#define REAL_FILES_MAX 8
#define REAL_LOADS_MAX 8
#define REAL_SETUP_MAX 16

/* The index that stands for the first load among the nodes; the others follow. */
#define REAL_LOAD REAL_NODES_MAX
#define REAL_NOBODY (REAL_LOAD + REAL_LOADS_MAX)

struct real_words {
    struct real_text of[REAL_WORDS_MAX];
    size_t len;
};

/* How a process tells that it is ready: at most one of them; none = as soon as it runs. */
struct real_readiness {
    struct real_text line; /* a line of its stdout or stderr has this text in it */
    struct real_text file; /* this file, by its path from the node's directory, is there and has something in it */
    struct real_text http; /* HOST:PORT/PATH answers with 200 */
};

/* What a load has to have done: so many lines with a text, of a file in its directory or of what it writes. */
struct real_needs {
    struct real_text text, file; /* no text = nothing is asked for; no file = its output */
    uint32_t times;
};

struct real_variable {
    struct real_text name, value;
    bool is_set; /* by --set, so as it is: nothing of it is written out */
};

/* What --set says: "NAME=VALUE", each. */
struct real_sets {
    const char *of[REAL_VARS_MAX];
    size_t len;
};

/* A process that is started again and again: node, or a load, which ends by itself. */
struct real_node_plan {
    struct real_text name;
    struct real_place place;
    struct real_words command;
    struct real_words ports;     /* names; each is an address that is the node's own: ${NODE.PORT} */
    struct real_words databases; /* SQLite files of libvow, by their paths from the node's directory */
    struct real_variable variables[REAL_VARIABLES_MAX + 1]; /* up to one without a name */
    struct real_variable files[REAL_FILES_MAX + 1];         /* paths in its directory, and what is in them */
    struct real_readiness ready;
    struct real_needs needs;   /* of a load */
    struct real_text crash_at; /* VOW_CRASH_AT of its first life */
    bool has_inside;           /* a fault is inside of it */
    bool has_little;           /* of its memory */
    bool has_points;           /* a life of it is to end at a crash point */
    uint64_t ready_ms;         /* within which it gets ready */
    uint64_t end_ms;           /* within which it ends after SIGTERM */
    uint32_t exit_status;      /* with which it ends when it is told to */
};

/* A way from a node to an address, which can be cut: ${link.NAME} stands for it. */
struct real_link_plan {
    struct real_text name, to;
    /* By namespaces: where it leads, a node and one of its ports; and who takes it, a bit for each place. */
    uint32_t node, port;
    uint64_t users;
};

enum real_action {
#define ACTION(name, key, harm, target, text) REAL_##name,
#include "chaos/kill/action.def"
#undef ACTION
    REAL_ACTIONS
};

enum real_trigger {
    REAL_AT,    /* so long after the load was started */
    REAL_THEN,  /* so long after the fault before was done */
    REAL_DIED,  /* a node ended, by a crash point or a signal of the harness */
    REAL_READY, /* a node got ready, after the load was started */
    REAL_SAYS,  /* a node wrote a line with a text in it, after the load was started */
};

/* One line of the timeline. */
struct real_fault {
    struct real_place place;
    enum real_action action;
    bool is_said; /* the action was named */
    struct real_words targets_said;
    uint32_t targets[REAL_NODES_MAX]; /* of nodes or of links, as the action is */
    size_t targets_len;
    enum real_trigger trigger;
    struct real_text of; /* the node of REAL_DIED, REAL_READY and REAL_SAYS, */
    uint32_t of_node;    /* and its index */
    struct real_text text;
    uint32_t times;    /* the event counts when it comes for this time */
    uint64_t delay_ms; /* REAL_AT: the time; else after the event */
    bool has_at, has_on, has_after;
    struct real_text crash_at; /* of REAL_START: VOW_CRASH_AT of that life */
    /* Of actions on links: */
    struct real_text way; /* forth, back or both; NULL = both */
    uint64_t by_ms, jitter_ms, up_ms, down_ms;
    uint32_t bytes_per_second, bytes;
    uint64_t every_ms;
    /* Of actions inside of nodes, with by_ms: */
    uint32_t room, most;
    struct real_text ends_with_said; /* a number: the node ends of it by itself, with this status; */
    uint32_t ends_with;              /* and that must be */
};

/* A command whose exit status decides: a check, or of the setup, which has no name of its own. */
struct real_check {
    struct real_text name;
    struct real_place place;
    struct real_words command;
    bool is_serving;    /* while the nodes still run, tried again until it holds or its time is over */
    uint64_t within_ms; /* that time; of one after the nodes have ended, how long it may run */
    uint32_t exit_status;
};

struct real_scenario {
    struct real_yaml yaml;
    char *bytes;
    char name[128]; /* of the file, without folder and ending */
    struct real_text teaches;
    const struct real_sets *sets; /* while it is read; may be NULL */
    struct real_variable vars[REAL_VARS_MAX];
    size_t vars_len;
    uint64_t within_ms; /* the whole of it */
    uint64_t settle_ms; /* after the load, until nothing is in doubt */
    uint32_t seed;
    struct real_text network; /* proxy or namespaces; NULL = proxy */
    bool has_namespaces;
    struct real_words arms; /* for vow-chaos compare, which knows what they are; none = all */
    struct real_node_plan nodes[REAL_NODES_MAX];
    size_t nodes_len;
    struct real_node_plan loads[REAL_LOADS_MAX];
    size_t loads_len;
    struct real_check setup[REAL_SETUP_MAX];
    size_t setup_len;
    struct real_link_plan links[REAL_LINKS_MAX];
    size_t links_len;
    struct real_fault faults[REAL_FAULTS_MAX];
    size_t faults_len;
    struct real_check checks[REAL_CHECKS_MAX];
    size_t checks_len;
};

/* Reads a file; `sets` are put in place of values of its vars, NULL = none. 0; or -1 with one line in `error`, and
 * nothing to free. */
int real_scenario_load(const char *path, const struct real_sets *sets, struct real_scenario **scenario,
                       struct real_error *error);
/* The same from memory; `name` is the file's, for errors. */
int real_scenario_parse(const char *name, const char *text, size_t len, const struct real_sets *sets,
                        struct real_scenario **scenario, struct real_error *error);
void real_scenario_free(struct real_scenario *scenario);
/* What a command says of such an error: on stderr, with where to read on. */
void real_scenario_tell(const char *command, const struct real_error *error);

/* The plan behind an index of a fault: a node's or, from REAL_LOAD on, a load's. */
const struct real_node_plan *real_scenario_plan(const struct real_scenario *scenario, uint32_t index);

const char *real_action_key(enum real_action action);
const char *real_action_text(enum real_action action);
bool real_action_is_harm(enum real_action action);
bool real_action_is_of_links(enum real_action action);
/* Of nodes, by the preload: of their disks, clocks and limits. */
bool real_action_is_inside(enum real_action action);

/* scenario_vars.c: what ${...} may say. `value` may be NULL, or is the one of the key vars. */
int real_scenario_read_vars(struct real_scenario *scenario, yaml_node_t *value);
/* A variable without a dot that the harness itself gives; all of them, NULL behind the last. */
const char *real_scenario_own(size_t i);
bool real_scenario_is_own(const char *name);
const struct real_variable *real_scenario_var(const struct real_scenario *scenario, const char *name);

/* scenario_keys.c: fills the scenario from its root. scenario_check.c: names that it uses are there. */
int real_scenario_read(struct real_scenario *scenario);
int real_scenario_check(struct real_scenario *scenario);

/* scenario_network.c. The first, after the checks: does what its key says go with namespaces, if it says so? The second
 * says another word in place of the key's: 0, or -1 and has said why in `error`. */
int real_scenario_check_network(struct real_scenario *scenario);
int real_scenario_set_network(struct real_scenario *scenario, const char *network, struct real_error *error);
/* The place of a node or load in a network of namespaces, by its index; 0 is the place of all commands. */
unsigned real_scenario_place(const struct real_scenario *scenario, uint32_t index);

/* The keys of a scenario, for people. */
void real_scenario_print_keys(FILE *out);

#endif
