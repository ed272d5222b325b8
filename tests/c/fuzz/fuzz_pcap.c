/*
 * Packet captures, pcap and pcapng: files of both kinds, damaged; the payloads that come out are
 * whole packets of what the capture was found to speak.
 */
#include "fuzz_file.h"
#include "market/codec/mold.h"

static void check_capture(enum rl_source source, const uint8_t *data, size_t size)
{
    static struct rl_replay_survey survey;
    struct rl_replay_want want = {.source = source};
    struct rl_replay_error error;
    uint64_t n = fuzz_file(source, data, size), n_only;

    if (n == 0 || rl_replay_survey(&want, data, size, &survey, &error) != 0)
        return;
    for (uint64_t i = 0; i < n; i++) {
        uint16_t n_messages;

        CHECK(rl_payload_is_whole(survey.payload, data + fuzz_recs[i].offset, fuzz_recs[i].n_bytes,
                                  &n_messages));
        CHECK_EQ(fuzz_recs[i].n_messages, n_messages);
    }
    /* One line alone has as many packets as were counted for it. */
    want.payload = survey.payload;
    want.only = &survey.lines[0];
    want.n_only = 1;
    n_only = survey.lines[0].n_packets;
    {
        static struct rl_replay_survey one;

        CHECK_EQ(rl_replay_survey(&want, data, size, &one, &error), 0);
        CHECK_EQ(one.n_records, n_only);
        CHECK_EQ(one.n_lines, 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > FUZZ_MAX)
        return 0;
    check_capture(RL_SOURCE_PCAP, data, size);
    check_capture(RL_SOURCE_PCAPNG, data, size);
    return 0;
}

/* --- seeds ------------------------------------------------------------------------------------ */

enum { SEED_BIG = 1, SEED_NANO = 2, SEED_VLAN = 4, SEED_IPV6 = 8, SEED_NG = 16, N_PCAP_SEEDS = 32 };

static uint32_t turned(uint32_t x, unsigned bits)
{
    return bits & SEED_BIG ? __builtin_bswap32(x) : x;
}

/* An Ethernet frame with a MoldUDP64 packet of k messages to line k % 2. */
static uint32_t seed_frame(uint8_t *frame, unsigned k, unsigned bits)
{
    uint32_t at = bits & SEED_VLAN ? 18 : 14, n_ip = bits & SEED_IPV6 ? 40 : 20, n_payload;
    struct rl_mold_writer w;
    uint8_t *udp = frame + at + n_ip;

    memset(frame, 0, at + n_ip + 8);
    if (bits & SEED_VLAN)
        memcpy(frame + 12, "\x81\0\0\1", 4);
    rl_mold_begin(&w, udp + 8, 100, "SESSION  1", k + 1);
    for (unsigned m = 0; m < k; m++)
        CHECK(rl_mold_add(&w, "message", 7));
    n_payload = rl_mold_finish(&w);
    if (bits & SEED_IPV6) {
        memcpy(frame + at - 2, "\x86\xDD", 2);
        frame[at] = 0x60;
        rl_put_be16(frame + at + 4, (uint16_t)(8 + n_payload));
        frame[at + 6] = 17;
        frame[at + 39] = (uint8_t)(k % 2);
    } else {
        frame[at - 2] = 0x08;
        frame[at] = 0x45;
        rl_put_be16(frame + at + 2, (uint16_t)(28 + n_payload));
        frame[at + 9] = 17;
        frame[at + 19] = (uint8_t)(k % 2);
    }
    rl_put_be16(udp + 2, (uint16_t)(14000 + k % 2));
    rl_put_be16(udp + 4, (uint16_t)(8 + n_payload));
    return at + n_ip + 8 + n_payload;
}

static size_t put32(uint8_t *out, unsigned bits, const uint32_t *words, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint32_t x = turned(words[i], bits);

        memcpy(out + 4 * i, &x, 4);
    }
    return 4u * n;
}

/* Two half words as one word of the byte order. */
static uint32_t halves(uint32_t first, uint32_t second, unsigned bits)
{
    return bits & SEED_BIG ? first << 16 | second : second << 16 | first;
}

static size_t pcap_seed(uint8_t *out, unsigned bits)
{
    const uint32_t head[6] = {
        bits & SEED_NANO ? 0xA1B23C4D : 0xA1B2C3D4, halves(2, 4, bits), 0, 0, 65535, 1};
    size_t n = put32(out, bits, head, 6);

    for (unsigned k = 0; k < 3; k++) {
        uint32_t n_frame = seed_frame(out + n + 16, k, bits);
        const uint32_t packet[4] = {1000 + k, 5, n_frame, n_frame};

        n += put32(out + n, bits, packet, 4) + n_frame;
    }
    return n;
}

static size_t pcapng_seed(uint8_t *out, unsigned bits)
{
    const uint32_t section[7] = {0x0A0D0D0A, 28,         0x1A2B3C4D, halves(1, 0, bits),
                                 UINT32_MAX, UINT32_MAX, 28};
    /* if_tsresol 9 with nanoseconds, and the end of the options */
    const uint32_t nano[8] = {1, 32, halves(1, 0, bits), 0, halves(9, 1, bits), 0, 0, 32};
    const uint32_t micro[5] = {1, 20, halves(1, 0, bits), 0, 20};
    size_t n = put32(out, bits, section, 7);

    if (bits & SEED_NANO) {
        n += put32(out + n, bits, nano, 8);
        out[n - 12] = 9; /* the value is a byte, in either order the first */
        memset(out + n - 11, 0, 3);
    } else {
        n += put32(out + n, bits, micro, 5);
    }
    for (unsigned k = 0; k < 3; k++) {
        uint8_t *block = out + n;
        uint32_t n_frame = seed_frame(block + 28, k, bits), n_padded = (n_frame + 3) & ~3u;
        const uint32_t head[7] = {6, 32 + n_padded, 0, 0x5F000, k, n_frame, n_frame};
        const uint32_t tail = 32 + n_padded;

        memset(block + 28 + n_frame, 0, n_padded - n_frame);
        n += put32(block, bits, head, 7) + n_padded;
        n += put32(out + n, bits, &tail, 1);
    }
    return n;
}

size_t fuzz_seed(unsigned i, uint8_t *out)
{
    if (i >= N_PCAP_SEEDS)
        return 0;
    return i & SEED_NG ? pcapng_seed(out, i) : pcap_seed(out, i);
}
