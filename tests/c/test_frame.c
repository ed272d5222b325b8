/*
 * Frames are written to the byte as the standards have them, and read back only when every header
 * is right and they are for us; else the first thing wrong from the outside in is the reason.
 */
#include <errno.h>

#include "hex.h"
#include "sample_flow.h"
#include "slow_frame.h"

#define GROUP 0xEF010203    /* 239.1.2.3 */
#define SAME_MAC 0xE0810203 /* 224.129.2.3: another group, the same MAC */

static struct rl_flow_filter receiver(void)
{
    struct rl_flow_filter f = {.mac = {2, 0, 0, 0, 0, 2}, .ip = 0x0A000002, .port = 4002};

    f.verifies_checksum = true;
    return f;
}

static void test_sums_are_those_of_the_slow_one_at_every_length_and_place(void)
{
    static uint8_t bytes[65600];
    uint64_t random = 1;

    for (uint32_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(check_random(&random) >> 32);
    for (int all_ones = 0; all_ones < 2; all_ones++) {
        for (uint32_t n = 0; n < 300; n++)
            for (uint32_t at = 0; at < 9; at++)
                CHECK_EQ(__builtin_bswap16(rl_sum_fold(rl_sum_bytes(bytes + at, n))),
                         slow_sum(0, bytes + at, n));
        CHECK_EQ(__builtin_bswap16(rl_sum_fold(rl_sum_bytes(bytes, 65535))),
                 slow_sum(0, bytes, 65535));
        memset(bytes, 0xFF, sizeof bytes); /* most carries */
    }
    CHECK(rl_sum_fold(UINT64_MAX) == 0xFFFF && rl_sum_fold(0) == 0 && rl_sum_fold(1) == 1);
    CHECK_EQ(rl_sum_fold(0xFFFFFFFF00000001), 1);
}

static void test_a_header_of_known_checksum_sums_up(void)
{
    uint8_t ip[20];

    CHECK_EQ(hex_bytes("4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7", ip), 20);
    CHECK(rl_sum_is_right(rl_sum_bytes(ip, 20)));
    ip[19] ^= 1;
    CHECK(!rl_sum_is_right(rl_sum_bytes(ip, 20)));
}

static uint32_t write_frame(uint8_t *out, const struct rl_flow *f, const uint8_t *payload,
                            uint32_t n, uint16_t ip_id)
{
    struct rl_frame_template t;

    CHECK_EQ(rl_frame_template_init(&t, f), 0);
    memset(out, 0xEE, SLOW_FRAME_MAX);
    if (n > 0)
        memcpy(out + t.n_header, payload, n);
    return rl_frame_write(&t, out, n, ip_id);
}

static void test_frames_are_written_as_the_slow_one_writes_them(void)
{
    static const uint32_t to_ips[] = {0x0A000002, GROUP, SAME_MAC, 0xFFFFFFFF, 0xDFFFFFFF};
    uint8_t payload[1472], fast[SLOW_FRAME_MAX], slow[SLOW_FRAME_MAX];
    uint64_t random = 2;

    for (uint32_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(check_random(&random) >> 32);
    for (uint32_t i = 0; i < 4000; i++) {
        struct rl_flow f = sample_flow;
        struct slow_extra extra = {.flags = 0x4000, .ip_id = (uint16_t)(i % 3 ? 0 : i * 7919)};
        uint32_t n = i < 1473 ? i : i % 130, n_fast, n_slow;

        f.to_ip = to_ips[i % RL_COUNT(to_ips)];
        f.vlan = (uint16_t)(i % 2 * (1 + i % 4094));
        f.ttl = (uint8_t)(i % 4 == 3 ? i : 0);
        f.has_checksum = i % 5 != 0;
        f.from_port = (uint16_t)check_random(&random);
        f.from_ip = (uint32_t)(check_random(&random) % 0xE0000000);
        n_fast = write_frame(fast, &f, payload, n, extra.ip_id);
        n_slow = slow_frame_write(slow, &f, &extra, payload, n);
        hex_check(fast, n_fast, slow, n_slow, "a frame");
        CHECK_EQ(fast[n_fast], 0xEE); /* nothing behind the payload */
        CHECK_EQ(slow_agrees(fast, n_fast, NULL), RL_FRAME_OK);
    }
}

static void test_a_udp_checksum_of_zero_is_sent_as_all_ones(void)
{
    struct rl_flow_filter want = receiver();
    uint8_t payload[2] = {0, 0}, frame[SLOW_FRAME_MAX];
    uint32_t n = write_frame(frame, &sample_flow, payload, 2, 0);

    memcpy(payload, frame + 40, 2); /* what is missing to a sum of all ones */
    n = write_frame(frame, &sample_flow, payload, 2, 0);
    CHECK(frame[40] == 0xFF && frame[41] == 0xFF);
    CHECK_EQ(slow_agrees(frame, n, &want), RL_FRAME_OK);
    frame[40] = frame[41] = 0; /* none was computed, and none is verified */
    frame[43] ^= 1;
    CHECK_EQ(slow_agrees(frame, n, &want), RL_FRAME_OK);
}

static void test_a_largest_datagram_goes_through(void)
{
    static uint8_t frame[RL_FRAME_HEADER_MAX + RL_FRAME_PAYLOAD_MAX];
    struct rl_flow_filter want = receiver();
    struct rl_frame_template t;
    uint32_t n;

    CHECK_EQ(rl_frame_template_init(&t, &sample_flow), 0);
    memset(frame, 0xFF, sizeof frame);
    n = rl_frame_write(&t, frame, RL_FRAME_PAYLOAD_MAX, 0xFFFF);
    CHECK_EQ(n, 14 + 65535);
    CHECK_EQ(slow_agrees(frame, n, &want), RL_FRAME_OK);
    CHECK_EQ(slow_agrees(frame, n - 1, &want), RL_FRAME_BAD_LENGTH);
}

static void test_a_flow_that_cannot_be_is_refused(void)
{
    struct rl_frame_template t;
    struct rl_flow f;

#define REFUSED(edit)                                      \
    do {                                                   \
        f = sample_flow;                                   \
        edit;                                              \
        CHECK(rl_flow_refusal(&f) != NULL);                \
        CHECK_EQ(rl_frame_template_init(&t, &f), -EINVAL); \
    } while (0)
    REFUSED(f.from_mac[0] = 1);
    REFUSED(f.to_mac[0] = 0xFF);
    REFUSED(f.from_ip = GROUP);
    REFUSED(f.to_ip = 0);
    REFUSED(f.to_port = 0);
    REFUSED(f.vlan = 4095);
#undef REFUSED
    f = sample_flow;
    CHECK(rl_flow_refusal(&f) == NULL);
    f.to_ip = GROUP; /* whose MAC is its own, whatever to_mac says */
    f.to_mac[0] = 1;
    CHECK(rl_flow_refusal(&f) == NULL);
}

static void test_a_filter_that_hears_nothing_is_refused(void)
{
    struct rl_flow_filter f;

#define REFUSED(edit)                              \
    do {                                           \
        f = receiver();                            \
        edit;                                      \
        CHECK(rl_flow_filter_refusal(&f) != NULL); \
    } while (0)
    REFUSED(f.mac[0] = 1);
    REFUSED(f.ip = 0);
    REFUSED(f.ip = GROUP);
    REFUSED(f.group = 0x0A000002);
    REFUSED(f.port = 0);
    REFUSED(f.vlan = 4095);
#undef REFUSED
    f = receiver();
    CHECK(rl_flow_filter_refusal(&f) == NULL);
    f.ip = 0;
    f.group = GROUP;
    CHECK(rl_flow_filter_refusal(&f) == NULL);
}

static void test_the_mirror_hears_what_answers(void)
{
    struct rl_flow there = sample_flow, back = sample_flow;
    struct rl_flow_filter want;
    uint8_t frame[SLOW_FRAME_MAX];

    there.vlan = back.vlan = 7;
    want = rl_flow_mirror(&there);
    memcpy(back.from_mac, there.to_mac, 6);
    memcpy(back.to_mac, there.from_mac, 6);
    back.from_ip = there.to_ip;
    back.to_ip = there.from_ip;
    back.from_port = there.to_port;
    back.to_port = there.from_port;
    CHECK(rl_flow_filter_refusal(&want) == NULL && !want.verifies_checksum);
    CHECK_EQ(slow_agrees(frame, write_frame(frame, &back, NULL, 0, 0), &want), RL_FRAME_OK);
    CHECK_EQ(slow_agrees(frame, write_frame(frame, &there, NULL, 0, 0), &want), RL_FRAME_WRONG_MAC);
}

/* A good frame with one thing changed: by value at an offset, then cut, checksums mended or not. */
struct damage {
    const char *what;
    enum rl_frame_reason reason;
    uint16_t at, n_bytes; /* 0: nothing is changed */
    uint32_t value;
    uint16_t n_frame; /* 0: all of it */
    bool is_mended;   /* the IP checksum is right for what is there */
};

#define IP 14
#define UDP 34
#define N_GOOD 62 /* 20 bytes of payload */

static const struct damage damages[] = {
    {.what = "nothing", .reason = RL_FRAME_OK},
    {.what = "no byte", .reason = RL_FRAME_TOO_SHORT, .n_frame = 1},
    {.what = "half a MAC", .reason = RL_FRAME_TOO_SHORT, .n_frame = 3},
    {.what = "no whole type", .reason = RL_FRAME_TOO_SHORT, .n_frame = 13},
    {.what = "Ethernet only", .reason = RL_FRAME_TOO_SHORT, .n_frame = 14},
    {.what = "no whole IP header", .reason = RL_FRAME_TOO_SHORT, .n_frame = 33},
    {.what = "IP header only", .reason = RL_FRAME_BAD_LENGTH, .n_frame = 34},
    {.what = "no whole UDP header", .reason = RL_FRAME_BAD_LENGTH, .n_frame = 41},
    {.what = "a byte short", .reason = RL_FRAME_BAD_LENGTH, .n_frame = 61},
    {.what = "to another host", .reason = RL_FRAME_WRONG_MAC, .at = 5, .n_bytes = 1, .value = 3},
    {.what = "broadcast", .reason = RL_FRAME_WRONG_MAC, .n_bytes = 2, .value = 0xFFFF},
    {.what = "service tag", .reason = RL_FRAME_QINQ, .at = 12, .n_bytes = 2, .value = 0x88A8},
    {.what = "ARP", .reason = RL_FRAME_NOT_IPV4, .at = 12, .n_bytes = 2, .value = 0x0806},
    {.what = "IPv6", .reason = RL_FRAME_NOT_IPV4, .at = 12, .n_bytes = 2, .value = 0x86DD},
    {.what = "802.3 length", .reason = RL_FRAME_NOT_IPV4, .at = 12, .n_bytes = 2, .value = 48},
    {.what = "version 6", .reason = RL_FRAME_BAD_VERSION, .at = IP, .n_bytes = 1, .value = 0x65},
    {.what = "IHL 4", .reason = RL_FRAME_BAD_VERSION, .at = IP, .n_bytes = 1, .value = 0x44},
    {.what = "IHL over the end",
     .reason = RL_FRAME_TOO_SHORT,
     .at = IP,
     .n_bytes = 1,
     .value = 0x4F},
    {.what = "IHL over the length",
     .reason = RL_FRAME_BAD_LENGTH,
     .at = IP,
     .n_bytes = 4,
     .value = 0x4C000020},
    {.what = "IP length of 19",
     .reason = RL_FRAME_BAD_LENGTH,
     .at = IP + 2,
     .n_bytes = 2,
     .value = 19},
    {.what = "IP length of 65535",
     .reason = RL_FRAME_BAD_LENGTH,
     .at = IP + 2,
     .n_bytes = 2,
     .value = 0xFFFF},
    {.what = "a TTL nobody summed",
     .reason = RL_FRAME_BAD_IP_CHECKSUM,
     .at = IP + 8,
     .n_bytes = 1,
     .value = 63},
    {.what = "no IP checksum",
     .reason = RL_FRAME_BAD_IP_CHECKSUM,
     .at = IP + 10,
     .n_bytes = 2,
     .value = 0},
    {.what = "to another address",
     .reason = RL_FRAME_WRONG_ADDRESS,
     .at = IP + 16,
     .n_bytes = 4,
     .value = 0x0A000003,
     .is_mended = true},
    {.what = "a first fragment",
     .reason = RL_FRAME_FRAGMENT,
     .at = IP + 6,
     .n_bytes = 2,
     .value = 0x2000,
     .is_mended = true},
    {.what = "a later fragment",
     .reason = RL_FRAME_FRAGMENT,
     .at = IP + 6,
     .n_bytes = 2,
     .value = 1,
     .is_mended = true},
    {.what = "the reserved flag",
     .reason = RL_FRAME_OK,
     .at = IP + 6,
     .n_bytes = 2,
     .value = 0x8000,
     .is_mended = true},
    {.what = "TCP",
     .reason = RL_FRAME_NOT_UDP,
     .at = IP + 9,
     .n_bytes = 1,
     .value = 6,
     .is_mended = true},
    {.what = "no room for UDP",
     .reason = RL_FRAME_BAD_UDP_LENGTH,
     .at = IP + 2,
     .n_bytes = 2,
     .value = 27,
     .is_mended = true},
    {.what = "UDP length of 7",
     .reason = RL_FRAME_BAD_UDP_LENGTH,
     .at = UDP + 4,
     .n_bytes = 2,
     .value = 7},
    {.what = "UDP length of one more",
     .reason = RL_FRAME_BAD_UDP_LENGTH,
     .at = UDP + 4,
     .n_bytes = 2,
     .value = 29},
    {.what = "to another port",
     .reason = RL_FRAME_WRONG_PORT,
     .at = UDP + 2,
     .n_bytes = 2,
     .value = 4003},
    {.what = "a payload nobody summed",
     .reason = RL_FRAME_BAD_UDP_CHECKSUM,
     .at = N_GOOD - 1,
     .n_bytes = 1,
     .value = 0xFF},
    {.what = "a shorter UDP length",
     .reason = RL_FRAME_BAD_UDP_CHECKSUM,
     .at = UDP + 4,
     .n_bytes = 2,
     .value = 27},
    {.what = "a byte behind the packet", .reason = RL_FRAME_OK, .n_frame = N_GOOD + 1},
};

static void test_each_damage_has_its_reason(void)
{
    static const uint8_t payload[20] = "payload of 20 bytes";
    struct rl_flow_filter want = receiver();
    bool was_seen[RL_N_FRAME_REASONS] = {false};

    for (uint32_t i = 0; i < RL_COUNT(damages); i++) {
        const struct damage *damage = &damages[i];
        uint8_t frame[SLOW_FRAME_MAX], *exact;
        uint32_t n = write_frame(frame, &sample_flow, payload, 20, 0);
        enum rl_frame_reason reason;

        CHECK_EQ(n, N_GOOD);
        slow_put(frame + damage->at, damage->n_bytes, damage->value);
        if (damage->is_mended)
            slow_mend_ip(frame + IP);
        n = damage->n_frame != 0 ? damage->n_frame : n;
        exact = hex_exactly(frame, n);
        reason = slow_agrees(exact, n, &want);
        free(exact);
        if (reason != damage->reason)
            fprintf(stderr, "%s\n", damage->what);
        CHECK_EQ(reason, damage->reason);
        was_seen[reason] = true;
    }
    for (int r = 0; r < RL_N_FRAME_REASONS; r++) /* VLANs have their own test */
        CHECK(was_seen[r] || r == RL_FRAME_WRONG_VLAN);
}

static void test_vlans_are_kept_apart(void)
{
    struct rl_flow tagged = sample_flow;
    struct rl_flow_filter want = receiver();
    uint8_t frame[SLOW_FRAME_MAX], twice[SLOW_FRAME_MAX];
    struct slow_extra extra = {.tag = 0xE000}; /* highest priority, no VLAN */
    uint32_t n;

    tagged.vlan = 100;
    n = write_frame(frame, &tagged, NULL, 0, 0);
    CHECK_EQ(slow_agrees(frame, n, &want), RL_FRAME_WRONG_VLAN);
    want.vlan = 100;
    CHECK_EQ(slow_agrees(frame, n, &want), RL_FRAME_OK);
    want.vlan = 101;
    CHECK_EQ(slow_agrees(frame, n, &want), RL_FRAME_WRONG_VLAN);
    frame[14] |= 0xF0; /* priority and drop eligibility are no part of the VLAN */
    want.vlan = 100;
    CHECK_EQ(slow_agrees(frame, n, &want), RL_FRAME_OK);
    for (uint32_t cut = 14; cut < 18; cut++)
        CHECK_EQ(slow_agrees(frame, cut, &want), RL_FRAME_TOO_SHORT);
    CHECK_EQ(slow_agrees(frame, n, NULL), RL_FRAME_OK);

    memcpy(twice, frame, 16);
    memcpy(twice + 16, frame + 12, n - 12);
    CHECK_EQ(slow_agrees(twice, n + 4, &want), RL_FRAME_QINQ);

    n = write_frame(frame, &sample_flow, NULL, 0, 0);
    CHECK_EQ(slow_agrees(frame, n, &want), RL_FRAME_WRONG_VLAN);
    want.vlan = 0;
    n = slow_frame_write(frame, &sample_flow, &extra, NULL, 0);
    CHECK_EQ(slow_agrees(frame, n, &want), RL_FRAME_OK); /* a priority tag names no VLAN */
}

static void test_options_are_stepped_over_and_padding_is_left(void)
{
    static const uint8_t payload[6] = "hello";
    struct rl_flow_filter want = receiver();

    for (uint32_t n_options = 0; n_options <= 40; n_options += 4)
        for (uint32_t n_padding = 0; n_padding < 50; n_padding++) {
            struct slow_extra extra = {.n_options = n_options, .n_padding = n_padding};
            uint8_t frame[SLOW_FRAME_MAX];
            uint32_t n = slow_frame_write(frame, &sample_flow, &extra, payload, sizeof payload);
            struct rl_datagram d;

            CHECK_EQ(slow_agrees(frame, n, &want), RL_FRAME_OK);
            CHECK_EQ(rl_frame_read(frame, n, &want, &d), RL_FRAME_OK);
            CHECK_EQ(d.n_bytes, sizeof payload);
            CHECK(memcmp(d.payload, payload, sizeof payload) == 0);
            CHECK(d.from_ip == sample_flow.from_ip && d.to_ip == sample_flow.to_ip);
            CHECK(d.from_port == sample_flow.from_port && d.to_port == sample_flow.to_port &&
                  d.vlan == 0);
            if (n_options > 0) {
                frame[IP + 20] ^= 4; /* options are summed too */
                CHECK_EQ(slow_agrees(frame, n, &want), RL_FRAME_BAD_IP_CHECKSUM);
            }
        }
}

static void test_a_group_is_heard_and_its_namesakes_are_not(void)
{
    struct rl_flow to_group = sample_flow;
    struct rl_flow_filter want = receiver(), own = receiver();
    uint8_t frame[SLOW_FRAME_MAX], mac[6];
    uint32_t n;

    rl_group_mac(mac, GROUP);
    CHECK(memcmp(mac, "\x01\x00\x5e\x01\x02\x03", 6) == 0);
    rl_group_mac(mac, SAME_MAC);
    CHECK(memcmp(mac, "\x01\x00\x5e\x01\x02\x03", 6) == 0);
    to_group.to_ip = GROUP;
    n = write_frame(frame, &to_group, NULL, 0, 0);
    CHECK(memcmp(frame, mac, 6) == 0);
    CHECK_EQ(slow_agrees(frame, n, &own), RL_FRAME_WRONG_MAC);
    want.group = GROUP;
    CHECK_EQ(slow_agrees(frame, n, &want), RL_FRAME_OK);
    want.group = SAME_MAC;
    CHECK_EQ(slow_agrees(frame, n, &want), RL_FRAME_WRONG_ADDRESS);
    want.group = GROUP + 1;
    CHECK_EQ(slow_agrees(frame, n, &want), RL_FRAME_WRONG_MAC);

    want.group = GROUP; /* beside it, what is sent to us alone */
    n = write_frame(frame, &sample_flow, NULL, 0, 0);
    CHECK_EQ(slow_agrees(frame, n, &want), RL_FRAME_OK);
    want.ip = 0;
    CHECK_EQ(slow_agrees(frame, n, &want), RL_FRAME_WRONG_MAC);

    want = receiver(); /* an address goes with its kind of MAC */
    want.group = GROUP;
    memcpy(frame, mac, 6);
    CHECK_EQ(slow_agrees(frame, n, &want), RL_FRAME_WRONG_ADDRESS);
    n = write_frame(frame, &to_group, NULL, 0, 0);
    memcpy(frame, want.mac, 6);
    CHECK_EQ(slow_agrees(frame, n, &want), RL_FRAME_WRONG_ADDRESS);
}

/* A frame of ours, mostly; then up to three bytes of it changed, checksums often mended, cut. */
static uint32_t some_frame(uint8_t *frame, struct rl_flow_filter *want, uint64_t *random)
{
    uint64_t r = check_random(random);
    struct slow_extra extra = {.n_options = (uint32_t)(r % 8 == 0 ? r / 8 % 11 * 4 : 0),
                               .n_padding = (uint32_t)(r / 128 % 3 * 9)};
    uint32_t n_payload = (uint32_t)(r / 512 % 80), n, ip_at;
    struct rl_flow f = sample_flow;
    uint8_t payload[80];

    *want = receiver();
    want->verifies_checksum = r / 7 % 4 != 0;
    want->vlan = r / 11 % 4 == 0 ? 9 : 0;
    f.vlan = r / 13 % 8 == 0 ? 5 : want->vlan;
    want->group = r / 17 % 2 ? GROUP : 0;
    if (r / 19 % 4 == 0)
        f.to_ip = r / 23 % 4 == 0 ? SAME_MAC : GROUP;
    f.has_checksum = r / 29 % 4 != 0;
    for (uint32_t i = 0; i < n_payload; i++)
        payload[i] = (uint8_t)check_random(random);
    n = slow_frame_write(frame, &f, &extra, payload, n_payload);
    ip_at = f.vlan != 0 ? IP + 4 : IP;
    for (uint64_t i = r / 31 % 4; i > 0; i--) {
        uint64_t s = check_random(random);
        uint32_t n_places = s % 4 == 0 ? n : ip_at + 28; /* mostly in the headers */

        frame[s / 4 % (n_places < n ? n_places : n)] ^= (uint8_t)(1u << (s >> 40) % 8);
    }
    if (r / 43 % 64 == 0)
        slow_put(frame + 12, 2, r / 47 % 2 ? 0x88A8 : 0x86DD);
    if (r / 53 % 64 == 0)
        frame[ip_at + 9] = 6;
    if (r / 37 % 2 && ip_at + 4u * (frame[ip_at] & 15u) <= n)
        slow_mend_ip(frame + ip_at);
    return r / 41 % 8 == 0 ? (uint32_t)(check_random(random) % (n + 1)) : n;
}

static void test_random_frames_are_read_as_the_slow_one_reads_them(void)
{
    uint32_t n_seen[RL_N_FRAME_REASONS] = {0};
    uint64_t random = 3;

    for (uint32_t i = 0; i < 60000; i++) {
        struct rl_flow_filter want;
        uint8_t frame[SLOW_FRAME_MAX], *exact;
        uint32_t n = some_frame(frame, &want, &random);

        exact = hex_exactly(frame, n);
        n_seen[slow_agrees(exact, n, i % 16 ? &want : NULL)]++;
        free(exact);
    }
    for (int r = 0; r < RL_N_FRAME_REASONS; r++) { /* else nothing was compared */
        if (n_seen[r] < 100)
            fprintf(stderr, "%s: %u\n", rl_frame_reason_name(r), n_seen[r]);
        CHECK(n_seen[r] >= 100);
    }
}

static void test_every_reason_has_a_name_and_a_text(void)
{
    CHECK(strcmp(rl_frame_reason_name(RL_FRAME_OK), "ok") == 0);
    CHECK(strcmp(rl_frame_reason_name(RL_FRAME_BAD_UDP_CHECKSUM), "bad_udp_checksum") == 0);
    CHECK(strcmp(rl_frame_reason_text(RL_FRAME_BAD_UDP_CHECKSUM), "a wrong UDP checksum") == 0);
    CHECK(strcmp(rl_frame_reason_name(RL_N_FRAME_REASONS), "?") == 0);
    CHECK(strcmp(rl_frame_reason_text(RL_N_FRAME_REASONS), "?") == 0);
}

int main(void)
{
    test_sums_are_those_of_the_slow_one_at_every_length_and_place();
    test_a_header_of_known_checksum_sums_up();
    test_frames_are_written_as_the_slow_one_writes_them();
    test_a_udp_checksum_of_zero_is_sent_as_all_ones();
    test_a_largest_datagram_goes_through();
    test_a_flow_that_cannot_be_is_refused();
    test_a_filter_that_hears_nothing_is_refused();
    test_the_mirror_hears_what_answers();
    test_each_damage_has_its_reason();
    test_vlans_are_kept_apart();
    test_options_are_stepped_over_and_padding_is_left();
    test_a_group_is_heard_and_its_namesakes_are_not();
    test_random_frames_are_read_as_the_slow_one_reads_them();
    test_every_reason_has_a_name_and_a_text();
    return 0;
}
