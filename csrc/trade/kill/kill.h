/*
 * kill - the board that stops orders: one word asked last before the bytes leave, and the reasons.
 *
 * Threads:  any thread or signal handler of any process that maps the board may trip it. One order
 *           thread asks before every order. Resetting and draining have one actor at a time; two
 *           at once are harmless, one of them is refused.
 * Memory:   the caller owns it: plain memory, or the mapped file of board.h. All zero is not ready.
 * Cost:     asking is one plain load of a line that nobody writes until the end. A trip is
 * wait-free: a few exchanges, no call into the kernel, no loop that another thread can prolong
 * except by a complete reset in its middle.
 *
 * What may not leave is a set: everything, or some venues, accounts, strategies, symbols. It only
 * grows, until people reset it. Its summary is `word`; 0 in its low half says that the set is
 * empty. The word also carries epoch   counts resets that were asked for or done; who approves a
 * reset names it, so that no approval is good twice, and none outlives a trip that came after it;
 *   arms    counts resets that were done; it tells causes of now from causes of then.
 *
 * The state follows from the word:
 *   HALTED     from birth, and after a reset of something less than what is halted
 *   TRIPPED    somebody tripped everything (also: anything, while HALTED or ARMING)
 *   DRAINING   the order thread has seen it and takes its orders back
 *   DRAINED    that is over
 *   ARMING     a reset was asked for; a trip of anything ends it, and it must be asked for again
 *   ACTIVE     orders may leave, except those of tripped scopes
 *
 * These orders make it correct; tests/model/ shows that none may be weaker:
 *   K1  a trip releases the word, who looks at the word acquires it: the set and the cause are
 * there. K2  a reset clears parts of the set with release, who asks acquires them and looks at the
 * word again: what was cleared while he looked is not believed. K3  a reset enters with acquire: it
 * sees all that was tripped before. It leaves with release, and a trip begins with acquire: one
 * that fell into the reset sees that, and sets its part again. K4  the details of a first cause are
 * released by its mark, which readers acquire. K5  the order thread releases what it has seen; who
 * waits for that acquires it.
 */
#ifndef RL_TRADE_KILL_KILL_H
#define RL_TRADE_KILL_KILL_H

#include "trade/kill/cause.h"
#include "trade/kill/vitals.h"
#include "trade/scope.h"

/* Bits of the word's low half; the five lowest are 1 << enum rl_scope: something of it is tripped.
 */
#define RL_KILL_GLOBAL (1ULL << RL_SCOPE_GLOBAL)
#define RL_KILL_SCOPES ((1ULL << RL_N_SCOPES) - 1)
#define RL_KILL_SINCE (1ULL << 8) /* tripped since a reset was last asked for */
#define RL_KILL_ASKED (1ULL << 9) /* a reset was asked for */
#define RL_KILL_DRAINING (1ULL << 10)
#define RL_KILL_DRAINED (1ULL << 11)
#define RL_KILL_RESETTING (1ULL << 12) /* the set is being changed: nothing may leave */
/* Of these bits, any forbids something. */
#define RL_KILL_BLOCKS (RL_KILL_SCOPES | RL_KILL_RESETTING)

static inline uint32_t rl_kill_epoch_of(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

static inline uint16_t rl_kill_arms_of(uint64_t word)
{
    return (uint16_t)(word >> 16);
}

/* X(NAME, number, text) */
#define RL_KILL_STATES(X)      \
    X(HALTED, 0, "halted")     \
    X(ARMING, 1, "arming")     \
    X(ACTIVE, 2, "active")     \
    X(TRIPPED, 3, "tripped")   \
    X(DRAINING, 4, "draining") \
    X(DRAINED, 5, "drained")

enum rl_kill_state {
#define RL_KILL_STATE_ENUM(name, number, text) RL_KILL_IS_##name = (number),
    RL_KILL_STATES(RL_KILL_STATE_ENUM)
#undef RL_KILL_STATE_ENUM
};

enum rl_kill_state rl_kill_state_of(uint64_t word);

/* What a reset means instead of a scope: everything that is tripped. */
#define RL_KILL_ALL 0xFFU

#define RL_KILL_SYMBOL_WORDS ((RL_MAX_SYMBOLS + 63) / 64)
#define RL_KILL_N_NOTES 64

/* What was given in one armed period; there are two, used in turn by the low bit of `arms`. */
struct rl_kill_reasons {
    RL_ALIGNED _Atomic uint64_t first;  /* arms, cause, scope, index of the first; see kill.c */
    _Atomic uint64_t causes;            /* 1 << cause of all */
    _Atomic uint64_t tsc, wall_ns, who; /* of the first; valid once `told` equals `first` */
    _Atomic uint64_t told;
};

/* A trip that added something to the set; the last 64 of them, for people. */
struct rl_kill_note {
    _Atomic uint64_t what; /* cause | scope << 8 | index << 16 | who << 32 */
    _Atomic uint64_t tsc;
};

struct rl_kill {
    RL_ALIGNED _Atomic uint64_t word; /* nobody writes this line until something is wrong */
    _Atomic uint64_t n_notes;         /* trips that added something to the set */

    RL_ALIGNED _Atomic uint64_t sets[RL_N_SCOPES]; /* bit = index; [GLOBAL] and [SYMBOL] unused */
    /* Causes that hold at this moment, as watchdog and engine find them: no reset while any does.
     */
    _Atomic uint64_t active_watchdog, active_engine;

    /* The order thread's. */
    RL_ALIGNED _Atomic uint64_t seen; /* the word as it last acted on it */
    _Atomic uint64_t seen_notes;
    _Atomic uint64_t seen_tsc, seen_orders; /* when, and how many orders it had sent by then */

    struct rl_kill_reasons reasons[2];
    RL_ALIGNED struct rl_kill_note notes[RL_KILL_N_NOTES];
    RL_ALIGNED _Atomic uint64_t symbols[RL_KILL_SYMBOL_WORDS];
    struct rl_vitals vitals;
};

/* HALTED with cause BOOT; nothing else tripped. `epoch`: of the first reset, minus one. */
void rl_kill_init(struct rl_kill *k, uint32_t epoch);

/* ---- The order thread: as the last thing before sending ----
 */

/* True: nothing whatever is forbidden. */
static inline bool rl_kill_is_clear(const struct rl_kill *k)
{
    /* Relaxed is enough: nothing is read on the strength of it, the word only forbids. */
    return (atomic_load_explicit(&k->word, memory_order_relaxed) & RL_KILL_BLOCKS) == 0;
}

/* The rest of rl_kill_allows, when something is forbidden. */
bool rl_kill_allows_some(const struct rl_kill *k, const struct rl_scopes *s);

/* May a new order or a replace under these scopes leave? Cancels do not ask. */
static inline bool rl_kill_allows(const struct rl_kill *k, const struct rl_scopes *s)
{
    return RL_LIKELY(rl_kill_is_clear(k)) || rl_kill_allows_some(k, s);
}

/* True when something was tripped or reset since the last acknowledgement: time to act on it. */
static inline bool rl_kill_has_news(const struct rl_kill *k)
{
    return atomic_load_explicit(&k->word, memory_order_relaxed) !=
               atomic_load_explicit(&k->seen, memory_order_relaxed) ||
           atomic_load_explicit(&k->n_notes, memory_order_relaxed) !=
               atomic_load_explicit(&k->seen_notes, memory_order_relaxed);
}

/*
 * Tells who waits that the order thread has seen the board as it is, and acts on it: takes back the
 * orders that rl_kill_allows now forbids. Returns the word.
 */
uint64_t rl_kill_acknowledge(struct rl_kill *k, uint64_t now_tsc);

/* ---- Everybody ----------------------------------------------------------------------------------
 */

/*
 * Stops the scope. Wait-free, async-signal-safe, as often as one likes. True for the caller whose
 * cause is kept as the first of this armed period. Fails closed: an index or scope that does not
 * exist stops everything, a cause that does not exist is recorded as UNKNOWN. `who`: a process id.
 */
bool rl_kill_trip(struct rl_kill *k, enum rl_scope scope, uint32_t index, enum rl_kill_cause cause,
                  uint32_t who);

/* Is exactly this scope tripped (GLOBAL: everything)? */
bool rl_kill_is_tripped(const struct rl_kill *k, enum rl_scope scope, uint32_t index);

/* What is known of the trips since the last reset. */
struct rl_kill_why {
    uint64_t causes; /* 1 << cause of all */
    uint64_t tsc, wall_ns;
    uint32_t epoch, index, who;
    uint8_t state; /* enum rl_kill_state */
    uint8_t cause; /* the first; RL_KILL_NONE: none, or this very moment being written */
    uint8_t scope;
    bool has_details; /* tsc, wall_ns and who are there */
};

/* The first cause, which it also returns; *why may be NULL. */
enum rl_kill_cause rl_kill_cause(const struct rl_kill *k, struct rl_kill_why *why);

static inline uint64_t rl_kill_word(const struct rl_kill *k)
{
    /* K1: pairs with the release in rl_kill_trip - the set and the causes are there. */
    return atomic_load_explicit(&k->word, memory_order_acquire);
}

/* The board at one moment, for a wait until the order thread has seen it. */
struct rl_kill_mark {
    uint64_t word, n_notes;
};
struct rl_kill_mark rl_kill_mark(const struct rl_kill *k);

/* Has the order thread acknowledged the board as it was at the mark, or as it was later? */
bool rl_kill_is_seen(const struct rl_kill *k, struct rl_kill_mark mark);

/* ---- Draining: the order thread, after a trip of everything
 * -------------------------------------- */

/* TRIPPED -> DRAINING, DRAINING -> DRAINED; false when the state is another. */
bool rl_kill_draining(struct rl_kill *k);
bool rl_kill_drained(struct rl_kill *k, uint64_t n_residual);

/* ---- Resetting: two people, see docs/guides/kill-switch.md
 * ---------------------------------------- */

/*
 * Asks for a reset: HALTED, ARMING or DRAINED becomes ARMING; ACTIVE with tripped scopes stays
 * ACTIVE. *epoch is what approvals must name. -EBUSY while TRIPPED or DRAINING, -EALREADY when
 * nothing is tripped.
 */
int rl_kill_request(struct rl_kill *k, uint32_t *epoch);

/*
 * Ends the trip of a scope, or of all (RL_KILL_ALL). Nobody's identity is checked here: the file
 * mode of the board says who may. -ESTALE: the epoch is not that of the last request. -EAGAIN:
 * something was tripped since, ask again. -EBUSY: a cause still holds. -EINVAL: no such scope.
 */
int rl_kill_arm(struct rl_kill *k, uint32_t epoch, uint32_t scope, uint32_t index);

/* Sets the set as a latch file had it; before anybody else has the board. */
void rl_kill_restore(struct rl_kill *k, const uint64_t sets[RL_N_SCOPES],
                     const uint64_t symbols[RL_KILL_SYMBOL_WORDS]);

/*
 * A new engine on a board that an earlier one left: HALTED at the next epoch, also beyond the one
 * in *latch_word (may be NULL); what was tripped, and why, stays.
 */
void rl_kill_take_over(struct rl_kill *k, const uint64_t *latch_word);

/* The causes that hold now, as one of the two watchers finds them. */
static inline void rl_kill_set_active(struct rl_kill *k, bool is_watchdog, uint64_t causes)
{
    atomic_store_explicit(is_watchdog ? &k->active_watchdog : &k->active_engine, causes,
                          memory_order_relaxed);
}

/* A thread's sign of life: RL_BEAT_*. */
static inline void rl_kill_beat(struct rl_kill *k, enum rl_beat beat, uint64_t now_tsc)
{
    rl_vitals_beat(&k->vitals, beat, now_tsc);
}

/* The sentence for a cause, the name of it, the name of a state; never NULL. */
const char *rl_kill_cause_text(uint32_t cause);
const char *rl_kill_cause_name(uint32_t cause);
const char *rl_kill_state_text(uint32_t state);

#endif
