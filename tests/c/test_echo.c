/* The echo: what should come back does, turned round; what should not is counted. */
#include <errno.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "check.h"
#include "ethernet_pair.h"
#include "net/port/port_shm.h"
#include "rig/traffic/echo_run.h"
#include "rig/traffic/probe_header.h"
#include "sample_flow.h"

static struct rl_arena arena;
static struct rl_cable cable;
static struct rl_echo echo; /* at end 1 */

static void start(bool is_ethernet)
{
    CHECK_EQ(rl_arena_open(&arena, 1 << 20, 0), 0);
    CHECK_EQ(rl_cable_open(&cable, &arena, 1 << 16), 0);
    cable.end[1]->caps.is_ethernet = is_ethernet;
    rl_echo_init(&echo, cable.end[1]);
}

static void end(void)
{
    rl_arena_close(&arena);
}

static void put(const uint8_t *bytes, uint32_t n_bytes)
{
    uint8_t *frame = rl_port_tx_reserve(cable.end[0], n_bytes);

    CHECK(frame != NULL);
    memcpy(frame, bytes, n_bytes);
    rl_port_tx_commit(cable.end[0], n_bytes);
}

/* What came back: its length, or -1. */
static int get(uint8_t *bytes)
{
    struct rl_frame frame;

    if (rl_port_rx_burst(cable.end[0], &frame, 1) == 0)
        return -1;
    memcpy(bytes, frame.data, frame.n_bytes);
    rl_port_rx_release(cable.end[0]);
    return (int)frame.n_bytes;
}

#define COUNTED(counter) rl_counted(&echo.n.counter)

static void test_datagrams_come_back_as_they_are(void)
{
    uint8_t sent[1500], back[1500];
    uint64_t random = 1;

    start(false);
    for (uint32_t n = 1; n <= 1500; n += 7) {
        for (uint32_t i = 0; i < n; i++)
            sent[i] = (uint8_t)check_random(&random);
        put(sent, n);
        CHECK_EQ(rl_echo_turn(&echo), 1);
        CHECK_EQ(get(back), n);
        CHECK_EQ(memcmp(sent, back, n), 0);
    }
    CHECK_EQ(COUNTED(frames_in), COUNTED(frames_back));
    put(sent, 0); /* nothing to send back */
    CHECK_EQ(rl_echo_turn(&echo), 1);
    CHECK_EQ(get(back), -1);
    CHECK_EQ(COUNTED(frames_ignored), 1);
    CHECK_EQ(rl_echo_turn(&echo), 0);
    end();
}

static uint32_t udp_frame(uint8_t *frame, const struct rl_flow *flow, const char *payload)
{
    struct rl_frame_template t;

    CHECK_EQ(rl_frame_template_init(&t, flow), 0);
    memcpy(frame + t.n_header, payload, strlen(payload));
    return rl_frame_write(&t, frame, (uint32_t)strlen(payload), 7);
}

static void test_a_frame_is_turned_round_and_its_checksums_stay_right(void)
{
    struct rl_flow flow = sample_flow, turned = flow_back(&sample_flow);
    uint8_t sent[256], back[256], wanted[256];

    start(true);
    for (uint16_t vlan = 0; vlan <= 100; vlan += 100) {
        uint32_t n;

        flow.vlan = turned.vlan = vlan;
        n = udp_frame(sent, &flow, "there and back");
        CHECK_EQ(udp_frame(wanted, &turned, "there and back"), n);
        put(sent, n);
        CHECK_EQ(rl_echo_turn(&echo), 1);
        CHECK_EQ(get(back), n);
        CHECK_EQ(memcmp(back, wanted, n), 0);
    }
    end();
}

static void test_a_frame_of_our_own_type_swaps_its_mac_addresses(void)
{
    uint8_t frame[64] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xB5, 1, 2, 3}, back[64];

    start(true);
    put(frame, 64);
    CHECK_EQ(rl_echo_turn(&echo), 1);
    CHECK_EQ(get(back), 64);
    CHECK_EQ(memcmp(back, frame + 6, 6), 0);
    CHECK_EQ(memcmp(back + 6, frame, 6), 0);
    CHECK_EQ(memcmp(back + 12, frame + 12, 52), 0);
    end();
}

static void not_answered(const uint8_t *frame, uint32_t n_bytes)
{
    uint64_t n_ignored = COUNTED(frames_ignored);
    uint8_t back[256];

    put(frame, n_bytes);
    CHECK_EQ(rl_echo_turn(&echo), 1);
    CHECK_EQ(get(back), -1);
    CHECK_EQ(COUNTED(frames_ignored), n_ignored + 1);
}

/* Each with one field changed, and the unchanged one is answered. */
static void test_nobody_answers_a_broadcast_a_fragment_or_another_protocol(void)
{
    uint8_t good[256], f[256];
    uint32_t n;

    start(true);
    n = udp_frame(good, &sample_flow, "x");
#define WITH(change)               \
    do {                           \
        memcpy(f, good, sizeof f); \
        change;                    \
        not_answered(f, n);        \
    } while (0)
    WITH(memset(f, 0xFF, 6)); /* broadcast */
    WITH(f[0] |= 1);          /* multicast */
    WITH(f[13] = 0x06);       /* ARP */
    WITH(f[12] = 0x86; f[13] = 0xDD);
    WITH(f[12] = 0x81);      /* a tag, and no IPv4 behind it */
    WITH(f[14] = 0x65);      /* IP version 6 */
    WITH(f[14] = 0x44);      /* a header of 16 bytes */
    WITH(f[14] = 0x4F);      /* longer than the frame */
    WITH(f[20] = 0x20);      /* more fragments */
    WITH(f[21] = 1);         /* a later one */
    WITH(f[23] = 6);         /* TCP */
    WITH(f[23] = 1);         /* ICMP */
    for (n = 1; n < 42; n++) /* cut off */
        not_answered(good, n);
    put(good, 43);
    CHECK_EQ(rl_echo_turn(&echo), 1);
    CHECK_EQ(COUNTED(frames_back), 1);
    end();
}

static void test_any_bytes_of_any_length_are_survived(void)
{
    uint64_t random = 9, n = 20000;
    static struct pair pair;
    struct rl_frame frame;
    uint8_t bytes[128];

    pair_open(&pair); /* each frame in memory of its own: a sanitizer sees where it ends */
    rl_echo_init(&echo, &pair.end[1].port);
    for (uint64_t i = 0; i < n; i++) {
        uint32_t n_bytes = (uint32_t)(check_random(&random) >> 32) % sizeof bytes;

        for (uint32_t at = 0; at < n_bytes; at++)
            bytes[at] = (uint8_t)check_random(&random);
        if (n_bytes > 24 && i % 2) { /* nearly one to answer */
            bytes[0] = 2;
            bytes[12] = 0x08;
            bytes[13] = bytes[20] = bytes[21] = 0;
            bytes[14] = (uint8_t)(0x45 + i % 16);
            bytes[23] = RL_IP_PROTOCOL_UDP;
        }
        CHECK(pair_arrive(&pair.end[1], bytes, n_bytes));
        CHECK_EQ(rl_echo_turn(&echo), 1);
        (void)rl_port_rx_burst(&pair.end[0].port, &frame, 1);
        rl_port_rx_release(&pair.end[0].port);
    }
    CHECK_EQ(COUNTED(frames_in), n);
    CHECK_EQ(COUNTED(frames_back) + COUNTED(frames_ignored), n);
    CHECK(COUNTED(frames_back) > 0);
    for (int i = 0; i < 2; i++)
        rl_port_close(&pair.end[i].port);
}

static void test_without_room_a_frame_is_unsent(void)
{
    uint8_t frame[1000] = {0}, back[1000];

    start(false);
    for (int i = 0; i < 200; i++) { /* nobody takes what comes back */
        put(frame, sizeof frame);
        CHECK_EQ(rl_echo_turn(&echo), 1);
    }
    CHECK(COUNTED(frames_unsent) > 0);
    CHECK_EQ(COUNTED(frames_back) + COUNTED(frames_unsent), 200);
    for (uint64_t i = 0; i < COUNTED(frames_back); i++)
        CHECK_EQ(get(back), 1000);
    CHECK_EQ(get(back), -1);
    end();
}

static void test_it_stops_after_so_many_and_can_be_told_to_answer_probes_only(void)
{
    struct rl_probe_header h = {.magic = RL_PROBE_MAGIC};
    uint8_t frame[64] = {0}, back[64];

    start(false);
    echo.only_probes = true;
    put(frame, 64);
    rl_probe_write(frame, &h);
    put(frame, 64);
    put(frame, 31); /* too short for a header */
    CHECK_EQ(rl_echo_turn(&echo), 3);
    CHECK_EQ(COUNTED(frames_back), 1);
    CHECK_EQ(get(back), 64);
    echo.n_max = 3;
    for (int i = 0; i < 5; i++)
        put(frame, 64);
    CHECK_EQ(rl_echo_turn(&echo), 5);
    CHECK_EQ(COUNTED(frames_back), 3);
    CHECK_EQ(COUNTED(frames_ignored), 2 + 3);
    echo.n_max = 0;
    echo.n_prefix = 14;
    memcpy(frame + 14, &h, sizeof h);
    put(frame, 14);
    put(frame, 64);
    CHECK_EQ(rl_echo_turn(&echo), 2);
    CHECK_EQ(COUNTED(frames_back), 4);
    end();
}

static void test_an_echo_runs_until_it_has_answered_enough_or_is_stopped(void)
{
    struct rl_echo_run_config c = {.n_max = 5};
    struct rl_echo_result r;
    _Atomic bool stop = true;
    const char *why;
    uint8_t frame[64] = {0};

    start(false);
    CHECK(rl_cpu_allowed(&c.cpu, 1) > 0);
    c.port = cable.end[1];
    for (int i = 0; i < 8; i++)
        put(frame, 64);
    CHECK_EQ(rl_echo_run(&r, &c, &why), 0);
    CHECK_EQ(r.echo.frames_back, 5);
    CHECK_EQ(r.side.stats.tx_frames, 5);
    CHECK_EQ(r.side.usage.n_allocs, 0);
    CHECK(!r.was_stopped);
    c.n_max = 0;
    c.bounds = (struct rl_run_bounds){.max_ns = UINT64_MAX, .stop = &stop};
    CHECK_EQ(rl_echo_run(&r, &c, &why), 0);
    CHECK(r.was_stopped);
    c.bounds = (struct rl_run_bounds){.max_ns = 1000000};
    CHECK_EQ(rl_echo_run(&r, &c, &why), 0);
    CHECK(r.was_stopped);
    c.cpu = 4096;
    CHECK_EQ(rl_echo_run(&r, &c, &why), -EINVAL);
    CHECK(why != NULL);
    end();
}

int main(void)
{
    test_datagrams_come_back_as_they_are();
    test_a_frame_is_turned_round_and_its_checksums_stay_right();
    test_a_frame_of_our_own_type_swaps_its_mac_addresses();
    test_nobody_answers_a_broadcast_a_fragment_or_another_protocol();
    test_any_bytes_of_any_length_are_survived();
    test_without_room_a_frame_is_unsent();
    test_it_stops_after_so_many_and_can_be_told_to_answer_probes_only();
    test_an_echo_runs_until_it_has_answered_enough_or_is_stopped();
    return 0;
}
