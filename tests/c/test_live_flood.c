/* Frames made inside the kernel: what arrives is numbered, whole and timed by one clock. */
#include <errno.h>

#include "base/cpu.h"
#include "flood_holds.h"
#include "rig/traffic/live_flood.h"
#include "traffic_link.h"

static struct rl_clock ticks;
static struct veth veth;
static struct link wire;
static int cpus[2];

static struct rl_live_flood_config live_config(void)
{
    struct rl_live_flood_config c;

    rl_live_flood_config_init(&c);
    c.flow = link_flow(&veth, 0);
    c.n_frames = 20000;
    c.netns_fd = veth.end[0].netns_fd;
    memcpy(c.interface, veth.end[0].interface, sizeof c.interface);
    c.rx = wire.end[1];
    c.cpu_tx = cpus[0];
    c.cpu_rx = cpus[1];
    c.clock = &ticks;
    return c;
}

static void test_every_frame_made_arrived_or_is_known_to_be_lost(void)
{
    struct rl_live_flood_config c = live_config();
    struct rl_flood_result r;
    const char *why;

    for (c.n_batch = 1; c.n_batch <= 64; c.n_batch += 63) {
        c.n_log = c.n_frames;
        CHECK_EQ(rl_live_flood_run(&r, &c, &why), 0);
        CHECK(why == NULL);
        CHECK_EQ(r.sent.frames_sent, 20000);
        CHECK(r.arrived > 0);
        CHECK_EQ(r.received.corrupt + r.received.foreign + r.received.beyond, 0);
        CHECK_EQ(r.received.reordered + r.received.duplicates, 0);
        CHECK_EQ(r.from_intended.n_total, r.arrived);
        CHECK_EQ(r.from_sent.n_total, 0);
        CHECK(r.from_intended.max < 60000000000); /* the same clock: not since boot */
        CHECK_EQ(r.n_logged, r.arrived);
        for (uint64_t i = 1; i < r.n_logged; i++)
            CHECK(r.log[i] > r.log[i - 1]);
        (void)flood_holds(&r);
        rl_flood_result_close(&r);
    }
}

static void test_numbers_go_on_for_no_run_but_begin_anew(void)
{
    struct rl_live_flood_config c = live_config();
    struct rl_flood_result r;
    const char *why;

    c.n_frames = 100;
    c.n_log = 100;
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(rl_live_flood_run(&r, &c, &why), 0);
        CHECK_EQ(r.arrived, 100);
        CHECK_EQ(r.log[0], 0);
        CHECK_EQ(r.log[99], 99);
        CHECK_EQ(r.received.gaps, 0);
        rl_flood_result_close(&r);
    }
}

static void test_a_stop_ends_it(void)
{
    struct rl_live_flood_config c = live_config();
    _Atomic bool stop = true;
    struct rl_flood_result r;
    const char *why;

    c.bounds = (struct rl_run_bounds){.max_ns = UINT64_MAX, .stop = &stop};
    c.n_frames = UINT64_C(1) << 40;
    CHECK_EQ(rl_live_flood_run(&r, &c, &why), 0);
    CHECK(r.was_stopped);
    CHECK(r.sent.frames_sent < 2000000); /* at most what one call had to make */
    (void)flood_holds(&r);
    rl_flood_result_close(&r);
}

static void test_what_cannot_be_is_refused_with_a_sentence(void)
{
    struct rl_live_flood_config good = live_config(), c;
    struct rl_flood_result r;
    const char *why;

#define REFUSED(error, change)                            \
    do {                                                  \
        c = good;                                         \
        change;                                           \
        CHECK_EQ(rl_live_flood_run(&r, &c, &why), error); \
        CHECK(why != NULL && strlen(why) > 10);           \
        rl_flood_result_close(&r);                        \
    } while (0)
    REFUSED(-EINVAL, c.n_bytes = 31);
    REFUSED(-EINVAL, c.n_bytes = RL_LIVE_MAX_BYTES);
    REFUSED(-EINVAL, c.n_batch = 0);
    REFUSED(-EINVAL, c.n_batch = 257);
    REFUSED(-EINVAL, c.n_frames = 0);
    REFUSED(-EINVAL, c.rx = NULL);
    REFUSED(-EINVAL, c.clock = NULL);
    REFUSED(-EINVAL, c.cpu_tx = c.cpu_rx);
    REFUSED(-EINVAL, c.cpu_tx = 4096);
    REFUSED(-EINVAL, c.flow.from_port = 0; c.flow.to_port = 0; c.flow.vlan = 5000);
    REFUSED(-ENODEV, strcpy(c.interface, "absent0"));
}

int main(void)
{
    char why[RL_PORT_WHY];

    if (rl_cpu_allowed(cpus, 2) < 2) {
        fprintf(stderr, "live frames: needs two CPUs\n");
        return RL_SKIP;
    }
    CHECK_EQ(rl_clock_from_hz(&ticks, 1000000000), 0);
    veth_open(&veth);
    if (link_open(&wire, LINK_XDP_NATIVE, &veth, 4096, why) != 0) {
        fprintf(stderr, "afxdp native: %s\n", why);
        return RL_SKIP;
    }
    test_every_frame_made_arrived_or_is_known_to_be_lost();
    test_numbers_go_on_for_no_run_but_begin_anew();
    test_a_stop_ends_it();
    test_what_cannot_be_is_refused_with_a_sentence();
    link_close(&wire);
    veth_close(&veth);
    return 0;
}
