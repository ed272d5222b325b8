/* A flood between two threads: every frame is accounted for, and the run ends when it should. */
#include <errno.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "flood_holds.h"
#include "net/port/port_shm.h"
#include "rig/traffic/flood.h"
#include "unkind_port.h"

#define WIRE_BYTES (4U << 20)

static struct rl_clock ticks;
static int cpus[2];
static int n_cpus;

static struct rl_cable *cable_new(struct rl_arena *arena, uint64_t n_bytes)
{
    struct rl_cable *cable;

    CHECK_EQ(rl_arena_open(arena, 2 * n_bytes + 65536, 0), 0);
    cable = rl_arena_take(arena, sizeof *cable, _Alignof(struct rl_cable));
    CHECK(cable != NULL);
    CHECK_EQ(rl_cable_open(cable, arena, n_bytes), 0);
    return cable;
}

static struct rl_flood_config on_threads(struct rl_cable *cable)
{
    struct rl_flood_config c;

    rl_flood_config_init(&c);
    c.clock = &ticks;
    c.tx = cable->end[0];
    c.rx = cable->end[1];
    c.cpu_tx = cpus[0];
    c.cpu_rx = cpus[1];
    c.one_thread = n_cpus < 2;
    c.traffic.n_frames = 20000;
    c.settle_ns = 2000000;
    return c;
}

static void test_a_flood_between_two_threads_arrives_whole_and_in_order(void)
{
    struct rl_arena arena;
    struct rl_cable *cable = cable_new(&arena, 1 << 16); /* far less than the frames: it waits */
    struct rl_flood_config c = on_threads(cable);
    struct rl_flood_result r;
    const char *why;

    c.receive.n_log = 20000;
    c.n_placement_batches = 2;
    CHECK_EQ(rl_flood_run(&r, &c, &why), 0);
    CHECK_EQ(r.sent.frames_sent, 20000);
    CHECK_EQ(r.received.ahead, 20000);
    CHECK_EQ(r.received.gaps + r.received.reordered + r.received.duplicates, 0);
    CHECK_EQ(r.lost, 0);
    CHECK(!r.was_stopped);
    CHECK_EQ(r.from_sent.n_total, 20000);
    CHECK_EQ(r.n_logged, 20000);
    for (uint64_t i = 0; i < 20000; i++)
        CHECK_EQ(r.log[i], i);
    CHECK(r.sent_pps > 0 && r.received_pps > 0 && r.handle_ns > 0);
    /* What was there when the span began is not of it. */
    CHECK(r.received_pps * (double)r.received_span_ns < 20000e9);
    CHECK(r.sent_pps * (double)r.sent_span_ns < 20000e9);
    CHECK_EQ(r.tx_side.stats.tx_frames, 20000);
    CHECK_EQ(r.rx_side.stats.rx_frames, 20000);
    CHECK_EQ(strcmp(r.rx_side.backend, "shm"), 0);
    CHECK_EQ(r.tx_side.usage.n_allocs, 0);
    CHECK_EQ(r.rx_side.usage.n_allocs, 0);
    if (n_cpus >= 2)
        CHECK(r.placement.before.n_batches == 2 && r.placement.after.median_mticks > 0);
    CHECK_EQ(flood_holds(&r), 4);
    rl_flood_result_close(&r);
    rl_flood_result_close(&r);
    rl_arena_close(&arena);
}

static void test_a_run_accounts_for_every_frame_that_the_wire_took(void)
{
    static struct unkind u;
    struct rl_arena arena;
    struct rl_cable *cable = cable_new(&arena, WIRE_BYTES);
    struct rl_flood_config c = on_threads(cable);
    struct rl_flood_result r;
    struct unkind_account a;
    const char *why;

    unkind_open(&u, cable->end[0], 77);
    u.loses = u.repeats = u.delays = u.damages = 10;
    u.holds_below = 20000 - 2 * UNKIND_HOLD;
    u.port.ops = &unkind_ops;
    c.tx = &u.port;
    CHECK_EQ(rl_flood_run(&r, &c, &why), 0);
    a = unkind_account(&u);
    CHECK_EQ(r.received.frames_in, u.n_truth);
    CHECK_EQ(r.arrived, a.ahead + a.reordered);
    CHECK_EQ(r.received.duplicates, a.duplicates);
    CHECK_EQ(r.received.corrupt, a.corrupt);
    CHECK_EQ(r.lost, u.n_lost + u.n_damaged);
    CHECK(r.lost > 0);
    CHECK_EQ(flood_holds(&r), 4);
    rl_flood_result_close(&r);
    rl_arena_close(&arena);
}

static void test_one_thread_can_do_both(void)
{
    struct rl_arena arena;
    struct rl_cable *cable = cable_new(&arena, 1 << 16);
    struct rl_flood_config c = on_threads(cable);
    struct rl_flood_result r;
    const char *why;

    c.one_thread = true;
    CHECK_EQ(rl_flood_run(&r, &c, &why), 0);
    CHECK_EQ(r.arrived, 20000);
    CHECK_EQ(flood_holds(&r), 4);
    rl_flood_result_close(&r);
    rl_arena_close(&arena);
}

static bool at_once(void *n_asked)
{
    ++*(int *)n_asked;
    return true;
}

static void test_a_run_ends_when_it_is_told_to(void)
{
    static const uint64_t due_ns[] = {0};
    struct rl_arena arena;
    struct rl_cable *cable = cable_new(&arena, 1 << 20);
    struct rl_flood_config c = on_threads(cable);
    _Atomic bool stop = true;
    struct rl_flood_result r;
    const char *why;
    int n_asked = 0;

    c.send.schedule = (struct rl_schedule){due_ns, 1, 1000000000}; /* for hours */
    for (int how = 0; how < 3; how++) {
        c.bounds = (struct rl_run_bounds){.max_ns = UINT64_MAX};
        if (how == 0)
            c.bounds.stop = &stop;
        else if (how == 1)
            c.bounds.max_ns = 1000000;
        else
            c.bounds.wants_stop = at_once, c.bounds.arg = &n_asked;
        CHECK_EQ(rl_flood_run(&r, &c, &why), 0);
        CHECK(r.was_stopped);
        CHECK(r.sent.frames_sent <= 1);
        CHECK_EQ(r.arrived, r.sent.frames_sent);
        CHECK_EQ(r.lost, 0);
        CHECK_EQ(flood_holds(&r), 3); /* planned = sent + unsent no longer holds */
        rl_flood_result_close(&r);
    }
    CHECK_EQ(n_asked, 1);
    rl_arena_close(&arena);
}

static void test_a_receiver_or_a_sender_can_run_alone(void)
{
    struct rl_arena arena;
    struct rl_cable *cable = cable_new(&arena, WIRE_BYTES);
    struct rl_flood_config c = on_threads(cable);
    struct rl_flood_result r;
    const char *why;

    c.one_thread = false;
    c.rx = NULL;
    CHECK_EQ(rl_flood_run(&r, &c, &why), 0);
    CHECK_EQ(r.sent.frames_sent, 20000);
    CHECK_EQ(r.received.frames_in, 0);
    CHECK_EQ(flood_holds(&r), 1);
    rl_flood_result_close(&r);
    c.rx = c.tx = NULL;
    CHECK_EQ(rl_flood_run(&r, &c, &why), -EINVAL);
    CHECK(why != NULL);
    rl_flood_result_close(&r);
    c.rx = cable->end[1]; /* what was sent before is still on the wire */
    CHECK_EQ(rl_flood_run(&r, &c, &why), 0);
    CHECK_EQ(r.arrived, 20000);
    CHECK(!r.was_stopped);
    CHECK_EQ(flood_holds(&r), 2);
    rl_flood_result_close(&r);
    rl_arena_close(&arena);
}

static void test_what_makes_no_sense_is_refused_with_a_sentence(void)
{
    struct rl_arena arena;
    struct rl_cable *cable = cable_new(&arena, 1 << 12);
    struct rl_flood_config good = on_threads(cable), c;
    struct rl_flood_result r;
    const char *why;

#define REFUSED(change)                                \
    do {                                               \
        c = good;                                      \
        change;                                        \
        CHECK_EQ(rl_flood_run(&r, &c, &why), -EINVAL); \
        CHECK(why != NULL && strlen(why) > 10);        \
        rl_flood_result_close(&r);                     \
    } while (0)
    REFUSED(c.traffic.n_bytes = 31);
    REFUSED(c.traffic.n_bytes = 65508);
    REFUSED(c.traffic.n_bytes = 2100); /* longer than the wire takes */
    REFUSED(c.traffic.n_frames = 0);
    REFUSED(c.traffic.first_seq = UINT64_MAX);
    REFUSED(c.traffic.prefix.n_bytes = RL_PREFIX_MAX + 1);
    REFUSED(c.receive.n_window = 100);
    REFUSED(c.receive.n_window = 32);
    REFUSED(c.clock = NULL);
    REFUSED(c.one_thread = false; c.cpu_rx = c.cpu_tx);
    REFUSED(c.one_thread = false; c.cpu_rx = 4096);
    REFUSED(c.one_thread = false; c.cpu_tx = 4096);
    REFUSED(c.send.schedule.n_due = 1);
    rl_arena_close(&arena);
}

int main(void)
{
    CHECK_EQ(rl_clock_from_hz(&ticks, 1000000000), 0);
    n_cpus = rl_cpu_allowed(cpus, 2);
    test_a_flood_between_two_threads_arrives_whole_and_in_order();
    test_a_run_accounts_for_every_frame_that_the_wire_took();
    test_one_thread_can_do_both();
    test_a_run_ends_when_it_is_told_to();
    test_a_receiver_or_a_sender_can_run_alone();
    test_what_makes_no_sense_is_refused_with_a_sentence();
    return 0;
}
