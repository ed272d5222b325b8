/*
 * What a record of the audit log costs the order thread while a writer makes it durable: bursts of
 * 20 after pauses, each burst timed whole or each record alone; beside the cost of timing nothing.
 *
 * usage: bench_audit [CPU of the order thread [CPU of the writer]]     (default 0 1)
 */
#include <sched.h>

#include "audit_log.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "base/hist.h"

#define N_SLOTS 65536
#define N_BURSTS 20000
#define BURST 20
#define PAUSE_NS 20000

static RL_ALIGNED uint8_t slots[N_SLOTS * RL_RING_SLOT_BYTES];
static uint8_t other_work[256 << 10]; /* what an engine touches between two orders */

static void new_hist(struct rl_hist *h)
{
    size_t n_bytes = rl_hist_bytes(RL_HIST_HIGHEST, RL_HIST_DIGITS);

    CHECK_EQ(rl_hist_init(h, RL_HIST_HIGHEST, RL_HIST_DIGITS, malloc(n_bytes), n_bytes), 0);
}

static void print(const char *name, const struct rl_hist *h, double scale)
{
    printf("%-28s p50 %7.1f  p90 %7.1f  p99 %7.1f  p99.9 %8.1f ns\n", name,
           (double)rl_hist_percentile(h, 50) * scale, (double)rl_hist_percentile(h, 90) * scale,
           (double)rl_hist_percentile(h, 99) * scale, (double)rl_hist_percentile(h, 99.9) * scale);
}

static void append(struct rl_audit *a, uint64_t i, uint64_t now)
{
    struct rl_audit_record *r = rl_audit_claim(a, 3);

    CHECK(r != NULL); /* the ring outlasts the run */
    log_fill(r, i, now);
    rl_audit_commit(a);
}

int main(int argc, char **argv)
{
    struct rl_hist empty, alone, whole;
    struct rl_audit_thread *thread;
    static struct log log;
    struct rl_clock clock;
    int64_t disagree_ppb;
    uint64_t x = 1;

    CHECK_EQ(rl_clock_calibrate(&clock, 100000000, &disagree_ppb), 0);
    log_make(&log);
    CHECK_EQ(rl_audit_init(&log.audit, slots, N_SLOTS), 0);
    log.config = (struct rl_audit_writer_config){.dir = log.dir, .tsc_hz = clock.tsc_hz};
    log_must_open(&log);
    CHECK_EQ(rl_audit_thread_start(&thread, &log.writer, argc > 2 ? atoi(argv[2]) : 1, 0), 0);
    CHECK_EQ(rl_cpu_pin(argc > 1 ? atoi(argv[1]) : 0), 0);
    new_hist(&empty);
    new_hist(&alone);
    new_hist(&whole);
    for (uint64_t i = 0; i < 100000; i++) {
        uint64_t begin = rl_tsc_begin();

        rl_hist_record(&empty, rl_tsc_end() - begin);
    }
    for (uint64_t burst = 0; burst < N_BURSTS; burst++) {
        uint64_t until = rl_tsc() + rl_ns_to_ticks(&clock, PAUSE_NS), begin;

        for (unsigned i = 0; i < 512; i++)
            other_work[check_random(&x) % sizeof other_work]++;
        while (rl_tsc() < until)
            rl_pause();
        begin = rl_tsc_begin();
        for (uint64_t i = 0; i < BURST; i++) {
            if (burst % 2 == 0) {
                append(&log.audit, i, begin);
                continue;
            }
            begin = rl_tsc_begin();
            append(&log.audit, i, begin);
            rl_hist_record(&alone, rl_tsc_end() - begin);
        }
        if (burst % 2 == 0)
            rl_hist_record(&whole, rl_tsc_end() - begin);
    }
    CHECK_EQ(rl_audit_thread_stop(thread), 0);
    CHECK_EQ(log_verdict(&log).fault, RL_AUDIT_WHOLE);
    print("timing nothing", &empty, 1e9 / (double)clock.tsc_hz);
    print("a record, timed alone", &alone, 1e9 / (double)clock.tsc_hz);
    print("a record of 20, timed as one", &whole, 1e9 / (double)clock.tsc_hz / BURST);
    log_remove(&log);
    return 0;
}
