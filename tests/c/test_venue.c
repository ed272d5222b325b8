/* The venue: names, members, rates, and what a member that goes away leaves behind. */
#include <errno.h>

#include "venue_bench.h"

#define SECOND 1000000000ULL

static void names_are_found_again_and_nothing_else_is(void)
{
    struct venue_bench *b = bench_open(NULL);

    CHECK_EQ(rl_venue_find(&b->venue, "AAPL", 4), 0);
    CHECK_EQ(rl_venue_find(&b->venue, "MSFT    ", 8), 1);
    CHECK_EQ(rl_venue_list(&b->venue, "MSFT"), 1);
    CHECK_EQ(rl_venue_find(&b->venue, "AAP", 3), -ENOENT);
    CHECK_EQ(rl_venue_find(&b->venue, "", 0), -ENOENT);
    CHECK_EQ(rl_venue_find(&b->venue, "ABCDEFGHIJKLMNOPQ", 17), -ENOENT);
    CHECK_EQ(rl_venue_list(&b->venue, ""), -EINVAL);
    CHECK_EQ(rl_venue_list(&b->venue, "ABCDEFGHIJKLMNOPQ"), -EINVAL);
    CHECK_EQ(rl_venue_list(&b->venue, "ABCDEFGHIJKLMNOP"), 2);
    CHECK_EQ(rl_venue_list(&b->venue, "C"), 3);
    CHECK_EQ(rl_venue_list(&b->venue, "D"), -ENOSPC);
    CHECK_EQ(rl_venue_find(&b->venue, "ABCDEFGHIJKLMNOP", 16), 2);
    bench_close(b);
}

static void each_member_hears_of_its_own_orders_only(void)
{
    struct venue_bench *b = bench_open(NULL);
    struct bench_member *buyer = bench_join(b, NULL), *seller = bench_join(b, NULL);

    CHECK(bench_limit(buyer, RL_BUY, 10000, 10) > 0);
    CHECK(bench_limit(seller, RL_SELL, 10000, 4) > 0);
    CHECK_EQ(bench_count(buyer, RL_MATCH_EVENT_FILL), 1);
    CHECK_EQ(bench_count(seller, RL_MATCH_EVENT_FILL), 1);
    CHECK_EQ(b->venue.n.trades, 1);
    CHECK_EQ(b->venue.n.told, buyer->n + seller->n);
    bench_close(b);
}

static void who_goes_away_loses_its_orders_if_it_wished_so(void)
{
    struct rl_venue_member_config careful = {.cancels_on_disconnect = true};
    struct venue_bench *b = bench_open(NULL);
    struct bench_member *one = bench_join(b, &careful), *other = bench_join(b, NULL);

    for (int i = 0; i < 5; i++) {
        CHECK(bench_limit(one, RL_BUY, 9900 + i, 10) > 0);
        CHECK(bench_limit(other, RL_BUY, 9900 + i, 10) > 0);
    }
    rl_venue_disconnect(&b->venue, one->number, b->now_ns);
    rl_venue_disconnect(&b->venue, one->number, b->now_ns); /* no second time */
    rl_venue_disconnect(&b->venue, other->number, b->now_ns);
    rl_venue_disconnect(&b->venue, 77, b->now_ns);
    CHECK_EQ(bench_count(one, RL_MATCH_EVENT_CANCELLED), 5); /* what it hears when it is back */
    CHECK_EQ(bench_count(other, RL_MATCH_EVENT_CANCELLED), 0);
    CHECK_EQ(b->venue.n.cancelled_on_disconnect, 5);
    CHECK_EQ(b->venue.n.disconnects, 2);
    for (uint32_t i = 0; i < one->n; i++)
        if (one->events[i].kind == RL_MATCH_EVENT_CANCELLED)
            CHECK_EQ(one->events[i].reason, RL_MATCH_REASON_DISCONNECTED);
    CHECK_EQ(rl_books_n_orders(rl_match_books(b->venue.match), 0, RL_BUY), 5);
    bench_close(b);
}

static void above_its_rate_a_member_is_refused_and_may_still_cancel(void)
{
    struct rl_venue_member_config limited = {.rate_per_s = 10, .burst = 3};
    struct venue_bench *b = bench_open(NULL);
    struct bench_member *m = bench_join(b, &limited);
    uint64_t first = bench_limit(m, RL_BUY, 9900, 1);

    CHECK(first > 0);
    CHECK(bench_limit(m, RL_BUY, 9900, 1) > 0);
    CHECK(bench_limit(m, RL_BUY, 9900, 1) > 0);
    CHECK_EQ(bench_limit(m, RL_BUY, 9900, 1), 0);
    CHECK(bench_cancel(m, first));
    (void)bench_wait(b, SECOND / 10 - 1);
    CHECK_EQ(bench_limit(m, RL_BUY, 9900, 1), 0);
    (void)bench_wait(b, 1);
    CHECK(bench_limit(m, RL_BUY, 9900, 1) > 0);
    CHECK_EQ(bench_limit(m, RL_BUY, 9900, 1), 0);
    (void)bench_wait(b, 1000000 * SECOND); /* long rests fill no more than the burst */
    for (int i = 0; i < 3; i++)
        CHECK(bench_limit(m, RL_BUY, 9900, 1) > 0);
    CHECK_EQ(bench_limit(m, RL_BUY, 9900, 1), 0);
    CHECK_EQ(b->venue.n.throttled, 4);
    bench_close(b);
}

static void the_rate_holds_over_any_sequence_of_waits(void)
{
    struct rl_venue_member_config limited = {.rate_per_s = 1000, .burst = 20};
    struct venue_bench *b = bench_open(NULL);
    struct bench_member *m = bench_join(b, &limited);
    struct rl_random random;
    uint64_t n = 0, start_ns = b->now_ns;

    rl_random_seed(&random, 3);
    for (int i = 0; i < 20000; i++) {
        uint64_t id;

        (void)bench_wait(b, rl_random_below(&random, 1000000));
        id = bench_limit(m, RL_BUY, 9900, 1);
        n += id > 0;
        CHECK(n <= 20 + (b->now_ns - start_ns) / 1000000 + 1);
        if (id > 0)
            CHECK(bench_cancel(m, id));
        m->n = 0;
    }
    CHECK(n > (b->now_ns - start_ns) / 1000000 * 9 / 10);
    bench_close(b);
}

static void orders_expire_when_their_time_comes(void)
{
    struct venue_bench *b = bench_open(NULL);
    struct bench_member *m = bench_join(b, NULL);

    CHECK(rl_venue_ask(&b->venue,
                       &(struct rl_match_request){.op = RL_MATCH_NEW,
                                                  .id = rl_venue_take_id(&b->venue),
                                                  .type = RL_MATCH_LIMIT,
                                                  .tif = RL_MATCH_GTD,
                                                  .expire_ns = START_NS + SECOND,
                                                  .px_nano = UNIT,
                                                  .qty = 1},
                       b->now_ns));
    CHECK_EQ(bench_wait(b, SECOND - 1), START_NS + SECOND);
    CHECK_EQ(bench_count(m, RL_MATCH_EVENT_EXPIRED), 0);
    CHECK_EQ(bench_wait(b, 1), UINT64_MAX);
    CHECK_EQ(bench_count(m, RL_MATCH_EVENT_EXPIRED), 1);
    bench_close(b);
}

static void the_venue_decides_over_everybodys_orders(void)
{
    struct venue_bench *b = bench_open(NULL);
    struct bench_member *m = bench_join(b, NULL);
    uint64_t id = bench_limit(m, RL_BUY, 9900, 1);

    rl_venue_decide(
        &b->venue,
        &(struct rl_match_request){.op = RL_MATCH_PHASE, .instrument = 0, .phase = RL_MATCH_HALTED},
        b->now_ns);
    CHECK_EQ(b->venue.instruments[0].phase, RL_MATCH_HALTED);
    CHECK(bench_limit(m, RL_BUY, 9900, 1) > 0);
    CHECK_EQ(bench_count(m, RL_MATCH_EVENT_REJECTED), 1);
    rl_venue_decide(&b->venue, &(struct rl_match_request){.op = RL_MATCH_CANCEL, .id = id},
                    b->now_ns);
    CHECK_EQ(bench_count(m, RL_MATCH_EVENT_CANCELLED), 1);
    bench_close(b);
}

static void sizes_that_do_not_fit_are_refused(void)
{
    struct rl_venue_config config = {.match = {.n_instruments = 4, .n_owners = 1}};
    struct venue_bench *b = bench_open(NULL);

    CHECK_EQ(rl_venue_bytes(&config), 0);
    for (int i = 0; i < BENCH_MEMBERS + 2; i++)
        CHECK_EQ(rl_venue_join(&b->venue, &(struct rl_venue_member_config){0}), i);
    CHECK_EQ(rl_venue_join(&b->venue, &(struct rl_venue_member_config){0}), -ENOSPC);
    for (int i = 0; i < RL_VENUE_FEEDS; i++)
        CHECK_EQ(rl_venue_feed(&b->venue, bench_told, NULL), 0);
    CHECK_EQ(rl_venue_feed(&b->venue, bench_told, NULL), -ENOSPC);
    bench_close(b);
}

int main(void)
{
    names_are_found_again_and_nothing_else_is();
    each_member_hears_of_its_own_orders_only();
    who_goes_away_loses_its_orders_if_it_wished_so();
    above_its_rate_a_member_is_refused_and_may_still_cancel();
    the_rate_holds_over_any_sequence_of_waits();
    orders_expire_when_their_time_comes();
    the_venue_decides_over_everybodys_orders();
    sizes_that_do_not_fit_are_refused();
    return 0;
}
