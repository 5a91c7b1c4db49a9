/* What shop-load tells: a line per order in the log, progress, totals, a report. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <jansson.h>

#include "load.h"

#define SHOW_EVERY_MS 100

void load_tally_count(struct load_tally *tally, const char *label)
{
    size_t i = 0;

    while (i < tally->rows_len && strncmp(tally->rows[i].label, label, sizeof(tally->rows[i].label) - 1) != 0)
        i++;
    /* A service may refuse in ever new words; the last row takes what has no row. */
    if (i == LOAD_LABELS_MAX)
        i--;
    if (i == tally->rows_len) {
        snprintf(tally->rows[i].label, sizeof(tally->rows[i].label), "%s", i < LOAD_LABELS_MAX - 1 ? label : "other");
        tally->rows_len++;
    }
    tally->rows[i].count++;
}

/* A try that got no id was never sent: there is nothing to tell of it. */
static json_t *tries_json(const struct load_order *slot)
{
    json_t *tries = json_array();
    char id[VOW_GTRID_TEXT_SIZE];

    for (int64_t i = 0; i < slot->tries_len; i++) {
        const struct load_try *try = &slot->tries[i];
        if (vow_gtrid_is_none(&try->id))
            continue;
        vow_gtrid_to_text(&try->id, id);
        json_array_append_new(tries,
                              json_pack("{s:s, s:s, s:s}", "id", id, "outcome", vow_outcome_name((int)try->outcome),
                                        "cause", vow_cause_name((int)try->cause)));
    }
    return tries;
}

void load_log_order(struct load *load, const struct load_order *slot)
{
    json_t *line;

    if (load->log == NULL)
        return;
    line = json_pack("{s:s, s:s, s:o}", "order", slot->order.id, "outcome", vow_outcome_name((int)slot->result.outcome),
                     "tries", tries_json(slot));
    json_dumpf(line, load->log, JSON_COMPACT);
    fputc('\n', load->log);
    fflush(load->log);
    json_decref(line);
}

static void print_progress(const struct load *load, int64_t percent)
{
    const struct load_totals *totals = &load->totals;

    printf("%sorders %3" PRId64 "%% %" PRId64 "/%" PRId64 " committed %" PRId64 " aborted %" PRId64
           " tried again %" PRId64 " unknown then resolved %" PRId64 "%s",
           load->on_terminal ? "\r" : "", percent, totals->done, load->options.orders, totals->committed,
           totals->aborted, totals->tried_again, totals->unknown_then_resolved, load->on_terminal ? "\x1b[K" : "\n");
    fflush(stdout);
}

/* A person sees a line that changes at most ten times a second; a script gets a line for each percent. */
void load_show_progress(struct load *load)
{
    const uint64_t now = load_now_ms();
    const int64_t percent = load->totals.done * 100 / load->options.orders;

    if (load->on_terminal ? now - load->shown_ms < SHOW_EVERY_MS && percent < 100 : percent == load->shown_percent)
        return;
    load->shown_ms = now;
    load->shown_percent = percent;
    print_progress(load, percent);
}

static void print_tally(const struct load_tally *tally)
{
    for (size_t i = 0; i < tally->rows_len; i++)
        printf("  %-26s %8" PRId64 "\n", tally->rows[i].label, tally->rows[i].count);
}

static double seconds(const struct load *load)
{
    return (double)(load_now_us() - load->began_us) / 1000000.0;
}

void load_print_totals(const struct load *load)
{
    const struct load_totals *totals = &load->totals;

    if (load->on_terminal)
        printf("\n");
    printf("orders                       %8" PRId64 "   in %.1f s\n", totals->done, seconds(load));
    if (load->options.rate > 0)
        printf("turned away                  %8" PRId64 "\n", totals->turned_away);
    printf("committed                    %8" PRId64 "\n", totals->committed);
    printf("aborted                      %8" PRId64 "\n", totals->aborted);
    print_tally(&totals->aborts);
    printf("unknown                      %8" PRId64 "\n", totals->unknown);
    printf("unknown, then resolved       %8" PRId64 "\n", totals->unknown_then_resolved);
    printf("orders tried again           %8" PRId64 "\n", totals->tried_again);
    print_tally(&totals->retries);
}

static json_t *tally_json(const struct load_tally *tally)
{
    json_t *object = json_object();

    for (size_t i = 0; i < tally->rows_len; i++)
        json_object_set_new(object, tally->rows[i].label, json_integer(tally->rows[i].count));
    return object;
}

int load_write_report(const struct load *load)
{
    const struct load_totals *totals = &load->totals;
    json_t *report;
    int error;

    if (load->options.report_path == NULL)
        return 0;
    report = json_pack("{s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:o, s:I, s:f}", "turned_away",
                       (json_int_t)totals->turned_away, "orders", (json_int_t)totals->done, "committed",
                       (json_int_t)totals->committed, "aborted", (json_int_t)totals->aborted, "aborted_by",
                       tally_json(&totals->aborts), "unknown", (json_int_t)totals->unknown, "unknown_then_resolved",
                       (json_int_t)totals->unknown_then_resolved, "tried_again", (json_int_t)totals->tried_again,
                       "tried_again_by", tally_json(&totals->retries), "seed", (json_int_t)load->options.seed,
                       "seconds", seconds(load));
    error = json_dump_file(report, load->options.report_path, JSON_INDENT(2));
    json_decref(report);
    if (error != 0)
        fprintf(stderr, "shop-load: cannot write %s: %s\n", load->options.report_path, strerror(errno));
    return error;
}
