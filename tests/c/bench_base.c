/*
 * What recording a value and reading a clock cost, beside the floor of each.
 *
 *     bench_base [cpu]
 *
 * Batches of 20,000 operations, the best and the median of 500: best is what the code costs, the
 * median what this host made of it. `chain`: each operation waits for the one before; `tput`: they
 * may overlap. Nothing is subtracted. The values are latencies: most within a factor of two, a thin
 * tail.
 */
#include "base/clock.h"
#include "base/cpu.h"
#include "base/hist.h"
#include "base/mem.h"
#include "base/stats.h"
#include "check.h"

#define N_OPS 20000
#define N_BATCHES 500
#define N_VALUES 4096

static uint64_t counts[RL_HIST_N_COUNTS], values[N_VALUES], ring[N_VALUES];
static struct rl_hist hist;
static struct rl_clock hertz;

/* 0, but not before x is known. */
static inline uint64_t zero_after(uint64_t x)
{
    __asm__ volatile("andq $0, %0" : "+r"(x) : : "cc");
    return x;
}

static void print_line(const char *what, uint64_t *ticks, const char *note)
{
    uint64_t best = UINT64_MAX, median;

    for (int i = 0; i < N_BATCHES; i++)
        best = ticks[i] < best ? ticks[i] : best;
    median = rl_stats_median(ticks, N_BATCHES);
    printf("  %-34s best %7.2f  median %7.2f ns   %s\n", what,
           (double)best * 1e9 / (double)hertz.tsc_hz / N_OPS,
           (double)median * 1e9 / (double)hertz.tsc_hz / N_OPS, note);
}

#define BENCH(what, note, statement)                       \
    do {                                                   \
        static uint64_t ticks[N_BATCHES];                  \
                                                           \
        for (int batch = 0; batch < N_BATCHES; batch++) {  \
            uint64_t last = 0, from = rl_tsc_begin();      \
                                                           \
            for (uint64_t i = 0; i < N_OPS; i++) {         \
                statement;                                 \
            }                                              \
            __asm__ volatile("" : : "r"(last) : "memory"); \
            ticks[batch] = rl_tsc_end() - from;            \
        }                                                  \
        print_line(what, ticks, note);                     \
    } while (0)

#define KEEP_STORES() __asm__ volatile("" : : : "memory")

static void bench_recorder(void)
{
    uint64_t n_hist = 0;

    puts("recorder, one value:");
    BENCH("loop alone", "", KEEP_STORES());
    BENCH("raw ring store", "the floor: the value is kept, nothing is known of it",
          ring[i % N_VALUES] = values[i % N_VALUES];
          KEEP_STORES());
    rl_hist_reset(&hist);
    BENCH("rl_hist_record, tput", "", rl_hist_record(&hist, values[i % N_VALUES]); KEEP_STORES());
    BENCH("rl_hist_record, chain", "the next value's address waits for this record",
          rl_hist_record(&hist, values[(i + zero_after(last)) % N_VALUES]);
          last = hist.n_total);
    for (uint32_t i = 0; i < hist.n_counts; i++)
        n_hist += hist.counts[i];
    printf("  answer: %s, %" PRIu64 " records in buckets of %d\n",
           n_hist == 2ULL * N_OPS * N_BATCHES ? "right" : "WRONG", n_hist, 2 * N_OPS * N_BATCHES);
}

static void bench_clocks(void)
{
    uint64_t rdtscp = 0;

    puts("clocks, one reading:");
    BENCH("rdtsc", "", last += rl_tsc());
    BENCH("rdtscp", "", {
        uint32_t tag;
        rdtscp += __builtin_ia32_rdtscp(&tag);
        last = rdtscp;
    });
    BENCH("rl_tsc_begin + rl_tsc_end", "", last += rl_tsc_begin(); last += rl_tsc_end());
    BENCH("clock_gettime(MONOTONIC)", "", {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        last += (uint64_t)now.tv_nsec;
    });
    BENCH("rl_ticks_to_ns, chain", "conversion only", last = rl_ticks_to_ns(&hertz, last + i));
    puts("clocks, distance of two readings, one at a time (ticks):");
    for (int which = 0; which < RL_N_CLOCK_COSTS; which++) {
        rl_hist_reset(&hist);
        uint64_t n_cut = rl_clock_cost((enum rl_clock_cost)which, 1000000, &hist);

        printf("  %-34s min %" PRIu64 " p50 %" PRIu64 " p99 %" PRIu64 " p99.99 %" PRIu64
               " max %" PRIu64 "  (%" PRIu64 " cut)\n",
               rl_clock_cost_name((enum rl_clock_cost)which), hist.min,
               rl_hist_percentile(&hist, 50), rl_hist_percentile(&hist, 99),
               rl_hist_percentile(&hist, 99.99), hist.max, n_cut);
    }
}

int main(int argc, char **argv)
{
    int cpus[2], n_cpus = rl_cpu_allowed(cpus, 2);
    int cpu = argc > 1 ? atoi(argv[1]) : cpus[0];
    struct rl_clock_caps caps;
    struct rl_clock_quantum q;
    struct rl_clock_offset o;
    uint64_t seed = 1;
    int64_t ppb;

    CHECK_EQ(rl_cpu_pin(cpu), 0);
    CHECK_EQ(rl_clock_check(&caps), 0);
    CHECK_EQ(rl_clock_calibrate(&hertz, 200000000, &ppb), 0);
    CHECK_EQ(rl_hist_init(&hist, RL_HIST_HIGHEST, RL_HIST_DIGITS, counts, sizeof(counts)), 0);
    for (int i = 0; i < N_VALUES; i++) {
        values[i] = 800 + check_random(&seed) % 800;
        if (check_random(&seed) % 16 == 0)
            values[i] <<= check_random(&seed) % 11;
    }
    rl_clock_quantum(&q);
    printf("%s%s, cpu %d\nTSC %" PRIu64 " Hz (windows differ by %" PRId64 " ppb), step %" PRIu64
           " ticks (mode %" PRIu64 ", gcd %" PRIu64 ")\n",
           caps.brand, caps.hypervisor ? " (guest)" : "", cpu, hertz.tsc_hz, ppb, q.quantum_ticks,
           q.mode_ticks, q.gcd_ticks);
    bench_recorder();
    bench_clocks();
    if (n_cpus > 1 && rl_clock_offset(cpus[0], cpus[1], 200000, &o) == 0)
        printf("offset cpu %d -> %d: %" PRId64 " +- %" PRIu64 " ticks, best round trip %" PRIu64
               ", %" PRIu64 " violations\n",
               cpus[0], cpus[1], o.offset_ticks, o.bound_ticks, o.rtt_ticks, o.n_violations);
    return 0;
}
