#include "net/stamp.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000LL
#define NS_PER_MS 1000000L
#define SETTLE_TRIES 50 /* of a millisecond each */
#define N_FOREIGN 64    /* messages of an error queue about something else, skipped in one call */

/* --- the interface ---------------------------------------------------------------------------- */

static int ask_interface(const char *interface, unsigned long request, void *data)
{
    struct ifreq ifr = {0};
    size_t n = strlen(interface);
    int fd, err;

    if (n == 0 || n >= sizeof ifr.ifr_name) /* cut off, it could be the name of another one */
        return -ENODEV;
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    memcpy(ifr.ifr_name, interface, n);
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
    caps->tx_hardware = (info.so_timestamping & SOF_TIMESTAMPING_TX_HARDWARE) &&
                        (info.tx_types & (1U << HWTSTAMP_TX_ON));
    caps->phc = info.phc_index;
    return 0;
}

/* Adds to what the NIC's clock does; what others (a PTP daemon) asked of it stays. */
static bool switch_on_clock(const char *interface, bool is_tx)
{
    struct hwtstamp_config config = {0};
    struct rl_stamp_caps caps;

    if (rl_stamp_caps_of(interface, &caps) != 0 || !(is_tx ? caps.tx_hardware : caps.rx_hardware))
        return false;
    if (ask_interface(interface, SIOCGHWTSTAMP, &config) != 0) /* older drivers only take */
        config =
            (struct hwtstamp_config){.tx_type = HWTSTAMP_TX_OFF, .rx_filter = HWTSTAMP_FILTER_NONE};
    if (is_tx ? config.tx_type != HWTSTAMP_TX_OFF : config.rx_filter == HWTSTAMP_FILTER_ALL)
        return true;
    if (is_tx)
        config.tx_type = HWTSTAMP_TX_ON;
    else
        config.rx_filter = HWTSTAMP_FILTER_ALL;
    config.flags = 0;
    return ask_interface(interface, SIOCSHWTSTAMP, &config) == 0 && /* says what was granted */
           (is_tx ? config.tx_type != HWTSTAMP_TX_OFF : config.rx_filter == HWTSTAMP_FILTER_ALL);
}

/* --- arming ----------------------------------------------------------------------------------- */

static int add_flags(int fd, int flags)
{
    int now = 0;
    socklen_t n = sizeof now;

    (void)getsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &now, &n);
    flags |= now;
    return setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags) < 0 ? -errno : 0;
}

/* A datagram to oneself: does it have a stamp? */
static bool is_stamped(int fd)
{
    uint64_t control[RL_STAMP_CONTROL / sizeof(uint64_t)];
    struct msghdr h = {.msg_control = control, .msg_controllen = sizeof control};

    return send(fd, "", 0, MSG_DONTWAIT) == 0 && recvmsg(fd, &h, MSG_DONTWAIT) == 0 &&
           rl_stamp_read(&h, RL_STAMP_SOFTWARE) != 0;
}

/*
 * The kernel begins to stamp some time after the first socket of the host has asked for it, and
 * what arrives in between has no stamp: comes back when a datagram of the loopback had one, or
 * after a while where there is no loopback.
 */
static void settle(void)
{
    struct timespec pause = {.tv_nsec = NS_PER_MS};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t n = sizeof at;

    if (fd < 0)
        return;
    if (bind(fd, (struct sockaddr *)&at, n) == 0 &&
        getsockname(fd, (struct sockaddr *)&at, &n) == 0 &&
        connect(fd, (struct sockaddr *)&at, n) == 0 &&
        add_flags(fd, SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE) == 0)
        for (int i = 0; i < SETTLE_TRIES && !is_stamped(fd); i++)
            (void)nanosleep(&pause, NULL);
    close(fd);
}

enum rl_stamp rl_stamp_arm(int fd, const char *interface)
{
    bool is_hardware = interface != NULL && switch_on_clock(interface, false);
    int flags = is_hardware ? SOF_TIMESTAMPING_RX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE
                            : SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;

    if (add_flags(fd, flags) != 0)
        return RL_STAMP_NONE;
    if (is_hardware)
        return RL_STAMP_HARDWARE;
    settle();
    return RL_STAMP_SOFTWARE;
}

enum rl_stamp rl_stamp_arm_tx(int fd, const char *interface)
{
    bool is_hardware = interface != NULL && switch_on_clock(interface, true);
    int flags = is_hardware ? SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE
                            : SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;

    /* Numbered, and without the datagram itself. */
    flags |= SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY;
    if (add_flags(fd, flags) != 0)
        return RL_STAMP_NONE;
    return is_hardware ? RL_STAMP_HARDWARE : RL_STAMP_SOFTWARE;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Whether a control message says no more of itself than was received. */
static bool is_whole(const struct msghdr *h, const struct cmsghdr *c, size_t n_bytes)
{
    size_t at = (size_t)((const uint8_t *)c - (const uint8_t *)h->msg_control);

    return c->cmsg_len >= CMSG_LEN(n_bytes) && c->cmsg_len <= h->msg_controllen - at;
}

/* Some CMSG_NXTHDR never come to an end with a length that is nearly SIZE_MAX. */
static struct cmsghdr *next_of(struct msghdr *h, struct cmsghdr *c)
{
    return is_whole(h, c, 0) ? CMSG_NXTHDR(h, c) : NULL;
}

static bool holds_stamps(const struct msghdr *h, const struct cmsghdr *c, struct timespec stamps[3])
{
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPING ||
        !is_whole(h, c, 3 * sizeof *stamps))
        return false;
    memcpy(stamps, CMSG_DATA(c), 3 * sizeof *stamps);
    return true;
}

/* 0 for one that is no time. Of the three the second is no longer used. */
static uint64_t ns_of(const struct timespec stamps[3], enum rl_stamp kind)
{
    const struct timespec *at = &stamps[kind == RL_STAMP_HARDWARE ? 2 : 0];

    if (kind == RL_STAMP_NONE || at->tv_sec < 0 || at->tv_sec > INT64_MAX / NS_PER_S - 1 ||
        at->tv_nsec < 0 || at->tv_nsec >= NS_PER_S)
        return 0;
    return (uint64_t)at->tv_sec * (uint64_t)NS_PER_S + (uint64_t)at->tv_nsec;
}

uint64_t rl_stamp_read(const struct msghdr *message, enum rl_stamp kind)
{
    struct msghdr *h = (struct msghdr *)message; /* CMSG_FIRSTHDR wants it so, and only reads */
    struct timespec stamps[3];

    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = next_of(h, c))
        if (holds_stamps(h, c, stamps))
            return ns_of(stamps, kind);
    return 0;
}

static bool is_error(const struct cmsghdr *c)
{
    return (c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) ||
           (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR);
}

bool rl_stamp_read_tx(const struct msghdr *message, struct rl_stamp_tx *stamp)
{
    struct msghdr *h = (struct msghdr *)message;
    bool has_stamps = false, has_id = false;
    struct sock_extended_err error = {0};
    struct timespec stamps[3];

    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = next_of(h, c)) {
        if (holds_stamps(h, c, stamps)) {
            has_stamps = true;
        } else if (is_error(c) && is_whole(h, c, sizeof error)) {
            memcpy(&error, CMSG_DATA(c), sizeof error);
            has_id = error.ee_errno == ENOMSG && error.ee_origin == SO_EE_ORIGIN_TIMESTAMPING &&
                     error.ee_info == SCM_TSTAMP_SND;
        }
    }
    if (!has_stamps || !has_id)
        return false;
    stamp->id = error.ee_data;
    stamp->ns = ns_of(stamps, RL_STAMP_HARDWARE);
    stamp->kind = stamp->ns ? RL_STAMP_HARDWARE : RL_STAMP_SOFTWARE;
    if (stamp->ns == 0)
        stamp->ns = ns_of(stamps, RL_STAMP_SOFTWARE);
    return stamp->ns != 0;
}

int rl_stamp_next_tx(int fd, struct rl_stamp_tx *stamp)
{
    uint64_t control[2 * RL_STAMP_CONTROL / sizeof(uint64_t)];

    for (int i = 0; i < N_FOREIGN; i++) {
        struct msghdr h = {.msg_control = control, .msg_controllen = sizeof control};

        if (recvmsg(fd, &h, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
            return errno == EAGAIN ? 0 : -errno;
        if (rl_stamp_read_tx(&h, stamp))
            return 1;
    }
    return 0;
}
