/*
 * transition - the order state machine: what every event does in every state, as one table.
 *
 * Sources: the order state matrices of FIX 4.4 (volume 4, appendix D) and of FIX's order state
 * changes, and what venues do besides: answers out of order, twice, too late, or of nothing.
 * transition.c has the table and the reason of each cell that is not plain.
 *
 * A cell is a state, or one of
 *   ILLEGAL  nothing changes; counted
 *   STAY     legal, the state stays: what the event says is booked
 *   REST     the state that quantities and pending requests say (rl_order_rest)
 *   KEEP     FILLED when nothing is left to execute, else the state stays
 *   FOLLOW   the event is of the order that replaced this one
 *
 * A legal cell is necessary, not sufficient. What else must hold:
 *   ACK             once an order
 *   REJECT          nothing of the order was executed: what was executed was not rejected
 *   CANCEL_REJECT, REPLACED, REPLACE_REJECT   such a request is pending
 *   STATUS_OPEN, CANCELLED, EXPIRED of an order that has ended   something is left of it
 * and an answer that refuses a request which has been overtaken (by the order's end, or by another
 * request) is legal in every state and changes nothing.
 */
#ifndef RL_TRADE_ORDER_TRANSITION_H
#define RL_TRADE_ORDER_TRANSITION_H

#include "base/defs.h"
#include "trade/order/event.h"

#define RL_NEXT_ILLEGAL 0xFF
#define RL_NEXT_STAY 0xFE
#define RL_NEXT_REST 0xFD
#define RL_NEXT_KEEP 0xFC
#define RL_NEXT_FOLLOW 0xFB

typedef uint8_t rl_transitions[RL_N_ORDER_STATES][RL_N_ORDER_EVENTS];

extern const rl_transitions rl_order_next;

#define RL_STATE_BIT(name, number, terminal, text) (terminal) << (number) |
/* Bit s: in state s an order can no longer trade. */
#define RL_TERMINAL_STATES (RL_ORDER_STATES(RL_STATE_BIT) 0)

static inline bool rl_state_is_terminal(unsigned state)
{
    return (RL_TERMINAL_STATES >> state & 1) != 0;
}

/* "acknowledged", "execution" ...; "?" for a number that is none. */
const char *rl_order_state_name(unsigned state);
const char *rl_order_event_name(unsigned kind);

#endif
