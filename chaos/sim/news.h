/* What an event of a world says (thing.h), on the wire: whoever judges reads it, too. Pure. */
#ifndef VOW_CHAOS_SIM_NEWS_H
#define VOW_CHAOS_SIM_NEWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/message_event.h"

/* A change, as the payload of the event that tells of it, and back. */
struct sim_news {
    uint64_t tag;    /* of the change, in all of the world; below 2^63, never 0 */
    uint64_t number; /* of the changes of its thing, from 1: the event's key_seq, if all is as it must be */
    bool is_poison;  /* no handler will ever do it */
};
#define SIM_NEWS_BYTES 17
void sim_news_encode(const struct sim_news *news, uint8_t bytes[SIM_NEWS_BYTES]);
bool sim_news_decode(const uint8_t *bytes, size_t len, struct sim_news *news);

/*
 * The headers of the event that tells of a change. Its tag alone says which, so that who judges knows them from no
 * message: "size", small or large, and "color". In a world whose events have none no tag has any of these bits.
 */
#define SIM_TAG_IS_SIZED (UINT64_C(1) << 62)
#define SIM_TAG_IS_LARGE (UINT64_C(1) << 61)
#define SIM_TAG_IS_RED (UINT64_C(1) << 60)
#define SIM_TAG_HEADERS (SIM_TAG_IS_SIZED | SIM_TAG_IS_LARGE | SIM_TAG_IS_RED)
#define SIM_NEWS_HEADERS_MAX 2u
uint32_t sim_news_headers(uint64_t tag, struct vow_msg_header_of_event headers[SIM_NEWS_HEADERS_MAX]);
bool sim_news_has_header(uint64_t tag, const struct vow_msg_header_of_event *header);
/* These, and no other ones. */
bool sim_news_has_headers(uint64_t tag, const struct vow_msg_header_of_event *headers, uint32_t len);

/* The key of a thing's events, "t3"; and back: false, it is none. */
#define SIM_THING_KEY_SIZE 12
void sim_thing_key(uint32_t thing, char key[SIM_THING_KEY_SIZE]);
bool sim_thing_of(const char *key, uint32_t *thing);

#endif
