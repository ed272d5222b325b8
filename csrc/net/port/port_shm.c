#include "net/port/port_shm.h"

#include <errno.h>

#include "base/mem.h"

static uint32_t shm_rx_burst(struct rl_port *p, struct rl_frame *frames, uint32_t max)
{
    struct rl_shm_port *shm = (struct rl_shm_port *)p;
    uint32_t n = 0;
    uint64_t n_bytes = 0;

    while (n < max) {
        frames[n].data = rl_record_ring_next(shm->rx, &frames[n].n_bytes);
        if (frames[n].data == NULL)
            break;
        n_bytes += frames[n++].n_bytes;
    }
    if (n > 0) {
        rl_port_count(&p->rx.rx_frames, n);
        rl_port_count(&p->rx.rx_bytes, n_bytes);
    }
    return n;
}

static void shm_rx_release(struct rl_port *p)
{
    rl_record_ring_release(((struct rl_shm_port *)p)->rx);
}

static uint8_t *shm_tx_reserve(struct rl_port *p, uint32_t n_bytes)
{
    struct rl_record_ring *tx = ((struct rl_shm_port *)p)->tx;
    uint8_t *frame = rl_record_ring_claim(tx, n_bytes);

    if (RL_UNLIKELY(frame == NULL)) {
        bool too_large = n_bytes > rl_record_ring_max(tx);

        rl_port_count(too_large ? &p->tx.tx_too_large : &p->tx.tx_full, 1);
    }
    return frame;
}

static void shm_tx_commit(struct rl_port *p, uint32_t n_bytes)
{
    rl_record_ring_commit(((struct rl_shm_port *)p)->tx, n_bytes);
    rl_port_count(&p->tx.tx_frames, 1);
    rl_port_count(&p->tx.tx_bytes, n_bytes);
}

static const struct rl_port_ops shm_ops = {
    .name = "shm",
    .rx_burst = shm_rx_burst,
    .rx_release = shm_rx_release,
    .tx_reserve = shm_tx_reserve,
    .tx_commit = shm_tx_commit,
};

int rl_cable_open(struct rl_cable *cable, struct rl_arena *arena, uint64_t n_bytes_each_way)
{
    for (int i = 0; i < 2; i++) {
        void *bytes = rl_arena_take(arena, n_bytes_each_way, RL_RING_APART);
        int err;

        if (bytes == NULL)
            return -ENOMEM;
        err = rl_record_ring_init(&cable->ring[i], bytes, n_bytes_each_way);
        if (err)
            return err;
    }
    for (int i = 0; i < 2; i++) {
        cable->shm[i] = (struct rl_shm_port){
            .port.ops = &shm_ops,
            .port.caps = {.n_bytes_frame_max = rl_record_ring_max(&cable->ring[i]),
                          .zero_copy_rx = true,
                          .zero_copy_tx = true},
            .rx = &cable->ring[1 - i],
            .tx = &cable->ring[i],
        };
        cable->end[i] = &cable->shm[i].port;
    }
    return 0;
}
