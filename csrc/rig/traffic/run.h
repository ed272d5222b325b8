/*
 * run - what every run of traffic has in common: bounds, somebody who may end it, and what stands
 * in front of the datagram on a port of whole frames.
 *
 * Threads:  a run is started and waited for by one thread; `stop` may be set by any, also by a
 *           signal handler.
 */
#ifndef RL_RIG_TRAFFIC_RUN_H
#define RL_RIG_TRAFFIC_RUN_H

#include <semaphore.h>

#include "base/clock.h"
#include "base/hist.h"
#include "base/mem.h"
#include "net/frame.h"
#include "net/port/port.h"
#include "rig/trial/probe.h"
#include "rig/trial/worker.h"

struct rl_run_bounds {
    uint64_t max_ns;          /* the run ends by then, whatever happens; 0: RL_RUN_MAX_NS */
    const _Atomic bool *stop; /* NULL, or ends the run when true */
    /* NULL, or asked by the waiting thread every RL_RUN_ASK_NS; true ends the run. */
    bool (*wants_stop)(void *arg);
    void *arg;
};

#define RL_RUN_MAX_NS 60000000000ULL
#define RL_RUN_ASK_NS 20000000ULL

/*
 * What stands before each datagram on a port of whole frames, the same in all of them: an Ethernet
 * header, or all headers down to UDP's. Written in front of what is sent, skipped in what comes. 0
 * bytes on any other port.
 */
#define RL_PREFIX_MAX 64
struct rl_prefix {
    uint8_t bytes[RL_PREFIX_MAX];
    uint32_t n_bytes;
};

#define RL_ETHERTYPE_PROBE 0x88B5 /* IEEE 802: local experimental ethertype 1 */

/* An Ethernet header of our experimental type. */
void rl_prefix_ethernet(struct rl_prefix *p, const uint8_t to_mac[6], const uint8_t from_mac[6]);

/* How long a frame with this prefix is: n_bytes behind it, and what a NIC may have added. */
static inline bool rl_prefix_fits(const struct rl_prefix *p, uint32_t n_frame, uint32_t n_bytes)
{
    uint32_t n_whole = p->n_bytes + n_bytes;

    return n_frame == n_whole || (p->n_bytes > 0 && n_whole < RL_ETHERNET_MIN &&
                                  n_frame > n_whole && n_frame <= RL_ETHERNET_MIN);
}

/* What one thread and its port did during a run. */
struct rl_run_side {
    bool is_there;
    char backend[16], mode[48]; /* of the port: what was obtained */
    enum rl_stamp stamp;
    int cpu;
    struct rl_usage usage;      /* of the thread, while it ran */
    struct rl_port_stats stats; /* of the port, during the run alone */
};

/* Where the two CPUs were: a cache line's round trip before and after; no batches: not probed. */
struct rl_placements {
    struct rl_placement before, after;
};

/* --- inside --- */

/* A run under way: what its workers and the one who waits share. */
struct rl_run {
    struct rl_run_bounds bounds;
    sem_t finished;
    uint64_t start_ns;
    RL_ALIGNED _Atomic bool is_ended; /* begin nothing new */
    _Atomic bool is_cut;              /* leave now */
};

int rl_run_init(struct rl_run *run, const struct rl_run_bounds *bounds);
/*
 * Until n_workers have finished. Who is asked to end has grace_ns before being cut short. True when
 * the run was ended from outside.
 */
bool rl_run_wait(struct rl_run *run, uint32_t n_workers, uint64_t grace_ns);
/* How long it took; gives back what init took. */
uint64_t rl_run_fini(struct rl_run *run);

static inline bool rl_run_is_ended(const struct rl_run *run)
{
    const _Atomic bool *stop = run->bounds.stop;

    /* Relaxed: the words carry nothing but themselves. */
    return atomic_load_explicit(&run->is_ended, memory_order_relaxed) ||
           (stop != NULL && atomic_load_explicit(stop, memory_order_relaxed));
}

static inline bool rl_run_is_cut(const struct rl_run *run)
{
    return atomic_load_explicit(&run->is_cut, memory_order_relaxed);
}

/* By the worker, around what it does: the port's and the thread's figures. */
void rl_run_side_begin(struct rl_run_side *side, struct rl_port *port, int cpu);
void rl_run_side_end(struct rl_run_side *side, struct rl_port *port);

/* A histogram of ns over memory of the arena; -ENOMEM. */
int rl_run_hist(struct rl_hist *h, struct rl_arena *arena);
size_t rl_run_hist_bytes(void);

#endif
