/*
 * frame - from a captured frame to the UDP payload in it: link layer, IP, UDP.
 *
 * Frames of other kinds are passed over and counted; those whose lengths lie are refused, and so is
 * a fragment: half a datagram is no record, and putting halves together is a receiver's work.
 * Checksums are not looked at: a capture on the sending host has none yet.
 */
#include "market/replay/replay_inner.h"

#include "market/codec/mold.h"

/* Of https://www.tcpdump.org/linktypes.html; X(number, name, bytes before the network packet) */
#define LINKS(X)                                                               \
    X(0, NULL, 4) /* loopback: address family in the capturing host's order */ \
    X(1, ETHERNET, 14)                                                         \
    X(101, RAW, 0)        /* IPv4 or IPv6, told by its first four bits */      \
    X(108, LOOP, 4)       /* loopback: address family in network order */      \
    X(113, LINUX_SLL, 16) /* "any" device */                                   \
    X(228, IPV4, 0)                                                            \
    X(229, IPV6, 0)                                                            \
    X(276, LINUX_SLL2, 20)

enum link {
#define LINK_ENUM(number, name, n_bytes) LINK_##name = (number),
    LINKS(LINK_ENUM)
#undef LINK_ENUM
};

#define ETHER_IPV4 0x0800
#define ETHER_IPV6 0x86DD
#define ETHER_VLAN 0x8100
#define ETHER_QINQ 0x88A8
#define FAMILY_IPV4 2
#define IP_UDP 17
#define IPV6_FRAGMENT 44
#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define UDP_HEADER 8

/* Where a frame is being read. */
struct cursor {
    struct rl_replay_pass *x;
    uint64_t frame;
    uint32_t at; /* in the frame */
    uint32_t n;  /* bytes of the frame, then of what is inside it */
    uint64_t ts_ns;
};

static const uint8_t *bytes_at(const struct cursor *c)
{
    return c->x->bytes + c->frame + c->at;
}

static int lies(const struct cursor *c, const char *what)
{
    return rl_replay_damaged(c->x, c->frame + c->at, what);
}

static int pass_over(struct cursor *c, bool is_ip)
{
    if (c->x->survey && is_ip)
        c->x->survey->skips.not_udp++;
    else if (c->x->survey)
        c->x->survey->skips.not_ip++;
    return 0;
}

bool rl_frame_link_is_known(uint32_t link)
{
    switch (link) {
#define LINK_CASE(number, name, n_bytes) case LINK_##name:
        LINKS(LINK_CASE)
#undef LINK_CASE
        return true;
    default:
        return false;
    }
}

static uint32_t link_bytes(uint32_t link)
{
    switch (link) {
#define LINK_CASE(number, name, n_bytes) \
    case LINK_##name:                    \
        return n_bytes;
        LINKS(LINK_CASE)
#undef LINK_CASE
    default:
        return 0;
    }
}

static int udp_read(struct cursor *c, struct rl_replay_line *to)
{
    const uint8_t *udp = bytes_at(c);
    uint32_t n_udp = c->n - c->at < UDP_HEADER ? 0 : rl_be16(udp + 4);

    if (n_udp < UDP_HEADER || n_udp > c->n - c->at)
        return lies(c, "a UDP length that does not fit the packet");
    to->port = rl_be16(udp + 2);
    return rl_replay_packet(c->x, to, c->frame + c->at + UDP_HEADER, n_udp - UDP_HEADER, c->ts_ns);
}

static int ipv4_read(struct cursor *c)
{
    const uint8_t *ip = bytes_at(c);
    struct rl_replay_line to = {.is_ipv6 = false};
    uint32_t n_header, n_ip;

    if (c->n - c->at < IPV4_HEADER || ip[0] >> 4 != 4)
        return lies(c, "not an IPv4 header");
    n_header = (ip[0] & 0xFu) * 4;
    n_ip = rl_be16(ip + 2);
    if (n_header < IPV4_HEADER || n_ip < n_header || n_ip > c->n - c->at)
        return lies(c, "IPv4 lengths that do not fit the frame");
    if (ip[9] != IP_UDP)
        return pass_over(c, true);
    if ((rl_be16(ip + 6) & 0x3FFF) != 0) /* more fragments, or not the first */
        return lies(c, "a fragmented packet");
    memcpy(to.address, ip + 16, 4);
    c->n = c->at + n_ip; /* what follows is padding, or a frame check sequence */
    c->at += n_header;
    return udp_read(c, &to);
}

static int ipv6_read(struct cursor *c)
{
    const uint8_t *ip = bytes_at(c);
    struct rl_replay_line to = {.is_ipv6 = true};
    uint32_t n_payload;

    if (c->n - c->at < IPV6_HEADER || ip[0] >> 4 != 6)
        return lies(c, "not an IPv6 header");
    n_payload = rl_be16(ip + 4);
    if (n_payload > c->n - c->at - IPV6_HEADER)
        return lies(c, "an IPv6 length that does not fit the frame");
    if (ip[6] == IPV6_FRAGMENT)
        return lies(c, "a fragmented packet");
    if (ip[6] != IP_UDP)
        return pass_over(c, true);
    memcpy(to.address, ip + 24, 16);
    c->at += IPV6_HEADER;
    c->n = c->at + n_payload;
    return udp_read(c, &to);
}

/* By EtherType, after any VLAN tags; `at` is behind the type. */
static int network_read(struct cursor *c, uint16_t type)
{
    while (type == ETHER_VLAN || type == ETHER_QINQ) {
        if (c->n - c->at < 4)
            return rl_replay_damaged(c->x, c->frame, "a frame that ends in a VLAN tag");
        type = rl_be16(bytes_at(c) + 2);
        c->at += 4;
    }
    if (type == ETHER_IPV4)
        return ipv4_read(c);
    if (type == ETHER_IPV6)
        return ipv6_read(c);
    return pass_over(c, false);
}

/* The address family of a loopback header, whose byte order the file does not tell. */
static uint32_t family(const uint8_t *p)
{
    uint32_t v = rl_be32(p);

    return v > 0xFFFF ? __builtin_bswap32(v) : v;
}

static int family_read(struct cursor *c, uint32_t af)
{
    switch (af) {
    case FAMILY_IPV4:
        return ipv4_read(c);
    case 10: /* AF_INET6 on Linux, */
    case 24: /* NetBSD, */
    case 28: /* FreeBSD, */
    case 30: /* macOS */
        return ipv6_read(c);
    default:
        return pass_over(c, false);
    }
}

int rl_frame_read(struct rl_replay_pass *x, uint32_t link, uint64_t frame, uint32_t n_frame,
                  uint64_t ts_ns)
{
    struct cursor c = {.x = x, .frame = frame, .n = n_frame, .ts_ns = ts_ns};
    const uint8_t *bytes = x->bytes + frame;

    if (n_frame < link_bytes(link))
        return rl_replay_damaged(x, frame, "a frame shorter than its link header");
    c.at = link_bytes(link);
    switch (link) {
    case LINK_ETHERNET:
        return network_read(&c, rl_be16(bytes + 12));
    case LINK_LINUX_SLL:
        return network_read(&c, rl_be16(bytes + 14));
    case LINK_LINUX_SLL2:
        return network_read(&c, rl_be16(bytes));
    case LINK_NULL:
    case LINK_LOOP:
        return family_read(&c, family(bytes));
    case LINK_IPV4:
        return ipv4_read(&c);
    case LINK_IPV6:
        return ipv6_read(&c);
    default: /* RAW: anything else than a version 6 must be 4 */
        return n_frame > 0 && bytes[0] >> 4 == 6 ? ipv6_read(&c) : ipv4_read(&c);
    }
}
