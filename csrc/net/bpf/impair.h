/*
 * impair - faults that are exact to the packet: what happens to the n-th packet of a flow stands in
 * a table, so the receiver can be told beforehand what it must see.
 *
 * Packet n (from 0) meets actions[n mod n_actions]. Only the chosen flow is counted: IPv4/UDP to
 * one destination port (0: to any), with up to two VLAN tags, fragments never. All else passes
 * untouched and uncounted. A blackhole is a run of drops. The counters are the truth of what was
 * done.
 *
 * Where the table acts:
 *  - rl_impair_attach: tc, at the ingress or egress of an interface, held by a tcx link (Linux 6.6)
 *    or, where that is missing or clsact is asked for, by a filter of a clsact qdisc;
 *  - rl_redirect_open: in front of AF_XDP sockets, which sit before tc.
 * tc ingress comes before the kernel's IP and packet sockets that are bound to ETH_P_IP, but behind
 * packet sockets of ETH_P_ALL, which see no fault, and see twice what was copied or sent round (a
 * packet that came while a copy was under way, to stay behind it). What is sent with
 * PACKET_QDISC_BYPASS, by AF_XDP or by XDP never meets tc egress: its faults are the receiver's.
 *
 * A packet that the kernel's UDP has sent with checksum offload carries no checksum yet, and a
 * receiver on the same machine does not look at it: CORRUPT_FRAME is then delivered. Whoever wants
 * it refused switches the offload off at the sender. A super packet (GSO) counts once.
 *
 * Threads:  packets may come on any CPU; the order of the table is the order in which they take
 *           their numbers. One thread opens, sets, attaches, closes; any may read the counters.
 * Memory:   table and counters are mapped, shared with the kernel.
 * Cost:     some tens of nanoseconds a packet of the flow; a copy costs what a packet costs.
 */
#ifndef RL_NET_BPF_IMPAIR_H
#define RL_NET_BPF_IMPAIR_H

#include "net/bpf/clsact.h"
#include "net/bpf/sys.h"

enum rl_impair_action {
    RL_IMPAIR_PASS,
    RL_IMPAIR_DROP,
    RL_IMPAIR_DUPLICATE,     /* twice, one right behind the other; not in XDP */
    RL_IMPAIR_CORRUPT,       /* one byte of the payload is changed, the checksum too */
    RL_IMPAIR_CORRUPT_FRAME, /* one byte changed, the checksum is wrong now */
    RL_N_IMPAIR_ACTIONS
};

/* X(name, text) */
#define RL_IMPAIR_HOOKS(X)                                                                        \
    X(AUTO, "auto")     /* tcx, else clsact */                                                    \
    X(TCX, "tcx")       /* a link: gone with the process */                                       \
    X(CLSACT, "clsact") /* a filter: after a kill it does nothing, and the next one takes it away \
                         */

enum rl_impair_hook {
#define RL_IMPAIR_HOOK_ENUM(name, text) RL_IMPAIR_HOOK_##name,
    RL_IMPAIR_HOOKS(RL_IMPAIR_HOOK_ENUM)
#undef RL_IMPAIR_HOOK_ENUM
        RL_N_IMPAIR_HOOKS
};

const char *rl_impair_hook_name(enum rl_impair_hook hook);

#define RL_IMPAIR_MAX_ACTIONS (1U << 20)
#define RL_IMPAIR_FLIP 0xffU /* what the byte is xored with */

struct rl_impair_config {
    const uint8_t *actions; /* enum rl_impair_action, copied */
    uint32_t n_actions;     /* a power of two */
    uint16_t udp_port;      /* destination, host order; 0: every port */
    uint32_t corrupt_at;    /* which byte of the UDP payload is changed; up to 1023 */
};

/* What was done so far; X(name, what it counts). */
#define RL_IMPAIR_COUNTERS(X)                              \
    X(n_seen, "packets of the flow")                       \
    X(n_passed, "passed untouched")                        \
    X(n_dropped, "dropped")                                \
    X(n_duplicated, "delivered twice")                     \
    X(n_corrupted, "payload changed, checksum mended")     \
    X(n_corrupted_frame, "payload changed, checksum left") \
    X(n_undone, "passed because it could not be done: too short to corrupt, no room for a copy")

#define RL_IMPAIR_MEMBER(name, what) uint64_t name;
struct rl_impair_counts {
    RL_IMPAIR_COUNTERS(RL_IMPAIR_MEMBER)
};
#undef RL_IMPAIR_MEMBER
extern const char *const rl_impair_counter_names[]; /* NULL ends it; in the order of the struct */

struct rl_impair_shared; /* impair_inner.h */

struct rl_impair {
    uint32_t n_actions;
    uint16_t udp_port;
    uint32_t corrupt_at;
    int table_fd, shared_fd;         /* maps */
    uint8_t *table;                  /* n_actions bytes */
    struct rl_impair_shared *shared; /* counters */
    /* Where it is attached by tc; RL_IMPAIR_HOOK_AUTO: nowhere. */
    enum rl_impair_hook hook;
    uint32_t ifindex;
    bool is_egress;
    int prog_fd, link_fd;
    struct rl_clsact clsact;
};

/* The table and its counters, attached nowhere. -EINVAL: sizes, actions; -errno; a sentence. */
int rl_impair_open(struct rl_impair *im, const struct rl_impair_config *config,
                   char why[RL_BPF_WHY]);
/*
 * To an interface of the namespace in which the thread is. Once at a time. 0, and im->hook says
 * what was obtained, or -errno with a sentence.
 */
int rl_impair_attach(struct rl_impair *im, uint32_t ifindex, bool is_egress,
                     enum rl_impair_hook hook, char why[RL_BPF_WHY]);
void rl_impair_detach(struct rl_impair *im); /* harmless when it is not attached */
/*
 * The next packet is packet 0 of `actions` (NULL: of the same table), as many as there were; all
 * counters are 0. While no packet of the flow is under way, or its fate is anybody's guess.
 * -EINVAL: an unknown action. In XDP a duplicate is passed and counted as undone.
 */
int rl_impair_restart(struct rl_impair *im, const uint8_t *actions);
struct rl_impair_counts rl_impair_counts_now(const struct rl_impair *im);
bool rl_impair_has(const struct rl_impair *im, enum rl_impair_action action);
void rl_impair_close(struct rl_impair *im); /* detaches; once; also after an open that failed */

#endif
