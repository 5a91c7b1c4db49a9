/*
 * A state table as people read it: Graphviz DOT, Mermaid, Markdown. What docs/ shows is printed from the tables that
 * the cores run on, so a change of the protocol is a change of a diagram. Uses stdio; a write that goes wrong is left
 * to ferror().
 */
#ifndef VOW_PROTO_FSM_DOC_H
#define VOW_PROTO_FSM_DOC_H

#include <stdio.h>

#include "proto/fsm.h"

void vow_fsm_print_dot(const struct vow_fsm *fsm, FILE *out);
/* A stateDiagram-v2, without the fence around it. */
void vow_fsm_print_mermaid(const struct vow_fsm *fsm, FILE *out);
/* States, events, edges, the matrix of all cells, and why each cell without an edge is ignored or an error. */
void vow_fsm_print_markdown(const struct vow_fsm *fsm, FILE *out);

#endif
