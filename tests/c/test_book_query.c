/* What can be asked of the books: quantity at a price, cost of a quantity, queues, market state. */
#include "base/mem.h"
#include "slow_book.h"

static struct rl_arena arena;
static struct rl_books books;

static void books_open(uint32_t n_instruments, uint32_t n_orders)
{
    struct rl_books_config config = {
        .n_instruments = n_instruments, .n_orders = n_orders, .n_levels_per_side = 64};

    CHECK_EQ(rl_arena_open(&arena, rl_books_bytes(&config), 0), 0);
    CHECK_EQ(rl_books_init(&books, &arena, &config), 0);
}

static void books_close(void)
{
    CHECK_EQ(rl_books_check(&books, NULL), 0);
    rl_arena_close(&arena);
}

static bool apply(enum rl_op op, uint64_t id, enum rl_side side, int64_t px, uint64_t qty)
{
    struct rl_update u = {.op = (uint8_t)op,
                          .id = id,
                          .new_id = id,
                          .side = (uint8_t)side,
                          .px_nano = px,
                          .qty = qty};

    return rl_books_apply(&books, &u);
}

static void add(uint64_t id, enum rl_side side, int64_t px, uint64_t qty)
{
    apply(RL_OP_ADD, id, side, px, qty);
}

/* --- market state ----------------------------------------------------------------------------- */

static void test_the_state_follows_the_best_prices_and_entering_is_counted(void)
{
    books_open(2, 100);
    CHECK_EQ(rl_books_state(&books, 0), RL_BOOK_EMPTY);
    add(1, RL_BUY, 100, 1);
    CHECK_EQ(rl_books_state(&books, 0), RL_BOOK_ONE_SIDED);
    add(2, RL_SELL, 105, 1);
    CHECK_EQ(rl_books_state(&books, 0), RL_BOOK_OPEN);
    add(3, RL_BUY, 105, 1);
    CHECK_EQ(rl_books_state(&books, 0), RL_BOOK_LOCKED);
    add(4, RL_BUY, 104, 1);
    add(5, RL_BUY, 105, 1); /* still the same lock */
    CHECK_EQ(books.n.locked, 1);
    add(6, RL_BUY, 107, 1);
    CHECK_EQ(rl_books_state(&books, 0), RL_BOOK_CROSSED);
    add(7, RL_BUY, 108, 1);
    CHECK_EQ(books.n.crossed, 1);
    apply(RL_OP_DELETE, 7, RL_BUY, 0, 0);
    apply(RL_OP_DELETE, 6, RL_BUY, 0, 0);
    CHECK_EQ(rl_books_state(&books, 0), RL_BOOK_LOCKED);
    CHECK_EQ(books.n.locked, 2);
    apply(RL_OP_REDUCE, 2, RL_BUY, 0, 1);
    CHECK_EQ(rl_books_state(&books, 0), RL_BOOK_ONE_SIDED);
    apply(RL_OP_LEVEL, 0, RL_SELL, 90, 5);
    CHECK_EQ(rl_books_state(&books, 0), RL_BOOK_CROSSED);
    CHECK_EQ(books.n.crossed, 2);
    apply(RL_OP_CLEAR, 0, RL_BUY, 0, 0);
    CHECK_EQ(rl_books_state(&books, 0), RL_BOOK_EMPTY);
    CHECK_EQ(rl_books_state(&books, 1), RL_BOOK_EMPTY);
    CHECK_EQ(rl_books_state(&books, 9), RL_BOOK_EMPTY);
    CHECK(strcmp(rl_book_state_name(RL_BOOK_CROSSED), "crossed") == 0);
    CHECK(strcmp(rl_book_state_name(RL_BOOK_CROSSED + 1), "?") == 0);
    books_close();
}

static void test_what_an_update_passes_through_is_not_a_state(void)
{
    books_open(1, 100);
    add(1, RL_BUY, 100, 1);
    apply(RL_OP_MODIFY, 1, RL_SELL, 100, 1); /* never both at once */
    CHECK_EQ(rl_books_state(&books, 0), RL_BOOK_ONE_SIDED);
    add(2, RL_BUY, 99, 1);
    apply(RL_OP_REPLACE, 1, RL_SELL, 101, 1);
    apply(RL_OP_REPLACE, 2, RL_SELL, 100, 1);
    CHECK_EQ(rl_books_state(&books, 0), RL_BOOK_OPEN);
    CHECK_EQ(books.n.locked + books.n.crossed, 0);
    books_close();
}

/* --- prices
 * --------------------------------------------------------------------------------------- */

static void test_the_price_of_a_quantity_weighs_what_is_taken_from_each_level(void)
{
    uint64_t filled;
    __int128 notional;

    books_open(1, 100);
    add(1, RL_SELL, 100, 10);
    add(2, RL_SELL, 101, 10);
    add(3, RL_SELL, 103, 1);
    CHECK(rl_books_vwap(&books, 0, RL_SELL, 15, &filled, &notional));
    CHECK_EQ(filled, 15);
    CHECK(notional == 1000 + 505);
    CHECK_EQ(rl_books_vwap_px(notional, filled), 100); /* 100.33 */
    CHECK(!rl_books_vwap(&books, 0, RL_SELL, 22, &filled, &notional));
    CHECK_EQ(filled, 21);
    CHECK(notional == 1000 + 1010 + 103);
    CHECK_EQ(rl_books_vwap_px(notional, filled), 101); /* 100.62 */
    CHECK(!rl_books_vwap(&books, 0, RL_BUY, 1, &filled, &notional));
    CHECK_EQ(filled, 0);
    CHECK_EQ(rl_books_vwap_px(notional, filled), RL_PX_NONE);
    CHECK(rl_books_vwap(&books, 0, RL_BUY, 0, &filled, &notional));
    CHECK(!rl_books_vwap(&books, 1, RL_BUY, 1, &filled, &notional));
    CHECK_EQ(rl_books_vwap_px(-5, 2), -3); /* halves go away from zero */
    CHECK_EQ(rl_books_vwap_px(5, 2), 3);
    books_close();
}

static void test_the_greatest_price_times_the_greatest_quantity_is_exact(void)
{
    uint64_t filled;
    __int128 notional;

    books_open(1, 100);
    add(1, RL_SELL, INT64_MAX, UINT64_MAX);
    add(2, RL_BUY, INT64_MIN + 1, UINT64_MAX);
    CHECK(rl_books_vwap(&books, 0, RL_SELL, UINT64_MAX, &filled, &notional));
    CHECK(notional == (__int128)INT64_MAX * UINT64_MAX);
    CHECK_EQ(rl_books_vwap_px(notional, filled), INT64_MAX);
    CHECK(rl_books_vwap(&books, 0, RL_BUY, UINT64_MAX, &filled, &notional));
    CHECK_EQ(rl_books_vwap_px(notional, filled), INT64_MIN + 1);
    CHECK_EQ(rl_books_qty_at(&books, 0, RL_SELL, INT64_MAX), UINT64_MAX);
    CHECK_EQ(rl_books_qty_at(&books, 0, RL_SELL, RL_PX_NONE), 0);
    CHECK_EQ(rl_books_qty_at(&books, 7, RL_SELL, INT64_MAX), 0);
    books_close();
}

/* --- queues
 * --------------------------------------------------------------------------------------- */

static void test_a_queue_is_walked_in_the_order_of_its_priority(void)
{
    static const uint64_t wanted[] = {1, 3, 4, 2};
    const struct rl_book_order *o;
    uint64_t qty;
    uint32_t n = 0;

    books_open(1, 100);
    CHECK(rl_books_front(&books, 0, RL_BUY) == NULL);
    for (uint64_t id = 1; id <= 4; id++)
        add(id, RL_BUY, 100, 10 * id);
    add(9, RL_BUY, 99, 7);
    apply(RL_OP_MODIFY, 2, RL_BUY, 100, 50); /* grows: to the back */
    for (o = rl_books_front(&books, 0, RL_BUY); o; o = rl_books_behind(&books, o))
        CHECK_EQ(o->id, wanted[n++]);
    CHECK_EQ(n, 4);
    CHECK_EQ(rl_books_queue_ahead(&books, 0, 4, &qty), 2);
    CHECK_EQ(qty, 10 + 30);
    CHECK_EQ(rl_books_queue_ahead(&books, 0, 77, &qty), RL_SLOT_NONE);
    CHECK_EQ(qty, 0);
    CHECK_EQ(rl_books_front_at(&books, 0, RL_BUY, 99)->id, 9);
    CHECK(rl_books_front_at(&books, 0, RL_SELL, 99) == NULL);
    CHECK(rl_books_front_at(&books, 5, RL_BUY, 99) == NULL);
    apply(RL_OP_LEVEL, 0, RL_BUY, 101, 5); /* a price without orders */
    CHECK(rl_books_front(&books, 0, RL_BUY) == NULL);
    books_close();
}

static void test_an_incoming_order_is_matched_against_the_front_until_it_is_filled(void)
{
    uint64_t left = 35, n_fills = 0;
    const struct rl_book_order *o;

    books_open(1, 100);
    add(1, RL_SELL, 100, 10);
    add(2, RL_SELL, 100, 20);
    add(3, RL_SELL, 101, 30);
    while (left > 0 && (o = rl_books_front(&books, 0, RL_SELL)) != NULL) {
        uint64_t qty = o->qty < left ? o->qty : left;

        left -= qty;
        n_fills++;
        apply(RL_OP_REDUCE, o->id, RL_SELL, 0, qty);
    }
    CHECK_EQ(left, 0);
    CHECK_EQ(n_fills, 3);
    CHECK_EQ(rl_books_front(&books, 0, RL_SELL)->id, 3);
    CHECK_EQ(rl_books_qty_at(&books, 0, RL_SELL, 101), 25);
    books_close();
}

/* --- and the slow book agrees ----------------------------------------------------------------- */

static void check_instrument(uint32_t i, uint64_t draw, bool is_wild)
{
    enum rl_side side = (enum rl_side)(draw >> 16 & 1);
    int64_t px = slow_px(draw >> 20, is_wild);
    uint64_t qty = (draw >> 32) % 64, filled, n, ahead;
    uint64_t id = 1 + (draw >> 40) % 80;
    const struct slow_order *o = slow_find(i, id);
    __int128 notional, wanted;
    struct rl_bbo bbo = slow_bbo(i);

    CHECK_EQ(rl_books_qty_at(&books, i, side, px), slow_qty_at(i, side, px));
    n = slow_take(i, side, qty, &wanted);
    CHECK_EQ(rl_books_vwap(&books, i, side, qty, &filled, &notional), n == qty);
    CHECK_EQ(filled, n);
    CHECK(notional == wanted);
    CHECK_EQ(rl_books_state(&books, i), rl_bbo_state(&bbo));
    CHECK_EQ(rl_books_queue_ahead(&books, i, id, &ahead), o ? slow_queue_rank(o) : RL_SLOT_NONE);
    CHECK_EQ(ahead, o ? slow_qty_ahead(o) : 0);
}

static void test_a_slow_book_answers_the_same_during_100000_random_updates(bool is_wild)
{
    uint64_t random = 77 + is_wild, n_entered[RL_BOOK_CROSSED + 1] = {0};
    enum rl_book_state states[SLOW_INSTRUMENTS] = {RL_BOOK_EMPTY};

    books_open(SLOW_INSTRUMENTS, 256);
    n_slow = 0;
    for (uint32_t n = 0; n < 100000; n++) {
        struct rl_update u = slow_random_update(&random, is_wild);

        rl_books_apply(&books, &u);
        slow_apply(&u);
        for (uint32_t i = 0; i < SLOW_INSTRUMENTS; i++) {
            struct rl_bbo bbo = slow_bbo(i);

            n_entered[rl_bbo_state(&bbo)] += rl_bbo_state(&bbo) != states[i];
            states[i] = rl_bbo_state(&bbo);
        }
        if (n % 8 == 0)
            check_instrument(u.instrument % SLOW_INSTRUMENTS, check_random(&random), is_wild);
        if (n % 256 == 0) {
            CHECK_EQ(rl_books_check(&books, NULL), 0);
            CHECK(rl_books_hash(&books) == slow_hash());
        }
    }
    CHECK(n_entered[RL_BOOK_LOCKED] > 0 && n_entered[RL_BOOK_CROSSED] > 10);
    CHECK_EQ(books.n.locked, n_entered[RL_BOOK_LOCKED]);
    CHECK_EQ(books.n.crossed, n_entered[RL_BOOK_CROSSED]);
    books_close();
}

int main(void)
{
    test_the_state_follows_the_best_prices_and_entering_is_counted();
    test_what_an_update_passes_through_is_not_a_state();
    test_the_price_of_a_quantity_weighs_what_is_taken_from_each_level();
    test_the_greatest_price_times_the_greatest_quantity_is_exact();
    test_a_queue_is_walked_in_the_order_of_its_priority();
    test_an_incoming_order_is_matched_against_the_front_until_it_is_filled();
    test_a_slow_book_answers_the_same_during_100000_random_updates(false);
    test_a_slow_book_answers_the_same_during_100000_random_updates(true);
    return 0;
}
