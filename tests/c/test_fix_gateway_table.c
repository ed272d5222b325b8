/* The table of orders and ClOrdIDs against a list that is searched from end to end. */
#include "check.h"
#include "rig/exchange/fix_gateway_table.h"

#define N_ORDERS 32
#define N_IDS 80
#define N_NAMES 200

struct known {
    uint32_t id; /* RL_FIX_NONE: not there */
};

static struct rl_fix_key key_of(const struct rl_fix_table *t, uint32_t n)
{
    struct rl_fix_key k;
    char text[RL_FIX_CL_ORD_ID + 1];
    int length = snprintf(text, sizeof text, "%0*u", 1 + (int)(n % 64), n);

    rl_fix_key_make(t, &k, n % 3, text, (uint32_t)length);
    return k;
}

static void open_table(struct rl_fix_table *t, struct rl_arena *arena)
{
    CHECK_EQ(rl_arena_open(arena, rl_fix_table_bytes(N_ORDERS, N_IDS), 0), 0);
    CHECK_EQ(rl_fix_table_init(t, arena, N_ORDERS, N_IDS, 3), 0);
}

static void check(const struct rl_fix_table *t)
{
    const char *what = "";

    if (rl_fix_table_check(t, &what)) {
        fprintf(stderr, "broken: %s\n", what);
        exit(1);
    }
}

static void what_is_taken_is_found_and_what_is_dropped_is_not(void)
{
    static struct known names[N_NAMES];
    struct rl_fix_table t;
    struct rl_arena arena;
    uint64_t random = 5;
    uint32_t n_there = 0;

    open_table(&t, &arena);
    for (uint32_t i = 0; i < N_NAMES; i++)
        names[i].id = RL_FIX_NONE;
    for (int step = 0; step < 20000; step++) {
        uint32_t n = (uint32_t)(check_random(&random) % N_NAMES);
        struct rl_fix_key k = key_of(&t, n);

        CHECK_EQ(rl_fix_id_find(&t, &k), names[n].id);
        if (names[n].id != RL_FIX_NONE) {
            rl_fix_id_drop(&t, names[n].id);
            names[n].id = RL_FIX_NONE;
            n_there--;
        } else {
            uint32_t id = rl_fix_id_take(&t, &k, 'q', RL_FIX_ID_PENDING, RL_FIX_NONE, 1);

            CHECK_EQ(id == RL_FIX_NONE, n_there == N_IDS);
            names[n].id = id;
            n_there += id != RL_FIX_NONE;
        }
    }
    check(&t);
    for (uint32_t i = 0; i < N_NAMES; i++) {
        struct rl_fix_key k = key_of(&t, i);

        CHECK_EQ(rl_fix_id_find(&t, &k), names[i].id);
    }
    rl_arena_close(&arena);
}

static uint32_t take_order(struct rl_fix_table *t, uint32_t n)
{
    struct rl_fix_key k = key_of(t, n);
    uint32_t slot = rl_fix_order_take(t), id;

    if (slot == RL_FIX_NONE)
        return RL_FIX_NONE;
    t->orders[slot].id = n;
    id = rl_fix_id_take(t, &k, 'D', RL_FIX_ID_CURRENT, slot, n);
    CHECK(id != RL_FIX_NONE);
    t->orders[slot].current = id;
    return slot;
}

static void the_order_that_ended_first_makes_room(void)
{
    struct rl_fix_table t;
    struct rl_arena arena;
    uint32_t slots[N_ORDERS];
    struct rl_fix_key k;

    open_table(&t, &arena);
    for (uint32_t i = 0; i < N_ORDERS; i++) {
        slots[i] = take_order(&t, i + 1);
        CHECK(slots[i] != RL_FIX_NONE);
    }
    CHECK_EQ(take_order(&t, 99), RL_FIX_NONE); /* all of them live */
    rl_fix_order_end(&t, slots[7], '4');
    rl_fix_order_end(&t, slots[3], '2');
    CHECK_EQ(rl_fix_order_at(&t, slots[7], 8), slots[7]); /* still known */
    CHECK_EQ(take_order(&t, 99), slots[7]);
    CHECK_EQ(rl_fix_order_at(&t, slots[7], 8), RL_FIX_NONE);
    CHECK_EQ(rl_fix_order_at(&t, slots[3], 4), slots[3]);
    k = key_of(&t, 8); /* its id went with it */
    CHECK_EQ(rl_fix_id_find(&t, &k), RL_FIX_NONE);
    CHECK_EQ(take_order(&t, 100), slots[3]);
    CHECK_EQ(take_order(&t, 101), RL_FIX_NONE);
    check(&t);
    rl_arena_close(&arena);
}

static void requests_wait_in_a_row_and_die_with_their_order(void)
{
    struct rl_fix_table t;
    struct rl_arena arena;
    uint32_t ids[3], slot;

    open_table(&t, &arena);
    slot = take_order(&t, 1);
    for (uint32_t i = 0; i < 3; i++) {
        struct rl_fix_key k = key_of(&t, 10 + i);

        ids[i] = rl_fix_id_take(&t, &k, i == 1 ? 'F' : 'G', RL_FIX_ID_PENDING, slot, 1);
        rl_fix_order_wait(&t, slot, ids[i]);
    }
    CHECK_EQ(rl_fix_order_waiting(&t, slot, 'G'), ids[0]);
    CHECK_EQ(rl_fix_order_waiting(&t, slot, 'F'), ids[1]);
    CHECK_EQ(rl_fix_order_waiting(&t, slot, 'q'), RL_FIX_NONE);
    rl_fix_order_answered(&t, slot, ids[0]);
    rl_fix_id_over(&t, ids[0]);
    CHECK_EQ(rl_fix_order_waiting(&t, slot, 'G'), ids[2]);
    check(&t);
    rl_fix_order_end(&t, slot, '4');
    for (uint32_t i = 0; i < N_ORDERS; i++) /* the last one takes its slot */
        CHECK(take_order(&t, 100 + i) != RL_FIX_NONE);
    CHECK_EQ(t.ids[ids[1]].state, RL_FIX_ID_OVER);
    CHECK_EQ(rl_fix_order_of(&t, ids[1]), RL_FIX_NONE);
    check(&t);
    rl_arena_close(&arena);
}

static void an_id_that_is_forgotten_may_come_again(void)
{
    struct rl_fix_table t;
    struct rl_arena arena;
    struct rl_fix_key k;
    uint32_t id, again;

    open_table(&t, &arena);
    k = key_of(&t, 5);
    id = rl_fix_id_take(&t, &k, 'q', RL_FIX_ID_PENDING, RL_FIX_NONE, 1);
    rl_fix_id_over(&t, id);
    rl_fix_id_forget(&t, id);
    CHECK_EQ(rl_fix_id_find(&t, &k), RL_FIX_NONE);
    again = rl_fix_id_take(&t, &k, 'q', RL_FIX_ID_PENDING, RL_FIX_NONE, 2);
    CHECK(again != id);
    CHECK_EQ(rl_fix_id_find(&t, &k), again);
    check(&t);
    rl_arena_close(&arena);
}

static void a_broken_table_is_noticed(void)
{
    struct rl_fix_table t;
    struct rl_arena arena;
    const char *what = NULL;
    uint32_t slot;

    open_table(&t, &arena);
    slot = take_order(&t, 1);
    check(&t);
    t.ids[t.orders[slot].current].text[0] ^= 1;
    CHECK(rl_fix_table_check(&t, &what) != 0 && what != NULL);
    t.ids[t.orders[slot].current].text[0] ^= 1;
    t.orders[slot].leaves++;
    CHECK(rl_fix_table_check(&t, &what) != 0);
    t.orders[slot].leaves--;
    t.n_live++;
    CHECK(rl_fix_table_check(&t, &what) != 0);
    t.n_live--;
    t.ids[t.orders[slot].current].state = RL_FIX_ID_OVER;
    CHECK(rl_fix_table_check(&t, &what) != 0);
    rl_arena_close(&arena);
}

static void sizes_of_no_use_are_refused(void)
{
    struct rl_fix_table t;
    struct rl_arena arena;

    CHECK_EQ(rl_arena_open(&arena, 4096, 0), 0);
    CHECK(rl_fix_table_init(&t, &arena, 0, 8, 1) < 0);
    CHECK(rl_fix_table_init(&t, &arena, 8, 8, 1) < 0);
    CHECK(rl_fix_table_init(&t, &arena, 1 << 20, 1 << 22, 1) < 0); /* no memory for that */
    rl_arena_close(&arena);
}

int main(void)
{
    what_is_taken_is_found_and_what_is_dropped_is_not();
    the_order_that_ended_first_makes_room();
    requests_wait_in_a_row_and_die_with_their_order();
    an_id_that_is_forgotten_may_come_again();
    a_broken_table_is_noticed();
    sizes_of_no_use_are_refused();
    return 0;
}
