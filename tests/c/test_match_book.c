/*
 * What matching asks of the books beside rl_books_apply: updates of an order that is known already,
 * and new names. Books that are shown to readers never move a level as a whole, so they are what
 * the others are compared with.
 */
#include "base/mem.h"
#include "check.h"
#include "market/book/book.h"
#include "market/book/view.h"

enum { N_ORDERS = 200, N_STEPS = 12000 };

static struct rl_arena arena;
static struct rl_books known, applied, shown;

static void open_books(uint32_t n_levels_per_side)
{
    struct rl_books_config config = {.n_instruments = 2,
                                     .n_orders = N_ORDERS,
                                     .n_levels_per_side = n_levels_per_side,
                                     .seed = 7};
    size_t n_views = rl_views_bytes(2);
    struct rl_views *views;

    CHECK_EQ(rl_arena_open(&arena, 3 * rl_books_bytes(&config) + n_views + 4096, 0), 0);
    CHECK_EQ(rl_books_init(&known, &arena, &config), 0);
    CHECK_EQ(rl_books_init(&applied, &arena, &config), 0);
    CHECK_EQ(rl_books_init(&shown, &arena, &config), 0);
    views = rl_views_init(rl_arena_take(&arena, n_views, RL_CACHE_LINE), n_views, 2);
    CHECK_EQ(rl_books_show(&shown, views), 0);
}

static uint32_t slot_of(const struct rl_books *b, const struct rl_update *u)
{
    const struct rl_book_order *o = rl_books_find(b, u->instrument, u->id, NULL, NULL);

    return o ? (uint32_t)((const union rl_book_node *)o - b->nodes) : RL_SLOT_NONE;
}

/* The best prices, and in each queue the same orders in the same places. */
static void check_same(const struct rl_books *a, const struct rl_books *b)
{
    CHECK_EQ(rl_books_hash(a), rl_books_hash(b));
    for (uint32_t i = 0; i < 2; i++) {
        struct rl_bbo x, y;

        CHECK_EQ(rl_books_state(a, i), rl_books_state(b, i));
        rl_books_bbo(a, i, &x);
        rl_books_bbo(b, i, &y);
        for (unsigned side = 0; side < 2; side++) {
            CHECK_EQ(x.px_nano[side], y.px_nano[side]);
            CHECK_EQ(x.qty[side], y.qty[side]);
        }
    }
    for (uint32_t i = 0; i < N_ORDERS; i++)
        for (uint32_t instrument = 0; instrument < 2; instrument++)
            CHECK_EQ(rl_books_queue_rank(a, instrument, i), rl_books_queue_rank(b, instrument, i));
}

static struct rl_update any_update(uint64_t *random, uint32_t n_prices)
{
    static const uint8_t ops[] = {RL_OP_ADD,     RL_OP_ADD,    RL_OP_REPLACE, RL_OP_REPLACE,
                                  RL_OP_REPLACE, RL_OP_MODIFY, RL_OP_DELETE,  RL_OP_LEVEL};
    struct rl_update u = {
        .op = ops[check_random(random) % RL_COUNT(ops)],
        .id = check_random(random) % N_ORDERS,
        .px_nano = (int64_t)(check_random(random) % n_prices),
        .qty = check_random(random) % 9,
        .instrument = check_random(random) % 8 == 0,
        .side = check_random(random) & 1,
    };

    u.new_id = check_random(random) % 2 ? u.id : check_random(random) % N_ORDERS;
    if (check_random(random) % 50 == 0)
        u.px_nano = RL_PX_NONE;
    if (u.op == RL_OP_LEVEL && check_random(random) % 8)
        u.op = RL_OP_ADD;
    return u;
}

static void books_that_are_told_which_order_it_is_agree_with_those_that_look(uint32_t n_levels,
                                                                             uint32_t n_prices)
{
    uint64_t random = 3 + n_prices, n_moved = 0, n_refused = 0;

    open_books(n_levels);
    for (int i = 0; i < N_STEPS; i++) {
        struct rl_update u = any_update(&random, n_prices);
        uint32_t slot = slot_of(&known, &u);
        uint64_t refused = applied.n.levels_full + applied.n.bad_values + applied.n.duplicate_ids;
        bool is_news = rl_books_apply(&applied, &u);

        CHECK_EQ(is_news, rl_books_apply(&shown, &u));
        refused = applied.n.levels_full + applied.n.bad_values + applied.n.duplicate_ids - refused;
        if (slot != RL_SLOT_NONE && u.op == RL_OP_REPLACE) {
            CHECK_EQ(rl_books_replace(&known, slot, &u), refused == 0);
            n_moved += refused == 0;
            n_refused += refused;
        } else if (slot != RL_SLOT_NONE && u.op == RL_OP_DELETE) {
            CHECK_EQ(rl_books_delete(&known, slot, &u), is_news);
        } else {
            CHECK_EQ(rl_books_apply(&known, &u), is_news);
        }
        if (i % 16 == 0) {
            const char *what = "";

            CHECK_EQ(rl_books_check(&known, &what), 0);
            CHECK_EQ(rl_books_check(&applied, &what), 0);
            CHECK_EQ(rl_books_check(&shown, &what), 0);
            check_same(&known, &applied);
            check_same(&applied, &shown);
        }
        CHECK_EQ(known.n.updates, applied.n.updates);
        CHECK_EQ(known.n.levels_full, applied.n.levels_full);
        CHECK_EQ(known.n.bad_values, shown.n.bad_values);
        CHECK_EQ(known.n.locked, shown.n.locked);
        CHECK_EQ(known.n.crossed, shown.n.crossed);
    }
    CHECK(n_moved > 500 && n_refused > 10);
    rl_arena_close(&arena);
}

static void a_renamed_order_keeps_its_place(void)
{
    struct rl_update u = {.op = RL_OP_ADD, .id = 1, .px_nano = 5, .qty = 2};

    open_books(8);
    rl_books_apply(&known, &u);
    u.id = 2;
    rl_books_apply(&known, &u);
    CHECK(rl_books_rename(&known, 0, 1, 9));
    CHECK_EQ(rl_books_queue_rank(&known, 0, 9), 0);
    CHECK_EQ(rl_books_queue_rank(&known, 0, 2), 1);
    CHECK_EQ(rl_books_queue_rank(&known, 0, 1), RL_SLOT_NONE);
    CHECK(!rl_books_rename(&known, 0, 1, 8));
    CHECK(!rl_books_rename(&known, 0, 9, 2));
    CHECK_EQ(rl_books_check(&known, NULL), 0);
    rl_arena_close(&arena);
}

int main(void)
{
    books_that_are_told_which_order_it_is_agree_with_those_that_look(12, 20);
    books_that_are_told_which_order_it_is_agree_with_those_that_look(128, 150);
    books_that_are_told_which_order_it_is_agree_with_those_that_look(128, 100000);
    a_renamed_order_keeps_its_place();
    return 0;
}
