/*
 * counterparty_answer - what the venue says: one function an answer, each counted as due and as
 * sent or lost.
 *
 * Threads:  the rig thread.
 * Memory:   written in place into the session's port.
 * Cost:     a template is patched.
 */
#ifndef RL_RIG_COUNTERPARTY_ANSWER_H
#define RL_RIG_COUNTERPARTY_ANSWER_H

#include "rig/trial/counterparty.h"

/* What an execution report is about: an order of the venue's, by the request that names it. */
struct rl_report {
    const struct rl_rest *order; /* as it is after the event */
    const char *id_text;         /* ClOrdID: of the order, or of the request that is answered */
    const char *orig_text;       /* OrigClOrdID; NULL: none */
    uint64_t last_qty;           /* executed with this event */
    char exec_type, ord_status;
};

/* False: there was no room on the wire. */
bool rl_answer_report(struct rl_counterparty *x, const struct rl_report *report, uint64_t now_tsc);

/* A cancel or a replacement is refused; `order` NULL: unknown. */
bool rl_answer_refusal(struct rl_counterparty *x, const char *id_text, const char *orig_text,
                       const struct rl_rest *order, bool is_replace, uint64_t now_tsc);

/* A mass cancel, of all when `symbol` is NULL: how many orders it will end; not accepted: '0'. */
bool rl_answer_mass(struct rl_counterparty *x, const char *id_text, const char *symbol,
                    uint32_t n_symbol, uint64_t n_affected, bool is_accepted, uint64_t now_tsc);

#endif
