/* OUCH messages, as requests to the venue. */
#include "rig/exchange/ouch_gateway_inner.h"

static const char nowhere[RL_OUCH_CL_ORD_ID + 1] = "              ";

/* --- enter ------------------------------------------------------------------------------------ */

static void keep_options(struct rl_ouch_gateway *g, struct rl_ouch_order *o,
                         const struct rl_ouch_in *in)
{
    o->n_options = (uint8_t)in->options.n_bytes;
    if (o->n_options > 0)
        memcpy(g->options[o - g->orders], in->options.bytes, o->n_options);
}

static uint8_t tif_of(const struct rl_ouch_in *in)
{
    if (in->cross != RL_OUCH_CONTINUOUS)
        return RL_MATCH_AT_OPEN;
    if (in->tif == RL_OUCH_IOC)
        return RL_MATCH_IOC;
    return in->tif == RL_OUCH_GTT ? RL_MATCH_GTD : RL_MATCH_DAY;
}

/* UTC of a second of the venue's day. */
static uint64_t expiry_of(const struct rl_ouch_gateway *g, uint32_t second)
{
    uint64_t local_ns = g->now_ns + (uint64_t)g->utc_offset_ns;

    return g->now_ns - local_ns % RL_OUCH_DAY_NS + second * 1000000000ULL;
}

static void ask_new(struct rl_ouch_gateway *g, struct rl_ouch_order *o, const struct rl_ouch_in *in,
                    const struct rl_ouch_wishes *w)
{
    struct rl_ouch_member *m = &g->members[o->member];
    struct rl_match_request r = {.op = RL_MATCH_NEW,
                                 .id = o->id,
                                 .user = rl_ouch_user(g, o),
                                 .px_nano = o->px_nano,
                                 .slippage_nano = -1,
                                 .qty = o->total,
                                 .show_qty = w->max_floor,
                                 .min_qty = w->min_qty,
                                 .expire_ns = w->has_expiry ? expiry_of(g, w->expire_s) : 0,
                                 .instrument = o->instrument,
                                 .owner = o->member,
                                 .side = (uint8_t)rl_ouch_side(o->side),
                                 .type = rl_ouch_is_market(o->px_nano) ? RL_MATCH_MARKET
                                                                       : RL_MATCH_LIMIT,
                                 .tif = tif_of(in),
                                 .stp = rl_ouch_stp_of(w->aiq, m->config.stp),
                                 .flags = w->is_post_only ? RL_MATCH_POST_ONLY : 0};

    if (RL_UNLIKELY(w->has_expiry && r.expire_ns <= g->now_ns)) {
        rl_ouch_reject(g, o->member, o->ref, RL_OUCH_REJECT_OTHER, o->cl_ord_id);
        rl_ouch_release(g, o);
    } else if (RL_UNLIKELY(!rl_venue_ask(g->venue, &r, g->now_ns))) {
        rl_ouch_reject(g, o->member, o->ref, RL_OUCH_REJECT_OTHER, o->cl_ord_id);
        rl_ouch_release(g, o);
    }
}

static void enter(struct rl_ouch_gateway *g, uint32_t member, const struct rl_ouch_in *in)
{
    struct rl_ouch_member *m = &g->members[member];
    struct rl_ouch_wishes w;
    uint16_t code = rl_ouch_read_wishes(m, in, &w);
    int instrument = rl_venue_find(g->venue, (const char *)in->symbol, RL_OUCH_SYMBOL);
    struct rl_ouch_order *o = NULL;

    if (code == RL_OUCH_ACCEPTABLE)
        code = rl_ouch_judge_enter(m, in, &w);
    if (code == RL_OUCH_ACCEPTABLE && instrument < 0)
        code = RL_OUCH_REJECT_INVALID_SYMBOL;
    if (code == RL_OUCH_ACCEPTABLE) {
        o = rl_ouch_take(g, member, in->ref);
        code = o ? RL_OUCH_ACCEPTABLE : RL_OUCH_REJECT_OTHER;
        g->n.full += !o;
    }
    if (RL_UNLIKELY(!o)) {
        rl_ouch_reject(g, member, in->ref, code, in->cl_ord_id);
        return;
    }
    o->id = rl_venue_take_id(g->venue);
    o->px_nano = in->px_nano;
    o->total = o->asked_total = in->qty;
    o->instrument = (uint32_t)instrument;
    o->expire_s = w.expire_s;
    o->floor = w.max_floor;
    o->group = w.group;
    o->state = RL_OUCH_ASKED;
    o->side = in->side;
    o->tif = in->tif;
    o->display = in->display;
    o->capacity = in->capacity;
    o->sweep = in->sweep;
    o->cross = in->cross;
    o->firm = w.firm;
    o->aiq = rl_ouch_aiq_of(w.aiq, m->config.stp);
    o->is_post_only = w.is_post_only;
    memcpy(o->cl_ord_id, in->cl_ord_id, sizeof o->cl_ord_id);
    keep_options(g, o, in);
    m->has_other_firms |= w.firm != 0;
    ask_new(g, o, in, &w);
}

/* --- replace ---------------------------------------------------------------------------------- */

static void replace(struct rl_ouch_gateway *g, uint32_t member, const struct rl_ouch_in *in)
{
    struct rl_ouch_member *m = &g->members[member];
    struct rl_ouch_order *old = rl_ouch_find(g, member, in->orig_ref), *o;
    struct rl_match_request r;
    struct rl_ouch_wishes w;
    uint16_t code = rl_ouch_read_wishes(m, in, &w);

    if (!old) { /* its end was told */
        g->n.ignored++;
        return;
    }
    if (code == RL_OUCH_ACCEPTABLE)
        code = rl_ouch_judge_replace(m, old, in, &w);
    o = code == RL_OUCH_ACCEPTABLE ? rl_ouch_take(g, member, in->ref) : NULL;
    if (RL_UNLIKELY(!o)) {
        g->n.full += code == RL_OUCH_ACCEPTABLE;
        rl_ouch_reject(g, member, in->ref, code == RL_OUCH_ACCEPTABLE ? RL_OUCH_REJECT_OTHER : code,
                       in->cl_ord_id);
        return;
    }
    o->id = rl_venue_take_id(g->venue);
    o->px_nano = in->px_nano;
    o->total = o->asked_total = in->qty;
    o->orig = (uint32_t)(old - g->orders);
    o->orig_ref = old->ref;
    o->instrument = old->instrument;
    o->expire_s = old->expire_s;
    o->floor = w.max_floor;
    old->replaced_by = (uint32_t)(o - g->orders);
    o->group = old->group;
    o->state = RL_OUCH_REPLACING;
    o->side = w.side != 0 ? w.side : old->side;
    o->tif = in->tif;
    o->display = in->display;
    o->capacity = old->capacity;
    o->sweep = in->sweep;
    o->cross = old->cross;
    o->firm = old->firm;
    o->aiq = old->aiq;
    o->is_post_only = old->is_post_only;
    memcpy(o->cl_ord_id, in->cl_ord_id, sizeof o->cl_ord_id);
    keep_options(g, o, in);
    r = (struct rl_match_request){.op = RL_MATCH_MODIFY,
                                  .id = old->id,
                                  .new_id = o->id,
                                  .user = rl_ouch_user(g, o),
                                  .px_nano = o->px_nano,
                                  .stop_px_nano = RL_PX_NONE,
                                  .qty = in->qty,
                                  .show_qty = w.max_floor,
                                  .instrument = o->instrument,
                                  .owner = member};
    if (RL_UNLIKELY(!rl_venue_ask(g->venue, &r, g->now_ns))) {
        rl_ouch_reject(g, member, in->ref, RL_OUCH_REJECT_OTHER, in->cl_ord_id);
        rl_ouch_release(g, o);
    }
}

/* --- cancel, modify --------------------------------------------------------------------------- */

static void ask_cancel(struct rl_ouch_gateway *g, const struct rl_ouch_order *o)
{
    (void)rl_venue_ask(g->venue,
                       &(struct rl_match_request){.op = RL_MATCH_CANCEL,
                                                  .id = o->id,
                                                  .user = rl_ouch_user(g, o),
                                                  .instrument = o->instrument,
                                                  .owner = o->member},
                       g->now_ns);
}

/* Down to a total above what was executed. False: it is no reduction, or too many wait. */
static bool ask_reduce(struct rl_ouch_gateway *g, struct rl_ouch_order *o, uint32_t total,
                       bool is_modify)
{
    uint32_t by = o->asked_total - total;

    if (total >= o->asked_total || o->n_asked >= 8)
        return false;
    o->asked_bits =
        (uint8_t)((o->asked_bits & ~(1u << o->n_asked)) | (unsigned)is_modify << o->n_asked);
    o->n_asked++;
    o->asked_total = total;
    (void)rl_venue_ask(g->venue,
                       &(struct rl_match_request){.op = RL_MATCH_REDUCE,
                                                  .id = o->id,
                                                  .user = rl_ouch_user(g, o),
                                                  .qty = by,
                                                  .instrument = o->instrument,
                                                  .owner = o->member},
                       g->now_ns);
    return true;
}

static void cancel(struct rl_ouch_gateway *g, uint32_t member, const struct rl_ouch_in *in)
{
    struct rl_ouch_order *o = rl_ouch_find(g, member, in->ref);

    if (o && in->qty <= o->done)
        ask_cancel(g, o);
    else if (!o || !ask_reduce(g, o, in->qty, false))
        g->n.ignored++;
}

static void modify(struct rl_ouch_gateway *g, uint32_t member, const struct rl_ouch_in *in)
{
    struct rl_ouch_order *o = rl_ouch_find(g, member, in->ref);
    bool is_side = o && rl_ouch_is_one_of(in->side, o->side == RL_OUCH_BUY ? "B" : "STE");

    if (!is_side || in->qty <= o->done || in->qty > o->asked_total ||
        (in->qty == o->asked_total && in->side == o->side)) {
        g->n.ignored++;
        return;
    }
    o->side = in->side;
    if (in->qty == o->asked_total)
        rl_ouch_tell_modified(g, o);
    else if (!ask_reduce(g, o, in->qty, true))
        g->n.ignored++;
}

/* --- many at once ----------------------------------------------------------------------------- */

struct meant {
    uint32_t member, instrument;
    int firm;
    const struct rl_ouch_wishes *w;
};

static bool is_meant(const struct rl_ouch_order *o, const struct meant *all)
{
    return o->state != RL_OUCH_FREE && o->member == all->member && o->firm == all->firm &&
           (all->instrument == RL_INSTRUMENT_ALL || o->instrument == all->instrument) &&
           (!all->w->has_group || o->group == all->w->group) &&
           (all->w->side == 0 || rl_ouch_side(o->side) == rl_ouch_side(all->w->side));
}

static void mass_cancel(struct rl_ouch_gateway *g, uint32_t member, const struct rl_ouch_in *in)
{
    struct rl_ouch_member *m = &g->members[member];
    bool is_all = rl_alpha_len(in->symbol, RL_OUCH_SYMBOL) == 0;
    int instrument = rl_venue_find(g->venue, (const char *)in->symbol, RL_OUCH_SYMBOL);
    struct rl_ouch_wishes w;
    uint16_t code = rl_ouch_read_wishes(m, in, &w);
    struct meant all = {.member = member,
                        .instrument = is_all ? RL_INSTRUMENT_ALL : (uint32_t)instrument,
                        .firm = rl_ouch_firm_of(m, in->firm),
                        .w = &w};
    struct rl_ouch_out told = {.type = 'X', .ref = in->ref, .options = in->options};

    if (code == RL_OUCH_ACCEPTABLE && all.firm < 0)
        code = RL_OUCH_REJECT_FIRM_NOT_AUTHORIZED;
    if (code == RL_OUCH_ACCEPTABLE && !is_all && instrument < 0)
        code = RL_OUCH_REJECT_INVALID_SYMBOL;
    if (code != RL_OUCH_ACCEPTABLE) {
        rl_ouch_reject(g, member, in->ref, code, (const uint8_t *)nowhere);
        return;
    }
    memcpy(told.firm, in->firm, sizeof told.firm);
    memcpy(told.symbol, in->symbol, sizeof told.symbol);
    rl_ouch_tell(g, member, &told);
    if (w.has_group || m->has_other_firms || all.firm != 0) { /* what the venue does not know */
        for (uint32_t i = 0; i < g->n_slots; i++)
            if (is_meant(&g->orders[i], &all))
                ask_cancel(g, &g->orders[i]);
        return;
    }
    (void)rl_venue_ask(g->venue,
                       &(struct rl_match_request){.op = RL_MATCH_MASS_CANCEL,
                                                  .instrument = all.instrument,
                                                  .owner = member,
                                                  .side = w.side == 0
                                                              ? RL_MATCH_BOTH_SIDES
                                                              : (uint8_t)rl_ouch_side(w.side)},
                       g->now_ns);
}

static void set_entry(struct rl_ouch_gateway *g, uint32_t member, const struct rl_ouch_in *in)
{
    struct rl_ouch_member *m = &g->members[member];
    bool disables = in->type == 'D';
    int firm = rl_ouch_firm_of(m, in->firm);
    struct rl_ouch_out told = {.type = disables ? 'G' : 'K', .ref = in->ref};

    if (firm < 0) {
        rl_ouch_reject(g, member, in->ref, RL_OUCH_REJECT_FIRM_NOT_AUTHORIZED,
                       (const uint8_t *)nowhere);
        return;
    }
    if (disables)
        m->disabled |= 1u << firm;
    else
        m->disabled &= ~(1u << firm);
    memcpy(told.firm, in->firm, sizeof told.firm);
    rl_ouch_tell(g, member, &told);
}

/* --- messages --------------------------------------------------------------------------------- */

/* What the bytes mean we do not know, but whose they are: so whoever waits gets an answer. */
static void on_malformed(struct rl_ouch_gateway *g, uint32_t member, const uint8_t *message,
                         uint32_t n_bytes)
{
    uint32_t at = n_bytes > 0 && message[0] == 'U' ? 5 : 1;
    uint32_t ref;

    g->n.malformed++;
    if (n_bytes < at + 4 || !rl_ouch_is_one_of(message[0], "OU"))
        return;
    ref = rl_be32(message + at);
    if (ref <= g->members[member].last_ref)
        return;
    g->members[member].last_ref = ref;
    rl_ouch_reject(g, member, ref, RL_OUCH_REJECT_PROCESSING_ERROR, (const uint8_t *)nowhere);
}

/* True for a UserRefNum that was not there before, and takes note of it. */
static bool rises(struct rl_ouch_gateway *g, uint32_t member, uint32_t ref)
{
    if (RL_UNLIKELY(ref <= g->members[member].last_ref)) {
        g->n.repeated++;
        return false;
    }
    g->members[member].last_ref = ref;
    return true;
}

void rl_ouch_gateway_message(struct rl_ouch_gateway *g, uint32_t member, const uint8_t *message,
                             uint32_t n_bytes, uint64_t now_ns)
{
    struct rl_ouch_in in;

    if (RL_UNLIKELY(member >= g->n_members || !g->members[member].is_joined))
        return;
    g->n.messages++;
    g->now_ns = now_ns > g->now_ns ? now_ns : g->now_ns;
    if (RL_UNLIKELY(!rl_ouch_read_in(message, n_bytes, &in))) {
        on_malformed(g, member, message, n_bytes);
        return;
    }
    switch (in.type) {
    case 'O':
        if (rises(g, member, in.ref))
            enter(g, member, &in);
        break;
    case 'U':
        if (rises(g, member, in.ref))
            replace(g, member, &in);
        break;
    case 'X':
        cancel(g, member, &in);
        break;
    case 'M':
        modify(g, member, &in);
        break;
    case 'C':
        if (rises(g, member, in.ref))
            mass_cancel(g, member, &in);
        break;
    case 'D':
    case 'E':
        if (rises(g, member, in.ref))
            set_entry(g, member, &in);
        break;
    case 'Q':
        rl_ouch_tell(g, member,
                     &(struct rl_ouch_out){.type = 'Q', .ref = g->members[member].last_ref + 1});
        break;
    default:
        break;
    }
}
