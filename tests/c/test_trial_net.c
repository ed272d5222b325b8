/*
 * A trial over virtual cables between namespaces, by any port: where nothing is lost, the engine
 * reads the same books and sends the same orders as over memory.
 *
 * All frames of a trial together are fewer than any ring or queue on their way holds, so that none
 * is lost however late somebody looks.
 */
#include "net/bpf/impair.h"
#include "traffic_link.h"
#include "trial_bench.h"

#define N_FRAMES 600
#define N_SLOTS 2048
#define PACE_NS 10000

/* An AF_XDP socket has a queue of an interface to itself: a cable for each line. */
static struct veth market, session;

static struct rl_trial_config paced(struct rl_stream stream)
{
    struct rl_trial_config c = trial_config(stream, N_FRAMES);

    c.schedule.span_ns = PACE_NS;
    c.drain_ns = 5000000000;           /* what was lost all the same is not waited for for ever */
    c.strategy.threshold_permille = 1; /* nearly every change of the best prices is a reason */
    return c;
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
    CHECK_EQ(trial_hash(a), trial_hash(b));
}

static struct rl_trial *run_over(enum link_kind kind, struct rl_trial_config c,
                                 struct link lines[2])
{
    lines[0] = link_or_skip(kind, &market, N_SLOTS);
    lines[1] = link_or_skip(kind, &session, N_SLOTS);
    c.market = (struct rl_trial_line){lines[0].end[0], lines[0].end[1]};
    c.session = (struct rl_trial_line){lines[1].end[0], lines[1].end[1]};
    return trial_run(&c);
}

static void close_over(struct rl_trial *t, struct link lines[2])
{
    rl_trial_close(t);
    link_close(&lines[0]);
    link_close(&lines[1]);
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
    for (size_t i = 0; i < RL_COUNT(kinds); i++) {
        struct link lines[2];
        struct rl_trial *t = run_over(kinds[i], c, lines);
        struct decisions made = decisions_made(t);

        equal(t, over_memory);
        decisions_equal(&made, &wanted);
        free(made.list);
        close_over(t, lines);
    }
    free(wanted.list);
    rl_trial_close(over_memory);
    stream_free(&stream);
}

/* The negative: one message that is lost on the way leads to other books. */
static void test_a_frame_that_a_fault_takes_away_is_missed_and_its_message_too(void)
{
    static uint8_t actions[1024] = {[N_FRAMES / 2] = RL_IMPAIR_DROP};
    struct rl_impair_config config = {
        .actions = actions, .n_actions = RL_COUNT(actions), .udp_port = LINK_PORT + 1};
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = paced(stream);
    struct rl_trial *over_memory = trial_run(&c), *t;
    struct rl_impair faults;
    struct link lines[2];
    char why[RL_BPF_WHY];
    int home;

    CHECK_EQ(rl_netns_enter(market.end[1].netns_fd, &home), 0);
    if (rl_impair_open(&faults, &config, why) != 0 ||
        rl_impair_attach(&faults, market.end[1].index, false, RL_IMPAIR_HOOK_AUTO, why) != 0) {
        printf("skipped: %s\n", why);
        exit(RL_SKIP);
    }
    rl_netns_leave(home);
    c.lines_are_faulty = true;
    c.drain_ns = 500000000; /* nobody can know that nothing more will come */
    t = run_over(LINK_UDP_VETH, c, lines);
    CHECK_EQ(rl_impair_counts_now(&faults).n_dropped, 1);
    CHECK_EQ(rl_counted(&t->engine.n.frames), N_FRAMES - 1);
    CHECK_EQ(t->engine.feed.n.lost, 1);
    CHECK(trial_hash(t) != trial_hash(over_memory));
    close_over(t, lines);
    rl_trial_close(over_memory);
    rl_impair_close(&faults);
    stream_free(&stream);
}

int main(void)
{
    veth_open(&market);
    veth_open(&session);
    test_a_trial_trades_the_same_over_any_port();
    test_a_frame_that_a_fault_takes_away_is_missed_and_its_message_too();
    veth_close(&session);
    veth_close(&market);
    return 0;
}
