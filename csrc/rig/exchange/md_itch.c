#include "rig/exchange/md_itch.h"

#include <errno.h>

#include "rig/exchange/md_itch_inner.h"

#define SECOND_NS 1000000000ULL
#define DEFAULT_PACKET 1400
#define DEFAULT_KEPT 65536
#define DEFAULT_ANSWERS 64
#define MAX_INSTRUMENTS 65535 /* a stock locate has 16 bits, and 0 is nobody's */

const char *const rl_md_itch_counter_names[] = {
#define NAME(name, what) #name,
    RL_MD_ITCH_COUNTERS(NAME)
#undef NAME
        NULL};

/* --- set-up ----------------------------------------------------------------------------------- */

const char *rl_md_itch_objection(const struct rl_match_config *match)
{
    if (match->tick_nano <= 0 || match->tick_nano % RL_ITCH_NANO_PER_TICK != 0)
        return "ITCH counts prices in 0.0001: the tick must be a multiple of that";
    if (match->max_qty == 0 || match->max_qty > UINT32_MAX)
        return "ITCH has 32 bits for a quantity: no order may be larger than 4294967295";
    if (match->n_instruments > MAX_INSTRUMENTS)
        return "ITCH has 16 bits for an instrument: at most 65535 of them";
    return NULL;
}

/* What zero stands for. */
static void complete(struct rl_md_itch_config *c)
{
    c->session = c->session ? c->session : "REDLINE";
    c->n_instruments = c->n_instruments ? c->n_instruments
                       : c->venue       ? c->venue->n_instruments_max
                                        : 0;
    c->n_packet_bytes = c->n_packet_bytes ? c->n_packet_bytes : DEFAULT_PACKET;
    c->n_kept = c->n_kept ? c->n_kept : DEFAULT_KEPT;
    c->n_answers_per_turn = c->n_answers_per_turn ? c->n_answers_per_turn : DEFAULT_ANSWERS;
    c->heartbeat_ns = c->heartbeat_ns ? c->heartbeat_ns : SECOND_NS;
    c->hold_ns = c->hold_ns ? c->hold_ns : SECOND_NS;
}

static void nobody_asked(void *context, uint64_t handle, const uint8_t *bytes, uint32_t n_bytes)
{
    (void)context, (void)handle, (void)bytes, (void)n_bytes;
}

static struct rl_md_retransmit_config retransmit_config(const struct rl_md_itch_config *c)
{
    struct rl_md_retransmit_config r = {.n_messages = c->n_kept,
                                        .n_packet_bytes = c->n_packet_bytes,
                                        .n_packets_per_turn = c->n_answers_per_turn,
                                        .answer = c->answer ? c->answer : nobody_asked,
                                        .context = c->context};
    size_t n = strnlen(c->session, RL_MOLD_SESSION);

    memset(r.session, ' ', RL_MOLD_SESSION);
    memcpy(r.session, c->session, n);
    return r;
}

static struct rl_md_snapshot_config snapshot_config(const struct rl_md_itch_config *c)
{
    return (struct rl_md_snapshot_config){.n_instruments = c->n_instruments,
                                          .n_orders = c->n_orders,
                                          .n_levels_per_side = c->n_levels_per_side,
                                          .n_packet_bytes = c->n_packet_bytes,
                                          .n_packets_per_turn = c->n_answers_per_turn,
                                          .hold_ns = c->hold_ns,
                                          .pause_ns = c->hold_ns / 10,
                                          .answer = c->answer,
                                          .context = c->context};
}

static bool has_snapshots(const struct rl_md_itch_config *c)
{
    return c->books && c->answer;
}

size_t rl_md_itch_bytes(const struct rl_md_itch_config *config)
{
    struct rl_md_itch_config c = *config;
    struct rl_md_retransmit_config retransmit;
    struct rl_md_snapshot_config snapshot;

    complete(&c);
    retransmit = retransmit_config(&c);
    snapshot = snapshot_config(&c);
    return rl_md_retransmit_bytes(&retransmit) + rl_md_refs_bytes(c.n_orders) +
           c.n_instruments * (sizeof(uint8_t) + RL_ITCH_SYMBOL) +
           (has_snapshots(&c) ? rl_md_snapshot_bytes(&snapshot) : 0) + 2 * RL_CACHE_LINE;
}

static bool config_is_good(const struct rl_md_itch_config *c)
{
    return c->venue && c->send && c->n_instruments > 0 && c->n_instruments <= MAX_INSTRUMENTS &&
           c->n_orders > 0 && strnlen(c->session, RL_MOLD_SESSION + 1) <= RL_MOLD_SESSION &&
           (!c->mpid || strnlen(c->mpid, 5) <= 4);
}

/* The packet begins where the next message will be. */
static void begin_packet(struct rl_md_itch *md)
{
    rl_mold_begin(&md->packet, md->bytes, md->config.n_packet_bytes, md->session,
                  md->retransmit.next);
}

int rl_md_itch_init(struct rl_md_itch *md, struct rl_arena *arena,
                    const struct rl_md_itch_config *config)
{
    struct rl_md_itch_config c = *config;
    struct rl_md_retransmit_config retransmit;
    struct rl_md_snapshot_config snapshot;
    int err;

    complete(&c);
    if (!config_is_good(&c))
        return -EINVAL;
    retransmit = retransmit_config(&c);
    if (rl_md_snapshot_is_session((const uint8_t *)retransmit.session)) /* an image's name */
        return -EINVAL;
    memset(md, 0, sizeof *md);
    md->config = c;
    memcpy(md->session, retransmit.session, sizeof md->session);
    if (c.mpid)
        memcpy(md->mpid, c.mpid, strnlen(c.mpid, 4));
    md->phases = rl_arena_take(arena, c.n_instruments, RL_CACHE_LINE);
    md->names = rl_arena_take(arena, c.n_instruments * sizeof *md->names, RL_CACHE_LINE);
    if (!md->phases || !md->names)
        return -ENOMEM;
    err = rl_md_retransmit_init(&md->retransmit, arena, &retransmit);
    if (!err)
        err = rl_md_refs_init(&md->refs, arena, c.n_orders);
    if (!err && has_snapshots(&c)) {
        snapshot = snapshot_config(&c);
        err = rl_md_snapshot_init(&md->snapshot, arena, &snapshot);
    }
    if (!err)
        begin_packet(md);
    return err;
}

/* --- packets ---------------------------------------------------------------------------------- */

static void send_both(struct rl_md_itch *md, uint32_t n_bytes)
{
    for (uint32_t line = 0; line < RL_MD_LINES; line++)
        md->config.send(md->config.context, line, md->bytes, n_bytes);
    md->sent_ns = md->now_ns;
    begin_packet(md);
}

void rl_md_itch_flush(struct rl_md_itch *md)
{
    if (md->packet.count == 0)
        return;
    md->n.packets++;
    md->retransmit.published = md->retransmit.next;
    send_both(md, rl_mold_finish(&md->packet));
}

static void idle(struct rl_md_itch *md)
{
    md->n.heartbeats++;
    (void)rl_mold_finish(&md->packet);
    if (md->is_ended)
        rl_put_be16(md->bytes + 18, RL_MOLD_END);
    send_both(md, RL_MOLD_HEADER);
}

static void advance(struct rl_md_itch *md, uint64_t now_ns)
{
    md->now_ns = now_ns > md->now_ns ? now_ns : md->now_ns;
}

uint64_t rl_md_itch_turn(struct rl_md_itch *md, uint64_t now_ns)
{
    advance(md, now_ns);
    rl_md_retransmit_turn(&md->retransmit);
    rl_md_snapshot_turn(&md->snapshot);
    rl_md_itch_settle(md);
    if (!md->is_ended)
        rl_md_itch_list(md);
    rl_md_itch_flush(md);
    if (md->now_ns - md->sent_ns >= md->config.heartbeat_ns)
        idle(md);
    return md->sent_ns + md->config.heartbeat_ns;
}

/* --- the day ---------------------------------------------------------------------------------- */

static void system_event(struct rl_md_itch *md, char event)
{
    struct rl_itch_head h = {.ts_ns = md->now_ns % RL_MD_DAY_NS};

    rl_md_itch_put(md, rl_itch_put_system(rl_md_itch_slot(md), &h, event));
}

void rl_md_itch_start(struct rl_md_itch *md, uint64_t now_ns)
{
    if (md->is_started)
        return;
    md->is_started = true;
    advance(md, now_ns);
    system_event(md, 'O'); /* start of messages, of system hours, of market hours */
    system_event(md, 'S');
    rl_md_itch_list(md);
    system_event(md, 'Q');
}

void rl_md_itch_end(struct rl_md_itch *md, uint64_t now_ns)
{
    if (md->is_ended)
        return;
    advance(md, now_ns);
    rl_md_itch_settle(md);
    system_event(md, 'M');
    system_event(md, 'E');
    system_event(md, 'C');
    rl_md_itch_flush(md);
    md->is_ended = true;
    idle(md);
}

/* --- requests of subscribers ------------------------------------------------------------------ */

static uint32_t image_directory(void *context, uint32_t instrument, uint8_t *out)
{
    return rl_md_itch_directory(context, out, instrument);
}

static uint32_t image_action(void *context, uint32_t instrument, uint8_t *out)
{
    return rl_md_itch_action(context, out, instrument);
}

/* Never attributed: all messages of an image are of one size. */
static uint32_t image_order(void *context, uint32_t instrument, enum rl_side side, int64_t px_nano,
                            const struct rl_book_order *o, uint8_t *out)
{
    struct rl_md_itch *md = context;

    return rl_md_itch_order(md, out, instrument, rl_md_itch_ref(md, instrument, o->id), side,
                            o->qty, px_nano, "");
}

const struct rl_md_image *rl_md_itch_image(struct rl_md_itch *md, uint64_t now_ns)
{
    struct rl_md_source from = {.books = md->config.books,
                                .context = md,
                                .directory = image_directory,
                                .action = image_action,
                                .order = image_order};

    if (!has_snapshots(&md->config))
        return NULL;
    advance(md, now_ns);
    rl_md_itch_settle(md);
    rl_md_itch_list(md);
    rl_md_itch_flush(md);
    from.n_instruments = md->n_listed;
    return rl_md_snapshot_take(&md->snapshot, &from, md->retransmit.next, md->now_ns);
}

void rl_md_itch_request(struct rl_md_itch *md, uint64_t handle, const uint8_t *bytes,
                        uint32_t n_bytes, uint64_t now_ns)
{
    const struct rl_md_image *image;
    const uint8_t *session;
    uint64_t seq;
    uint32_t n;

    if (!md->config.answer)
        return;
    advance(md, now_ns);
    if (has_snapshots(&md->config) && rl_mold_read_request(bytes, n_bytes, &session, &seq, &n)) {
        if (rl_md_snapshot_is_session(session)) {
            rl_md_snapshot_answer(&md->snapshot, handle, session, seq, n, md->now_ns);
            return;
        }
        if (seq == RL_MD_IMAGE_REQUEST && memcmp(session, md->session, RL_MOLD_SESSION) == 0) {
            image = rl_md_itch_image(md, md->now_ns);
            rl_md_snapshot_answer(&md->snapshot, handle, (const uint8_t *)image->session, 1, n,
                                  md->now_ns);
            return;
        }
    }
    rl_md_retransmit_request(&md->retransmit, handle, bytes, n_bytes);
}
