#include "market/feed/window.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

/* Before each packet in the ring. The rest of the ring before a wrap is a dead record too. */
struct record {
    uint32_t n_bytes; /* with this header, rounded up */
    uint32_t is_dead;
    uint64_t unused;
};

#define RECORD_ALIGN sizeof(struct record)

static uint64_t ring_bytes(uint64_t n_bytes)
{
    uint64_t n = 4096;

    while (n < n_bytes)
        n <<= 1;
    return n;
}

static uint64_t record_bytes(uint32_t n_bytes)
{
    return sizeof(struct record) + (n_bytes + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
}

static struct record *record_at(const struct rl_window *w, uint64_t place)
{
    return (struct record *)(w->bytes + (place & (w->n_ring - 1)));
}

/* Entries take twice the room, so that popping rarely means moving. */
static uint32_t n_slots(uint32_t n_packets)
{
    return 2 * n_packets;
}

size_t rl_window_bytes(uint32_t n_packets, uint64_t n_bytes)
{
    if (n_packets == 0 || n_packets > 1u << 24 || n_bytes == 0 || n_bytes > 1ULL << 31)
        return 0;
    return n_slots(n_packets) * sizeof(struct rl_parked) + ring_bytes(n_bytes) + 2 * RL_CACHE_LINE;
}

int rl_window_init(struct rl_window *w, struct rl_arena *arena, uint32_t n_packets,
                   uint64_t n_bytes)
{
    if (rl_window_bytes(n_packets, n_bytes) == 0)
        return -EINVAL;
    memset(w, 0, sizeof *w);
    w->n_max = n_packets;
    w->n_ring = ring_bytes(n_bytes);
    w->entries = rl_arena_take(arena, n_slots(n_packets) * sizeof *w->entries, RL_CACHE_LINE);
    w->bytes = rl_arena_take(arena, w->n_ring, RL_CACHE_LINE);
    return w->entries && w->bytes ? 0 : -ENOMEM;
}

void rl_window_clear(struct rl_window *w)
{
    w->first = w->n = 0;
    w->head = w->tail = 0;
}

/* --- the ring --------------------------------------------------------------------------------- */

/* Room for a packet; false when there is none. Records never lie across the ring's end. */
static bool ring_take(struct rl_window *w, uint32_t n_bytes, uint64_t *place)
{
    uint64_t need = record_bytes(n_bytes);
    uint64_t to_end = w->n_ring - (w->tail & (w->n_ring - 1));
    uint64_t fill = need > to_end ? to_end : 0;

    if (need > w->n_ring || w->tail - w->head + fill + need > w->n_ring)
        return false;
    if (fill > 0) {
        *record_at(w, w->tail) = (struct record){.n_bytes = (uint32_t)fill, .is_dead = 1};
        w->tail += fill;
    }
    *place = w->tail;
    *record_at(w, w->tail) = (struct record){.n_bytes = (uint32_t)need};
    w->tail += need;
    return true;
}

/* Packets leave in the order of their numbers, the ring is freed in the order in which they came.
 */
static void ring_free(struct rl_window *w, uint64_t place)
{
    record_at(w, place)->is_dead = 1;
    while (w->head != w->tail && record_at(w, w->head)->is_dead)
        w->head += record_at(w, w->head)->n_bytes;
    if (w->head == w->tail)
        w->head = w->tail = 0; /* empty: no filling before a wrap that is far away */
}

const uint8_t *rl_window_packet(const struct rl_window *w, const struct rl_parked *e)
{
    return (const uint8_t *)(record_at(w, e->place) + 1);
}

/* --- entries ---------------------------------------------------------------------------------- */

/* -1, 0, 1 as `a` comes before, is the same as, comes after `b`. */
static int compare(const struct rl_packet *a, const struct rl_packet *b)
{
    if (a->previous != b->previous)
        return a->previous < b->previous ? -1 : 1;
    if (a->next != b->next)
        return a->next < b->next ? -1 : 1;
    return 0;
}

enum rl_park rl_window_park(struct rl_window *w, const struct rl_packet *p, const uint8_t *bytes,
                            uint32_t n_bytes, uint8_t line, uint64_t now_ns,
                            const struct rl_parked **twin)
{
    uint32_t at = w->first + w->n;
    struct rl_parked *e;
    uint64_t place;

    while (at > w->first && compare(&w->entries[at - 1].head, p) > 0)
        at--;
    if (at > w->first && compare(&w->entries[at - 1].head, p) == 0) {
        *twin = &w->entries[at - 1];
        return RL_PARK_THERE;
    }
    if (w->n == w->n_max || !ring_take(w, n_bytes, &place))
        return RL_PARK_FULL;
    if (w->first + w->n == n_slots(w->n_max)) {
        memmove(w->entries, w->entries + w->first, w->n * sizeof *e);
        at -= w->first;
        w->first = 0;
    }
    e = &w->entries[at];
    memmove(e + 1, e, (w->first + w->n - at) * sizeof *e);
    *e = (struct rl_parked){
        .head = *p, .at_ns = now_ns, .place = place, .n_bytes = n_bytes, .line = line};
    memcpy(record_at(w, place) + 1, bytes, n_bytes);
    w->n++;
    w->n_high = w->n > w->n_high ? w->n : w->n_high;
    return RL_PARK_OK;
}

void rl_window_pop(struct rl_window *w)
{
    ring_free(w, w->entries[w->first].place);
    w->first++;
    w->n--;
    if (w->n == 0)
        w->first = 0;
}
