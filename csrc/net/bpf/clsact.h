/*
 * clsact - a BPF filter at tc by rtnetlink, for kernels without tcx links.
 *
 * Nothing takes a filter away when its process is killed. So what stands there is a springboard:
 * one tail call through a map that only the process holds, which the kernel empties with the
 * process; from then on the filter lets everything pass. Its name says whose it is, so that the
 * next one tells it from one that is in use, and takes its place.
 *
 * Threads:  the socket belongs to the namespace in which it was opened, wherever the thread is
 * later.
 */
#ifndef RL_NET_BPF_CLSACT_H
#define RL_NET_BPF_CLSACT_H

#include "net/bpf/sys.h"

struct rl_clsact {
    int netlink_fd, jump_fd;
    uint32_t ifindex;
    bool is_egress;
    bool made_qdisc; /* by us, and so taken away by us, unless others use it by then */
};

/*
 * -EBUSY: another living process has its filter at this side of the interface. What dead ones left
 * is taken away first. 0 or -errno with a sentence.
 */
int rl_clsact_open(struct rl_clsact *cls, uint32_t ifindex, bool is_egress, int prog_fd,
                   char why[RL_BPF_WHY]);
void rl_clsact_close(struct rl_clsact *cls); /* once; also after an open that failed */

#endif
