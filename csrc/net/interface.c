#include "net/interface.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

_Static_assert(RL_INTERFACE_NAME == IFNAMSIZ, "names of the kernel's length");

struct query {
    int fd;
    const char *name;
    struct ifreq request;
};

/* One question about the interface; the answer is in q->request. 0 or -errno. */
static int ask(struct query *q, unsigned long question, void *ethtool)
{
    memset(&q->request, 0, sizeof(q->request));
    strcpy(q->request.ifr_name, q->name);
    if (ethtool != NULL)
        q->request.ifr_data = ethtool;
    return ioctl(q->fd, question, &q->request) < 0 ? -errno : 0;
}

static int read_link(struct rl_interface *i, struct query *q)
{
    unsigned short type;
    int err = ask(q, SIOCGIFINDEX, NULL);

    if (err)
        return err;
    i->index = (uint32_t)q->request.ifr_ifindex;
    err = ask(q, SIOCGIFHWADDR, NULL);
    if (err)
        return err;
    type = q->request.ifr_hwaddr.sa_family;
    memcpy(i->mac, q->request.ifr_hwaddr.sa_data, sizeof(i->mac));
    err = ask(q, SIOCGIFMTU, NULL);
    if (err)
        return err;
    i->mtu = (uint32_t)q->request.ifr_mtu;
    err = ask(q, SIOCGIFFLAGS, NULL);
    if (err)
        return err;
    i->is_up = (q->request.ifr_flags & IFF_UP) != 0;
    i->has_carrier = (q->request.ifr_flags & IFF_RUNNING) != 0; /* of up to a second ago */
    i->is_ethernet = type == ARPHRD_ETHER || type == ARPHRD_LOOPBACK;
    return 0;
}

/* Drivers need not answer: a driver without channels has one queue as far as anybody can know. */
static void read_driver(struct rl_interface *i, struct query *q)
{
    struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
    struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
    struct ethtool_value link = {.cmd = ETHTOOL_GLINK};

    if (ask(q, SIOCETHTOOL, &link) == 0)
        i->has_carrier = link.data != 0; /* of now */
    if (ask(q, SIOCETHTOOL, &info) == 0)
        snprintf(i->driver, sizeof(i->driver), "%s", info.driver);
    i->n_queues = 1;
    if (ask(q, SIOCETHTOOL, &channels) == 0 && channels.combined_count + channels.rx_count > 0)
        i->n_queues = channels.combined_count + channels.rx_count;
}

int rl_interface_read(struct rl_interface *i, const char *name, char *why, size_t n_why)
{
    struct query q = {.name = name};
    int err;

    *i = (struct rl_interface){0};
    if (name[0] == '\0') {
        snprintf(why, n_why, "interface: none is named");
        return -EINVAL;
    }
    if (strlen(name) >= RL_INTERFACE_NAME) {
        snprintf(why, n_why, "interface '%.32s': a name has at most %d characters", name,
                 RL_INTERFACE_NAME - 1);
        return -EINVAL;
    }
    strcpy(i->name, name);
    q.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (q.fd < 0) {
        err = -errno;
        snprintf(why, n_why, "interface '%s': no socket to ask with: %s", name, strerror(-err));
        return err;
    }
    err = read_link(i, &q);
    if (err == 0)
        read_driver(i, &q);
    else if (err == -ENODEV)
        snprintf(why, n_why, "interface '%s': there is none of this name in this network namespace",
                 name);
    else
        snprintf(why, n_why, "interface '%s': %s", name, strerror(-err));
    close(q.fd);
    return err;
}

int rl_interface_hear(uint32_t index, const uint8_t mac[6])
{
    struct packet_mreq member = {.mr_ifindex = (int)index, .mr_alen = 6};
    /* Protocol 0: it holds the membership and never receives. */
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    member.mr_type = mac[0] & 1 ? PACKET_MR_MULTICAST : PACKET_MR_UNICAST;
    memcpy(member.mr_address, mac, 6);
    if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &member, sizeof(member)) != 0) {
        int err = -errno;

        close(fd);
        return err;
    }
    return fd;
}
