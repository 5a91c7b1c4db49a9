/* An event, as a service says it and as the store keeps it. */
#include <vow/event.h>

#include <stdio.h>
#include <string.h>

#include "participant/options.h"
#include "participant/participant_internal.h"
#include "participant/store/sqlite.h"
#include "proto/net/clock.h"

_Static_assert(VOW_EVENT_KEY_MAX == VOW_KEY_MAX, "a key of an event has the form of a transaction's");

/* --- Headers as text --- */

void vow_headers_write(const struct vow_msg_header_of_event *headers, uint32_t headers_len, char *text)
{
    text[0] = '\0';
    for (uint32_t i = 0; i < headers_len; i++)
        text += snprintf(text, VOW_NAME_SIZE + VOW_EVENT_VALUE_MAX + 2, "%s=%s\n", headers[i].name, headers[i].value);
}

uint32_t vow_headers_read(char *text, struct vow_msg_header_of_event headers[VOW_EVENT_HEADERS_MAX])
{
    uint32_t len = 0;

    while (len < VOW_EVENT_HEADERS_MAX && *text != '\0') {
        char *value = strchr(text, '='), *end = strchr(text, '\n');

        if (value == NULL || end == NULL || value > end)
            break;
        *value++ = *end = '\0';
        headers[len++] = (struct vow_msg_header_of_event){text, value};
        text = end + 1;
    }
    return len;
}

/* --- Publishing --- */

/* Checked, with the text of its headers. */
struct publication {
    struct vow_msg_header_of_event headers[VOW_EVENT_HEADERS_MAX];
    char text[VOW_HEADERS_TEXT_SIZE];
    struct vow_store_event event;
};

static int take_headers(struct publication *publication, const struct vow_event *event)
{
    if (event->headers_len > VOW_EVENT_HEADERS_MAX || (event->headers_len > 0 && event->headers == NULL))
        return VOW_E_ARGUMENT;
    for (uint32_t i = 0; i < event->headers_len; i++) {
        const struct vow_event_header *header = &event->headers[i];

        if (header->name == NULL || header->value == NULL || !vow_name_is_valid(header->name) ||
            !vow_event_value_is_valid(header->value))
            return VOW_E_ARGUMENT;
        publication->headers[i] = (struct vow_msg_header_of_event){header->name, header->value};
    }
    vow_headers_write(publication->headers, event->headers_len, publication->text);
    return 0;
}

/* When all of it should be done; 0 = never mind. */
static uint64_t deadline_of(const struct vow_event *event)
{
    return event->deadline_ms != 0 ? vow_clock_wall_us() + UINT64_C(1000) * event->deadline_ms : 0;
}

static int take_event(struct publication *publication, struct vow_event *event, const struct vow_event *given)
{
    if (given == NULL || vow_options_read(event, sizeof(*event), given) != 0)
        return VOW_E_ARGUMENT;
    if (event->reserved != 0 || event->topic == NULL || event->key == NULL ||
        (event->payload == NULL && event->len > 0))
        return VOW_E_ARGUMENT;
    if (!vow_topic_is_valid(event->topic) || !vow_key_is_valid(event->key))
        return VOW_E_ARGUMENT;
    if (event->len > VOW_EVENT_PAYLOAD_MAX)
        return VOW_E_TOO_LARGE;
    publication->event = (struct vow_store_event){.topic = event->topic,
                                                  .key = event->key,
                                                  .version = event->version != 0 ? event->version : 1,
                                                  .headers = publication->text,
                                                  .deadline_us = deadline_of(event),
                                                  .payload = {event->payload, event->len}};
    return take_headers(publication, event);
}

int vow_publish(struct vow_branch *branch, const struct vow_event *given)
{
    struct publication publication;
    struct vow_event event;
    int error;

    if (branch == NULL)
        return VOW_E_ARGUMENT;
    error = take_event(&publication, &event, given);
    if (error == 0 && event.id != NULL)
        error = VOW_E_ARGUMENT;
    if (error != 0)
        return error;
    if (!branch->participant->store_is_sqlite)
        return VOW_E_STATE;
    publication.event.gtrid = *branch->gtrid;
    if (branch->delivery != NULL)
        error = vow_reaction_publishes(branch->reaction, branch->delivery, &publication.event);
    return error != 0 ? error : vow_store_sqlite_publish(branch->participant->store, &publication.event);
}

int vow_outbox_publish(struct sqlite3 *db, const struct vow_event *given)
{
    struct publication publication;
    struct vow_event event;
    int error;

    if (db == NULL)
        return VOW_E_ARGUMENT;
    error = take_event(&publication, &event, given);
    if (error != 0)
        return error;
    if (event.id != NULL)
        publication.event.gtrid = *event.id;
    return vow_store_sqlite_publish_on(db, &publication.event);
}

/* --- To the coordinator --- */

struct vow_msg vow_event_publish(const struct vow_store_event *event, const char *source,
                                 const uint8_t db_uuid[VOW_DB_UUID_BYTES], struct vow_publish_place *place)
{
    struct vow_msg msg = {.kind = VOW_MSG_PUBLISH,
                          .publish.event = {.topic = event->topic,
                                            .key = event->key,
                                            .source = source,
                                            .key_seq = event->key_seq,
                                            .version = event->version,
                                            .wall_us = event->wall_us,
                                            .gtrid = event->gtrid,
                                            .hops = event->hops,
                                            .deadline_us = event->deadline_us,
                                            .headers = place->headers,
                                            .payload = event->payload}};

    (void)snprintf(place->text, sizeof(place->text), "%s", event->headers);
    msg.publish.event.headers_len = vow_headers_read(place->text, place->headers);
    memcpy(msg.publish.event.db_uuid, db_uuid, VOW_DB_UUID_BYTES);
    return msg;
}
