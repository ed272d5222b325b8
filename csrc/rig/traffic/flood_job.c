#include "rig/traffic/flood_inner.h"

#include <errno.h>

/* Long enough for every settling; a receiver that never sees an end is cut short then. */
#define GRACE_NS(settle_ns) (4 * (settle_ns) + 1000000000ULL)

int rl_flood_job_open(struct rl_flood_job **job, struct rl_flood_result *result,
                      const struct rl_flood_config *config, size_t n_extra, const char **why)
{
    size_t n_bytes = n_extra + rl_flood_sender_bytes() +
                     rl_flood_receiver_bytes(&config->traffic, &config->receive) + sizeof **job +
                     4096;
    struct rl_flood_job *j;
    int err;

    *why = "no memory for histograms, window and log";
    err = rl_arena_open(&result->arena, n_bytes, RL_ARENA_ALL);
    if (err)
        return err;
    j = rl_arena_take(&result->arena, sizeof *j, _Alignof(struct rl_flood_job));
    if (j == NULL)
        return -ENOMEM;
    j->config = *config;
    j->result = result;
    j->has_sender = config->tx != NULL;
    if (config->tx != NULL)
        err = rl_flood_sender_init(&j->sender, &config->traffic, &config->send, config->tx,
                                   config->clock, &result->arena);
    if (!err && config->rx != NULL)
        err = rl_flood_receiver_init(&j->receiver, &config->traffic, &config->receive, config->rx,
                                     config->clock, &result->arena);
    if (err == -EINVAL)
        *why = "frames, sizes or window make no sense, or a frame is too long for the port";
    if (err)
        return err;
    *job = j;
    *why = "no semaphore";
    return rl_run_init(&j->run, &config->bounds);
}

static int placement(const struct rl_flood_config *c, struct rl_placement *p)
{
    if (c->n_placement_batches == 0 || c->one_thread || c->cpu_tx == c->cpu_rx)
        return 0;
    return rl_placement_probe(c->cpu_tx, c->cpu_rx, c->n_placement_batches, p);
}

void rl_flood_sent(struct rl_flood_job *job)
{
    /* Relaxed: the receiver asks nothing of what was before. */
    atomic_store_explicit(&job->is_all_sent, true, memory_order_relaxed);
}

/* There will be no sender: the receiver ends at once. */
static void abandon(struct rl_flood_job *job)
{
    atomic_store_explicit(&job->run.is_cut, true, memory_order_relaxed);
    rl_flood_sent(job);
}

/* Nobody of ours sends: the end is when all have come, or when they have stopped coming. */
static bool is_sending(const struct rl_flood_job *job, bool has_sender)
{
    if (has_sender)
        return !atomic_load_explicit(&job->is_all_sent, memory_order_relaxed);
    return job->receiver.first_tsc == 0 && !rl_run_is_ended(&job->run);
}

/* Turns until nothing more is sent. */
static void receive(struct rl_flood_job *job, bool has_sender)
{
    while (is_sending(job, has_sender) && !rl_run_is_cut(&job->run))
        (void)rl_flood_receiver_turn(&job->receiver);
}

void rl_flood_receive_rest(struct rl_flood_job *job)
{
    struct rl_flood_receiver *r = &job->receiver;
    uint64_t quiet_since = rl_tsc();
    uint64_t settle = rl_ns_to_ticks(job->config.clock, job->config.settle_ns);

    while (!rl_run_is_cut(&job->run)) {
        uint64_t ours_tsc = r->last_tsc;

        if (rl_flood_receiver_turn(r) > 0) {
            if (r->last_tsc != ours_tsc) /* what is foreign keeps nobody waiting */
                quiet_since = r->last_tsc;
            continue;
        }
        if (rl_tsc() - quiet_since > settle)
            break;
    }
}

static void rx_main(void *arg)
{
    struct rl_flood_job *job = arg;

    rl_run_side_begin(&job->result->rx_side, job->config.rx, job->config.cpu_rx);
    rl_trap_arm();
    atomic_store_explicit(&job->is_listening, true, memory_order_relaxed);
    receive(job, job->has_sender);
    rl_flood_receive_rest(job);
    rl_trap_disarm();
    rl_run_side_end(&job->result->rx_side, job->config.rx);
}

/* Starts the receiver's worker and returns when it listens. 0 or -errno. */
static int start_listening(struct rl_flood_job *job, struct rl_worker *worker)
{
    int err =
        rl_worker_start(worker, "rl-receive", job->config.cpu_rx, rx_main, job, &job->run.finished);

    while (!err && !atomic_load_explicit(&job->is_listening, memory_order_relaxed))
        rl_pause();
    return err;
}

int rl_flood_work(struct rl_flood_job *job, const char *name, void (*tx_main)(void *), void *arg)
{
    const struct rl_flood_config *c = &job->config;
    struct rl_worker tx = {.is_running = false}, rx = {.is_running = false};
    bool has_rx = c->rx != NULL && !c->one_thread;
    int err = placement(c, &job->result->placement.before);

    if (!err && has_rx)
        err = start_listening(job, &rx);
    if (!err && tx_main != NULL) {
        err = rl_worker_start(&tx, name, c->cpu_tx, tx_main, arg, &job->run.finished);
        if (err) /* nobody else would ever end the receiver's loop */
            abandon(job);
    }
    if (!err)
        job->result->was_stopped =
            rl_run_wait(&job->run, (tx_main != NULL) + has_rx, GRACE_NS(c->settle_ns));
    rl_worker_join(&tx);
    rl_worker_join(&rx);
    return err ? err : placement(c, &job->result->placement.after);
}

static double per_second(uint64_t n, uint64_t ns)
{
    return ns > 0 ? (double)n * 1e9 / (double)ns : 0;
}

static void sender_told(struct rl_flood_result *result, const struct rl_flood_sender *s,
                        const struct rl_clock *clock)
{
#define COPY(name, what) result->sent.name = rl_counted(&s->n.name);
    RL_FLOOD_SEND_COUNTERS(COPY)
#undef COPY
    result->lateness = s->lateness;
    result->sent_span_ns = rl_ticks_to_ns(clock, s->last_sent_tsc - s->first_sent_tsc);
    if (result->sent.frames_sent > 0) /* the span lies between the first and the last */
        result->sent_pps = per_second(result->sent.frames_sent - 1, result->sent_span_ns);
}

static void receiver_told(struct rl_flood_result *result, const struct rl_flood_receiver *r,
                          const struct rl_clock *clock)
{
    uint64_t n_ours;

#define COPY(name, what) result->received.name = rl_counted(&r->n.name);
    RL_FLOOD_RECEIVE_COUNTERS(COPY)
#undef COPY
    result->arrived = rl_flood_arrived(r);
    n_ours = result->arrived + result->received.duplicates + result->received.too_old;
    result->received_span_ns = rl_ticks_to_ns(clock, r->last_tsc - r->first_tsc);
    result->received_pps = per_second(n_ours - r->n_first, result->received_span_ns);
    if (result->received.frames_in > 0)
        result->handle_ns = (double)r->handle_ticks * 1e9 / (double)clock->tsc_hz /
                            (double)result->received.frames_in;
    result->from_intended = r->from_intended;
    result->from_sent = r->from_sent;
    result->log = r->log;
    result->n_logged = r->n_logged;
}

/*
 * By the receiver's account: numbers passed over that never came, and those behind the highest it
 * saw; less the numbers that never left. That it agrees with the sender's is an identity to check.
 */
static uint64_t lost(const struct rl_flood_result *result, const struct rl_flood_receiver *r)
{
    uint64_t n_used = result->sent.frames_sent + result->sent.frames_unsent;
    uint64_t n_seen_up_to = r->seen.next - r->seen.first;

    return result->received.skipped - result->received.reordered + (n_used - n_seen_up_to) -
           result->sent.frames_unsent;
}

void rl_flood_job_close(struct rl_flood_job *job)
{
    struct rl_flood_result *result = job->result;
    const struct rl_flood_config *c = &job->config;

    result->elapsed_ns = rl_run_fini(&job->run);
    if (c->tx != NULL)
        sender_told(result, &job->sender, c->clock);
    if (c->rx != NULL)
        receiver_told(result, &job->receiver, c->clock);
    if (c->rx != NULL && job->has_sender)
        result->lost = lost(result, &job->receiver);
}

uint32_t rl_flood_identities(const struct rl_flood_result *r,
                             struct rl_identity out[RL_FLOOD_MAX_IDENTITIES])
{
    uint32_t n = 0;
    uint64_t fates = 0;

#define ADD(name, what) fates += r->received.name;
    RL_FLOOD_FATES(ADD)
#undef ADD
    if (r->tx_side.is_there && !r->was_stopped)
        out[n++] = (struct rl_identity){"frames planned = sent + unsent", r->sent.frames_planned,
                                        r->sent.frames_sent + r->sent.frames_unsent};
    if (r->rx_side.is_there) {
        out[n++] = (struct rl_identity){"frames received = the sum of what became of them",
                                        r->received.frames_in, fates};
        out[n++] = (struct rl_identity){"frames the port received = frames the receiver took",
                                        r->rx_side.stats.rx_frames, r->received.frames_in};
    }
    if (r->tx_side.is_there && r->rx_side.is_there)
        out[n++] = (struct rl_identity){"frames sent = arrived + lost", r->sent.frames_sent,
                                        r->arrived + r->lost};
    return n;
}
