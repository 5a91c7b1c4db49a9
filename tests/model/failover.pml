/*
 * M2: the decision in a replicated store (protocol 2.9 and the open register). One transaction that coordinator 0 began
 * in epoch 1, K coordinators that may take its shard over, N participants that vote. docs/model.md says what is
 * modelled; tests/model/run runs it.
 *
 *   -DN=2 -DK=2     participants, coordinators
 *   -DEMAX=3        the shard changes hands until this epoch
 *   -DOPEN          the open register: a participant in doubt may write ABORT itself
 *   -DLIVE          liveness: crashes may stop for good at any time, and the claim is that everything ends
 *   -DDEAD          all coordinators may die and not come back
 *   -DMUT_name      a mistake
 *   -DONLY=AC1      checks this property alone
 *
 * What is sent to the store is applied later, and the answer is read later still; or never. In between anybody may do
 * anything. An attempt that is made again is one more of it on its way. Messages are bits that stay, as in M1.
 */
#ifndef N
#define N 2
#endif
#ifndef K
#define K 2
#endif
#ifndef EMAX
#define EMAX 3
#endif
#include "quantifiers.pml"

/* A coordinator. */
#define IDLE       0 /* not begun, or crashed */
#define OPEN_TXN   1 /* collects votes */
#define DECIDING   2 /* its compare-and-set is on its way */
#define TAKING     3 /* the epoch is its own, the rows are not read yet */
#define COMMITTING 4
#define NONE       5 /* no entry */
#define DEPOSED    6 /* the store has said so */

/* The row of the decision; what an answer of the store says of it. */
#define NOTHING 0
#define C       1
#define A       2

/* A request to the store. */
#define NOT_SENT 0
#define ON_WAY   1
#define WON      2
#define EXISTS_C 3
#define EXISTS_A 4
#define FENCED   5

/* A participant. */
#define ACTIVE    0
#define PREPARED  1
#define COMMITTED 2
#define ABORTED   3

/* The store. */
byte epoch = 1, row = NOTHING;

byte coord[K], my_epoch[K];
byte cas[K], cas_epoch[K];
byte cas_again[K];   /* the same once more: NOT_SENT, ON_WAY, then anything else */
byte delete_row[K];  /* a delete on its way: of which row */
byte delete_epoch[K];
bit healed, dead;

byte part[N];
bit sent_yes[N], sent_commit[N], sent_abort[N], acked_commit[N], acked_abort[N];
byte part_cas[N];
bit told_committed, told_aborted;
bit was_committed; /* the row was C at some time */
bit has_ended;     /* ... and was deleted: the history still knows */
bit deposed_spoke;

hidden byte each;

/* ---- Properties ---- */

#define IS_COMMITTED(i) (part[i] == COMMITTED)
#define IS_ABORTED(i)   (part[i] == ABORTED)
#define SAID_YES(i)     (sent_yes[i])
#define IS_DECIDED(i)   (part[i] == COMMITTED || part[i] == ABORTED)
#define HAS_ACKED(i)    (acked_commit[i])
#define HAS_ABORTED(i)  (acked_abort[i])

#define AC1    (!((SOME(IS_COMMITTED) || was_committed) && SOME(IS_ABORTED)))
#define AC3    (!(SOME(IS_COMMITTED) || was_committed) || ALL(SAID_YES))
#define CLIENT \
    (!(told_committed && told_aborted) && (!told_committed || was_committed) && (!told_aborted || !was_committed))
#define KEPT   (!has_ended || ALL(IS_COMMITTED)) /* the row goes only when all have it */
#define MUTE   (!deposed_spoke)                  /* who is deposed issues nothing */

#ifndef LIVE
hidden byte holds_AC1 = 1, holds_AC3 = 1, holds_CLIENT = 1, holds_KEPT = 1, holds_MUTE = 1, holds_ONLY = 1;

active proctype Properties()
{
    do
    MUST_HOLD(AC1, holds_AC1)
    MUST_HOLD(AC3, holds_AC3)
    MUST_HOLD(CLIENT, holds_CLIENT)
    MUST_HOLD(KEPT, holds_KEPT)
    MUST_HOLD(MUTE, holds_MUTE)
#ifdef ONLY
    :: d_step { !(ONLY) -> holds_ONLY = 0; assert(holds_ONLY) }
#endif
    od
}
#else
#ifdef DEAD
/* With the open register nobody is needed; without it, this must fail. */
ltl live { <> ALL(IS_DECIDED) }
#else
ltl live { <> [] (ALL(IS_DECIDED) && row != C) }
#endif
#endif

/* ---- A coordinator ---- */

inline tell_commit() {
    coord[me] = COMMITTING;
    told_committed = 1;
    FOR_ALL(sent_commit[each] = 1;)
}

/* Not written anywhere: the votes are dropped first, so this epoch cannot commit it any more. */
inline tell_abort() {
    coord[me] = NONE;
    told_aborted = 1;
    FOR_ALL(sent_abort[each] = 1;)
}

/* The store applies an attempt to decide. */
#ifdef MUT_EPOCH
#define MAY_WRITE true
#else
#define MAY_WRITE (cas_epoch[me] == epoch)
#endif
#ifdef MUT_OVERWRITE
#define IS_FREE true
#else
#define IS_FREE (row == NOTHING)
#endif

/* A row that says COMMIT is true whoever reads it. One that says ABORT is so for the owner alone: for others, COMMIT
 * may have been there before, acknowledged and deleted, and then a participant's late write of ABORT found nothing. */
#ifdef MUT_ADOPT
#define OWNS_A true
#else
#define OWNS_A (my_epoch[me] == epoch)
#endif

inline apply(answer) {
    if
    :: IS_FREE && MAY_WRITE -> row = C; was_committed = 1; answer = WON
    :: !(IS_FREE && MAY_WRITE) && row == C -> answer = EXISTS_C
    :: !(IS_FREE && MAY_WRITE) && row == A && OWNS_A -> answer = EXISTS_A
    :: else -> answer = FENCED
    fi
}

proctype Coordinator(byte me)
{
    byte ignored;

    do
    /* All votes are in, or something made it give up. */
    :: d_step { !dead && coord[me] == OPEN_TXN && ALL(SAID_YES) ->
                coord[me] = DECIDING; cas[me] = ON_WAY; cas_epoch[me] = my_epoch[me];
#ifdef MUT_EARLY
                told_committed = 1; FOR_ALL(sent_commit[each] = 1;);
#endif
                skip }
    :: d_step { !dead && coord[me] == OPEN_TXN -> tell_abort() }

    /* No answer: unknown. The same once more; the first may still be on its way. */
    :: d_step { !dead && coord[me] == DECIDING && cas_again[me] == NOT_SENT -> cas_again[me] = ON_WAY }
#ifdef MUT_10
    :: d_step { coord[me] == DECIDING -> tell_abort() }
#endif
    /* The store does it; this needs no coordinator that lives. */
    :: d_step { cas[me] == ON_WAY -> apply(cas[me]) }
    :: d_step { cas_again[me] == ON_WAY -> apply(ignored); ignored = 0; cas_again[me] = WON }
    /* The answer, or what a read of the row says in its place. */
    :: d_step { !dead && coord[me] == DECIDING && (cas[me] == WON || cas[me] == EXISTS_C) -> tell_commit() }
    :: d_step { !dead && coord[me] == DECIDING && cas[me] == EXISTS_A -> tell_abort() }
    :: d_step { !dead && coord[me] == DECIDING && row == C -> tell_commit() }
    :: d_step { !dead && coord[me] == DECIDING && row == A && OWNS_A -> tell_abort() }
    :: d_step { !dead && coord[me] == DECIDING && (cas[me] == FENCED || (row != C && my_epoch[me] != epoch)) ->
                coord[me] = DEPOSED }
#ifdef MUT_DEPOSED
    :: d_step { coord[me] == DEPOSED -> deposed_spoke = 1; tell_abort() }
#endif

    /* Take over: first the epoch, then the rows. Votes of an older epoch are never collected again. */
    :: d_step { !dead && epoch < EMAX && my_epoch[me] != epoch &&
                (coord[me] == IDLE || coord[me] == NONE || coord[me] == DEPOSED) ->
#ifdef MUT_READ_FIRST
                if
                :: row == C -> coord[me] = COMMITTING
                :: else -> coord[me] = NONE
                fi;
                my_epoch[me] = 0
#else
                epoch++; my_epoch[me] = epoch; coord[me] = TAKING
#endif
                }
#ifdef MUT_READ_FIRST
    :: d_step { my_epoch[me] == 0 && (coord[me] == NONE || coord[me] == COMMITTING) && epoch < EMAX ->
                epoch++; my_epoch[me] = epoch;
                if
                :: coord[me] == COMMITTING -> tell_commit()
                :: else
                fi }
#endif
    :: d_step { !dead && coord[me] == TAKING ->
                if
                :: row == C -> tell_commit()
#ifdef MUT_11
                :: row == NOTHING -> coord[me] = OPEN_TXN; cas[me] = NOT_SENT
                :: row == A -> coord[me] = NONE
#else
                :: else -> coord[me] = NONE
#endif
                fi }
    /* The last to have taken over must not die: somebody has to be there at the end. */
    :: d_step { !dead && !healed && coord[me] != IDLE && epoch < EMAX -> coord[me] = IDLE; my_epoch[me] = 0 }

    /* All have acknowledged: the row goes. */
    :: d_step { !dead && coord[me] == COMMITTING && delete_row[me] == NOTHING &&
#ifdef MUT_GC
                SOME(HAS_ACKED)
#else
                ALL(HAS_ACKED)
#endif
                -> coord[me] = NONE; delete_row[me] = C; delete_epoch[me] = my_epoch[me] }
    /* An ABORT that a participant wrote may go if the transaction is of an older epoch: nobody can commit it. */
    :: d_step { !dead && coord[me] == NONE && my_epoch[me] == epoch && row == A && delete_row[me] == NOTHING &&
#ifdef MUT_GC_ABORT
                (my_epoch[me] > 1 || ALL(HAS_ABORTED))
#else
                my_epoch[me] > 1
#endif
                -> delete_row[me] = A; delete_epoch[me] = my_epoch[me] }
    :: d_step { delete_row[me] != NOTHING ->
                if
                :: delete_epoch[me] == epoch && row == delete_row[me] ->
                    has_ended = has_ended | (row == C); row = NOTHING
                :: else
                fi;
                delete_row[me] = NOTHING; delete_epoch[me] = 0 }

    /* A client asks the owner. What has ended the history knows. */
    :: d_step { !dead && coord[me] == NONE && my_epoch[me] == epoch && row != C && !has_ended && !told_aborted &&
                !(delete_row[me] == C) -> told_aborted = 1 }
#ifdef LIVE
    :: d_step { !healed -> healed = 1 }
#endif
#ifdef DEAD
    :: d_step { !dead -> dead = 1 }
#endif
    od
}

/* ---- A participant ---- */

#define OWNS(k) (coord[k] == NONE && my_epoch[k] == epoch)
#if K == 1
#define SOME_OWNER OWNS(0)
#elif K == 2
#define SOME_OWNER (OWNS(0) || OWNS(1))
#else
#define SOME_OWNER (OWNS(0) || OWNS(1) || OWNS(2))
#endif
#define READS(k) (coord[k] == TAKING && my_epoch[k] == epoch)
#if K == 1
#define SOME_TAKER READS(0)
#elif K == 2
#define SOME_TAKER (READS(0) || READS(1))
#else
#define SOME_TAKER (READS(0) || READS(1) || READS(2))
#endif

proctype Participant(byte me)
{
    do
    :: d_step { part[me] == ACTIVE -> part[me] = PREPARED; sent_yes[me] = 1 }
    :: d_step { part[me] == ACTIVE -> part[me] = ABORTED }

    /* It asks: only the owner of the newest epoch, who has read the rows, presumes. */
    :: d_step { !dead && SOME_OWNER && part[me] == PREPARED && !sent_abort[me] -> sent_abort[me] = 1 }
#ifdef MUT_12
    :: d_step { SOME_TAKER && part[me] == PREPARED && !sent_abort[me] -> sent_abort[me] = 1 }
#endif

    :: d_step { part[me] == PREPARED && sent_commit[me] -> part[me] = COMMITTED; acked_commit[me] = 1 }
    :: d_step { part[me] == PREPARED && sent_abort[me] -> part[me] = ABORTED; acked_abort[me] = 1 }
    :: d_step { part[me] == COMMITTED && sent_commit[me] && !acked_commit[me] -> acked_commit[me] = 1 }

#ifdef OPEN
    /* It writes ABORT if there is nothing, and adopts what there is. */
    :: d_step { part[me] == PREPARED && part_cas[me] == NOT_SENT -> part_cas[me] = ON_WAY }
    :: d_step { part_cas[me] == ON_WAY ->
                if
                :: row == C -> part_cas[me] = EXISTS_C
                :: else -> row = A; part_cas[me] = EXISTS_A
                fi }
    :: d_step { part[me] == PREPARED && part_cas[me] == EXISTS_C -> part[me] = COMMITTED }
    :: d_step { part[me] == PREPARED && part_cas[me] == EXISTS_A -> part[me] = ABORTED; acked_abort[me] = 1 }
#ifdef MUT_OPEN_TIMEOUT
    :: d_step { part[me] == PREPARED && part_cas[me] == ON_WAY -> part[me] = ABORTED }
#endif
#endif
    od
}

init {
    atomic {
        coord[0] = OPEN_TXN;
        my_epoch[0] = 1;
        for (each : 0 .. K - 1) {
            run Coordinator(each)
        }
        for (each : 0 .. N - 1) {
            run Participant(each)
        }
        each = 0
    }
}
