#include "rig/exchange/ouch_desk.h"

#include <errno.h>

static void on_message(void *context, const uint8_t *message, uint32_t n_bytes)
{
    struct rl_ouch_seat *seat = context;

    rl_ouch_gateway_message(seat->desk->gateway, seat->member, message, n_bytes,
                            seat->desk->utc_ns);
}

static void on_news(void *context, enum rl_ouch_port_news news)
{
    struct rl_ouch_seat *seat = context;

    if (news == RL_OUCH_PORT_IS_UP)
        rl_ouch_gateway_connect(seat->desk->gateway, seat->member);
    else
        rl_ouch_gateway_disconnect(seat->desk->gateway, seat->member, seat->desk->utc_ns);
}

void rl_ouch_desk_send(void *desk, uint32_t member, const uint8_t *message, uint32_t n_bytes)
{
    struct rl_ouch_desk *d = desk;
    struct rl_ouch_seat *seat;

    if (!rl_ouch_desk_has(d, member))
        return;
    seat = &d->seats[d->seat_of[member] - 1];
    if (RL_UNLIKELY(!rl_ouch_port_send(&seat->link, message, n_bytes)))
        seat->is_lost |= rl_ouch_port_is_up(&seat->link);
}

/* Other seats were told things by a seat's orders: these leave now, not a turn later. */
static bool flush(struct rl_ouch_desk *d, uint64_t monotonic_ns)
{
    bool was_busy = false;

    for (uint32_t i = 0; i < d->n_seats; i++) {
        struct rl_ouch_seat *seat = &d->seats[i];

        rl_ouch_port_flush(&seat->link);
        if (RL_LIKELY(!seat->is_lost))
            continue;
        seat->is_lost = false;
        d->n_dropped++;
        rl_ouch_port_close(&seat->link, monotonic_ns);
        was_busy = true;
    }
    return was_busy;
}

bool rl_ouch_desk_turn(struct rl_ouch_desk *d, uint64_t monotonic_ns, uint64_t utc_ns)
{
    bool was_busy = false;

    d->utc_ns = utc_ns;
    for (uint32_t i = 0; i < d->n_seats; i++)
        was_busy |= rl_ouch_port_turn(&d->seats[i].link, monotonic_ns);
    return flush(d, monotonic_ns) || was_busy;
}

int rl_ouch_desk_seat(struct rl_ouch_desk *d, struct rl_arena *arena, struct rl_port *port,
                      const struct rl_ouch_port_config *link,
                      const struct rl_ouch_member_config *member)
{
    struct rl_ouch_port_config config = *link;
    struct rl_ouch_seat *seat = &d->seats[d->n_seats];
    int err, number;

    if (d->n_seats == d->n_seats_max)
        return -ENOSPC;
    config.is_client = false;
    err = rl_ouch_port_init(&seat->link, arena, &config, port,
                            &(struct rl_ouch_port_handlers){on_message, on_news, seat});
    if (err)
        return err;
    number = rl_ouch_gateway_join(d->gateway, member);
    if (number < 0)
        return number;
    seat->desk = d;
    seat->member = (uint32_t)number;
    seat->is_lost = false;
    d->seat_of[number] = ++d->n_seats;
    rl_ouch_gateway_disconnect(d->gateway, seat->member, d->utc_ns);
    return (int)d->n_seats - 1;
}

size_t rl_ouch_desk_bytes(uint32_t n_seats, uint32_t n_members)
{
    return n_seats * sizeof(struct rl_ouch_seat) + n_members * sizeof(uint32_t) + 2 * RL_CACHE_LINE;
}

int rl_ouch_desk_init(struct rl_ouch_desk *d, struct rl_arena *arena,
                      struct rl_ouch_gateway *gateway, uint32_t n_seats)
{
    *d = (struct rl_ouch_desk){.gateway = gateway, .n_seats_max = n_seats};
    d->seats = rl_arena_take(arena, n_seats * sizeof *d->seats, RL_CACHE_LINE);
    d->seat_of = rl_arena_take(arena, gateway->n_members * sizeof *d->seat_of, RL_CACHE_LINE);
    if (!d->seats || !d->seat_of)
        return -ENOMEM;
    memset(d->seat_of, 0, gateway->n_members * sizeof *d->seat_of);
    return 0;
}
