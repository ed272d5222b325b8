/* Ping and flood over virtual cables between two namespaces: every backend carries them whole. */
#include <errno.h>

#include "base/cpu.h"
#include "flood_holds.h"
#include "net/bpf/echo.h"
#include "net/netns.h"
#include "rig/traffic/flood.h"
#include "rig/traffic/ping_run.h"
#include "traffic_link.h"

#include <net/if.h>

#define N_SLOTS 512

static struct rl_clock ticks;
static struct veth veth;
static int cpus[2];
static int n_cpus;

static struct rl_ping_run_config ping_over(const struct link *link)
{
    struct rl_ping_run_config c;

    rl_ping_run_config_init(&c);
    c.ping.n_rounds = 300;
    c.ping.n_warmup = 50;
    c.ping.timeout_ns = 10000000000; /* on a busy host too, nothing is lost */
    c.clock = &ticks;
    c.port = link->end[0];
    c.echo_port = link->end[1];
    c.cpu_ping = cpus[0];
    c.one_thread = true; /* spinners of other tests may have the other CPU */
    return c;
}

static void test_every_round_is_answered(struct link *link, enum link_kind kind)
{
    struct rl_ping_run_config c = ping_over(link);
    struct rl_ping_result r;
    const char *why;

    c.ping.prefix = link_prefix(kind, &veth, 0);
    CHECK_EQ(rl_ping_run(&r, &c, &why), 0);
    CHECK_EQ(r.ping.answered, 350);
    CHECK_EQ(r.echo.frames_back, 350);
    CHECK_EQ(r.ping.corrupt + r.ping.duplicates + r.ping.late, 0);
    CHECK_EQ(r.rtt.n_total, 300);
    CHECK(r.rtt.min > 0);
    CHECK_EQ(r.ping_side.usage.n_allocs, 0);
    rl_ping_result_close(&r);
}

static struct rl_flood_config flood_over(const struct link *link, enum link_kind kind)
{
    struct rl_flood_config c;

    rl_flood_config_init(&c);
    c.clock = &ticks;
    c.traffic.n_frames = 4000;
    c.traffic.prefix = link_prefix(kind, &veth, 0);
    c.tx = link->end[0];
    c.rx = link->end[1];
    c.cpu_tx = cpus[0];
    c.cpu_rx = cpus[1];
    c.settle_ns = 5000000;
    return c;
}

static void test_a_flood_that_the_receiver_keeps_up_with_loses_nothing(struct link *link,
                                                                       enum link_kind kind)
{
    struct rl_flood_config c = flood_over(link, kind);
    struct rl_flood_result r;
    const char *why;

    c.one_thread = true; /* it takes what it has sent */
    CHECK_EQ(rl_flood_run(&r, &c, &why), 0);
    CHECK_EQ(r.sent.frames_sent, 4000);
    CHECK_EQ(r.arrived, 4000);
    CHECK_EQ(r.lost + r.received.gaps + r.received.duplicates + r.received.corrupt, 0);
    (void)flood_holds(&r);
    rl_flood_result_close(&r);
}

static void test_two_threads_account_for_every_frame_whatever_is_lost(struct link *link,
                                                                      enum link_kind kind)
{
    struct rl_flood_config c = flood_over(link, kind);
    struct rl_flood_result r;
    const char *why;

    c.traffic.n_frames = 10000;
    c.traffic.flow = 2; /* stragglers of the other flood are foreign */
    CHECK_EQ(rl_flood_run(&r, &c, &why), 0);
    CHECK_EQ(r.sent.frames_sent, r.arrived + r.lost);
    CHECK_EQ(r.received.corrupt + r.received.duplicates + r.received.reordered, 0);
    CHECK(r.arrived > 0);
    (void)flood_holds(&r);
    rl_flood_result_close(&r);
}

static void test_every_backend_carries_pings_and_floods_whole(void)
{
    static const enum link_kind kinds[] = {LINK_UDP_VETH, LINK_PACKET, LINK_XDP_GENERIC,
                                           LINK_XDP_NATIVE, LINK_XDP_GENERIC_RAW};

    for (size_t i = 0; i < RL_COUNT(kinds); i++) {
        struct link link = link_or_skip(kinds[i], &veth, N_SLOTS);

        test_every_round_is_answered(&link, kinds[i]);
        test_a_flood_that_the_receiver_keeps_up_with_loses_nothing(&link, kinds[i]);
        if (n_cpus >= 2)
            test_two_threads_account_for_every_frame_whatever_is_lost(&link, kinds[i]);
        link_close(&link);
    }
}

static void test_the_kernel_can_be_the_one_who_answers(void)
{
    struct link link = link_or_skip(LINK_XDP_GENERIC, &veth, N_SLOTS);
    struct rl_ping_run_config c;
    struct rl_ping_result r;
    struct rl_xdp_echo echo;
    char reason[RL_BPF_WHY];
    const char *why;
    int back;

    rl_port_close(link.end[1]);
    link.end[1] = NULL;
    CHECK_EQ(rl_netns_enter(veth.end[1].netns_fd, &back), 0);
    CHECK_EQ(rl_xdp_echo_open(&echo, if_nametoindex(veth.end[1].interface), RL_XDP_HOOK_GENERIC,
                              LINK_PORT + 1, reason),
             0);
    rl_netns_leave(back);
    c = ping_over(&link);
    CHECK_EQ(rl_ping_run(&r, &c, &why), 0);
    CHECK_EQ(r.ping.answered, 350);
    CHECK_EQ(rl_xdp_echo_n_frames(&echo), 350);
    CHECK(!r.echo_side.is_there);
    rl_ping_result_close(&r);
    rl_xdp_echo_close(&echo);
    c.ping.timeout_ns = 100000; /* nobody is left to answer */
    c.ping.n_rounds = 10;
    c.ping.n_warmup = 0;
    CHECK_EQ(rl_ping_run(&r, &c, &why), 0);
    CHECK_EQ(r.ping.lost, 10);
    rl_ping_result_close(&r);
    link_close(&link);
}

int main(void)
{
    CHECK_EQ(rl_clock_from_hz(&ticks, 1000000000), 0);
    n_cpus = rl_cpu_allowed(cpus, 2);
    veth_open(&veth);
    test_every_backend_carries_pings_and_floods_whole();
    test_the_kernel_can_be_the_one_who_answers();
    veth_close(&veth);
    return 0;
}
