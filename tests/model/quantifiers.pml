/* ALL(P) and SOME(P): P(i) holds for all, for some of the participants 0 to N - 1. P is a macro of one argument. */
#if N == 1
#define ALL(P) (P(0))
#define SOME(P) (P(0))
#elif N == 2
#define ALL(P) (P(0) && P(1))
#define SOME(P) (P(0) || P(1))
#elif N == 3
#define ALL(P) (P(0) && P(1) && P(2))
#define SOME(P) (P(0) || P(1) || P(2))
#elif N == 4
#define ALL(P) (P(0) && P(1) && P(2) && P(3))
#define SOME(P) (P(0) || P(1) || P(2) || P(3))
#elif N == 5
#define ALL(P) (P(0) && P(1) && P(2) && P(3) && P(4))
#define SOME(P) (P(0) || P(1) || P(2) || P(3) || P(4))
#endif

/* Sets an array for all participants, within a d_step. */
#define FOR_ALL(statement) for (each : 0 .. N - 1) { statement } each = 0

/* One property at a time with -DONLY=NAME, so that a mutant is seen breaking the one that it is said to break. */
#ifdef ONLY
#define MUST_HOLD(property, holds)
#else
#define MUST_HOLD(property, holds) \
    :: d_step { !(property) -> holds = 0; assert(holds) }
#endif
