/*
 * accel - kernel bypass under the socket interface: which one is preloaded, and whether it took a
 * given socket over.
 *
 * A run that asked for one and measures the kernel instead must fail, not report the kernel. A
 * library may give a socket back to the kernel when it is bound or connected: ask after that.
 *
 * Sources:  onload/extensions.h of OpenOnload (onload_is_present, onload_fd_stat: 1 for a socket
 *           that it accelerates); vma_extra.h of libvma and xlio_extra.h of its successor: both
 *           answer a getsockopt of a descriptor that cannot be, and export no symbol to look for.
 * Threads:  any.
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

/* What hints at one without proving anything: for a report, and for a better sentence. */
struct rl_accel_signs {
    bool is_named;    /* LD_PRELOAD names its library */
    bool has_module;  /* its kernel module is loaded (Onload; VMA needs none of its own) */
    char version[32]; /* of that module; "" when it tells none */
};
struct rl_accel_signs rl_accel_signs_of(enum rl_accel accel);

#endif
