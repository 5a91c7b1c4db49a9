#include "chaos/sim/small/mail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/sim/small/peers.h"

void small_mail_init(struct small_mail *mail)
{
    *mail = (struct small_mail){0};
    mail->sets = small_room_grow(NULL, &mail->sets_room, 1, sizeof(*mail->sets));
    mail->sets_len = 1;
}

void small_mail_deinit(struct small_mail *mail)
{
    free(mail->sets);
    small_map_deinit(&mail->set_of);
    small_map_deinit(&mail->with);
}

/* Every message below begins with its header. */
static struct vow_msg_header *header_of(struct vow_msg *msg)
{
    return &msg->enlist.header;
}

/* Field by field: what lies between the fields must be equal, too. */
static void copy_header(struct vow_msg_header *to, const struct vow_msg_header *from, bool is_attempt_read)
{
    to->gtrid = from->gtrid;
    to->incarnation = from->incarnation;
    to->epoch = from->epoch;
    to->attempt = is_attempt_read ? from->attempt : 0;
}

static void copy_watermark(struct vow_watermark *to, const struct vow_watermark *from)
{
    to->epoch = from->epoch;
    to->seq = from->seq;
}

/* The time that is left is the only time that is told: it is always the same here, and ends whenever it likes. */
#define LEFT_MS 3600000

static _Noreturn void give_up(const char *what)
{
    (void)fprintf(stderr, "vow-chaos: more %s than a small world has room for\n", what);
    exit(2);
}

static bool is_list(const struct small_list *list, const struct vow_msg_peer *peers, uint32_t len)
{
    bool is_same = list->len == len;

    for (uint32_t i = 0; i < len && is_same; i++)
        is_same = strcmp(list->peers[i].name, peers[i].name) == 0 && list->peers[i].incarnation == peers[i].incarnation;
    return is_same;
}

/* Equal lists lie at one place, so that the messages that point to them are equal. */
static const struct vow_msg_peer *keep_list(struct small_mail *mail, const struct vow_msg_peer *peers, uint32_t len)
{
    uint32_t at = 0;

    while (at < mail->lists_len && !is_list(&mail->lists[at], peers, len))
        at++;
    if (at == SMALL_LISTS_MAX || len > SMALL_PARTICIPANTS_MAX)
        give_up("different lists of participants");
    if (at == mail->lists_len) {
        mail->lists_len++;
        mail->lists[at].len = len;
        for (uint32_t i = 0; i < len; i++) {
            const uint32_t peer = (uint32_t)(peers[i].name[1] - '0');

            mail->lists[at].peers[i] =
                (struct vow_msg_peer){small_peer_name(peer), small_peer_name(peer), peers[i].incarnation};
        }
    }
    return mail->lists[at].peers;
}

static void copy_body(struct small_mail *mail, struct vow_msg *to, const struct vow_msg *from)
{
    switch ((int)from->kind) {
    case VOW_MSG_WELCOME:
        to->welcome.epoch = from->welcome.epoch;
        copy_watermark(&to->welcome.watermark, &from->welcome.watermark);
        break;
    case VOW_MSG_ENLISTED:
        to->enlisted.error = from->enlisted.error;
        to->enlisted.left_ms = from->enlisted.left_ms != 0 ? LEFT_MS : 0;
        break;
    case VOW_MSG_PREPARE:
    case VOW_MSG_COMMIT_ONE_PHASE:
        copy_watermark(&to->prepare.watermark, &from->prepare.watermark);
        to->prepare.ops = from->prepare.ops;
        to->prepare.peers_len = from->prepare.peers_len;
        to->prepare.peers = keep_list(mail, from->prepare.peers, from->prepare.peers_len);
        to->prepare.calls_len = from->prepare.calls_len;
        to->prepare.calls = small_calls();
        break;
    case VOW_MSG_VOTE:
        to->vote.vote = from->vote.vote;
        to->vote.cause = from->vote.cause;
        to->vote.text = "";
        break;
    case VOW_MSG_DECISION:
        copy_watermark(&to->decision.watermark, &from->decision.watermark);
        to->decision.verdict = from->decision.verdict;
        break;
    case VOW_MSG_ACK:
        to->ack.ack = from->ack.ack;
        break;
    case VOW_MSG_ONE_PHASE_DONE:
        to->one_phase_done.result = from->one_phase_done.result;
        to->one_phase_done.cause = from->one_phase_done.cause;
        to->one_phase_done.text = "";
        break;
    case VOW_MSG_PEER_ANSWER:
        to->peer_answer.answer = from->peer_answer.answer;
        break;
    case VOW_MSG_WAIT:
        to->wait.reason = from->wait.reason;
        break;
    default:
        break;
    }
}

static void simplify(struct small_mail *mail, struct vow_msg *to, const struct vow_msg *from)
{
    struct vow_msg copy = *from;

    memset(to, 0, sizeof(*to));
    to->kind = from->kind;
    if (from->kind != VOW_MSG_WELCOME)
        copy_header(header_of(to), header_of(&copy), from->kind == VOW_MSG_ENLIST || from->kind == VOW_MSG_ENLISTED);
    copy_body(mail, to, from);
}

static uint32_t number_of(struct small_mail *mail, const struct vow_msg *simple, uint32_t from)
{
    uint32_t number = 0;

    /* NOLINTBEGIN(bugprone-suspicious-memory-comparison,cert-*): each was cleared whole before it was filled */
    while (number < mail->messages_len &&
           (mail->from[number] != from || memcmp(&mail->messages[number], simple, sizeof(*simple)) != 0))
        number++;
    /* NOLINTEND(bugprone-suspicious-memory-comparison,cert-*) */
    if (number < mail->messages_len)
        return number;
    if (number == SMALL_MESSAGES_MAX)
        give_up("different messages");
    mail->from[number] = (uint8_t)from;
    memcpy(&mail->messages[mail->messages_len++], simple, sizeof(*simple));
    return number;
}

uint32_t small_mail_number(struct small_mail *mail, const struct vow_msg *msg)
{
    struct vow_msg simple;

    simplify(mail, &simple, msg);
    return number_of(mail, &simple, 0);
}

uint32_t small_mail_of(struct small_mail *mail, uint32_t number, uint32_t peer)
{
    struct vow_msg simple;

    memcpy(&simple, &mail->messages[number], sizeof(simple));
    return number_of(mail, &simple, peer + 1);
}

struct vow_msg small_mail_copy(const struct small_mail *mail, uint32_t number, uint32_t branch)
{
    struct vow_msg msg = mail->messages[number];

    if (msg.kind != VOW_MSG_WELCOME)
        header_of(&msg)->branch = branch;
    return msg;
}

bool small_mail_is_to_coord(const struct small_mail *mail, uint32_t number)
{
    switch ((int)mail->messages[number].kind) {
    case VOW_MSG_ENLIST:
    case VOW_MSG_VOTE:
    case VOW_MSG_ACK:
    case VOW_MSG_ONE_PHASE_DONE:
    case VOW_MSG_INQUIRY:
        return true;
    default:
        return false;
    }
}

uint32_t small_mail_set(struct small_mail *mail, const struct small_set *set)
{
    uint64_t digest = 0;
    uint32_t number;

    for (size_t i = 0; i < SMALL_SET_WORDS; i++)
        digest = small_mix(digest, set->words[i]);
    if (small_map_find(&mail->set_of, digest, &number))
        return number;
    mail->sets = small_room_grow(mail->sets, &mail->sets_room, (size_t)mail->sets_len + 1, sizeof(*mail->sets));
    mail->sets[mail->sets_len] = *set;
    small_map_put(&mail->set_of, digest, mail->sets_len);
    return mail->sets_len++;
}

uint32_t small_mail_with(struct small_mail *mail, uint32_t set, uint32_t message)
{
    const uint64_t key = (uint64_t)set << 32 | message;
    struct small_set larger = mail->sets[set];
    uint32_t number;

    if ((larger.words[message / 64] >> (message % 64) & 1) != 0)
        return set;
    if (small_map_find(&mail->with, key, &number))
        return number;
    larger.words[message / 64] |= UINT64_C(1) << (message % 64);
    number = small_mail_set(mail, &larger);
    small_map_put(&mail->with, key, number);
    return number;
}

uint32_t small_mail_without(struct small_mail *mail, uint32_t set, const struct small_set *one,
                            const struct small_set *other)
{
    struct small_set smaller = mail->sets[set];
    uint64_t dropped = 0;

    for (size_t i = 0; i < SMALL_SET_WORDS; i++) {
        const uint64_t kept = smaller.words[i] & (one->words[i] | other->words[i]);

        dropped |= smaller.words[i] & ~kept;
        smaller.words[i] = kept;
    }
    return dropped == 0 ? set : small_mail_set(mail, &smaller);
}

bool small_mail_covers(const struct small_mail *mail, uint32_t larger, uint32_t smaller)
{
    if (larger == smaller)
        return true;
    for (size_t i = 0; i < SMALL_SET_WORDS; i++) {
        if ((mail->sets[smaller].words[i] & ~mail->sets[larger].words[i]) != 0)
            return false;
    }
    return true;
}
