/*
 * M1 follows a trace: what a transaction of the simulator was seen doing, a line a step (docs/model.md has the format).
 * A step that is a line happens only where it is the next line; all other steps are hidden and happen at any time. So
 * the trace is a behaviour of the model if, and only if, the search can reach its end: that is the "error" looked for.
 *
 * The trace is read when pan starts, from the file that the environment variable VOW_TRACE names.
 */
#define TRACE_END               1
#define COORD_SENDS_PREPARE     2
#define COORD_SENDS_COMMIT      3
#define COORD_SENDS_ABORT       4
#define COORD_FORCED_C          5
#define COORD_FORCED_END        6
#define COORD_ANSWERS_COMMITTED 7
#define COORD_ANSWERS_ABORTED   8
#define COORD_CRASHES           9
#define PART_FORCED_P           10
#define PART_FORCED_C           11
#define PART_DROPPED_P          12
#define PART_SENDS_YES          13
#define PART_SENDS_RO           14
#define PART_SENDS_NO           15
#define PART_SENDS_ACK          16
#define PART_ASKS               17
#define PART_TELLS_COMMIT       18
#define PART_TELLS_ABORT        19
#define PART_CRASHES            20
/* 21, "part P sends norecord": no step of the model is that. */

#define TRACE_MAX 1000
hidden byte trace_line[TRACE_MAX]; /* never written after the start, so it is no part of a state */
hidden byte trace_participants;
short at; /* the next line */
hidden byte is_accepted;

c_decl {
void trace_read(unsigned char *lines, int lines_max, unsigned char *participants);
}

#define ANY_TIME              true
#define IS_NEXT(line, who)    (trace_line[at] == (line) * 8 + (who))
#define TRACED(line, who)     IS_NEXT(line, who)
/* A process that dies between the sync and the word of it: the line is missing, the record is there. */
#define FORCED(line, or, who) (IS_NEXT(line, who) || IS_NEXT(or, who))
#define NEXT                  at++
#define NEXT_IF(line, who)                     \
    if                                         \
    :: IS_NEXT(line, who) -> at++              \
    :: else                                    \
    fi

/*
 * Lines that change nothing, for what the model knows: a late PREPARE meets a branch that has ended, however it did,
 * and the coordinator counts the first vote alone; the store does again what it has done.
 */
#define TRACED_PARTICIPANT                                                                              \
    :: d_step { (part[me] == UNKNOWN || part[me] == ABORTED || part[me] == COMMITTED) && sent_prepare[me] && \
                IS_NEXT(PART_SENDS_NO, me) -> at++ }                                                    \
    :: d_step { part[me] == PREPARED && IS_NEXT(PART_ASKS, me) -> at++ }                                \
    :: d_step { (part_log[me] == C || part_log[me] == F) && HEARS_COMMIT && IS_NEXT(PART_FORCED_C, me) -> at++ } \
    :: d_step { (part[me] == UNKNOWN || part[me] == ABORTED) && part_log[me] != F &&                    \
                IS_NEXT(PART_DROPPED_P, me) -> at++ }

/* Participants that the trace does not have do nothing: as if they had voted READ-ONLY. */
inline trace_load() {
    c_code { trace_read(trace_line, 1000, &trace_participants); };
    for (each : 0 .. N - 1) {
        if
        :: each >= trace_participants -> part[each] = UNKNOWN; sent_ro[each] = 1; sent_prepare[each] = 1
        :: else
        fi
    }
}

active proctype Accepted()
{
    d_step { IS_NEXT(TRACE_END, 0) -> is_accepted = 0; assert(is_accepted) }
}
