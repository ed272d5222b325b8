/*
 * The flows of a trading day with real parts: market data to book, order to risk to exchange, fill
 * to position, all of it at once while the venue misbehaves; and what was injected was seen.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "rig/drill/drill.h"

#define MS 1000000ULL
#define SECOND (1000 * MS)

static struct rl_drill_config calm(uint64_t seed)
{
    return (struct rl_drill_config){.seed = seed,
                                    .n_desks = 3,
                                    .n_instruments = 4,
                                    .duration_ns = 2 * SECOND,
                                    .step_ns = MS / 2,
                                    .actions_per_s = 400,
                                    .heartbeat_s = 1,
                                    .mischief = {.n_waiting = 1 << 12}};
}

/* Everything that can go wrong at once. */
static struct rl_drill_config rough(uint64_t seed)
{
    struct rl_drill_config c = calm(seed);

    c.md_loss_chance = 20000;
    c.mischief = (struct rl_mischief_config){.request = {.fixed_ns = MS},
                                             .answer = {.fixed_ns = MS},
                                             .slow_chance = 20000,
                                             .slow_ns = 20 * MS,
                                             .late_fill_chance = 30000,
                                             .late_fill_ns = 80 * MS,
                                             .duplicate_fill_chance = 30000,
                                             .swap_chance = 30000,
                                             .bust_chance = 30000,
                                             .bust_after_ns = 150 * MS,
                                             .reject_burst_chance = 2000,
                                             .reject_burst = 5,
                                             .halts = {{700 * MS, 100 * MS}, {1500 * MS, 50 * MS}},
                                             .n_halts = 2,
                                             .garbage_chance = 2000,
                                             .garbage_bytes = 40,
                                             .reset_chance = 500,
                                             .silence_chance = 200,
                                             .silence_ns = 5 * SECOND,
                                             .skew_ns = 3 * (int64_t)MS,
                                             .drift_per_mega = 20,
                                             .n_waiting = 1 << 12};
    return c;
}

static void run(const struct rl_drill_config *c, struct rl_drill_result *r)
{
    const char *why = NULL;
    int err = rl_drill_run(c, r, &why);

    if (err)
        fprintf(stderr, "%s: %s\n", why, strerror(-err));
    CHECK_EQ(err, 0);
    if (r->holds)
        return;
    for (int i = 0; i < RL_DRILL_N_ROWS; i++)
        fprintf(stderr, "%-10s %llu injected, %llu observed\n", rl_drill_row_names[i],
                (unsigned long long)r->rows[i].injected, (unsigned long long)r->rows[i].observed);
    for (int i = 0; i < RL_DRILL_N_CHECKS; i++)
        if (!r->checks[i].holds)
            fprintf(stderr, "%s: %s\n", rl_drill_check_texts[i], r->checks[i].what);
}

static void market_data_orders_fills_and_positions_agree_under_load(void)
{
    struct rl_drill_config c = calm(1);
    struct rl_drill_result r;

    run(&c, &r);
    CHECK(r.holds);
    CHECK(r.n.orders > 500 && r.n.replaces > 100 && r.n.cancels > 100);
    CHECK(r.n.executions > 100 && r.n.trades > 100 && r.n.md_packets > 1000);
    CHECK(r.n.resent == 0 && r.n.asked == 0);
}

static void a_venue_that_misbehaves_is_survived_and_every_fault_is_seen(uint64_t n_days)
{
    uint64_t n[RL_DRILL_N_ROWS] = {0}, n_resent = 0, n_asked = 0;

    for (uint64_t seed = 1; seed <= n_days; seed++) {
        struct rl_drill_config c = rough(seed);
        struct rl_drill_result r;

        run(&c, &r);
        if (!r.holds)
            fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        CHECK(r.holds);
        CHECK(r.n.executions > 100);
        n_resent += r.n.resent;
        n_asked += r.n.asked;
        for (int i = 0; i < RL_DRILL_N_ROWS; i++)
            n[i] += r.rows[i].injected;
    }
    CHECK(n_resent > 0 && n_asked > 0);
    for (int i = 0; i < RL_DRILL_N_ROWS; i++)
        CHECK(n[i] > 0);
}

static void the_same_seed_is_the_same_day(void)
{
    struct rl_drill_config c = rough(7);
    struct rl_drill_result a, b, other;

    run(&c, &a);
    run(&c, &b);
    CHECK_EQ(a.hash, b.hash);
    CHECK_EQ(memcmp(&a.n, &b.n, sizeof a.n), 0);
    c.seed = 8;
    run(&c, &other);
    CHECK(other.hash != a.hash);
}

static void what_could_not_be_told_apart_is_refused(void)
{
    struct rl_drill_result r;
    struct rl_drill_config bad[8];
    const char *why;

    for (int i = 0; i < 8; i++)
        bad[i] = rough(1);
    bad[0].n_desks = 0;
    bad[1].n_instruments = RL_DRILL_INSTRUMENTS + 1;
    bad[2].mischief.slow_ns = MS;
    bad[3].mischief.late_fill_ns = 20 * MS;
    bad[4].mischief.silence_ns = SECOND;
    bad[5].mischief.bust_chance = RL_MISCHIEF_MILLION + 1;
    bad[6].step_ns = 0;
    bad[7].mischief.bust_after_ns = 90 * MS;
    for (int i = 0; i < 8; i++) {
        why = NULL;
        CHECK_EQ(rl_drill_run(&bad[i], &r, &why), -EINVAL);
        CHECK(why != NULL && strlen(why) > 10);
    }
}

/* All of a rough day that could differ between builds. */
static void print_day(uint64_t seed)
{
    struct rl_drill_config c = rough(seed);
    struct rl_drill_result r;

    run(&c, &r);
    printf("%016llx holds %d", (unsigned long long)r.hash, r.holds);
    for (size_t i = 0; i < sizeof r.n / sizeof(uint64_t); i++)
        printf(" %llu", (unsigned long long)((const uint64_t *)&r.n)[i]);
    for (int i = 0; i < RL_DRILL_N_ROWS; i++)
        printf(" %llu/%llu", (unsigned long long)r.rows[i].injected,
               (unsigned long long)r.rows[i].observed);
    printf("\n");
}

/* `test_drill N`: N rough days instead of a few. `test_drill day SEED`: one, printed. */
int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "day") == 0) {
        print_day(strtoull(argv[2], NULL, 10));
        return 0;
    }

    uint64_t n_days = argc > 1 ? strtoull(argv[1], NULL, 10) : 5;

    market_data_orders_fills_and_positions_agree_under_load();
    a_venue_that_misbehaves_is_survived_and_every_fault_is_seen(n_days);
    the_same_seed_is_the_same_day();
    what_could_not_be_told_apart_is_refused();
    return 0;
}
