#include "market/book/book.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"
#include "market/book/ladder.h"
#include "market/book/view.h"

struct sizes {
    uint64_t n_levels, n_keys, n_places;
};

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t pow2_at_least(uint64_t n)
{
    uint64_t p = 1;

    while (p < n)
        p <<= 1;
    return p;
}

static bool sizes_of(const struct rl_books_config *c, struct sizes *s)
{
    uint64_t n_sides = 2 * (uint64_t)c->n_instruments;
    uint64_t most_levels = n_sides * c->n_levels_per_side;
    uint64_t block = pow2_at_least(most(c->n_levels_per_side, RL_BOOK_KEYS_MIN));

    if (c->n_instruments == 0 || c->n_orders == 0 || c->n_levels_per_side == 0)
        return false;
    if (c->n_instruments > 1u << 24 || c->n_orders >= 1u << RL_BOOK_ORDER_BITS ||
        c->n_levels_per_side > 1u << 30)
        return false;
    s->n_levels = c->n_levels ? c->n_levels : least(most_levels, most(c->n_orders, 1u << 16));
    if (s->n_levels >= RL_SLOT_NONE - c->n_orders - 1)
        return false;
    /*
     * A side's block is at most twice its levels, and the blocks it outgrew are together smaller
     * than that. Twice as much again lets sides be deep at different times; more than all at once
     * is waste. No block is smaller than its margin; the first margin serves those without block.
     */
    s->n_keys = RL_BOOK_KEYS_MIN +
                2 * least(n_sides * block * 2, n_sides * RL_BOOK_KEYS_MIN * 2 + 8 * s->n_levels);
    if (s->n_keys / RL_BOOK_KEYS_MIN >= 1u << RL_BOOK_KEYS_BITS)
        return false;
    s->n_places = pow2_at_least(4 * (uint64_t)c->n_orders);
    return true;
}

size_t rl_books_bytes(const struct rl_books_config *c)
{
    struct sizes s;

    if (!sizes_of(c, &s))
        return 0;
    return rl_views_bytes(c->n_instruments) + c->n_instruments * (sizeof(struct rl_book *) + 1) +
           (c->n_orders + 1 + s.n_levels) * sizeof(union rl_book_node) +
           s.n_places * sizeof(uint32_t) + s.n_keys * (sizeof(int64_t) + sizeof(uint32_t)) +
           7 * RL_CACHE_LINE;
}

void rl_books_free_all(struct rl_books *b)
{
    uint32_t first_level = b->nobody + 1;

    for (uint32_t i = 0; i < b->n_instruments; i++) {
        struct rl_book *book = &b->books[i];

        for (unsigned side = 0; side < 2; side++) {
            book->best[side] = b->nobody;
            book->n_levels[side] = 0;
        }
        b->states[i] = RL_BOOK_EMPTY;
    }
    memset(b->table, 0, ((size_t)b->mask + 1) * sizeof *b->table);
    for (uint32_t i = 0; i < b->n_orders_max; i++)
        b->nodes[i].order.level = i + 1 < b->n_orders_max ? i + 1 : RL_SLOT_NONE;
    for (uint32_t i = 0; i < b->n_levels_max; i++)
        b->nodes[first_level + i].level.head =
            i + 1 < b->n_levels_max ? first_level + i + 1 : RL_SLOT_NONE;
    b->free_order = 0;
    b->free_level = first_level;
    b->n_orders = 0;
    b->n_levels = 0;
}

int rl_books_init(struct rl_books *b, struct rl_arena *arena, const struct rl_books_config *c)
{
    struct sizes s;
    size_t n_views = rl_views_bytes(c->n_instruments);
    void *views;

    if (!sizes_of(c, &s))
        return -EINVAL;
    memset(b, 0, sizeof *b);
    views = rl_arena_take(arena, n_views, RL_CACHE_LINE);
    b->states = rl_arena_take(arena, c->n_instruments, RL_CACHE_LINE);
    b->nodes =
        rl_arena_take(arena, (c->n_orders + 1 + s.n_levels) * sizeof *b->nodes, RL_CACHE_LINE);
    b->table = rl_arena_take(arena, s.n_places * sizeof *b->table, RL_CACHE_LINE);
    b->ranks = rl_arena_take(arena, s.n_keys * sizeof *b->ranks, RL_CACHE_LINE);
    b->slots = rl_arena_take(arena, s.n_keys * sizeof *b->slots, RL_CACHE_LINE);
    b->unpublished = rl_arena_take(arena, c->n_instruments * sizeof *b->unpublished, RL_CACHE_LINE);
    if (!views || !b->states || !b->nodes || !b->table || !b->ranks || !b->slots || !b->unpublished)
        return -ENOMEM;
    b->own = b->views = rl_views_init(views, n_views, c->n_instruments);
    b->books = b->views->books;
    b->seed = c->seed;
    /* Without a random number the seed is one that the layout of memory makes hard to guess. */
    if (b->seed == 0 && getrandom(&b->seed, sizeof b->seed, GRND_NONBLOCK) != sizeof b->seed)
        b->seed = rl_mix((uint64_t)(uintptr_t)b->nodes ^ (uint64_t)(uintptr_t)b);
    b->mask = (uint32_t)(s.n_places - 1);
    b->n_instruments = c->n_instruments;
    b->n_orders_max = c->n_orders;
    b->n_levels_max = (uint32_t)s.n_levels;
    b->n_levels_per_side = c->n_levels_per_side;
    b->n_keys_max = s.n_keys;
    b->nobody = c->n_orders;
    b->nodes[b->nobody].level =
        (struct rl_book_level){.px_nano = RL_PX_NONE, .tail = b->nobody, .head = b->nobody};
    for (; b->n_keys_cut < RL_BOOK_KEYS_MIN; b->n_keys_cut++)
        b->ranks[b->n_keys_cut] = RL_PX_NONE;
    for (uint32_t i = 0; i < c->n_instruments; i++)
        for (unsigned side = 0; side < 2; side++)
            b->books[i].keys[side] = RL_LADDER_NO_KEYS;
    rl_books_free_all(b);
    return 0;
}

bool rl_books_grow_keys(struct rl_books *b, struct rl_book *book, unsigned side)
{
    unsigned was = rl_ladder_class(book, side);
    unsigned next = was == RL_BOOK_KEY_CLASSES ? 0 : was + 1;
    uint64_t n_block = RL_BOOK_KEYS_MIN + ((uint64_t)RL_BOOK_KEYS_MIN << next), to;

    if (next >= RL_BOOK_KEY_CLASSES)
        return false;
    if (b->free_keys[next] != 0) {
        to = b->free_keys[next] * RL_BOOK_KEYS_MIN;
        b->free_keys[next] = (uint64_t)b->ranks[to]; /* a free block's first rank is the link */
    } else if (b->n_keys_max - b->n_keys_cut >= n_block) {
        to = b->n_keys_cut + RL_BOOK_KEYS_MIN;
        for (uint64_t i = b->n_keys_cut; i < to; i++)
            b->ranks[i] = RL_PX_NONE;
        b->n_keys_cut += n_block;
    } else {
        return false;
    }
    if (next > 0) {
        uint64_t from = rl_ladder_keys(book, side);

        memcpy(&b->ranks[to], &b->ranks[from], book->n_levels[side] * sizeof *b->ranks);
        memcpy(&b->slots[to], &b->slots[from], book->n_levels[side] * sizeof *b->slots);
        b->ranks[from] = (int64_t)b->free_keys[was];
        b->free_keys[was] = from / RL_BOOK_KEYS_MIN;
    }
    book->keys[side] = (uint32_t)(to / RL_BOOK_KEYS_MIN) | next << RL_BOOK_KEYS_BITS;
    return true;
}
