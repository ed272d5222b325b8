#include "rig/synth/synth_book.h"

#include <errno.h>
#include <immintrin.h>
#include <string.h>

/* Arrivals between two compactions of the age bits: more saves time, fewer saves memory. */
#define SLOTS_PER_ORDER 4
#define MIN_SLOTS 256

static uint32_t n_slots_for(uint32_t n_orders_max)
{
    uint32_t n = MIN_SLOTS;

    while (n < n_orders_max * SLOTS_PER_ORDER)
        n *= 2;
    return n;
}

size_t rl_synth_book_bytes(uint32_t n_orders_max)
{
    size_t n = n_orders_max, n_slots = n_slots_for(n_orders_max);

    return n * (sizeof(struct rl_synth_order) + 2 * sizeof(struct rl_synth_level)) +
           n_slots / 64 * (sizeof(uint64_t) + sizeof(uint32_t)) + sizeof(uint32_t) +
           n_slots * sizeof(uint32_t) +
           6 * RL_CACHE_LINE; /* six pieces, each on a line of its own */
}

int rl_synth_book_init(struct rl_synth_book *b, struct rl_arena *arena, uint32_t n_orders_max)
{
    size_t n = n_orders_max;

    memset(b, 0, sizeof(*b));
    b->n_orders_max = n_orders_max;
    b->n_slots = n_slots_for(n_orders_max);
    b->orders = rl_arena_take(arena, n * sizeof(*b->orders), 0);
    b->levels[RL_BUY] = rl_arena_take(arena, n * sizeof(struct rl_synth_level), 0);
    b->levels[RL_SELL] = rl_arena_take(arena, n * sizeof(struct rl_synth_level), 0);
    b->live = rl_arena_take(arena, b->n_slots / 64 * sizeof(*b->live), 0);
    b->tree = rl_arena_take(arena, (b->n_slots / 64 + 1) * sizeof(*b->tree), 0);
    b->order_at = rl_arena_take(arena, b->n_slots * sizeof(*b->order_at), 0);
    if (!b->orders || !b->levels[RL_BUY] || !b->levels[RL_SELL] || !b->live || !b->tree ||
        !b->order_at)
        return -ENOMEM;
    for (uint32_t i = 0; i < n_orders_max; i++)
        b->orders[i].next = i + 1 < n_orders_max ? i + 1 : RL_SYNTH_NIL;
    b->free_order = 0;
    return 0;
}

/* --- age --- */

static void age_count(struct rl_synth_book *b, uint32_t word, int by)
{
    for (uint32_t i = word + 1; i <= b->n_slots / 64; i += i & -i)
        b->tree[i] += (uint32_t)by;
}

/* Numbers the live orders anew from 0, oldest first. */
static void age_compact(struct rl_synth_book *b)
{
    uint32_t n_words = b->n_slots / 64, n = 0;

    for (uint32_t w = 0; w < n_words; w++) {
        for (uint64_t bits = b->live[w]; bits; bits &= bits - 1) {
            uint32_t order = b->order_at[w * 64 + (uint32_t)__builtin_ctzll(bits)];

            b->order_at[n] = order; /* n has not passed the slot that is being read */
            b->orders[order].age_slot = n++;
        }
    }
    memset(b->live, 0, n_words * sizeof(*b->live));
    memset(b->tree, 0, (n_words + 1) * sizeof(*b->tree));
    for (uint32_t i = 0; i < n; i++)
        b->live[i / 64] |= 1ULL << (i % 64);
    for (uint32_t w = 0; w <= n / 64 && w < n_words; w++)
        age_count(b, w, __builtin_popcountll(b->live[w]));
    b->next_slot = n;
}

static void age_enter(struct rl_synth_book *b, uint32_t order)
{
    uint32_t slot;

    if (b->next_slot == b->n_slots)
        age_compact(b);
    slot = b->next_slot++;
    b->order_at[slot] = order;
    b->orders[order].age_slot = slot;
    b->live[slot / 64] |= 1ULL << (slot % 64);
    age_count(b, slot / 64, 1);
}

static void age_leave(struct rl_synth_book *b, uint32_t order)
{
    uint32_t slot = b->orders[order].age_slot;

    b->live[slot / 64] &= ~(1ULL << (slot % 64));
    age_count(b, slot / 64, -1);
}

uint32_t rl_synth_book_by_age(const struct rl_synth_book *b, uint32_t n_younger)
{
    uint32_t n_older = rl_synth_book_n(b) - 1 - n_younger, word = 0;

    for (uint32_t step = b->n_slots / 64; step; step /= 2) {
        if (word + step <= b->n_slots / 64 && b->tree[word + step] <= n_older) {
            word += step;
            n_older -= b->tree[word];
        }
    }
    /* The n-th set bit of the word: deposit a single bit there and find it. */
    return b->order_at[word * 64 +
                       (uint32_t)__builtin_ctzll(_pdep_u64(1ULL << n_older, b->live[word]))];
}

/* --- levels --- */

/* The first level whose key is not below. */
static uint32_t level_from(const struct rl_synth_book *b, enum rl_side side, int32_t key)
{
    const struct rl_synth_level *levels = b->levels[side];
    uint32_t low = 0, n = b->n_levels[side];

    while (n) {
        uint32_t half = n / 2;

        if (levels[low + half].key < key) {
            low += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return low;
}

const struct rl_synth_level *rl_synth_book_near(const struct rl_synth_book *b, enum rl_side side,
                                                int32_t key)
{
    const struct rl_synth_level *levels = b->levels[side];
    uint32_t i = level_from(b, side, key);

    if (i == b->n_levels[side] || (i && key - levels[i - 1].key < levels[i].key - key))
        i--;
    return &levels[i];
}

const struct rl_synth_level *rl_synth_book_at(const struct rl_synth_book *b, enum rl_side side,
                                              int32_t key)
{
    uint32_t i = level_from(b, side, key);

    return i < b->n_levels[side] && b->levels[side][i].key == key ? &b->levels[side][i] : NULL;
}

uint32_t rl_synth_book_enter(struct rl_synth_book *b, uint64_t id, enum rl_side side, int32_t key,
                             uint32_t qty)
{
    uint32_t order = b->free_order, i = level_from(b, side, key);
    struct rl_synth_order *o = &b->orders[order];
    struct rl_synth_level *level = &b->levels[side][i];

    b->free_order = o->next;
    *o = (struct rl_synth_order){
        .id = id, .key = key, .qty = qty, .prev = RL_SYNTH_NIL, .next = RL_SYNTH_NIL, .side = side};
    if (i == b->n_levels[side] || level->key != key) {
        memmove(level + 1, level, (b->n_levels[side] - i) * sizeof(*level));
        *level = (struct rl_synth_level){.key = key, .head = order, .tail = order};
        b->n_levels[side]++;
    } else {
        o->prev = level->tail;
        b->orders[level->tail].next = order;
        level->tail = order;
    }
    b->n_side[side]++;
    age_enter(b, order);
    return order;
}

void rl_synth_book_leave(struct rl_synth_book *b, uint32_t order)
{
    struct rl_synth_order *o = &b->orders[order];
    uint32_t i = level_from(b, o->side, o->key);
    struct rl_synth_level *level = &b->levels[o->side][i];

    age_leave(b, order);
    if (o->prev != RL_SYNTH_NIL)
        b->orders[o->prev].next = o->next;
    else
        level->head = o->next;
    if (o->next != RL_SYNTH_NIL)
        b->orders[o->next].prev = o->prev;
    else
        level->tail = o->prev;
    if (level->head == RL_SYNTH_NIL) {
        b->n_levels[o->side]--;
        memmove(level, level + 1, (b->n_levels[o->side] - i) * sizeof(*level));
    }
    b->n_side[o->side]--;
    o->next = b->free_order;
    b->free_order = order;
}
