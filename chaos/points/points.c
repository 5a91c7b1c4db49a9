#include "chaos/points/points.h"

#include <string.h>

static const struct points_point points[] = {
#define POINT(node_, where_, when_, what_, family_)                                                                    \
    {.node = POINTS_##node_,                                                                                           \
     .where = where_,                                                                                                  \
     .when = when_,                                                                                                    \
     .what = what_,                                                                                                    \
     .name = where_ "." when_ "." what_,                                                                               \
     .family = POINTS_OF_##family_},
#include "chaos/points/points.def"
};

#define POINTS_LEN (sizeof(points) / sizeof(points[0]))

static const struct {
    const char *word, *text;
} kinds[] = {
#define KIND(name, word, text) {word, text},
#include "chaos/points/points.def"
};

static const char *const why_not[POINTS_FAMILIES][POINTS_KINDS] = {
#define FAMILY(name, ...) [POINTS_OF_##name] = {__VA_ARGS__},
#include "chaos/points/points.def"
};

static const struct {
    const char *where, *when, *text;
} places[] = {
#define PLACE(where, when, text) {where, when, text},
#include "chaos/points/points.def"
};

size_t points_len(void)
{
    return POINTS_LEN;
}

const struct points_point *points_at(size_t i)
{
    return &points[i];
}

const struct points_point *points_find(enum points_node node, const char *name)
{
    for (size_t i = 0; i < POINTS_LEN; i++)
        if (points[i].node == node && strcmp(points[i].name, name) == 0)
            return &points[i];
    return NULL;
}

/* A service's that vowd has, too. */
static bool is_again(const struct points_point *point)
{
    return point->node == POINTS_SERVICE && points_find(POINTS_VOWD, point->name) != NULL;
}

const char *points_name(size_t i)
{
    for (size_t at = 0; at < POINTS_LEN; at++) {
        if (is_again(&points[at]))
            continue;
        if (i == 0)
            return points[at].name;
        i--;
    }
    return NULL;
}

const char *points_why_not(const struct points_point *point, enum points_kind kind)
{
    return why_not[point->family][kind];
}

/* The %s of the table is the only one: a format that is data is no format. */
void points_text(const struct points_point *point, char text[POINTS_TEXT_SIZE])
{
    const char *place = "%s";

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (strcmp(places[i].where, point->where) == 0 && strcmp(places[i].when, point->when) == 0)
            place = places[i].text;
    const size_t before = strcspn(place, "%");
    (void)snprintf(text, POINTS_TEXT_SIZE, "%.*s%s%s", (int)before, place, point->what, place + before + 2);
}

const char *points_node_word(enum points_node node)
{
    return node == POINTS_VOWD ? "vowd" : "service";
}

const char *points_kind_word(enum points_kind kind)
{
    return kinds[kind].word;
}

const char *points_kind_text(enum points_kind kind)
{
    return kinds[kind].text;
}

enum points_kind points_kind_find(const char *word, size_t len)
{
    enum points_kind kind = 0;

    while (kind < POINTS_KINDS && (strlen(kinds[kind].word) != len || memcmp(kinds[kind].word, word, len) != 0))
        kind++;
    return kind;
}

/* --- For people --- */

static void print_kinds(FILE *out, const struct points_point *point)
{
    const char *comma = "";

    for (enum points_kind kind = 0; kind < POINTS_KINDS; kind++) {
        if (points_why_not(point, kind) != NULL)
            continue;
        (void)fprintf(out, "%s%s", comma, kinds[kind].word);
        comma = ", ";
    }
    if (comma[0] == '\0')
        (void)fputs("none", out);
}

void points_print(FILE *out)
{
    char text[POINTS_TEXT_SIZE];

    (void)fprintf(out, "kinds of transactions:\n");
    for (enum points_kind kind = 0; kind < POINTS_KINDS; kind++)
        (void)fprintf(out, "  %-18s %s\n", kinds[kind].word, kinds[kind].text);
    (void)fprintf(out, "crash points, in a build for tests (what it stands between; which kinds come to it):\n");
    for (size_t i = 0; i < POINTS_LEN; i++) {
        points_text(&points[i], text);
        (void)fprintf(out, "  %-7s %s\n      %s\n      ", points_node_word(points[i].node), points[i].name, text);
        print_kinds(out, &points[i]);
        (void)fputc('\n', out);
    }
}

static bool is_in(enum points_family family, size_t *first)
{
    for (*first = 0; *first < POINTS_LEN; (*first)++)
        if (points[*first].family == family)
            return true;
    return false;
}

static bool is_same(const char *why, const char *other)
{
    return why != NULL && other != NULL && strcmp(why, other) == 0;
}

/* Why not, once for points with the same answer. */
static void print_families(FILE *out)
{
    size_t first;

    (void)fprintf(out, "\n## Why a kind does not come to a point\n\n| like | kinds | why |\n|---|---|---|\n");
    for (enum points_family family = 0; family < POINTS_FAMILIES; family++) {
        if (!is_in(family, &first))
            continue;
        for (enum points_kind kind = 0; kind < POINTS_KINDS; kind++) {
            const char *why = why_not[family][kind];
            enum points_kind before = 0;
            while (before < kind && !is_same(why_not[family][before], why))
                before++;
            if (why == NULL || before < kind)
                continue;
            (void)fprintf(out, "| `%s` | ", points[first].name);
            for (enum points_kind like = kind; like < POINTS_KINDS; like++)
                if (is_same(why_not[family][like], why))
                    (void)fprintf(out, "%s%s", like == kind ? "" : ", ", kinds[like].word);
            (void)fprintf(out, " | %s |\n", why);
        }
    }
}

void points_print_markdown(FILE *out)
{
    char text[POINTS_TEXT_SIZE];
    size_t first;

    (void)fprintf(
        out, "| process | point | what it stands between | kinds that come to it | like |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < POINTS_LEN; i++) {
        points_text(&points[i], text);
        (void)is_in(points[i].family, &first);
        (void)fprintf(out, "| %s | `%s` | %s | ", points_node_word(points[i].node), points[i].name, text);
        print_kinds(out, &points[i]);
        (void)fprintf(out, " | `%s` |\n", points[first].name);
    }
    print_families(out);
}
