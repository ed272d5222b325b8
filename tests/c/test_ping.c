/* The closed loop: every round is answered, late or lost, and no answer is taken for another's. */
#include <errno.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "check.h"
#include "net/port/port_shm.h"
#include "rig/traffic/ping_run.h"

static struct rl_clock ticks;
static int cpus[2];
static int n_cpus;

/* --- a port that answers as its script says, on the thread that asks --- */

/* One letter a round, again from the first: what becomes of its frame. */
enum {
    ANSWER = 'a',
    LOSE = 'l',
    LATE = 't',    /* comes with the next answer, in front of it */
    TWICE = '2',   /* the second with the next answer */
    DAMAGE = 'd',  /* one bit */
    SHORTEN = 's', /* one byte less */
    FOREIGN = 'f', /* the answer, and before it a frame of somebody else */
    FUTURE = 'u',  /* the answer, and before it one to a round that has not begun */
    REFUSE = 'r'   /* no room */
};

struct scripted {
    struct rl_port port; /* first: the ops cast back */
    const char *script;
    uint64_t n_sent, n_of[128], random;
    uint8_t out[2048], ready[8][2048], waiting[2048];
    uint32_t n_ready, n_ready_bytes[8], n_waiting;
};

static uint8_t *scripted_reserve(struct rl_port *p, uint32_t n_bytes)
{
    struct scripted *s = (struct scripted *)p;
    char what = s->script[s->n_sent % strlen(s->script)];

    (void)n_bytes;
    if (what == REFUSE) {
        s->n_of[(int)what]++;
        s->n_sent++;
        return NULL;
    }
    return s->out;
}

static void ready(struct scripted *s, const uint8_t *bytes, uint32_t n_bytes)
{
    CHECK(s->n_ready < 8);
    memcpy(s->ready[s->n_ready], bytes, n_bytes);
    s->n_ready_bytes[s->n_ready++] = n_bytes;
}

static void lie_about_seq(struct scripted *s, uint32_t n_bytes)
{
    uint8_t frame[2048];
    struct rl_probe_header h;

    memcpy(&h, s->out, sizeof h);
    h.seq++;
    rl_probe_write(frame, &h);
    rl_probe_fill(frame, n_bytes, &h, 42);
    ready(s, frame, n_bytes);
}

static void scripted_commit(struct rl_port *p, uint32_t n_bytes)
{
    struct scripted *s = (struct scripted *)p;
    char what = s->script[s->n_sent++ % strlen(s->script)];

    s->n_of[(int)what]++;
    if (what == LOSE)
        return;
    if (what == LATE) {
        CHECK_EQ(s->n_waiting, 0);
        memcpy(s->waiting, s->out, s->n_waiting = n_bytes);
        return;
    }
    if (s->n_waiting > 0) {
        ready(s, s->waiting, s->n_waiting);
        s->n_waiting = 0;
    }
    if (what == DAMAGE) {
        uint64_t bit = (check_random(&s->random) >> 32) % (8 * n_bytes);

        s->out[bit / 8] ^= (uint8_t)(1U << bit % 8);
    } else if (what == FOREIGN) {
        ready(s, (const uint8_t *)"somebody else's words", 21);
    } else if (what == FUTURE) {
        lie_about_seq(s, n_bytes);
    }
    ready(s, s->out, what == SHORTEN ? n_bytes - 1 : n_bytes);
    if (what == TWICE)
        memcpy(s->waiting, s->out, s->n_waiting = n_bytes);
}

static uint32_t scripted_burst(struct rl_port *p, struct rl_frame *frames, uint32_t max)
{
    struct scripted *s = (struct scripted *)p;
    uint32_t n = s->n_ready;

    CHECK(n <= max);
    for (uint32_t i = 0; i < n; i++)
        frames[i] = (struct rl_frame){.data = s->ready[i], .n_bytes = s->n_ready_bytes[i]};
    s->n_ready = 0;
    return n;
}

static void scripted_release(struct rl_port *p)
{
    (void)p;
}

static const struct rl_port_ops scripted_ops = {.name = "scripted",
                                                .rx_burst = scripted_burst,
                                                .rx_release = scripted_release,
                                                .tx_reserve = scripted_reserve,
                                                .tx_commit = scripted_commit};

static struct scripted *scripted(const char *script)
{
    static struct scripted s;

    memset(&s, 0, sizeof s);
    s.port.ops = &scripted_ops;
    s.port.caps.n_bytes_frame_max = 2048;
    s.script = script;
    s.random = 4;
    return &s;
}

static struct rl_ping_config rounds(uint64_t n_warmup, uint64_t n_rounds)
{
    return (struct rl_ping_config){.n_rounds = n_rounds,
                                   .n_warmup = n_warmup,
                                   .n_bytes = 64,
                                   .flow = 3,
                                   .seed = 42,
                                   .timeout_ns = 20000};
}

static struct rl_ping ping;
static struct rl_arena arena;

#define COUNTED(counter) rl_counted(&ping.n.counter)

static void run(struct rl_port *port, const struct rl_ping_config *c)
{
    CHECK_EQ(rl_arena_open(&arena, rl_ping_bytes(c), 0), 0);
    CHECK_EQ(rl_ping_init(&ping, c, port, &ticks, &arena), 0);
    while (rl_ping_turn(&ping))
        ;
    CHECK_EQ(COUNTED(rounds), COUNTED(answered) + COUNTED(lost) + COUNTED(unsent));
}

static void test_each_round_is_what_became_of_its_frame(void)
{
    struct scripted *s = scripted("aaltaa2adasafaruaa");
    struct rl_ping_config c = rounds(0, 18 * 40);

    run(&s->port, &c);
    CHECK_EQ(COUNTED(rounds), 18 * 40);
    CHECK_EQ(COUNTED(lost), s->n_of[LOSE] + s->n_of[LATE] + s->n_of[DAMAGE] + s->n_of[SHORTEN]);
    CHECK_EQ(COUNTED(late), s->n_of[LATE]);
    CHECK_EQ(COUNTED(duplicates), s->n_of[TWICE]);
    CHECK_EQ(COUNTED(corrupt), s->n_of[DAMAGE] + s->n_of[SHORTEN]);
    CHECK_EQ(COUNTED(foreign), s->n_of[FOREIGN] + s->n_of[FUTURE]);
    CHECK_EQ(COUNTED(unsent), s->n_of[REFUSE]);
    CHECK_EQ(s->n_of[REFUSE], 40);
    CHECK_EQ(ping.rtt.n_total, COUNTED(answered));
    CHECK_EQ(ping.handle.n_total, COUNTED(answered));
    rl_arena_close(&arena);
}

static void test_a_late_answer_is_never_taken_for_the_next_rounds(void)
{
    struct scripted *s = scripted("tl"); /* what comes with a frame is the one before's: never */
    struct rl_ping_config c = rounds(0, 1);

    run(&s->port, &c);
    CHECK_EQ(COUNTED(lost), 1);
    ready(s, s->waiting, s->n_waiting); /* it comes when nobody waits */
    s->n_waiting = 0;
    ping.config.n_rounds = 2;
    while (rl_ping_turn(&ping))
        ;
    CHECK_EQ(COUNTED(late), 1);
    CHECK_EQ(COUNTED(lost), 2);
    CHECK_EQ(COUNTED(answered), 0);
    CHECK_EQ(ping.rtt.n_total, 0);
    rl_arena_close(&arena);
}

static void test_warm_up_rounds_are_not_recorded(void)
{
    struct scripted *s = scripted("a");
    struct rl_ping_config c = rounds(30, 70);

    run(&s->port, &c);
    CHECK_EQ(COUNTED(answered), 100);
    CHECK_EQ(ping.rtt.n_total, 70);
    CHECK_EQ(ping.handle.n_total, 70);
    rl_arena_close(&arena);
}

static void test_between_rounds_there_is_the_gap_that_was_asked_for(void)
{
    struct scripted *s = scripted("a");
    struct rl_ping_config c = rounds(0, 20);
    uint64_t start = rl_tsc();

    c.gap_ns = 100000;
    run(&s->port, &c);
    CHECK(rl_ticks_to_ns(&ticks, rl_tsc() - start) >= 19 * 100000);
    CHECK_EQ(COUNTED(answered), 20);
    CHECK(ping.rtt.min < 100000);
    rl_arena_close(&arena);
}

/* --- runs with an echo --- */

static struct rl_ping_run_config with_echo(struct rl_cable *cable)
{
    struct rl_ping_run_config c;

    rl_ping_run_config_init(&c);
    c.ping.n_rounds = 3000;
    c.ping.n_warmup = 100;
    c.ping.timeout_ns = 10000000000; /* on a busy host too, nothing is lost */
    c.clock = &ticks;
    c.port = cable->end[0];
    c.echo_port = cable->end[1];
    c.cpu_ping = cpus[0];
    c.cpu_echo = cpus[1];
    c.one_thread = n_cpus < 2;
    return c;
}

static struct rl_cable *cable_new(struct rl_arena *memory)
{
    static struct rl_cable cable;

    CHECK_EQ(rl_arena_open(memory, 1 << 20, 0), 0);
    CHECK_EQ(rl_cable_open(&cable, memory, 1 << 18), 0);
    return &cable;
}

static void check_run(const struct rl_ping_run_config *c)
{
    struct rl_ping_result r;
    const char *why;

    CHECK_EQ(rl_ping_run(&r, c, &why), 0);
    CHECK(why == NULL);
    CHECK_EQ(r.ping.answered, 3100);
    CHECK_EQ(r.ping.lost + r.ping.unsent + r.ping.corrupt + r.ping.foreign, 0);
    CHECK_EQ(r.echo.frames_back, 3100);
    CHECK_EQ(r.rtt.n_total, 3000);
    CHECK_EQ(r.handle.n_total, 3000);
    CHECK(r.rtt.min > 0);
    CHECK_EQ(r.ping_side.stats.tx_frames, 3100);
    CHECK_EQ(r.echo_side.stats.tx_frames, 3100);
    CHECK_EQ(r.ping_side.usage.n_allocs, 0);
    CHECK_EQ(strcmp(r.ping_side.backend, "shm"), 0);
    CHECK(!r.was_stopped);
    rl_ping_result_close(&r);
    rl_ping_result_close(&r);
}

static void test_rounds_over_a_cable_are_all_answered(void)
{
    static const uint8_t to[6] = {2, 0, 0, 0, 0, 1}, from[6] = {2, 0, 0, 0, 0, 2};
    struct rl_arena memory;
    struct rl_cable *cable = cable_new(&memory);
    struct rl_ping_run_config c = with_echo(cable);

    check_run(&c);
    c.ping.n_bytes = 32;
    check_run(&c);
    c.ping.n_bytes = 4000;
    check_run(&c);
    c.one_thread = true;
    check_run(&c);
    cable->end[0]->caps.is_ethernet = cable->end[1]->caps.is_ethernet = true;
    rl_prefix_ethernet(&c.ping.prefix, to, from);
    check_run(&c);
    rl_arena_close(&memory);
}

static void test_when_nobody_answers_every_round_is_lost_in_time(void)
{
    struct rl_arena memory;
    struct rl_cable *cable = cable_new(&memory);
    struct rl_ping_run_config c = with_echo(cable);
    struct rl_ping_result r;
    const char *why;

    c.echo_port = NULL;
    c.ping.timeout_ns = 10000;
    c.ping.n_rounds = 20;
    c.ping.n_warmup = 0;
    CHECK_EQ(rl_ping_run(&r, &c, &why), 0);
    CHECK_EQ(r.ping.lost, 20);
    CHECK_EQ(r.rtt.n_total, 0);
    CHECK(!r.echo_side.is_there);
    rl_ping_result_close(&r);
    rl_arena_close(&memory);
}

static void test_a_run_ends_when_it_is_told_to(void)
{
    struct rl_arena memory;
    struct rl_cable *cable = cable_new(&memory);
    struct rl_ping_run_config c = with_echo(cable);
    _Atomic bool stop = true;
    struct rl_ping_result r;
    const char *why;

    c.echo_port = NULL;
    c.ping.timeout_ns = 1000000000000; /* a round would take for ever */
    for (int how = 0; how < 2; how++) {
        c.bounds = (struct rl_run_bounds){.max_ns = how == 0 ? UINT64_MAX : 1000000,
                                          .stop = how == 0 ? &stop : NULL};
        CHECK_EQ(rl_ping_run(&r, &c, &why), 0);
        CHECK(r.was_stopped);
        CHECK_EQ(r.ping.rounds, 1);
        CHECK_EQ(r.ping.lost, 1);
        rl_ping_result_close(&r);
    }
    rl_arena_close(&memory);
}

static void test_what_makes_no_sense_is_refused_with_a_sentence(void)
{
    struct rl_arena memory;
    struct rl_ping_run_config good = with_echo(cable_new(&memory)), c;
    struct rl_ping_result r;
    const char *why;

#define REFUSED(change)                               \
    do {                                              \
        c = good;                                     \
        change;                                       \
        CHECK_EQ(rl_ping_run(&r, &c, &why), -EINVAL); \
        CHECK(why != NULL && strlen(why) > 10);       \
        rl_ping_result_close(&r);                     \
    } while (0)
    REFUSED(c.ping.n_bytes = 31);
    REFUSED(c.ping.n_bytes = RL_PROBE_MAX + 1);
    REFUSED(c.port->caps.n_bytes_frame_max = 63);
    good.port->caps.n_bytes_frame_max = 4096;
    REFUSED(c.ping.n_rounds = 0);
    REFUSED(c.ping.timeout_ns = 0);
    REFUSED(c.ping.prefix.n_bytes = RL_PREFIX_MAX + 1);
    REFUSED(c.port = NULL);
    REFUSED(c.clock = NULL);
    REFUSED(c.one_thread = false; c.cpu_echo = c.cpu_ping);
    REFUSED(c.one_thread = true; c.echo_blocks = true);
    REFUSED(c.one_thread = false; c.cpu_ping = 4096);
    REFUSED(c.one_thread = false; c.cpu_echo = 4096);
    rl_arena_close(&memory);
}

int main(void)
{
    CHECK_EQ(rl_clock_from_hz(&ticks, 1000000000), 0);
    n_cpus = rl_cpu_allowed(cpus, 2);
    test_each_round_is_what_became_of_its_frame();
    test_a_late_answer_is_never_taken_for_the_next_rounds();
    test_warm_up_rounds_are_not_recorded();
    test_between_rounds_there_is_the_gap_that_was_asked_for();
    test_rounds_over_a_cable_are_all_answered();
    test_when_nobody_answers_every_round_is_lost_in_time();
    test_a_run_ends_when_it_is_told_to();
    test_what_makes_no_sense_is_refused_with_a_sentence();
    return 0;
}
