/*
 * component - what one operation of the hot path costs, measured so that the figure can be
 * believed.
 *
 * An operation of a few nanoseconds cannot be timed alone: the counter moves in steps of ten. So
 * the same operation is measured three ways, in chunks of about 150 us that take turns:
 * - per_op  each operation between fences, nothing subtracted: an upper bound, with its tail;
 * - chain   batches in which each operation waits for the answer of the one before: its latency;
 * - tput    batches of operations that may overlap: its cost in a stream. Never a latency.
 * Beside them, in the same run: the empty fenced pair, and the same batches of an empty operation
 * (floor). Each chunk stands between two neighbour probes; the `quiet` histograms hold the chunks
 * whose probes ran at full speed, the others all of them ("as found").
 *
 * In regime COLD there is no batch: each operation is the first one after other work, and per_op is
 * all that can be said of it. The chain and tput histograms stay empty.
 *
 * A fourth way suits a stream with an end, and compares programs on a noisy host: the whole stream
 * is replayed nine times in chunks of a thousand operations that may overlap, and the fastest
 * replay of each chunk counts ("fastest replay"); beside it the mean of all of them.
 *
 * Every timed answer is checked, against an independent plain computation where there is one;
 * n_wrong other than 0 makes the figure worthless however fast.
 *
 * Threads:  rl_component_run works on a pinned thread of its own, signals blocked; the caller
 *           waits.
 * Memory:   histograms are the caller's; inputs and state are mapped for the run and given back.
 */
#ifndef RL_RIG_COMPONENT_H
#define RL_RIG_COMPONENT_H

#include "base/clock.h"
#include "base/hist.h"
#include "base/mem.h"
#include "market/book/book.h"
#include "rig/synth/stream.h"
#include "rig/trial/probe.h"

struct rl_fix_dict;

/*
 * X(id, name, what one operation is)
 *
 * The FIX operations read the same messages and, where they convert values, give the same answers:
 * the sequence number and the fields that somebody who trades asks of that type of message (eight
 * of an order or a report, two and four an entry of market data; see
 * rig/component/component_fix.c).
 */
#define RL_COMPONENTS(X)                                                                           \
    X(FIX_PARSE, "fix.parse", "frame, checksum, all fields, typed values")                         \
    X(FIX_FLOOR, "fix.floor", "one plain AVX2 pass, nothing verified but the checksum; the floor") \
    X(FIX_CHECKSUM, "fix.checksum", "the sum of the bytes alone")                                  \
    X(FIX_VALIDATE, "fix.validate",                                                                \
      "fix.parse and every rule of the dictionary, as a session does")                             \
    X(FIX_ENCODE, "fix.encode", "one NewOrderSingle written by its template")                      \
    X(ITCH_DECODE, "itch.decode", "one message decoded; no sequence, no book")                     \
    X(FEED_DECODE, "feed.decode", "one message through the feed handler; no book")                 \
    X(BOOK_UPDATE, "book.update", "one decoded update applied, best prices read; no decoding")     \
    X(FEED_BOOK, "feed.book", "one message decoded and applied, best prices read")                 \
    X(FEED_BOOK_VIEW, "feed.book.view", "feed.book, and the readers' snapshot published")          \
    X(RISK_CHECK, "risk.check", "all limits of one order, accepted or refused")                    \
    X(RISK_ACCEPT, "risk.accept", "all limits of one order, which passes them")                    \
    X(RISK_REFUSE, "risk.refuse", "all limits of one order, which fails one or several")           \
    X(ORDER_ID, "order.id", "one id taken, its slot found free")                                   \
    X(ORDER_TEXT, "order.text", "one id taken and written as text")                                \
    X(POSITION_UPDATE, "position.update", "one execution booked: position and account sums")       \
    X(OMS_SEND, "oms.send", "one order checked, recorded, entered; nothing encoded")               \
    X(OMS_FILL, "oms.fill", "one execution: order, position, money, risk, audit record")           \
    X(AUDIT_APPEND, "audit.append", "one record claimed, filled, committed; read between batches") \
    X(HIST_RECORD, "hist.record", "one value recorded")                                            \
    X(CLOCK_PAIR, "clock.pair", "one fenced pair of counter reads")                                \
    X(CLOCK_GETTIME, "clock.gettime", "one clock_gettime(CLOCK_MONOTONIC)")

enum rl_component {
#define RL_COMPONENT_ENUM(id, name, text) RL_COMPONENT_##id,
    RL_COMPONENTS(RL_COMPONENT_ENUM)
#undef RL_COMPONENT_ENUM
        RL_N_COMPONENTS
};

/*
 * Which inputs follow each other.
 * - HOT     64 of them in rotation; all that operations without inputs (order.*, audit.append,
 *           clock.*) take, order.* and audit.append also COLD;
 * - STREAM  the stream, or the seeded cases, in order;
 * - RANDOM  the same in a random order; book.update: random live orders of the stream's prefix are
 *           modified, deleted, entered;
 * - COLD    as the stream, one at a time: between two of them other work takes the caches and the
 *           branch predictor, and the next input is flushed from all caches.
 * Books know no HOT; what goes through the feed handler only STREAM and COLD, since its order is
 * the point.
 */
#define RL_REGIMES(X) X(HOT, "hot") X(STREAM, "stream") X(RANDOM, "random") X(COLD, "cold")

enum rl_regime {
#define RL_REGIME_ENUM(id, name) RL_REGIME_##id,
    RL_REGIMES(RL_REGIME_ENUM)
#undef RL_REGIME_ENUM
        RL_N_REGIMES
};

/* X(id, name, unit): mticks are thousandths of a tick, of one operation by the mean of a batch. */
#define RL_COMPONENT_HISTS(X)                \
    X(PER_OP, "per_op", "ticks")             \
    X(PER_OP_QUIET, "per_op.quiet", "ticks") \
    X(PAIR, "pair", "ticks")                 \
    X(PAIR_QUIET, "pair.quiet", "ticks")     \
    X(CHAIN, "chain", "mticks")              \
    X(CHAIN_QUIET, "chain.quiet", "mticks")  \
    X(TPUT, "tput", "mticks")                \
    X(TPUT_QUIET, "tput.quiet", "mticks")

enum rl_component_hist {
#define RL_COMPONENT_HIST_ENUM(id, name, unit) RL_COMPONENT_HIST_##id,
    RL_COMPONENT_HISTS(RL_COMPONENT_HIST_ENUM)
#undef RL_COMPONENT_HIST_ENUM
        RL_N_COMPONENT_HISTS
};

/* "?" for a number that is none. */
const char *rl_component_name(unsigned component);
const char *rl_component_text(unsigned component);
const char *rl_regime_name(unsigned regime);
const char *rl_component_hist_name(unsigned hist);
const char *rl_component_hist_unit(unsigned hist);

/* What "fastest replay" means. */
#define RL_COMPONENT_REPLAYS 9
#define RL_COMPONENT_REPLAY_OPS 1000

#define RL_COMPONENT_MAX_MIX 24
#define RL_COMPONENT_MAX_BLOCKS 256

/* What mix[i] of a component's result counts ("add", "band" ...); NULL beyond the last. */
const char *rl_component_mix_name(unsigned component, unsigned i);

/* What config.risk_way stands for ("halted", "self-trade" ...); "" for 0, NULL beyond the last. */
const char *rl_risk_way_name(unsigned way);

struct rl_component_config {
    enum rl_component component;
    enum rl_regime regime;
    int cpu;
    uint64_t seed;
    const struct rl_clock *clock;
    const struct rl_stream *stream; /* fix.*: FIX; itch.decode: ITCH messages; feed.*, book.*: any;
                                       the others ignore it */
    const struct rl_fix_dict *dict; /* fix.validate: the rules; the others ignore it */
    struct rl_books_config books;   /* for the books of that stream */
    uint8_t n_qty_decimals;         /* FIX feeds: as in rl_feed_config */
    uint8_t risk_way;               /* risk.refuse: orders refused that way alone (RL_RISK_WAYS in
                                       rig/component/component_risk.h); 0: each in turn */
    uint64_t random_bytes; /* RANDOM: copies of messages up to that; 0: 64 MiB, more than a cache */
    uint64_t warmup_min_ns; /* warm-up lasts until five blocks of 5 ms agree within 2 % */
    uint64_t warmup_max_ns;
    bool is_not_replayed;         /* STREAM: leave the fastest replays out */
    uint64_t duration_ns;         /* of the measured part */
    const _Atomic uint32_t *stop; /* ends the run after the current chunk; may be NULL */
};

struct rl_component_result {
    struct rl_hist hist[RL_N_COMPONENT_HISTS];
    uint64_t n_ops;    /* operations timed */
    uint64_t n_inputs; /* distinct inputs in one cycle; 0: none needed */
    uint64_t n_input_bytes;
    uint64_t batch_n_ops;
    uint64_t floor_chain_mticks, floor_tput_mticks; /* empty operation, best batch */
    /* Of one operation; n_replay_ops is 0 unless the regime is STREAM, ends and is replayed. */
    uint64_t n_replay_ops, replay_fastest_mticks, replay_mean_mticks;
    uint64_t first_op_ticks; /* the very first operation: cold code, cold data */
    uint64_t quantum_ticks;
    uint64_t n_chunks, n_quiet_chunks;
    uint64_t neighbour_best_ticks, neighbour_full_ticks; /* as in rl_neighbour */
    uint64_t answer_hash; /* of one whole cycle; the same for the same inputs on any machine */
    uint64_t n_wrong;
    uint64_t warmup_ns;
    uint32_t n_warmup_blocks;
    bool warmup_settled;
    uint64_t warmup_mticks[RL_COMPONENT_MAX_BLOCKS]; /* median of each block: what was discarded */
    struct rl_usage usage;                           /* of the measured part, the trap armed */
    uint64_t mix[RL_COMPONENT_MAX_MIX];              /* inputs of one cycle by kind */
    uint64_t n_live_orders, n_levels;                /* books: at the start of a cycle */
};

/* Bytes of counts that the histograms of one result need. */
size_t rl_component_hist_bytes(void);

/* Empties the result over that memory; -ENOSPC. */
int rl_component_result_init(struct rl_component_result *out, uint64_t *counts, size_t n_bytes);

/* The sum over chunks of each one's fastest replay; ticks[replay * n_chunks + chunk]. */
uint64_t rl_component_fastest(const uint32_t *ticks, uint64_t n_chunks, uint32_t n_replays);

/*
 * Measures one component. 0; -EINVAL for a regime it does not know, a missing or unfit stream or
 * dictionary, fewer than 64 inputs, or a CPU that may not be used; -ENOTSUP when the CPU has no
 * AVX2 (fix.floor); -ENOMEM; -EINTR when *stop ended it before the measured part.
 */
int rl_component_run(const struct rl_component_config *config, struct rl_component_result *out);

#endif
