#include "trade/position/ledger.h"

#include <errno.h>
#include <string.h>

static bool is_possible(const struct rl_ledger_config *c)
{
    if (c->n_accounts == 0 || c->n_accounts > RL_MAX_ACCOUNTS || c->n_instruments == 0 ||
        c->n_instruments > RL_MAX_SYMBOLS || c->n_fifo_lots > INT32_MAX)
        return false;
    for (uint32_t i = 0; i < c->n_accounts; i++)
        if (c->method[i] > RL_METHOD_FIFO)
            return false;
    return true;
}

/* Pieces begin on cache lines. */
static size_t lines(size_t n_bytes)
{
    return (n_bytes + RL_CACHE_LINE - 1) / RL_CACHE_LINE * RL_CACHE_LINE;
}

size_t rl_ledger_bytes(const struct rl_ledger_config *c)
{
    if (!is_possible(c))
        return 0;
    return c->n_accounts * sizeof(struct rl_account) +
           (size_t)c->n_accounts * c->n_instruments * sizeof(struct rl_position) +
           lines(c->n_instruments * sizeof(struct rl_mark)) +
           lines(c->n_accounts * sizeof(struct rl_oldest)) +
           c->n_accounts * lines(rl_oldest_bytes(c->n_instruments)) +
           lines(rl_fifo_bytes(c->n_fifo_lots));
}

static uint64_t fifo_accounts(const struct rl_ledger_config *c)
{
    uint64_t accounts = 0;

    for (uint32_t i = 0; i < RL_MAX_ACCOUNTS; i++)
        accounts |= (uint64_t)(i < c->n_accounts && c->method[i] == RL_METHOD_FIFO) << i;
    return accounts;
}

int rl_ledger_init(struct rl_ledger *l, struct rl_arena *arena, const struct rl_ledger_config *c)
{
    size_t n_positions = (size_t)c->n_accounts * c->n_instruments;
    size_t n_heap_bytes = lines(rl_oldest_bytes(c->n_instruments));
    uint8_t *heaps;
    void *lots;

    if (!is_possible(c))
        return -EINVAL;
    *l = (struct rl_ledger){.n_accounts = c->n_accounts,
                            .n_instruments = c->n_instruments,
                            .is_fifo = fifo_accounts(c)};
    l->accounts = rl_arena_take(arena, c->n_accounts * sizeof(*l->accounts), 0);
    l->positions = rl_arena_take(arena, n_positions * sizeof(*l->positions), 0);
    l->marks = rl_arena_take(arena, lines(c->n_instruments * sizeof(*l->marks)), 0);
    l->oldest = rl_arena_take(arena, lines(c->n_accounts * sizeof(*l->oldest)), 0);
    heaps = rl_arena_take(arena, c->n_accounts * n_heap_bytes, 0);
    lots = rl_arena_take(arena, lines(rl_fifo_bytes(c->n_fifo_lots)), 0);
    if (!l->accounts || !l->positions || !l->marks || !l->oldest || !heaps || !lots)
        return -ENOMEM;
    rl_fifo_init(&l->fifo, lots, c->n_fifo_lots);
    for (uint32_t i = 0; i < c->n_instruments; i++)
        l->marks[i].px_nano = RL_PX_NONE;
    for (uint32_t i = 0; i < c->n_accounts; i++) {
        l->accounts[i].oldest_mark_tsc = UINT64_MAX;
        rl_oldest_init(&l->oldest[i], heaps + i * n_heap_bytes, c->n_instruments);
    }
    return 0;
}

static void came_or_went(struct rl_ledger *l, uint32_t account, uint32_t instrument, bool is_held)
{
    struct rl_oldest *o = &l->oldest[account];

    l->accounts[account].oldest_mark_tsc = is_held ? rl_oldest_enter(o, l->marks, instrument)
                                                   : rl_oldest_leave(o, l->marks, instrument);
}

void rl_ledger_came_or_went(struct rl_ledger *l, uint32_t account, uint32_t instrument,
                            bool was_active, bool was_held)
{
    const struct rl_position *p = rl_ledger_at(l, account, instrument);
    struct rl_mark *m = &l->marks[instrument];
    bool is_active = rl_position_is_active(p);

    m->accounts = (m->accounts & ~(1ULL << account)) | (uint64_t)is_active << account;
    if (m->px_nano == RL_PX_NONE)
        l->accounts[account].n_unmarked += (uint32_t)is_active - (uint32_t)was_active;
    if (was_held != (p->net != 0))
        came_or_went(l, account, instrument, p->net != 0);
}

static bool bust(struct rl_ledger *l, uint32_t account, uint32_t instrument, enum rl_side side,
                 int64_t px_nano, uint64_t qty, struct rl_fifo_undo *undo)
{
    struct rl_reserving nothing = {.side = side};
    struct rl_position *p;
    uint64_t busted;

    if (!rl_ledger_has(l, account, instrument) || !rl_is_execution(side, px_nano, qty))
        return false;
    p = rl_ledger_at(l, account, instrument);
    if (qty > p->done[side] || __builtin_add_overflow(p->busted, qty, &busted) ||
        !rl_ledger_book(l, account, instrument, rl_side_opposite(side), px_nano, qty, &nothing,
                        undo))
        return false;
    p->done[side] -= qty;
    p->busted = busted;
    return true;
}

bool rl_ledger_bust(struct rl_ledger *l, uint32_t account, uint32_t instrument, enum rl_side side,
                    int64_t px_nano, uint64_t qty)
{
    return bust(l, account, instrument, side, px_nano, qty, NULL);
}

bool rl_ledger_correct(struct rl_ledger *l, uint32_t account, uint32_t instrument,
                       enum rl_side side, int64_t was_px_nano, uint64_t was_qty, int64_t px_nano,
                       uint64_t qty)
{
    struct rl_fifo_undo undo = {.n = 0};
    struct rl_position *p, was;
    struct rl_account was_account;
    struct rl_mark was_mark;
    bool is_held;

    if (!rl_ledger_has(l, account, instrument))
        return false;
    p = rl_ledger_at(l, account, instrument);
    was = *p;
    was_account = l->accounts[account];
    was_mark = l->marks[instrument];
    if (!bust(l, account, instrument, side, was_px_nano, was_qty, &undo))
        return false;
    if (rl_ledger_fill(l, account, instrument, side, px_nano, qty))
        return true;
    if (l->is_fifo >> account & 1)
        rl_fifo_undo(&l->fifo, &undo);
    is_held = p->net != 0;
    *p = was;
    l->accounts[account] = was_account;
    l->marks[instrument] = was_mark;
    if (is_held != (was.net != 0))
        came_or_went(l, account, instrument, was.net != 0);
    return false;
}

/* --- marks ------------------------------------------------------------------------------------ */

/* Revalues the account from one price to another; false when a sum would leave its range. */
static bool revalue(struct rl_ledger *l, uint32_t account, uint32_t instrument, int64_t was_px,
                    int64_t now_px)
{
    const struct rl_position *p = rl_ledger_at(l, account, instrument);
    struct rl_account *a = &l->accounts[account];
    struct rl_worth was, now, sums;
    struct rl_outcomes o;

    rl_outcomes_of(p->net, p->work[RL_BUY], p->work[RL_SELL], &o);
    rl_worth_of(was_px, p->net, &o, p->cost, &was);
    rl_worth_of(now_px, p->net, &o, p->cost, &now);
    now.unrealised -= was.unrealised;
    now.gross -= was.gross;
    now.net_high -= was.net_high;
    now.net_low -= was.net_low;
    if (!rl_account_revalue(a, &now, &sums))
        return false;
    rl_account_take(a, &sums);
    return true;
}

bool rl_ledger_mark(struct rl_ledger *l, uint32_t instrument, int64_t px_nano, uint64_t now_tsc)
{
    struct rl_mark *m;
    int64_t was_px;

    if (instrument >= l->n_instruments || px_nano == RL_PX_NONE)
        return false;
    m = &l->marks[instrument];
    was_px = m->px_nano;
    if (px_nano != was_px) {
        for (uint64_t left = m->accounts; left != 0; left &= left - 1) {
            if (revalue(l, (uint32_t)__builtin_ctzll(left), instrument, was_px, px_nano))
                continue;
            /* Back with those that were done: they return to sums that had room. */
            for (uint64_t done = m->accounts & ~left; done != 0; done &= done - 1)
                revalue(l, (uint32_t)__builtin_ctzll(done), instrument, px_nano, was_px);
            return false;
        }
    }
    m->px_nano = px_nano;
    m->tsc = now_tsc;
    for (uint64_t left = m->accounts; left != 0; left &= left - 1) {
        uint32_t account = (uint32_t)__builtin_ctzll(left);

        l->accounts[account].n_unmarked -= was_px == RL_PX_NONE;
        l->accounts[account].oldest_mark_tsc =
            rl_oldest_marked(&l->oldest[account], l->marks, instrument);
    }
    return true;
}

/* --- all accounts ----------------------------------------------------------------------------- */

static bool add(rl_money *sum, rl_money part)
{
    return !__builtin_add_overflow(*sum, part, sum);
}

bool rl_ledger_sum(const struct rl_ledger *l, struct rl_account *out)
{
    *out = (struct rl_account){.oldest_mark_tsc = UINT64_MAX};
    for (uint32_t i = 0; i < l->n_accounts; i++) {
        const struct rl_account *a = &l->accounts[i];

        if (!add(&out->realised, a->realised) || !add(&out->unrealised, a->unrealised) ||
            !add(&out->fees, a->fees) || !add(&out->gross, a->gross) ||
            !add(&out->net_high, a->net_high) || !add(&out->net_low, a->net_low) ||
            !add(&out->open_notional, a->open_notional) ||
            __builtin_add_overflow(out->n_open, a->n_open, &out->n_open))
            return false;
        out->n_unmarked += a->n_unmarked;
        if (a->oldest_mark_tsc < out->oldest_mark_tsc)
            out->oldest_mark_tsc = a->oldest_mark_tsc;
    }
    return true;
}
