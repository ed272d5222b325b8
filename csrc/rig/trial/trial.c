/* A trial's life: the rig's thread, start, wait, stop. */
#include "rig/trial/trial.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

/* From the rig thread's first turn to time 0 of the schedule: the engine polls by then. */
#define RL_LEAD_NS 1000000
/* Frames between two looks at the order port. */
#define RL_SEND_BURST 16

/* --- the rig's thread ------------------------------------------------------------------------ */

/* True when the engine has taken everything that was sent and everything it said has been heard. */
static bool is_quiet(struct rl_trial *t)
{
    if (t->config.mode == RL_TRIAL_FOREIGN)
        return false; /* it does not say how far it is */
    return rl_progress_is(&t->shared, rl_counted(&t->blast.n.frames_sent),
                          rl_counted(&t->exchange.n.requests_received),
                          rl_counted(&t->exchange.n.answers_sent));
}

/* Before its frame, so that everything from there on was sent after it. */
static void tell_to_stop(struct rl_trial *t)
{
    t->stop_seq = t->blast.seq;
    (void)kill(t->config.stop_pid, t->config.stop_signal); /* one that is gone has stopped */
    t->stop_tsc = rl_tsc(); /* after it: what this thread was kept from is not the engine's */
}

static void rig_run(void *trial)
{
    struct rl_trial *t = trial;
    bool is_measuring = false, has_trips = t->config.kill.n_trips > 0;
    bool will_stop = t->config.stop_pid > 0;
    uint64_t now, deadline, n_done;

    rl_trap_arm();
    rl_blast_start(&t->blast, rl_tsc() + rl_ns_to_ticks(&t->clock, RL_LEAD_NS));
    while (!rl_blast_is_done(&t->blast) &&
           !atomic_load_explicit(&t->shared.stop, memory_order_relaxed)) {
        struct rl_hist *wire = rl_hist_pair_writer(&t->wire);
        /* The warm-up's last burst ends with it, so that the phase changes between the two. */
        uint64_t n_left = t->blast.n_warmup - t->blast.n_next;
        bool is_last_burst = !is_measuring && n_left < RL_SEND_BURST;
        uint32_t n_max = is_last_burst ? (uint32_t)n_left : RL_SEND_BURST;

        if (RL_UNLIKELY(has_trips))
            n_max = rl_kill_trial_limit(&t->kill_trial, t->blast.n_next, n_max);
        if (RL_UNLIKELY(will_stop)) {
            n_left = t->config.stop_frame - t->blast.n_next;
            if (n_left == 0 && rl_tsc() >= t->blast.due_tsc) { /* not before its frame is due */
                tell_to_stop(t);
                will_stop = false;
            } else if (n_left < n_max) {
                n_max = (uint32_t)n_left;
            }
        }
        (void)rl_blast_turn(&t->blast, rl_tsc(), n_max);
        if (RL_UNLIKELY(has_trips))
            rl_kill_trial_turn(&t->kill_trial, t->blast.n_next, t->exchange.resting.n, rl_tsc());
        (void)rl_counterparty_turn(&t->exchange, wire);
        if (RL_UNLIKELY(!is_measuring && t->blast.n_next == t->blast.n_warmup)) {
            is_measuring = true;
            t->rig_usage_begin = rl_usage_now();
            t->has_rig_usage = true;
            rl_phase_enter(&t->shared, RL_PHASE_MEASURE);
        }
    }
    rl_phase_enter(&t->shared, RL_PHASE_DRAIN);
    n_done = rl_progress_frames(&t->shared);
    deadline = rl_tsc() + rl_ns_to_ticks(&t->clock, t->config.drain_ns);
    do {
        struct rl_hist *wire = rl_hist_pair_writer(&t->wire);

        now = rl_tsc();
        if (n_done != rl_progress_frames(&t->shared)) { /* behind, but not done with them */
            n_done = rl_progress_frames(&t->shared);
            deadline = now + rl_ns_to_ticks(&t->clock, t->config.drain_ns);
        }
        if (has_trips)
            rl_kill_trial_turn(&t->kill_trial, 0, 0, now); /* ends the last; none comes */
        if (rl_counterparty_turn(&t->exchange, wire) == 0 && is_quiet(t) &&
            !rl_kill_trial_is_busy(&t->kill_trial))
            break;
        rl_pause(); /* nothing is timed by this turn's length any more */
    } while (now < deadline);
    if (t->has_rig_usage)
        t->rig_usage_end = rl_usage_now();
    rl_trap_disarm();
    rl_phase_enter(&t->shared, RL_PHASE_STOP);
}

/* --- life ------------------------------------------------------------------------------------ */

int rl_trial_start(struct rl_trial *t)
{
    bool is_engine = t->config.mode == RL_TRIAL_ENGINE;
    int err = 0;

    if (t->is_started)
        return -EALREADY;
    (void)rl_oms_set_state(&t->engine.oms, RL_SCOPE_GLOBAL, 0, RL_RISK_ACTIVE, rl_tsc());
    if (rl_kill_word(t->kill) & RL_KILL_SINCE)
        return -ECANCELED; /* tripped before it ever started: that stands */
    if (!t->config.stay_halted && rl_bench_arm(t->kill) != 0)
        return -ECANCELED;
    t->n_workers = t->config.mode == RL_TRIAL_FOREIGN ? 1 : 2;
    if (t->n_workers == 2)
        err = rl_worker_start(&t->engine_worker, is_engine ? "rl-engine" : "rl-reflect",
                              t->config.cpu_engine, is_engine ? rl_pipeline_run : rl_reflect_run,
                              is_engine ? (void *)&t->engine : (void *)&t->reflect, &t->finished);
    if (err)
        return err;
    t->is_started = true;
    err = rl_worker_start(&t->rig_worker, "rl-rig", t->config.cpu_rig, rig_run, t, &t->finished);
    if (err) { /* nobody else would ever end the engine's loop */
        rl_phase_enter(&t->shared, RL_PHASE_STOP);
        rl_worker_join(&t->engine_worker);
        t->is_started = false;
    }
    return err;
}

int rl_trial_wait(struct rl_trial *t, uint64_t timeout_ns)
{
    struct timespec deadline;
    uint64_t ns;

    if (!t->is_started)
        return -EINVAL;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    ns = (uint64_t)deadline.tv_nsec + timeout_ns % 1000000000ULL;
    deadline.tv_sec += (time_t)(timeout_ns / 1000000000ULL + ns / 1000000000ULL);
    deadline.tv_nsec = (long)(ns % 1000000000ULL);
    for (; t->n_finished < t->n_workers; t->n_finished++)
        if (sem_clockwait(&t->finished, CLOCK_MONOTONIC, &deadline) != 0)
            return -errno;
    rl_worker_join(&t->rig_worker);
    rl_worker_join(&t->engine_worker);
    for (int i = 0; i < 2; i++) { /* what the kernel lost belongs to the account */
        const struct rl_trial_line *line = i == 0 ? &t->market : &t->session;

        (void)rl_port_stats_ask(line->rig);
        if (line->engine != NULL)
            (void)rl_port_stats_ask(line->engine);
    }
    t->is_done = true;
    return 0;
}

void rl_trial_stop(struct rl_trial *t)
{
    /* Relaxed: the word carries nothing but itself. */
    atomic_store_explicit(&t->shared.stop, true, memory_order_relaxed);
}

/* The log's writer cannot go on: nothing may leave that it could not tell of. */
static void on_audit_trouble(void *kill, int error, bool is_fatal)
{
    (void)error;
    (void)rl_kill_trip(kill, RL_SCOPE_GLOBAL, 0, is_fatal ? RL_KILL_AUDIT : RL_KILL_DISK, 0);
}

int rl_trial_audit(struct rl_trial *t, const char *dir, const char **why)
{
    int err = rl_audit_writer_open(&t->audit, &t->engine.oms.audit,
                                   &(struct rl_audit_writer_config){.dir = dir,
                                                                    .tsc_hz = t->clock.tsc_hz,
                                                                    .id_epoch = t->config.epoch,
                                                                    .on_trouble = on_audit_trouble,
                                                                    .user = t->kill},
                                   rl_tsc(), why);

    t->has_audit = err == 0;
    return err;
}

int64_t rl_trial_audit_step(struct rl_trial *t)
{
    struct rl_ring *ring = &t->engine.oms.audit.ring;
    int64_t n = 0;

    if (t->has_audit)
        return rl_audit_writer_step(&t->audit, rl_tsc());
    for (; rl_ring_peek(ring) != NULL; n++)
        rl_ring_release(ring);
    rl_ring_publish(ring);
    return n;
}

int rl_trial_audit_close(struct rl_trial *t)
{
    int err;

    if (!t->has_audit)
        return 0;
    t->has_audit = false;
    if (t->is_done)
        rl_oms_stop(&t->engine.oms, rl_tsc());
    err = rl_audit_writer_close(&t->audit, rl_tsc());
    return err;
}

void rl_trial_close(struct rl_trial *t)
{
    struct rl_arena arena;

    if (t == NULL)
        return;
    if (t->is_started) {
        rl_trial_stop(t);
        rl_worker_join(&t->rig_worker);
        rl_worker_join(&t->engine_worker);
    }
    rl_kill_trial_close(&t->kill_trial);
    (void)rl_trial_audit_close(t);
    if (t->board.kill != NULL)
        rl_board_close(&t->board);
    sem_destroy(&t->finished);
    arena = t->arena; /* closing frees the trial itself */
    rl_arena_close(&arena);
}
