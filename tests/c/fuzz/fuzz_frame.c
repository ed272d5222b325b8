/*
 * Ethernet frames from a hostile link: the input is a filter and frames behind their lengths, read
 * one by one and through a framed port. Both must say of each frame what the slow reader says of
 * it, and the port must deliver the datagrams of the good ones and nothing else.
 */
#include "../ethernet_pair.h"
#include "../sample_flow.h"
#include "../slow_frame.h"
#include "fuzz.h"
#include "net/port/port_framed.h"

#define GROUP 0xEF010203
#define MAX_FRAMES 64
#define VERIFIES 1
#define HAS_VLAN 2
#define HAS_GROUP 4
#define GROUP_ONLY 8
#define BURST_SHIFT 4

static struct rl_flow_filter filter_of(uint8_t choice)
{
    return (struct rl_flow_filter){.mac = {2, 0, 0, 0, 0, 2},
                                   .ip = choice & GROUP_ONLY ? 0 : sample_flow.to_ip,
                                   .group = choice & (HAS_GROUP | GROUP_ONLY) ? GROUP : 0,
                                   .port = sample_flow.to_port,
                                   .vlan = choice & HAS_VLAN ? 9 : 0,
                                   .verifies_checksum = choice & VERIFIES};
}

/* The next frame of the tape, which may be cut short by its end. */
static const uint8_t *next_frame(struct fuzz_tape *t, uint32_t *n)
{
    uint32_t n_says = fuzz_u16(t) % PAIR_MAX, n_left = (uint32_t)(t->end - t->at);
    const uint8_t *frame = t->at;

    *n = n_says < n_left ? n_says : n_left;
    t->at += *n;
    return frame;
}

/* What has to come out of the port: datagrams, in order, and counts. */
static struct {
    struct rl_frame datagrams[PAIR_SLOTS];
    uint32_t n_datagrams;
    uint64_t counts[RL_N_FRAME_REASONS], n_refused;
} wanted;

static void want(const uint8_t *frame, uint32_t n, const struct rl_flow_filter *filter)
{
    struct slow_read r = slow_frame_read(frame, n, filter);

    if (r.reason == RL_FRAME_OK) {
        wanted.datagrams[wanted.n_datagrams++] =
            (struct rl_frame){.data = frame + r.payload_at, .n_bytes = r.n_payload};
    } else {
        wanted.counts[r.reason]++;
        wanted.n_refused++;
    }
}

static void check_delivery(struct rl_port *port, uint32_t max)
{
    struct rl_frame frames[PAIR_SLOTS];
    uint32_t n, n_got = 0;

    while ((n = rl_port_rx_burst(port, frames, max)) > 0) {
        CHECK(n <= max && n_got + n <= wanted.n_datagrams);
        for (uint32_t i = 0; i < n; i++, n_got++) {
            const struct rl_frame *w = &wanted.datagrams[n_got];

            CHECK_EQ(frames[i].n_bytes, w->n_bytes);
            CHECK(w->n_bytes == 0 || memcmp(frames[i].data, w->data, w->n_bytes) == 0);
        }
    }
    CHECK_EQ(n_got, wanted.n_datagrams);
    rl_port_rx_release(port);
    wanted.n_datagrams = 0;
}

static void check_counts(struct rl_port *port)
{
    uint64_t counts[RL_N_FRAME_REASONS];

    CHECK(rl_framed_port_reasons(port, counts));
    for (int r = 0; r < RL_N_FRAME_REASONS; r++)
        CHECK_EQ(counts[r], wanted.counts[r]);
    CHECK_EQ(rl_port_stats_now(port).rx_invalid, wanted.n_refused);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_tape t = {data, data + size};
    uint8_t choice = fuzz_u8(&t);
    struct rl_flow_filter filter = filter_of(choice);
    uint32_t n_burst = 1u + (choice >> BURST_SHIFT), n, n_waiting = 0;
    char why[RL_PORT_WHY];
    struct rl_port *port;
    struct pair pair;

    if (size > FUZZ_MAX)
        return 0;
    memset(&wanted, 0, sizeof wanted);
    pair_open(&pair);
    CHECK_EQ(rl_framed_port_open(&port, &pair.end[0].port, &sample_flow, &filter, 0, why), 0);
    for (int i = 0; i < MAX_FRAMES && t.at < t.end; i++) {
        const uint8_t *frame = next_frame(&t, &n);
        uint8_t *exact = fuzz_exactly(frame, n);

        slow_agrees(exact, n, &filter);
        slow_agrees(exact, n, NULL);
        free(exact);
        want(frame, n, &filter);
        CHECK(pair_arrive(&pair.end[0], frame, n));
        if (++n_waiting == n_burst) {
            check_delivery(port, n_burst);
            n_waiting = 0;
        }
    }
    check_delivery(port, n_burst);
    check_counts(port);
    rl_port_close(port);
    return 0;
}

/* --- seeds ------------------------------------------------------------------------------------ */

/* A frame that the filter lets through, or almost: `i` chooses what is special about it. */
static uint32_t seed_frame(uint8_t *out, uint8_t choice, unsigned i)
{
    static const uint8_t payload[40] = "payload";
    struct slow_extra extra = {.n_options = i % 5 == 1 ? i % 11 * 4 : 0,
                               .n_padding = i % 3 * 6,
                               .flags = i % 16 == 9 ? 0x2000 : 0x4000,
                               .tag = i % 7 == 2 ? 0xE000 : 0};
    uint32_t n_payload = i * 5 % 41, n, ip_at;
    struct rl_flow f = sample_flow;

    f.vlan = choice & HAS_VLAN ? 9 : 0;
    f.to_ip = choice & GROUP_ONLY || (choice & HAS_GROUP && i % 2) ? GROUP : sample_flow.to_ip;
    f.to_ip += i % 16 == 10 ? 1 : 0;
    f.to_port = (uint16_t)(f.to_port + (i % 16 == 11));
    f.has_checksum = i % 4 != 3;
    n = slow_frame_write(out, &f, &extra, payload, n_payload);
    ip_at = f.vlan != 0 || extra.tag != 0 ? 18 : 14;
    if (i % 16 == 12) { /* TCP, and a right sum */
        out[ip_at + 9] = 6;
        slow_mend_ip(out + ip_at);
    }
    if (i % 16 == 13) /* ARP */
        slow_put(out + ip_at - 2, 2, 0x0806);
    if (i % 16 == 14) /* one more tag */
        slow_put(out + ip_at - 2, 2, 0x8100);
    if (i % 16 == 15)
        n = n / 2;
    return n;
}

size_t fuzz_seed(unsigned i, uint8_t *out)
{
    static const uint8_t choices[] = {0,
                                      VERIFIES,
                                      VERIFIES | HAS_VLAN,
                                      VERIFIES | HAS_GROUP | 3 << BURST_SHIFT,
                                      GROUP_ONLY | 15 << BURST_SHIFT,
                                      VERIFIES | HAS_VLAN | GROUP_ONLY | 1 << BURST_SHIFT};
    size_t n = 1;

    if (i >= 4 * RL_COUNT(choices))
        return 0;
    out[0] = choices[i % RL_COUNT(choices)];
    for (unsigned k = 0; k < 5; k++) {
        uint32_t n_frame = seed_frame(out + n + 2, out[0], i + 3 * k);

        slow_put(out + n, 2, n_frame);
        n += 2 + n_frame;
    }
    return n;
}
