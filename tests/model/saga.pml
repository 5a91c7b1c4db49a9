/*
 * M3: orchestrated sagas, docs/sagas.md 4.2 and 4.3. One saga, one orchestrator (coordinator/core/saga) that crashes, a
 * participant with its barrier for each step. docs/model.md says what is modelled; tests/model/run runs it.
 *
 *   -DN=3 -DP=1 -DR=2 steps; the pivot; the first retriable step. N stands for none
 *   -DSAME=0          this step and the next one are one stage
 *   -DCC=1            crashes of the orchestrator
 *   -DPC=1            crashes of each participant
 *   -DSTUCKS=1        how often what must be done is not, after its attempts; an operator has it tried again ...
 *   -DCLOSES=1        ... or closes the saga
 *   -DHOLDS           an action is sent some time after it was begun, or never: for its participant is away
 *   -DLIVE            liveness: faults may stop for good at any time, and the claim is that everything ends then
 *   -DMUT_x           a mistake
 *   -DONLY=S2         checks this property alone
 *
 * A message is a bit, "it was sent at some time". It stays: so it may be delivered never, late, often and in any order.
 * So an attempt and the ones after it are one, and waiting for the next is being under way.
 * A crash leaves in the log what was durable and any prefix of what was not yet.
 */
#ifndef N
#define N 2
#endif
#ifndef P
#define P N
#endif
#ifndef R
#define R N
#endif
#ifndef SAME
#define SAME N
#endif
#ifndef CC
#define CC 0
#endif
#ifndef PC
#define PC 0
#endif
#ifndef STUCKS
#define STUCKS 0
#endif
#ifndef CLOSES
#define CLOSES 0
#endif
#include "quantifiers.pml"

#define IS_PIVOT(i)  ((i) == P)
#define CAN_UNDO(i)  ((i) < P && (i) < R)
#define STAGE(i)     ((i) - ((i) > SAME))
#define NOTHING      0

/* The saga: saga.def. */
#define STARTING           1
#define RUNNING            2
#define TURNING            3
#define HALTING            4
#define COMPENSATING       5
#define STUCK_FORWARD      6
#define STUCK_COMPENSATING 7
#define ENDING             8
#define NONE               9 /* no entry: ended, or never begun */
#define DOWN               10

/* A step: step.def. */
#define IDLE    0
#define AWAY    1 /* SENT or WAITING */
#define NOTING  2
#define SETTLED 3
#define STUCK   4

/* What became of it, and the record that says so. */
#define DONE     1
#define REJECTED 2
#define UNKNOWN  3 /* given up: it may have happened, or may yet */
#define UNDONE   4
#define FAILED   5 /* it must be done, and is not */
/* The other records: of which step, or the stage, or the outcome. */
#define BEGIN 6
#define TURN  7
#define RETRY 8
#define END   9

#define COMPLETED   1
#define COMPENSATED 2
#define CLOSED      3

/* The rows of the barrier, of an action and of a compensation: NOTHING, DONE, REJECTED, or */
#define BLOCKED 6
#define EMPTY   7

byte saga = STARTING, stage, outcome, crashes = CC, stucks = STUCKS, closes = CLOSES;
bit has_failed;
byte step[N], fate[N];
bit back[N]; /* it is being undone */
#ifdef HOLDS
bit was_sent[N]; /* its action, or it may have been in an earlier life */
#define IS_HELD(i) (!was_sent[i])
#else
#define IS_HELD(i) false
#endif

/* Its log: what is durable, folded; and what is not yet. */
bit log_begun;
byte log_fate[N], log_failed /* the last stage that was begun, and one */, log_end;
bit log_stuck[N];
chan pending = [N + 4] of { byte, byte };

/* Messages, and what a client was told. */
bit sent_t[N], sent_c[N], said_done[N], said_rejected[N], said_late[N], said_undone[N];
bit told_completed, told_compensated, told_closed;

/* The participants: rows, and how often something took effect. */
byte row_t[N], row_c[N], did_t[N], did_c[N], part_crashes[N];
byte halfway[N]; /* mutants only: what must be one transaction is two */
/* What has happened: an action took effect after its compensation; after any compensation was sent; before an action of
 * an earlier stage, or a compensation before one of a later stage. */
bit is_late, is_late_any, is_disorder;
bit healed;

/* No part of the state: each lives within one d_step. */
hidden byte each, kind, who, found;

/* ---- Properties: sagas.md S1 to S6, invariants I21 and I22 ---- */

#define IS_ONCE(i)     (did_t[i] == 1 && did_c[i] == 0)
#define IS_AMENDED(i)  (did_t[i] == did_c[i])
#define IS_FOUNDED(i)  (did_c[i] == 0 || did_t[i] > 0)
#define IS_PAST(i)     (!CAN_UNDO(i) && (did_t[i] > 0 || log_fate[i] == DONE))
#define IS_SENT(i)     (sent_t[i] || sent_c[i])
#define IS_SENT_C(i)   (sent_c[i])
#define IS_NOT_TWICE(i) (did_t[i] <= 1 && did_c[i] <= 1)
#define IS_UNDOABLE(i) (!sent_c[i] || CAN_UNDO(i))

/* What a client is told, or the log says, has happened: all, or everything that happened was undone; and so for ever. */
#define S2                                                                     \
    ((!(told_completed || log_end == COMPLETED) || ALL(IS_ONCE)) &&            \
     (!(told_compensated || log_end == COMPENSATED) || ALL(IS_AMENDED)))
#define S3     ALL(IS_FOUNDED)                        /* no compensation takes effect without its action */
#define S4     (!is_late)                             /* no action takes effect after its compensation */
#define S5     (!(SOME(IS_PAST) && SOME(IS_SENT_C)))  /* after the pivot nothing is undone */
#define S6     ALL(IS_NOT_TWICE)                      /* a key takes effect once at most */
#define I22    (!is_disorder)                         /* forward in order, backward in the reverse order */
#define PIVOT  ALL(IS_UNDOABLE)                       /* neither the pivot nor what is after it is ever compensated */
#define ONE    (told_completed + told_compensated + told_closed <= 1) /* a client is told one end */
#define BEGUN  (log_begun || !SOME(IS_SENT))          /* nothing is sent before the order is durable */
/* S4 as sagas.md has it, of any compensation: too strong, and known to fail. */
#define S4_ANY (!is_late_any)

#ifdef LIVE
/* S1: it has ended, and that is durable; or it never was. */
ltl live { <> [] (saga == NONE && (log_end != NOTHING || !log_begun)) }
#else
hidden byte holds_S2 = 1, holds_S3 = 1, holds_S4 = 1, holds_S5 = 1, holds_S6 = 1, holds_I22 = 1, holds_PIVOT = 1;
hidden byte holds_ONE = 1, holds_BEGUN = 1, holds_ONLY = 1;

active proctype Properties()
{
    do
    MUST_HOLD(S2, holds_S2)
    MUST_HOLD(S3, holds_S3)
    MUST_HOLD(S4, holds_S4)
    MUST_HOLD(S5, holds_S5)
    MUST_HOLD(S6, holds_S6)
    MUST_HOLD(I22, holds_I22)
    MUST_HOLD(PIVOT, holds_PIVOT)
    MUST_HOLD(ONE, holds_ONE)
    MUST_HOLD(BEGUN, holds_BEGUN)
#ifdef ONLY
    :: d_step { !(ONLY) -> holds_ONLY = 0; assert(holds_ONLY) }
#endif
    od
}
#endif

/* ---- The orchestrator: on_saga.c, on_step.c, on_end.c ---- */

#define IS_AWAY(i)      (step[i] == AWAY || step[i] == NOTING)
#define IS_STUCK(i)     (step[i] == STUCK)
/* A pivot that still waits for its participant was not done. */
#define HAS_NO_RETURN(i) (!CAN_UNDO(i) && step[i] != IDLE && !(IS_PIVOT(i) && step[i] == AWAY && IS_HELD(i)))
#ifdef MUT_CANCEL
#define CAN_TURN true
#else
#define CAN_TURN (!SOME(HAS_NO_RETURN))
#endif
#define MUST_BE_DONE(i) (back[i] || !CAN_UNDO(i))
#define IS_OPEN         (saga != STARTING && saga != ENDING && saga != NONE && saga != DOWN)
#ifdef MUT_UNKNOWN
#define MAY_HAVE_HAPPENED(i) (fate[i] == DONE)
#else
#define MAY_HAVE_HAPPENED(i) (fate[i] == DONE || fate[i] == UNKNOWN)
#endif
#define WANTS_START(i)                                \
    ((!has_failed && step[i] == IDLE) ||              \
     (has_failed && step[i] == SETTLED && MAY_HAVE_HAPPENED(i)))
#ifdef MUT_FORWARD_ORDER
#define IS_NEARER (!found)
#else
#define IS_NEARER (!found || has_failed)
#endif

inline start(i) {
    back[i] = has_failed; step[i] = AWAY;
    if
    :: has_failed -> sent_c[i] = 1
#ifdef HOLDS
    :: else
#else
    :: else -> sent_t[i] = 1
#endif
    fi
}

/* Of this stage, whatever has not begun. */
inline start_stage() {
    FOR_ALL(if :: STAGE(each) == stage && WANTS_START(each) -> start(each) :: else fi;);
    skip
}

/* The next stage, in the direction that the saga goes; found says whether there is one. */
inline begin_stage() {
    found = 0;
    FOR_ALL(if :: WANTS_START(each) && IS_NEARER -> stage = STAGE(each); found = 1 :: else fi;);
    if
    :: found -> start_stage()
    :: else
    fi
}

inline end(how) {
    saga = ENDING; outcome = how; pending!END,how;
    if
    :: how == COMPLETED -> told_completed = 1
    :: how == COMPENSATED -> told_compensated = 1
#ifdef MUT_CLOSE
    :: how == CLOSED -> told_closed = 1
#endif
    :: else /* an operator's decision is told when it is durable */
    fi
}

inline go_forward() {
    begin_stage();
    if
    :: found -> saga = RUNNING
    :: else -> end(COMPLETED)
    fi
}

inline go_backward() {
    if
#ifndef MUT_HALT
    :: SOME(IS_AWAY) -> saga = HALTING
#endif
    :: else ->
        begin_stage();
        if
        :: found -> saga = COMPENSATING
        :: else -> end(COMPENSATED)
        fi
    fi
}

/* The fate of a step is durable. */
inline settled(i) {
    if
    :: saga == TURNING || saga == ENDING || saga == NONE
    :: saga == RUNNING && !back[i] && (fate[i] == REJECTED || fate[i] == UNKNOWN) -> has_failed = 1; go_backward()
    :: else ->
        if
        :: SOME(IS_STUCK)
        :: !SOME(IS_STUCK) && SOME(IS_AWAY) ->
            if
            :: saga == STUCK_FORWARD -> saga = RUNNING
            :: saga == STUCK_COMPENSATING -> saga = COMPENSATING
            :: else
            fi
        :: else ->
            if
            :: has_failed -> go_backward()
            :: else -> go_forward()
            fi
        fi
    fi
}

#if defined(MUT_STAGE_EARLY)
#define IS_EARLY(what) (what == DONE)
#elif defined(MUT_FAIL_EARLY)
#define IS_EARLY(what) (what == REJECTED || what == UNKNOWN)
#elif defined(MUT_UNDONE_EARLY)
#define IS_EARLY(what) (what == UNDONE)
#else
#define IS_EARLY(what) false
#endif
#define IS_OTHER_DONE(j) (j == me || fate[j] == DONE)

inline note(i, what) {
    step[i] = NOTING; pending!what,i;
    if
    :: IS_EARLY(what) -> step[i] = SETTLED; fate[i] = what; settled(i)
    :: else
    fi
}

inline take_step() {
    if
    :: step[who] == NOTING && kind == FAILED ->
#ifdef MUT_STUCK_ENDS
        step[who] = SETTLED; fate[who] = (back[who] -> UNDONE : DONE); settled(who)
#else
        step[who] = STUCK;
        if
        :: saga == ENDING || saga == NONE
        :: else -> saga = (has_failed -> STUCK_COMPENSATING : STUCK_FORWARD)
        fi
#endif
    :: step[who] == NOTING && kind != FAILED -> step[who] = SETTLED; fate[who] = kind; settled(who)
    :: else
    fi
}

/* The fold of the log: recover.c. */
inline fold() {
    if
    :: kind == BEGIN -> log_begun = 1
    :: kind == DONE || kind == UNDONE -> log_fate[who] = kind; log_stuck[who] = 0
    :: kind == REJECTED || kind == UNKNOWN ->
        log_fate[who] = kind; log_stuck[who] = 0; log_failed = STAGE(who) + 1
    :: kind == FAILED ->
        log_stuck[who] = 1;
        log_fate[who] = (log_failed > 0 && log_fate[who] == NOTHING -> UNKNOWN : log_fate[who])
    :: kind == TURN ->
#ifdef MUT_TURN_STAGE
        log_failed = 1
#else
        log_failed = who + 1
#endif
    :: kind == RETRY -> FOR_ALL(log_stuck[each] = 0;); skip
    :: kind == END -> log_end = who
    fi
}

inline resume() {
    has_failed = (log_failed > 0); stage = (log_failed > 0 -> log_failed - 1 : 0);
    FOR_ALL(
        fate[each] = log_fate[each]; back[each] = has_failed;
        if
        :: log_stuck[each] -> step[each] = STUCK
        :: !log_stuck[each] && fate[each] != NOTHING -> step[each] = SETTLED
        :: else ->
            step[each] = IDLE; back[each] = 0;
            if
#ifndef MUT_SIBLING
            /* Nobody knows whether it was sent. */
            :: has_failed && STAGE(each) == stage && CAN_UNDO(each) -> step[each] = SETTLED; fate[each] = UNKNOWN
#endif
            :: else
            fi
        fi;
    );
    if
    :: SOME(IS_STUCK) ->
        FOR_ALL(if :: IS_STUCK(each) -> stage = STAGE(each) :: else fi;);
        start_stage();
        saga = (has_failed -> STUCK_COMPENSATING : STUCK_FORWARD)
    :: else ->
#ifdef MUT_NO_RESUME
        saga = RUNNING
#else
        if
        :: has_failed -> go_backward()
        :: else -> go_forward()
        fi
#endif
    fi;
#ifdef HOLDS
    /* Of what was reached nobody knows what was sent. */
#ifdef MUT_FORGETS_SENT
    FOR_ALL(was_sent[each] = 0;);
#else
    FOR_ALL(was_sent[each] = (step[each] != IDLE););
#endif
#endif
    skip
}

active proctype Orchestrator()
{
#ifdef MUT_BEGIN_EARLY
    d_step { pending!BEGIN,0; start_stage(); }
#else
    pending!BEGIN,0;
#endif
    do
    /* The next record is durable. */
    :: d_step { saga != DOWN && nempty(pending) ->
                pending?kind,who;
                fold();
                if
                :: kind == BEGIN -> go_forward()
#ifdef MUT_TURN_EARLY
                :: kind == TURN
#else
                :: kind == TURN -> go_backward()
#endif
                :: kind == RETRY
                :: kind == END ->
                    saga = NONE;
                    told_closed = (told_closed || outcome == CLOSED)
                :: else -> take_step()
                fi }

    /* A client, or its deadline: as long as there is a way back. */
    :: d_step { saga == RUNNING && CAN_TURN && !healed -> has_failed = 1; saga = TURNING; pending!TURN,stage;
#ifdef MUT_TURN_EARLY
                go_backward();
#endif
                skip }

    /* An operator. */
    :: d_step { saga == STUCK_FORWARD || saga == STUCK_COMPENSATING ->
                saga = (has_failed -> COMPENSATING : RUNNING);
                pending!RETRY,0;
                FOR_ALL(step[each] = (step[each] == STUCK -> AWAY : step[each]);); skip }
    :: d_step { (saga == STUCK_FORWARD || saga == STUCK_COMPENSATING) && closes > 0 -> closes--; end(CLOSED) }

    /* A crash: of what was on its way to the disk, a prefix is there. Recovery. */
    :: d_step { crashes > 0 && saga != NONE && saga != DOWN -> crashes--; saga = DOWN }
    :: d_step { saga == DOWN && nempty(pending) -> pending?kind,who; fold(); skip }
    :: d_step { saga == DOWN ->
                do
                :: nempty(pending) -> pending?kind,who
                :: else -> break
                od;
                has_failed = 0; stage = 0; outcome = 0;
                if
                :: log_end != NOTHING || !log_begun ->
                    saga = NONE; FOR_ALL(step[each] = IDLE; fate[each] = NOTHING; back[each] = 0;); skip
                :: else -> resume()
                fi }

#ifdef LIVE
    :: d_step { !healed -> healed = 1; crashes = 0; stucks = 0; closes = 0; FOR_ALL(part_crashes[each] = 0;); skip }
#endif
    od
}

/* ---- A participant and its barrier, and what the orchestrator makes of its answers ---- */

inline act() {
    did_t[me]++;
    is_late = is_late || row_c[me] != NOTHING;
    is_late_any = is_late_any || SOME(IS_SENT_C);
    FOR_ALL(is_disorder = is_disorder || (STAGE(each) < STAGE(me) && (did_t[each] == 0 || row_c[each] != NOTHING)););
    skip
}

inline undo() {
    did_c[me]++;
    FOR_ALL(is_disorder = is_disorder || (STAGE(each) > STAGE(me) && did_t[each] > 0 && row_c[each] == NOTHING););
    skip
}

#ifdef MUT_DEDUPE
#define IS_NEW(row) (row == NOTHING || (row == DONE && did_t[me] < 2))
#else
#define IS_NEW(row) (row == NOTHING)
#endif
#ifdef MUT_DEDUPE_C
#define IS_NEW_C(row) (row == NOTHING || (row == DONE && did_c[me] < 2))
#else
#define IS_NEW_C(row) (row == NOTHING)
#endif

/* What a mistake has done of an action when it is halfway. */
#define WAS_EFFECT 1
#define WAS_ROW    2
#define WAS_SAID   3

proctype Participant(byte me)
{
    do
    /* An action: the effect, its row and nothing else in one transaction. What could not be done now is not answered. */
    :: d_step { sent_t[me] && IS_NEW(row_t[me]) && halfway[me] == NOTHING && did_t[me] < 2 ->
#if defined(MUT_EFFECT_FIRST)
                act(); halfway[me] = WAS_EFFECT;
#elif defined(MUT_ROW_FIRST)
                row_t[me] = DONE; halfway[me] = WAS_ROW;
#elif defined(MUT_SAID_FIRST)
                said_done[me] = 1; halfway[me] = WAS_SAID;
#else
                act(); row_t[me] = DONE; said_done[me] = 1;
#endif
                skip }
    :: d_step { sent_t[me] && row_t[me] == NOTHING && me < R && halfway[me] == NOTHING ->
                row_t[me] = REJECTED; said_rejected[me] = 1 }
#ifdef MUT_UNABLE
    :: d_step { sent_t[me] && row_t[me] == NOTHING && me < R && !said_rejected[me] -> said_rejected[me] = 1 }
#endif
    :: d_step { sent_t[me] && row_t[me] == BLOCKED && !said_late[me] -> said_late[me] = 1 }
#if defined(MUT_EFFECT_FIRST) || defined(MUT_ROW_FIRST) || defined(MUT_SAID_FIRST)
    :: d_step { halfway[me] == WAS_EFFECT -> row_t[me] = DONE; said_done[me] = 1; halfway[me] = NOTHING }
    :: d_step { halfway[me] == WAS_ROW -> act(); said_done[me] = 1; halfway[me] = NOTHING }
    :: d_step { halfway[me] == WAS_SAID -> act(); row_t[me] = DONE; halfway[me] = NOTHING }
    :: d_step { row_t[me] == DONE && !said_done[me] && halfway[me] == NOTHING -> said_done[me] = 1 }
#endif

    /* A compensation: of what was done; of what was not, and never will be from here on. */
    :: d_step { sent_c[me] && IS_NEW_C(row_c[me]) && row_t[me] == DONE && halfway[me] == NOTHING ->
                undo(); row_c[me] = DONE; said_undone[me] = 1;
#ifdef MUT_ROW_GOES
                row_t[me] = NOTHING;
#endif
                skip }
    :: d_step { sent_c[me] && row_c[me] == NOTHING && row_t[me] != DONE && halfway[me] == NOTHING ->
#ifdef MUT_NULL_UNDOES
                undo();
#endif
#ifndef MUT_NO_BLOCK
                row_t[me] = (row_t[me] == NOTHING -> BLOCKED : row_t[me]);
#endif
                row_c[me] = EMPTY; said_undone[me] = 1 }

    /* A crash: nothing is in memory alone but what a mistake left there. */
    :: d_step { part_crashes[me] > 0 && halfway[me] != NOTHING -> part_crashes[me]--; halfway[me] = NOTHING }

    /* The answers, at the orchestrator. STUCK: an earlier attempt was done after all. */
    :: d_step { IS_OPEN && (step[me] == AWAY || step[me] == STUCK) && !back[me] && said_done[me] ->
#ifdef MUT_ANSWER
                told_completed = (told_completed || (!has_failed && ALL(IS_OTHER_DONE)));
#endif
                note(me, DONE); }
    :: d_step { IS_OPEN && (step[me] == AWAY || step[me] == STUCK) && back[me] && said_undone[me] -> note(me, UNDONE); }
    :: d_step { IS_OPEN && step[me] == AWAY && !back[me] && (said_rejected[me] || said_late[me]) && me < R ->
                note(me, REJECTED); }
#define IS_NEVER_SENT(i) (IS_HELD(i) && !back[i] && i < R)
#ifdef HOLDS
#ifdef MUT_SENT_LATE
#define MAY_SEND true
#else
#define MAY_SEND (!has_failed)
#endif
    :: d_step { IS_OPEN && MAY_SEND && step[me] == AWAY && !back[me] && !(was_sent[me] && sent_t[me]) ->
                was_sent[me] = 1; sent_t[me] = 1 }
    /* What was never sent did not happen, and will not: there is nothing to undo, and nothing to guess of a pivot. */
    :: d_step { IS_OPEN && step[me] == AWAY && IS_NEVER_SENT(me) && !healed -> note(me, REJECTED); }
#endif
    /* Its attempts, or its time, are over. */
    :: d_step { IS_OPEN && step[me] == AWAY && !MUST_BE_DONE(me) && !IS_NEVER_SENT(me) && !healed ->
                note(me, UNKNOWN); }
    :: d_step { IS_OPEN && step[me] == AWAY && MUST_BE_DONE(me) && !IS_NEVER_SENT(me) && stucks > 0 ->
                stucks--; note(me, FAILED); }
#ifdef MUT_PIVOT_GUESS
    :: d_step { IS_OPEN && step[me] == AWAY && IS_PIVOT(me) -> note(me, UNKNOWN); }
#endif
    od
}

init {
    atomic {
        FOR_ALL(part_crashes[each] = PC; run Participant(each););
    }
}
