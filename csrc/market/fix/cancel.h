/*
 * cancel - the messages that end orders, and the venue's answers to them, by template.
 *
 * What the venue says of a single order that was cancelled is an execution report (order.h). Here
 * are the requests (one order, or many at once), the refusal, and the report on a request for many.
 *
 * Threads:  a template belongs to one thread.
 * Memory:   the caller's.
 * Cost:     a copy and half a dozen patches.
 */
#ifndef RL_MARKET_FIX_CANCEL_H
#define RL_MARKET_FIX_CANCEL_H

#include "market/fix/order.h"

/* OrderCancelRequest (35=F). */
struct rl_fix_cancel {
    uint64_t msg_seq;           /* 34 */
    uint64_t time_ns;           /* 52 and 60 */
    const char *cl_ord_id;      /* 11: of the request; RL_FIX_CLORDID_CHARS, as all ids here */
    const char *orig_cl_ord_id; /* 41: of the order */
    const char *symbol;         /* 55 */
    uint32_t n_symbol;
    uint64_t qty; /* 38: of the order */
    uint8_t side; /* 54, enum rl_side */
};

/* OrderCancelReject (35=9). */
struct rl_fix_cancel_reject {
    uint64_t msg_seq;
    uint64_t time_ns;
    const char *cl_ord_id;
    const char *orig_cl_ord_id;
    const char *order_id; /* 37, the venue's; "NONE" for an order that it does not know */
    uint32_t n_order_id;  /* at most RL_FIX_TEXT_MAX */
    char ord_status;      /* 39: of the order; '8' when unknown */
    char response_to;     /* 434: '1' cancel, '2' replace */
    char reason;          /* 102: '0' too late, '1' unknown order, '3' already pending */
};

/*
 * OrderMassCancelRequest (35=q) and OrderMassCancelReport (35=r). A template is made either for all
 * orders (530=7; the last field is 58, a reason for people) or for those of one symbol (530=1; the
 * last field is 55): `text` is that field.
 */
enum rl_fix_mass { RL_FIX_MASS_ALL, RL_FIX_MASS_SYMBOL };

struct rl_fix_mass_cancel {
    uint64_t msg_seq;
    uint64_t time_ns;
    const char *cl_ord_id;
    const char *text; /* 1 to RL_FIX_TEXT_MAX characters */
    uint32_t n_text;
};

struct rl_fix_mass_report {
    uint64_t msg_seq;
    uint64_t time_ns;
    const char *cl_ord_id; /* of the request */
    uint64_t order_id;     /* 37: the venue's number of the request */
    uint64_t n_affected;   /* 533: orders that will be cancelled; below 10^9 */
    const char *text;
    uint32_t n_text;
    char response; /* 531: '0' refused, else as 530 */
};

/* -EINVAL as rl_fix_nos_init. */
int rl_fix_cancel_init(struct rl_fix_template *t, const char *begin_string, const char *sender,
                       const char *target);
int rl_fix_cancel_reject_init(struct rl_fix_template *t, const char *begin_string,
                              const char *sender, const char *target);
int rl_fix_mass_cancel_init(struct rl_fix_template *t, const char *begin_string, const char *sender,
                            const char *target, enum rl_fix_mass of);
int rl_fix_mass_report_init(struct rl_fix_template *t, const char *begin_string, const char *sender,
                            const char *target, enum rl_fix_mass of);

/* As rl_fix_nos_write: the length, or 0 when something does not fit. */
uint32_t rl_fix_cancel_write(struct rl_fix_template *t, const struct rl_fix_cancel *request,
                             uint8_t *out);
uint32_t rl_fix_cancel_reject_write(struct rl_fix_template *t,
                                    const struct rl_fix_cancel_reject *reject, uint8_t *out);
uint32_t rl_fix_mass_cancel_write(struct rl_fix_template *t,
                                  const struct rl_fix_mass_cancel *request, uint8_t *out);
uint32_t rl_fix_mass_report_write(struct rl_fix_template *t,
                                  const struct rl_fix_mass_report *report, uint8_t *out);

#endif
