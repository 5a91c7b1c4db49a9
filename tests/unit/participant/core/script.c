#include "script.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "proto/error.h"

struct script {
    struct fixture f;
    FILE *out;
    const char *line; /* the command */
};

/* --- reading a command --- */

static _Noreturn void fail(const struct script *s, const char *what)
{
    fprintf(stderr, "scenario: %s: %s\n", what, s->line);
    exit(1);
}

/* The word at `index` of the line; "" if there is none. */
static const char *word_at(const struct script *s, int index)
{
    static char word[64];
    int used = 0;
    for (const char *at = s->line; sscanf(at, "%63s%n", word, &used) == 1; at += used) {
        if (index-- == 0)
            return word;
    }
    word[0] = '\0';
    return word;
}

static bool is_word(const struct script *s, int index, const char *word)
{
    return strcmp(word_at(s, index), word) == 0;
}

/* What follows " key=" in the line; NULL if it is not there. */
static const char *option(const struct script *s, const char *key)
{
    char needle[32];
    snprintf(needle, sizeof(needle), " %s=", key);
    const char *found = strstr(s->line, needle);
    return found != NULL ? found + strlen(needle) : NULL;
}

static uint32_t number(const struct script *s, const char *key, uint32_t otherwise)
{
    const char *value = option(s, key);
    return value != NULL ? (uint32_t)strtoul(value, NULL, 10) : otherwise;
}

static struct vow_watermark watermark(const struct script *s)
{
    const char *value = option(s, "watermark");
    if (value == NULL)
        return (struct vow_watermark){0};
    char *dot = NULL;
    const uint32_t epoch = (uint32_t)strtoul(value, &dot, 10);
    if (*dot != '.')
        fail(s, "watermark=EPOCH.SEQ is wanted");
    return (struct vow_watermark){epoch, strtoull(dot + 1, NULL, 10)};
}

static struct vow_gtrid id_at(const struct script *s, int index)
{
    char *end = NULL;
    const char *word = word_at(s, index);
    const uint64_t seq = strtoull(word[0] != '\0' ? word + 1 : word, &end, 10);
    const uint32_t epoch = *end == '@' ? (uint32_t)strtoul(end + 1, NULL, 10) : EPOCH;
    if (seq == 0 || (word[0] != 't' && word[0] != 'x'))
        fail(s, "an id is wanted");
    return vow_gtrid_make(word[0] == 't' ? COORD : FOREIGN, epoch, seq, 0, 0);
}

/* --- writing effects --- */

static void put_id(FILE *out, const struct vow_gtrid *gtrid)
{
    if (vow_gtrid_is_none(gtrid)) {
        fputs("-", out);
        return;
    }
    fprintf(out, "%c%" PRIu64, vow_gtrid_coord(gtrid) == COORD ? 't' : 'x', vow_gtrid_seq(gtrid));
    if (vow_gtrid_epoch(gtrid) != EPOCH)
        fprintf(out, "@%" PRIu32, vow_gtrid_epoch(gtrid));
}

static const char *text_of(const struct vow_msg *msg)
{
    if (msg->kind == VOW_MSG_VOTE)
        return msg->vote.text;
    if (msg->kind == VOW_MSG_RESOLVED)
        return msg->resolved.text;
    if (msg->kind == VOW_MSG_HEURISTIC_REPORT)
        return msg->heuristic_report.why;
    return msg->kind == VOW_MSG_ONE_PHASE_DONE ? msg->one_phase_done.text : "";
}

static void put_send(FILE *out, const struct vow_msg *msg)
{
    char text[256];
    struct vow_msg copy = *msg;
    const struct vow_msg_header *header = header_in(&copy);
    vow_msg_print(msg, text, sizeof(text));
    fputs("send ", out);
    put_id(out, &header->gtrid);
    fprintf(out, " %s epoch=%" PRIu32 " incarnation=%" PRIu64, text, header->epoch, header->incarnation);
    if (text_of(msg)[0] != '\0')
        fprintf(out, " text=%s", text_of(msg));
}

static const char *const op_names[] = {"?",        "PREPARE", "COMMIT",           "ABORT",           "ONE_PHASE",
                                       "MEMO",     "FORGET",  "CANCEL",           "WATERMARK",       "WORK",
                                       "DESCRIBE", "RECALL",  "HEURISTIC_COMMIT", "HEURISTIC_ABORT", "SETTLE"};

static void put_store(FILE *out, const struct vow_branches_effect *effect)
{
    fprintf(out, "store %s ", op_names[effect->store.op]);
    if (effect->store.op == VOW_STORE_WATERMARK) {
        fprintf(out, "coord=%" PRIu64 " epoch=%" PRIu32 " watermark=%" PRIu32 ".%" PRIu64, effect->store.coord,
                effect->store.epoch, effect->store.watermark.epoch, effect->store.watermark.seq);
        return;
    }
    put_id(out, &effect->store.gtrid);
    fprintf(out, " b%" PRIu32, effect->store.branch);
    if (effect->store.op == VOW_STORE_RECALL)
        fprintf(out, " for=%" PRIu64, effect->store.session);
    if (effect->store.peers_len != 0)
        fprintf(out, " peers=%" PRIu32, effect->store.peers_len);
    if (effect->store.calls_len != 0)
        fprintf(out, " calls=%" PRIu32, effect->store.calls_len);
    if (effect->store.op == VOW_STORE_SETTLE)
        fprintf(out, " %s", effect->store.verdict == VOW_COMMIT ? "COMMIT" : "ABORT");
    else if (effect->store.who != NULL)
        fprintf(out, " who=%s why=%s", effect->store.who, effect->store.why);
}

static void put_trace(FILE *out, const struct vow_branches_effect *effect)
{
    const struct vow_fsm *fsm = vow_branches_fsm();
    put_id(out, &effect->trace.gtrid);
    fprintf(out, ": %s --%s--> %s", fsm->states[effect->trace.from].name, fsm->events[effect->trace.event].name,
            fsm->states[effect->trace.to].name);
}

static void put_joined(FILE *out, const struct vow_branches_effect *effect)
{
    fputs("joined ", out);
    put_id(out, &effect->joined.gtrid);
    fprintf(out, " ops=%" PRIu32, effect->joined.ops);
    if (effect->joined.error != 0)
        fprintf(out, " %s", vow_error_name(effect->joined.error));
    if (effect->joined.cause != VOW_CAUSE_NONE)
        fprintf(out, " cause=%s", vow_cause_name((int)effect->joined.cause));
}

static const char *const answers[] = {"?",       "COMMITTED",           "ABORTED",          "UNCERTAIN",
                                      "NO_INFO", "HEURISTIC_COMMITTED", "HEURISTIC_ABORTED"};

static void put_header(FILE *out, const struct vow_msg_header *header)
{
    put_id(out, &header->gtrid);
    fprintf(out, " b%" PRIu32, header->branch);
    if (header->attempt != 0)
        fprintf(out, " attempt=%" PRIu32, header->attempt);
    fprintf(out, " epoch=%" PRIu32, header->epoch);
}

static void put_ask(FILE *out, const struct vow_branches_effect *effect)
{
    fputs("ask peers ", out);
    put_header(out, &effect->ask.header);
}

static void put_answer(FILE *out, const struct vow_branches_effect *effect)
{
    const struct vow_msg_peer_answer *answer = &effect->answer.msg.peer_answer;
    fprintf(out, "answer %" PRIu64 " %s ", effect->answer.session, answers[answer->answer]);
    put_header(out, &answer->header);
    fprintf(out, " incarnation=%" PRIu64, answer->header.incarnation);
}

static void put_effect(FILE *out, const struct vow_branches_effect *effect)
{
    fputs("    ", out);
    switch (effect->kind) {
    case VOW_BRANCHES_SEND:
        put_send(out, &effect->msg);
        break;
    case VOW_BRANCHES_STORE:
        put_store(out, effect);
        break;
    case VOW_BRANCHES_JOINED:
        put_joined(out, effect);
        break;
    case VOW_BRANCHES_ANSWER:
        fprintf(out, "answer tag=%" PRIu64 " ", effect->told.tag);
        put_send(out, &effect->told.msg);
        break;
    case VOW_BRANCHES_TRACE:
        put_trace(out, effect);
        break;
    case VOW_BRANCHES_ASK_PEERS:
        put_ask(out, effect);
        break;
    case VOW_BRANCHES_ANSWER_PEER:
        put_answer(out, effect);
        break;
    case VOW_BRANCHES_ALARM:
        fputs("ALARM ", out);
        put_id(out, &effect->alarm.gtrid);
        fprintf(out, ": %s", effect->alarm.what);
        break;
    }
    fputc('\n', out);
}

void script_put_effects(FILE *out, const struct fixture *f)
{
    for (size_t i = 0; i < f->effects.len; i++)
        put_effect(out, &f->effects.items[i]);
    if (f->effects.len == 0)
        fputs("    (nothing)\n", out);
}

/* --- commands --- */

static bool run_start(struct script *s)
{
    if (!is_word(s, 0, "start"))
        return false;
    struct vow_branches_limits limits = fixture_limits();
    struct vow_branches_identity identity = fixture_identity();
    limits.branches_max = number(s, "branches", limits.branches_max);
    limits.ended_max = number(s, "ended", limits.ended_max);
    limits.heuristics_max = number(s, "heuristics", limits.heuristics_max);
    limits.heuristic_timeout_ms = number(s, "t-heur", 0);
    identity.incarnation = number(s, "incarnation", INCARNATION);
    identity.coord = number(s, "coord", COORD);
    identity.epoch = number(s, "epoch", EPOCH);
    identity.watermark = watermark(s);
    fixture_stop(&s->f);
    fixture_start(&s->f, &limits, &identity);
    return true;
}

/* The kind of message that the command names; 0 if it names none. */
static enum vow_msg_kind message_kind(const struct script *s)
{
    static const struct {
        const char *word;
        enum vow_msg_kind kind;
    } kinds[] = {{"enlisted", VOW_MSG_ENLISTED}, {"prepare", VOW_MSG_PREPARE}, {"one-phase", VOW_MSG_COMMIT_ONE_PHASE},
                 {"commit", VOW_MSG_DECISION},   {"abort", VOW_MSG_DECISION},  {"query", VOW_MSG_ONE_PHASE_QUERY},
                 {"forget", VOW_MSG_FORGET},     {"wait", VOW_MSG_WAIT},       {"vote", VOW_MSG_VOTE}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (is_word(s, 0, kinds[i].word))
            return kinds[i].kind;
    }
    return 0;
}

static void fill_body(const struct script *s, struct vow_msg *msg)
{
    static const struct vow_msg_call calls[VOW_CALLS_MAX];
    static const struct vow_msg_peer peers[VOW_CALLS_MAX];
    switch ((int)msg->kind) {
    case VOW_MSG_ENLISTED:
        msg->enlisted.error = -(int)number(s, "error", 0);
        msg->enlisted.left_ms = number(s, "left", 30000);
        return;
    case VOW_MSG_DECISION:
        msg->decision.verdict = is_word(s, 0, "abort") ? VOW_ABORT : VOW_COMMIT;
        msg->decision.watermark = watermark(s);
        return;
    case VOW_MSG_PREPARE:
    case VOW_MSG_COMMIT_ONE_PHASE:
        msg->prepare.watermark = watermark(s);
        msg->prepare.calls = calls;
        msg->prepare.calls_len = number(s, "calls", 1);
        msg->prepare.ops = number(s, "ops", 0);
        msg->prepare.peers = peers;
        msg->prepare.peers_len = number(s, "peers", 0);
        return;
    case VOW_MSG_WAIT:
        msg->wait.reason = (enum vow_wait)number(s, "reason", VOW_WAIT_UNDECIDED);
        return;
    default:
        return;
    }
}

static bool run_message(struct script *s)
{
    const enum vow_msg_kind kind = message_kind(s);
    if (kind == 0)
        return false;
    struct vow_msg msg = message_of(kind, id_at(s, 1));
    struct vow_msg_header *header = header_in(&msg);
    header->epoch = number(s, "epoch", EPOCH);
    header->incarnation = number(s, "incarnation", INCARNATION);
    header->attempt = number(s, "attempt", 0);
    header->branch = number(s, "b", 0);
    fill_body(s, &msg);
    feed_message(&s->f, &msg);
    return true;
}

/* The index of a word of the line among names; fails if it is none of them. */
static unsigned index_of(const struct script *s, int index, const char *const *names, unsigned names_len)
{
    for (unsigned i = 1; i < names_len; i++) {
        if (is_word(s, index, names[i]))
            return i;
    }
    fail(s, "no such operation or result");
}

static bool run_store(struct script *s)
{
    static const char *const results[] = {"?", "DONE", "READ_ONLY", "REFUSED", "NO_RECORD"};
    char text[64] = "";
    if (!is_word(s, 0, "store"))
        return false;
    struct vow_branches_event event = {.kind = VOW_BRANCHES_STORE_DONE, .now_ms = s->f.now_ms};
    event.done.op = index_of(s, 1, op_names, sizeof(op_names) / sizeof(op_names[0]));
    event.done.result = index_of(s, 3, results, sizeof(results) / sizeof(results[0]));
    if (event.done.op != VOW_STORE_WATERMARK)
        event.done.gtrid = id_at(s, 2);
    event.done.branch = number(s, "b", 0);
    event.done.session = number(s, "for", 0);
    if (event.done.result == VOW_STORE_REFUSED) {
        if (option(s, "text") != NULL)
            sscanf(option(s, "text"), "%63s", text);
        event.done.cause = (enum vow_cause)number(s, "cause", VOW_CAUSE_HANDLER_REFUSED);
        event.done.text = text;
    }
    vow_branches_step(s->f.core, &event, &s->f.effects);
    return true;
}

/* "ask ID from=SESSION" is a peer's question, "told ID ANSWER" its answer. */
static bool run_peer(struct script *s)
{
    const bool is_answer = is_word(s, 0, "told");
    if (!is_answer && !is_word(s, 0, "ask"))
        return false;
    struct vow_msg msg = message_of(is_answer ? VOW_MSG_PEER_ANSWER : VOW_MSG_PEER_INQUIRY, id_at(s, 1));
    struct vow_msg_header *header = header_in(&msg);
    header->epoch = number(s, "epoch", EPOCH);
    header->incarnation = number(s, "incarnation", INCARNATION);
    header->attempt = number(s, "attempt", 0);
    header->branch = number(s, "b", is_answer ? 0 : 1);
    if (is_answer)
        msg.peer_answer.answer = (enum vow_peer_answer)index_of(s, 2, answers, sizeof(answers) / sizeof(answers[0]));
    feed_peer(&s->f, number(s, "from", 9), &msg);
    return true;
}

static bool run_time(struct script *s)
{
    const uint64_t deadline_ms = vow_branches_deadline_ms(s->f.core);
    if (is_word(s, 0, "pass")) {
        s->f.now_ms += strtoull(word_at(s, 1), NULL, 10);
        s->f.effects.len = 0;
        return true;
    }
    if (!is_word(s, 0, "timer"))
        return false;
    if (option(s, "after") == NULL && deadline_ms == UINT64_MAX) {
        fputs("    no deadline\n", s->out);
        s->f.effects.len = 0;
        return true;
    }
    const uint64_t before_ms = s->f.now_ms;
    feed_timer(&s->f, option(s, "after") != NULL ? before_ms + number(s, "after", 0) : deadline_ms);
    fprintf(s->out, "    after %" PRIu64 " ms\n", s->f.now_ms - before_ms);
    return true;
}

/* commit or abort; 0 if the option is not there. */
static enum vow_verdict verdict(const struct script *s, const char *key)
{
    const char *value = option(s, key);
    if (value == NULL)
        return 0;
    return strncmp(value, "commit", 6) == 0 ? VOW_COMMIT : VOW_ABORT;
}

static bool run_coord(struct script *s)
{
    if (is_word(s, 0, "coord-up")) {
        feed_coord_up(&s->f, number(s, "coord", COORD), number(s, "epoch", EPOCH), watermark(s));
        return true;
    }
    if (is_word(s, 0, "join")) {
        feed_join(&s->f, id_at(s, 1));
        return true;
    }
    if (is_word(s, 0, "recovered") && option(s, "heuristic") != NULL) {
        feed_heuristic(&s->f, id_at(s, 1), verdict(s, "heuristic"), verdict(s, "decided"));
        return true;
    }
    if (is_word(s, 0, "recovered")) {
        feed_recovered(&s->f, id_at(s, 1));
        return true;
    }
    if (is_word(s, 0, "resolve")) {
        feed_resolve(&s->f, id_at(s, 2), is_word(s, 1, "commit") ? VOW_COMMIT : VOW_ABORT, number(s, "tag", 0));
        return true;
    }
    if (!is_word(s, 0, "coord-down"))
        return false;
    const struct vow_branches_event event = {.kind = VOW_BRANCHES_COORD_DOWN, .now_ms = s->f.now_ms};
    vow_branches_step(s->f.core, &event, &s->f.effects);
    return true;
}

static bool run_counts(struct script *s)
{
    if (!is_word(s, 0, "counts"))
        return false;
    const struct vow_branches_counts c = counts_of(&s->f);
    fprintf(s->out,
            "    prepared=%" PRIu64 " committed=%" PRIu64 " aborted=%" PRIu64 " read-only=%" PRIu64 " refused=%" PRIu64
            " one-phase=%" PRIu64 "\n    errors=%" PRIu64 " ignored=%" PRIu64 " inquiries=%" PRIu64
            "\n    open=%" PRIu32 " in-doubt=%" PRIu32 " in-doubt-max=%" PRIu64 "ms\n",
            c.prepared, c.committed, c.aborted, c.read_only, c.refused, c.one_phase, c.protocol_errors, c.ignored,
            c.inquiries, c.open, c.in_doubt, c.in_doubt_max_ms);
    if (c.asked_peers != 0 || c.answered_peers != 0)
        fprintf(s->out,
                "    asked-peers=%" PRIu64 " answered-peers=%" PRIu64 " ended-by-peers=%" PRIu64 " blocked=%" PRIu32
                "\n",
                c.asked_peers, c.answered_peers, c.ended_by_peers, c.blocked);
    return true;
}

static void run_command(struct script *s)
{
    if (run_start(s) || run_counts(s) || is_word(s, 0, "pass")) {
        run_time(s);
        return;
    }
    if (s->f.core == NULL)
        fail(s, "start is wanted first");
    if (!run_message(s) && !run_peer(s) && !run_store(s) && !run_time(s) && !run_coord(s))
        fail(s, "no such command");
    script_put_effects(s->out, &s->f);
}

char *script_run(const char *text)
{
    char *written = NULL;
    size_t written_len = 0;
    char *copy = strdup(text), *rest = copy;
    struct script s = {.out = open_memstream(&written, &written_len)};
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        if (line[0] == ' ' || (line[0] == '\0' && rest == NULL))
            continue;
        fprintf(s.out, "%s\n", line);
        s.line = line;
        if (line[0] != '#' && line[0] != '\0')
            run_command(&s);
    }
    fixture_stop(&s.f);
    fclose(s.out);
    free(copy);
    return written;
}
