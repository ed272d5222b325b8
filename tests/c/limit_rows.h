/*
 * limit_rows - rows of limits for the tests: complete ones, and sets built from them.
 */
#ifndef RL_TESTS_LIMIT_ROWS_H
#define RL_TESTS_LIMIT_ROWS_H

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "trade/risk/limits_build.h"
#include "trade/risk/limits_members.h"

/* The rows of a small engine, to be changed and built. */
struct limit_rows {
    struct rl_limits_config config;
    struct rl_limit_global global;
    struct rl_limit_venue venues[2];
    struct rl_limit_account accounts[2];
    struct rl_limit_strategy strategies[3];
    struct rl_limit_pair pairs[2 * 4];
    uint8_t names[RL_SHA256_BYTES];
};

static inline void *limit_row(struct limit_rows *r, enum rl_scope scope)
{
    void *const rows[] = {[RL_SCOPE_GLOBAL] = &r->global,
                          [RL_SCOPE_VENUE] = r->venues,
                          [RL_SCOPE_ACCOUNT] = r->accounts,
                          [RL_SCOPE_STRATEGY] = r->strategies,
                          [RL_SCOPE_SYMBOL] = r->pairs};

    return rows[scope];
}

static inline size_t limit_n_rows(enum rl_scope scope)
{
    static const size_t n[] = {[RL_SCOPE_GLOBAL] = 1,
                               [RL_SCOPE_VENUE] = 2,
                               [RL_SCOPE_ACCOUNT] = 2,
                               [RL_SCOPE_STRATEGY] = 3,
                               [RL_SCOPE_SYMBOL] = 8};

    return n[scope];
}

static inline void limit_put(void *row, const struct rl_limit_member *m, uint64_t value)
{
    memcpy((char *)row + m->offset, &value, m->n_bytes);
}

/* A value that every limit may have: large enough to be more than the reserve and the alert. */
static inline uint64_t limit_usual(const struct rl_limit_member *m)
{
    switch ((enum rl_limit_unit)m->unit) {
    case RL_UNIT_SIDES:
        return RL_SIDES_BOTH;
    case RL_UNIT_STRATEGIES:
        return 5;
    case RL_UNIT_VENUES:
        return 3;
    case RL_UNIT_SHORT_RULE:
        return RL_SHORT_LOCATED;
    case RL_UNIT_SELF_TRADE:
        return RL_SELF_TRADE_CANCEL_NEW;
    default:
        break;
    }
    return strstr(m->word, "reserve") ? 10 : 1000;
}

/* Version 7, every limit of every row given, no names. */
static inline void limit_rows_init(struct limit_rows *r)
{
    *r = (struct limit_rows){
        .config = {
            .version = 7, .n_accounts = 2, .n_instruments = 4, .n_strategies = 3, .n_venues = 2}};
    for (int scope = 0; scope < RL_N_SCOPES; scope++) {
        const struct rl_limit_table *t = &rl_limit_tables[scope];
        char *row = limit_row(r, (enum rl_scope)scope);

        for (size_t i = 0; i < limit_n_rows((enum rl_scope)scope); i++, row += t->row_bytes) {
            for (uint32_t j = 0; j < t->n_members; j++)
                limit_put(row, &t->members[j], limit_usual(&t->members[j]));
        }
    }
}

static inline size_t limit_rows_bytes(const struct limit_rows *r)
{
    return rl_limits_bytes(r->config.n_accounts, r->config.n_instruments, r->config.n_strategies,
                           r->config.n_venues);
}

/* 0, or -EINVAL and a sentence; *set is to be freed. */
static inline int limit_rows_try(const struct limit_rows *r, struct rl_limit_set **set, char *why)
{
    struct rl_limits_config config = r->config;
    size_t n_bytes = limit_rows_bytes(r);
    int err;

    config.global = &r->global;
    config.venues = r->venues;
    config.accounts = r->accounts;
    config.strategies = r->strategies;
    config.pairs = r->pairs;
    config.names = r->names;
    *set = aligned_alloc(RL_CACHE_LINE, n_bytes);
    CHECK(*set);
    err = rl_limits_build(*set, n_bytes, &config, why);
    if (err) {
        free(*set);
        *set = NULL;
    }
    return err;
}

static inline struct rl_limit_set *limit_rows_build(const struct limit_rows *r)
{
    struct rl_limit_set *set;
    char why[RL_LIMITS_WHY] = "";

    if (limit_rows_try(r, &set, why))
        fprintf(stderr, "%s\n", why);
    CHECK(set);
    return set;
}

#endif
