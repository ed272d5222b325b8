/*
 * drain - what to do after a trip, one step at a time: counts go in, the next action comes out.
 *
 *     block -> persist -> cancel -> wait for answers -> once more -> disconnect -> publish what is
 * left
 *
 * Nothing is sent, read or waited for here; whoever sends asks again and again, and does what he is
 * told. Executions are booked throughout, as always: they only make n_open smaller. A disk that
 * hangs delays the cancels by at most persist_ticks, and never prevents them.
 *
 * Threads:  one, the order thread's.
 * Memory:   the caller's; all zero is idle.
 * Cost:     some comparisons a step, no clock: time is passed in.
 */
#ifndef RL_TRADE_KILL_DRAIN_H
#define RL_TRADE_KILL_DRAIN_H

#include "base/defs.h"

struct rl_drain_config {
    uint64_t persist_ticks;    /* the longest wait for the latch before cancelling */
    uint64_t send_ticks;       /* the longest a round may take to send its cancels; not 0 */
    uint64_t answer_ticks;     /* the wait for answers after the last cancel of a round */
    uint64_t disconnect_ticks; /* the longest wait until the session is down */
    bool has_mass_cancel;      /* FIX 35=q with 530=7; else order by order */
    bool may_disconnect;       /* false: a scope is drained, the session serves others */
};

/* X(NAME, number, text) */
#define RL_DRAIN_ACTIONS(X)                                                   \
    X(NONE, 0, "nothing: idle, or done")                                      \
    X(WAIT, 1, "ask again later")                                             \
    X(PERSIST, 2, "have the latch saved, without waiting for it")             \
    X(MASS_CANCEL, 3, "ask the venue to cancel everything")                   \
    X(CANCEL, 4, "send `n` cancels, of orders not asked in this round")       \
    X(DISCONNECT, 5, "drop the session: the venue cancels what it still has") \
    X(PUBLISH, 6, "`n` orders are left: say so (rl_kill_drained, audit, an alert)")

enum rl_drain_action {
#define RL_DRAIN_ENUM(name, number, text) RL_DRAIN_##name = (number),
    RL_DRAIN_ACTIONS(RL_DRAIN_ENUM)
#undef RL_DRAIN_ENUM
};

/* What the caller sees at this moment. */
struct rl_drain_input {
    uint32_t n_open; /* orders that have not ended, of what is drained */
    uint32_t
        n_unasked; /* of them, those without a cancel in this round; `is_new_round` sets it back */
    uint32_t budget; /* cancels that may be sent now; the reserved rate */
    bool is_persisted;
    bool is_connected;
    bool is_mass_refused; /* the venue has answered the mass cancel with a refusal */
};

struct rl_drain_step {
    enum rl_drain_action action;
    uint32_t n;        /* CANCEL: how many; PUBLISH: orders left */
    bool is_new_round; /* with any action: from now on every open order is unasked again */
};

struct rl_drain {
    struct rl_drain_config config;
    uint64_t since_tsc; /* when the present phase began */
    uint8_t phase;      /* private */
    uint8_t n_rounds;   /* begun; at most 2 */
    bool by_order;      /* mass cancel is not offered, or was refused */
    bool is_round_new;
    bool is_persist_late; /* cancels went out before the latch was on the disk */
    bool did_disconnect;
};

/* Begins, or begins again from the start: a wider trip while draining. The caller has blocked. */
void rl_drain_start(struct rl_drain *d, const struct rl_drain_config *config, uint64_t now_tsc);

/* The next action. To be called until it says PUBLISH; then it says NONE. */
struct rl_drain_step rl_drain_step(struct rl_drain *d, const struct rl_drain_input *in,
                                   uint64_t now_tsc);

bool rl_drain_is_busy(const struct rl_drain *d);

#endif
