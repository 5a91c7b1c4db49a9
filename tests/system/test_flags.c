/* Every flag and command of vowctl, vow-bench and vow-chaos, wrong in every way: one clear line, exit status 2. vowd's
 * own are in test_vowd_config.c. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kit.h"

TestSuite(flags, .timeout = 120);

#define VOWCTL VOW_BIN "/vowctl"
#define BENCH VOW_BIN "/vow-bench"
#define CHAOS VOW_BIN "/vow-chaos"

static struct run run;

static void refused(const char *program, const char *word, const char *const flags[])
{
    const char *argv[8] = {program};
    for (size_t i = 0; flags[i] != NULL; i++)
        argv[i + 1] = flags[i];
    run_program(&run, argv);
    cr_expect_eq(run.status, 2, "%s %s: exit status %d: %s%s", program, flags[0], run.status, run.err, run.out);
    const char *newline = strchr(run.err, '\n');
    cr_expect(newline != NULL && newline[1] == '\0', "%s: not one line: %s", flags[0], run.err);
    cr_expect_not_null(strstr(run.err, word), "%s: \"%s\" is not in: %s", flags[0], word, run.err);
    cr_expect_not_null(strstr(run.err, " --help"), "%s: not what to do: %s", flags[0], run.err);
    cr_expect_str_empty(run.out, "%s: %s", flags[0], run.out);
    for (const char *c = run.err; *c != '\0'; c++)
        cr_expect(*c == '\n' || (*c >= 0x20 && *c < 0x7f), "%s: byte %d in: %s", flags[0], *c, run.err);
}

#define REFUSED(program, word, ...) refused(program, word, (const char *const[]){__VA_ARGS__, NULL})

static void refuse_numbers(const char *program, const char *flag, const char *too_large)
{
    const char *const wrong[] = {
        "",        "0",       "-1", "+1", "1.5", "1e3", " 1", "1 ", "x", "4294967297", "18446744073709551617",
        "\x1b[2J", too_large, NULL};
    REFUSED(program, flag, flag);
    for (size_t i = 0; wrong[i] != NULL; i++)
        REFUSED(program, flag, flag, wrong[i]);
}

Test(flags, vow_bench)
{
    static const struct {
        const char *flag, *too_large;
    } numbers[] = {{"--participants", "33"},
                   {"--clients", "1025"},
                   {"--connections", "257"},
                   {"--seconds", "3601"},
                   {"--rounds", "33"}};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        refuse_numbers(BENCH, numbers[i].flag, numbers[i].too_large);
    REFUSED(BENCH, "--store", "--store");
    REFUSED(BENCH, "--store", "--store", "");
    REFUSED(BENCH, "--store", "--store", "postgres");
    REFUSED(BENCH, "--protocol", "--protocol", "3pc");
    REFUSED(BENCH, "--in-doubt", "--in-doubt", "5", "--protocol", "saga");
    REFUSED(BENCH, "--store", "--store", "null", "--protocol", "choreography");
    REFUSED(BENCH, "--colour", "--colour");
    REFUSED(BENCH, "--json", "--json=yes");
    REFUSED(BENCH, "\"-x\"", "-x");
    REFUSED(BENCH, "more", "more");
    REFUSED(BENCH, "\\x1b", "\x1b[2J");
}

Test(flags, vowctl)
{
    static const char *const commands[] = {"status", "list", "peers"};
    refuse_numbers(VOWCTL, "--timeout", "10000000");
    REFUSED(VOWCTL, "--coordinator", "--coordinator");
    REFUSED(VOWCTL, "HOST:PORT", "--coordinator", "");
    REFUSED(VOWCTL, "HOST:PORT", "--coordinator", "localhost");
    REFUSED(VOWCTL, "HOST:PORT", "--coordinator", "127.0.0.1:65536");
    REFUSED(VOWCTL, "HOST:PORT", "--coordinator", "example.org:1");
    REFUSED(VOWCTL, "\\x1b", "--coordinator", "\x1b[2J");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        REFUSED(VOWCTL, commands[i], commands[i], "now");
    REFUSED(VOWCTL, "wants one transaction id", "show");
    REFUSED(VOWCTL, "wants one transaction id", "show", "a", "b");
    REFUSED(VOWCTL, "is not a transaction id", "show", "");
    REFUSED(VOWCTL, "is not a transaction id", "show", "'; DROP TABLE event; --");
    REFUSED(VOWCTL, "is not a transaction id", "history", "0000000000000000000000000000000000000000000000000000");
    REFUSED(VOWCTL, "\\x1b", "history", "\x1b[2J");
    REFUSED(VOWCTL, "\\x1b", "\x1b[2J");
    REFUSED(VOWCTL, "--json", "--json=1", "status");
}

/* Each names what is wrong, and what is wanted. */
Test(flags, sagas_of_vowctl)
{
    REFUSED(VOWCTL, "show ID", "saga");
    REFUSED(VOWCTL, "show ID", "saga", "nothing");
    REFUSED(VOWCTL, "0000", "saga", "show", "0000");
    REFUSED(VOWCTL, "0000", "saga", "retry", "0000");
    REFUSED(VOWCTL, "retry", "saga", "retry");
    REFUSED(VOWCTL, "close", "saga", "close", "a", "b");
}

/* What each command has a use for: a letter each, as in flags_of_vowctl. */
#define ASKS "cjt"
#define ORDERS ASKS "rAy"

static const struct {
    char letter;
    const char *words[3];
} flags_of_vowctl[] = {
    {'c', {"--coordinator", "127.0.0.1:1"}}, /* nobody listens there */
    {'j', {"--json"}},
    {'t', {"--timeout", "1000"}},
    {'D', {"--data", "/no/such/directory"}},
    {'u', {"--until", "1"}},
    {'p', {"--participant", "s0"}},
    {'r', {"--reason", "a test"}},
    {'A', {"--as", "somebody"}},
    {'o', {"--to", "oldest"}},
    {'y', {"--yes"}},
    {'i', {"--in-doubt"}},
    {'s', {"--stuck"}},
    {'a', {"--all"}},
    {'d', {"--dot"}},
    {'m', {"--markdown"}},
};
enum { FLAGS_OF_VOWCTL = sizeof(flags_of_vowctl) / sizeof(flags_of_vowctl[0]) };

#define ID "000000000000000000000000000000000000000000000000000a"

static const struct {
    const char *words[5], *uses;
} commands_of_vowctl[] = {
    {{"status"}, ASKS},
    {{"list"}, ASKS "isa"},
    {{"show", ID}, ASKS},
    {{"history", ID}, ASKS},
    {{"replay"}, ASKS "Du"},
    {{"peers"}, ASKS},
    {{"abort", ID}, ORDERS "p"},
    {{"commit", ID}, ORDERS "p"},
    {{"forget", ID}, ORDERS "p"},
    {{"saga", "list"}, ASKS "sa"},
    {{"saga", "show", ID}, ASKS},
    {{"saga", "retry", ID}, ORDERS},
    {{"saga", "close", ID}, ORDERS},
    {{"topics"}, ASKS},
    {{"topics", "remove", "group"}, ORDERS},
    {{"topics", "seek", "group"}, ORDERS "o"},
    {{"dlq", "list"}, ASKS},
    {{"dlq", "list", "group"}, ASKS},
    {{"dlq", "show", "group", "1"}, ASKS},
    {{"dlq", "retry", "group", "1"}, ORDERS},
    {{"dlq", "drop", "group", "1"}, ORDERS},
    {{"doctor"}, ASKS "D"},
    {{"states"}, "dm"},
};

/* Behind what is in `to`. */
static void append(const char *to[], const char *const words[])
{
    while (*to != NULL)
        to++;
    for (; *words != NULL; words++)
        *to++ = *words;
}

/* A flag that does nothing is one that somebody believes in: list --participant P was taken for P's list. */
Test(flags, each_command_of_vowctl_takes_what_it_uses_and_no_more)
{
    for (size_t i = 0; i < sizeof(commands_of_vowctl) / sizeof(commands_of_vowctl[0]); i++) {
        const char *const *command = commands_of_vowctl[i].words, *uses = commands_of_vowctl[i].uses;
        const char *all[32] = {VOWCTL};
        append(all, command);
        for (size_t k = 0; k < FLAGS_OF_VOWCTL; k++) {
            const char *one[8] = {NULL}, *const *flag = flags_of_vowctl[k].words;
            append(one, command);
            append(one, flag);
            if (strchr(uses, flags_of_vowctl[k].letter) != NULL)
                append(all, flag);
            else
                refused(VOWCTL, flag[0], one);
        }
        run_program(&run, all);
        cr_expect_neq(run.status, 2, "%s: %s", command[0], run.err);
    }
}

/* With a flag that is wrong as such, or a command that is, that is what is said. */
Test(flags, vowctl_says_which_command_and_what_the_flag_is_for)
{
    REFUSED(VOWCTL, "\"--participant\": is not for saga list, but for abort, commit, forget;", "saga", "list",
            "--participant", "s0");
    REFUSED(VOWCTL, "\"--data\": is not for commit, but for replay, doctor;", "--data", "d", "commit", ID);
    REFUSED(VOWCTL, "\"--in-doubt\": is not for show, but for list;", "show", "-in", ID);
    REFUSED(VOWCTL, "\"--yes\": is not for topics, but for abort, ", "topics", "--yes");
    REFUSED(VOWCTL, "\"explode\": no such command", "explode", "--yes");
    REFUSED(VOWCTL, "wants list, show ID", "saga", "explode", "--yes");
    REFUSED(VOWCTL, "\"-explode\": not a flag", "-explode", "status", "--yes");
}

/* The history has room for so much of who and why: what does not fit is told with its length, before anybody is asked
 * (no vowd runs here). */
Test(flags, F179_who_and_why_are_measured_at_once)
{
    char name[62] = "", reason[122] = "";
    memset(name, 'n', 61);
    memset(reason, 'r', 121);
    REFUSED(VOWCTL, "--as\": wants 1 to 60 bytes of printable text, found 61", "--as", name, "status");
    REFUSED(VOWCTL, "--as\": wants 1 to 60 bytes of printable text, found 0", "--as", "");
    REFUSED(VOWCTL, "found 4, some not printable", "--as", "\x1b[2J");
    REFUSED(VOWCTL, "--reason\": wants 1 to 120 bytes of printable text, found 121", "--reason", reason);
    REFUSED(VOWCTL, "found 0", "--reason", "");
    REFUSED(VOWCTL, "found 2, some not printable", "--reason", "a\n");
    REFUSED(VOWCTL, "1 to 63", "--participant", "");
    REFUSED(VOWCTL, "1 to 63", "--participant", "a b");
}

Test(flags, vow_chaos)
{
    REFUSED(CHAOS, "bogus", "bogus");
    REFUSED(CHAOS, "more", "list", "more");
    REFUSED(CHAOS, "--bogus", "sim", "--bogus");
    REFUSED(CHAOS, "--seeds", "sim", "--seeds");
    REFUSED(CHAOS, "no less than A", "sim", "--seeds", "5..1");
    REFUSED(CHAOS, "more", "sim", "more");
    REFUSED(CHAOS, "wants one scenario, found none", "run");
    REFUSED(CHAOS, "wants one scenario, found b", "run", "a", "b");
    REFUSED(CHAOS, "--bogus", "run", "--bogus");
    REFUSED(CHAOS, "missing behind --out", "run", "a", "--out");
    REFUSED(CHAOS, "--seed wants a number, found -1", "run", "a", "--seed", "-1");
    REFUSED(CHAOS, "/no/such.yaml: cannot be opened", "run", "/no/such.yaml");
    REFUSED(CHAOS, "chaos/scenarios/NAME.yaml), has the name no-such", "run", "no-such");
    REFUSED(CHAOS, "wants one scenario, found none", "compare");
    REFUSED(CHAOS, "wants one scenario, found b", "compare", "a", "b");
    REFUSED(CHAOS, "--redraw wants no scenario, found a", "compare", "--redraw", "d", "a");
    REFUSED(CHAOS, "--bogus", "compare", "--bogus");
    REFUSED(CHAOS, "missing behind --out", "compare", "a", "--out");
    REFUSED(CHAOS, "--runs wants a number of 1 to 1000, found 0", "compare", "a", "--runs", "0");
    REFUSED(CHAOS, "--arms does not know, or has twice, 3pc", "compare", "a", "--arms", "2pc,3pc");
    REFUSED(CHAOS, "--seed wants a number, found -1", "compare", "a", "--seed", "-1");
    REFUSED(CHAOS, "/no/such.yaml: cannot be opened", "compare", "/no/such.yaml");
    REFUSED(CHAOS, "/no/such/results.json", "compare", "--redraw", "/no/such");
    REFUSED(CHAOS, "/no/such.yaml: cannot be opened", "storm", "/no/such.yaml", "--out", VOW_BIN "/no-such-out");
    cr_expect_neq(access(VOW_BIN "/no-such-out", F_OK), 0, "a folder was made");
}

/* ---- an answer that cannot be written ---- */

static void run_shell(const char *command)
{
    const char *const argv[] = {"/bin/sh", "-c", command, NULL};
    run_program(&run, argv);
}

Test(flags, vowctl_whose_answer_cannot_be_written_has_not_answered)
{
    run_shell("exec " VOWCTL " states >/dev/full");
    cr_expect_eq(run.status, 1);
    cr_expect_str_eq(run.err, "vowctl: stdout cannot be written\n");
}

/* vowctl ... | head -n 1: a pipe whose reader has gone. */
Test(flags, vowctl_whose_reader_has_had_enough_has_answered)
{
    run_shell("d=$(mktemp -d) && mkfifo $d/f && exec 3<>$d/f 4>$d/f 3<&- && rm -r $d && exec " VOWCTL " states >&4");
    cr_expect_eq(run.status, 0);
    cr_expect_str_empty(run.err, "%s", run.err);
}
