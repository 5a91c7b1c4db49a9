#include "participant/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/message.h"

struct vow_json vow_json_start(char *text, size_t size)
{
    text[0] = '\0';
    return (struct vow_json){.text = text, .size = size, .is_open = true};
}

static void put(struct vow_json *json, const char *text, size_t len)
{
    if (json->is_cut || len >= json->size - json->len) {
        json->is_cut = true;
        return;
    }
    memcpy(json->text + json->len, text, len);
    json->len += len;
    json->text[json->len] = '\0';
}

/* Whatever a handler, a table or a peer called itself must end neither the string nor a terminal's line (F177). */
static void put_string(struct vow_json *json, const char *text)
{
    put(json, "\"", 1);
    while (*text != '\0') {
        const size_t len = vow_text_printable_len(text);
        if (*text == '"' || *text == '\\')
            put(json, "\\", 1);
        put(json, len > 0 ? text : "?", len > 0 ? len : 1);
        text += len > 0 ? len : 1;
    }
    put(json, "\"", 1);
}

static void begin_item(struct vow_json *json, const char *key)
{
    if (!json->is_open)
        put(json, ",", 1);
    json->is_open = false;
    if (key == NULL)
        return;
    put_string(json, key);
    put(json, ":", 1);
}

void vow_json_text(struct vow_json *json, const char *key, const char *text)
{
    begin_item(json, key);
    put_string(json, text);
}

void vow_json_number(struct vow_json *json, const char *key, uint64_t number)
{
    char digits[24];
    const int len = snprintf(digits, sizeof(digits), "%" PRIu64, number);
    begin_item(json, key);
    put(json, digits, (size_t)len);
}

void vow_json_bool(struct vow_json *json, const char *key, bool value)
{
    const char *word = value ? "true" : "false";
    begin_item(json, key);
    put(json, word, strlen(word));
}

void vow_json_id(struct vow_json *json, const char *key, const struct vow_gtrid *gtrid)
{
    char id[VOW_GTRID_TEXT_SIZE];
    vow_gtrid_to_text(gtrid, id);
    vow_json_text(json, key, id);
}

void vow_json_open(struct vow_json *json, const char *key, char bracket)
{
    begin_item(json, key);
    put(json, &bracket, 1);
    json->is_open = true;
}

void vow_json_close(struct vow_json *json, char bracket)
{
    put(json, &bracket, 1);
    json->is_open = false;
}
