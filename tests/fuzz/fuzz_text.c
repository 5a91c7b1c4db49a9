/* What people and services write: addresses, ids, tokens, names, keys, times, sizes. What is read can be printed, and
 * reads as the same again. */
#include <string.h>

#include "coordinator/server/units.h"
#include "proto/address.h"
#include "proto/gtrid.h"
#include "proto/message.h"
#include "proto/token.h"
#include "target.h"

static void try_address(const char *text)
{
    struct vow_address address, again;
    char printed[VOW_ADDRESS_SIZE];
    if (vow_address_parse(text, &address) != 0)
        return;
    vow_address_print(&address, printed);
    FUZZ_REQUIRE(vow_address_parse(printed, &again) == 0);
    FUZZ_REQUIRE(strcmp(address.host, again.host) == 0 && address.port == again.port);
}

static void try_gtrid(const char *text, size_t len)
{
    struct vow_gtrid id, again;
    char printed[VOW_GTRID_TEXT_SIZE];
    if (!vow_gtrid_from_text(text, len, &id))
        return;
    vow_gtrid_to_text(&id, printed);
    FUZZ_REQUIRE(vow_gtrid_from_text(printed, strlen(printed), &again) && vow_gtrid_equal(&id, &again));
}

static void try_token(const char *text, size_t len)
{
    struct vow_token token, again;
    char printed[VOW_TOKEN_SIZE];
    if (vow_token_parse(text, len, &token) != 0)
        return;
    FUZZ_REQUIRE(vow_token_print(&token, printed) == 0);
    FUZZ_REQUIRE(vow_token_parse(printed, strlen(printed), &again) == 0);
    FUZZ_REQUIRE(vow_gtrid_equal(&token.gtrid, &again.gtrid) && token.deadline_ms == again.deadline_ms);
    FUZZ_REQUIRE(strcmp(token.addresses, again.addresses) == 0 && strcmp(token.traceparent, again.traceparent) == 0);
}

static void try_units(const char *text)
{
    char printed[64];
    uint64_t value, again;
    if (vow_parse_duration(text, &value)) {
        vow_print_duration(value, printed, sizeof(printed));
        FUZZ_REQUIRE(vow_parse_duration(printed, &again) && again == value);
    }
    if (vow_parse_size(text, &value)) {
        vow_print_size(value, printed, sizeof(printed));
        FUZZ_REQUIRE(vow_parse_size(printed, &again) && again == value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    char copy[VOW_TEXT_SIZE];
    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    try_address(text);
    try_gtrid(text, size);
    try_token(text, size);
    try_units(text);
    (void)vow_name_is_valid(text);
    (void)vow_key_is_valid(text);
    vow_text_copy(copy, text);
    FUZZ_REQUIRE(vow_text_is_printable(copy));
    free(text);
    return 0;
}
