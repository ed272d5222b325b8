#include "trade/risk/limits_members.h"

#include <string.h>

#define DIRECTION_TEXT(name, number, text) [number] = (text),
const char *const rl_limit_direction_texts[] = {RL_LIMIT_DIRECTIONS(DIRECTION_TEXT)};

/* The bit number of a reason, from the mask that the enum gives. */
#define REASON_BIT(mask) ((uint8_t)__builtin_ctz(mask))

#define MEMBER(type, member, word_, direction_, unit_, flags_, reason_, text_) \
    {.word = (word_),                                                          \
     .text = (text_),                                                          \
     .offset = (uint16_t)offsetof(type, member),                               \
     .n_bytes = (uint8_t)sizeof(((const type *)NULL)->member),                 \
     .direction = RL_LIMIT_##direction_,                                       \
     .unit = RL_UNIT_##unit_,                                                  \
     .flags = (flags_),                                                        \
     .reason = REASON_BIT(RL_RISK_##reason_)},

#define OF_GLOBAL(...) MEMBER(struct rl_limit_global, __VA_ARGS__)
#define OF_VENUE(...) MEMBER(struct rl_limit_venue, __VA_ARGS__)
#define OF_ACCOUNT(...) MEMBER(struct rl_limit_account, __VA_ARGS__)
#define OF_STRATEGY(...) MEMBER(struct rl_limit_strategy, __VA_ARGS__)
#define OF_PAIR(...) MEMBER(struct rl_limit_pair, __VA_ARGS__)

/* clang-format off */
static const struct rl_limit_member global_members[] = {RL_GLOBAL_LIMITS(OF_GLOBAL)};
static const struct rl_limit_member venue_members[] = {RL_VENUE_LIMITS(OF_VENUE)};
static const struct rl_limit_member account_members[] = {RL_ACCOUNT_LIMITS(OF_ACCOUNT)};
static const struct rl_limit_member strategy_members[] = {RL_STRATEGY_LIMITS(OF_STRATEGY)};
static const struct rl_limit_member pair_members[] = {RL_PAIR_LIMITS(OF_PAIR)};

#define TABLE(members_, type, name_)                                                   \
    {.members = (members_), .n_members = RL_COUNT(members_), .row_bytes = sizeof(type), \
     .name = (name_)}
/* clang-format on */

const struct rl_limit_table rl_limit_tables[RL_N_SCOPES] = {
    [RL_SCOPE_GLOBAL] = TABLE(global_members, struct rl_limit_global, "global"),
    [RL_SCOPE_VENUE] = TABLE(venue_members, struct rl_limit_venue, "venue"),
    [RL_SCOPE_ACCOUNT] = TABLE(account_members, struct rl_limit_account, "account"),
    [RL_SCOPE_STRATEGY] = TABLE(strategy_members, struct rl_limit_strategy, "strategy"),
    [RL_SCOPE_SYMBOL] = TABLE(pair_members, struct rl_limit_pair, "symbol"),
};

uint64_t rl_limit_get(const void *row, const struct rl_limit_member *m)
{
    uint64_t value = 0;

    memcpy(&value, (const char *)row + m->offset, m->n_bytes); /* little-endian, as all of csrc */
    return value;
}

uint64_t rl_limit_off(const struct rl_limit_member *m)
{
    return UINT64_MAX >> (64 - 8 * m->n_bytes);
}

const void *rl_limits_rows(const struct rl_limit_set *s, enum rl_scope scope, size_t *n_rows)
{
    switch (scope) {
    case RL_SCOPE_GLOBAL:
        *n_rows = 1;
        return &s->global;
    case RL_SCOPE_VENUE:
        *n_rows = s->n_venues;
        return s->venues;
    case RL_SCOPE_ACCOUNT:
        *n_rows = s->n_accounts;
        return s->accounts;
    case RL_SCOPE_STRATEGY:
        *n_rows = s->n_strategies;
        return s->strategies;
    case RL_SCOPE_SYMBOL:
        *n_rows = (size_t)s->n_accounts * s->n_instruments;
        return s->pairs;
    }
    *n_rows = 0;
    return NULL;
}

bool rl_limit_same_group(const struct rl_limit_member *a, const struct rl_limit_member *b)
{
    const char *dot_a = strrchr(a->word, '.'), *dot_b = strrchr(b->word, '.');

    return dot_a && dot_b && dot_a - a->word == dot_b - b->word &&
           memcmp(a->word, b->word, (size_t)(dot_a - a->word)) == 0;
}
