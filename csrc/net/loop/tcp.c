#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "net/loop/tcp_inner.h"

#define MIN_BUFFER 4096
#define MAX_BUFFER (1U << 30)
#define MAX_CONNECTIONS (1U << 20)

const char *const rl_tcp_counter_names[] = {
#define RL_TCP_NAME(name, what) #name,
    RL_TCP_COUNTERS(RL_TCP_NAME)
#undef RL_TCP_NAME
        NULL};

const char *rl_tcp_end_text(enum rl_tcp_end why)
{
    static const char *const texts[] = {
#define RL_TCP_TEXT(name, text) text,
        RL_TCP_ENDS(RL_TCP_TEXT)
#undef RL_TCP_TEXT
    };

    return why < RL_TCP_N_ENDS ? texts[why] : "?";
}

/* --- the slots -------------------------------------------------------------------------------- */

static void release(struct rl_tcp_conn *c)
{
    struct rl_tcp *t = c->tcp;
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    rl_deadlines_set(&t->deadlines, rl_tcp_their_deadline(c), RL_NEVER);
    rl_deadlines_set(&t->deadlines, rl_tcp_our_deadline(c), RL_NEVER);
    /* What he does not read must not stay in the kernel's memory either. */
    if (c->is_reset && c->watch.fd >= 0)
        setsockopt(c->watch.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    rl_loop_drop(&t->loop, &c->watch);
    c->state = RL_TCP_FREE;
    t->free[t->n_free++] = c->number;
}

static void drain_ready(struct rl_tcp_conn *c, uint32_t events)
{
    ssize_t n = 1;

    if (events & EPOLLOUT)
        rl_tcp_flush(c);
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        n = recv(c->watch.fd, c->rx, c->tcp->config.n_bytes_rx, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        release(c);
}

static void bury_all(struct rl_tcp *t);

static void conn_ready(struct rl_watch *w, uint32_t events)
{
    struct rl_tcp_conn *c = (struct rl_tcp_conn *)w;
    struct rl_tcp *t = c->tcp;

    switch (c->state) {
    case RL_TCP_CONNECTING:
        rl_tcp_connect_ready(c);
        break;
    case RL_TCP_OPEN:
        if (events & EPOLLOUT)
            rl_tcp_flush(c);
        if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
            if (rl_tcp_takes_bytes(c) && !c->is_again)
                rl_tcp_receive(c);
            else if (!c->is_again && (events & (EPOLLERR | EPOLLHUP)))
                rl_tcp_condemn(c, RL_TCP_PEER_RESET, 0);
        }
        break;
    case RL_TCP_DRAINING:
        drain_ready(c, events);
        break;
    default: /* ending: by another one, in this turn */
        break;
    }
    bury_all(t); /* before the next one, who may be the same peer, back again */
}

struct rl_tcp_conn *rl_tcp_adopt(struct rl_tcp *t, int fd, const struct rl_tcp_handler *handler,
                                 void *user, uint8_t state, const struct rl_address *peer)
{
    struct rl_tcp_conn *c = &t->conns[t->free[t->n_free - 1]];
    int err;

    *c = (struct rl_tcp_conn){.watch = {.ready = conn_ready, .fd = -1},
                              .tcp = t,
                              .handler = handler,
                              .user = user,
                              .rx = c->rx,
                              .tx = c->tx,
                              .number = c->number,
                              .state = state,
                              .peer = *peer,
                              .is_dirty = c->is_dirty,
                              .is_again = c->is_again};
    err = rl_loop_watch(&t->loop, &c->watch, fd,
                        state == RL_TCP_CONNECTING ? EPOLLOUT : (uint32_t)EPOLLIN);
    if (err) {
        c->state = RL_TCP_FREE;
        close(fd);
        errno = -err;
        return NULL;
    }
    t->n_free--;
    return c;
}

void rl_tcp_condemn(struct rl_tcp_conn *c, enum rl_tcp_end why, int error)
{
    if (c->state != RL_TCP_OPEN && c->state != RL_TCP_CONNECTING)
        return;
    c->state = RL_TCP_ENDING;
    c->why = (uint8_t)why;
    c->error = error;
    c->is_reset |= why == RL_TCP_SLOW_READER || why == RL_TCP_SEND_FULL;
    c->tcp->ending[c->tcp->n_ending++] = c->number;
}

/* --- ends ------------------------------------------------------------------------------------- */

void rl_tcp_end(struct rl_tcp_conn *c)
{
    rl_tcp_condemn(c, RL_TCP_ASKED, 0);
}

void rl_tcp_reset(struct rl_tcp_conn *c)
{
    rl_tcp_condemn(c, RL_TCP_ASKED, 0);
    if (c->state == RL_TCP_ENDING)
        c->is_reset = true;
}

void rl_tcp_deafen(struct rl_tcp_conn *c, bool is_deaf)
{
    c->is_deaf = is_deaf;
    if (c->state != RL_TCP_OPEN)
        return;
    rl_tcp_soil(c); /* what was put aside is sent, its deadline and its events are set */
    if (!is_deaf)
        rl_tcp_again(c);
}

/* Its handler is told; what was sent may leave when the end was our wish. */
static void bury(struct rl_tcp_conn *c)
{
    struct rl_tcp *t = c->tcp;
    bool drains = c->why == RL_TCP_ASKED && !c->is_reset && t->config.linger_ns > 0;

    t->n.closed++;
    t->n.ended[c->why]++;
    rl_deadlines_set(&t->deadlines, rl_tcp_their_deadline(c), RL_NEVER);
    rl_deadlines_set(&t->deadlines, rl_tcp_our_deadline(c), RL_NEVER);
    c->handler->closed(c->handler->context, c, (enum rl_tcp_end)c->why);
    if (!drains) {
        /* The last words for one who only closed his side: half a chance costs nothing. */
        if (c->why == RL_TCP_PEER_CLOSED && rl_tcp_unsent(c) > 0)
            rl_tcp_send_some(c);
        release(c);
        return;
    }
    c->state = RL_TCP_DRAINING;
    c->is_deaf = false;
    rl_deadlines_set(&t->deadlines, rl_tcp_our_deadline(c), t->loop.now_ns + t->config.linger_ns);
    rl_tcp_flush(c);
}

void rl_tcp_wake_at(struct rl_tcp_conn *c, uint64_t at_ns)
{
    if (c->state == RL_TCP_OPEN || c->state == RL_TCP_CONNECTING)
        rl_deadlines_set(&c->tcp->deadlines, rl_tcp_their_deadline(c), at_ns);
}

static void time_is_up(struct rl_tcp_conn *c)
{
    switch (c->state) {
    case RL_TCP_CONNECTING:
        rl_tcp_condemn(c, RL_TCP_CONNECT_FAILED, ETIMEDOUT);
        break;
    case RL_TCP_OPEN:
        c->is_stalling = false;
        rl_tcp_condemn(c, RL_TCP_SLOW_READER, 0);
        break;
    case RL_TCP_DRAINING:
        c->is_reset = rl_tcp_unsent(c) > 0;
        release(c);
        break;
    default:
        break;
    }
}

/* --- a turn ----------------------------------------------------------------------------------- */

static void call_due(struct rl_tcp *t)
{
    /* As many as there are now: one that sets itself a time in the past waits for the next turn. */
    for (uint32_t n = t->deadlines.n, thing; n > 0; n--) {
        struct rl_tcp_conn *c;

        if (!rl_deadlines_take(&t->deadlines, t->loop.now_ns, &thing))
            return;
        if (thing == rl_tcp_accept_deadline(t)) {
            rl_tcp_accept_on(t);
            continue;
        }
        c = &t->conns[thing / 2];
        if (thing % 2 == 1)
            time_is_up(c);
        else if (c->handler->due && c->state == RL_TCP_OPEN)
            c->handler->due(c->handler->context, c);
    }
}

static void call_again(struct rl_tcp *t)
{
    uint32_t *now = t->again, n = t->n_again;

    t->again = t->again_next; /* who asks from here on is called in the next turn */
    t->again_next = now;
    t->n_again = 0;
    for (uint32_t i = 0; i < n; i++) {
        t->conns[now[i]].is_again = false;
        rl_tcp_deliver(&t->conns[now[i]]);
    }
}

/* No handler is at work now. As many as there are: what ends by that is for later. */
static void bury_all(struct rl_tcp *t)
{
    for (uint32_t n = t->n_ending; n > 0; n--)
        bury(&t->conns[t->ending[--t->n_ending]]);
}

static void finish(struct rl_tcp *t)
{
    bury_all(t);
    while (t->n_dirty > 0) { /* flushing tells nobody anything, so this ends */
        struct rl_tcp_conn *c = &t->conns[t->dirty[--t->n_dirty]];

        c->is_dirty = false;
        rl_tcp_flush(c);
    }
}

bool rl_tcp_turn(struct rl_tcp *t, uint64_t timeout_ns)
{
    bool is_busy = t->config.spins || (t->n_again | t->n_ending | t->n_dirty) != 0;
    uint64_t next_ns = rl_deadlines_next(&t->deadlines), now_ns;
    int n_ready;

    if (is_busy) {
        timeout_ns = 0;
    } else if (next_ns != RL_NEVER) {
        now_ns = rl_loop_clock_ns();
        next_ns = next_ns > now_ns ? next_ns - now_ns : 0;
        timeout_ns = next_ns < timeout_ns ? next_ns : timeout_ns;
    }
    call_again(t);
    n_ready = rl_loop_turn(&t->loop, timeout_ns);
    call_due(t);
    if (t->config.work)
        t->config.work(t->config.context);
    finish(t);
    t->n.turns++;
    return n_ready > 0 || (is_busy && !t->config.spins);
}

/* --- all of it -------------------------------------------------------------------------------- */

static bool is_size(uint32_t n)
{
    return n >= MIN_BUFFER && n <= MAX_BUFFER && (n & (n - 1)) == 0;
}

static bool is_sound(const struct rl_tcp_config *config)
{
    return config->n_connections > 0 && config->n_connections <= MAX_CONNECTIONS &&
           is_size(config->n_bytes_rx) && is_size(config->n_bytes_tx);
}

size_t rl_tcp_bytes(const struct rl_tcp_config *config)
{
    size_t n = config->n_connections;

    return n * (sizeof(struct rl_tcp_conn) + config->n_bytes_rx + config->n_bytes_tx) +
           5 * (n * sizeof(uint32_t) + RL_CACHE_LINE) +
           config->n_listeners * sizeof(struct rl_tcp_listener) +
           rl_deadlines_bytes(2 * config->n_connections + 1) + 4 * RL_CACHE_LINE;
}

static int take_memory(struct rl_tcp *t, struct rl_arena *arena)
{
    const struct rl_tcp_config *config = &t->config;
    size_t n = config->n_connections;
    uint8_t *rx = rl_arena_take(arena, n * config->n_bytes_rx, 0);
    uint8_t *tx = rl_arena_take(arena, n * config->n_bytes_tx, 0);
    uint32_t **lists[] = {&t->free, &t->dirty, &t->again, &t->again_next, &t->ending};

    t->conns = rl_arena_take(arena, n * sizeof *t->conns, 0);
    t->listeners = rl_arena_take(arena, config->n_listeners * sizeof *t->listeners, 0);
    if (!rx || !tx || !t->conns || !t->listeners)
        return -ENOMEM;
    for (size_t i = 0; i < RL_COUNT(lists); i++) {
        *lists[i] = rl_arena_take(arena, n * sizeof **lists[i], 0);
        if (!*lists[i])
            return -ENOMEM;
    }
    for (uint32_t i = config->n_connections; i-- > 0;) { /* the first ones are taken first */
        t->conns[i] = (struct rl_tcp_conn){.watch.fd = -1,
                                           .number = i,
                                           .rx = rx + (size_t)i * config->n_bytes_rx,
                                           .tx = tx + (size_t)i * config->n_bytes_tx};
        t->free[t->n_free++] = i;
    }
    return rl_deadlines_init(&t->deadlines, arena, 2 * config->n_connections + 1);
}

int rl_tcp_open(struct rl_tcp *t, struct rl_arena *arena, const struct rl_tcp_config *config)
{
    int err;

    *t = (struct rl_tcp){.config = *config, .spare_fd = -1, .loop.epoll_fd = -1};
    t->loop.waker.fd = -1;
    if (!is_sound(config))
        return -EINVAL;
    err = take_memory(t, arena);
    if (!err)
        err = rl_loop_open(&t->loop);
    if (err) {
        t->conns = NULL; /* may be rubbish */
        return err;
    }
    t->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return 0;
}

void rl_tcp_close(struct rl_tcp *t)
{
    rl_tcp_stop_listening(t);
    for (uint32_t i = 0; t->conns && i < t->config.n_connections; i++)
        rl_loop_drop(&t->loop, &t->conns[i].watch);
    rl_loop_close(&t->loop);
    if (t->spare_fd >= 0)
        close(t->spare_fd);
    t->spare_fd = -1;
    t->n_listeners = 0;
}
