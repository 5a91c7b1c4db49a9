/*
 * What a subscription's transformation makes of an event for its handlers. It is given what was published at each
 * delivery, and what it makes is kept nowhere; so the same comes of it each time, and an error is one for good.
 */
#include <stdio.h>

#include "participant/participant_events.h"

static bool headers_are_valid(const struct vow_event_form *form)
{
    if (form->headers_len > VOW_EVENT_HEADERS_MAX || (form->headers_len > 0 && form->headers == NULL))
        return false;
    for (uint32_t i = 0; i < form->headers_len; i++) {
        const struct vow_event_header *header = &form->headers[i];

        if (header->name == NULL || header->value == NULL || !vow_name_is_valid(header->name) ||
            !vow_event_value_is_valid(header->value))
            return false;
    }
    return true;
}

/* NULL: nothing. A handler relies on what publishers are held to. */
static const char *what_is_wrong(const struct vow_event_form *form)
{
    if (form->len > VOW_EVENT_PAYLOAD_MAX)
        return "its payload is too large";
    if (form->len > 0 && form->payload == NULL)
        return "it has no payload, but a length";
    if (form->version == 0)
        return "its version is 0";
    return headers_are_valid(form) ? NULL : "its headers are none, or too many";
}

static int refuse(const struct vow_received_event *event, const char *how, const char *why, enum vow_cause *cause,
                  char text[VOW_TEXT_SIZE])
{
    char words[VOW_TEXT_SIZE];

    *cause = VOW_CAUSE_HANDLER_REFUSED;
    vow_text_copy(words, why);
    (void)snprintf(text, VOW_TEXT_SIZE, "the transformation of version %u %s: %.120s", event->version, how, words);
    return VOW_E_REFUSED;
}

int vow_transform_apply(const struct vow_subscription_kept *subscription, struct vow_received_event *event,
                        enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    struct vow_event_form form = {.size = sizeof(form),
                                  .payload = event->payload,
                                  .len = event->len,
                                  .version = event->version,
                                  .headers_len = event->headers_len,
                                  .headers = event->headers,
                                  .room = subscription->room};
    const char *wrong;
    int error;

    if (subscription->transform == NULL)
        return 0;
    error = subscription->transform(event, &form, subscription->transform_ctx);
    if (error != 0)
        return refuse(event, "has refused it", form.why != NULL ? form.why : vow_error_text(error), cause, text);
    wrong = what_is_wrong(&form);
    if (wrong != NULL)
        return refuse(event, "makes what is no event", wrong, cause, text);
    event->payload = form.len > 0 ? form.payload : NULL;
    event->len = form.len;
    event->version = form.version;
    event->headers_len = form.headers_len;
    event->headers = form.headers;
    return 0;
}
