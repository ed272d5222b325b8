/* What the desk says: orders through the order manager, into the session. */
#include <errno.h>
#include <string.h>

#include "rig/desk/desk_inner.h"

/* Bodies only: the session adds header and trailer. Fields ascend by tag. */
struct body {
    struct rl_fix_enc enc;
    uint32_t start;
};

static void begin(struct rl_desk *d, struct body *b)
{
    rl_fix_begin(&b->enc, d->body, sizeof d->body, "");
    b->start = b->enc.at;
}

static void put_id(struct body *b, uint32_t tag, uint64_t id)
{
    char text[RL_ID_TEXT_BYTES];

    rl_id_to_text(id, text);
    rl_fix_put(&b->enc, tag, text, sizeof text);
}

static bool send(struct rl_desk *d, const struct body *b, const char *type, uint64_t now_ns)
{
    return !b->enc.full && rl_desk_step(d,
                                        &(struct rl_fix_event){.kind = RL_FIX_EV_SEND,
                                                               .type = type,
                                                               .bytes = d->body + b->start,
                                                               .n_bytes = b->enc.at - b->start},
                                        now_ns) == 0;
}

/* A message that the order manager has checked; false: it was not sent, and is over. */
static bool commit_and_send(struct rl_desk *d, const struct body *b, const char *type,
                            struct rl_ticket *t, uint64_t now_ns)
{
    if (b->enc.full) {
        rl_oms_drop(&d->oms, t, true);
        return false;
    }
    if (!rl_oms_commit(&d->oms, t))
        return false;
    /* From here on the order exists: what the session could not send now it sends again later. */
    if (!send(d, b, type, now_ns))
        d->n.unsent++;
    rl_oms_sent(&d->oms, t);
    return true;
}

static const char *symbol_of(const struct rl_desk *d, uint32_t instrument)
{
    return rl_feed_symbol(&d->feed, instrument);
}

int rl_desk_instrument(const struct rl_desk *d, const char *symbol)
{
    for (uint32_t i = 0; i < d->feed.n_instruments; i++)
        if (strcmp(symbol_of(d, i), symbol) == 0)
            return (int)i;
    return -ENOENT;
}

static struct rl_risk_input input_of(const struct rl_desk *d, uint32_t instrument, uint64_t now_ns)
{
    struct rl_risk_input in = {
        .bbo_tsc = instrument < d->books.n_instruments ? d->seen_ns[instrument] : 0,
        .utc_ns = now_ns,
        .ready = RL_READY_CLOCK | RL_READY_PHASE,
    };

    rl_books_bbo(&d->books, instrument, &in.bbo);
    in.ready |= d->state == RL_DESK_READY ? RL_READY_SESSION : 0u;
    in.ready |= rl_feed_is_synced(&d->feed, instrument) ? RL_READY_BOOK : 0u;
    return in;
}

static char fix_side(unsigned side)
{
    return side == RL_BUY ? '1' : '2';
}

static char fix_type(unsigned type)
{
    static const char chars[] = {
#define CHAR(name, number, fix) [number] = fix,
        RL_ORDER_TYPES(CHAR)
#undef CHAR
    };

    return chars[type];
}

static char fix_tif(unsigned tif)
{
    static const char chars[] = {
#define CHAR(name, number, fix) [number] = fix,
        RL_TIMES_IN_FORCE(CHAR)
#undef CHAR
    };

    return chars[tif];
}

/* What a new order and a replacement have in common. */
static void put_order(struct body *b, const struct rl_desk *d, const struct rl_request *r,
                      uint64_t orig_id, uint64_t now_ns)
{
    struct rl_fix_enc *e = &b->enc;

    rl_fix_put_char(e, RL_FIX_HandlInst, '1');
    rl_fix_put_uint(e, RL_FIX_OrderQty, r->qty);
    rl_fix_put_char(e, RL_FIX_OrdType, fix_type(r->type));
    if (orig_id != RL_ID_NONE)
        put_id(b, RL_FIX_OrigClOrdID, orig_id);
    if (r->type == RL_TYPE_LIMIT)
        rl_fix_put_px(e, RL_FIX_Price, r->px_nano);
    rl_fix_put_char(e, RL_FIX_Side, fix_side(r->side));
    rl_fix_put_text(e, RL_FIX_Symbol, symbol_of(d, r->scopes.instrument));
    rl_fix_put_char(e, RL_FIX_TimeInForce, fix_tif(r->time_in_force));
    rl_fix_put_time(e, RL_FIX_TransactTime, now_ns, 3);
    if (r->time_in_force == RL_TIF_GTD)
        rl_fix_put_time(e, RL_FIX_ExpireTime, r->expire_ns, 3);
}

uint64_t rl_desk_order(struct rl_desk *d, const struct rl_request *r, uint64_t now_ns)
{
    struct rl_risk_input in = input_of(d, r->scopes.instrument, now_ns);
    struct rl_ticket t;
    struct body b;

    if (rl_oms_check(&d->oms, r, &in, now_ns, &t) != RL_OMS_READY)
        return RL_ID_NONE;
    begin(d, &b);
    put_id(&b, RL_FIX_ClOrdID, t.id);
    put_order(&b, d, &t.request, RL_ID_NONE, now_ns);
    return commit_and_send(d, &b, "D", &t, now_ns) ? t.id : RL_ID_NONE;
}

uint64_t rl_desk_replace(struct rl_desk *d, uint64_t id, uint64_t qty, int64_t px_nano,
                         uint64_t now_ns)
{
    const struct rl_order *order = rl_orders_live(&d->oms.orders, id);
    struct rl_risk_input in = input_of(d, order ? order->instrument : UINT32_MAX, now_ns);
    struct rl_ticket t;
    struct body b;

    if (rl_oms_check_replace(&d->oms, id, qty, px_nano, &in, now_ns, &t) != RL_OMS_READY)
        return RL_ID_NONE;
    begin(d, &b);
    put_id(&b, RL_FIX_ClOrdID, t.id);
    put_order(&b, d, &t.request, id, now_ns);
    return commit_and_send(d, &b, "G", &t, now_ns) ? t.id : RL_ID_NONE;
}

uint64_t rl_desk_cancel(struct rl_desk *d, uint64_t id, uint64_t now_ns)
{
    struct rl_ticket t;
    struct body b;

    if (d->state != RL_DESK_READY || rl_oms_check_cancel(&d->oms, id, now_ns, &t) != RL_OMS_READY)
        return RL_ID_NONE;
    begin(d, &b);
    put_id(&b, RL_FIX_ClOrdID, t.id);
    rl_fix_put_uint(&b.enc, RL_FIX_OrderQty, t.request.qty);
    put_id(&b, RL_FIX_OrigClOrdID, id);
    rl_fix_put_char(&b.enc, RL_FIX_Side, fix_side(t.request.side));
    rl_fix_put_text(&b.enc, RL_FIX_Symbol, symbol_of(d, t.request.scopes.instrument));
    rl_fix_put_time(&b.enc, RL_FIX_TransactTime, now_ns, 3);
    return commit_and_send(d, &b, "F", &t, now_ns) ? t.id : RL_ID_NONE;
}

bool rl_desk_ask(struct rl_desk *d, uint64_t id, const struct rl_order *order, uint64_t now_ns)
{
    struct body b;

    begin(d, &b);
    put_id(&b, RL_FIX_ClOrdID, id);
    rl_fix_put_char(&b.enc, RL_FIX_Side, fix_side(order->side));
    rl_fix_put_text(&b.enc, RL_FIX_Symbol, symbol_of(d, order->instrument));
    return send(d, &b, "H", now_ns);
}
