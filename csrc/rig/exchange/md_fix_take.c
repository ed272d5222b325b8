/* Requests for market data: read as a whole, judged, and answered. */
#include "rig/exchange/md_fix_inner.h"
#include "session/fix_session.h"

#define SYMBOLS_PER_LIST 100

struct request {
    const struct rl_fix_field *id;
    char kind; /* 263 */
    struct rl_md_fix_wish wish;
    uint32_t n_symbols;
    uint32_t instruments[RL_MD_FIX_SYMBOLS];
    /* The first thing that is wrong: 281, and a word about it. */
    char reason; /* 0: nothing; '-': there is no reason that would fit */
    const char *text;
};

/* --- refusals --------------------------------------------------------------------------------- */

static enum rl_md_fix_result refuse(struct rl_md_fix *md, struct rl_md_fix_refusal *why,
                                    uint32_t reason, uint32_t tag)
{
    md->n.refused++;
    *why = (struct rl_md_fix_refusal){.reason = RL_FIX_REFUSE_FIELD + reason, .tag = tag};
    return RL_MD_FIX_REFUSED;
}

static void complain(struct request *r, char reason, const char *text)
{
    if (r->reason == 0) {
        r->reason = reason;
        r->text = text;
    }
}

static void reject(struct rl_md_fix *md, uint32_t handle, const struct rl_fix_msg *m,
                   const struct request *r)
{
    struct rl_fix_enc *e = rl_md_fix_body(md);

    rl_fix_put(e, TAG_MDReqID, rl_fix_value(m, r->id), r->id->len);
    if (r->reason != '-')
        rl_fix_put_char(e, TAG_MDReqRejReason, r->reason);
    rl_fix_put_text(e, RL_FIX_Text, r->text);
    md->n.rejects++;
    rl_md_fix_post(md, handle, "Y");
}

/* --- fields ----------------------------------------------------------------------------------- */

static char char_of(const struct rl_fix_msg *m, uint32_t tag)
{
    const struct rl_fix_field *f = rl_fix_find(m, tag, 3);

    return f && f->len == 1 ? (char)*rl_fix_value(m, f) : 0;
}

/* Fields of `tag` from `count` (its group's) on; false when there are not as many as promised. */
static bool count_is_true(const struct rl_fix_msg *m, const struct rl_fix_field *count,
                          uint32_t tag)
{
    uint64_t promised;
    uint32_t n = 0;

    for (uint32_t i = (uint32_t)(count - m->fields); i < m->n_fields; i++)
        n += m->fields[i].tag == tag;
    return rl_fix_uint(m, count, &promised) && promised == n;
}

/* The instrument of the name in the field; RL_INSTRUMENT_ALL: there is none. */
static uint32_t find(const struct rl_md_fix *md, const struct rl_fix_msg *m,
                     const struct rl_fix_field *symbol)
{
    int i = rl_venue_find(md->config.venue, (const char *)rl_fix_value(m, symbol), symbol->len);

    return i < 0 || (uint32_t)i >= md->config.n_instruments ? RL_INSTRUMENT_ALL : (uint32_t)i;
}

/* --- V: market data --------------------------------------------------------------------------- */

static void read_types(const struct rl_fix_msg *m, uint32_t from, struct request *r)
{
    const struct rl_fix_field *f = rl_fix_find(m, RL_FIX_MDEntryType, from);

    for (; f; f = rl_fix_find(m, RL_FIX_MDEntryType, (uint32_t)(f - m->fields) + 1)) {
        uint8_t type = rl_fix_char(m, f);

        if (type < '0' || type > '2')
            complain(r, '8', "only bids, offers and trades (MDEntryType 0, 1, 2)");
        else
            r->wish.types |= (uint8_t)(1u << (type - '0'));
    }
}

static void read_symbols(const struct rl_md_fix *md, const struct rl_fix_msg *m, uint32_t from,
                         struct request *r)
{
    const struct rl_fix_field *f = rl_fix_find(m, RL_FIX_Symbol, from);

    for (; f; f = rl_fix_find(m, RL_FIX_Symbol, (uint32_t)(f - m->fields) + 1)) {
        uint32_t instrument = find(md, m, f);

        if (instrument == RL_INSTRUMENT_ALL) {
            complain(r, '0', "unknown symbol");
        } else if (r->n_symbols == RL_MD_FIX_SYMBOLS) {
            complain(r, '2', "too many symbols in one request");
        } else {
            for (uint32_t i = 0; i < r->n_symbols; i++)
                if (r->instruments[i] == instrument)
                    complain(r, '-', "the same symbol twice");
            r->instruments[r->n_symbols++] = instrument;
        }
    }
}

static void judge(struct rl_md_fix *md, uint32_t handle, const struct rl_fix_msg *m,
                  struct request *r)
{
    const struct rl_fix_field *depth = rl_fix_find(m, TAG_MarketDepth, 3);
    const struct rl_fix_field *update = rl_fix_find(m, TAG_MDUpdateType, 3);
    const struct rl_fix_field *aggregated = rl_fix_find(m, TAG_AggregatedBook, 3);
    uint64_t n;

    if (rl_md_fix_named(md, handle, RL_MD_FIX_PRICES, r->wish.id, r->wish.n_id))
        complain(r, '1', "this MDReqID is in use");
    if (r->kind != '0' && r->kind != '1')
        complain(r, '4', "SubscriptionRequestType is 0, 1 or 2");
    if (!rl_fix_uint(m, depth, &n))
        complain(r, '5', "MarketDepth is 0 (all levels) or their number");
    else
        r->wish.depth = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
    r->wish.is_full = char_of(m, TAG_MDUpdateType) == '0';
    if (update && !r->wish.is_full && char_of(m, TAG_MDUpdateType) != '1')
        complain(r, '6', "MDUpdateType is 0 or 1");
    if (aggregated && char_of(m, TAG_AggregatedBook) != 'Y')
        complain(r, '7', "books are aggregated by price");
}

static void subscribe(struct rl_md_fix *md, const struct request *r)
{
    /* What has happened so far belongs to the others: what they know then is what our W says. */
    rl_md_fix_trades(md);
    for (uint32_t i = 0; i < r->n_symbols; i++) {
        struct rl_md_fix_subscription *s;

        rl_md_fix_update(md, r->instruments[i]);
        s = rl_md_fix_add(md, &r->wish, r->instruments[i]);
        rl_md_fix_snapshot(md, s);
        if (r->kind == '0')
            rl_md_fix_remove(md, s);
    }
}

static bool has_room(const struct rl_md_fix *md, uint32_t handle, const struct request *r)
{
    uint32_t n = r->kind == '0' ? 1 : r->n_symbols, free = md->free, n_free = 0;

    for (; free && n_free < n; n_free++)
        free = md->subscriptions[free - 1].next_of_session;
    return n_free == n && md->config.n_per_session - md->sessions[handle].n_subscriptions >= n;
}

static void unsubscribe(struct rl_md_fix *md, uint32_t handle, const struct rl_fix_msg *m,
                        struct request *r)
{
    struct rl_md_fix_subscription *s =
        rl_md_fix_named(md, handle, RL_MD_FIX_PRICES, r->wish.id, r->wish.n_id);

    if (!s) {
        complain(r, '-', "no subscription has this MDReqID");
        reject(md, handle, m, r);
    }
    for (; s; s = rl_md_fix_named(md, handle, RL_MD_FIX_PRICES, r->wish.id, r->wish.n_id))
        rl_md_fix_remove(md, s);
}

/* Required fields; 0, or the tag of one that is missing or holds nothing of use. */
static uint32_t missing(const struct rl_fix_msg *m, const uint32_t *tags, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!rl_fix_find(m, tags[i], 3))
            return tags[i];
    return 0;
}

static enum rl_md_fix_result market_data(struct rl_md_fix *md, uint32_t handle,
                                         const struct rl_fix_msg *m, struct rl_md_fix_refusal *why)
{
    static const uint32_t required[] = {TAG_MDReqID, TAG_SubscriptionRequestType, TAG_MarketDepth,
                                        TAG_NoMDEntryTypes, TAG_NoRelatedSym};
    const struct rl_fix_field *types, *symbols;
    struct request r = {.kind = char_of(m, TAG_SubscriptionRequestType)};
    /* To end a subscription its name is enough. */
    uint32_t tag = missing(m, required, r.kind == '2' ? 1 : sizeof required / sizeof *required);

    if (tag)
        return refuse(md, why, RL_FIX_REQUIRED_MISSING, tag);
    r.id = rl_fix_find(m, TAG_MDReqID, 3);
    if (r.id->len > RL_MD_FIX_ID)
        return refuse(md, why, RL_FIX_WRONG_VALUE, TAG_MDReqID);
    r.wish = (struct rl_md_fix_wish){
        .kind = RL_MD_FIX_PRICES, .handle = handle, .id = rl_fix_value(m, r.id), .n_id = r.id->len};
    if (r.kind == '2') {
        unsubscribe(md, handle, m, &r);
        return RL_MD_FIX_TAKEN;
    }
    types = rl_fix_find(m, TAG_NoMDEntryTypes, 3);
    symbols = rl_fix_find(m, TAG_NoRelatedSym, 3);
    if (!count_is_true(m, types, RL_FIX_MDEntryType))
        return refuse(md, why, RL_FIX_GROUP_COUNT, TAG_NoMDEntryTypes);
    if (!count_is_true(m, symbols, RL_FIX_Symbol))
        return refuse(md, why, RL_FIX_GROUP_COUNT, TAG_NoRelatedSym);
    judge(md, handle, m, &r);
    read_types(m, (uint32_t)(types - m->fields), &r);
    read_symbols(md, m, (uint32_t)(symbols - m->fields), &r);
    if (r.reason == 0 && (r.wish.types == 0 || r.n_symbols == 0))
        return refuse(md, why, RL_FIX_WRONG_VALUE,
                      r.n_symbols ? TAG_NoMDEntryTypes : TAG_NoRelatedSym);
    if (r.reason == 0 && !has_room(md, handle, &r))
        complain(&r, '2', "too many subscriptions");
    if (r.reason)
        reject(md, handle, m, &r);
    else
        subscribe(md, &r);
    return RL_MD_FIX_TAKEN;
}

/* --- x: the list of symbols ------------------------------------------------------------------- */

/* `from` and `n` of the `total` symbols; LastFragment is there from 4.4 on. */
static void list(struct rl_md_fix *md, uint32_t handle, const struct rl_fix_msg *m,
                 const struct rl_fix_field *id, char result, uint32_t from, uint32_t n,
                 uint32_t total)
{
    struct rl_fix_enc *e = rl_md_fix_body(md);

    rl_fix_put(e, TAG_SecurityReqID, rl_fix_value(m, id), id->len);
    rl_fix_put_uint(e, TAG_SecurityResponseID, ++md->n.lists);
    rl_fix_put_char(e, TAG_SecurityRequestResult, result);
    rl_fix_put_uint(e, TAG_TotNoRelatedSym, total);
    if (md->sessions[handle].version >= RL_MD_FIX_44)
        rl_fix_put_char(e, TAG_LastFragment, n == total || from + n == total ? 'Y' : 'N');
    if (n > 0)
        rl_fix_put_uint(e, TAG_NoRelatedSym, n);
    for (uint32_t i = 0; i < n; i++)
        rl_md_fix_put_symbol(md, e, from + i);
    rl_md_fix_post(md, handle, "y");
}

static enum rl_md_fix_result security_list(struct rl_md_fix *md, uint32_t handle,
                                           const struct rl_fix_msg *m,
                                           struct rl_md_fix_refusal *why)
{
    static const uint32_t required[] = {TAG_SecurityReqID, TAG_SecurityListRequestType};
    const struct rl_fix_field *id, *symbol = rl_fix_find(m, RL_FIX_Symbol, 3);
    uint32_t tag = missing(m, required, 2), total = md->config.venue->n_instruments, instrument;
    char type = char_of(m, TAG_SecurityListRequestType);

    if (tag)
        return refuse(md, why, RL_FIX_REQUIRED_MISSING, tag);
    id = rl_fix_find(m, TAG_SecurityReqID, 3);
    if (id->len > RL_MD_FIX_ID)
        return refuse(md, why, RL_FIX_WRONG_VALUE, TAG_SecurityReqID);
    if (type == '0' && !symbol)
        return refuse(md, why, RL_FIX_REQUIRED_MISSING, RL_FIX_Symbol);
    if (type == '0') {
        instrument = find(md, m, symbol);
        if (instrument == RL_INSTRUMENT_ALL)
            list(md, handle, m, id, '2', 0, 0, 0);
        else
            list(md, handle, m, id, '0', instrument, 1, 1);
    } else if (type != '4') {
        list(md, handle, m, id, '1', 0, 0, 0);
    } else if (total == 0) {
        list(md, handle, m, id, '2', 0, 0, 0);
    } else {
        for (uint32_t from = 0; from < total; from += SYMBOLS_PER_LIST)
            list(md, handle, m, id, '0', from,
                 total - from < SYMBOLS_PER_LIST ? total - from : SYMBOLS_PER_LIST, total);
    }
    return RL_MD_FIX_TAKEN;
}

/* --- e: the state of a symbol ----------------------------------------------------------------- */

static enum rl_md_fix_result status(struct rl_md_fix *md, uint32_t handle,
                                    const struct rl_fix_msg *m, struct rl_md_fix_refusal *why)
{
    static const uint32_t required[] = {TAG_SecurityStatusReqID, TAG_SubscriptionRequestType,
                                        RL_FIX_Symbol};
    const struct rl_fix_field *id, *symbol;
    struct rl_md_fix_subscription *s;
    struct rl_md_fix_wish wish = {.kind = RL_MD_FIX_STATUS, .handle = handle};
    uint32_t tag = missing(m, required, 3), instrument;
    char kind = char_of(m, TAG_SubscriptionRequestType);

    if (tag)
        return refuse(md, why, RL_FIX_REQUIRED_MISSING, tag);
    id = rl_fix_find(m, TAG_SecurityStatusReqID, 3);
    symbol = rl_fix_find(m, RL_FIX_Symbol, 3);
    if (id->len > RL_MD_FIX_ID || symbol->len > RL_MD_FIX_ID)
        return refuse(md, why, RL_FIX_WRONG_VALUE,
                      id->len > RL_MD_FIX_ID ? TAG_SecurityStatusReqID : RL_FIX_Symbol);
    wish.id = rl_fix_value(m, id);
    wish.n_id = id->len;
    s = rl_md_fix_named(md, handle, RL_MD_FIX_STATUS, wish.id, wish.n_id);
    if (kind < '0' || kind > '2' || (s && kind == '1'))
        return refuse(md, why, RL_FIX_WRONG_VALUE,
                      s ? TAG_SecurityStatusReqID : TAG_SubscriptionRequestType);
    if (kind == '2') {
        if (s)
            rl_md_fix_remove(md, s);
        return RL_MD_FIX_TAKEN;
    }
    instrument = find(md, m, symbol);
    rl_md_fix_status(md, handle, wish.id, wish.n_id, rl_fix_value(m, symbol), symbol->len,
                     instrument);
    if (kind == '1' && instrument != RL_INSTRUMENT_ALL)
        (void)rl_md_fix_add(md, &wish, instrument); /* no room: what it is now must do */
    return RL_MD_FIX_TAKEN;
}

/* --- messages --------------------------------------------------------------------------------- */

enum rl_md_fix_result rl_md_fix_take(struct rl_md_fix *md, uint32_t handle,
                                     const struct rl_fix_msg *m, struct rl_md_fix_refusal *why)
{
    static enum rl_md_fix_result (*const takers[128])(
        struct rl_md_fix *, uint32_t, const struct rl_fix_msg *,
        struct rl_md_fix_refusal *) = {['V'] = market_data, ['x'] = security_list, ['e'] = status};
    enum rl_md_fix_result result;

    if (handle >= md->config.n_sessions || !md->sessions[handle].is_open || m->type >= 128 ||
        !takers[m->type])
        return RL_MD_FIX_NOT_MINE;
    if (m->type == RL_FIX_TYPE1('x') && md->sessions[handle].version < RL_MD_FIX_43)
        return RL_MD_FIX_NOT_MINE; /* 4.2 has no such message */
    md->n.requests++;
    rl_md_fix_tells(md, true);
    result = takers[m->type](md, handle, m, why);
    rl_md_fix_tells(md, false);
    return result;
}
