/* What enter and replace may say, and what their options wish. */
#include "rig/exchange/ouch_gateway_inner.h"

/* The dearest limit: 199,999.99. What is above says "market", or nothing. */
#define PX_MAX_NANO (19999999LL * RL_NANO_PER_UNIT / 100)

/* --- firms ------------------------------------------------------------------------------------ */

/* The number of a firm of the member; spaces are the default one; -1: somebody else. */
int rl_ouch_firm_of(const struct rl_ouch_member *m, const uint8_t *firm)
{
    if (rl_alpha_len(firm, RL_OUCH_FIRM) == 0)
        return 0;
    for (uint32_t i = 0; i < m->n_firms; i++)
        if (memcmp(m->firms[i], firm, RL_OUCH_FIRM) == 0)
            return (int)i;
    return -1;
}

/* --- options ---------------------------------------------------------------------------------- */

static uint16_t read_wish(const struct rl_ouch_member *m, const struct rl_ouch_option *option,
                          struct rl_ouch_wishes *w)
{
    uint64_t value = 0;
    int firm;

    (void)rl_ouch_option_uint(option, &value);
    switch (option->tag) {
    case RL_OUCH_OPTION_firm:
        firm = rl_ouch_firm_of(m, option->value);
        w->firm = (uint8_t)firm;
        return firm < 0 ? RL_OUCH_REJECT_FIRM_NOT_AUTHORIZED : RL_OUCH_ACCEPTABLE;
    case RL_OUCH_OPTION_min_qty:
        w->min_qty = (uint32_t)value;
        return RL_OUCH_ACCEPTABLE;
    case RL_OUCH_OPTION_max_floor:
        w->max_floor = (uint32_t)value;
        return RL_OUCH_ACCEPTABLE;
    case RL_OUCH_OPTION_price_type:
        if (value == 'L')
            return RL_OUCH_ACCEPTABLE;
        return rl_ouch_is_one_of((uint8_t)value, "PMRQm") ? RL_OUCH_REJECT_PEGGING_NOT_ALLOWED
                                                          : RL_OUCH_REJECT_INVALID_PEG_TYPE;
    case RL_OUCH_OPTION_peg_offset:
    case RL_OUCH_OPTION_discretion_peg_offset:
        return rl_be32(option->value) != 0 ? RL_OUCH_REJECT_PEGGING_NOT_ALLOWED
                                           : RL_OUCH_ACCEPTABLE;
    case RL_OUCH_OPTION_discretion_price:
        return rl_be64(option->value) != 0 ? RL_OUCH_REJECT_PEGGING_NOT_ALLOWED
                                           : RL_OUCH_ACCEPTABLE;
    case RL_OUCH_OPTION_post_only:
        w->is_post_only = value == 'P';
        return rl_ouch_is_one_of((uint8_t)value, "PN ") ? RL_OUCH_ACCEPTABLE : RL_OUCH_REJECT_OTHER;
    case RL_OUCH_OPTION_random_reserves:
        return value != 0 ? RL_OUCH_REJECT_INVALID_MAX_FLOOR : RL_OUCH_ACCEPTABLE;
    case RL_OUCH_OPTION_route:
        return rl_alpha_len(option->value, 4) > 0 ? RL_OUCH_REJECT_ROUTING_NOT_ALLOWED
                                                  : RL_OUCH_ACCEPTABLE;
    case RL_OUCH_OPTION_expire_time:
        w->expire_s = (uint32_t)value;
        w->has_expiry = true;
        return value < 86400 ? RL_OUCH_ACCEPTABLE : RL_OUCH_REJECT_OTHER;
    case RL_OUCH_OPTION_group_id:
        w->group = (uint16_t)value;
        w->has_group = true;
        return RL_OUCH_ACCEPTABLE;
    case RL_OUCH_OPTION_side:
        w->side = (uint8_t)value;
        return rl_ouch_is_one_of(w->side, "BSTE") ? RL_OUCH_ACCEPTABLE
                                                  : RL_OUCH_REJECT_INVALID_SIDE;
    case RL_OUCH_OPTION_aiq_strategy:
        w->aiq = (uint8_t)value;
        return rl_ouch_is_one_of(w->aiq, "*NYDOW") ? RL_OUCH_ACCEPTABLE
                                                   : RL_OUCH_REJECT_INVALID_AIQ;
    default: /* who the customer is, how shares were located ...: nothing is done about it here */
        return RL_OUCH_ACCEPTABLE;
    }
}

uint16_t rl_ouch_read_wishes(const struct rl_ouch_member *m, const struct rl_ouch_in *in,
                             struct rl_ouch_wishes *w)
{
    struct rl_ouch_option option;
    uint32_t at = 0;

    *w = (struct rl_ouch_wishes){.aiq = '*'};
    if (in->options.n_bytes > RL_OUCH_GATEWAY_OPTIONS)
        return RL_OUCH_REJECT_PROCESSING_ERROR;
    while (rl_ouch_next_option(&in->options, &at, &option)) {
        uint16_t code = read_wish(m, &option, w);

        if (code != RL_OUCH_ACCEPTABLE)
            return code;
    }
    return RL_OUCH_ACCEPTABLE;
}

/* Firms, customers, brokers: all letters of AIQ that this venue knows. */
uint8_t rl_ouch_stp_of(uint8_t aiq, uint8_t usual)
{
    switch (aiq) {
    case 'N':
        return RL_MATCH_STP_NONE;
    case 'Y':
    case 'D':
        return RL_MATCH_STP_DECREMENT;
    case 'O':
        return RL_MATCH_STP_OLDEST;
    case 'W':
        return RL_MATCH_STP_NEWEST;
    default:
        return usual;
    }
}

uint8_t rl_ouch_aiq_of(uint8_t aiq, uint8_t usual)
{
    static const char letters[] = {[RL_MATCH_STP_NONE] = 'N',
                                   [RL_MATCH_STP_NEWEST] = 'W',
                                   [RL_MATCH_STP_OLDEST] = 'O',
                                   [RL_MATCH_STP_BOTH] = 'B',
                                   [RL_MATCH_STP_DECREMENT] = 'D'};

    return aiq == '*' ? (uint8_t)letters[usual] : aiq;
}

/* --- what an order may say -------------------------------------------------------------------- */

/* What enter and replace share. */
static uint16_t judge(const struct rl_ouch_member *m, const struct rl_ouch_in *in,
                      const struct rl_ouch_wishes *w)
{
    bool is_market = rl_ouch_is_market(in->px_nano);

    if (in->qty == 0 || in->qty > RL_OUCH_QTY_MAX)
        return RL_OUCH_REJECT_INVALID_QTY;
    if (in->qty > m->config.max_shares)
        return RL_OUCH_REJECT_TOO_MANY_SHARES;
    if (!is_market && (in->px_nano <= 0 || in->px_nano > PX_MAX_NANO))
        return RL_OUCH_REJECT_INVALID_PRICE;
    if (!is_market && m->config.max_notional_nano > 0 &&
        (unsigned __int128)in->px_nano * in->qty > m->config.max_notional_nano)
        return RL_OUCH_REJECT_TOO_MUCH_NOTIONAL;
    if (in->display == RL_OUCH_HIDDEN || !rl_ouch_is_one_of(in->display, "YA"))
        return RL_OUCH_REJECT_INVALID_DISPLAY; /* everything that rests here is shown */
    if (!rl_ouch_is_one_of(in->sweep, "YN"))
        return RL_OUCH_REJECT_SWEEP_NOT_ALLOWED;
    if (!rl_ouch_is_one_of(in->tif, "0356"))
        return in->tif == RL_OUCH_AFTER_HOURS ? RL_OUCH_REJECT_DESTINATION_CLOSED
                                              : RL_OUCH_REJECT_OTHER;
    if ((in->tif == RL_OUCH_GTT) != w->has_expiry)
        return RL_OUCH_REJECT_OTHER;
    if (w->min_qty > in->qty)
        return RL_OUCH_REJECT_INVALID_MIN_QTY;
    if (w->max_floor > in->qty || (w->max_floor > 0 && in->tif == RL_OUCH_IOC))
        return RL_OUCH_REJECT_INVALID_MAX_FLOOR;
    return RL_OUCH_ACCEPTABLE;
}

uint16_t rl_ouch_judge_enter(const struct rl_ouch_member *m, const struct rl_ouch_in *in,
                             const struct rl_ouch_wishes *w)
{
    uint16_t code = judge(m, in, w);

    if (!rl_ouch_is_one_of(in->side, "BSTE"))
        return RL_OUCH_REJECT_INVALID_SIDE;
    if (code != RL_OUCH_ACCEPTABLE)
        return code;
    if (m->disabled >> w->firm & 1)
        return RL_OUCH_REJECT_FIRM_NOT_AUTHORIZED;
    if (!rl_ouch_is_one_of(in->capacity, "APRO"))
        return RL_OUCH_REJECT_OTHER;
    switch (in->cross) {
    case RL_OUCH_CONTINUOUS:
    case RL_OUCH_OPENING: /* of the next auction, as are those of a halt */
    case RL_OUCH_HALT:
        return RL_OUCH_ACCEPTABLE;
    case RL_OUCH_CLOSING:
        return RL_OUCH_REJECT_NO_CLOSING_REFERENCE;
    case RL_OUCH_RETAIL:
        return RL_OUCH_REJECT_RETAIL_NOT_ALLOWED;
    default:
        return RL_OUCH_REJECT_INVALID_CROSS;
    }
}

/* A replacement has the price and the quantity to itself; what else it may say is what stands. */
uint16_t rl_ouch_judge_replace(const struct rl_ouch_member *m, const struct rl_ouch_order *old,
                               const struct rl_ouch_in *in, const struct rl_ouch_wishes *w)
{
    uint16_t code = judge(m, in, w);

    if (code != RL_OUCH_ACCEPTABLE)
        return code;
    if (rl_ouch_is_market(in->px_nano))
        return RL_OUCH_REJECT_INVALID_PRICE;
    if (w->min_qty > 0)
        return RL_OUCH_REJECT_INVALID_MIN_QTY;
    if (m->disabled >> old->firm & 1 || in->tif != old->tif || w->expire_s != old->expire_s ||
        w->is_post_only != old->is_post_only || (w->aiq != '*' && w->aiq != old->aiq) ||
        (w->side != 0 && rl_ouch_side(w->side) != rl_ouch_side(old->side)))
        return RL_OUCH_REJECT_REPLACE_NOT_ALLOWED;
    return RL_OUCH_ACCEPTABLE;
}
