/*
 * accel - kernel bypass under the socket interface: which one is preloaded, and whether it took a
 * given socket over.
 *
 * A run that asked for one and measures the kernel instead must fail, not report the kernel.
 *
 * Sources:  onload/extensions.h of OpenOnload (onload_is_present, onload_fd_stat: 1 for a socket
 *           that it accelerates), vma_extra.h of libvma and its successor XLIO (vma_get_api).
 * Threads:  any; looks up symbols that a preloaded library brings.
 */
#ifndef RL_NET_ACCEL_H
#define RL_NET_ACCEL_H

#include <stddef.h>

#include "base/defs.h"

/* X(name, text) */
#define RL_ACCELS(X)                                                            \
    X(NONE, "none")                                                             \
    X(ONLOAD, "onload") /* Solarflare / AMD: answers for every single socket */ \
    X(VMA, "vma")       /* NVIDIA libvma or XLIO: only its presence can be asked */

enum rl_accel {
#define RL_ACCEL_ENUM(name, text) RL_ACCEL_##name,
    RL_ACCELS(RL_ACCEL_ENUM)
#undef RL_ACCEL_ENUM
        RL_N_ACCELS
};

/* What is preloaded into this process. */
enum rl_accel rl_accel_present(void);
/*
 * 0 when the socket has what was wanted (always, for NONE); -ENOTSUP with a sentence: not
 * preloaded; -ENOTCONN: preloaded, and this socket was left to the kernel.
 */
int rl_accel_check(int fd, enum rl_accel wanted, char *why, size_t n_why);
const char *rl_accel_name(enum rl_accel accel);

#endif
