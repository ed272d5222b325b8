/* Why requests are rejected, in words and in the numbers of each version. */
#include "rig/exchange/fix_gateway_read.h"

const struct rl_fix_why rl_fix_why_symbol = {1, 99, "unknown symbol"};
const struct rl_fix_why rl_fix_why_duplicate = {6, 6, "ClOrdID has been used before"};
const struct rl_fix_why rl_fix_why_full = {99, 99, "no room for another order"};
const struct rl_fix_why rl_fix_why_throttled = {99, 99, "more requests than the session may send"};
const struct rl_fix_why rl_fix_why_unknown = {5, 1, "unknown order"};
const struct rl_fix_why rl_fix_why_replaced = {5, 1, "OrigClOrdID has been replaced by another"};
const struct rl_fix_why rl_fix_why_too_late = {4, 0, "too late: the order is over"};
const struct rl_fix_why rl_fix_why_other_order = {99, 99, "Side or Symbol is not the order's"};
const struct rl_fix_why rl_fix_why_type = {11, 99, "OrdType cannot be changed"};
const struct rl_fix_why rl_fix_why_tif = {11, 99, "TimeInForce cannot be changed"};
const struct rl_fix_why rl_fix_why_no_px = {99, 99, "no Price"};
const struct rl_fix_why rl_fix_why_scope = {99, 99,
                                            "not served here: all orders, or those of a Symbol"};

struct rl_fix_why rl_fix_why_of(unsigned reason)
{
    struct rl_fix_why why = {99, 99, rl_match_reason_text(reason)};

    switch (reason) {
    case RL_MATCH_REASON_UNKNOWN_ORDER: /* it was known here: so it has just ended */
        return (struct rl_fix_why){5, 0, rl_fix_why_too_late.text};
    case RL_MATCH_REASON_DUPLICATE_ID:
        why.reject = why.cancel_reject = 6;
        break;
    case RL_MATCH_REASON_UNKNOWN_INSTRUMENT:
        why.reject = 1;
        break;
    case RL_MATCH_REASON_BAD_QUANTITY:
        why.reject = 13;
        break;
    case RL_MATCH_REASON_BAD_PRICE:
        why.reject = why.cancel_reject = 18;
        break;
    case RL_MATCH_REASON_BAD_ORDER:
        why.reject = 11;
        break;
    case RL_MATCH_REASON_NOT_OWNER:
        why.reject = 5;
        why.cancel_reject = 1;
        break;
    case RL_MATCH_REASON_HALTED:
    case RL_MATCH_REASON_CLOSED:
        why.reject = why.cancel_reject = 2;
        break;
    case RL_MATCH_REASON_VENUE:
        why.reject = 0;
        why.cancel_reject = 2;
        break;
    default:
        break;
    }
    return why;
}

/* OrdRejReason began with 0 to 4; 0 is the broker's or exchange's option. */
int rl_fix_reject_code(const struct rl_fix_why *why, enum rl_fix_version version)
{
    static const uint8_t highest[RL_FIX_N_VERSIONS] = {4, 6, 8, 12, 15, 15, 16, 16};
    unsigned code = why->reject;

    if (code <= highest[version])
        return (int)code;
    if (code == 18 && version >= RL_FIX_50) /* invalid price increment */
        return 18;
    return version >= RL_FIX_44 ? 99 : 0;
}

/* CxlRejReason began with too late and unknown order alone. */
int rl_fix_cancel_reject_code(const struct rl_fix_why *why, enum rl_fix_version version)
{
    unsigned code = why->cancel_reject;

    if (code <= 1 || (code <= 3 && version >= RL_FIX_42) || (code <= 6 && version >= RL_FIX_43))
        return (int)code;
    if (code == 18 && version >= RL_FIX_50)
        return 18;
    if (version >= RL_FIX_44)
        return 99;
    return version >= RL_FIX_42 ? 2 : -1;
}
