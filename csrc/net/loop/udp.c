#include "net/loop/udp.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

const char *const rl_udp_counter_names[] = {
#define RL_UDP_NAME(name, what) #name,
    RL_UDP_COUNTERS(RL_UDP_NAME)
#undef RL_UDP_NAME
        NULL};

struct rl_udp_batch {
    struct mmsghdr messages[RL_UDP_BATCH];
    struct iovec pieces[RL_UDP_BATCH];
    struct rl_address from[RL_UDP_BATCH];
    uint8_t *bytes; /* RL_UDP_BATCH times the longest datagram */
};

static size_t batch_bytes(const struct rl_udp_config *config)
{
    return sizeof(struct rl_udp_batch) + (size_t)RL_UDP_BATCH * config->n_bytes_datagram +
           2 * RL_CACHE_LINE;
}

size_t rl_udp_bytes(const struct rl_udp_config *config)
{
    return 2 * batch_bytes(config);
}

static struct rl_udp_batch *take_batch(struct rl_udp *u, struct rl_arena *arena)
{
    uint32_t n_bytes = u->config.n_bytes_datagram;
    struct rl_udp_batch *b = rl_arena_take(arena, sizeof *b, 0);
    uint8_t *bytes = rl_arena_take(arena, (size_t)RL_UDP_BATCH * n_bytes, 0);

    if (!b || !bytes)
        return NULL;
    b->bytes = bytes;
    for (uint32_t i = 0; i < RL_UDP_BATCH; i++) {
        b->pieces[i] = (struct iovec){bytes + (size_t)i * n_bytes, n_bytes};
        b->messages[i].msg_hdr.msg_iov = &b->pieces[i];
        b->messages[i].msg_hdr.msg_iovlen = 1;
    }
    return b;
}

/* One batch a turn: the others of the loop get theirs before the next one. */
static void udp_ready(struct rl_watch *w, uint32_t events)
{
    struct rl_udp *u = (struct rl_udp *)w;
    struct rl_udp_batch *b = u->in;
    int n;

    (void)events;
    for (uint32_t i = 0; i < RL_UDP_BATCH; i++) {
        b->messages[i].msg_hdr.msg_name = &b->from[i].at;
        b->messages[i].msg_hdr.msg_namelen = sizeof b->from[i].at;
    }
    n = recvmmsg(w->fd, b->messages, RL_UDP_BATCH, MSG_DONTWAIT, NULL);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        u->n.errors++; /* ECONNREFUSED of an earlier datagram: read away by this call */
    for (int i = 0; i < n && u->watch.fd >= 0; i++) {
        struct msghdr *h = &b->messages[i].msg_hdr;
        uint32_t n_bytes = b->messages[i].msg_len;

        u->n.received++;
        u->n.bytes_in += n_bytes;
        b->from[i].n_bytes = h->msg_namelen;
        if (h->msg_flags & MSG_TRUNC) {
            u->n.too_long++;
            continue;
        }
        u->config.received(u->config.context, u, b->pieces[i].iov_base, n_bytes, &b->from[i]);
    }
}

static int set(int fd, int level, int option, const void *value, size_t n)
{
    return setsockopt(fd, level, option, value, (socklen_t)n) < 0 ? -errno : 0;
}

static int join(const struct rl_udp_config *config, int fd)
{
    struct ip_mreq group = {.imr_multiaddr = config->bind.at.v4.sin_addr};

    if (config->bind.at.any.sa_family != AF_INET)
        return -EAFNOSUPPORT;
    group.imr_interface.s_addr = config->interface.n_bytes ? config->interface.at.v4.sin_addr.s_addr
                                                           : htonl(INADDR_LOOPBACK);
    return set(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group);
}

/* Groups are sent to through one interface, and heard on this machine too. */
static int send_to_group(const struct rl_udp_config *config, int fd)
{
    struct in_addr from = {htonl(INADDR_LOOPBACK)};

    if (config->to.at.any.sa_family != AF_INET)
        return -EAFNOSUPPORT;
    if (config->interface.n_bytes)
        from = config->interface.at.v4.sin_addr;
    return set(fd, IPPROTO_IP, IP_MULTICAST_IF, &from, sizeof from);
}

static int set_up(struct rl_udp *u, int fd)
{
    const struct rl_udp_config *config = &u->config;
    int one = 1, err = 0;

    if (config->n_bytes_socket) { /* what is above the system's limit is cut to it */
        set(fd, SOL_SOCKET, SO_RCVBUF, &config->n_bytes_socket, sizeof(int));
        set(fd, SOL_SOCKET, SO_SNDBUF, &config->n_bytes_socket, sizeof(int));
    }
    if (rl_address_is_multicast(&config->bind)) {
        err = set(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one); /* a group has many readers */
        if (!err)
            err = join(config, fd);
    }
    if (!err && rl_address_is_multicast(&config->to))
        err = send_to_group(config, fd);
    if (!err && config->bind.n_bytes && bind(fd, &config->bind.at.any, config->bind.n_bytes) < 0)
        err = -errno;
    if (!err && config->to.n_bytes && connect(fd, &config->to.at.any, config->to.n_bytes) < 0)
        err = -errno;
    return err ? err : rl_address_of(&u->address, fd);
}

int rl_udp_open(struct rl_udp *u, struct rl_loop *loop, struct rl_arena *arena,
                const struct rl_udp_config *config)
{
    const struct rl_address *of = config->bind.n_bytes ? &config->bind : &config->to;
    int fd, err;

    *u = (struct rl_udp){.watch = {.ready = udp_ready, .fd = -1}, .loop = loop, .config = *config};
    if (of->n_bytes == 0 || config->n_bytes_datagram == 0 ||
        config->n_bytes_datagram > RL_UDP_MAX_BYTES || (config->received && !loop))
        return -EINVAL;
    u->out = take_batch(u, arena);
    u->in = config->received ? take_batch(u, arena) : NULL;
    if (!u->out || (config->received && !u->in))
        return -ENOMEM;
    fd = socket(of->at.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    err = set_up(u, fd);
    if (!err && config->received)
        err = rl_loop_watch(loop, &u->watch, fd, EPOLLIN);
    if (err) {
        close(fd);
        return err;
    }
    u->watch.fd = fd;
    return 0;
}

void rl_udp_close(struct rl_udp *u)
{
    if (u->watch.fd < 0)
        return;
    if (u->config.received) {
        rl_loop_drop(u->loop, &u->watch);
        return;
    }
    close(u->watch.fd);
    u->watch.fd = -1;
}

static bool count_sent(struct rl_udp *u, ssize_t n)
{
    if (n < 0) {
        u->n.lost++;
        return false;
    }
    u->n.sent++;
    u->n.bytes_out += (uint64_t)n;
    return true;
}

bool rl_udp_send(struct rl_udp *u, const void *bytes, uint32_t n_bytes)
{
    ssize_t n = send(u->watch.fd, bytes, n_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);

    /* An ICMP answer to an earlier datagram is told once, and this one was not tried. */
    if (n < 0 && errno == ECONNREFUSED) {
        u->n.errors++;
        n = send(u->watch.fd, bytes, n_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    return count_sent(u, n);
}

bool rl_udp_send_to(struct rl_udp *u, const struct rl_address *to, const void *bytes,
                    uint32_t n_bytes)
{
    return count_sent(u, sendto(u->watch.fd, bytes, n_bytes, MSG_DONTWAIT | MSG_NOSIGNAL,
                                &to->at.any, to->n_bytes));
}

void rl_udp_queue(struct rl_udp *u, const void *bytes, uint32_t n_bytes)
{
    struct iovec *piece = &u->out->pieces[u->n_queued];

    if (n_bytes > u->config.n_bytes_datagram) {
        u->n.lost++;
        return;
    }
    memcpy(piece->iov_base, bytes, n_bytes);
    piece->iov_len = n_bytes;
    if (++u->n_queued == RL_UDP_BATCH)
        rl_udp_flush(u);
}

void rl_udp_flush(struct rl_udp *u)
{
    uint32_t i = 0;
    bool was_told = false;

    while (i < u->n_queued) {
        int n = sendmmsg(u->watch.fd, u->out->messages + i, u->n_queued - i,
                         MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == ECONNREFUSED && !was_told) { /* see rl_udp_send */
            u->n.errors++;
            was_told = true;
            continue;
        }
        if (n <= 0) { /* this one; the others may be taken */
            u->n.lost++;
            i++;
            continue;
        }
        for (int k = 0; k < n; k++)
            count_sent(u, (ssize_t)u->out->pieces[i + (uint32_t)k].iov_len);
        was_told = false;
        i += (uint32_t)n;
    }
    u->n_queued = 0;
}
