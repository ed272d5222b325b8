#include "trade/risk/limits_build.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "trade/risk/limits_members.h"

/* Which row is looked at, and where the sentence goes. */
struct place {
    const struct rl_limits_config *config;
    enum rl_scope scope;
    size_t row;
    char *why;
};

__attribute__((format(printf, 2, 3))) static int refuse(const struct place *p, const char *format,
                                                        ...)
{
    char row[64] = "";
    va_list args;
    int n;

    if (!p->why)
        return -EINVAL;
    if (p->scope == RL_SCOPE_SYMBOL)
        snprintf(row, sizeof(row), "account %zu, symbol %zu", p->row / p->config->n_instruments,
                 p->row % p->config->n_instruments);
    else if (p->scope != RL_SCOPE_GLOBAL)
        snprintf(row, sizeof(row), "%s %zu", rl_limit_tables[p->scope].name, p->row);
    else
        snprintf(row, sizeof(row), "global");
    n = snprintf(p->why, RL_LIMITS_WHY, "%s: ", row);
    va_start(args, format);
    vsnprintf(p->why + n, RL_LIMITS_WHY - (size_t)n, format, args);
    va_end(args);
    return -EINVAL;
}

static uint64_t low_bits(uint32_t n)
{
    return n >= 64 ? UINT64_MAX : ((uint64_t)1 << n) - 1;
}

static bool is_self_trade(uint64_t value)
{
    switch (value) {
#define CASE(name, number, text) case RL_SELF_TRADE_##name:
        RL_SELF_TRADES(CASE)
#undef CASE
        return true;
    }
    return value == 0;
}

/* The value by itself: its range, and what its unit means. */
static int check_value(const struct place *p, const struct rl_limit_member *m, uint64_t value)
{
    const struct rl_limits_config *c = p->config;
    uint64_t off = rl_limit_off(m);

    switch ((enum rl_limit_unit)m->unit) {
    case RL_UNIT_STRATEGIES:
        if (value & ~low_bits(c->n_strategies))
            return refuse(p, "%s: names a strategy that does not exist", m->word);
        return 0;
    case RL_UNIT_VENUES:
        if (value & ~low_bits(c->n_venues))
            return refuse(p, "%s: names a venue that does not exist", m->word);
        return 0;
    case RL_UNIT_SIDES:
        if (value & ~(uint64_t)RL_SIDES_BOTH)
            return refuse(p, "%s: names a side that does not exist", m->word);
        return 0;
    case RL_UNIT_SHORT_RULE:
        if (value > RL_SHORT_FREE)
            return refuse(p, "%s: is not a rule: %llu", m->word, (unsigned long long)value);
        return 0;
    case RL_UNIT_SELF_TRADE:
        if (!is_self_trade(value))
            return refuse(p, "%s: is not a rule: %llu", m->word, (unsigned long long)value);
        return 0;
    case RL_UNIT_LOTS:
    case RL_UNIT_MONEY:
    case RL_UNIT_PRICE:
    case RL_UNIT_BPS:
    case RL_UNIT_TICKS:
    case RL_UNIT_COUNT:
    case RL_UNIT_DURATION:
    case RL_UNIT_PER_S:
    case RL_UNIT_PERMILLE:
        break;
    }
    if (value == off)
        return m->flags & RL_LIMIT_MAY_BE_OFF ? 0 : refuse(p, "%s: cannot be unlimited", m->word);
    if (value > (m->n_bytes == 8 ? RL_LIMIT_MAX : RL_LIMIT_MAX_32))
        return refuse(p, "%s: too large: %llu", m->word, (unsigned long long)value);
    return 0;
}

/* Half a group is a mistake and not a limit: all of it is given or nothing. */
static int check_groups(const struct place *p, const void *row)
{
    const struct rl_limit_table *t = &rl_limit_tables[p->scope];

    for (uint32_t i = 1; i < t->n_members; i++) {
        const struct rl_limit_member *a = &t->members[i - 1], *b = &t->members[i];
        uint64_t value_a = rl_limit_get(row, a), value_b = rl_limit_get(row, b);

        if (!rl_limit_same_group(a, b))
            continue;
        if ((value_a == 0) != (value_b == 0))
            return refuse(p, "%s: is missing, but %s is given", (value_a ? b : a)->word,
                          (value_a ? a : b)->word);
        if (a->flags & b->flags & RL_LIMIT_OFF_TOGETHER &&
            (value_a == rl_limit_off(a)) != (value_b == rl_limit_off(b)))
            return refuse(p, "%s and %s: only both can be unlimited", a->word, b->word);
    }
    return 0;
}

static int check_rate(const struct place *p, const struct rl_limit_rate *rate)
{
    if (rate->burst != 0 && rate->reserve != RL_LIMIT_OFF_32 && rate->reserve >= rate->burst)
        return refuse(p, "rate.cancel_reserve: %u leaves no order in a burst of %u", rate->reserve,
                      rate->burst);
    return 0;
}

static int check_strategy(const struct place *p, const struct rl_limit_strategy *row)
{
    static const char *const words[] = {
#define WORD(name, number, word, text) [number] = (word),
        RL_LIMIT_RATIOS(WORD)
#undef WORD
    };

    for (int i = 0; i < RL_N_LIMIT_RATIOS; i++) {
        if (row->ratios[i].alert_permille > row->ratios[i].trip_permille)
            return refuse(p, "ratios.%s: the alert is above the trip", words[i]);
    }
    return check_rate(p, &row->rate);
}

static int check_across(const struct place *p, const void *row)
{
    switch (p->scope) {
    case RL_SCOPE_GLOBAL:
        return check_rate(p, &((const struct rl_limit_global *)row)->rate);
    case RL_SCOPE_VENUE:
        return check_rate(p, &((const struct rl_limit_venue *)row)->rate);
    case RL_SCOPE_ACCOUNT:
        return check_rate(p, &((const struct rl_limit_account *)row)->rate);
    case RL_SCOPE_STRATEGY:
        return check_strategy(p, row);
    case RL_SCOPE_SYMBOL:
        return check_rate(p, &((const struct rl_limit_pair *)row)->rate);
    }
    return -EINVAL;
}

#define MAX_ROW_BYTES 128

static int check_row(const struct place *p, const void *row)
{
    const struct rl_limit_table *t = &rl_limit_tables[p->scope];
    uint8_t rest[MAX_ROW_BYTES]; /* the row without its members: padding */
    int err;

    memcpy(rest, row, t->row_bytes);
    for (uint32_t i = 0; i < t->n_members; i++) {
        memset(rest + t->members[i].offset, 0, t->members[i].n_bytes);
        err = check_value(p, &t->members[i], rl_limit_get(row, &t->members[i]));
        if (err)
            return err;
    }
    for (uint32_t i = 0; i < t->row_bytes; i++) {
        if (rest[i])
            return refuse(p, "byte %u of the row belongs to no limit and is not zero", i);
    }
    err = check_groups(p, row);
    return err ? err : check_across(p, row);
}

static int check_rows(const struct rl_limits_config *c, enum rl_scope scope, const void *rows,
                      size_t n_rows, char *why)
{
    struct place p = {.config = c, .scope = scope, .why = why};

    for (p.row = 0; p.row < n_rows; p.row++) {
        int err = check_row(&p, (const char *)rows + p.row * rl_limit_tables[scope].row_bytes);

        if (err)
            return err;
    }
    return 0;
}

static int say(char *why, const char *sentence)
{
    if (why)
        snprintf(why, RL_LIMITS_WHY, "%s", sentence);
    return -EINVAL;
}

int rl_limits_build(void *memory, size_t n_bytes, const struct rl_limits_config *c, char *why)
{
    struct rl_limit_set *s = memory;
    size_t wanted = rl_limits_bytes(c->n_accounts, c->n_instruments, c->n_strategies, c->n_venues);
    size_t n_pairs = (size_t)c->n_accounts * c->n_instruments;

    if (wanted == 0)
        return say(why, "there must be 1 to 64 accounts, 1 to 65535 symbols, 1 to 64 strategies "
                        "and 1 to 16 venues");
    if (c->version == 0)
        return say(why, "version: must be above 0");
    if (n_bytes < wanted || (uintptr_t)memory % RL_CACHE_LINE != 0)
        return say(why, "the memory is too small, or not aligned to a cache line");
    if (check_rows(c, RL_SCOPE_GLOBAL, c->global, 1, why) ||
        check_rows(c, RL_SCOPE_VENUE, c->venues, c->n_venues, why) ||
        check_rows(c, RL_SCOPE_ACCOUNT, c->accounts, c->n_accounts, why) ||
        check_rows(c, RL_SCOPE_STRATEGY, c->strategies, c->n_strategies, why) ||
        check_rows(c, RL_SCOPE_SYMBOL, c->pairs, n_pairs, why))
        return -EINVAL;

    memset(s, 0, sizeof(*s));
    s->magic = RL_LIMITS_MAGIC;
    s->version = c->version;
    s->n_accounts = c->n_accounts;
    s->n_instruments = c->n_instruments;
    s->n_strategies = c->n_strategies;
    s->n_venues = c->n_venues;
    if (c->names)
        memcpy(s->names, c->names, sizeof(s->names));
    s->global = *c->global;
    memcpy(s->venues, c->venues, c->n_venues * sizeof(*c->venues));
    memcpy(s->accounts, c->accounts, c->n_accounts * sizeof(*c->accounts));
    memcpy(s->strategies, c->strategies, c->n_strategies * sizeof(*c->strategies));
    memcpy(s->pairs, c->pairs, n_pairs * sizeof(*c->pairs));
    rl_limits_hash(s, wanted, s->sha256);
    return 0;
}
