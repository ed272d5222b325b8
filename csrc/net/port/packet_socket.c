#include "net/port/packet_socket.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/port/packet_bypass.h"
#include "net/stamp.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23 /* Linux 4.20 */
#endif

#define SLOT_RESERVE 16 /* in front of a frame, for its VLAN tag; 16 keeps its alignment */
/* Of a slot, what comes before the IP header. */
#define SLOT_HEADER (TPACKET_ALIGN(TPACKET2_HDRLEN + 16) + SLOT_RESERVE)
#define BLOCK_BYTES 65536U /* of the ring: the kernel finds it whole where memory is scattered */
#define SEND_BUFFER_BYTES (4 << 20)

static int refuse(char *why, const struct rl_raw_plan *plan, const char *what)
{
    int err = -errno;

    snprintf(why, RL_PORT_WHY, "%s: afpacket: %s: %s%s", plan->interface.name, what, strerror(-err),
             err == -EPERM ? " (needs CAP_NET_RAW)" : "");
    return err;
}

static int set(int fd, int option, int value)
{
    return setsockopt(fd, SOL_PACKET, option, &value, sizeof(value));
}

/*
 * Sockets of ETH_P_IP come after tc ingress, where an impairment may sit; those of ETH_P_ALL come
 * before it. But the kernel forgets a VLAN tag on the way there, so a port that has to see tags, or
 * every protocol, is of ETH_P_ALL.
 */
static bool hears_after_tc(const struct rl_raw_plan *plan)
{
    return plan->is_framed && plan->hears.vlan == 0 &&
           (plan->hears.ip == 0 || memcmp(plan->hears.mac, plan->interface.mac, 6) == 0);
}

/*
 * Only UDP to one port enters the ring. Later fragments name no port and stay out; first fragments
 * come in, to be counted. A load beyond the frame's end refuses the frame.
 */
static int filter_port(int fd, const struct rl_raw_plan *plan)
{
    /* A tag that was forgotten leaves its mark, a frame to our MAC that is for another host; but so
     * does a bypass, and says so. */
    uint32_t forgotten = hears_after_tc(plan) ? PACKET_OTHERHOST : UINT32_MAX;
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, forgotten, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_MARK)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RL_PACKET_BYPASS_MARK, 0, 10),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RL_ETHERTYPE_IPV4, 0, 8),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, RL_ETHERNET_HEADER + 9),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RL_IP_PROTOCOL_UDP, 0, 6),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, RL_ETHERNET_HEADER + 6),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1FFF, 4, 0), /* fragment offset */
        BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, RL_ETHERNET_HEADER),
        BPF_STMT(BPF_LD | BPF_H | BPF_IND, RL_ETHERNET_HEADER + 2),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, plan->hears.port, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog whole = {RL_COUNT(program), program};

    if (!plan->is_framed)
        return 0;
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &whole, sizeof(whole));
}

/* The kernel stamps every frame in the ring; asked, it does so in the driver already. */
static int want_stamps(struct rl_packet_socket *s, const char *interface)
{
    s->stamp = rl_stamp_arm(s->fd, interface);
    if (s->stamp == RL_STAMP_HARDWARE)
        return set(s->fd, PACKET_TIMESTAMP, SOF_TIMESTAMPING_RAW_HARDWARE);
    s->stamp = RL_STAMP_SOFTWARE;
    return 0;
}

static int map_ring(struct rl_packet_socket *s, const struct rl_raw_plan *plan)
{
    uint32_t n_bytes_block, n_bytes_slot = 1024;
    struct tpacket_req ring;

    for (s->slot_shift = 10; n_bytes_slot < SLOT_HEADER + plan->n_bytes_frame; s->slot_shift++)
        n_bytes_slot *= 2;
    /* Powers of two, so that blocks follow each other without gaps: at least one block. */
    n_bytes_block = n_bytes_slot > BLOCK_BYTES ? n_bytes_slot : BLOCK_BYTES;
    s->n_slots = n_bytes_block / n_bytes_slot;
    if (s->n_slots < plan->n_slots)
        s->n_slots = plan->n_slots;
    s->n_ring_bytes = (size_t)s->n_slots << s->slot_shift;
    ring = (struct tpacket_req){.tp_block_size = n_bytes_block,
                                .tp_block_nr = (unsigned int)(s->n_ring_bytes / n_bytes_block),
                                .tp_frame_size = n_bytes_slot,
                                .tp_frame_nr = s->n_slots};
    if (setsockopt(s->fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring)) != 0)
        return -1;
    s->ring =
        mmap(NULL, s->n_ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, s->fd, 0);
    if (s->ring == MAP_FAILED) {
        s->ring = NULL;
        return -1;
    }
    return 0;
}

static int bind_to(int fd, const struct rl_raw_plan *plan)
{
    struct sockaddr_ll at = {
        .sll_family = AF_PACKET,
        .sll_protocol = htobe16(hears_after_tc(plan) ? ETH_P_IP : ETH_P_ALL),
        .sll_ifindex = (int)plan->interface.index,
    };

    return bind(fd, (struct sockaddr *)&at, sizeof(at));
}

static int set_up(struct rl_packet_socket *s, const struct rl_raw_plan *plan, bool wants_stamps,
                  char *why)
{
    int n_bytes = SEND_BUFFER_BYTES;

    if (set(s->fd, PACKET_VERSION, TPACKET_V2) || set(s->fd, PACKET_RESERVE, SLOT_RESERVE))
        return refuse(why, plan, "no ring of version 2");
    if (set(s->fd, PACKET_IGNORE_OUTGOING, 1))
        return refuse(why, plan, "cannot ignore what this host sends itself");
    s->bypasses_qdisc = set(s->fd, PACKET_QDISC_BYPASS, 1) == 0;
    if (setsockopt(s->fd, SOL_SOCKET, SO_SNDBUFFORCE, &n_bytes, sizeof(n_bytes)) != 0)
        setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &n_bytes, sizeof(n_bytes)); /* as far as allowed */
    if (wants_stamps && want_stamps(s, plan->interface.name))
        return refuse(why, plan, "no time stamps");
    if (filter_port(s->fd, plan))
        return refuse(why, plan, "no filter for a UDP port");
    if (map_ring(s, plan))
        return refuse(why, plan, "no memory for a ring");
    if (bind_to(s->fd, plan)) /* last: nothing enters the ring that the filter did not see */
        return refuse(why, plan, "cannot bind");
    if (hears_after_tc(plan)) /* sockets that come before tc would not notice it */
        s->bypass_fd = rl_packet_bypass_open(plan->interface.index, &plan->hears);
    return 0;
}

int rl_packet_socket_open(struct rl_packet_socket *s, const struct rl_raw_plan *plan,
                          bool wants_stamps, char why[RL_PORT_WHY])
{
    int err;

    *s = (struct rl_packet_socket){.bypass_fd = -1, .stamp = RL_STAMP_NONE};
    s->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); /* protocol 0: deaf until it is bound */
    if (s->fd < 0)
        return refuse(why, plan, "no socket");
    err = set_up(s, plan, wants_stamps, why);
    if (err)
        rl_packet_socket_close(s);
    return err;
}

void rl_packet_socket_close(struct rl_packet_socket *s)
{
    if (s->ring != NULL)
        munmap(s->ring, s->n_ring_bytes);
    if (s->bypass_fd >= 0)
        close(s->bypass_fd);
    if (s->fd >= 0)
        close(s->fd);
    s->ring = NULL;
    s->fd = s->bypass_fd = -1;
}
