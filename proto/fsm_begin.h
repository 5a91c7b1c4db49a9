/* At the head of each machine's *.def: of its four lists, those that the file around has not defined are left out. */
#ifndef STATE
#define STATE(name, flags, meaning)
#endif
#ifndef EVENT
#define EVENT(name, meaning)
#endif
#ifndef EDGE
#define EDGE(from, event, guard, handler, to, rule)
#endif
#ifndef CELL
#define CELL(state, event, verdict, why)
#endif
