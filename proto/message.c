#include "proto/message.h"

#include <string.h>

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

bool vow_name_is_valid(const char *name)
{
    size_t len = 0;
    while (len <= VOW_NAME_MAX && is_name_character(name[len]))
        len++;
    return len >= 1 && len <= VOW_NAME_MAX && name[len] == '\0';
}

bool vow_key_is_valid(const char *key)
{
    const size_t len = strnlen(key, VOW_KEY_SIZE);
    return len >= 1 && len <= VOW_KEY_MAX && vow_text_is_printable(key);
}

/* The code point of the UTF-8 sequence at text (NUL-terminated) and its length; length 0 if it is not one. */
static size_t read_utf8(const char *text, uint32_t *point)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000}; /* by length: a shorter form exists below */
    const uint8_t first = (uint8_t)text[0];
    const size_t len = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : 0;
    *point = len <= 1 ? first : first & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if (((uint8_t)text[i] & 0xc0) != 0x80)
            return 0;
        *point = *point << 6 | ((uint8_t)text[i] & 0x3f);
    }
    const bool surrogate = *point >= 0xd800 && *point <= 0xdfff;
    return len == 0 || *point < lowest[len] || *point > 0x10ffff || surrogate ? 0 : len;
}

size_t vow_text_printable_len(const char *text)
{
    uint32_t point;
    const size_t len = read_utf8(text, &point);
    return point < 0x20 || (point >= 0x7f && point < 0xa0) ? 0 : len;
}

bool vow_text_is_printable(const char *text)
{
    while (*text != '\0') {
        const size_t len = vow_text_printable_len(text);
        if (len == 0)
            return false;
        text += len;
    }
    return true;
}

void vow_text_copy(char copy[VOW_TEXT_SIZE], const char *text)
{
    size_t out = 0;
    while (*text != '\0') {
        const size_t len = vow_text_printable_len(text);
        if (out + (len == 0 ? 1 : len) > VOW_TEXT_MAX)
            break;
        if (len == 0) {
            copy[out++] = '?';
            text++;
            continue;
        }
        memcpy(copy + out, text, len);
        out += len;
        text += len;
    }
    copy[out] = '\0';
}

/* clang-format off */
const char *vow_msg_name(enum vow_msg_kind kind)
{
    switch (kind) {
#define MESSAGE(kind, member, number) case VOW_MSG_##kind: return #kind;
    VOW_MESSAGES(MESSAGE)
#undef MESSAGE
    }
    return "?";
}
/* clang-format on */

bool vow_msg_is_counted(enum vow_msg_kind kind)
{
    const unsigned number = kind;
    /* Not counted: enlisting, inquiries, heartbeats, forgetting, and all that clients say (protocol 1.1, 1.2). */
    return (number >= VOW_MSG_PREPARE && number <= VOW_MSG_ACK) || number == VOW_MSG_COMMIT_ONE_PHASE ||
           number == VOW_MSG_ONE_PHASE_DONE;
}
