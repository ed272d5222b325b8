#include "net/port.h"

struct rl_port_stats rl_port_stats_now(const struct rl_port *p)
{
#define READ(side, name) .name = atomic_load_explicit(&p->side.name, memory_order_relaxed)
    return (struct rl_port_stats){
        READ(rx, rx_frames), READ(rx, rx_bytes), READ(tx, tx_frames),
        READ(tx, tx_bytes),  READ(tx, tx_full),  READ(tx, tx_too_large),
    };
#undef READ
}
