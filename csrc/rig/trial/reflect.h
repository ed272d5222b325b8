/*
 * reflect - the null bench: answers every k-th frame with a ready-made order and does nothing else.
 *
 * What it takes from wire to wire is what the bench itself costs: rings, generator, exchange. Of a
 * frame it reads the sequence number alone, so that the exchange can time the order like any other.
 *
 * Threads:  takes the place of the engine thread.
 * Memory:   the caller's.
 * Cost:     per answered frame a template is patched; no book, strategy, risk, audit or kill word.
 */
#ifndef RL_RIG_REFLECT_H
#define RL_RIG_REFLECT_H

#include "base/clock.h"
#include "base/mem.h"
#include "market/fix/fix.h"
#include "net/port/port.h"
#include "rig/pipeline/pipeline.h"
#include "rig/synth/stream.h"
#include "rig/trial/worker.h"

struct rl_reflect {
    struct rl_port *market;
    struct rl_port *session;
    struct rl_shared *shared;
    enum rl_framing framing;
    const uint64_t *record_seqs; /* RAW: the sequence of the i-th frame; else NULL */
    uint64_t n_record_seqs;
    uint32_t every;
    uint32_t n_since;
    uint64_t msg_seq;
    struct rl_ids ids;
    struct rl_fix_template order;
    struct rl_fix_nos ready; /* all that does not change */
    char symbol[RL_FEED_SYMBOL];
    struct rl_usage usage_begin, usage_end;
    bool has_usage;
    struct rl_engine_counters
        *n; /* turns, idle_turns, frames, bytes, orders_sent, tx_full, answers */
};

/* -EINVAL for every == 0 or a symbol that no order can hold. */
int rl_reflect_init(struct rl_reflect *r, const struct rl_stream *stream, uint32_t every,
                    const char *symbol, uint32_t epoch, struct rl_port *market,
                    struct rl_port *session, struct rl_shared *shared,
                    struct rl_engine_counters *counters);

/* Turns until the phase is STOP. `reflect` is a struct rl_reflect: the body of a worker. */
void rl_reflect_run(void *reflect);

#endif
