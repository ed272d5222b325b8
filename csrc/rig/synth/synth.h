/*
 * synth - a seeded market: a stream of book messages that behaves like the capture it was
 * calibrated on.
 *
 * Every instrument has a book of its own; operations are drawn from the tables of a calibration
 * (harness/traffic/calibrate.py makes them): what happens, how far behind the best price, to which
 * of the live orders, how large, how many fills a trade has, how many messages share an instant.
 * Trades take only the front of the best level, orders never cross the spread, and the best prices
 * wander as levels are used up and improved upon.
 *
 * A stream is a prefix, which builds the books (their state after a burn-in, oldest order first, so
 * that queues have their order), and a body. The body ends with repairs: orders that came in it are
 * deleted, orders that went are entered again, and a queue whose order changed is rebuilt from
 * there on. After it the books are what they were after the prefix, down to the place in the queue:
 * the body may be sent again for hours. The same operations can be written as ITCH 5.0 messages (R
 * A F E C X D U) or as FIX 4.4 market data (35=X; a replacement is one message of two entries, a
 * trade's fills go up to three to a message); both leave the same order ids, prices and quantities
 * in the books.
 *
 * Threads:  functions of their arguments.
 * Memory:   all the caller's; rl_synth_sizes says how much.
 * Cost:     about 0.2 us an operation, before anything is measured.
 */
#ifndef RL_RIG_SYNTH_H
#define RL_RIG_SYNTH_H

#include "base/mem.h"
#include "rig/synth/stream.h"

/* Operations as the calibration counts them. X(name, text) */
#define RL_SYNTH_OPS(X)                                                 \
    X(ADD, "add")                                                       \
    X(CANCEL, "cancel")                                                 \
    X(REPRICE, "reprice") /* a replacement at another price */          \
    X(REDUCE, "reduce")   /* some of the quantity is cancelled */       \
    X(GROW, "grow")       /* a replacement at the same price, larger */ \
    X(EXECUTE_FULL, "execute_full")                                     \
    X(EXECUTE_PART, "execute_part")

enum rl_synth_op {
#define RL_SYNTH_OP_ENUM(name, text) RL_SYNTH_##name,
    RL_SYNTH_OPS(RL_SYNTH_OP_ENUM)
#undef RL_SYNTH_OP_ENUM
        RL_SYNTH_N_OPS
};

/* What is drawn; the calibration file says what each table counts. X(name, text, lowest, highest)
 */
#define RL_SYNTH_TABLES(X)                                         \
    X(ADD_TICKS_TIGHT, "add_ticks_tight", -INT32_MAX, INT32_MAX)   \
    X(ADD_TICKS_WIDE, "add_ticks_wide", -INT32_MAX, INT32_MAX)     \
    X(CANCEL_AGE, "cancel_age", 0, INT32_MAX)                      \
    X(REDUCE_AGE, "reduce_age", 0, INT32_MAX)                      \
    X(REPRICE_FROM_TICKS, "reprice_from_ticks", 0, INT32_MAX)      \
    X(REPRICE_TO_TICKS, "reprice_to_ticks", -INT32_MAX, INT32_MAX) \
    X(LIVE_TICKS, "live_ticks", 0, INT32_MAX)                      \
    X(ORDER_QTY, "order_qty", 1, INT32_MAX)                        \
    X(REDUCE_LEFT_PERMILLE, "reduce_left_permille", 0, 1000)       \
    X(FILLS, "fills", 1, 65536)                                    \
    X(BURST, "burst", 1, 65536)                                    \
    X(GAP_PPM, "gap_ppm", 0, INT32_MAX)

enum rl_synth_table_id {
#define RL_SYNTH_TABLE_ENUM(name, text, lowest, highest) RL_SYNTH_##name,
    RL_SYNTH_TABLES(RL_SYNTH_TABLE_ENUM)
#undef RL_SYNTH_TABLE_ENUM
        RL_SYNTH_N_TABLES
};

/* "add", "cancel" ... and "add_ticks_tight" ...: the names in the calibration file; "?" outside. */
const char *rl_synth_op_name(unsigned op);
const char *rl_synth_table_name(unsigned table);

/* Values that are equally likely. */
struct rl_synth_table {
    const int32_t *values;
    uint32_t n;
};

enum rl_synth_format { RL_SYNTH_ITCH, RL_SYNTH_FIX };

#define RL_SYNTH_MAX_INSTRUMENTS 1000
#define RL_SYNTH_MAX_LIVE (1U << 22)
#define RL_SYNTH_MAX_BODY (1ULL << 26)

struct rl_synth_config {
    uint64_t seed;
    uint64_t n_body;      /* operations in the body before its repairs; 0 writes only the prefix */
    uint64_t mean_gap_ns; /* between operations, for the stamps in the messages and the records */
    /*
     * Instrument k is as busy, and has as many orders, as 1/(k+1) says, but 16 at least; below a
     * hundred orders a book is thinner than the calibration's and its spread wider.
     */
    uint32_t n_instruments;
    uint32_t n_live_orders; /* kept within a few percent, in all books together */
    enum rl_synth_format format;
    uint32_t weights[RL_SYNTH_N_OPS]; /* the calibration's counts; books do not grow, so the shares
                                         of adds and of removals meet in the middle */
    uint16_t
        px_change_permille; /* operations that change a best price: approached, not guaranteed */
    uint16_t reprice_keeps_qty_permille;
    uint16_t last_fill_part_permille;
    uint16_t attributed_permille; /* ITCH: adds written as F, with a market participant */
    uint16_t priced_permille;     /* ITCH: executions written as C, with a price */
    struct rl_synth_table tables[RL_SYNTH_N_TABLES];
};

struct rl_synth_sizes {
    size_t work_bytes;   /* of the arena */
    size_t stream_bytes; /* of the messages: an upper bound, pages that are not written stay
                            untouched */
    uint64_t n_recs;     /* an upper bound */
};

struct rl_synth_stats {
    uint64_t n_prefix;               /* operations: the adds of the prefix */
    uint64_t n_fixups;               /* operations that close the loop, not in the counts below */
    uint64_t counts[RL_SYNTH_N_OPS]; /* operations of the body */
    uint64_t n_wide;                 /* of these, that found a spread of more than one tick */
    uint64_t n_px_changes;           /* of these, that changed a best price */
    uint32_t n_live_min, n_live_max; /* live orders in all books, from the prefix's end on */
    uint64_t last_id;
};

/* -EINVAL for a config that is out of range or has an empty table or weights without adds or
 * removals. */
int rl_synth_sizes(const struct rl_synth_config *config, struct rl_synth_sizes *sizes);

/*
 * Writes a stream into `bytes` and `recs` and describes it in `*stream` (which points to both). The
 * arena gives the working memory. 0; -EINVAL as rl_synth_sizes; -ENOMEM when the arena is too
 * small; -ENOSPC when bytes or recs are.
 */
int rl_synth_write(const struct rl_synth_config *config, struct rl_arena *arena, uint8_t *bytes,
                   size_t n_bytes, struct rl_stream_rec *recs, uint64_t n_recs,
                   struct rl_stream *stream, struct rl_synth_stats *stats);

#endif
