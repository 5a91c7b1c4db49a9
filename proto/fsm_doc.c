#include "proto/fsm_doc.h"

#include <string.h>

static bool has_flag(const struct vow_fsm *fsm, size_t state, unsigned flag)
{
    return (fsm->states[state].flags & flag) != 0;
}

/* Prints text with a backslash before each character that is in special. */
static void print_escaped(FILE *out, const char *text, const char *special)
{
    for (; *text != '\0'; text++) {
        if (strchr(special, *text) != NULL)
            fputc('\\', out);
        fputc(*text, out);
    }
}

/* "EVENT [guard]", the usual label of an edge. */
static void print_label(FILE *out, const struct vow_fsm *fsm, const struct vow_fsm_edge *edge, const char *special)
{
    print_escaped(out, fsm->events[edge->event].name, special);
    if (edge->guard[0] == '\0')
        return;
    fputs(" [", out);
    print_escaped(out, edge->guard, special);
    fputs("]", out);
}

/* --- Graphviz --- */

#define DOT_SPECIAL "\"\\"

void vow_fsm_print_dot(const struct vow_fsm *fsm, FILE *out)
{
    fprintf(out, "digraph \"%s\" {\n    rankdir=LR;\n    node [shape=box, style=rounded];\n", fsm->name);
    for (size_t i = 0; i < fsm->states_len; i++) {
        /* Durable states stand out, for they survive a crash. */
        fprintf(out, "    \"%s\" [peripheries=%d%s];\n", fsm->states[i].name, has_flag(fsm, i, VOW_FSM_FINAL) ? 2 : 1,
                has_flag(fsm, i, VOW_FSM_DURABLE) ? ", style=\"rounded,bold\"" : "");
        if (has_flag(fsm, i, VOW_FSM_INITIAL))
            fprintf(out, "    \"start %s\" [shape=point];\n    \"start %s\" -> \"%s\";\n", fsm->states[i].name,
                    fsm->states[i].name, fsm->states[i].name);
    }
    for (size_t i = 0; i < fsm->edges_len; i++) {
        const struct vow_fsm_edge *edge = &fsm->edges[i];
        fprintf(out, "    \"%s\" -> \"%s\" [label=\"", fsm->states[edge->from].name, fsm->states[edge->to].name);
        print_label(out, fsm, edge, DOT_SPECIAL);
        fputs("\"];\n", out);
    }
    fputs("}\n", out);
}

/* --- Mermaid --- */

/* A label may hold neither ';' nor ':', which end a statement and begin a label; Mermaid writes them as "#...;". */
static void print_mermaid_label(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == ';' || *text == ':' || *text == '#')
            fprintf(out, "#%d;", *text);
        else
            fputc(*text, out);
    }
}

void vow_fsm_print_mermaid(const struct vow_fsm *fsm, FILE *out)
{
    fputs("stateDiagram-v2\n", out);
    for (size_t i = 0; i < fsm->states_len; i++) {
        if (has_flag(fsm, i, VOW_FSM_INITIAL))
            fprintf(out, "    [*] --> %s\n", fsm->states[i].name);
    }
    for (size_t i = 0; i < fsm->edges_len; i++) {
        const struct vow_fsm_edge *edge = &fsm->edges[i];
        fprintf(out, "    %s --> %s: %s", fsm->states[edge->from].name, fsm->states[edge->to].name,
                fsm->events[edge->event].name);
        if (edge->guard[0] != '\0') {
            fputs(" [", out);
            print_mermaid_label(out, edge->guard);
            fputs("]", out);
        }
        fputs("\n", out);
    }
    for (size_t i = 0; i < fsm->states_len; i++) {
        if (has_flag(fsm, i, VOW_FSM_FINAL))
            fprintf(out, "    %s --> [*]\n", fsm->states[i].name);
    }
}

/* --- Markdown --- */

#define MARKDOWN_SPECIAL "|\\*_<>`"

/* " text |": one cell of a row. */
static void print_cell(FILE *out, const char *text)
{
    fputc(' ', out);
    print_escaped(out, text, MARKDOWN_SPECIAL);
    fputs(" |", out);
}

/* A header row and the line under it. columns: words joined by '|'. */
static void print_columns(FILE *out, const char *columns)
{
    fprintf(out, "\n|%s|\n|---", columns);
    for (; *columns != '\0'; columns++) {
        if (*columns == '|')
            fputs("|---", out);
    }
    fputs("|\n", out);
}

static void print_states(const struct vow_fsm *fsm, FILE *out)
{
    static const struct {
        unsigned flag;
        const char *word;
    } kinds[] = {{VOW_FSM_INITIAL, "initial"}, {VOW_FSM_FINAL, "final"}, {VOW_FSM_DURABLE, "durable"}};
    print_columns(out, " State | Kind | Meaning ");
    for (size_t i = 0; i < fsm->states_len; i++) {
        fputs("|", out);
        print_cell(out, fsm->states[i].name);
        const char *space = " ";
        for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
            if (!has_flag(fsm, i, kinds[k].flag))
                continue;
            fprintf(out, "%s%s", space, kinds[k].word);
            space = ", ";
        }
        fputs(" |", out);
        print_cell(out, fsm->states[i].meaning);
        fputs("\n", out);
    }
}

static void print_events(const struct vow_fsm *fsm, FILE *out)
{
    print_columns(out, " Event | Meaning ");
    for (size_t i = 0; i < fsm->events_len; i++) {
        fputs("|", out);
        print_cell(out, fsm->events[i].name);
        print_cell(out, fsm->events[i].meaning);
        fputs("\n", out);
    }
}

static void print_edges(const struct vow_fsm *fsm, FILE *out)
{
    print_columns(out, " From | Event | Guard | To | Rule ");
    for (size_t i = 0; i < fsm->edges_len; i++) {
        const struct vow_fsm_edge *edge = &fsm->edges[i];
        fputs("|", out);
        print_cell(out, fsm->states[edge->from].name);
        print_cell(out, fsm->events[edge->event].name);
        print_cell(out, edge->guard[0] == '\0' ? "always" : edge->guard);
        print_cell(out, fsm->states[edge->to].name);
        print_cell(out, edge->rule);
        fputs("\n", out);
    }
}

static const char *verdict_word(enum vow_fsm_verdict verdict)
{
    return verdict == VOW_FSM_IGNORE ? "ignored" : "error";
}

/* True if an edge before the one at `index` leads from the same cell to the same state. */
static bool is_named_already(const struct vow_fsm *fsm, size_t index)
{
    const struct vow_fsm_edge *edge = &fsm->edges[index];
    for (size_t i = 0; i < index; i++) {
        const struct vow_fsm_edge *other = &fsm->edges[i];
        if (other->from == edge->from && other->event == edge->event && other->to == edge->to)
            return true;
    }
    return false;
}

/* Where one cell leads to, in bold, or its verdict. */
static void print_matrix_cell(const struct vow_fsm *fsm, size_t state, size_t event, FILE *out)
{
    const char *before = " **";
    bool has_edge = false;
    for (size_t i = 0; i < fsm->edges_len; i++) {
        const struct vow_fsm_edge *edge = &fsm->edges[i];
        if (edge->from != state || edge->event != event || is_named_already(fsm, i))
            continue;
        fputs(before, out);
        print_escaped(out, fsm->states[edge->to].name, MARKDOWN_SPECIAL);
        before = ", ";
        has_edge = true;
    }
    for (size_t i = 0; i < fsm->cells_len; i++) {
        const struct vow_fsm_cell *cell = &fsm->cells[i];
        if (cell->state == state && cell->event == event)
            fprintf(out, " %s", verdict_word(cell->verdict));
    }
    fputs(has_edge ? "** |" : " |", out);
}

/* States run across: a machine has fewer of them than events. */
static void print_matrix(const struct vow_fsm *fsm, FILE *out)
{
    fputs("\n| Event |", out);
    for (size_t state = 0; state < fsm->states_len; state++)
        print_cell(out, fsm->states[state].name);
    fputs("\n|---|", out);
    for (size_t state = 0; state < fsm->states_len; state++)
        fputs("---|", out);
    fputs("\n", out);
    for (size_t event = 0; event < fsm->events_len; event++) {
        fputs("|", out);
        print_cell(out, fsm->events[event].name);
        for (size_t state = 0; state < fsm->states_len; state++)
            print_matrix_cell(fsm, state, event, out);
        fputs("\n", out);
    }
}

static void print_cells(const struct vow_fsm *fsm, FILE *out)
{
    print_columns(out, " State | Event | Verdict | Why ");
    for (size_t i = 0; i < fsm->cells_len; i++) {
        const struct vow_fsm_cell *cell = &fsm->cells[i];
        fputs("|", out);
        print_cell(out, fsm->states[cell->state].name);
        print_cell(out, fsm->events[cell->event].name);
        print_cell(out, verdict_word(cell->verdict));
        print_cell(out, cell->why);
        fputs("\n", out);
    }
}

void vow_fsm_print_markdown(const struct vow_fsm *fsm, FILE *out)
{
    fprintf(out, "## %s\n\n### States\n", fsm->name);
    print_states(fsm, out);
    fputs("\n### Events\n", out);
    print_events(fsm, out);
    fputs("\n### Edges\n", out);
    print_edges(fsm, out);
    fputs("\n### Every event in every state\n", out);
    print_matrix(fsm, out);
    fputs("\n### Why an event changes nothing\n", out);
    print_cells(fsm, out);
}
