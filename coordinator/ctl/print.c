#include "coordinator/ctl/print.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "coordinator/ctl/owing.h"

static const char *text(const json_t *row, const char *key)
{
    const char *value = json_string_value(json_object_get(row, key));
    return value != NULL ? value : "-";
}

static long long number(const json_t *row, const char *key)
{
    return (long long)json_integer_value(json_object_get(row, key));
}

/* 950 ms, 12.3 s, 4.5 min, 3.2 h: an age at a glance. */
static const char *age(long long ms, char out[32])
{
    if (ms < 1000)
        snprintf(out, 32, "%lld ms", ms);
    else if (ms < 60000)
        snprintf(out, 32, "%.1f s", (double)ms / 1e3);
    else if (ms < 3600000)
        snprintf(out, 32, "%.1f min", (double)ms / 6e4);
    else
        snprintf(out, 32, "%.1f h", (double)ms / 3.6e6);
    return out;
}

static void print_causes(const json_t *causes)
{
    const char *cause;
    json_t *count;
    json_object_foreach((json_t *)causes, cause, count)
        printf("                %-24s %lld\n", cause, (long long)json_integer_value(count));
}

/* The limits that were met, or more than half used. */
static void print_limits(const json_t *limits)
{
    const char *name;
    json_t *limit;
    json_object_foreach((json_t *)limits, name, limit)
    {
        long long most = number(limit, "most"), highest = number(limit, "limit"), refused = number(limit, "refused");
        if (refused > 0 || (highest > 0 && most > highest / 2))
            printf("limit           %s %lld: %lld now, %lld at most, %lld refused\n", name, highest,
                   number(limit, "now"), most, refused);
    }
}

void print_status(const json_t *row)
{
    const json_t *txns = json_object_get(row, "transactions");
    const json_t *journal = json_object_get(row, "journal");
    const json_t *anomalies = json_object_get(row, "anomalies");
    char up[32];
    printf("coordinator     %s, epoch %lld, up %s%s%s\n", text(row, "name"), number(row, "epoch"),
           age(number(row, "uptime_ms"), up), json_is_true(json_object_get(row, "recovering")) ? ", recovering" : "",
           json_is_true(json_object_get(row, "draining")) ? ", draining" : "");
    printf("data            %s\n", text(row, "data"));
    printf("connections     %lld\n", number(row, "connections"));
    printf("open            %lld, of which unfinished %lld\n", number(txns, "open"), number(txns, "in_doubt"));
    printf("committed       %lld (read-only %lld, one-phase %lld)\n", number(txns, "committed"),
           number(txns, "read_only"), number(txns, "one_phase"));
    printf("aborted         %lld\n", number(txns, "aborted"));
    print_causes(json_object_get(row, "aborted_by_cause"));
    printf("journal         lsn %lld, %lld records (%lld forced) in %lld commits, %lld syncs\n",
           number(journal, "last_lsn"), number(journal, "records"), number(journal, "forced_records"),
           number(journal, "commits"), number(journal, "syncs"));
    print_limits(json_object_get(row, "limits"));
    printf("hazards         %lld\n", number(anomalies, "hazards"));
    printf("protocol errors %lld\n", number(anomalies, "protocol_errors"));
}

/* Who a transaction waits for. */
static void print_waits_for(const json_t *row)
{
    size_t index, owing = 0;
    json_t *branch;
    json_array_foreach(json_object_get(row, "branches"), index, branch)
    {
        if (!branch_is_owing(branch, text(row, "state")))
            continue;
        printf("%s%s%s", owing++ > 0 ? ", " : "", text(branch, "participant"),
               json_is_true(json_object_get(branch, "connected")) ? "" : " (not connected)");
    }
    printf("%s\n", owing > 0 ? "" : "-");
}

void print_list(const json_t *rows)
{
    size_t index;
    json_t *row;
    if (json_array_size(rows) == 0) {
        printf("no transactions\n");
        return;
    }
    printf("%-42s  %-10s  %9s  %8s  %s\n", "ID", "STATE", "AGE", "ATTEMPTS", "WAITS FOR");
    json_array_foreach(rows, index, row)
    {
        char buffer[32];
        printf("%-42s  %-10s  %9s  %8lld  ", text(row, "id"), text(row, "state"), age(number(row, "age_ms"), buffer),
               number(row, "attempts"));
        print_waits_for(row);
    }
}

static void print_ended(const json_t *row)
{
    printf("outcome  %s\n", text(row, "outcome"));
    if (json_object_get(row, "cause") != NULL)
        printf("cause    %s\n", text(row, "cause"));
    printf("events   %lld (vowctl history %s)\n", number(row, "events"), text(row, "id"));
}

void print_txn(const json_t *row)
{
    char buffer[32];
    printf("id       %s\nstate    %s\n", text(row, "id"), text(row, "state"));
    if (json_object_get(row, "branches") == NULL) {
        print_ended(row);
        return;
    }
    printf("age      %s\n", age(number(row, "age_ms"), buffer));
    printf("in state %s\n", age(number(row, "in_state_ms"), buffer));
    printf("waits    ");
    print_waits_for(row);
    printf("\n%-20s  %-10s  %-12s  %s\n", "PARTICIPANT", "VOTE", "ACKNOWLEDGED", "CONNECTED");
    size_t index;
    json_t *branch;
    json_array_foreach(json_object_get(row, "branches"), index, branch)
    {
        printf("%-20s  %-10s  %-12s  %s\n", text(branch, "participant"), text(branch, "vote"),
               json_is_true(json_object_get(branch, "acknowledged")) ? "yes" : "no",
               json_is_true(json_object_get(branch, "connected")) ? "yes" : "no");
    }
}

static const char *wall(long long us, char out[40])
{
    time_t seconds = (time_t)(us / 1000000);
    struct tm utc;
    char stamp[24];
    gmtime_r(&seconds, &utc);
    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out, 40, "%s.%06lldZ", stamp, us % 1000000);
    return out;
}

void print_history(const json_t *rows)
{
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        char buffer[40];
        printf("%8lld  %s  epoch %-4lld  %-10s", number(row, "lsn"), wall(number(row, "wall_us"), buffer),
               number(row, "epoch"), text(row, "event"));
        if (json_object_get(row, "cause") != NULL)
            printf("  cause=%s", text(row, "cause"));
        if (json_object_get(row, "participant") != NULL)
            printf("  participant=%s", text(row, "participant"));
        if (json_object_get(row, "text") != NULL)
            printf("  \"%s\"", text(row, "text"));
        size_t i;
        json_t *name;
        json_array_foreach(json_object_get(row, "yes_list"), i, name)
            printf("%s%s", i == 0 ? "  yes=" : ",", json_string_value(name));
        printf("\n");
    }
}

void print_peers(const json_t *rows)
{
    size_t index;
    json_t *row;
    printf("%-20s  %-9s  %s\n", "PARTICIPANT", "CONNECTED", "INCARNATION");
    json_array_foreach(rows, index, row)
        printf("%-20s  %-9s  %lld\n", text(row, "name"), json_is_true(json_object_get(row, "connected")) ? "yes" : "no",
               number(row, "incarnation"));
}
