#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "proto/assert.h"
#include "proto/error.h"

#define NAMES_MAX 32
#define WORDS_MAX 16
#define LOG_MAX 256

struct speaker {
    char name[VOW_NAME_SIZE];
    uint64_t session, incarnation;
    uint8_t file;
};

struct known_txn {
    char name[VOW_NAME_SIZE];
    struct vow_gtrid id;
};

/* What the journal was asked to do, in order: a record to write or a question to answer. */
struct entry {
    bool lookup, durable;
    uint64_t token, session;
    struct vow_coord_question question;
    struct vow_record record; /* lookup: only its gtrid */
    struct vow_record_branch branches[8];
};

struct script {
    struct fixture f;
    FILE *out;
    struct speaker speakers[NAMES_MAX];
    size_t speakers_len;
    struct known_txn txns[NAMES_MAX];
    size_t txns_len;
    struct entry log[LOG_MAX];
    size_t log_len;
    bool below_floor, unproved;
    char *words[WORDS_MAX];
    size_t words_len;
};

static const char *word(const struct script *s, size_t i)
{
    return i < s->words_len ? s->words[i] : "";
}

static struct speaker *speaker(struct script *s, const char *name)
{
    struct speaker *found;

    for (size_t i = 0; i < s->speakers_len; i++) {
        if (strcmp(s->speakers[i].name, name) == 0)
            return &s->speakers[i];
    }
    VOW_ASSERT(s->speakers_len < NAMES_MAX);
    found = &s->speakers[s->speakers_len++];
    *found = (struct speaker){.session = ++s->f.last_session, .incarnation = 1, .file = 1};
    snprintf(found->name, sizeof(found->name), "%s", name);
    return found;
}

static const char *name_of_session(const struct script *s, uint64_t session)
{
    for (size_t i = 0; i < s->speakers_len; i++) {
        if (s->speakers[i].session == session)
            return s->speakers[i].name;
    }
    return "gone";
}

static struct vow_gtrid *txn(struct script *s, const char *name)
{
    struct known_txn *found;
    uint8_t flags = strchr(name, '!') != NULL ? VOW_GTRID_ONE_PHASE : 0;

    for (size_t i = 0; i < s->txns_len; i++) {
        if (strcmp(s->txns[i].name, name) == 0)
            return &s->txns[i].id;
    }
    VOW_ASSERT(s->txns_len < NAMES_MAX);
    found = &s->txns[s->txns_len++];
    snprintf(found->name, sizeof(found->name), "%s", name);
    found->id = fixture_id(&s->f, flags);
    return &found->id;
}

static const char *name_of_txn(const struct script *s, const struct vow_gtrid *id)
{
    for (size_t i = 0; i < s->txns_len; i++) {
        if (vow_gtrid_equal(&s->txns[i].id, id))
            return s->txns[i].name;
    }
    return "-";
}

static void print_record(struct script *s, const struct vow_coord_effect *effect)
{
    const struct vow_record *record = &effect->log.record;

    fprintf(s->out, "  log %s %s%s", vow_record_name(record->kind), name_of_txn(s, &record->gtrid),
            effect->log.forced ? " forced" : "");
    if (record->kind == VOW_RECORD_ABORTED)
        fprintf(s->out, " cause=%s", vow_cause_name((int)record->cause));
    if (record->kind == VOW_RECORD_HEURISTIC)
        fprintf(s->out, " %s", record->detail == VOW_COMMIT ? "COMMIT" : "ABORT");
    if (record->kind == VOW_RECORD_DAMAGE)
        fprintf(s->out, " %s", vow_error_name(vow_damage_error((enum vow_damage)record->detail)));
    for (uint32_t i = 0; i < record->branches_len; i++)
        fprintf(s->out, " b%u=%s", record->branches[i].branch, record->branches[i].name);
    fprintf(s->out, "%s%s%s%s\n", record->who[0] != '\0' ? " by=" : "", record->who,
            record->text[0] != '\0' ? " text=" : "", record->text);
}

static const struct vow_gtrid *msg_id(const struct vow_msg *msg)
{
    return msg->kind == VOW_MSG_OUTCOME ? &msg->outcome.gtrid : &msg->inquiry.header.gtrid;
}

static void print_effect(struct script *s, const struct vow_coord_effect *effect)
{
    const struct vow_fsm *fsm = vow_coord_fsm();
    char text[256];

    switch (effect->kind) {
    case VOW_COORD_SEND:
    case VOW_COORD_REPLY:
        vow_msg_print(&effect->msg, text, sizeof(text));
        fprintf(s->out, "  to %s: %s %s", name_of_session(s, effect->session), name_of_txn(s, msg_id(&effect->msg)),
                text);
        if (effect->msg.kind == VOW_MSG_OUTCOME && !vow_gtrid_is_none(&effect->msg.outcome.named))
            fprintf(s->out, " named=%s", name_of_txn(s, &effect->msg.outcome.named));
        fputc('\n', s->out);
        break;
    case VOW_COORD_LOG:
        print_record(s, effect);
        break;
    case VOW_COORD_LOOKUP:
        fprintf(s->out, "  look up %s\n", name_of_txn(s, &effect->lookup.question.gtrid));
        break;
    case VOW_COORD_TRACE:
        fprintf(s->out, "  %s: %s -> %s\n", name_of_txn(s, &effect->trace.gtrid), fsm->states[effect->trace.from].name,
                fsm->states[effect->trace.to].name);
        break;
    case VOW_COORD_FORGOTTEN:
        fprintf(s->out, "  forgotten tag=%u%s%s %s\n", (unsigned)effect->forgotten.tag,
                effect->forgotten.error != 0 ? " error=" : "",
                effect->forgotten.error != 0 ? vow_error_name(effect->forgotten.error) : "", effect->forgotten.text);
        break;
    case VOW_COORD_ALARM:
        fprintf(s->out, "  ALARM %s: %s%s%s\n", name_of_txn(s, &effect->alarm.gtrid), effect->alarm.what,
                effect->alarm.who[0] != '\0' ? ": " : "", effect->alarm.who);
        break;
    }
}

static void keep_entry(struct script *s, const struct vow_coord_effect *effect)
{
    struct entry *entry = &s->log[s->log_len];

    if (effect->kind != VOW_COORD_LOG && effect->kind != VOW_COORD_LOOKUP)
        return;
    VOW_ASSERT(s->log_len < LOG_MAX);
    s->log_len++;
    memset(entry, 0, sizeof(*entry));
    if (effect->kind == VOW_COORD_LOOKUP) {
        entry->lookup = true;
        entry->session = effect->session;
        entry->record.gtrid = effect->lookup.question.gtrid;
        entry->question = effect->lookup.question;
        snprintf(entry->record.who, sizeof(entry->record.who), "%s", effect->lookup.reporter);
        return;
    }
    entry->token = effect->log.token;
    entry->record = effect->log.record;
    for (uint32_t i = 0; i < entry->record.branches_len; i++)
        entry->branches[i] = effect->log.record.branches[i];
    entry->record.branches = entry->branches;
}

/* Shows what the last step did, and keeps what it gave to the journal. */
static void show(struct script *s)
{
    for (size_t i = 0; i < s->f.effects.len; i++) {
        print_effect(s, &s->f.effects.items[i]);
        keep_entry(s, &s->f.effects.items[i]);
    }
}

static void answer_lookup(struct script *s, const struct entry *question)
{
    struct vow_coord_lookup lookup = {.question = question->question, .session = question->session};
    const char *reporter = question->record.who;
    bool recorded = reporter[0] == '\0';

    for (size_t i = 0; i < s->log_len; i++) {
        const struct vow_record *record = &s->log[i].record;

        if (s->log[i].lookup || !s->log[i].durable || !vow_gtrid_equal(&record->gtrid, &lookup.question.gtrid))
            continue;
        if (record->kind == VOW_RECORD_DAMAGE)
            lookup.damage = (enum vow_damage)record->detail;
        recorded = recorded || (record->kind == VOW_RECORD_HEURISTIC && strcmp(record->who, reporter) == 0);
        lookup.forgotten = lookup.forgotten || (recorded && record->kind == VOW_RECORD_FORGET);
        if (record->kind != VOW_RECORD_COMMIT && record->kind < VOW_RECORD_NOTES)
            continue;
        lookup.found = true;
        lookup.outcome = record->kind == VOW_RECORD_ABORTED ? VOW_ABORTED : VOW_COMMITTED;
        lookup.cause = record->cause;
        lookup.decided = record->kind == VOW_RECORD_COMMIT;
    }
    lookup.below_floor = !lookup.found && s->below_floor;
    lookup.unproved = !lookup.found && s->unproved;
    fixture_looked_up(&s->f, &lookup);
    show(s);
}

static void do_logged(struct script *s)
{
    size_t end = s->log_len;

    for (size_t i = 0; i < end; i++) {
        struct entry *entry = &s->log[i];

        if (entry->durable)
            continue;
        entry->durable = true;
        if (entry->lookup) {
            answer_lookup(s, entry);
        } else {
            fixture_log_done(&s->f, entry->token);
            show(s);
        }
    }
}

static bool has_end(const struct script *s, const struct vow_gtrid *id, size_t after)
{
    for (size_t i = after; i < s->log_len; i++) {
        if (s->log[i].durable && s->log[i].record.kind == VOW_RECORD_END &&
            vow_gtrid_equal(&s->log[i].record.gtrid, id))
            return true;
    }
    return false;
}

static bool has_commit(const struct script *s, const struct vow_gtrid *id)
{
    for (size_t i = 0; i < s->log_len; i++) {
        if (s->log[i].record.kind == VOW_RECORD_COMMIT && vow_gtrid_equal(&s->log[i].record.gtrid, id))
            return true;
    }
    return false;
}

/* As the journal tells it with a key. */
static uint32_t damage_of(const struct script *s, const struct vow_gtrid *id)
{
    uint32_t damage = VOW_DAMAGE_NONE;

    for (size_t i = 0; i < s->log_len; i++) {
        if (s->log[i].record.kind == VOW_RECORD_DAMAGE && vow_gtrid_equal(&s->log[i].record.gtrid, id))
            damage = s->log[i].record.detail;
    }
    return damage;
}

static void recover_keys(struct script *s)
{
    for (size_t i = 0; i < s->log_len; i++) {
        struct vow_record key = s->log[i].record;

        key.detail = damage_of(s, &key.gtrid);
        if (key.kind == VOW_RECORD_KEY && has_commit(s, &key.gtrid))
            fixture_recovered(&s->f, &key);
    }
}

static void do_crash(struct script *s)
{
    uint64_t session = s->f.last_session, now_ms = s->f.now_ms;
    uint32_t epoch = s->f.epoch + 1;
    struct vow_coord_limits limits = fixture_limits();
    size_t kept = 0;

    fixture_close(&s->f);
    fixture_init(&s->f, &limits, epoch);
    s->f.last_session = session;
    s->f.now_ms = now_ms;
    for (size_t i = 0; i < s->log_len; i++) {
        if (s->log[i].durable && !s->log[i].lookup) {
            s->log[kept] = s->log[i];
            s->log[kept].record.branches = s->log[kept].branches;
            kept++;
        }
    }
    s->log_len = kept;
    for (size_t i = 0; i < kept; i++) {
        enum vow_record_kind kind = s->log[i].record.kind;

        if (kind >= VOW_RECORD_COMMIT && kind <= VOW_RECORD_FORGET && !has_end(s, &s->log[i].record.gtrid, i)) {
            fixture_recovered(&s->f, &s->log[i].record);
            show(s);
        }
    }
    recover_keys(s);
}

static void do_peer(struct script *s)
{
    struct speaker *who = speaker(s, word(s, 1));
    bool is_new = strcmp(word(s, 2), "new") == 0; /* its data file, for the coordinator, too */
    bool wiped = is_new || strcmp(word(s, 2), "wiped") == 0, replaced = strcmp(word(s, 2), "replaced") == 0;

    who->incarnation += wiped || strcmp(word(s, 2), "restarted") == 0;
    who->incarnation -= strcmp(word(s, 2), "restored") == 0;
    who->file = (uint8_t)(who->file + wiped + replaced);
    s->f.since = is_new ? fixture_counts(&s->f).next : (struct vow_watermark){0};
    who->session = fixture_peer_back(&s->f, who->name, who->incarnation, who->file);
    show(s);
}

/* What follows key= in the command; "" if it is not there. */
static const char *option(const struct script *s, const char *key)
{
    for (size_t i = 3; i < s->words_len; i++) {
        if (strncmp(s->words[i], key, strlen(key)) == 0 && s->words[i][strlen(key)] == '=')
            return s->words[i] + strlen(key) + 1;
    }
    return "";
}

static void do_commit(struct script *s, uint64_t client, const struct vow_gtrid *id)
{
    struct vow_msg_work work[WORDS_MAX];
    struct vow_msg_commit_request request = {.gtrid = *id, .work = work, .key = option(s, "key")};
    const char *names[WORDS_MAX];
    uint32_t names_len = 0;

    request.timeout_ms = (uint32_t)strtoul(option(s, "timeout"), NULL, 10);
    for (size_t i = 3; i < s->words_len; i++) {
        char *colon = strchr(s->words[i], ':');

        if (strchr(s->words[i], '=') != NULL)
            continue;
        if (colon == NULL) {
            names[names_len++] = s->words[i];
            continue;
        }
        *colon = '\0';
        work[request.work_len++] = (struct vow_msg_work){s->words[i], (uint32_t)strtoul(colon + 1, NULL, 10)};
    }
    fixture_commit_request(&s->f, client, request, names, names_len);
}

static void do_begin(struct script *s, uint64_t client, const struct vow_gtrid *id)
{
    struct vow_msg_begin begin = {.gtrid = *id, .key = option(s, "key")};

    begin.timeout_ms = (uint32_t)strtoul(option(s, "timeout"), NULL, 10);
    fixture_begin(&s->f, client, begin);
}

static void do_request(struct script *s, const char *command)
{
    uint64_t client = speaker(s, word(s, 1))->session;
    struct vow_gtrid *id = txn(s, word(s, 2));

    if (strcmp(command, "commit") == 0)
        do_commit(s, client, id);
    else if (strcmp(command, "begin") == 0)
        do_begin(s, client, id);
    else if (strcmp(command, "status") == 0)
        fixture_status(&s->f, client, id, word(s, 3));
    else
        fixture_request(&s->f, client, VOW_MSG_ROLLBACK_REQUEST, id);
    show(s);
}

/* The branch that the participant has in the transaction, as its core would know it. */
static uint32_t branch_of(struct script *s, const char *name, const struct vow_gtrid *id)
{
    struct vow_coord_txn_view view;

    if (vow_coord_find(s->f.core, id, &view)) {
        for (uint32_t i = 0; i < view.branches_len; i++) {
            if (strcmp(view.branches[i].participant, name) == 0)
                return view.branches[i].branch;
        }
    }
    return 0;
}

static void do_participant(struct script *s, const char *command)
{
    const struct speaker *who = speaker(s, word(s, 1));
    const struct vow_gtrid *id = txn(s, word(s, 2));
    struct vow_msg_header header = fixture_header(&s->f, id, branch_of(s, who->name, id), who->incarnation);
    const char *what = word(s, 3);

    if (strcmp(command, "vote") == 0) {
        fixture_vote(&s->f, who->session, &header,
                     what[0] == 'y'   ? VOW_VOTE_YES
                     : what[0] == 'r' ? VOW_VOTE_READ_ONLY
                                      : VOW_VOTE_NO);
    } else if (strcmp(command, "ack") == 0) {
        fixture_ack(&s->f, who->session, &header,
                    what[0] == 'd'   ? VOW_ACK_DONE
                    : what[0] == 'o' ? VOW_ACK_HEURISTIC_OK
                    : what[0] == 'm' ? VOW_ACK_HEURISTIC_MISMATCH
                                     : VOW_ACK_NO_RECORD);
    } else if (strcmp(command, "report") == 0) {
        fixture_report(&s->f, who->session, &header, what[0] == 'c' ? VOW_COMMIT : VOW_ABORT);
    } else if (strcmp(command, "one-phase") == 0) {
        fixture_one_phase_done(&s->f, who->session, &header,
                               what[0] == 'c'   ? VOW_ONE_PHASE_COMMITTED
                               : what[0] == 'a' ? VOW_ONE_PHASE_ABORTED
                                                : VOW_ONE_PHASE_NO_RECORD);
    } else {
        fixture_branch(&s->f, who->session, command[0] == 'e' ? VOW_MSG_ENLIST : VOW_MSG_INQUIRY, &header);
    }
    show(s);
}

static void do_strange_id(struct script *s, const char *command)
{
    struct vow_gtrid *id = txn(s, word(s, 1));
    uint64_t coord = FIXTURE_COORD + (strcmp(command, "foreign") == 0);
    uint32_t epoch = s->f.epoch + (strcmp(command, "newer") == 0);

    *id = vow_gtrid_make(coord, epoch, vow_gtrid_seq(id), 0, vow_gtrid_rand(id) + 1);
}

static bool is_one_of(const char *command, const char *list)
{
    const char *at = strstr(list, command);

    return at != NULL && (at == list || at[-1] == ' ') && (at[strlen(command)] == ' ' || at[strlen(command)] == '\0');
}

static void run(struct script *s, const char *command)
{
    if (strcmp(command, "peer") == 0) {
        do_peer(s);
    } else if (strcmp(command, "down") == 0) {
        fixture_down(&s->f, speaker(s, word(s, 1))->session);
        speaker(s, word(s, 1))->session = ++s->f.last_session;
        show(s);
    } else if (is_one_of(command, "full ready")) {
        fixture_full(&s->f, speaker(s, word(s, 1))->session, strcmp(command, "full") == 0);
        show(s);
    } else if (is_one_of(command, "begin rollback commit status")) {
        do_request(s, command);
    } else if (is_one_of(command, "enlist inquire vote ack report one-phase")) {
        do_participant(s, command);
    } else if (is_one_of(command, "foreign forged newer")) {
        do_strange_id(s, command);
    } else if (strcmp(command, "id") == 0) {
        txn(s, word(s, 1));
    } else if (strcmp(command, "forget") == 0) {
        fixture_forget(&s->f, txn(s, word(s, 1)), word(s, 2));
        show(s);
    } else if (strcmp(command, "logged") == 0) {
        do_logged(s);
    } else if (strcmp(command, "after") == 0) {
        fixture_after(&s->f, strtoull(word(s, 1), NULL, 10));
        show(s);
    } else if (strcmp(command, "shed") == 0) {
        fixture_shed(&s->f, strcmp(word(s, 1), "on") == 0);
        show(s);
    } else if (strcmp(command, "drain") == 0) {
        fixture_drain(&s->f);
        show(s);
    } else if (strcmp(command, "crash") == 0) {
        do_crash(s);
    } else if (strcmp(command, "recovered") == 0) {
        fixture_recovery_done(&s->f);
        show(s);
    } else if (strcmp(command, "retain") == 0) {
        s->log_len = 0;
        s->below_floor = true;
    } else if (strcmp(command, "prove") == 0) {
        s->unproved = strcmp(word(s, 1), "nothing") == 0;
    } else {
        fprintf(s->out, "  unknown command\n");
    }
}

static void take_line(struct script *s, const char *line, size_t len)
{
    char copy[256];
    char *rest = NULL;

    if (len >= 2 && strncmp(line, "  ", 2) == 0)
        return; /* what the core did last time */
    fprintf(s->out, "%.*s\n", (int)len, line);
    if (len == 0 || line[0] == '#')
        return;
    VOW_ASSERT(len < sizeof(copy));
    memcpy(copy, line, len);
    copy[len] = '\0';
    s->words_len = 0;
    for (char *w = strtok_r(copy, " ", &rest); w != NULL && s->words_len < WORDS_MAX; w = strtok_r(NULL, " ", &rest))
        s->words[s->words_len++] = w;
    run(s, s->words[0]);
}

char *script_replay(const char *scenario)
{
    struct script *s = calloc(1, sizeof(*s));
    char *text = NULL;
    size_t size = 0;

    s->out = open_memstream(&text, &size);
    fixture_open(&s->f);
    while (*scenario != '\0') {
        size_t len = strcspn(scenario, "\n");

        take_line(s, scenario, len);
        scenario += len + (scenario[len] == '\n');
    }
    fixture_close(&s->f);
    fclose(s->out);
    free(s);
    return text;
}
