/*
 * slow_positions - a ledger that keeps every single execution and open order in lists and works out
 * everything from the lists each time it is asked: what the fast one must agree with.
 *
 * Nothing is shared with csrc/trade/position but the types of its answers: shares are divided bit
 * by bit, lots are never merged, and an exposure is the worst of all sets of orders that may fill.
 */
#ifndef RL_TESTS_SLOW_POSITIONS_H
#define RL_TESTS_SLOW_POSITIONS_H

#include <string.h>

#include "check.h"
#include "trade/position/ledger.h"

enum { SLOW_ACCOUNTS = 3, SLOW_SYMBOLS = 4, SLOW_BOOKINGS = 4096, SLOW_ORDERS = 7 };

/* An execution, one taken back, or a fee. */
struct slow_booking {
    uint8_t kind; /* 'x', 'b' or 'f' */
    uint8_t side; /* of the execution, also of the one taken back */
    int64_t px;
    uint64_t qty;
    rl_money fee;
};

struct slow_order {
    uint8_t side;
    uint64_t qty;
    int64_t px;
};

struct slow_symbol {
    struct slow_booking list[SLOW_BOOKINGS];
    struct slow_order orders[SLOW_ORDERS];
    uint32_t n_list, n_orders;
    uint32_t n_lots;       /* runs of one price among the lots: what a pool must find room for */
    struct rl_position at; /* worked out from the list; work and n_open too */
};

struct slow_ledger {
    struct slow_symbol symbols[SLOW_ACCOUNTS][SLOW_SYMBOLS];
    int64_t mark[SLOW_SYMBOLS];
    uint64_t mark_tsc[SLOW_SYMBOLS];
    bool is_fifo[SLOW_ACCOUNTS];
    uint32_t n_pool;
};

static inline void slow_init(struct slow_ledger *s, uint32_t n_pool)
{
    for (int a = 0; a < SLOW_ACCOUNTS; a++)
        for (int i = 0; i < SLOW_SYMBOLS; i++) {
            struct slow_symbol *y = &s->symbols[a][i];

            y->n_list = y->n_orders = y->n_lots = 0;
            y->at = (struct rl_position){0};
        }
    for (int i = 0; i < SLOW_SYMBOLS; i++) {
        s->mark[i] = RL_PX_NONE;
        s->mark_tsc[i] = 0;
    }
    for (int a = 0; a < SLOW_ACCOUNTS; a++)
        s->is_fifo[a] = a == 1;
    s->n_pool = n_pool;
}

/* --- sums of any size ------------------------------------------------------------------------- */

struct slow_sum {
    rl_money high; /* units of 2^64 */
    unsigned __int128 low;
};

static inline void slow_add(struct slow_sum *s, rl_money part)
{
    s->high += part >> 64;
    s->low += (uint64_t)part;
}

static inline bool slow_total(const struct slow_sum *s, rl_money *out)
{
    rl_money high = s->high + (rl_money)(s->low >> 64);

    *out = (rl_money)((unsigned __int128)high << 64 | (uint64_t)s->low);
    return high == (int64_t)high;
}

/* --- one symbol of one account ---------------------------------------------------------------- */

/* cost * part / whole towards zero, one bit at a time: no product, no machine division. */
static inline rl_money slow_share(rl_money cost, uint64_t part, uint64_t whole)
{
    unsigned __int128 c = cost < 0 ? -(unsigned __int128)cost : (unsigned __int128)cost;
    uint64_t limbs[3], quotient[3] = {0};
    unsigned __int128 t = (unsigned __int128)(uint64_t)c * part, rest = 0;

    limbs[0] = (uint64_t)t;
    t = (unsigned __int128)(uint64_t)(c >> 64) * part + (uint64_t)(t >> 64);
    limbs[1] = (uint64_t)t;
    limbs[2] = (uint64_t)(t >> 64);
    for (int bit = 191; bit >= 0; bit--) {
        rest = rest << 1 | (limbs[bit / 64] >> bit % 64 & 1);
        if (rest >= whole) {
            rest -= whole;
            quotient[bit / 64] |= 1ULL << bit % 64;
        }
    }
    c = (unsigned __int128)quotient[1] << 64 | quotient[0];
    return cost < 0 ? -(rl_money)c : (rl_money)c;
}

struct slow_lots {
    int64_t px[SLOW_BOOKINGS];
    uint64_t qty[SLOW_BOOKINGS];
    uint32_t first, n;
};

/* What closing `closing` lots of a position takes out of its cost. */
static inline rl_money slow_close(struct slow_lots *lots, bool is_fifo, const struct rl_position *p,
                                  uint64_t closing)
{
    uint64_t held = p->net < 0 ? 0 - (uint64_t)p->net : (uint64_t)p->net, left = closing;
    rl_money taken = 0;

    while (left > 0) {
        uint64_t part = lots->qty[lots->first] < left ? lots->qty[lots->first] : left;

        taken += (rl_money)lots->px[lots->first] * (rl_money)part * (p->net < 0 ? -1 : 1);
        lots->qty[lots->first] -= part;
        left -= part;
        lots->first += lots->qty[lots->first] == 0;
    }
    return is_fifo || closing == 0 ? taken : slow_share(p->cost, closing, held);
}

/* One line of the list; false when it does not fit. */
static inline bool slow_book(const struct slow_booking *b, bool is_fifo, struct slow_lots *lots,
                             struct rl_position *p)
{
    bool is_bust = b->kind == 'b', is_buy = (b->side == RL_BUY) != is_bust;
    rl_money net = p->net, dir = is_buy ? 1 : -1, flow = (rl_money)b->px * (rl_money)b->qty * dir;
    uint64_t held = (uint64_t)(net < 0 ? -net : net), closing = 0;
    rl_money taken, closed;

    if (b->kind == 'f')
        return !__builtin_sub_overflow(p->cash, b->fee, &p->cash) &&
               !__builtin_add_overflow(p->fees, b->fee, &p->fees);
    if (b->qty == 0 || b->qty > INT64_MAX || b->px == INT64_MIN || b->side > 1)
        return false;
    if (net * dir < 0)
        closing = b->qty < held ? b->qty : held;
    net += dir * (rl_money)b->qty;
    if (net > INT64_MAX || net < -INT64_MAX || __builtin_sub_overflow(p->cash, flow, &p->cash))
        return false;
    taken = slow_close(lots, is_fifo, p, closing);
    closed = (rl_money)b->px * (rl_money)closing * dir;
    if (__builtin_add_overflow(p->realised, -closed - taken, &p->realised))
        return false;
    p->cost = p->cost - taken + (flow - closed);
    p->net = (int64_t)net;
    if (b->qty > closing) {
        lots->px[lots->n] = b->px;
        lots->qty[lots->n++] = b->qty - closing;
    }
    if (is_bust)
        return !__builtin_sub_overflow(p->done[b->side], b->qty, &p->done[b->side]) &&
               !__builtin_add_overflow(p->busted, b->qty, &p->busted);
    return !__builtin_add_overflow(p->done[b->side], b->qty, &p->done[b->side]);
}

/* Everything from the lists; false when the last line does not fit. */
static inline bool slow_work_out(struct slow_symbol *y, bool is_fifo)
{
    static struct slow_lots lots;
    struct rl_position p = {0};

    lots.first = lots.n = 0;
    for (uint32_t i = 0; i < y->n_list; i++)
        if (!slow_book(&y->list[i], is_fifo, &lots, &p))
            return false;
    y->n_lots = 0;
    for (uint32_t i = lots.first; i < lots.n; i++)
        y->n_lots += i == lots.first || lots.px[i] != lots.px[i - 1];
    for (uint32_t i = 0; i < y->n_orders; i++) {
        uint64_t *work = &p.work[y->orders[i].side];

        *work += y->orders[i].qty; /* each below 2^63: seen before it wraps */
        if (*work > INT64_MAX)
            return false;
        p.n_open++;
    }
    y->at = p;
    return true;
}

/* The most and the least that is held when any of the open orders fill and the others do not. */
static inline void slow_outcomes(const struct slow_symbol *y, rl_money *most, rl_money *least)
{
    *most = *least = y->at.net;
    for (uint32_t set = 0; set < 1u << y->n_orders; set++) {
        rl_money net = y->at.net;

        for (uint32_t i = 0; i < y->n_orders; i++)
            if (set >> i & 1)
                net += y->orders[i].side == RL_BUY ? (rl_money)y->orders[i].qty
                                                   : -(rl_money)y->orders[i].qty;
        *most = net > *most ? net : *most;
        *least = net < *least ? net : *least;
    }
}

/* --- accounts --------------------------------------------------------------------------------- */

/* The sums of an account from scratch; false when one has no room. */
static inline bool slow_account(const struct slow_ledger *s, int account, struct rl_account *out)
{
    struct slow_sum sums[7] = {{0}};
    rl_money *to[7] = {&out->realised, &out->unrealised, &out->fees,         &out->gross,
                       &out->net_high, &out->net_low,    &out->open_notional};

    *out = (struct rl_account){.oldest_mark_tsc = UINT64_MAX};
    for (int i = 0; i < SLOW_SYMBOLS; i++) {
        const struct slow_symbol *y = &s->symbols[account][i];
        bool is_marked = s->mark[i] != RL_PX_NONE;
        rl_money most, least, size = 0;

        slow_add(&sums[0], y->at.realised);
        slow_add(&sums[2], y->at.fees);
        slow_outcomes(y, &most, &least);
        if (most > INT64_MAX || least < -INT64_MAX)
            return false;
        if (is_marked) {
            size = s->mark[i] < 0 ? -(rl_money)s->mark[i] : s->mark[i];
            slow_add(&sums[1], (rl_money)y->at.net * s->mark[i] - y->at.cost);
        }
        slow_add(&sums[3], size * (most > -least ? most : -least));
        slow_add(&sums[4], size * most);
        slow_add(&sums[5], size * least);
        for (uint32_t k = 0; k < y->n_orders; k++) {
            int64_t px = y->orders[k].px;

            slow_add(&sums[6], (px < 0 ? -(rl_money)px : px) * (rl_money)y->orders[k].qty);
        }
        out->n_open += y->n_orders;
        out->n_unmarked += !is_marked && (y->at.net != 0 || y->n_orders > 0);
        if (y->at.net != 0 && s->mark_tsc[i] < out->oldest_mark_tsc)
            out->oldest_mark_tsc = s->mark_tsc[i];
    }
    for (int k = 0; k < 7; k++)
        if (!slow_total(&sums[k], to[k]))
            return false;
    return true;
}

/* --- what happens ----------------------------------------------------------------------------- */

/* The change of one symbol was made in its lists: does everything have room? */
static inline bool slow_fits(struct slow_ledger *s, int account, int symbol)
{
    struct slow_symbol *y = &s->symbols[account][symbol];
    struct rl_account sums;
    uint32_t n_lots = 0;

    for (uint32_t i = 0; i < y->n_orders; i++)
        if (y->orders[i].qty == 0 || y->orders[i].qty > INT64_MAX || y->orders[i].side > 1 ||
            y->orders[i].px == INT64_MIN)
            return false;
    if (!slow_work_out(y, s->is_fifo[account]))
        return false;
    for (int a = 0; a < SLOW_ACCOUNTS; a++)
        for (int i = 0; i < SLOW_SYMBOLS; i++)
            n_lots += s->is_fifo[a] ? s->symbols[a][i].n_lots : 0;
    return n_lots <= s->n_pool && slow_account(s, account, &sums);
}

/* The lists as they were. */
struct slow_before {
    uint32_t n_list, n_orders;
    struct slow_order orders[SLOW_ORDERS];
};

static inline struct slow_before slow_keep(const struct slow_symbol *y)
{
    struct slow_before was = {.n_list = y->n_list, .n_orders = y->n_orders};

    memcpy(was.orders, y->orders, sizeof was.orders);
    return was;
}

/* Ends a change: kept when it fits, else as if it had never been. */
static inline bool slow_settle(struct slow_ledger *s, int account, int symbol,
                               const struct slow_before *was)
{
    struct slow_symbol *y = &s->symbols[account][symbol];

    if (slow_fits(s, account, symbol))
        return true;
    y->n_list = was->n_list;
    y->n_orders = was->n_orders;
    memcpy(y->orders, was->orders, sizeof was->orders);
    CHECK(slow_work_out(y, s->is_fifo[account]));
    return false;
}

static inline void slow_append(struct slow_symbol *y, struct slow_booking b)
{
    CHECK(y->n_list < SLOW_BOOKINGS);
    y->list[y->n_list++] = b;
}

static inline bool slow_mark(struct slow_ledger *s, int symbol, int64_t px, uint64_t tsc)
{
    int64_t was = s->mark[symbol];
    struct rl_account sums;

    if (px == INT64_MIN)
        return false;
    s->mark[symbol] = px;
    for (int a = 0; a < SLOW_ACCOUNTS; a++)
        if (!slow_account(s, a, &sums)) {
            s->mark[symbol] = was;
            return false;
        }
    s->mark_tsc[symbol] = tsc;
    return true;
}

#endif
