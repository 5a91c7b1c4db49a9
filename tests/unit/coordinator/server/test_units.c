/* What an operator writes for a time or a size, and every way to get it wrong. */
#include <criterion/criterion.h>

#include "coordinator/server/units.h"

Test(units, durations)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {{"1s", 1000},
                {"90s", 90000},
                {"10m", 600000},
                {"12h", 43200000},
                {"7d", 604800000},
                {"off", 0},
                {"3650d", UINT64_C(315360000000)}};
    uint64_t ms = 1;
    char again[32];

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        cr_assert(vow_parse_duration(good[i].text, &ms), "%s", good[i].text);
        cr_assert_eq(ms, good[i].ms, "%s", good[i].text);
        vow_print_duration(ms, again, sizeof(again));
        cr_assert(vow_parse_duration(again, &ms) && ms == good[i].ms, "%s is printed as %s", good[i].text, again);
    }
}

Test(units, sizes)
{
    uint64_t bytes = 1;
    char again[32];

    cr_assert(vow_parse_size("off", &bytes) && bytes == 0);
    cr_assert(vow_parse_size("1K", &bytes) && bytes == 1024);
    cr_assert(vow_parse_size("64M", &bytes) && bytes == UINT64_C(64) << 20);
    cr_assert(vow_parse_size("10G", &bytes) && bytes == UINT64_C(10) << 30);
    vow_print_size(bytes, again, sizeof(again));
    cr_assert_str_eq(again, "10G");
    vow_print_size(0, again, sizeof(again));
    cr_assert_str_eq(again, "off");
    cr_assert(vow_parse_size("1024T", &bytes) && bytes == UINT64_C(1) << 50);
}

Test(units, anything_else_is_refused_and_changes_nothing)
{
    static const char *const bad[] = {"",
                                      "7",
                                      "d",
                                      "0d",
                                      "07d",
                                      "-1d",
                                      "+1d",
                                      " 1d",
                                      "1 d",
                                      "1d ",
                                      "1dd",
                                      "1.5d",
                                      "1D",
                                      "1w",
                                      "3651d",
                                      "OFF",
                                      "none",
                                      "1e3s",
                                      "0x1s",
                                      "99999999999999d",
                                      "9999999999999999s",
                                      "18446744073709551617s"};
    uint64_t value = 42;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_not(vow_parse_duration(bad[i], &value), "%s", bad[i]);
        cr_assert_not(vow_parse_size(bad[i], &value), "%s", bad[i]);
        cr_assert_eq(value, 42);
    }
    cr_assert_not(vow_parse_size("1025T", &value));
    cr_assert_not(vow_parse_size("1B", &value));
}
