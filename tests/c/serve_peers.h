/*
 * serve_peers - an exchange in this thread, and FIX clients on raw sockets that spell everything
 * out themselves.
 */
#ifndef RL_TESTS_SERVE_PEERS_H
#define RL_TESTS_SERVE_PEERS_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "rig/exchange/serve.h"

#define MS 1000000ULL
#define MAX_TURNS 20000 /* of at most 1 ms: what has not come by then does not come */

static struct rl_serve *serve;
static struct rl_venue_instrument serve_symbols[] = {{.symbol = "AAPL"}, {.symbol = "MSFT"}};

static inline struct rl_serve_config small_exchange(void)
{
    struct rl_serve_config config;

    rl_serve_config_init(&config);
    config.symbols = serve_symbols;
    config.n_symbols = 2;
    config.match.n_instruments = 4;
    config.match.n_orders = 4096;
    config.match.n_levels_per_side = 256;
    config.match.n_trades = 1024;
    config.n_connections = 16;
    config.n_fix_sessions = 8;
    config.n_ouch_sessions = 4;
    config.store_bytes = 1 << 16;
    config.store_messages = 1 << 10;
    CHECK_EQ(rl_address_read(&config.fix, ":0"), 0);
    return config;
}

static inline void open_exchange(const struct rl_serve_config *config)
{
    const char *where, *why;
    int err = rl_serve_open(&serve, config, &where, &why);

    if (err) {
        fprintf(stderr, "not opened: %s: %s\n", where, why);
        exit(1);
    }
}

static inline void close_exchange(void)
{
    rl_serve_close(serve);
    serve = NULL;
}

static inline struct rl_serve_counters counted(void)
{
    struct rl_serve_counters n;
    struct rl_serve_ends ends;

    rl_serve_count(serve, &n, &ends);
    return n;
}

static inline struct rl_serve_ends ended(void)
{
    struct rl_serve_counters n;
    struct rl_serve_ends ends;

    rl_serve_count(serve, &n, &ends);
    return ends;
}

#define SERVE_UNTIL(condition)                        \
    do {                                              \
        int turns = 0;                                \
        while (!(condition)) {                        \
            CHECK(++turns < MAX_TURNS && #condition); \
            rl_serve_turn(serve, MS);                 \
        }                                             \
    } while (0)

static inline void serve_settle(void)
{
    for (int quiet = 0; quiet < 3;)
        quiet = rl_serve_turn(serve, 0) ? 0 : quiet + 1;
}

/* --- a client --------------------------------------------------------------------------------- */

struct fix_client {
    int fd;
    const char *begin, *name, *venue;
    uint64_t next_out;
    char in[1 << 17];
    size_t n_in;
    char heard[1 << 15]; /* the last message, SOH as '|' */
};

static inline int raw_client(enum rl_serve_protocol protocol)
{
    struct rl_address at = rl_serve_address(serve, protocol);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0);
    CHECK_EQ(connect(fd, &at.at.any, at.n_bytes), 0);
    CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static inline void client_open(struct fix_client *c, const char *begin, const char *name)
{
    *c = (struct fix_client){.begin = begin, .name = name, .venue = "REDLINE", .next_out = 1};
    c->fd = raw_client(RL_SERVE_FIX);
}

static inline const char *utc_text(void)
{
    static char text[32];
    struct timespec t;
    struct tm tm;

    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &tm);
    strftime(text, sizeof text, "%Y%m%d-%H:%M:%S", &tm);
    return text;
}

/* Writes a whole message; `body` with '|' for SOH, ended by one. Returns its length. */
static inline uint32_t client_write(struct fix_client *c, char *out, const char *type,
                                    const char *body)
{
    char inner[6000];
    int n_inner, n;
    uint32_t sum = 0;

    n_inner = snprintf(inner, sizeof inner, "35=%s|34=%llu|49=%s|52=%s|56=%s|%s", type,
                       (unsigned long long)c->next_out++, c->name, utc_text(), c->venue, body);
    n = sprintf(out, "8=%s|9=%d|%s", c->begin, n_inner, inner);
    for (int i = 0; i < n; i++) {
        out[i] = out[i] == '|' ? '\001' : out[i];
        sum += (uint8_t)out[i];
    }
    return (uint32_t)(n + sprintf(out + n, "10=%03u\001", sum % 256));
}

static inline void client_put(struct fix_client *c, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t k = send(c->fd, bytes, n, MSG_NOSIGNAL);

        CHECK(k > 0 || errno == EAGAIN);
        if (k > 0) {
            bytes += k;
            n -= (size_t)k;
        }
        rl_serve_turn(serve, 0);
    }
}

static inline void client_say(struct fix_client *c, const char *type, const char *format, ...)
{
    char body[4096], message[8192];
    va_list args;

    va_start(args, format);
    vsnprintf(body, sizeof body, format, args);
    va_end(args);
    client_put(c, message, client_write(c, message, type, body));
}

/* The next message, '|' for SOH; NULL when the connection has ended. Waits for it. */
static inline const char *client_hear(struct fix_client *c)
{
    for (int turns = 0;; turns++) {
        char *end = NULL;
        ssize_t n;

        for (size_t i = 0; i + 7 <= c->n_in && !end; i++) {
            if (memcmp(c->in + i, "\00110=", 4) == 0 && i + 8 <= c->n_in)
                end = c->in + i + 8;
        }
        if (end) {
            size_t n_message = (size_t)(end - c->in);

            for (size_t i = 0; i < n_message; i++)
                c->heard[i] = c->in[i] == '\001' ? '|' : c->in[i];
            c->heard[n_message] = '\0';
            memmove(c->in, end, c->n_in - n_message);
            c->n_in -= n_message;
            return c->heard;
        }
        CHECK(turns < MAX_TURNS);
        n = recv(c->fd, c->in + c->n_in, sizeof c->in - c->n_in, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return NULL;
        if (n > 0)
            c->n_in += (size_t)n;
        else
            rl_serve_turn(serve, MS);
    }
}

/* The next message of that type; others are passed over. */
static inline const char *client_hear_a(struct fix_client *c, const char *type)
{
    char wanted[16];
    const char *m;

    snprintf(wanted, sizeof wanted, "|35=%s|", type);
    do {
        m = client_hear(c);
        if (!m) {
            fprintf(stderr, "ended while waiting for a %s\n", type);
            exit(1);
        }
    } while (!strstr(m, wanted));
    return m;
}

static inline bool says(const char *message, const char *field)
{
    char wanted[256];

    snprintf(wanted, sizeof wanted, "|%s|", field);
    return message && strstr(message, wanted);
}

#define CHECK_SAYS(message, field)                                                \
    do {                                                                          \
        if (!says(message, field)) {                                              \
            fprintf(stderr, "%s:%d: no '%s' in: %s\n", __FILE__, __LINE__, field, \
                    (message) ? (message) : "(ended)");                           \
            exit(1);                                                              \
        }                                                                         \
    } while (0)

static inline bool client_has_ended(struct fix_client *c)
{
    char byte;
    ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK);

    return n == 0 || (n < 0 && errno != EAGAIN);
}

static inline void client_logon(struct fix_client *c, const char *more)
{
    client_say(c, "A", "98=0|108=30|%s%s", strcmp(c->begin, "FIXT.1.1") == 0 ? "1137=9|" : "",
               more);
    CHECK_SAYS(client_hear(c), "35=A");
}

static inline void client_order(struct fix_client *c, const char *id, char side, int qty,
                                const char *px)
{
    client_say(c, "D", "11=%s|21=1|55=AAPL|54=%c|60=%s|38=%d|40=2|44=%s|59=0|", id, side,
               utc_text(), qty, px);
}

static inline void client_close(struct fix_client *c)
{
    close(c->fd);
    c->fd = -1;
}

#endif
