/*
 * frame - Ethernet, VLAN, IPv4 and UDP: the headers in front of a datagram, written once and read
 * with suspicion.
 *
 * Sources: IEEE 802.3 and 802.1Q, RFC 791, RFC 768, RFC 1071 and 1624 (checksum), RFC 1112
 * (multicast MACs), RFC 6864 (the IPv4 id).
 *
 * Threads:  functions of their arguments.
 * Memory:   the caller's; a payload is read where it lies in its frame.
 * Cost:     writing copies the headers and patches three words; reading looks at every header byte
 *           once. Only a UDP checksum, when asked for, touches the payload.
 */
#ifndef RL_NET_FRAME_H
#define RL_NET_FRAME_H

#include "base/defs.h"
#include "net/checksum.h"

#define RL_ETHERNET_HEADER 14
#define RL_ETHERNET_MIN \
    60 /* without the frame check sequence; shorter ones are padded by the NIC */
#define RL_VLAN_TAG 4
#define RL_IPV4_HEADER 20 /* without options */
#define RL_UDP_HEADER 8
#define RL_FRAME_HEADER_MAX (RL_ETHERNET_HEADER + RL_VLAN_TAG + RL_IPV4_HEADER + RL_UDP_HEADER)
#define RL_FRAME_PAYLOAD_MAX (65535 - RL_IPV4_HEADER - RL_UDP_HEADER)

#define RL_ETHERTYPE_IPV4 0x0800
#define RL_ETHERTYPE_VLAN 0x8100
#define RL_ETHERTYPE_QINQ 0x88A8
#define RL_IP_PROTOCOL_UDP 17

/* One direction of datagrams; addresses and ports in host order. */
struct rl_flow {
    uint8_t from_mac[6], to_mac[6]; /* to a multicast group its own MAC is used, not to_mac */
    uint32_t from_ip, to_ip;
    uint16_t from_port, to_port;
    uint16_t vlan;     /* 802.1Q, 1..4094; 0: untagged */
    uint8_t ttl;       /* 0: 64, or 1 to a multicast group */
    bool has_checksum; /* UDP's; without, its field is 0: not computed */
};

/*
 * What a receiver listens for: frames to `mac` that carry `ip`, frames to the MAC of `group` that
 * carry `group`, both at `port` and on `vlan`. From where they come is not asked.
 */
struct rl_flow_filter {
    uint8_t mac[6];
    uint16_t port;
    uint32_t ip;    /* 0: only the group */
    uint32_t group; /* multicast; 0: none */
    uint16_t vlan;  /* 0: untagged, or a tag that names no VLAN (802.1p) */
    /*
     * UDP's, where the sender computed one. Leave it off on virtual links: what the same host sent
     * may arrive before anybody computed its checksum (CHECKSUM_PARTIAL).
     */
    bool verifies_checksum;
};

static inline bool rl_ip_is_multicast(uint32_t ip)
{
    return ip >> 28 == 0xE;
}

/* RFC 1112, 6.4: 32 groups share a MAC. */
void rl_group_mac(uint8_t mac[6], uint32_t group);
/* Who answers `flow`: its sender's MAC, address, port and VLAN; UDP checksums are not verified. */
struct rl_flow_filter rl_flow_mirror(const struct rl_flow *flow);
/* NULL when it can be sent, or heard; else what is wrong with it. */
const char *rl_flow_refusal(const struct rl_flow *flow);
const char *rl_flow_filter_refusal(const struct rl_flow_filter *filter);

/*
 * Why a frame is not for its receiver. They are asked in this order, from the outside in; the first
 * that holds is the reason. X(NAME, name, text)
 */
#define RL_FRAME_REASONS(X)                                                                  \
    X(TOO_SHORT, too_short, "ends inside a header")                                          \
    X(WRONG_MAC, wrong_mac, "to a MAC address that is not ours")                             \
    X(QINQ, qinq, "a service tag, or more than one VLAN tag")                                \
    X(WRONG_VLAN, wrong_vlan, "on a VLAN that is not ours")                                  \
    X(NOT_IPV4, not_ipv4, "another protocol than IPv4: ARP, IPv6, ...")                      \
    X(BAD_VERSION, bad_version, "an IP header of another version, or shorter than 20 bytes") \
    X(BAD_LENGTH, bad_length, "an IP length that does not fit the frame")                    \
    X(BAD_IP_CHECKSUM, bad_ip_checksum, "a wrong IP header checksum")                        \
    X(WRONG_ADDRESS, wrong_address, "to an IP address that is not ours")                     \
    X(FRAGMENT, fragment, "a fragment: half a datagram is none")                             \
    X(NOT_UDP, not_udp, "another protocol than UDP")                                         \
    X(BAD_UDP_LENGTH, bad_udp_length, "a UDP length that does not fit the packet")           \
    X(WRONG_PORT, wrong_port, "to a UDP port that is not ours")                              \
    X(BAD_UDP_CHECKSUM, bad_udp_checksum, "a wrong UDP checksum")

enum rl_frame_reason {
    RL_FRAME_OK = 0,
#define RL_FRAME_REASON_ENUM(NAME, name, text) RL_FRAME_##NAME,
    RL_FRAME_REASONS(RL_FRAME_REASON_ENUM)
#undef RL_FRAME_REASON_ENUM
        RL_N_FRAME_REASONS
};

const char *rl_frame_reason_name(enum rl_frame_reason reason); /* "ok", "too_short", ... */
const char *rl_frame_reason_text(enum rl_frame_reason reason);

/* The headers of a flow, ready but for the lengths. */
struct rl_frame_template {
    RL_ALIGNED uint8_t bytes[RL_FRAME_HEADER_MAX];
    uint16_t n_header; /* of them in use: a payload starts there */
    bool has_checksum;
    uint64_t ip_sum;  /* of the IP header without length, id and checksum */
    uint64_t udp_sum; /* of addresses, protocol and ports */
};

/* 0; -EINVAL when rl_flow_refusal says why. */
int rl_frame_template_init(struct rl_frame_template *t, const struct rl_flow *flow);

/*
 * Puts the headers before a payload of n_payload bytes, at most RL_FRAME_PAYLOAD_MAX, that is, or
 * will be, at frame + t->n_header; with a checksum it is there already. Returns the length of the
 * frame. Frames are never fragmented, so their `ip_id` may be 0.
 */
static inline uint32_t rl_frame_write(const struct rl_frame_template *t, uint8_t *frame,
                                      uint32_t n_payload, uint16_t ip_id)
{
    uint8_t *udp = frame + t->n_header - RL_UDP_HEADER, *ip = udp - RL_IPV4_HEADER;
    uint16_t n_udp = (uint16_t)(RL_UDP_HEADER + n_payload);
    uint16_t n_ip = (uint16_t)(RL_IPV4_HEADER + n_udp);

    if (t->n_header == RL_FRAME_HEADER_MAX) /* constants: a few vector moves each */
        memcpy(frame, t->bytes, RL_FRAME_HEADER_MAX);
    else
        memcpy(frame, t->bytes, RL_FRAME_HEADER_MAX - RL_VLAN_TAG);
    rl_net16_put(ip + 2, n_ip);
    rl_net16_put(ip + 4, ip_id);
    rl_sum_put(ip + 10, t->ip_sum + rl_sum16(n_ip) + rl_sum16(ip_id));
    rl_net16_put(udp + 4, n_udp);
    if (t->has_checksum) { /* the length counts twice: in the header and in the pseudo header */
        uint64_t sum =
            t->udp_sum + 2 * rl_sum16(n_udp) + rl_sum_bytes(frame + t->n_header, n_payload);

        if (rl_sum_is_right(sum)) /* a checksum of 0 would say that there is none */
            memset(udp + 6, 0xFF, 2);
        else
            rl_sum_put(udp + 6, sum);
    }
    return t->n_header + n_payload;
}

/* What a frame carries. */
struct rl_datagram {
    const uint8_t *payload;
    uint32_t n_bytes;
    uint32_t from_ip, to_ip;
    uint16_t from_port, to_port;
    uint16_t vlan; /* 0: none */
};

static inline bool rl_frame_mac_is_wanted(const uint8_t *frame, const struct rl_flow_filter *want)
{
    bool is_own = memcmp(frame, want->mac, 6) == 0;

    if (RL_LIKELY(want->group == 0))
        return is_own;
    return (is_own && want->ip != 0) ||
           (rl_net16(frame) == 0x0100 &&
            rl_net32(frame + 2) == (0x5E000000 | (want->group & 0x7FFFFF)));
}

/* An address goes with its kind of MAC: a group that shares the MAC of another is not heard. */
static inline bool rl_frame_ip_is_wanted(const uint8_t *frame, uint32_t to_ip,
                                         const struct rl_flow_filter *want)
{
    return to_ip == (frame[0] & 1 ? want->group : want->ip);
}

static inline bool rl_udp_checksum_is_right(const uint8_t *ip, const uint8_t *udp, uint32_t n_udp)
{
    uint64_t sum = rl_sum_bytes(ip + 12, 8) + rl_sum16(RL_IP_PROTOCOL_UDP) +
                   rl_sum16((uint16_t)n_udp) + rl_sum_bytes(udp, n_udp);

    return rl_net16(udp + 6) == 0 || rl_sum_is_right(sum);
}

/* From the IP header on, of which the frame holds n bytes. */
static inline enum rl_frame_reason rl_frame_read_ip(const uint8_t *frame, const uint8_t *ip,
                                                    uint32_t n, const struct rl_flow_filter *want,
                                                    struct rl_datagram *d)
{
    const uint8_t *udp;
    uint32_t n_header, n_udp;

    if (RL_UNLIKELY(n < RL_IPV4_HEADER))
        return RL_FRAME_TOO_SHORT;
    n_header = (ip[0] & 0xFu) * 4;
    if (RL_UNLIKELY(ip[0] >> 4 != 4 || n_header < RL_IPV4_HEADER))
        return RL_FRAME_BAD_VERSION;
    if (RL_UNLIKELY(n < n_header))
        return RL_FRAME_TOO_SHORT;
    if (RL_UNLIKELY(rl_net16(ip + 2) < n_header || rl_net16(ip + 2) > n))
        return RL_FRAME_BAD_LENGTH;
    n = rl_net16(ip + 2) - n_header; /* what follows is padding */
    if (RL_UNLIKELY(!rl_sum_is_right(n_header == RL_IPV4_HEADER ? rl_sum_20_bytes(ip)
                                                                : rl_sum_bytes(ip, n_header))))
        return RL_FRAME_BAD_IP_CHECKSUM;
    d->to_ip = rl_net32(ip + 16);
    if (RL_UNLIKELY(want != NULL && !rl_frame_ip_is_wanted(frame, d->to_ip, want)))
        return RL_FRAME_WRONG_ADDRESS;
    if (RL_UNLIKELY((rl_net16(ip + 6) & 0x3FFF) != 0)) /* more fragments, or not the first */
        return RL_FRAME_FRAGMENT;
    if (RL_UNLIKELY(ip[9] != RL_IP_PROTOCOL_UDP))
        return RL_FRAME_NOT_UDP;
    udp = ip + n_header;
    if (RL_UNLIKELY(n < RL_UDP_HEADER))
        return RL_FRAME_BAD_UDP_LENGTH;
    n_udp = rl_net16(udp + 4);
    if (RL_UNLIKELY(n_udp < RL_UDP_HEADER || n_udp > n))
        return RL_FRAME_BAD_UDP_LENGTH;
    d->to_port = rl_net16(udp + 2);
    if (RL_UNLIKELY(want != NULL && d->to_port != want->port))
        return RL_FRAME_WRONG_PORT;
    if (want != NULL && want->verifies_checksum &&
        RL_UNLIKELY(!rl_udp_checksum_is_right(ip, udp, n_udp)))
        return RL_FRAME_BAD_UDP_CHECKSUM;
    d->payload = udp + RL_UDP_HEADER;
    d->n_bytes = n_udp - RL_UDP_HEADER;
    d->from_ip = rl_net32(ip + 12);
    d->from_port = rl_net16(udp);
    return RL_FRAME_OK;
}

/*
 * The datagram of a frame of n bytes, without its frame check sequence; `*d` is whole only with
 * RL_FRAME_OK. want == NULL: of anybody, on any VLAN, UDP checksums unseen.
 */
static inline enum rl_frame_reason rl_frame_read(const uint8_t *frame, uint32_t n,
                                                 const struct rl_flow_filter *want,
                                                 struct rl_datagram *d)
{
    uint32_t at = RL_ETHERNET_HEADER;
    uint16_t type;

    if (RL_UNLIKELY(n < RL_ETHERNET_HEADER))
        return RL_FRAME_TOO_SHORT;
    if (RL_UNLIKELY(want != NULL && !rl_frame_mac_is_wanted(frame, want)))
        return RL_FRAME_WRONG_MAC;
    type = rl_net16(frame + 12);
    d->vlan = 0;
    if (type == RL_ETHERTYPE_VLAN) {
        at += RL_VLAN_TAG;
        if (RL_UNLIKELY(n < RL_ETHERNET_HEADER + RL_VLAN_TAG))
            return RL_FRAME_TOO_SHORT;
        d->vlan = rl_net16(frame + 14) & 0xFFF; /* without priority and drop eligibility */
        type = rl_net16(frame + 16);
        if (RL_UNLIKELY(type == RL_ETHERTYPE_VLAN))
            return RL_FRAME_QINQ;
    }
    if (RL_UNLIKELY(type == RL_ETHERTYPE_QINQ))
        return RL_FRAME_QINQ;
    if (RL_UNLIKELY(want != NULL && d->vlan != want->vlan))
        return RL_FRAME_WRONG_VLAN;
    if (RL_UNLIKELY(type != RL_ETHERTYPE_IPV4))
        return RL_FRAME_NOT_IPV4;
    return rl_frame_read_ip(frame, frame + at, n - at, want, d);
}

#endif
