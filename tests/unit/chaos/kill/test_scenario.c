/* A scenario is read whole, and what is wrong with one is told with file, line and column. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "chaos/kill/expand.h"
#include "chaos/kill/scenario.h"

static const char whole[] = "teaches: That it is read.\n"
                            "within: 2m\n"
                            "settle_within: 500ms\n"
                            "seed: 7\n"
                            "nodes:\n"
                            "  - name: vowd\n"
                            "    command: [vowd, --listen, \"${vowd.listen}\", --data, data]\n"
                            "    ports: [listen, http]\n"
                            "    env: {COLOUR: \"${seed} of ${dir}\"}\n"
                            "    ready: {http: \"${vowd.http}/health\"}\n"
                            "    ready_within: 3s\n"
                            "    crash_at: log.before.COMMIT@20\n"
                            "    end_within: 4s\n"
                            "    exit_status: 3\n"
                            "  - name: stock\n"
                            "    command: [shop-stock, \"${load.dir}\"]\n"
                            "    databases: [stock.db]\n"
                            "    ready: {line: ready shop-stock}\n"
                            "load:\n"
                            "  command: [shop-load, --log, \"${out}/orders.jsonl\"]\n"
                            "faults:\n"
                            "  - at: 300ms\n"
                            "    kill: [vowd, stock]\n"
                            "  - on: {died: vowd, times: 2}\n"
                            "    after: 1s\n"
                            "    start: vowd\n"
                            "    crash_at: send.after.COMMIT\n"
                            "  - after: 0ms\n"
                            "    pause: stock\n"
                            "  - on: {says: load, text: \"40%\"}\n"
                            "    wipe: stock\n"
                            "checks:\n"
                            "  - name: the books balance\n"
                            "    command: [\"${bin}/shop-audit\", \"${stock.dir}/stock.db\"]\n"
                            "    while: serving\n"
                            "    within: 5s\n"
                            "    exit_status: 1\n";

static struct real_scenario *read_whole(const char *text)
{
    struct real_scenario *scenario;
    struct real_error error;

    cr_assert_eq(real_scenario_parse("some/x.yaml", text, strlen(text), NULL, &scenario, &error), 0, "%s", error.text);
    return scenario;
}

Test(kill_scenario, nodes_are_read)
{
    struct real_scenario *scenario = read_whole(whole);
    const struct real_node_plan *vowd = &scenario->nodes[0], *stock = &scenario->nodes[1];

    cr_expect_str_eq(scenario->name, "x");
    cr_expect_str_eq(scenario->teaches.text, "That it is read.");
    cr_expect(scenario->within_ms == 120000 && scenario->settle_ms == 500 && scenario->seed == 7);
    cr_assert_eq(scenario->nodes_len, 2);
    cr_expect_str_eq(vowd->name.text, "vowd");
    cr_expect_eq(vowd->command.len, 5);
    cr_expect_str_eq(vowd->command.of[2].text, "${vowd.listen}");
    cr_expect_str_eq(vowd->ports.of[1].text, "http");
    cr_expect_str_eq(vowd->variables[0].name.text, "COLOUR");
    cr_expect_null(vowd->variables[1].name.text);
    cr_expect_str_eq(vowd->ready.http.text, "${vowd.http}/health");
    cr_expect_str_eq(vowd->crash_at.text, "log.before.COMMIT@20");
    cr_expect(vowd->ready_ms == 3000 && vowd->end_ms == 4000 && vowd->exit_status == 3);
    cr_expect(stock->ready_ms == 60000 && stock->end_ms == 60000 && stock->exit_status == 0);
    cr_expect_str_eq(stock->ready.line.text, "ready shop-stock");
    cr_expect_str_eq(stock->databases.of[0].text, "stock.db");
    cr_expect_str_eq(scenario->loads[0].command.of[0].text, "shop-load");
    real_scenario_free(scenario);
}

Test(kill_scenario, faults_and_checks_are_read)
{
    struct real_scenario *scenario = read_whole(whole);
    const struct real_fault *faults = scenario->faults;
    const struct real_check *check = &scenario->checks[0];

    cr_assert_eq(scenario->faults_len, 4);
    cr_expect(faults[0].action == REAL_KILL && faults[0].trigger == REAL_AT && faults[0].delay_ms == 300);
    cr_expect(faults[0].targets_len == 2 && faults[0].targets[0] == 0 && faults[0].targets[1] == 1);
    cr_expect(faults[1].action == REAL_START && faults[1].trigger == REAL_DIED && faults[1].of_node == 0);
    cr_expect(faults[1].times == 2 && faults[1].delay_ms == 1000);
    cr_expect_str_eq(faults[1].crash_at.text, "send.after.COMMIT");
    cr_expect(faults[2].action == REAL_PAUSE && faults[2].trigger == REAL_THEN && faults[2].delay_ms == 0);
    cr_expect(faults[3].trigger == REAL_SAYS && faults[3].of_node == REAL_LOAD && faults[3].times == 1);
    cr_expect_str_eq(faults[3].text.text, "40%");
    cr_assert_eq(scenario->checks_len, 1);
    cr_expect_str_eq(check->name.text, "the books balance");
    cr_expect(check->is_serving && check->within_ms == 5000 && check->exit_status == 1 && check->command.len == 2);
    real_scenario_free(scenario);
}

Test(kill_scenario, arms_are_read_as_they_stand)
{
    struct real_scenario *scenario =
        read_whole("teaches: t\narms: [2pc, other]\nnodes: [{name: a, command: [x]}]\nload: {command: [x]}\n");

    cr_assert_eq(scenario->arms.len, 2);
    cr_expect_str_eq(scenario->arms.of[1].text, "other");
    cr_expect_eq(scenario->arms.of[1].place.line, 2);
    real_scenario_free(scenario);
}

Test(kill_scenario, files_setup_and_loads_are_read)
{
    struct real_scenario *scenario =
        read_whole("teaches: t\nsetup:\n- {command: [mk, \"${a.dir}\"], within: 2s, exit_status: 3}\n- {command: [x]}\n"
                   "nodes: [{name: a, command: [x], files: {etc/a: \"at ${one.dir}\\n\", b: c}}]\n"
                   "load: [{name: one, command: [x], files: {c: d}}, {name: two, command: [y, \"${one.dir}\"]}]\n"
                   "faults: [{on: {says: two, text: t}, kill: a}]\n");
    const struct real_variable *files = scenario->nodes[0].files;

    cr_expect(scenario->setup_len == 2 && scenario->setup[0].command.len == 2);
    cr_expect(scenario->setup[0].within_ms == 2000 && scenario->setup[0].exit_status == 3);
    cr_expect_eq(scenario->setup[1].within_ms, 60000);
    cr_expect_str_eq(files[0].name.text, "etc/a");
    cr_expect_str_eq(files[0].value.text, "at ${one.dir}\n");
    cr_expect_str_eq(files[1].value.text, "c");
    cr_expect_null(files[2].name.text);
    cr_assert_eq(scenario->loads_len, 2);
    cr_expect_str_eq(scenario->loads[0].files[0].name.text, "c");
    cr_expect_str_eq(scenario->loads[1].name.text, "two");
    cr_expect_eq(scenario->faults[0].of_node, REAL_LOAD + 1);
    cr_expect_str_eq(real_scenario_plan(scenario, REAL_LOAD + 1)->name.text, "two");
    real_scenario_free(scenario);
}

/* --- What is wrong --- */

#define NODE "- {name: a, command: [x]}"
#define TOP "teaches: t\nload: {command: [x]}\n"

struct mistake {
    char text[400];
    char error[160]; /* what is said begins so */
};

ParameterizedTestParameters(kill_scenario, a_mistake_is_told_with_its_place)
{
    static struct mistake mistakes[] = {
        {"", "x.yaml:1:1: is empty"},
        {"a: [", "x.yaml:2:1: is not YAML"},
        {"\xff", "x.yaml:1:1: is not YAML"},
        {"teaches: \x01", "x.yaml:1:10: is not YAML: control characters"},
        {"- a", "x.yaml:1:1: a scenario wants \"key: value\" lines, found a list"},
        {TOP "nodes: [" NODE, "x.yaml:3:9"},
        {"teaches: t", "x.yaml:1:1: a scenario wants a key nodes"},
        {TOP "nodes:\n" NODE "\ncolour: red", "x.yaml:5:1: a scenario has no key \"colour\"; it has teaches, vars,"},
        {TOP "nodes:\n" NODE "\nteaches: u", "x.yaml:5:1: teaches was said before, on line 1"},
        {TOP "nodes:\n" NODE "\nseed: many", "x.yaml:5:7: seed wants a whole number up to 1000000000, found \"many\""},
        {TOP "nodes:\n" NODE "\nseed: -1", "x.yaml:5:7: seed wants"},
        {TOP "nodes:\n" NODE "\nseed: 99999999999999999999", "x.yaml:5:7: seed wants"},
        {TOP "nodes:\n" NODE "\nwithin: 5", "x.yaml:5:9: within wants a time up to an hour: 500ms, 5s or 2m, found"},
        {TOP "nodes:\n" NODE "\nwithin: 2h", "x.yaml:5:9: within wants"},
        {TOP "nodes:\n" NODE "\nwithin: 61m", "x.yaml:5:9: within wants"},
        {TOP "nodes:\n" NODE "\nwithin: [5s]", "x.yaml:5:9: within wants a text, found a list"},
        {TOP "nodes:\n" NODE "\n---\na: b", "x.yaml:5:1: a second document begins here"},
        {TOP "nodes: []", "x.yaml:3:8: nodes wants 1 to 32 items, found 0"},
        {TOP "nodes: a", "x.yaml:3:8: nodes wants a list, found a single value"},
        {TOP "nodes:\n- {name: A, command: [x]}", "x.yaml:4:10: name wants 1 to 32 of a-z"},
        {TOP "nodes:\n- {name: load, command: [x]}", "x.yaml:4:10: load is the load's name"},
        {TOP "nodes:\n" NODE "\n" NODE, "x.yaml:5:10: there is a node a already"},
        {TOP "nodes:\n- {name: a}", "x.yaml:4:3: a node wants a key command"},
        {TOP "nodes:\n- {name: a, command: x}", "x.yaml:4:22: command wants a list, found a single value"},
        {TOP "nodes:\n- {name: a, command: [\"\"]}", "x.yaml:4:23: command wants a text, found nothing"},
        {TOP "nodes:\n- {name: a, command: [\"a\\0b\"]}", "x.yaml:4:23: command has a zero byte in it"},
        {TOP "nodes:\n- {name: a, command: [\"${b.dir}\"]}", "x.yaml:4:23: there is no variable: \"b.dir\""},
        {TOP "nodes:\n- {name: a, command: [\"${a.port}\"]}", "x.yaml:4:23: there is no variable: \"a.port\""},
        {TOP "nodes:\n- {name: a, command: [\"${a\"]}", "x.yaml:4:23: ${ without a }: \"a\""},
        {TOP "nodes:\n- {name: a, command: [x], ready: {}}", "x.yaml:4:34: ready wants one of line, file and http"},
        {TOP "nodes:\n- {name: a, command: [x], ready: {file: ../b}}", "x.yaml:4:41: a path inside"},
        {TOP "nodes:\n- {name: a, command: [x], ports: [dir]}", "x.yaml:4:35: a port wants a name"},
        {TOP "nodes:\n- {name: a, command: [x], ports: [p, p]}", "x.yaml:4:38: there is a port p already"},
        {TOP "nodes:\n- {name: a, command: [x], env: {A=: b}}", "x.yaml:4:33: a variable's name has no ="},
        {TOP "nodes:\n- {name: a, command: [x], crash_at: p@0}", "x.yaml:4:37: crash_at wants NAME or NAME@N"},
        {TOP "nodes:\n" NODE "\nfaults:\n- {at: 1s}", "x.yaml:6:3: a fault wants an action"},
        {TOP "nodes:\n" NODE "\nfaults:\n- {kill: a}", "x.yaml:6:3: a fault wants a time"},
        {TOP "nodes:\n" NODE "\nfaults:\n- {kill: a, after: 1s}", "x.yaml:6:3: there is no fault before the first"},
        {TOP "nodes:\n" NODE "\nfaults:\n- {kill: a, at: 1s, after: 1s}", "x.yaml:6:3: at is alone"},
        {TOP "nodes:\n" NODE "\nfaults:\n- {at: 1s, kill: b}", "x.yaml:6:18: there is no node \"b\""},
        {TOP "nodes:\n" NODE "\nfaults:\n- {at: 1s, kill: load}", "x.yaml:6:18: there is no node \"load\""},
        {TOP "nodes:\n" NODE "\nfaults:\n- {at: 1s, kill: [a, a]}", "x.yaml:6:22: a is in this list already"},
        {TOP "nodes:\n" NODE "\nfaults:\n- {at: 1s, kill: a, wipe: a}", "x.yaml:6:27: a fault has one action"},
        {TOP "nodes:\n" NODE "\nfaults:\n- {at: 1s, kill: a, crash_at: p}",
         "x.yaml:6:21: crash_at goes with start, not with kill"},
        {TOP "nodes:\n" NODE "\nfaults:\n- {on: {}, kill: a}", "x.yaml:6:8: on wants one of died, ready and says"},
        {TOP "nodes:\n" NODE "\nfaults:\n- {on: {died: a, ready: a}, kill: a}", "x.yaml:6:8: on wants one of"},
        {TOP "nodes:\n" NODE "\nfaults:\n- {on: {says: a}, kill: a}", "x.yaml:6:8: on says wants a text"},
        {TOP "nodes:\n" NODE "\nfaults:\n- {on: {died: c}, kill: a}", "x.yaml:6:15: there is no node \"c\""},
        {TOP "nodes:\n" NODE "\nfaults:\n- {on: {died: a, times: 0}, kill: a}", "x.yaml:6:25: times wants 1 or more"},
        {TOP "nodes:\n" NODE "\nchecks:\n- {name: c, command: [\"${dir}\"]}", "x.yaml:6:23: there is no variable"},
        {TOP "nodes:\n" NODE "\nchecks:\n- {name: c, command: [x], while: now}", "x.yaml:6:34: while wants serving"},
        {TOP "nodes:\n- {name: a, command: [x], ports: [p], ready: {line: \"${a.p.name}\"}}",
         "x.yaml:4:53: there is no variable: \"a.p.name\""},
        {TOP "nodes:\n- {name: a, command: [\"${link.l.port}\"]}", "x.yaml:4:23: there is no variable"},
        {TOP "nodes:\n- {name: a, command: [x], files: {../b: c}}", "x.yaml:4:35: a path inside the node's directory"},
        {TOP "nodes:\n- {name: a, command: [x], files: {/b: c}}", "x.yaml:4:35: a path inside the node's directory"},
        {TOP "nodes:\n- {name: a, command: [x], files: {b: \"${c}\"}}", "x.yaml:4:38: there is no variable: \"c\""},
        {TOP "nodes:\n- {name: a, command: [x], files: {b: c, b: d}}", "x.yaml:4:41: b was said before, on line 4"},
        {TOP "nodes:\n- {name: a, command: [x], files: {a: b, c: b, d: b, e: b, f: b, g: b, h: b, i: b, j: b}}",
         "x.yaml:4:83: files has more than 8 lines"},
        {TOP "setup: []\nnodes:\n" NODE, "x.yaml:3:8: setup wants 1 to 16 items"},
        {TOP "setup: [[x]]\nnodes:\n" NODE, "x.yaml:3:9: a command of the setup wants \"key: value\" lines"},
        {TOP "setup: [{within: 1s}]\nnodes:\n" NODE, "x.yaml:3:9: a command of the setup wants a key command"},
        {TOP "setup: [{command: [\"${b.dir}\"]}]\nnodes:\n" NODE, "x.yaml:3:20: there is no variable: \"b.dir\""},
        {"teaches: t\nload: []\nnodes:\n" NODE, "x.yaml:2:7: load wants 1 to 8 items, found 0"},
        {"teaches: t\nload: [{command: [x]}]\nnodes:\n" NODE, "x.yaml:2:8: a load of a list wants a key name"},
        {"teaches: t\nload: [{name: b, command: [x]}, {name: b, command: [x]}]\nnodes:\n" NODE,
         "x.yaml:2:40: there is a load b already"},
        {"teaches: t\nload: [{name: a, command: [x]}]\nnodes:\n" NODE, "x.yaml:2:15: there is a node a already"},
        {"teaches: t\nload: [{name: link, command: [x]}]\nnodes:\n" NODE, "x.yaml:2:15: load is the load's name, and"},
        {"teaches: t\nload: [{name: b, command: [x]}]\nnodes:\n" NODE
         "\nfaults:\n- {on: {says: load, text: t}, kill: a}",
         "x.yaml:6:15: there is no node \"load\""},
        {TOP "nodes:\n- {name: setup-1, command: [x]}", "x.yaml:4:10: check-... and setup-... are names"},
        {TOP "vars: [a]\nnodes:\n" NODE, "x.yaml:3:7: vars wants \"NAME: VALUE\" lines"},
        {TOP "vars: {A: b}\nnodes:\n" NODE, "x.yaml:3:8: vars wants 1 to 32 of a-z"},
        {TOP "vars: {a: [b]}\nnodes:\n" NODE, "x.yaml:3:11: vars wants a text, found a list"},
        {TOP "vars: {a: }\nnodes:\n" NODE, "x.yaml:3:11: vars wants a text, found nothing"},
        {TOP "vars: {here: b}\nnodes:\n" NODE, "x.yaml:3:8: ${here} has a meaning already"},
        {TOP "vars: {dir: b}\nnodes:\n" NODE, "x.yaml:3:8: ${dir} has a meaning already"},
        {TOP "vars: {v: a, v: b}\nnodes:\n" NODE, "x.yaml:3:14: there is a variable v already"},
        {TOP "vars: {v: \"${w}\", w: x}\nnodes:\n" NODE, "x.yaml:3:11: there is no variable: \"w\""},
        {TOP "vars: {v: \"${dir}\"}\nnodes:\n" NODE, "x.yaml:3:11: there is no variable: \"dir\""},
        {TOP "vars: {v: 5}\nnodes:\n" NODE "\nwithin: \"${v}\"", "x.yaml:6:9: within wants a time up to an hour"},
        {TOP "nodes:\n" NODE "\nwithin: \"${v}\"", "x.yaml:5:9: there is no variable of vars: \"v\""},
        {TOP "nodes:\n" NODE "\nlinks: [{name: l, to: \"a:1\"}]\nfaults:\n- {at: 1s, cut: a}",
         "x.yaml:7:17: there is no link \"a\""},
        {TOP "nodes:\n" NODE "\nlinks: [{name: l, to: \"a:1\"}]\nfaults:\n- {at: 1s, kill: l}",
         "x.yaml:7:18: there is no node \"l\""},
        {TOP "nodes:\n" NODE "\nlinks: [{name: l, to: \"a:1\"}]\nfaults:\n- {at: 1s, cut: l, way: up}",
         "x.yaml:7:25: way wants forth, back or both"},
        {TOP "nodes:\n" NODE "\nlinks: [{name: l, to: \"a:1\"}]\nfaults:\n- {at: 1s, delay: l}",
         "x.yaml:7:3: delay wants a time: by"},
        {TOP "nodes:\n" NODE "\nlinks: [{name: l, to: \"a:1\"}]\nfaults:\n- {at: 1s, slow: l}",
         "x.yaml:7:3: slow wants bytes_per_second"},
        {TOP "nodes:\n" NODE "\nlinks: [{name: l, to: \"a:1\"}]\nfaults:\n- {at: 1s, flap: l, up: 1s}",
         "x.yaml:7:3: flap wants two times"},
        {TOP "nodes:\n" NODE "\nlinks: [{name: l, to: \"${link.l}\"}]", "x.yaml:5:23: a link leads to a node"},
        {TOP "nodes:\n" NODE "\nlinks: [{name: l, to: x}, {name: l, to: x}]", "x.yaml:5:34: there is a link l already"},
        {TOP "network: wires\nnodes:\n" NODE, "x.yaml:3:10: network wants proxy or namespaces"},
        {TOP "network: namespaces\nnodes:\n" NODE "\nlinks: [{name: l, to: \"a:1\"}]",
         "x.yaml:6:23: by namespaces, a link leads to a port of a node: ${NODE.PORT}"},
        {TOP "network: namespaces\nnodes:\n- {name: a, command: [x, \"${link.l}\", \"${link.m.port}\"], ports: [p]}\n"
             "links: [{name: l, to: \"${a.p}\"}, {name: m, to: \"${a.p}\"}]",
         "x.yaml:6:41: by namespaces, nobody has two links to one address: l leads there, too"},
        {TOP "network: namespaces\nnodes:\n- {name: a, command: [x], ports: [p]}\nlinks: [{name: l, to: "
             "\"${a.p}\"}]\nfaults:\n- {at: 1s, cut: l}\n- {at: 1s, tear: l}",
         "x.yaml:9:3: tear is done to what a connection carries, and namespaces see packets alone"},
        {TOP "nodes:\n- {name: link, command: [x]}", "x.yaml:4:10: load is the load's name, and link is for links"},
        {TOP "nodes:\n- {name: a, command: [\"${link.l}\"]}", "x.yaml:4:23: there is no variable"},
        {"teaches: &t x\nload: {command: [*t, *t]}\nnodes:\n" NODE, "x.yaml:1:10: is used a second time by an alias"},
        {"teaches: t\nload: [[[[[[[[[[[[[[[[[[", "x.yaml:2:22: is more than 16 deep in others"},
        {TOP "nodes:\n- {name: a, command: [x], exit_status: 256}",
         "x.yaml:4:40: exit_status wants a number up to 255"},
        {"&k teaches: t\n? *k\n: u", "x.yaml:1:1: is used a second time by an alias"},
        {"&r teaches: *r", "x.yaml:1:1: is used a second time by an alias"},
        {TOP "nodes:\n- {name: a, command: [x], env: {A: &v b, B: *v}}", "x.yaml:4:36: is used a second time by an"},
        {TOP "nodes:\n- {name: a, command: [x], files: {a: &v b, c: *v}}", "x.yaml:4:38: is used a second time by"},
        {TOP "vars: {a: &v b, c: *v}\nnodes:\n" NODE, "x.yaml:3:11: is used a second time by an alias; write it out"},
        {"nodes:\n\t- name: a\n",
         "x.yaml:2:1: is not YAML: found character that cannot start any token; a line begins"},
        {"load: {command: [${a}]}\n",
         "x.yaml:1:19: is not YAML: did not find expected ',' or ']'; a ${...} in [] or {} wants quotes"},
        {"teaches: a: b\n", "x.yaml:1:11: is not YAML: mapping values are not allowed in this context; a text with"},
        {TOP "nodes:\n- {name: a, command: [\"${b.dir}\"], ports: [p]}",
         "x.yaml:4:23: there is no variable: \"b.dir\"; there are a.p, a.dir, load.dir"},
        {TOP "nodes:\n- {name: a, command: [\"${a.q}\"], ports: [p]}\nlinks: [{name: l, to: \"${a.p}\"}]",
         "x.yaml:4:23: there is no variable: \"a.q\"; there are a.p, a.dir"},
        {TOP "nodes:\n- {name: a, command: [\"${link.m}\"], ports: [p]}\nlinks: [{name: l, to: \"${a.p}\"}]",
         "x.yaml:4:23: there is no variable: \"link.m\"; there are link.l"},
        {TOP "nodes:\n- {name: a, command: [\"${link.m}\"], ports: [p]}",
         "x.yaml:4:23: there is no variable: \"link.m\"; there are a.p, a.dir, load.dir"},
        {TOP "vars: {v: b}\nnodes:\n- {name: a, command: [\"${w}\"]}",
         "x.yaml:5:23: there is no variable: \"w\"; there are v, bin, here, out, seed, dir"},
        {TOP "nodes:\n" NODE "\nfaults:\n- {at: 1s, kill: b}", "x.yaml:6:18: there is no node \"b\"; there are a"},
        {TOP "nodes:\n" NODE "\nfaults:\n- {at: 1s, cut: l}", "x.yaml:6:17: there is no link \"l\"; links has none"},
        {TOP "nodes:\n" NODE "\nfaults:\n- {at: 1s, kill: a, way: forth}",
         "x.yaml:6:21: way goes with cut, black_hole, delay, slow, flap, tear, reset_after, half_open and slice, not"},
        {TOP "nodes:\n" NODE "\nlinks: [{name: l, to: x}]\nfaults:\n- {at: 1s, mend: l, by: 1s}",
         "x.yaml:7:21: by goes with delay, slow_sync, clock_ahead and clock_behind, not with mend"},
        {TOP "nodes:\n" NODE "\nchecks: [{name: c, command: [x]}, {name: c, command: [x]}]",
         "x.yaml:5:42: there is a check of this name already, on line 5"},
    };

    return cr_make_param_array(struct mistake, mistakes, sizeof(mistakes) / sizeof(mistakes[0]));
}

ParameterizedTest(struct mistake *mistake, kill_scenario, a_mistake_is_told_with_its_place)
{
    struct real_scenario *scenario;
    struct real_error error;

    cr_assert_eq(real_scenario_parse("x.yaml", mistake->text, strlen(mistake->text), NULL, &scenario, &error), -1, "%s",
                 mistake->text);
    cr_expect_null(scenario);
    cr_expect(error.is_of_text);
    cr_expect_eq(strncmp(error.text, mistake->error, strlen(mistake->error)), 0, "wants %s, says %s", mistake->error,
                 error.text);
}

/* A fault has the most keys, and a message with all of them its end. */
Test(kill_scenario, an_unknown_action_is_told_with_all_there_are)
{
    static const char text[] = TOP "nodes:\n" NODE "\nfaults:\n- {at: 1s, explode: a}";
    static const char end[] = ", slice, mend, at, on, after, crash_at, way, by, jitter, bytes_per_second, up, down, "
                              "bytes, every, room, most, ends_with";
    struct real_scenario *scenario;
    struct real_error error;
    char name[130], *tail;

    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    cr_expect_eq(real_scenario_parse(name, text, strlen(text), NULL, &scenario, &error), -1);
    tail = strstr(error.text, ", slice");
    cr_assert_not_null(tail, "%s", error.text);
    cr_expect_str_eq(tail, end);
}

/* A quarter of a megabyte of brackets is refused at the seventeenth: libyaml alone takes minutes for them. */
Test(kill_scenario, a_deep_file_takes_no_time)
{
    enum { LEN = REAL_FILE_BYTES_MAX - 1 };
    struct real_scenario *scenario;
    struct real_error error;
    char *text = malloc(LEN);

    cr_assert_not_null(text);
    memset(text, '[', LEN);
    cr_expect_eq(real_scenario_parse("x.yaml", text, LEN, NULL, &scenario, &error), -1);
    cr_expect_str_eq(error.text, "x.yaml:1:17: is more than 16 deep in others");
    free(text);
}

Test(kill_scenario, a_file_that_is_none_is_told)
{
    struct real_scenario *scenario;
    struct real_error error;

    cr_expect_eq(real_scenario_load("/no/such/file.yaml", NULL, &scenario, &error), -1);
    cr_expect_str_eq(error.text, "/no/such/file.yaml: cannot be opened: No such file or directory");
    cr_expect_not(error.is_of_text);
    cr_expect_eq(real_scenario_load("/dev/zero", NULL, &scenario, &error), -1);
    cr_expect_str_eq(error.text, "/dev/zero: is not a file");
}

/* --- ${...} --- */

#define VARS "vars: {away: 5s, hit: \"40\", bank: \"${here}/bank\", it: \"${bank} it\"}\n"
#define USE                                                                                                            \
    "nodes:\n- {name: a, command: [\"${it}\"], ports: [p], crash_at: \"log.before.COMMIT@${hit}\"}\n"                  \
    "links: [{name: l, to: \"${a.p.host}:${a.p.port}\"}]\nfaults:\n- {on: {died: a}, after: \"${away}\", start: a}\n"

static int parse_with(const char *set, struct real_scenario **scenario, struct real_error *error)
{
    static const char text[] = TOP USE VARS;
    const struct real_sets sets = {{set}, set != NULL};

    return real_scenario_parse("x.yaml", text, strlen(text), &sets, scenario, error);
}

/* Nothing is a value, if it is said. */
Test(kill_scenario, a_var_may_be_nothing)
{
    static const char text[] = TOP "vars: {none: \"\"}\nnodes:\n" NODE;
    struct real_scenario *scenario;
    struct real_error error;

    cr_assert_eq(real_scenario_parse("x.yaml", text, strlen(text), NULL, &scenario, &error), 0, "%s", error.text);
    cr_expect_str_empty(real_scenario_var(scenario, "none")->value.text);
    real_scenario_free(scenario);
}

/* Also where they come later in the file, and where a number or a time is wanted. */
Test(kill_scenario, vars_are_what_the_file_says_or_what_is_set)
{
    struct real_scenario *scenario;
    struct real_error error;

    cr_assert_eq(parse_with(NULL, &scenario, &error), 0, "%s", error.text);
    cr_expect_eq(scenario->faults[0].delay_ms, 5000);
    cr_expect_str_eq(scenario->nodes[0].crash_at.text, "log.before.COMMIT@40");
    cr_expect_str_eq(scenario->nodes[0].command.of[0].text, "${it}");
    real_scenario_free(scenario);
    cr_assert_eq(parse_with("away=30s", &scenario, &error), 0, "%s", error.text);
    cr_expect_eq(scenario->faults[0].delay_ms, 30000);
    real_scenario_free(scenario);
    cr_assert_eq(parse_with("bank=${no} = such", &scenario, &error), 0, "what is set is not written out");
    cr_expect_str_eq(real_scenario_var(scenario, "bank")->value.text, "${no} = such");
    real_scenario_free(scenario);
}

Test(kill_scenario, what_cannot_be_set_is_told)
{
    struct real_scenario *scenario;
    struct real_error error;

    cr_expect_eq(parse_with("awa=30s", &scenario, &error), -1);
    cr_expect_str_eq(error.text, "x.yaml:8:7: --set: there is no variable \"awa\"; vars has away, hit, bank, it");
    cr_expect_eq(parse_with("away=soon", &scenario, &error), -1);
    cr_expect_not_null(strstr(error.text, "x.yaml:7:26: after wants a time"), "%s", error.text);
    static const char bare[] = TOP "nodes:\n" NODE;
    cr_expect_eq(real_scenario_parse("x.yaml", bare, strlen(bare), &(struct real_sets){{"a=b"}, 1}, &scenario, &error),
                 -1);
    cr_expect_str_eq(error.text, "x.yaml: --set: there is no variable \"a\"; vars has none");
}

static const char *value_of(void *ctx, const char *name)
{
    return strcmp(name, "a") == 0 ? ctx : NULL;
}

Test(kill_scenario, variables_are_written_out)
{
    char out[REAL_EXPANDED_SIZE], wrong[REAL_VARIABLE_SIZE], long_value[REAL_EXPANDED_SIZE - 100];

    cr_expect_null(real_expand("x${a}y$$z$", value_of, "1", out, wrong));
    cr_expect_str_eq(out, "x1y$z$");
    cr_expect_str_eq(real_expand("${b}", value_of, "1", out, wrong), "there is no variable");
    cr_expect_str_eq(wrong, "b");
    memset(long_value, 'v', sizeof(long_value) - 1);
    long_value[sizeof(long_value) - 1] = '\0';
    cr_expect_null(real_expand("${a}", value_of, long_value, out, wrong));
    cr_expect_not_null(real_expand("${a}${a}", value_of, long_value, out, wrong));
}
