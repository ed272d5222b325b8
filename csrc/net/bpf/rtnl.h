/*
 * rtnl - one rtnetlink request at a time: attributes into a message, its answer awaited.
 *
 * Threads:  one at a time uses a socket. It belongs to the namespace in which it was opened.
 * Memory:   a message is a value on the caller's stack, bounded.
 */
#ifndef RL_NET_BPF_RTNL_H
#define RL_NET_BPF_RTNL_H

#include <linux/netlink.h>

#include "base/defs.h"

struct rl_rtnl {
    _Alignas(8) uint8_t bytes[512];
    uint32_t n_bytes;
    bool is_full; /* an attribute found no room: rl_rtnl_do says -ENOSPC */
};

int rl_rtnl_open(void); /* a descriptor or -errno */

/* A message whose fixed part is `body`; an acknowledgement is asked for. */
void rl_rtnl_start(struct rl_rtnl *m, uint16_t type, uint16_t flags, const void *body,
                   size_t n_bytes_body);
void rl_rtnl_put(struct rl_rtnl *m, uint16_t type, const void *value, size_t n_bytes);
void rl_rtnl_text(struct rl_rtnl *m, uint16_t type, const char *text);
size_t rl_rtnl_nest(struct rl_rtnl *m, uint16_t type); /* for rl_rtnl_unnest */
void rl_rtnl_unnest(struct rl_rtnl *m, size_t nest);

/* Sends it and waits for the answer: 0, or what the kernel says. */
int rl_rtnl_do(int fd, struct rl_rtnl *m);
/* The same of a dump, each message of which is shown to `see`. */
int rl_rtnl_dump(int fd, struct rl_rtnl *m, void (*see)(void *context, const struct nlmsghdr *h),
                 void *context);

/* The text of attribute `inner` inside `outer` of a message; false: there is none of n bytes. */
bool rl_rtnl_find_text(const struct nlmsghdr *h, size_t n_bytes_body, uint16_t outer,
                       uint16_t inner, char *text, size_t n);

#endif
