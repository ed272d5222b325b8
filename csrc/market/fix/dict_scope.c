/*
 * One scope's table: hash and displace (F. Botelho, R. Pagh, N. Ziviani: "Simple and
 * space-efficient minimal perfect hash functions", CHD), at most half full. Rows with many tags
 * choose their shift first, while there is room.
 */
#include "market/fix/dict_inner.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mix.h"

#define ATTEMPTS 16 /* multipliers tried before the table doubles */
#define DOUBLINGS 2

static uint32_t power_of_two(uint32_t at_least)
{
    uint32_t n = 8;

    while (n < at_least)
        n *= 2;
    return n;
}

static uint32_t rows_for(uint32_t n)
{
    return power_of_two(n / 2);
}

static size_t table_bytes(uint32_t n_slots, uint32_t n)
{
    /* The arena rounds each piece up to a cache line. */
    return n_slots * sizeof(struct rl_fix_member) + rows_for(n) * sizeof(uint16_t) +
           n * sizeof(uint32_t) + RL_FIX_DIRECT * sizeof(uint16_t) + n / 8 + 8 + 5 * RL_CACHE_LINE;
}

size_t rl_fix_scope_bytes(uint32_t n)
{
    return table_bytes(power_of_two(2 * n) << DOUBLINGS, n);
}

/* Odd and full of bits; from splitmix64 (S. Vigna), counted, so that a build can be repeated. */
static uint64_t multiplier(uint64_t attempt)
{
    return rl_mix((attempt + 1) * RL_MIX_STEP) | 1;
}

struct work {
    const struct rl_fix_member *members;
    uint32_t n;
    uint64_t multiplier;
    uint32_t n_slots, n_rows;
    struct rl_fix_member *slots;
    uint16_t *shifts;
    uint32_t *starts; /* n_rows + 1: where a row's members begin in `order` */
    uint32_t *order;
};

static uint32_t row_of(const struct work *w, uint32_t tag)
{
    return (uint32_t)(tag * w->multiplier >> 32) & (w->n_rows - 1);
}

static uint32_t slot_of(const struct work *w, uint32_t tag, uint32_t shift)
{
    return ((uint32_t)(tag * w->multiplier >> 48) ^ shift) & (w->n_slots - 1);
}

static void sort_into_rows(struct work *w)
{
    memset(w->starts, 0, (w->n_rows + 1) * sizeof(*w->starts));
    for (uint32_t i = 0; i < w->n; i++)
        w->starts[row_of(w, w->members[i].tag) + 1]++;
    for (uint32_t r = 0; r < w->n_rows; r++)
        w->starts[r + 1] += w->starts[r];
    for (uint32_t i = w->n; i-- > 0;) { /* fills each row from its end, moving the end down */
        uint32_t r = row_of(w, w->members[i].tag);

        w->order[--w->starts[r + 1]] = i;
    }
    /* Now starts[r + 1] is where row r begins. */
    memmove(w->starts, w->starts + 1, w->n_rows * sizeof(*w->starts));
    w->starts[w->n_rows] = w->n;
}

/* Puts the row's members where this shift wants them; takes them back when one finds no room. */
static bool place(struct work *w, uint32_t row, uint32_t shift)
{
    uint32_t from = w->starts[row], to = w->starts[row + 1], k;

    for (k = from; k < to; k++) {
        const struct rl_fix_member *e = &w->members[w->order[k]];
        struct rl_fix_member *slot = &w->slots[slot_of(w, e->tag, shift)];

        if (slot->tag != 0)
            break;
        *slot = *e;
    }
    if (k == to) {
        w->shifts[row] = (uint16_t)shift;
        return true;
    }
    while (k-- > from)
        w->slots[slot_of(w, w->members[w->order[k]].tag, shift)].tag = 0;
    return false;
}

static bool place_all(struct work *w)
{
    uint32_t longest = 0;

    sort_into_rows(w);
    memset(w->slots, 0, w->n_slots * sizeof(*w->slots));
    memset(w->shifts, 0, w->n_rows * sizeof(*w->shifts));
    for (uint32_t r = 0; r < w->n_rows; r++) {
        uint32_t n = w->starts[r + 1] - w->starts[r];

        longest = n > longest ? n : longest;
    }
    for (uint32_t n = longest; n > 0; n--) {
        for (uint32_t r = 0; r < w->n_rows; r++) {
            uint32_t shift = 0;

            if (w->starts[r + 1] - w->starts[r] != n)
                continue;
            while (shift < w->n_slots && !place(w, r, shift))
                shift++;
            if (shift == w->n_slots)
                return false;
        }
    }
    return true;
}

static int by_tag(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static bool has_a_tag_twice(const struct work *w)
{
    for (uint32_t i = 0; i < w->n; i++)
        w->order[i] = w->members[i].tag;
    qsort(w->order, w->n, sizeof(*w->order), by_tag);
    for (uint32_t i = 1; i < w->n; i++)
        if (w->order[i] == w->order[i - 1])
            return true;
    return false;
}

/* The bits that are required, and which tag a bit is. */
static int describe(struct rl_fix_scope *s, struct rl_arena *arena,
                    const struct rl_fix_member *members, uint32_t n)
{
    uint32_t n_words = (n + 63) / 64;
    uint64_t *required = rl_arena_take(arena, (n_words + 1) * sizeof(*required), 8);
    uint32_t *tags = rl_arena_take(arena, (n + 1) * sizeof(*tags), 8);

    if (!required || !tags)
        return -ENOMEM;
    memset(required, 0, (n_words + 1) * sizeof(*required));
    s->n = n;
    s->n_words = (uint16_t)n_words;
    s->n_required = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint16_t at = members[i].at;

        tags[at] = members[i].tag;
        if (!members[i].is_required)
            continue;
        rl_fix_bit_set(required, at);
        s->n_required++;
    }
    s->required = required;
    s->tags = tags;
    return 0;
}

/* Tags near the lowest get a table of their own; what is not there points to an empty slot. */
static int point_at(struct rl_fix_scope *s, struct rl_arena *arena, const struct work *w)
{
    uint32_t lowest = UINT32_MAX, highest = 0, empty = 0;
    uint16_t *direct;

    for (uint32_t i = 0; i < w->n; i++)
        lowest = w->members[i].tag < lowest ? w->members[i].tag : lowest;
    for (uint32_t i = 0; i < w->n; i++)
        if (w->members[i].tag - lowest < RL_FIX_DIRECT && w->members[i].tag > highest)
            highest = w->members[i].tag;
    while (w->slots[empty].tag != 0) /* at most half of them are taken */
        empty++;
    s->lowest = lowest;
    s->n_direct = w->n > 0 ? highest - lowest + 1 : 0;
    direct = rl_arena_take(arena, (s->n_direct + 1) * sizeof(*direct), 0);
    if (!direct)
        return -ENOMEM;
    for (uint32_t i = 0; i < s->n_direct; i++)
        direct[i] = (uint16_t)empty;
    for (uint32_t i = 0; i < w->n_slots; i++)
        if (w->slots[i].tag != 0 && w->slots[i].tag - lowest < s->n_direct)
            direct[w->slots[i].tag - lowest] = (uint16_t)i;
    s->direct = direct;
    return 0;
}

int rl_fix_scope_build(struct rl_fix_scope *s, struct rl_arena *arena,
                       const struct rl_fix_member *members, uint32_t n)
{
    struct work w = {.members = members, .n = n, .n_rows = rows_for(n)};
    size_t before = arena->n_used;
    int err = describe(s, arena, members, n);

    w.starts = malloc((w.n_rows + 1) * sizeof(*w.starts));
    w.order = malloc((n + 1) * sizeof(*w.order));
    w.shifts = rl_arena_take(arena, w.n_rows * sizeof(*w.shifts), 8);
    if (!err && (!w.starts || !w.order || !w.shifts))
        err = -ENOMEM;
    if (!err && has_a_tag_twice(&w))
        err = -EINVAL;
    for (uint32_t doubling = 0; !err; doubling++) {
        size_t mark = arena->n_used;
        bool is_done = false;

        if (doubling > DOUBLINGS) { /* chance: not seen, and not an error of the caller's */
            err = -ENOMEM;
            break;
        }
        w.n_slots = power_of_two(2 * n) << doubling;
        w.slots = rl_arena_take(arena, w.n_slots * sizeof(*w.slots), 0);
        if (!w.slots) {
            err = -ENOMEM;
            break;
        }
        for (uint64_t attempt = 0; attempt < ATTEMPTS && !is_done; attempt++) {
            w.multiplier = multiplier(doubling * ATTEMPTS + attempt);
            is_done = place_all(&w);
        }
        if (is_done)
            break;
        arena->n_used = mark; /* the last piece: given back for a larger one */
    }
    free(w.starts);
    free(w.order);
    if (!err)
        err = point_at(s, arena, &w);
    if (err) {
        arena->n_used = before;
        return err;
    }
    s->slots = w.slots;
    s->shifts = w.shifts;
    s->multiplier = w.multiplier;
    s->slot_mask = w.n_slots - 1;
    s->row_mask = w.n_rows - 1;
    return 0;
}
