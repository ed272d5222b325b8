/*
 * synth_market - the market behind a synthetic stream: its books, and what happens to them next.
 *
 * Threads:  one.
 * Memory:   books and tables from the caller's arena at init, then nothing more.
 * Cost:     about 0.15 us an operation, written.
 */
#ifndef RL_RIG_SYNTH_MARKET_H
#define RL_RIG_SYNTH_MARKET_H

#include "base/random.h"
#include "rig/synth/synth_book.h"
#include "rig/synth/synth_write.h"

#define RL_SYNTH_ORDERS_MIN 16 /* of an instrument */
/* The scale of the drawn weights, and the most that a config's weights may add up to. */
#define RL_SYNTH_WEIGHTS_SUM (1U << 30)

/*
 * What makes prices move: one side is under pressure until its best level is gone. Trades, the
 * cancels that would have struck near the best and the adds that would have joined it then lean
 * towards that. How strongly is set by how far the changes of the best prices lag behind the share
 * that is wanted.
 */
struct rl_synth_pressure {
    enum rl_side side;
    int32_t lag; /* 1/1000 changes of a best price */
};

struct rl_synth_market {
    const struct rl_synth_config *config;
    struct rl_synth_stats *stats;
    struct rl_synth_writer writer;
    struct rl_random random;
    struct rl_synth_book *books;
    struct rl_synth_pressure *pressures;
    uint32_t *targets; /* orders, by instrument */
    uint32_t *busy;    /* upper edges of the instruments' shares of 2^32 */
    uint32_t weights[RL_SYNTH_N_OPS];
    uint32_t weights_sum;
    uint64_t last_id;
    uint32_t n_live;
    bool is_silent; /* nothing is written or counted */
    /* The trade that goes on. */
    uint32_t fills_left, trade_instrument;
    enum rl_side trade_side;
    /* Time. */
    uint64_t now_ns, burst_left;
    unsigned __int128 gap_q32; /* ns for one unit of the gap table */
    uint64_t gap_ns;           /* when the table has no unit */
};

/* Most orders that the instrument's book holds at any time; the config is valid. */
uint32_t rl_synth_market_orders_max(const struct rl_synth_config *config, uint32_t instrument);
size_t rl_synth_market_bytes(const struct rl_synth_config *config);

/* The books are empty, nothing is written yet. -ENOMEM when the arena is too small. */
int rl_synth_market_init(struct rl_synth_market *m, const struct rl_synth_config *config,
                         struct rl_synth_stats *stats, struct rl_arena *arena);

/* Fills the books and lets the market run, in silence, until they have forgotten how. */
void rl_synth_market_settle(struct rl_synth_market *m);
/* The books as messages, each book's oldest order first, ids from 1: queues come out in order. */
void rl_synth_market_write_prefix(struct rl_synth_market *m);
/* Exactly one operation, written and counted. */
void rl_synth_market_step(struct rl_synth_market *m);

/* For the repairs: they advance the time by one operation and write it. */
void rl_synth_market_add(struct rl_synth_market *m, uint32_t instrument, enum rl_side side,
                         uint64_t id, int32_t key, uint32_t qty);
void rl_synth_market_cancel(struct rl_synth_market *m, uint32_t instrument, uint32_t order);

#endif
