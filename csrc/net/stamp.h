/*
 * stamp - when the kernel or the NIC saw a datagram: asking for it, and reading it back.
 *
 * Software stamps are CLOCK_REALTIME, taken in the driver; hardware stamps are the NIC's own clock,
 * whose distance from CLOCK_REALTIME rl_stamp_phc tells.
 *
 * Sources:  Documentation/networking/timestamping.rst, linux/ptp_clock.h.
 * Threads:  functions of their arguments.
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
 * be switched on, else the kernel's. What was obtained.
 */
enum rl_stamp rl_stamp_arm(int fd, const char *interface);
/* The stamp of that kind in a message received, ns; 0 when it has none. Any bytes may come. */
uint64_t rl_stamp_read(const struct msghdr *message, enum rl_stamp kind);

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
    uint64_t bound_ns; /* the truth lies within offset +- bound: half the narrowest bracket */
};
/* 0; -errno: no /dev/ptpN, or not readable for this process. */
int rl_stamp_phc(int phc, struct rl_phc_offset *offset);

#endif
