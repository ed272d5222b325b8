#include "rig/traffic/live_flood.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>

#include "net/netns.h"
#include "rig/traffic/flood_content.h"
#include "rig/traffic/flood_inner.h"

/*
 * So many a system call. Each call ends with a wait for the kernel's grace period: small ones
 * would measure that. A stop waits for the end of one, a quarter of a second at full rate.
 */
#define FRAMES_A_CALL (UINT64_C(1) << 19)

struct live_job {
    const struct rl_live_flood_config *config;
    struct rl_flood_job *flood;
    struct rl_live live;
    uint64_t span_ns;
    char why[RL_BPF_WHY];
    int err;
};

void rl_live_flood_config_init(struct rl_live_flood_config *c)
{
    memset(c, 0, sizeof *c);
    c->n_bytes = 64;
    c->n_frames = 1000000;
    c->n_batch = RL_LIVE_BATCH;
    c->netns_fd = -1;
    c->settle_ns = 20000000;
    c->cpu_rx = 1;
}

static void send_all(struct live_job *job)
{
    uint64_t n_left = job->config->n_frames, start = rl_tsc();

    while (n_left > 0 && !job->err && !rl_run_is_ended(&job->flood->run)) {
        uint32_t n = (uint32_t)(n_left < FRAMES_A_CALL ? n_left : FRAMES_A_CALL);

        job->err = rl_live_send(&job->live, n);
        n_left = job->config->n_frames - rl_live_n_made(&job->live);
    }
    job->span_ns = rl_ticks_to_ns(job->config->clock, rl_tsc() - start);
}

static void live_main(void *arg)
{
    struct live_job *job = arg;
    struct rl_run_side *side = &job->flood->result->tx_side;
    struct rl_usage before;
    int back;

    *side = (struct rl_run_side){.is_there = true, .backend = "live", .cpu = job->config->cpu_tx};
    (void)snprintf(side->mode, sizeof side->mode, "XDP live frames, batches of %u",
                   job->config->n_batch);
    job->err = rl_netns_enter(job->config->netns_fd, &back);
    before = rl_usage_now();
    if (!job->err) {
        send_all(job);
        rl_netns_leave(back);
    }
    side->usage = rl_usage_diff(before, rl_usage_now());
    side->stats.tx_frames = rl_live_n_made(&job->live);
    rl_flood_sent(job->flood);
}

/* The frame that the kernel repeats. */
static int live_open(struct live_job *job, const struct rl_flood_traffic *traffic)
{
    const struct rl_live_flood_config *c = job->config;
    uint8_t frame[RL_FRAME_HEADER_MAX + RL_LIVE_MAX_BYTES];
    struct rl_frame_template t;
    struct rl_live_config live = {.frame = frame, .batch = c->n_batch};
    int back, err = rl_frame_template_init(&t, &c->flow);

    if (err) {
        (void)snprintf(job->why, sizeof job->why, "%s", rl_flow_refusal(&c->flow));
        return err;
    }
    rl_flood_write_live(traffic, frame + t.n_header);
    live.n_bytes = rl_frame_write(&t, frame, c->n_bytes, 0);
    live.at_sequence = t.n_header + RL_PROBE_SEQ_AT;
    live.at_stamp = t.n_header + RL_PROBE_INTENDED_AT;
    err = rl_netns_enter(c->netns_fd, &back);
    if (err) {
        (void)snprintf(job->why, sizeof job->why, "the network namespace cannot be entered");
        return err;
    }
    live.ifindex = if_nametoindex(c->interface);
    if (live.ifindex == 0) {
        (void)snprintf(job->why, sizeof job->why, "%.15s: no such interface", c->interface);
        err = -ENODEV;
    } else {
        err = rl_live_open(&job->live, &live, job->why);
        if (err)
            rl_live_close(&job->live);
    }
    rl_netns_leave(back);
    return err;
}

static int work(struct live_job *job)
{
    int err = rl_flood_work(job->flood, "rl-live", live_main, job);

    if (err)
        (void)snprintf(job->why, sizeof job->why, "%s", RL_FLOOD_NO_CPUS);
    else if (job->err)
        (void)snprintf(job->why, sizeof job->why, "%.15s: the kernel cannot send live frames: %s",
                       job->config->interface, strerror(-job->err));
    return err ? err : job->err;
}

static void sender_told(const struct live_job *job, struct rl_flood_result *result)
{
    uint64_t n_made = rl_live_n_made(&job->live);

    result->sent.frames_planned = job->config->n_frames;
    result->sent.frames_sent = n_made;
    result->sent.bytes_sent = n_made * job->config->n_bytes;
    result->sent.flushes = (n_made + job->config->n_batch - 1) / job->config->n_batch;
    result->sent_span_ns = job->span_ns;
    if (job->span_ns > 0)
        result->sent_pps = (double)n_made * 1e9 / (double)job->span_ns;
}

static const char *refusal(const struct rl_live_flood_config *c)
{
    if (c->rx == NULL || c->clock == NULL)
        return "live frames need a receiving port and a clock";
    if (c->n_frames == 0 || c->n_batch == 0 || c->n_batch > RL_LIVE_MAX_BATCH)
        return "live frames: no frames, or a batch that is not 1 .. 256";
    if (c->n_bytes < sizeof(struct rl_probe_header) ||
        c->n_bytes > RL_LIVE_MAX_BYTES - RL_FRAME_HEADER_MAX)
        return "live frames: a datagram is too short for our header, or too long for the kernel";
    if (c->cpu_tx == c->cpu_rx && !c->blocks)
        return "the kernel sends on the CPU on which the receiver spins: use two";
    return NULL;
}

int rl_live_flood_run(struct rl_flood_result *result, const struct rl_live_flood_config *config,
                      const char **why)
{
    struct rl_flood_config c = {
        .traffic = {.n_frames = config->n_frames,
                    .n_bytes = config->n_bytes,
                    .flow = config->flow_number,
                    .prefix.n_bytes = config->n_prefix},
        .receive = {.source = RL_FLOOD_LIVE,
                    .n_window = config->n_window,
                    .n_log = config->n_log,
                    .blocks = config->blocks},
        .rx = config->rx,
        .cpu_tx = config->cpu_tx,
        .cpu_rx = config->cpu_rx,
        .settle_ns = config->settle_ns,
        .n_placement_batches = config->n_placement_batches,
        .clock = config->clock,
        .bounds = config->bounds,
    };
    struct rl_flood_job *flood = NULL;
    struct live_job *job;
    int err;

    memset(result, 0, sizeof *result);
    *why = refusal(config);
    if (*why != NULL)
        return -EINVAL;
    err = rl_flood_job_open(&flood, result, &c, sizeof *job, why);
    if (err)
        return err;
    flood->has_sender = true;
    job = rl_arena_take(&result->arena, sizeof *job, 0); /* its sentence outlives this call */
    if (job == NULL) {
        (void)rl_run_fini(&flood->run);
        return -ENOMEM;
    }
    job->config = config;
    job->flood = flood;
    *why = job->why;
    err = live_open(job, &c.traffic);
    if (!err) {
        err = work(job);
        sender_told(job, result);
        rl_live_close(&job->live);
    }
    rl_flood_job_close(flood);
    if (!err)
        *why = NULL;
    return err;
}
