/*
 * trial - one run of the bench: an engine (or the reflector) and a rig, on a CPU each, joined by
 * two lines: cables in memory, or ports of whatever network the bench has. A FOREIGN engine is a
 * process of the caller's at the far end of the rig's ports; then only the rig has a thread here.
 *
 * The rig thread is generator and exchange: it sends the stream by its schedule, checks and answers
 * the orders, and moves the trial through its phases. Everything both threads touch is in one
 * arena.
 *
 *     open -> start -> wait (again and again) -> inspect -> close
 *
 * Threads:  open, start, wait, swap, draining the audit log, inspection and close belong to one
 *           thread; stop and kill to any. Counters may be read while it runs; histograms, books and
 *           identities when wait has returned 0.
 * Memory:   one arena; the stream and the schedule stay the caller's and must outlive the trial.
 * Cost:     open reads the stream once, to learn its symbols.
 */
#ifndef RL_RIG_TRIAL_H
#define RL_RIG_TRIAL_H

#include "net/port/port_shm.h"
#include "rig/pipeline/pipeline.h"
#include "rig/trial/bench_limits.h"
#include "rig/trial/blast.h"
#include "rig/trial/counterparty.h"
#include "rig/trial/identity.h"
#include "rig/trial/kill_trial.h"
#include "rig/trial/reflect.h"
#include "trade/audit/writer.h"
#include "trade/kill/board.h"

enum rl_trial_mode { RL_TRIAL_ENGINE = 0, RL_TRIAL_REFLECT, RL_TRIAL_FOREIGN };

/* One line: what the rig sends there the engine receives, and the other way round. */
struct rl_trial_line {
    struct rl_port *rig, *engine;
};

/* At most: no number of a trial comes near the last one. */
#define RL_TRIAL_FIRST_SEQ (1ULL << 62)

struct rl_trial_config {
    struct rl_stream stream;
    struct rl_schedule schedule;
    uint64_t n_frames;        /* to send; more than the stream has only when it can loop */
    uint64_t n_warmup_frames; /* of these, the first that are not measured */
    uint64_t drain_ns; /* at most, after a frame was sent or done; ends when all is answered */
    int cpu_engine, cpu_rig;
    enum rl_trial_mode mode;
    uint32_t reflect_every; /* REFLECT: answers every k-th frame */
    bool stage_timing;
    bool stay_halted; /* do not arm: every intent must end in the kill word */
    uint32_t n_tape;  /* so many valid orders are kept one by one; 0: none */
    int stop_pid;     /* FOREIGN: is sent stop_signal before frame stop_frame; 0: nobody is */
    int stop_signal;
    uint64_t stop_frame;

    uint32_t n_instruments;
    uint32_t n_orders;          /* live at once in all books */
    uint32_t n_levels_per_side; /* most of one side */
    uint32_t n_levels;          /* as in rl_books_config */
    uint8_t n_qty_decimals;     /* FIX streams: quantities count 10^-n */

    struct rl_counterparty_rules
        rules;                /* how the venue answers; all 0: every order is filled whole */
    struct rl_kill_plan kill; /* trips of the kill switch; n_trips 0: none are watched */
    const char *board_dir;    /* where the board lies, for other processes; NULL: in the arena */
    struct rl_bench_limits limits;        /* made into a set, unless there is one: */
    const struct rl_limit_set *limit_set; /* one account, strategy and venue; outlives the trial */
    struct rl_strategy_config strategy;
    /*
     * Ports of any kind, opened by the caller, who closes them after the trial; NULL: a cable in
     * the trial's own memory. What is lost on such a line is lost, as on any network.
     */
    struct rl_trial_line market, session;
    bool lines_are_faulty;   /* frames are lost and repeated there: who does it keeps the account */
    uint32_t n_pack;         /* MOLD_WRAP: messages a frame */
    uint64_t first_seq;      /* MOLD_WRAP: of the first message; the others begin at 1 */
    uint32_t epoch;          /* of the order ids */
    uint64_t n_order_slots;  /* powers of two from here on */
    uint64_t n_audit_slots;  /* records between two drains */
    uint64_t n_market_bytes; /* of the market data ring */
    uint64_t n_session_bytes;
    uint32_t arena_flags; /* RL_ARENA_* */
};

/* Zeroes *c and sets what has a sensible default: sizes, drain, limits, strategy, epoch, CPUs 0
 * and 1. */
void rl_trial_config_init(struct rl_trial_config *c);

/* X(name, unit, what it is); in the order of rl_trial_hist */
#define RL_TRIAL_HISTS(X)                                                     \
    X(wire, "order received by the exchange - message intended to be sent")   \
    X(service, "order received by the exchange - message actually sent")      \
    X(lateness, "message actually sent - intended")                           \
    X(buf, "order bytes committed - burst of its message seen by the engine") \
    X(gap, "idle turns of the engine's poll loop longer than 1 us")           \
    RL_JUDGE_HISTS(X)                                                         \
    RL_ENGINE_STAGES(X)

enum rl_trial_hist_id {
#define RL_TRIAL_HIST_ENUM(name, what) RL_TRIAL_HIST_##name,
    RL_TRIAL_HISTS(RL_TRIAL_HIST_ENUM)
#undef RL_TRIAL_HIST_ENUM
        RL_TRIAL_N_HISTS
};
extern const char *const rl_trial_hist_names[RL_TRIAL_N_HISTS + 1]; /* NULL ends it */

struct rl_trial {
    struct rl_trial_config config;
    struct rl_clock clock;
    struct rl_arena arena;                       /* the trial itself lies in it */
    struct rl_cable market_cable, session_cable; /* where the caller brings no ports */
    struct rl_trial_line market, session;
    struct rl_kill own_board;
    struct rl_board board; /* of config.board_dir */
    struct rl_kill *kill;  /* the one of these two that is in use */
    struct rl_shared shared;
    struct rl_sent sent;
    uint64_t *record_seqs; /* RAW streams */
    struct rl_pipeline engine;
    struct rl_reflect reflect;
    struct rl_blast blast;
    struct rl_counterparty exchange;
    struct rl_kill_trial kill_trial;
    struct rl_hist_pair wire;
    struct rl_audit_writer audit; /* the owner steps it, also while the trial runs */
    bool has_audit;
    struct rl_usage rig_usage_begin, rig_usage_end;
    bool has_rig_usage;
    struct rl_worker engine_worker, rig_worker;
    uint64_t stop_tsc;   /* FOREIGN: when it was told to stop; 0: never */
    uint64_t stop_seq;   /* the first message after that */
    sem_t finished;      /* posted by each worker */
    uint32_t n_finished; /* of n_workers */
    uint32_t n_workers;
    bool is_started, is_done;
};

/*
 * 0 and *t; -EINVAL, -ENOMEM or another -errno with a sentence in *why: the config makes no sense,
 * a CPU may not be used, the stream is not what its framing says.
 */
int rl_trial_open(struct rl_trial **t, const struct rl_trial_config *config,
                  const struct rl_clock *clock, const char **why);

/* Arms the engine and starts both threads. 0 or -errno; -EALREADY when it was started before. */
int rl_trial_start(struct rl_trial *t);

/*
 * 0: both threads have ended and everything may be inspected; -ETIMEDOUT; -EINTR: a signal handler
 * ran; -EINVAL: not started.
 */
int rl_trial_wait(struct rl_trial *t, uint64_t timeout_ns);

/* Ends the sending now; what is under way is still drained. The trial is over when wait says so. */
void rl_trial_stop(struct rl_trial *t);

/* Trips the kill word: no order leaves any more, everything else goes on. */
static inline bool rl_trial_kill(struct rl_trial *t, enum rl_kill_cause cause)
{
    return rl_kill_trip(t->kill, RL_SCOPE_GLOBAL, 0, cause, 0);
}

/*
 * The log goes into this directory from now on, before the start; else its records stay in the ring
 * until it is full and refuses orders. 0 or -errno with a sentence in *why or NULL.
 */
int rl_trial_audit(struct rl_trial *t, const char *dir, const char **why);
/* Takes what waits in the ring; without a directory it is let go. The number of records, or -errno.
 */
int64_t rl_trial_audit_step(struct rl_trial *t);
/* After the end: the rest, and the log's footer. 0 or -errno. */
int rl_trial_audit_close(struct rl_trial *t);

/* Stops, waits and frees. Harmless for NULL. */
void rl_trial_close(struct rl_trial *t);

/*
 * For long runs: ends the current interval of `wire` and gives it out, valid until the next swap.
 * 0, or -ETIMEDOUT when the rig did not turn in time. After the end it gives out the last interval.
 */
int rl_trial_swap(struct rl_trial *t, uint64_t timeout_ns, const struct rl_hist **interval);

/* NULL for a number that is none. `wire` is the interval under way; without swaps, all of it. */
const struct rl_hist *rl_trial_hist(const struct rl_trial *t, unsigned which);

/* Of the engine's thread and the rig's, from the first measured frame to the end; false: none. */
bool rl_trial_usage(const struct rl_trial *t, struct rl_usage *engine, struct rl_usage *rig);

#define RL_TRIAL_MAX_IDENTITIES 24
/* All that apply to this trial; how many. After the end only. */
uint32_t rl_trial_identities(const struct rl_trial *t,
                             struct rl_identity out[RL_TRIAL_MAX_IDENTITIES]);
/* The first whose sides differ, as its sentence and in *broken; NULL when all hold. */
const char *rl_trial_check(const struct rl_trial *t, struct rl_identity *broken);

/* The state in which the engine ended. */
struct rl_trial_answer {
    uint32_t n_instruments; /* that the feed has numbered */
    uint32_t n_orders, n_levels;
    uint64_t hash;      /* rl_books_hash */
    uint64_t last_seq;  /* of the line; DBN: the venue's own number of the last record */
    const char *damage; /* NULL, or what rl_books_check found */
};
void rl_trial_answer(const struct rl_trial *t, struct rl_trial_answer *answer);

/* One instrument's book. -ERANGE for a number the feed has not given out. */
struct rl_trial_book {
    char symbol[RL_FEED_SYMBOL];
    struct rl_bbo bbo;
    uint32_t n_levels[2], n_orders[2];
};
int rl_trial_book(const struct rl_trial *t, uint32_t instrument, struct rl_trial_book *book);

#endif
