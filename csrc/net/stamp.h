/*
 * stamp - when the kernel or the NIC saw a datagram: asking for it, and reading it back.
 *
 * Software stamps are CLOCK_REALTIME, taken in the driver; hardware stamps are the NIC's own clock,
 * whose distance from CLOCK_REALTIME rl_stamp_phc tells. A datagram may come without any: its stamp
 * is 0 then.
 *
 * Sources:  Documentation/networking/timestamping.rst, linux/net_tstamp.h, linux/ptp_clock.h.
 * Threads:  functions of their arguments. Arming may sleep for some milliseconds.
 * Cost:     reading is a walk over the control messages of one datagram.
 */
#ifndef RL_NET_STAMP_H
#define RL_NET_STAMP_H

#include <sys/socket.h>

#include "net/port/port.h"

/* Bytes of control messages that a datagram's stamps take. */
#define RL_STAMP_CONTROL 128

/*
 * Asks for stamps of arrival: the NIC's, when `interface` (may be NULL) has such and its clock can
 * be switched on, else the kernel's. What was obtained. A NIC whose clock stamps everything already
 * is left as it is; else its filter is widened, and stays so: other sockets may have come to need
 * it.
 */
enum rl_stamp rl_stamp_arm(int fd, const char *interface);
/* The stamp of that kind in a message received, ns; 0 when it has none. Any bytes may come. */
uint64_t rl_stamp_read(const struct msghdr *message, enum rl_stamp kind);

/* When a datagram left. */
struct rl_stamp_tx {
    enum rl_stamp kind;
    uint32_t id; /* how many were sent between arming and this one */
    uint64_t ns;
};
/*
 * Asks for stamps of departure, besides those of arrival: as rl_stamp_arm. They queue up at the
 * socket, where poll sees them as POLLERR, until rl_stamp_next_tx takes them.
 */
enum rl_stamp rl_stamp_arm_tx(int fd, const char *interface);
/* The next one: 1 and *stamp; 0: there is none now; -errno. */
int rl_stamp_next_tx(int fd, struct rl_stamp_tx *stamp);
/* A message of the error queue: false when it is about something else. Any bytes may come. */
bool rl_stamp_read_tx(const struct msghdr *message, struct rl_stamp_tx *stamp);

/* What an interface can do. */
struct rl_stamp_caps {
    bool rx_software, tx_software, rx_hardware, tx_hardware;
    int phc; /* /dev/ptpN; -1: none */
};
/* 0 or -errno; inside the interface's namespace. */
int rl_stamp_caps_of(const char *interface, struct rl_stamp_caps *caps);

/* How far a NIC's clock is ahead of CLOCK_REALTIME, and how well that is known. */
struct rl_phc_offset {
    int64_t offset_ns;
    uint64_t bound_ns;  /* the truth lies within offset +- bound: half the narrowest bracket */
    const char *source; /* the request that told it */
};
/* One look at the NIC's clock between two at the system's, ns. */
struct rl_phc_bracket {
    int64_t before, nic, after;
};
/* 0; -errno: no /dev/ptpN, or not readable for this process; -EIO: its clock made no sense. */
int rl_stamp_phc(int phc, struct rl_phc_offset *offset);
/* From the narrowest of n brackets; false when in all of them time went backwards. */
bool rl_phc_best(const struct rl_phc_bracket *brackets, uint32_t n, struct rl_phc_offset *offset);

#endif
