#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/fsm_doc.h"

/* Names and words with every character that one of the three forms could trip over. */
static const struct vow_fsm_state states[] = {{"NONE", VOW_FSM_INITIAL | VOW_FSM_FINAL, "no entry"},
                                              {"IN_DOUBT", VOW_FSM_DURABLE, "a|b"}};
static const struct vow_fsm_event events[] = {{"ASK", "asked"}, {"END", "ended"}};
static const struct vow_fsm_edge edges[] = {{0, 0, 1, "n > \"1\"; else: #2", "on_ask", "R1"},
                                            {0, 0, 0, "", "on_ask", "R2"},
                                            {1, 1, 0, "", "on_end", "R3"},
                                            {1, 1, 0, "again", "on_end", "R3"}};
static const struct vow_fsm_cell cells[] = {{0, 1, VOW_FSM_PROTOCOL_ERROR, "nothing to end"},
                                            {1, 0, VOW_FSM_IGNORE, "it was asked"}};
static const struct vow_fsm fsm = {
    .name = "doubt",
    .states = states,
    .events = events,
    .edges = edges,
    .cells = cells,
    .states_len = 2,
    .events_len = 2,
    .edges_len = 4,
    .cells_len = 2,
};

static void expect_printed(void (*print)(const struct vow_fsm *, FILE *), const char *wanted)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    print(&fsm, out);
    fclose(out);
    cr_expect_str_eq(text, wanted);
    free(text);
}

Test(fsm_doc, the_table_is_a_good_one)
{
    char why[160];
    cr_expect_null(vow_fsm_check(&fsm, why, sizeof(why)));
}

Test(fsm_doc, dot)
{
    expect_printed(vow_fsm_print_dot, "digraph \"doubt\" {\n"
                                      "    rankdir=LR;\n"
                                      "    node [shape=box, style=rounded];\n"
                                      "    \"NONE\" [peripheries=2];\n"
                                      "    \"start NONE\" [shape=point];\n"
                                      "    \"start NONE\" -> \"NONE\";\n"
                                      "    \"IN_DOUBT\" [peripheries=1, style=\"rounded,bold\"];\n"
                                      "    \"NONE\" -> \"IN_DOUBT\" [label=\"ASK [n > \\\"1\\\"; else: #2]\"];\n"
                                      "    \"NONE\" -> \"NONE\" [label=\"ASK\"];\n"
                                      "    \"IN_DOUBT\" -> \"NONE\" [label=\"END\"];\n"
                                      "    \"IN_DOUBT\" -> \"NONE\" [label=\"END [again]\"];\n"
                                      "}\n");
}

Test(fsm_doc, mermaid)
{
    expect_printed(vow_fsm_print_mermaid, "stateDiagram-v2\n"
                                          "    [*] --> NONE\n"
                                          "    NONE --> IN_DOUBT: ASK [n > \"1\"#59; else#58; #35;2]\n"
                                          "    NONE --> NONE: ASK\n"
                                          "    IN_DOUBT --> NONE: END\n"
                                          "    IN_DOUBT --> NONE: END [again]\n"
                                          "    NONE --> [*]\n");
}

Test(fsm_doc, markdown)
{
    expect_printed(vow_fsm_print_markdown, "## doubt\n\n### States\n\n"
                                           "| State | Kind | Meaning |\n|---|---|---|\n"
                                           "| NONE | initial, final | no entry |\n"
                                           "| IN\\_DOUBT | durable | a\\|b |\n"
                                           "\n### Events\n\n"
                                           "| Event | Meaning |\n|---|---|\n"
                                           "| ASK | asked |\n"
                                           "| END | ended |\n"
                                           "\n### Edges\n\n"
                                           "| From | Event | Guard | To | Rule |\n|---|---|---|---|---|\n"
                                           "| NONE | ASK | n \\> \"1\"; else: #2 | IN\\_DOUBT | R1 |\n"
                                           "| NONE | ASK | always | NONE | R2 |\n"
                                           "| IN\\_DOUBT | END | always | NONE | R3 |\n"
                                           "| IN\\_DOUBT | END | again | NONE | R3 |\n"
                                           "\n### Every event in every state\n\n"
                                           "| Event | NONE | IN\\_DOUBT |\n|---|---|---|\n"
                                           "| ASK | **IN\\_DOUBT, NONE** | ignored |\n"
                                           "| END | error | **NONE** |\n"
                                           "\n### Why an event changes nothing\n\n"
                                           "| State | Event | Verdict | Why |\n|---|---|---|---|\n"
                                           "| NONE | END | error | nothing to end |\n"
                                           "| IN\\_DOUBT | ASK | ignored | it was asked |\n");
}
