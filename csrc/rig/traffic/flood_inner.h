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

int rl_flood_placement(const struct rl_flood_config *c, struct rl_placement *p);

/* Starts the receiver's worker and returns when it listens. 0 or -errno. */
int rl_flood_listen(struct rl_flood_job *job, struct rl_worker *worker);
/* By the receiver's thread: until nothing has come for a while after the last frame was sent. */
void rl_flood_receive_rest(struct rl_flood_job *job);

/* By the sender's thread: nothing more will be sent. */
void rl_flood_sent(struct rl_flood_job *job);
/* There will be no sender: the receiver ends at once. */
void rl_flood_abandon(struct rl_flood_job *job);

#endif
