#include "trade/position/fifo.h"

#include <string.h>

size_t rl_fifo_bytes(uint32_t n_lots)
{
    return ((size_t)n_lots + 1) * sizeof(struct rl_lot);
}

void rl_fifo_init(struct rl_fifo *f, void *memory, uint32_t n_lots)
{
    f->lots = memory;
    f->n_lots = n_lots;
    f->n_free = n_lots;
    f->free = n_lots > 0 ? 1 : 0;
    memset(memory, 0, rl_fifo_bytes(n_lots));
    for (uint32_t i = 1; i < n_lots; i++)
        f->lots[i].next = i + 1;
}

bool rl_fifo_plan(const struct rl_fifo *f, const struct rl_position *p, enum rl_side side,
                  int64_t px_nano, uint64_t qty, struct rl_fifo_plan *plan)
{
    uint64_t left = rl_position_closing(p, side, qty);
    int64_t sign = p->net < 0 ? -1 : 1;
    uint32_t at = p->first_lot;

    *plan = (struct rl_fifo_plan){.opening = qty - left};
    while (left > 0 && f->lots[at].qty <= left) {
        const struct rl_lot *lot = &f->lots[at];

        plan->taken += rl_notional(lot->px_nano, sign * (int64_t)lot->qty);
        plan->last_gone = at;
        plan->n_gone++;
        left -= lot->qty;
        at = lot->next;
    }
    plan->taken += rl_notional(f->lots[at].px_nano, sign * (int64_t)left);
    plan->first = at;
    plan->first_qty = f->lots[at].qty - left;
    /* Nothing opens while anything stays of the other side; what stays is of our own. */
    return plan->opening == 0 || f->n_free > 0 || plan->n_gone > 0 ||
           (p->last_lot != 0 && f->lots[p->last_lot].px_nano == px_nano);
}

/* The lot is about to be written. */
static struct rl_lot *writable(struct rl_fifo *f, uint32_t at, struct rl_fifo_undo *undo)
{
    if (undo) {
        undo->lots[undo->n].at = at;
        undo->lots[undo->n].was = f->lots[at];
        undo->n++;
    }
    return &f->lots[at];
}

static void open_lot(struct rl_fifo *f, struct rl_position *p, int64_t px_nano, uint64_t qty,
                     struct rl_fifo_undo *undo)
{
    struct rl_lot *newest = p->last_lot != 0 ? writable(f, p->last_lot, undo) : NULL;
    uint32_t at = f->free;
    struct rl_lot *lot;

    if (newest && newest->px_nano == px_nano) {
        newest->qty += qty; /* at most |net| */
        return;
    }
    lot = writable(f, at, undo);
    f->free = lot->next;
    f->n_free--;
    *lot = (struct rl_lot){.qty = qty, .px_nano = px_nano};
    if (newest)
        newest->next = at;
    else
        p->first_lot = at;
    p->last_lot = at;
    p->n_lots++;
}

void rl_fifo_take(struct rl_fifo *f, struct rl_position *p, int64_t px_nano,
                  const struct rl_fifo_plan *plan, struct rl_fifo_undo *undo)
{
    if (undo)
        *undo = (struct rl_fifo_undo){.n_free = f->n_free, .free = f->free};
    if (plan->n_gone > 0) { /* the whole chain at once */
        writable(f, plan->last_gone, undo)->next = f->free;
        f->free = p->first_lot;
        f->n_free += plan->n_gone;
        p->n_lots -= plan->n_gone;
        p->first_lot = plan->first;
        if (plan->first == 0)
            p->last_lot = 0;
    }
    if (plan->first != 0 && f->lots[plan->first].qty != plan->first_qty)
        writable(f, plan->first, undo)->qty = plan->first_qty;
    if (plan->opening > 0)
        open_lot(f, p, px_nano, plan->opening, undo);
}

void rl_fifo_undo(struct rl_fifo *f, const struct rl_fifo_undo *undo)
{
    for (uint32_t i = undo->n; i-- > 0;)
        f->lots[undo->lots[i].at] = undo->lots[i].was;
    f->n_free = undo->n_free;
    f->free = undo->free;
}

/* `done` and `busted` are the caller's. */
static bool book(struct rl_fifo *f, struct rl_position *p, enum rl_side side, int64_t px_nano,
                 uint64_t qty, struct rl_fifo_undo *undo)
{
    struct rl_fifo_plan plan;
    struct rl_booking to;

    if (!rl_fifo_plan(f, p, side, px_nano, qty, &plan) ||
        !rl_position_plan(p, side, px_nano, qty, qty - plan.opening, plan.taken, &to))
        return false;
    rl_fifo_take(f, p, px_nano, &plan, undo);
    rl_position_take(p, &to);
    return true;
}

bool rl_fifo_fill(struct rl_fifo *f, struct rl_position *p, enum rl_side side, int64_t px_nano,
                  uint64_t qty)
{
    uint64_t done;

    if (!rl_is_execution(side, px_nano, qty) || __builtin_add_overflow(p->done[side], qty, &done) ||
        !book(f, p, side, px_nano, qty, NULL))
        return false;
    p->done[side] = done;
    return true;
}

static bool bust(struct rl_fifo *f, struct rl_position *p, enum rl_side side, int64_t px_nano,
                 uint64_t qty, struct rl_fifo_undo *undo)
{
    uint64_t busted;

    if (!rl_is_execution(side, px_nano, qty) || qty > p->done[side] ||
        __builtin_add_overflow(p->busted, qty, &busted) ||
        !book(f, p, rl_side_opposite(side), px_nano, qty, undo))
        return false;
    p->done[side] -= qty;
    p->busted = busted;
    return true;
}

bool rl_fifo_bust(struct rl_fifo *f, struct rl_position *p, enum rl_side side, int64_t px_nano,
                  uint64_t qty)
{
    return bust(f, p, side, px_nano, qty, NULL);
}

bool rl_fifo_correct(struct rl_fifo *f, struct rl_position *p, enum rl_side side,
                     int64_t was_px_nano, uint64_t was_qty, int64_t px_nano, uint64_t qty)
{
    struct rl_position was = *p;
    struct rl_fifo_undo undo;

    if (!bust(f, p, side, was_px_nano, was_qty, &undo))
        return false;
    if (rl_fifo_fill(f, p, side, px_nano, qty))
        return true;
    rl_fifo_undo(f, &undo);
    *p = was;
    return false;
}

bool rl_fifo_holds(const struct rl_fifo *f, const struct rl_position *p)
{
    int64_t sign = p->net < 0 ? -1 : 1;
    uint64_t held = 0;
    rl_money cost = 0;
    uint32_t n = 0, last = 0;

    for (uint32_t at = p->first_lot; at != 0; at = f->lots[at].next) {
        if (at > f->n_lots || n == f->n_lots || f->lots[at].qty == 0 ||
            __builtin_add_overflow(held, f->lots[at].qty, &held) || held > INT64_MAX)
            return false;
        cost += rl_notional(f->lots[at].px_nano, sign * (int64_t)f->lots[at].qty);
        last = at;
        n++;
    }
    return held == rl_lots_held(p->net) && cost == p->cost && n == p->n_lots && last == p->last_lot;
}
