/*
 * Orders through FIX over loopback TCP, one session, every one of them answered: the exchange as
 * `redline exchange serve` runs it on one core, a client on another.
 *
 * usage: bench_fix_loopback [--json] [REPEATS [CPU CPU]]     (default 5 repeats, the first two
 * allowed CPUs)
 *
 * The client has its messages ready, keeps a window of them unanswered, sends a quarter of it with
 * one call and cuts what comes back into messages: no validation, so that it is not what is
 * measured. Repeats of all rows are interleaved; a row shows its best and its median. The floor is
 * the same client and the same bytes, answered by the tcp layer alone with as many bytes as the
 * exchange answers. At the end of each run the venue must hold exactly what was sent.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cpu.h"
#include "bench_report.h"
#include "check.h"
#include "market/fix/order.h"
#include "market/fix/parse.h"
#include "rig/exchange/serve_thread.h"

#define N_ORDERS 200000
#define MAX_REPEATS 101
#define ORDER_MAX 256
#define N_CPUS 2

/* What is sent: orders that rest; pairs of which the second trades with the first. */
enum mix { RESTING, CROSSING };

struct row {
    const char *name;
    enum mix mix;
    bool is_floor;
    uint32_t window;
    double per_s[MAX_REPEATS];
    uint64_t n_bytes_in, n_bytes_out; /* of the server, for the floor's answers */
};

static struct row rows[] = {
    {.name = "floor: tcp, an answer of that size", .mix = RESTING, .is_floor = true, .window = 256},
    {.name = "resting orders, window 16", .mix = RESTING, .window = 16},
    {.name = "resting orders, window 64", .mix = RESTING, .window = 64},
    {.name = "resting orders, window 256", .mix = RESTING, .window = 256},
    {.name = "resting orders, window 1024", .mix = RESTING, .window = 1024},
    {.name = "crossing pairs, window 256", .mix = CROSSING, .window = 256},
};

static int cpus[N_CPUS];
static uint8_t *stream; /* a Logon and all orders */
static uint32_t *ends;  /* where each message ends; [0]: the Logon */
static uint8_t received[1 << 20];

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint64_t utc_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

/* --- the client ------------------------------------------------------------------------------- */

static uint32_t write_logon(uint8_t *out)
{
    char time[32], body[128], *p = (char *)out;
    time_t now = (time_t)(utc_ns() / 1000000000ULL);
    uint32_t sum = 0;
    struct tm tm;
    int n, n_body;

    gmtime_r(&now, &tm);
    strftime(time, sizeof time, "%Y%m%d-%H:%M:%S", &tm);
    n_body = snprintf(body, sizeof body,
                      "35=A\00134=1\00149=BENCH\00152=%s\00156=REDLINE\00198=0\001108=0\001", time);
    n = sprintf(p, "8=FIX.4.4\0019=%d\001%s", n_body, body);
    for (int i = 0; i < n; i++)
        sum += (uint8_t)p[i];
    return (uint32_t)(n + sprintf(p + n, "10=%03u\001", sum % 256));
}

/* Each run has its own: a SendingTime that is too old would be refused. */
static void write_stream(enum mix mix)
{
    struct rl_fix_template t;
    uint32_t at = write_logon(stream);

    CHECK_EQ(rl_fix_nos_init(&t, "FIX.4.4", "BENCH", "REDLINE"), 0);
    ends[0] = at;
    for (uint32_t i = 0; i < N_ORDERS; i++) {
        char id[RL_FIX_CLORDID_CHARS + 1];
        bool sells = mix == CROSSING && i % 2 == 1;
        /* Resting: 64 levels on the bid; crossing: each pair has one price. */
        struct rl_fix_nos order = {
            .msg_seq = i + 2,
            .time_ns = utc_ns(),
            .cl_ord_id = id,
            .secondary_id = i,
            .symbol = "AAPL",
            .n_symbol = 4,
            .qty = 100,
            .px_nano = 100000000000 + (int64_t)(mix == RESTING ? i % 64 : 0) * 10000000,
            .side = sells ? RL_SELL : RL_BUY,
            .time_in_force = '0',
        };

        snprintf(id, sizeof id, "%013u", i);
        at += rl_fix_nos_write(&t, &order, stream + at);
        ends[i + 1] = at;
    }
}

static void send_all(int fd, const uint8_t *bytes, size_t n)
{
    while (n > 0) {
        ssize_t k = send(fd, bytes, n, MSG_NOSIGNAL);

        CHECK(k > 0);
        bytes += k;
        n -= (size_t)k;
    }
}

/* Counts the messages of what has come; what is no whole one yet stays in front. */
static uint32_t count_messages(uint32_t *n_held)
{
    uint32_t at = 0, n = 0, n_message;

    while (rl_fix_frame(received + at, *n_held - at, &n_message) == RL_FIX_OK) {
        at += n_message;
        n++;
    }
    memmove(received, received + at, *n_held - at);
    *n_held -= at;
    return n;
}

static uint32_t hear(int fd, uint32_t *n_held)
{
    ssize_t n = recv(fd, received + *n_held, sizeof received - *n_held, 0);

    CHECK(n > 0);
    *n_held += (uint32_t)n;
    return count_messages(n_held);
}

/* All orders, answered: seconds. */
static double trade(int fd, const struct row *row, uint32_t n_answers)
{
    uint32_t n_sent = 0, n_heard = 0, n_held = 0, quarter = row->window / 4;
    uint32_t per_pair = n_answers / (N_ORDERS / 2); /* answers of two orders */
    double start_s;

    send_all(fd, stream, ends[0]);
    while (hear(fd, &n_held) == 0)
        ;
    CHECK_EQ(n_held, 0);
    start_s = now_s();
    while (n_heard < n_answers) {
        uint32_t n_answered = (uint32_t)((uint64_t)n_heard * 2 / per_pair);

        while (n_sent < N_ORDERS && n_sent + quarter <= n_answered + row->window) {
            uint32_t n_left = N_ORDERS - n_sent, n = quarter < n_left ? quarter : n_left;

            send_all(fd, stream + ends[n_sent], ends[n_sent + n] - ends[n_sent]);
            n_sent += n;
        }
        n_heard += hear(fd, &n_held);
    }
    CHECK_EQ(n_heard, n_answers);
    return now_s() - start_s;
}

static int connect_to(struct rl_address at)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0);
    CHECK_EQ(connect(fd, &at.at.any, at.n_bytes), 0);
    return fd;
}

/* --- the exchange ----------------------------------------------------------------------------- */

static void look(struct rl_serve *s, void *context)
{
    struct rl_serve_counters *n = context;
    struct rl_serve_ends unused;
    const char *what = NULL;

    rl_serve_count(s, n, &unused);
    CHECK_EQ(rl_match_check(rl_serve_venue(s)->match, &what), 0);
}

static double run_exchange(struct row *row)
{
    static struct rl_venue_instrument symbols[] = {{.symbol = "AAPL"}};
    struct rl_serve_config config;
    struct rl_serve_thread *thread;
    struct rl_serve_counters n;
    struct rl_serve *serve;
    const char *where, *why;
    double elapsed_s;
    int fd;

    rl_serve_config_init(&config);
    config.symbols = symbols;
    config.n_symbols = 1;
    config.match.n_instruments = 1;
    config.match.n_orders = 1 << 18;
    config.n_connections = 4;
    config.n_fix_sessions = 2;
    config.n_ouch_sessions = 1;
    config.n_bytes_tx = 1 << 20;
    config.spins = true;
    CHECK_EQ(rl_address_read(&config.fix, ":0"), 0);
    CHECK_EQ(rl_serve_open(&serve, &config, &where, &why), 0);
    CHECK_EQ(rl_serve_thread_start(&thread, serve, cpus[1]), 0);
    write_stream(row->mix);
    fd = connect_to(rl_serve_address(serve, RL_SERVE_FIX));
    elapsed_s = trade(fd, row, row->mix == RESTING ? N_ORDERS : 2 * N_ORDERS);
    rl_serve_thread_do(thread, look, &n);
    CHECK_EQ(n.orders, N_ORDERS);
    CHECK_EQ(n.rejects, 0);
    CHECK_EQ(n.trades, row->mix == RESTING ? 0 : N_ORDERS / 2);
    row->n_bytes_in = n.bytes_in;
    row->n_bytes_out = n.bytes_out;
    close(fd);
    rl_serve_thread_close(thread);
    rl_serve_close(serve);
    return elapsed_s;
}

/* --- the floor -------------------------------------------------------------------------------- */

static struct rl_tcp floor_tcp;
static _Atomic bool floor_ends;
static uint8_t floor_answer[1024];
static uint32_t floor_n_answer;

static void floor_opened(void *context, struct rl_tcp_conn *c)
{
    (void)context;
    (void)c;
}

/* A message, an answer: framed, since somebody has to know how many there are. */
static uint32_t floor_received(void *context, struct rl_tcp_conn *c, const uint8_t *bytes,
                               uint32_t n_bytes)
{
    uint32_t taken = 0, n;

    (void)context;
    while (!rl_tcp_is_choked(c) && rl_fix_frame(bytes + taken, n_bytes - taken, &n) == RL_FIX_OK) {
        rl_tcp_send(c, floor_answer, floor_n_answer);
        taken += n;
    }
    return taken;
}

static void floor_closed(void *context, struct rl_tcp_conn *c, enum rl_tcp_end why)
{
    (void)context;
    (void)c;
    (void)why;
}

static void *floor_serve(void *unused)
{
    (void)unused;
    CHECK_EQ(rl_cpu_pin(cpus[1]), 0);
    while (!atomic_load_explicit(&floor_ends, memory_order_relaxed))
        rl_tcp_turn(&floor_tcp, 0);
    return NULL;
}

/* `like`: its answers had that size. */
static double run_floor(const struct row *row, const struct row *like)
{
    struct rl_tcp_handler handler = {
        .opened = floor_opened, .received = floor_received, .closed = floor_closed};
    struct rl_tcp_config config = {.n_connections = 4,
                                   .n_listeners = 1,
                                   .n_bytes_rx = 1 << 16,
                                   .n_bytes_tx = 1 << 20,
                                   .n_bytes_sndbuf = 1 << 20,
                                   .n_bytes_rcvbuf = 1 << 17,
                                   .spins = true};
    struct rl_address at;
    struct rl_arena arena;
    pthread_t thread;
    double elapsed_s;
    int fd, n;

    n = (int)(like->n_bytes_out / (N_ORDERS + 1)) - 24;
    floor_n_answer = (uint32_t)sprintf((char *)floor_answer,
                                       "8=FIX.4.4\0019=%d\00135=8\00158=%0*d\001", n, n - 9, 0);
    floor_n_answer += (uint32_t)sprintf((char *)floor_answer + floor_n_answer, "10=000\001");
    CHECK_EQ(rl_arena_open(&arena, rl_tcp_bytes(&config), 0), 0);
    CHECK_EQ(rl_tcp_open(&floor_tcp, &arena, &config), 0);
    CHECK_EQ(rl_address_read(&at, ":0"), 0);
    CHECK_EQ(rl_tcp_listen(&floor_tcp, &at, &handler, &at), 0);
    atomic_store(&floor_ends, false);
    CHECK_EQ(pthread_create(&thread, NULL, floor_serve, NULL), 0);
    write_stream(RESTING);
    fd = connect_to(at);
    elapsed_s = trade(fd, row, N_ORDERS);
    close(fd);
    atomic_store(&floor_ends, true);
    pthread_join(thread, NULL);
    rl_tcp_close(&floor_tcp);
    rl_arena_close(&arena);
    return elapsed_s;
}

/* --- all rows --------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    int n_repeats;

    report_options(&argc, argv);
    n_repeats = argc > 1 ? atoi(argv[1]) : 5;
    CHECK(n_repeats >= 1 && n_repeats <= MAX_REPEATS);
    if (rl_cpu_allowed(cpus, N_CPUS) < N_CPUS) {
        fprintf(stderr, "needs two CPUs\n");
        return RL_SKIP;
    }
    if (argc > 3) {
        cpus[0] = atoi(argv[2]);
        cpus[1] = atoi(argv[3]);
    }
    CHECK_EQ(rl_cpu_pin(cpus[0]), 0);
    stream = malloc((size_t)(N_ORDERS + 1) * ORDER_MAX);
    ends = malloc((size_t)(N_ORDERS + 1) * sizeof *ends);
    CHECK(stream && ends);
    for (int i = 0; i < n_repeats; i++) {
        for (size_t k = 1; k < RL_COUNT(rows); k++)
            rows[k].per_s[i] = N_ORDERS / run_exchange(&rows[k]);
        rows[0].per_s[i] = N_ORDERS / run_floor(&rows[0], &rows[3]);
    }
    printf("one FIX session over loopback TCP, %d orders a run, %d runs each: orders/s\n", N_ORDERS,
           n_repeats);
    printf("  %-38s %12s %12s %8s\n", "", "best", "median", "in+out B");
    for (size_t k = 0; k < RL_COUNT(rows); k++) {
        struct row *r = &rows[k];

        for (int i = 0; i < n_repeats; i++) {
            report_row(r->name, "", 1e9 / r->per_s[i], N_ORDERS);
            report_end();
        }
        qsort(r->per_s, (size_t)n_repeats, sizeof r->per_s[0], by_size);
        printf("  %-38s %12.0f %12.0f %4u+%u\n", r->name, r->per_s[n_repeats - 1],
               r->per_s[n_repeats / 2], (unsigned)(rows[k ? k : 3].n_bytes_in / N_ORDERS),
               (unsigned)(rows[k ? k : 3].n_bytes_out / N_ORDERS));
    }
    report_state("", 0, "", "every order answered, the venue holds what was sent");
    printf("  answer: every order answered, the venue holds what was sent\n");
    free(stream);
    free(ends);
    return 0;
}
