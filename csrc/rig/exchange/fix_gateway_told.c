/*
 * Events of orders to reports.
 *
 * A hook of the venue may tell events late, twice, or behind another one. What is kept of an order,
 * and reported, is that of its newest event, not a sum of what was told. So a fill told after the
 * cancel that followed it is reported with the order as it is by then; and one that is told twice
 * is reported twice, with the ExecID that it had.
 */
#include "rig/exchange/fix_gateway_inner.h"

#define MADE_UP (1ULL << 63) /* of rl_match_event.seq: not an event of the matching engine */

struct news {
    struct rl_fix_gateway *g;
    const struct rl_fix_gateway_session *s;
    const struct rl_match_event *e;
    struct rl_fix_order *o;
    uint32_t slot;
};

static void report_of(const struct news *n, char exec_type, struct rl_fix_report *r)
{
    uint64_t seq = n->e->seq;

    rl_fix_report_of(n->g, n->s, n->o, exec_type, n->e->ts_ns, r);
    r->exec_id = seq & MADE_UP ? rl_fix_exec_id(n->g, seq & ~MADE_UP, RL_FIX_EXEC_MADE_UP)
                               : rl_fix_exec_id(n->g, seq, RL_FIX_EXEC_EVENT);
}

/* The event is newer than what is known of the order: it is so now. False: it is an older one. */
static bool catch_up(const struct news *n)
{
    const struct rl_match_event *e = n->e;
    struct rl_fix_order *o = n->o;

    if (RL_UNLIKELY(e->seq <= o->seq))
        return false;
    o->seq = e->seq;
    o->cum = e->done > o->busted ? e->done - o->busted : 0;
    o->leaves = e->leaves;
    return true;
}

/* Its ClOrdID is this one from now on. The old one's text stays where it was. */
static struct rl_fix_text rename_order(const struct news *n, uint32_t id)
{
    struct rl_fix_table *t = &n->g->table;
    uint32_t was = n->o->current;

    rl_fix_order_answered(t, n->slot, id);
    t->ids[id].state = RL_FIX_ID_CURRENT;
    t->ids[id].was_order = true;
    n->o->current = id;
    rl_fix_id_over(t, was);
    return rl_fix_id_text(n->g, was);
}

/* A trailing stop has moved, and its limit with it. */
static void trail(struct rl_fix_order *o, int64_t stop_px_nano)
{
    int64_t by, px_nano;

    if (o->type == RL_MATCH_TRAILING_STOP_LIMIT && o->stop_px_nano != RL_PX_NONE &&
        !__builtin_sub_overflow(stop_px_nano, o->stop_px_nano, &by) &&
        !__builtin_add_overflow(o->px_nano, by, &px_nano))
        o->px_nano = px_nano;
    o->stop_px_nano = stop_px_nano;
}

/* --- one kind each ---------------------------------------------------------------------------- */

static void on_accepted(const struct news *n)
{
    struct rl_fix_report r;

    if (n->o->state != RL_FIX_ORDER_ASKED)
        return;
    n->o->state = RL_FIX_ORDER_LIVE;
    catch_up(n);
    n->o->leaves = n->e->leaves;
    if (n->o->type >= RL_MATCH_TRAILING_STOP)
        trail(n->o, n->e->px_nano); /* the market is further than it was thought to be */
    report_of(n, '0', &r);
    rl_fix_say_report(n->g, n->s, &r);
}

static void on_rejected(const struct news *n)
{
    struct rl_fix_why why = rl_fix_why_of(n->e->reason);
    struct rl_fix_report r;

    if (n->o->state == RL_FIX_ORDER_ENDED)
        return;
    rl_fix_order_end(&n->g->table, n->slot, '8');
    report_of(n, '8', &r);
    r.status = '8';
    r.rejected = &why;
    r.text = why.text;
    n->g->n.rejected++;
    rl_fix_say_report(n->g, n->s, &r);
}

static bool was_told(const struct rl_fix_order *o, uint64_t match)
{
    for (uint32_t i = 0; i < RL_FIX_TOLD && i < o->n_told; i++)
        if (o->told[i] == match)
            return true;
    return false;
}

static void book(struct rl_fix_order *o, const struct rl_match_event *e)
{
    o->told_notional += (__int128)e->px_nano * e->qty;
    o->told_qty += e->qty;
    o->told[o->n_told % RL_FIX_TOLD] = e->match;
    /* Counts on from where all of them are in use. */
    o->n_told = (uint8_t)(o->n_told + 1 < 2 * RL_FIX_TOLD ? o->n_told + 1 : RL_FIX_TOLD);
}

/* A fill that is told again is told as it was, unless the order has ended since. */
static void as_it_was(const struct news *n, struct rl_fix_report *r)
{
    const struct rl_match_event *e = n->e;
    const struct rl_fix_order *o = n->o;

    r->cum = e->done > o->busted ? e->done - o->busted : 0;
    if (o->state == RL_FIX_ORDER_ENDED && o->status != '2')
        return;
    r->status = e->leaves == 0 ? '2' : '1';
    r->leaves = e->leaves;
}

static void on_fill(const struct news *n)
{
    const struct rl_match_event *e = n->e;
    struct rl_fix_order *o = n->o;
    struct rl_fix_report r;
    bool is_newest = catch_up(n), is_again = !is_newest && was_told(o, e->match);

    if (RL_LIKELY(!is_again)) {
        book(o, e);
        n->g->n.executions++;
    } else {
        n->g->n.events_again++;
    }
    if (o->state == RL_FIX_ORDER_ASKED)
        o->state = RL_FIX_ORDER_LIVE;
    if (is_newest && e->leaves == 0 && o->state == RL_FIX_ORDER_LIVE)
        rl_fix_order_end(&n->g->table, n->slot, '2');
    report_of(n, 'F', &r);
    if (RL_UNLIKELY(is_again))
        as_it_was(n, &r);
    r.exec_id = rl_fix_exec_id(n->g, e->match, RL_FIX_EXEC_FILL + e->side);
    r.last_qty = e->qty;
    r.last_px_nano = e->px_nano;
    r.liquidity = e->flags & RL_MATCH_AGGRESSOR ? '2' : '1';
    rl_fix_say_report(n->g, n->s, &r);
}

/* A replacement to no more than was executed: nothing is left, and that is what was asked for. */
static void on_replaced_away(const struct news *n, uint32_t id)
{
    struct rl_fix_text was = rename_order(n, id);
    struct rl_fix_report r;

    n->o->qty = n->o->cum;
    rl_fix_order_end(&n->g->table, n->slot, '2');
    report_of(n, '5', &r);
    r.orig = was;
    rl_fix_say_report(n->g, n->s, &r);
}

/* It is over with something left. */
static void on_end(const struct news *n, char status)
{
    struct rl_fix_table *t = &n->g->table;
    uint32_t id = RL_FIX_NONE;
    struct rl_fix_report r;

    if (!catch_up(n) || n->o->state == RL_FIX_ORDER_ENDED)
        return;
    if (n->e->reason == RL_MATCH_REASON_REQUESTED) {
        id = rl_fix_order_waiting(t, n->slot, n->e->op == RL_MATCH_MODIFY ? 'G' : 'F');
        if (id != RL_FIX_NONE && n->e->op == RL_MATCH_MODIFY) {
            on_replaced_away(n, id);
            return;
        }
    }
    if (id != RL_FIX_NONE)
        rl_fix_order_answered(t, n->slot, id);
    rl_fix_order_end(t, n->slot, status);
    report_of(n, status, &r);
    if (id != RL_FIX_NONE) {
        r.orig = r.cl_ord_id;
        r.cl_ord_id = rl_fix_id_text(n->g, id);
        rl_fix_id_over(t, id);
    } else {
        r.text = rl_match_reason_text(n->e->reason);
    }
    rl_fix_say_report(n->g, n->s, &r);
}

/* Days and dates expire; what found nothing on arrival is cancelled, as FIX has it. */
static char expired_status(unsigned reason)
{
    return reason == RL_MATCH_REASON_DAY_OVER || reason == RL_MATCH_REASON_DATE_REACHED ||
                   reason == RL_MATCH_REASON_AUCTION_OVER
               ? 'C'
               : '4';
}

static void on_reduced(const struct news *n)
{
    struct rl_fix_report r;

    if (!catch_up(n) || n->o->state == RL_FIX_ORDER_ENDED)
        return;
    n->o->qty = n->o->cum + n->o->leaves;
    report_of(n, 'D', &r);
    r.restated = '5'; /* partial decline of OrderQty */
    r.text = rl_match_reason_text(n->e->reason);
    rl_fix_say_report(n->g, n->s, &r);
}

static void on_replaced(const struct news *n)
{
    struct rl_fix_table *t = &n->g->table;
    uint32_t id = (uint32_t)(n->e->user >> 32);
    struct rl_fix_order *o = n->o;
    struct rl_fix_text was;
    struct rl_fix_report r;

    if (id >= t->n_ids || t->ids[id].state != RL_FIX_ID_PENDING || t->ids[id].type != 'G' ||
        rl_fix_order_of(t, id) != n->slot || !catch_up(n)) {
        n->g->n.events_odd++;
        return;
    }
    was = rename_order(n, id);
    o->px_nano = t->ids[id].px_nano;
    if (t->ids[id].stop_px_nano != RL_PX_NONE)
        o->stop_px_nano = t->ids[id].stop_px_nano;
    o->show_qty = t->ids[id].show_qty;
    o->is_special = o->is_special || o->show_qty;
    o->qty = o->cum + o->leaves;
    o->is_replaced = true;
    report_of(n, '5', &r);
    r.orig = was;
    if (r.status == '0' && n->s->config.version < RL_FIX_43)
        r.status = '5';
    rl_fix_say_report(n->g, n->s, &r);
}

static void on_trailed(const struct news *n)
{
    if (catch_up(n))
        trail(n->o, n->e->px_nano);
}

/* Versions before 5.0 have no word for it, but one for the limit that has moved with the stop. */
static void on_triggered(const struct news *n)
{
    bool is_old = n->s->config.version < RL_FIX_50;
    struct rl_fix_report r;

    if (!catch_up(n) || (is_old && n->o->type != RL_MATCH_TRAILING_STOP_LIMIT))
        return;
    report_of(n, is_old ? 'D' : 'L', &r);
    if (is_old)
        r.restated = '3'; /* repricing of order */
    rl_fix_say_report(n->g, n->s, &r);
}

/*
 * A trade is taken back. What it had executed does not come back to the book: a live order is that
 * much smaller, one that was filled is not, any more, and counts as cancelled.
 */
static void on_busted(const struct news *n)
{
    const struct rl_match_event *e = n->e;
    struct rl_fix_order *o = n->o;
    struct rl_fix_report r;

    o->busted += e->qty;
    o->cum = o->cum > e->qty ? o->cum - e->qty : 0;
    if (o->told_qty >= e->qty) {
        o->told_qty -= e->qty;
        o->told_notional -= (__int128)e->px_nano * e->qty;
    }
    if (o->state != RL_FIX_ORDER_ENDED)
        o->qty = o->cum + o->leaves;
    else if (o->status == '2')
        o->status = '4';
    report_of(n, 'H', &r);
    r.ref_id = rl_fix_exec_id(n->g, e->match, RL_FIX_EXEC_FILL + e->side);
    r.last_qty = e->qty;
    r.last_px_nano = e->px_nano;
    r.text = rl_match_reason_text(RL_MATCH_REASON_VENUE);
    n->g->n.busts++;
    rl_fix_say_report(n->g, n->s, &r);
}

/* --- all of them ------------------------------------------------------------------------------ */

void rl_fix_gateway_told(void *context, const struct rl_match_event *e)
{
    const struct rl_fix_gateway_session *s = context;
    struct rl_fix_gateway *g = s->gateway;
    struct news n = {.g = g, .s = s, .e = e};

    if (e->kind == RL_MATCH_EVENT_RESTED || e->kind == RL_MATCH_EVENT_REFILLED ||
        e->kind == RL_MATCH_EVENT_PHASED)
        return; /* nothing that its owner did not know */
    if (e->kind == RL_MATCH_EVENT_REFUSED) {
        rl_fix_on_refused(g, s, e);
        return;
    }
    if (e->kind == RL_MATCH_EVENT_MASS_CANCELLED) {
        rl_fix_on_mass_cancelled(g, s, e);
        return;
    }
    n.slot = rl_fix_order_at(&g->table, (uint32_t)e->user, e->id);
    if (n.slot == RL_FIX_NONE || g->table.orders[n.slot].handle != s->handle) {
        g->n.events_odd++;
        return;
    }
    n.o = &g->table.orders[n.slot];
    switch ((enum rl_match_kind)e->kind) {
    case RL_MATCH_EVENT_ACCEPTED:
        on_accepted(&n);
        return;
    case RL_MATCH_EVENT_REJECTED:
        on_rejected(&n);
        return;
    case RL_MATCH_EVENT_FILL:
        on_fill(&n);
        return;
    case RL_MATCH_EVENT_CANCELLED:
        on_end(&n, '4');
        return;
    case RL_MATCH_EVENT_EXPIRED:
        on_end(&n, expired_status(e->reason));
        return;
    case RL_MATCH_EVENT_REDUCED:
        on_reduced(&n);
        return;
    case RL_MATCH_EVENT_REPLACED:
        on_replaced(&n);
        return;
    case RL_MATCH_EVENT_TRIGGERED:
        on_triggered(&n);
        return;
    case RL_MATCH_EVENT_TRAILED:
        on_trailed(&n);
        return;
    case RL_MATCH_EVENT_BUSTED:
        on_busted(&n);
        return;
    default:
        return;
    }
}
