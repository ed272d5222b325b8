#include "market/book/view.h"

#include <errno.h>
#include <string.h>

#include "market/book/view_write.h"

size_t rl_views_bytes(uint32_t n_instruments)
{
    if (n_instruments == 0 || n_instruments > 1u << 24)
        return 0;
    return sizeof(struct rl_views) + n_instruments * sizeof(struct rl_book);
}

struct rl_views *rl_views_init(void *memory, size_t n_bytes, uint32_t n_instruments)
{
    struct rl_views *v = memory;
    size_t n_needed = rl_views_bytes(n_instruments);

    if (n_needed == 0 || n_bytes < n_needed || (uintptr_t)memory % RL_CACHE_LINE != 0)
        return NULL;
    memset(memory, 0, n_needed);
    v->magic = RL_VIEWS_MAGIC;
    v->n_bytes = n_needed;
    v->n_instruments = n_instruments;
    v->n_levels = RL_VIEW_LEVELS;
    for (uint32_t i = 0; i < n_instruments; i++)
        for (unsigned side = 0; side < 2; side++)
            atomic_init(&v->books[i].ranks[side], RL_VIEW_RANKS_EMPTY);
    return v;
}

int rl_views_check(const struct rl_views *v, size_t n_bytes)
{
    if (n_bytes < sizeof *v)
        return -EINVAL;
    if (v->magic != RL_VIEWS_MAGIC || v->n_levels != RL_VIEW_LEVELS)
        return -EPROTO;
    if (v->n_bytes > n_bytes || v->n_bytes != rl_views_bytes(v->n_instruments))
        return -EINVAL;
    return 0;
}

/* Gives the levels of a side, best first, the cells 0, 1, 2 ... of a view that is open. */
static void show_side(struct rl_books *b, struct rl_book *book, unsigned side)
{
    const uint32_t *slots = b->slots + rl_ladder_keys(book, side);
    uint32_t n = book->n_levels[side];

    for (uint32_t i = 0; i < n; i++) {
        struct rl_book_level *l = &b->nodes[slots[n - 1 - i]].level;

        if (i < RL_VIEW_LEVELS && b->views != b->own)
            rl_view_take_cell(book, l, side, i);
        else
            l->cell = RL_CELL_NONE;
    }
    rl_view_put(&book->ranks[side], rl_view_ranks(RL_VIEW_RANKS_EMPTY, n));
}

int rl_books_show(struct rl_books *b, struct rl_views *views)
{
    static const struct rl_update nothing = {.op = RL_OP_NONE};
    struct rl_views *was = b->views;

    if (views == NULL)
        views = b->own;
    if (views->n_instruments != b->n_instruments)
        return -EINVAL;
    rl_views_publish(b, rl_views_published(was));
    b->views = views;
    b->books = views->books;
    for (uint32_t i = 0; i < b->n_instruments; i++) {
        struct rl_book *book = &views->books[i];
        uint64_t sequence = atomic_load_explicit(&book->sequence, memory_order_relaxed);

        /* Odd when a writer before us died in a write. */
        atomic_store_explicit(&book->sequence, sequence + (sequence & 1), memory_order_relaxed);
        rl_view_open(b, book, &nothing);
        for (unsigned side = 0; side < 2; side++) {
            book->best[side] = was->books[i].best[side];
            book->n_levels[side] = was->books[i].n_levels[side];
            book->keys[side] = was->books[i].keys[side];
            show_side(b, book, side);
        }
    }
    rl_views_publish(b, 0);
    return 0;
}

/* --- readers ---------------------------------------------------------------------------------- */

enum { N_TRIES = 1000 };

static inline uint64_t get(const _Atomic uint64_t *word)
{
    /* V2: pairs with the store in rl_view_put. */
    return atomic_load_explicit(word, memory_order_acquire);
}

/* One try at the best `n_wanted` levels of both sides. */
static bool read_once(const struct rl_book *v, struct rl_book_top *out, uint32_t n_wanted)
{
    /* V1: pairs with the store in rl_views_publish. */
    uint64_t sequence = atomic_load_explicit(&v->sequence, memory_order_acquire);

    if (sequence & 1)
        return false;
    out->seq = get(&v->seq);
    out->ts_ns = get(&v->ts_ns);
    for (unsigned side = 0; side < 2; side++) {
        const struct rl_view_cell *cells = &v->cells[side * RL_VIEW_LEVELS];
        uint64_t ranks = get(&v->ranks[side]);
        uint32_t n = (uint32_t)(ranks >> 4 * RL_VIEW_LEVELS);

        n = n < n_wanted ? n : n_wanted;
        out->n_levels[side] = n;
        for (uint32_t i = 0; i < n; i++) {
            /* Whoever else wrote here: no word leads outside. */
            const struct rl_view_cell *c = &cells[(ranks >> 4 * i & 15) % RL_VIEW_LEVELS];

            out->levels[side][i] = (struct rl_book_depth){(int64_t)get(&c->px_nano), get(&c->qty),
                                                          (uint32_t)get(&c->n_orders)};
        }
    }
    return atomic_load_explicit(&v->sequence, memory_order_relaxed) == sequence;
}

bool rl_views_read_tries(const struct rl_views *views, uint32_t instrument, struct rl_book_top *out,
                         uint64_t n_tries)
{
    if (instrument >= views->n_instruments)
        return false;
    for (uint64_t i = 0; i < n_tries; i++) {
        if (read_once(&views->books[instrument], out, RL_VIEW_LEVELS))
            return true;
        rl_pause();
    }
    return false;
}

bool rl_views_read(const struct rl_views *views, uint32_t instrument, struct rl_book_top *out)
{
    return rl_views_read_tries(views, instrument, out, N_TRIES);
}

bool rl_views_bbo(const struct rl_views *views, uint32_t instrument, struct rl_bbo *out)
{
    struct rl_book_top top;

    if (instrument >= views->n_instruments)
        return false;
    for (unsigned i = 0; !read_once(&views->books[instrument], &top, 1); i++) {
        if (i == N_TRIES)
            return false;
        rl_pause();
    }
    for (unsigned side = 0; side < 2; side++) {
        bool is_there = top.n_levels[side] > 0;

        out->px_nano[side] = is_there ? top.levels[side][0].px_nano : RL_PX_NONE;
        out->qty[side] = is_there ? top.levels[side][0].qty : 0;
    }
    return true;
}

enum rl_book_state rl_book_top_state(const struct rl_book_top *top)
{
    struct rl_bbo bbo;

    for (unsigned side = 0; side < 2; side++)
        bbo.px_nano[side] = top->n_levels[side] > 0 ? top->levels[side][0].px_nano : RL_PX_NONE;
    return rl_bbo_state(&bbo);
}
