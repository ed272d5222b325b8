#include "rig/exchange/ouch_client.h"

#include <errno.h>

#define QTY_MAX 999999 /* the protocol's */
#define NS_PER_S 1000000000ULL

const char *const rl_ouch_client_counter_names[] = {
#define NAME(name, what) #name,
    RL_OUCH_CLIENT_COUNTERS(NAME)
#undef NAME
        NULL};

/* --- numbers ---------------------------------------------------------------------------------- */

uint32_t rl_ouch_client_ref(const struct rl_ouch_client *c, uint64_t id)
{
    uint64_t ref = c->base + rl_id_counter(id);

    return rl_id_epoch(id) == c->epoch && rl_id_counter(id) > 0 && ref <= UINT32_MAX ? (uint32_t)ref
                                                                                     : 0;
}

uint64_t rl_ouch_client_id(const struct rl_ouch_client *c, uint32_t ref)
{
    return ref > c->base ? (uint64_t)c->epoch << RL_ID_COUNTER_BITS | (ref - c->base) : RL_ID_NONE;
}

static struct rl_ouch_client_ref *slot_of(const struct rl_ouch_client *c, uint32_t ref)
{
    return &c->refs[ref & c->mask];
}

/* NULL: a newer one has its place. */
static struct rl_ouch_client_ref *known(const struct rl_ouch_client *c, uint32_t ref)
{
    struct rl_ouch_client_ref *r = slot_of(c, ref);

    return ref != 0 && r->ref == ref ? r : NULL;
}

/* --- to the venue ----------------------------------------------------------------------------- */

static uint32_t write_in(struct rl_ouch_client *c, const struct rl_ouch_in *m, uint8_t *out,
                         uint32_t n_max)
{
    uint32_t n = rl_ouch_write_in(out, n_max, m);

    c->n.written += n > 0;
    c->n.unwritable += n == 0;
    return n;
}

static uint32_t unwritable(struct rl_ouch_client *c)
{
    c->n.unwritable++;
    return 0;
}

static void put_id(struct rl_ouch_in *m, uint64_t id)
{
    rl_id_to_text(id, (char *)m->cl_ord_id);
    memset(m->cl_ord_id + RL_ID_TEXT_BYTES, ' ', RL_OUCH_CL_ORD_ID - RL_ID_TEXT_BYTES);
}

/* A limit that OUCH has no other meaning for, or the market. */
static bool is_sayable(int64_t px_nano)
{
    return px_nano == RL_PX_NONE || (px_nano > 0 && !rl_ouch_is_market(px_nano));
}

/* The letter, and an option that goes with it; 0: there is none. */
static uint8_t put_tif(const struct rl_request *r, uint64_t midnight_ns, uint32_t *expire_s,
                       struct rl_ouch_option_writer *w)
{
    uint64_t second;

    switch (r->time_in_force) {
    case RL_TIF_DAY:
        return RL_OUCH_DAY;
    case RL_TIF_IOC:
        return RL_OUCH_IOC;
    case RL_TIF_FOK:
        return rl_ouch_put_option_uint(w, RL_OUCH_OPTION_min_qty, r->qty) ? RL_OUCH_IOC : 0;
    case RL_TIF_GTD:
        second = (r->expire_ns - midnight_ns) / NS_PER_S;
        if (r->expire_ns <= midnight_ns || second >= 86400)
            return 0;
        *expire_s = (uint32_t)second;
        return rl_ouch_put_option_uint(w, RL_OUCH_OPTION_expire_time, second) ? RL_OUCH_GTT : 0;
    default: /* OUCH orders end with the day */
        return 0;
    }
}

uint32_t rl_ouch_client_enter(struct rl_ouch_client *c, const struct rl_request *r, uint64_t id,
                              const char *symbol, uint64_t midnight_ns, uint8_t *out,
                              uint32_t n_max)
{
    uint8_t bytes[24];
    struct rl_ouch_option_writer w = {.bytes = bytes, .n_max = sizeof bytes};
    struct rl_ouch_in m = {.type = 'O',
                           .ref = rl_ouch_client_ref(c, id),
                           .side = r->side == RL_BUY ? RL_OUCH_BUY : RL_OUCH_SELL,
                           .qty = (uint32_t)r->qty,
                           .px_nano = r->px_nano,
                           .display = RL_OUCH_VISIBLE,
                           .capacity = c->capacity,
                           .sweep = 'N',
                           .cross = RL_OUCH_CONTINUOUS};
    uint32_t expire_s = 0, n;

    if (m.ref == 0 || r->qty == 0 || r->qty > QTY_MAX || !is_sayable(r->px_nano) ||
        symbol[0] == '\0' || strlen(symbol) > RL_OUCH_SYMBOL)
        return unwritable(c);
    m.tif = put_tif(r, midnight_ns, &expire_s, &w);
    if (m.tif == 0 || (c->has_firm && !rl_ouch_put_option(&w, RL_OUCH_OPTION_firm, c->firm, 4)))
        return unwritable(c);
    rl_put_alpha(m.symbol, symbol, RL_OUCH_SYMBOL);
    put_id(&m, id);
    m.options = rl_ouch_options_of(&w);
    n = write_in(c, &m, out, n_max);
    if (n > 0)
        *slot_of(c, m.ref) = (struct rl_ouch_client_ref){.ref = m.ref,
                                                         .expire_s = expire_s,
                                                         .state = RL_OUCH_CLIENT_NEW,
                                                         .side = r->side,
                                                         .tif = m.tif};
    return n;
}

uint32_t rl_ouch_client_replace(struct rl_ouch_client *c, uint64_t new_id, uint64_t order_id,
                                uint64_t qty, int64_t px_nano, uint8_t *out, uint32_t n_max)
{
    uint8_t bytes[8];
    struct rl_ouch_option_writer w = {.bytes = bytes, .n_max = sizeof bytes};
    struct rl_ouch_client_ref *old = known(c, rl_ouch_client_ref(c, order_id));
    struct rl_ouch_in m = {.type = 'U',
                           .ref = rl_ouch_client_ref(c, new_id),
                           .orig_ref = rl_ouch_client_ref(c, order_id),
                           .qty = (uint32_t)qty,
                           .px_nano = px_nano,
                           .display = RL_OUCH_VISIBLE,
                           .sweep = 'N'};
    struct rl_ouch_client_ref now;
    uint32_t n;

    if (!old || m.ref <= m.orig_ref || qty == 0 || qty > QTY_MAX || px_nano == RL_PX_NONE ||
        !is_sayable(px_nano))
        return unwritable(c);
    m.tif = old->tif;
    if (old->tif == RL_OUCH_GTT)
        (void)rl_ouch_put_option_uint(&w, RL_OUCH_OPTION_expire_time, old->expire_s);
    m.options = rl_ouch_options_of(&w);
    put_id(&m, new_id);
    now = (struct rl_ouch_client_ref){.ref = m.ref,
                                      .orig = m.orig_ref,
                                      .expire_s = old->expire_s,
                                      .state = RL_OUCH_CLIENT_REPLACING,
                                      .side = old->side,
                                      .tif = old->tif};
    n = write_in(c, &m, out, n_max);
    if (n > 0) {
        old->replaced_by = m.ref;
        *slot_of(c, m.ref) = now;
    }
    return n;
}

uint32_t rl_ouch_client_cancel(struct rl_ouch_client *c, uint64_t order_id, uint8_t *out,
                               uint32_t n_max)
{
    struct rl_ouch_in m = {.type = 'X', .ref = rl_ouch_client_ref(c, order_id)};

    return m.ref != 0 ? write_in(c, &m, out, n_max) : unwritable(c);
}

uint32_t rl_ouch_client_mass_cancel(struct rl_ouch_client *c, uint64_t id, const char *symbol,
                                    uint8_t *out, uint32_t n_max)
{
    struct rl_ouch_in m = {.type = 'C', .ref = rl_ouch_client_ref(c, id)};
    uint32_t n;

    if (m.ref == 0 || (symbol && strlen(symbol) > RL_OUCH_SYMBOL))
        return unwritable(c);
    memcpy(m.firm, c->firm, RL_OUCH_FIRM);
    rl_put_alpha(m.symbol, symbol ? symbol : "", RL_OUCH_SYMBOL);
    n = write_in(c, &m, out, n_max);
    if (n > 0)
        *slot_of(c, m.ref) =
            (struct rl_ouch_client_ref){.ref = m.ref, .state = RL_OUCH_CLIENT_OTHER};
    return n;
}

uint32_t rl_ouch_client_query(struct rl_ouch_client *c, uint8_t *out, uint32_t n_max)
{
    return write_in(c, &(struct rl_ouch_in){.type = 'Q'}, out, n_max);
}

/* --- from the venue --------------------------------------------------------------------------- */

/* One message on its way to events. */
struct reading {
    struct rl_ouch_client *c;
    const struct rl_ouch_out *m;
    struct rl_ouch_client_ref *r; /* NULL: not remembered */
    struct rl_order_event *events;
    int n;
};

static struct rl_order_event *say(struct reading *x, uint8_t kind)
{
    struct rl_order_event *e = &x->events[x->n++];

    *e = (struct rl_order_event){
        .id = rl_ouch_client_id(x->c, x->m->ref), .px_nano = RL_PX_NONE, .kind = kind};
    return e;
}

/* What was to replace it is too late, and the venue will not say so. */
static void end(struct reading *x, struct rl_ouch_client_ref *r)
{
    struct rl_ouch_client_ref *late;

    if (!r)
        return;
    r->state = RL_OUCH_CLIENT_ENDED;
    r->open = 0;
    late = known(x->c, r->replaced_by);
    if (late && late->state == RL_OUCH_CLIENT_REPLACING && late->orig == r->ref) {
        struct rl_order_event *e = say(x, RL_EVENT_REPLACE_REJECT);

        e->id = rl_ouch_client_id(x->c, late->ref);
        e->orig_id = rl_ouch_client_id(x->c, r->ref);
        late->state = RL_OUCH_CLIENT_ENDED;
    }
}

static void live(struct reading *x)
{
    if (!x->r)
        return;
    x->r->state = RL_OUCH_CLIENT_LIVE;
    x->r->open = x->m->qty;
    x->r->order_ref = x->m->order_ref;
}

static void on_accepted(struct reading *x)
{
    live(x);
    (void)say(x, RL_EVENT_ACK);
    if (x->m->state == 'D') { /* entered and gone at once; nothing else will be said */
        (void)say(x, RL_EVENT_EXPIRED);
        end(x, x->r);
    }
}

static void on_replaced(struct reading *x)
{
    struct rl_ouch_client_ref *old = known(x->c, x->m->orig_ref);
    struct rl_order_event *e = say(x, RL_EVENT_REPLACED);

    e->orig_id = rl_ouch_client_id(x->c, x->m->orig_ref);
    e->px_nano = x->m->px_nano;
    if (x->r && old)
        x->r->lost = 0; /* a replacement names its total: what was lost before is in it */
    live(x);            /* first: it is no replacement that came too late */
    end(x, old);
    if (x->m->state == 'D') {
        say(x, RL_EVENT_EXPIRED)->orig_id = RL_ID_NONE;
        end(x, x->r);
    }
}

/* Time or the order's own terms ended it, rather than somebody. */
static bool is_expiry(uint8_t reason)
{
    return reason == RL_OUCH_CANCEL_IOC || reason == RL_OUCH_CANCEL_TIMEOUT ||
           reason == RL_OUCH_CANCEL_CLOSED || reason == RL_OUCH_CANCEL_CROSS ||
           reason == RL_OUCH_CANCEL_NOT_EXECUTABLE || reason == RL_OUCH_CANCEL_POST_ONLY;
}

static void on_canceled(struct reading *x)
{
    if (x->r && x->r->open > x->m->qty) {
        x->r->open -= x->m->qty;
        x->r->lost += x->m->qty;
        x->c->n.lessened++;
        return;
    }
    (void)say(x, is_expiry(x->m->reason) ? RL_EVENT_EXPIRED : RL_EVENT_CANCELLED);
    end(x, x->r);
}

/* A match has two sides, and both may be ours. */
static uint64_t exec_of(const struct reading *x)
{
    return x->m->match << 1 | (x->r ? x->r->side : 0u);
}

static void on_executed(struct reading *x)
{
    struct rl_order_event *e = say(x, RL_EVENT_FILL);

    e->exec = exec_of(x);
    e->qty = x->m->qty;
    e->px_nano = x->m->px_nano;
    if (!x->r || x->r->state == RL_OUCH_CLIENT_ENDED)
        return;
    x->r->open -= x->m->qty < x->r->open ? x->m->qty : x->r->open;
    if (x->r->open > 0)
        return;
    if (x->r->lost > 0) /* the order manager waits for more than there is */
        (void)say(x, RL_EVENT_CANCELLED);
    end(x, x->r);
}

static void on_broken(struct reading *x)
{
    say(x, RL_EVENT_BUST)->ref_exec = exec_of(x);
}

static void on_rejected(struct reading *x)
{
    if (x->r && (x->r->state == RL_OUCH_CLIENT_OTHER || x->r->state == RL_OUCH_CLIENT_ENDED))
        return; /* no order, or one whose end was told */
    if (x->r && x->r->orig != 0)
        say(x, RL_EVENT_REPLACE_REJECT)->orig_id = rl_ouch_client_id(x->c, x->r->orig);
    else
        (void)say(x, RL_EVENT_REJECT);
    end(x, x->r);
}

/* False: about an order of an engine before. */
static bool is_of_us(const struct rl_ouch_client *c, const struct rl_ouch_out *m)
{
    return m->ref > c->base && (m->type != 'U' || m->orig_ref > c->base);
}

static void read_order(struct reading *x)
{
    switch (x->m->type) {
    case 'A':
        on_accepted(x);
        break;
    case 'U':
        on_replaced(x);
        break;
    case 'C':
    case 'D':
        on_canceled(x);
        break;
    case 'E':
        on_executed(x);
        break;
    case 'B':
        on_broken(x);
        break;
    case 'J':
        on_rejected(x);
        break;
    case 'I':
        (void)say(x, RL_EVENT_CANCEL_REJECT);
        break;
    case 'T':
        if (x->r)
            x->r->order_ref = x->m->order_ref;
        break;
    default: /* modified, restated, pending, responses: the order manager asked for none of it */
        break;
    }
}

int rl_ouch_client_read(struct rl_ouch_client *c, const uint8_t *message, uint32_t n_bytes,
                        struct rl_order_event events[RL_OUCH_CLIENT_EVENTS], uint8_t *type)
{
    struct rl_ouch_out m;
    struct reading x = {.c = c, .m = &m, .events = events};

    c->n.read++;
    if (!rl_ouch_read_out(message, n_bytes, &m)) {
        c->n.unreadable++;
        return -EBADMSG;
    }
    if (type)
        *type = m.type;
    if (m.type == 'S') {
        c->event = m.event;
    } else if (m.type == 'Q') {
        c->next_ref = m.ref;
    } else if (!is_of_us(c, &m)) {
        c->n.foreign++;
        return 0;
    } else {
        x.r = known(c, m.ref);
        read_order(&x);
    }
    c->n.notices += x.n == 0;
    return x.n;
}

/* --- set-up ----------------------------------------------------------------------------------- */

size_t rl_ouch_client_bytes(const struct rl_ouch_client_config *config)
{
    return config->n_refs * sizeof(struct rl_ouch_client_ref) + RL_CACHE_LINE;
}

void rl_ouch_client_start(struct rl_ouch_client *c, uint32_t epoch, uint32_t next_ref)
{
    c->epoch = epoch;
    c->base = next_ref - 1;
    c->next_ref = next_ref;
    memset(c->refs, 0, (c->mask + (size_t)1) * sizeof *c->refs);
}

int rl_ouch_client_init(struct rl_ouch_client *c, struct rl_arena *arena,
                        const struct rl_ouch_client_config *config)
{
    uint32_t n = config->n_refs;

    if (n < 2 || (n & (n - 1)) != 0)
        return -EINVAL;
    *c = (struct rl_ouch_client){.mask = n - 1,
                                 .has_firm = config->firm[0] != '\0',
                                 .capacity = config->capacity ? config->capacity
                                                              : (uint8_t)RL_OUCH_PRINCIPAL};
    rl_put_alpha(c->firm, config->firm, RL_OUCH_FIRM);
    c->refs = rl_arena_take(arena, n * sizeof *c->refs, RL_CACHE_LINE);
    if (!c->refs)
        return -ENOMEM;
    rl_ouch_client_start(c, 1, 1);
    return 0;
}
