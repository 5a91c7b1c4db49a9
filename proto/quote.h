/* A text from outside (a flag, a file, a name) as a message may show it. Pure. */
#ifndef VOW_PROTO_QUOTE_H
#define VOW_PROTO_QUOTE_H

#include <stddef.h>

/* Room for what vow_quote() makes: quotes, 40 characters of up to four bytes each, dots. */
#define VOW_QUOTE_SIZE 176

/* In double quotes; whatever is not printable ASCII, and quotes and backslashes, as \xNN, so that a terminal or a
 * reader of the log takes none of it for a command or an end (fault F177). Cut with dots after 40 characters. */
void vow_quote(const char *text, size_t len, char out[VOW_QUOTE_SIZE]);
/* Puts '?' for whatever is not ASCII, where it lies: for a text that shall be JSON and is not UTF-8. */
void vow_text_to_ascii(char *text);

#endif
