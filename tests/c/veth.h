/*
 * veth - two network namespaces and a virtual cable between them, for tests: made by system calls
 * alone, gone with the process.
 *
 * A host that does not allow it ends the test with exit code 77 and a sentence.
 */
#ifndef RL_TESTS_VETH_H
#define RL_TESTS_VETH_H

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "net/bpf/rtnl.h"
#include "net/frame.h"
#include "net/netns.h"

struct veth_end {
    int netns_fd; /* rl_port_config.netns_fd, rl_netns_enter */
    char interface[16];
    uint32_t index;
    uint8_t mac[6];
    uint32_t ip; /* 10.77.0.1 and 10.77.0.2, host order; /24, with permanent neighbours */
};

struct veth {
    struct veth_end end[2];
};

static inline void veth_skip(const char *what, int err)
{
    printf("skipped: %s: %s\n", what, strerror(-err));
    exit(RL_SKIP);
}

/* A new namespace; the calling thread stays where it is. */
static inline int veth_make_netns(void)
{
    int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), fd;

    CHECK(home >= 0);
    if (unshare(CLONE_NEWNET) != 0)
        veth_skip("no network namespace can be made (needs CAP_SYS_ADMIN)", -errno);
    fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    rl_netns_leave(home);
    return fd;
}

/* Of one pair of queues; the far end is made in the other namespace at once. */
static inline void veth_make_pair(struct veth *v)
{
    struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
    uint32_t n_queues = 1, other = (uint32_t)v->end[1].netns_fd;
    struct rl_rtnl m;
    size_t info, data, peer;
    int home, fd, err;

    CHECK_EQ(rl_netns_enter(v->end[0].netns_fd, &home), 0);
    fd = rl_rtnl_open();
    CHECK(fd >= 0);
    rl_rtnl_start(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof(link));
    rl_rtnl_text(&m, IFLA_IFNAME, v->end[0].interface);
    rl_rtnl_put(&m, IFLA_ADDRESS, v->end[0].mac, 6);
    rl_rtnl_put(&m, IFLA_NUM_TX_QUEUES, &n_queues, sizeof(n_queues));
    rl_rtnl_put(&m, IFLA_NUM_RX_QUEUES, &n_queues, sizeof(n_queues));
    info = rl_rtnl_nest(&m, IFLA_LINKINFO);
    rl_rtnl_text(&m, IFLA_INFO_KIND, "veth");
    data = rl_rtnl_nest(&m, IFLA_INFO_DATA);
    peer = rl_rtnl_nest(&m, VETH_INFO_PEER);
    memcpy(m.bytes + m.n_bytes, &link, sizeof(link)); /* its fixed part comes before attributes */
    m.n_bytes += NLMSG_ALIGN(sizeof(link));
    rl_rtnl_text(&m, IFLA_IFNAME, v->end[1].interface);
    rl_rtnl_put(&m, IFLA_ADDRESS, v->end[1].mac, 6);
    rl_rtnl_put(&m, IFLA_NET_NS_FD, &other, sizeof(other));
    rl_rtnl_put(&m, IFLA_NUM_TX_QUEUES, &n_queues, sizeof(n_queues));
    rl_rtnl_put(&m, IFLA_NUM_RX_QUEUES, &n_queues, sizeof(n_queues));
    rl_rtnl_unnest(&m, peer);
    rl_rtnl_unnest(&m, data);
    rl_rtnl_unnest(&m, info);
    err = rl_rtnl_do(fd, &m);
    if (err)
        veth_skip("no veth pair can be made (needs CAP_NET_ADMIN and the veth driver)", err);
    close(fd);
    rl_netns_leave(home);
}

/* One change of the link: flags, or an attribute of 32 bits when `type` is not 0. */
static inline void veth_set_link(const struct veth_end *e, uint32_t flags, uint32_t mask,
                                 uint16_t type, uint32_t value)
{
    struct ifinfomsg link = {.ifi_family = AF_UNSPEC,
                             .ifi_index = (int)e->index,
                             .ifi_flags = flags,
                             .ifi_change = mask};
    struct rl_rtnl m;
    int home, fd;

    CHECK_EQ(rl_netns_enter(e->netns_fd, &home), 0);
    fd = rl_rtnl_open();
    CHECK(fd >= 0);
    rl_rtnl_start(&m, RTM_NEWLINK, 0, &link, sizeof(link));
    if (type != 0)
        rl_rtnl_put(&m, type, &value, sizeof(value));
    CHECK_EQ(rl_rtnl_do(fd, &m), 0);
    close(fd);
    rl_netns_leave(home);
}

static inline void veth_set_up(const struct veth_end *e, bool is_up)
{
    veth_set_link(e, is_up ? IFF_UP : 0, IFF_UP, 0, 0);
}

static inline void veth_set_mtu(const struct veth_end *e, uint32_t mtu)
{
    veth_set_link(e, 0, 0, IFLA_MTU, mtu);
}

/* The kernel says nothing of its own on an interface without IPv6; one without IPv6 is as good. */
static inline void veth_silence(const struct veth_end *e)
{
    char path[96];
    int fd;

    snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", e->interface);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        CHECK_EQ(write(fd, "1", 1), 1);
        close(fd);
    }
}

/* Inside the end's namespace. */
static inline void veth_ethtool(const struct veth_end *e, uint32_t question)
{
    struct ethtool_value value = {.cmd = question, .data = 0};
    struct ifreq request = {.ifr_data = (char *)&value};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0);
    strcpy(request.ifr_name, e->interface);
    CHECK_EQ(ioctl(fd, SIOCETHTOOL, &request), 0);
    close(fd);
}

static inline void veth_address(const struct veth_end *e, const struct veth_end *other)
{
    struct ifaddrmsg at = {.ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = e->index};
    struct ndmsg neighbour = {
        .ndm_family = AF_INET, .ndm_ifindex = (int)e->index, .ndm_state = NUD_PERMANENT};
    uint32_t own = __builtin_bswap32(e->ip), peer = __builtin_bswap32(other->ip);
    struct rl_rtnl m;
    int fd = rl_rtnl_open();

    CHECK(fd >= 0);
    rl_rtnl_start(&m, RTM_NEWADDR, NLM_F_CREATE, &at, sizeof(at));
    rl_rtnl_put(&m, IFA_LOCAL, &own, sizeof(own));
    rl_rtnl_put(&m, IFA_ADDRESS, &own, sizeof(own));
    CHECK_EQ(rl_rtnl_do(fd, &m), 0);
    rl_rtnl_start(&m, RTM_NEWNEIGH, NLM_F_CREATE, &neighbour, sizeof(neighbour));
    rl_rtnl_put(&m, NDA_DST, &peer, sizeof(peer));
    rl_rtnl_put(&m, NDA_LLADDR, other->mac, 6);
    CHECK_EQ(rl_rtnl_do(fd, &m), 0);
    close(fd);
}

/* Both ends up, IPv6 off, full checksums, nothing else talking. */
static inline void veth_open(struct veth *v)
{
    for (int i = 0; i < 2; i++) {
        v->end[i] = (struct veth_end){.netns_fd = veth_make_netns(),
                                      .mac = {2, 0, 0, 0, 0, (uint8_t)(0x0A + i)},
                                      .ip = 0x0A4D0001 + (uint32_t)i};
        snprintf(v->end[i].interface, sizeof(v->end[i].interface), "rl-%c", 'a' + i);
    }
    veth_make_pair(v);
    for (int i = 0; i < 2; i++) {
        struct veth_end *e = &v->end[i];
        int home;

        CHECK_EQ(rl_netns_enter(e->netns_fd, &home), 0);
        e->index = if_nametoindex(e->interface);
        CHECK(e->index > 0);
        veth_silence(e);
        veth_ethtool(e, ETHTOOL_STXCSUM); /* the kernel's own UDP sends whole checksums */
        rl_netns_leave(home);
        veth_set_up(e, true);
        CHECK_EQ(rl_netns_enter(e->netns_fd, &home), 0);
        veth_address(e, &v->end[1 - i]);
        rl_netns_leave(home);
    }
    for (int i = 0; i < 2; i++) {
        int home;

        CHECK_EQ(rl_netns_enter(v->end[i].netns_fd, &home), 0);
        veth_ethtool(&v->end[i], ETHTOOL_GLINK); /* asked, the kernel sees the carrier at once */
        rl_netns_leave(home);
    }
}

/* Datagrams from one end to the other. */
static inline struct rl_flow veth_flow(const struct veth *v, int from, uint16_t from_port,
                                       uint16_t to_port)
{
    struct rl_flow flow = {.from_ip = v->end[from].ip,
                           .to_ip = v->end[1 - from].ip,
                           .from_port = from_port,
                           .to_port = to_port};

    memcpy(flow.from_mac, v->end[from].mac, 6);
    memcpy(flow.to_mac, v->end[1 - from].mac, 6);
    return flow;
}

/* The kernel takes the cable away when the last descriptor into a namespace is closed. */
static inline void veth_close(struct veth *v)
{
    for (int i = 0; i < 2; i++)
        close(v->end[i].netns_fd);
}

#endif
