/* The books: every operation, every kind of nonsense, and a slow book that must always agree. */
#include "check.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "market/book/book.h"
#include "market/book/ladder.h"
#include "market/book/table.h"
#include "short_memory.h"
#include "slow_book.h"

static struct rl_arena arena;
static struct rl_books books;

static void books_open(uint32_t n_instruments, uint32_t n_orders, uint32_t n_levels_per_side,
                       uint32_t n_levels)
{
    struct rl_books_config config = {.n_instruments = n_instruments,
                                     .n_orders = n_orders,
                                     .n_levels_per_side = n_levels_per_side,
                                     .n_levels = n_levels};

    CHECK_EQ(rl_arena_open(&arena, rl_books_bytes(&config), 0), 0);
    CHECK_EQ(rl_books_init(&books, &arena, &config), 0);
}

static void books_close(void)
{
    const char *what = NULL;

    if (rl_books_check(&books, &what) != 0)
        fprintf(stderr, "%s\n", what);
    CHECK(what == NULL);
    rl_arena_close(&arena);
}

static bool apply(enum rl_op op, uint64_t id, uint64_t new_id, enum rl_side side, int64_t px,
                  uint64_t qty)
{
    struct rl_update u = {.op = (uint8_t)op,
                          .id = id,
                          .new_id = new_id,
                          .side = (uint8_t)side,
                          .px_nano = px,
                          .qty = qty};

    return rl_books_apply(&books, &u);
}

static bool add(uint64_t id, enum rl_side side, int64_t px, uint64_t qty)
{
    return apply(RL_OP_ADD, id, 0, side, px, qty);
}

static void check_best(enum rl_side side, int64_t px, uint64_t qty)
{
    struct rl_bbo bbo;

    rl_books_bbo(&books, 0, &bbo);
    CHECK_EQ(bbo.px_nano[side], px);
    CHECK_EQ(bbo.qty[side], qty);
}

static void test_the_best_of_each_side_is_shown_and_news_is_told(void)
{
    books_open(1, 100, 100, 0);
    check_best(RL_BUY, RL_PX_NONE, 0);
    CHECK(add(1, RL_BUY, 100, 10));
    CHECK(!add(2, RL_BUY, 99, 10)); /* behind the best: no news */
    CHECK(add(3, RL_BUY, 100, 5));
    CHECK(add(4, RL_SELL, 103, 7));
    CHECK(!add(5, RL_SELL, 104, 7));
    check_best(RL_BUY, 100, 15);
    check_best(RL_SELL, 103, 7);
    CHECK(apply(RL_OP_DELETE, 4, 0, RL_BUY, 0, 0));
    check_best(RL_SELL, 104, 7);
    CHECK(apply(RL_OP_REDUCE, 1, 0, RL_BUY, 0, 10)); /* all of it */
    check_best(RL_BUY, 100, 5);
    CHECK(apply(RL_OP_REDUCE, 3, 0, RL_BUY, 0, 2));
    check_best(RL_BUY, 100, 3);
    CHECK(apply(RL_OP_DELETE, 3, 0, RL_BUY, 0, 0));
    check_best(RL_BUY, 99, 10);
    CHECK_EQ(books.touched, 0);
    books_close();
}

/* By the way of those who know already which order it is. */
static bool replace_known(uint64_t id, enum rl_side side, int64_t px, uint64_t qty)
{
    uint32_t order = rl_table_find(&books, rl_books_home(&books, id), 0, id);
    struct rl_update u = {.op = RL_OP_REPLACE,
                          .id = id,
                          .new_id = id,
                          .side = (uint8_t)side,
                          .px_nano = px,
                          .qty = qty};

    CHECK(order != RL_SLOT_NONE);
    return rl_books_replace(&books, order, &u);
}

/* Past other prices and past the other side: what the market is now is known at once. */
static void test_a_lone_order_that_becomes_the_best_may_cross(void)
{
    for (unsigned side = RL_BUY; side <= RL_SELL; side++) {
        int64_t to = side == RL_BUY ? 1 : -1;

        books_open(1, 100, 100, 0);
        add(1, 1 - side, 100 + 5 * to, 10);
        for (uint64_t id = 2; id <= 4; id++)
            add(id, side, 100 - (int64_t)id * to, 10);
        CHECK_EQ(books.states[0], RL_BOOK_OPEN);
        CHECK(replace_known(4, side, 100 + 6 * to, 10));
        check_best(side, 100 + 6 * to, 10);
        CHECK_EQ(books.states[0], RL_BOOK_CROSSED);
        CHECK(replace_known(4, side, 100 - 9 * to, 10));
        check_best(side, 100 - 2 * to, 10);
        CHECK_EQ(books.states[0], RL_BOOK_OPEN);
        CHECK(replace_known(2, side, 100 + 7 * to, 10)); /* nothing lay between */
        CHECK_EQ(books.states[0], RL_BOOK_CROSSED);
        books_close();
    }
}

static void test_an_order_keeps_its_place_only_while_it_neither_moves_nor_grows(void)
{
    books_open(1, 100, 100, 0);
    for (uint64_t id = 1; id <= 3; id++)
        add(id, RL_BUY, 100, 10);
    apply(RL_OP_MODIFY, 1, 0, RL_BUY, 100, 4);
    CHECK_EQ(rl_books_queue_rank(&books, 0, 1), 0);
    apply(RL_OP_MODIFY, 1, 0, RL_BUY, 100, 5);
    CHECK_EQ(rl_books_queue_rank(&books, 0, 1), 2);
    apply(RL_OP_MODIFY, 2, 0, RL_BUY, 101, 10);
    apply(RL_OP_MODIFY, 2, 0, RL_BUY, 100, 10);
    CHECK_EQ(rl_books_queue_rank(&books, 0, 2), 2);
    apply(RL_OP_REPLACE, 3, 9, RL_BUY, 100, 1); /* smaller, and still to the back */
    CHECK_EQ(rl_books_queue_rank(&books, 0, 9), 2);
    CHECK_EQ(rl_books_queue_rank(&books, 0, 3), RL_SLOT_NONE);
    CHECK_EQ(rl_books_queue_rank(&books, 0, 1), 0);
    books_close();
}

static void test_a_replaced_order_keeps_its_side_and_a_modified_one_may_change_it(void)
{
    int64_t px;
    enum rl_side side;

    books_open(1, 100, 100, 0);
    add(1, RL_SELL, 100, 10);
    CHECK(apply(RL_OP_REPLACE, 1, 2, RL_BUY, 102, 5)); /* the side in the update is not read */
    CHECK(rl_books_find(&books, 0, 2, &px, &side) != NULL);
    CHECK_EQ(side, RL_SELL);
    CHECK_EQ(px, 102);
    CHECK(apply(RL_OP_MODIFY, 2, 0, RL_BUY, 99, 5));
    check_best(RL_BUY, 99, 5);
    check_best(RL_SELL, RL_PX_NONE, 0);
    CHECK(apply(RL_OP_REPLACE, 2, 2, RL_BUY, 98, 5)); /* the same name again */
    check_best(RL_BUY, 98, 5);
    books_close();
}

static void test_anonymous_levels_are_set_removed_and_live_beside_orders(void)
{
    books_open(1, 100, 100, 0);
    CHECK(apply(RL_OP_LEVEL, 0, 0, RL_BUY, 100, 50));
    CHECK(!apply(RL_OP_LEVEL, 0, 0, RL_BUY, 100, 50));
    CHECK(add(1, RL_BUY, 100, 5));
    check_best(RL_BUY, 100, 55);
    CHECK(apply(RL_OP_LEVEL, 0, 0, RL_BUY, 100, 20)); /* the level's own part is set */
    check_best(RL_BUY, 100, 25);
    CHECK(apply(RL_OP_LEVEL, 0, 0, RL_BUY, 100, 0));
    check_best(RL_BUY, 100, 5);
    CHECK(apply(RL_OP_DELETE, 1, 0, RL_BUY, 0, 0));
    check_best(RL_BUY, RL_PX_NONE, 0);
    CHECK(!apply(RL_OP_LEVEL, 0, 0, RL_BUY, 100, 0));
    CHECK_EQ(books.n.unknown_levels, 1);
    books_close();
}

static void test_any_price_of_64_bits_has_its_place(void)
{
    static const int64_t prices[] = {INT64_MAX, 0, -1, INT64_MIN + 1, 1, 1000000000000};
    struct rl_book_depth depth[8];

    books_open(1, 100, 100, 0);
    for (uint32_t i = 0; i < RL_COUNT(prices); i++) {
        add(i, RL_BUY, prices[i], 1);
        add(100 + i, RL_SELL, prices[i], 1);
    }
    check_best(RL_BUY, INT64_MAX, 1);
    check_best(RL_SELL, INT64_MIN + 1, 1);
    CHECK_EQ(rl_books_depth(&books, 0, RL_BUY, depth, 8), 6);
    CHECK_EQ(depth[4].px_nano, -1);
    CHECK_EQ(depth[5].px_nano, INT64_MIN + 1);
    CHECK_EQ(rl_books_depth(&books, 0, RL_SELL, depth, 2), 2);
    CHECK_EQ(depth[1].px_nano, -1);
    CHECK_EQ(rl_books_depth(&books, 7, RL_SELL, depth, 2), 0);
    books_close();
}

static void test_20000_levels_arrive_in_the_worst_order_and_leave_again(void)
{
    enum { N = 20000 };

    books_open(1, N, N, 0);
    for (uint32_t i = 0; i < N; i++)
        add(i, RL_BUY, 1 + (int64_t)((i * 7919ULL) % N), 1);
    CHECK_EQ(rl_books_n_levels(&books, 0, RL_BUY), N);
    CHECK_EQ(rl_books_check(&books, NULL), 0);
    for (uint32_t i = 0; i < N; i++)
        apply(RL_OP_DELETE, i, 0, RL_BUY, 0, 0);
    CHECK_EQ(rl_books_n_levels(&books, 0, RL_BUY), 0);
    CHECK_EQ(books.n.levels_full, 0);
    books_close();
}

static void test_nonsense_is_counted_and_changes_nothing(void)
{
    uint64_t hash;

    books_open(2, 100, 100, 0);
    add(1, RL_BUY, 100, 10);
    add(2, RL_SELL, 101, 10);
    hash = rl_books_hash(&books);
    CHECK(!apply(RL_OP_DELETE, 77, 0, RL_BUY, 0, 0));
    CHECK(!apply(RL_OP_REDUCE, 77, 0, RL_BUY, 0, 1));
    CHECK(!apply(RL_OP_REPLACE, 77, 78, RL_BUY, 100, 1));
    CHECK(!apply(RL_OP_MODIFY, 77, 0, RL_BUY, 100, 1));
    CHECK_EQ(books.n.unknown_ids, 4);
    CHECK(!add(1, RL_BUY, 200, 10));
    CHECK(!apply(RL_OP_REPLACE, 1, 2, RL_BUY, 99, 5));
    CHECK_EQ(books.n.duplicate_ids, 2);
    CHECK(!add(3, RL_BUY, 100, 0));
    CHECK(!add(3, RL_BUY, RL_PX_NONE, 5));
    CHECK(!add(3, RL_BUY, 100, UINT64_MAX)); /* with the order there it exceeds 64 bits */
    CHECK(!apply(RL_OP_MODIFY, 1, 0, RL_BUY, 100, 0));
    CHECK(!apply(RL_OP_REPLACE, 1, 9, RL_BUY, RL_PX_NONE, 5));
    CHECK(!apply(RL_OP_LEVEL, 0, 0, RL_BUY, RL_PX_NONE, 5));
    CHECK_EQ(books.n.bad_values, 6);
    CHECK(!rl_books_apply(&books, &(struct rl_update){.op = RL_OP_ADD, .instrument = 2, .qty = 1}));
    CHECK(
        !rl_books_apply(&books, &(struct rl_update){.op = RL_OP_CLEAR, .instrument = UINT32_MAX}));
    CHECK(!rl_books_apply(&books, &(struct rl_update){.op = RL_OP_NONE, .instrument = 2}));
    CHECK(!rl_books_apply(&books, &(struct rl_update){.op = RL_OP_TRADE, .instrument = 2}));
    CHECK_EQ(books.n.bad_instruments, 2); /* those two are about no book */
    CHECK(!rl_books_apply(&books, &(struct rl_update){.op = 200, .qty = 1}));
    CHECK(!rl_books_apply(&books,
                          &(struct rl_update){.op = RL_OP_ADD, .id = 4, .side = 2, .qty = 1}));
    CHECK_EQ(books.n.bad_ops, 2);
    CHECK(!apply(RL_OP_NONE, 1, 1, RL_BUY, 1, 1));
    CHECK(!apply(RL_OP_TRADE, 1, 1, RL_BUY, 1, 1));
    CHECK(rl_books_hash(&books) == hash);
    /* The same number is another order on another instrument. */
    rl_books_apply(&books,
                   &(struct rl_update){.op = RL_OP_ADD, .instrument = 1, .id = 1, .qty = 3});
    CHECK_EQ(books.n_orders, 3);
    CHECK(apply(RL_OP_REDUCE, 1, 0, RL_BUY, 0, 11));
    CHECK_EQ(books.n.over_reduced, 1);
    CHECK_EQ(books.n_orders, 2);
    books_close();
}

static void test_full_pools_refuse_and_recover(void)
{
    books_open(1, 4, 2, 3);
    CHECK(add(1, RL_BUY, 100, 1));
    CHECK(add(2, RL_BUY, 101, 1));
    CHECK(!add(3, RL_BUY, 102, 1)); /* the side is full */
    CHECK_EQ(books.n.levels_full, 1);
    CHECK(add(4, RL_SELL, 110, 1));
    CHECK(!add(5, RL_SELL, 111, 1)); /* the level pool is empty */
    CHECK(!apply(RL_OP_REPLACE, 4, 6, RL_SELL, 112, 1));
    CHECK_EQ(books.n.levels_full, 3);
    CHECK(add(7, RL_SELL, 110, 1));
    CHECK(!add(8, RL_SELL, 110, 1)); /* the order pool is empty */
    CHECK_EQ(books.n.orders_full, 1);
    CHECK(apply(RL_OP_DELETE, 2, 0, RL_BUY, 0, 0));
    CHECK(add(9, RL_BUY, 99, 1) == false); /* fits again; behind the best */
    CHECK_EQ(books.n_orders, 4);
    books_close();
}

static void test_clear_empties_one_instrument_and_reset_all(void)
{
    books_open(3, 100, 100, 0);
    for (uint32_t i = 0; i < 30; i++)
        rl_books_apply(&books, &(struct rl_update){.op = RL_OP_ADD,
                                                   .instrument = i % 3,
                                                   .id = i,
                                                   .side = i & 1,
                                                   .px_nano = 100 + i % 5,
                                                   .qty = 1});
    CHECK(rl_books_apply(&books, &(struct rl_update){.op = RL_OP_CLEAR, .instrument = 1}));
    CHECK_EQ(books.n_orders, 20);
    CHECK_EQ(rl_books_n_orders(&books, 0, RL_BUY), 5);
    CHECK_EQ(rl_books_n_orders(&books, 2, RL_SELL), 5);
    CHECK_EQ(rl_books_n_orders(&books, 1, RL_BUY), 0);
    CHECK_EQ(rl_books_n_levels(&books, 1, RL_SELL), 0);
    CHECK(!rl_books_apply(&books, &(struct rl_update){.op = RL_OP_CLEAR, .instrument = 1}));
    CHECK_EQ(rl_books_check(&books, NULL), 0);
    CHECK(rl_books_apply(&books,
                         &(struct rl_update){.op = RL_OP_RESET, .instrument = RL_INSTRUMENT_ALL}));
    CHECK_EQ(books.touched, RL_INSTRUMENT_ALL);
    CHECK_EQ(books.n_orders, 0);
    CHECK(rl_books_hash(&books) == 0);
    books_close();
}

static void test_a_broken_book_does_not_pass_the_check(void)
{
    const char *what = NULL;

    books_open(1, 100, 100, 0);
    for (uint64_t id = 0; id < 20; id++)
        add(id, RL_BUY, 100 + (int64_t)id % 4, 10);
    CHECK_EQ(rl_books_check(&books, &what), 0);
    books.nodes[3].order.qty++;
    CHECK_EQ(rl_books_check(&books, &what), -EBADMSG);
    CHECK(what != NULL);
    books.nodes[3].order.qty--;
    books.nodes[3].order.prev++; /* each link by itself */
    CHECK_EQ(rl_books_check(&books, &what), -EBADMSG);
    books.nodes[3].order.prev--;
    books.nodes[3].order.level++;
    CHECK_EQ(rl_books_check(&books, &what), -EBADMSG);
    books.nodes[3].order.level--;
    books.nodes[3].order.instrument++;
    CHECK_EQ(rl_books_check(&books, &what), -EBADMSG);
    books.nodes[3].order.instrument--;
    CHECK_EQ(rl_books_check(&books, &what), 0);
    books.books[0].best[RL_BUY]--;
    CHECK_EQ(rl_books_check(&books, &what), -EBADMSG);
    books.books[0].best[RL_BUY]++;
    books.ranks[rl_ladder_keys(&books.books[0], RL_BUY)] = 1000;
    CHECK_EQ(rl_books_check(&books, &what), -EBADMSG);
    books.ranks[rl_ladder_keys(&books.books[0], RL_BUY)] = 100;
    books.n_orders++;
    CHECK_EQ(rl_books_check(&books, &what), -EBADMSG);
    books.n_orders--;
    books_close();
}

static void must_say(const char *wanted)
{
    const char *what = NULL;

    CHECK_EQ(rl_books_check(&books, &what), -EBADMSG);
    if (strcmp(what, wanted) != 0) {
        fprintf(stderr, "said '%s', wanted '%s'\n", what, wanted);
        exit(1);
    }
}

/* One word is wrong: what is said is of that word. */
#define BROKEN(word, value, said)                  \
    do {                                           \
        __typeof__(word) was = word;               \
        word = (__typeof__(was))(value);           \
        must_say(said);                            \
        word = was;                                \
        CHECK_EQ(rl_books_check(&books, NULL), 0); \
    } while (0)

static void test_the_check_says_what_is_broken(void)
{
    static const char pool[] = "a queue leads out of the pool or in a circle";
    static const char link[] = "an order does not link back to its level or neighbour";
    static const char sum[] = "a level's quantity is not the sum of its orders";
    static const char order[] = "the levels of a side are not in order";
    uint32_t level, first;
    uint64_t keys;

    books_open(2, 100, 100, 0);
    for (uint64_t id = 0; id < 20; id++)
        add(id, RL_BUY, 100 + (int64_t)id % 4, 10);
    add(50, RL_SELL, 200, 7);
    keys = rl_ladder_keys(&books.books[0], RL_BUY);
    level = books.slots[keys];
    first = books.nodes[level].level.head;
    BROKEN(books.nodes[first].order.next, 100, pool); /* the first behind the orders */
    BROKEN(books.nodes[first].order.next, first, link);
    BROKEN(books.nodes[first].order.next, UINT32_MAX, pool);
    BROKEN(books.nodes[first].order.prev, first, link);
    BROKEN(books.nodes[first].order.level, level + 1, link);
    BROKEN(books.nodes[first].order.qty, 0, "an order of no quantity, or a sum beyond 64 bits");
    BROKEN(books.nodes[first].order.qty, UINT64_MAX,
           "an order of no quantity, or a sum beyond 64 bits");
    BROKEN(books.nodes[first].order.qty, 11, sum);
    BROKEN(books.nodes[level].level.n_orders, 4, "a queue's tail or count is wrong");
    BROKEN(books.nodes[level].level.tail, first, "a queue's tail or count is wrong");
    BROKEN(books.nodes[level].level.qty, 49, sum);
    BROKEN(books.nodes[level].level.px_nano, 99, order);
    BROKEN(books.ranks[keys], 101, order);
    books.ranks[keys] = books.nodes[level].level.px_nano = 101; /* the same price twice */
    must_say(order);
    books.ranks[keys] = books.nodes[level].level.px_nano = 100;
    BROKEN(books.slots[keys], 100, "a key leads to another side's level"); /* nobody's */
    BROKEN(books.slots[keys], 5, "a key leads to another side's level");
    BROKEN(books.slots[keys], books.nobody + books.n_levels_max + 1,
           "a key leads to another side's level");
    BROKEN(books.books[0].best[RL_BUY], level, "the best price kept is not the best level");
    BROKEN(books.states[0], RL_BOOK_CROSSED,
           "the market state kept is not that of the best prices");
    BROKEN(books.n_levels, 4, "the count of all levels is wrong");
    BROKEN(books.n_orders, 20, "the table holds an order that is in no queue");
    BROKEN(books.table[rl_books_home(&books, 50)], books.n_orders_max + 1,
           "the table leads out of the pool of orders");
    BROKEN(books.free_order, RL_SLOT_NONE, "an order is neither free nor live");
    BROKEN(books.free_order, 100, "the list of free orders is broken");
    BROKEN(books.free_level, RL_SLOT_NONE, "a level is neither free nor live");
    BROKEN(books.free_level, 100, "the list of free levels is broken");
    BROKEN(books.nodes[books.free_order].order.level, books.free_order,
           "the list of free orders is broken");
    BROKEN(books.nodes[books.free_level].level.head, books.free_level,
           "the list of free levels is broken");
    books_close();
}

/* A side as full as its keys, which double: no number of levels is taken for too many. */
static void test_a_book_of_any_depth_passes_the_check(void)
{
    books_open(1, 300, 300, 0);
    for (uint32_t i = 0; i < 300; i++) {
        CHECK(add(i, RL_SELL, 1000 - (int64_t)i, 1));
        CHECK_EQ(rl_books_check(&books, NULL), 0);
    }
    books_close();
}

static void test_the_hash_knows_the_state_and_not_the_way_there(void)
{
    uint64_t hash;

    books_open(1, 100, 100, 0);
    add(1, RL_BUY, 100, 10);
    add(2, RL_BUY, 101, 20);
    hash = rl_books_hash(&books);
    apply(RL_OP_RESET, 0, 0, RL_BUY, 0, 0);
    add(3, RL_BUY, 101, 20);
    add(1, RL_BUY, 101, 10);
    CHECK(rl_books_hash(&books) != hash);
    apply(RL_OP_REPLACE, 3, 2, RL_BUY, 101, 20);
    CHECK(rl_books_hash(&books) != hash);
    apply(RL_OP_MODIFY, 1, 0, RL_BUY, 100, 10);
    CHECK(rl_books_hash(&books) == hash);
    apply(RL_OP_MODIFY, 1, 0, RL_SELL, 100, 10);
    CHECK(rl_books_hash(&books) != hash);
    books_close();
}

static int books_in(struct rl_arena *memory, const void *config)
{
    struct rl_books b;

    return rl_books_init(&b, memory, config);
}

static void test_configs_that_cannot_be_served_are_refused(void)
{
    struct rl_books_config config = {.n_instruments = 1, .n_orders = 1000, .n_levels_per_side = 10};
    struct rl_arena small;
    struct rl_books b;

    CHECK_EQ(rl_arena_open(&small, 4096, 0), 0);
    CHECK_EQ(rl_books_init(&b, &small, &config), -ENOMEM);
    config.n_orders = 0;
    CHECK_EQ(rl_books_init(&b, &small, &config), -EINVAL);
    CHECK_EQ(rl_books_bytes(&config), 0);
    config.n_orders = UINT32_MAX;
    CHECK_EQ(rl_books_init(&b, &small, &config), -EINVAL);
    rl_arena_close(&small);
    /* Many small books: no part is so small that it would not be missed. */
    config = (struct rl_books_config){
        .n_instruments = 1000, .n_orders = 1, .n_levels_per_side = 1, .n_levels = 1};
    check_needs_all(rl_books_bytes(&config), books_in, &config);
}

/* Whatever is missing, of the seven parts: it is said, and nothing is touched that is not there. */
static void test_an_arena_that_is_too_small_for_any_part_is_refused(void)
{
    static const struct rl_books_config configs[] = {
        {.n_instruments = 3, .n_orders = 10, .n_levels_per_side = 10}, /* keys are the most */
        {.n_instruments = 1, .n_orders = 1000, .n_levels_per_side = 1} /* orders are */
    };

    for (size_t i = 0; i < RL_COUNT(configs); i++) {
        size_t n_all, n_whole;
        struct rl_books b;

        CHECK_EQ(rl_arena_open(&arena, rl_books_bytes(&configs[i]), 0), 0);
        n_whole = arena.n_bytes;
        CHECK_EQ(rl_books_init(&b, &arena, &configs[i]), 0);
        n_all = arena.n_used;
        CHECK(n_all <= rl_books_bytes(&configs[i])); /* what is asked for is enough */
        for (size_t n = 0; n < n_all; n += RL_CACHE_LINE / 2) {
            arena.n_bytes = n;
            arena.n_used = 0;
            CHECK_EQ(rl_books_init(&b, &arena, &configs[i]), -ENOMEM);
        }
        arena.n_bytes = n_whole;
        rl_arena_close(&arena);
    }
}

/* So many that all sides may be deep, but no more than orders and 65536 can fill. */
static void test_levels_that_nobody_counted_are_as_many_as_may_be_needed(void)
{
    static const struct {
        uint32_t n_instruments, n_orders, per_side, n_levels, wanted;
    } cases[] = {{3, 10, 10, 0, 60},
                 {100, 1000, 1000, 0, 65536},
                 {100, 70000, 1000, 0, 70000},
                 {100, 1000, 1000, 777, 777}};

    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        books_open(cases[i].n_instruments, cases[i].n_orders, cases[i].per_side, cases[i].n_levels);
        CHECK_EQ(books.n_levels_max, cases[i].wanted);
        books_close();
    }
}

/* --- the slow book agrees --------------------------------------------------------------------- */

/* The order, when there is one, has the place in its queue that the slow book says. */
static void check_queue_rank(uint32_t instrument, uint64_t id)
{
    const struct slow_order *o = slow_find(instrument, id);

    CHECK_EQ(rl_books_queue_rank(&books, instrument, id), o ? slow_queue_rank(o) : RL_SLOT_NONE);
}

static void test_a_slow_book_agrees_after_every_one_of_300000_random_updates(void)
{
    uint64_t random = 20231225;
    struct rl_bbo before[SLOW_INSTRUMENTS];

    books_open(SLOW_INSTRUMENTS, 256, 64, 0);
    n_slow = 0;
    for (uint32_t i = 0; i < SLOW_INSTRUMENTS; i++)
        rl_books_bbo(&books, i, &before[i]);
    for (uint32_t n = 0; n < 300000; n++) {
        struct rl_update u = slow_random_update(&random, false);
        bool is_news = rl_books_apply(&books, &u);
        uint32_t i = u.instrument % SLOW_INSTRUMENTS;
        struct rl_bbo seen, wanted;

        slow_apply(&u);
        wanted = slow_bbo(i);
        rl_books_bbo(&books, i, &seen);
        CHECK(memcmp(&seen, &wanted, sizeof seen) == 0);
        if (u.op == RL_OP_RESET) {
            CHECK(is_news);
            for (uint32_t k = 0; k < SLOW_INSTRUMENTS; k++)
                rl_books_bbo(&books, k, &before[k]);
        } else {
            CHECK_EQ(is_news, memcmp(&seen, &before[i], sizeof seen) != 0);
        }
        before[i] = seen;
        check_queue_rank(u.instrument, u.id);
        check_queue_rank(u.instrument, u.new_id);
        if (n % 64 == 0) {

            CHECK_EQ(rl_books_check(&books, NULL), 0);
            CHECK(rl_books_hash(&books) == slow_hash());
            for (uint32_t k = 0; k < 2 * SLOW_INSTRUMENTS; k++)
                CHECK_EQ(rl_books_n_levels(&books, k / 2, (enum rl_side)(k % 2)),
                         slow_n_levels(k / 2, k % 2));
        }
    }
    CHECK_EQ(books.n.orders_full + books.n.levels_full, 0);
    CHECK(books.n.unknown_ids > 1000 && books.n.duplicate_ids > 1000 &&
          books.n.over_reduced > 100 && books.n.unknown_levels > 100 && books.n.bad_values > 100);
    books_close();
}

static void test_random_updates_leave_a_book_of_tiny_pools_whole(void)
{
    uint64_t random = 7;

    books_open(SLOW_INSTRUMENTS, 12, 4, 9);
    for (uint32_t n = 0; n < 100000; n++) {
        struct rl_update u = slow_random_update(&random, false);

        rl_books_apply(&books, &u);
        if (n % 16 == 0)
            CHECK_EQ(rl_books_check(&books, NULL), 0);
    }
    CHECK(books.n.orders_full > 100 && books.n.levels_full > 100);
    books_close();
}

static void test_an_update_neither_allocates_nor_faults(void)
{
    uint64_t random = 99;
    struct rl_usage before, used;

    books_open(SLOW_INSTRUMENTS, 256, 64, 0);
    for (uint32_t n = 0; n < 1000; n++)
        rl_books_apply(&books, &(struct rl_update){.op = RL_OP_NONE});
    rl_trap_arm();
    before = rl_usage_now();
    for (uint32_t n = 0; n < 50000; n++) {
        struct rl_update u = slow_random_update(&random, false);

        rl_books_apply(&books, &u);
    }
    used = rl_usage_diff(before, rl_usage_now());
    rl_trap_disarm();
    CHECK_EQ(used.n_allocs, 0);
    CHECK_EQ(used.majflt, 0);
    books_close();
}

int main(void)
{
    test_the_best_of_each_side_is_shown_and_news_is_told();
    test_a_lone_order_that_becomes_the_best_may_cross();
    test_an_order_keeps_its_place_only_while_it_neither_moves_nor_grows();
    test_a_replaced_order_keeps_its_side_and_a_modified_one_may_change_it();
    test_anonymous_levels_are_set_removed_and_live_beside_orders();
    test_any_price_of_64_bits_has_its_place();
    test_20000_levels_arrive_in_the_worst_order_and_leave_again();
    test_nonsense_is_counted_and_changes_nothing();
    test_full_pools_refuse_and_recover();
    test_clear_empties_one_instrument_and_reset_all();
    test_a_broken_book_does_not_pass_the_check();
    test_the_check_says_what_is_broken();
    test_a_book_of_any_depth_passes_the_check();
    test_the_hash_knows_the_state_and_not_the_way_there();
    test_configs_that_cannot_be_served_are_refused();
    test_an_arena_that_is_too_small_for_any_part_is_refused();
    test_levels_that_nobody_counted_are_as_many_as_may_be_needed();
    test_a_slow_book_agrees_after_every_one_of_300000_random_updates();
    test_random_updates_leave_a_book_of_tiny_pools_whole();
    test_an_update_neither_allocates_nor_faults();
    return 0;
}
