/*
 * What a frame costs between being visible and being handed on: its headers read, its datagram
 * given to who waits for it; and what the headers of a frame to send cost.
 *
 *     bench_frame [cpu]
 *
 * ns a frame, over batches of all frames; best and median of 300 batches. `touch` is the floor: one
 * load of every cache line that the headers and the payload lie in, nothing decided. `near`: frames
 * that stay in the first level cache; `far`: 8 MiB of them, so that each starts with a miss, as
 * frames do that a NIC wrote. The last rows drain a port, one thread, frames put there beforehand.
 */
#include <string.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/mem.h"
#include "base/stats.h"
#include "check.h"
#include "net/port/port_framed.h"
#include "net/port/port_shm.h"
#include "sample_flow.h"

#define N_BATCHES 300
#define SLOT 2048
#define N_NEAR 16 /* one behind the other: the largest take 24 KB */
#define N_FAR 4096
#define SHUFFLE 1597     /* odd: every one is reached */
#define N_NEAR_TURNS 128 /* a batch is long enough for the clock */
#define SMALL 64
#define LARGE 1400
#define BURST 32
#define N_DRAINED 512

static struct rl_clock hertz;
static uint64_t ticks[N_BATCHES];
static struct rl_arena arena;
static uint8_t *slots;
static uint32_t lengths[N_FAR], pitch; /* from one frame to the next */
static uint32_t order[N_FAR]; /* in which they are read: far ones as no prefetcher guesses */

static struct rl_flow with(uint16_t vlan, bool has_checksum)
{
    struct rl_flow f = sample_flow;

    f.vlan = vlan;
    f.has_checksum = has_checksum;
    return f;
}

static struct rl_flow_filter hearing(uint16_t vlan, bool verifies_checksum)
{
    return (struct rl_flow_filter){.mac = {2, 0, 0, 0, 0, 2},
                                   .ip = 0x0A000002,
                                   .port = 4002,
                                   .vlan = vlan,
                                   .verifies_checksum = verifies_checksum};
}

static void print_row(const char *what, const char *where, uint32_t n_bytes, uint64_t n_frames,
                      bool is_right)
{
    double per_tick = 1e9 / (double)hertz.tsc_hz / (double)n_frames;
    uint64_t best = UINT64_MAX;

    for (int i = 0; i < N_BATCHES; i++)
        best = ticks[i] < best ? ticks[i] : best;
    printf("  %-28s %-5s %5u B   best %7.2f  median %7.2f ns a frame   %s\n", what, where, n_bytes,
           (double)best * per_tick, (double)rl_stats_median(ticks, N_BATCHES) * per_tick,
           is_right ? "right" : "WRONG");
}

/* Frames of `f`, their number at the start of each payload. */
static void fill(const struct rl_flow *f, uint32_t n_payload, bool is_far)
{
    struct rl_frame_template t;

    CHECK_EQ(rl_frame_template_init(&t, f), 0);
    pitch =
        is_far ? SLOT : (t.n_header + n_payload + RL_CACHE_LINE) / RL_CACHE_LINE * RL_CACHE_LINE;
    for (uint32_t i = 0; i < N_FAR; i++) {
        uint32_t k = order[i] = is_far ? i * SHUFFLE % N_FAR : i;
        uint8_t *frame = slots + (size_t)k * pitch;

        memset(frame + t.n_header, (int)i, n_payload);
        memcpy(frame + t.n_header, &i, sizeof i);
        lengths[k] = rl_frame_write(&t, frame, n_payload, 0);
    }
}

/* Who waits for datagrams; kept out of the loop, as a caller's code is. */
static __attribute__((noinline)) uint64_t hand_on(const uint8_t *payload, uint32_t n_bytes)
{
    uint32_t number;

    memcpy(&number, payload, sizeof number);
    return number + (uint64_t)(n_bytes == 0);
}

static uint64_t touch(const uint8_t *frame, uint32_t n)
{
    uint64_t sum = 0;

    for (uint32_t at = 0; at < n; at += RL_CACHE_LINE)
        sum += frame[at];
    return sum;
}

/* One statement over all frames; `answer` collects, `frame` and `n` are the frame's. */
#define EACH_FRAME(n_frames, n_turns, statement)                       \
    do {                                                               \
        for (int batch = 0; batch < N_BATCHES; batch++) {              \
            uint64_t from = rl_tsc_begin();                            \
                                                                       \
            for (int turn = 0; turn < (n_turns); turn++)               \
                for (uint32_t i = 0; i < (n_frames); i++) {            \
                    uint8_t *frame = slots + (size_t)order[i] * pitch; \
                    uint32_t n = lengths[order[i]];                    \
                                                                       \
                    statement;                                         \
                }                                                      \
            __asm__ volatile("" : : "r"(answer) : "memory");           \
            ticks[batch] = rl_tsc_end() - from;                        \
        }                                                              \
    } while (0)

static void bench_read(const char *what, uint16_t vlan, bool has_checksum, uint32_t n_payload)
{
    struct rl_flow f = with(vlan, has_checksum);
    struct rl_flow_filter want = hearing(vlan, has_checksum);

    for (int is_far = 0; is_far < 2; is_far++) {
        uint32_t n_frames = is_far ? N_FAR : N_NEAR;
        int n_turns = is_far ? 1 : N_NEAR_TURNS;
        uint64_t n_all = (uint64_t)n_frames * (uint64_t)n_turns, answer = 0;
        const char *where = is_far ? "far" : "near";

        fill(&f, n_payload, is_far);

        /* Without a checksum only the first line of the payload is looked at, by who gets it. */
        EACH_FRAME(n_frames, n_turns, answer += touch(frame, has_checksum ? n : 64));
        print_row("touch", where, n_payload, n_all, answer > 0);
        answer = 0;
        EACH_FRAME(n_frames, n_turns, {
            struct rl_datagram d;

            if (RL_LIKELY(rl_frame_read(frame, n, &want, &d) == RL_FRAME_OK))
                answer += hand_on(d.payload, d.n_bytes);
        });
        print_row(what, where, n_payload, n_all,
                  answer == n_all / n_frames * N_BATCHES * n_frames * (n_frames - 1) / 2);
    }
}

static void bench_write(const char *what, uint16_t vlan, bool has_checksum, uint32_t n_payload)
{
    struct rl_flow f = with(vlan, has_checksum);
    struct rl_frame_template t;
    uint64_t answer = 0;

    CHECK_EQ(rl_frame_template_init(&t, &f), 0);
    fill(&f, n_payload, false);
    EACH_FRAME(N_NEAR, N_NEAR_TURNS, answer += rl_frame_write(&t, frame, n_payload, 0) - n);
    print_row(what, "near", n_payload, N_NEAR * N_NEAR_TURNS, answer == 0);
}

/* All frames of a port handed on, `max` a burst; returns their numbers' sum. */
static uint64_t drain(struct rl_port *port, uint32_t max, uint32_t n_header)
{
    struct rl_frame frames[BURST];
    uint64_t sum = 0;
    uint32_t n;

    while ((n = rl_port_rx_burst(port, frames, max)) > 0) {
        for (uint32_t i = 0; i < n; i++)
            sum += hand_on(frames[i].data + n_header, frames[i].n_bytes);
        rl_port_rx_release(port);
    }
    return sum;
}

static void bench_drain(const char *what, struct rl_port *to, struct rl_port *sender,
                        uint32_t n_header, uint32_t max)
{
    bool is_right = true;

    for (int batch = 0; batch < N_BATCHES; batch++) {
        uint64_t start, sum;

        for (uint32_t i = 0; i < N_DRAINED; i++) {
            uint8_t *payload = rl_port_tx_reserve(sender, SMALL);

            CHECK(payload != NULL);
            memset(payload, 0, SMALL);
            memcpy(payload, &i, sizeof i);
            rl_port_tx_commit(sender, SMALL);
        }
        start = rl_tsc_begin();
        sum = drain(to, max, n_header);
        ticks[batch] = rl_tsc_end() - start;
        is_right = is_right && sum == (uint64_t)N_DRAINED * (N_DRAINED - 1) / 2;
    }
    print_row(what, max == 1 ? "by 1" : "by 32", SMALL, N_DRAINED, is_right);
}

static void bench_ports(void)
{
    static struct rl_cable cable;
    struct rl_flow_filter want = hearing(0, false);
    struct rl_port *sender, *receiver;
    char why[RL_PORT_WHY];

    CHECK_EQ(rl_cable_open(&cable, &arena, 1 << 17), 0);
    for (int i = 0; i < 2; i++)
        cable.end[i]->caps.is_ethernet = true;
    CHECK_EQ(rl_framed_port_open(&sender, cable.end[0], &sample_flow, NULL, 0, why), 0);
    CHECK_EQ(rl_framed_port_open(&receiver, cable.end[1], &sample_flow, &want, 0, why), 0);
    for (uint32_t max = 1; max <= BURST; max *= BURST) {
        bench_drain("shm port, frames unread", cable.end[1], sender, 42, max);
        bench_drain("framed port over it", receiver, sender, 0, max);
    }
    rl_port_close(sender);
    rl_port_close(receiver);
}

int main(int argc, char **argv)
{
    int cpus[1], n_cpus = rl_cpu_allowed(cpus, 1);
    int64_t ppb;

    CHECK(n_cpus > 0);
    CHECK_EQ(rl_cpu_pin(argc > 1 ? atoi(argv[1]) : cpus[0]), 0);
    CHECK_EQ(rl_clock_calibrate(&hertz, 200000000, &ppb), 0);
    CHECK_EQ(rl_arena_open(&arena, (size_t)N_FAR * SLOT + (1 << 20), RL_ARENA_ALL), 0);
    slots = rl_arena_take(&arena, (size_t)N_FAR * SLOT, 0);
    CHECK(slots != NULL);
    printf("CPU %d, TSC %.3f GHz\n", rl_cpu_current(), (double)hertz.tsc_hz / 1e9);
    puts("visible -> parsed -> handed on:");
    bench_read("read", 0, false, SMALL);
    bench_read("read, VLAN", 9, false, SMALL);
    bench_read("read, UDP checksum", 0, true, SMALL);
    bench_read("read", 0, false, LARGE);
    bench_read("read, UDP checksum", 0, true, LARGE);
    puts("headers to send:");
    bench_write("write", 0, false, SMALL);
    bench_write("write, VLAN", 9, false, SMALL);
    bench_write("write, UDP checksum", 0, true, SMALL);
    bench_write("write, UDP checksum", 0, true, LARGE);
    puts("drained from a port and handed on:");
    bench_ports();
    rl_arena_close(&arena);
    return 0;
}
