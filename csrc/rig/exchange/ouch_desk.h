/*
 * ouch_desk - members who trade by OUCH in frames (ouch_port.h): a port each, one gateway for all.
 *
 *     rl_ouch_desk_init(&d, arena, &gateway, n_seats);
 *     rl_ouch_desk_seat(&d, arena, port, &link, &member);     as often as there are ports
 *     while (goes on)
 *         rl_ouch_desk_turn(&d, monotonic_ns, utc_ns);
 *
 * The gateway's `send` is rl_ouch_desk_send, or something that asks it first. A member whose link
 * is down has left: what it is told then nobody hears, so it should cancel on disconnect. One that
 * does not read, and whose window is full, is dropped at the end of the turn.
 *
 * Threads:  the venue's.
 * Memory:   from the caller's arena.
 * Cost:     a turn: a burst of each port. No allocation, lock or system call but the ports'.
 */
#ifndef RL_RIG_EXCHANGE_OUCH_DESK_H
#define RL_RIG_EXCHANGE_OUCH_DESK_H

#include "rig/exchange/ouch_gateway.h"
#include "rig/exchange/ouch_port.h"

struct rl_ouch_desk;

struct rl_ouch_seat {
    struct rl_ouch_port link;
    struct rl_ouch_desk *desk;
    uint32_t member;
    bool is_lost; /* a message found no room: the link is closed */
};

struct rl_ouch_desk {
    struct rl_ouch_gateway *gateway;
    struct rl_ouch_seat *seats;
    uint32_t *seat_of; /* by the venue's number of the member: 1 + seat */
    uint32_t n_seats, n_seats_max;
    uint64_t utc_ns;
    uint64_t n_dropped; /* links that were dropped because their window was full */
};

size_t rl_ouch_desk_bytes(uint32_t n_seats, uint32_t n_members);
int rl_ouch_desk_init(struct rl_ouch_desk *d, struct rl_arena *arena,
                      struct rl_ouch_gateway *gateway, uint32_t n_seats);

/*
 * The number of the seat; its member is d->seats[number].member, away until a client opens the
 * link. -ENOSPC, or what rl_ouch_port_init or rl_ouch_gateway_join says. `link->is_client` is not
 * read.
 */
int rl_ouch_desk_seat(struct rl_ouch_desk *d, struct rl_arena *arena, struct rl_port *port,
                      const struct rl_ouch_port_config *link,
                      const struct rl_ouch_member_config *member);

/* rl_ouch_gateway_send. */
void rl_ouch_desk_send(void *desk, uint32_t member, const uint8_t *message, uint32_t n_bytes);
static inline bool rl_ouch_desk_has(const struct rl_ouch_desk *d, uint32_t member)
{
    return member < d->gateway->n_members && d->seat_of[member] != 0;
}

/* True when there was anything to do. */
bool rl_ouch_desk_turn(struct rl_ouch_desk *d, uint64_t monotonic_ns, uint64_t utc_ns);

#endif
