/*
 * replay - a log's records fed to a fresh order manager: the same orders, positions and money.
 *
 * Only what happened is repeated: messages that left, answers, fees, sessions, trading states.
 * Nothing is decided again, so neither limits nor clocks are needed. The log is caught lying when
 * an answer meets another order than it met then (its flags differ), or when the state at its STOP
 * has another hash than the one the engine wrote.
 *
 * Threads:  any one at a time.
 * Memory:   an arena of its own, as large as the engine's order side; opened at each START.
 * Cost:     that of the events themselves.
 */
#ifndef RL_TRADE_OMS_REPLAY_H
#define RL_TRADE_OMS_REPLAY_H

#include "trade/oms/oms.h"

struct rl_replay {
    struct rl_arena arena;
    struct rl_kill *kill; /* of the replayed engine; in the arena */
    struct rl_oms *oms;   /* NULL before the first START; the state after the last record */
    struct rl_audit_record ref;
    bool has_ref;
    uint32_t n_fifo_lots;
    uint64_t n_records, n_starts, n_stops;
};

/* `n_fifo_lots`: at least as many as the engine had; its log does not say. */
void rl_replay_init(struct rl_replay *r, uint32_t n_fifo_lots);

/*
 * The next record. 0; -EBADMSG and a sentence in *why when it contradicts the state; -EINVAL for a
 * START whose sizes make no sense, -ENOMEM.
 */
int rl_replay_record(struct rl_replay *r, const struct rl_audit_record *record, const char **why);

void rl_replay_fini(struct rl_replay *r);

#endif
