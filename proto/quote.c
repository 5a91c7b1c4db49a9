#include "proto/quote.h"

#define SHOWN_MAX 40

static size_t put_byte(unsigned char byte, char *out)
{
    static const char digits[] = "0123456789abcdef";
    if (byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\') {
        out[0] = (char)byte;
        return 1;
    }
    out[0] = '\\';
    out[1] = 'x';
    out[2] = digits[byte >> 4];
    out[3] = digits[byte & 15];
    return 4;
}

void vow_quote(const char *text, size_t len, char out[VOW_QUOTE_SIZE])
{
    size_t used = 0;
    out[used++] = '"';
    for (size_t i = 0; i < len && i < SHOWN_MAX; i++)
        used += put_byte((unsigned char)text[i], out + used);
    for (int dots = 0; dots < 3 && len > SHOWN_MAX; dots++)
        out[used++] = '.';
    out[used++] = '"';
    out[used] = '\0';
}

void vow_text_to_ascii(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text >= 0x80)
            *text = '?';
    }
}
