/* The crowd: a stream becomes orders, and a client's order is filled when its turn comes. */
#include <errno.h>

#include "rig/exchange/crowd.h"
#include "venue_bench.h"

#define LOCATE 7
#define TICK (UNIT / 100)

static struct rl_crowd crowd;

static struct rl_itch_head head(void)
{
    return (struct rl_itch_head){.locate = LOCATE, .ts_ns = 1};
}

static struct venue_bench *open_with_crowd(bool lists)
{
    struct venue_bench *b = bench_open(NULL);
    uint8_t m[RL_ITCH_MAX_MESSAGE];
    struct rl_itch_head h = head();

    CHECK_EQ(rl_crowd_init(&crowd, &b->arena, &b->venue, lists), 0);
    CHECK(rl_crowd_message(&crowd, m, rl_itch_put_directory(m, &h, "AAPL"), b->now_ns));
    return b;
}

static bool add(struct venue_bench *b, uint64_t id, enum rl_side side, int64_t cents, uint32_t qty)
{
    uint8_t m[RL_ITCH_MAX_MESSAGE];
    struct rl_itch_head h = head();

    return rl_crowd_message(&crowd, m, rl_itch_put_add(m, &h, id, side, qty, "AAPL", cents * TICK),
                            b->now_ns);
}

static bool execute(struct venue_bench *b, uint64_t id, uint32_t qty)
{
    uint8_t m[RL_ITCH_MAX_MESSAGE];
    struct rl_itch_head h = head();

    return rl_crowd_message(&crowd, m, rl_itch_put_executed(m, &h, id, qty, 1), b->now_ns);
}

static uint64_t left(const struct venue_bench *b, uint64_t id)
{
    const struct rl_book_order *o =
        rl_books_find(rl_match_books(b->venue.match), 0, RL_CROWD_ID + id, NULL, NULL);

    return o ? o->qty : 0;
}

static void the_stream_becomes_orders_and_its_changes_theirs(void)
{
    struct venue_bench *b = open_with_crowd(false);
    struct rl_itch_head h = head();
    uint8_t m[RL_ITCH_MAX_MESSAGE];

    CHECK(add(b, 1, RL_BUY, 10000, 100) && add(b, 2, RL_SELL, 10010, 50));
    CHECK(left(b, 1) == 100 && left(b, 2) == 50);
    CHECK(rl_crowd_message(&crowd, m, rl_itch_put_cancel(m, &h, 1, 30), b->now_ns));
    CHECK_EQ(left(b, 1), 70);
    CHECK(
        rl_crowd_message(&crowd, m, rl_itch_put_replace(m, &h, 1, 3, 40, 9990 * TICK), b->now_ns));
    CHECK(left(b, 1) == 0 && left(b, 3) == 40);
    CHECK(execute(b, 2, 20));
    CHECK_EQ(left(b, 2), 30);
    CHECK(rl_crowd_message(&crowd, m, rl_itch_put_delete(m, &h, 2), b->now_ns));
    CHECK_EQ(left(b, 2), 0);
    CHECK_EQ(crowd.n.bad + crowd.n.gone, 0);
    CHECK_EQ(rl_match_check(b->venue.match, &(const char *){NULL}), 0);
    bench_close(b);
}

static void a_clients_order_is_filled_when_its_turn_in_the_queue_comes(void)
{
    struct venue_bench *b = open_with_crowd(false);
    struct bench_member *m = bench_join(b, NULL);

    CHECK(add(b, 1, RL_BUY, 10000, 100));
    CHECK(bench_limit(m, RL_BUY, 10000, 50) > 0); /* behind the first, before the second */
    CHECK(add(b, 2, RL_BUY, 10000, 100));
    CHECK(execute(b, 1, 60));
    CHECK_EQ(bench_count(m, RL_MATCH_EVENT_FILL), 0); /* a trade at its price is not its turn */
    CHECK(execute(b, 1, 40));
    CHECK_EQ(bench_count(m, RL_MATCH_EVENT_FILL), 0);
    CHECK(execute(b, 2, 30)); /* the stream names the second; the client is in front of it */
    CHECK_EQ(bench_count(m, RL_MATCH_EVENT_FILL), 1);
    CHECK_EQ(m->events[m->n - 1].qty, 30);
    CHECK_EQ(left(b, 2), 70); /* and the stream's order is what the stream says */
    CHECK(execute(b, 2, 70));
    CHECK_EQ(m->events[m->n - 1].leaves, 0);
    CHECK_EQ(left(b, 2), 0);
    CHECK_EQ(crowd.n.filled_others, 50);
    CHECK_EQ(crowd.n.executions, 4);
    bench_close(b);
}

static void what_a_client_took_away_is_gone_for_the_stream(void)
{
    struct venue_bench *b = open_with_crowd(false);
    struct bench_member *m = bench_join(b, NULL);
    struct rl_itch_head h = head();
    uint8_t bytes[RL_ITCH_MAX_MESSAGE];

    CHECK(add(b, 1, RL_SELL, 10000, 10));
    CHECK(bench_limit(m, RL_BUY, 10000, 10) > 0);
    CHECK_EQ(bench_count(m, RL_MATCH_EVENT_FILL), 1);
    CHECK(execute(b, 1, 10));
    CHECK(rl_crowd_message(&crowd, bytes, rl_itch_put_delete(bytes, &h, 1), b->now_ns));
    CHECK_EQ(crowd.n.gone, 2);
    CHECK(add(b, 2, RL_SELL, 9990, 10)); /* meets nobody; a bid of the client would be met */
    CHECK(bench_limit(m, RL_BUY, 9980, 5) > 0);
    CHECK(add(b, 3, RL_SELL, 9980, 5));
    CHECK_EQ(bench_count(m, RL_MATCH_EVENT_FILL), 2);
    bench_close(b);
}

static void what_does_not_read_or_is_not_listed_is_counted_and_nothing_else(void)
{
    struct venue_bench *b = open_with_crowd(false);
    struct rl_itch_head h = {.locate = 9, .ts_ns = 1};
    uint8_t m[RL_ITCH_MAX_MESSAGE];
    uint32_t n = rl_itch_put_add(m, &h, 5, RL_BUY, 10, "NOBODY", UNIT);

    CHECK(!rl_crowd_message(&crowd, m, n, b->now_ns));
    CHECK(!rl_crowd_message(&crowd, m, n - 1, b->now_ns));
    CHECK(!rl_crowd_message(&crowd, m, 0, b->now_ns));
    CHECK(!add(b, UINT64_MAX, RL_BUY, 100, 1)); /* an id that would be another's */
    CHECK_EQ(crowd.n.bad, 4);
    CHECK_EQ(b->venue.n.events, 0);
    bench_close(b);

    b = open_with_crowd(true); /* names that the stream brings are listed */
    CHECK(rl_crowd_message(&crowd, m, n, b->now_ns));
    CHECK_EQ(rl_venue_find(&b->venue, "NOBODY", 6), 2);
    bench_close(b);
}

int main(void)
{
    the_stream_becomes_orders_and_its_changes_theirs();
    a_clients_order_is_filled_when_its_turn_in_the_queue_comes();
    what_a_client_took_away_is_gone_for_the_stream();
    what_does_not_read_or_is_not_listed_is_counted_and_nothing_else();
    return 0;
}
