/*
 * Order entry by OUCH: an input is a tape of what members send - raw bytes, messages that nearly
 * make sense, SoupBinTCP packets, numbered frames - and of what happens to the venue meanwhile.
 * Whatever comes: no crash, slots and books hold together, and the gateway's orders are those of
 * the matching engine, one by one.
 */
#include "fuzz.h"

#include "rig/exchange/ouch_desk.h"
#include "session/soup_session.h"

#define UTC_NS 1700000000000000000ULL

enum { N_MEMBERS = 3, N_SLOTS = 48, N_BYTES = 1 << 19 };

/* A port whose only frame is the one at hand; what is sent is read and forgotten. */
struct fuzz_port {
    struct rl_port port;
    struct rl_frame frame;
    uint8_t out[1400];
};

static struct {
    struct rl_arena arena;
    struct rl_venue venue;
    struct rl_ouch_gateway g;
    struct rl_ouch_desk desk;
    struct fuzz_port port;
    struct rl_memory_store store;
    struct rl_soup_session soup;
    struct rl_soup_stream stream;
    uint8_t stream_bytes[1024];
    uint32_t soup_member;
    uint64_t now_ns;
} f;

static uint32_t port_burst(struct rl_port *p, struct rl_frame *frames, uint32_t max)
{
    struct fuzz_port *port = (struct fuzz_port *)p;
    uint32_t n = port->frame.data != NULL && max > 0;

    if (n > 0)
        frames[0] = port->frame;
    port->frame.data = NULL;
    return n;
}

static void port_release(struct rl_port *p)
{
    (void)p;
}

static uint8_t *port_reserve(struct rl_port *p, uint32_t n_bytes)
{
    struct fuzz_port *port = (struct fuzz_port *)p;

    return n_bytes <= sizeof port->out ? port->out : NULL;
}

static void port_commit(struct rl_port *p, uint32_t n_bytes)
{
    CHECK(n_bytes >= RL_OUCH_PORT_HEADER && n_bytes <= sizeof((struct fuzz_port *)p)->out);
}

static const struct rl_port_ops port_ops = {.name = "fuzz",
                                            .rx_burst = port_burst,
                                            .rx_release = port_release,
                                            .tx_reserve = port_reserve,
                                            .tx_commit = port_commit};

/* --- soup ------------------------------------------------------------------------------------- */

static void soup_step(const struct rl_soup_event *event)
{
    struct rl_soup_session *s = &f.soup;

    (void)rl_soup_session_step(s, event, f.now_ns);
    for (int turns = 0;; turns++) {
        CHECK(turns < 1000);
        for (uint32_t i = 0, n = s->n_actions; i < n; i++) {
            struct rl_soup_action a = s->actions[i];

            CHECK(n <= RL_SOUP_SESSION_ACTIONS);
            if (a.kind == RL_SOUP_DO_DELIVER)
                rl_ouch_gateway_message(&f.g, f.soup_member, a.bytes, a.n_bytes, f.now_ns);
            else if (a.kind == RL_SOUP_DO_LOGGED_ON)
                rl_ouch_gateway_connect(&f.g, f.soup_member);
            else if (a.kind == RL_SOUP_DO_LOGGED_OUT)
                rl_ouch_gateway_disconnect(&f.g, f.soup_member, f.now_ns);
        }
        if (!s->more)
            return;
        (void)rl_soup_session_step(s, &(struct rl_soup_event){.kind = RL_SOUP_EV_CONTINUE},
                                   f.now_ns);
    }
}

static void soup_bytes(const uint8_t *bytes, size_t n)
{
    enum rl_soup_result result;
    struct rl_soup p;
    size_t n_room;
    uint8_t *room = rl_soup_stream_room(&f.stream, &n_room);

    n = n < n_room ? n : n_room;
    if (n > 0)
        memcpy(room, bytes, n);
    rl_soup_stream_filled(&f.stream, n);
    while ((result = rl_soup_stream_next(&f.stream, &p)) == RL_SOUP_OK)
        soup_step(&(struct rl_soup_event){.kind = RL_SOUP_EV_PACKET, .packet = p});
    if (result == RL_SOUP_LIAR) {
        soup_step(&(struct rl_soup_event){.kind = RL_SOUP_EV_LIAR});
        rl_soup_stream_init(&f.stream, f.stream_bytes, sizeof f.stream_bytes);
    }
}

/* Every message that leaves can be read. */
static void told(void *context, uint32_t member, const uint8_t *message, uint32_t n_bytes)
{
    struct rl_ouch_out m;

    (void)context;
    CHECK(rl_ouch_read_out(message, n_bytes, &m));
    if (member == f.soup_member)
        soup_step(
            &(struct rl_soup_event){.kind = RL_SOUP_EV_SEND, .bytes = message, .n_bytes = n_bytes});
    else
        rl_ouch_desk_send(&f.desk, member, message, n_bytes);
}

/* --- the world -------------------------------------------------------------------------------- */

static void open_world(void)
{
    struct rl_venue_config venue = {.match = {.n_instruments = 2,
                                              .n_orders = 40,
                                              .n_levels_per_side = 16,
                                              .n_owners = N_MEMBERS,
                                              .n_trades = 16,
                                              .tick_nano = RL_NANO_PER_UNIT / 100,
                                              .seed = 1}};
    struct rl_ouch_gateway_config gateway = {.n_slots = N_SLOTS, .n_members = N_MEMBERS};
    struct rl_ouch_member_config member = {
        .firms = {"FIRM", "OTHR"}, .cancels_on_disconnect = true, .stp = RL_MATCH_STP_OLDEST};
    struct rl_ouch_port_config link = {.n_window = 64};
    struct rl_soup_session_config soup = {.username = "U", .password = "P", .session = "S"};
    int number;

    memset(&f, 0, sizeof f);
    f.now_ns = UTC_NS;
    CHECK_EQ(rl_arena_open(&f.arena, N_BYTES, 0), 0);
    CHECK_EQ(rl_venue_init(&f.venue, &f.arena, &venue), 0);
    CHECK(rl_venue_list(&f.venue, "A") == 0 && rl_venue_list(&f.venue, "B") == 1);
    CHECK_EQ(rl_ouch_gateway_init(&f.g, &f.arena, &gateway, &f.venue, told, NULL), 0);
    number = rl_ouch_gateway_join(&f.g, &member);
    CHECK(number >= 0);
    f.soup_member = (uint32_t)number;
    f.port.port.ops = &port_ops;
    f.port.port.caps.n_bytes_frame_max = sizeof f.port.out;
    CHECK_EQ(rl_ouch_desk_init(&f.desk, &f.arena, &f.g, 1), 0);
    CHECK_EQ(rl_ouch_desk_seat(&f.desk, &f.arena, &f.port.port, &link, &member), 0);
    member.cancels_on_disconnect = false;
    member.rate_per_s = 1000;
    member.burst = 20;
    CHECK(rl_ouch_gateway_join(&f.g, &member) >= 0);
    CHECK_EQ(rl_memory_store_init(&f.store, &f.arena, 4096, 64, f.now_ns), 0);
    CHECK_EQ(rl_soup_session_init(&f.soup, &f.arena, &soup, &f.store.store), 0);
    rl_soup_stream_init(&f.stream, f.stream_bytes, sizeof f.stream_bytes);
}

/* The gateway's orders and the engine's: the same, since nothing stands between. */
static void check_world(void)
{
    const char *what = "";
    uint32_t n = 0;

    if (rl_ouch_gateway_check(&f.g, &what) != 0 || rl_match_check(f.venue.match, &what) != 0) {
        fprintf(stderr, "%s\n", what);
        CHECK(false);
    }
    for (uint32_t i = 0; i < N_SLOTS; i++) {
        const struct rl_ouch_order *o = &f.g.orders[i];
        struct rl_match_view v;

        if (o->state == RL_OUCH_FREE)
            continue;
        n++;
        CHECK_EQ(o->state, RL_OUCH_LIVE);
        CHECK(rl_match_find(f.venue.match, o->instrument, o->id, &v));
        CHECK_EQ(v.owner, o->member);
        CHECK_EQ(v.leaves, o->total - o->done);
        CHECK_EQ(v.done, o->done);
        CHECK_EQ(v.px_nano, o->px_nano);
        CHECK_EQ(v.side, rl_ouch_side(o->side));
    }
    CHECK_EQ(rl_match_books(f.venue.match)->n_orders, n);
    CHECK_EQ(f.g.n.unsent, 0);
    CHECK_EQ(f.g.n.events_odd, 0);
}

/* --- the tape --------------------------------------------------------------------------------- */

/* Nearly sensible: numbers that rise, prices that meet. */
static void message(struct fuzz_tape *t)
{
    uint8_t bytes[RL_OUCH_MAX_MESSAGE], options[64], type = "OOOUUXMC"[fuzz_u8(t) % 8];
    struct rl_ouch_option_writer w = {.bytes = options, .n_max = sizeof options};
    uint32_t member = fuzz_u8(t) % N_MEMBERS, last = f.g.members[member].last_ref, n;
    uint8_t wish = fuzz_u8(t), terms = fuzz_u8(t);
    struct rl_ouch_in in = {.type = type,
                            .side = "BSTE"[terms % 4],
                            .tif = "0036"[terms / 4 % 4],
                            .display = 'Y',
                            .capacity = 'A',
                            .sweep = 'N',
                            .cross = terms % 32 == 31 ? 'O' : 'N',
                            .qty = fuzz_u8(t),
                            .px_nano = (100 + fuzz_u8(t) % 8) * (RL_NANO_PER_UNIT / 100)};

    in.ref = type == 'O' || type == 'U' || type == 'C' ? last + 1 : last - fuzz_u8(t) % 8;
    in.orig_ref = last - fuzz_u8(t) % 8;
    rl_put_alpha(in.symbol, terms & 128 ? "A" : "B", RL_OUCH_SYMBOL);
    rl_put_alpha(in.firm, "FIRM", RL_OUCH_FIRM);
    if (type == 'O' || type == 'U') {
        if (wish & 1)
            CHECK(rl_ouch_put_option_uint(&w, RL_OUCH_OPTION_max_floor, 1 + wish / 8));
        if (wish & 2)
            CHECK(rl_ouch_put_option_uint(&w, RL_OUCH_OPTION_aiq_strategy, "NDOW"[wish / 64]));
        if (wish & 4)
            CHECK(rl_ouch_put_option_uint(&w, RL_OUCH_OPTION_post_only, 'P'));
        if (in.tif == '6')
            CHECK(rl_ouch_put_option_uint(&w, RL_OUCH_OPTION_expire_time, 80001 + wish / 16));
    }
    in.options = rl_ouch_options_of(&w);
    n = rl_ouch_write_in(bytes, sizeof bytes, &in);
    CHECK(n > 0);
    rl_ouch_gateway_message(&f.g, member, bytes, n, f.now_ns);
}

static void happen(struct fuzz_tape *t)
{
    uint32_t member = fuzz_u8(t) % (N_MEMBERS + 1);

    switch (fuzz_u8(t) % 8) {
    case 0:
        rl_ouch_gateway_disconnect(&f.g, member, f.now_ns);
        break;
    case 1:
        rl_ouch_gateway_connect(&f.g, member);
        break;
    case 2:
        rl_venue_decide(&f.venue,
                        &(struct rl_match_request){.op = RL_MATCH_PHASE,
                                                   .instrument = fuzz_u8(t) % 2,
                                                   .phase = fuzz_u8(t) % RL_MATCH_N_PHASES},
                        f.now_ns);
        break;
    case 3:
        rl_venue_decide(&f.venue,
                        &(struct rl_match_request){.op = RL_MATCH_BUST,
                                                   .instrument = RL_INSTRUMENT_ALL,
                                                   .match = fuzz_u8(t)},
                        f.now_ns);
        break;
    case 4:
        rl_venue_decide(
            &f.venue,
            &(struct rl_match_request){.op = RL_MATCH_DAY_END, .instrument = RL_INSTRUMENT_ALL},
            f.now_ns);
        break;
    case 5:
        soup_step(&(struct rl_soup_event){.kind = fuzz_u8(t) % 2 ? RL_SOUP_EV_CONNECTED
                                                                 : RL_SOUP_EV_DISCONNECTED});
        rl_soup_stream_init(&f.stream, f.stream_bytes, sizeof f.stream_bytes);
        break;
    case 6:
        soup_step(&(struct rl_soup_event){.kind = RL_SOUP_EV_TIMER});
        break;
    default:
        f.now_ns += (uint64_t)fuzz_u16(t) * 1000000;
        (void)rl_venue_turn(&f.venue, f.now_ns);
        break;
    }
}

/* So many bytes of the tape, or what is left of it. */
static const uint8_t *run_of(struct fuzz_tape *t, uint32_t *n)
{
    const uint8_t *at;

    *n = fuzz_u8(t);
    at = t->at;
    if (*n > t->end - t->at)
        *n = (uint32_t)(t->end - t->at);
    t->at += *n;
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_tape t = {data, data + size};
    const uint8_t *bytes;
    uint8_t *copy;
    uint32_t n, member;

    open_world();
    while (t.at < t.end) {
        switch (fuzz_u8(&t) % 8) {
        default:
            message(&t);
            break;
        case 4:
            member = fuzz_u8(&t) % N_MEMBERS;
            bytes = run_of(&t, &n);
            copy = fuzz_exactly(bytes, n);
            rl_ouch_gateway_message(&f.g, member, copy, n, f.now_ns);
            free(copy);
            break;
        case 5:
            bytes = run_of(&t, &n);
            soup_bytes(bytes, n);
            break;
        case 6:
            bytes = run_of(&t, &n);
            copy = fuzz_exactly(bytes, n);
            f.port.frame = (struct rl_frame){.data = copy, .n_bytes = n};
            (void)rl_ouch_desk_turn(&f.desk, f.now_ns, f.now_ns);
            free(copy);
            break;
        case 7:
            happen(&t);
            break;
        }
    }
    check_world();
    rl_arena_close(&f.arena);
    return 0;
}

/* --- seeds ------------------------------------------------------------------------------------ */

static uint32_t order(uint8_t *out, uint32_t ref, uint8_t side, uint32_t qty)
{
    struct rl_ouch_in in = {.type = 'O',
                            .ref = ref,
                            .side = side,
                            .qty = qty,
                            .px_nano = RL_NANO_PER_UNIT,
                            .tif = '0',
                            .display = 'Y',
                            .capacity = 'A',
                            .sweep = 'N',
                            .cross = 'N',
                            .symbol = "A       ",
                            .cl_ord_id = "ID            "};

    return rl_ouch_write_in(out, RL_OUCH_MAX_MESSAGE, &in);
}

static size_t raw_seed(uint8_t *out)
{
    size_t n = 0;

    for (uint32_t i = 0; i < 6; i++) {
        uint32_t length = order(out + n + 3, 1 + i / 2, "BS"[i % 2], 10 + i);

        out[n] = 4;
        out[n + 1] = i % 2 ? 2 : 0;
        out[n + 2] = (uint8_t)length;
        n += 3 + length;
    }
    return n;
}

static size_t soup_seed(uint8_t *out)
{
    static const uint8_t connects[] = {7, 0, 5, 1};
    struct rl_soup_login login = {
        .username = "U     ", .password = "P         ", .session = "          ", .seq = 1};
    uint8_t message_bytes[RL_OUCH_MAX_MESSAGE];
    size_t n = sizeof connects;

    memcpy(out, connects, n);
    out[n] = 5;
    out[n + 1] = (uint8_t)rl_soup_write_login(out + n + 2, 64, &login);
    n += 2u + out[n + 1];
    for (uint32_t i = 0; i < 4; i++) {
        out[n] = 5;
        out[n + 1] = (uint8_t)rl_soup_write(out + n + 2, 128, 'U', message_bytes,
                                            order(message_bytes, 1 + i, "BS"[i % 2], 10 + i));
        n += 2u + out[n + 1];
    }
    out[n] = 5;
    out[n + 1] = (uint8_t)rl_soup_write(out + n + 2, 8, 'O', NULL, 0);
    return n + 2 + out[n + 1];
}

static size_t frame_seed(uint8_t *out)
{
    size_t n = 0;

    for (uint32_t i = 0; i < 5; i++) {
        uint8_t *frame = out + n + 2;
        uint32_t length = i > 0 ? order(frame + 26, i, "BS"[i % 2], 10 + i) : 0;

        memset(frame, 0, RL_OUCH_PORT_HEADER);
        rl_put_be32(frame, 1);
        rl_put_be16(frame + 4, i == 0 ? RL_OUCH_PORT_OPEN : 0);
        rl_put_be16(frame + 6, i > 0);
        rl_put_be64(frame + 8, i > 0 ? i : 1);
        rl_put_be64(frame + 16, 1);
        rl_put_be16(frame + 24, (uint16_t)length);
        out[n] = 6;
        out[n + 1] = (uint8_t)(i > 0 ? 26 + length : 24);
        n += 2u + out[n + 1];
    }
    return n;
}

size_t fuzz_seed(unsigned i, uint8_t *out)
{
    uint64_t random = 1 + i;

    switch (i) {
    case 0:
        return raw_seed(out);
    case 1:
        return soup_seed(out);
    case 2:
        return frame_seed(out);
    default: /* flows of messages that nearly make sense */
        if (i > 12)
            return 0;
        for (uint32_t k = 0; k < 400; k++)
            out[k] = k % 8 == 0 ? (uint8_t)(i % 4 ? 0 : 7) : (uint8_t)(check_random(&random) >> 32);
        return 400;
    }
}
