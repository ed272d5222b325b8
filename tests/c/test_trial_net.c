/*
 * A trial over virtual cables between namespaces, by any port: where nothing is lost, the engine
 * reads the same books and sends the same orders as over memory.
 *
 * All frames of a trial together are fewer than any ring or queue on their way holds, so that none
 * is lost however late somebody looks.
 */
#include "traffic_link.h"
#include "trial_bench.h"

#define N_FRAMES 600
#define N_SLOTS 2048
#define PACE_NS 10000

/* An AF_XDP socket has a queue of an interface to itself: a cable for each line. */
static struct veth market, session;

static struct rl_trial_config paced(struct rl_stream stream)
{
    static const uint64_t at_once[] = {0};
    struct rl_trial_config c = trial_config(stream, N_FRAMES);

    c.schedule = (struct rl_schedule){at_once, 1, PACE_NS};
    c.drain_ns = 5000000000;           /* a frame that never comes is seen, and not waited for */
    c.strategy.threshold_permille = 1; /* nearly every change of the best prices is a reason */
    return c;
}

static struct link line_or_skip(enum link_kind kind, const struct veth *veth)
{
    char why[RL_PORT_WHY];
    struct link link;

    if (link_open(&link, kind, veth, N_SLOTS, why) != 0) {
        printf("skipped: %s: %s\n", link_names[kind], why);
        exit(RL_SKIP);
    }
    return link;
}

static uint64_t hash_of(const struct rl_trial *t)
{
    struct rl_trial_answer answer;

    rl_trial_answer(t, &answer);
    CHECK(answer.damage == NULL);
    return answer.hash;
}

static void equal(const struct rl_trial *a, const struct rl_trial *b)
{
#define SAME(counter) CHECK_EQ(rl_counted(&a->counter), rl_counted(&b->counter))
    SAME(engine.n.frames);
    SAME(engine.n.bytes);
    SAME(exchange.n.orders_received);
    SAME(exchange.n.orders_valid);
    SAME(exchange.n.orders_measured);
    SAME(exchange.n.answers_sent);
    SAME(engine.n.answers);
#undef SAME
    CHECK_EQ(hash_of(a), hash_of(b));
}

static void trades_the_same_over(enum link_kind kind, struct rl_trial_config c,
                                 const struct rl_trial *over_memory, const struct decisions *wanted)
{
    struct link lines[2] = {line_or_skip(kind, &market), line_or_skip(kind, &session)};
    struct decisions made;
    struct rl_trial *t;

    c.market = (struct rl_trial_line){lines[0].end[0], lines[0].end[1]};
    c.session = (struct rl_trial_line){lines[1].end[0], lines[1].end[1]};
    t = trial_run(&c);
    equal(t, over_memory);
    made = decisions_made(t);
    decisions_equal(&made, wanted);
    free(made.list);
    rl_trial_close(t);
    for (int i = 0; i < 2; i++)
        link_close(&lines[i]);
}

static void test_a_trial_trades_the_same_over_any_port(void)
{
    static const enum link_kind kinds[] = {LINK_TCP_LO, LINK_UDP_VETH, LINK_PACKET,
                                           LINK_XDP_GENERIC, LINK_XDP_NATIVE};
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = paced(stream);
    struct rl_trial *over_memory = trial_run(&c);
    struct decisions wanted = decisions_made(over_memory);

    CHECK(rl_counted(&over_memory->exchange.n.orders_valid) > 100);
    for (size_t i = 0; i < RL_COUNT(kinds); i++)
        trades_the_same_over(kinds[i], c, over_memory, &wanted);
    free(wanted.list);
    rl_trial_close(over_memory);
    stream_free(&stream);
}

int main(void)
{
    veth_open(&market);
    veth_open(&session);
    test_a_trial_trades_the_same_over_any_port();
    veth_close(&session);
    veth_close(&market);
    return 0;
}
