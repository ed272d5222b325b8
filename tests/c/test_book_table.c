/* The table of ids: neighbours, venues that number oddly, and ids that were chosen to collide. */
#include <string.h>

#include "base/mem.h"
#include "check.h"
#include "market/book/book.h"

enum { N_ORDERS = 1 << 14, N_PLACES = 4 * N_ORDERS, KNOWN_SEED = 20231225, OTHER_SEED = 59585 };

static struct rl_arena arena;
static struct rl_books books;
static uint64_t ids[N_ORDERS];

static void books_open(uint32_t n_instruments, uint64_t seed)
{
    struct rl_books_config config = {.n_instruments = n_instruments,
                                     .n_orders = N_ORDERS,
                                     .n_levels_per_side = 64,
                                     .seed = seed};

    CHECK_EQ(rl_arena_open(&arena, rl_books_bytes(&config), 0), 0);
    CHECK_EQ(rl_books_init(&books, &arena, &config), 0);
    CHECK_EQ(books.mask, N_PLACES - 1);
}

static void books_close(void)
{
    const char *what;

    rl_books_check(&books, &what);
    if (what)
        fprintf(stderr, "%s\n", what);
    CHECK(what == NULL);
    rl_arena_close(&arena);
}

static void apply(enum rl_op op, uint32_t instrument, uint64_t id)
{
    rl_books_apply(&books, &(struct rl_update){.op = (uint8_t)op,
                                               .instrument = instrument,
                                               .id = id,
                                               .px_nano = 100 + (int64_t)(id % 16),
                                               .qty = 1});
}

struct probes {
    uint64_t sum, most;
};

/* Of looking for ids[0 .. n); instrument i % n_instruments has ids[i]. */
static struct probes probes_of(uint32_t n, uint32_t n_instruments)
{
    struct probes p = {0, 0};

    for (uint32_t i = 0; i < n; i++) {
        uint32_t seen = rl_books_probes(&books, i % n_instruments, ids[i]);

        p.sum += seen;
        p.most = seen > p.most ? seen : p.most;
    }
    return p;
}

/* Adds ids[0 .. n), looks for all, and removes every other one and then the rest. */
static struct probes fill_and_empty(uint32_t n, uint32_t n_instruments)
{
    struct probes p;

    for (uint32_t i = 0; i < n; i++)
        apply(RL_OP_ADD, i % n_instruments, ids[i]);
    CHECK_EQ(books.n_orders, n);
    CHECK_EQ(books.n.duplicate_ids + books.n.orders_full, 0);
    for (uint32_t i = 0; i < n; i++)
        CHECK_EQ(rl_books_find(&books, i % n_instruments, ids[i], NULL, NULL)->id, ids[i]);
    CHECK_EQ(rl_books_check(&books, NULL), 0);
    p = probes_of(n, n_instruments);
    for (uint32_t first = 0; first < 2; first++) {
        for (uint32_t i = first; i < n; i += 2)
            apply(RL_OP_DELETE, i % n_instruments, ids[i]);
        CHECK_EQ(rl_books_check(&books, NULL), 0);
        for (uint32_t i = 0; i < n; i++)
            CHECK_EQ(rl_books_find(&books, i % n_instruments, ids[i], NULL, NULL) != NULL,
                     first == 0 && i % 2 == 1);
    }
    CHECK_EQ(books.n.unknown_ids, 0);
    return p;
}

/* --- venues
 * --------------------------------------------------------------------------------------- */

static void test_ids_that_follow_each_other_are_found_at_the_first_look(uint64_t first)
{
    books_open(1, KNOWN_SEED);
    for (uint32_t i = 0; i < N_ORDERS; i++)
        ids[i] = first + i;
    CHECK_EQ(fill_and_empty(N_ORDERS, 1).most, 1);
    /* Beside each other, too: sixteen to a line. */
    for (uint32_t i = 0; i < N_ORDERS; i++)
        if (first % 16 == 0)
            CHECK_EQ(rl_books_home(&books, ids[i]) / 16, rl_books_home(&books, ids[i & ~15U]) / 16);
    books_close();
}

static void test_ids_with_their_counter_in_the_high_bits_are_found_nearly_at_once(unsigned shift)
{
    struct probes p;

    books_open(1, KNOWN_SEED);
    for (uint32_t i = 0; i < N_ORDERS; i++)
        ids[i] = (uint64_t)(i + 1) << shift | (77 & ((1ULL << shift) - 1));
    p = fill_and_empty(N_ORDERS, 1);
    CHECK(p.sum < 4 * N_ORDERS && p.most < 64);
    books_close();
}

static void test_a_hundred_instruments_may_all_number_their_orders_from_one(void)
{
    struct probes p;

    books_open(100, KNOWN_SEED);
    for (uint32_t i = 0; i < N_ORDERS; i++)
        ids[i] = 1 + i / 100;
    p = fill_and_empty(N_ORDERS, 100);
    CHECK(p.sum < 4 * N_ORDERS && p.most < 64);
    books_close();
}

static void test_random_ids_come_and_go_for_ever_without_wearing_the_table_out(void)
{
    uint64_t random = 4, sum = 0;

    books_open(2, KNOWN_SEED);
    for (uint32_t i = 0; i < N_ORDERS; i++)
        apply(RL_OP_ADD, i % 2, ids[i] = check_random(&random));
    for (uint32_t round = 0; round < 20; round++)
        for (uint32_t i = 0; i < N_ORDERS; i++) {
            apply(RL_OP_DELETE, i % 2, ids[i]);
            apply(RL_OP_ADD, i % 2, ids[i] = check_random(&random));
        }
    CHECK_EQ(books.n_orders, N_ORDERS);
    CHECK_EQ(books.n.unknown_ids, 0);
    for (uint32_t i = 0; i < N_ORDERS; i++)
        sum += rl_books_probes(&books, 0, check_random(&random)); /* ids that are not there */
    CHECK(sum < 3 * N_ORDERS);
    CHECK(probes_of(N_ORDERS, 2).sum < 3 * N_ORDERS);
    books_close();
}

/* --- enemies
 * -------------------------------------------------------------------------------------- */

/* Ids that share one home, which anybody can work out: the fold adds bits 16.. onto bits 0... */
static void choose_ids_of_one_home(void)
{
    uint32_t n = 0;

    for (uint64_t high = 0; n < N_ORDERS; high++) {
        uint64_t id = high << 20;

        id ^= rl_books_home(&books, id); /* below bit 16 the fold leaves a number as it is */
        if (id >> 16 == high << 4 && rl_books_home(&books, id) == 0)
            ids[n++] = id;
    }
    for (uint32_t i = 0; i < N_ORDERS; i++)
        CHECK_EQ(rl_books_home(&books, ids[i]), 0);
}

static void test_ids_that_all_share_a_home_cost_a_few_looks(void)
{
    struct probes p;

    books_open(1, KNOWN_SEED);
    choose_ids_of_one_home();
    p = fill_and_empty(N_ORDERS, 1);
    CHECK(p.sum < 4 * N_ORDERS && p.most < 64);
    /* The place that all passed has forgotten how many; the others count, and all is as it was. */
    for (uint32_t i = 0; i < N_ORDERS; i++)
        ids[i] = 1 + i;
    CHECK_EQ(fill_and_empty(N_ORDERS, 1).most, 1);
    apply(RL_OP_RESET, 0, 0);
    CHECK_EQ(rl_books_probes(&books, 0, ids[0] - 1), 1);
    books_close();
}

/* The path of an id, as only who knows the seed can work it out: table.h. */
static uint64_t path_of(uint64_t id, uint64_t seed)
{
    return rl_mix(id + rl_mix(seed)) & (N_PLACES - 1);
}

/*
 * Ids that share a home, and whose paths begin at 256 places only for who has this seed. The second
 * half of the promise is the check of the first: with the seed known, the attack works.
 */
static struct probes attack(uint64_t seed_guessed, uint64_t seed)
{
    enum { N = 2048 };
    uint32_t n = 0;

    books_open(1, seed);
    for (uint64_t high = 0; n < N; high++) {
        uint64_t id = high << 20;

        id ^= rl_books_home(&books, id);
        if (rl_books_home(&books, id) == 0 && path_of(id, seed_guessed) < 64)
            ids[n++] = id;
    }
    for (uint32_t i = 0; i < N; i++)
        apply(RL_OP_ADD, 0, ids[i]);
    CHECK_EQ(books.n_orders, N);
    return probes_of(N, 1);
}

static void test_only_who_knows_the_seed_can_choose_where_the_paths_lead(void)
{
    struct probes known = attack(KNOWN_SEED, KNOWN_SEED), unknown;
    uint64_t drawn;

    books_close();
    unknown = attack(KNOWN_SEED, OTHER_SEED);
    books_close();
    CHECK(unknown.sum < 4 * 2048 && unknown.most < 24);
    CHECK(known.sum > unknown.sum);
    books_open(1, 0);
    drawn = books.seed;
    books_close();
    books_open(1, 0);
    CHECK(drawn != 0 && books.seed != drawn); /* each set of books draws its own */
    books_close();
}

int main(void)
{
    static const uint64_t firsts[] = {0, 1, 16, 1 << 20, 6411000000000, UINT64_MAX - N_ORDERS};
    static const unsigned shifts[] = {1, 8, 16, 20, 32, 40};

    for (uint32_t i = 0; i < RL_COUNT(firsts); i++)
        test_ids_that_follow_each_other_are_found_at_the_first_look(firsts[i]);
    for (uint32_t i = 0; i < RL_COUNT(shifts); i++)
        test_ids_with_their_counter_in_the_high_bits_are_found_nearly_at_once(shifts[i]);
    test_a_hundred_instruments_may_all_number_their_orders_from_one();
    test_random_ids_come_and_go_for_ever_without_wearing_the_table_out();
    test_ids_that_all_share_a_home_cost_a_few_looks();
    test_only_who_knows_the_seed_can_choose_where_the_paths_lead();
    return 0;
}
