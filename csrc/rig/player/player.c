/* A player's life: what makes sense, one arena for all of it, start, wait, stop. */
#include "rig/player/player_inner.h"

#include <errno.h>
#include <string.h>
#include <time.h>

const char *const rl_player_sent_names[] = {
#define RL_PLAYER_NAME(name, what) #name,
    RL_PLAYER_SENT(RL_PLAYER_NAME) NULL,
};
const char *const rl_player_read_names[] = {
    RL_PLAYER_READ(RL_PLAYER_NAME) NULL,
#undef RL_PLAYER_NAME
};

/* --- the host's clock ------------------------------------------------------------------------- */

/* MONOTONIC is read without entering the kernel, and its 20 ns do not matter to a pace. */
static uint64_t host_now_ns(void *arg)
{
    struct timespec t;

    (void)arg;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static void host_sleep_ns(void *arg, uint64_t ns)
{
    struct timespec t = {.tv_sec = (time_t)(ns / 1000000000ULL),
                         .tv_nsec = (long)(ns % 1000000000ULL)};

    (void)arg;
    (void)nanosleep(&t, NULL);
}

static const struct rl_player_clock host_clock = {.now_ns = host_now_ns, .sleep_ns = host_sleep_ns};

/* --- what makes sense ------------------------------------------------------------------------- */

void rl_player_config_init(struct rl_player_config *c)
{
    *c = (struct rl_player_config){
        .n_lines = 1,
        .pace = {.mode = RL_PACE_MAX},
        .n_loops = 1,
        .n_instruments = 64,
        .n_orders = 1 << 16,
        .n_levels_per_side = 1 << 14,
        .n_cable_bytes = 4 << 20,
        .cpu_reader = 0,
        .cpu_sender = 1,
    };
}

static const char *check_config(const struct rl_player_config *c)
{
    uint32_t n_max = 0;

    if (c->n_recs == 0 || c->bytes == NULL || c->recs == NULL)
        return "recording: empty";
    if (c->n_lines == 0 || c->n_lines > RL_LINES_MAX)
        return "lines: from 1 to 4 may carry one stream";
    if (!rl_pace_is_good(&c->pace))
        return "pace: neither full speed, recorded times nor a rate";
    if (c->into != RL_PLAYER_BOOK && c->into != RL_PLAYER_PORT)
        return "into: neither book nor port";
    for (uint64_t i = 0; i < c->n_recs; i++) {
        const struct rl_stream_rec *rec = &c->recs[i];

        if (rec->n_bytes == 0 || rec->offset > c->n_bytes ||
            rec->n_bytes > c->n_bytes - rec->offset)
            return "recording: a record lies outside its bytes";
        if (rec->line >= c->n_lines)
            return "recording: a record of a line that is none";
        n_max = rec->n_bytes > n_max ? rec->n_bytes : n_max;
    }
    if (c->into == RL_PLAYER_BOOK)
        return NULL;
    if (c->n_cable_bytes < 64 || (c->n_cable_bytes & (c->n_cable_bytes - 1)) != 0)
        return "cable: its bytes must be a power of two";
    /* A frame must always find room in an empty ring, wherever its tail is: half, less headers. */
    if ((uint64_t)n_max + 64 > c->n_cable_bytes / 2)
        return "cable: the longest record does not fit";
    return NULL;
}

/* --- set-up ----------------------------------------------------------------------------------- */

#define PIECE(n_bytes) ((n_bytes) + 2 * RL_RING_APART)

static size_t player_bytes(const struct rl_player_config *c)
{
    size_t read = rl_player_read_bytes(c);
    size_t cables =
        c->into == RL_PLAYER_PORT ? (size_t)c->n_lines * 2 * PIECE((size_t)c->n_cable_bytes) : 0;

    if (read == 0)
        return 0;
    return PIECE(sizeof(struct rl_player)) + read + cables +
           PIECE(rl_hist_bytes(RL_HIST_HIGHEST, RL_HIST_DIGITS));
}

static int take_all(struct rl_player *p, const char **why)
{
    size_t n_hist = rl_hist_bytes(RL_HIST_HIGHEST, RL_HIST_DIGITS);
    uint64_t *counts = rl_arena_take(&p->arena, n_hist, RL_CACHE_LINE);
    int err = counts ? rl_hist_init(&p->lateness, RL_HIST_HIGHEST, RL_HIST_DIGITS, counts, n_hist)
                     : -ENOMEM;

    *why = "memory: not enough for lines, books and cables";
    for (uint32_t i = 0; !err && p->config.into == RL_PLAYER_PORT && i < p->config.n_lines; i++)
        err = rl_cable_open(&p->cables[i], &p->arena, p->config.n_cable_bytes);
    return err ? err : rl_player_read_open(p, why);
}

int rl_player_open(struct rl_player **out, const struct rl_player_config *config, const char **why)
{
    struct rl_arena arena;
    struct rl_player *p;
    size_t n_bytes;
    int err;

    *out = NULL;
    *why = check_config(config);
    if (*why)
        return -EINVAL;
    n_bytes = player_bytes(config);
    *why = "sizes: more instruments, orders or levels than can be served";
    if (n_bytes == 0)
        return -EINVAL;
    *why = "memory: not enough for lines, books and cables";
    err = rl_arena_open(&arena, n_bytes, RL_ARENA_THP | RL_ARENA_PREFAULT);
    if (err)
        return err;
    p = rl_arena_take(&arena, sizeof *p, RL_RING_APART);
    p->arena = arena;
    p->config = *config;
    p->clock = config->clock ? *config->clock : host_clock;
    rl_shared_init(&p->shared);
    err = take_all(p, why);
    if (!err && sem_init(&p->finished, 0, 0) != 0)
        err = -errno;
    if (err) {
        arena = p->arena;
        rl_arena_close(&arena);
        return err;
    }
    *out = p;
    *why = NULL;
    return 0;
}

/* --- life ------------------------------------------------------------------------------------- */

int rl_player_start(struct rl_player *p)
{
    bool is_port = p->config.into == RL_PLAYER_PORT;
    int err;

    if (p->is_started)
        return -EALREADY;
    err = rl_worker_start(&p->reader_worker, "rl-player", p->config.cpu_reader,
                          is_port ? rl_player_run_reader : rl_player_run_book, p, &p->finished);
    if (err)
        return err;
    p->is_started = true;
    p->n_workers = 1;
    if (!is_port)
        return 0;
    err = rl_worker_start(&p->sender_worker, "rl-sender", p->config.cpu_sender,
                          rl_player_run_sender, p, &p->finished);
    if (err) { /* nobody else would ever end the reader's loop */
        rl_phase_enter(&p->shared, RL_PHASE_DRAIN);
        rl_worker_join(&p->reader_worker);
        p->is_started = false;
        return err;
    }
    p->n_workers = 2;
    return 0;
}

int rl_player_run(struct rl_player *p)
{
    if (p->config.into != RL_PLAYER_BOOK)
        return -EINVAL;
    if (p->is_started)
        return -EALREADY;
    p->is_started = true;
    rl_player_run_book(p);
    p->is_done = true;
    return 0;
}

int rl_player_wait(struct rl_player *p, uint64_t timeout_ns)
{
    struct timespec deadline;
    uint64_t ns;

    if (!p->is_started)
        return -EINVAL;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    ns = (uint64_t)deadline.tv_nsec + timeout_ns % 1000000000ULL;
    deadline.tv_sec += (time_t)(timeout_ns / 1000000000ULL + ns / 1000000000ULL);
    deadline.tv_nsec = (long)(ns % 1000000000ULL);
    for (; p->n_finished < p->n_workers; p->n_finished++)
        if (sem_clockwait(&p->finished, CLOCK_MONOTONIC, &deadline) != 0)
            return -errno;
    rl_worker_join(&p->sender_worker);
    rl_worker_join(&p->reader_worker);
    p->is_done = true;
    return 0;
}

void rl_player_stop(struct rl_player *p)
{
    /* Relaxed: the word carries nothing but itself. */
    atomic_store_explicit(&p->shared.stop, true, memory_order_relaxed);
}

void rl_player_close(struct rl_player *p)
{
    struct rl_arena arena;

    if (p == NULL)
        return;
    rl_player_stop(p);
    rl_worker_join(&p->sender_worker);
    rl_worker_join(&p->reader_worker);
    sem_destroy(&p->finished);
    arena = p->arena; /* closing frees the player itself */
    rl_arena_close(&arena);
}

void rl_player_answer(const struct rl_player *p, struct rl_player_answer *answer)
{
    *answer = (struct rl_player_answer){
        .end = p->last,
        .n_instruments = p->feed.n_instruments,
        .n_orders = p->books.n_orders,
        .n_levels = p->books.n_levels,
        .elapsed_ns = (p->read_end_ns > p->end_ns ? p->read_end_ns : p->end_ns) - p->start_ns,
    };
    (void)rl_books_check(&p->books, &answer->damage);
}
