/*
 * The kit of the system tests: a cluster of real processes in a directory of its own.
 *
 * Every process is started here, on loopback and port 0, and ended by its pid; none outlives the test
 * (PR_SET_PDEATHSIG). Nothing sleeps: the kit waits for a line, for an exit, or for an outcome, and the test's own
 * time-out is the bound. Any failure of the kit ends the test with a message.
 */
#ifndef VOW_TESTS_SYSTEM_KIT_H
#define VOW_TESTS_SYSTEM_KIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <vow/vow.h>

#define SERVICES_MAX 8

struct process {
    pid_t pid; /* 0 = not running */
    int out;   /* its stdout */
};

struct cluster {
    char directory[128];
    char address[64];           /* of vowd, the same after a restart */
    int address_hold;           /* keeps the port from all others while vowd is down */
    char http[64];              /* of vowd's HTTP, "off" without a flag that asks for it; may differ after a restart */
    const char *vowd_flags[12]; /* NULL-ended; after the kit's own, so that they win */
    const char *vowd_preload;   /* a library that is loaded into vowd before all others; NULL = none */
    bool keeps_log;             /* vowd's stderr goes to DIRECTORY/vowd.log instead of the test's */
    bool keeps_service_logs;    /* likewise to DIRECTORY/sN.log */
    bool keeps_traces;          /* VOW_TRACE is DIRECTORY/vowd.trace, or sN.trace */
    struct process vowd;
    struct process services[SERVICES_MAX]; /* s0, s1, ... each on DIRECTORY/sN.db */
    const char *programs[SERVICES_MAX];    /* NULL = test-service; another is run as NAME DIRECTORY/NAME ADDRESS */
    uint32_t services_len;
    struct vow_client *client;
};

/* A directory and nothing running yet: vowd_flags and keeps_log may be set, then cluster_run(). */
void cluster_init(struct cluster *cluster);
void cluster_run(struct cluster *cluster, uint32_t services, const char *vowd_crash, const char *service_crash);
/* Both: starts vowd and `services` services. vowd_crash and service_crash are values for VOW_CRASH_AT (NULL = none);
 * service_crash goes to s0 alone. */
void cluster_start(struct cluster *cluster, uint32_t services, const char *vowd_crash, const char *service_crash);
/* Ends what runs and removes the directory. */
void cluster_end(struct cluster *cluster);

void vowd_start(struct cluster *cluster, const char *crash);
void service_start(struct cluster *cluster, uint32_t i, const char *crash);
/* Starts it and does not wait until it is connected (vowd may be down). */
void service_spawn(struct cluster *cluster, uint32_t i, const char *crash);
void service_wait_ready(struct cluster *cluster, uint32_t i);
/* Waits until the process has died of SIGKILL (at its crash point) and fails if it ends in any other way. */
void process_wait_killed(struct process *process);
void process_kill(struct process *process);
/* Has it ended, in whatever way? Somebody still has to wait for it. */
bool process_has_ended(const struct process *process);
/* Waits until it has died of this signal. */
void process_wait_signal(struct process *process, int signal);
/* SIGTERM, and the exit status. */
int process_end(struct process *process);
/* The exit status of a process that ends by itself. */
int process_wait(struct process *process);

/* What vowd has written to its log so far; the caller's to free(). Only with keeps_log. */
char *cluster_log(const struct cluster *cluster);
/* The same of a service; only with keeps_service_logs. */
char *service_log(const struct cluster *cluster, uint32_t i);
/* How many lines of a text contain both words. */
unsigned lines_with(const char *text, const char *word, const char *other);

/* A TCP connection to "HOST:PORT". */
int connect_to(const char *address);

/* A program that was run to its end. */
struct run {
    int status; /* its exit status */
    char out[64 * 1024], err[16 * 1024];
};
/* argv is NULL-ended, argv[0] a path. */
void run_program(struct run *run, const char *const argv[]);

/* A transaction that adds 1 to the counter of every service ("add"), or with `last` = another handler for the last
 * service: "refuse" says no, "look" only reads. */
struct commit {
    struct vow_call calls[SERVICES_MAX];
    char names[SERVICES_MAX][16];
    struct vow_result result;
    bool done;
    int events; /* eventfd */
};
void commit_start(struct cluster *cluster, struct commit *commit, const char *last);
/* The same with handler `only` for every service. */
void commit_start_all(struct cluster *cluster, struct commit *commit, const char *only);
/* Waits for the callback, then, while the outcome is not known, asks again until it is. */
/* The same for a transaction that is open, without calls. */
void commit_start_open(struct commit *commit, struct vow_txn *txn);
/* The same with options: "add" on every service. */
void commit_start_with(struct cluster *cluster, struct commit *commit, const struct vow_commit_options *options);
enum vow_outcome commit_wait(struct cluster *cluster, struct commit *commit);

/*
 * A decided transaction that stays open: it commits, and s0, which was started with STRAND_AT, died after its YES. vowd
 * waits for s0 until service_start().
 */
#define STRAND_AT "send.after.VOTE"
struct vow_gtrid cluster_strand(struct cluster *cluster);

/* Waits until no service holds a prepared branch or a lock, then compares: every counter is `each`. */
void cluster_expect_counters(struct cluster *cluster, int64_t each);
/* The same for one service. */
void cluster_expect_counter(struct cluster *cluster, uint32_t i, int64_t expected);
/* Adds 1 everywhere and expects it to commit: the cluster is alive and no row is blocked. */
void cluster_expect_alive(struct cluster *cluster);
/* One number from a service's database; -1 if the query fails because the database is busy. */
int64_t service_number(const struct cluster *cluster, uint32_t i, const char *sql);

#endif
