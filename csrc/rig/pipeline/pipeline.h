/*
 * pipeline - the engine: market data in, orders out, one thread that runs each message to
 * completion.
 *
 *     rx_burst -> decode -> book -> strategy -> check (risk, id) -> encode -> kill word -> tx
 *
 * Market data and the order session are separate ports, as in real life. Orders are FIX 4.4
 * NewOrderSingle (limit; IOC or DAY) that name the message which triggered them in SecondaryClOrdID
 * (526); execution reports come back on the order port and are booked: order, position, risk.
 *
 * The strategy is asked when a message has been applied whole: between the entries of one FIX
 * message, or the two halves of a replacement, the book shows a market that never was.
 *
 * Every intent is decided exactly once and leaves exactly one audit record, before the bytes of the
 * order: that and everything else about orders is the order manager's (trade/oms/oms.h). The kill
 * word is read last.
 *
 * After a trip the orders of what was tripped are taken back, as trade/kill/drain.h says;
 * executions are booked all the while. A session that had to be dropped is taken up again when the
 * venue does so, with every order of before ended: venues here cancel on disconnect.
 *
 * Threads:  init and the inspection of results belong to the trial; turn and run to the engine
 *           thread.
 * Memory:   everything is taken from the arena by init.
 * Cost:     no allocation, lock or system call in a turn; usage is read when the phase changes.
 */
#ifndef RL_RIG_PIPELINE_H
#define RL_RIG_PIPELINE_H

#include "base/clock.h"
#include "base/hist.h"
#include "base/mem.h"
#include "market/book/book.h"
#include "market/feed/feed.h"
#include "market/fix/cancel.h"
#include "net/port/port.h"
#include "rig/trial/worker.h"
#include "trade/kill/drain.h"
#include "trade/oms/oms.h"
#include "trade/strategy.h"

/* Beside those of the order manager. X(name, what it counts) */
#define RL_ENGINE_COUNTERS(X)                                                   \
    X(turns, "turns of the loop")                                               \
    X(idle_turns, "turns that found nothing to do")                             \
    X(frames, "market data frames received")                                    \
    X(bytes, "bytes of these frames")                                           \
    X(updates, "updates decoded")                                               \
    X(bbo_changes, "updates that changed a best price or its quantity")         \
    X(intents, "orders the strategy wanted")                                    \
    X(requests_sent, "frames sent on the order session")                        \
    X(requests_unsent, "frames that found no room on the wire")                 \
    X(answers, "frames received on the order session")                          \
    X(answers_bad, "of these, none that can be read")                           \
    X(answers_notice, "of these, such as change nothing: pending, mass cancel") \
    X(reconciled, "orders ended because a session that was lost is up again")   \
    X(drains, "trips after which all orders were taken back")

#define RL_ENGINE_COUNTER_MEMBER(name, what) _Atomic uint64_t name;
struct rl_engine_counters {
    RL_ENGINE_COUNTERS(RL_ENGINE_COUNTER_MEMBER)
};
#undef RL_ENGINE_COUNTER_MEMBER

/* X(name, what it times), in ns; recorded only with stage_timing */
#define RL_ENGINE_STAGES(X)                             \
    X(decode, "frame or message to update")             \
    X(book, "update applied to the book")               \
    X(strategy, "best price changed to intent or none") \
    X(risk, "intent to verdict, audit record claimed")  \
    X(encode, "verdict to encoded order")               \
    X(tx, "kill word read, record and order committed")

enum rl_stage {
#define RL_STAGE_ENUM(name, what) RL_STAGE_##name,
    RL_ENGINE_STAGES(RL_STAGE_ENUM)
#undef RL_STAGE_ENUM
        RL_N_STAGES
};

struct rl_pipeline_config {
    struct rl_feed_config feed;
    struct rl_books_config books;
    struct rl_oms_config oms;
    const struct rl_limit_set *limits; /* outlives the engine; NULL: none, nothing is sent */
    struct rl_strategy_config strategy;
    uint64_t measure_from; /* sequence number of the first message whose orders are timed */
    bool stage_timing;     /* time each stage: costs two clock reads a stage */
};

#define RL_PIPELINE_BURST 32
/* A message that changes more instruments than this is reacted to in parts. */
#define RL_CHANGES_MAX 16
#define RL_ANSWER_BURST 16
#define RL_ANSWER_FIELDS 64

struct rl_pipeline {
    struct rl_port *market;  /* engine's end of the market data line */
    struct rl_port *session; /* engine's end of the order session */
    struct rl_shared *shared;
    const struct rl_clock *clock;
    uint64_t measure_from;
    bool stage_timing;
    bool is_measuring;
    bool was_idle; /* the last turn found nothing: its length is the host's doing */
    uint64_t last_turn_tsc;
    uint64_t last_market_tsc; /* of the last burst with market data; 0: none yet */
    uint32_t mark_next;       /* instrument whose mark is refreshed next */
    uint64_t msg_seq;         /* 34 of the next order */
    uint64_t unix_base_ns;    /* UTC at tsc_base: stamps in orders without asking the kernel */
    uint64_t tsc_base;

    struct rl_feed feed;
    struct rl_books books;
    struct rl_strategy strategy;
    struct rl_oms oms;
    struct rl_fix_template nos;
    struct rl_fix_msg answer;
    struct rl_fix_field answer_fields[RL_ANSWER_FIELDS];

    /* Taking orders back after a trip: pipeline_session.c. */
    struct rl_fix_template cancel, mass_cancel;
    struct rl_drain drain;
    uint64_t drain_slot; /* of this round: orders in slots below it were asked for */
    bool is_drain_global;
    uint64_t acted_word, acted_notes; /* of the board, as it was when orders were last taken back */
    bool is_session_up;
    bool was_synced; /* no book was in doubt at the last look */

    struct rl_hist
        buf; /* ns, burst seen -> order bytes committed, of messages from measure_from on */
    struct rl_hist gap; /* ns, idle turns longer than RL_GAP_NS while measuring */
    struct rl_hist stages[RL_N_STAGES];
    struct rl_usage usage_begin,
        usage_end; /* from the first measured frame to the end of the loop */
    bool has_usage;

    struct rl_kill *kill;                   /* shared: anyone may trip it */
    RL_ALIGNED struct rl_engine_counters n; /* engine thread */
};

/* A poll loop that takes longer than this for nothing was interrupted. */
#define RL_GAP_NS 1000

/* Bytes that init takes from the arena; 0 when the config cannot be served. */
size_t rl_pipeline_bytes(const struct rl_pipeline_config *config);

/*
 * Starts flat, with empty books, one venue, account and strategy, and risk halted. 0; -ENOMEM when
 * the arena is too small; -EINVAL with a sentence in *why for a config that makes no sense.
 */
int rl_pipeline_init(struct rl_pipeline *p, struct rl_arena *arena,
                     const struct rl_pipeline_config *config, const struct rl_clock *clock,
                     struct rl_port *market, struct rl_port *session, struct rl_shared *shared,
                     struct rl_kill *kill, const char **why);

/* One turn of the loop: a burst of market data, then a burst of answers. False when it was idle. */
bool rl_pipeline_turn(struct rl_pipeline *p);

/* Turns until the phase is STOP. `pipeline` is a struct rl_pipeline: the body of a worker. */
void rl_pipeline_run(void *pipeline);

/* Arrays of RL_N_STAGES names, and of the counters' names in the order of the struct; NULL ends it.
 */
extern const char *const rl_stage_names[RL_N_STAGES + 1];
extern const char *const rl_engine_counter_names[];

#endif
