/*
 * A framed port carries datagrams over any port of Ethernet frames, in place both ways, and counts
 * by reason everything that is not for it: nothing of that is delivered or stops the rest.
 */
#include <errno.h>

#include "base/mem.h"
#include "ethernet_pair.h"
#include "net/port/port_framed.h"
#include "net/port/port_shm.h"
#include "sample_flow.h"
#include "slow_frame.h"

#define BURST 8
#define HEADERS 42
#define GROUP 0xEF010203

static struct pair pair;
static struct rl_port *here, *there;
static char why[RL_PORT_WHY];

static void open_both(const struct rl_flow *f, const struct rl_flow_filter *hears_there,
                      uint32_t n_slots)
{
    struct rl_flow back = flow_back(f);

    pair_open(&pair);
    CHECK_EQ(rl_framed_port_open(&here, &pair.end[0].port, f, NULL, n_slots, why), 0);
    CHECK_EQ(rl_framed_port_open(&there, &pair.end[1].port, &back, hears_there, n_slots, why), 0);
}

static void close_both(void)
{
    rl_port_close(here);
    rl_port_close(there);
    CHECK(pair.end[0].is_closed && pair.end[1].is_closed);
}

static bool try_send(struct rl_port *port, const void *bytes, uint32_t n)
{
    uint8_t *to = rl_port_tx_reserve(port, n);

    if (to == NULL)
        return false;
    memcpy(to, bytes, n);
    rl_port_tx_commit(port, n);
    return true;
}

/* What the receiver of `sample_flow` counted for one reason. */
static uint64_t refused(const struct rl_port *port, enum rl_frame_reason reason)
{
    uint64_t counts[RL_N_FRAME_REASONS];

    CHECK(rl_framed_port_reasons(port, counts));
    CHECK_EQ(counts[RL_FRAME_OK], 0);
    return counts[reason];
}

static void test_datagrams_go_both_ways_and_are_whole_frames_between(void)
{
    struct rl_flow tagged = sample_flow;
    struct rl_frame frames[BURST];

    for (int vlan = 0; vlan < 10; vlan += 9) {
        tagged.vlan = (uint16_t)vlan;
        open_both(&tagged, NULL, 0);
        CHECK(try_send(here, "one", 3));
        CHECK(try_send(here, "three", 5));
        CHECK_EQ(rl_port_rx_burst(there, frames, BURST), 0); /* nothing left yet */
        rl_port_tx_flush(here);
        CHECK_EQ(pair.end[1].arrived[0].n_bytes, HEADERS + (vlan ? 4 : 0) + 3);
        CHECK_EQ(rl_port_rx_burst(there, frames, BURST), 2);
        CHECK(frames[0].n_bytes == 3 && memcmp(frames[0].data, "one", 3) == 0);
        CHECK(frames[1].n_bytes == 5 && memcmp(frames[1].data, "three", 5) == 0);
        CHECK(frames[0].stamp_ns == 0 && frames[1].stamp_ns == 1);
        rl_port_rx_release(there);
        CHECK(try_send(there, "back", 4));
        rl_port_tx_flush(there);
        CHECK_EQ(rl_port_rx_burst(here, frames, 1), 1);
        CHECK(frames[0].n_bytes == 4 && memcmp(frames[0].data, "back", 4) == 0);
        close_both();
    }
}

static void test_a_payload_is_written_and_read_in_place(void)
{
    struct rl_frame frame;
    uint8_t *to;

    open_both(&sample_flow, NULL, 0);
    to = rl_port_tx_reserve(here, 100);
    CHECK(to == pair.end[0].reserved + HEADERS && pair.end[0].n_reserved == HEADERS + 100);
    memset(to, 7, 100);
    rl_port_tx_commit(here, 60); /* less than was reserved */
    rl_port_tx_flush(here);
    CHECK_EQ(rl_port_rx_burst(there, &frame, 1), 1);
    CHECK(frame.data == pair.end[1].arrived[0].bytes + HEADERS);
    CHECK(frame.n_bytes == 60 && frame.data[59] == 7);
    close_both();
}

static void test_the_port_says_what_it_is_and_what_carries_it(void)
{
    uint64_t counts[RL_N_FRAME_REASONS];

    open_both(&sample_flow, NULL, 0);
    CHECK(strcmp(here->ops->name, "pair") == 0 && strcmp(here->caps.mode, "memory") == 0);
    CHECK(!here->caps.is_ethernet && here->caps.zero_copy_rx && here->caps.zero_copy_tx);
    CHECK_EQ(here->caps.n_bytes_frame_max, PAIR_MAX - HEADERS);
    CHECK_EQ(here->caps.stamp, RL_STAMP_SOFTWARE);
    CHECK(here->ops->rx_wait == NULL && here->ops->ask_kernel == NULL); /* as below */
    CHECK(rl_framed_port_reasons(here, counts));
    CHECK(!rl_framed_port_reasons(&pair.end[0].port, counts));
    close_both();
}

static void test_what_is_refused_below_is_refused_and_counted_above(void)
{
    static uint8_t bytes[PAIR_MAX];
    struct rl_port_stats s;

    open_both(&sample_flow, NULL, 0);
    CHECK(!try_send(here, bytes, PAIR_MAX - HEADERS + 1));
    CHECK(rl_port_tx_reserve(here, UINT32_MAX) == NULL);
    CHECK(try_send(here, bytes, PAIR_MAX - HEADERS));
    for (int i = 1; i < PAIR_SLOTS; i++)
        CHECK(try_send(here, bytes, 10));
    CHECK(!try_send(here, bytes, 10));
    CHECK(!try_send(here, bytes, 10));
    s = rl_port_stats_now(here);
    CHECK_EQ(s.tx_too_large, 2);
    CHECK_EQ(s.tx_full, 2);
    CHECK_EQ(s.tx_frames, 0); /* they wait */
    pair.end[0].n_to_lose = 3;
    rl_port_tx_flush(here);
    s = rl_port_stats_now(here);
    CHECK_EQ(s.tx_lost, 3);
    CHECK_EQ(s.tx_frames, PAIR_SLOTS - 3);
    CHECK_EQ(s.tx_bytes, 10 * (PAIR_SLOTS - 3)); /* of datagrams; the large one was lost */
    CHECK_EQ(s.tx_syscalls, 1);
    CHECK(try_send(here, bytes, 10)); /* there is room again */
    close_both();
}

static void test_a_reservation_can_be_given_back(void)
{
    open_both(&sample_flow, NULL, 0);
    CHECK(rl_port_tx_reserve(here, 10) != NULL);
    rl_port_tx_commit(here, 0);
    rl_port_tx_flush(here);
    CHECK_EQ(pair.end[0].n_given_back, 1);
    CHECK_EQ(pair.end[1].n_arrived, 0);
    CHECK_EQ(rl_port_stats_now(here).tx_frames, 0);
    close_both();
}

/* The frame of `what` is wrong about `sample_flow`, and a good one stands behind it. */
static uint32_t hostile(uint8_t *out, enum rl_frame_reason what)
{
    static const uint8_t payload[] = "a stranger's";
    struct slow_extra extra = {.flags = what == RL_FRAME_FRAGMENT ? 0x2000 : 0x4000};
    struct rl_flow f = sample_flow;
    uint32_t n;
    uint8_t *ip = out + 14;

    f.has_checksum = true;
    f.to_mac[5] = what == RL_FRAME_WRONG_MAC ? 3 : 2;
    f.vlan = what == RL_FRAME_WRONG_VLAN || what == RL_FRAME_QINQ ? 3 : 0;
    f.to_ip += what == RL_FRAME_WRONG_ADDRESS;
    f.to_port = (uint16_t)(f.to_port + (what == RL_FRAME_WRONG_PORT));
    n = slow_frame_write(out, &f, &extra, payload, sizeof payload);
    if (what == RL_FRAME_TOO_SHORT)
        return 20;
    if (what == RL_FRAME_QINQ)
        slow_put(out + 16, 2, 0x8100);
    if (what == RL_FRAME_NOT_IPV4)
        slow_put(out + 12, 2, 0x86DD);
    if (what == RL_FRAME_BAD_VERSION)
        ip[0] = 0x55;
    if (what == RL_FRAME_BAD_LENGTH)
        n--;
    if (what == RL_FRAME_BAD_IP_CHECKSUM)
        ip[10] ^= 1;
    if (what == RL_FRAME_NOT_UDP)
        ip[9] = 6;
    if (what == RL_FRAME_NOT_UDP)
        slow_mend_ip(ip);
    if (what == RL_FRAME_BAD_UDP_LENGTH)
        ip[24] = 0xFF;
    if (what == RL_FRAME_BAD_UDP_CHECKSUM)
        out[n - 1] ^= 1;
    return n;
}

static struct rl_flow_filter strict(void)
{
    struct rl_flow back = flow_back(&sample_flow);
    struct rl_flow_filter f = rl_flow_mirror(&back);

    f.verifies_checksum = true;
    return f;
}

static void test_hostile_frames_are_counted_by_reason_and_never_delivered(void)
{
    struct rl_flow_filter hears = strict();
    struct rl_frame frames[BURST];
    uint64_t n_hostile = 0, counts[RL_N_FRAME_REASONS];
    uint8_t bytes[SLOW_FRAME_MAX];

    open_both(&sample_flow, &hears, 0);
    for (int round = 0; round < 3; round++)
        for (int r = 1; r < RL_N_FRAME_REASONS; r++) {
            for (int again = 0; again < 1 + r % 3; again++, n_hostile++)
                CHECK(pair_arrive(&pair.end[1], bytes, hostile(bytes, (enum rl_frame_reason)r)));
            CHECK(try_send(here, &r, sizeof r));
            rl_port_tx_flush(here);
            CHECK_EQ(rl_port_rx_burst(there, frames, BURST), 1);
            CHECK_EQ(memcmp(frames[0].data, &r, sizeof r), 0);
            rl_port_rx_release(there);
        }
    CHECK(rl_framed_port_reasons(there, counts));
    for (int r = 1; r < RL_N_FRAME_REASONS; r++)
        CHECK_EQ(counts[r], 3 * (1 + r % 3));
    CHECK_EQ(rl_port_stats_now(there).rx_invalid, n_hostile);
    CHECK_EQ(rl_port_stats_now(there).rx_frames, 3 * (RL_N_FRAME_REASONS - 1));
    CHECK_EQ(rl_port_stats_now(there).rx_bytes, 4 * 3 * (RL_N_FRAME_REASONS - 1));
    CHECK_EQ(rl_port_stats_now(here).rx_invalid, 0);
    close_both();
}

static void test_checksums_are_verified_only_on_request(void)
{
    struct rl_flow_filter hears = strict();
    uint8_t bytes[SLOW_FRAME_MAX];
    struct rl_frame frame;

    for (uint32_t verifies = 0; verifies < 2; verifies++) {
        hears.verifies_checksum = verifies;
        open_both(&sample_flow, &hears, 0);
        pair_arrive(&pair.end[1], bytes, hostile(bytes, RL_FRAME_BAD_UDP_CHECKSUM));
        CHECK_EQ(rl_port_rx_burst(there, &frame, 1), !verifies);
        CHECK_EQ(refused(there, RL_FRAME_BAD_UDP_CHECKSUM), verifies);
        close_both();
    }
}

static void test_a_flood_of_foreign_frames_does_not_fill_the_ring_below(void)
{
    struct rl_frame frames[BURST];
    uint8_t bytes[SLOW_FRAME_MAX];
    uint32_t n = hostile(bytes, RL_FRAME_WRONG_PORT);

    open_both(&sample_flow, NULL, 0);
    CHECK(try_send(here, "x", 1)); /* what was held once and released holds nothing up */
    rl_port_tx_flush(here);
    CHECK_EQ(rl_port_rx_burst(there, frames, BURST), 1);
    rl_port_rx_release(there);
    for (uint32_t round = 0; round < 20; round++) {
        for (uint32_t i = 0; i < PAIR_SLOTS; i++)
            CHECK(pair_arrive(&pair.end[1], bytes, n));
        CHECK_EQ(rl_port_rx_burst(there, frames, BURST), 0); /* and nobody releases */
    }
    CHECK_EQ(refused(there, RL_FRAME_WRONG_PORT), 20 * PAIR_SLOTS);
    CHECK_EQ(rl_port_stats_now(there).rx_dropped, 0);
    close_both();
}

static void test_a_burst_ends_however_many_foreign_frames_there_are(void)
{
    struct rl_frame frames[BURST];
    uint8_t bytes[SLOW_FRAME_MAX];
    uint32_t n = hostile(bytes, RL_FRAME_WRONG_PORT);

    open_both(&sample_flow, NULL, 4);
    for (uint32_t i = 0; i < PAIR_SLOTS - 1; i++)
        CHECK(pair_arrive(&pair.end[1], bytes, n));
    CHECK(try_send(here, "x", 1));
    rl_port_tx_flush(here);
    for (uint32_t n_seen = 4; n_seen < PAIR_SLOTS; n_seen += 4) {
        CHECK_EQ(rl_port_rx_burst(there, frames, 1), 0);
        CHECK_EQ(refused(there, RL_FRAME_WRONG_PORT), n_seen);
    }
    CHECK_EQ(rl_port_rx_burst(there, frames, 1), 1);
    close_both();
}

static void test_frames_in_hand_outlive_the_foreign_ones_behind_them(void)
{
    struct rl_frame first, frames[BURST];
    uint8_t bytes[SLOW_FRAME_MAX];
    uint32_t n = hostile(bytes, RL_FRAME_NOT_IPV4);

    open_both(&sample_flow, NULL, 0);
    CHECK(try_send(here, "kept", 4));
    rl_port_tx_flush(here);
    CHECK_EQ(rl_port_rx_burst(there, &first, 1), 1);
    for (int i = 0; i < 5; i++)
        CHECK(pair_arrive(&pair.end[1], bytes, n));
    CHECK_EQ(rl_port_rx_burst(there, frames, BURST), 0);
    CHECK_EQ(pair.end[1].n_released, 0);
    CHECK(memcmp(first.data, "kept", 4) == 0); /* a sanitizer knows if it was freed */
    rl_port_rx_release(there);
    CHECK_EQ(pair.end[1].n_released, 1);
    CHECK_EQ(pair.end[1].n_arrived, 0);
    close_both();
}

static void test_what_the_port_below_counts_is_told_above(void)
{
    struct rl_frame frame;
    struct rl_port_stats s;
    uint8_t bytes[SLOW_FRAME_MAX];

    open_both(&sample_flow, NULL, 0);
    for (uint32_t i = 0; i < PAIR_SLOTS + 2; i++) /* two find no room */
        pair_arrive(&pair.end[1], bytes, hostile(bytes, RL_FRAME_QINQ));
    rl_port_count(&pair.end[1].port.rx.rx_invalid, 5); /* cut off by the kernel, say */
    CHECK_EQ(rl_port_rx_burst(there, &frame, 1), 0);
    s = rl_port_stats_now(there);
    CHECK_EQ(s.rx_dropped, 2);
    CHECK_EQ(s.rx_invalid, PAIR_SLOTS + 5);
    CHECK_EQ(s.rx_frames, 0);
    CHECK_EQ(s.rx_syscalls, rl_port_stats_now(&pair.end[1].port).rx_syscalls);
    CHECK(s.rx_syscalls > 0);
    close_both();
}

static void test_a_group_is_heard_by_all_who_listen_for_it(void)
{
    struct rl_flow to_group = sample_flow;
    struct rl_flow_filter hears = {.mac = {2, 0, 0, 0, 0, 9}, .group = GROUP, .port = 4002};
    struct rl_frame frame;

    to_group.to_ip = GROUP;
    pair_open(&pair);
    CHECK_EQ(rl_framed_port_open(&here, &pair.end[0].port, &to_group, NULL, 0, why), 0);
    to_group.from_ip++;
    CHECK_EQ(rl_framed_port_open(&there, &pair.end[1].port, &to_group, &hears, 0, why), 0);
    CHECK(try_send(here, "all", 3));
    rl_port_tx_flush(here);
    CHECK_EQ(rl_port_rx_burst(there, &frame, 1), 1);
    CHECK(frame.n_bytes == 3 && memcmp(frame.data, "all", 3) == 0);
    rl_port_rx_release(there);
    CHECK(try_send(there, "all", 3)); /* here listens only to its own address */
    rl_port_tx_flush(there);
    CHECK_EQ(rl_port_rx_burst(here, &frame, 1), 0);
    CHECK_EQ(refused(here, RL_FRAME_WRONG_MAC), 1);
    close_both();
}

static void test_a_port_with_nobody_to_send_to_only_receives(void)
{
    struct rl_flow nowhere = {.from_mac = {2, 0, 0, 0, 0, 2}};
    struct rl_flow_filter hears = strict();
    struct rl_frame frame;

    pair_open(&pair);
    CHECK_EQ(rl_framed_port_open(&here, &pair.end[0].port, &sample_flow, NULL, 0, why), 0);
    CHECK_EQ(rl_framed_port_open(&there, &pair.end[1].port, &nowhere, &hears, 0, why), 0);
    CHECK(try_send(here, "heard", 5));
    rl_port_tx_flush(here);
    CHECK_EQ(rl_port_rx_burst(there, &frame, 1), 1);
    CHECK(frame.n_bytes == 5 && memcmp(frame.data, "heard", 5) == 0);
    rl_port_rx_release(there);
    CHECK_EQ(there->caps.n_bytes_frame_max, 0);
    CHECK(!try_send(there, "x", 1));
    rl_port_tx_flush(there);
    CHECK_EQ(rl_port_stats_now(there).tx_too_large, 1);
    CHECK_EQ(rl_port_stats_now(there).tx_frames, 0);
    CHECK_EQ(pair.end[0].n_arrived, 0);
    close_both();
}

static void test_what_cannot_be_opened_says_why_and_stays_the_callers(void)
{
    struct rl_flow f = sample_flow;
    struct rl_flow_filter hears = strict();

    pair_open(&pair);
    f.vlan = 5000;
    CHECK_EQ(rl_framed_port_open(&here, &pair.end[0].port, &f, NULL, 0, why), -EINVAL);
    CHECK(strcmp(why, "framed: VLANs are 1 to 4094") == 0);
    f = sample_flow;
    f.from_port = 0; /* may be sent, but not answered */
    CHECK_EQ(rl_framed_port_open(&here, &pair.end[0].port, &f, NULL, 0, why), -EINVAL);
    CHECK(strcmp(why, "framed: no port to listen at") == 0);
    hears.ip = 0;
    CHECK_EQ(rl_framed_port_open(&here, &pair.end[0].port, &sample_flow, &hears, 0, why), -EINVAL);
    pair.end[0].port.caps.n_bytes_frame_max = HEADERS;
    CHECK_EQ(rl_framed_port_open(&here, &pair.end[0].port, &sample_flow, NULL, 0, why), -EINVAL);
    pair.end[0].port.caps.is_ethernet = false;
    CHECK_EQ(rl_framed_port_open(&here, &pair.end[0].port, &sample_flow, NULL, 0, why), -EINVAL);
    CHECK(strcmp(why, "framed: the port below carries no Ethernet frames") == 0);
    CHECK(!pair.end[0].is_closed);
}

/* Over a cable, whose frames are records: nothing of it knows that it carries Ethernet. */
static void test_carrying_datagrams_takes_no_memory(void)
{
    static struct rl_cable cable;
    struct rl_flow back = flow_back(&sample_flow), to = sample_flow;
    struct rl_frame frames[BURST];
    struct rl_arena arena;
    uint32_t n_got = 0;

    to.has_checksum = true;
    CHECK_EQ(rl_arena_open(&arena, 1 << 17, 0), 0);
    CHECK_EQ(rl_cable_open(&cable, &arena, 1 << 12), 0);
    for (int i = 0; i < 2; i++)
        cable.end[i]->caps.is_ethernet = true;
    CHECK_EQ(rl_framed_port_open(&here, cable.end[0], &to, NULL, 0, why), 0);
    CHECK_EQ(rl_framed_port_open(&there, cable.end[1], &back, NULL, 0, why), 0);
    CHECK(here->ops->tx_flush == NULL);
    CHECK(rl_trap_is_linked());
    rl_trap_arm();
    for (int i = 0; i < 1000; i++) {
        CHECK(try_send(here, "0123456789", 10));
        n_got += rl_port_rx_burst(there, frames, BURST);
        rl_port_rx_release(there);
    }
    rl_trap_disarm();
    CHECK_EQ(rl_trap_count(), 0);
    CHECK_EQ(n_got, 1000);
    rl_port_close(here);
    rl_port_close(there);
    rl_arena_close(&arena);
}

int main(void)
{
    test_datagrams_go_both_ways_and_are_whole_frames_between();
    test_a_payload_is_written_and_read_in_place();
    test_the_port_says_what_it_is_and_what_carries_it();
    test_what_is_refused_below_is_refused_and_counted_above();
    test_a_reservation_can_be_given_back();
    test_hostile_frames_are_counted_by_reason_and_never_delivered();
    test_checksums_are_verified_only_on_request();
    test_a_flood_of_foreign_frames_does_not_fill_the_ring_below();
    test_a_burst_ends_however_many_foreign_frames_there_are();
    test_frames_in_hand_outlive_the_foreign_ones_behind_them();
    test_what_the_port_below_counts_is_told_above();
    test_a_group_is_heard_by_all_who_listen_for_it();
    test_a_port_with_nobody_to_send_to_only_receives();
    test_what_cannot_be_opened_says_why_and_stays_the_callers();
    test_carrying_datagrams_takes_no_memory();
    return 0;
}
