#include "trade/kill/inner.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"

/* A trip starts over when a reset, which takes two people, was completed in its middle. */
#define TRIP_ROUNDS 3

/* The word of the set that has this scope's bit. Everything is tripped by the board's word alone.
 */
static const _Atomic uint64_t *set_of(const struct rl_kill *k, uint32_t scope, uint32_t index)
{
    return scope == RL_SCOPE_SYMBOL ? &k->symbols[index / 64] : &k->sets[scope];
}

static _Atomic uint64_t *set_to_change(struct rl_kill *k, uint32_t scope, uint32_t index)
{
    return scope == RL_SCOPE_SYMBOL ? &k->symbols[index / 64] : &k->sets[scope];
}

void rl_kill_init(struct rl_kill *k, uint32_t epoch)
{
    memset(k, 0, sizeof(*k));
    atomic_store_explicit(&k->reasons[0].causes, 1ULL << RL_KILL_BOOT, RELAXED);
    atomic_store_explicit(&k->word, (uint64_t)epoch << 32 | RL_KILL_GLOBAL, RELAXED);
}

enum rl_kill_state rl_kill_state_of(uint64_t word)
{
    if (!(word & RL_KILL_GLOBAL))
        return RL_KILL_IS_ACTIVE;
    if (word & RL_KILL_DRAINED)
        return RL_KILL_IS_DRAINED;
    if (word & RL_KILL_DRAINING)
        return RL_KILL_IS_DRAINING;
    if (word & RL_KILL_SINCE)
        return RL_KILL_IS_TRIPPED;
    return word & RL_KILL_ASKED ? RL_KILL_IS_ARMING : RL_KILL_IS_HALTED;
}

/* ---- Asking ------------------------------------------------------------------------------------
 */

static bool is_in_set(const struct rl_kill *k, uint32_t scope, uint32_t index)
{
    /* K2: pairs with the release in clear_set - who sees a part cleared sees the reset's word too.
     */
    uint64_t set = atomic_load_explicit(set_of(k, scope, index), memory_order_acquire);

    return (set & rl_kill_bit(index)) != 0;
}

bool rl_kill_allows_some(const struct rl_kill *k, const struct rl_scopes *s)
{
    uint64_t word = rl_kill_word(k);

    if (word & (RL_KILL_GLOBAL | RL_KILL_RESETTING))
        return false;
    if (s->instrument >= RL_MAX_SYMBOLS || s->venue >= RL_MAX_VENUES ||
        s->account >= RL_MAX_ACCOUNTS || s->strategy >= RL_MAX_STRATEGIES)
        return false;
    if (is_in_set(k, RL_SCOPE_VENUE, s->venue) || is_in_set(k, RL_SCOPE_ACCOUNT, s->account) ||
        is_in_set(k, RL_SCOPE_STRATEGY, s->strategy) ||
        is_in_set(k, RL_SCOPE_SYMBOL, s->instrument))
        return false;
    /* K2: a reset that has begun meanwhile may yet be broken off, so its gaps are not believed. */
    return atomic_load_explicit(&k->word, RELAXED) == word;
}

bool rl_kill_is_tripped(const struct rl_kill *k, enum rl_scope scope, uint32_t index)
{
    if (scope == RL_SCOPE_GLOBAL)
        return (rl_kill_word(k) & RL_KILL_GLOBAL) != 0;
    return rl_kill_scope_exists(scope, index) && is_in_set(k, scope, index);
}

uint64_t rl_kill_acknowledge(struct rl_kill *k, uint64_t now_tsc)
{
    /* K6: pairs with the release in put_into_set - what was noted is in the set. */
    uint64_t n_notes = atomic_load_explicit(&k->n_notes, memory_order_acquire);
    uint64_t word = rl_kill_word(k);

    atomic_store_explicit(&k->seen_notes, n_notes, RELAXED);
    atomic_store_explicit(&k->seen_tsc, now_tsc, RELAXED);
    atomic_store_explicit(&k->seen_orders, rl_vital(&k->vitals, RL_VITAL_SENT_ORDERS), RELAXED);
    /* K5: pairs with the acquire in rl_kill_is_seen - when and after how many orders is there. */
    atomic_store_explicit(&k->seen, word, memory_order_release);
    return word;
}

struct rl_kill_mark rl_kill_mark(const struct rl_kill *k)
{
    uint64_t word = rl_kill_word(k);

    return (struct rl_kill_mark){word, atomic_load_explicit(&k->n_notes, RELAXED)};
}

bool rl_kill_is_seen(const struct rl_kill *k, struct rl_kill_mark mark)
{
    /* K5: pairs with the release in rl_kill_acknowledge. */
    uint64_t seen = atomic_load_explicit(&k->seen, memory_order_acquire);
    int32_t later = (int32_t)(rl_kill_epoch_of(seen) - rl_kill_epoch_of(mark.word));

    return later > 0 || (later == 0 && (mark.word & RL_KILL_BLOCKS & ~seen) == 0 &&
                         atomic_load_explicit(&k->seen_notes, RELAXED) >= mark.n_notes);
}

/* ---- Tripping ----------------------------------------------------------------------------------
 */

/* True when this cause became the first of the period. */
static bool put_reason(struct rl_kill_reasons *r, uint16_t arms, uint64_t mine)
{
    uint64_t first = atomic_load_explicit(&r->first, RELAXED);

    atomic_fetch_or_explicit(&r->causes, 1ULL << rl_kill_first_cause(mine), RELAXED);
    /* What lies there from two periods ago is overwritten; twice at most, since others do so too.
     */
    for (int tries = 0; tries < 3; tries++) {
        if (rl_kill_first_cause(first) != RL_KILL_NONE &&
            (int16_t)(arms - rl_kill_first_arms(first)) <= 0)
            return false;
        if (atomic_compare_exchange_strong_explicit(&r->first, &first, mine, RELAXED, RELAXED))
            return true;
    }
    return false;
}

/* When and by whom, behind the trip: it must not wait for a clock. */
static void put_details(struct rl_kill_reasons *r, uint64_t mine, uint32_t who)
{
    struct timespec wall;

    clock_gettime(CLOCK_REALTIME, &wall); /* async-signal-safe */
    atomic_store_explicit(&r->tsc, rl_tsc(), RELAXED);
    atomic_store_explicit(&r->wall_ns,
                          (uint64_t)wall.tv_sec * 1000000000ULL + (uint64_t)wall.tv_nsec, RELAXED);
    atomic_store_explicit(&r->who, who, RELAXED);
    /* K4: pairs with the acquire in rl_kill_cause. */
    atomic_store_explicit(&r->told, mine, memory_order_release);
}

/* The scope's bit, unless it is there; what is new is noted, and the order thread told. */
static void put_into_set(struct rl_kill *k, uint64_t word, uint64_t first, uint32_t who)
{
    uint32_t scope = (uint8_t)(first >> 32), index = (uint32_t)first;
    _Atomic uint64_t *set = set_to_change(k, scope, index);
    bool is_new = scope == RL_SCOPE_GLOBAL && !(word & RL_KILL_GLOBAL);
    struct rl_kill_note *note;

    if (scope != RL_SCOPE_GLOBAL && !(atomic_load_explicit(set, RELAXED) & rl_kill_bit(index))) {
        atomic_fetch_or_explicit(set, rl_kill_bit(index), RELAXED);
        is_new = true;
    }
    if (!is_new && word & RL_KILL_SINCE)
        return;
    /* K6: pairs with the acquire in rl_kill_acknowledge - the bit is in the set. */
    note = &k->notes[atomic_fetch_add_explicit(&k->n_notes, 1, memory_order_release) %
                     RL_KILL_N_NOTES];
    atomic_store_explicit(&note->what,
                          rl_kill_first_cause(first) | scope << 8 | (uint64_t)index << 16 |
                              (uint64_t)who << 32,
                          RELAXED);
    atomic_store_explicit(&note->tsc, rl_tsc(), RELAXED);
}

bool rl_kill_trip(struct rl_kill *k, enum rl_scope scope, uint32_t index, enum rl_kill_cause cause,
                  uint32_t who)
{
    bool is_first = false;

    if (!rl_kill_scope_exists(scope, index)) {
        scope = RL_SCOPE_GLOBAL;
        index = 0;
    }
    if (cause == RL_KILL_NONE || cause >= RL_KILL_N_CAUSES)
        cause = RL_KILL_UNKNOWN;
    for (int round = 0; round < TRIP_ROUNDS; round++) {
        /* K3: pairs with the release in rl_kill_arm - what a reset has cleared is seen cleared. */
        uint64_t word = atomic_load_explicit(&k->word, memory_order_acquire);
        uint16_t arms = rl_kill_arms_of(word);
        uint64_t mine = rl_kill_first(arms, cause, scope, index);

        is_first = put_reason(&k->reasons[arms & 1], arms, mine);
        put_into_set(k, word, mine, who);
        /* K1: pairs with the acquire in rl_kill_word - the set and the causes are there. */
        word = atomic_fetch_or_explicit(&k->word, (1ULL << scope) | RL_KILL_SINCE,
                                        memory_order_release);
        if (is_first)
            put_details(&k->reasons[arms & 1], mine, who);
        if (rl_kill_arms_of(word) == arms)
            break;
    }
    return is_first;
}

enum rl_kill_cause rl_kill_cause(const struct rl_kill *k, struct rl_kill_why *why)
{
    uint64_t word = rl_kill_word(k);
    uint16_t arms = rl_kill_arms_of(word);
    const struct rl_kill_reasons *r = &k->reasons[arms & 1];
    uint64_t causes = atomic_load_explicit(&r->causes, RELAXED);
    uint64_t first = atomic_load_explicit(&r->first, RELAXED);
    uint32_t cause = rl_kill_first_is_of(first, arms) ? rl_kill_first_cause(first) : RL_KILL_NONE;

    if (cause)
        causes |= 1ULL << cause;  /* its own bit may be seen later than it */
    if (!(word & RL_KILL_SCOPES)) /* nothing is tripped: what is being written has not happened */
        causes = cause = 0;
    if (why) {
        *why = (struct rl_kill_why){.causes = causes,
                                    .epoch = rl_kill_epoch_of(word),
                                    .state = (uint8_t)rl_kill_state_of(word)};
        /* K4: pairs with the release in put_details. */
        if (cause && atomic_load_explicit(&r->told, memory_order_acquire) == first) {
            why->has_details = true;
            why->tsc = atomic_load_explicit(&r->tsc, RELAXED);
            why->wall_ns = atomic_load_explicit(&r->wall_ns, RELAXED);
            why->who = (uint32_t)atomic_load_explicit(&r->who, RELAXED);
        }
        if (cause) {
            why->scope = (uint8_t)(first >> 32);
            why->index = (uint32_t)first;
        }
    }
    if (!cause && causes & 1ULL << RL_KILL_BOOT)
        cause = RL_KILL_BOOT; /* not a trip: whatever trips later is the first */
    if (why)
        why->cause = (uint8_t)cause;
    return (enum rl_kill_cause)cause;
}

/* ---- Draining ----------------------------------------------------------------------------------
 */

bool rl_kill_draining(struct rl_kill *k)
{
    uint64_t word = rl_kill_word(k);

    do {
        if (rl_kill_state_of(word) != RL_KILL_IS_TRIPPED)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&k->word, &word, word | RL_KILL_DRAINING,
                                                    RELAXED, RELAXED));
    return true;
}

bool rl_kill_drained(struct rl_kill *k, uint64_t n_residual)
{
    uint64_t word = rl_kill_word(k);

    rl_vital_set(&k->vitals, RL_VITAL_RESIDUAL, n_residual);
    do {
        if (rl_kill_state_of(word) != RL_KILL_IS_DRAINING)
            return false;
        /* K7: pairs with the acquire in rl_kill_word - the number of what is left is there. */
    } while (!atomic_compare_exchange_weak_explicit(&k->word, &word, word | RL_KILL_DRAINED,
                                                    memory_order_release, RELAXED));
    return true;
}
