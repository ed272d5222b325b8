/*
 * redline-dpdk - round trips and floods over DPDK devices, one JSON object on standard output.
 *
 *     redline-dpdk rtt|flood [--rings] [--from N] [--to N] [--count N] [--size N] [--cpus A,B]
 *                            [-- EAL arguments]
 *
 * --rings makes a pair of ethdevs over two rte_rings, which needs no device at all. Without, frames
 * leave by device --from (0) and are answered, or counted, at device --to (1); with --to equal to
 * --from the device itself must bring frames back. Everything after -- is DPDK's own:
 *
 *     redline-dpdk rtt --cpus 0,1 -- --no-huge --no-pci --vdev=net_af_packet0,iface=eth1 --vdev=...
 *
 * Leaves with 0; 1: frames were lost; 2: a mistake in the arguments; 3: DPDK or a device cannot be
 * had here.
 */
#include <errno.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dpdk/port_dpdk.h"
#include "rig/traffic/flood.h"
#include "rig/traffic/ping_run.h"

#define EXIT_LOST 1
#define EXIT_ARGUMENTS 2
#define EXIT_NOT_HERE 3
#define N_MBUFS 8191
#define N_RING 1024
#define CALIBRATION_NS 50000000
#define MAX_COUNT 100000000UL

struct options {
    bool is_flood, rings;
    unsigned long from, to, count, size;
    int cpus[2];
    char **eal;
    int n_eal;
};

static int complain(int code, const char *what, const char *seen)
{
    fprintf(stderr, "redline-dpdk: %s%s%s\n", what, seen ? ": " : "", seen ? seen : "");
    return code;
}

static bool read_number(const char *text, unsigned long max, unsigned long *value)
{
    char *end;

    errno = 0;
    *value = strtoul(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *value <= max;
}

static bool read_cpus(const char *text, int cpus[2])
{
    char rest;

    return sscanf(text, "%d,%d%c", &cpus[0], &cpus[1], &rest) == 2 && cpus[0] >= 0 && cpus[1] >= 0;
}

/* 0, or the code to leave with. */
static int read_options(int argc, char **argv, struct options *o)
{
    int i = 2;

    *o = (struct options){.to = 1, .count = 20000, .size = 64, .cpus = {0, 1}};
    if (argc < 2 || (strcmp(argv[1], "rtt") != 0 && strcmp(argv[1], "flood") != 0))
        return complain(EXIT_ARGUMENTS, "rtt or flood", argc < 2 ? NULL : argv[1]);
    o->is_flood = strcmp(argv[1], "flood") == 0;
    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const struct {
            const char *name;
            unsigned long max, *value;
        } numbers[] = {{"--from", RTE_MAX_ETHPORTS - 1, &o->from},
                       {"--to", RTE_MAX_ETHPORTS - 1, &o->to},
                       {"--count", MAX_COUNT, &o->count},
                       {"--size", RL_PROBE_MAX, &o->size}};
        bool known = strcmp(argv[i], "--rings") == 0;
        size_t k = 0;

        if (known) {
            o->rings = true;
            continue;
        }
        while (k < RL_COUNT(numbers) && strcmp(argv[i], numbers[k].name) != 0)
            k++;
        if (i + 1 == argc || (k == RL_COUNT(numbers) && strcmp(argv[i], "--cpus") != 0))
            return complain(EXIT_ARGUMENTS, "unknown option, or one without a value", argv[i]);
        known = k < RL_COUNT(numbers) ? read_number(argv[i + 1], numbers[k].max, numbers[k].value)
                                      : read_cpus(argv[i + 1], o->cpus);
        if (!known)
            return complain(EXIT_ARGUMENTS, argv[i], argv[i + 1]);
        i++;
    }
    o->eal = argv + (i < argc ? i : argc); /* "--" stands where DPDK expects the program's name */
    o->n_eal = argc - i;
    return o->count > 0 ? 0 : complain(EXIT_ARGUMENTS, "--count", "0");
}

/* The two devices; a pair over rings is made when asked for. */
static int open_ports(const struct options *o, struct rte_mempool *pool, struct rl_port *ports[2],
                      char why[RL_DPDK_WHY])
{
    unsigned long devices[2] = {o->from, o->to};
    int err = 0;

    if (o->rings) {
        const unsigned flags = RING_F_SP_ENQ | RING_F_SC_DEQ;
        struct rte_ring *there = rte_ring_create("redline_there", N_RING, 0, flags);
        struct rte_ring *back = rte_ring_create("redline_back", N_RING, 0, flags);
        int made[2] = {-1, -1};

        if (there != NULL && back != NULL) {
            made[0] = rte_eth_from_rings("redline_from", &back, 1, &there, 1, 0);
            made[1] = rte_eth_from_rings("redline_to", &there, 1, &back, 1, 0);
        }
        if (made[0] < 0 || made[1] < 0) {
            snprintf(why, RL_DPDK_WHY, "rings: cannot be made: %s", rte_strerror(rte_errno));
            return -ENOMEM;
        }
        devices[0] = (unsigned)made[0];
        devices[1] = (unsigned)made[1];
    }
    for (int i = 0; i < 2 && !err; i++) {
        if (i == 1 && devices[1] == devices[0])
            break;
        err = rl_dpdk_port_open(&ports[i], (uint16_t)devices[i], pool, why);
    }
    return err;
}

static void print_hist(const char *name, const struct rl_hist *h)
{
    printf("\"%s\": {\"n\": %" PRIu64 ", \"min\": %" PRIu64 ", \"p50\": %" PRIu64
           ", \"p99\": %" PRIu64 ", \"p99.9\": %" PRIu64 ", \"max\": %" PRIu64 "}",
           name, h->n_total, h->n_total ? h->min : 0, rl_hist_percentile(h, 50),
           rl_hist_percentile(h, 99), rl_hist_percentile(h, 99.9), h->max);
}

static void print_head(const struct options *o, struct rl_port *port)
{
    printf("{\"backend\": \"dpdk\", \"mode\": \"%s\", \"version\": \"%s\", \"size\": %lu, "
           "\"cpus\": [%d, %d], ",
           port->caps.mode, rte_version(), o->size, o->cpus[0], o->cpus[1]);
}

static int rtt(const struct options *o, struct rl_port *ports[2], const struct rl_prefix *prefix,
               const struct rl_clock *clock)
{
    struct rl_ping_run_config config;
    struct rl_ping_result result = {0};
    const char *why = NULL;
    int err;

    rl_ping_run_config_init(&config);
    config.ping.n_rounds = o->count;
    if (config.ping.n_warmup > o->count)
        config.ping.n_warmup = o->count;
    config.ping.n_bytes = (uint32_t)o->size;
    config.ping.prefix = *prefix;
    config.port = ports[0];
    config.echo_port = ports[1];
    config.cpu_ping = o->cpus[0];
    config.cpu_echo = o->cpus[1];
    config.clock = clock;
    err = rl_ping_run(&result, &config, &why);
    if (err) {
        rl_ping_result_close(&result);
        return complain(err == -EINVAL ? EXIT_ARGUMENTS : EXIT_NOT_HERE, why ? why : strerror(-err),
                        NULL);
    }
    print_head(o, ports[0]);
    print_hist("rtt_ns", &result.rtt);
    printf(", ");
    print_hist("handle_ns", &result.handle);
    printf(", \"lost\": %" PRIu64 ", \"answered\": %" PRIu64 "}\n", result.ping.lost,
           result.ping.answered);
    err = result.ping.lost > 0 ? EXIT_LOST : 0;
    rl_ping_result_close(&result);
    return err;
}

static int flood(const struct options *o, struct rl_port *ports[2], const struct rl_prefix *prefix,
                 const struct rl_clock *clock)
{
    struct rl_flood_config config;
    struct rl_flood_result result = {0};
    const char *why = NULL;
    int err;

    rl_flood_config_init(&config);
    config.traffic.n_frames = o->count;
    config.traffic.n_bytes = (uint32_t)o->size;
    config.traffic.prefix = *prefix;
    config.tx = ports[0];
    config.rx = ports[1] ? ports[1] : ports[0];
    config.cpu_tx = o->cpus[0];
    config.cpu_rx = o->cpus[1];
    config.clock = clock;
    err = rl_flood_run(&result, &config, &why);
    if (err) {
        rl_flood_result_close(&result);
        return complain(err == -EINVAL ? EXIT_ARGUMENTS : EXIT_NOT_HERE, why ? why : strerror(-err),
                        NULL);
    }
    print_head(o, ports[0]);
    print_hist("from_sent_ns", &result.from_sent);
    printf(", \"sent\": %" PRIu64 ", \"arrived\": %" PRIu64 ", \"lost\": %" PRIu64
           ", \"gaps\": %" PRIu64 ", \"duplicates\": %" PRIu64 ", \"corrupt\": %" PRIu64
           ", \"sent_pps\": %.0f, \"received_pps\": %.0f}\n",
           result.sent.frames_sent, result.arrived, result.lost, result.received.gaps,
           result.received.duplicates, result.received.corrupt, result.sent_pps,
           result.received_pps);
    err = result.lost > 0 ? EXIT_LOST : 0;
    rl_flood_result_close(&result);
    return err;
}

int main(int argc, char **argv)
{
    struct rl_port *ports[2] = {NULL, NULL};
    uint8_t from_mac[6], to_mac[6];
    struct rte_mempool *pool;
    struct rl_prefix prefix;
    struct rl_clock clock;
    char why[RL_DPDK_WHY] = "";
    char *none[] = {argv[0], NULL};
    int64_t disagree_ppb;
    struct options o;
    int code = read_options(argc, argv, &o);

    if (code)
        return code;
    if (rte_eal_init(o.n_eal > 0 ? o.n_eal : 1, o.n_eal > 0 ? o.eal : none) < 0)
        return complain(EXIT_NOT_HERE, "DPDK does not start", rte_strerror(rte_errno));
    pool = rte_pktmbuf_pool_create("redline", N_MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
                                   (int)rte_socket_id());
    if (pool == NULL) {
        code = complain(EXIT_NOT_HERE, "no memory for frames", rte_strerror(rte_errno));
    } else if (rl_clock_calibrate(&clock, CALIBRATION_NS, &disagree_ppb) != 0) {
        code = complain(EXIT_NOT_HERE, "the clock cannot be calibrated", NULL);
    } else if (open_ports(&o, pool, ports, why) != 0) {
        code = complain(EXIT_NOT_HERE, why, NULL);
    } else {
        rl_dpdk_port_mac(ports[0], from_mac);
        rl_dpdk_port_mac(ports[1] ? ports[1] : ports[0], to_mac);
        rl_prefix_ethernet(&prefix, to_mac, from_mac);
        code = (o.is_flood ? flood : rtt)(&o, ports, &prefix, &clock);
    }
    for (int i = 0; i < 2; i++)
        rl_port_close(ports[i]);
    (void)rte_eal_cleanup();
    return code;
}
