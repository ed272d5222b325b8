/*
 * One thread receives and another sends through the same raw port: they share nothing that both
 * write. The far end sends everything back.
 */
#include <pthread.h>

#include "net/port/port_packet.h"
#include "raw_pair.h"

#define N_FRAMES 500U
#define N_UNDER_WAY 32U /* the rings of both ends have room for more */
#define BURST 8

static struct veth v;
static struct rl_port *port[2];
static _Atomic uint32_t n_back;

static void *send_all(void *arg)
{
    uint32_t n_turns = 0;

    for (uint32_t i = 0; i < N_FRAMES; i++) {
        while (i - atomic_load_explicit(&n_back, memory_order_relaxed) >= N_UNDER_WAY)
            spin_wait(&n_turns);
        raw_send_number(port[0], &v, 0, 60 + i % 100, i);
    }
    return arg;
}

static void *echo_all(void *arg)
{
    struct rl_frame frames[BURST];

    for (uint32_t n_echoed = 0; n_echoed < N_FRAMES;) {
        uint32_t n = raw_receive(port[1], frames, BURST);

        for (uint32_t i = 0; i < n; i++) {
            uint8_t *frame = rl_port_tx_reserve(port[1], frames[i].n_bytes);

            CHECK(frame != NULL);
            memcpy(frame, frames[i].data, frames[i].n_bytes);
            memcpy(frame, v.end[0].mac, 6);
            memcpy(frame + 6, v.end[1].mac, 6);
            rl_port_tx_commit(port[1], frames[i].n_bytes);
        }
        rl_port_rx_release(port[1]);
        rl_port_tx_flush(port[1]);
        n_echoed += n;
    }
    return arg;
}

static void test_two_threads_share_a_port(raw_open open, enum rl_xdp_mode mode)
{
    struct rl_port_config c = {.netns_fd = -1, .n_slots = RAW_SLOTS, .xdp_mode = mode};
    pthread_t sender, echo;

    for (int i = 0; i < 2; i++)
        port[i] = raw_port(open, &v.end[i], c);
    atomic_store(&n_back, 0);
    CHECK_EQ(pthread_create(&echo, NULL, echo_all, NULL), 0);
    CHECK_EQ(pthread_create(&sender, NULL, send_all, NULL), 0);
    for (uint32_t i = 0; i < N_FRAMES; i++) {
        struct rl_frame frame;

        CHECK_EQ(raw_receive(port[0], &frame, 1), 1);
        CHECK_EQ(raw_number(&frame), i);
        CHECK_EQ(frame.n_bytes, 60 + i % 100);
        rl_port_rx_release(port[0]);
        atomic_store_explicit(&n_back, i + 1, memory_order_relaxed);
    }
    CHECK_EQ(pthread_join(sender, NULL), 0);
    CHECK_EQ(pthread_join(echo, NULL), 0);
    CHECK_EQ(rl_port_stats_now(port[0]).tx_frames, N_FRAMES);
    CHECK_EQ(rl_port_stats_ask(port[0]).rx_frames, N_FRAMES);
    CHECK_EQ(rl_port_stats_now(port[0]).rx_dropped, 0);
    for (int i = 0; i < 2; i++)
        rl_port_close(port[i]);
}

int main(void)
{
    char why[RL_PORT_WHY];

    veth_open(&v);
    test_two_threads_share_a_port(rl_packet_port_open, RL_XDP_AUTO);
    if (raw_has_xdp(&v.end[0], why)) { /* it may be missing where packet sockets are not */
        test_two_threads_share_a_port(rl_xdp_port_open, RL_XDP_NATIVE);
        test_two_threads_share_a_port(rl_xdp_port_open, RL_XDP_GENERIC);
    }
    veth_close(&v);
    return 0;
}
