/* What the desks were told, as seen from outside; and whether both sides agree at the end. */
#include "rig/drill/drill_inner.h"
#include "rig/exchange/fix_gateway_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- what was told ---------------------------------------------------------------------------- */

struct told {
    uint64_t exec, sent_ns;
    uint8_t exec_type;
    bool is_venues_refusal;
    bool is_again; /* by resend */
};

static void read_told(const struct rl_fix_msg *m, struct told *t)
{
    const char *refusal = rl_match_reason_text(RL_MATCH_REASON_VENUE);
    uint64_t first_sent_ns = 0;

    *t = (struct told){0};
    for (uint32_t i = 3; i < m->n_fields; i++) {
        const struct rl_fix_field *f = &m->fields[i];

        switch (f->tag) {
        case RL_FIX_ExecID:
            (void)rl_fix_uint(m, f, &t->exec);
            break;
        case RL_FIX_ExecType:
            t->exec_type = rl_fix_char(m, f);
            break;
        case RL_FIX_SendingTime:
            (void)rl_fix_time(m, f, &t->sent_ns);
            break;
        case 122: /* OrigSendingTime: when it was sent first */
            (void)rl_fix_time(m, f, &first_sent_ns);
            break;
        case RL_FIX_Text:
            t->is_venues_refusal =
                f->len == strlen(refusal) && memcmp(rl_fix_value(m, f), refusal, f->len) == 0;
            break;
        default:
            break;
        }
    }
    t->is_again = first_sent_ns != 0;
    t->sent_ns = t->is_again ? first_sent_ns : t->sent_ns;
}

/* Where the ExecID is, or would be. */
static struct drill_due *due_of(const struct rl_drill *d, const struct drill_watch *w,
                                uint64_t exec)
{
    uint32_t at = (uint32_t)rl_mix(exec) & (d->n_dues - 1);

    while (w->dues[at].exec && w->dues[at].exec != exec)
        at = (at + 1) & (d->n_dues - 1);
    return &w->dues[at];
}

void drill_watch_event(struct rl_drill *d, const struct rl_match_event *e)
{
    uint64_t exec = e->kind == RL_MATCH_EVENT_FILL
                        ? rl_fix_exec_id(&d->gateway, e->match, RL_FIX_EXEC_FILL + e->side)
                        : rl_fix_exec_id(&d->gateway, e->seq, RL_FIX_EXEC_EVENT);

    for (uint32_t i = 0; i < d->config.n_desks; i++)
        if (d->gateway.sessions[d->seats[i].handle].member == e->owner)
            *due_of(d, &d->seats[i].watch, exec) =
                (struct drill_due){.exec = exec, .seq = e->seq, .ts_ns = e->ts_ns};
}

static void watch_fill(struct drill_seat *seat, const struct told *t, struct drill_due *due)
{
    const struct rl_mischief_config *m = &seat->drill->config.mischief;
    struct drill_watch *w = &seat->watch;
    uint64_t late_ns = t->sent_ns - due->ts_ns;

    w->n[RL_DRILL_SLOW] += m->slow_ns > 0 && late_ns >= m->slow_ns;
    if (due->was_told) {
        w->n[RL_DRILL_DUPLICATE]++;
        return;
    }
    due->was_told = true;
    if (m->late_fill_chance > 0 && late_ns >= m->late_fill_ns)
        w->n[RL_DRILL_LATE]++;
    else if (due->seq < w->last_seq)
        w->n[RL_DRILL_SWAPPED]++;
    else
        w->last_seq = due->seq;
}

/*
 * What was sent in the last step says what the venue's clock was then. A message that waited for an
 * earlier one to be sent again says less: it replaces nothing that was exact.
 */
static void watch_clock(struct rl_drill *d, const struct told *t)
{
    uint64_t then_ns = d->now_ns - d->config.step_ns;
    uint64_t skew_ns = rl_mischief_stamp(&d->mischief, then_ns) - then_ns;
    uint64_t seen_ns = t->sent_ns - then_ns;

    if (t->is_again || (seen_ns != skew_ns && d->is_skew_exact))
        return;
    d->skew_ns = skew_ns;
    d->skew_seen_ns = seen_ns;
    d->is_skew_exact = seen_ns == skew_ns;
}

void drill_watch_message(struct drill_seat *seat, const struct rl_fix_msg *m)
{
    struct drill_watch *w = &seat->watch;
    struct drill_due *due;
    struct told t;

    if (m->type != RL_FIX_TYPE1('8'))
        return;
    read_told(m, &t);
    watch_clock(seat->drill, &t);
    due = due_of(seat->drill, w, t.exec);
    w->n[RL_DRILL_BUST] += t.exec_type == 'H';
    w->n[RL_DRILL_REJECT] += t.exec_type == '8' && t.is_venues_refusal;
    if (due->exec && t.exec_type == 'F')
        watch_fill(seat, &t, due);
    else if (due->exec && due->seq > w->last_seq && strchr("045C", t.exec_type))
        w->last_seq = due->seq; /* what fills change places with: see mischief.c */
}

/* --- the rows --------------------------------------------------------------------------------- */

static void count_rows(struct rl_drill *d, struct rl_drill_result *result)
{
    const struct rl_mischief_counters *n = &d->mischief.n;
    const uint64_t injected[RL_DRILL_N_ROWS] = {
        [RL_DRILL_SLOW] = n->slow_fills,
        [RL_DRILL_LATE] = n->late_fills,
        [RL_DRILL_DUPLICATE] = n->duplicate_fills,
        [RL_DRILL_SWAPPED] = n->swapped,
        [RL_DRILL_BUST] = d->n_busted,
        [RL_DRILL_REJECT] = n->rejects,
        [RL_DRILL_HALT] = n->halts,
        [RL_DRILL_GARBAGE] = n->garbage,
        [RL_DRILL_CUT] = n->resets + n->silences,
        [RL_DRILL_SKEW] = d->skew_ns,
        [RL_DRILL_MD_LOSS] = d->n_md_lost,
    };

    for (int row = 0; row < RL_DRILL_N_ROWS; row++) {
        result->rows[row].injected = injected[row];
        for (uint32_t i = 0; i < d->config.n_desks; i++)
            result->rows[row].observed += d->seats[i].watch.n[row];
    }
    result->rows[RL_DRILL_HALT].observed = d->n_halts / d->config.n_instruments;
    result->rows[RL_DRILL_SKEW].observed = d->skew_seen_ns;
    for (uint32_t i = 0; i < d->config.n_desks; i++)
        for (uint32_t line = 0; line < RL_MD_LINES; line++)
            result->rows[RL_DRILL_MD_LOSS].observed +=
                d->n_md_sent - d->seats[i].desk.feed.lines->line[line].packets;
}

/* --- the checks ------------------------------------------------------------------------------- */

static void say(struct rl_drill_result *r, enum rl_drill_check check, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The first difference is kept. */
static void say(struct rl_drill_result *r, enum rl_drill_check check, const char *format, ...)
{
    va_list args;

    if (!r->checks[check].holds)
        return;
    r->checks[check].holds = false;
    va_start(args, format);
    vsnprintf(r->checks[check].what, sizeof r->checks[check].what, format, args);
    va_end(args);
}

/* The venue's order that a desk's ClOrdID names now; NULL: none. */
static const struct rl_fix_order *venue_order(const struct rl_drill *d, uint32_t handle,
                                              uint64_t id)
{
    const struct rl_fix_table *t = &d->gateway.table;
    char text[RL_ID_TEXT_BYTES];

    rl_id_to_text(id, text);
    for (uint32_t i = 0; i < t->n_orders; i++) {
        const struct rl_fix_order *o = &t->orders[i];

        if (o->state == RL_FIX_ORDER_LIVE && o->handle == handle &&
            t->ids[o->current].n == sizeof text &&
            memcmp(t->ids[o->current].text, text, sizeof text) == 0)
            return o;
    }
    return NULL;
}

static uint32_t count_live(const struct rl_drill *d, uint32_t handle)
{
    const struct rl_fix_table *t = &d->gateway.table;
    uint32_t n = 0;

    for (uint32_t i = 0; i < t->n_orders; i++)
        n += t->orders[i].state == RL_FIX_ORDER_LIVE && t->orders[i].handle == handle;
    return n;
}

static void check_orders(const struct rl_drill *d, const struct drill_seat *seat,
                         struct rl_drill_result *r)
{
    const struct rl_orders *o = &seat->desk.oms.orders;
    uint32_t n = 0;

    for (uint64_t s = rl_orders_next_open(o, 0); s <= o->mask; s = rl_orders_next_open(o, s + 1)) {
        const struct rl_order *ours = &o->slots[s];
        const struct rl_fix_order *theirs = venue_order(d, seat->handle, ours->id);
        struct rl_match_view view;

        n++;
        if (!theirs || !rl_match_find(d->venue.match, theirs->instrument, theirs->id, &view))
            say(r, RL_DRILL_CHECK_ORDERS, "desk %u: order %llx is open here and not at the venue",
                seat->i + 1, (unsigned long long)ours->id);
        else if (view.leaves != rl_order_leaves(ours) || view.px_nano != ours->px_nano)
            say(r, RL_DRILL_CHECK_ORDERS,
                "desk %u: order %llx: %llu open at %lld here, %llu at %lld at the venue",
                seat->i + 1, (unsigned long long)ours->id,
                (unsigned long long)rl_order_leaves(ours), (long long)ours->px_nano,
                (unsigned long long)view.leaves, (long long)view.px_nano);
    }
    if (n != count_live(d, seat->handle))
        say(r, RL_DRILL_CHECK_ORDERS, "desk %u: %u orders open here, %u at the venue", seat->i + 1,
            n, count_live(d, seat->handle));
}

/* The venue's instrument that the desk's feed has under that number. */
static uint32_t instrument_of(const struct rl_drill *d, const struct drill_seat *seat, uint32_t i)
{
    const char *symbol = rl_feed_symbol(&seat->desk.feed, i);

    return (uint32_t)rl_venue_find(&d->venue, symbol, strlen(symbol));
}

static void check_position(const struct rl_drill *d, const struct drill_seat *seat, uint32_t i,
                           struct rl_drill_result *r)
{
    const struct rl_position *ours = rl_ledger_at(&seat->desk.oms.ledger, 0, i);
    uint32_t member = d->gateway.sessions[seat->handle].member;
    uint32_t instrument = instrument_of(d, seat, i);
    const struct drill_truth *theirs = &d->truths[member * d->config.n_instruments + instrument];

    if (ours->done[RL_BUY] != theirs->done[RL_BUY] || ours->done[RL_SELL] != theirs->done[RL_SELL])
        say(r, RL_DRILL_CHECK_EXECUTIONS,
            "desk %u, %s: bought %llu and sold %llu here, %llu and %llu at the venue", seat->i + 1,
            d->venue.instruments[instrument].symbol, (unsigned long long)ours->done[RL_BUY],
            (unsigned long long)ours->done[RL_SELL], (unsigned long long)theirs->done[RL_BUY],
            (unsigned long long)theirs->done[RL_SELL]);
    if (ours->net != theirs->net || ours->cash != theirs->cash)
        say(r, RL_DRILL_CHECK_POSITIONS, "desk %u, %s: %lld held here, %lld at the venue%s",
            seat->i + 1, d->venue.instruments[instrument].symbol, (long long)ours->net,
            (long long)theirs->net, ours->cash != theirs->cash ? ", and other cash" : "");
}

static void check_book(const struct rl_drill *d, const struct drill_seat *seat, uint32_t i,
                       struct rl_drill_result *r)
{
    const struct rl_books *shown = rl_match_books(d->venue.match);
    uint32_t instrument = instrument_of(d, seat, i);
    struct rl_book_depth ours[64], theirs[64];

    for (int side = RL_BUY; side <= RL_SELL; side++) {
        uint32_t n = rl_books_depth(&seat->desk.books, i, (enum rl_side)side, ours, 64);
        uint32_t n_shown = rl_books_depth(shown, instrument, (enum rl_side)side, theirs, 64);

        for (uint32_t level = 0; level < n || level < n_shown; level++)
            if (n != n_shown || ours[level].px_nano != theirs[level].px_nano ||
                ours[level].qty != theirs[level].qty ||
                ours[level].n_orders != theirs[level].n_orders) {
                say(r, RL_DRILL_CHECK_BOOKS, "desk %u, %s: level %u of the %s differs", seat->i + 1,
                    d->venue.instruments[instrument].symbol, level + 1,
                    side == RL_BUY ? "bids" : "offers");
                return;
            }
    }
}

static void check_balance(const struct rl_drill *d, struct rl_drill_result *r)
{
    for (uint32_t i = 0; i < d->config.n_instruments; i++) {
        rl_money cash = 0;
        int64_t net = 0;

        for (uint32_t m = 0; m <= d->config.n_desks; m++) {
            net += d->truths[m * d->config.n_instruments + i].net;
            cash += d->truths[m * d->config.n_instruments + i].cash;
        }
        if (net != 0 || cash != 0)
            say(r, RL_DRILL_CHECK_BALANCE, "%s: %lld lots came from nowhere",
                d->venue.instruments[i].symbol, (long long)net);
    }
}

static void check_settled(const struct drill_seat *seat, struct rl_drill_result *r)
{
    if (!seat->is_up || seat->desk.state != RL_DESK_READY)
        say(r, RL_DRILL_CHECK_SETTLED, "desk %u is not back", seat->i + 1);
    else if (!rl_lines_is_synced(seat->desk.feed.lines))
        say(r, RL_DRILL_CHECK_SETTLED, "desk %u misses market data", seat->i + 1);
}

static void check_integrity(const struct rl_drill *d, struct rl_drill_result *r)
{
    const char *why = "";

    if (rl_match_check(d->venue.match, &why) || rl_fix_gateway_check(&d->gateway, &why))
        say(r, RL_DRILL_CHECK_INTEGRITY, "venue: %s", why);
    for (uint32_t i = 0; i < d->config.n_desks; i++) {
        if (rl_oms_verify(&d->seats[i].desk.oms, &why) ||
            rl_books_check(&d->seats[i].desk.books, &why))
            say(r, RL_DRILL_CHECK_INTEGRITY, "desk %u: %s", i + 1, why);
        if (rl_kill_is_tripped(&d->seats[i].kill, RL_SCOPE_GLOBAL, 0))
            say(r, RL_DRILL_CHECK_ARMED, "desk %u: tripped", i + 1);
    }
}

void drill_judge(struct rl_drill *d, struct rl_drill_result *result)
{
    for (int i = 0; i < RL_DRILL_N_CHECKS; i++)
        result->checks[i].holds = true;
    for (uint32_t s = 0; s < d->config.n_desks; s++) {
        const struct drill_seat *seat = &d->seats[s];

        check_settled(seat, result);
        check_orders(d, seat, result);
        for (uint32_t i = 0; i < d->config.n_instruments; i++) {
            check_position(d, seat, i, result);
            check_book(d, seat, i, result);
        }
        d->n.executions += seat->desk.oms.n.fills;
        d->n.asked += seat->desk.n.asked;
    }
    check_balance(d, result);
    check_integrity(d, result);
    count_rows(d, result);
    result->n = d->n;
    result->hash = rl_match_hash(d->venue.match);
    result->holds = true;
    for (int i = 0; i < RL_DRILL_N_CHECKS; i++)
        result->holds &= result->checks[i].holds;
    for (int i = 0; i < RL_DRILL_N_ROWS; i++)
        result->holds &= result->rows[i].injected == result->rows[i].observed;
}
