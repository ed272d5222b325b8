/*
 * flood_inner - a flood under way, whoever sends: our sender or a program in the kernel.
 */
#ifndef RL_RIG_FLOOD_INNER_H
#define RL_RIG_FLOOD_INNER_H

#include "rig/traffic/flood.h"

/* Lies in the arena of the result. */
struct rl_flood_job {
    struct rl_flood_config config;
    struct rl_flood_result *result;
    struct rl_flood_sender sender;
    struct rl_flood_receiver receiver;
    struct rl_run run;
    bool has_sender;                      /* somebody of ours: is_all_sent will be set */
    RL_ALIGNED _Atomic bool is_all_sent;  /* the sender's thread: its counters are final */
    RL_ALIGNED _Atomic bool is_listening; /* the receiver's thread */
};

/*
 * 0, or -errno and *why. The config's sense has been looked at; `tx` NULL: no sender is made. The
 * result's arena has n_extra bytes left then.
 */
int rl_flood_job_open(struct rl_flood_job **job, struct rl_flood_result *result,
                      const struct rl_flood_config *config, size_t n_extra, const char **why);
/* Fills in the result. */
void rl_flood_job_close(struct rl_flood_job *job);

/*
 * The receiver's worker, which listens before the sender's begins to run `tx_main`, and the wait
 * for both; the placement before and after. tx_main == NULL: nobody of ours sends. 0, or -errno:
 * the CPUs may not be used.
 */
int rl_flood_work(struct rl_flood_job *job, const char *name, void (*tx_main)(void *), void *arg);
#define RL_FLOOD_NO_CPUS "the CPUs may not be used: no such CPU, or not allowed"

/* By the receiver's thread: until nothing has come for a while after the last frame was sent. */
void rl_flood_receive_rest(struct rl_flood_job *job);
/* By the sender's thread: nothing more will be sent. */
void rl_flood_sent(struct rl_flood_job *job);

#endif
