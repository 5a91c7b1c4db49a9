/* What a seed draws: the same numbers for the same seed, on every machine. */
#ifndef SHOP_LOAD_DRAW_H
#define SHOP_LOAD_DRAW_H

#include <stdint.h>

/* splitmix64. *state is the seed at first. */
uint64_t draw_next(uint64_t *state);
/* 0 to limit - 1. */
int64_t draw_below(uint64_t *state, int64_t limit);
/* The time until the next of the events that come `rate` times a second, each independent of all others (Poisson). */
uint64_t draw_gap_us(uint64_t *state, int64_t rate);

/* Places, the first of which are drawn more often than the others: the nth as often as 1 / n^skew says (Zipf). */
struct draw_places {
    int64_t len;
    double *upto; /* how often each place or one before it is drawn */
};
/* Skew 0: all alike. Returns 0 or -1 = no memory. */
int draw_places_init(struct draw_places *places, int64_t len, double skew);
void draw_places_deinit(struct draw_places *places);
int64_t draw_place(const struct draw_places *places, uint64_t *state);

#endif
