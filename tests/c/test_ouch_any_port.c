/*
 * OUCH in frames over any port: an engine sends the same orders, the venue makes the same
 * executions and both end with the same books, whatever carries the frames between them.
 *
 * A step's frames have all come before the next step begins, so that nothing depends on how fast a
 * port is.
 */
#include "ouch_trade.h"
#include "spin.h"
#include "traffic_link.h"

#define N_STEPS 400
#define N_SLOTS 256 /* more frames than a step has */

static struct veth veth;

/* What a day leaves behind. */
struct outcome {
    uint64_t venue_hash; /* of the books */
    uint64_t n_venue_orders, n_trades;
    uint64_t n_engine_orders, n_fills, n_events;
    int64_t bought[RL_COUNT(symbols)];
};

static bool is_heard(const struct rl_ouch_port *link)
{
    return rl_ouch_port_room(link) == link->mask + 1;
}

/* Until each side has heard everything of the other. */
static void settle(void)
{
    uint32_t n_turns = 0;

    do {
        turn();
        spin_wait(&n_turns); /* the kernel may need this CPU to deliver */
        CHECK(n_turns < 10000000);
    } while (!is_heard(&day.engine.link) || !is_heard(&day.desk.seats[0].link));
}

static struct outcome outcome(void)
{
    struct outcome o = {.venue_hash = rl_books_hash(rl_match_books(day.w.venue.match)),
                        .n_venue_orders = day.w.g.n_taken,
                        .n_trades = day.n_trades,
                        .n_engine_orders = day.engine.bench.oms.orders.n_open,
                        .n_fills = OMS_N(&day.engine.bench, fills),
                        .n_events = day.engine.n_events};

    memcpy(o.bought, day.bought, sizeof o.bought);
    return o;
}

static struct outcome trade_over(const struct link *link, uint64_t random)
{
    struct outcome o;

    trade_open(link->end, random, RL_MATCH_STP_NONE);
    while (!rl_ouch_port_is_up(&day.engine.link))
        settle();
    for (uint32_t i = 0; i < N_STEPS; i++) {
        act();
        settle();
    }
    CHECK_EQ(count_differences(), 0);
    check_positions();
    check_oms();
    o = outcome();
    CHECK_EQ(day.engine.link.n.downs + day.desk.seats[0].link.n.downs, 0);
    trade_close();
    return o;
}

static struct outcome over(enum link_kind kind, uint64_t random)
{
    struct link link = link_or_skip(kind, &veth, N_SLOTS);
    struct outcome o = trade_over(&link, random);

    link_close(&link);
    return o;
}

static void equal(const struct outcome *a, const struct outcome *b)
{
    CHECK_EQ(a->venue_hash, b->venue_hash);
    CHECK_EQ(a->n_venue_orders, b->n_venue_orders);
    CHECK_EQ(a->n_trades, b->n_trades);
    CHECK_EQ(a->n_engine_orders, b->n_engine_orders);
    CHECK_EQ(a->n_fills, b->n_fills);
    CHECK_EQ(a->n_events, b->n_events);
    for (size_t i = 0; i < RL_COUNT(symbols); i++)
        CHECK_EQ(a->bought[i], b->bought[i]);
}

static void test_a_day_ends_the_same_over(const enum link_kind *kinds, size_t n_kinds)
{
    struct outcome over_memory = over(LINK_SHM, 1);

    CHECK(over_memory.n_fills > 100 && over_memory.n_venue_orders > 10);
    for (size_t i = 0; i < n_kinds; i++) {
        struct outcome o = over(kinds[i], 1);

        equal(&o, &over_memory);
    }
}

/* The negative: another day's books are other ones. */
static void test_another_day_ends_otherwise(void)
{
    struct outcome one = over(LINK_SHM, 1), other_day = over(LINK_SHM, 2);

    CHECK(one.venue_hash != other_day.venue_hash);
    CHECK(memcmp(one.bought, other_day.bought, sizeof one.bought) != 0);
}

int main(void)
{
    static const enum link_kind sockets[] = {LINK_UDP_LO, LINK_UDP_LO_BLOCK, LINK_TCP_LO};
    static const enum link_kind cables[] = {LINK_UDP_VETH, LINK_PACKET, LINK_XDP_GENERIC,
                                            LINK_XDP_NATIVE};

    test_a_day_ends_the_same_over(sockets, RL_COUNT(sockets));
    test_another_day_ends_otherwise();
    veth_open(&veth);
    test_a_day_ends_the_same_over(cables, RL_COUNT(cables));
    veth_close(&veth);
    return 0;
}
