/*
 * event - what can happen to an order: what we ask of it, and what the venue says of it.
 *
 * Every event is legal or illegal in every state (transition.h); none is trusted to come in order.
 */
#ifndef RL_TRADE_ORDER_EVENT_H
#define RL_TRADE_ORDER_EVENT_H

#include "base/money.h"

/* Numbers are stored in audit files: append, never renumber. X(NAME, number, text) */
#define RL_ORDER_EVENTS(X)                                       \
    X(SEND, 0, "sent")                                           \
    X(CANCEL_SENT, 1, "cancel sent")                             \
    X(REPLACE_SENT, 2, "replace sent")                           \
    X(ACK, 3, "acknowledged")                                    \
    X(REJECT, 4, "rejected")                                     \
    X(FILL, 5, "execution")                                      \
    X(CANCELLED, 6, "cancelled, asked for or not")               \
    X(CANCEL_REJECT, 7, "cancel refused")                        \
    X(REPLACED, 8, "replaced")                                   \
    X(REPLACE_REJECT, 9, "replace refused")                      \
    X(EXPIRED, 10, "expired")                                    \
    X(BUST, 11, "execution taken back")                          \
    X(CORRECT, 12, "execution corrected")                        \
    X(DISCONNECT, 13, "session lost")                            \
    X(STATUS_OPEN, 14, "reconciled: still working at the venue") \
    X(STATUS_GONE, 15, "reconciled: not known at the venue")

enum rl_order_event_kind {
#define RL_EVENT_ENUM(name, number, text) RL_EVENT_##name = (number),
    RL_ORDER_EVENTS(RL_EVENT_ENUM)
#undef RL_EVENT_ENUM
        RL_N_ORDER_EVENTS = 16
};

/* Numbers are stored in audit files: append, never renumber. X(NAME, number, is terminal, text) */
#define RL_ORDER_STATES(X)                         \
    X(NONE, 0, 1, "no order")                      \
    X(PENDING_NEW, 1, 0, "sent, not acknowledged") \
    X(WORKING, 2, 0, "acknowledged")               \
    X(PARTIAL, 3, 0, "partly filled")              \
    X(FILLED, 4, 1, "filled")                      \
    X(PENDING_CANCEL, 5, 0, "cancel sent")         \
    X(PENDING_REPLACE, 6, 0, "replace sent")       \
    X(CANCELLED, 7, 1, "cancelled")                \
    X(REPLACED, 8, 1, "replaced by another id")    \
    X(REJECTED, 9, 1, "rejected")                  \
    X(EXPIRED, 10, 1, "expired")                   \
    X(UNKNOWN, 11, 0, "unknown since the session was lost")

enum rl_order_state {
#define RL_STATE_ENUM(name, number, terminal, text) RL_STATE_##name = (number),
    RL_ORDER_STATES(RL_STATE_ENUM)
#undef RL_STATE_ENUM
        RL_N_ORDER_STATES = 12
};

/* An event as the session decoded it. */
struct rl_order_event {
    uint64_t id;       /* ClOrdID that it names */
    uint64_t orig_id;  /* answers to cancel and replace: OrigClOrdID; RL_ID_NONE when absent */
    uint64_t exec;     /* ExecID, unique within the session; 0: none */
    uint64_t ref_exec; /* BUST, CORRECT: the execution that is meant */
    uint64_t qty;      /* FILL, CORRECT: lots executed; REPLACED: new total quantity, 0: as asked;
                          BUST: what an order that lives comes to now, 0: as before */
    int64_t px_nano;   /* FILL, CORRECT: price of it; REPLACED: new price, RL_PX_NONE: as asked */
    uint8_t kind;      /* enum rl_order_event_kind */
};

/* What came of an event; several may hold. Bits are stored in audit files. X(NAME, bit, text) */
#define RL_ORDER_FLAGS(X)                                                                     \
    X(ILLEGAL, 0, "not legal in this state: nothing changed")                                 \
    X(UNKNOWN_ORDER, 1, "of an order we do not know: nothing changed")                        \
    X(DUPLICATE, 2, "execution booked before: nothing changed")                               \
    X(LATE, 3, "execution of an order that had ended: booked")                                \
    X(OVERFILL, 4, "execution of more than was open: booked")                                 \
    X(EARLY, 5, "execution before the acknowledgement: booked")                               \
    X(UNSOLICITED, 6, "cancelled without being asked")                                        \
    X(UNKNOWN_EXEC, 7, "takes back or corrects an execution we do not know: nothing changed") \
    X(CLOSED, 8, "the order ended with this event")                                           \
    X(CONFLICT, 9, "the same execution with another quantity or price: nothing changed")      \
    X(REOPENED, 10, "an order that had ended works again: the venue says so")

enum rl_order_flag {
#define RL_FLAG_ENUM(name, bit, text) RL_ORDER_##name = 1 << (bit),
    RL_ORDER_FLAGS(RL_FLAG_ENUM)
#undef RL_FLAG_ENUM
};
#define RL_N_ORDER_FLAGS 11

#endif
