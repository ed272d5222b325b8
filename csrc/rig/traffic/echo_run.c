#include "rig/traffic/echo_run.h"

#include <errno.h>
#include <string.h>

/* Who is asked to end looks again at once. */
#define GRACE_NS 0

struct echo_job {
    const struct rl_echo_run_config *config;
    struct rl_run_side *side;
    struct rl_echo echo;
    struct rl_run run;
};

static bool has_enough(const struct echo_job *job)
{
    return job->config->n_max != 0 && rl_counted(&job->echo.n.frames_back) >= job->config->n_max;
}

static void echo_main(void *arg)
{
    struct echo_job *job = arg;

    rl_run_side_begin(job->side, job->config->port, job->config->cpu);
    rl_trap_arm();
    while (!rl_run_is_ended(&job->run) && !has_enough(job)) {
        if (rl_echo_turn(&job->echo) == 0 && job->config->blocks)
            rl_port_rx_wait(job->config->port);
    }
    rl_trap_disarm();
    rl_run_side_end(job->side, job->config->port);
}

int rl_echo_run(struct rl_echo_result *result, const struct rl_echo_run_config *config,
                const char **why)
{
    struct echo_job job = {.config = config, .side = &result->side};
    struct rl_worker worker;
    int err;

    memset(result, 0, sizeof *result);
    *why = NULL;
    rl_echo_init(&job.echo, config->port);
    job.echo.only_probes = config->only_probes;
    job.echo.n_prefix = config->n_prefix;
    job.echo.n_max = config->n_max;
    err = rl_run_init(&job.run, &config->bounds);
    if (err) {
        *why = "no semaphore";
        return err;
    }
    err = rl_worker_start(&worker, "rl-echo", config->cpu, echo_main, &job, &job.run.finished);
    if (err) {
        *why = "the echo's CPU may not be used";
    } else {
        result->was_stopped = rl_run_wait(&job.run, 1, GRACE_NS);
        rl_worker_join(&worker);
    }
    result->elapsed_ns = rl_run_fini(&job.run);
#define COPY(name, what) result->echo.name = rl_counted(&job.echo.n.name);
    RL_ECHO_COUNTERS(COPY)
#undef COPY
    return err;
}
