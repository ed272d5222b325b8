/*
 * No change of a limit is overlooked, and each is told to be tighter, looser or both.
 */
#include "limit_rows.h"
#include "trade/risk/limits_compare.h"

#define BOTH (RL_LIMITS_TIGHTER | RL_LIMITS_LOOSER)

static const struct rl_limit_member *member_at(const struct rl_limit_table *t, uint32_t byte)
{
    for (uint32_t i = 0; i < t->n_members; i++) {
        if (byte >= t->members[i].offset && byte < t->members[i].offset + t->members[i].n_bytes)
            return &t->members[i];
    }
    return NULL;
}

static void test_every_flipped_byte_of_every_row_is_a_change_of_its_limit(void)
{
    struct rl_limit_change change;
    struct rl_limit_set *was, *now;
    struct limit_rows r;
    size_t n, n_rows;

    limit_rows_init(&r);
    was = limit_rows_build(&r);
    now = limit_rows_build(&r);
    CHECK_EQ(rl_limits_compare(was, now, NULL, 0, &n), 0);
    CHECK_EQ(n, 0);
    for (int scope = 0; scope < RL_N_SCOPES; scope++) {
        const struct rl_limit_table *t = &rl_limit_tables[scope];
        uint8_t *rows = (uint8_t *)(uintptr_t)rl_limits_rows(now, (enum rl_scope)scope, &n_rows);

        CHECK_EQ(n_rows, limit_n_rows((enum rl_scope)scope));
        for (uint32_t i = 0; i < n_rows * t->row_bytes; i++) {
            const struct rl_limit_member *m = member_at(t, i % t->row_bytes);
            uint32_t how;

            rows[i] ^= 0xFF;
            how = rl_limits_compare(was, now, &change, 1, &n);
            rows[i] ^= 0xFF;
            CHECK_EQ(n, m != NULL); /* what belongs to no limit is never other than zero in a set */
            if (!m)
                continue;
            CHECK(how != 0 && how == change.how);
            CHECK_EQ(change.scope, scope);
            CHECK_EQ(change.row, i / t->row_bytes);
            CHECK(&t->members[change.member] == m);
            CHECK_EQ(change.was, rl_limit_get(rows + i / t->row_bytes * t->row_bytes, m));
            CHECK(change.now != change.was);
        }
    }
    free(was);
    free(now);
}

static uint32_t swapped(uint32_t how)
{
    return (how & RL_LIMITS_TIGHTER ? RL_LIMITS_LOOSER : 0) |
           (how & RL_LIMITS_LOOSER ? RL_LIMITS_TIGHTER : 0);
}

static void test_missing_is_tightest_and_off_loosest_and_back_is_the_opposite(void)
{
    uint64_t random = 3;

    for (int scope = 0; scope < RL_N_SCOPES; scope++) {
        const struct rl_limit_table *t = &rl_limit_tables[scope];

        for (uint32_t i = 0; i < t->n_members; i++) {
            const struct rl_limit_member *m = &t->members[i];
            uint64_t off = rl_limit_off(m);

            for (int turn = 0; turn < 200; turn++) {
                uint64_t a = 1 + check_random(&random) % (turn < 100 ? 3 : off - 1);
                uint64_t b = 1 + check_random(&random) % (turn < 100 ? 3 : off - 1);

                CHECK_EQ(rl_limit_compare(m, a, 0), RL_LIMITS_TIGHTER);
                CHECK_EQ(rl_limit_compare(m, 0, a), RL_LIMITS_LOOSER);
                CHECK_EQ(rl_limit_compare(m, b, a), swapped(rl_limit_compare(m, a, b)));
                CHECK_EQ(rl_limit_compare(m, a, b) == 0, a == b);
                if (!(m->flags & RL_LIMIT_MAY_BE_OFF) || a == off)
                    continue;
                CHECK_EQ(rl_limit_compare(m, a, off), RL_LIMITS_LOOSER);
                CHECK_EQ(rl_limit_compare(m, off, a), RL_LIMITS_TIGHTER);
            }
        }
    }
}

/* 10 becomes 20, for every limit: which way that goes, said once more and independently. */
struct direction_case {
    const char *word;
    uint32_t doubled;
};

static const struct direction_case direction_cases[] = {
    {"max_queue_delay", RL_LIMITS_LOOSER},
    {"max_open", RL_LIMITS_LOOSER},
    {"rate.per_second", RL_LIMITS_LOOSER},
    {"rate.burst", RL_LIMITS_LOOSER},
    {"rate.cancel_reserve", RL_LIMITS_TIGHTER}, /* less is left for orders */
    {"max_gross", RL_LIMITS_LOOSER},
    {"max_net", RL_LIMITS_LOOSER},
    {"max_credit", RL_LIMITS_LOOSER},
    {"max_loss", RL_LIMITS_LOOSER},
    {"max_mark_age", RL_LIMITS_LOOSER},
    {"max_open_notional", RL_LIMITS_LOOSER},
    {"executions.count", RL_LIMITS_LOOSER},
    {"executions.window", RL_LIMITS_TIGHTER}, /* as many in a longer time */
    {"max_rejects_in_row", RL_LIMITS_LOOSER},
    {"ratios.rejects.alert", RL_LIMITS_LOOSER},
    {"ratios.rejects.trip", RL_LIMITS_LOOSER},
    {"ratios.rejects.min_sample", RL_LIMITS_LOOSER}, /* judged later */
    {"ratios.rejects.window", BOTH},
    {"ratios.cancels.alert", RL_LIMITS_LOOSER},
    {"ratios.cancels.trip", RL_LIMITS_LOOSER},
    {"ratios.cancels.min_sample", RL_LIMITS_LOOSER},
    {"ratios.cancels.window", BOTH},
    {"ratios.messages.alert", RL_LIMITS_LOOSER},
    {"ratios.messages.trip", RL_LIMITS_LOOSER},
    {"ratios.messages.min_sample", RL_LIMITS_LOOSER},
    {"ratios.messages.window", BOTH},
    {"tick", BOTH}, /* fewer prices, but collars in ticks become wider */
    {"lot", RL_LIMITS_TIGHTER},
    {"max_qty", RL_LIMITS_LOOSER},
    {"max_notional", RL_LIMITS_LOOSER},
    {"collar.bps", RL_LIMITS_LOOSER},
    {"collar.ticks", RL_LIMITS_LOOSER},
    {"moved.bps", RL_LIMITS_LOOSER},
    {"moved.window", BOTH},
    {"max_cross_ticks", RL_LIMITS_LOOSER},
    {"duplicates.count", RL_LIMITS_LOOSER},
    {"duplicates.window", RL_LIMITS_TIGHTER},
    {"position.long", RL_LIMITS_LOOSER},
    {"position.short", RL_LIMITS_LOOSER},
    {"self_trade", BOTH},
    {"short", RL_LIMITS_LOOSER},
    {"located", RL_LIMITS_LOOSER},
    {"max_data_age", RL_LIMITS_LOOSER},
    {"sides", BOTH}, /* 0b01010 becomes 0b10100: some taken, some given */
    {"strategies", BOTH},
    {"venues", BOTH},
};

static void test_the_direction_of_every_limit_is_the_one_that_was_meant(void)
{
    for (int scope = 0; scope < RL_N_SCOPES; scope++) {
        const struct rl_limit_table *t = &rl_limit_tables[scope];

        for (uint32_t i = 0; i < t->n_members; i++) {
            const struct direction_case *found = NULL;

            for (size_t j = 0; j < RL_COUNT(direction_cases); j++) {
                if (strcmp(direction_cases[j].word, t->members[i].word) == 0)
                    found = &direction_cases[j];
            }
            CHECK(found);
            CHECK_EQ(rl_limit_compare(&t->members[i], 10, 20), found->doubled);
        }
    }
}

static void test_a_mask_that_gains_is_looser_and_one_that_loses_is_tighter(void)
{
    struct rl_limit_member m = {.n_bytes = 8, .direction = RL_LIMIT_BITS};

    CHECK_EQ(rl_limit_compare(&m, 5, 7), RL_LIMITS_LOOSER);
    CHECK_EQ(rl_limit_compare(&m, 7, 5), RL_LIMITS_TIGHTER);
    CHECK_EQ(rl_limit_compare(&m, 5, 6), BOTH);
    CHECK_EQ(rl_limit_compare(&m, 5, UINT64_MAX), RL_LIMITS_LOOSER);
}

static void test_a_lot_is_tighter_only_when_it_is_a_multiple(void)
{
    struct rl_limit_member m = {.n_bytes = 4, .direction = RL_LIMIT_GRID};

    CHECK_EQ(rl_limit_compare(&m, 10, 100), RL_LIMITS_TIGHTER);
    CHECK_EQ(rl_limit_compare(&m, 100, 10), RL_LIMITS_LOOSER);
    CHECK_EQ(rl_limit_compare(&m, 10, 15), BOTH);
}

static void test_sets_of_other_rows_are_not_compared(void)
{
    struct limit_rows r;
    struct rl_limit_set *was, *now;

    limit_rows_init(&r);
    was = limit_rows_build(&r);
    CHECK_EQ(rl_limits_compare(NULL, was, NULL, 0, NULL), RL_LIMITS_LOOSER);
    for (int i = 0; i < 5; i++) {
        limit_rows_init(&r);
        r.config.n_instruments -= i == 0;
        r.config.n_accounts -= i == 1;
        r.config.n_strategies -= i == 2;
        r.config.n_venues -= i == 3;
        r.names[0] = i == 4;
        for (int j = 0; j < 8; j++) /* names only what is left */
            r.pairs[j].strategies = r.pairs[j].venues = 1;
        now = limit_rows_build(&r);
        CHECK_EQ(rl_limits_compare(was, now, NULL, 0, NULL), RL_LIMITS_OTHER | BOTH);
        CHECK_EQ(rl_limits_compare(now, was, NULL, 0, NULL), RL_LIMITS_OTHER | BOTH);
        free(now);
    }
    free(was);
}

static void test_more_changes_than_there_is_room_for_are_counted(void)
{
    struct rl_limit_change changes[3];
    struct rl_limit_set *was, *now;
    struct limit_rows r;
    size_t n;

    limit_rows_init(&r);
    was = limit_rows_build(&r);
    for (int i = 0; i < 8; i++)
        r.pairs[i].max_qty = i == 7 ? 2000 : 500;
    now = limit_rows_build(&r);
    memset(changes, 0, sizeof(changes));
    CHECK_EQ(rl_limits_compare(was, now, changes, 2, &n), BOTH);
    CHECK_EQ(n, 8);
    CHECK_EQ(changes[1].row, 1);
    CHECK_EQ(changes[1].now, 500);
    CHECK_EQ(changes[2].how, 0); /* beyond the room nothing was written */
    free(was);
    free(now);
}

int main(void)
{
    test_every_flipped_byte_of_every_row_is_a_change_of_its_limit();
    test_missing_is_tightest_and_off_loosest_and_back_is_the_opposite();
    test_the_direction_of_every_limit_is_the_one_that_was_meant();
    test_a_mask_that_gains_is_looser_and_one_that_loses_is_tighter();
    test_a_lot_is_tighter_only_when_it_is_a_multiple();
    test_sets_of_other_rows_are_not_compared();
    test_more_changes_than_there_is_room_for_are_counted();
    return 0;
}
