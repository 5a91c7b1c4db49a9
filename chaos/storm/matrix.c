/*
 * Every crash point, for every kind of transaction that comes to it. In the world of a kind each process is armed with
 * all points that nobody has died at in it yet, and dies at the first that it comes to; so lives get longer, until only
 * what never comes is left. Some things happen once in a world, when most lives end early: what is left has another
 * one. What the processes have come to, and what they died at, is held against the table.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/kill/memory.h"
#include "chaos/storm/storm.h"
#include "chaos/written.h"
#include "proto/jitter.h"

#define WORLDS_MAX 3
/* What is left when nothing new has come for so long waits for something else: for a calm world. There what has ended
 * is cut off after a while (world.c), more than once. */
#define LULL_MS 15000
#define CALM_LULL_MS 75000
#define STRANGE_MAX 64
#define STRANGE_SIZE 128

struct cell {
    uint32_t killed;
    bool is_met;
};

struct matrix {
    struct storm_away away; /* first: storm_away_ms() has it */
    const char *at;         /* these points alone; NULL = all, */
    uint32_t times;         /* so often */
    enum points_kind kind;
    unsigned worlds; /* of this kind */
    unsigned lives;  /* of vowd in this world */
    uint64_t luck;
    struct cell (*cells)[POINTS_KINDS];      /* of each point */
    char strange[STRANGE_MAX][STRANGE_SIZE]; /* points that are in no list */
    size_t strange_len;
    unsigned findings;
    bool is_interrupted;
};

static enum points_node node_of(const char *program)
{
    return strcmp(program, "vowd") == 0 ? POINTS_VOWD : POINTS_SERVICE;
}

static bool is_chosen(const struct matrix *matrix, size_t point)
{
    return matrix->at == NULL || storm_is_in(matrix->at, points_at(point)->name);
}

/* Some things come in worlds that are calm (world.c), and the first is not: what retention does, and where somebody
 * stands still again and again, what comes of that and of looking for who waits. */
static bool has_a_chance(const struct matrix *matrix, size_t point)
{
    const enum points_family family = points_at(point)->family;
    const bool is_looking = family == POINTS_OF_HELD || family == POINTS_OF_ADMIN || family == POINTS_OF_GATHER;

    return matrix->worlds > 0 || (family != POINTS_OF_RETENTION && !(is_looking && storm_holds(matrix->kind)));
}

static bool is_wanted(const struct matrix *matrix, size_t point)
{
    return is_chosen(matrix, point) && has_a_chance(matrix, point) &&
           points_why_not(points_at(point), matrix->kind) == NULL &&
           matrix->cells[point][matrix->kind].killed < matrix->times;
}

/* --- The storm asks and tells --- */

/* Where peers are to be asked, somebody has to be in doubt, and vowd away. */
static bool makes_doubt(const struct matrix *matrix, const struct points_point *point)
{
    static const char makers[] = "send.after.PREPARE,send.after.COMMIT";

    return matrix->kind == POINTS_COOPERATIVE && matrix->worlds > 0 && point->node == POINTS_VOWD &&
           storm_is_in(makers, point->name);
}

/* Every other life of vowd is a longer one, in which it is asked, too, and answers that it does not know yet. */
static unsigned draw_doubt(struct matrix *matrix)
{
    return (matrix->lives % 2 == 0 ? 100 : 1) + (unsigned)(vow_jitter_next(&matrix->luck) % 60);
}

/* Mostly the first time in that life; not always, or all would happen in the first moments of a life. */
static unsigned draw_hit(struct matrix *matrix, const struct points_point *point)
{
    static const unsigned hits[] = {1, 1, 1, 2, 3, 5};

    if (makes_doubt(matrix, point))
        return draw_doubt(matrix);
    if (matrix->worlds > 0)
        return 1;
    return hits[vow_jitter_next(&matrix->luck) % (sizeof(hits) / sizeof(hits[0]))];
}

/* Nobody dies at it any more. */
static bool is_done(const struct matrix *matrix, size_t i)
{
    return matrix->cells[i][matrix->kind].killed >= matrix->times && !makes_doubt(matrix, points_at(i));
}

/* Those that it must not come to as well: if it does, that is found. */
static bool arm(void *ctx, const char *program, char points[REAL_POINTS_SIZE])
{
    struct matrix *matrix = ctx;
    size_t len = 0;

    matrix->lives += node_of(program) == POINTS_VOWD;
    for (size_t i = 0; i < points_len(); i++) {
        const struct points_point *point = points_at(i);
        if (point->node != node_of(program) || !is_chosen(matrix, i) || is_done(matrix, i))
            continue;
        const int added = snprintf(points + len, REAL_POINTS_SIZE - len, "%s%s@%u", len > 0 ? "," : "", point->name,
                                   draw_hit(matrix, point));
        len += (size_t)added;
    }
    return len > 0;
}

static struct cell *find(struct matrix *matrix, const char *program, const char *name)
{
    const struct points_point *point = points_find(node_of(program), name);

    return point != NULL ? &matrix->cells[point - points_at(0)][matrix->kind] : NULL;
}

static bool died(void *ctx, const char *program, const char *name)
{
    const struct matrix *matrix = ctx;
    struct cell *cell = find(ctx, program, name);

    if (cell == NULL)
        return false;
    cell->killed++;
    cell->is_met = true;
    return cell->killed <= matrix->times;
}

static void add_strange(struct matrix *matrix, const char *program, const char *name)
{
    char text[STRANGE_SIZE];

    (void)snprintf(text, sizeof(text), "%s %.100s", points_node_word(node_of(program)), name);
    for (size_t i = 0; i < matrix->strange_len; i++)
        if (strcmp(matrix->strange[i], text) == 0)
            return;
    if (matrix->strange_len < STRANGE_MAX)
        memcpy(matrix->strange[matrix->strange_len++], text, sizeof(text));
}

static void met(void *ctx, const char *program, const char *path)
{
    char name[128];
    FILE *file = fopen(path, "re");

    while (file != NULL && fgets(name, sizeof(name), file) != NULL) {
        name[strcspn(name, "\n")] = '\0';
        struct cell *cell = find(ctx, program, name);
        if (cell != NULL)
            cell->is_met = true;
        else
            add_strange(ctx, program, name);
    }
    if (file != NULL)
        (void)fclose(file);
}

static bool is_over(void *ctx)
{
    struct matrix *matrix = ctx;

    for (size_t i = 0; i < points_len(); i++)
        if (is_wanted(matrix, i))
            return false;
    return true;
}

/* --- What has come of it --- */

static void print_cell(FILE *out, const struct matrix *matrix, size_t i, enum points_kind kind)
{
    const struct cell *cell = &matrix->cells[i][kind];

    if (cell->killed > 0)
        (void)fprintf(out, " %" PRIu32 " |", cell->killed);
    else if (cell->is_met)
        (void)fprintf(out, " met |");
    else
        (void)fprintf(out, " %s |", points_why_not(points_at(i), kind) != NULL ? "" : "never");
}

static void print_table(FILE *out, const struct storm_options *options, const struct matrix *matrix)
{
    (void)fprintf(out, "| process | point |");
    for (enum points_kind kind = 0; kind < POINTS_KINDS; kind++)
        if (storm_has_kind(options, kind))
            (void)fprintf(out, " %s |", points_kind_word(kind));
    (void)fprintf(out, "\n|---|---|");
    for (enum points_kind kind = 0; kind < POINTS_KINDS; kind++)
        if (storm_has_kind(options, kind))
            (void)fputs("---|", out);
    (void)fputc('\n', out);
    for (size_t i = 0; i < points_len(); i++) {
        (void)fprintf(out, "| %s | `%s` |", points_node_word(points_at(i)->node), points_at(i)->name);
        for (enum points_kind kind = 0; kind < POINTS_KINDS; kind++)
            if (storm_has_kind(options, kind))
                print_cell(out, matrix, i, kind);
        (void)fputc('\n', out);
    }
}

static void judge_cell(struct matrix *matrix, size_t i, enum points_kind kind)
{
    const struct points_point *point = points_at(i);
    const struct cell *cell = &matrix->cells[i][kind];
    const char *why = points_why_not(point, kind);
    const bool is_right = why != NULL ? !cell->is_met : cell->killed > 0 || !is_chosen(matrix, i);

    if (is_right)
        return;
    matrix->findings++;
    printf("INVALID: %s, %s %s: %s%s\n", points_kind_word(kind), points_node_word(point->node), point->name,
           why != NULL    ? "is met, though the table says: "
           : cell->is_met ? "was met, and nobody died at it"
                          : "was never met",
           why != NULL ? why : "");
}

static void judge(const struct storm_options *options, struct matrix *matrix)
{
    for (enum points_kind kind = 0; kind < POINTS_KINDS; kind++)
        for (size_t i = 0; storm_has_kind(options, kind) && i < points_len(); i++)
            judge_cell(matrix, i, kind);
    for (size_t i = 0; i < matrix->strange_len; i++)
        printf("INVALID: %s is met, and is in no list (chaos/points/points.def)\n", matrix->strange[i]);
    matrix->findings += (unsigned)matrix->strange_len;
}

static void print_sum(const struct storm_options *options, const struct matrix *matrix)
{
    unsigned points = 0, pairs = 0, kills = 0;

    for (size_t i = 0; i < points_len(); i++) {
        bool is_any = false;
        for (enum points_kind kind = 0; kind < POINTS_KINDS; kind++) {
            const uint32_t killed = storm_has_kind(options, kind) ? matrix->cells[i][kind].killed : 0;
            is_any = is_any || killed > 0;
            pairs += killed > 0;
            kills += killed;
        }
        points += is_any;
    }
    printf("%u crash points, of %zu in the list: killed at, %u times, in %u pairs of point and kind\n", points,
           points_len(), kills, pairs);
}

static int write_table(const struct storm_options *options, const struct matrix *matrix, const char *out)
{
    char path[STORM_PATH_SIZE];

    (void)snprintf(path, sizeof(path), "%.900s/points.md", out);
    FILE *file = fopen(path, "we");
    if (file != NULL)
        print_table(file, options, matrix);
    const int error = file != NULL ? written_close(file) : errno;
    if (error != 0) {
        (void)fprintf(stderr, "vow-chaos storm: %s: %s\n", path, strerror(error));
        return REAL_INVALID;
    }
    printf("the table is %s\n", path);
    return REAL_HELD;
}

/* Where it is calm, little is left but what peers do. */
static unsigned long_one_in(const struct matrix *matrix)
{
    if (matrix->kind != POINTS_COOPERATIVE)
        return 0;
    return matrix->worlds > 0 ? 2 : 5;
}

static int run_world(const struct storm_options *options, const char *out, struct matrix *matrix)
{
    char directory[STORM_PATH_SIZE];
    struct real_storm storm = {.arm = arm,
                               .died = died,
                               .met = met,
                               .is_over = is_over,
                               .lull_ms = matrix->worlds > 0 ? CALM_LULL_MS : LULL_MS,
                               .away_ms = storm_away_ms,
                               .ctx = matrix};

    matrix->lives = 0;
    matrix->away = (struct storm_away){.long_one_in = long_one_in(matrix), .luck = options->seed};
    matrix->luck = options->seed + (uint64_t)matrix->kind;
    (void)snprintf(directory, sizeof(directory), "%.900s/%s-%u", out, points_kind_word(matrix->kind),
                   matrix->worlds + 1);
    const int status =
        storm_world(options, matrix->kind, directory, options->seed + matrix->worlds, matrix->worlds > 0, &storm);
    matrix->is_interrupted = storm.is_interrupted;
    printf("%s: died %" PRIu32 " times at crash points%s%s\n", points_kind_word(matrix->kind), storm.crashed,
           status == REAL_HELD ? "" : ": see ", status == REAL_HELD ? "" : directory);
    (void)fflush(stdout);
    return status;
}

static int run_kind(const struct storm_options *options, const char *out, struct matrix *matrix)
{
    int status = REAL_HELD;

    for (matrix->worlds = 0; matrix->worlds < WORLDS_MAX && status == REAL_HELD && !matrix->is_interrupted;
         matrix->worlds++)
        if (!is_over(matrix))
            status = run_world(options, out, matrix);
    return status;
}

int storm_matrix(const struct storm_options *options, const char *out)
{
    struct matrix *matrix = real_need(calloc(1, sizeof(*matrix)));
    int status = REAL_HELD;

    matrix->at = options->at;
    matrix->times = options->times;
    matrix->cells = real_need(calloc(points_len(), sizeof(*matrix->cells)));
    for (matrix->kind = 0; matrix->kind < POINTS_KINDS && status != REAL_BAD; matrix->kind++)
        if (storm_has_kind(options, matrix->kind))
            status = storm_worse(status, run_kind(options, out, matrix));
    if (status != REAL_BAD) {
        judge(options, matrix);
        status = storm_worse(status, matrix->findings > 0 ? REAL_INVALID : REAL_HELD);
        status = storm_worse(status, write_table(options, matrix, out));
        print_sum(options, matrix);
    }
    free(matrix->cells);
    free(matrix);
    return status;
}
