#include "rig/traffic/ping_run.h"

#include <errno.h>

/* Nothing but the loops themselves is asked to end. */
#define GRACE_NS 0

/* Lies in the arena of the result. */
struct ping_job {
    struct rl_ping_run_config config;
    struct rl_ping_result *result;
    struct rl_ping ping;
    struct rl_echo echo;
    struct rl_run run;
    RL_ALIGNED _Atomic bool is_pinged;    /* the ping's thread: no rounds are left */
    RL_ALIGNED _Atomic bool is_listening; /* the echo's thread */
};

void rl_ping_run_config_init(struct rl_ping_run_config *c)
{
    memset(c, 0, sizeof *c);
    c->ping.n_rounds = 10000;
    c->ping.n_warmup = 1000;
    c->ping.n_bytes = 64;
    c->ping.timeout_ns = 100000000;
    c->cpu_echo = 1;
}

static void ping_main(void *arg)
{
    struct ping_job *job = arg;
    struct rl_ping_result *result = job->result;
    bool both = job->config.one_thread && job->config.echo_port != NULL;

    rl_run_side_begin(&result->ping_side, job->config.port, job->config.cpu_ping);
    if (both)
        rl_run_side_begin(&result->echo_side, job->config.echo_port, job->config.cpu_ping);
    rl_trap_arm();
    while (rl_ping_turn(&job->ping)) {
        if (both)
            (void)rl_echo_turn(&job->echo);
        if (RL_UNLIKELY(rl_run_is_ended(&job->run))) {
            rl_ping_give_up(&job->ping);
            break;
        }
    }
    rl_trap_disarm();
    rl_run_side_end(&result->ping_side, job->config.port);
    if (both)
        rl_run_side_end(&result->echo_side, job->config.echo_port);
    /* Relaxed: the word carries nothing but itself. */
    atomic_store_explicit(&job->is_pinged, true, memory_order_relaxed);
}

static void echo_main(void *arg)
{
    struct ping_job *job = arg;

    rl_run_side_begin(&job->result->echo_side, job->config.echo_port, job->config.cpu_echo);
    rl_trap_arm();
    atomic_store_explicit(&job->is_listening, true, memory_order_relaxed);
    while (!atomic_load_explicit(&job->is_pinged, memory_order_relaxed)) {
        if (rl_echo_turn(&job->echo) == 0 && job->config.echo_blocks)
            rl_port_rx_wait(job->config.echo_port);
    }
    rl_trap_disarm();
    rl_run_side_end(&job->result->echo_side, job->config.echo_port);
}

static const char *refusal(const struct rl_ping_run_config *c)
{
    bool two = c->echo_port != NULL && !c->one_thread;

    if (c->port == NULL || c->clock == NULL)
        return "a ping needs a port and a clock";
    if (two && c->cpu_ping == c->cpu_echo && !(c->ping.blocks && c->echo_blocks))
        return "ping and echo spin on one CPU: use two, one thread, or let both block";
    if (c->one_thread && (c->ping.blocks || c->echo_blocks))
        return "one thread polls both ends: neither can block";
    return NULL;
}

/* Everything that the workers need, in the result's arena. */
static int job_open(struct ping_job **job, struct rl_ping_result *result,
                    const struct rl_ping_run_config *c, const char **why)
{
    size_t n_bytes = rl_ping_bytes(&c->ping) + sizeof **job + 4096;
    int err;

    *why = refusal(c);
    if (*why != NULL)
        return -EINVAL;
    *why = "no memory for the histograms";
    err = rl_arena_open(&result->arena, n_bytes, RL_ARENA_ALL);
    if (err)
        return err;
    *job = rl_arena_take(&result->arena, sizeof **job, _Alignof(struct ping_job));
    if (*job == NULL)
        return -ENOMEM;
    (*job)->config = *c;
    (*job)->result = result;
    err = rl_ping_init(&(*job)->ping, &c->ping, c->port, c->clock, &result->arena);
    if (err == -EINVAL)
        *why = "rounds, time limit or size make no sense, or the frame is too long for the port";
    if (err)
        return err;
    rl_echo_init(&(*job)->echo, c->echo_port);
    *why = "no semaphore";
    return rl_run_init(&(*job)->run, &c->bounds);
}

static int placement(const struct rl_ping_run_config *c, struct rl_placement *p)
{
    if (c->n_placement_batches == 0 || c->echo_port == NULL || c->cpu_ping == c->cpu_echo ||
        c->one_thread)
        return 0;
    return rl_placement_probe(c->cpu_ping, c->cpu_echo, c->n_placement_batches, p);
}

static int work(struct ping_job *job, const char **why)
{
    struct rl_ping_result *result = job->result;
    struct rl_worker ping = {.is_running = false}, echo = {.is_running = false};
    bool two = job->config.echo_port != NULL && !job->config.one_thread;
    int err = placement(&job->config, &result->placement.before);

    *why = "the CPUs may not be used: no such CPU, or not allowed";
    if (!err && two)
        err = rl_worker_start(&echo, "rl-echo", job->config.cpu_echo, echo_main, job,
                              &job->run.finished);
    if (!err && two)
        while (!atomic_load_explicit(&job->is_listening, memory_order_relaxed))
            rl_pause();
    if (!err) {
        err = rl_worker_start(&ping, "rl-ping", job->config.cpu_ping, ping_main, job,
                              &job->run.finished);
        if (err) /* nobody else would ever end the echo's loop */
            atomic_store_explicit(&job->is_pinged, true, memory_order_relaxed);
    }
    if (!err)
        result->was_stopped = rl_run_wait(&job->run, two ? 2 : 1, GRACE_NS);
    rl_worker_join(&ping);
    rl_worker_join(&echo);
    if (!err)
        err = placement(&job->config, &result->placement.after);
    return err;
}

int rl_ping_run(struct rl_ping_result *result, const struct rl_ping_run_config *config,
                const char **why)
{
    struct ping_job *job = NULL;
    int err;

    memset(result, 0, sizeof *result);
    err = job_open(&job, result, config, why);
    if (err)
        return err;
    err = work(job, why);
    result->elapsed_ns = rl_run_fini(&job->run);
    result->rtt = job->ping.rtt;
    result->handle = job->ping.handle;
#define COPY(name, what) result->ping.name = rl_counted(&job->ping.n.name);
    RL_PING_COUNTERS(COPY)
#undef COPY
#define COPY(name, what) result->echo.name = rl_counted(&job->echo.n.name);
    RL_ECHO_COUNTERS(COPY)
#undef COPY
    if (!err)
        *why = NULL;
    return err;
}

void rl_ping_result_close(struct rl_ping_result *result)
{
    rl_arena_close(&result->arena);
}
