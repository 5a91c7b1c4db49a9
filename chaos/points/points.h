/*
 * The crash points: which there are, what each stands between, and which kinds of transaction come to it. Of the table
 * points.def; nothing here has them compiled in.
 */
#ifndef VOW_CHAOS_POINTS_H
#define VOW_CHAOS_POINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum points_kind {
#define KIND(name, word, text) POINTS_##name,
#include "chaos/points/points.def"
    POINTS_KINDS
};

enum points_node { POINTS_VOWD, POINTS_SERVICE };

enum points_family {
#define FAMILY(name, ...) POINTS_OF_##name,
#include "chaos/points/points.def"
    POINTS_FAMILIES
};

struct points_point {
    enum points_node node;
    const char *where, *when, *what;
    const char *name; /* WHERE.WHEN.WHAT */
    enum points_family family;
};

size_t points_len(void);
const struct points_point *points_at(size_t i);
/* NULL = there is none. */
const struct points_point *points_find(enum points_node node, const char *name);
/* The ith name, each once, though vowd and services may have a point of that name; NULL after the last. */
const char *points_name(size_t i);

/* Why no transaction of this kind comes to it; NULL = some do. */
const char *points_why_not(const struct points_point *point, enum points_kind kind);
/* What it stands between. */
#define POINTS_TEXT_SIZE 160
void points_text(const struct points_point *point, char text[POINTS_TEXT_SIZE]);

const char *points_node_word(enum points_node node);
const char *points_kind_word(enum points_kind kind);
const char *points_kind_text(enum points_kind kind);
/* POINTS_KINDS if there is none of that word, of `len` bytes. */
enum points_kind points_kind_find(const char *word, size_t len);

/* For vow-chaos list, and for docs/generated. */
void points_print(FILE *out);
void points_print_markdown(FILE *out);

#endif
