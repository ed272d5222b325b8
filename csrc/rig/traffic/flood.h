/*
 * flood - a sender and a receiver on a CPU each (or on one thread), and what became of every frame.
 *
 *     planned = sent + unsent (+ not begun, when it was stopped)
 *     sent = arrived + lost          arrived = ahead + reordered
 *     frames_in = the sum of all fates
 *
 * Threads:  the caller waits; workers do the rest. Ports are the workers' until it returns.
 * Memory:   the result owns an arena.
 */
#ifndef RL_RIG_FLOOD_H
#define RL_RIG_FLOOD_H

#include "rig/traffic/flood_receive.h"
#include "rig/traffic/flood_send.h"
#include "rig/traffic/run.h"
#include "rig/trial/identity.h"

struct rl_flood_config {
    struct rl_flood_traffic traffic;
    struct rl_flood_send_config send;
    struct rl_flood_receive_config receive;
    struct rl_port *tx; /* NULL: somebody else sends */
    struct rl_port *rx; /* NULL: nobody looks */
    int cpu_tx, cpu_rx;
    bool one_thread;    /* both, on cpu_tx */
    uint64_t settle_ns; /* after the last frame sent: the run ends when so long nothing came */
    uint32_t n_placement_batches;
    const struct rl_clock *clock;
    struct rl_run_bounds bounds;
};

#define RL_FLOOD_RESULT_MEMBER(name, what) uint64_t name;
struct rl_flood_result {
    struct {
        RL_FLOOD_SEND_COUNTERS(RL_FLOOD_RESULT_MEMBER)
    } sent; /* in the order of rl_flood_send_counter_names */
    struct {
        RL_FLOOD_RECEIVE_COUNTERS(RL_FLOOD_RESULT_MEMBER)
    } received;
    uint64_t arrived;                        /* different frames that arrived whole */
    uint64_t lost;                           /* sent - arrived; 0 unless both ends are ours */
    uint64_t sent_span_ns, received_span_ns; /* first to last frame */
    double sent_pps, received_pps;           /* over these spans */
    double handle_ns;                        /* mean, a received frame: read, checked, counted */
    struct rl_hist lateness, from_intended, from_sent; /* ns */
    const uint64_t *log;
    uint64_t n_logged;
    struct rl_run_side tx_side, rx_side;
    struct rl_placements placement;
    uint64_t elapsed_ns;
    bool was_stopped;
    struct rl_arena arena;
};
#undef RL_FLOOD_RESULT_MEMBER

/* 64 bytes, 100 000 frames as fast as possible, 20 ms to settle. */
void rl_flood_config_init(struct rl_flood_config *c);

/* 0, or -errno with a sentence in *why. The result is closed by the caller, also after an error. */
int rl_flood_run(struct rl_flood_result *result, const struct rl_flood_config *config,
                 const char **why);
/* Harmless twice, and for a result that was zeroed. */
void rl_flood_result_close(struct rl_flood_result *result);

#define RL_FLOOD_MAX_IDENTITIES 4
/* All that apply to this run; how many. */
uint32_t rl_flood_identities(const struct rl_flood_result *r,
                             struct rl_identity out[RL_FLOOD_MAX_IDENTITIES]);

#endif
