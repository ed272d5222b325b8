/*
 * order - orders, replacements and execution reports by template: the bytes that leave on the hot
 * path. What ends an order is in cancel.h.
 *
 * Threads:  a template belongs to one thread.
 * Memory:   the caller's.
 * Cost:     a copy and a dozen patches: make perf, fix.encode.
 */
#ifndef RL_MARKET_FIX_ORDER_H
#define RL_MARKET_FIX_ORDER_H

#include "market/fix/template.h"

#define RL_FIX_CLORDID_CHARS 13
#define RL_FIX_SYMBOL_MAX RL_FIX_TEXT_MAX
#define RL_FIX_COMP_MAX 32
#define RL_FIX_ORDER_MAX RL_FIX_TEMPLATE_MAX

/*
 * NewOrderSingle (35=D), limit. The symbol is last, since its length is the only one that changes.
 */
struct rl_fix_nos {
    uint64_t msg_seq;      /* 34 */
    uint64_t time_ns;      /* 52 and 60, since 1970 */
    const char *cl_ord_id; /* 11: RL_FIX_CLORDID_CHARS characters, no terminator needed */
    uint64_t secondary_id; /* 526: the sequence number of the message that triggered the order */
    const char *symbol;    /* 55 */
    uint32_t n_symbol;     /* its length, at most RL_FIX_SYMBOL_MAX */
    uint64_t qty;          /* 38 */
    int64_t px_nano;       /* 44 */
    uint8_t side;          /* enum rl_side */
    char time_in_force;    /* 59: '0' day, '3' IOC, '4' FOK */
};

/* OrderCancelReplaceRequest (35=G), limit: the new terms of an order, under a new id. */
struct rl_fix_replace {
    uint64_t msg_seq;
    uint64_t time_ns;
    const char *cl_ord_id;      /* 11: of the request, and of the order once it is accepted */
    const char *orig_cl_ord_id; /* 41: the order */
    uint64_t secondary_id;      /* 526: the message that caused it */
    const char *symbol;
    uint32_t n_symbol;
    uint64_t qty;    /* 38: in all, what is filled included */
    int64_t px_nano; /* 44 */
    uint8_t side;
    char time_in_force;
};

/* ExecutionReport (35=8), the exchange's answer. Built the same way. */
struct rl_fix_er {
    uint64_t msg_seq;
    uint64_t time_ns;
    const char *cl_ord_id;      /* RL_FIX_CLORDID_CHARS characters */
    const char *orig_cl_ord_id; /* 41: reports of rl_fix_er_orig alone */
    uint64_t exec_ref_id;       /* 19: reports of rl_fix_er_ref alone */
    uint64_t secondary_id;
    uint64_t order_id; /* 37 */
    uint64_t exec_id;  /* 17 */
    const char *symbol;
    uint32_t n_symbol;
    uint64_t qty;         /* 38 */
    uint64_t last_qty;    /* 32 */
    uint64_t cum_qty;     /* 14 */
    uint64_t leaves_qty;  /* 151 */
    int64_t px_nano;      /* 44 */
    int64_t last_px_nano; /* 31 */
    int64_t avg_px_nano;  /* 6 */
    uint8_t side;
    char exec_type;  /* 150: '0' new, '4' cancelled, '5' replaced, '8' rejected, 'C' expired,
                        'F' trade, 'G' trade corrected, 'H' trade cancelled */
    char ord_status; /* 39: '0' new, '1' partly filled, '2' filled, '4', '5', '8', 'C' as above */
};

#define RL_FIX_QTY_DIGITS 16

/* -EINVAL when a name is empty, too long, or holds a control character. */
int rl_fix_nos_init(struct rl_fix_template *t, const char *begin_string, const char *sender,
                    const char *target);
int rl_fix_replace_init(struct rl_fix_template *t, const char *begin_string, const char *sender,
                        const char *target);
int rl_fix_er_init(struct rl_fix_template *t, const char *begin_string, const char *sender,
                   const char *target);
/* With OrigClOrdID: answers to a cancel or a replacement that was asked for. */
int rl_fix_er_orig_init(struct rl_fix_template *t, const char *begin_string, const char *sender,
                        const char *target);
/* With ExecRefID: an execution is taken back or corrected. */
int rl_fix_er_ref_init(struct rl_fix_template *t, const char *begin_string, const char *sender,
                       const char *target);

/*
 * Write one message to `out`, which has room for rl_fix_template_bytes, and return that length; 0,
 * and nothing useful written, when a symbol is empty or too long, a quantity has more than
 * RL_FIX_QTY_DIGITS or a sequence number more than RL_FIX_SEQ_DIGITS. Every price fits; RL_PX_NONE
 * is written as 0.
 */
uint32_t rl_fix_nos_write(struct rl_fix_template *t, const struct rl_fix_nos *order, uint8_t *out);
uint32_t rl_fix_replace_write(struct rl_fix_template *t, const struct rl_fix_replace *request,
                              uint8_t *out);
uint32_t rl_fix_er_write(struct rl_fix_template *t, const struct rl_fix_er *report, uint8_t *out);
uint32_t rl_fix_er_orig_write(struct rl_fix_template *t, const struct rl_fix_er *report,
                              uint8_t *out);
uint32_t rl_fix_er_ref_write(struct rl_fix_template *t, const struct rl_fix_er *report,
                             uint8_t *out);

#endif
