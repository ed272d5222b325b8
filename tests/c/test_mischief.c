/* Mischief: each kind does what it says, as often as it says, and counts it. */
#include <errno.h>

#include "venue_bench.h"

#define MS 1000000ULL

/* Fills of `n` trades, a ms apart; `m` trades against itself from both sides of another. */
static void trade(struct bench_member *m, struct bench_member *other, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        (void)bench_limit(other, RL_SELL, 10000, 1);
        (void)bench_limit(m, RL_BUY, 10000, 1);
        (void)bench_wait(m->bench, MS);
    }
}

static uint32_t count_twice(const struct bench_member *m)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < m->n; i++)
        for (uint32_t j = 0; j < i; j++)
            n += m->events[i].kind == RL_MATCH_EVENT_FILL && m->events[j].seq == m->events[i].seq;
    return n;
}

/* Events that come behind one with a higher number. */
static uint32_t count_behind(const struct bench_member *m)
{
    uint64_t highest = 0;
    uint32_t n = 0;

    for (uint32_t i = 0; i < m->n; i++) {
        n += m->events[i].seq < highest;
        highest = m->events[i].seq > highest ? m->events[i].seq : highest;
    }
    return n;
}

static void a_venue_without_mischief_tells_everything_at_once_and_in_order(void)
{
    struct venue_bench *b = bench_open(&(struct rl_mischief_config){.n_waiting = 64});
    struct bench_member *m = bench_join(b, NULL), *other = bench_join(b, NULL);

    trade(m, other, 100);
    CHECK_EQ(bench_count(m, RL_MATCH_EVENT_FILL), 100);
    CHECK_EQ(count_twice(m) + count_behind(m), 0);
    for (uint32_t i = 0; i < m->n; i++)
        CHECK_EQ(m->told_ns[i], m->events[i].ts_ns);
    for (size_t i = 0; i < sizeof b->mischief.n / sizeof(uint64_t); i++)
        CHECK_EQ(((const uint64_t *)&b->mischief.n)[i], 0);
    bench_close(b);
}

static void latency_holds_back_and_changes_no_order(void)
{
    static const uint64_t sample[] = {MS, 3 * MS, 9 * MS};
    struct rl_mischief_config c = {
        .request = {.values_ns = sample, .n = 3}, .answer = {.fixed_ns = 2 * MS}, .n_waiting = 256};
    struct venue_bench *b = bench_open(&c);
    struct bench_member *m = bench_join(b, NULL);
    uint64_t last = 0;

    for (int i = 0; i < 50; i++) {
        (void)bench_limit(m, RL_BUY, 5000 + i, 1);
        (void)bench_wait(b, MS / 2);
    }
    CHECK(m->n > 0 && bench_count(m, RL_MATCH_EVENT_ACCEPTED) < 50);
    for (int i = 0; i < 40; i++)
        (void)bench_wait(b, MS / 2);
    CHECK_EQ(bench_count(m, RL_MATCH_EVENT_ACCEPTED), 50);
    CHECK_EQ(count_behind(m), 0);
    for (uint32_t i = 0; i < m->n; i++) {
        CHECK(m->told_ns[i] - m->events[i].ts_ns >= 2 * MS);
        CHECK(m->events[i].id >= last); /* no request overtook another */
        last = m->events[i].id;
    }
    CHECK_EQ(b->mischief.n.requests_held, 50);
    CHECK_EQ(b->mischief.n.answers_held, m->n);
    bench_close(b);
}

static void fills_come_twice_late_and_out_of_order_as_often_as_counted(void)
{
    struct rl_mischief_config c = {.seed = 5,
                                   .late_fill_chance = 100000,
                                   .late_fill_ns = 20 * MS,
                                   .duplicate_fill_chance = 100000,
                                   .swap_chance = 100000,
                                   .n_waiting = 256};
    struct venue_bench *b = bench_open(&c);
    struct bench_member *m = bench_join(b, NULL), *other = bench_join(b, NULL);
    uint32_t n_late = 0;

    trade(m, other, 600);
    for (int i = 0; i < 50; i++)
        (void)bench_wait(b, MS);
    CHECK_EQ(bench_count(m, RL_MATCH_EVENT_FILL) + bench_count(other, RL_MATCH_EVENT_FILL),
             1200 + b->mischief.n.duplicate_fills);
    CHECK_EQ(count_twice(m) + count_twice(other), b->mischief.n.duplicate_fills);
    for (uint32_t i = 0; i < m->n; i++)
        n_late += m->told_ns[i] - m->events[i].ts_ns >= 20 * MS;
    for (uint32_t i = 0; i < other->n; i++)
        n_late += other->told_ns[i] - other->events[i].ts_ns >= 20 * MS;
    CHECK_EQ(n_late, b->mischief.n.late_fills);
    CHECK(n_late > 60 && n_late < 200);
    CHECK(b->mischief.n.duplicate_fills > 60 && b->mischief.n.swapped > 20);
    CHECK(count_behind(m) + count_behind(other) >= b->mischief.n.swapped);
    bench_close(b);
}

static void busts_take_back_trades_and_both_sides_hear(void)
{
    struct rl_mischief_config c = {
        .seed = 5, .bust_chance = 200000, .bust_after_ns = 5 * MS, .n_waiting = 256};
    struct venue_bench *b = bench_open(&c);
    struct bench_member *m = bench_join(b, NULL), *other = bench_join(b, NULL);

    trade(m, other, 300);
    for (int i = 0; i < 10; i++)
        (void)bench_wait(b, MS);
    CHECK(b->mischief.n.busts > 30);
    CHECK_EQ(bench_count(m, RL_MATCH_EVENT_BUSTED), b->mischief.n.busts);
    CHECK_EQ(bench_count(other, RL_MATCH_EVENT_BUSTED), b->mischief.n.busts);
    bench_close(b);
}

static void orders_are_refused_in_bursts_and_cancels_never(void)
{
    struct rl_mischief_config c = {
        .seed = 5, .reject_burst_chance = 20000, .reject_burst = 7, .n_waiting = 256};
    struct venue_bench *b = bench_open(&c);
    struct bench_member *m = bench_join(b, NULL);
    uint32_t n_row = 0;

    for (int i = 0; i < 1000; i++)
        CHECK(bench_cancel(m, bench_limit(m, RL_BUY, 5000, 1)));
    CHECK_EQ(bench_count(m, RL_MATCH_EVENT_REJECTED), b->mischief.n.rejects);
    CHECK(b->mischief.n.rejects > 50);
    for (uint32_t i = 0; i < m->n; i++)
        if (m->events[i].kind == RL_MATCH_EVENT_REJECTED) {
            CHECK_EQ(m->events[i].reason, RL_MATCH_REASON_VENUE);
            n_row++;
        } else if (m->events[i].kind == RL_MATCH_EVENT_ACCEPTED) {
            CHECK(n_row % 7 == 0);
            n_row = 0;
        }
    bench_close(b);
}

static void halts_come_and_go_at_their_time(void)
{
    struct rl_mischief_config c = {
        .halts = {{10 * MS, 5 * MS}, {20 * MS, MS}}, .n_halts = 2, .n_waiting = 16};
    struct venue_bench *b = bench_open(&c);
    struct bench_member *m = bench_join(b, NULL);
    uint64_t due_ns = rl_venue_turn(&b->venue, b->now_ns);

    CHECK_EQ(due_ns, START_NS + 10 * MS);
    CHECK_EQ(bench_wait(b, 10 * MS), START_NS + 15 * MS);
    CHECK_EQ(b->venue.instruments[0].phase, RL_MATCH_HALTED);
    (void)bench_limit(m, RL_BUY, 5000, 1);
    CHECK_EQ(bench_count(m, RL_MATCH_EVENT_REJECTED), 1);
    CHECK_EQ(bench_wait(b, 5 * MS), START_NS + 20 * MS);
    CHECK_EQ(b->venue.instruments[0].phase, RL_MATCH_OPEN);
    (void)bench_limit(m, RL_BUY, 5000, 1);
    CHECK_EQ(bench_count(m, RL_MATCH_EVENT_ACCEPTED), 1);
    CHECK_EQ(bench_wait(b, 100 * MS), UINT64_MAX); /* one step over the whole of the second */
    CHECK_EQ(b->mischief.n.halts, 2);
    CHECK_EQ(b->venue.instruments[1].phase, RL_MATCH_OPEN);
    bench_close(b);
}

static void what_finds_no_room_goes_through_at_once_and_is_counted(void)
{
    struct rl_mischief_config c = {.answer = {.fixed_ns = MS}, .n_waiting = 4};
    struct venue_bench *b = bench_open(&c);
    struct bench_member *m = bench_join(b, NULL);

    for (int i = 0; i < 10; i++)
        (void)bench_limit(m, RL_BUY, 5000 + i, 1);
    CHECK_EQ(m->n + 4 + 0, b->mischief.n.no_room + 4);
    (void)bench_wait(b, MS);
    CHECK_EQ(bench_count(m, RL_MATCH_EVENT_ACCEPTED), 10);
    CHECK(b->mischief.n.no_room > 0);
    bench_close(b);
}

static void the_wire_is_hurt_as_often_as_counted(void)
{
    struct rl_mischief_config c = {.seed = 9,
                                   .garbage_chance = 50000,
                                   .garbage_bytes = 30,
                                   .reset_chance = 20000,
                                   .silence_chance = 10000,
                                   .n_waiting = 4};
    struct venue_bench *b = bench_open(&c);
    uint64_t n[4] = {0};
    uint8_t garbage[64];

    for (int i = 0; i < 10000; i++) {
        enum rl_mischief_act act = rl_mischief_wire(&b->mischief);

        n[act]++;
        if (act == RL_MISCHIEF_GARBAGE) {
            uint32_t n_bytes = rl_mischief_garbage(&b->mischief, garbage, sizeof garbage);

            CHECK(n_bytes >= 1 && n_bytes <= 30);
            CHECK(memchr(garbage, '8', n_bytes) == NULL);
        }
    }
    CHECK(n[RL_MISCHIEF_GARBAGE] == b->mischief.n.garbage && n[RL_MISCHIEF_GARBAGE] > 300);
    CHECK(n[RL_MISCHIEF_RESET] == b->mischief.n.resets && n[RL_MISCHIEF_RESET] > 100);
    CHECK(n[RL_MISCHIEF_SILENCE] == b->mischief.n.silences && n[RL_MISCHIEF_SILENCE] > 50);
    bench_close(b);
}

static void a_wrong_clock_is_ahead_and_drifts(void)
{
    struct rl_mischief_config c = {.skew_ns = -5000, .drift_per_mega = 100, .n_waiting = 4};
    struct venue_bench *b = bench_open(&c);

    CHECK_EQ(rl_mischief_stamp(&b->mischief, START_NS), START_NS - 5000);
    CHECK_EQ(rl_mischief_stamp(&b->mischief, START_NS + 1000 * MS),
             START_NS + 1000 * MS - 5000 + 100000);
    bench_close(b);
}

static void a_clock_is_right_until_it_steps(void)
{
    struct rl_mischief_config c = {.skew_ns = 7 * MS, .skew_at_ns = 100 * MS, .n_waiting = 4};
    struct venue_bench *b = bench_open(&c);

    CHECK_EQ(rl_mischief_stamp(&b->mischief, START_NS), START_NS);
    CHECK_EQ(rl_mischief_stamp(&b->mischief, START_NS + 100 * MS - 1), START_NS + 100 * MS - 1);
    CHECK_EQ(rl_mischief_stamp(&b->mischief, START_NS + 100 * MS), START_NS + 107 * MS);
    bench_close(b);
}

static void the_same_seed_does_the_same(void)
{
    struct rl_mischief_config c = {.seed = 5,
                                   .late_fill_chance = 100000,
                                   .late_fill_ns = 20 * MS,
                                   .duplicate_fill_chance = 100000,
                                   .n_waiting = 256};
    struct rl_mischief_counters n[3];

    for (int i = 0; i < 3; i++) {
        struct venue_bench *b;

        c.seed = i < 2 ? 5 : 6;
        b = bench_open(&c);
        trade(bench_join(b, NULL), bench_join(b, NULL), 200);
        n[i] = b->mischief.n;
        bench_close(b);
    }
    CHECK_EQ(memcmp(&n[0], &n[1], sizeof n[0]), 0);
    CHECK(memcmp(&n[0], &n[2], sizeof n[0]) != 0);
}

static void chances_above_a_million_are_refused(void)
{
    struct rl_mischief_config c = {.n_waiting = 4, .swap_chance = RL_MISCHIEF_MILLION + 1};
    struct venue_bench *b = bench_open(NULL);
    struct rl_mischief m;

    CHECK_EQ(rl_mischief_init(&m, &b->arena, &b->venue, &c, START_NS), -EINVAL);
    c.swap_chance = 0;
    c.n_waiting = 0;
    CHECK_EQ(rl_mischief_init(&m, &b->arena, &b->venue, &c, START_NS), -EINVAL);
    bench_close(b);
}

int main(void)
{
    a_venue_without_mischief_tells_everything_at_once_and_in_order();
    latency_holds_back_and_changes_no_order();
    fills_come_twice_late_and_out_of_order_as_often_as_counted();
    busts_take_back_trades_and_both_sides_hear();
    orders_are_refused_in_bursts_and_cancels_never();
    halts_come_and_go_at_their_time();
    what_finds_no_room_goes_through_at_once_and_is_counted();
    the_wire_is_hurt_as_often_as_counted();
    a_wrong_clock_is_ahead_and_drifts();
    a_clock_is_right_until_it_steps();
    the_same_seed_does_the_same();
    chances_above_a_million_are_refused();
    return 0;
}
