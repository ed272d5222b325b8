/*
 * slow_frame - frames built and read byte by byte from the standards, sharing nothing with the
 * product but the names of flows and reasons: what csrc/net/frame.h is compared with.
 */
#ifndef RL_TESTS_SLOW_FRAME_H
#define RL_TESTS_SLOW_FRAME_H

#include <string.h>

#include "check.h"
#include "net/frame.h"

#define SLOW_FRAME_MAX 2048

/* RFC 1071 as its text has it: 16-bit words in order, the carry added at once. */
static inline uint32_t slow_sum(uint32_t sum, const uint8_t *bytes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i += 2) {
        sum += 256u * bytes[i] + (i + 1 < n ? bytes[i + 1] : 0u);
        if (sum > 0xFFFF)
            sum -= 0xFFFF;
    }
    return sum;
}

static inline uint32_t slow_word(const uint8_t *bytes)
{
    return 256u * bytes[0] + bytes[1];
}

static inline void slow_put(uint8_t *bytes, uint32_t n, uint64_t value)
{
    for (uint32_t i = n; i-- > 0; value /= 256)
        bytes[i] = (uint8_t)(value % 256);
}

/* Of a UDP packet of n bytes inside an IP packet, its checksum field included. */
static inline uint32_t slow_udp_sum(const uint8_t *ip, const uint8_t *udp, uint32_t n)
{
    uint8_t pseudo[12];

    memcpy(pseudo, ip + 12, 8);
    slow_put(pseudo + 8, 2, 17);
    slow_put(pseudo + 10, 2, n);
    return slow_sum(slow_sum(0, pseudo, sizeof pseudo), udp, n);
}

/* What a frame is made of beside its flow. */
struct slow_extra {
    uint32_t n_options; /* bytes of IP options, a multiple of 4 up to 40 */
    uint32_t n_padding; /* behind the IP packet */
    uint16_t ip_id;
    uint16_t flags; /* and fragment offset, as in the header; the product sends 0x4000 */
    uint16_t tag;   /* priority and drop eligibility of the VLAN tag */
};

static inline void slow_mend_ip(uint8_t *ip)
{
    uint32_t n_header = 4u * (ip[0] & 15u);

    slow_put(ip + 10, 2, 0);
    slow_put(ip + 10, 2, 0xFFFF - slow_sum(0, ip, n_header));
}

static inline void slow_mend_udp(const uint8_t *ip, uint8_t *udp)
{
    uint32_t n = slow_word(udp + 4), sum;

    slow_put(udp + 6, 2, 0);
    sum = 0xFFFF - slow_udp_sum(ip, udp, n);
    slow_put(udp + 6, 2, sum == 0 ? 0xFFFF : sum);
}

/* Into `out`; returns the length. */
static inline uint32_t slow_frame_write(uint8_t *out, const struct rl_flow *flow,
                                        const struct slow_extra *extra, const uint8_t *payload,
                                        uint32_t n_payload)
{
    bool is_group = flow->to_ip >= 0xE0000000 && flow->to_ip <= 0xEFFFFFFF;
    uint32_t n_ip = 20 + extra->n_options + 8 + n_payload;
    uint8_t *p = out, *ip;

    memcpy(p, flow->to_mac, 6);
    if (is_group) {
        slow_put(p, 3, 0x01005E);
        slow_put(p + 3, 3, flow->to_ip % (1u << 23));
    }
    memcpy(p + 6, flow->from_mac, 6);
    p += 12;
    if (flow->vlan != 0 || extra->tag != 0) {
        slow_put(p, 2, 0x8100);
        slow_put(p + 2, 2, (uint64_t)extra->tag + flow->vlan);
        p += 4;
    }
    slow_put(p, 2, 0x0800);
    ip = p + 2;
    memset(ip, 0, 20);
    ip[0] = (uint8_t)(0x40 + 5 + extra->n_options / 4);
    slow_put(ip + 2, 2, n_ip);
    slow_put(ip + 4, 2, extra->ip_id);
    slow_put(ip + 6, 2, extra->flags);
    ip[8] = flow->ttl != 0 ? flow->ttl : is_group ? 1 : 64;
    ip[9] = 17;
    slow_put(ip + 12, 4, flow->from_ip);
    slow_put(ip + 16, 4, flow->to_ip);
    memset(ip + 20, 1, extra->n_options); /* "no operation" */
    slow_mend_ip(ip);
    p = ip + 20 + extra->n_options;
    slow_put(p, 2, flow->from_port);
    slow_put(p + 2, 2, flow->to_port);
    slow_put(p + 4, 2, 8 + n_payload);
    slow_put(p + 6, 2, 0);
    if (n_payload > 0)
        memcpy(p + 8, payload, n_payload);
    if (flow->has_checksum)
        slow_mend_udp(ip, p);
    p += 8 + n_payload;
    memset(p, 0xA5, extra->n_padding);
    return (uint32_t)(p - out) + extra->n_padding;
}

/* What a frame says, and where its payload lies. */
struct slow_read {
    enum rl_frame_reason reason;
    uint32_t payload_at, n_payload, vlan;
};

static inline bool slow_same(const uint8_t *bytes, uint32_t n, uint64_t value)
{
    uint8_t wanted[8];

    slow_put(wanted, n, value);
    return memcmp(bytes, wanted, n) == 0;
}

static inline bool slow_mac_is_wanted(const uint8_t *mac, const struct rl_flow_filter *want)
{
    if (want->group != 0 && slow_same(mac, 3, 0x01005E) &&
        slow_same(mac + 3, 3, want->group % (1u << 23)))
        return true;
    return (want->ip != 0 || want->group == 0) && memcmp(mac, want->mac, 6) == 0;
}

static inline struct slow_read slow_read_ip(const uint8_t *frame, uint32_t at, uint32_t end,
                                            const struct rl_flow_filter *want, struct slow_read r)
{
    const uint8_t *ip = frame + at, *udp;
    uint32_t n_header, n_ip, n_udp, address;

    r.reason = RL_FRAME_TOO_SHORT;
    if (at + 20 > end)
        return r;
    n_header = 4u * (ip[0] % 16u);
    if (ip[0] / 16 != 4 || n_header < 20) {
        r.reason = RL_FRAME_BAD_VERSION;
        return r;
    }
    if (at + n_header > end)
        return r;
    n_ip = slow_word(ip + 2);
    r.reason = RL_FRAME_BAD_LENGTH;
    if (n_ip < n_header || at + n_ip > end)
        return r;
    r.reason = RL_FRAME_BAD_IP_CHECKSUM;
    if (slow_sum(0, ip, n_header) != 0xFFFF)
        return r;
    r.reason = RL_FRAME_WRONG_ADDRESS;
    if (want != NULL) {
        address = frame[0] % 2 == 1 ? want->group : want->ip;
        if (!slow_same(ip + 16, 4, address))
            return r;
    }
    r.reason = RL_FRAME_FRAGMENT;
    if (slow_word(ip + 6) / 0x2000 % 2 == 1 || slow_word(ip + 6) % 0x2000 != 0)
        return r;
    r.reason = RL_FRAME_NOT_UDP;
    if (ip[9] != 17)
        return r;
    r.reason = RL_FRAME_BAD_UDP_LENGTH;
    udp = ip + n_header;
    if (n_ip - n_header < 8)
        return r;
    n_udp = slow_word(udp + 4);
    if (n_udp < 8 || n_udp > n_ip - n_header)
        return r;
    r.reason = RL_FRAME_WRONG_PORT;
    if (want != NULL && slow_word(udp + 2) != want->port)
        return r;
    r.reason = RL_FRAME_BAD_UDP_CHECKSUM;
    if (want != NULL && want->verifies_checksum && slow_word(udp + 6) != 0 &&
        slow_udp_sum(ip, udp, n_udp) != 0xFFFF)
        return r;
    r.reason = RL_FRAME_OK;
    r.payload_at = at + n_header + 8;
    r.n_payload = n_udp - 8;
    return r;
}

static inline struct slow_read slow_frame_read(const uint8_t *frame, uint32_t n,
                                               const struct rl_flow_filter *want)
{
    struct slow_read r = {.reason = RL_FRAME_TOO_SHORT};
    uint32_t at = 14, type;

    if (n < 14)
        return r;
    r.reason = RL_FRAME_WRONG_MAC;
    if (want != NULL && !slow_mac_is_wanted(frame, want))
        return r;
    type = slow_word(frame + 12);
    if (type == 0x8100) {
        r.reason = RL_FRAME_TOO_SHORT;
        if (n < 18)
            return r;
        r.vlan = slow_word(frame + 14) % 4096;
        type = slow_word(frame + 16);
        at = 18;
    }
    r.reason = RL_FRAME_QINQ;
    if (type == 0x88A8 || type == 0x8100)
        return r;
    r.reason = RL_FRAME_WRONG_VLAN;
    if (want != NULL && r.vlan != want->vlan)
        return r;
    r.reason = RL_FRAME_NOT_IPV4;
    if (type != 0x0800)
        return r;
    return slow_read_ip(frame, at, n, want, r);
}

/* Both readers over memory of exactly n bytes: the same reason, the same datagram. */
static inline enum rl_frame_reason slow_agrees(const uint8_t *frame, uint32_t n,
                                               const struct rl_flow_filter *want)
{
    struct slow_read slow = slow_frame_read(frame, n, want);
    struct rl_datagram d;

    CHECK_EQ(rl_frame_read(frame, n, want, &d), slow.reason);
    if (slow.reason != RL_FRAME_OK)
        return slow.reason;
    CHECK(d.payload == frame + slow.payload_at);
    CHECK_EQ(d.n_bytes, slow.n_payload);
    CHECK_EQ(d.vlan, slow.vlan);
    CHECK_EQ(d.to_port, slow_word(frame + slow.payload_at - 6));
    CHECK_EQ(d.from_port, slow_word(frame + slow.payload_at - 8));
    return RL_FRAME_OK;
}

#endif
