/*
 * What a FIX order costs from its bytes to the body of its answer, without session and sockets.
 *
 *     bench_fix_gateway [--json] [cpu]
 *
 * Four streams of 4.4, each of as many messages as orders: new orders that rest; replacements of
 * them, to another price; their cancels; orders that find another one and fill. 20,000 orders are
 * there at a time, in a table of 80,000: most of what is touched is not in the nearest caches. Best
 * and median of runs of 500 messages. `floor`: the message is parsed and an execution report
 * encoded by template, and nobody thinks. `venue`: the matching alone, asked by requests that were
 * ready.
 */
#include "base/clock.h"
#include "base/cpu.h"
#include "base/stats.h"
#include "bench_report.h"
#include "check.h"
#include "market/fix/fix.h"
#include "rig/exchange/fix_gateway.h"

#define N_OPS 20000
#define N_BATCHES 15
#define N_RUN 500
#define N_RUNS (N_BATCHES * N_OPS / N_RUN)
#define N_STREAMS 4
#define MESSAGE 256

enum { NEW, REPLACE, CANCEL, FILL };

static const char *const names[] = {"new, rests", "replace", "cancel", "new, fills"};

static struct rl_venue venue;
static struct rl_fix_gateway gateway;
static struct rl_clock hertz;
static uint8_t messages[N_STREAMS][N_OPS][MESSAGE];
static uint32_t lengths[N_STREAMS][N_OPS];
static uint64_t n_sent, n_said_bytes;

static bool send(void *context, uint32_t handle, const char *type, const uint8_t *body, uint32_t n)
{
    (void)context;
    (void)handle;
    (void)type;
    n_sent++;
    n_said_bytes += n + body[n - 1];
    return true;
}

static void open_all(struct rl_arena *arena)
{
    struct rl_venue_config v = {.match = {.n_instruments = 8,
                                          .n_orders = 4 * N_OPS,
                                          .n_levels_per_side = 1024,
                                          .n_owners = 2,
                                          .tick_nano = 10000000}};
    struct rl_fix_gateway_config c = {.n_orders = 4 * N_OPS, .n_sessions = 2, .seed = 1};

    CHECK_EQ(
        rl_arena_open(arena, rl_venue_bytes(&v) + rl_fix_gateway_bytes(&c) + 4096, RL_ARENA_ALL),
        0);
    CHECK_EQ(rl_venue_init(&venue, arena, &v), 0);
    CHECK_EQ(rl_fix_gateway_init(&gateway, arena, &c, &venue, send, NULL), 0);
    for (int i = 0; i < 8; i++) {
        char symbol[8];

        snprintf(symbol, sizeof symbol, "SYM%d", i);
        CHECK_EQ(rl_venue_list(&venue, symbol), i);
    }
    for (int i = 0; i < 2; i++)
        CHECK_EQ(rl_fix_gateway_join(&gateway,
                                     &(struct rl_fix_gateway_session_config){.version = RL_FIX_44}),
                 i);
}

static int64_t px_of(uint32_t i, uint32_t step)
{
    return (100 + (int64_t)((i * 7 + step) % 200)) * 10000000;
}

/* Two that meet are of one instrument. */
static uint32_t symbol_of(int stream, uint32_t i)
{
    return (stream == FILL ? i / 2 : i) % 8;
}

static void write_message(int stream, uint32_t batch, uint32_t i)
{
    static const char types[] = {'D', 'G', 'F', 'D'};
    struct rl_fix_enc e;
    char id[32], symbol[8];

    rl_fix_begin(&e, messages[stream][i], MESSAGE, "FIX.4.4");
    rl_fix_put_char(&e, 35, types[stream]);
    rl_fix_put_uint(&e, 34, i + 1);
    rl_fix_put_text(&e, 49, "CLIENT");
    rl_fix_put_time(&e, 52, 1790000000000000000ULL + i, 3);
    rl_fix_put_text(&e, 56, "VENUE");
    snprintf(id, sizeof id, "ORD-%u-%u-%u", batch, stream, i);
    rl_fix_put_text(&e, 11, id);
    if (stream == REPLACE || stream == CANCEL) {
        snprintf(id, sizeof id, "ORD-%u-%u-%u", batch, stream - 1, i);
        rl_fix_put_text(&e, 41, id);
    }
    rl_fix_put_char(&e, 21, '1');
    snprintf(symbol, sizeof symbol, "SYM%u", symbol_of(stream, i));
    rl_fix_put_text(&e, 55, symbol);
    rl_fix_put_char(&e, 54, stream == FILL && i % 2 ? '2' : '1');
    rl_fix_put_time(&e, 60, 1790000000000000000ULL + i, 3);
    rl_fix_put_uint(&e, 38, 100);
    if (stream != CANCEL) {
        rl_fix_put_char(&e, 40, '2');
        rl_fix_put_px(&e, 44, stream == FILL ? px_of(i / 2, 0) : px_of(i, stream == NEW ? 0 : 3));
        rl_fix_put_char(&e, 59, '0');
    }
    lengths[stream][i] = rl_fix_finish(&e);
    CHECK(lengths[stream][i] > 0);
}

static void parse(struct rl_fix_msg *m, int stream, uint32_t i)
{
    CHECK(rl_fix_parse(m, messages[stream][i], lengths[stream][i]) == RL_FIX_OK);
}

static double ns(uint64_t ticks)
{
    return (double)ticks * 1e9 / (double)hertz.tsc_hz / N_RUN;
}

static void print_line(const char *what, int stream, uint64_t *ticks)
{
    uint64_t best = UINT64_MAX, median, sum = 0;

    for (int i = 0; i < N_RUNS; i++)
        sum += ticks[i];
    report_row(what, names[stream], ns(sum) / N_RUNS, (uint64_t)N_RUNS * N_RUN);
    report_chunks(ticks, N_RUNS, N_RUN);
    report_end();
    for (int i = 0; i < N_RUNS; i++)
        best = ticks[i] < best ? ticks[i] : best;
    median = rl_stats_median(ticks, N_RUNS);
    printf("  %-28s best %7.1f  median %7.1f ns a message\n", what, ns(best), ns(median));
}

static uint64_t through_gateway(struct rl_fix_msg *m, int stream, uint32_t first, uint64_t now_ns)
{
    struct rl_fix_gateway_refusal why;
    uint64_t from = rl_tsc_begin();

    for (uint32_t i = first; i < first + N_RUN; i++) {
        parse(m, stream, i);
        rl_fix_gateway_message(&gateway, 0, m, now_ns, &why);
    }
    return rl_tsc_end() - from;
}

static uint64_t through_parser(struct rl_fix_msg *m, int stream, uint32_t first)
{
    uint64_t from = rl_tsc_begin();

    for (uint32_t i = first; i < first + N_RUN; i++)
        parse(m, stream, i);
    return rl_tsc_end() - from;
}

static uint64_t through_floor(struct rl_fix_msg *m, int stream, uint32_t first,
                              struct rl_fix_template *t)
{
    static uint8_t out[RL_FIX_ORDER_MAX];
    uint64_t from = rl_tsc_begin();

    for (uint32_t i = first; i < first + N_RUN; i++) {
        parse(m, stream, i);
        n_said_bytes += rl_fix_er_write(t,
                                        &(struct rl_fix_er){.msg_seq = i,
                                                            .time_ns = 1790000000000000000ULL,
                                                            .cl_ord_id = "0123456789abc",
                                                            .order_id = i,
                                                            .exec_id = i,
                                                            .symbol = "SYM0",
                                                            .n_symbol = 4,
                                                            .qty = 100,
                                                            .leaves_qty = 100,
                                                            .px_nano = px_of(i, 0),
                                                            .exec_type = '0',
                                                            .ord_status = '0'},
                                        out);
    }
    return rl_tsc_end() - from;
}

/* The same requests, made before: orders, their replacements and cancels; of another member. */
static uint64_t through_venue(int stream, uint64_t first_id, uint32_t first, uint64_t now_ns)
{
    static const uint8_t ops[] = {RL_MATCH_NEW, RL_MATCH_MODIFY, RL_MATCH_CANCEL, RL_MATCH_NEW};
    static struct rl_match_request requests[N_RUN];
    uint64_t from;

    for (uint32_t n = 0; n < N_RUN; n++) {
        uint32_t i = first + n;

        requests[n] = (struct rl_match_request){
            .op = ops[stream],
            .id = first_id + i,
            .new_id = first_id + i,
            .user = UINT64_MAX, /* of no order of the gateway */
            .owner = 1,
            .instrument = symbol_of(stream, i),
            .side = stream == FILL && i % 2,
            .qty = 100,
            .px_nano = stream == FILL ? px_of(i / 2, 0) : px_of(i, stream == NEW ? 0 : 3)};
    }
    from = rl_tsc_begin();
    for (uint32_t n = 0; n < N_RUN; n++)
        rl_venue_ask(&venue, &requests[n], now_ns);
    return rl_tsc_end() - from;
}

int main(int argc, char **argv)
{
    static uint64_t whole[N_STREAMS][N_RUNS], parsed[N_STREAMS][N_RUNS], least[N_STREAMS][N_RUNS],
        matched[N_STREAMS][N_RUNS];
    static struct rl_fix_field fields[RL_FIX_MAX_FIELDS];
    struct rl_arena arena;
    struct rl_fix_template report;
    struct rl_fix_msg m;
    uint64_t now_ns = 1790000000000000000ULL, first;
    int64_t ppb;

    report_options(&argc, argv);
    if (argc > 1)
        rl_cpu_pin(atoi(argv[1]));
    CHECK_EQ(rl_clock_calibrate(&hertz, 200000000, &ppb), 0);
    report_clock(&hertz);
    report_from();
    open_all(&arena);
    rl_fix_init(&m, fields, RL_FIX_MAX_FIELDS);
    CHECK_EQ(rl_fix_er_init(&report, "FIX.4.4", "VENUE", "CLIENT"), 0);
    for (uint32_t batch = 0; batch < N_BATCHES; batch++) {
        for (int stream = 0; stream < N_STREAMS; stream++)
            for (uint32_t i = 0; i < N_OPS; i++)
                write_message(stream, batch, i);
        for (int stream = 0; stream < N_STREAMS; stream++)
            for (uint32_t run = 0; run < N_OPS / N_RUN; run++) {
                uint32_t n = batch * (N_OPS / N_RUN) + run, i = run * N_RUN;

                parsed[stream][n] = through_parser(&m, stream, i);
                least[stream][n] = through_floor(&m, stream, i, &report);
                whole[stream][n] = through_gateway(&m, stream, i, now_ns += 1000000);
                report_chunk();
            }
        first = venue.next_id;
        venue.next_id += 2 * N_OPS;
        for (int stream = 0; stream < N_STREAMS; stream++)
            for (uint32_t run = 0; run < N_OPS / N_RUN; run++)
                matched[stream][batch * (N_OPS / N_RUN) + run] = through_venue(
                    stream, stream == FILL ? first + N_OPS : first, run * N_RUN, now_ns);
    }
    CHECK_EQ(gateway.n.rejected, 0);
    CHECK_EQ(gateway.n.cancel_rejects, 0);
    CHECK_EQ(gateway.n.executions, (uint64_t)N_BATCHES * N_OPS);
    CHECK_EQ(n_sent, (uint64_t)N_BATCHES * N_OPS * 5);
    for (int stream = 0; stream < N_STREAMS; stream++)
        report_state(names[stream], 0, "", "every message answered, none rejected");
    for (int stream = 0; stream < N_STREAMS; stream++) {
        printf("%s\n", names[stream]);
        print_line("parse", stream, parsed[stream]);
        print_line("floor: parse, encode", stream, least[stream]);
        print_line("venue alone", stream, matched[stream]);
        print_line("bytes in to body out", stream, whole[stream]);
    }
    printf("(%" PRIu64 " messages said, %" PRIu64 " bytes)\n", n_sent, n_said_bytes);
    rl_arena_close(&arena);
    return 0;
}
