/*
 * fix_gateway_read - what a FIX message asks for: its fields picked in one pass, then judged.
 *
 * What cannot be read at all, or names nothing that could be answered, is refused: the session says
 * so. What can be answered by a report or a cancel reject gets a `why` instead.
 *
 * Threads:  any; texts point into the message.
 * Memory:   the caller's.
 * Cost:     one pass: a table look-up and a bit a field.
 */
#ifndef RL_RIG_EXCHANGE_FIX_GATEWAY_READ_H
#define RL_RIG_EXCHANGE_FIX_GATEWAY_READ_H

#include "rig/exchange/fix_gateway.h"

/* X(NAME, tag): fields that are read, at most 32 */
#define RL_FIX_ASK_FIELDS(X) \
    X(ACCOUNT, 1)            \
    X(CL_ORD_ID, 11)         \
    X(EXEC_INST, 18)         \
    X(ORDER_ID, 37)          \
    X(QTY, 38)               \
    X(TYPE, 40)              \
    X(ORIG, 41)              \
    X(PX, 44)                \
    X(SIDE, 54)              \
    X(SYMBOL, 55)            \
    X(TIF, 59)               \
    X(POSS_RESEND, 97)       \
    X(STOP_PX, 99)           \
    X(MIN_QTY, 110)          \
    X(MAX_FLOOR, 111)        \
    X(EXPIRE_TIME, 126)      \
    X(PEG_OFFSET, 211)       \
    X(EXPIRE_DATE, 432)      \
    X(MASS_CANCEL, 530)      \
    X(MASS_STATUS_ID, 584)   \
    X(MASS_STATUS, 585)      \
    X(STATUS_ID, 790)        \
    X(PEG_OFFSET_TYPE, 836)  \
    X(PEG_PRICE_TYPE, 1094)  \
    X(DISPLAY_QTY, 1138)     \
    X(STP, 8000)

enum rl_fix_ask_field {
#define RL_FIX_ENUM(name, tag) RL_FIX_ASK_##name,
    RL_FIX_ASK_FIELDS(RL_FIX_ENUM)
#undef RL_FIX_ENUM
        RL_FIX_ASK_N
};

/* The fields of a message that are read. */
struct rl_fix_picked {
    const struct rl_fix_msg *msg;
    uint32_t has; /* bits: 1 << enum rl_fix_ask_field */
    const struct rl_fix_field *fields[RL_FIX_ASK_N];
};

/* Why something is rejected. The numbers are those of the newest version. */
struct rl_fix_why {
    uint8_t reject;        /* OrdRejReason 103 */
    uint8_t cancel_reject; /* CxlRejReason 102 */
    const char *text;      /* 58 */
};

/* What a new order or a replacement asks for; texts are views. */
struct rl_fix_ask {
    struct rl_match_request terms; /* side, type, tif, prices, quantities; no ids, no instrument */
    bool has_qty, has_px, has_stop_px;
};

/* False: refused, because a field is there twice. */
bool rl_fix_pick(struct rl_fix_picked *p, const struct rl_fix_msg *m,
                 struct rl_fix_gateway_refusal *why);

static inline const struct rl_fix_field *rl_fix_picked(const struct rl_fix_picked *p,
                                                       enum rl_fix_ask_field which)
{
    return p->has & 1u << which ? p->fields[which] : NULL;
}

/* A text that must be there and have 1 to n_max characters; false: refused. */
bool rl_fix_ask_text(const struct rl_fix_picked *p, enum rl_fix_ask_field which, uint32_t n_max,
                     struct rl_fix_gateway_refusal *why);
/* A single character that must be there; 0: refused. */
char rl_fix_ask_char(const struct rl_fix_picked *p, enum rl_fix_ask_field which,
                     struct rl_fix_gateway_refusal *why);

/*
 * The terms of a D. NULL, or why it is to be rejected; quantities and prices that could be read are
 * there in any case. `stp`: the session's.
 */
const struct rl_fix_why *rl_fix_ask_order(const struct rl_fix_picked *p, char side, char type,
                                          uint8_t stp, struct rl_fix_ask *ask);
/* The quantities and prices of a G. What it says of an order's nature is the caller's to compare.
 */
const struct rl_fix_why *rl_fix_ask_replace(const struct rl_fix_picked *p, struct rl_fix_ask *ask);

/* enum rl_side; RL_FIX_NO_SIDE: none that is served here. */
#define RL_FIX_NO_SIDE 2
uint8_t rl_fix_side_of(char side);

/* Of the gateway. */
extern const struct rl_fix_why rl_fix_why_symbol, rl_fix_why_duplicate, rl_fix_why_full,
    rl_fix_why_throttled, rl_fix_why_unknown, rl_fix_why_replaced, rl_fix_why_too_late,
    rl_fix_why_other_order, rl_fix_why_type, rl_fix_why_tif, rl_fix_why_scope, rl_fix_why_no_px;
/* Of the matching engine: enum rl_match_reason. */
struct rl_fix_why rl_fix_why_of(unsigned reason);

/* The number as that version has it; -1: it has none for that. */
int rl_fix_reject_code(const struct rl_fix_why *why, enum rl_fix_version version);
int rl_fix_cancel_reject_code(const struct rl_fix_why *why, enum rl_fix_version version);

#endif
