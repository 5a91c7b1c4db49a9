/* The report, in a real browser: it is drawn, nothing is on its console, and what it shows is what the results say. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chaos/compare/report.h"

#define EVIL "</script><script>console.error('F177')</script><img src=x onerror=console.error(1)>"

struct bed {
    char directory[64], page[96], dom[96], console[96];
};

static void bed_open(struct bed *bed)
{
    (void)snprintf(bed->directory, sizeof(bed->directory), "/tmp/vow-report-XXXXXX");
    cr_assert_not_null(mkdtemp(bed->directory));
    (void)snprintf(bed->page, sizeof(bed->page), "%s/report.html", bed->directory);
    (void)snprintf(bed->dom, sizeof(bed->dom), "%s/dom", bed->directory);
    (void)snprintf(bed->console, sizeof(bed->console), "%s/console", bed->directory);
}

static void run(const char *format, const char *directory)
{
    char command[512];
    (void)snprintf(command, sizeof(command), format, directory);
    /* NOLINTNEXTLINE(cert-env33-c): a folder of this test alone is in the command */
    cr_assert_eq(system(command), 0, "%s", command);
}

static void bed_close(const struct bed *bed)
{
    run("rm -rf %s", bed->directory);
}

static char *text_of(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    if (getdelim(&text, &size, '\0', file) < 0)
        text = strdup("");
    (void)fclose(file);
    return text;
}

static bool has_browser(void)
{
    /* NOLINTNEXTLINE(cert-env33-c): nothing of it comes from outside */
    return system("command -v chromium >/dev/null") == 0;
}

/* Its profile lies in the folder; without --no-sandbox it does not start as root, who tests are in a container. */
static void browse(const struct bed *bed)
{
    run("cd %s && HOME=$PWD timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage "
        "--user-data-dir=$PWD/profile --enable-logging=stderr --dump-dom file://$PWD/report.html >dom 2>console",
        bed->directory);
}

/* Two metrics and three arms are enough of it, but all that the page asks for by name must be there. */
static const char *const words[] = {"in_doubt_p50",
                                    "in_doubt_max",
                                    "unavailable",
                                    "unavailable_accesses",
                                    "blast_mean",
                                    "goodput",
                                    "goodput_before",
                                    "dip_depth",
                                    "longest_gap",
                                    "latency_p50",
                                    "latency_p99",
                                    "recovery_goodput",
                                    "lost_updates",
                                    "dirty_reads",
                                    "fuzzy_reads",
                                    "exposure",
                                    "audit_wrong",
                                    "compensated",
                                    "visible_p50",
                                    "fsyncs",
                                    "msgs",
                                    "recovery_last_in_doubt",
                                    "write_skews",
                                    "recovery_restart",
                                    "recovery_detect",
                                    "duplicate_deliveries",
                                    "dead_letters_max",
                                    "dead_letters_left"};

#define WORDS (sizeof(words) / sizeof(words[0]))

/* A number that is this arm's and this metric's alone. The second arm is a saga, which nobody doubts. */
static double number_of(size_t arm, size_t metric)
{
    if (arm == 1 && metric < 2)
        return NAN;
    if (arm == 1 && metric < 4)
        return 0;
    return (double)((arm + 1) * 1000 + metric * 37) / (metric % 3 == 0 ? 1000 : metric % 3 == 1 ? 1 : 7);
}

static json_t *summary_of(size_t arm)
{
    json_t *summary = json_object();
    for (size_t i = 0; i < WORDS; i++) {
        const double number = number_of(arm, i);
        json_t *mid = isnan(number) ? json_null() : json_real(number);
        (void)json_object_set_new(summary, words[i],
                                  json_pack("{s:o, s:O, s:O, s:i, s:b}", "mid", mid, "low", mid, "high", mid, "runs", 2,
                                            "at_least", arm == 0 && i == 1));
    }
    return summary;
}

static json_t *curves(void)
{
    json_t *goodput = json_array(), *doubt = json_array(), *letters = json_array(), *parts = json_array();
    for (int i = 0; i < 60; i++) {
        (void)json_array_append_new(goodput, json_integer(i % 7));
        (void)json_array_append_new(doubt, json_real(i % 11));
        (void)json_array_append_new(letters, json_real(i > 30 ? 1 : 0));
        (void)json_array_append_new(parts, json_real(i % 2 == 0 ? 0.5 : 0));
    }
    return json_pack("{s:f, s:f, s:[{s:f, s:f, s:s, s:s}], s:o, s:o, s:o, s:[{s:s, s:s, s:o}]}", "bin_s", 0.1, "load_s",
                     6.0, "faults", "from", 2.0, "to", 3.0, "who", "vowd", "what", "is away", "goodput", goodput,
                     "in_doubt", doubt, "dead_letters", letters, "heat", "node", "stock", "key", EVIL, "parts", parts);
}

static json_t *arm_of(const char *word, size_t arm)
{
    return json_pack("{s:s, s:s, s:s, s:b, s:b, s:o, s:o, s:[{s:i, s:i, s:s, s:s, s:b, s:[], s:{s:{s:s, s:s}}}, "
                     "{s:i, s:i, s:s, s:s, s:b, s:[s], s:{}}]}",
                     "word", word, "text", "text", "protocol", arm == 0 ? "2pc" : "saga", "is_2pc", arm == 0, "is_saga",
                     arm == 1, "summary", summary_of(arm), "curves", curves(), "runs", "run", 1, "seed", 1, "archive",
                     "runs/a-1", "verdict", "held", "valid", 1, "why", "laws", "little", "judgement", "holds", "text",
                     "3 of 3", "run", 2, "seed", 2, "archive", "runs/a-2", "verdict", "violated", "valid", 0, "why",
                     "violated: " EVIL, "laws");
}

static json_t *results(void)
{
    json_t *metrics = json_array();
    for (size_t i = 0; i < WORDS; i++)
        (void)json_array_append_new(metrics,
                                    json_pack("{s:s, s:s, s:s}", "word", words[i], "unit", "ms", "text", "text"));
    return json_pack("{s:s, s:{s:s, s:i, s:s}, s:{s:s, s:s, s:s, s:s, s:{s:s}}, s:i, s:i, s:i, s:f, s:i, s:o, "
                     "s:[{s:s, s:s}], s:[o, o]}",
                     "command", "vow-chaos compare " EVIL, "machine", "system", "Linux", "processors", 2, "vow",
                     "0.1.0", "scenario", "name", EVIL, "file", "s.yaml", "teaches", EVIL, "text", EVIL, "vars", EVIL,
                     EVIL, "seed", 1, "runs", 2, "keys", 0, "took_s", 1.5, "invalid", 2, "metrics", metrics, "laws",
                     "word", "little", "text", "text", "arms", arm_of("2pc", 0), arm_of("saga", 1));
}

/* Every figure of the page: its arm, its metric, its text. Returns how many there were. */
static size_t compare_figures(const char *dom)
{
    size_t found = 0;
    for (size_t arm = 0; arm < 2; arm++) {
        for (size_t i = 0; i < WORDS; i++) {
            char tag[128];
            (void)snprintf(tag, sizeof(tag), "<span data-arm=\"%s\" data-metric=\"%s\">", arm == 0 ? "2pc" : "saga",
                           words[i]);
            const double number = number_of(arm, i);
            for (const char *at = strstr(dom, tag); at != NULL; at = strstr(at + 1, tag)) {
                const char *text = at + strlen(tag);
                const bool is_at_least = strncmp(text, "≥ ", strlen("≥ ")) == 0;
                char plain[32];
                size_t len = 0;
                found++;
                cr_expect_eq(is_at_least, arm == 0 && i == 1, "%s", tag);
                for (text += is_at_least ? strlen("≥ ") : 0; *text != '<' && len < sizeof(plain) - 1; text++)
                    if (*text != ',')
                        plain[len++] = *text;
                plain[len] = '\0';
                if (isnan(number))
                    cr_expect_str_eq(plain, "–");
                else
                    cr_expect_float_eq(strtod(plain, NULL), number, fabs(number) * 0.006 + 1e-12, "%s%s, not %g", tag,
                                       plain, number);
            }
        }
    }
    return found;
}

Test(report, in_a_browser_it_shows_what_the_results_say)
{
    struct bed bed;
    if (!has_browser())
        cr_skip("there is no chromium: scripts/setup --dev installs it");
    bed_open(&bed);
    json_t *all = results();
    cr_assert_not_null(all);
    cr_assert_eq(compare_write_report(bed.directory, all), 0);
    json_decref(all);
    browse(&bed);
    char *dom = text_of(bed.dom), *console = text_of(bed.console);
    cr_expect_null(strstr(console, "CONSOLE"), "%s", console);
    cr_expect_not_null(strstr(dom, "data-done=\"yes\""));
    cr_expect_geq(compare_figures(dom), 2 * WORDS);
    cr_expect_not_null(strstr(dom, "class=\"uplot "));
    cr_expect_not_null(strstr(dom, "id=\"invalid\""));
    /* Texts of files are texts. */
    cr_expect_null(strstr(dom, "<img"));
    cr_expect_null(strstr(dom, "<script>console.error"));
    cr_expect_not_null(strstr(dom, "&lt;img src=x"));
    /* And nothing is shown that a program has made of what is no text. The scripts come behind. */
    char *behind = strstr(dom, "</main>");
    cr_assert_not_null(behind);
    *behind = '\0';
    cr_expect_null(strstr(dom, "[object"));
    cr_expect_null(strstr(dom, "undefined"));
    cr_expect_null(strstr(dom, "NaN"));
    free(dom);
    free(console);
    bed_close(&bed);
}

static void set_metric(json_t *all, size_t arm, const char *metric, double low, double mid, double high)
{
    json_t *summary = json_object_get(json_array_get(json_object_get(all, "arms"), arm), "summary");
    cr_assert_eq(json_object_set_new(summary, metric,
                                     json_pack("{s:f, s:f, s:f, s:i, s:b}", "mid", mid, "low", low, "high", high,
                                               "runs", 2, "at_least", 0)),
                 0);
}

static void forget_metric(json_t *all, size_t arm, const char *metric)
{
    json_t *summary = json_object_get(json_array_get(json_object_get(all, "arms"), arm), "summary");
    cr_assert_eq(json_object_del(summary, metric), 0);
}

/* Which to choose: who is worse by chance alone is as good, and what nobody has looked at is not said to hold. */
Test(report, in_a_browser_nothing_is_chosen_by_chance)
{
    static const char *const leaks[] = {"dirty_reads", "lost_updates", "fuzzy_reads", "write_skews"};
    struct bed bed;
    if (!has_browser())
        cr_skip("there is no chromium: scripts/setup --dev installs it");
    bed_open(&bed);
    json_t *all = results();
    set_metric(all, 0, "goodput", 8, 10, 12);
    set_metric(all, 1, "goodput", 11, 13, 14);
    set_metric(all, 0, "fsyncs", 1, 2, 3);
    set_metric(all, 1, "fsyncs", 4, 5, 6);
    for (size_t i = 0; i < sizeof(leaks) / sizeof(leaks[0]); i++)
        set_metric(all, 0, leaks[i], 0, 0, 0);
    forget_metric(all, 0, "audit_wrong");
    cr_assert_eq(compare_write_report(bed.directory, all), 0);
    json_decref(all);
    browse(&bed);
    char *dom = text_of(bed.dom);
    cr_expect_not_null(
        strstr(dom, "outage and all: <b>saga</b> (13 a second); by these runs as good: <b>2pc</b></li>"));
    cr_expect_not_null(strstr(dom, "cost little: <b>2pc</b> (2 fsyncs, "));
    const char *cost = strstr(dom, "cost little: "), *end = cost != NULL ? strstr(cost, " messages)</li>") : NULL;
    cr_expect(end != NULL && end - cost < 64, "their intervals are apart");
    cr_expect_not_null(strstr(dom, "<li>Nobody may build on what is undone later: <b>2pc</b>"));
    cr_expect_not_null(strstr(dom, "whether anybody sees half an order was not looked at"));
    free(dom);
    bed_close(&bed);
}

/* The page as it is printed, in columns that are as high as sheets: what is kept together there is so on paper. A
 * heading comes to stand everywhere, also at the foot, for what is above it grows. */
static const char sheets[] =
    "<script>\n"
    "const main = document.querySelector('main'), left = (it) => it.getBoundingClientRect().left;\n"
    "main.style = 'width: 700px; height: 950px; columns: 1; column-fill: auto';\n"
    "let apart = '', seen = 0;\n"
    "for (let px = 0; px < 950; px += 10) {\n"
    "    document.querySelector('h1').style.marginTop = px + 'px';\n"
    "    for (const heading of document.querySelectorAll('h2, main > h3')) {\n"
    "        let about = heading.nextElementSibling;\n"
    "        while (about && about.tagName === 'P')\n"
    "            about = about.nextElementSibling;\n"
    "        if (!about || about.tagName === 'H2')\n"
    "            continue;\n"
    "        seen++;\n"
    "        if (Math.abs(left(heading) - left(about.querySelector('h3, tbody tr') || about)) > 300)\n"
    "            apart += heading.textContent + ' at ' + px + '; ';\n"
    "    }\n"
    "}\n"
    "main.dataset.apart = apart;\n"
    "main.dataset.seen = seen > 500;\n"
    "</script></body>";

static void put(char *page, const char *from, const char *to, FILE *file)
{
    char *at = strstr(page, from);
    cr_assert_not_null(at, "%s", from);
    *at = '\0';
    cr_assert(fputs(page, file) >= 0 && fputs(to, file) >= 0);
    memmove(page, at + strlen(from), strlen(at + strlen(from)) + 1);
}

Test(report, in_a_browser_no_heading_parts_from_its_chart_in_print)
{
    struct bed bed;
    if (!has_browser())
        cr_skip("there is no chromium: scripts/setup --dev installs it");
    bed_open(&bed);
    json_t *all = results();
    char *page = compare_report(all);
    json_decref(all);
    FILE *file = fopen(bed.page, "w");
    cr_assert_not_null(file);
    put(page, "@media print {", "@media all {", file);
    put(page, "</body>", sheets, file);
    cr_assert(fputs(page, file) >= 0 && fclose(file) == 0);
    free(page);
    browse(&bed);
    char *dom = text_of(bed.dom), *console = text_of(bed.console);
    const char *apart = strstr(dom, "data-apart=\"");
    cr_expect_null(strstr(console, "CONSOLE"), "%s", console);
    cr_assert_not_null(apart);
    cr_expect_eq(strncmp(apart, "data-apart=\"\"", strlen("data-apart=\"\"")), 0, "%.200s", apart);
    cr_expect_not_null(strstr(dom, "data-seen=\"true\""));
    free(dom);
    free(console);
    bed_close(&bed);
}

/* A browser that is silent whatever happens would prove nothing. */
Test(report, in_a_browser_an_error_would_be_seen)
{
    struct bed bed;
    if (!has_browser())
        cr_skip("there is no chromium: scripts/setup --dev installs it");
    bed_open(&bed);
    json_t *all = results();
    (void)json_object_del(all, "laws");
    cr_assert_eq(compare_write_report(bed.directory, all), 0);
    json_decref(all);
    browse(&bed);
    char *dom = text_of(bed.dom), *console = text_of(bed.console);
    cr_expect_not_null(strstr(console, "CONSOLE"));
    cr_expect_null(strstr(dom, "data-done=\"yes\""));
    free(dom);
    free(console);
    bed_close(&bed);
}

/* F177: a text of a file ends no element, whatever is in it. Nothing is loaded from anywhere. */
Test(report, F177_texts_stay_texts)
{
    json_t *all = results();
    char *page = compare_report(all);
    cr_expect_null(strstr(page, "</script><script>console"));
    cr_expect_null(strstr(page, "<img"));
    cr_expect_not_null(strstr(page, "\\u003c/script\\u003e"));
    cr_expect_null(strstr(page, "{{"));
    cr_expect_null(strstr(page, "src=\""), "something is loaded");
    cr_expect_null(strstr(page, "@import"));
    cr_expect_null(strstr(page, "url("));
    free(page);
    json_decref(all);
}

/* Its last bytes wait for fclose(), and it alone knows why there is no room for them. */
Test(report, a_page_that_lacks_its_last_bytes_is_told_with_the_reason)
{
    struct bed bed;
    char said[160];
    bed_open(&bed);
    json_t *all = results();
    char *page = compare_report(all);
    const struct rlimit one_too_few = {strlen(page) - 1, strlen(page) - 1};
    (void)snprintf(said, sizeof(said), "vow-chaos compare: %s: File too large\n", bed.page);
    (void)signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &one_too_few), 0);
    cr_redirect_stderr();
    cr_expect_eq(compare_write_report(bed.directory, all), -1);
    (void)fflush(stderr);
    cr_expect_stderr_eq_str(said);
    free(page);
    json_decref(all);
    bed_close(&bed);
}
