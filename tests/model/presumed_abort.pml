/*
 * M1: presumed abort, protocol 2.2 to 2.8. One transaction, one coordinator, N participants, crashes of all of them.
 * docs/model.md says what is modelled and how to read the options; tests/model/run runs it.
 *
 *   -DN=2        participants
 *   -DCC=1       crashes of the coordinator
 *   -DPC=1       crashes of each participant
 *   -DHEUR=1     heuristic decisions of an operator
 *   -DLIVE       liveness: faults may stop for good at any time, and the claim is that everything ends then
 *   -DDEAD       the coordinator may die and not come back
 *   -DMUT_n      mistake n of protocol 2.10
 *   -DONLY=AC1   checks this property alone
 *   -DAPART      what is one step by the argument below is several
 *   -DTRACE      the search follows a trace that was recorded (trace.pml)
 *
 * A message is a bit, "it was sent at some time". It stays: so it may be delivered never, late, often and in any order.
 * A crash and the restart after it are one step: a process that is down cannot be told from one that is slow.
 * What is done in one step here and in several by the code (a record is forced, then a message is sent) is so because a
 * crash in between cannot be told from the loss of the message.
 */
#ifndef N
#define N 2
#endif
#ifndef CC
#define CC 0
#endif
#ifndef PC
#define PC 0
#endif
#ifndef HEUR
#define HEUR 0
#endif
#include "quantifiers.pml"

/* The coordinator, in memory. There is no aborting state: an abort is NONE. */
#define ACTIVE     0 /* open; a participant: at work */
#define PREPARING  1 /* PREPARE was sent */
#define DECIDING   2 /* the force of COMMIT is submitted, the outcome is the log's */
#define COMMITTING 3 /* COMMIT is durable */
#define NONE       4 /* no entry: ended, or not begun in this life */

/* Its log. */
#define NOTHING 0
#define COMMIT  1
#define END     2 /* COMMIT and END */

/* A participant, in memory: ACTIVE, or */
#define UNKNOWN   1 /* no record */
#define PREPARED  2
#define COMMITTED 3
#define ABORTED   4 /* and it remembers that */
#define HEURISTIC 5
#define HALFWAY   6 /* mutants only: what must be one step is two */

/* Its log: NOTHING, or */
#define P  1 /* PREPARED */
#define C  2 /* COMMITTED: the tombstone */
#define F  3 /* the forget watermark, and the tombstone is gone */
#define HC 4 /* HEURISTIC, committed */
#define HA 5 /* HEURISTIC, aborted */

/* What has become of a branch, whoever remembers it: NOTHING, or */
#define DID_COMMIT 1
#define DID_ABORT  2
#define DID_HEUR   3 /* an operator decided, and nothing has agreed with it so far */

byte coord = ACTIVE, coord_log = NOTHING, coord_crashes = CC;
byte part[N], part_log[N], did[N], part_crashes[N];
byte heuristics = HEUR;
bit healed, dead;

/* Messages from the coordinator, to it, between participants. An inquiry and a late YES are answered alike: one bit. */
bit sent_prepare[N], sent_commit[N], sent_abort[N], sent_watermark;
bit sent_yes[N], sent_ro[N], sent_ack[N], sent_report[N];
bit peer_commit[N], peer_abort[N];
bit told_committed, told_aborted; /* the client */

bit yes_list[N];   /* of the COMMIT record */
bit all_read_only; /* committed without a record: a note, which is not forced */
bit is_note_lost;  /* ... and a crash took it */
bit damage;        /* a forced record of it */
bit is_fresh[N];   /* the work is not all that the client asked for: a restart lost the rest */
bit applied[N];    /* the changes of a committed branch are in the tables */

hidden byte each;

#ifdef TRACE
#define APART
#include "trace.pml"
#else
#define ANY_TIME              false
#define TRACED(line, who)     true
#define FORCED(line, or, who) true
#define NEXT                  skip
#define NEXT_IF(line, who)    skip
#endif

#ifdef APART
#define MERGED(statement) skip
bit in_doubt[N]; /* it has been prepared, and may ask */
bit abort_to[N]; /* ABORT is on its way out */
#define IN_DOUBT(i) (in_doubt[i])
#else
#define MERGED(statement) statement
#define IN_DOUBT(i) (sent_yes[i])
#endif

/* ---- Properties ---- */

#define IS_COMMITTED(i) (did[i] == DID_COMMIT)
#define IS_ABORTED(i)   (did[i] == DID_ABORT)
#define SAID_YES(i)     (sent_yes[i] || sent_ro[i])
#define IS_KEPT(i)      (!sent_yes[i] || did[i] != NOTHING || part_log[i] == P)
#define IS_DURABLE(i)   (part_log[i] == C || part_log[i] == F || (did[i] == DID_HEUR && damage))
#define IS_DONE(i)      (!yes_list[i] || IS_DURABLE(i))
#define IS_ACK_TRUE(i)  (!sent_ack[i] || part_log[i] == C || part_log[i] == F)
#define IS_FORGOT(i)    (part_log[i] != F || coord_log == END)
#define IS_WHOLE(i)     (!is_fresh[i] || !SAID_YES(i))
#define IS_LOCKED(i)    (part_log[i] != P || did[i] != NOTHING || part[i] == PREPARED)
#define IS_APPLIED(i)   (!sent_ack[i] || applied[i])
#define IS_REPORTED(i)  (did[i] != DID_HEUR || part_log[i] == HC || part_log[i] == HA || damage)

/* No two durable decisions differ, heuristics apart; the log's is one of them. */
#define AC1 (!((SOME(IS_COMMITTED) || coord_log != NOTHING) && SOME(IS_ABORTED)))
/* Committed only if all voted YES or READ-ONLY. */
#define AC3 (!(SOME(IS_COMMITTED) || coord_log != NOTHING || all_read_only) || ALL(SAID_YES))
/* The client was told one thing. Not so if all were READ-ONLY and the note was lost: nobody can tell the difference. */
#define ONE_ANSWER (!(told_committed && told_aborted))
/* What the client was told is the outcome. */
#define CLIENT                                                           \
    ((ONE_ANSWER || is_note_lost) && (!told_aborted || coord_log == NOTHING) && \
     (!told_committed || coord_log != NOTHING || all_read_only))
#define KEPT     ALL(IS_KEPT)                         /* YES: PREPARED stays durable until the decision */
#define ENDED    (coord_log != END || ALL(IS_DONE))   /* END: all of the yes-list are durable */
#define ACKED    ALL(IS_ACK_TRUE)                     /* ACK: COMMITTED is durable */
#define FORGOT   ALL(IS_FORGOT)                       /* a tombstone goes only after END */
#define WHOLE    ALL(IS_WHOLE)                        /* nobody votes for half of the work */
#define LOCKS    ALL(IS_LOCKED)                       /* what is in doubt is locked */
#define APPLIED  ALL(IS_APPLIED)                      /* what is acknowledged is in the tables, once */
#define REPORTED ALL(IS_REPORTED)                     /* no heuristic that differs is forgotten in silence */

#if !defined(LIVE) && !defined(TRACE)
hidden byte holds_AC1 = 1, holds_AC3 = 1, holds_CLIENT = 1, holds_KEPT = 1, holds_ENDED = 1, holds_ACKED = 1;
hidden byte holds_FORGOT = 1, holds_WHOLE = 1, holds_LOCKS = 1, holds_APPLIED = 1, holds_REPORTED = 1, holds_ONLY = 1;

active proctype Properties()
{
    do
    MUST_HOLD(AC1, holds_AC1)
    MUST_HOLD(AC3, holds_AC3)
    MUST_HOLD(CLIENT, holds_CLIENT)
    MUST_HOLD(KEPT, holds_KEPT)
    MUST_HOLD(ENDED, holds_ENDED)
    MUST_HOLD(ACKED, holds_ACKED)
    MUST_HOLD(FORGOT, holds_FORGOT)
    MUST_HOLD(WHOLE, holds_WHOLE)
    MUST_HOLD(LOCKS, holds_LOCKS)
    MUST_HOLD(APPLIED, holds_APPLIED)
    MUST_HOLD(REPORTED, holds_REPORTED)
#ifdef ONLY
    :: d_step { !(ONLY) -> holds_ONLY = 0; assert(holds_ONLY) }
#endif
    od
}
#endif

#ifdef LIVE
#define IS_DECIDED(i)   (part[i] != ACTIVE && part[i] != PREPARED && part[i] != HEURISTIC)
#define IS_FORGOTTEN(i) (IS_DECIDED(i) && part[i] != COMMITTED)
#define KNOWS(i)        (part[i] == COMMITTED || part[i] == ABORTED || part[i] == ACTIVE)
#ifdef DEAD
#ifdef COOPERATIVE
/* Whoever can reach somebody who knows is not blocked. */
ltl live { <> [] (ALL(IS_DECIDED) || !SOME(KNOWS)) }
#else
/* The blocking of two-phase commit: this one must fail. */
ltl live { <> ALL(IS_DECIDED) }
#endif
#else
/* Nobody remembers anything, at both ends. */
ltl live { <> [] (ALL(IS_FORGOTTEN) && coord == NONE && coord_log != COMMIT) }
#endif
#endif

/* ---- The coordinator: 2.2 ---- */

#define VOTED(i)     SAID_YES(i)
#define VOTED_YES(i) (sent_yes[i])
#define HAS_REPORTED(i) (sent_report[i])
#define HAS_ACKED(i)    (!yes_list[i] || sent_ack[i] || (sent_report[i] && damage && part_log[i] == NOTHING))
#ifdef MUT_4
#define FIRST_ACK(i)    (yes_list[i] && sent_ack[i])
#define ENOUGH_ACKS     SOME(FIRST_ACK)
#else
#define ENOUGH_ACKS     ALL(HAS_ACKED)
#endif

/* Tells the yes-list and the client. */
inline tell_commit() {
    MERGED(told_committed = 1);
    MERGED(FOR_ALL(sent_commit[each] = sent_commit[each] | yes_list[each];));
    skip
}

/* The votes are dropped with the entry, so that this transaction cannot be committed any more. Whoever voted NO or
 * READ-ONLY needs no ABORT, and ignores it. */
inline abort() {
    coord = NONE;
    MERGED(told_aborted = 1);
    MERGED(FOR_ALL(sent_abort[each] = 1;));
#ifdef APART
    FOR_ALL(abort_to[each] = 1;);
#endif
    skip
}

proctype Coordinator()
{
    do
    :: d_step { !dead && coord == ACTIVE -> coord = PREPARING; MERGED(FOR_ALL(sent_prepare[each] = 1;)); skip }

    /* A NO, a vote that does not come, a participant that is lost, the client: all may come at any time. */
    :: d_step { !dead && (coord == ACTIVE || coord == PREPARING) -> abort(); }

    :: d_step { !dead && coord == PREPARING && ALL(VOTED) && !SOME(VOTED_YES) ->
                coord = NONE; all_read_only = 1; MERGED(told_committed = 1) }

    :: d_step { !dead && coord == PREPARING && ALL(VOTED) && SOME(VOTED_YES) ->
                coord = DECIDING;
#ifdef MUT_1
                FOR_ALL(sent_commit[each] = sent_yes[each];); told_committed = 1;
#endif
                skip }

    :: d_step { !dead && coord == DECIDING && FORCED(COORD_FORCED_C, COORD_CRASHES, 0) ->
                coord = COMMITTING; coord_log = COMMIT;
#ifdef MUT_17
                FOR_ALL(yes_list[each] = 1;);
#else
                FOR_ALL(yes_list[each] = sent_yes[each];);
#endif
                tell_commit(); NEXT_IF(COORD_FORCED_C, 0) }

    /* END is not forced. The entry may go at once: all of the yes-list are durable. */
    :: d_step { !dead && coord == COMMITTING && ENOUGH_ACKS -> coord = NONE }
    :: d_step { !dead && coord == NONE && coord_log == COMMIT && FORCED(COORD_FORCED_END, COORD_CRASHES, 0) ->
                coord_log = END; NEXT_IF(COORD_FORCED_END, 0) }

    /* Below the watermark everything has a durable END, or never commits. */
    :: d_step { !dead && coord == NONE && coord_log != COMMIT && (!sent_watermark || ANY_TIME) -> sent_watermark = 1 }

    /* A crash; recovery reads the log: COMMIT without END is open again, the rest never was. */
    :: atomic { !dead && (coord_crashes > 0 || ANY_TIME) && TRACED(COORD_CRASHES, 0) -> /* no d_step: it has a choice */
                if
                :: ANY_TIME
                :: else -> coord_crashes--
                fi;
                if
                :: coord_log == COMMIT ->
                    coord = COMMITTING;
#ifdef MUT_13
                    FOR_ALL(yes_list[each] = 0;);
#endif
                :: coord_log == NOTHING && !all_read_only -> coord = NONE; MERGED(told_aborted = 1)
                :: all_read_only -> coord = NONE; is_note_lost = 1; MERGED(told_aborted = 1)
                :: coord_log == END || all_read_only -> coord = NONE
                fi;
#ifdef APART
                FOR_ALL(abort_to[each] = 0;);
#endif
                NEXT }

#ifdef APART
    :: d_step { !dead && coord_log != NOTHING && coord != DECIDING && (!told_committed || ANY_TIME) &&
                TRACED(COORD_ANSWERS_COMMITTED, 0) -> told_committed = 1; NEXT }
    :: d_step { !dead && all_read_only && !is_note_lost && (!told_committed || ANY_TIME) &&
                TRACED(COORD_ANSWERS_COMMITTED, 0) -> told_committed = 1; NEXT }
    :: d_step { !dead && coord == NONE && coord_log == NOTHING && (!all_read_only || is_note_lost) &&
                (!told_aborted || ANY_TIME) && TRACED(COORD_ANSWERS_ABORTED, 0) -> told_aborted = 1; NEXT }
#endif

#ifdef MUT_15
    /* The fsync of COMMIT failed, what it was to write is dropped, and the next fsync says that all is well. */
    :: d_step { coord == DECIDING ->
                coord = COMMITTING; FOR_ALL(yes_list[each] = sent_yes[each];); tell_commit(); }
#endif
#ifdef MUT_16
    :: d_step { coord == DECIDING -> FOR_ALL(sent_abort[each] = 1;); told_aborted = 1 }
#endif
#ifdef DEAD
    :: d_step { !dead -> dead = 1 }
#endif
#if HEUR
    /* A damage record is forced, whatever the entry's state; an operator lets it be forgotten. */
    :: d_step { !dead && !damage && SOME(HAS_REPORTED) -> damage = 1 }
#endif
#ifdef LIVE
    :: d_step { !healed -> healed = 1; coord_crashes = 0; FOR_ALL(part_crashes[each] = 0;) }
#endif
    od
}

/* ---- A participant, and what the coordinator says to it: 2.3, 2.6, 2.7 ---- */

/* Is anybody else in doubt, or was? Only they ask. */
#define ASKS(j)   (j != me && IN_DOUBT(j))
#define SAYS_C(j) (j != me && peer_commit[j])
#define SAYS_A(j) (j != me && peer_abort[j])
#define HEARS_COMMIT (sent_commit[me] || SOME(SAYS_C))
#define HEARS_ABORT  (sent_abort[me] || SOME(SAYS_A))

inline commit_branch() {
    part_log[me] = C; part[me] = COMMITTED; did[me] = DID_COMMIT; applied[me] = 1; MERGED(sent_ack[me] = 1)
}

proctype Participant(byte me)
{
    do
    /* An inquiry, or a late YES: only a coordinator without an entry presumes (protocol 2.6). */
    :: d_step { !dead && coord == NONE && IN_DOUBT(me) && (!sent_abort[me] || ANY_TIME) &&
                TRACED(COORD_SENDS_ABORT, me) -> sent_abort[me] = 1; NEXT }

#ifdef APART
    :: d_step { !dead && coord == PREPARING && (!sent_prepare[me] || ANY_TIME) && TRACED(COORD_SENDS_PREPARE, me) ->
                sent_prepare[me] = 1; NEXT }
    :: d_step { !dead && coord_log != NOTHING && coord != DECIDING && yes_list[me] && (!sent_commit[me] || ANY_TIME) &&
                TRACED(COORD_SENDS_COMMIT, me) -> sent_commit[me] = 1; NEXT }
    :: d_step { !dead && coord == NONE && abort_to[me] && (!sent_abort[me] || ANY_TIME) &&
                TRACED(COORD_SENDS_ABORT, me) -> sent_abort[me] = 1; NEXT }
    :: d_step { part[me] == PREPARED && part_log[me] == P && (!sent_yes[me] || ANY_TIME) &&
                TRACED(PART_SENDS_YES, me) -> sent_yes[me] = 1; NEXT }
#endif

    /* PREPARE: it votes READ-ONLY, YES or NO. A NO has no bit: it does to the coordinator what a missing vote does. */
    :: d_step { part[me] == ACTIVE && sent_prepare[me] && TRACED(PART_SENDS_RO, me) ->
                part[me] = UNKNOWN; sent_ro[me] = 1; NEXT }
    :: d_step { part[me] == ACTIVE && sent_prepare[me] && FORCED(PART_FORCED_P, PART_CRASHES, me) ->
#ifdef MUT_2
                part[me] = HALFWAY;
#else
                part[me] = PREPARED; part_log[me] = P;
#endif
#ifdef APART
                in_doubt[me] = 1;
#endif
                MERGED(sent_yes[me] = 1); NEXT_IF(PART_FORCED_P, me) }
#ifdef MUT_2
    :: d_step { part[me] == HALFWAY -> part[me] = PREPARED; part_log[me] = P }
#endif
    /* NO, ABORT, or it gives up alone before its vote. */
    :: d_step { part[me] == ACTIVE -> part[me] = ABORTED; did[me] = DID_ABORT }

    /* PREPARED: the decision, from the coordinator or from a peer. Never alone. */
    :: d_step { part[me] == PREPARED && HEARS_COMMIT && FORCED(PART_FORCED_C, PART_CRASHES, me) ->
                assert(did[me] != DID_ABORT); /* AC2 */
#if defined(MUT_3)
                part[me] = HALFWAY; sent_ack[me] = 1;
#elif defined(MUT_18)
                part[me] = HALFWAY; part_log[me] = C; did[me] = DID_COMMIT;
#else
                commit_branch();
#endif
                NEXT_IF(PART_FORCED_C, me) }
#if defined(MUT_3) || defined(MUT_18)
    :: d_step { part[me] == HALFWAY -> commit_branch(); }
#endif
    /* An abort is not forced: until the next sync a crash brings the branch back. */
    :: d_step { part[me] == PREPARED && HEARS_ABORT && FORCED(PART_DROPPED_P, PART_CRASHES, me) ->
                assert(did[me] != DID_COMMIT); /* AC2 */
                part[me] = ABORTED; did[me] = DID_ABORT; NEXT_IF(PART_DROPPED_P, me) }
    :: d_step { part[me] == ABORTED && part_log[me] == P -> part_log[me] = NOTHING }

    /* COMMIT again: only a durable tombstone, or the watermark, acknowledges it. */
    :: d_step { (part_log[me] == C || part_log[me] == F) && part[me] != HALFWAY && HEARS_COMMIT &&
                (!sent_ack[me] || ANY_TIME) && TRACED(PART_SENDS_ACK, me) -> sent_ack[me] = 1; NEXT }
    :: d_step { part_log[me] == C && part[me] == COMMITTED && sent_watermark -> part_log[me] = F; part[me] = UNKNOWN }

#ifndef NO_PEERS
    /* A peer in doubt asks: 2.6. Who is PREPARED is uncertain, who has no record has no information. */
    :: d_step { part[me] == COMMITTED && SOME(ASKS) && (!peer_commit[me] || ANY_TIME) &&
                TRACED(PART_TELLS_COMMIT, me) -> peer_commit[me] = 1; NEXT }
    :: d_step { part[me] == ABORTED && SOME(ASKS) && (!peer_abort[me] || ANY_TIME) && TRACED(PART_TELLS_ABORT, me) ->
                peer_abort[me] = 1; NEXT }
    :: d_step { part[me] == ACTIVE && SOME(ASKS) && TRACED(PART_TELLS_ABORT, me) ->
                part[me] = ABORTED; did[me] = DID_ABORT; peer_abort[me] = 1; NEXT }
#endif

    /* A crash, and recovery. Work that was not prepared is lost; work that PREPARE ships may not have begun. */
    :: d_step { (part_crashes[me] > 0 || ANY_TIME) && TRACED(PART_CRASHES, me) ->
                if
                :: ANY_TIME
                :: else -> part_crashes[me]--
                fi;
                if
                :: part_log[me] == P ->
#ifdef MUT_14
                    part[me] = HALFWAY;
#else
                    part[me] = PREPARED;
#endif
                :: part_log[me] == C -> part[me] = COMMITTED
                :: part_log[me] == HC || part_log[me] == HA -> part[me] = HEURISTIC
                :: part[me] == ACTIVE ->
#ifdef MUT_19
                    is_fresh[me] = 1;
#else
                    part[me] = UNKNOWN; did[me] = DID_ABORT;
#endif
                :: else -> part[me] = UNKNOWN
                fi;
                NEXT }
    :: d_step { (part_crashes[me] > 0 || ANY_TIME) && part[me] == ACTIVE && !sent_prepare[me] &&
                TRACED(PART_CRASHES, me) ->
                if
                :: ANY_TIME
                :: else -> part_crashes[me]--
                fi;
                NEXT }

#if HEUR
    /* An operator decides for a branch in doubt. The record stays until a decision agrees, or the damage is known. */
    :: d_step { part[me] == PREPARED && part_log[me] == P && heuristics > 0 && did[me] == NOTHING ->
                heuristics--; part[me] = HEURISTIC; part_log[me] = HC; did[me] = DID_HEUR }
    :: d_step { part[me] == PREPARED && part_log[me] == P && heuristics > 0 && did[me] == NOTHING ->
                heuristics--; part[me] = HEURISTIC; part_log[me] = HA; did[me] = DID_HEUR }
    :: d_step { part_log[me] == HC && sent_commit[me] -> commit_branch(); }
    :: d_step { part_log[me] == HA && sent_abort[me] ->
                part_log[me] = NOTHING; part[me] = ABORTED; did[me] = DID_ABORT }
    :: d_step { part_log[me] == HA && sent_commit[me] && !sent_report[me] -> sent_report[me] = 1 }
    :: d_step { part_log[me] == HC && sent_abort[me] && !sent_report[me] ->
#ifdef MUT_22
                part_log[me] = NOTHING; part[me] = UNKNOWN
#else
                sent_report[me] = 1
#endif
                }
    :: d_step { part[me] == HEURISTIC && sent_report[me] && damage -> part_log[me] = NOTHING; part[me] = UNKNOWN }
#endif

#ifdef MUT_5
    :: d_step { part[me] == PREPARED -> part[me] = ABORTED; did[me] = DID_ABORT }
#endif
#ifdef MUT_6
    :: d_step { (coord == PREPARING || coord == DECIDING) && sent_yes[me] && !sent_abort[me] -> sent_abort[me] = 1 }
#endif
#ifdef MUT_7
    :: d_step { part[me] == UNKNOWN && part_log[me] == NOTHING && SOME(ASKS) && !peer_abort[me] -> peer_abort[me] = 1 }
#endif
#ifdef MUT_8
    /* It forgets what it has acknowledged, before the watermark, or (MUT_8_F) below it. */
    :: d_step { part[me] == COMMITTED && part_log[me] == C && sent_ack[me] -> part_log[me] = F; part[me] = UNKNOWN }
#endif
#if defined(MUT_8) || defined(MUT_8_F)
    :: d_step { part[me] == UNKNOWN && part_log[me] == F && SOME(ASKS) && !peer_abort[me] -> peer_abort[me] = 1 }
#endif
#ifdef MUT_12
    /* The coordinator is back and has not read its log yet. */
    :: d_step { coord_crashes < CC && coord == COMMITTING && sent_yes[me] && !sent_abort[me] -> sent_abort[me] = 1 }
#endif
#ifdef MUT_14
    :: d_step { part[me] == HALFWAY -> part[me] = PREPARED }
#endif
#ifdef MUT_20
    /* Presumed commit. */
    :: d_step { coord == NONE && sent_yes[me] && !sent_commit[me] -> sent_commit[me] = 1 }
#endif
#ifdef MUT_21
    /* Another coordinator is asked. It does not know the transaction. */
    :: d_step { part[me] == PREPARED && !sent_abort[me] -> sent_abort[me] = 1 }
#endif
#ifdef TRACE
    TRACED_PARTICIPANT
#endif
    od
}

init {
    atomic {
#ifdef TRACE
        trace_load();
#endif
        for (each : 0 .. N - 1) {
            part_crashes[each] = PC;
            run Participant(each)
        }
        each = 0;
        run Coordinator()
    }
}
