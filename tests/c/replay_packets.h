/*
 * replay_packets - frames and payloads for captures of packets.
 */
#ifndef RL_TESTS_REPLAY_PACKETS_H
#define RL_TESTS_REPLAY_PACKETS_H

#include "replay_files.h"

#define LINK_NULL 0
#define LINK_ETHERNET 1
#define LINK_RAW 101
#define LINK_LOOP 108
#define LINK_SLL 113
#define LINK_IPV4 228
#define LINK_IPV6 229
#define LINK_SLL2 276

enum inside { INSIDE_UDP, INSIDE_TCP, INSIDE_ARP };

/* How a frame is built; zeroed: UDP in IPv4 in Ethernet. */
struct frame_kind {
    uint32_t link;
    bool vlan;
    bool ipv6;
    enum inside inside;
    uint8_t last_address; /* of 10.0.0.x, or fe80::x */
    uint16_t port;
};

/* A MoldUDP64 packet of n messages from number `seq` on. */
static inline uint32_t mold_payload(uint8_t *out, uint64_t seq, uint32_t n)
{
    struct rl_mold_writer w;

    rl_mold_begin(&w, out, 512, "SESSION  1", seq);
    for (uint32_t k = 0; k < n; k++)
        CHECK(rl_mold_add(&w, "abc", 3));
    return rl_mold_finish(&w);
}

static inline uint32_t put_ip(uint8_t *out, const struct frame_kind *kind, const uint8_t *payload,
                              uint32_t n_payload)
{
    uint32_t n_header = kind->ipv6 ? 40 : 20;

    memset(out, 0, n_header + 8);
    if (kind->ipv6) {
        out[0] = 0x60;
        rl_put_be16(out + 4, (uint16_t)(8 + n_payload));
        out[6] = kind->inside == INSIDE_TCP ? 6 : 17;
        out[24] = 0xFE;
        out[25] = 0x80;
        out[39] = kind->last_address;
    } else {
        out[0] = 0x45;
        rl_put_be16(out + 2, (uint16_t)(28 + n_payload));
        out[9] = kind->inside == INSIDE_TCP ? 6 : 17;
        out[16] = 10;
        out[19] = kind->last_address;
    }
    rl_put_be16(out + n_header + 2, kind->port);
    rl_put_be16(out + n_header + 4, (uint16_t)(8 + n_payload));
    memcpy(out + n_header + 8, payload, n_payload);
    return n_header + 8 + n_payload;
}

/* The frame; its length. Ethernet frames get four bytes behind, as a check sequence or padding. */
static inline uint32_t put_frame(uint8_t *out, struct frame_kind kind, const uint8_t *payload,
                                 uint32_t n_payload)
{
    uint16_t type = kind.inside == INSIDE_ARP ? 0x0806 : kind.ipv6 ? 0x86DD : 0x0800;
    uint32_t at = 0;

    memset(out, 0, 64);
    switch (kind.link) {
    case LINK_ETHERNET:
        at = 12;
        if (kind.vlan) {
            memcpy(out + at, "\x88\xA8\0\x01\x81\0\0\x02", 8);
            at += 8;
        }
        rl_put_be16(out + at, type);
        at += 2;
        break;
    case LINK_SLL:
        rl_put_be16(out + 14, type);
        at = 16;
        break;
    case LINK_SLL2:
        rl_put_be16(out, type);
        at = 20;
        break;
    case LINK_NULL: /* little endian, of FreeBSD */
        out[0] = kind.inside == INSIDE_ARP ? 99 : kind.ipv6 ? 28 : 2;
        at = 4;
        break;
    case LINK_LOOP:
        out[3] = kind.inside == INSIDE_ARP ? 99 : kind.ipv6 ? 24 : 2;
        at = 4;
        break;
    default:
        break;
    }
    at += put_ip(out + at, &kind, payload, n_payload);
    if (kind.link == LINK_ETHERNET) {
        memset(out + at, 0xEE, 4);
        at += 4;
    }
    return at;
}

#endif
