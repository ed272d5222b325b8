#include "rig/exchange/crowd.h"

#include <errno.h>

#define N_LOCATES 65536
#define UNNAMED (-1)
#define UNLISTED (-2)
#define TAKER (RL_CROWD_ID | 1ULL << 61) /* ids of immediate orders */

const char *const rl_crowd_counter_names[] = {
#define NAME(name, what) #name,
    RL_CROWD_COUNTERS(NAME)
#undef NAME
        NULL};

/* Whom the crowd's immediate orders met. */
static void told(void *context, const struct rl_match_event *e)
{
    struct rl_crowd *c = context;

    if (c->is_taking && e->kind == RL_MATCH_EVENT_FILL && e->flags & RL_MATCH_AGGRESSOR &&
        e->other_id < RL_CROWD_ID)
        c->n.filled_others += e->qty;
}

static int32_t instrument_of(struct rl_crowd *c, const uint8_t *m)
{
    int32_t *known = &c->instruments[rl_itch_locate(m)];
    const char *symbol = (const char *)rl_itch_symbol(m);
    char name[RL_ITCH_SYMBOL + 1] = {0};
    int found;

    if (*known != UNNAMED || !symbol)
        return *known;
    memcpy(name, symbol, RL_ITCH_SYMBOL);
    found = rl_venue_find(c->venue, name, RL_ITCH_SYMBOL);
    for (int i = RL_ITCH_SYMBOL - 1; i >= 0 && name[i] == ' '; i--)
        name[i] = 0;
    if (found < 0 && c->lists)
        found = rl_venue_list(c->venue, name);
    *known = found < 0 ? UNLISTED : found;
    return *known;
}

static void ask(struct rl_crowd *c, const struct rl_match_request *r, uint64_t now_ns)
{
    struct rl_match_request own = *r;

    own.owner = c->member;
    rl_venue_pass_request(c->venue, &own, now_ns);
}

static void enter(struct rl_crowd *c, const struct rl_update *u, uint32_t instrument, uint64_t id,
                  uint64_t now_ns)
{
    c->n.orders++;
    ask(c,
        &(struct rl_match_request){.op = RL_MATCH_NEW,
                                   .id = RL_CROWD_ID + id,
                                   .instrument = instrument,
                                   .side = u->side,
                                   .type = RL_MATCH_LIMIT,
                                   .tif = RL_MATCH_GTC,
                                   .px_nano = u->px_nano,
                                   .qty = u->qty},
        now_ns);
}

/* What the order has left; 0 when it is gone. */
static uint64_t left_of(const struct rl_crowd *c, uint32_t instrument, uint64_t id,
                        int64_t *px_nano, enum rl_side *side)
{
    const struct rl_book_order *o =
        rl_books_find(rl_match_books(c->venue->match), instrument, RL_CROWD_ID + id, px_nano, side);

    return o ? o->qty : 0;
}

static void reduce(struct rl_crowd *c, uint32_t instrument, uint64_t id, uint64_t qty,
                   uint64_t now_ns)
{
    ask(c,
        &(struct rl_match_request){
            .op = RL_MATCH_REDUCE, .id = RL_CROWD_ID + id, .instrument = instrument, .qty = qty},
        now_ns);
}

static void execute(struct rl_crowd *c, uint32_t instrument, uint64_t id, uint64_t qty,
                    uint64_t now_ns)
{
    int64_t px_nano = 0;
    enum rl_side side = RL_BUY;
    uint64_t before = left_of(c, instrument, id, &px_nano, &side), after;

    c->n.executions++;
    if (before == 0) {
        c->n.gone++;
        return;
    }
    c->is_taking = true;
    ask(c,
        &(struct rl_match_request){.op = RL_MATCH_NEW,
                                   .id = TAKER + ++c->n_takers,
                                   .instrument = instrument,
                                   .side = (uint8_t)rl_side_opposite(side),
                                   .type = RL_MATCH_LIMIT,
                                   .tif = RL_MATCH_IOC,
                                   .px_nano = px_nano,
                                   .qty = qty},
        now_ns);
    c->is_taking = false;
    after = left_of(c, instrument, id, NULL, NULL);
    if (after > 0 && (before <= qty || after > before - qty)) /* others were in front of it */
        reduce(c, instrument, id, before <= qty ? after : after - (before - qty), now_ns);
}

static void replace(struct rl_crowd *c, const struct rl_update *u, uint32_t instrument,
                    uint64_t now_ns)
{
    ask(c,
        &(struct rl_match_request){.op = RL_MATCH_REPLACE,
                                   .id = RL_CROWD_ID + u->id,
                                   .new_id = RL_CROWD_ID + u->new_id,
                                   .flags = RL_MATCH_TO_BACK,
                                   .instrument = instrument,
                                   .px_nano = u->px_nano,
                                   .qty = u->qty},
        now_ns);
}

static void change(struct rl_crowd *c, const struct rl_update *u, uint8_t type, uint32_t instrument,
                   uint64_t now_ns)
{
    if (left_of(c, instrument, u->id, NULL, NULL) == 0) {
        c->n.gone++;
        return;
    }
    if (type == 'U')
        replace(c, u, instrument, now_ns);
    else
        reduce(c, instrument, u->id, type == 'X' ? u->qty : UINT32_MAX, now_ns);
}

bool rl_crowd_message(struct rl_crowd *c, const uint8_t *message, uint32_t n_bytes, uint64_t now_ns)
{
    struct rl_update u = {0};
    int32_t instrument;

    c->n.messages++;
    if (!rl_itch_decode(message, n_bytes, &u)) {
        c->n.bad++;
        return false;
    }
    instrument = instrument_of(c, message);
    if (u.op == RL_OP_NONE || u.op == RL_OP_TRADE)
        return true;
    if (instrument < 0 || u.id >= TAKER - RL_CROWD_ID) {
        c->n.bad++;
        return false;
    }
    switch (message[0]) {
    case 'A':
    case 'F':
        enter(c, &u, (uint32_t)instrument, u.id, now_ns);
        return true;
    case 'E':
    case 'C':
        execute(c, (uint32_t)instrument, u.id, u.qty, now_ns);
        return true;
    default:
        change(c, &u, message[0], (uint32_t)instrument, now_ns);
        return true;
    }
}

size_t rl_crowd_bytes(void)
{
    return N_LOCATES * sizeof(int32_t) + RL_CACHE_LINE;
}

int rl_crowd_init(struct rl_crowd *c, struct rl_arena *arena, struct rl_venue *venue, bool lists)
{
    int member;

    *c = (struct rl_crowd){.venue = venue, .lists = lists};
    c->instruments = rl_arena_take(arena, N_LOCATES * sizeof *c->instruments, RL_CACHE_LINE);
    if (!c->instruments)
        return -ENOMEM;
    memset(c->instruments, 0xFF, N_LOCATES * sizeof *c->instruments); /* UNNAMED */
    member = rl_venue_join(venue, &(struct rl_venue_member_config){.told = told, .context = c});
    if (member < 0)
        return member;
    c->member = (uint32_t)member;
    return 0;
}
