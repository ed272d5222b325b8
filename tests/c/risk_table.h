/*
 * risk_table - every check of the risk chain one below, at and one above its limit, in every scope.
 *
 * A case arranges a world and asks; `step` says how far beyond the limit the question is: -1, 0 or
 * 1. At 0 and below exactly nothing is refused, at 1 exactly the reasons of the case: so each case
 * also shows that no other check reacts. The other limits are far away.
 */
#ifndef RL_TESTS_RISK_TABLE_H
#define RL_TESTS_RISK_TABLE_H

#include "risk_world.h"

struct risk_case {
    const char *name;
    uint32_t reasons; /* beyond the limit */
    uint32_t (*ask)(struct world *w, unsigned side, int step);
    uint8_t sides;  /* RL_SIDES_*: which are asked */
    bool is_a_rule; /* kept or broken: there is nothing below the limit */
};

#define FAR_32 1000000000U
#define FAR 1000000000000000ULL

static const struct rl_limit_rate FAR_RATE = {.per_s = FAR_32, .burst = FAR_32, .reserve = 1};

/* Limits so wide that only the one of a case is felt; lot 1 and tick 1, so that one is one. */
static inline void table_open(struct world *w)
{
    struct rl_limit_pair pair = {
        .tick_nano = 1,
        .max_qty = FAR,
        .max_notional = FAR,
        .max_long = FAR,
        .max_short = FAR,
        .strategies = 1 << STRATEGY,
        .lot = 1,
        .collar_bps = 9999,
        .collar_ticks = 4000000000U,
        .cross_ticks = 4000000000U,
        .md_age_ns = FAR,
        .moved_window_ns = SECOND,
        .moved_bps = 1000000,
        .duplicates_window_ns = SECOND,
        .duplicates = 200,
        .located = FAR,
        .max_open = FAR_32,
        .rate = FAR_RATE,
        .venues = 1 << VENUE,
        .sides = RL_SIDES_BOTH,
        .short_rule = RL_SHORT_LOCATED,
        .self_trade = RL_SELF_TRADE_CANCEL_NEW,
    };
    struct rl_limit_account account = {
        .max_gross = FAR,
        .max_net = FAR,
        .max_credit = FAR,
        .max_loss = FAR,
        .mark_age_ns = FAR,
        .max_open_notional = FAR,
        .max_open = FAR_32,
        .rate = FAR_RATE,
    };

    world_open(w);
    w->set->global =
        (struct rl_limit_global){.queue_delay_ns = FAR, .max_open = FAR_32, .rate = FAR_RATE};
    for (int i = 0; i < N_VENUES; i++)
        w->set->venues[i] = (struct rl_limit_venue){.rate = FAR_RATE, .max_open = FAR_32};
    for (int i = 0; i < N_ACCOUNTS; i++)
        w->set->accounts[i] = account;
    for (int i = 0; i < N_STRATEGIES; i++) {
        w->set->strategies[i].rate = FAR_RATE;
        w->set->strategies[i].max_open = FAR_32;
        w->set->strategies[i].executions = FAR_32;
    }
    for (int i = 0; i < N_ACCOUNTS * N_INSTRUMENTS; i++)
        w->set->pairs[i] = pair;
    /* Prices of a few units, so that ticks of a nano count to the collar. */
    w->in.bbo = (struct rl_bbo){{UNIT - 100, UNIT + 100}, {1, 1}};
    world_limits_changed(w);
    memset(&w->risk.symbols[INSTRUMENT].window, 0, sizeof(struct rl_px_window));
    memset(&w->risk.symbols[INSTRUMENT].reach, 0, sizeof(struct rl_px_reach));
    rl_risk_see(&w->risk, INSTRUMENT, &w->in.bbo, w->now);
    for (uint32_t i = 0; i < N_INSTRUMENTS; i++)
        CHECK(rl_ledger_mark(&w->ledger, i, UNIT, w->now));
}

/* Better for us by so much than the reference is +, worse -: away from the middle, for either side.
 */
static inline int64_t table_px(unsigned side, int64_t away)
{
    return side == RL_BUY ? UNIT + away : UNIT - away;
}

static inline uint32_t table_ask(struct world *w, unsigned side, uint64_t qty, int64_t px)
{
    struct rl_request q = world_request(side, qty, px);

    world_limits_changed(w);
    return world_check(w, &q);
}

static inline uint32_t table_ask_one(struct world *w, unsigned side)
{
    return table_ask(w, side, 1, UNIT);
}

/* Orders of other accounts or symbols that must not count, and those that must. */
static inline uint64_t table_send_to(struct world *w, uint32_t account, uint32_t instrument,
                                     unsigned side, uint64_t qty, int64_t px)
{
    struct rl_request q = world_request(side, qty, px);

    q.scopes.account = (uint8_t)account;
    q.scopes.instrument = instrument;
    return world_send(w, &q);
}

static inline void table_hold(struct world *w, uint32_t account, uint32_t instrument, unsigned side,
                              uint64_t qty)
{
    uint64_t id = table_send_to(w, account, instrument, side, qty, UNIT);

    world_fills(w, id, qty, UNIT);
}

#include "risk_table_limits.h"
#include "risk_table_replaces.h"
#include "risk_table_rules.h"
#include "risk_table_sums.h"

/* Numbers: one below, at, one above. */
static const struct risk_case LIMIT_CASES[] = {
    {"quantity", RL_RISK_QTY, ask_qty, 3, false},
    {"notional", RL_RISK_NOTIONAL, ask_notional, 3, false},
    {"notional at market, collar in ticks", RL_RISK_NOTIONAL, ask_market_by_ticks, 3, false},
    {"notional at market, collar in bps", RL_RISK_NOTIONAL, ask_market_by_bps, 3, false},
    {"collar, bps", RL_RISK_COLLAR, ask_collar_bps, 3, false},
    {"collar, bps, behind", RL_RISK_COLLAR, ask_collar_bps_behind, 3, false},
    {"collar, ticks", RL_RISK_COLLAR, ask_collar_ticks, 3, false},
    {"collar, ticks, behind", RL_RISK_COLLAR, ask_collar_ticks_behind, 3, false},
    {"collar, ticks off", RL_RISK_COLLAR, ask_collar_ticks_off, 3, false},
    {"collar, bps off", RL_RISK_COLLAR, ask_collar_bps_off, 3, false},
    {"collar around half a nano", RL_RISK_COLLAR, ask_collar_half, 3, false},
    {"collar, at market", RL_RISK_COLLAR, ask_collar_market, 3, false},
    {"collar over time, up", RL_RISK_COLLAR, ask_moved_up, 3, false},
    {"collar over time, down", RL_RISK_COLLAR, ask_moved_down, 3, false},
    {"collar over time, quiet", RL_RISK_COLLAR, ask_moved_stale, 3, false},
    {"age of the data", RL_RISK_COLLAR | RL_RISK_FRESHNESS, ask_age, 3, false},
    {"age, ahead", RL_RISK_COLLAR | RL_RISK_FRESHNESS, ask_age_ahead, 3, false},
    {"queue delay", RL_RISK_FRESHNESS, ask_delay, 3, false},
    {"cross", RL_RISK_CROSS, ask_cross, 3, false},
    {"duplicates", RL_RISK_DUPLICATE, ask_duplicates, 3, false},
    {"duplicates, window", RL_RISK_DUPLICATE, ask_duplicates_window, 3, false},
    {"duplicates, memory", RL_RISK_DUPLICATE, ask_duplicates_memory, 3, false},
    {"rate, symbol", RL_RISK_RATE, ask_rate_pair, 3, false},
    {"rate, strategy", RL_RISK_RATE, ask_rate_strategy, 3, false},
    {"rate, account", RL_RISK_RATE, ask_rate_account, 3, false},
    {"rate, venue", RL_RISK_RATE, ask_rate_venue, 3, false},
    {"rate, engine", RL_RISK_RATE, ask_rate_engine, 3, false},
    {"rate, refill", RL_RISK_RATE, ask_rate_refill, 3, false},
    {"rate, cancels", RL_RISK_RATE, ask_cancel_rate, 3, false},
    {"position", RL_RISK_POSITION, ask_position, 3, false},
    {"position from behind", RL_RISK_POSITION, ask_position_from_behind, 3, false},
    {"gross", RL_RISK_EXPOSURE, ask_gross, 3, false},
    {"net", RL_RISK_EXPOSURE, ask_net, 3, false},
    {"credit", RL_RISK_EXPOSURE, ask_credit, 1 << RL_BUY, false},
    {"loss", RL_RISK_LOSS, ask_loss, 3, false},
    {"age of a mark", RL_RISK_LOSS, ask_mark_age, 3, false},
    {"open orders, symbol", RL_RISK_OPEN, ask_open_pair, 3, false},
    {"open orders, account", RL_RISK_OPEN, ask_open_account, 3, false},
    {"open orders, strategy", RL_RISK_OPEN, ask_open_strategy, 3, false},
    {"open orders, venue", RL_RISK_OPEN, ask_open_venue, 3, false},
    {"open orders, engine", RL_RISK_OPEN, ask_open_engine, 3, false},
    {"open notional", RL_RISK_OPEN, ask_open_notional, 3, false},
    {"self-trade", RL_RISK_SELF_TRADE, ask_self_trade, 3, false},
    {"short, located", RL_RISK_SHORT_SALE, ask_short_located, 1 << RL_SELL, false},
    {"short, forbidden", RL_RISK_SHORT_SALE, ask_short_forbidden, 1 << RL_SELL, false},
    {"reduce-only, engine", RL_RISK_STATE, ask_reduce_engine, 3, false},
    {"reduce-only, venue", RL_RISK_STATE, ask_reduce_venue, 3, false},
    {"reduce-only, account", RL_RISK_STATE, ask_reduce_account, 3, false},
    {"reduce-only, strategy", RL_RISK_STATE, ask_reduce_strategy, 3, false},
    {"reduce-only, symbol", RL_RISK_STATE, ask_reduce_symbol, 3, false},
    {"expiry", RL_RISK_FIELD, ask_expiry, 3, false},
    {"override, expiry", RL_RISK_QTY, ask_override_expiry, 3, false},
};

/* What holds, or does not. */
#define BOTH 3
static const struct risk_case RULE_CASES[] = {
    {"halted engine", RL_RISK_STATE, ask_halted_engine, BOTH, true},
    {"halted venue", RL_RISK_STATE, ask_halted_venue, BOTH, true},
    {"halted account", RL_RISK_STATE, ask_halted_account, BOTH, true},
    {"halted strategy", RL_RISK_STATE, ask_halted_strategy, BOTH, true},
    {"halted symbol", RL_RISK_STATE, ask_halted_symbol, BOTH, true},
    {"reduce-only, the wrong side", RL_RISK_STATE, ask_reduce_other_side, BOTH, true},
    {"session", RL_RISK_SESSION, ask_session, BOTH, true},
    {"clock", RL_RISK_SESSION, ask_clock, BOTH, true},
    {"phase", RL_RISK_PERMISSION, ask_phase, BOTH, true},
    {"book in step", RL_RISK_FRESHNESS, ask_in_step, BOTH, true},
    {"strategy permitted", RL_RISK_PERMISSION, ask_permitted_strategy, BOTH, true},
    {"venue permitted", RL_RISK_PERMISSION, ask_permitted_venue, BOTH, true},
    {"side permitted", RL_RISK_PERMISSION, ask_permitted_side, BOTH, true},
    {"known instrument", NO_ROW, ask_unknown_instrument, BOTH, true},
    {"known account", NO_ROW, ask_unknown_account, BOTH, true},
    {"known strategy", NO_ROW, ask_unknown_strategy, BOTH, true},
    {"known venue", NO_ROW, ask_unknown_venue, BOTH, true},
    {"side", RL_RISK_FIELD, ask_side, BOTH, true},
    {"a quantity", RL_RISK_FIELD, ask_no_qty, BOTH, true},
    {"lot", RL_RISK_FIELD, ask_lot, BOTH, true},
    {"tick", RL_RISK_FIELD, ask_tick, BOTH, true},
    {"a price", RL_RISK_FIELD, ask_no_px, BOTH, true},
    {"type", RL_RISK_FIELD, ask_type, BOTH, true},
    {"market with a price", RL_RISK_FIELD, ask_market_with_px, BOTH, true},
    {"time in force", RL_RISK_FIELD, ask_tif, BOTH, true},
    {"expiry of a day order", RL_RISK_FIELD, ask_day_with_expiry, BOTH, true},
    {"expiry without a clock", RL_RISK_FIELD, ask_utc, BOTH, true},
    {"other side of the book", RL_RISK_COLLAR | RL_RISK_CROSS, ask_no_book, BOTH, true},
    {"own side of the book", RL_RISK_COLLAR | RL_RISK_CROSS, ask_no_book_behind, BOTH, true},
    {"crossed book", RL_RISK_COLLAR | RL_RISK_CROSS, ask_crossed, BOTH, true},
    {"no book, no collar", RL_RISK_COLLAR | RL_RISK_CROSS, ask_book_alone, BOTH, true},
    {"a reference ever seen", RL_RISK_COLLAR, ask_never_seen, BOTH, true},
    {"a mark", RL_RISK_EXPOSURE, ask_unmarked, BOTH, true},
    {"room for the lots", RL_RISK_EXPOSURE, ask_room, BOTH, true},
    {"room for the sums", RL_RISK_EXPOSURE, ask_room_of_sums, BOTH, true},
    {"room for open notional", RL_RISK_OPEN, ask_room_of_notional, BOTH, true},
    {"limits as they were", RL_RISK_LIMITS, ask_altered, BOTH, true},
    {"latched", RL_RISK_EXECUTIONS | RL_RISK_RATIO, ask_latched, BOTH, true},
    {"own order at market", RL_RISK_SELF_TRADE, ask_self_at_market, BOTH, true},
    {"own order that rests", RL_RISK_SELF_TRADE, ask_self_ioc, BOTH, true},
    {"at market into our own", RL_RISK_SELF_TRADE, ask_market_meets_own, BOTH, true},
    {"own pending replace", RL_RISK_SELF_TRADE, ask_self_pending, BOTH, true},
    {"policy for our own", RL_RISK_SELF_TRADE, ask_self_off, BOTH, true},
    {"override of this account", RL_RISK_QTY, ask_override, BOTH, true},
    {"replace, not acknowledged", RL_RISK_REPLACE, ask_replace_unacked, BOTH, true},
    {"replace, one pending", RL_RISK_REPLACE, ask_replace_twice, BOTH, true},
    {"replace, cancel pending", RL_RISK_REPLACE, ask_replace_cancelled, BOTH, true},
    {"replace below what is done", RL_RISK_REPLACE, ask_replace_cum, BOTH, true},
    {"replace by another", RL_RISK_REPLACE, ask_replace_other, BOTH, true},
    {"replace at market", RL_RISK_REPLACE, ask_replace_market, BOTH, true},
    {"replace, old quantity", RL_RISK_QTY, ask_replace_qty, BOTH, true},
    {"replace, new quantity", RL_RISK_QTY, ask_replace_larger_qty, BOTH, true},
    {"replace, old price", RL_RISK_NOTIONAL, ask_replace_px, BOTH, true},
    {"replace, position", RL_RISK_POSITION, ask_replace_position, BOTH, true},
    {"replace, open notional", RL_RISK_OPEN, ask_replace_open_notional, BOTH, true},
    {"replace in reduce-only", RL_RISK_STATE, ask_replace_in_reduce, BOTH, true},
    {"replace when halted", RL_RISK_STATE, ask_replace_halted, BOTH, true},
    {"replace is no new order", RL_RISK_COLLAR, ask_replace_counts, BOTH, true},
};

/*
 * Runs the table; returns how many answers were wrong, or stops at the first. `is_told`: says which
 * on stderr. The number of questions goes to *n_asked.
 */
static inline unsigned table_run(struct world *w, bool is_told, bool stops, unsigned *n_asked)
{
    const struct risk_case *tables[] = {LIMIT_CASES, RULE_CASES};
    const size_t n_cases[] = {RL_COUNT(LIMIT_CASES), RL_COUNT(RULE_CASES)};
    unsigned n_wrong = 0;

    *n_asked = 0;
    for (size_t table = 0; table < RL_COUNT(tables); table++)
        for (size_t i = 0; i < n_cases[table]; i++) {
            const struct risk_case *c = &tables[table][i];

            for (unsigned side = RL_BUY; side <= RL_SELL; side++)
                for (int step = c->is_a_rule ? 0 : -1; step <= 1; step++) {
                    uint32_t seen, wanted = step > 0 ? c->reasons : 0;

                    if ((c->sides >> side & 1) == 0)
                        continue;
                    table_open(w);
                    seen = c->ask(w, side, step);
                    (*n_asked)++;
                    if (seen == wanted)
                        continue;
                    n_wrong++;
                    if (is_told)
                        fprintf(stderr, "%s, side %u, step %d: saw %06x, wanted %06x\n", c->name,
                                side, step, seen, wanted);
                    if (stops)
                        return n_wrong;
                }
        }
    return n_wrong;
}

#endif
