/* Numbers whose answers are known. */
#include <criterion/criterion.h>
#include <math.h>

#include "chaos/measure/stats.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

Test(stats, a_quantile_lies_between_the_nearest_two)
{
    const double values[] = {40, 10, 30, 20};

    cr_expect_float_eq(measure_median(values, LEN(values)), 25, 1e-9);
    cr_expect_float_eq(measure_quantile(values, LEN(values), 0), 10, 1e-9);
    cr_expect_float_eq(measure_quantile(values, LEN(values), 1), 40, 1e-9);
    cr_expect_float_eq(measure_quantile(values, LEN(values), 0.9), 37, 1e-9);
    cr_expect_float_eq(measure_mean(values, LEN(values)), 25, 1e-9);
}

Test(stats, of_nothing_nothing_is_said)
{
    cr_expect(isnan(measure_median(NULL, 0)));
    cr_expect(isnan(measure_mean(NULL, 0)));
    cr_expect(isnan(measure_bootstrap(NULL, 0, 1).mid));
}

/* One run that went wrong moves a mean as far as it likes, and the median not at all. */
Test(stats, an_outlier_does_not_move_the_median)
{
    const double values[] = {10, 11, 12, 13, 100000};
    const struct measure_interval interval = measure_bootstrap(values, LEN(values), 1);

    cr_expect_float_eq(interval.mid, 12, 1e-9);
    cr_expect_geq(interval.low, 10);
    cr_expect_leq(interval.low, interval.mid);
    cr_expect_geq(interval.high, interval.mid);
}

Test(stats, the_same_seed_gives_the_same_interval)
{
    const double values[] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5};
    const struct measure_interval once = measure_bootstrap(values, LEN(values), 7);
    const struct measure_interval again = measure_bootstrap(values, LEN(values), 7);

    cr_expect_eq(once.low, again.low);
    cr_expect_eq(once.high, again.high);
}

/* Order statistics: of 101 runs with the values 0 to 100 the interval of the median is 50 +- 1.96 * sqrt(101) / 2. */
Test(stats, the_interval_is_as_wide_as_it_must_be)
{
    double values[101];

    for (size_t i = 0; i < LEN(values); i++)
        values[i] = (double)(i * 37 % 101);
    const struct measure_interval interval = measure_bootstrap(values, LEN(values), 1);
    cr_expect_float_eq(interval.mid, 50, 1e-9);
    cr_expect_float_eq(interval.low, 40, 3);
    cr_expect_float_eq(interval.high, 60, 3);
}

/* From tables of the Poisson distribution: P(X < 4) = 0.0103 and P(X < 5) = 0.0293 for a mean of 10. */
Test(stats, counts_of_a_poisson_process_lie_in_its_interval)
{
    const struct measure_count_interval ten = measure_poisson(10, 0.025);
    const struct measure_count_interval none = measure_poisson(0, 0.025);
    const struct measure_count_interval many = measure_poisson(10000, 0.025);

    cr_expect_eq(ten.low, 4);
    cr_expect_eq(ten.high, 17);
    cr_expect_eq(none.low, 0);
    cr_expect_eq(none.high, 0);
    cr_expect_float_eq((double)many.low, 10000 - 196, 3);
    cr_expect_float_eq((double)many.high, 10000 + 196, 3);
}
