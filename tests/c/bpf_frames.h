/*
 * bpf_frames - frames for tests of BPF programs, byte by byte and without the product's help.
 */
#ifndef RL_TESTS_BPF_FRAMES_H
#define RL_TESTS_BPF_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "check.h"
#include "slow_frame.h"

#define FRAME_MAX 2048
#define FRAME_PORT 9001

/* All zero is a plain frame with 32 bytes to FRAME_PORT. */
struct frame_spec {
    int n_tags;          /* VLAN */
    bool is_service_tag; /* the first one is 802.1ad */
    int n_option_words;  /* of IPv4 */
    uint16_t to_port;    /* 0: FRAME_PORT */
    uint16_t n_payload;  /* 0: 32 */
    uint16_t fragment;   /* flags and offset */
    uint8_t protocol;    /* 0: UDP */
    uint16_t ether_type; /* 0: IPv4 */
    uint8_t version;     /* 0: 4 */
    bool no_checksum, is_group;
};

struct frame {
    uint8_t bytes[FRAME_MAX];
    uint32_t n_bytes;
    uint32_t ip, udp, payload; /* offsets */
};

/* Over the pseudo header, the UDP header and the payload: 0xffff when the checksum is right. */
static inline uint32_t udp_sum(const struct frame *f)
{
    const uint8_t *udp = f->bytes + f->udp;

    return slow_udp_sum(f->bytes + f->ip, udp, slow_word(udp + 4));
}

static inline bool udp_is_right(const struct frame *f)
{
    return udp_sum(f) == 0xffff;
}

static inline struct frame make_frame(struct frame_spec s)
{
    static const uint8_t macs[12] = {2, 0, 0, 0, 0, 0x0b, 2, 0, 0, 0, 0, 0x0a};
    struct frame f = {.n_bytes = 12};
    uint32_t n_ip = 20 + 4 * (uint32_t)s.n_option_words, n_udp;
    uint8_t *ip, *udp;

    n_udp = 8U + (s.n_payload == 0 ? 32U : s.n_payload);
    memcpy(f.bytes, macs, sizeof(macs));
    if (s.is_group)
        f.bytes[0] = 1;
    for (int i = 0; i < s.n_tags; i++, f.n_bytes += 4) {
        slow_put(f.bytes + f.n_bytes, 2, i == 0 && s.is_service_tag ? 0x88a8 : 0x8100);
        slow_put(f.bytes + f.n_bytes + 2, 2, 100 + (uint32_t)i);
    }
    slow_put(f.bytes + f.n_bytes, 2, s.ether_type == 0 ? 0x0800 : s.ether_type);
    f.ip = f.n_bytes + 2;
    f.udp = f.ip + n_ip;
    f.payload = f.udp + 8;
    f.n_bytes = f.udp + n_udp;
    ip = f.bytes + f.ip;
    udp = f.bytes + f.udp;

    ip[0] = (uint8_t)((s.version == 0 ? 4 : s.version) << 4 | (int)n_ip / 4);
    slow_put(ip + 2, 2, n_ip + n_udp);
    slow_put(ip + 6, 2, s.fragment);
    ip[8] = 64;
    ip[9] = s.protocol == 0 ? 17 : s.protocol;
    memcpy(ip + 12, (uint8_t[]){10, 77, 0, 1, 10, 77, 0, 2}, 8);
    if (n_ip > 20)
        memset(ip + 20, 1, n_ip - 20); /* options: nothing, many times */
    slow_mend_ip(ip);

    slow_put(udp, 2, 40001);
    slow_put(udp + 2, 2, s.to_port == 0 ? FRAME_PORT : s.to_port);
    slow_put(udp + 4, 2, n_udp);
    for (uint32_t i = 0; i < n_udp - 8; i++)
        udp[8 + i] = (uint8_t)(i * 7 + 3);
    if (!s.no_checksum)
        slow_mend_udp(ip, udp);
    return f;
}

/* Frames that look like ours and are none; X(why, spec). */
#define FRAMES_OF_OTHERS(X)                                             \
    X("another port", {.to_port = FRAME_PORT + 1})                      \
    X("TCP", {.protocol = 6})                                           \
    X("a first fragment", {.fragment = 0x2000})                         \
    X("a later fragment", {.fragment = 0x00b9})                         \
    X("a last fragment of all", {.fragment = 0x1fff})                   \
    X("IPv6", {.ether_type = 0x86dd, .version = 6})                     \
    X("ARP", {.ether_type = 0x0806})                                    \
    X("IPv4 that says it is 6", {.version = 6})                         \
    X("an IP header too short", {.n_option_words = -1})                 \
    X("tagged IPv6", {.n_tags = 1, .ether_type = 0x86dd, .version = 6}) \
    X("three tags", {.n_tags = 3})

/* Frames of ours in all their forms. */
#define FRAMES_OF_OURS(X)                                             \
    X("plain", {.n_tags = 0})                                         \
    X("tagged", {.n_tags = 1})                                        \
    X("tagged by the service", {.n_tags = 1, .is_service_tag = true}) \
    X("tagged twice", {.n_tags = 2, .is_service_tag = true})          \
    X("with options", {.n_option_words = 10})                         \
    X("tagged, with options", {.n_tags = 2, .n_option_words = 3})     \
    X("that may not be fragmented", {.fragment = 0x4000})             \
    X("without checksum", {.no_checksum = true})                      \
    X("long", {.n_payload = 1400})                                    \
    X("odd", {.n_payload = 33})

struct named_frame {
    const char *name;
    struct frame_spec spec;
};

static const struct named_frame frames_of_others[] = {
#define NAMED_FRAME(text, ...) {text, __VA_ARGS__},
    FRAMES_OF_OTHERS(NAMED_FRAME)};
static const struct named_frame frames_of_ours[] = {FRAMES_OF_OURS(NAMED_FRAME)};
#undef NAMED_FRAME

#endif
