/* Groups, topics and dead letters, for people. */
#include <stdio.h>

#include "coordinator/ctl/fields.h"
#include "coordinator/ctl/print.h"

static void print_words(const json_t *words, const char *before)
{
    size_t i;
    json_t *word;
    json_array_foreach(words, i, word) printf("%s%s", i == 0 ? before : ",", json_string_value(word));
}

static void print_group(const json_t *row)
{
    printf("%-20s  %-16s  %-8s  lag %-6lld  in flight %-4lld  dead %-4lld  @%lld", field_text(row, "group"),
           field_text(row, "participant"), field_text(row, "state"), field_number(row, "lag"),
           field_number(row, "in_flight"), field_number(row, "dead"), field_number(row, "cursor"));
    if (field_number(row, "overdue") > 0)
        printf("  overdue %lld", field_number(row, "overdue"));
    if (json_object_get(row, "unread") != NULL)
        printf("  reads older ones");
    print_words(json_object_get(row, "on"), "  on ");
    print_words(json_object_get(row, "publishes"), "  publishes ");
    printf("\n");
}

void print_reaction(const json_t *row)
{
    printf("  @%-6lld  %-20s  %-16s  %-7s", field_number(row, "offset"), field_text(row, "group"),
           field_text(row, "participant"), field_text(row, "state"));
    if (json_object_get(row, "why") != NULL) {
        printf("  since %.1f s", (double)field_number(row, "age_ms") / 1e3);
        if (json_object_get(row, "late_ms") != NULL)
            printf(", LATE by %.1f s", (double)field_number(row, "late_ms") / 1e3);
        printf(": %s", field_text(row, "why"));
    }
    if (json_object_get(row, "behind") != NULL)
        printf(" (@%lld)", field_number(row, "behind"));
    if (json_object_get(row, "attempts") != NULL)
        printf("  attempts %lld", field_number(row, "attempts"));
    if (json_object_get(row, "cause") != NULL)
        printf("  %s", field_text(row, "cause"));
    if (json_object_get(row, "text") != NULL)
        printf("  \"%s\"", field_text(row, "text"));
    printf("\n");
}

void print_groups(const json_t *rows)
{
    size_t index;
    json_t *row;
    if (json_array_size(rows) == 0)
        printf("no group had subscribed\n");
    json_array_foreach(rows, index, row)
    {
        printf("%-20s  %-16s  lag %-6lld  dead %-4lld  @%lld", field_text(row, "group"), field_text(row, "participant"),
               field_number(row, "lag"), field_number(row, "dead"), field_number(row, "cursor"));
        print_words(json_object_get(row, "on"), "  on ");
        print_words(json_object_get(row, "publishes"), "  publishes ");
        printf("\n");
    }
}

void print_topics(const json_t *rows)
{
    size_t index;
    json_t *row;
    if (json_array_size(rows) == 0)
        printf("no group has subscribed\n");
    json_array_foreach(rows, index, row)
    {
        if (print_left_out(row))
            continue;
        if (json_object_get(row, "group") != NULL)
            print_group(row);
        else
            printf("%-64s  %lld not done by all, %lld bytes\n", field_text(row, "topic"), field_number(row, "waiting"),
                   field_number(row, "bytes"));
    }
}

static void print_letter(const json_t *row)
{
    printf("%-20s  @%-8lld  %-24s  key \"%s\"  %s/%lld  attempts %lld  %s%s  \"%s\"\n", field_text(row, "group"),
           field_number(row, "offset"), field_text(row, "topic"), field_text(row, "key"), field_text(row, "source"),
           field_number(row, "key_seq"), field_number(row, "attempts"), field_text(row, "cause"),
           field_is_true(row, "retrying") ? "  retrying" : "", field_text(row, "text"));
}

void print_dead_list(const json_t *rows)
{
    size_t index;
    json_t *row;
    if (json_array_size(rows) == 0)
        printf("no dead letters\n");
    json_array_foreach(rows, index, row)
    {
        if (!print_left_out(row))
            print_letter(row);
    }
}

void print_dead(const json_t *row)
{
    const char *name;
    json_t *value;
    print_letter(row);
    if (json_object_get(row, "id") != NULL)
        printf("id       %s\n", field_text(row, "id"));
    printf("version  %lld  hops %lld\n", field_number(row, "version"), field_number(row, "hops"));
    json_object_foreach(json_object_get(row, "headers"), name, value)
        printf("header   %s=%s\n", name, json_string_value(value));
    if (json_object_get(row, "payload") != NULL)
        printf("payload  %s\n", field_text(row, "payload"));
    else
        printf("payload  0x%s\n", field_text(row, "payload_hex"));
}
