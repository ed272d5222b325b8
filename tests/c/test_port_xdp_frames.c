/*
 * Each frame of an AF_XDP port's memory is in one place at any time, whatever sender, receiver,
 * kernel and interface do; and each direction recovers from having none left.
 */
#include "net/port/port_packet.h"
#include "raw_pair.h"
#include "xdp_places.h"

static struct veth v;

static struct rl_port_config config(enum rl_xdp_mode mode)
{
    return (struct rl_port_config){.netns_fd = -1, .n_slots = RAW_SLOTS, .xdp_mode = mode};
}

static void open_pair(struct rl_port *port[2], enum rl_xdp_mode mode)
{
    for (int i = 0; i < 2; i++)
        port[i] = raw_port(rl_xdp_port_open, &v.end[i], config(mode));
}

static void close_pair(struct rl_port *port[2])
{
    rl_port_close(port[0]);
    rl_port_close(port[1]);
}

static bool commit_number(struct rl_port *port, uint32_t number)
{
    uint8_t bytes[60];

    raw_write(bytes, sizeof(bytes), &v, 0, number);
    return raw_try_send(port, bytes, sizeof(bytes));
}

static void test_a_frame_goes_from_place_to_place(void)
{
    struct rl_port *port[2];
    struct xdp_places n;
    struct rl_frame frame;

    open_pair(port, RL_XDP_GENERIC);
    n = xdp_places(port[0]);
    CHECK_EQ(n.rx_fill, RAW_SLOTS);
    CHECK_EQ(n.tx_free, RAW_SLOTS);
    CHECK(rl_port_tx_reserve(port[0], 60) != NULL);
    CHECK_EQ(xdp_places(port[0]).tx_reserved, 1);
    CHECK(rl_port_tx_reserve(port[0], 60) != NULL); /* the same one again */
    CHECK_EQ(xdp_places(port[0]).tx_reserved, 1);
    rl_port_tx_commit(port[0], 0);
    CHECK_EQ(xdp_places(port[0]).tx_free, RAW_SLOTS);
    CHECK(commit_number(port[0], 1));
    CHECK_EQ(xdp_places(port[0]).tx_queued, 1);
    rl_port_tx_flush(port[0]);
    CHECK_EQ(xdp_places(port[0]).tx_queued, 0);
    SPIN_UNTIL(xdp_places(port[1]).rx_ready == 1);
    CHECK_EQ(raw_receive(port[1], &frame, 1), 1);
    CHECK_EQ(xdp_places(port[1]).rx_held, 1);
    rl_port_rx_release(port[1]);
    rl_port_rx_release(port[1]); /* nothing is held */
    CHECK_EQ(xdp_places(port[1]).rx_fill, RAW_SLOTS);
    SPIN_UNTIL(xdp_places(port[0]).tx_kernel == 0);
    close_pair(port);
}

/* Reserve, commit, flush, receive and release in any order, the frames arriving in the right one.
 */
static void test_frames_keep_their_places_in_any_order_of_calls(enum rl_xdp_mode mode,
                                                                uint64_t random)
{
    struct rl_port *port[2];
    struct rl_frame frames[RAW_SLOTS];
    uint32_t sent = 0, seen = 0, n_held = 0;

    open_pair(port, mode);
    for (uint32_t turn = 0; turn < 4000; turn++) {
        uint32_t draw = (uint32_t)(check_random(&random) >> 32), n;

        switch (draw % 8) {
        case 0:
        case 1:
        case 2:
            /* No more than the receiver has room for: what it drops is another test's. */
            if (sent - seen + n_held < RAW_SLOTS && commit_number(port[0], sent))
                sent++;
            break;
        case 3:
            rl_port_tx_reserve(port[0], 60);
            break;
        case 4:
            if (rl_port_tx_reserve(port[0], 60) != NULL)
                rl_port_tx_commit(port[0], draw & 64 ? 0 : 13); /* 13: less than a header */
            break;
        case 5:
            rl_port_tx_flush(port[0]);
            break;
        case 6:
            n = rl_port_rx_burst(port[1], frames, 1 + draw / 8 % 9);
            for (uint32_t i = 0; i < n; i++)
                CHECK_EQ(raw_number(&frames[i]), seen++);
            n_held += n;
            break;
        case 7:
            rl_port_rx_release(port[1]);
            n_held = 0;
            break;
        }
        if (turn % 16 == 0) {
            CHECK_EQ(xdp_places(port[1]).rx_held, n_held);
            xdp_places(port[0]);
        }
    }
    rl_port_tx_flush(port[0]);
    rl_port_rx_release(port[1]);
    while (seen < sent)
        raw_expect(port[1], seen++);
    CHECK(sent > 10 * RAW_SLOTS); /* the rings went round */
    CHECK_EQ(rl_port_stats_now(port[0]).tx_frames, sent);
    CHECK_EQ(rl_port_stats_ask(port[1]).rx_dropped, 0);
    CHECK_EQ(xdp_places(port[1]).rx_fill, RAW_SLOTS);
    SPIN_UNTIL(xdp_places(port[0]).tx_kernel == 0);
    close_pair(port);
}

static void
test_a_receiver_that_holds_all_frames_gets_no_more_until_it_releases(enum rl_xdp_mode mode)
{
    struct rl_port *port[2];
    struct rl_frame frames[RAW_SLOTS];
    uint32_t n = 0;

    open_pair(port, mode);
    for (uint32_t i = 0; i < RAW_SLOTS; i++)
        raw_send_number(port[0], &v, 0, 60, i);
    while (n < RAW_SLOTS)
        n += raw_receive(port[1], frames + n, 5);
    CHECK_EQ(xdp_places(port[1]).rx_held, RAW_SLOTS);
    for (uint32_t i = 0; i < 10; i++)
        raw_send_number(port[0], &v, 0, 60, 900 + i);
    CHECK_EQ(rl_port_stats_now(port[1]).rx_dropped, 0); /* not asked */
    SPIN_UNTIL(rl_port_stats_ask(port[1]).rx_dropped == 10);
    CHECK_EQ(rl_port_stats_ask(port[1]).rx_dropped, 10); /* asking twice counts once */
    CHECK_EQ(rl_port_rx_burst(port[1], &(struct rl_frame){0}, 1), 0);
    for (uint32_t i = 0; i < RAW_SLOTS; i++)
        CHECK_EQ(raw_number(&frames[i]), i);
    rl_port_rx_release(port[1]);
    CHECK_EQ(xdp_places(port[1]).rx_fill + xdp_places(port[1]).rx_kernel, RAW_SLOTS);
    for (uint32_t i = 0; i < RAW_SLOTS; i++) { /* all frames are in play again */
        raw_send_number(port[0], &v, 0, 60, 1000 + i);
        raw_expect(port[1], 1000 + i);
    }
    CHECK_EQ(rl_port_stats_ask(port[1]).rx_dropped, 10);
    close_pair(port);
}

/* An interface that is down takes nothing: what is committed stays, and leaves when it is back. */
static void test_a_sender_without_frames_is_refused_until_they_come_back(enum rl_xdp_mode mode)
{
    struct rl_port *port[2];
    uint32_t n = 0;

    open_pair(port, mode);
    veth_set_up(&v.end[0], false);
    while (n < 2 * RAW_SLOTS && commit_number(port[0], n))
        n++;
    CHECK_EQ(n, RAW_SLOTS);
    rl_port_tx_flush(port[0]);
    CHECK(!commit_number(port[0], n));
    CHECK_EQ(rl_port_stats_now(port[0]).tx_full, 2);
    CHECK_EQ(rl_port_stats_now(port[0]).tx_frames, 0);
    CHECK_EQ(rl_port_stats_now(port[0]).tx_lost, 0);
    CHECK_EQ(xdp_places(port[0]).tx_queued, RAW_SLOTS);
    veth_set_up(&v.end[0], true);
    rl_port_tx_flush(port[0]);
    for (uint32_t i = 0; i < n; i++)
        raw_expect(port[1], i);
    raw_send_number(port[0], &v, 0, 60, n);
    raw_expect(port[1], n);
    CHECK_EQ(rl_port_stats_now(port[0]).tx_frames, RAW_SLOTS + 1);
    SPIN_UNTIL(xdp_places(port[0]).tx_kernel == 0);
    close_pair(port);
}

/* Towards an end that is down, the device drops: the frames are gone, and their places free. */
static void test_frames_the_device_drops_are_lost_and_counted(enum rl_xdp_mode mode)
{
    struct rl_port *port[2];

    open_pair(port, mode);
    veth_set_up(&v.end[1], false);
    for (uint32_t i = 0; i < 100; i++) {
        CHECK(commit_number(port[0], i));
        if (i % 7 == 0)
            rl_port_tx_flush(port[0]);
    }
    rl_port_tx_flush(port[0]);
    CHECK_EQ(rl_port_stats_now(port[0]).tx_lost + rl_port_stats_now(port[0]).tx_frames, 100);
    CHECK_EQ(rl_port_stats_now(port[0]).tx_lost, 100);
    CHECK_EQ(rl_port_stats_now(port[0]).tx_bytes, 0);
    SPIN_UNTIL(xdp_places(port[0]).tx_kernel == 0);
    veth_set_up(&v.end[1], true);
    raw_send_number(port[0], &v, 0, 60, 200);
    raw_expect(port[1], 200);
    close_pair(port);
}

static void test_what_an_interface_cannot_carry_is_refused_or_lost(void)
{
    struct rl_port *port[2];
    uint8_t bytes[RAW_MAX + RL_VLAN_TAG] = {0};
    struct rl_port_stats stats;
    struct rl_frame frame;

    open_pair(port, RL_XDP_AUTO);
    CHECK(rl_port_tx_reserve(port[0], RAW_MAX + RL_VLAN_TAG + 1) == NULL);
    CHECK(rl_port_tx_reserve(port[0], UINT32_MAX) == NULL);
    raw_write(bytes, RAW_MAX, &v, 0, 1);
    raw_send(port[0], bytes, RAW_MAX + RL_VLAN_TAG); /* too long, and no tag to explain it */
    raw_send(port[0], bytes, 13);
    rl_net16_put(bytes + 12, RL_ETHERTYPE_VLAN);
    raw_send(port[0], bytes, RAW_MAX + RL_VLAN_TAG);
    CHECK_EQ(raw_receive(port[1], &frame, 1), 1);
    CHECK_EQ(frame.n_bytes, RAW_MAX + RL_VLAN_TAG);
    CHECK(memcmp(frame.data, bytes, frame.n_bytes) == 0);
    stats = rl_port_stats_now(port[0]);
    CHECK_EQ(stats.tx_too_large, 2);
    CHECK_EQ(stats.tx_lost, 2);
    CHECK_EQ(stats.tx_frames, 1);
    CHECK_EQ(stats.tx_bytes, RAW_MAX + RL_VLAN_TAG);
    CHECK_EQ(xdp_places(port[0]).tx_queued, 0);
    close_pair(port);
}

static void test_a_batch_leaves_without_being_told_when_frames_run_out(void)
{
    struct rl_port *port[2];

    open_pair(port, RL_XDP_GENERIC);
    for (uint32_t i = 0; i < 10; i++)
        CHECK(commit_number(port[0], i));
    CHECK_EQ(rl_port_stats_now(port[0]).tx_syscalls, 0);
    CHECK_EQ(xdp_places(port[0]).tx_queued, 10);
    rl_port_tx_flush(port[0]);
    CHECK_EQ(rl_port_stats_now(port[0]).tx_syscalls, 1);
    for (uint32_t i = 0; i < 10; i++)
        raw_expect(port[1], i);
    for (uint32_t i = 0; i < 3 * RAW_SLOTS; i++) { /* never flushed */
        CHECK(commit_number(port[0], i));
        if (i % RAW_SLOTS == RAW_SLOTS - 1)
            for (uint32_t k = i + 1 - RAW_SLOTS; k <= i; k++)
                raw_expect(port[1], k);
    }
    close_pair(port);
}

int main(void)
{
    static const enum rl_xdp_mode modes[] = {RL_XDP_GENERIC, RL_XDP_NATIVE};

    veth_open(&v);
    raw_skip_without_xdp(&v.end[0]);
    test_a_frame_goes_from_place_to_place();
    for (uint32_t i = 0; i < RL_COUNT(modes); i++) {
        test_frames_keep_their_places_in_any_order_of_calls(modes[i], 1 + i);
        test_a_receiver_that_holds_all_frames_gets_no_more_until_it_releases(modes[i]);
        test_a_sender_without_frames_is_refused_until_they_come_back(modes[i]);
        test_frames_the_device_drops_are_lost_and_counted(modes[i]);
    }
    test_what_an_interface_cannot_carry_is_refused_or_lost();
    test_a_batch_leaves_without_being_told_when_frames_run_out();
    veth_close(&v);
    return 0;
}
