#include "rig/traffic/flood.h"

#include <errno.h>

#include "rig/traffic/flood_inner.h"

void rl_flood_config_init(struct rl_flood_config *c)
{
    memset(c, 0, sizeof *c);
    c->traffic.n_frames = 100000;
    c->traffic.n_bytes = 64;
    c->settle_ns = 20000000;
    c->cpu_rx = 1;
}

/* From "both are there" to the first frame. */
#define LEAD_NS 200000

static void send_turns(struct rl_flood_job *job)
{
    if (rl_flood_sender_turn(&job->sender) > 0)
        return;
    if (job->config.send.schedule.n_due == 0)
        rl_pause(); /* no room: the receiver needs the line that we would ask for */
}

static bool is_sent(const struct rl_flood_job *job)
{
    return rl_flood_sender_is_done(&job->sender) || rl_run_is_ended(&job->run);
}

static void tx_begin(struct rl_flood_job *job)
{
    rl_run_side_begin(&job->result->tx_side, job->config.tx, job->config.cpu_tx);
    rl_trap_arm();
    rl_flood_sender_start(&job->sender, rl_tsc() + rl_ns_to_ticks(job->config.clock, LEAD_NS));
}

static void tx_end(struct rl_flood_job *job)
{
    rl_trap_disarm();
    rl_run_side_end(&job->result->tx_side, job->config.tx);
    rl_flood_sent(job);
}

static void tx_main(void *arg)
{
    struct rl_flood_job *job = arg;

    tx_begin(job);
    while (!is_sent(job))
        send_turns(job);
    tx_end(job);
}

static void both_main(void *arg)
{
    struct rl_flood_job *job = arg;

    rl_run_side_begin(&job->result->rx_side, job->config.rx, job->config.cpu_tx);
    tx_begin(job);
    while (!is_sent(job)) {
        send_turns(job);
        (void)rl_flood_receiver_turn(&job->receiver);
    }
    tx_end(job);
    rl_flood_receive_rest(job);
    rl_run_side_end(&job->result->rx_side, job->config.rx);
}

static const char *refusal(const struct rl_flood_config *c)
{
    if (c->clock == NULL || (c->tx == NULL && c->rx == NULL))
        return "a flood needs a clock and a port";
    if (c->one_thread && (c->tx == NULL || c->rx == NULL || c->receive.blocks))
        return "one thread sends and receives: it needs both ports and cannot block";
    if (!c->one_thread && c->tx != NULL && c->rx != NULL && c->cpu_tx == c->cpu_rx &&
        !c->receive.blocks)
        return "sender and receiver spin on one CPU: use two, or one thread";
    return NULL;
}

int rl_flood_run(struct rl_flood_result *result, const struct rl_flood_config *config,
                 const char **why)
{
    struct rl_flood_job *job = NULL;
    int err;

    memset(result, 0, sizeof *result);
    *why = refusal(config);
    if (*why != NULL)
        return -EINVAL;
    err = rl_flood_job_open(&job, result, config, 0, why);
    if (err)
        return err;
    err =
        rl_flood_work(job, "rl-flood",
                      config->tx == NULL ? NULL : (config->one_thread ? both_main : tx_main), job);
    rl_flood_job_close(job);
    *why = err ? RL_FLOOD_NO_CPUS : NULL;
    return err;
}

void rl_flood_result_close(struct rl_flood_result *result)
{
    rl_arena_close(&result->arena);
}
