/* A trial over ports that its caller brings: the same decisions, and losses that are accounted for.
 */
#include "trial_bench.h"

#include "net/port/port_shm.h"

/* An end of a cable that holds what is committed until it is flushed, and loses each k-th frame. */
struct sieve {
    struct rl_port port; /* first: the ops cast back */
    struct rl_port *inner;
    uint32_t loses_every; /* 0: none */
    bool tells;           /* of what it loses */
    uint64_t n_committed, n_lost;
    uint32_t n_bytes_held; /* the frame that waits for the next commit or a flush; 0: none */
};

static uint32_t sieve_burst(struct rl_port *p, struct rl_frame *frames, uint32_t max)
{
    return rl_port_rx_burst(((struct sieve *)p)->inner, frames, max);
}

static void sieve_release(struct rl_port *p)
{
    rl_port_rx_release(((struct sieve *)p)->inner);
}

static void sieve_flush(struct rl_port *p)
{
    struct sieve *s = (struct sieve *)p;

    if (s->n_bytes_held > 0)
        rl_port_tx_commit(s->inner, s->n_bytes_held);
    s->n_bytes_held = 0;
}

static uint8_t *sieve_reserve(struct rl_port *p, uint32_t n_bytes)
{
    sieve_flush(p);
    return rl_port_tx_reserve(((struct sieve *)p)->inner, n_bytes);
}

static void sieve_commit(struct rl_port *p, uint32_t n_bytes)
{
    struct sieve *s = (struct sieve *)p;

    if (s->loses_every && ++s->n_committed % s->loses_every == 0) {
        s->n_lost++;
        rl_port_count(&p->tx.tx_lost, s->tells);
        return;
    }
    s->n_bytes_held = n_bytes;
}

static const struct rl_port_ops sieve_ops = {.name = "sieve",
                                             .rx_burst = sieve_burst,
                                             .rx_release = sieve_release,
                                             .tx_reserve = sieve_reserve,
                                             .tx_commit = sieve_commit,
                                             .tx_flush = sieve_flush};

struct lines {
    struct rl_arena arena;
    struct rl_cable market, session;
    struct sieve sieves[4];
};

static void lines_open(struct lines *l, struct rl_trial_config *c)
{
    memset(l, 0, sizeof *l);
    CHECK_EQ(rl_arena_open(&l->arena, 40 << 20, 0), 0);
    CHECK_EQ(rl_cable_open(&l->market, &l->arena, 8 << 20), 0);
    CHECK_EQ(rl_cable_open(&l->session, &l->arena, 8 << 20), 0);
    for (int i = 0; i < 4; i++) {
        struct rl_port *inner = i < 2 ? l->market.end[i] : l->session.end[i - 2];

        l->sieves[i] = (struct sieve){.port.ops = &sieve_ops, .inner = inner, .tells = true};
        l->sieves[i].port.caps = inner->caps;
    }
    c->market = (struct rl_trial_line){&l->sieves[0].port, &l->sieves[1].port};
    c->session = (struct rl_trial_line){&l->sieves[2].port, &l->sieves[3].port};
}

static void test_ports_of_the_caller_change_no_decision(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = trial_config(stream, 8000);
    struct rl_trial *own = trial_run(&c), *t;
    struct lines l;

    lines_open(&l, &c);
    t = trial_run(&c);
    CHECK(rl_counted(&own->exchange.n.orders_valid) > 100);
    CHECK_EQ(rl_counted(&t->exchange.n.orders_valid), rl_counted(&own->exchange.n.orders_valid));
    CHECK_EQ(trial_hash(t), trial_hash(own));
    for (int i = 0; i < 4; i++)
        CHECK_EQ(l.sieves[i].n_bytes_held, 0); /* all that was committed was flushed */
    rl_trial_close(t);
    rl_trial_close(own);
    rl_arena_close(&l.arena);
    stream_free(&stream);
}

static void test_packed_messages_lead_to_the_same_books_and_orders(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = trial_config(stream, 8000);
    struct rl_trial *single = trial_run(&c), *packed;

    c.n_pack = 8;
    c.n_frames = 1000;
    c.n_warmup_frames = 250;
    packed = trial_run(&c);
    CHECK_EQ(rl_counted(&packed->blast.n.messages_sent), 8000);
    CHECK_EQ(rl_counted(&packed->engine.n.frames), 1000);
    CHECK_EQ(trial_hash(packed), trial_hash(single));
    CHECK_EQ(rl_counted(&packed->exchange.n.orders_valid),
             rl_counted(&single->exchange.n.orders_valid));
    CHECK_EQ(rl_counted(&packed->exchange.n.orders_measured),
             rl_counted(&single->exchange.n.orders_measured));
    rl_trial_close(packed);
    rl_trial_close(single);
    stream_free(&stream);
}

static void test_what_a_line_loses_is_accounted_for(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = trial_config(stream, 8000);
    struct rl_trial *t;
    struct lines l;

    lines_open(&l, &c);
    c.drain_ns = 500000000; /* nobody can know that nothing more will come */
    l.sieves[0].loses_every = 100;
    l.sieves[2].loses_every = 7;
    l.sieves[3].loses_every = 9;
    t = trial_run(&c); /* all identities hold */
    CHECK_EQ(l.sieves[0].n_lost, 80);
    CHECK(l.sieves[2].n_lost > 0 && l.sieves[3].n_lost > 0);
    /* The very last frame is one of them: that it is missing cannot be seen. */
    CHECK_EQ(t->engine.feed.n.lost, 79);
    CHECK_EQ(rl_counted(&t->engine.n.frames), 7920);
    rl_trial_close(t);
    rl_arena_close(&l.arena);
    stream_free(&stream);
}

static void test_a_loss_that_nobody_admits_is_found(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = trial_config(stream, 2000);
    struct rl_identity broken;
    struct rl_trial *t;
    struct lines l;

    lines_open(&l, &c);
    c.drain_ns = 500000000;
    l.sieves[0].loses_every = 1000;
    l.sieves[0].tells = false;
    t = trial_open(&c);
    CHECK_EQ(rl_trial_start(t), 0);
    trial_wait(t);
    CHECK(rl_trial_check(t, &broken) != NULL);
    CHECK(strstr(broken.name, "frames sent = received by the engine") != NULL);
    CHECK_EQ(broken.left, broken.right + 2);
    rl_trial_close(t);
    rl_arena_close(&l.arena);
    stream_free(&stream);
}

static void refuses(struct rl_trial_config c, const char *says)
{
    struct rl_trial *t;
    const char *why;

    CHECK_EQ(rl_trial_open(&t, &c, trial_clock(), &why), -EINVAL);
    CHECK(why != NULL && strstr(why, says) != NULL);
}

static void test_lines_that_make_no_sense_are_refused(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH), fix = small_stream(RL_FEED_FIX);
    struct rl_trial_config c = trial_config(stream, 100), of_fix = trial_config(fix, 100), half;
    struct lines l;

    c.n_pack = 0;
    refuses(c, "n_pack");
    of_fix.n_pack = 2;
    refuses(of_fix, "only messages that we number");
    c.n_pack = 40;
    lines_open(&l, &c);
    half = c;
    half.market.engine = NULL;
    refuses(half, "two ends");
    l.sieves[0].port.caps.n_bytes_frame_max = 1400;
    refuses(c, "the longest frame does not fit the port");
    rl_arena_close(&l.arena);
    stream_free(&stream);
    stream_free(&fix);
}

int main(void)
{
    test_ports_of_the_caller_change_no_decision();
    test_packed_messages_lead_to_the_same_books_and_orders();
    test_what_a_line_loses_is_accounted_for();
    test_a_loss_that_nobody_admits_is_found();
    test_lines_that_make_no_sense_are_refused();
    return 0;
}
