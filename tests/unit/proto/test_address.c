#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/address.h"
#include "proto/error.h"

static void expect_printed(const char *text, const char *printed, uint16_t port)
{
    struct vow_address address;
    cr_assert_eq(vow_address_parse(text, &address), 0, "%s", text);
    char again[VOW_ADDRESS_SIZE];
    vow_address_print(&address, again);
    cr_expect_str_eq(again, printed);
    cr_expect_eq(address.port, port);
}

Test(address, reads_and_prints)
{
    expect_printed("127.0.0.1:7420", "127.0.0.1:7420", 7420);
    expect_printed("0.0.0.0:0", "0.0.0.0:0", 0);
    expect_printed("255.255.255.255:65535", "255.255.255.255:65535", 65535);
    expect_printed("localhost:1", "127.0.0.1:1", 1);
    expect_printed("[::]:1", "[::]:1", 1);
    expect_printed("[::1]:1", "[::1]:1", 1);
    expect_printed("[1:2:3:4:5:6:7:8]:9", "[1:2:3:4:5:6:7:8]:9", 9);
    expect_printed("[1:2:3:4:5:6:7::]:9", "[1:2:3:4:5:6:7::]:9", 9);
    expect_printed("[::2:3:4:5:6:7:8]:9", "[::2:3:4:5:6:7:8]:9", 9);
    expect_printed("[fe80::ABCD:0]:9", "[fe80::ABCD:0]:9", 9);
    expect_printed("[::ffff:10.0.0.1]:9", "[::ffff:10.0.0.1]:9", 9);
    expect_printed("[1:2:3:4:5:6:10.0.0.1]:9", "[1:2:3:4:5:6:10.0.0.1]:9", 9);
    expect_printed("[aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:255.255.255.255]:65535",
                   "[aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:255.255.255.255]:65535", 65535);
}

/* B63, F092: no name is looked up and no loose form is guessed at. */
Test(address, B63_refuses_everything_else)
{
    static const char *const bad[] = {
        "",
        ":",
        ":1",
        "1.2.3.4",
        "1.2.3.4:",
        "1.2.3.4:65536",
        "1.2.3.4:100000",
        "1.2.3.4:-1",
        "1.2.3.4:+1",
        "1.2.3.4: 1",
        "1.2.3.4:1 ",
        " 1.2.3.4:1",
        "1.2.3.4:01",
        "1.2.3.4:1x",
        "1.2.3.4:1:2",
        "1.2.3:1",
        "1.2.3.4.5:1",
        "1.2.3.256:1",
        "1.2.3.04:1",
        "1..3.4:1",
        "0x7f.0.0.1:1",
        "2130706433:1",
        "example.org:1",
        "Localhost:1",
        "localhost",
        "localhost.:1",
        "[",
        "[]",
        "[]:1",
        "[::1]",
        "[::1]:",
        "[::1]1",
        "[::1:1",
        "::1:1",
        "[:::]:1",
        "[::1::]:1",
        "[1:2:3:4:5:6:7]:1",
        "[1:2:3:4:5:6:7:8:9]:1",
        "[1:2:3:4:5:6:7:8::]:1",
        "[::1:2:3:4:5:6:7:8]:1",
        "[:1]:1",
        "[1:]:1",
        "[12345::]:1",
        "[g::]:1",
        "[fe80::1%eth0]:1",
        "[1.2.3.4]:1",
        "[1.2.3.4::]:1",
        "[::1.2.3]:1",
        "[::1.2.3.4:5]:1",
        "[1:2:3:4:5:6:7:1.2.3.4]:1",
        "[localhost]:1",
        "1.2.3.4,5.6.7.8:1",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct vow_address address;
        cr_expect_eq(vow_address_parse(bad[i], &address), VOW_E_ADDRESS, "%s", bad[i]);
    }
}

Test(address, random_text_never_reads_past_its_end)
{
    static const char alphabet[] = "0123456789abf:.[],";
    uint64_t seed = 1;
    for (int round = 0; round < 50000; round++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        const size_t len = seed >> 40 & 63;
        char *text = malloc(len + 1); /* exact, so that a sanitizer sees a byte too far */
        uint64_t bits = seed;
        for (size_t i = 0; i < len; i++) {
            bits = bits * UINT64_C(6364136223846793005) + 1442695040888963407;
            text[i] = alphabet[(bits >> 33) % (sizeof(alphabet) - 1)];
        }
        text[len] = '\0';
        struct vow_address address;
        if (vow_address_parse(text, &address) == 0) {
            char printed[VOW_ADDRESS_SIZE];
            vow_address_print(&address, printed);
            cr_expect_str_eq(printed, text);
        }
        free(text);
    }
}
