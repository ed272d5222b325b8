/* Events of the matching engine as messages: the order's quantity before and after says it all. */
#include "rig/exchange/md_itch_inner.h"

/* The reference of an order that is in the book, but beyond what ITCH can say. */
#define UNTOLD UINT64_MAX

static bool px_is_good(int64_t px_nano)
{
    return px_nano >= 0 && px_nano % RL_ITCH_NANO_PER_TICK == 0 &&
           px_nano / RL_ITCH_NANO_PER_TICK <= UINT32_MAX;
}

/* --- instruments ------------------------------------------------------------------------------ */

uint32_t rl_md_itch_directory(struct rl_md_itch *md, uint8_t *out, uint32_t instrument)
{
    struct rl_itch_head h = rl_md_itch_head(md, instrument);
    uint32_t n = rl_itch_put_directory(out, &h, "");

    rl_md_itch_name(md, out + 11, instrument);
    return n;
}

uint32_t rl_md_itch_action(struct rl_md_itch *md, uint8_t *out, uint32_t instrument)
{
    struct rl_itch_head h = rl_md_itch_head(md, instrument);

    return rl_md_put_action(out, &h, md->names[instrument], md->phases[instrument]);
}

void rl_md_itch_list(struct rl_md_itch *md)
{
    const struct rl_venue *v = md->config.venue;

    while (md->n_listed < v->n_instruments && md->n_listed < md->config.n_instruments) {
        uint32_t i = md->n_listed++;

        memset(md->names[i], ' ', RL_ITCH_SYMBOL);
        memcpy(md->names[i], v->instruments[i].symbol,
               strnlen(v->instruments[i].symbol, RL_ITCH_SYMBOL));
        md->phases[i] = v->instruments[i].phase;
        rl_md_itch_put(md, rl_md_itch_directory(md, rl_md_itch_slot(md), i));
        rl_md_itch_put(md, rl_md_itch_action(md, rl_md_itch_slot(md), i));
    }
}

static void phase(struct rl_md_itch *md, const struct rl_match_event *e)
{
    if (md->phases[e->instrument] == e->reason)
        return;
    md->phases[e->instrument] = e->reason;
    rl_md_itch_put(md, rl_md_itch_action(md, rl_md_itch_slot(md), e->instrument));
}

/* --- trades ----------------------------------------------------------------------------------- */

static void cross_ends(struct rl_md_itch *md)
{
    struct rl_itch_head h = rl_md_itch_head(md, md->cross.instrument);

    if (!md->cross.is_open)
        return;
    md->cross.is_open = false;
    md->n.crosses++;
    rl_md_itch_put(
        md, rl_md_put_cross(rl_md_itch_slot(md), &h, md->names[md->cross.instrument], &md->cross));
}

static void cross(struct rl_md_itch *md, const struct rl_match_event *e)
{
    struct rl_md_cross *c = &md->cross;

    if (!c->is_open)
        *c = (struct rl_md_cross){
            .instrument = e->instrument, .px_nano = e->px_nano, .match = e->match, .is_open = true};
    else if (c->last == e->match)
        return; /* the other side of the same trade */
    c->last = e->match;
    c->qty += e->qty;
}

static void executed(struct rl_md_itch *md, const struct rl_md_fill *f, bool is_priced,
                     bool is_printed)
{
    struct rl_itch_head h = rl_md_itch_head(md, f->instrument);
    uint8_t *out = rl_md_itch_slot(md);

    md->n.trades += is_printed;
    rl_md_itch_put(md, is_priced ? rl_itch_put_executed_price(out, &h, f->ref, f->qty, f->match,
                                                              is_printed, f->px_nano)
                                 : rl_itch_put_executed(out, &h, f->ref, f->qty, f->match));
}

/* The other side of the fill that was kept was in no book: it traded at its own price. */
static void settle(struct rl_md_itch *md)
{
    if (md->fill.qty != 0)
        executed(md, &md->fill, false, true);
    md->fill.qty = 0;
}

/*
 * A fill of a shown order. At whose price, its partner's event says, which follows: when both were
 * in the book (crossed for a while), both messages name the price and the first is printed.
 */
static void fill(struct rl_md_itch *md, const struct rl_match_event *e, uint64_t ref)
{
    struct rl_md_fill f = {.ref = ref,
                           .match = e->match,
                           .px_nano = e->px_nano,
                           .qty = (uint32_t)(e->shown_before - e->shown),
                           .instrument = e->instrument};

    if (ref == UNTOLD)
        return;
    if (e->flags & RL_MATCH_IN_AUCTION) {
        executed(md, &f, true, false);
    } else if (md->fill.qty != 0 && md->fill.match == e->match) {
        executed(md, &md->fill, true, true);
        executed(md, &f, true, false);
        md->fill.qty = 0;
    } else {
        settle(md);
        md->fill = f;
    }
}

static void print(struct rl_md_itch *md, const struct rl_match_event *e)
{
    struct rl_itch_head h = rl_md_itch_head(md, e->instrument);
    uint8_t *out = rl_md_itch_slot(md);
    uint32_t n;

    if (e->flags & (RL_MATCH_IN_AUCTION | RL_MATCH_AGGRESSOR))
        return;
    if (!px_is_good(e->px_nano) || e->qty > UINT32_MAX) {
        md->n.odd++;
        return;
    }
    n = rl_itch_put_trade(out, &h, 0, (enum rl_side)e->side, (uint32_t)e->qty, "", e->px_nano,
                          e->match);
    rl_md_itch_name(md, out + 24, e->instrument);
    md->n.trades++;
    rl_md_itch_put(md, n);
}

static void bust(struct rl_md_itch *md, const struct rl_match_event *e)
{
    struct rl_itch_head h = rl_md_itch_head(md, e->instrument);

    if (md->busted == e->match) /* the other side was told first */
        return;
    md->busted = e->match;
    rl_md_itch_put(md, rl_md_put_broken(rl_md_itch_slot(md), &h, e->match));
}

/* --- orders ----------------------------------------------------------------------------------- */

uint32_t rl_md_itch_order(struct rl_md_itch *md, uint8_t *out, uint32_t instrument, uint64_t ref,
                          enum rl_side side, uint64_t qty, int64_t px_nano, const char *mpid)
{
    struct rl_itch_head h = rl_md_itch_head(md, instrument);
    uint32_t n;

    if (ref == UNTOLD || !px_is_good(px_nano) || qty > UINT32_MAX)
        return 0;
    n = mpid[0] ? rl_itch_put_add_mpid(out, &h, ref, side, (uint32_t)qty, "", px_nano, mpid)
                : rl_itch_put_add(out, &h, ref, side, (uint32_t)qty, "", px_nano);
    rl_md_itch_name(md, out + 24, instrument);
    return n;
}

static void remember(struct rl_md_itch *md, uint32_t instrument, uint64_t id, uint64_t ref)
{
    if (id != ref && !rl_md_refs_put(&md->refs, instrument, id, ref))
        md->n.refs_full++;
}

static void forget(struct rl_md_itch *md, uint32_t instrument, uint64_t id)
{
    if (md->refs.n > 0)
        rl_md_refs_drop(&md->refs, instrument, id);
}

static void enters(struct rl_md_itch *md, const struct rl_match_event *e)
{
    uint32_t n = rl_md_itch_order(md, rl_md_itch_slot(md), e->instrument, e->id,
                                  (enum rl_side)e->side, e->shown, e->px_nano, md->mpid);

    md->n.refills += e->kind == RL_MATCH_EVENT_REFILLED;
    if (n > 0) {
        rl_md_itch_put(md, n);
    } else {
        md->n.odd++;
        remember(md, e->instrument, e->id, UNTOLD);
    }
}

/* `id` is the name that it had until now. */
static void leaves(struct rl_md_itch *md, const struct rl_match_event *e, uint64_t id)
{
    struct rl_itch_head h = rl_md_itch_head(md, e->instrument);
    uint64_t ref = rl_md_itch_ref(md, e->instrument, id);

    if (e->kind == RL_MATCH_EVENT_FILL)
        fill(md, e, ref);
    else if (ref != UNTOLD)
        rl_md_itch_put(md, rl_itch_put_delete(rl_md_itch_slot(md), &h, ref));
    forget(md, e->instrument, id);
}

static void shrinks(struct rl_md_itch *md, const struct rl_match_event *e, uint64_t ref)
{
    struct rl_itch_head h = rl_md_itch_head(md, e->instrument);

    if (e->kind == RL_MATCH_EVENT_FILL)
        fill(md, e, ref);
    else if (ref != UNTOLD && e->shown_before > e->shown)
        rl_md_itch_put(md, rl_itch_put_cancel(rl_md_itch_slot(md), &h, ref,
                                              (uint32_t)(e->shown_before - e->shown)));
}

static void replaced(struct rl_md_itch *md, const struct rl_match_event *e)
{
    struct rl_itch_head h = rl_md_itch_head(md, e->instrument);
    uint64_t ref = rl_md_itch_ref(md, e->instrument, e->other_id);

    if (e->flags & RL_MATCH_KEPT_PLACE) {
        shrinks(md, e, ref);
        if (e->id != e->other_id) {
            forget(md, e->instrument, e->other_id);
            remember(md, e->instrument, e->id, ref);
        }
        return;
    }
    /* A reference cannot follow itself in a U: readers take it for a duplicate. */
    if (ref == UNTOLD || ref == e->id || !px_is_good(e->px_nano) || e->shown > UINT32_MAX) {
        leaves(md, e, e->other_id);
        enters(md, e);
        return;
    }
    forget(md, e->instrument, e->other_id);
    rl_md_itch_put(md, rl_itch_put_replace(rl_md_itch_slot(md), &h, ref, e->id, (uint32_t)e->shown,
                                           e->px_nano));
}

static void book(struct rl_md_itch *md, const struct rl_match_event *e)
{
    if (e->shown_before == 0)
        enters(md, e);
    else if (e->kind == RL_MATCH_EVENT_REPLACED)
        (e->shown == 0) ? leaves(md, e, e->other_id) : replaced(md, e);
    else if (e->shown == 0)
        leaves(md, e, e->id);
    else
        shrinks(md, e, rl_md_itch_ref(md, e->instrument, e->id));
}

/* --- events ----------------------------------------------------------------------------------- */

/* What belongs to one trade, or one auction, is told together. */
static void part(struct rl_md_itch *md, const struct rl_match_event *e)
{
    if (md->fill.qty != 0 && (e->kind != RL_MATCH_EVENT_FILL || e->shown_before == 0))
        settle(md);
    if (md->cross.is_open && (e->instrument != md->cross.instrument || e->op != RL_MATCH_PHASE ||
                              e->kind == RL_MATCH_EVENT_PHASED))
        cross_ends(md);
}

void rl_md_itch_settle(struct rl_md_itch *md)
{
    settle(md);
    cross_ends(md);
}

void rl_md_itch_told(void *context, const struct rl_match_event *e)
{
    struct rl_md_itch *md = context;

    md->n.events++;
    if (RL_UNLIKELY(md->is_ended))
        return;
    md->now_ns = e->ts_ns;
    if (RL_UNLIKELY(md->fill.qty != 0 || md->cross.is_open))
        part(md, e);
    if (RL_UNLIKELY(e->instrument >= md->n_listed)) {
        rl_md_itch_list(md);
        if (e->instrument >= md->n_listed) /* of all (mass cancel), or beyond our table */
            return;
    }
    switch (e->kind) {
    case RL_MATCH_EVENT_FILL:
        if (e->flags & RL_MATCH_IN_AUCTION)
            cross(md, e);
        if (e->shown_before == 0)
            print(md, e);
        break;
    case RL_MATCH_EVENT_PHASED:
        phase(md, e);
        return;
    case RL_MATCH_EVENT_BUSTED:
        bust(md, e);
        return;
    default:
        break;
    }
    if (e->shown_before != 0 || e->shown != 0)
        book(md, e);
}
