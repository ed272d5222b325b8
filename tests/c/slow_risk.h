/*
 * slow_risk - the rules of pre-trade risk as one would explain them: lists that are searched, sums
 * that are added up each time, divisions where there is one to do. What the fast chain must agree
 * with, at a price that no engine would pay. It reads the limit set and the marks, nothing else.
 */
#ifndef RL_TESTS_SLOW_RISK_H
#define RL_TESTS_SLOW_RISK_H

#include "risk_world.h"
#include "trade/risk/limits_members.h"

enum { SLOW_ORDERS = 1024, SLOW_SENDS = N_REPEATS, SLOW_STAMPS = N_FILLS * 2, SLOW_LIST = 4096 };

typedef __int128 wide;

struct slow_order {
    uint64_t id;
    struct rl_request q; /* as it works now: quantity in all, price (of a market order: reserved) */
    uint64_t cum;
    bool is_live, is_acked, is_market;
    bool is_replacing, is_cancelling;
    uint64_t new_id, new_qty;
    int64_t new_px;
};

struct slow_send {
    struct rl_request q;
    uint64_t tsc;
};

struct slow_bucket {
    wide tokens; /* times HZ */
    uint64_t tsc;
};

/* Things that happened, each in a numbered window of time; only two windows matter. */
struct slow_windows {
    uint64_t until, number;
    uint32_t n;
    struct {
        uint64_t number;
        wide a, b, c;
    } list[SLOW_LIST];
};

struct slow_strategy {
    struct slow_bucket bucket;
    uint64_t fills[SLOW_STAMPS], n_fills, last_fill;
    struct slow_windows ratios[RL_N_LIMIT_RATIOS];
    uint32_t n_rejects, latched;
};

static struct slow {
    struct slow_order orders[SLOW_ORDERS];
    uint32_t n_orders;
    struct slow_send sends[SLOW_SENDS]; /* the last ones, oldest first */
    uint32_t n_sends;
    struct slow_bucket pairs[N_ACCOUNTS][N_INSTRUMENTS], accounts[N_ACCOUNTS], venues[N_VENUES];
    struct slow_bucket engine;
    struct slow_strategy strategies[N_STRATEGIES];
    struct slow_windows mids[N_INSTRUMENTS];
    wide last_mid2[N_INSTRUMENTS];
    wide net[N_ACCOUNTS][N_INSTRUMENTS], cash[N_ACCOUNTS], fees[N_ACCOUNTS];
    uint8_t states[RL_N_SCOPES][64];
} slow;

static inline wide slow_max(wide a, wide b)
{
    return a > b ? a : b;
}

static inline wide slow_size(wide a)
{
    return a < 0 ? -a : a;
}

static inline wide slow_units(uint64_t limit)
{
    return (wide)limit * UNIT;
}

/* seen > limit, unless the limit is off. */
static inline bool slow_above(wide seen, uint64_t limit, uint64_t off)
{
    return limit != off && seen > (wide)limit;
}

static inline bool slow_money_above(wide seen, uint64_t limit)
{
    return limit != RL_LIMIT_OFF && seen > slow_units(limit);
}

/* --- rate --------------------------------------------------------------------------------------
 */

static inline wide slow_tokens(const struct slow_bucket *b, const struct rl_limit_rate *rate,
                               uint64_t now)
{
    wide elapsed = now > b->tsc ? now - b->tsc : 0;
    wide tokens = b->tokens + elapsed * rate->per_s, most = (wide)rate->burst * HZ;

    if (rate->per_s == 0 || rate->burst == 0 || rate->reserve == 0)
        return 0;
    return tokens < most ? tokens : most;
}

static inline bool slow_rate_off(const struct rl_limit_rate *rate)
{
    return rate->reserve != 0 && rate->per_s != 0 && rate->burst != 0 &&
           (rate->per_s == RL_LIMIT_OFF_32 || rate->burst == RL_LIMIT_OFF_32);
}

static inline bool slow_empty(const struct slow_bucket *b, const struct rl_limit_rate *rate,
                              uint64_t now, bool is_cancel)
{
    wide reserve = is_cancel || rate->reserve == RL_LIMIT_OFF_32 ? 0 : rate->reserve;

    return !slow_rate_off(rate) && slow_tokens(b, rate, now) < (1 + reserve) * HZ;
}

static inline void slow_take(struct slow_bucket *b, const struct rl_limit_rate *rate, uint64_t now)
{
    /* Of a rate that is off the bucket is as full as can be, and forgets what was before. */
    wide tokens = slow_rate_off(rate) ? UINT64_MAX : slow_tokens(b, rate, now);

    if (slow_rate_off(rate) && now <= b->tsc)
        tokens = b->tokens;
    b->tokens = slow_max(tokens - HZ, 0);
    b->tsc = now > b->tsc ? now : b->tsc;
}

/* --- windows of time ---------------------------------------------------------------------------
 */

/* True when a new window began; *is_next: right after the one before. */
static inline bool slow_window(struct slow_windows *w, uint64_t now, uint64_t ticks, bool *is_next)
{
    uint32_t n = 0;

    if (now <= w->until)
        return false;
    *is_next = w->until != 0 && now - w->until <= ticks;
    w->number += *is_next ? 1 : 2;
    w->until = (*is_next ? w->until : now) + ticks < ticks ? UINT64_MAX
                                                           : (*is_next ? w->until : now) + ticks;
    for (uint32_t i = 0; i < w->n; i++) /* what no window that counts has is forgotten */
        if (w->list[i].number + 1 >= w->number)
            w->list[n++] = w->list[i];
    w->n = n;
    return true;
}

static inline void slow_add(struct slow_windows *w, wide a, wide b, wide c)
{
    CHECK(w->n < SLOW_LIST);
    w->list[w->n].number = w->number;
    w->list[w->n].a = a;
    w->list[w->n].b = b;
    w->list[w->n++].c = c;
}

static inline uint64_t slow_ticks(uint64_t ns)
{
    return ns; /* one tick is one nanosecond */
}

/* --- the world moves ---------------------------------------------------------------------------
 */

static inline void slow_see(const struct rl_limit_set *set, uint32_t instrument,
                            const struct rl_bbo *bbo, uint64_t now)
{
    struct slow_windows *w = &slow.mids[instrument];
    wide mid2 = (wide)bbo->px_nano[RL_BUY] + bbo->px_nano[RL_SELL];
    uint64_t longest = 0;
    bool is_next;

    if (bbo->px_nano[RL_BUY] <= 0 || bbo->px_nano[RL_SELL] < bbo->px_nano[RL_BUY])
        return;
    for (uint32_t a = 0; a < N_ACCOUNTS; a++) {
        uint64_t ticks = slow_ticks(set->pairs[a * N_INSTRUMENTS + instrument].moved_window_ns);

        longest = ticks > longest ? ticks : longest;
    }
    if (slow_window(w, now, longest, &is_next))
        slow_add(w, slow.last_mid2[instrument] != 0 ? slow.last_mid2[instrument] : mid2, 0, 0);
    slow_add(w, mid2, 0, 0);
    slow.last_mid2[instrument] = mid2;
}

static inline struct slow_order *slow_find(uint64_t id)
{
    for (uint32_t i = 0; i < slow.n_orders; i++)
        if (slow.orders[i].id == id)
            return &slow.orders[i];
    return NULL;
}

static inline uint64_t slow_leaves(const struct slow_order *o)
{
    uint64_t total = o->is_replacing && o->new_qty > o->q.qty ? o->new_qty : o->q.qty;

    return o->is_live && total > o->cum ? total - o->cum : 0;
}

static inline int64_t slow_worst_px(const struct slow_order *o)
{
    return o->is_replacing && o->new_px > o->q.px_nano ? o->new_px : o->q.px_nano;
}

static inline void slow_count(const struct rl_limit_set *set, uint32_t strategy, unsigned ratio,
                              wide part, wide whole, wide n_orders, uint64_t now)
{
    struct slow_windows *w = &slow.strategies[strategy].ratios[ratio];
    bool is_next;

    slow_window(w, now, slow_ticks(set->strategies[strategy].ratios[ratio].window_ns), &is_next);
    slow_add(w, part, whole, n_orders);
}

static inline void slow_message(const struct rl_limit_set *set, const struct rl_scopes *s,
                                uint64_t now)
{
    slow_take(&slow.pairs[s->account][s->instrument],
              &set->pairs[s->account * N_INSTRUMENTS + s->instrument].rate, now);
    slow_take(&slow.accounts[s->account], &set->accounts[s->account].rate, now);
    slow_take(&slow.venues[s->venue], &set->venues[s->venue].rate, now);
    slow_take(&slow.strategies[s->strategy].bucket, &set->strategies[s->strategy].rate, now);
    slow_take(&slow.engine, &set->global.rate, now);
}

static inline void slow_order_counts(const struct rl_limit_set *set, uint32_t strategy,
                                     uint64_t now)
{
    slow_count(set, strategy, RL_LIMIT_RATIO_REJECTS, 0, 1, 1, now);
    slow_count(set, strategy, RL_LIMIT_RATIO_CANCELS, 0, 0, 1, now);
    slow_count(set, strategy, RL_LIMIT_RATIO_MESSAGES, 1, 0, 1, now);
}

static inline void slow_sent(const struct rl_limit_set *set, uint64_t id,
                             const struct rl_request *q, int64_t reserved_px, uint64_t now)
{
    struct slow_order *o = NULL;
    uint64_t last = slow.n_sends > 0 ? slow.sends[slow.n_sends - 1].tsc : 0;

    for (uint32_t i = 0; i < slow.n_orders && o == NULL; i++)
        if (!slow.orders[i].is_live)
            o = &slow.orders[i];
    if (o == NULL)
        o = &slow.orders[slow.n_orders++];
    CHECK(slow.n_orders < SLOW_ORDERS);
    *o = (struct slow_order){
        .id = id, .q = *q, .is_live = true, .is_market = q->px_nano == RL_PX_NONE};
    o->q.px_nano = reserved_px;
    if (slow.n_sends == SLOW_SENDS)
        memmove(slow.sends, slow.sends + 1, (size_t)--slow.n_sends * sizeof(slow.sends[0]));
    slow.sends[slow.n_sends++] = (struct slow_send){*q, now > last ? now : last};
    slow_message(set, &q->scopes, now);
    slow_order_counts(set, q->scopes.strategy, now);
}

static inline void slow_replace_sent(const struct rl_limit_set *set, uint64_t id, uint64_t new_id,
                                     uint64_t qty, int64_t px, uint64_t now)
{
    struct slow_order *o = slow_find(id);

    o->is_replacing = true;
    o->new_id = new_id;
    o->new_qty = qty;
    o->new_px = px;
    slow_message(set, &o->q.scopes, now);
    slow_order_counts(set, o->q.scopes.strategy, now);
}

static inline void slow_cancel_sent(const struct rl_limit_set *set, uint64_t id, uint64_t now)
{
    struct slow_order *o = slow_find(id);

    o->is_cancelling = true;
    slow_message(set, &o->q.scopes, now);
    slow_count(set, o->q.scopes.strategy, RL_LIMIT_RATIO_CANCELS, 1, 0, 0, now);
    slow_count(set, o->q.scopes.strategy, RL_LIMIT_RATIO_MESSAGES, 1, 0, 0, now);
}

/* R18 */
static inline void slow_judge_ratios(const struct rl_limit_set *set, uint32_t strategy)
{
    struct slow_strategy *s = &slow.strategies[strategy];

    for (unsigned i = 0; i < RL_N_LIMIT_RATIOS; i++) {
        const struct rl_limit_ratio *limits = &set->strategies[strategy].ratios[i];
        wide part = 0, whole = 0, n_orders = 0;

        for (uint32_t j = 0; j < s->ratios[i].n; j++)
            if (s->ratios[i].list[j].number + 1 >= s->ratios[i].number) {
                part += s->ratios[i].list[j].a;
                whole += s->ratios[i].list[j].b;
                n_orders += s->ratios[i].list[j].c;
            }
        if (n_orders >= limits->min_sample && limits->trip_permille != RL_LIMIT_OFF_32 &&
            part * 1000 > whole * limits->trip_permille) {
            s->latched |= RL_RISK_RATIO;
            slow.states[RL_SCOPE_STRATEGY][strategy] = RL_RISK_HALTED;
        }
    }
}

static inline void slow_fill(const struct rl_limit_set *set, uint64_t id, uint64_t qty, int64_t px,
                             uint64_t now)
{
    struct slow_order *o = slow_find(id);
    const struct rl_scopes *s = &o->q.scopes;
    const struct rl_limit_strategy *limits = &set->strategies[s->strategy];
    struct slow_strategy *strategy = &slow.strategies[s->strategy];
    wide signed_qty = o->q.side == RL_BUY ? (wide)qty : -(wide)qty;
    uint64_t n_within = 0, last;

    o->cum += qty;
    o->is_live = o->cum < o->q.qty;
    slow.net[s->account][s->instrument] += signed_qty;
    slow.cash[s->account] -= signed_qty * px;
    strategy->n_rejects = 0;
    slow_count(set, s->strategy, RL_LIMIT_RATIO_CANCELS, 0, 1, 0, now);
    slow_count(set, s->strategy, RL_LIMIT_RATIO_MESSAGES, 0, 1, 0, now);
    last = strategy->last_fill = now > strategy->last_fill ? now : strategy->last_fill;
    if (strategy->n_fills == SLOW_STAMPS)
        memmove(strategy->fills, strategy->fills + 1,
                (size_t)--strategy->n_fills * sizeof(strategy->fills[0]));
    strategy->fills[strategy->n_fills++] = last;
    for (uint64_t i = 0; i < strategy->n_fills; i++)
        n_within += last - strategy->fills[i] <= slow_ticks(limits->executions_window_ns);
    /* What the engine remembers is the highest limit that it can hold anybody to. */
    if (limits->executions != RL_LIMIT_OFF_32 &&
        n_within > (limits->executions < 2 * N_FILLS - 1 ? limits->executions : 2 * N_FILLS - 1)) {
        strategy->latched |= RL_RISK_EXECUTIONS;
        slow.states[RL_SCOPE_STRATEGY][s->strategy] = RL_RISK_HALTED;
    }
}

/* ACK, REJECT, CANCELLED, REPLACED, REPLACE_REJECT, CANCEL_REJECT of an order that lives. */
static inline void slow_answer(const struct rl_limit_set *set, uint64_t id, unsigned kind,
                               uint64_t now)
{
    struct slow_order *o = slow_find(id);
    uint32_t index = o->q.scopes.strategy;
    struct slow_strategy *s = &slow.strategies[index];

    if (kind == RL_EVENT_ACK)
        o->is_acked = true;
    if (kind == RL_EVENT_REJECT || kind == RL_EVENT_CANCELLED)
        o->is_live = false;
    if (kind == RL_EVENT_CANCEL_REJECT)
        o->is_cancelling = false;
    if (kind == RL_EVENT_REPLACED) {
        o->id = o->new_id;
        o->q.qty = o->new_qty;
        o->q.px_nano = o->new_px;
        o->is_live = o->cum < o->q.qty; /* executions may have overtaken the answer */
    }
    if (kind == RL_EVENT_REPLACED || kind == RL_EVENT_REPLACE_REJECT)
        o->is_replacing = false;
    if (kind == RL_EVENT_ACK || kind == RL_EVENT_REPLACED)
        s->n_rejects = 0;
    if (kind == RL_EVENT_REJECT || kind == RL_EVENT_REPLACE_REJECT) {
        slow_count(set, index, RL_LIMIT_RATIO_REJECTS, 1, 0, 0, now);
        if (++s->n_rejects > set->strategies[index].rejects_in_row) {
            s->latched |= RL_RISK_RATIO;
            slow.states[RL_SCOPE_STRATEGY][index] = RL_RISK_HALTED;
        }
    }
    slow_judge_ratios(set, index);
}

static inline void slow_set_state(unsigned scope, uint32_t index, unsigned state)
{
    slow.states[scope][index] = (uint8_t)state;
    if (scope == RL_SCOPE_STRATEGY && state != RL_RISK_HALTED) {
        struct slow_strategy *s = &slow.strategies[index];

        s->latched = s->n_rejects = 0;
        s->n_fills = 0;
        memset(s->ratios, 0, sizeof(s->ratios));
    }
}

#include "slow_risk_check.h"

#endif
