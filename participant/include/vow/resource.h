/*
 * A resource: another store than SQLite that takes part in transactions. Five callbacks, and Vow does the rest.
 *
 *     static enum vow_said prepare(void *ctx, const char *branch, const struct vow_work *work, size_t work_len,
 *                                  struct vow_answer answer) { ... }
 *
 *     struct vow_resource resource = {sizeof(resource), .ctx = mine, .prepare = prepare, .commit = commit,
 *                                     .abort = abort, .recover = recover, .forget = forget};
 *     struct vow_participant_options options = {sizeof(options), .name = "pages", .path = "pages.vow",
 *                                               .store = VOW_STORE_KIND_RESOURCE, .resource = &resource};
 *
 * A worked one, over plain files, is in examples/files. <vow/testing.h> has a test that kills yours between every two
 * calls: run it before you trust it.
 *
 * WHO KEEPS WHAT. The resource keeps its data and two kinds of records, by the branch's word: "prepared" (the work and
 * what it needs to be undone or done) and "committed" (the word alone). Everything else that must outlive a crash is in
 * a small file of Vow's own, at options.path: who this participant is, its incarnation, whom it belongs to, which
 * branches were committed (until the coordinator needs it no more), how one-phase commits were decided. The file
 * belongs to the resource as a key belongs to a door: back them up and restore them together. Vow refuses to open a
 * resource that holds branches with a file that is new.
 *
 * A BRANCH is named by a word, of a-z, 0-9 and '-', at most VOW_BRANCH_WORD_SIZE - 1 characters: fit for file names,
 * SQL and the ids of other systems. It begins with the transaction's id as vow_gtrid_to_text() prints it, and is never
 * used for other work. The pointer lives for the call.
 *
 * THREADS. All callbacks are called one at a time, never two at once: recover by the thread that is in
 * vow_participant_open(), the others by the participant's store thread, and by the thread in vow_participant_close()
 * once the store thread has ended. A callback may block for the disk, and then it holds up all branches; what takes
 * long should be answered later. It must never block for another branch's lock: the decision that frees the lock waits
 * behind it. Say NO with VOW_CAUSE_LOCK_CONFLICT, or answer later. Calls for different branches overlap: up to
 * answers_max prepares and as many decisions are unanswered at once, the rest wait. A branch has one unanswered call at
 * most. No callback may call vow_participant_close().
 *
 * ANSWERS. A callback returns its answer; or VOW_SAID_LATER, and then vow_answer() is called exactly once with the
 * handle it was given, from any thread, now (before it returns) or later. There is no time limit: the coordinator has
 * one for votes, and when it has decided the branch is told so, after its answer. Any value that is none of the answers
 * allowed there stops the process with a line in the log that names it: zero is deliberately none, and nobody can say
 * what such a resource holds.
 */
#ifndef VOW_RESOURCE_H
#define VOW_RESOURCE_H

#include <vow/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Room for a branch's word and its NUL. */
#define VOW_BRANCH_WORD_SIZE 64

/* What a callback says, and vow_answer(). Behind each: whose answer it is. */
enum vow_said {
    VOW_SAID_LATER = 1, /* any: vow_answer() has the answer, or will have it */
    VOW_SAID_YES,       /* prepare */
    VOW_SAID_NO,        /* prepare */
    VOW_SAID_READ_ONLY, /* prepare */
    VOW_SAID_DONE,      /* commit, abort */
    VOW_SAID_UNKNOWN,   /* commit */
    /* commit, abort: not now. It is called again, after 0.1 s at first and 10 s in the end, for as long as it takes,
     * with a line in the log each time: what was decided is never given up. */
    VOW_SAID_TRY_AGAIN,
    /* any: it is not known what is durable. The process stops at once (exit status 70) and the next start recovers. The
     * right answer to an error of fsync, which must never be tried again. */
    VOW_SAID_BROKEN,
};

/* Where an answer goes. Plain data: copy it and keep it until the answer is given. */
struct vow_answer {
    void *of;        /* for the library */
    uint64_t ticket; /* for the library */
};

/*
 * Answers a call that returned, or will return, VOW_SAID_LATER. From any thread, callbacks included; does not block.
 * Returns 0; or, with a line in the log and without any other effect,
 *   VOW_E_STATE     this call has been answered already (the first answer stands), or it is no handle
 *   VOW_E_CLOSED    the participant was closed meanwhile: the branch is as the resource has it, and will be asked about
 *                   at the next open. vow_participant_close() waits 5 s for answers before it gives them up.
 * VOW_E_ARGUMENT: not an answer to that call; it counts as one nevertheless, and the process stops.
 * A handle that was answered must not be used any more once vow_participant_close() has been called.
 */
VOW_EXPORT int vow_answer(struct vow_answer answer, enum vow_said said);

/*
 * The same with a reason, at most 200 characters (longer is cut); NULL = none. For VOW_SAID_NO, cause and why reach the
 * client: HANDLER_REFUSED, HANDLER_FAILED, CONSTRAINT or NO_SUCH_HANDLER, or, if another try may go through
 * (vow_cause_is_passing()), LOCK_CONFLICT, NO_SPACE or PARTICIPANT_FAILED. A VOW_SAID_NO with VOW_CAUSE_NONE is
 * HANDLER_REFUSED; with any other cause it is no answer: VOW_E_ARGUMENT, and the process stops. With the other answers
 * cause is not looked at; for VOW_SAID_TRY_AGAIN and VOW_SAID_BROKEN why goes to the log. Errors as vow_answer().
 */
VOW_EXPORT int vow_answer_why(struct vow_answer answer, enum vow_said said, enum vow_cause cause, const char *why);

/* One call of a transaction, as the client listed it. */
struct vow_work {
    const char *handler; /* 1 to 63 of a-z A-Z 0-9 . _ - */
    const void *payload; /* what the resource makes of it; NULL if len is 0 */
    size_t len;          /* of the payload, in bytes */
};

/* In which state recover found a branch. */
enum vow_found {
    VOW_FOUND_PREPARED = 1,  /* it has said YES and was not told the decision, or did not get it done */
    VOW_FOUND_COMMITTED = 2, /* its work is done, and forget was not called */
};

/* The list that recover fills; lives for its call. */
struct vow_recovery;

/* In recover: lists one branch. Returns 0; else recover returns what it got: VOW_E_DAMAGED (not a word of Vow's),
 * VOW_E_NO_MEMORY, VOW_E_ARGUMENT. The open is also refused with VOW_E_DAMAGED for a branch that is listed twice, and
 * for one that was committed and is listed as prepared. */
VOW_EXPORT VOW_MUST_USE int vow_recovered(struct vow_recovery *recovery, const char *branch, enum vow_found found);

/* The struct lives until vow_participant_open() returns (it is copied), ctx until vow_participant_close(). */
struct vow_resource {
    size_t size; /* sizeof(struct vow_resource) */
    void *ctx;   /* handed to each callback */

    /*
     * Does the work so far that nothing but the decision is missing, keeps everybody else's hands off what it is about
     * (its locks), and votes. Nobody may see the work yet. branch and work live for the call: a prepare that is
     * answered later copies what it needs. Never called for a branch that is prepared or committed.
     *   YES        the record "prepared" is durable: file contents and, if a file is new or renamed, its directory are
     *              fsynced. From now on only commit or abort end it, not a restart, nor any time-out.
     *   NO         nothing is kept
     *   READ_ONLY  all work only read; nothing is kept, no lock either, and no other callback will be called
     */
    enum vow_said (*prepare)(void *ctx, const char *branch, const struct vow_work *work, size_t work_len,
                             struct vow_answer answer);
    /*
     * Makes a prepared branch's work visible and lets go of its locks. By the branch's record:
     *   "prepared"   do it. DONE when the work and the record "committed" (in place of "prepared") are durable. If both
     *                cannot be made durable at once, commit is called again after a crash for a branch that recover
     *                lists as prepared: what was done already must not be done twice.
     *   "committed"  DONE, and nothing else happens
     *   none         UNKNOWN. Never DONE: that no record is there does not say that the work was done.
     * It must not fail for good: whatever could (space, constraints) is judged in prepare.
     */
    enum vow_said (*commit)(void *ctx, const char *branch, struct vow_answer answer);
    /*
     * Drops a prepared branch, its record and its locks. DONE also if there is no such branch. Need not be durable: a
     * branch that comes back after a crash is asked about and aborted again. Never called for a committed one.
     */
    enum vow_said (*abort)(void *ctx, const char *branch, struct vow_answer answer);
    /*
     * Called once, by vow_participant_open(), before any other callback: takes back the locks of every prepared branch,
     * and lists with vow_recovered() every branch with a record, prepared or committed, in any order. What a prepare
     * had begun and not finished is removed. What is listed must be durable: the process may have died between a write
     * and its fsync, so sync what was found before returning. Returns 0; any other number means that the records cannot
     * be read: the open is refused with VOW_E_DAMAGED. A list that is too short makes torn transactions.
     */
    int (*recover)(void *ctx, struct vow_recovery *recovery);
    /*
     * The record "committed" is not needed any more: Vow has one of its own, durably. Need not be durable; harmless for
     * a branch without a record. Called soon after each commit (100 ms or 256 branches later), so that there are never
     * many.
     */
    void (*forget)(void *ctx, const char *branch);

    /* How many prepares, and how many commits and aborts, are unanswered at most; 0 = 64; to 1,024. */
    uint32_t answers_max;
};

/*
 * What is called in which order, and what a crash leaves behind at each point:
 *
 *   two phases                 a crash after that      what follows at the next open
 *   prepare                    nothing, or prepared    listed: the coordinator is asked. Not listed: it never voted
 *   (YES is sent, the decision comes)
 *   commit                     prepared                listed; told again, commit again
 *                              committed               listed; Vow writes it down, then forget
 *   (the acknowledgement is sent: the record "committed" is what it rests on)
 *   (Vow writes it down, fsync)
 *   forget                     committed               listed; forget again
 *
 *   one phase (a transaction with this participant alone; its branches have words of their own)
 *   prepare                    prepared                listed; Vow aborts it: nothing was decided
 *   (Vow writes the decision down, fsync: committed from here on)
 *                              prepared                listed; Vow has it committed
 *   commit                     committed               listed; Vow writes it down, then forget
 *   (the answer is sent; later) forget
 */

#ifdef __cplusplus
}
#endif

#endif
