/*
 * fuzz_play - packets through a feed into books, with what must hold after each of them.
 */
#ifndef RL_TESTS_FUZZ_PLAY_H
#define RL_TESTS_FUZZ_PLAY_H

#include "base/mem.h"
#include "fuzz.h"
#include "market/book/book.h"
#include "market/feed/feed.h"

enum { FUZZ_N_INSTRUMENTS = 3 };

static struct rl_arena fuzz_arena;
static struct rl_books fuzz_books;

/* Empty books, and feeds that know nothing: every input begins so. */
static inline void fuzz_open(struct rl_feed *feeds, const struct rl_feed_config *configs,
                             size_t n_feeds)
{
    struct rl_books_config books_config = {
        .n_instruments = FUZZ_N_INSTRUMENTS, .n_orders = 48, .n_levels_per_side = 20, .seed = 1};
    size_t n_bytes = rl_books_bytes(&books_config);

    if (!fuzz_arena.base) {
        for (size_t i = 0; i < n_feeds; i++) {
            CHECK(rl_feed_bytes(&configs[i]) > 0);
            n_bytes += rl_feed_bytes(&configs[i]);
        }
        CHECK_EQ(rl_arena_open(&fuzz_arena, n_bytes, 0), 0);
    }
    fuzz_arena.n_used = 0;
    CHECK_EQ(rl_books_init(&fuzz_books, &fuzz_arena, &books_config), 0);
    for (size_t i = 0; i < n_feeds; i++)
        CHECK_EQ(rl_feed_init(&feeds[i], &fuzz_arena, &configs[i]), 0);
}

/* What was opened, to its end; at most `n_max` updates. */
static inline void fuzz_drain(struct rl_feed *feed, struct rl_feed_cursor *c, uint64_t n_max)
{
    struct rl_update u;
    uint64_t n = 0;

    while (rl_feed_next(feed, c, &u)) {
        CHECK(++n <= n_max); /* it ends */
        CHECK(u.op < RL_N_OPS);
        CHECK((u.op != RL_OP_ADD && u.op != RL_OP_LEVEL && u.op != RL_OP_MODIFY) ||
              u.side <= RL_SELL);
        CHECK(u.op == RL_OP_NONE || u.op == RL_OP_RESET || u.instrument < feed->n_instruments);
        rl_books_apply(&fuzz_books, &u);
    }
    CHECK(feed->n_instruments <= FUZZ_N_INSTRUMENTS);
    for (uint32_t i = 0; i < feed->n_instruments; i++)
        CHECK(strnlen(rl_feed_symbol(feed, i), RL_FEED_SYMBOL) < RL_FEED_SYMBOL);
}

/* A packet of the only line. */
static inline void fuzz_play(struct rl_feed *feed, const uint8_t *packet, uint32_t n_bytes)
{
    uint8_t *copy = fuzz_exactly(packet, n_bytes);
    struct rl_feed_cursor c;

    if (rl_feed_open(feed, copy, n_bytes, &c))
        fuzz_drain(feed, &c, 2 * (uint64_t)n_bytes + 2);
    free(copy);
}

#endif
