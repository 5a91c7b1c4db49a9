#include "load_draw.h"

#include <math.h>
#include <stdlib.h>

uint64_t draw_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

int64_t draw_below(uint64_t *state, int64_t limit)
{
    return (int64_t)(draw_next(state) % (uint64_t)limit);
}

/* In [0, 1). */
static double draw_part(uint64_t *state)
{
    return (double)(draw_next(state) >> 11) * 0x1p-53;
}

uint64_t draw_gap_us(uint64_t *state, int64_t rate)
{
    return (uint64_t)(-log1p(-draw_part(state)) * 1000000.0 / (double)rate);
}

int draw_places_init(struct draw_places *places, int64_t len, double skew)
{
    double sum = 0;

    *places = (struct draw_places){.len = len, .upto = malloc((size_t)len * sizeof(*places->upto))};
    if (places->upto == NULL)
        return -1;
    for (int64_t i = 0; i < len; i++)
        places->upto[i] = sum += pow((double)(i + 1), -skew);
    return 0;
}

void draw_places_deinit(struct draw_places *places)
{
    free(places->upto);
    places->upto = NULL;
}

int64_t draw_place(const struct draw_places *places, uint64_t *state)
{
    const double at = draw_part(state) * places->upto[places->len - 1];
    int64_t low = 0, high = places->len - 1;

    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (places->upto[middle] <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
