/*
 * ledger_pair - a ledger and its slow reference, told the same things and compared.
 *
 * Each call of this header is made on both, whose answers must be the same: true, or a refusal.
 */
#ifndef RL_TESTS_LEDGER_PAIR_H
#define RL_TESTS_LEDGER_PAIR_H

#include "slow_positions.h"

enum scale { SMALL, REAL, EXTREME, N_SCALES };

static struct rl_arena arena;
static struct rl_ledger l;
static struct slow_ledger slow;
static uint64_t random_state, n_asked, n_refused, n_busts, n_corrected;

static inline void ledger_open(uint32_t n_pool)
{
    struct rl_ledger_config config = {.n_accounts = SLOW_ACCOUNTS,
                                      .n_instruments = SLOW_SYMBOLS,
                                      .n_fifo_lots = n_pool,
                                      .method = {[1] = RL_METHOD_FIFO}};

    CHECK_EQ(rl_arena_open(&arena, rl_ledger_bytes(&config), 0), 0);
    CHECK_EQ(rl_ledger_init(&l, &arena, &config), 0);
    slow_init(&slow, n_pool);
}

static inline void check_all(void)
{
    const char *what;

    if (rl_ledger_check(&l, &what) != 0)
        fprintf(stderr, "%s\n", what);
    CHECK(what == NULL);
}

static inline void ledger_close(void)
{
    check_all();
    rl_arena_close(&arena);
}

/* --- what is drawn ---------------------------------------------------------------------------- */

static inline uint64_t draw(uint64_t n)
{
    return check_random(&random_state) % n;
}

static inline int64_t draw_px(enum scale scale)
{
    static const int64_t far[] = {INT64_MAX, INT64_MAX - 1, INT64_MIN + 1, INT64_MIN, 1, -1,
                                  0,         1LL << 62,     -(1LL << 62)};

    if (scale == SMALL)
        return (int64_t)draw(12) - 3;
    if (scale == REAL)
        return (int64_t)draw(5000ULL * RL_NANO_PER_UNIT);
    return draw(4) == 0 ? (int64_t)check_random(&random_state) : far[draw(RL_COUNT(far))];
}

static inline uint64_t draw_qty(enum scale scale)
{
    static const uint64_t far[] = {
        INT64_MAX, INT64_MAX - 1, (uint64_t)INT64_MAX + 1, UINT64_MAX, 1ULL << 62, 1, 2,
        3,         1u << 31};
    uint64_t shift;

    if (scale == SMALL)
        return 1 + draw(9);
    if (scale == REAL)
        return 1 + draw(1000000);
    if (draw(4) != 0)
        return far[draw(RL_COUNT(far))];
    shift = draw(64);
    return check_random(&random_state) >> shift;
}

static inline rl_money draw_fee(enum scale scale)
{
    static const rl_money far[] = {RL_MONEY_MAX, RL_MONEY_MIN, (rl_money)1 << 126,
                                   -((rl_money)1 << 126), 1};

    if (scale == EXTREME && draw(3) == 0)
        return far[draw(RL_COUNT(far))];
    return (rl_money)draw(1000) - 200;
}

/* --- one step of both ------------------------------------------------------------------------- */

static inline bool told(bool fits)
{
    n_asked++;
    n_refused += !fits;
    return fits;
}

/* The order in that place reserves something else from now on; nothing when `qty` is 0. */
static inline void set_order(struct slow_symbol *y, uint32_t at, uint64_t qty, int64_t px)
{
    y->orders[at].qty = qty;
    y->orders[at].px = px;
    if (qty == 0)
        y->orders[at] = y->orders[--y->n_orders];
}

static inline bool send(int a, int i, uint8_t side, uint64_t qty, int64_t px)
{
    struct slow_symbol *y = &slow.symbols[a][i];
    struct slow_before was = slow_keep(y);
    bool fits;

    y->orders[y->n_orders++] = (struct slow_order){side, qty, px};
    set_order(y, y->n_orders - 1, qty, px);
    fits = slow_settle(&slow, a, i, &was);
    CHECK_EQ(rl_ledger_move(&l, (uint32_t)a, (uint32_t)i, side, 0, RL_PX_NONE, qty, px), fits);
    return told(fits);
}

static inline bool move(int a, int i, uint32_t at, uint64_t qty, int64_t px)
{
    struct slow_symbol *y = &slow.symbols[a][i];
    struct slow_before was = slow_keep(y);
    struct slow_order o = y->orders[at];
    bool fits;

    set_order(y, at, qty, px);
    fits = slow_settle(&slow, a, i, &was);
    CHECK_EQ(rl_ledger_move(&l, (uint32_t)a, (uint32_t)i, o.side, o.qty, o.px, qty, px), fits);
    return told(fits);
}

static inline bool fill_order(int a, int i, uint32_t at, uint64_t qty, int64_t px)
{
    struct slow_symbol *y = &slow.symbols[a][i];
    struct slow_before was = slow_keep(y);
    struct slow_order o = y->orders[at];
    uint64_t now_qty = qty < o.qty ? o.qty - qty : 0; /* 0: filled, or more than was open */
    bool fits;

    slow_append(y, (struct slow_booking){.kind = 'x', .side = o.side, .px = px, .qty = qty});
    set_order(y, at, now_qty, o.px);
    fits = slow_settle(&slow, a, i, &was);
    CHECK_EQ(rl_ledger_execute(&l, (uint32_t)a, (uint32_t)i, o.side, px, qty, o.qty, o.px, now_qty,
                               o.px),
             fits);
    return told(fits);
}

static inline bool list_and_settle(int a, int i, struct slow_booking b)
{
    struct slow_before was = slow_keep(&slow.symbols[a][i]);

    slow_append(&slow.symbols[a][i], b);
    return slow_settle(&slow, a, i, &was);
}

static inline bool fill(int a, int i, uint8_t side, uint64_t qty, int64_t px)
{
    bool fits = list_and_settle(
        a, i, (struct slow_booking){.kind = 'x', .side = side, .px = px, .qty = qty});

    CHECK_EQ(rl_ledger_fill(&l, (uint32_t)a, (uint32_t)i, side, px, qty), fits);
    return told(fits);
}

static inline bool fee(int a, int i, rl_money money)
{
    bool fits = list_and_settle(a, i, (struct slow_booking){.kind = 'f', .fee = money});

    CHECK_EQ(rl_ledger_fee(&l, (uint32_t)a, (uint32_t)i, money), fits);
    return told(fits);
}

static inline bool bust(int a, int i, uint8_t side, uint64_t qty, int64_t px)
{
    bool fits = list_and_settle(
        a, i, (struct slow_booking){.kind = 'b', .side = side, .px = px, .qty = qty});

    CHECK_EQ(rl_ledger_bust(&l, (uint32_t)a, (uint32_t)i, side, px, qty), fits);
    n_busts += fits;
    return told(fits);
}

static inline bool correct(int a, int i, struct slow_booking was, uint64_t qty, int64_t px)
{
    struct slow_before before = slow_keep(&slow.symbols[a][i]);
    struct slow_booking busted = was, now = was;
    bool fits;

    busted.kind = 'b';
    now.px = px;
    now.qty = qty;
    fits = list_and_settle(a, i, busted);
    if (fits && !list_and_settle(a, i, now)) {
        slow.symbols[a][i].n_list = before.n_list;
        CHECK(slow_fits(&slow, a, i));
        fits = false;
    }
    CHECK_EQ(rl_ledger_correct(&l, (uint32_t)a, (uint32_t)i, was.side, was.px, was.qty, px, qty),
             fits);
    n_corrected += fits;
    return told(fits);
}

static inline bool mark(int i, int64_t px, uint64_t tsc)
{
    bool fits = slow_mark(&slow, i, px, tsc);

    CHECK_EQ(rl_ledger_mark(&l, (uint32_t)i, px, tsc), fits);
    return told(fits);
}

/* --- and then everything is compared ---------------------------------------------------------- */

static inline void check_position(int a, int i)
{
    const struct rl_position *p = rl_ledger_at(&l, (uint32_t)a, (uint32_t)i);
    const struct slow_symbol *y = &slow.symbols[a][i];

    CHECK_EQ(p->net, y->at.net);
    for (int side = 0; side < 2; side++) {
        CHECK_EQ(p->done[side], y->at.done[side]);
        CHECK_EQ(p->work[side], y->at.work[side]);
    }
    CHECK_EQ(p->busted, y->at.busted);
    CHECK_EQ(p->n_open, y->at.n_open);
    CHECK_EQ(p->n_lots, slow.is_fifo[a] ? y->n_lots : 0);
    CHECK(p->cash == y->at.cash && p->cost == y->at.cost);
    CHECK(p->realised == y->at.realised && p->fees == y->at.fees);
    CHECK(rl_position_holds(p));
}

/* cash + net * mark == realised + unrealised - fees, in numbers of any size. */
static inline void check_invariant(const struct rl_position *p, int64_t px)
{
    struct slow_sum one = {0}, other = {0};
    rl_money value = (rl_money)p->net * px, totals[2];

    slow_add(&one, p->cash);
    slow_add(&one, value);
    slow_add(&one, p->fees);
    slow_add(&other, p->realised);
    slow_add(&other, value - p->cost);
    CHECK_EQ(slow_total(&one, &totals[0]), slow_total(&other, &totals[1]));
    CHECK(totals[0] == totals[1]);
}

static inline unsigned __int128 magnitude(rl_money m)
{
    return m < 0 ? -(unsigned __int128)m : (unsigned __int128)m;
}

static inline bool is_modest(rl_money m)
{
    return magnitude(m) < (unsigned __int128)1 << 124;
}

static inline void check_answers(uint32_t account)
{
    const struct rl_account *a = &l.accounts[account];
    unsigned __int128 high = magnitude(a->net_high), low = magnitude(a->net_low);
    rl_money loss = rl_ledger_loss(&l, account);

    high = high > low ? high : low;
    CHECK(rl_ledger_net(&l, account) == (high > RL_MONEY_MAX ? RL_MONEY_MAX : (rl_money)high));
    if (is_modest(a->realised) && is_modest(a->unrealised) && is_modest(a->fees))
        CHECK(loss == a->fees - a->realised - a->unrealised);
    else
        CHECK(loss == RL_MONEY_MAX ||
              (unsigned __int128)loss == (unsigned __int128)a->fees -
                                             (unsigned __int128)a->realised -
                                             (unsigned __int128)a->unrealised);
}

static inline void check_account(int account)
{
    const struct rl_account *a = &l.accounts[account];
    struct rl_account wanted;

    CHECK(slow_account(&slow, account, &wanted));
    CHECK(a->realised == wanted.realised && a->fees == wanted.fees);
    CHECK(a->unrealised == wanted.unrealised);
    CHECK(a->gross == wanted.gross);
    CHECK(a->net_high == wanted.net_high && a->net_low == wanted.net_low);
    CHECK(a->open_notional == wanted.open_notional);
    CHECK_EQ(a->n_open, wanted.n_open);
    CHECK_EQ(a->n_unmarked, wanted.n_unmarked);
    CHECK_EQ(a->oldest_mark_tsc, wanted.oldest_mark_tsc);
    check_answers((uint32_t)account);
}

#endif
