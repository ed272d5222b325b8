/*
 * tcp_peers - a server whose handler echoes and notes what happened, and raw sockets to it.
 */
#ifndef RL_TESTS_TCP_PEERS_H
#define RL_TESTS_TCP_PEERS_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "net/loop/tcp.h"

#define MS 1000000ULL
#define MAX_TURNS 20000 /* of at most 5 ms: a promise that is not kept by then is broken */

struct noted {
    uint32_t n_opened, n_closed, n_due;
    uint32_t ended[RL_TCP_N_ENDS];
    struct rl_tcp_conn *last; /* opened */
    int error;                /* of the last one closed */
    uint64_t n_received;
    bool is_silent;   /* does not echo */
    uint32_t n_lines; /* ends of lines; with takes_lines, only whole lines are taken */
    bool takes_lines;
    uint32_t most; /* bytes shown at once */
};

static struct rl_arena peers_arena;
static struct rl_tcp server;
static struct rl_address server_at;
static struct noted noted;

static void note_opened(void *context, struct rl_tcp_conn *c)
{
    struct noted *n = context;

    n->n_opened++;
    n->last = c;
}

static uint32_t note_received(void *context, struct rl_tcp_conn *c, const uint8_t *bytes,
                              uint32_t n_bytes)
{
    struct noted *n = context;
    uint32_t taken = 0;

    if (n_bytes > n->most)
        n->most = n_bytes;
    while (taken < n_bytes && !rl_tcp_is_choked(c)) {
        uint32_t piece = n_bytes - taken < 512 ? n_bytes - taken : 512;

        if (n->takes_lines) {
            const uint8_t *end = memchr(bytes + taken, '\n', n_bytes - taken);

            if (!end)
                break;
            piece = (uint32_t)(end + 1 - (bytes + taken));
            n->n_lines++;
        }
        if (!n->is_silent && !rl_tcp_send(c, bytes + taken, piece))
            return taken;
        taken += piece;
    }
    n->n_received += taken;
    return taken;
}

static void note_due(void *context, struct rl_tcp_conn *c)
{
    (void)c;
    ((struct noted *)context)->n_due++;
}

static void note_closed(void *context, struct rl_tcp_conn *c, enum rl_tcp_end why)
{
    struct noted *n = context;

    n->n_closed++;
    n->ended[why]++;
    n->error = c->error;
    CHECK(!rl_tcp_send(c, "x", 1)); /* too late, and harmless */
}

static const struct rl_tcp_handler note_handler = {note_opened, note_received, note_due,
                                                   note_closed, &noted};

static inline void open_server(struct rl_tcp_config config)
{
    struct rl_address any;

    memset(&noted, 0, sizeof noted);
    if (config.n_connections == 0)
        config.n_connections = 8;
    if (config.n_bytes_rx == 0)
        config.n_bytes_rx = 4096;
    if (config.n_bytes_tx == 0)
        config.n_bytes_tx = 65536;
    if (config.linger_ns == 0)
        config.linger_ns = 5000 * MS;
    config.n_listeners = 2;
    CHECK_EQ(rl_arena_open(&peers_arena, rl_tcp_bytes(&config), 0), 0);
    CHECK_EQ(rl_tcp_open(&server, &peers_arena, &config), 0);
    CHECK_EQ(rl_address_read(&any, ":0"), 0);
    CHECK_EQ(rl_tcp_listen(&server, &any, &note_handler, &server_at), 0);
    CHECK(rl_address_port(&server_at) != 0);
}

static inline void close_server(void)
{
    rl_tcp_close(&server);
    rl_arena_close(&peers_arena);
}

/* A raw client: blocking, never longer than the test may last. */
static inline int client_with(int n_bytes_buffer)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0);
    if (n_bytes_buffer > 0)
        CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &n_bytes_buffer, sizeof n_bytes_buffer), 0);
    CHECK_EQ(connect(fd, &server_at.at.any, server_at.n_bytes), 0);
    CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static inline int client(void)
{
    return client_with(0);
}

/* Turns until it is true; a condition that never comes true fails the test. */
#define TURN_UNTIL(condition)                         \
    do {                                              \
        int turns = 0;                                \
        while (!(condition)) {                        \
            CHECK(++turns < MAX_TURNS && #condition); \
            rl_tcp_turn(&server, 5 * MS);             \
        }                                             \
    } while (0)

/* Turns until nothing is left to do. */
static inline void settle(void)
{
    for (int quiet = 0, turns = 0; quiet < 3; turns++) {
        CHECK(turns < MAX_TURNS);
        quiet = rl_tcp_turn(&server, 0) ? 0 : quiet + 1;
    }
}

static inline void put(int fd, const void *bytes, size_t n)
{
    CHECK_EQ(send(fd, bytes, n, MSG_NOSIGNAL), n);
}

/* What arrives, until n bytes are here or the connection ends; the server turns meanwhile. */
static inline size_t get(int fd, void *bytes, size_t n)
{
    size_t got = 0;

    for (int turns = 0; got < n; turns++) {
        ssize_t k = recv(fd, (char *)bytes + got, n - got, 0);

        CHECK(turns < MAX_TURNS);
        if (k > 0)
            got += (size_t)k;
        else if (k == 0 || errno != EAGAIN)
            break;
        else
            rl_tcp_turn(&server, MS);
    }
    return got;
}

/* True once the connection has ended for him, by FIN or reset. */
static inline bool has_ended(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, MSG_PEEK);

    return n == 0 || (n < 0 && errno != EAGAIN);
}

static inline void cut(int fd) /* with a reset */
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    close(fd);
}

#endif
