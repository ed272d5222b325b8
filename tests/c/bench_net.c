/*
 * What a round trip and a flood cost over each kind of port, beside each other in one run.
 *
 * usage: bench_net [--repeats N] [--rounds N] [--frames N] [--bytes N] [--cpus A,B] [ROW]
 *
 * Repeats of all rows are interleaved, so that what the host does to one it does to all; of each
 * row the best and the median run are shown, the best because a busy host only ever adds. Round
 * trips are whole, never halved. A row that this host cannot run says why. Each run stands between
 * two probes of the placement (line: ns, before and after; 0: one CPU is idle, none is made): how
 * far the two CPUs are apart is another factor than the port.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cpu.h"
#include "net/bpf/echo.h"
#include "net/netns.h"
#include "rig/traffic/flood.h"
#include "rig/traffic/live_flood.h"
#include "rig/traffic/ping_run.h"
#include "traffic_link.h"

#include <net/if.h>

#define MAX_REPEATS 100
#define PLACEMENT_BATCHES 4

enum what { RTT, RTT_TO_KERNEL, FLOOD, LIVE };

struct row {
    const char *name;
    enum what what;
    enum link_kind link;
    uint32_t n_batch; /* LIVE */
};

static const struct row rows[] = {
    {"rtt: shm", RTT, LINK_SHM, 0},
    {"rtt: udp loopback, spin", RTT, LINK_UDP_LO, 0},
    {"rtt: udp loopback, block", RTT, LINK_UDP_LO_BLOCK, 0},
    {"rtt: udp veth, spin", RTT, LINK_UDP_VETH, 0},
    {"rtt: afpacket veth", RTT, LINK_PACKET, 0},
    {"rtt: afxdp generic veth", RTT, LINK_XDP_GENERIC, 0},
    {"rtt: afxdp native veth", RTT, LINK_XDP_NATIVE, 0},
    {"rtt: afpacket veth, raw frames", RTT, LINK_PACKET_RAW, 0},
    {"rtt: afxdp generic veth, raw frames", RTT, LINK_XDP_GENERIC_RAW, 0},
    {"rtt: afxdp native veth, raw frames", RTT, LINK_XDP_NATIVE_RAW, 0},
    {"rtt: afxdp generic veth, echo in the kernel", RTT_TO_KERNEL, LINK_XDP_GENERIC, 0},
    {"rtt: afpacket veth, echo in the kernel", RTT_TO_KERNEL, LINK_PACKET, 0},
    {"flood: shm", FLOOD, LINK_SHM, 0},
    {"flood: udp loopback, spin", FLOOD, LINK_UDP_LO, 0},
    {"flood: udp veth, spin", FLOOD, LINK_UDP_VETH, 0},
    {"flood: afpacket veth", FLOOD, LINK_PACKET, 0},
    {"flood: afxdp generic veth", FLOOD, LINK_XDP_GENERIC, 0},
    {"flood: afxdp native veth", FLOOD, LINK_XDP_NATIVE, 0},
    {"flood: afpacket veth, raw frames", FLOOD, LINK_PACKET_RAW, 0},
    {"flood: afxdp generic veth, raw frames", FLOOD, LINK_XDP_GENERIC_RAW, 0},
    {"flood: afxdp native veth, raw frames", FLOOD, LINK_XDP_NATIVE_RAW, 0},
    {"flood: live frames to afxdp native, by 64", LIVE, LINK_XDP_NATIVE, 64},
    {"flood: live frames to afxdp native, by 1", LIVE, LINK_XDP_NATIVE, 1},
};
#define N_ROWS RL_COUNT(rows)

/* One run: times in ns, rates in frames a second. */
struct run {
    double min, p50, p99, p999, handle, pps, line_before, line_after;
    uint64_t n_lost, n_gaps;
};

static struct options {
    uint64_t n_repeats, n_rounds, n_frames, n_bytes;
    int cpus[2];
    const char *row;
} options = {.n_repeats = 7, .n_rounds = 20000, .n_frames = 300000, .n_bytes = 64};

static struct rl_clock ticks;
static struct veth veth;
static struct run runs[N_ROWS][MAX_REPEATS];
static uint32_t n_runs[N_ROWS];
static char why_not[N_ROWS][RL_PORT_WHY + 32];
static char mode[N_ROWS][48];

static void take_hist(struct run *run, const struct rl_hist *h)
{
    run->min = h->n_total ? (double)h->min : 0;
    run->p50 = (double)rl_hist_percentile(h, 50);
    run->p99 = (double)rl_hist_percentile(h, 99);
    run->p999 = (double)rl_hist_percentile(h, 99.9);
}

static void take_placement(struct run *run, const struct rl_placements *p)
{
    double ns = 1e6 / (double)ticks.tsc_hz; /* a thousandth of a tick */

    run->line_before = (double)p->before.median_mticks * ns;
    run->line_after = (double)p->after.median_mticks * ns;
}

static int run_rtt(size_t row, struct link *link, struct run *run, const char **why)
{
    bool is_alone = rows[row].what == RTT_TO_KERNEL;
    struct rl_ping_run_config c;
    struct rl_ping_result r;
    static char told[64];
    int err;

    rl_ping_run_config_init(&c);
    c.ping.n_rounds = options.n_rounds;
    c.ping.n_bytes = (uint32_t)options.n_bytes;
    c.ping.blocks = c.echo_blocks = link_blocks(rows[row].link);
    c.ping.prefix = link_prefix(rows[row].link, &veth, 0);
    c.port = link->end[0];
    c.echo_port = is_alone ? NULL : link->end[1];
    c.cpu_ping = options.cpus[0];
    c.cpu_echo = options.cpus[1];
    c.n_placement_batches = PLACEMENT_BATCHES;
    c.clock = &ticks;
    err = rl_ping_run(&r, &c, why);
    if (!err) {
        take_hist(run, &r.rtt);
        take_placement(run, &r.placement);
        run->handle = (double)rl_hist_percentile(&r.handle, 50);
        run->n_lost = r.ping.lost;
        memcpy(mode[row], r.ping_side.mode, sizeof mode[row]);
        if (r.ping.answered == 0) {
            (void)snprintf(told, sizeof told, "%s", "no round was answered");
            *why = told;
            err = -ETIMEDOUT;
        }
    }
    rl_ping_result_close(&r);
    return err;
}

static void take_flood(size_t row, struct run *run, const struct rl_flood_result *r)
{
    take_hist(run, r->from_intended.n_total > 0 ? &r->from_intended : &r->from_sent);
    take_placement(run, &r->placement);
    run->handle = r->handle_ns;
    run->pps = r->received_pps;
    run->n_lost = r->lost;
    run->n_gaps = r->received.gaps;
    memcpy(mode[row], r->rx_side.mode, sizeof mode[row]);
}

static int run_flood(size_t row, struct link *link, struct run *run, const char **why)
{
    struct rl_flood_config c;
    struct rl_flood_result r;
    int err;

    rl_flood_config_init(&c);
    c.traffic.n_frames = options.n_frames;
    c.traffic.n_bytes = (uint32_t)options.n_bytes;
    c.traffic.prefix = link_prefix(rows[row].link, &veth, 0);
    c.tx = link->end[0];
    c.rx = link->end[1];
    c.cpu_tx = options.cpus[0];
    c.cpu_rx = options.cpus[1];
    c.n_placement_batches = PLACEMENT_BATCHES;
    c.clock = &ticks;
    err = rl_flood_run(&r, &c, why);
    if (!err)
        take_flood(row, run, &r);
    rl_flood_result_close(&r);
    return err;
}

static int run_live(size_t row, struct link *link, struct run *run, const char **why)
{
    static char told[RL_BPF_WHY];
    struct rl_live_flood_config c;
    struct rl_flood_result r;
    int err;

    rl_live_flood_config_init(&c);
    c.flow = link_flow(&veth, 0);
    c.n_bytes = (uint32_t)options.n_bytes;
    c.n_frames = options.n_frames * 4;
    c.n_batch = rows[row].n_batch;
    c.netns_fd = veth.end[0].netns_fd;
    memcpy(c.interface, veth.end[0].interface, sizeof c.interface);
    c.rx = link->end[1];
    c.cpu_tx = options.cpus[0];
    c.cpu_rx = options.cpus[1];
    c.n_placement_batches = PLACEMENT_BATCHES;
    c.clock = &ticks;
    err = rl_live_flood_run(&r, &c, why);
    if (!err)
        take_flood(row, run, &r);
    else
        *why = strncpy(told, *why, sizeof told - 1); /* it goes with the result */
    rl_flood_result_close(&r);
    return err;
}

/* The kernel answers in the place of end 1. */
static int kernel_echo_open(struct rl_xdp_echo *echo, struct link *link, char why[RL_BPF_WHY])
{
    int back, err = rl_netns_enter(veth.end[1].netns_fd, &back);

    CHECK_EQ(err, 0);
    rl_port_close(link->end[1]);
    link->end[1] = NULL;
    err = rl_xdp_echo_open(echo, if_nametoindex(veth.end[1].interface), RL_XDP_HOOK_GENERIC,
                           LINK_PORT + 1, why);
    rl_netns_leave(back);
    return err;
}

/* A round trip needs few, and they stay in the cache; a receiver may be off its CPU for a while. */
static uint32_t n_slots(size_t row)
{
    return rows[row].what == FLOOD ? 2048 : rows[row].what == LIVE ? 8192 : 256;
}

static int run_row(size_t row, struct run *run, char why[RL_PORT_WHY])
{
    struct rl_xdp_echo echo;
    struct link link;
    const char *reason = NULL;
    bool has_echo = false;
    int err = link_open(&link, rows[row].link, &veth, n_slots(row), why);

    if (err)
        return err;
    if (rows[row].what == RTT_TO_KERNEL) {
        has_echo = true;
        err = kernel_echo_open(&echo, &link, why);
    }
    if (!err) {
        err = rows[row].what == FLOOD  ? run_flood(row, &link, run, &reason)
              : rows[row].what == LIVE ? run_live(row, &link, run, &reason)
                                       : run_rtt(row, &link, run, &reason);
        if (err)
            (void)snprintf(why, RL_PORT_WHY, "%s", reason);
    }
    if (has_echo)
        rl_xdp_echo_close(&echo);
    link_close(&link);
    return err;
}

static int by_p50(const void *a, const void *b)
{
    const struct run *x = a, *y = b;

    return (x->p50 > y->p50) - (x->p50 < y->p50);
}

static int by_rate(const void *a, const void *b)
{
    const struct run *x = a, *y = b;

    return (x->pps < y->pps) - (x->pps > y->pps);
}

static bool is_rate(size_t row)
{
    return rows[row].what == FLOOD || rows[row].what == LIVE;
}

static void print_rtts(void)
{
    printf("\n%-44s %4s %8s %8s %8s %8s %8s %7s %6s %11s  %s\n", "round trip, ns", "runs",
           "p50 best", "median", "min", "p99 best", "p99.9", "handle", "lost", "line b/a", "mode");
    for (size_t i = 0; i < N_ROWS; i++) {
        struct run *all = runs[i], *best = &all[0], *median = &all[n_runs[i] / 2];
        double min = 0, p99 = 0;
        uint64_t n_lost = 0;

        if (is_rate(i) || n_runs[i] == 0)
            continue;
        qsort(all, n_runs[i], sizeof all[0], by_p50);
        for (uint32_t k = 0; k < n_runs[i]; k++) {
            n_lost += all[k].n_lost;
            min = k == 0 || all[k].min < min ? all[k].min : min;
            p99 = k == 0 || all[k].p99 < p99 ? all[k].p99 : p99;
        }
        printf("%-44s %4u %8.0f %8.0f %8.0f %8.0f %8.0f %7.0f %6" PRIu64 " %5.0f/%-5.0f  %s\n",
               rows[i].name, n_runs[i], best->p50, median->p50, min, p99, median->p999,
               best->handle, n_lost, best->line_before, best->line_after, mode[i]);
    }
}

static void print_floods(void)
{
    printf("\n%-44s %4s %9s %9s %9s %9s %7s %9s %9s %9s %11s  %s\n", "flood", "runs", "Mpps best",
           "median", "way p50", "way p99", "handle", "lost best", "gaps best", "lost all",
           "line b/a", "mode");
    for (size_t i = 0; i < N_ROWS; i++) {
        struct run *all = runs[i], *best = &all[0], *median = &all[n_runs[i] / 2];
        uint64_t n_lost = 0;

        if (!is_rate(i) || n_runs[i] == 0)
            continue;
        qsort(all, n_runs[i], sizeof all[0], by_rate);
        for (uint32_t k = 0; k < n_runs[i]; k++)
            n_lost += all[k].n_lost;
        printf("%-44s %4u %9.3f %9.3f %9.0f %9.0f %7.1f %9" PRIu64 " %9" PRIu64 " %9" PRIu64
               " %5.0f/%-5.0f  %s\n",
               rows[i].name, n_runs[i], best->pps / 1e6, median->pps / 1e6, best->p50, best->p99,
               best->handle, best->n_lost, best->n_gaps, n_lost, best->line_before,
               best->line_after, mode[i]);
    }
}

static bool read_option(const char *name, const char *value)
{
    uint64_t n = strtoull(value, NULL, 10);

    if (strcmp(name, "--repeats") == 0)
        options.n_repeats = n;
    else if (strcmp(name, "--rounds") == 0)
        options.n_rounds = n;
    else if (strcmp(name, "--frames") == 0)
        options.n_frames = n;
    else if (strcmp(name, "--bytes") == 0)
        options.n_bytes = n;
    else if (strcmp(name, "--cpus") == 0)
        return sscanf(value, "%d,%d", &options.cpus[0], &options.cpus[1]) == 2;
    else
        return false;
    return n > 0;
}

static bool read_options(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-')
            options.row = argv[i];
        else if (i + 1 == argc || !read_option(argv[i], argv[i + 1]))
            return false;
        else
            i++;
    }
    return options.n_repeats <= MAX_REPEATS;
}

int main(int argc, char **argv)
{
    int64_t disagree;

    if (rl_cpu_allowed(options.cpus, 2) < 2) {
        fprintf(stderr, "bench_net: needs two CPUs\n");
        return RL_SKIP;
    }
    if (!read_options(argc, argv)) {
        fprintf(stderr, "usage: bench_net [--repeats N] [--rounds N] [--frames N] [--bytes N] "
                        "[--cpus A,B] [ROW]\n");
        return 2;
    }
    CHECK_EQ(rl_clock_calibrate(&ticks, 100000000, &disagree), 0);
    veth_open(&veth);
    for (uint64_t repeat = 0; repeat < options.n_repeats; repeat++) {
        for (size_t i = 0; i < N_ROWS; i++) {
            char why[RL_PORT_WHY] = "";

            if (why_not[i][0] != 0 || (options.row && !strstr(rows[i].name, options.row)))
                continue;
            if (run_row(i, &runs[i][n_runs[i]], why) == 0)
                n_runs[i]++;
            else
                (void)snprintf(why_not[i], sizeof why_not[i], "%s", why[0] ? why : "failed");
        }
    }
    printf("CPUs %d and %d, %" PRIu64 " bytes a datagram\n", options.cpus[0], options.cpus[1],
           options.n_bytes);
    print_rtts();
    print_floods();
    for (size_t i = 0; i < N_ROWS; i++)
        if (why_not[i][0] != 0)
            printf("%s: cannot run here: %s\n", rows[i].name, why_not[i]);
    veth_close(&veth);
    return 0;
}
