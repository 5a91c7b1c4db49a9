#include "coordinator/ctl/print.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "coordinator/ctl/fields.h"
#include "coordinator/ctl/owing.h"

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
        long long most = field_number(limit, "most"), highest = field_number(limit, "limit"),
                  refused = field_number(limit, "refused");
        if (refused > 0 || (highest > 0 && most > highest / 2))
            printf("limit           %s %lld: %lld now, %lld at most, %lld refused\n", name, highest,
                   field_number(limit, "now"), most, refused);
    }
}

void print_status(const json_t *row)
{
    const json_t *txns = json_object_get(row, "transactions");
    const json_t *journal = json_object_get(row, "journal");
    const json_t *anomalies = json_object_get(row, "anomalies");
    char up[AGE_SIZE];
    printf("coordinator     %s, epoch %lld, up %s%s%s\n", field_text(row, "name"), field_number(row, "epoch"),
           age_text(field_number(row, "uptime_ms"), up),
           json_is_true(json_object_get(row, "recovering")) ? ", recovering" : "",
           json_is_true(json_object_get(row, "draining")) ? ", draining" : "");
    printf("data            %s\n", field_text(row, "data"));
    printf("connections     %lld\n", field_number(row, "connections"));
    printf("open            %lld, of which unfinished %lld\n", field_number(txns, "open"),
           field_number(txns, "in_doubt"));
    printf("committed       %lld (read-only %lld, one-phase %lld)\n", field_number(txns, "committed"),
           field_number(txns, "read_only"), field_number(txns, "one_phase"));
    printf("aborted         %lld\n", field_number(txns, "aborted"));
    print_causes(json_object_get(row, "aborted_by_cause"));
    printf("journal         lsn %lld, %lld records (%lld forced) in %lld commits, %lld syncs\n",
           field_number(journal, "last_lsn"), field_number(journal, "records"), field_number(journal, "forced_records"),
           field_number(journal, "commits"), field_number(journal, "syncs"));
    print_limits(json_object_get(row, "limits"));
    printf("damage          %lld open, %lld given up (by hand against the decision %lld, forgotten %lld)\n",
           field_number(json_object_get(row, "damage"), "open"),
           field_number(json_object_get(row, "damage"), "given_up"),
           field_number(json_object_get(row, "damage"), "contradictions"),
           field_number(json_object_get(row, "damage"), "forgotten"));
    printf("hazards         %lld\n", field_number(anomalies, "hazards"));
    printf("protocol errors %lld\n", field_number(anomalies, "protocol_errors"));
}

/* Who a transaction waits for. */
static void print_waits_for(const json_t *row)
{
    size_t index, owing = 0;
    json_t *branch;
    json_array_foreach(json_object_get(row, "branches"), index, branch)
    {
        if (!branch_is_owing(branch, field_text(row, "state")))
            continue;
        printf("%s%s%s", owing++ > 0 ? ", " : "", field_text(branch, "participant"),
               json_is_true(json_object_get(branch, "connected")) ? "" : " (not connected)");
    }
    printf("%s\n", owing > 0 ? "" : "-");
}

bool print_left_out(const json_t *row)
{
    if (json_object_get(row, "left_out") == NULL)
        return false;
    printf("and %lld more\n", field_number(row, "left_out"));
    return true;
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
        char buffer[AGE_SIZE];
        if (print_left_out(row))
            continue;
        printf("%-42s  %-10s  %9s  %8lld  ", field_text(row, "id"), field_text(row, "state"),
               age_text(field_number(row, "age_ms"), buffer), field_number(row, "attempts"));
        print_waits_for(row);
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
        if (print_left_out(row))
            continue;
        if (json_object_get(row, "group") != NULL) {
            print_reaction(row);
            continue;
        }
        printf("%8lld  %s  epoch %-4lld  %-10s", field_number(row, "lsn"), wall(field_number(row, "wall_us"), buffer),
               field_number(row, "epoch"), field_text(row, "event"));
        if (json_object_get(row, "saga") != NULL)
            printf("  saga=%s", field_text(row, "saga"));
        if (json_object_get(row, "step") != NULL)
            printf("  step=%lld %s %s attempts=%lld", field_number(row, "step"), field_text(row, "direction"),
                   field_text(row, "fate"), field_number(row, "attempts"));
        if (json_object_get(row, "cause") != NULL)
            printf("  cause=%s", field_text(row, "cause"));
        if (json_object_get(row, "damage") != NULL)
            printf("  damage=%s", field_text(row, "damage"));
        if (json_object_get(row, "by_hand") != NULL)
            printf("  by_hand=%s", field_text(row, "by_hand"));
        if (json_object_get(row, "topic") != NULL)
            printf("  %s key=\"%s\" %s/%lld", field_text(row, "topic"), field_text(row, "key"),
                   field_text(row, "source"), field_number(row, "key_seq"));
        if (json_object_get(row, "participant") != NULL)
            printf("  participant=%s", field_text(row, "participant"));
        if (json_object_get(row, "text") != NULL)
            printf("  \"%s\"", field_text(row, "text"));
        size_t i;
        json_t *name;
        json_array_foreach(json_object_get(row, "yes_list"), i, name)
            printf("%s%s", i == 0 ? "  yes=" : ",", json_string_value(name));
        printf("\n");
    }
}

/* Why it is not under way: when it is tried next, and what its participant may have now. */
static void print_wait(const json_t *step)
{
    const char *breaker = field_text(step, "breaker");
    char buffer[AGE_SIZE];
    if (strcmp(field_text(step, "state"), "WAITING") == 0)
        printf("  next in %s, budget %lld", age_text(field_number(step, "next_in_ms"), buffer),
               field_number(step, "budget"));
    if (!field_is_true(step, "connected"))
        printf("  not connected");
    else if (breaker[0] != '\0' && strcmp(breaker, "CLOSED") != 0)
        printf("  breaker %s", breaker);
    printf("\n");
}

void print_sagas(const json_t *rows)
{
    size_t index, i;
    json_t *row, *step;
    if (json_array_size(rows) == 0)
        printf("no sagas\n");
    json_array_foreach(rows, index, row)
    {
        char buffer[AGE_SIZE];
        if (print_left_out(row))
            continue;
        printf("%-42s  %s  %s\n", field_text(row, "id"), field_text(row, "state"),
               age_text(field_number(row, "age_ms"), buffer));
        json_array_foreach(json_object_get(row, "steps"), i, step)
        {
            printf("  %2lld  stage %-2lld  %-20s  %-20s  %-8s  %-8s  attempts %lld", field_number(step, "step"),
                   field_number(step, "stage"), field_text(step, "participant"), field_text(step, "action"),
                   field_text(step, "state"), field_text(step, "fate"), field_number(step, "attempts"));
            print_wait(step);
        }
    }
}

void print_saga(const json_t *rows)
{
    if (json_object_get(json_array_get(rows, 0), "steps") != NULL)
        print_sagas(rows);
    else
        print_history(rows); /* it has ended */
}

void print_peers(const json_t *rows)
{
    size_t index;
    json_t *row;
    printf("%-20s  %-9s  %11s  %s\n", "PARTICIPANT", "CONNECTED", "INCARNATION", "LISTENS");
    json_array_foreach(rows, index, row)
    {
        const char *address = field_text(row, "address");
        if (print_left_out(row))
            continue;
        printf("%-20s  %-9s  %11lld  %s\n", field_text(row, "name"), field_is_true(row, "connected") ? "yes" : "no",
               field_number(row, "incarnation"), address[0] != '\0' ? address : "-");
    }
}
