/* States, overrides and the hash: what humans set, and what a replay must come to. */
#include "trade/risk/risk.h"

#include <errno.h>

/* The state of one number of a scope; NULL: no such one. */
static uint8_t *state_at(const struct rl_risk *r, enum rl_scope scope, uint32_t index)
{
    switch (scope) {
    case RL_SCOPE_GLOBAL:
        return index == 0 ? (uint8_t *)&r->global.state : NULL;
    case RL_SCOPE_VENUE:
        return index < r->n_venues ? &r->venues[index].state : NULL;
    case RL_SCOPE_ACCOUNT:
        return index < r->n_accounts ? &r->accounts[index].state : NULL;
    case RL_SCOPE_STRATEGY:
        return index < r->n_strategies ? &r->strategies[index].state : NULL;
    case RL_SCOPE_SYMBOL:
        return index < r->n_instruments ? &r->symbols[index].state : NULL;
    }
    return NULL;
}

int rl_risk_set_state(struct rl_risk *r, enum rl_scope scope, uint32_t index,
                      enum rl_risk_state state)
{
    uint8_t *at = state_at(r, scope, index);

    if (at == NULL || (unsigned)state > RL_RISK_HALTED)
        return -EINVAL;
    *at = (uint8_t)state;
    if (scope == RL_SCOPE_STRATEGY && state != RL_RISK_HALTED) {
        struct rl_risk_strategy *s = &r->strategies[index];

        s->latched = 0;
        s->n_rejects = 0;
        s->alerted = 0;
        rl_spell_reset(&s->fills);
        for (int i = 0; i < RL_N_LIMIT_RATIOS; i++)
            s->tallies[i] = (struct rl_tally){.until_tsc = 0};
    }
    return 0;
}

enum rl_risk_state rl_risk_state(const struct rl_risk *r, enum rl_scope scope, uint32_t index)
{
    const uint8_t *at = state_at(r, scope, index);

    return at != NULL ? (enum rl_risk_state) * at : RL_RISK_HALTED;
}

enum rl_risk_state rl_risk_state_of(const struct rl_risk *r, const struct rl_scopes *scopes)
{
    const uint32_t indices[RL_N_SCOPES] = {
        [RL_SCOPE_VENUE] = scopes->venue,
        [RL_SCOPE_ACCOUNT] = scopes->account,
        [RL_SCOPE_STRATEGY] = scopes->strategy,
        [RL_SCOPE_SYMBOL] = scopes->instrument,
    };
    enum rl_risk_state worst = RL_RISK_ACTIVE;

    for (unsigned scope = 0; scope < RL_N_SCOPES; scope++) {
        enum rl_risk_state state = rl_risk_state(r, (enum rl_scope)scope, indices[scope]);

        worst = state > worst ? state : worst;
    }
    return worst;
}

static bool is_spent(const struct rl_override *o, uint64_t now_tsc)
{
    return o->n_orders == 0 || now_tsc > o->until_tsc;
}

int rl_risk_override(struct rl_risk *r, const struct rl_override *o, uint64_t now_tsc)
{
    if (o->principals[0] == 0 || o->principals[1] == 0 || o->principals[0] == o->principals[1])
        return -EPERM;
    if (o->mask == 0 || (o->mask & ~(uint32_t)RL_RISK_MAY_OVERRIDE) != 0 ||
        o->scope == RL_SCOPE_GLOBAL || state_at(r, (enum rl_scope)o->scope, o->index) == NULL ||
        is_spent(o, now_tsc))
        return -EINVAL;
    for (uint32_t i = 0; i < RL_RISK_N_OVERRIDES; i++) {
        if (i < r->n_overrides && !is_spent(&r->overrides[i], now_tsc))
            continue;
        r->overrides[i] = *o;
        r->n_overrides = i < r->n_overrides ? r->n_overrides : i + 1;
        return 0;
    }
    return -ENOSPC;
}

static uint64_t mix(uint64_t h, uint64_t x)
{
    h = (h ^ x) * 0x9E3779B97F4A7C15ULL;
    return h ^ (h >> 29);
}

static uint64_t mix_bucket(uint64_t h, const struct rl_bucket *b)
{
    return mix(mix(h, b->credit), b->tsc);
}

static uint64_t mix_counts(uint64_t h, const struct rl_tally_counts *c)
{
    return mix(mix(mix(h, c->part), c->whole), c->n_orders);
}

static uint64_t mix_strategy(uint64_t h, const struct rl_risk_strategy *s)
{
    h = mix(mix(mix_bucket(h, &s->bucket), s->latched), s->state);
    h = mix(mix(mix(mix(h, s->n_open), s->n_rejects), s->alerted), s->fills.n);
    for (uint64_t i = 0; i < s->fills.n && i <= s->fills.mask; i++)
        h = mix(h, s->fills.stamps[(s->fills.n - 1 - i) & s->fills.mask]);
    for (int i = 0; i < RL_N_LIMIT_RATIOS; i++)
        h = mix(mix_counts(mix_counts(h, &s->tallies[i].now), &s->tallies[i].was),
                s->tallies[i].until_tsc);
    return h;
}

/* Where own_px is a bound, which one it is depends on what was asked: only the counts are taken. */
static uint64_t mix_symbol(uint64_t h, const struct rl_risk_symbol *s)
{
    h = mix(mix(mix(h, s->state), s->n_own[RL_BUY]), s->n_own[RL_SELL]);
    h = mix(mix(mix(h, s->reach.low2), s->reach.high2), s->reach.until_tsc);
    return mix(h, s->window.last2);
}

uint64_t rl_risk_hash(const struct rl_risk *r)
{
    uint64_t h = mix(mix_bucket(r->global.state, &r->global.bucket), r->global.n_open);
    const struct rl_repeats *repeats = &r->repeats;

    for (uint32_t i = 0; i < r->n_venues; i++)
        h = mix(mix(mix_bucket(h, &r->venues[i].bucket), r->venues[i].state), r->venues[i].n_open);
    for (uint32_t i = 0; i < r->n_accounts; i++) {
        const struct rl_risk_account *a = &r->accounts[i];

        h = mix(mix(mix_bucket(h, &a->bucket), a->state), (uint64_t)a->credit);
        h = mix(h, (uint64_t)(a->credit >> 64));
    }
    for (uint32_t i = 0; i < r->n_strategies; i++)
        h = mix_strategy(h, &r->strategies[i]);
    for (uint32_t i = 0; i < r->n_instruments; i++)
        h = mix_symbol(h, &r->symbols[i]);
    for (size_t i = 0; i < (size_t)r->n_accounts * r->n_instruments; i++)
        h = mix_bucket(h, &r->pairs[i].bucket);
    for (uint64_t i = 0; i < repeats->n && i <= repeats->mask; i++) {
        const struct rl_repeat *was = &repeats->ring[(repeats->n - i) & repeats->mask];

        h = mix(mix(mix(mix(h, was->key), was->qty), (uint64_t)was->px_nano), was->tsc);
    }
    for (uint32_t i = 0; i < r->n_overrides; i++)
        h = mix(mix(h, r->overrides[i].mask), r->overrides[i].n_orders);
    return h;
}
