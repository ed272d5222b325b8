#include "dpdk/port_dpdk.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define N_DESCRIPTORS 1024
#define FLUSH_TRIES 1000 /* some tens of microseconds: a device that takes no more is lost */

struct dpdk_port {
    struct rl_port port; /* first: the ops cast back */
    uint16_t device;
    struct rte_mempool *pool;
    struct rl_arena arena;      /* the port lies in it */
    RL_ALIGNED uint32_t n_held; /* receiving thread */
    struct rte_mbuf *held[RL_DPDK_RX_HELD];
    RL_ALIGNED struct rte_mbuf *reserved; /* sending thread */
    uint32_t n_batch, n_batch_bytes;
    struct rte_mbuf *batch[RL_DPDK_TX_BATCH];
};

static uint32_t dpdk_rx_burst(struct rl_port *p, struct rl_frame *frames, uint32_t max)
{
    struct dpdk_port *d = (struct dpdk_port *)p;
    uint32_t room = RL_DPDK_RX_HELD - d->n_held, n = 0;
    struct rte_mbuf **got = d->held + d->n_held;
    uint64_t n_bytes = 0;
    uint16_t n_got;

    n_got = rte_eth_rx_burst(d->device, 0, got, (uint16_t)(max < room ? max : room));
    for (uint16_t i = 0; i < n_got; i++) {
        struct rte_mbuf *one = got[i];

        if (RL_UNLIKELY(one->nb_segs != 1)) { /* longer than a buffer: none of ours is */
            rl_port_count(&p->rx.rx_invalid, 1);
            rte_pktmbuf_free(one);
            continue;
        }
        d->held[d->n_held++] = one;
        frames[n].data = rte_pktmbuf_mtod(one, const uint8_t *);
        frames[n].n_bytes = one->data_len;
        n_bytes += frames[n++].n_bytes;
    }
    if (n > 0) {
        rl_port_count(&p->rx.rx_frames, n);
        rl_port_count(&p->rx.rx_bytes, n_bytes);
    }
    return n;
}

static void dpdk_rx_release(struct rl_port *p)
{
    struct dpdk_port *d = (struct dpdk_port *)p;

    rte_pktmbuf_free_bulk(d->held, d->n_held);
    d->n_held = 0;
}

static void dpdk_tx_flush(struct rl_port *p)
{
    struct dpdk_port *d = (struct dpdk_port *)p;
    uint16_t n_sent = 0;

    if (d->n_batch == 0)
        return;
    for (int i = 0; i < FLUSH_TRIES && n_sent < d->n_batch; i++)
        n_sent +=
            rte_eth_tx_burst(d->device, 0, d->batch + n_sent, (uint16_t)(d->n_batch - n_sent));
    if (RL_UNLIKELY(n_sent < d->n_batch)) { /* those that were sent are ours no more */
        for (uint32_t i = n_sent; i < d->n_batch; i++)
            d->n_batch_bytes -= d->batch[i]->pkt_len;
        rl_port_count(&p->tx.tx_lost, d->n_batch - n_sent);
        rte_pktmbuf_free_bulk(d->batch + n_sent, d->n_batch - n_sent);
    }
    rl_port_count(&p->tx.tx_frames, n_sent);
    rl_port_count(&p->tx.tx_bytes, d->n_batch_bytes);
    d->n_batch = d->n_batch_bytes = 0;
}

static uint8_t *dpdk_tx_reserve(struct rl_port *p, uint32_t n_bytes)
{
    struct dpdk_port *d = (struct dpdk_port *)p;

    if (RL_UNLIKELY(n_bytes > p->caps.n_bytes_frame_max)) {
        rl_port_count(&p->tx.tx_too_large, 1);
        return NULL;
    }
    if (d->reserved == NULL)
        d->reserved = rte_pktmbuf_alloc(d->pool);
    if (RL_UNLIKELY(d->reserved == NULL)) {
        rl_port_count(&p->tx.tx_full, 1);
        return NULL;
    }
    return rte_pktmbuf_mtod(d->reserved, uint8_t *);
}

static void dpdk_tx_commit(struct rl_port *p, uint32_t n_bytes)
{
    struct dpdk_port *d = (struct dpdk_port *)p;

    if (n_bytes == 0)
        return; /* kept for the next reservation */
    d->reserved->data_len = (uint16_t)n_bytes;
    d->reserved->pkt_len = n_bytes;
    d->batch[d->n_batch++] = d->reserved;
    d->n_batch_bytes += n_bytes;
    d->reserved = NULL;
    if (d->n_batch == RL_DPDK_TX_BATCH)
        dpdk_tx_flush(p);
}

static void dpdk_ask_kernel(struct rl_port *p)
{
    struct dpdk_port *d = (struct dpdk_port *)p;
    struct rte_eth_stats stats;

    if (rte_eth_stats_get(d->device, &stats) == 0)
        atomic_store_explicit(&p->rx.rx_dropped, stats.imissed + stats.rx_nombuf,
                              memory_order_relaxed);
}

static void dpdk_close(struct rl_port *p)
{
    struct dpdk_port *d = (struct dpdk_port *)p;
    struct rl_arena arena = d->arena;

    dpdk_rx_release(p);
    dpdk_tx_flush(p);
    rte_pktmbuf_free(d->reserved);
    (void)rte_eth_dev_stop(d->device);
    (void)rte_eth_dev_close(d->device);
    rl_arena_close(&arena);
}

static const struct rl_port_ops dpdk_ops = {
    .name = "dpdk",
    .rx_burst = dpdk_rx_burst,
    .rx_release = dpdk_rx_release,
    .tx_reserve = dpdk_tx_reserve,
    .tx_commit = dpdk_tx_commit,
    .tx_flush = dpdk_tx_flush,
    .ask_kernel = dpdk_ask_kernel,
    .close = dpdk_close,
};

static int set_up(uint16_t device, struct rte_mempool *pool)
{
    struct rte_eth_conf conf = {0};
    uint16_t n_rx = N_DESCRIPTORS, n_tx = N_DESCRIPTORS;
    int socket = rte_eth_dev_socket_id(device);
    int err = rte_eth_dev_configure(device, 1, 1, &conf);

    if (!err)
        err = rte_eth_dev_adjust_nb_rx_tx_desc(device, &n_rx, &n_tx);
    if (!err)
        err = rte_eth_rx_queue_setup(device, 0, n_rx, (unsigned)socket, NULL, pool);
    if (!err)
        err = rte_eth_tx_queue_setup(device, 0, n_tx, (unsigned)socket, NULL);
    return err ? err : rte_eth_dev_start(device);
}

int rl_dpdk_port_open(struct rl_port **port, uint16_t device, struct rte_mempool *pool,
                      char why[RL_DPDK_WHY])
{
    struct rte_eth_dev_info info;
    struct rl_arena arena;
    struct dpdk_port *d;
    int err;

    if (!rte_eth_dev_is_valid_port(device)) {
        snprintf(why, RL_DPDK_WHY, "device %u: there is none; name one with --vdev or bind a NIC",
                 device);
        return -ENODEV;
    }
    err = rte_eth_dev_info_get(device, &info);
    if (!err)
        err = set_up(device, pool);
    if (err) {
        snprintf(why, RL_DPDK_WHY, "device %u: cannot be started: %s", device, strerror(-err));
        return err;
    }
    err = rl_arena_open(&arena, sizeof *d, RL_ARENA_PREFAULT);
    if (err) {
        (void)rte_eth_dev_stop(device);
        (void)rte_eth_dev_close(device);
        snprintf(why, RL_DPDK_WHY, "memory: none for the port");
        return err;
    }
    d = rl_arena_take(&arena, sizeof *d, 0);
    d->arena = arena;
    d->device = device;
    d->pool = pool;
    d->port.ops = &dpdk_ops;
    d->port.caps = (struct rl_port_caps){.n_bytes_frame_max = RTE_ETHER_MAX_LEN - RTE_ETHER_CRC_LEN,
                                         .is_ethernet = true,
                                         .zero_copy_rx = true,
                                         .zero_copy_tx = true};
    snprintf(d->port.caps.mode, sizeof d->port.caps.mode, "%s", info.driver_name);
    *port = &d->port;
    return 0;
}

void rl_dpdk_port_mac(const struct rl_port *port, uint8_t mac[6])
{
    const struct dpdk_port *d = (const struct dpdk_port *)port;
    struct rte_ether_addr address = {0};

    (void)rte_eth_macaddr_get(d->device, &address);
    memcpy(mac, address.addr_bytes, sizeof address.addr_bytes);
}
