#include "rig/exchange/fix_gateway_read.h"

#include "market/fix/value.h"
#include "session/fix_session.h"

#define N_DIRECT 1139 /* tags below are found in a table */
#define STP_TAG 8000
#define MAX_QTY 1000000000000000LL /* 10^15: sums of thousands of them fit 64 bits */
#define MAX_TRAIL_POINTS 10000     /* 0.01 % each */
#define DAY_NS 86400000000000ULL

static const struct rl_fix_why why_side = {11, 99, "Side is not served here"};
static const struct rl_fix_why why_type = {11, 99, "OrdType is not served here"};
static const struct rl_fix_why why_tif = {11, 99, "TimeInForce is not served here"};
static const struct rl_fix_why why_inst = {11, 99, "ExecInst is not served here"};
static const struct rl_fix_why why_stp = {11, 99, "tag 8000 is none of 0 N O B D"};
static const struct rl_fix_why why_no_qty = {13, 99, "no OrderQty"};
static const struct rl_fix_why why_qty = {13, 99, "OrderQty is no positive whole number that fits"};
static const struct rl_fix_why why_min_qty = {13, 99, "MinQty is no whole number up to OrderQty"};
static const struct rl_fix_why why_show_qty = {13, 99, "the shown quantity is no positive number"};
static const struct rl_fix_why why_px = {99, 99, "Price is not positive, or has over 9 decimals"};
static const struct rl_fix_why why_no_stop_px = {99, 99, "no StopPx"};
static const struct rl_fix_why why_stop_px = {99, 99,
                                              "StopPx is not positive, or has over 9 decimals"};
static const struct rl_fix_why why_offset = {99, 99, "PegOffsetValue is no distance"};
static const struct rl_fix_why why_offset_type = {11, 99, "PegOffsetType is not served here"};
static const struct rl_fix_why why_expiry = {99, 99, "no ExpireTime or ExpireDate"};

/* --- picking ---------------------------------------------------------------------------------- */

/* 1 + enum rl_fix_ask_field; 0: not read. */
static const uint8_t by_tag[N_DIRECT] = {
#define ENTRY(name, tag) [tag < N_DIRECT ? tag : 0] = RL_FIX_ASK_##name + 1,
    RL_FIX_ASK_FIELDS(ENTRY)
#undef ENTRY
};

static const uint16_t tag_of[] = {
#define ENTRY(name, tag) [RL_FIX_ASK_##name] = tag,
    RL_FIX_ASK_FIELDS(ENTRY)
#undef ENTRY
};
_Static_assert(RL_FIX_ASK_N <= 32, "a bit for each");

static bool refuse(struct rl_fix_gateway_refusal *why, uint32_t reason, uint32_t tag)
{
    *why = (struct rl_fix_gateway_refusal){.reason = reason, .tag = tag};
    return false;
}

bool rl_fix_pick(struct rl_fix_picked *p, const struct rl_fix_msg *m,
                 struct rl_fix_gateway_refusal *why)
{
    p->msg = m;
    p->has = 0;
    for (uint32_t i = 3; i < m->n_fields; i++) { /* behind BeginString, BodyLength and MsgType */
        const struct rl_fix_field *f = &m->fields[i];
        uint32_t which, bit;

        if (f->tag < N_DIRECT)
            which = by_tag[f->tag];
        else
            which = f->tag == STP_TAG ? RL_FIX_ASK_STP + 1 : 0;
        if (which == 0)
            continue;
        bit = 1u << (which - 1);
        if (RL_UNLIKELY(p->has & bit))
            return refuse(why, RL_FIX_REFUSE_FIELD + RL_FIX_TAG_TWICE, f->tag);
        p->has |= bit;
        p->fields[which - 1] = f;
    }
    return true;
}

bool rl_fix_ask_text(const struct rl_fix_picked *p, enum rl_fix_ask_field which, uint32_t n_max,
                     struct rl_fix_gateway_refusal *why)
{
    const struct rl_fix_field *f = rl_fix_picked(p, which);

    if (!f)
        return refuse(why, RL_FIX_REFUSE_MISSING, tag_of[which]);
    if (f->len == 0 || f->len > n_max)
        return refuse(why, RL_FIX_REFUSE_FIELD + RL_FIX_WRONG_VALUE, tag_of[which]);
    return true;
}

char rl_fix_ask_char(const struct rl_fix_picked *p, enum rl_fix_ask_field which,
                     struct rl_fix_gateway_refusal *why)
{
    const struct rl_fix_field *f = rl_fix_picked(p, which);
    char c = (char)rl_fix_char(p->msg, f);
    bool is_one = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

    if (is_one)
        return c;
    refuse(why,
           f ? RL_FIX_REFUSE_FIELD + (c ? RL_FIX_WRONG_VALUE : RL_FIX_BAD_FORMAT)
             : RL_FIX_REFUSE_MISSING,
           tag_of[which]);
    return 0;
}

/* --- values ----------------------------------------------------------------------------------- */

/* "100", "100.0"; false, and 0, when it is none, has a fraction, or is too large. */
static bool read_qty(const struct rl_fix_msg *m, const struct rl_fix_field *f, uint64_t *qty)
{
    bool inexact = false;
    int64_t v;

    if (RL_LIKELY(f->len <= 8) && RL_LIKELY(rl_fix_uint(m, f, qty)))
        return true;
    *qty = 0;
    if (!rl_fix_read_decimal(rl_fix_value(m, f), f->len, 0, &v, &inexact) || inexact || v < 0 ||
        v > MAX_QTY)
        return false;
    *qty = (uint64_t)v;
    return true;
}

/* Any decimal that nanos hold exactly. */
static bool read_exact(const struct rl_fix_msg *m, const struct rl_fix_field *f, int64_t *nano)
{
    bool inexact = false;

    if (RL_LIKELY(f->len <= 10)) /* at most nine decimals */
        return rl_fix_px(m, f, nano);
    return rl_fix_read_decimal(rl_fix_value(m, f), f->len, 9, nano, &inexact) && !inexact;
}

/* Positive, and below the number that stands for any price; else RL_PX_NONE. */
static bool read_px(const struct rl_fix_msg *m, const struct rl_fix_field *f, int64_t *px_nano)
{
    if (RL_LIKELY(read_exact(m, f, px_nano) && *px_nano > 0 && *px_nano < INT64_MAX))
        return true;
    *px_nano = RL_PX_NONE;
    return false;
}

uint8_t rl_fix_side_of(char side)
{
    switch (side) {
    case '1':
        return RL_BUY;
    case '2': /* sell */
    case '5': /* sell short */
    case '6': /* sell short exempt */
        return RL_SELL;
    default:
        return RL_FIX_NO_SIDE;
    }
}

/* What the venue shall do: post-only, all or none; *trails: a pegged order that does. */
static bool read_exec_inst(const struct rl_fix_picked *p, uint8_t *flags, bool *trails)
{
    const struct rl_fix_field *f = rl_fix_picked(p, RL_FIX_ASK_EXEC_INST);
    const char *s;

    if (RL_LIKELY(!f))
        return true;
    s = (const char *)rl_fix_value(p->msg, f);
    for (uint32_t i = 0; i < f->len; i++) {
        if (i % 2 == 1 ? s[i] != ' ' : s[i] == ' ')
            return false;
        switch (s[i]) {
        case ' ':
        case '1': /* not held */
        case '2': /* work */
        case '5': /* held */
            break;
        case '6': /* participate don't initiate */
            *flags |= RL_MATCH_POST_ONLY;
            break;
        case 'G':
            *flags |= RL_MATCH_ALL_OR_NONE;
            break;
        case 'a': /* trailing stop peg */
            *trails = true;
            break;
        default:
            return false;
        }
    }
    return f->len % 2 == 1;
}

static const struct rl_fix_why *read_stp(const struct rl_fix_picked *p, uint8_t *stp)
{
    const struct rl_fix_field *f = rl_fix_picked(p, RL_FIX_ASK_STP);

    if (RL_LIKELY(!f))
        return NULL;
    switch (rl_fix_char(p->msg, f)) {
    case '0':
        *stp = RL_MATCH_STP_NONE;
        return NULL;
    case 'N':
        *stp = RL_MATCH_STP_NEWEST;
        return NULL;
    case 'O':
        *stp = RL_MATCH_STP_OLDEST;
        return NULL;
    case 'B':
        *stp = RL_MATCH_STP_BOTH;
        return NULL;
    case 'D':
        *stp = RL_MATCH_STP_DECREMENT;
        return NULL;
    default:
        return &why_stp;
    }
}

static const struct rl_fix_why *read_expiry(const struct rl_fix_picked *p, uint64_t *expire_ns)
{
    const struct rl_fix_field *time = rl_fix_picked(p, RL_FIX_ASK_EXPIRE_TIME);
    const struct rl_fix_field *date = rl_fix_picked(p, RL_FIX_ASK_EXPIRE_DATE);
    uint32_t days;

    if (time)
        return rl_fix_time(p->msg, time, expire_ns) ? NULL : &why_expiry;
    if (!date || !rl_fix_read_date(rl_fix_value(p->msg, date), date->len, &days))
        return &why_expiry;
    *expire_ns = (days + 1) * DAY_NS; /* that day is the last one */
    return NULL;
}

static const struct rl_fix_why *read_tif(const struct rl_fix_picked *p, struct rl_match_request *r)
{
    const struct rl_fix_field *f = rl_fix_picked(p, RL_FIX_ASK_TIF);

    r->tif = RL_MATCH_DAY;
    if (!f)
        return NULL;
    switch (rl_fix_char(p->msg, f)) {
    case '0':
        return NULL;
    case '1':
        r->tif = RL_MATCH_GTC;
        return NULL;
    case '2':
        r->tif = RL_MATCH_AT_OPEN;
        return NULL;
    case '3':
        r->tif = RL_MATCH_IOC;
        return NULL;
    case '4':
        r->tif = RL_MATCH_FOK;
        return NULL;
    case '6':
        r->tif = RL_MATCH_GTD;
        return read_expiry(p, &r->expire_ns);
    default:
        return &why_tif;
    }
}

/* The distance of a trailing stop; its sign says where the stop is, which the side says too. */
static const struct rl_fix_why *read_trail(const struct rl_fix_picked *p,
                                           struct rl_match_request *r)
{
    const struct rl_fix_field *f = rl_fix_picked(p, RL_FIX_ASK_PEG_OFFSET);
    const struct rl_fix_field *of = rl_fix_picked(p, RL_FIX_ASK_PEG_OFFSET_TYPE);
    uint8_t type = of ? rl_fix_char(p->msg, of) : '0';
    int64_t offset;

    if (!f || !read_exact(p->msg, f, &offset) || offset == 0 || offset <= -INT64_MAX)
        return &why_offset;
    offset = offset < 0 ? -offset : offset;
    switch (type) {
    case '0': /* price */
        r->trail_nano = offset;
        return NULL;
    case '1': /* basis points */
        if (offset % RL_NANO_PER_UNIT != 0 || offset / RL_NANO_PER_UNIT > MAX_TRAIL_POINTS)
            return &why_offset;
        r->trail_nano = -(offset / RL_NANO_PER_UNIT);
        return NULL;
    default:
        return &why_offset_type;
    }
}

/* --- terms ------------------------------------------------------------------------------------ */

/* What orders and replacements have: quantities and prices, as far as they are there. */
static const struct rl_fix_why *read_numbers(const struct rl_fix_picked *p, struct rl_fix_ask *ask)
{
    struct rl_match_request *r = &ask->terms;
    const struct rl_fix_field *qty = rl_fix_picked(p, RL_FIX_ASK_QTY);
    const struct rl_fix_field *px = rl_fix_picked(p, RL_FIX_ASK_PX);
    const struct rl_fix_field *stop = rl_fix_picked(p, RL_FIX_ASK_STOP_PX);
    const struct rl_fix_field *show = rl_fix_picked(p, RL_FIX_ASK_DISPLAY_QTY);
    const struct rl_fix_why *why = NULL;

    r->px_nano = r->stop_px_nano = RL_PX_NONE;
    if (!show)
        show = rl_fix_picked(p, RL_FIX_ASK_MAX_FLOOR);
    if (!qty)
        why = &why_no_qty;
    else if (read_qty(p->msg, qty, &r->qty) && r->qty > 0)
        ask->has_qty = true;
    else
        why = &why_qty;
    if (px) {
        ask->has_px = read_px(p->msg, px, &r->px_nano);
        if (!ask->has_px)
            why = &why_px;
    }
    if (RL_UNLIKELY(stop != NULL)) {
        ask->has_stop_px = read_px(p->msg, stop, &r->stop_px_nano);
        if (!ask->has_stop_px)
            why = &why_stop_px;
    }
    if (RL_UNLIKELY(show != NULL)) {
        if (!read_qty(p->msg, show, &r->show_qty) || r->show_qty == 0)
            why = &why_show_qty;
        if (r->show_qty >= r->qty) /* all of it is shown */
            r->show_qty = 0;
    }
    return why;
}

/* OrdType, together with what makes it trail. */
static const struct rl_fix_why *read_type(const struct rl_fix_picked *p, char type, bool trails,
                                          struct rl_fix_ask *ask)
{
    struct rl_match_request *r = &ask->terms;
    const struct rl_fix_field *peg = rl_fix_picked(p, RL_FIX_ASK_PEG_PRICE_TYPE);

    trails = trails || (peg && rl_fix_char(p->msg, peg) == '8');
    r->slippage_nano = -1;
    switch (type) {
    case '1':
        r->type = RL_MATCH_MARKET;
        break;
    case '2':
        r->type = RL_MATCH_LIMIT;
        break;
    case '3':
        r->type = trails ? RL_MATCH_TRAILING_STOP : RL_MATCH_STOP;
        break;
    case '4':
        r->type = trails ? RL_MATCH_TRAILING_STOP_LIMIT : RL_MATCH_STOP_LIMIT;
        break;
    case 'P':
        if (!trails)
            return &why_type;
        r->type = ask->has_px ? RL_MATCH_TRAILING_STOP_LIMIT : RL_MATCH_TRAILING_STOP;
        break;
    default:
        return &why_type;
    }
    if (trails && r->type < RL_MATCH_TRAILING_STOP)
        return &why_inst;
    if (peg && !trails)
        return &why_type;
    if ((r->type == RL_MATCH_LIMIT || r->type == RL_MATCH_STOP_LIMIT ||
         r->type == RL_MATCH_TRAILING_STOP_LIMIT) &&
        !ask->has_px)
        return &rl_fix_why_no_px;
    if ((r->type == RL_MATCH_STOP || r->type == RL_MATCH_STOP_LIMIT ||
         r->type == RL_MATCH_TRAILING_STOP_LIMIT) &&
        !ask->has_stop_px)
        return &why_no_stop_px;
    return trails ? read_trail(p, r) : NULL;
}

const struct rl_fix_why *rl_fix_ask_order(const struct rl_fix_picked *p, char side, char type,
                                          uint8_t stp, struct rl_fix_ask *ask)
{
    struct rl_match_request *r = &ask->terms;
    const struct rl_fix_field *min = rl_fix_picked(p, RL_FIX_ASK_MIN_QTY);
    const struct rl_fix_why *why;
    bool trails = false;

    *ask = (struct rl_fix_ask){.terms = {.op = RL_MATCH_NEW, .stp = stp}};
    r->side = rl_fix_side_of(side);
    why = read_numbers(p, ask);
    if (why)
        return why;
    if (r->side == RL_FIX_NO_SIDE)
        return &why_side;
    if (!read_exec_inst(p, &r->flags, &trails))
        return &why_inst;
    if (min && (!read_qty(p->msg, min, &r->min_qty) || r->min_qty > r->qty))
        return &why_min_qty;
    why = read_type(p, type, trails, ask);
    if (!why)
        why = read_tif(p, r);
    return why ? why : read_stp(p, &r->stp);
}

const struct rl_fix_why *rl_fix_ask_replace(const struct rl_fix_picked *p, struct rl_fix_ask *ask)
{
    *ask = (struct rl_fix_ask){.terms = {.op = RL_MATCH_MODIFY}};
    return read_numbers(p, ask);
}
