/*
 * What a FIX session costs a message: in, out, and both, as an exchange does it.
 *
 *     bench_session [--json] [cpu]
 *
 * Orders (35=D) in order, prepared beforehand, and reports (35=8) with a body that is ready;
 * batches of 5,000, the best and the median of 200. `parse` is the floor: rl_fix_cut and
 * rl_fix_parse alone. `dictionary`: with every field validated. The store is the one in memory,
 * fresh for each batch. The hash is of what was sent in a batch: equal hashes, equal work.
 */
#include "base/clock.h"
#include "base/cpu.h"
#include "base/stats.h"
#include "bench_report.h"
#include "fix_session_dict.h"
#include "fix_sides.h"

enum { N_OPS = 5000, N_BATCHES = 200, ORDER_MAX = 256 };

static struct {
    uint8_t bytes[N_OPS * ORDER_MAX];
    uint32_t at[N_OPS + 1];
} orders;
static struct side side;
static struct rl_clock hertz;
static uint64_t n_delivered, hash;

static const uint8_t report[] = "6=0\x01"
                                "11=ORDER-0000001\x01"
                                "14=0\x01"
                                "17=EXEC-1\x01"
                                "37=1000001\x01"
                                "39=0\x01"
                                "54=1\x01"
                                "55=MSFT\x01"
                                "150=0\x01"
                                "151=100\x01";

static void make_orders(void)
{
    uint32_t at = 0;

    for (uint32_t i = 0; i < N_OPS; i++) {
        char text[ORDER_MAX];

        snprintf(text, sizeof text,
                 "35=D|34=%u|49=YOU|52=20260101-00:00:00.%03u|56=ME|11=ORDER-%07u|38=%u|40=2|"
                 "44=%u.25|54=1|55=MSFT|59=0|60=20260101-00:00:00.000|",
                 i + 2, i % 1000, i, 100 + i % 900, 400 + i % 7);
        orders.at[i] = at;
        at += side_bytes("FIX.4.4", text, orders.bytes + at);
        CHECK(at + ORDER_MAX < sizeof orders.bytes);
    }
    orders.at[N_OPS] = at;
}

static void open_side(bool has_dict)
{
    struct rl_fix_session_config c = side_config();

    c.dict = has_dict ? session_dict() : NULL;
    side_on(&side, &c);
    n_delivered = 0;
}

static void seen(const uint8_t *bytes, uint32_t n)
{
    uint64_t word;

    memcpy(&word, bytes + n - 9, sizeof word); /* the checksum says enough of the rest */
    hash = (hash ^ word) * 0x9E3779B97F4A7C15ULL;
}

static void answer(void)
{
    rl_fix_session_step(
        &side.s,
        &(struct rl_fix_event){
            .kind = RL_FIX_EV_SEND, .type = "8", .bytes = report, .n_bytes = sizeof report - 1},
        side.now);
    seen(side.s.actions[0].bytes, side.s.actions[0].n_bytes);
}

static void receive(uint32_t i, bool answers)
{
    struct rl_fix_event e = {.kind = RL_FIX_EV_MESSAGE, .bytes = orders.bytes + orders.at[i]};

    rl_fix_cut(e.bytes, orders.at[N_OPS] - orders.at[i], 16384, &e.n_bytes);
    rl_fix_session_step(&side.s, &e, side.now);
    n_delivered += side.s.n_actions == 1 && side.s.actions[0].kind == RL_FIX_DO_DELIVER;
    if (answers)
        answer();
    rl_fix_session_step(&side.s, &(struct rl_fix_event){.kind = RL_FIX_EV_CONTINUE}, side.now);
}

static void parse(uint32_t i)
{
    static struct rl_fix_field fields[RL_FIX_MAX_FIELDS];
    struct rl_fix_msg m;
    uint32_t n;

    rl_fix_init(&m, fields, RL_FIX_MAX_FIELDS);
    rl_fix_cut(orders.bytes + orders.at[i], orders.at[N_OPS] - orders.at[i], 16384, &n);
    n_delivered += rl_fix_parse(&m, orders.bytes + orders.at[i], n) == RL_FIX_OK;
}

static void print_line(const char *what, uint64_t *ticks)
{
    uint64_t best = UINT64_MAX, median;
    double ns, sum = 0;

    for (int i = 0; i < N_BATCHES; i++)
        sum += (double)ticks[i];
    report_row(what, "", sum * 1e9 / (double)hertz.tsc_hz / N_OPS / N_BATCHES, N_OPS * N_BATCHES);
    report_chunks(ticks, N_BATCHES, N_OPS);
    report_end();
    for (int i = 0; i < N_BATCHES; i++)
        best = ticks[i] < best ? ticks[i] : best;
    median = rl_stats_median(ticks, N_BATCHES);
    ns = (double)median * 1e9 / (double)hertz.tsc_hz / N_OPS;
    printf("  %-40s best %7.1f  median %7.1f ns  %6.2f M/s  hash %016" PRIx64 "\n", what,
           (double)best * 1e9 / (double)hertz.tsc_hz / N_OPS, ns, 1e3 / ns, hash);
}

#define BENCH(what, has_dict, wanted, statement)          \
    do {                                                  \
        static uint64_t ticks[N_BATCHES];                 \
                                                          \
        report_from();                                    \
        for (int batch = 0; batch < N_BATCHES; batch++) { \
            uint64_t from;                                \
                                                          \
            open_side(has_dict);                          \
            hash = 0;                                     \
            from = rl_tsc_begin();                        \
            for (uint32_t i = 0; i < N_OPS; i++) {        \
                side.now += 10000;                        \
                statement;                                \
            }                                             \
            ticks[batch] = rl_tsc_end() - from;           \
            report_chunk();                               \
            CHECK_EQ(n_delivered, wanted);                \
            CHECK(rl_fix_session_is_logged_on(&side.s));  \
            side_close(&side);                            \
        }                                                 \
        print_line(what, ticks);                          \
    } while (0)

int main(int argc, char **argv)
{
    int64_t ppb;

    report_options(&argc, argv);
    if (argc > 1)
        CHECK_EQ(rl_cpu_pin(atoi(argv[1])), 0);
    CHECK_EQ(rl_clock_calibrate(&hertz, 200000000, &ppb), 0);
    report_clock(&hertz);
    make_orders();
    printf("FIX session, %u-byte orders, parser %s\n", orders.at[1],
           rl_fix_path_name(rl_fix_path()));
    BENCH("parse (the floor)", false, N_OPS, parse(i));
    BENCH("in", false, N_OPS, receive(i, false));
    BENCH("in, dictionary", true, N_OPS, receive(i, false));
    BENCH("out", false, 0, answer());
    BENCH("in and a report out", false, N_OPS, receive(i, true));
    BENCH("in and a report out, dictionary", true, N_OPS, receive(i, true));
    report_state("", hash, "", "every order delivered; the hash is of what was sent");
    return 0;
}
