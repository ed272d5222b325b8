#include "net/stamp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/ptp_clock.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000LL

static int ask_interface(const char *interface, unsigned long request, void *data)
{
    struct ifreq ifr = {0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

    if (fd < 0)
        return -errno;
    snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", interface);
    ifr.ifr_data = data;
    err = ioctl(fd, request, &ifr) < 0 ? -errno : 0;
    close(fd);
    return err;
}

int rl_stamp_caps_of(const char *interface, struct rl_stamp_caps *caps)
{
    struct ethtool_ts_info info = {.cmd = ETHTOOL_GET_TS_INFO};
    int err = ask_interface(interface, SIOCETHTOOL, &info);

    *caps = (struct rl_stamp_caps){.phc = -1};
    if (err)
        return err;
    caps->rx_software = info.so_timestamping & SOF_TIMESTAMPING_RX_SOFTWARE;
    caps->tx_software = info.so_timestamping & SOF_TIMESTAMPING_TX_SOFTWARE;
    caps->rx_hardware = (info.so_timestamping & SOF_TIMESTAMPING_RX_HARDWARE) &&
                        (info.rx_filters & (1U << HWTSTAMP_FILTER_ALL));
    caps->tx_hardware = info.so_timestamping & SOF_TIMESTAMPING_TX_HARDWARE;
    caps->phc = info.phc_index;
    return 0;
}

static bool switch_on_clock(const char *interface)
{
    struct hwtstamp_config config = {.tx_type = HWTSTAMP_TX_OFF, .rx_filter = HWTSTAMP_FILTER_ALL};
    struct rl_stamp_caps caps;

    if (rl_stamp_caps_of(interface, &caps) != 0 || !caps.rx_hardware)
        return false;
    return ask_interface(interface, SIOCSHWTSTAMP, &config) == 0 &&
           config.rx_filter == HWTSTAMP_FILTER_ALL;
}

enum rl_stamp rl_stamp_arm(int fd, const char *interface)
{
    bool is_hardware = interface != NULL && switch_on_clock(interface);
    int flags = is_hardware ? SOF_TIMESTAMPING_RX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE
                            : SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;

    if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags) < 0)
        return RL_STAMP_NONE;
    return is_hardware ? RL_STAMP_HARDWARE : RL_STAMP_SOFTWARE;
}

uint64_t rl_stamp_read(const struct msghdr *message, enum rl_stamp kind)
{
    struct timespec stamps[3];                   /* software, unused, hardware */
    struct msghdr *h = (struct msghdr *)message; /* CMSG_NXTHDR wants it so, and only reads */

    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
        const struct timespec *at = &stamps[kind == RL_STAMP_HARDWARE ? 2 : 0];

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPING ||
            c->cmsg_len < CMSG_LEN(sizeof stamps))
            continue;
        memcpy(stamps, CMSG_DATA(c), sizeof stamps);
        if (kind == RL_STAMP_NONE || at->tv_sec < 0 || at->tv_nsec < 0 || at->tv_nsec >= NS_PER_S)
            return 0;
        return (uint64_t)at->tv_sec * (uint64_t)NS_PER_S + (uint64_t)at->tv_nsec;
    }
    return 0;
}

static int64_t ns_of(const struct ptp_clock_time *t)
{
    return t->sec * NS_PER_S + t->nsec;
}

int rl_stamp_phc(int phc, struct rl_phc_offset *offset)
{
    struct ptp_sys_offset samples = {.n_samples = 25};
    int64_t narrowest = INT64_MAX;
    char path[32];
    int fd, err;

    snprintf(path, sizeof path, "/dev/ptp%d", phc);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    err = ioctl(fd, PTP_SYS_OFFSET, &samples) < 0 ? -errno : 0;
    close(fd);
    if (err)
        return err;
    for (unsigned i = 0; i < samples.n_samples; i++) { /* system, NIC, system, NIC, ... system */
        int64_t before = ns_of(&samples.ts[2 * i]), after = ns_of(&samples.ts[2 * i + 2]);

        if (after < before || after - before >= narrowest)
            continue;
        narrowest = after - before;
        offset->offset_ns = ns_of(&samples.ts[2 * i + 1]) - before - narrowest / 2;
        offset->bound_ns = (uint64_t)(narrowest / 2);
    }
    return narrowest == INT64_MAX ? -EIO : 0;
}
