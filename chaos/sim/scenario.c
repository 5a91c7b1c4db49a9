#include "chaos/sim/scenario.h"

#include <string.h>

#include "chaos/sim/seen.h"

#define WORDS_MAX 8
#define LINE_MAX 256
/* An hour, and the 2^24 seconds that a clock may jump by. */
#define AT_MAX_US UINT64_C(3600000000)
#define AMOUNT_MAX (INT64_C(1) << 62)

/* What a line is; they come in this order, and the first two and the last are there exactly once. */
enum line_kind {
    LINE_VERSION,
    LINE_SEED,
    LINE_FAILED,
    LINE_OPTION,
    LINE_ACTION,
    LINE_SKIP,
    LINE_NOISE,
    LINE_ITEM,
    LINE_HASH,
    LINE_END,
    LINE_KINDS
};

struct parse {
    struct sim_scenario *scenario;
    struct sim_scenario_error *error;
    const char *rest;
    size_t rest_len;
    char line[LINE_MAX]; /* cut into words */
    const char *words[WORDS_MAX];
    uint32_t words_len;
    enum line_kind last;
    const struct sim_option *last_option;
};

static bool refuse(struct parse *parse, const char *why, const char *what)
{
    (void)snprintf(parse->error->text, sizeof(parse->error->text), "%s%s%.60s", why, *what != '\0' ? ": " : "", what);
    return false;
}

/* As it would be printed: no sign, no zero in front. */
static bool read_number(const char *word, uint64_t most, uint64_t *number)
{
    uint64_t value = 0;

    if (*word == '\0' || (word[0] == '0' && word[1] != '\0'))
        return false;
    for (; *word != '\0'; word++) {
        const uint64_t digit = (uint64_t)(uint8_t)*word - '0';

        if (digit > 9 || value > (most - digit) / 10 || digit > most)
            return false;
        value = value * 10 + digit;
    }
    *number = value;
    return true;
}

static bool read_signed(const char *word, int64_t *number)
{
    const bool is_negative = *word == '-';
    uint64_t value;

    if (!read_number(word + is_negative, (uint64_t)AMOUNT_MAX * 2 - 1, &value) || (is_negative && value == 0))
        return false;
    *number = is_negative ? -(int64_t)value : (int64_t)value;
    return true;
}

static bool read_hash(const char *word, uint64_t *hash)
{
    *hash = 0;
    if (strlen(word) != 16)
        return false;
    for (; *word != '\0'; word++) {
        const char *at = strchr("0123456789abcdef", *word);

        if (at == NULL)
            return false;
        *hash = *hash << 4 | (uint64_t)(at - "0123456789abcdef");
    }
    return true;
}

static bool take_version(struct parse *parse)
{
    uint64_t version;

    if (parse->words_len != 2 || !read_number(parse->words[1], UINT32_MAX, &version))
        return refuse(parse, "the first line is vow-scenario and a version", "");
    return version == SIM_SCENARIO_VERSION || refuse(parse, "a version that is not known here", parse->words[1]);
}

static bool take_seed(struct parse *parse)
{
    uint64_t seed;

    if (parse->words_len != 2 || !read_number(parse->words[1], UINT64_MAX, &seed))
        return refuse(parse, "seed wants one number", "");
    sim_options_draw(&parse->scenario->options, seed);
    return true;
}

static bool take_failed(struct parse *parse)
{
    struct sim_scenario *scenario = parse->scenario;

    if (parse->words_len != 2 || strlen(parse->words[1]) >= sizeof(scenario->failed))
        return refuse(parse, "failed wants one word of at most 31 characters", "");
    (void)snprintf(scenario->failed, sizeof(scenario->failed), "%s", parse->words[1]);
    return true;
}

static bool take_option(struct parse *parse)
{
    const struct sim_option *option = parse->words_len == 3 ? sim_option_find(parse->words[1]) : NULL;
    uint64_t value;

    if (parse->words_len != 3)
        return refuse(parse, "option wants a name and a number", "");
    if (option == NULL)
        return refuse(parse, "there is no such option", parse->words[1]);
    if (option <= parse->last_option)
        return refuse(parse, "an option out of its place", parse->words[1]);
    if (!read_number(parse->words[2], option->most, &value) || value < option->least)
        return refuse(parse, "a value that the option cannot have", parse->words[2]);
    parse->last_option = option;
    sim_option_set(&parse->scenario->options, option, (uint32_t)value);
    return true;
}

static enum sim_action_kind kind_of(const char *name)
{
    for (int i = SIM_ACT_NONE + 1; i < SIM_ACT_KINDS; i++) {
        if (strcmp(sim_action_name((enum sim_action_kind)i), name) == 0)
            return (enum sim_action_kind)i;
    }
    return SIM_ACT_NONE;
}

static uint32_t nodes_of(const struct sim_options *options)
{
    return options->coordinators + options->participants + options->clients + options->saga_clients;
}

/* What is asked of a disk, or in words, is done to a node that has one. */
static bool wants_server(enum sim_action_kind kind)
{
    return kind == SIM_ACT_BACKUP || kind == SIM_ACT_RESTORE || kind == SIM_ACT_WIPE || kind == SIM_ACT_DISK;
}

static bool check_action(struct parse *parse, const struct sim_action *action)
{
    const struct sim_options *options = &parse->scenario->options;
    const bool is_signed = action->kind == SIM_ACT_JUMP;

    if (action->node >= nodes_of(options))
        return refuse(parse, "there is no such node", parse->words[3]);
    if (action->peer != SIM_NODE_NONE && (action->peer >= nodes_of(options) || action->peer == action->node))
        return refuse(parse, "there is no such peer", parse->words[4]);
    if (wants_server(action->kind) && action->node >= options->coordinators + options->participants)
        return refuse(parse, "a client has no disk", parse->words[2]);
    if (is_signed && (action->amount > INT64_C(1) << 44 || action->amount < -(INT64_C(1) << 44)))
        return refuse(parse, "a clock cannot jump so far", parse->words[6]);
    if (!is_signed && action->amount < 0)
        return refuse(parse, "an amount below zero", parse->words[6]);
    if (!is_signed && action->kind != SIM_ACT_DISK && (uint64_t)action->amount > AT_MAX_US)
        return refuse(parse, "more than an hour", parse->words[6]);
    return true;
}

static bool take_action(struct parse *parse)
{
    struct sim_plan *plan = &parse->scenario->plan;
    uint64_t number, node, peer = SIM_NODE_NONE;
    struct sim_action action;

    memset(&action, 0, sizeof(action));
    if (parse->words_len != 7 || !read_number(parse->words[1], SIM_ACTIONS_MAX - 1, &number) ||
        !read_number(parse->words[3], SIM_NODES_MAX - 1, &node) ||
        (strcmp(parse->words[4], "-") != 0 && !read_number(parse->words[4], SIM_NODES_MAX - 1, &peer)) ||
        !read_number(parse->words[5], AT_MAX_US, &action.at_us) || !read_signed(parse->words[6], &action.amount))
        return refuse(parse, "action wants NUMBER KIND NODE PEER MICROSECOND AMOUNT", "");
    if (plan->len == SIM_ACTIONS_MAX)
        return refuse(parse, "too many actions", "");
    action.number = (uint32_t)number;
    action.kind = kind_of(parse->words[2]);
    action.node = (uint8_t)node;
    action.peer = (uint8_t)peer;
    if (action.kind == SIM_ACT_NONE)
        return refuse(parse, "there is no such action", parse->words[2]);
    if (!check_action(parse, &action))
        return false;
    plan->actions[plan->len++] = action;
    return true;
}

static bool take_skip(struct parse *parse)
{
    struct sim_plan *plan = &parse->scenario->plan;
    uint64_t client, number;

    if (parse->words_len != 3 || !read_number(parse->words[1], parse->scenario->options.clients - 1, &client) ||
        !read_number(parse->words[2], SIM_CLIENT_TXNS_MAX - 1, &number))
        return refuse(parse, "skip wants the place of a client and the number of its transaction", "");
    if ((plan->skipped[client] >> number & 1) != 0)
        return refuse(parse, "a transaction that is left out already", parse->words[2]);
    plan->skipped[client] |= UINT64_C(1) << number;
    return true;
}

static bool take_noise(struct parse *parse)
{
    if (parse->words_len != 2 || strcmp(parse->words[1], "listed") != 0)
        return refuse(parse, "noise wants the word listed", "");
    parse->scenario->plan.is_listed = true;
    return true;
}

static bool take_item(struct parse *parse)
{
    struct sim_plan *plan = &parse->scenario->plan;
    const bool is_commit = strcmp(parse->words[0], "commit") == 0;
    struct sim_noise_item item;
    const uint32_t before = plan->noise.len;
    uint64_t node = 0, life = 0;

    memset(&item, 0, sizeof(item)); /* its padding, too: scenarios are compared by their bytes */
    item.is_commit = is_commit;
    if (!plan->is_listed)
        return refuse(parse, "frames and commits are listed after noise listed", "");
    if (parse->words_len != (is_commit ? 4 : 2) ||
        (is_commit && (!read_number(parse->words[1], SIM_NODES_MAX - 1, &node) ||
                       !read_number(parse->words[2], UINT32_MAX, &life))) ||
        !read_number(parse->words[parse->words_len - 1], UINT64_MAX, &item.number))
        return refuse(parse, "it is frame NUMBER or commit NODE LIFE NUMBER", "");
    item.node = (uint8_t)node;
    item.life = (uint32_t)life;
    sim_noise_add(&plan->noise, &item);
    return plan->noise.len > before || refuse(parse, "a thing that is listed already, or too many", "");
}

static bool take_hash(struct parse *parse)
{
    if (parse->words_len != 2 || !read_hash(parse->words[1], &parse->scenario->hash))
        return refuse(parse, "hash wants 16 hexadecimal digits", "");
    parse->scenario->has_hash = true;
    return true;
}

static bool take_end(struct parse *parse)
{
    return (parse->words_len == 1 && parse->rest_len == 0) || refuse(parse, "end is the last line, and no more", "");
}

/* Options are read by then: what they say together must be a world. */
static bool check_options(struct parse *parse)
{
    const struct sim_options *options = &parse->scenario->options;

    if (options->participants < options->coordinators)
        return refuse(parse, "each coordinator wants a participant", "");
    if (nodes_of(options) > SIM_NODES_OF_SCENARIO_MAX)
        return refuse(parse, "more than 16 nodes", "");
    if (options->transactions > options->clients * SIM_CLIENT_TXNS_MAX)
        return refuse(parse, "more than 64 transactions for each client", "");
    return true;
}

static const struct line {
    const char *word;
    enum line_kind kind;
    bool (*take)(struct parse *parse);
    bool is_repeated;
} lines[] = {
    {"vow-scenario", LINE_VERSION, take_version, false},
    {"seed", LINE_SEED, take_seed, false},
    {"failed", LINE_FAILED, take_failed, false},
    {"option", LINE_OPTION, take_option, true},
    {"action", LINE_ACTION, take_action, true},
    {"skip", LINE_SKIP, take_skip, true},
    {"noise", LINE_NOISE, take_noise, false},
    {"frame", LINE_ITEM, take_item, true},
    {"commit", LINE_ITEM, take_item, true},
    {"hash", LINE_HASH, take_hash, false},
    {"end", LINE_END, take_end, false},
};

static const struct line *line_of(const char *word)
{
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (strcmp(lines[i].word, word) == 0)
            return &lines[i];
    }
    return NULL;
}

/* Takes the next line into parse->line. False: there is none, or it is none of ours. */
static bool next_line(struct parse *parse)
{
    const char *end = memchr(parse->rest, '\n', parse->rest_len);
    const size_t len = end != NULL ? (size_t)(end - parse->rest) : 0;

    parse->error->line++;
    if (end == NULL)
        return refuse(parse, parse->rest_len == 0 ? "the file ends before its end" : "a line without an end", "");
    if (len >= sizeof(parse->line))
        return refuse(parse, "a line of more than 255 characters", "");
    for (size_t i = 0; i < len; i++) {
        if (parse->rest[i] < ' ' || parse->rest[i] > '~')
            return refuse(parse, "a character that is not printable ASCII", "");
    }
    memcpy(parse->line, parse->rest, len);
    parse->line[len] = '\0';
    parse->rest += len + 1;
    parse->rest_len -= len + 1;
    return true;
}

/* Exactly one space between two words, and none around them. */
static bool cut_words(struct parse *parse)
{
    char *word = parse->line;

    parse->words_len = 0;
    while (word != NULL) {
        char *space = strchr(word, ' ');

        if (space != NULL)
            *space = '\0';
        if (*word == '\0' || parse->words_len == WORDS_MAX)
            return refuse(parse, "words are parted by one space each, and are not so many", "");
        parse->words[parse->words_len++] = word;
        word = space != NULL ? space + 1 : NULL;
    }
    return true;
}

static bool take_line(struct parse *parse, bool is_first)
{
    const struct line *line;

    if (!cut_words(parse))
        return false;
    line = line_of(parse->words[0]);
    if (is_first && (line == NULL || line->kind != LINE_VERSION))
        return refuse(parse, "this is no scenario: its first line is vow-scenario and a version", "");
    if (line == NULL)
        return refuse(parse, "there is no such line", parse->words[0]);
    if (!is_first && (line->kind < parse->last || (line->kind == parse->last && !line->is_repeated)))
        return refuse(parse, "a line out of its place", parse->words[0]);
    if (parse->last == LINE_VERSION && !is_first && line->kind != LINE_SEED)
        return refuse(parse, "the seed comes before it", parse->words[0]);
    if (parse->last <= LINE_OPTION && line->kind > LINE_OPTION && !check_options(parse))
        return false;
    parse->last = line->kind;
    return line->take(parse);
}

bool sim_scenario_parse(struct sim_scenario *scenario, const char *text, size_t len, struct sim_scenario_error *error)
{
    struct parse parse = {.scenario = scenario, .error = error, .rest = text, .rest_len = len};
    bool is_first = true;

    memset(scenario, 0, sizeof(*scenario));
    *error = (struct sim_scenario_error){.line = 0};
    if (len > SIM_SCENARIO_BYTES_MAX)
        return refuse(&parse, "the file is too large", "");
    do {
        if (!next_line(&parse))
            return false;
        if (!is_first && parse.line[0] == '#')
            continue;
        if (!take_line(&parse, is_first))
            return false;
        is_first = false;
    } while (parse.last != LINE_END);
    return true;
}
