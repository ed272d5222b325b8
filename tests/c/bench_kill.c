/*
 * From a trip to the moment a spinning order thread sees it, by every way; and what asking costs.
 *
 * usage: bench_kill [TRIPS]     (default 1000; a tenth of them where each starts a process)
 *
 * The order thread is a process of its own on the second allowed CPU, who trips is on the first. On
 * a shared machine the tails are those of the scheduler: compare the ways, not the machines.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cpu.h"
#include "kill_engine.h"

#define N_ASKS 200000000ULL

static struct engine *engine;
static struct rl_clock clock_hz;
static struct program watchdog, held;
static int to_watchdog = -1, cpus[2];
static _Atomic uint64_t *seen_tsc; /* shared with the order thread */

static void spin(void)
{
    static const struct rl_scopes order = {.instrument = 7};
    struct rl_board board;
    const char *why;

    rl_cpu_pin(cpus[1]);
    CHECK_EQ(rl_board_create(&board, engine->dir, 0, &why), 0);
    atomic_store(&engine->is_ready, 1);
    for (;;) {
        if (!rl_kill_allows(board.kill, &order) && atomic_load(seen_tsc) == 0)
            atomic_store(seen_tsc, rl_tsc());
        if (rl_kill_has_news(board.kill))
            rl_kill_acknowledge(board.kill, rl_tsc());
    }
}

static void arm(struct rl_kill *k)
{
    uint32_t epoch;

    do {
        if (rl_kill_draining(k))
            rl_kill_drained(k, 0);
    } while (rl_kill_request(k, &epoch) != 0 || rl_kill_arm(k, epoch, RL_KILL_ALL, 0) != 0);
    while (rl_kill_has_news(k))
        rl_pause();
    atomic_store(seen_tsc, 0);
}

/* ---- Ways to trip -------------------------------------------------------------------------------
 */

static void by_mapping(struct rl_kill *k)
{
    rl_kill_trip(k, RL_SCOPE_GLOBAL, 0, RL_KILL_MANUAL, 1);
}

static void by_signal(struct rl_kill *k)
{
    (void)k;
    kill(watchdog.pid, SIGUSR2);
}

static void by_socket(struct rl_kill *k)
{
    (void)k;
    CHECK_EQ(send(to_watchdog, "trip", 4, MSG_NOSIGNAL), 4);
}

static void after_socket(void)
{
    char line[256];

    CHECK(recv(to_watchdog, line, sizeof(line), 0) > 0);
}

static void by_file(struct rl_kill *k)
{
    char path[96];

    (void)k;
    snprintf(path, sizeof(path), "%s/kill.trip", engine->dir);
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static void after_file(void)
{
    char path[96];

    snprintf(path, sizeof(path), "%s/kill.trip", engine->dir);
    unlink(path);
}

static void before_held(void)
{
    held = program_start(NULL, RL_TOOLS_DIR "/redline-kill", "--dir", engine->dir, "--hold", NULL);
    program_says(&held, "ready\n");
}

static void by_held(struct rl_kill *k)
{
    (void)k;
    CHECK_EQ(write(held.in, "\n", 1), 1);
}

static void after_held(void)
{
    CHECK_EQ(program_end(&held), 0);
}

static void by_tool(struct rl_kill *k)
{
    (void)k;
    held = program_start(NULL, RL_TOOLS_DIR "/redline-kill", "--dir", engine->dir, NULL);
}

static const struct way {
    const char *name;
    void (*before)(void);
    void (*trip)(struct rl_kill *k);
    void (*after)(void);
    bool is_slow;
} ways[] = {
    {"mapping", NULL, by_mapping, NULL, false},
    {"signal to the watchdog", NULL, by_signal, NULL, false},
    {"socket of the watchdog", NULL, by_socket, after_socket, false},
    {"file for the watchdog", NULL, by_file, after_file, false},
    {"redline-kill, held ready", before_held, by_held, after_held, true},
    {"redline-kill, started", NULL, by_tool, after_held, true},
};

static int by_size(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void measure(struct rl_kill *k, const struct way *way, int n_trips)
{
    uint64_t seed = 1, *ns = calloc((size_t)n_trips, sizeof(*ns));

    CHECK(ns != NULL);
    for (int i = 0; i < n_trips; i++) {
        struct timespec pause = {.tv_nsec = (long)(100000 + check_random(&seed) % 400000)};
        uint64_t begin;

        arm(k);
        if (way->before)
            way->before();
        nanosleep(&pause, NULL);
        begin = rl_tsc();
        way->trip(k);
        while (atomic_load(seen_tsc) == 0)
            rl_pause();
        ns[i] = rl_ticks_to_ns(&clock_hz, atomic_load(seen_tsc) - begin);
        if (way->after)
            way->after();
    }
    qsort(ns, (size_t)n_trips, sizeof(*ns), by_size);
    printf("%-26s %6d %10.1f %10.1f %10.1f %10.1f\n", way->name, n_trips,
           (double)ns[n_trips / 2] / 1e3, (double)ns[n_trips * 99 / 100] / 1e3,
           (double)ns[n_trips * 999 / 1000] / 1e3, (double)ns[n_trips - 1] / 1e3);
    free(ns);
}

static void dial_watchdog(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "%s/kill.sock", engine->dir);
    to_watchdog = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    CHECK_EQ(connect(to_watchdog, (struct sockaddr *)&address, sizeof(address)), 0);
}

/* ---- What asking and tripping cost --------------------------------------------------------------
 */

static double ns_each(uint64_t ticks, uint64_t n)
{
    return (double)rl_ticks_to_ns(&clock_hz, ticks) / (double)n;
}

/* Best of five; a loop of adds is the floor. */
static void ask(const char *name, const struct rl_kill *k, int how)
{
    struct rl_scopes order = {.instrument = 7, .venue = 1, .account = 5, .strategy = 9};
    uint64_t best = UINT64_MAX, n = how == 2 ? N_ASKS / 10 : N_ASKS, n_allowed = 0;

    for (int round = 0; round < 5; round++) {
        uint64_t begin = rl_tsc_begin(), ticks;

        for (uint64_t i = 0; i < n; i++) {
            if (how)
                n_allowed += rl_kill_allows(k, &order);
            else
                n_allowed++;
            __asm__ volatile("" : "+r"(n_allowed) : : "memory");
        }
        ticks = rl_tsc_end() - begin;
        best = ticks < best ? ticks : best;
    }
    CHECK_EQ(n_allowed, 5 * n);
    printf("%-46s %6.2f ns\n", name, ns_each(best, n));
}

static void trip_cost(struct rl_kill *k)
{
    uint64_t best = UINT64_MAX, again = UINT64_MAX;

    for (int i = 0; i < 1000; i++) {
        uint32_t epoch;
        uint64_t t0, t1, t2;

        rl_kill_init(k, 1);
        rl_kill_request(k, &epoch);
        rl_kill_arm(k, epoch, RL_KILL_ALL, 0);
        t0 = rl_tsc_begin();
        rl_kill_trip(k, RL_SCOPE_ACCOUNT, 5, RL_KILL_LOSS, 1);
        t1 = rl_tsc_end();
        t2 = rl_tsc_begin();
        rl_kill_trip(k, RL_SCOPE_ACCOUNT, 5, RL_KILL_LOSS, 1);
        t2 = rl_tsc_end() - t2;
        again = t2 < again ? t2 : again;
        best = t1 - t0 < best ? t1 - t0 : best;
    }
    printf("%-46s %6.0f ns\n%-46s %6.0f ns\n", "a first trip", ns_each(best, 1),
           "the same trip again", ns_each(again, 1));
}

int main(int argc, char **argv)
{
    int n_trips = argc > 1 ? atoi(argv[1]) : 1000, n_cpus = rl_cpu_allowed(cpus, 2);
    static struct rl_kill own;
    struct rl_board board;
    int64_t disagree;
    uint32_t epoch;
    pid_t pid;

    if (n_cpus < 2 || n_trips < 10) {
        printf("needs two CPUs, and ten trips or more\n");
        return RL_SKIP;
    }
    CHECK_EQ(rl_clock_calibrate(&clock_hz, 50000000, &disagree), 0);
    engine = engine_new();
    seen_tsc = &engine->n_sent;
    pid = fork();
    if (pid == 0)
        spin();
    engine->pid = pid;
    while (!atomic_load(&engine->is_ready))
        sched_yield();
    rl_cpu_pin(cpus[0]);
    board = engine_board(engine);
    watchdog = program_start(NULL, RL_TOOLS_DIR "/redline-watchdog", "--dir", engine->dir, "--rule",
                             "dead 0", NULL);
    program_says(&watchdog, "watching");
    dial_watchdog();
    printf("%-26s %6s %10s %10s %10s %10s   (us, trip to seen)\n", "way", "n", "p50", "p99",
           "p99.9", "max");
    for (size_t i = 0; i < RL_COUNT(ways); i++)
        measure(board.kill, &ways[i], ways[i].is_slow ? n_trips / 10 : n_trips);
    kill(watchdog.pid, SIGTERM);
    program_end(&watchdog);
    engine_kill(engine);
    rl_board_close(&board);
    engine_free(engine);

    ask("an empty turn of the loop", &own, 0);
    rl_kill_init(&own, 1);
    CHECK_EQ(rl_kill_request(&own, &epoch), 0);
    CHECK_EQ(rl_kill_arm(&own, epoch, RL_KILL_ALL, 0), 0);
    ask("asking with nothing tripped", &own, 1);
    rl_kill_trip(&own, RL_SCOPE_ACCOUNT, 6, RL_KILL_LOSS, 1);
    ask("asking with another account tripped", &own, 2);
    trip_cost(&own);
    return 0;
}
