/*
 * fix_gateway_report - what the gateway says: bodies of 8, 9 and r, as each version has them.
 *
 * Threads:  the venue's.
 * Memory:   the gateway's body.
 * Cost:     some twenty fields appended.
 */
#ifndef RL_RIG_EXCHANGE_FIX_GATEWAY_REPORT_H
#define RL_RIG_EXCHANGE_FIX_GATEWAY_REPORT_H

#include "rig/exchange/fix_gateway_read.h"

/*
 * ExecIDs: a number times 8, and what it counts. A trade has two, one for each side, which anybody
 * who knows the trade can tell. 0 is no execution.
 */
enum rl_fix_exec {
    RL_FIX_EXEC_EVENT = 0,   /* events of the matching engine */
    RL_FIX_EXEC_OWN = 1,     /* what the gateway says by itself */
    RL_FIX_EXEC_MADE_UP = 2, /* events that somebody between made up */
    RL_FIX_EXEC_FILL = 4,    /* + side: trades */
};

static inline uint64_t rl_fix_exec_id(const struct rl_fix_gateway *g, uint64_t number,
                                      unsigned what)
{
    return g->first_id + number * 8 + what;
}

struct rl_fix_text {
    const char *at;
    uint32_t n;
};

/* One ExecutionReport. What is zero is not there. */
struct rl_fix_report {
    const struct rl_fix_order *order;
    struct rl_fix_text cl_ord_id; /* 64 bytes may be read */
    struct rl_fix_text orig;      /* the same */
    struct rl_fix_text symbol;    /* the same; 16 of one that has no more */
    uint64_t exec_id;             /* 17; 0: a status report */
    uint64_t ref_id;              /* 19, of a trade that is taken back */
    uint64_t order_id;            /* of the venue; 0: NONE */
    uint64_t qty, cum, leaves;
    int64_t avg_px_nano;
    uint64_t last_qty;
    int64_t last_px_nano;
    uint64_t time_ns;
    char exec_type; /* as from 4.3 on */
    char status;
    char liquidity; /* 851 */
    char restated;  /* 378 */
    const struct rl_fix_why *rejected;
    const char *text;
    struct rl_fix_text status_id; /* 790 */
    struct rl_fix_text mass_id;   /* 584 */
    uint64_t n_mass;              /* 911 */
    bool is_last;                 /* 912 */
};

void rl_fix_say_report(struct rl_fix_gateway *g, const struct rl_fix_gateway_session *s,
                       const struct rl_fix_report *r);

/* A request about an order is refused. */
struct rl_fix_refusal_report {
    struct rl_fix_text cl_ord_id, orig;
    uint64_t order_id; /* 0: NONE */
    uint64_t time_ns;
    char status;
    char response_to; /* 1: F, 2: G */
    const struct rl_fix_why *why;
};

void rl_fix_say_cancel_reject(struct rl_fix_gateway *g, const struct rl_fix_gateway_session *s,
                              const struct rl_fix_refusal_report *r);

/* The answer to a mass cancel. */
struct rl_fix_mass_said {
    struct rl_fix_text cl_ord_id;
    uint64_t number;   /* 37 */
    char scope;        /* 530 */
    bool is_done;      /* 531 is the scope, not 0 */
    char reject;       /* 532 of one that is not; 0: other */
    uint64_t n_orders; /* 533 */
    uint64_t time_ns;
    const char *text;
};

void rl_fix_say_mass(struct rl_fix_gateway *g, const struct rl_fix_gateway_session *s,
                     const struct rl_fix_mass_said *r);

/* 39 of an order as it is; requests that wait count only for a session that hears of them. */
char rl_fix_status_of(const struct rl_fix_gateway *g, const struct rl_fix_gateway_session *s,
                      const struct rl_fix_order *o);
/* 39 while a request about it waits for the venue: 6 a cancel, E a replacement; 0: none does. */
char rl_fix_pending_of(const struct rl_fix_gateway *g, const struct rl_fix_order *o);
/* 6: of what was told. */
int64_t rl_fix_avg_px(const struct rl_fix_order *o);

#endif
