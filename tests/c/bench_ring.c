/*
 * What a hand-over between two cores costs: rings against the floor of the same minute.
 *
 * usage: bench_ring [REPEATS [CPU CPU]]      (default 15 repeats, the first two allowed CPUs)
 *
 * Repeats of all rows are interleaved. Each run stands between two probes of the placement, a
 * ping-pong of one word in one cache line; its round trip is the floor of every round trip below,
 * and tells whether the CPUs share a core, an L3 or neither at that moment (guests are moved). A
 * run counts for the placement that both probes saw; one in which the placement changed is dropped.
 */
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/cpu.h"
#include "base/record_ring.h"
#include "base/ring.h"
#include "check.h"

#define RING_BYTES ((size_t)16384 * 64)
#define MAX_REPEATS 200
#define N_RATE 1000000
#define N_TRIPS 20000
#define N_PROBE_TRIPS 500
#define N_LINES 1024 /* 64 KiB: leaves the store buffer, stays in the L2 */
#define N_LINE_ROUNDS 200

struct record {
    uint64_t ring_s;
    uint64_t word[7];
};

/* One row: `near` runs on the first CPU, `far` on the second; n operations of a kind. */
struct row {
    const char *name;
    uint64_t n;
    uint64_t size; /* slots or bytes of the ring */
    void (*near)(const struct row *row);
    void (*far)(const struct row *row);
    bool is_rate;
};

static int cpus[2];
static uint8_t *memory[2]; /* RING_BYTES each: there and back */
static struct rl_ring ring[2];
static struct rl_record_ring bytes[2];
static _Alignas(RL_RING_APART) _Atomic uint64_t ball;
static _Alignas(RL_RING_APART) _Atomic bool ready;
static double far_done_ns, passing_ns;

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The floor: a word that goes to the other core and back. */
static void ball_throw(const struct row *row)
{
    for (uint64_t i = 0; i < row->n; i++) {
        atomic_store_explicit(&ball, 2 * i + 1, memory_order_release);
        while (atomic_load_explicit(&ball, memory_order_acquire) != 2 * i + 2)
            ;
    }
}

static void ball_return(const struct row *row)
{
    for (uint64_t i = 0; i < row->n; i++) {
        while (atomic_load_explicit(&ball, memory_order_acquire) != 2 * i + 1)
            ;
        atomic_store_explicit(&ball, 2 * i + 2, memory_order_release);
    }
}

/*
 * The floors of a rate: one core writes N_LINES lines, then the other reads them, and so on. A ring
 * can overlap the two, and cannot be faster than the slower one.
 */
static void lines_pass(const struct row *row, uint64_t turn, bool writes, double *taken)
{
    volatile uint64_t *word = (volatile uint64_t *)(void *)memory[0];
    uint64_t n_rounds = row->n / N_LINES, sum = 0;

    for (uint64_t round = 0; round < n_rounds; round++) {
        double start_ns;

        while (atomic_load_explicit(&ball, memory_order_acquire) != 2 * round + turn)
            rl_pause();
        start_ns = now_ns();
        for (size_t i = 0; i < N_LINES; i++) {
            if (writes)
                word[i * 8] = round;
            else
                sum += word[i * 8];
        }
        __asm__ volatile("mfence" : : : "memory"); /* the stores have left their buffer, too */
        *taken += now_ns() - start_ns;
        atomic_store_explicit(&ball, 2 * round + turn + 1, memory_order_release);
    }
    if (!writes)
        CHECK_EQ(sum, n_rounds * (n_rounds - 1) / 2 * N_LINES);
}

static void lines_read(const struct row *row)
{
    lines_pass(row, 1, false, &passing_ns);
}

static void lines_read_untimed(const struct row *row)
{
    double untimed = 0;

    lines_pass(row, 1, false, &untimed);
}

static void lines_write(const struct row *row)
{
    lines_pass(row, 0, true, &passing_ns);
}

static void lines_write_untimed(const struct row *row)
{
    double untimed = 0;

    lines_pass(row, 0, true, &untimed);
}

static inline void push(struct rl_ring *r, uint64_t value)
{
    struct record *record;

    while ((record = rl_ring_claim(r)) == NULL)
        rl_pause();
    for (int i = 0; i < 7; i++)
        record->word[i] = value;
    rl_ring_commit(r);
}

static inline uint64_t pop(struct rl_ring *r)
{
    const struct record *record;
    uint64_t sum;

    while ((record = rl_ring_peek(r)) == NULL)
        ;
    sum = record->word[0] + record->word[6];
    rl_ring_release(r);
    return sum;
}

static void ring_fill(const struct row *row)
{
    for (uint64_t i = 0; i < row->n; i++)
        push(&ring[0], i);
}

static void ring_drain(const struct row *row)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < row->n; i++)
        sum += pop(&ring[0]);
    CHECK_EQ(sum, row->n * (row->n - 1));
}

static void ring_throw(const struct row *row)
{
    for (uint64_t i = 0; i < row->n; i++) {
        push(&ring[0], i);
        CHECK_EQ(pop(&ring[1]), 4 * i);
    }
}

static void ring_return(const struct row *row)
{
    for (uint64_t i = 0; i < row->n; i++)
        push(&ring[1], pop(&ring[0]));
}

static inline void push_bytes(struct rl_record_ring *r, uint64_t value)
{
    uint8_t *payload;

    while ((payload = rl_record_ring_claim(r, 56)) == NULL)
        rl_pause();
    for (int i = 0; i < 7; i++)
        memcpy(payload + 8 * i, &value, 8);
    rl_record_ring_commit(r, 56);
}

static inline uint64_t pop_bytes(struct rl_record_ring *r)
{
    const uint8_t *payload;
    uint64_t first, last;
    uint32_t n_bytes;

    while ((payload = rl_record_ring_peek(r, &n_bytes)) == NULL)
        ;
    memcpy(&first, payload, 8);
    memcpy(&last, payload + n_bytes - 8, 8);
    rl_record_ring_release(r);
    return first + last;
}

static void bytes_fill(const struct row *row)
{
    for (uint64_t i = 0; i < row->n; i++)
        push_bytes(&bytes[0], i);
}

static void bytes_drain(const struct row *row)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < row->n; i++)
        sum += pop_bytes(&bytes[0]);
    CHECK_EQ(sum, row->n * (row->n - 1));
}

static void bytes_throw(const struct row *row)
{
    for (uint64_t i = 0; i < row->n; i++) {
        push_bytes(&bytes[0], i);
        CHECK_EQ(pop_bytes(&bytes[1]), 4 * i);
    }
}

static void bytes_return(const struct row *row)
{
    for (uint64_t i = 0; i < row->n; i++)
        push_bytes(&bytes[1], pop_bytes(&bytes[0]));
}

static const struct row probe = {"probe", N_PROBE_TRIPS, 0, ball_throw, ball_return, false};
static const struct row rows[] = {
    {"floor: read a line the other core wrote", N_LINES *N_LINE_ROUNDS, 0, lines_read,
     lines_write_untimed, true},
    {"floor: write a line the other core read", N_LINES *N_LINE_ROUNDS, 0, lines_write,
     lines_read_untimed, true},
    {"ring, 16 slots", N_RATE, 16, ring_fill, ring_drain, true},
    {"ring, 64 slots", N_RATE, 64, ring_fill, ring_drain, true},
    {"ring, 256 slots", N_RATE, 256, ring_fill, ring_drain, true},
    {"ring, 1024 slots", N_RATE, 1024, ring_fill, ring_drain, true},
    {"ring, 16384 slots", N_RATE, 16384, ring_fill, ring_drain, true},
    {"record_ring, 64 KiB, 8+56 bytes", N_RATE, 65536, bytes_fill, bytes_drain, true},
    {"record_ring, 1 MiB, 8+56 bytes", N_RATE, RING_BYTES, bytes_fill, bytes_drain, true},
    {"floor: one word there and back", N_TRIPS, 0, ball_throw, ball_return, false},
    {"ring, there and back", N_TRIPS, 64, ring_throw, ring_return, false},
    {"record_ring, there and back", N_TRIPS, 65536, bytes_throw, bytes_return, false},
};
#define N_ROWS RL_COUNT(rows)

static void *run_far(void *arg)
{
    const struct row *row = arg;

    CHECK_EQ(rl_cpu_pin(cpus[1]), 0);
    atomic_store(&ready, true);
    row->far(row);
    far_done_ns = now_ns();
    return NULL;
}

/* Returns ns per operation. */
static double run(const struct row *row)
{
    pthread_t thread;
    double start_ns, end_ns;

    for (int i = 0; i < 2 && row->size > 0; i++) {
        if (row->near == ring_fill || row->near == ring_throw)
            CHECK_EQ(rl_ring_init(&ring[i], memory[i], row->size), 0);
        else
            CHECK_EQ(rl_record_ring_init(&bytes[i], memory[i], row->size), 0);
    }
    atomic_store(&ball, 0);
    atomic_store(&ready, false);
    passing_ns = 0;
    CHECK_EQ(pthread_create(&thread, NULL, run_far, (void *)(uintptr_t)row), 0);
    while (!atomic_load(&ready))
        rl_pause();
    start_ns = now_ns();
    row->near(row);
    end_ns = now_ns();
    CHECK_EQ(pthread_join(thread, NULL), 0);
    if (passing_ns > 0)
        return passing_ns / (double)row->n;
    return ((row->is_rate ? far_done_ns : end_ns) - start_ns) / (double)row->n;
}

/* Where the two CPUs were, by the round trip of one line; the bounds suit Zen 3 to 5 guests. */
enum placement { SAME_CORE, SAME_L3, OTHER_L3, N_PLACEMENTS };
static const char *const placement_name[] = {"same core", "same L3", "other L3"};

static enum placement placement_now(double *rtt_ns)
{
    *rtt_ns = run(&probe);
    for (int i = 0; i < 3; i++) { /* the best of 4: a probe that was interrupted says nothing */
        double again_ns = run(&probe);

        if (again_ns < *rtt_ns)
            *rtt_ns = again_ns;
    }
    return *rtt_ns < 80 ? SAME_CORE : *rtt_ns < 250 ? SAME_L3 : OTHER_L3;
}

static double taken_ns[N_PLACEMENTS][N_ROWS][MAX_REPEATS];
static int n_taken[N_PLACEMENTS][N_ROWS];

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void print_placement(enum placement at)
{
    printf("\nCPUs %d and %d, %s\n%-46s %4s %9s %9s %9s\n", cpus[0], cpus[1], placement_name[at],
           "ns per record (M/s) or per round trip", "runs", "best", "median", "M/s best");
    for (size_t i = 0; i < N_ROWS; i++) {
        int n = n_taken[at][i];
        double *ns = taken_ns[at][i];

        if (n < 5) { /* no median of less */
            printf("%-46s %4d %9s %9s\n", rows[i].name, n, "n/a", "n/a");
            continue;
        }
        qsort(ns, (size_t)n, sizeof(ns[0]), by_size);
        printf("%-46s %4d %9.2f %9.2f", rows[i].name, n, ns[0], ns[n / 2]);
        if (rows[i].is_rate)
            printf(" %9.0f", 1e3 / ns[0]);
        printf("\n");
    }
}

int main(int argc, char **argv)
{
    int n_repeats = argc > 1 ? atoi(argv[1]) : 15;
    int n_moved = 0;

    if (rl_cpu_allowed(cpus, 2) < 2) {
        fprintf(stderr, "bench_ring: needs two CPUs\n");
        return RL_SKIP;
    }
    if (argc > 3) {
        cpus[0] = atoi(argv[2]);
        cpus[1] = atoi(argv[3]);
    }
    if (n_repeats < 5 || n_repeats > MAX_REPEATS) {
        fprintf(stderr, "bench_ring: repeats: 5 to %d, not '%s'\n", MAX_REPEATS, argv[1]);
        return 2;
    }
    CHECK_EQ(rl_cpu_pin(cpus[0]), 0);
    for (int i = 0; i < 2; i++) {
        memory[i] = mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        CHECK(memory[i] != MAP_FAILED);
    }
    for (int repeat = 0; repeat < n_repeats; repeat++) {
        for (size_t i = 0; i < N_ROWS; i++) {
            double before_ns, after_ns, ns;
            enum placement at = placement_now(&before_ns);

            ns = run(&rows[i]);
            if (placement_now(&after_ns) == at)
                taken_ns[at][i][n_taken[at][i]++] = ns;
            else
                n_moved++;
        }
    }
    for (int at = 0; at < N_PLACEMENTS; at++) {
        int n = 0;

        for (size_t i = 0; i < N_ROWS; i++)
            n += n_taken[at][i];
        if (n > 0)
            print_placement((enum placement)at);
    }
    printf("\n%d of %zu runs dropped: the placement changed meanwhile\n", n_moved,
           (size_t)n_repeats * N_ROWS);
    return 0;
}
