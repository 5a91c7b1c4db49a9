#include "participant/store/peer_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NAME, a number of 20 digits, ADDRESS, two spaces, the end of the line. */
#define LINE_MAX_BYTES (VOW_NAME_SIZE + 20 + VOW_ADDRESS_SIZE + 3)

static bool can_be_asked(const struct vow_msg_peer *peer, const char *self)
{
    return peer->address[0] != '\0' && strlen(peer->address) < VOW_ADDRESS_SIZE && strcmp(peer->name, self) != 0;
}

char *peer_list_write(const struct vow_msg_peer *peers, uint32_t len, const char *self)
{
    size_t count = 0, used = 0;
    char *text;

    for (uint32_t i = 0; i < len; i++)
        count += can_be_asked(&peers[i], self);
    text = count > 0 ? malloc(count * LINE_MAX_BYTES + 1) : NULL;
    for (uint32_t i = 0; i < len && text != NULL; i++) {
        if (can_be_asked(&peers[i], self))
            used += (size_t)snprintf(text + used, LINE_MAX_BYTES + 1, "%s %" PRIu64 " %s\n", peers[i].name,
                                     peers[i].incarnation, peers[i].address);
    }
    return text;
}

static bool read_line(const char *line, size_t len, struct peer_named *peer)
{
    char copy[LINE_MAX_BYTES + 1], number[21], *number_end;
    struct vow_address address;
    int end = -1;

    if (len >= sizeof(copy))
        return false;
    memcpy(copy, line, len);
    copy[len] = '\0';
    if (sscanf(copy, "%63s %20s %63s%n", peer->name, number, peer->address, &end) != 3 || (size_t)end != len)
        return false;
    peer->incarnation = strtoull(number, &number_end, 10);
    return *number_end == '\0' && vow_name_is_valid(peer->name) && vow_address_parse(peer->address, &address) == 0 &&
           address.port != 0;
}

bool peer_list_next(const char **at, struct peer_named *peer)
{
    while (*at != NULL && **at != '\0') {
        const char *line = *at;
        const size_t len = strcspn(line, "\n");

        *at = line + len + (line[len] == '\n');
        if (read_line(line, len, peer))
            return true;
    }
    return false;
}

bool peer_list_find(const char *list, const char *name, struct peer_named *peer)
{
    while (peer_list_next(&list, peer)) {
        if (strcmp(peer->name, name) == 0)
            return true;
    }
    return false;
}
