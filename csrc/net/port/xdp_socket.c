#include "net/port/xdp_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69 /* Linux 5.11 */
#define SO_BUSY_POLL_BUDGET 70
#endif

#define BUSY_POLL_US 20
#define BUSY_POLL_BUDGET 64 /* frames of one poll, as a NIC's NAPI has */
#define SEND_BUFFER_BYTES (4 << 20)

static int refuse(char *why, const char *name, const char *what)
{
    int err = -errno;
    const char *remedy = "";

    if (err == -EPERM)
        remedy = " (needs CAP_NET_RAW)";
    else if (err == -ENOBUFS)
        remedy = " (needs CAP_IPC_LOCK, or a larger ulimit -l)";
    else if (err == -EAFNOSUPPORT)
        remedy = " (the kernel was built without XDP_SOCKETS)";
    snprintf(why, RL_PORT_WHY, "%s: afxdp: %s: %s%s", name, what, strerror(-err), remedy);
    return err;
}

/* Where a ring lies in its mapping, and how it is asked for. */
struct ring_plan {
    struct rl_xdp_ring *ring;
    int option;
    off_t page;
    size_t n_bytes_entry;
    struct xdp_ring_offset *at;
};

static int map_ring(int fd, const struct ring_plan *plan, uint32_t n_slots)
{
    struct rl_xdp_ring *ring = plan->ring;
    uint8_t *map;

    ring->n_map_bytes = plan->at->desc + n_slots * plan->n_bytes_entry;
    map = mmap(NULL, ring->n_map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
               plan->page);
    if (map == MAP_FAILED)
        return -1;
    ring->map = map;
    ring->producer = (_Atomic uint32_t *)(map + plan->at->producer);
    ring->consumer = (_Atomic uint32_t *)(map + plan->at->consumer);
    ring->flags = (const _Atomic uint32_t *)(map + plan->at->flags);
    ring->entries = map + plan->at->desc;
    ring->mask = n_slots - 1;
    return 0;
}

static int open_rings(struct rl_xdp_socket *s, uint32_t n_slots)
{
    struct xdp_mmap_offsets offsets;
    socklen_t n_bytes = sizeof(offsets);
    const struct ring_plan plans[] = {
        {&s->fill, XDP_UMEM_FILL_RING, (off_t)XDP_UMEM_PGOFF_FILL_RING, sizeof(uint64_t),
         &offsets.fr},
        {&s->done, XDP_UMEM_COMPLETION_RING, (off_t)XDP_UMEM_PGOFF_COMPLETION_RING,
         sizeof(uint64_t), &offsets.cr},
        {&s->rx, XDP_RX_RING, XDP_PGOFF_RX_RING, sizeof(struct xdp_desc), &offsets.rx},
        {&s->tx, XDP_TX_RING, (off_t)XDP_PGOFF_TX_RING, sizeof(struct xdp_desc), &offsets.tx},
    };

    for (uint32_t i = 0; i < RL_COUNT(plans); i++)
        if (setsockopt(s->fd, SOL_XDP, plans[i].option, &n_slots, sizeof(n_slots)) != 0)
            return -1;
    if (getsockopt(s->fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &n_bytes) != 0)
        return -1;
    if (n_bytes != sizeof(offsets)) { /* the shorter answer of a kernel without wakeup flags */
        errno = EOPNOTSUPP;
        return -1;
    }
    for (uint32_t i = 0; i < RL_COUNT(plans); i++)
        if (map_ring(s->fd, &plans[i], n_slots) != 0)
            return -1;
    return 0;
}

/* Before the socket is bound: the first frame that arrives finds a place. */
static void fill(struct rl_xdp_socket *s, const struct rl_xdp_memory *memory)
{
    for (uint32_t i = 0; i < memory->n_slots; i++)
        *rl_xdp_address(&s->fill, i) = (uint64_t)i * memory->n_bytes_chunk;
    rl_xdp_publish(s->fill.producer, memory->n_slots);
}

static int set_up(struct rl_xdp_socket *s, const struct rl_xdp_memory *memory, const char *name,
                  char *why)
{
    struct xdp_umem_reg umem = {
        .addr = (uintptr_t)memory->umem,
        .len = memory->n_bytes,
        .chunk_size = memory->n_bytes_chunk,
    };
    int n_bytes = SEND_BUFFER_BYTES;

    if (setsockopt(s->fd, SOL_XDP, XDP_UMEM_REG, &umem, sizeof(umem)) != 0)
        return refuse(why, name, "cannot register memory");
    if (open_rings(s, memory->n_slots) != 0)
        return refuse(why, name, "no rings");
    fill(s, memory);
    /* Copy modes queue in it what a NIC has not sent yet. */
    if (setsockopt(s->fd, SOL_SOCKET, SO_SNDBUFFORCE, &n_bytes, sizeof(n_bytes)) != 0)
        setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &n_bytes, sizeof(n_bytes)); /* as far as allowed */
    return 0;
}

int rl_xdp_socket_open(struct rl_xdp_socket *s, const struct rl_xdp_memory *memory,
                       const char *name, char why[RL_PORT_WHY])
{
    int err;

    *s = (struct rl_xdp_socket){.fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0)};
    if (s->fd < 0)
        return refuse(why, name, "no socket");
    err = set_up(s, memory, name, why);
    if (err)
        rl_xdp_socket_close(s);
    return err;
}

static int set(int fd, int option, int value)
{
    return setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value)) == 0 ? 0 : -errno;
}

int rl_xdp_socket_busy_poll(struct rl_xdp_socket *s)
{
    int err = set(s->fd, SO_PREFER_BUSY_POLL, 1);

    if (err == 0)
        err = set(s->fd, SO_BUSY_POLL, BUSY_POLL_US);
    if (err == 0)
        err = set(s->fd, SO_BUSY_POLL_BUDGET, BUSY_POLL_BUDGET);
    return err;
}

int rl_xdp_socket_bind(struct rl_xdp_socket *s, uint32_t ifindex, uint32_t queue, uint16_t how)
{
    struct sockaddr_xdp at = {
        .sxdp_family = AF_XDP,
        .sxdp_flags = how | XDP_USE_NEED_WAKEUP,
        .sxdp_ifindex = ifindex,
        .sxdp_queue_id = queue,
    };

    return bind(s->fd, (struct sockaddr *)&at, sizeof(at)) == 0 ? 0 : -errno;
}

bool rl_xdp_socket_is_zero_copy(const struct rl_xdp_socket *s)
{
    struct xdp_options options = {0};
    socklen_t n_bytes = sizeof(options);

    return getsockopt(s->fd, SOL_XDP, XDP_OPTIONS, &options, &n_bytes) == 0 &&
           (options.flags & XDP_OPTIONS_ZEROCOPY) != 0;
}

void rl_xdp_socket_close(struct rl_xdp_socket *s)
{
    struct rl_xdp_ring *rings[] = {&s->fill, &s->done, &s->rx, &s->tx};

    for (uint32_t i = 0; i < RL_COUNT(rings); i++) {
        if (rings[i]->map != NULL)
            munmap(rings[i]->map, rings[i]->n_map_bytes);
        rings[i]->map = NULL;
    }
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}
