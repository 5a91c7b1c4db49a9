/*
 * For tests of programs that use Vow. In libraries of their own: a service does not link them.
 */
#ifndef VOW_TESTING_H
#define VOW_TESTING_H

#include <stddef.h>
#include <stdint.h>

#include <vow/resource.h>
#include <vow/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Does a resource keep its word? (<vow/resource.h>; library vow_testing) ---- */

/* Room for the payload of a work. */
#define VOW_TEST_PAYLOAD_SIZE 256

/*
 * What the test needs to know of a resource. Zero a field for its default; the first four functions are required. All
 * are called in processes that are forked for it, and may end any of them with an error by returning what is not 0: the
 * test has failed then.
 */
struct vow_test_resource_options {
    size_t size; /* sizeof(struct vow_test_resource_options) */
    void *ctx;   /* handed to each function */

    /* Opens the resource on its data in the directory (empty at the first open) and fills *resource. Its recover is
     * called next. */
    int (*open)(void *ctx, const char *directory, struct vow_resource *resource);
    /* Closes it in good order. */
    void (*close)(void *ctx, struct vow_resource *resource);
    /* Fills *work with one that has effect number i when it is committed. Works of different numbers must not be in
     * each other's way. payload has VOW_TEST_PAYLOAD_SIZE bytes; the handler's name may be static. */
    void (*work)(void *ctx, unsigned i, struct vow_work *work, char *payload);
    /* How often effect i is there for everybody to see: 0 or 1, if all is well; -1 = that cannot be told. */
    int (*seen)(void *ctx, const struct vow_resource *resource, const char *directory, unsigned i);

    /* Fills *work with one that must be voted READ_ONLY. NULL = the resource knows none. */
    void (*read_only)(void *ctx, struct vow_work *work, char *payload);
    /* And with one that must be voted NO. NULL = likewise. */
    void (*refused)(void *ctx, struct vow_work *work, char *payload);
    /* How much the resource keeps of branches: records, bytes, what it likes. After many branches have ended and are
     * forgotten it must be what it was. NULL = not checked. */
    long (*kept)(void *ctx, const struct vow_resource *resource, const char *directory);
    /* Not 0: works of the same number are not in each other's way either, so there is no lock to test. */
    int shares;
    /* Not 0: the data are not files in the directory, or are synced in other ways than fsync(), fdatasync(), sync() and
     * syncfs() (O_SYNC, msync(), io_uring), so a loss of power cannot be played. */
    int no_power_loss;
    uint32_t answer_timeout_ms; /* a call that is not answered after this time has failed; 0 = 30,000 */
    const char *directory;      /* where the test makes its folders; NULL = $TMPDIR, or /var/tmp */
    const char *only;           /* this check alone, as VOW_TEST_RESOURCE; NULL = all */
    int quiet;                  /* not 0: prints what failed and nothing else */
};

/*
 * Runs the checks and prints a line for each on standard output; for one that failed, what is wrong, in words, and how
 * to see it again. Returns how many failed (0: the resource keeps its word as far as the test can see), or
 * VOW_E_ARGUMENT or VOW_E_SYSTEM (the test could not run; it says why on standard error).
 *
 *   commit     prepare, commit, commit again, forget; killed at every place
 *   abort      prepare, abort, abort again; killed at every place
 *   recovery   branches in each state, killed, then killed at every place of the recovery
 *   many       20 branches at once, answered and decided in any order, killed at many places
 *   hidden     nobody sees a prepared branch's effect, before and after a restart
 *   locks      a branch about what a prepared one is about is not prepared as well, nor is it after a restart; after
 *              an abort it is
 *   unknown    a commit of a branch without a record is never DONE; an abort of it is
 *   votes      what is voted READ_ONLY or NO leaves nothing
 *   space      what is forgotten is not done any more and takes no space
 *
 * A place is between any two calls, and inside them before each fsync(), fdatasync(), sync(), syncfs(), rename(),
 * unlink() and their *at() forms, and at each vow_testing_crash_point() of the resource. At each the process is killed
 * with SIGKILL, opened again, and compared with what it had answered; once as that leaves the files, and once as a loss
 * of power would: what was not synced, and every name in a directory that was not synced, is gone. Then all branches
 * are ended, power is lost again, and what was answered must still hold.
 *
 * Call it from a process with one thread. The environment variable VOW_TEST_RESOURCE=CHECK or CHECK:PLACE:kill or
 * CHECK:PLACE:power runs one check, or one place of it; the folder of a failure is kept, and named.
 */
VOW_EXPORT int vow_test_resource(const struct vow_test_resource_options *options);

/* ---- Crash points (library vow_testing_world, as all below) ---- */

/*
 * A place in a service's own code where a test may end the process, as power loss would:
 *
 *     vow_testing_crash_point("pay.after.update");
 *
 * The name is at most 63 of a-z A-Z 0-9 . _ -. Nothing happens unless the point is armed: by the environment,
 * VOW_CRASH_AT=NAME or NAME@N, or several with commas, at the first vow_participant_open(), or by
 * vow_testing_crash_at(); with VOW_CRASH_NOTE=FILE, "PID NAME" is in that file afterwards. In a resource that is
 * tested by vow_test_resource(), it is a place. Without VOW_TESTING, which linking vow::testing_world or
 * vow::vow_testing defines, it is nothing at all; so it may stay in the code of a service.
 */
#ifdef VOW_TESTING
VOW_EXPORT void vow_testing_crash_point(const char *name);
#else
#define vow_testing_crash_point(name) ((void)0)
#endif

/* Arms NAME or NAME@N (the Nth time, from 1, counted from now), or several with commas, of which the first that is met
 * counts, in place of what was armed; NULL = nothing. Any thread.
 * VOW_E_ARGUMENT for what is not of that form. The library's own points have names, too: see below. */
VOW_EXPORT VOW_MUST_USE int vow_testing_crash_at(const char *point);

/* What happens at the point instead of SIGKILL; NULL = SIGKILL again. Called on the thread that met it, of the service
 * or of the library; if it returns, that thread goes on as if nothing had been. */
typedef void vow_testing_crash_fn(void *ctx, const char *name);
VOW_EXPORT void vow_testing_on_crash(vow_testing_crash_fn *fn, void *ctx);

/*
 * Writes down every point that is met from now on, the service's and the library's, or (0) stops and forgets them.
 * vow_testing_crash_points_met() gives them in the order of their first meetings, with how often each was met: a run
 * that went well says at which places it can be made to go wrong. fn must not meet a point.
 */
VOW_EXPORT void vow_testing_crash_record(int on);
typedef void vow_testing_met_fn(void *ctx, const char *name, unsigned long times);
VOW_EXPORT void vow_testing_crash_points_met(vow_testing_met_fn *fn, void *ctx);

/* The library's own points, participant's and coordinator's, one by one from 0; NULL after the last. */
VOW_EXPORT const char *vow_testing_crash_point_name(size_t i);

/* ---- A clock that is moved by hand ---- */

/*
 * Takes the clock by which Vow keeps time in this process: it stands still from then on. Before anything of Vow's is
 * opened, and given back after all is closed; VOW_E_STATE otherwise.
 *
 * vow_testing_clock_advance() moves it: every timer of clients, participants, connections and of a coordinator in this
 * process runs exactly when its time comes, in order, and all that it sets off has been done before time moves on; when
 * it returns, nobody does anything any more. It takes as long as the work takes, and no longer. Every loop of
 * VOW_LOOP_BASE or VOW_LOOP_FD must be run by a thread meanwhile, or be this thread's own: then it gets its turns here.
 * Nothing may be opened or closed at the same time. vow_testing_clock_settle() is the same without time.
 *
 * vow_participant_wait() is the one function that goes on counting real time.
 */
VOW_EXPORT VOW_MUST_USE int vow_testing_clock_take(void);
/* Time is real again. Returns 0; VOW_E_STATE if the clock is not taken, or if something of Vow's is still open: then it
 * stays taken. */
VOW_EXPORT int vow_testing_clock_give_back(void);
VOW_EXPORT void vow_testing_clock_advance(uint64_t ms);
VOW_EXPORT void vow_testing_clock_settle(void);
/* Monotonic, from any beginning. */
VOW_EXPORT uint64_t vow_testing_clock_ms(void);
/* The wall clock jumps, forwards or back. Nothing may come of it. */
VOW_EXPORT void vow_testing_clock_jump_wall(int64_t ms);

/* ---- A coordinator and a network inside this process ---- */

/*
 * Services, clients and a real coordinator (vowd's own, with a journal in a directory) in one process, without TCP.
 * Give vow_test_network_address() as options.coordinator, and all frames pass through a network that the test can harm.
 * A node of it is a participant or client, by its options.name; NULL means every node. A node need not be connected
 * yet, and a name that nobody has is no error: what is said of it waits for who comes with it.
 *
 * Participants that ask each other (options.peer_listen) do so by TCP, beside this network.
 *
 * One network at a time in a process (VOW_E_STATE). Close clients and participants before it. All functions may be
 * called from any thread.
 */
struct vow_test_network;

/* Makes the network and starts the coordinator on that directory (made if missing). VOW_E_STATE, VOW_E_ARGUMENT, or why
 * the coordinator cannot start; *detail, if not NULL, says it in words. */
VOW_EXPORT VOW_MUST_USE int vow_test_network_open(const char *directory, struct vow_test_network **network,
                                                  struct vow_error_detail *detail);
/* Stops the coordinator, cuts all connections, frees. NULL is allowed. */
VOW_EXPORT void vow_test_network_close(struct vow_test_network *network);
/* Lives as long as the network. */
VOW_EXPORT const char *vow_test_network_address(const struct vow_test_network *network);

/* The coordinator ends as by a kill: what is not in its journal is gone, connections break, new ones are refused. */
VOW_EXPORT void vow_test_network_stop_coordinator(struct vow_test_network *network);
/* Starts it again, from its journal. */
VOW_EXPORT VOW_MUST_USE int vow_test_network_start_coordinator(struct vow_test_network *network,
                                                               struct vow_error_detail *detail);

/* Which frames of a node. */
enum vow_test_way {
    VOW_TEST_TO_COORDINATOR = 1,   /* those that it sends */
    VOW_TEST_FROM_COORDINATOR = 2, /* those that it gets */
    VOW_TEST_BOTH_WAYS = 3,        /* all */
};

/* Nothing passes any more, that way; what is sent waits in the network, as with TCP, and so does the end of a
 * connection. Connections that begin meanwhile are cut as well. */
VOW_EXPORT void vow_test_network_cut(struct vow_test_network *network, const char *node, enum vow_test_way ways);
/* What waited passes, and what comes. A cut of all is healed for all, a cut of one node for that one. */
VOW_EXPORT void vow_test_network_heal(struct vow_test_network *network, const char *node);
/* Every frame takes so long; 0 = none. Order is kept. */
VOW_EXPORT void vow_test_network_delay(struct vow_test_network *network, const char *node, enum vow_test_way ways,
                                       uint32_t ms);
/* Its connection breaks now, and what was on its way is lost. It may connect again. */
VOW_EXPORT void vow_test_network_reset(struct vow_test_network *network, const char *node);

/* What happens to a frame. */
enum vow_test_harm {
    VOW_TEST_CUT_BEFORE = 1, /* the frame does not pass, and nothing after it, both ways */
    VOW_TEST_CUT_AFTER,      /* the frame passes, and nothing after it, both ways */
    VOW_TEST_RESET_BEFORE,   /* the connection breaks before the frame */
    VOW_TEST_RESET_INSIDE,   /* half of the frame passes, then the connection breaks */
    VOW_TEST_RESET_AFTER,    /* the frame passes, then the connection breaks */
    VOW_TEST_TWICE,          /* the frame passes twice */
};

/*
 * Harms the nth message, from 1 and counted from now, of this kind that this node sends or gets. `message` is one of
 *   of every node      HELLO WELCOME REJECT PING PONG
 *   of clients         IDS_REQUEST IDS BEGIN COMMIT_REQUEST ROLLBACK_REQUEST STATUS_REQUEST OUTCOME
 *   of participants    ENLIST ENLISTED PREPARE VOTE DECISION ACK INQUIRY WAIT
 *                      COMMIT_ONE_PHASE ONE_PHASE_DONE ONE_PHASE_QUERY FORGET
 *   of sagas           SAGA_REQUEST SAGA_QUERY SAGA_CANCEL SAGA_STATE, of clients; STEP STEP_DONE, of participants
 *   of vowctl          ADMIN_REQUEST ADMIN_REPLY
 * Returns 0, VOW_E_ARGUMENT (no such message) or VOW_E_NO_MEMORY.
 */
VOW_EXPORT VOW_MUST_USE int vow_test_network_harm(struct vow_test_network *network, const char *node,
                                                  enum vow_test_way way, const char *message, unsigned nth,
                                                  enum vow_test_harm harm);
/* How many messages of this kind have passed since the network was opened; 0 for a kind or a node that is unknown. node
 * NULL: of all. */
VOW_EXPORT unsigned vow_test_network_passed(struct vow_test_network *network, const char *node, enum vow_test_way way,
                                            const char *message);
/* Waits until that many have passed. */
VOW_EXPORT void vow_test_network_await(struct vow_test_network *network, const char *node, enum vow_test_way way,
                                       const char *message, unsigned passed);

#ifdef __cplusplus
}
#endif

#endif
