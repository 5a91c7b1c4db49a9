/* The forms of --until. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "coordinator/fold/until.h"

TestSuite(until, .timeout = 30);

static void expect_time(const char *text, uint64_t wall_us)
{
    struct vow_journal_until until = {0}, again = {0};
    char printed[VOW_UNTIL_SIZE];

    cr_assert_null(vow_until_parse(text, &until), "%s", text);
    cr_assert(until.is_time, "%s", text);
    cr_assert_eq(until.wall_us, wall_us, "%s is %llu", text, (unsigned long long)until.wall_us);
    vow_until_print(&until, printed);
    cr_assert_null(vow_until_parse(printed, &again), "%s", printed);
    cr_assert_eq(again.wall_us, wall_us, "%s", printed);
}

/* What `date -u -d TEXT +%s` says. */
Test(until, takes_times)
{
    expect_time("1970-01-01T00:00:00Z", 0);
    expect_time("2026-11-26T12:58:53Z", UINT64_C(1795697933000000));
    expect_time("2026-11-26 12:58:53Z", UINT64_C(1795697933000000));
    expect_time("2026-11-26T12:58:53.235172Z", UINT64_C(1795697933235172));
    expect_time("2026-11-26T12:58:53.5Z", UINT64_C(1795697933500000));
    expect_time("2026-11-26T12:58:53.1234567Z", UINT64_C(1795697933123456));
    expect_time("2026-11-26T12:58Z", UINT64_C(1795697880000000));
    expect_time("2026-11-26T13:58:53+01:00", UINT64_C(1795697933000000));
    expect_time("2026-11-26T09:28:53-03:30", UINT64_C(1795697933000000));
    expect_time("2024-02-29T23:59:59Z", UINT64_C(1709251199000000));
    expect_time("2000-03-01T00:00:00Z", UINT64_C(951868800000000));
    expect_time("2100-03-01T00:00:00Z", UINT64_C(4107542400000000));
}

Test(until, takes_lsns)
{
    struct vow_journal_until until;

    cr_assert_null(vow_until_parse("1", &until));
    cr_assert_not(until.is_time);
    cr_assert_eq(until.lsn, 1);
    cr_assert_null(vow_until_parse("0000000004711", &until));
    cr_assert_eq(until.lsn, 4711);
    cr_assert_null(vow_until_parse("9223372036854775799", &until));
    cr_assert_eq(until.lsn, UINT64_C(9223372036854775799));
}

Test(until, refuses_the_rest)
{
    static const char *const wrong[] = {"",
                                        "0",
                                        "-1",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "0x10",
                                        "9223372036854775808",
                                        "99999999999999999999",
                                        "yesterday",
                                        "2026-11-26",
                                        "2026-11-26T",
                                        "2026-11-26T12",
                                        "2026-11-26T12:58:53",
                                        "2026-11-26T12:58:53.Z",
                                        "2026-11-26T12:58:53,5Z",
                                        "2026-11-26T12:58:53z",
                                        "2026-11-26T12:58:53ZZ",
                                        "2026-11-26T12:58:53+0100",
                                        "2026-11-26T12:58:53+24:00",
                                        "2026-11-26T24:00:00Z",
                                        "2026-11-26T12:60:00Z",
                                        "2026-11-26T12:58:60Z",
                                        "2026-13-26T12:58:53Z",
                                        "2026-00-26T12:58:53Z",
                                        "2026-11-31T12:58:53Z",
                                        "2026-11-00T12:58:53Z",
                                        "2025-02-29T12:58:53Z",
                                        "2100-02-29T12:58:53Z",
                                        "1969-12-31T23:59:59Z",
                                        "1970-01-01T00:00:00+01:00",
                                        "26-11-26T12:58:53Z",
                                        "2026-11-26T12:58:53\xc2\xa0Z"};
    struct vow_journal_until until;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        cr_expect_not_null(vow_until_parse(wrong[i], &until), "\"%s\" was taken", wrong[i]);
    cr_expect_not_null(strstr(vow_until_parse("2026-11-26T12:58:53", &until), "zone"));
}
