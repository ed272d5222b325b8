/*
 * A packet port carries whole Ethernet frames, VLAN tags included, keeps foreign ones out of its
 * ring when it is told for which UDP port it is, and counts what it cannot carry.
 */
#include "net/port/port_packet.h"
#include "raw_pair.h"

static struct veth v;

static struct rl_port_config config(void)
{
    return (struct rl_port_config){.netns_fd = -1, .n_slots = RAW_SLOTS};
}

static struct rl_port *open_at(int end, struct rl_port_config c)
{
    return raw_port(rl_packet_port_open, &v.end[end], c);
}

static void test_whole_frames_cross_in_both_directions(void)
{
    struct rl_port *port[2] = {open_at(0, config()), open_at(1, config())};

    CHECK(port[0]->caps.is_ethernet);
    CHECK(!port[0]->caps.zero_copy_rx && port[0]->caps.needs_syscall);
    CHECK_EQ(port[0]->caps.n_bytes_frame_max, RAW_MAX + RL_VLAN_TAG);
    CHECK(strcmp(port[0]->caps.mode, "tpacket v2, qdisc bypass") == 0);
    raw_carry_both_ways(port, &v);
    rl_port_close(port[0]);
    rl_port_close(port[1]);
}

/* The kernel takes tags off on the way in. */
static void test_a_vlan_tag_arrives_where_it_was(void)
{
    static const uint16_t tags[] = {5, 4094, 0xE000 | 7, 0xE000}; /* with priority; that alone */
    struct rl_port *from = open_at(0, config()), *to = open_at(1, config());
    uint8_t bytes[RAW_MAX + RL_VLAN_TAG];
    struct rl_frame frame;

    for (uint32_t i = 0; i < RL_COUNT(tags); i++)
        for (uint32_t n = 22; n <= sizeof(bytes); n += sizeof(bytes) - 22) {
            uint16_t type = i == 1 ? RL_ETHERTYPE_QINQ : RL_ETHERTYPE_VLAN;

            raw_write(bytes, 18, &v, 0, i);
            memset(bytes + 18, 0x5A, n - 18);
            if (n > RAW_MAX && type != RL_ETHERTYPE_VLAN)
                continue; /* only a VLAN tag makes a frame longer */
            rl_net16_put(bytes + 12, type);
            rl_net16_put(bytes + 14, tags[i]);
            rl_net16_put(bytes + 16, RAW_TYPE);
            raw_send(from, bytes, n);
            CHECK_EQ(raw_receive(to, &frame, 1), 1);
            CHECK_EQ(frame.n_bytes, n);
            CHECK(memcmp(frame.data, bytes, n) == 0);
            rl_port_rx_release(to);
        }
    CHECK_EQ(rl_port_stats_now(from).tx_lost, 0);
    rl_port_close(from);
    rl_port_close(to);
}

static void test_a_frame_that_was_cut_off_is_counted_and_not_delivered(void)
{
    struct rl_port_config small = config();
    struct rl_port *from = open_at(0, config()), *to;
    uint8_t bytes[RAW_MAX];
    struct rl_frame frame;

    small.n_bytes_frame = 100; /* a slot holds some hundreds, and no more */
    to = open_at(1, small);
    raw_write(bytes, RAW_MAX, &v, 0, 1);
    for (uint32_t round = 1; round <= 3; round++) { /* they do not fill the ring either */
        for (uint32_t i = 0; i < RAW_SLOTS; i++)
            raw_send(from, bytes, RAW_MAX);
        SPIN_UNTIL(rl_port_rx_burst(to, &frame, 1) > 0 ||
                   rl_port_stats_now(to).rx_invalid == round * RAW_SLOTS);
    }
    raw_send_number(from, &v, 0, 60, 2);
    raw_expect(to, 2);
    CHECK_EQ(rl_port_stats_ask(to).rx_invalid, 3 * RAW_SLOTS);
    CHECK_EQ(rl_port_stats_now(to).rx_dropped, 0);
    CHECK_EQ(rl_port_stats_now(to).rx_frames, 1);
    rl_port_close(from);
    rl_port_close(to);
}

/* Of what one end sends, all that its program of filters lets in comes before the marker. */
static uint32_t count_until(struct rl_port *port, uint32_t marker, uint32_t at)
{
    struct rl_frame frame;

    for (uint32_t n = 0;; n++) {
        uint32_t number;

        CHECK_EQ(raw_receive(port, &frame, 1), 1);
        memcpy(&number, frame.data + at, 4);
        rl_port_rx_release(port);
        if (number == marker)
            return n;
    }
}

static void send_udp(struct rl_port *from, uint16_t port, uint16_t vlan, uint32_t number)
{
    uint8_t bytes[RAW_MAX];

    raw_send(from, bytes, raw_write_udp(bytes, &v, 0, port, vlan, number));
}

#define UDP_AT 42 /* of the payload in an untagged frame */

static void test_a_framed_port_keeps_foreign_frames_out_of_its_ring(void)
{
    struct rl_port_config framed = config();
    struct rl_port *from = open_at(0, config()), *to, *all;
    uint8_t bytes[RAW_MAX];

    framed.is_framed = true;
    framed.hears = raw_hears(&v, 1, 5000);
    to = open_at(1, framed);
    all = open_at(1, config()); /* the same without a filter: full at once */
    for (uint32_t i = 0; i < 3 * RAW_SLOTS; i++) {
        send_udp(from, 5001, 0, i);
        raw_send_number(from, &v, 0, 60, i);
    }
    send_udp(from, 5000, 0, 1000);
    CHECK_EQ(count_until(to, 1000, UDP_AT), 0);
    CHECK_EQ(rl_port_stats_ask(to).rx_dropped, 0);
    CHECK(rl_port_stats_ask(all).rx_dropped > 5 * RAW_SLOTS);

    raw_write_udp(bytes, &v, 0, 5000, 0, 1001);
    bytes[RL_ETHERNET_HEADER + 6] = 0x20; /* the first of several fragments: it says for whom */
    raw_send(from, bytes, UDP_AT + 4);
    bytes[RL_ETHERNET_HEADER + 7] = 1; /* a later one: bytes that look like a port are none */
    raw_send(from, bytes, UDP_AT + 4);
    raw_send(from, bytes, 20);     /* ends inside its header */
    send_udp(from, 5000, 7, 1002); /* on a VLAN: not this one */
    send_udp(from, 5000, 0, 1003);
    CHECK_EQ(count_until(to, 1001, UDP_AT), 0);
    CHECK_EQ(count_until(to, 1003, UDP_AT), 0);
    rl_port_close(all);
    rl_port_close(to);
    rl_port_close(from);
}

static void test_a_framed_port_on_a_vlan_sees_tags(void)
{
    struct rl_port_config framed = config();
    struct rl_port *from = open_at(0, config()), *to;
    struct rl_frame frame;

    framed.is_framed = true;
    framed.hears = raw_hears(&v, 1, 5000);
    framed.hears.vlan = 7;
    to = open_at(1, framed);
    send_udp(from, 5001, 7, 1);
    send_udp(from, 5000, 7, 2);
    CHECK_EQ(raw_receive(to, &frame, 1), 1);
    CHECK_EQ(rl_net16(frame.data + 12), RL_ETHERTYPE_VLAN);
    CHECK_EQ(rl_net16(frame.data + 14), 7);
    CHECK_EQ(frame.data[UDP_AT + RL_VLAN_TAG], 2);
    rl_port_close(to);
    rl_port_close(from);
}

/* Without `hears` it is what answers the flow. */
static void test_a_framed_port_hears_what_answers_its_flow(void)
{
    struct rl_port_config framed = config();
    struct rl_port *from = open_at(0, config()), *to;

    framed.is_framed = true;
    framed.flow = (struct rl_flow){.from_ip = v.end[1].ip, .from_port = 6000, .to_port = 7000};
    memcpy(framed.flow.from_mac, v.end[1].mac, 6);
    to = open_at(1, framed);
    send_udp(from, 7000, 0, 1);
    send_udp(from, 6000, 0, 2);
    CHECK_EQ(count_until(to, 2, UDP_AT), 0);
    rl_port_close(to);
    rl_port_close(from);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void test_frames_are_stamped_when_stamps_are_wanted(void)
{
    struct rl_port_config stamped = config();
    struct rl_port *from = open_at(0, config()), *to;
    struct rl_frame frame = {.stamp_ns = 1};

    CHECK_EQ(from->caps.stamp, RL_STAMP_NONE);
    stamped.wants_stamps = true;
    to = open_at(1, stamped);
    CHECK_EQ(to->caps.stamp, RL_STAMP_SOFTWARE);
    for (uint32_t i = 0; i < 8; i++) {
        uint64_t before = now_ns();

        raw_send_number(from, &v, 0, 60, i);
        CHECK_EQ(raw_receive(to, &frame, 1), 1);
        CHECK(frame.stamp_ns >= before && frame.stamp_ns <= now_ns());
        rl_port_rx_release(to);
    }
    rl_port_close(from);
    rl_port_close(to);
}

static void test_loopback_gives_each_frame_back_once(void)
{
    struct veth_end lo = {.netns_fd = v.end[0].netns_fd, .interface = "lo", .index = 1};
    struct rl_port *port;

    veth_set_up(&lo, true);
    port = raw_port(rl_packet_port_open, &lo, config());
    for (uint32_t i = 0; i < 3; i++)
        raw_send_number(port, &v, 0, 60, i);
    for (uint32_t i = 0; i < 3; i++)
        raw_expect(port, i);
    rl_port_close(port);
    veth_set_up(&lo, false);
}

static void test_what_cannot_be_opened_is_refused_in_a_sentence(void)
{
    struct rl_port_config c = config();

    strcpy(c.interface, "rl-none");
    raw_refused(rl_packet_port_open, &v.end[0], c, -ENODEV, "'rl-none': there is none");
    memset(c.interface, 'x', sizeof(c.interface)); /* no end */
    raw_refused(rl_packet_port_open, &v.end[0], c, -EINVAL, "at most 15");
    c = config();
    c.n_slots = 1000;
    raw_refused(rl_packet_port_open, &v.end[0], c, -EINVAL, "n_slots: not a power of two");
    c.n_slots = 1 << 20;
    raw_refused(rl_packet_port_open, &v.end[0], c, -EINVAL, "up to 65536");
    c = config();
    c.n_bytes_frame = 20;
    raw_refused(rl_packet_port_open, &v.end[0], c, -EINVAL, "n_bytes_frame: not from 60");
    c = config();
    c.wait = RL_WAIT_BUSY_POLL;
    raw_refused(rl_packet_port_open, &v.end[0], c, -EOPNOTSUPP, "cannot busy-poll");
    c = config();
    strcpy(c.interface, "lo");
    raw_refused(rl_packet_port_open, &v.end[0], c, -ENETDOWN, "is down");
}

static uint32_t n_open(void)
{
    uint32_t n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void test_a_port_leaves_nothing_behind(void)
{
    struct rl_port_config c = config();
    uint32_t before = n_open();

    c.is_framed = true;
    c.hears = raw_hears(&v, 1, 5000);
    c.hears.group = 0xEF010203;
    for (int i = 0; i < 3; i++) {
        struct rl_port *port = open_at(1, c);

        CHECK(n_open() >= before + 2); /* the socket, and who hears the group */
        rl_port_close(port);
        CHECK_EQ(n_open(), before);
    }
    c.n_slots = 3;
    raw_refused(rl_packet_port_open, &v.end[1], c, -EINVAL, "n_slots");
    CHECK_EQ(n_open(), before);
}

int main(void)
{
    veth_open(&v);
    test_whole_frames_cross_in_both_directions();
    test_a_vlan_tag_arrives_where_it_was();
    test_a_frame_that_was_cut_off_is_counted_and_not_delivered();
    test_a_framed_port_keeps_foreign_frames_out_of_its_ring();
    test_a_framed_port_on_a_vlan_sees_tags();
    test_a_framed_port_hears_what_answers_its_flow();
    test_frames_are_stamped_when_stamps_are_wanted();
    test_loopback_gives_each_frame_back_once();
    test_what_cannot_be_opened_is_refused_in_a_sentence();
    test_a_port_leaves_nothing_behind();
    veth_close(&v);
    return 0;
}
