#include "trade/order/transition.h"

#define NON RL_STATE_NONE
#define NEW RL_STATE_PENDING_NEW
#define WRK RL_STATE_WORKING
#define PAR RL_STATE_PARTIAL
#define FIL RL_STATE_FILLED
#define PCX RL_STATE_PENDING_CANCEL
#define PRP RL_STATE_PENDING_REPLACE
#define CXD RL_STATE_CANCELLED
#define RPD RL_STATE_REPLACED
#define REJ RL_STATE_REJECTED
#define EXP RL_STATE_EXPIRED
#define UNK RL_STATE_UNKNOWN
#define no_ RL_NEXT_ILLEGAL
#define sta RL_NEXT_STAY
#define res RL_NEXT_REST
#define kee RL_NEXT_KEEP
#define fol RL_NEXT_FOLLOW

/*
 * What is not plain, and why:
 *
 *   A second replace is not sent while one is pending, nor one before the acknowledgement or after
 *     a cancel: two quantities are all that an order may have at once (matrix D2d: many venues
 *     refuse it anyhow). A cancel is always allowed: nothing may stand in its way.
 *   REJECT of a WORKING order: acknowledged by the gateway, refused by the market behind it.
 *   FILL in every state: what was executed is ours, whatever we believed of the order.
 *   FILL, BUST, CORRECT of a REPLACED order: what is executed counts for the whole chain, so
 *     they are booked on its living end. Other answers that name an id which is no more could
 *     end the order that works, on the word of a venue that speaks of another: illegal.
 *   ACK of an order that ended: it came after the cancel or the execution that it should precede.
 *     Of a REJECTED one it is a contradiction.
 *   BUST, CORRECT of an order that ended change what was executed, not the state. In matrix J1.a
 *     the broker works on what a bust gave back, and says so: that is BUST, then STATUS_OPEN. Then
 *     too it may end what is left (CANCELLED, EXPIRED of a FILLED order).
 *   STATUS_OPEN of an order that ended: the venue knows better, and an order that works must be
 *     reserved and be found by a mass cancel. Of a REPLACED one it contradicts the replacement.
 *   STATUS_GONE of an order that is not UNKNOWN: the question has overtaken an order that was under
 *     way; to believe it would free what may still be executed.
 *   UNKNOWN stays so whatever is caught up on (resent answers), until the order ends or the venue
 *     restates it.
 */
/* clang-format off */
const rl_transitions rl_order_next = {
/*       snd  cxl  rpl  ack  rej  fil  cxd  cxr  rpd  rpr  exp  bus  cor  dis  opn  gon */
[NON] = {NEW, no_, no_, no_, no_, no_, no_, no_, no_, no_, no_, no_, no_, no_, no_, no_},
[NEW] = {no_, PCX, no_, WRK, REJ, res, CXD, no_, no_, no_, EXP, res, res, UNK, res, no_},
[WRK] = {no_, PCX, PRP, no_, REJ, res, CXD, no_, no_, no_, EXP, res, res, UNK, sta, no_},
[PAR] = {no_, PCX, PRP, sta, no_, res, CXD, no_, no_, no_, EXP, res, res, UNK, sta, no_},
[FIL] = {no_, no_, no_, sta, no_, sta, CXD, no_, no_, no_, EXP, sta, sta, sta, res, sta},
[PCX] = {no_, PCX, no_, sta, REJ, res, CXD, res, res, res, EXP, res, res, UNK, sta, no_},
[PRP] = {no_, PCX, no_, sta, REJ, res, CXD, no_, res, res, EXP, res, res, UNK, sta, no_},
[CXD] = {no_, no_, no_, sta, no_, sta, no_, no_, no_, no_, no_, sta, sta, sta, res, sta},
[RPD] = {no_, no_, no_, no_, no_, fol, no_, no_, no_, no_, no_, fol, fol, sta, no_, sta},
[REJ] = {no_, no_, no_, no_, no_, sta, no_, no_, no_, no_, no_, sta, sta, sta, res, sta},
[EXP] = {no_, no_, no_, sta, no_, sta, no_, no_, no_, no_, no_, sta, sta, sta, res, sta},
[UNK] = {no_, kee, no_, kee, REJ, kee, CXD, kee, kee, kee, EXP, kee, kee, kee, res, CXD},
};
/* clang-format on */

const char *rl_order_state_name(unsigned state)
{
    static const char *const names[] = {
#define STATE_NAME(name, number, terminal, text) [number] = (text),
        RL_ORDER_STATES(STATE_NAME)
#undef STATE_NAME
    };

    return state < RL_COUNT(names) ? names[state] : "?";
}

const char *rl_order_event_name(unsigned kind)
{
    static const char *const names[] = {
#define EVENT_NAME(name, number, text) [number] = (text),
        RL_ORDER_EVENTS(EVENT_NAME)
#undef EVENT_NAME
    };

    return kind < RL_COUNT(names) ? names[kind] : "?";
}
