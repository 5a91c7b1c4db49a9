#include "chaos/sim/report.h"

#include <inttypes.h>

enum sim_exit sim_report_exit(const struct sim_sweep *sweep)
{
    if (sweep->failures > 0)
        return SIM_EXIT_VIOLATED;
    for (int i = 1; i < SIM_FAULTS; i++) {
        if (sim_sweep_has_missed(sweep, (enum sim_fault)i))
            return SIM_EXIT_INVALID;
    }
    for (int i = 0; i < SIM_MARKS; i++) {
        if (sim_sweep_has_missed_mark(sweep, (enum sim_mark)i))
            return SIM_EXIT_INVALID;
    }
    return SIM_EXIT_HELD;
}

static double per_second(const struct sim_sweep *sweep)
{
    return sweep->seconds > 0 ? (double)sweep->seeds / sweep->seconds : 0;
}

static void print_faults(const struct sim_sweep *sweep, FILE *out)
{
    (void)fprintf(out, "faults hit:\n");
    for (int i = 1; i < SIM_FAULTS; i++) {
        if (sweep->hits[i] == 0 && sweep->planned[i] == 0)
            continue;
        (void)fprintf(out, "  %-18s %10" PRIu64 "%s\n", sim_fault_name((enum sim_fault)i), sweep->hits[i],
                      sim_sweep_has_missed(sweep, (enum sim_fault)i) ? "  planned and never hit" : "");
    }
}

/* By their numbers in docs/faults.md. */
static void print_marks(const struct sim_sweep *sweep, FILE *out)
{
    (void)fprintf(out, "worlds that met each fault:");
    for (int i = 0; i < SIM_MARKS; i++) {
        const enum sim_mark mark = (enum sim_mark)i;

        (void)fprintf(out, "%s%s %" PRIu64 "%s", i % 8 == 0 ? "\n  " : "   ", sim_mark_number(mark), sweep->marks[i],
                      sim_sweep_has_missed_mark(sweep, mark) ? " MISSED" : "");
    }
    (void)fprintf(out, "\n");
}

static uint32_t count_edges(const struct sim_sweep *sweep, uint64_t least)
{
    uint32_t edges = 0;

    for (uint32_t i = 0; i < sim_edges_len(); i++)
        edges += sim_edge_moves(i) && sweep->edges[i] >= least;
    return edges;
}

static void print_failures(const struct sim_sweep *sweep, FILE *out)
{
    for (uint64_t i = 0; i < sweep->failures && i < SIM_FAILURES_MAX; i++)
        (void)fprintf(out,
                      "seed %" PRIu64 ": %s\n  replay: vow-chaos sim --seeds %" PRIu64
                      " --trace\n  shrink: vow-chaos sim --shrink %" PRIu64 "\n",
                      sweep->failed[i].seed, sweep->failed[i].violation, sweep->failed[i].seed, sweep->failed[i].seed);
    if (sweep->failures > SIM_FAILURES_MAX)
        (void)fprintf(out, "and %" PRIu64 " more\n", sweep->failures - SIM_FAILURES_MAX);
}

void sim_report_print(const struct sim_sweep *sweep, FILE *out)
{
    static const char *const verdicts[] = {"held", "VIOLATED", "usage", "INVALID: a planned fault was never hit"};
    const struct sim_totals *t = &sweep->totals;

    print_faults(sweep, out);
    print_marks(sweep, out);
    print_failures(sweep, out);
    (void)fprintf(out, "edges between states taken: %u of %u\n", count_edges(sweep, 1), count_edges(sweep, 0));
    (void)fprintf(out,
                  "seeds %" PRIu64 "..%" PRIu64 ": %" PRIu64 " worlds (%" PRIu64 " short), %" PRIu64
                  " transactions (%" PRIu64 " committed, %" PRIu64 " aborted, %" PRIu64 " not known), %" PRIu64
                  " frames, %" PRIu64 " faults\n",
                  sweep->first, sweep->last, sweep->seeds, sweep->shorts, t->transactions, t->committed, t->aborted,
                  t->unknown, t->frames, t->faults);
    if (t->sagas > 0)
        (void)fprintf(
            out, "%" PRIu64 " sagas (%" PRIu64 " completed, %" PRIu64 " compensated, as their clients were told)\n",
            t->sagas, t->completed, t->compensated);
    (void)fprintf(
        out, "%.1f seconds, %.1f seeds/s in %u processes, %.0f seeds/hour, %.0f virtual seconds, hash %016" PRIx64 "\n",
        sweep->seconds, per_second(sweep), sweep->jobs, per_second(sweep) * 3600, (double)t->virtual_us / 1e6,
        sweep->hash);
    (void)fprintf(out, "%s\n", verdicts[sim_report_exit(sweep)]);
}

/* Violations are printable text of ours; only these two need care. */
static void print_string(FILE *out, const char *text)
{
    (void)fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            (void)fputc('\\', out);
        (void)fputc(*text, out);
    }
    (void)fputc('"', out);
}

static void json_edges(const struct sim_sweep *sweep, FILE *out)
{
    const char *comma = "";
    char text[96];

    (void)fprintf(out, ",\"edges_taken\":%u,\"edges_of\":%u,\"edges\":{", count_edges(sweep, 1), count_edges(sweep, 0));
    for (uint32_t i = 0; i < sim_edges_len(); i++) {
        if (!sim_edge_moves(i))
            continue;
        (void)sim_edge_print(i, text, sizeof(text));
        (void)fprintf(out, "%s\"%s\":%" PRIu64, comma, text, sweep->edges[i]);
        comma = ",";
    }
    (void)fputc('}', out);
}

void sim_report_json(const struct sim_sweep *sweep, FILE *out)
{
    const struct sim_totals *t = &sweep->totals;
    const char *comma = "";

    (void)fprintf(out,
                  "{\"exit\":%d,\"first\":%" PRIu64 ",\"last\":%" PRIu64 ",\"seeds\":%" PRIu64 ",\"short\":%" PRIu64
                  ",\"seconds\":%.3f,\"seeds_per_second\":%.2f,\"processes\":%u,\"hash\":\"%016" PRIx64 "\"",
                  (int)sim_report_exit(sweep), sweep->first, sweep->last, sweep->seeds, sweep->shorts, sweep->seconds,
                  per_second(sweep), sweep->jobs, sweep->hash);
    (void)fprintf(out,
                  ",\"transactions\":%" PRIu64 ",\"committed\":%" PRIu64 ",\"aborted\":%" PRIu64 ",\"unknown\":%" PRIu64
                  ",\"events\":%" PRIu64 ",\"frames\":%" PRIu64 ",\"faults_hit\":%" PRIu64 ",\"faults\":{",
                  t->transactions, t->committed, t->aborted, t->unknown, t->events, t->frames, t->faults);
    for (int i = 1; i < SIM_FAULTS; i++) {
        (void)fprintf(out, "%s\"%s\":{\"hits\":%" PRIu64 ",\"worlds_planned\":%" PRIu64 "}", comma,
                      sim_fault_name((enum sim_fault)i), sweep->hits[i], sweep->planned[i]);
        comma = ",";
    }
    (void)fprintf(out, "},\"marks\":{");
    comma = "";
    for (int i = 0; i < SIM_MARKS; i++) {
        (void)fprintf(out, "%s\"%s\":{\"worlds\":%" PRIu64 ",\"within\":%u,\"what\":", comma,
                      sim_mark_number((enum sim_mark)i), sweep->marks[i], sim_mark_within((enum sim_mark)i));
        print_string(out, sim_mark_text((enum sim_mark)i));
        (void)fputc('}', out);
        comma = ",";
    }
    (void)fputc('}', out);
    json_edges(sweep, out);
    (void)fprintf(out, ",\"failed\":%" PRIu64 ",\"failures\":[", sweep->failures);
    comma = "";
    for (uint64_t i = 0; i < sweep->failures && i < SIM_FAILURES_MAX; i++) {
        (void)fprintf(out, "%s{\"seed\":%" PRIu64 ",\"why\":", comma, sweep->failed[i].seed);
        print_string(out, sweep->failed[i].violation);
        (void)fputc('}', out);
        comma = ",";
    }
    (void)fprintf(out, "]}\n");
}
