#include "net/port/port.h"

const char *const rl_port_counter_names[] = {
#define NAME(name, what) #name,
    RL_PORT_RX_COUNTERS(NAME) RL_PORT_TX_COUNTERS(NAME)
#undef NAME
        NULL,
};

const char *rl_stamp_name(enum rl_stamp stamp)
{
    static const char *const names[] = {
#define NAME(name, text) text,
        RL_STAMPS(NAME)
#undef NAME
    };

    return stamp < RL_N_STAMPS ? names[stamp] : "?";
}

struct rl_port_stats rl_port_stats_now(const struct rl_port *p)
{
#define READ_RX(name, what) .name = atomic_load_explicit(&p->rx.name, memory_order_relaxed),
#define READ_TX(name, what) .name = atomic_load_explicit(&p->tx.name, memory_order_relaxed),
    return (struct rl_port_stats){RL_PORT_RX_COUNTERS(READ_RX) RL_PORT_TX_COUNTERS(READ_TX)};
#undef READ_RX
#undef READ_TX
}

struct rl_port_stats rl_port_stats_ask(struct rl_port *p)
{
    if (p->ops->ask_kernel != NULL)
        p->ops->ask_kernel(p);
    return rl_port_stats_now(p);
}

void rl_port_close(struct rl_port *p)
{
    if (p != NULL && p->ops->close != NULL)
        p->ops->close(p);
}
