/* How long things last, some of which last still. */
#include <criterion/criterion.h>
#include <math.h>

#include "chaos/measure/survival.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

Test(survival, without_censoring_it_is_the_empirical_distribution)
{
    struct measure_lasting lastings[] = {{5, false}, {1, false}, {4, false}, {2, false}, {3, false}};
    const struct measure_survival found = measure_survival(lastings, LEN(lastings));

    cr_expect_eq(found.p50.us, 3);
    cr_expect_eq(found.p90.us, 5);
    cr_expect_eq(found.max.us, 5);
    cr_expect_not(found.max.is_at_least);
    cr_expect_eq(found.censored, 0);
}

/* S(1) = 5/6, S(3) = 5/6 * 3/4 = 0.625, S(5) = 0.625 / 2 = 0.3125: the median is 5. Of the ends alone it would be 3. */
Test(survival, what_lasts_still_has_not_ended)
{
    struct measure_lasting lastings[] = {{1, false}, {2, true}, {3, false}, {4, true}, {5, false}, {6, true}};
    const struct measure_survival found = measure_survival(lastings, LEN(lastings));

    cr_expect_eq(found.p50.us, 5);
    cr_expect_not(found.p50.is_at_least);
    cr_expect_eq(found.censored, 3);
    cr_expect_eq(found.max.us, 6);
    cr_expect(found.max.is_at_least);
}

/* Ninety quick ones and ten that are stuck: nobody knows for how long those will be. */
Test(survival, a_quantile_that_is_not_reached_is_at_least_the_longest)
{
    struct measure_lasting lastings[100];

    for (size_t i = 0; i < LEN(lastings); i++)
        lastings[i] = (struct measure_lasting){i < 90 ? 10 : 5000, i >= 90};
    const struct measure_survival found = measure_survival(lastings, LEN(lastings));
    cr_expect_eq(found.p50.us, 10);
    cr_expect_eq(found.p90.us, 10);
    cr_expect_not(found.p90.is_at_least);
    cr_expect_eq(found.p99.us, 5000);
    cr_expect(found.p99.is_at_least);
}

/* One that was seen to last as long as another that ended then was at risk: the end comes first. S(2) = 1/2. */
Test(survival, what_ends_at_the_same_time_comes_first)
{
    struct measure_lasting lastings[] = {{2, true}, {2, false}};

    cr_expect_eq(measure_survival(lastings, LEN(lastings)).p50.us, 2);
    cr_expect_not(measure_survival(lastings, LEN(lastings)).p50.is_at_least);
}

Test(survival, of_nothing_nothing_is_said)
{
    const struct measure_survival found = measure_survival(NULL, 0);

    cr_expect(isnan(found.p50.us));
    cr_expect(isnan(found.max.us));
    cr_expect_not(found.max.is_at_least);
}
