#include "trade/risk/risk.h"

#include <errno.h>
#include <string.h>

/* Before the first set, and after NULL: every row is zero. */
static const struct rl_limit_set no_set;

/* A power of two above n, so that n + 1 events are told apart. */
static uint64_t n_stamps(uint32_t n_fills)
{
    uint64_t power = 2;

    while (power <= n_fills)
        power *= 2;
    return power;
}

static bool is_servable(const struct rl_risk_config *c)
{
    return c->ledger != NULL && c->orders != NULL && c->tsc_hz != 0 && c->n_venues >= 1 &&
           c->n_venues <= RL_MAX_VENUES && c->n_strategies >= 1 &&
           c->n_strategies <= RL_MAX_STRATEGIES && c->n_repeats >= 1 && c->n_repeats <= 1U << 24 &&
           c->n_fills >= 1 && c->n_fills <= 1U << 24 && c->ledger->n_accounts <= RL_MAX_ACCOUNTS &&
           c->ledger->n_instruments <= RL_MAX_SYMBOLS;
}

size_t rl_risk_bytes(const struct rl_risk_config *config)
{
    size_t n_accounts, n_instruments;

    if (!is_servable(config))
        return 0;
    n_accounts = config->ledger->n_accounts;
    n_instruments = config->ledger->n_instruments;
    return n_accounts * n_instruments * sizeof(struct rl_risk_pair) +
           n_instruments * sizeof(struct rl_risk_symbol) +
           n_accounts * sizeof(struct rl_risk_account) +
           config->n_strategies *
               (sizeof(struct rl_risk_strategy) + n_stamps(config->n_fills) * sizeof(uint64_t)) +
           config->n_venues * sizeof(struct rl_risk_venue) + rl_repeats_bytes(config->n_repeats) +
           6 * (size_t)RL_CACHE_LINE;
}

int rl_risk_init(struct rl_risk *r, struct rl_arena *arena, const struct rl_risk_config *config)
{
    uint64_t n_window, *stamps;
    size_t n_pairs;

    if (!is_servable(config))
        return -EINVAL;
    n_window = n_stamps(config->n_fills);
    n_pairs = (size_t)config->ledger->n_accounts * config->ledger->n_instruments;
    memset(r, 0, sizeof(*r));
    r->ledger = config->ledger;
    r->orders = config->orders;
    r->tsc_hz = config->tsc_hz;
    r->n_instruments = config->ledger->n_instruments;
    r->n_accounts = config->ledger->n_accounts;
    r->n_strategies = config->n_strategies;
    r->n_venues = config->n_venues;
    r->global.state = RL_RISK_HALTED;
    r->pairs = rl_arena_take(arena, n_pairs * sizeof(*r->pairs), 0);
    r->symbols = rl_arena_take(arena, r->n_instruments * sizeof(*r->symbols), 0);
    r->accounts = rl_arena_take(arena, r->n_accounts * sizeof(*r->accounts), 0);
    r->strategies = rl_arena_take(arena, r->n_strategies * sizeof(*r->strategies), 0);
    r->venues = rl_arena_take(arena, r->n_venues * sizeof(*r->venues), 0);
    stamps = rl_arena_take(arena, r->n_strategies * n_window * sizeof(*stamps), 0);
    if (r->pairs == NULL || r->symbols == NULL || r->accounts == NULL || r->strategies == NULL ||
        r->venues == NULL || stamps == NULL ||
        rl_repeats_init(&r->repeats, arena, config->n_repeats) != 0)
        return -ENOMEM;
    for (uint32_t i = 0; i < r->n_strategies; i++)
        rl_spell_init(&r->strategies[i].fills, stamps + i * n_window, (uint32_t)n_window);
    rl_risk_use(r, NULL);
    return 0;
}

void rl_risk_use(struct rl_risk *r, const struct rl_limit_set *set)
{
    struct rl_risk_units units = {.tsc_hz = r->tsc_hz, .generation = ++r->generation};

    r->set = set != NULL ? set : &no_set;
    r->set_version = r->set->version;
    rl_risk_make_global(&r->global, &r->set->global, units);
    for (uint32_t i = 0; i < r->n_venues; i++)
        rl_risk_make_venue(&r->venues[i], &r->set->venues[i], units);
    for (uint32_t i = 0; i < r->n_accounts; i++)
        rl_risk_make_account(&r->accounts[i], &r->set->accounts[i], units);
    for (uint32_t i = 0; i < r->n_strategies; i++)
        rl_risk_make_strategy(&r->strategies[i], &r->set->strategies[i], units);
}

void rl_risk_remake_pair(struct rl_risk *r, uint32_t account, uint32_t instrument)
{
    struct rl_risk_units units = {.tsc_hz = r->tsc_hz, .generation = r->generation};

    rl_risk_make_pair(&r->pairs[(size_t)account * r->n_instruments + instrument],
                      rl_limits_pair(r->set, account, instrument), units);
}

void rl_risk_make_symbol(struct rl_risk *r, uint32_t instrument)
{
    struct rl_risk_symbol *symbol = &r->symbols[instrument];
    uint64_t longest = 0;

    for (uint32_t i = 0; i < r->n_accounts; i++) {
        const struct rl_limit_pair *pair = rl_limits_pair(r->set, i, instrument);
        uint64_t ticks = rl_risk_window_ticks(pair->moved_window_ns, r->tsc_hz);

        longest = ticks > longest ? ticks : longest;
    }
    symbol->window_ticks = longest;
    symbol->generation = r->generation;
}
