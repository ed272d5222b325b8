#include <errno.h>

#include "trade/kill/inner.h"

static uint64_t next_epoch(uint64_t word)
{
    return word + (1ULL << 32); /* the highest bits: the carry leaves the word */
}

int rl_kill_request(struct rl_kill *k, uint32_t *epoch)
{
    uint64_t word = rl_kill_word(k), asked;

    if (word & RL_KILL_RESETTING) {
        /* Somebody died while he reset, or takes long: what he did is not believed. */
        rl_kill_trip(k, RL_SCOPE_GLOBAL, 0, RL_KILL_RESET, 0);
        word = rl_kill_word(k);
        while (word & RL_KILL_RESETTING &&
               !atomic_compare_exchange_weak_explicit(
                   &k->word, &word, next_epoch(word) & ~RL_KILL_RESETTING, RELAXED, RELAXED))
            ;
        return -EBUSY;
    }
    do {
        enum rl_kill_state state = rl_kill_state_of(word);

        if (!(word & RL_KILL_SCOPES))
            return -EALREADY;
        if (word & RL_KILL_RESETTING || state == RL_KILL_IS_TRIPPED || state == RL_KILL_IS_DRAINING)
            return -EBUSY;
        asked = next_epoch(word) & ~(RL_KILL_SINCE | RL_KILL_DRAINING | RL_KILL_DRAINED);
        asked |= RL_KILL_ASKED;
    } while (!atomic_compare_exchange_weak_explicit(&k->word, &word, asked, RELAXED, RELAXED));
    *epoch = rl_kill_epoch_of(asked);
    return 0;
}

static uint64_t clear_set(_Atomic uint64_t *set, uint64_t bits)
{
    if (!(atomic_load_explicit(set, RELAXED) & bits))
        return 0;
    /* K2: pairs with the acquire in is_in_set - the word that says RESETTING is visible before. */
    return atomic_fetch_and_explicit(set, ~bits, memory_order_release) & bits;
}

/* What a reset took out of the set, to be put back when it is broken off. */
struct taken {
    uint64_t sets[RL_N_SCOPES];
    uint64_t symbols[RL_KILL_SYMBOL_WORDS]; /* from first_word to before end_word */
    uint32_t first_word, end_word;
};

static void take_out(struct rl_kill *k, uint32_t scope, uint32_t index, struct taken *taken)
{
    bool all = scope == RL_KILL_ALL;

    for (uint32_t s = RL_SCOPE_VENUE; s <= RL_SCOPE_STRATEGY; s++)
        taken->sets[s] =
            all || s == scope ? clear_set(&k->sets[s], all ? UINT64_MAX : rl_kill_bit(index)) : 0;
    taken->first_word = scope == RL_SCOPE_SYMBOL ? index / 64 : 0;
    taken->end_word = all ? RL_KILL_SYMBOL_WORDS : scope == RL_SCOPE_SYMBOL ? index / 64 + 1 : 0;
    for (uint32_t i = taken->first_word; i < taken->end_word; i++)
        taken->symbols[i] = clear_set(&k->symbols[i], all ? UINT64_MAX : rl_kill_bit(index));
}

/* The bits of the word that say in which sets something is. */
static uint64_t summary(const _Atomic uint64_t *sets, const _Atomic uint64_t *symbols)
{
    uint64_t said = 0;

    for (uint32_t s = RL_SCOPE_VENUE; s <= RL_SCOPE_STRATEGY; s++) {
        if (atomic_load_explicit(&sets[s], RELAXED))
            said |= 1ULL << s;
    }
    for (uint32_t i = 0; i < RL_KILL_SYMBOL_WORDS; i++) {
        if (atomic_load_explicit(&symbols[i], RELAXED))
            return said | 1ULL << RL_SCOPE_SYMBOL;
    }
    return said;
}

/* The reasons of the period that begins: none, or those of what stays tripped. */
static void carry_reasons(struct rl_kill *k, uint16_t arms, bool something_stays)
{
    struct rl_kill_reasons *from = &k->reasons[arms & 1], *to = &k->reasons[~arms & 1];
    uint64_t first = atomic_load_explicit(&from->first, RELAXED);
    uint64_t causes = atomic_load_explicit(&from->causes, RELAXED);
    bool has_details = atomic_load_explicit(&from->told, memory_order_acquire) == first; /* K4 */

    if (!something_stays)
        first = causes = 0;
    else if (rl_kill_first_is_of(first, arms))
        first += 1ULL << 48; /* arms; the highest bits: the carry leaves the word */
    atomic_store_explicit(&to->causes, causes, RELAXED);
    atomic_store_explicit(&to->tsc, atomic_load_explicit(&from->tsc, RELAXED), RELAXED);
    atomic_store_explicit(&to->wall_ns, atomic_load_explicit(&from->wall_ns, RELAXED), RELAXED);
    atomic_store_explicit(&to->who, atomic_load_explicit(&from->who, RELAXED), RELAXED);
    /* Who reads it there reads it behind the word's release. */
    atomic_store_explicit(&to->told, has_details ? first : 0, RELAXED);
    atomic_store_explicit(&to->first, first, RELAXED);
}

/* A trip came in between: all that was taken out goes back, and the word says so. */
static void break_off(struct rl_kill *k, uint64_t entered, const struct taken *taken)
{
    uint64_t word = atomic_load_explicit(&k->word, RELAXED), back, scopes = 0;

    for (uint32_t s = RL_SCOPE_VENUE; s <= RL_SCOPE_STRATEGY; s++) {
        if (taken->sets[s]) {
            atomic_fetch_or_explicit(&k->sets[s], taken->sets[s], RELAXED);
            scopes |= 1ULL << s;
        }
    }
    for (uint32_t i = taken->first_word; i < taken->end_word; i++) {
        if (taken->symbols[i]) {
            atomic_fetch_or_explicit(&k->symbols[i], taken->symbols[i], RELAXED);
            scopes |= 1ULL << RL_SCOPE_SYMBOL;
        }
    }
    do {
        back = word | scopes;
        if (rl_kill_epoch_of(word) == rl_kill_epoch_of(entered))
            back &= ~RL_KILL_RESETTING; /* else somebody else has ended it */
        /* K1: pairs with the acquire in rl_kill_word - all is back in the set. */
    } while (!atomic_compare_exchange_weak_explicit(&k->word, &word, back, memory_order_release,
                                                    RELAXED));
}

/* Why a reset with this approval cannot be done now; 0: it can. */
static int refused(const struct rl_kill *k, uint64_t word, uint32_t epoch)
{
    if (rl_kill_epoch_of(word) != epoch || !(word & RL_KILL_ASKED))
        return -ESTALE;
    if (word & (RL_KILL_SINCE | RL_KILL_RESETTING))
        return -EAGAIN;
    if (atomic_load_explicit(&k->active_watchdog, RELAXED) ||
        atomic_load_explicit(&k->active_engine, RELAXED))
        return -EBUSY;
    return 0;
}

int rl_kill_arm(struct rl_kill *k, uint32_t epoch, uint32_t scope, uint32_t index)
{
    bool whole = scope == RL_KILL_ALL || scope == RL_SCOPE_GLOBAL;
    uint64_t word = atomic_load_explicit(&k->word, RELAXED), entered, left;
    struct taken taken;
    int err;

    if (scope != RL_KILL_ALL && !rl_kill_scope_exists(scope, index))
        return -EINVAL;
    do {
        err = refused(k, word, epoch);
        if (err)
            return err;
        entered = word | RL_KILL_RESETTING;
        /* K3: pairs with the release in rl_kill_trip - all that is tripped so far is in the set. */
    } while (!atomic_compare_exchange_weak_explicit(&k->word, &word, entered, memory_order_acquire,
                                                    RELAXED));
    take_out(k, scope, index, &taken);
    left = summary(k->sets, k->symbols) | (whole ? 0 : word & RL_KILL_GLOBAL);
    carry_reasons(k, rl_kill_arms_of(word), left != 0);
    left |= next_epoch(word) & 0xFFFFFFFF00000000ULL;
    left |= (uint64_t)(uint16_t)(rl_kill_arms_of(word) + 1) << 16;
    /* K3: pairs with the acquire in rl_kill_trip - what was taken out is seen gone. */
    if (atomic_compare_exchange_strong_explicit(&k->word, &entered, left, memory_order_release,
                                                RELAXED))
        return 0;
    break_off(k, word, &taken);
    return -EAGAIN;
}

void rl_kill_restore(struct rl_kill *k, const uint64_t sets[RL_N_SCOPES],
                     const uint64_t symbols[RL_KILL_SYMBOL_WORDS])
{
    for (uint32_t s = RL_SCOPE_VENUE; s <= RL_SCOPE_STRATEGY; s++)
        atomic_fetch_or_explicit(&k->sets[s], sets[s], RELAXED);
    for (uint32_t i = 0; i < RL_KILL_SYMBOL_WORDS; i++)
        atomic_fetch_or_explicit(&k->symbols[i], symbols[i], RELAXED);
    /* Relaxed: nobody else has the board yet. */
    atomic_fetch_or_explicit(&k->word, summary(k->sets, k->symbols), RELAXED);
}

void rl_kill_take_over(struct rl_kill *k, const uint64_t *latch_word)
{
    uint64_t word = rl_kill_word(k), halted;

    do {
        uint32_t epoch = rl_kill_epoch_of(word);
        uint16_t arms = rl_kill_arms_of(word);
        bool had_reasons = (word & RL_KILL_SCOPES) != 0;

        if (latch_word && (int32_t)(rl_kill_epoch_of(*latch_word) - epoch) > 0)
            epoch = rl_kill_epoch_of(*latch_word);
        if (!had_reasons)
            atomic_store_explicit(&k->reasons[arms & 1].causes, 0, RELAXED);
        atomic_fetch_or_explicit(&k->reasons[arms & 1].causes, 1ULL << RL_KILL_BOOT, RELAXED);
        halted = (uint64_t)(epoch + 1) << 32 | (uint64_t)arms << 16 | RL_KILL_GLOBAL |
                 summary(k->sets, k->symbols);
        /* K1: pairs with the acquire in rl_kill_word - the cause is there. */
    } while (!atomic_compare_exchange_weak_explicit(&k->word, &word, halted, memory_order_release,
                                                    RELAXED));
    /* The one who wrote these is dead. */
    atomic_store_explicit(&k->active_engine, 0, RELAXED);
    for (uint32_t i = 0; i < RL_N_BEATS; i++) {
        if (i != RL_BEAT_WATCHDOG)
            atomic_store_explicit(&k->vitals.beats[i].tsc, 0, RELAXED);
        atomic_store_explicit(&k->vitals.beats[i].waiting_tsc, 0, RELAXED);
    }
    for (uint32_t i = 0; i < RL_N_VITALS; i++)
        rl_vital_set(&k->vitals, (enum rl_vital)i, 0);
}
