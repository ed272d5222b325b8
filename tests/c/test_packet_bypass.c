/*
 * Where it can, a framed packet port keeps its datagrams from the kernel's own IP stack, and only
 * these; an impairment in front of it acts all the same.
 */
#include "net/bpf/impair.h"
#include "net/port/port_packet.h"
#include "raw_pair.h"

#define UDP_AT 42 /* of the payload in an untagged frame */

static struct veth v;

static struct rl_port_config config(void)
{
    return (struct rl_port_config){.netns_fd = -1, .n_slots = RAW_SLOTS};
}

static struct rl_port *open_framed(uint16_t udp_port)
{
    struct rl_port_config c = config();

    c.is_framed = true;
    c.hears = raw_hears(&v, 1, udp_port);
    return raw_port(rl_packet_port_open, &v.end[1], c);
}

static void skip_without_bypass(void)
{
    struct rl_port *port = open_framed(5000);
    bool has_it = strstr(port->caps.mode, ", stack bypass") != NULL;

    rl_port_close(port);
    if (!has_it) {
        printf("skipped: no stack bypass (needs CAP_BPF, CAP_NET_ADMIN and Linux 6.6)\n");
        exit(RL_SKIP);
    }
}

static void send_udp(struct rl_port *from, uint16_t port, uint16_t vlan, uint32_t number)
{
    uint8_t bytes[RAW_MAX];

    raw_send(from, bytes, raw_write_udp(bytes, &v, 0, port, vlan, number));
}

static void expect_udp(struct rl_port *to, uint32_t number)
{
    struct rl_frame frame;
    uint32_t seen;

    CHECK_EQ(raw_receive(to, &frame, 1), 1);
    memcpy(&seen, frame.data + UDP_AT, 4);
    CHECK_EQ(seen, number);
    rl_port_rx_release(to);
}

/* The next ICMP error that comes back complains of this port. */
static void expect_complaint(struct rl_port *from, uint16_t port)
{
    struct rl_frame frame;

    CHECK_EQ(raw_receive(from, &frame, 1), 1);
    CHECK_EQ(frame.data[RL_ETHERNET_HEADER + 9], 1); /* ICMP */
    CHECK_EQ(frame.data[RL_ETHERNET_HEADER + RL_IPV4_HEADER], 3);
    CHECK_EQ(rl_net16(frame.data + RL_ETHERNET_HEADER + RL_IPV4_HEADER + 8 + RL_IPV4_HEADER + 2),
             port);
    rl_port_rx_release(from);
}

static void test_the_kernel_does_not_answer_what_the_port_received(void)
{
    struct rl_port *from = raw_port(rl_packet_port_open, &v.end[0], config());
    struct rl_port *to = open_framed(5000);

    send_udp(from, 5000, 0, 1);
    expect_udp(to, 1);
    send_udp(from, 5001, 0, 2); /* nobody's: the kernel says so, and nothing else before it */
    expect_complaint(from, 5001);
    rl_port_close(to);
    send_udp(from, 5000, 0, 3);
    expect_complaint(from, 5000);
    rl_port_close(from);
}

/* Both for the same addresses; each keeps what is its own. */
static void test_two_ports_do_not_disturb_each_other(void)
{
    struct rl_port *from = raw_port(rl_packet_port_open, &v.end[0], config());
    struct rl_port *to[2] = {open_framed(5000), open_framed(5001)}, *again = open_framed(5000);

    for (uint32_t i = 0; i < 10; i++) {
        send_udp(from, 5000, 0, i);
        send_udp(from, 5001, 0, 100 + i);
        send_udp(from, 5000, 9, 200 + i); /* on a VLAN: still nobody's */
    }
    for (uint32_t i = 0; i < 10; i++) {
        expect_udp(to[0], i);
        expect_udp(to[1], 100 + i);
        expect_udp(again, i);
    }
    CHECK_EQ(rl_port_rx_burst(to[0], &(struct rl_frame){0}, 1), 0);
    for (int i = 0; i < 2; i++)
        rl_port_close(to[i]);
    rl_port_close(again);
    rl_port_close(from);
}

/* Attached before the port is opened, or after; each by both kinds of tc. */
static void test_an_impairment_acts_before_the_port(enum rl_impair_hook hook, bool impair_first)
{
    static const uint8_t actions[4] = {RL_IMPAIR_PASS, RL_IMPAIR_DROP, RL_IMPAIR_DUPLICATE,
                                       RL_IMPAIR_CORRUPT};
    struct rl_impair_config table = {
        .actions = actions, .n_actions = 4, .udp_port = 5000, .corrupt_at = 3};
    struct rl_port *from = raw_port(rl_packet_port_open, &v.end[0], config()), *to = NULL;
    struct rl_impair_counts counts;
    char why[RL_PORT_WHY] = "";
    struct rl_impair impair;
    int back, err;

    CHECK_EQ(rl_impair_open(&impair, &table, why), 0);
    if (!impair_first)
        to = open_framed(5000);
    CHECK_EQ(rl_netns_enter(v.end[1].netns_fd, &back), 0);
    err = rl_impair_attach(&impair, v.end[1].index, false, hook, why);
    rl_netns_leave(back);
    CHECK_EQ(err, 0);
    if (impair_first)
        to = open_framed(5000);
    for (uint32_t i = 0; i < 40; i++)
        send_udp(from, 5000, 0, i);
    for (uint32_t i = 0; i < 40; i += 4) {
        expect_udp(to, i);
        expect_udp(to, i + 2);
        expect_udp(to, i + 2);
        expect_udp(to, (i + 3) | RL_IMPAIR_FLIP << 24);
    }
    counts = rl_impair_counts_now(&impair);
    CHECK_EQ(counts.n_seen, 40);
    CHECK_EQ(counts.n_duplicated, 10);
    rl_port_close(to);
    rl_port_close(from);
    rl_impair_close(&impair);
}

int main(void)
{
    veth_open(&v);
    skip_without_bypass();
    test_the_kernel_does_not_answer_what_the_port_received();
    test_two_ports_do_not_disturb_each_other();
    for (int impair_first = 0; impair_first < 2; impair_first++) {
        test_an_impairment_acts_before_the_port(RL_IMPAIR_HOOK_TCX, impair_first);
        test_an_impairment_acts_before_the_port(RL_IMPAIR_HOOK_CLSACT, impair_first);
    }
    veth_close(&v);
    return 0;
}
