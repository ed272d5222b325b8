/* The ledger from outside: its hash, its check of itself, and sizes that cannot be. */
#include <errno.h>
#include <string.h>

#include "ledger_small.h"

static uint64_t hash_of(unsigned variant)
{
    uint64_t hash;

    ledger_open(N_ACCOUNTS, N_SYMBOLS);
    /* The same lots out of other places of the pool, and other marks: the same state. */
    for (uint32_t i = 0; i < 2; i++)
        CHECK(rl_ledger_fill(&l, HEDGE, variant == 1 ? 1 - i : i, RL_BUY, 10, 3));
    if (variant == 2)
        CHECK(rl_ledger_mark(&l, 0, 10, 1));
    /* Another state each. */
    if (variant == 3)
        CHECK(rl_ledger_fill(&l, HEDGE, 1, RL_BUY, 10, 1));
    if (variant == 4)
        CHECK(rl_ledger_fee(&l, HEDGE, 1, 1));
    if (variant == 5)
        CHECK(rl_ledger_move(&l, HEDGE, 1, RL_BUY, 0, 0, 1, 10));
    if (variant == 6)
        CHECK(rl_ledger_move(&l, HEDGE, 1, RL_BUY, 0, 0, 1, 11));
    if (variant == 7)
        CHECK(rl_ledger_correct(&l, HEDGE, 1, RL_BUY, 10, 3, 10, 3));
    if (variant == 8)
        CHECK(rl_ledger_fill(&l, MAIN, 1, RL_BUY, 10, 1));
    if (variant == 9)
        CHECK(rl_ledger_fill(&l, MAIN, 2, RL_BUY, 10, 1));
    hash = rl_ledger_hash(&l);
    ledger_close();
    return hash;
}

static void test_a_hash_tells_states_apart_and_not_the_ways_to_them(void)
{
    uint64_t hash = hash_of(0), seen[10];

    CHECK_EQ(hash_of(1), hash);
    CHECK_EQ(hash_of(2), hash);
    for (unsigned variant = 3; variant < 10; variant++) {
        seen[variant] = hash_of(variant);
        CHECK(seen[variant] != hash);
        for (unsigned other = 3; other < variant; other++)
            CHECK(seen[other] != seen[variant]);
    }
}

/* Every member that the rest of the ledger can prove wrong: the place of its lowest byte. */
static uint8_t *place_of(unsigned what)
{
    struct rl_position *p = rl_ledger_at(&l, HEDGE, 0), *idle = rl_ledger_at(&l, MAIN, 0);
    struct rl_account *a = &l.accounts[HEDGE];
    void *const places[] = {
        &p->net,
        &p->work[RL_BUY],
        &p->work[RL_SELL],
        &p->done[RL_BUY],
        &p->done[RL_SELL],
        &p->n_open,
        &p->n_lots,
        &p->first_lot,
        &p->last_lot,
        &p->cash,
        &p->cost,
        &p->realised,
        &p->fees,
        &idle->first_lot, /* of an account that has no lots */
        &a->realised,
        &a->unrealised,
        &a->fees,
        &a->gross,
        &a->net_high,
        &a->net_low,
        &a->n_open,
        &a->n_unmarked,
        &a->oldest_mark_tsc,
        &l.accounts[MAIN].open_notional, /* without an order */
        &l.marks[0].px_nano,
        &l.marks[0].tsc,
        &l.marks[0].accounts,
        (uint8_t *)&l.marks[1].accounts + 7, /* accounts that do not exist */
        &l.fifo.n_free,
        &l.fifo.free,
        &l.fifo.lots[l.fifo.free].next,
        &l.fifo.lots[p->first_lot].qty,
        &l.fifo.lots[p->first_lot].px_nano,
        &l.fifo.lots[p->last_lot].next,
        &l.oldest[HEDGE].n,
        &l.oldest[HEDGE].at[0],
        &l.oldest[HEDGE].heap[0],
        &l.oldest[HEDGE].heap[1],
    };

    return what < RL_COUNT(places) ? places[what] : NULL;
}

static void spoil_one(unsigned what, uint8_t by)
{
    const char *why = NULL;
    uint8_t *place;

    ledger_open(N_ACCOUNTS, N_SYMBOLS);
    for (uint32_t i = 0; i < 2; i++) {
        CHECK(rl_ledger_mark(&l, i, 10, 5 + i));
        CHECK(rl_ledger_fill(&l, HEDGE, i, RL_BUY, 9, 3));
        CHECK(rl_ledger_fill(&l, HEDGE, i, RL_BUY, 8, 3));
    }
    CHECK(rl_ledger_move(&l, HEDGE, 0, RL_SELL, 0, 0, 2, 12));
    CHECK(rl_ledger_move(&l, HEDGE, 0, RL_BUY, 0, 0, 2, 7));
    CHECK_EQ(rl_ledger_check(&l, &why), 0);
    CHECK(why == NULL);
    place = place_of(what);
    *place ^= by;
    if (rl_ledger_check(&l, &why) == 0)
        fprintf(stderr, "place %u, bits %u: not found\n", what, by);
    CHECK_EQ(rl_ledger_check(&l, NULL), -EBADMSG);
    CHECK(why != NULL);
    *place ^= by;
    ledger_close();
}

static void test_a_check_finds_whatever_was_spoiled(void)
{
    unsigned n = 0;

    ledger_open(N_ACCOUNTS, N_SYMBOLS);
    while (place_of(n) != NULL)
        n++;
    ledger_close();
    CHECK_EQ(n, 38);
    for (unsigned what = 0; what < n; what++)
        for (unsigned bit = 0; bit < 8; bit++)
            spoil_one(what, (uint8_t)(1 << bit));
    ledger_open(N_ACCOUNTS, N_SYMBOLS);
    l.accounts[MAIN].open_notional = -1; /* the orders' prices are theirs: only its sign is known */
    CHECK_EQ(rl_ledger_check(&l, NULL), -EBADMSG);
    rl_arena_close(&arena);
}

static void test_a_ledger_of_an_impossible_size_is_refused(void)
{
    static const struct rl_ledger_config cases[] = {
        {.n_accounts = 0, .n_instruments = 1},
        {.n_accounts = RL_MAX_ACCOUNTS + 1, .n_instruments = 1},
        {.n_accounts = 1, .n_instruments = 0},
        {.n_accounts = 1, .n_instruments = RL_MAX_SYMBOLS + 1},
        {.n_accounts = 1, .n_instruments = 1, .n_fifo_lots = 1u << 31},
        {.n_accounts = 1, .n_instruments = 1, .method = {2}},
    };
    struct rl_ledger_config good = {.n_accounts = 1, .n_instruments = 1};
    struct rl_ledger ledger;
    struct rl_arena small;

    CHECK_EQ(rl_arena_open(&small, 1, 0), 0);
    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        CHECK_EQ(rl_ledger_bytes(&cases[i]), 0);
        CHECK_EQ(rl_ledger_init(&ledger, &small, &cases[i]), -EINVAL);
    }
    CHECK(rl_ledger_bytes(&good) > 0);
    good.n_instruments = 1000;
    CHECK_EQ(rl_ledger_init(&ledger, &small, &good), -ENOMEM);
    rl_arena_close(&small);
}

int main(void)
{
    test_a_hash_tells_states_apart_and_not_the_ways_to_them();
    test_a_check_finds_whatever_was_spoiled();
    test_a_ledger_of_an_impossible_size_is_refused();
    return 0;
}
