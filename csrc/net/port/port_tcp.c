#include "net/port/port_tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/checksum.h"
#include "net/port/port_socket.h"

#define N_BYTES 2048 /* of a message, when nothing is asked for */
#define N_SLOTS 256
#define CONNECT_MS 1000

enum state { WAITING, CONNECTED, ENDED };

struct tcp_port {
    struct rl_port port; /* first: the ops cast back */
    int fd;              /* the connection, or the listener while WAITING; port_socket.h */
    int listener;        /* -1: connected by itself */
    struct rl_arena arena;
    enum rl_accel accel;
    uint32_t n_bytes;          /* the longest message */
    rl_port_cut cut;           /* NULL: behind their lengths */
    uint32_t n_length;         /* bytes before each message */
    _Atomic uint32_t state;    /* enum state: receiving thread while WAITING, then either */
    RL_ALIGNED uint8_t *in;    /* receiving thread */
    uint32_t n_in_max, n_in;   /* bytes there */
    uint32_t n_read;           /* of them, bytes of messages handed out */
    RL_ALIGNED uint8_t *out;   /* sending thread */
    uint32_t n_out_max, n_out; /* bytes queued, lengths included */
    uint32_t n_frames_out;     /* messages that begin in them */
};

static enum state state_of(const struct tcp_port *t)
{
    /* T1: pairs with the release in accept_one - the descriptor is the connection's. */
    return (enum state)atomic_load_explicit(&t->state, memory_order_acquire);
}

static void enter(struct tcp_port *t, enum state state)
{
    /* T1: pairs with the acquire in state_of. */
    atomic_store_explicit(&t->state, (uint32_t)state, memory_order_release);
}

/* --- receiving -------------------------------------------------------------------------------- */

static void be_prompt(int fd)
{
    int one = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
}

static void accept_one(struct tcp_port *t)
{
    int fd = accept4(t->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    char why[RL_PORT_WHY];

    rl_port_count(&t->port.rx.rx_syscalls, 1);
    if (fd < 0)
        return;
    if (rl_accel_check(fd, t->accel, why, sizeof why) != 0) { /* not what was asked for */
        rl_port_count(&t->port.rx.rx_invalid, 1);
        close(fd);
        return;
    }
    be_prompt(fd);
    t->fd = fd;
    close(t->listener); /* who comes later is refused, and does not wait for nothing */
    t->listener = -1;
    enter(t, CONNECTED);
}

/* A message cut off, or what a reset threw away on its way. */
static void end_stream(struct tcp_port *t, bool is_reset)
{
    if (is_reset || t->n_in > t->n_read)
        rl_port_count(&t->port.rx.rx_invalid, 1);
    t->n_read = t->n_in;
    enter(t, ENDED);
}

static void read_more(struct tcp_port *t)
{
    ssize_t n;

    if (t->n_in == t->n_in_max)
        return; /* a release makes room */
    n = recv(t->fd, t->in + t->n_in, t->n_in_max - t->n_in, MSG_DONTWAIT);
    rl_port_count(&t->port.rx.rx_syscalls, 1);
    if (n > 0)
        t->n_in += (uint32_t)n;
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        end_stream(t, n < 0);
}

/* As next_frame, of messages that frame themselves. */
static bool next_cut(struct tcp_port *t, struct rl_frame *frame)
{
    uint32_t left = t->n_in - t->n_read;
    uint32_t n = left > 0 ? t->cut(t->in + t->n_read, left, t->n_bytes) : 0;

    if (n == 0)
        return false;
    frame->data = t->in + t->n_read;
    frame->n_bytes = n;
    t->n_read += n;
    return true;
}

/* The next whole message; false: there is none, or the stream has no shape any more. */
static bool next_frame(struct tcp_port *t, struct rl_frame *frame)
{
    uint32_t left = t->n_in - t->n_read, n;

    if (t->cut != NULL)
        return next_cut(t, frame);
    if (left < RL_TCP_LENGTH)
        return false;
    n = rl_net16(t->in + t->n_read);
    if (RL_UNLIKELY(n == 0 || n > t->n_bytes)) {
        end_stream(t, true); /* where the next message begins is anybody's guess */
        return false;
    }
    if (left < RL_TCP_LENGTH + n)
        return false;
    frame->data = t->in + t->n_read + RL_TCP_LENGTH;
    frame->n_bytes = n;
    t->n_read += RL_TCP_LENGTH + n;
    return true;
}

static uint32_t tcp_rx_burst(struct rl_port *p, struct rl_frame *frames, uint32_t max)
{
    struct tcp_port *t = (struct tcp_port *)p;
    enum state state = state_of(t);
    uint32_t n = 0;
    uint64_t n_bytes = 0;

    if (RL_UNLIKELY(state == WAITING))
        accept_one(t);
    while (n < max && next_frame(t, &frames[n]))
        n_bytes += frames[n++].n_bytes;
    if (n == 0 && max > 0 && state_of(t) == CONNECTED) {
        read_more(t);
        while (n < max && next_frame(t, &frames[n]))
            n_bytes += frames[n++].n_bytes;
    }
    if (n > 0) {
        rl_port_count(&p->rx.rx_frames, n);
        rl_port_count(&p->rx.rx_bytes, n_bytes);
    }
    return n;
}

/* What is left of a message goes to the front, so that the rest of it finds room. */
static void tcp_rx_release(struct rl_port *p)
{
    struct tcp_port *t = (struct tcp_port *)p;

    if (t->n_read == 0)
        return;
    memmove(t->in, t->in + t->n_read, t->n_in - t->n_read);
    t->n_in -= t->n_read;
    t->n_read = 0;
}

static void tcp_rx_wait(struct rl_port *p)
{
    struct tcp_port *t = (struct tcp_port *)p;

    enum state state = state_of(t);

    /* A connection that has ended can always be read: waiting for it would be spinning. */
    if (state == ENDED)
        (void)poll(NULL, 0, RL_SOCKET_WAIT_MS);
    else
        rl_socket_wait(state == WAITING ? t->listener : t->fd);
}

/* --- sending ---------------------------------------------------------------------------------- */

static void tcp_tx_flush(struct rl_port *p)
{
    struct tcp_port *t = (struct tcp_port *)p;
    uint32_t n_sent = 0;

    if (t->n_out == 0)
        return;
    while (n_sent < t->n_out && state_of(t) == CONNECTED) {
        ssize_t n = send(t->fd, t->out + n_sent, t->n_out - n_sent, MSG_DONTWAIT | MSG_NOSIGNAL);

        rl_port_count(&p->tx.tx_syscalls, 1);
        if (n > 0)
            n_sent += (uint32_t)n;
        /* NOLINTNEXTLINE(clang-analyzer-unix.Errno): some bytes are never sent as none */
        else if (errno == EAGAIN)
            break;
        else if (errno != EINTR)
            enter(t, ENDED);
    }
    if (state_of(t) == ENDED) { /* how much of it arrived cannot be known: all counts as lost */
        rl_port_count(&p->tx.tx_lost, t->n_frames_out);
        t->n_out = t->n_frames_out = 0;
        return;
    }
    memmove(t->out, t->out + n_sent, t->n_out - n_sent);
    t->n_out -= n_sent;
    if (t->n_out == 0)
        t->n_frames_out = 0;
}

static uint8_t *tcp_tx_reserve(struct rl_port *p, uint32_t n_bytes)
{
    struct tcp_port *t = (struct tcp_port *)p;

    if (RL_UNLIKELY(n_bytes > t->n_bytes)) {
        rl_port_count(&p->tx.tx_too_large, 1);
        return NULL;
    }
    if (t->n_out_max - t->n_out < t->n_length + n_bytes)
        tcp_tx_flush(p);
    if (RL_UNLIKELY(t->n_out_max - t->n_out < t->n_length + n_bytes || state_of(t) == WAITING)) {
        rl_port_count(&p->tx.tx_full, 1);
        return NULL;
    }
    return t->out + t->n_out + t->n_length;
}

static void tcp_tx_commit(struct rl_port *p, uint32_t n_bytes)
{
    struct tcp_port *t = (struct tcp_port *)p;

    if (n_bytes == 0)
        return;
    if (t->n_length > 0)
        rl_net16_put(t->out + t->n_out, (uint16_t)n_bytes);
    t->n_out += t->n_length + n_bytes;
    t->n_frames_out++;
    rl_port_count(&p->tx.tx_frames, 1);
    rl_port_count(&p->tx.tx_bytes, n_bytes);
}

/* --- life ------------------------------------------------------------------------------------- */

static void tcp_close(struct rl_port *p)
{
    struct tcp_port *t = (struct tcp_port *)p;
    struct rl_arena arena = t->arena;

    tcp_tx_flush(p);
    if (t->fd >= 0 && t->fd != t->listener)
        close(t->fd);
    if (t->listener >= 0)
        close(t->listener);
    rl_arena_close(&arena);
}

static const struct rl_port_ops tcp_ops = {
    .name = "tcp",
    .rx_burst = tcp_rx_burst,
    .rx_release = tcp_rx_release,
    .tx_reserve = tcp_tx_reserve,
    .tx_commit = tcp_tx_commit,
    .tx_flush = tcp_tx_flush,
    .close = tcp_close,
};
static const struct rl_port_ops tcp_blocking_ops = {
    .name = "tcp",
    .rx_burst = tcp_rx_burst,
    .rx_release = tcp_rx_release,
    .tx_reserve = tcp_tx_reserve,
    .tx_commit = tcp_tx_commit,
    .tx_flush = tcp_tx_flush,
    .rx_wait = tcp_rx_wait,
    .close = tcp_close,
};

static int connect_to(int fd, const struct rl_address *peer, char why[RL_PORT_WHY])
{
    struct pollfd one = {.fd = fd, .events = POLLOUT};
    int err = 0, n_ready;
    socklen_t n = sizeof err;

    if (connect(fd, &peer->at.any, peer->n_bytes) < 0) {
        if (errno != EINPROGRESS)
            return rl_socket_refused(why, "connect", peer, errno);
        do
            n_ready = poll(&one, 1, CONNECT_MS);
        while (n_ready < 0 && errno == EINTR);
        if (n_ready != 1)
            return rl_socket_refused(why, "connect", peer, ETIMEDOUT);
        (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n);
        if (err)
            return rl_socket_refused(why, "connect", peer, err);
    }
    be_prompt(fd);
    return 0;
}

static int set_up(struct tcp_port *t, const struct rl_port_config *c, char why[RL_PORT_WHY])
{
    int err = rl_socket_bind(t->fd, &c->local, why);

    if (err)
        return err;
    if (c->is_listener) {
        t->listener = t->fd;
        if (listen(t->fd, 1) < 0)
            return rl_socket_refused(why, "listen", &c->local, errno);
        return rl_accel_check(t->fd, c->accel, why, RL_PORT_WHY);
    }
    if (c->peer.n_bytes == 0) {
        snprintf(why, RL_PORT_WHY, "tcp: neither a listener nor a peer to connect to");
        return -EINVAL;
    }
    enter(t, CONNECTED);
    err = connect_to(t->fd, &c->peer, why);
    return err ? err : rl_accel_check(t->fd, c->accel, why, RL_PORT_WHY);
}

int rl_tcp_port_open(struct rl_port **port, const struct rl_port_config *c, char why[RL_PORT_WHY])
{
    uint32_t n_slots = c->n_slots ? c->n_slots : N_SLOTS;
    uint32_t n_bytes = c->n_bytes_frame ? c->n_bytes_frame : N_BYTES;
    size_t n_queue = (size_t)n_slots * (RL_TCP_LENGTH + n_bytes);
    struct rl_arena arena;
    struct tcp_port *t;
    bool is_polled;
    int fd, err;

    if (n_bytes > RL_TCP_FRAME_MAX || n_slots > 1 << 16 || n_queue > UINT32_MAX / 2) {
        snprintf(why, RL_PORT_WHY,
                 "tcp: a message has at most %u bytes, a port 65536 slots, all "
                 "of them below 2 GiB",
                 RL_TCP_FRAME_MAX);
        return -EINVAL;
    }
    fd = rl_socket_open(c, SOCK_STREAM, &is_polled, why);
    if (fd < 0)
        return fd;
    err = rl_arena_open(&arena, sizeof *t + 2 * n_queue + 4 * RL_CACHE_LINE, RL_ARENA_PREFAULT);
    if (err) {
        snprintf(why, RL_PORT_WHY, "tcp: no memory for %u messages", n_slots);
        close(fd);
        return err;
    }
    t = rl_arena_take(&arena, sizeof *t, 0);
    t->fd = fd;
    t->listener = -1;
    t->accel = c->accel;
    t->n_bytes = n_bytes;
    t->cut = c->cut;
    t->n_length = c->cut ? 0 : RL_TCP_LENGTH;
    t->n_in_max = t->n_out_max = (uint32_t)n_queue;
    t->in = rl_arena_take(&arena, n_queue, 0);
    t->out = rl_arena_take(&arena, n_queue, 0);
    t->port.ops = c->wait == RL_WAIT_BLOCK ? &tcp_blocking_ops : &tcp_ops;
    t->port.caps = (struct rl_port_caps){.n_bytes_frame_max = n_bytes, .needs_syscall = true};
    rl_socket_mode(t->port.caps.mode, c, is_polled, ", no delay", fd);
    err = t->in && t->out ? set_up(t, c, why) : -ENOMEM;
    if (err == -ENOMEM)
        snprintf(why, RL_PORT_WHY, "tcp: no memory for %u messages", n_slots);
    if (err) {
        close(fd);
        rl_arena_close(&arena);
        return err;
    }
    t->arena = arena;
    *port = &t->port;
    return 0;
}
