/*
 * A framed port promises the longest datagram that its interface carries, with and without a VLAN
 * tag, whatever raw port is below: that one arrives whole, and a longer one is refused.
 */
#include "raw_pair.h"

#define DATAGRAM_MAX (RAW_MTU - RL_IPV4_HEADER - RL_UDP_HEADER)

static struct veth v;

static struct rl_port *open_framed(enum rl_backend backend, int end, uint16_t vlan)
{
    struct rl_port_config c = {.backend = backend,
                               .netns_fd = v.end[end].netns_fd,
                               .n_slots = RAW_SLOTS,
                               .is_framed = true,
                               .flow = veth_flow(&v, end, 7000, 7000)};
    char why[RL_PORT_WHY];
    struct rl_port *port;
    int err;

    c.flow.vlan = vlan;
    strcpy(c.interface, v.end[end].interface);
    err = rl_port_open(&port, &c, why);
    if (err) {
        printf("cannot open: %s\n", why);
        exit(err == -EPERM ? RL_SKIP : 1);
    }
    return port;
}

static void test_the_longest_datagram_arrives_and_a_longer_one_is_refused(enum rl_backend backend,
                                                                          uint16_t vlan)
{
    struct rl_port *from = open_framed(backend, 0, vlan), *to = open_framed(backend, 1, vlan);
    uint8_t bytes[DATAGRAM_MAX];
    struct rl_port_stats stats;
    struct rl_frame frame;

    for (uint32_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7);
    CHECK_EQ(from->caps.n_bytes_frame_max, DATAGRAM_MAX);
    CHECK(rl_port_tx_reserve(from, DATAGRAM_MAX + 1) == NULL);
    raw_send(from, bytes, DATAGRAM_MAX);
    CHECK_EQ(raw_receive(to, &frame, 1), 1);
    CHECK_EQ(frame.n_bytes, DATAGRAM_MAX);
    CHECK(memcmp(frame.data, bytes, DATAGRAM_MAX) == 0);
    rl_port_rx_release(to);
    stats = rl_port_stats_now(from);
    CHECK_EQ(stats.tx_too_large, 1);
    CHECK_EQ(stats.tx_frames, 1);
    CHECK_EQ(stats.tx_bytes, DATAGRAM_MAX);
    CHECK_EQ(stats.tx_lost, 0);
    rl_port_close(from);
    rl_port_close(to);
}

int main(void)
{
    char why[RL_PORT_WHY];
    bool has_xdp;

    veth_open(&v);
    has_xdp = raw_has_xdp(&v.end[0], why);
    for (uint16_t vlan = 0; vlan <= 7; vlan += 7) {
        test_the_longest_datagram_arrives_and_a_longer_one_is_refused(RL_BACKEND_PACKET, vlan);
        if (has_xdp)
            test_the_longest_datagram_arrives_and_a_longer_one_is_refused(RL_BACKEND_XDP, vlan);
    }
    veth_close(&v);
    return 0;
}
