#include "chaos/sim/news.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/bytes.h"

void sim_news_encode(const struct sim_news *news, uint8_t bytes[SIM_NEWS_BYTES])
{
    vow_bytes_put(bytes, news->tag, 8);
    vow_bytes_put(bytes + 8, news->number, 8);
    bytes[16] = news->is_poison;
}

bool sim_news_decode(const uint8_t *bytes, size_t len, struct sim_news *news)
{
    if (len != SIM_NEWS_BYTES)
        return false;
    *news = (struct sim_news){
        .tag = vow_bytes_take(bytes, 8), .number = vow_bytes_take(bytes + 8, 8), .is_poison = bytes[16] != 0};
    return news->tag != 0;
}

uint32_t sim_news_headers(uint64_t tag, struct vow_msg_header_of_event headers[SIM_NEWS_HEADERS_MAX])
{
    uint32_t len = 0;

    if ((tag & SIM_TAG_IS_SIZED) != 0)
        headers[len++] = (struct vow_msg_header_of_event){"size", (tag & SIM_TAG_IS_LARGE) != 0 ? "large" : "small"};
    if ((tag & SIM_TAG_IS_RED) != 0)
        headers[len++] = (struct vow_msg_header_of_event){"color", "red"};
    return len;
}

bool sim_news_has_header(uint64_t tag, const struct vow_msg_header_of_event *header)
{
    struct vow_msg_header_of_event headers[SIM_NEWS_HEADERS_MAX];
    const uint32_t len = sim_news_headers(tag, headers);

    for (uint32_t i = 0; i < len; i++) {
        if (strcmp(headers[i].name, header->name) == 0)
            return strcmp(headers[i].value, header->value) == 0;
    }
    return false;
}

bool sim_news_has_headers(uint64_t tag, const struct vow_msg_header_of_event *headers, uint32_t len)
{
    struct vow_msg_header_of_event mine[SIM_NEWS_HEADERS_MAX];

    if (sim_news_headers(tag, mine) != len)
        return false;
    for (uint32_t i = 0; i < len; i++) {
        if (strcmp(mine[i].name, headers[i].name) != 0 || strcmp(mine[i].value, headers[i].value) != 0)
            return false;
    }
    return true;
}

void sim_thing_key(uint32_t thing, char key[SIM_THING_KEY_SIZE])
{
    (void)snprintf(key, SIM_THING_KEY_SIZE, "t%u", thing);
}

bool sim_thing_of(const char *key, uint32_t *thing)
{
    char *end;

    if (key[0] != 't' || key[1] < '0' || key[1] > '9')
        return false;
    *thing = (uint32_t)strtoul(key + 1, &end, 10);
    return *end == '\0';
}
