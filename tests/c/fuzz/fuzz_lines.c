/*
 * Arbitration: two lines carry one true stream of numbered messages, and the input says which
 * packets come on which line, when, how often, cut how, and damaged where; it says when time
 * passes and when a request is answered. Whatever it says: no number is delivered twice, none out
 * of order, none skipped without being called lost, and every message is the true one.
 */
#include "base/mem.h"
#include "fuzz.h"
#include "market/codec/mold.h"
#include "market/feed/lines.h"

enum { MAX_OPS = 400, MAX_IN_PACKET = 12, N_WINDOW = 8 };

/* The content of a message is a function of its number and session: 4 to 11 bytes. */
static uint32_t true_message(uint64_t session, uint64_t seq, uint8_t *out)
{
    uint64_t x = (seq * 0x9E3779B97F4A7C15ULL) ^ session;
    uint32_t n = 4 + (uint32_t)(x % 8);

    memset(out, (int)(x >> 56), 16);
    rl_put_be32(out, (uint32_t)(x >> 16));
    return n;
}

enum {
    N_SESSIONS = 6
}; /* one more than are remembered when they have ended, and the one that is on */

static const char *const session_names[N_SESSIONS] = {"SESSION  1", "SESSION  2", "SESSION  3",
                                                      "SESSION  4", "SESSION  5", "SESSION  6"};

static uint32_t true_packet(uint8_t *out, uint64_t session, uint64_t seq, uint32_t n)
{
    struct rl_mold_writer w;
    uint8_t m[16];

    rl_mold_begin(&w, out, 1024, session_names[session], seq);
    for (uint32_t i = 0; i < n; i++)
        CHECK(rl_mold_add(&w, m, true_message(session, seq + i, m)));
    return rl_mold_finish(&w);
}

/* --- what must hold --------------------------------------------------------------------------- */

struct listener {
    uint64_t next;       /* the number expected; 0: nothing was delivered in this session */
    uint64_t n_messages; /* heard */
    uint64_t n_lost;
    bool is_damaged; /* a packet's numbers were changed: what it claims is no longer the truth */
};

static uint64_t session_of(const struct rl_delivery *d)
{
    uint64_t s = 0;

    while (s < N_SESSIONS && memcmp(d->bytes, session_names[s], RL_MOLD_SESSION) != 0)
        s++;
    return s;
}

static void check_content(const struct rl_delivery *d, uint64_t seq)
{
    uint64_t session = session_of(d), at = d->head.previous + 1;
    struct rl_mold m;
    const uint8_t *bytes;
    uint32_t n;

    CHECK(rl_mold_open(&m, d->bytes, d->n_bytes));
    CHECK_EQ(m.seq, at);
    while ((bytes = rl_mold_next(&m, &n)) != NULL) {
        uint8_t wanted[16];

        if (at++ < seq)
            continue;
        CHECK_EQ(n, true_message(session, at - 1, wanted));
        CHECK(memcmp(bytes, wanted, n) == 0);
    }
    CHECK_EQ(m.n_left, 0);
    CHECK_EQ(at, d->head.next);
}

static void hear(struct listener *l, const struct rl_delivery *d)
{
    uint64_t first = d->head.previous + 1 + d->n_skip;

    if (d->is_new_session)
        l->next = 0;
    CHECK(d->head.next >= first);
    if (l->next != 0) {
        CHECK(first >= l->next); /* never twice, never back */
        CHECK_EQ(first - l->next, d->n_lost);
    }
    if (d->head.kind == RL_PACKET_DATA) {
        CHECK(d->head.next > d->head.previous);
        if (!l->is_damaged)
            check_content(d, first);
    } else { /* a heartbeat that opened a session, or ended a gap that was given up */
        CHECK_EQ(d->head.n_messages, 0);
        CHECK(d->is_new_session || d->n_lost > 0);
    }
    l->n_messages += d->head.next - first;
    l->n_lost += d->n_lost;
    l->next = d->head.next;
}

static void hear_all(struct rl_lines *lines, struct listener *l)
{
    struct rl_delivery d;
    unsigned n = 0;

    while (rl_lines_next(lines, &d)) {
        CHECK(++n <= N_WINDOW + 4); /* it ends: what was parked and what was pushed */
        hear(l, &d);
    }
}

static void check_counters(const struct rl_lines *lines, const struct listener *l)
{
    const struct rl_lines_counters *n = &lines->n;
    uint64_t closed = n->recovered_other + n->recovered_late + n->recovered_request +
                      n->recovered_snapshot + n->gaps_lost;

    CHECK_EQ(n->lost >= l->n_lost, true);
    CHECK(closed <= n->gaps && n->gaps <= closed + 1 + n->sessions);
    CHECK(lines->window.n <= N_WINDOW);
    CHECK(rl_lines_is_synced(lines) == (lines->state == RL_LINES_IN_ORDER));
}

/* --- the target ------------------------------------------------------------------------------- */

static struct rl_arena arena;
static struct rl_lines lines;

static void open_lines(bool asks)
{
    struct rl_lines_config c = rl_lines_defaults(rl_protocol_of(RL_FEED_ITCH, true), 2);

    c.n_window = N_WINDOW;
    c.n_window_bytes = 2048;
    c.n_losses = 4;
    c.n_requests = asks ? 2 : 0;
    if (!arena.base)
        CHECK_EQ(rl_arena_open(&arena, rl_lines_bytes(&c), 0), 0);
    arena.n_used = 0;
    CHECK_EQ(rl_lines_init(&lines, &arena, &c), 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_tape t = {data, data + size};
    struct listener l = {0};
    uint64_t now_ns = 1000000, seq = 1, session = 0;
    uint8_t packet[1024];

    open_lines(fuzz_u8(&t) & 1);
    for (unsigned i = 0; i < MAX_OPS && t.at < t.end; i++) {
        uint8_t op = fuzz_u8(&t), how = fuzz_u8(&t);
        uint32_t line = op & 1, n = 0, count = how % MAX_IN_PACKET;
        struct rl_lines_request request;
        uint8_t *copy;

        switch (op >> 1 & 7) {
        case 0: /* the next packet */
        case 1:
            n = true_packet(packet, session, seq, count);
            seq += count;
            break;
        case 2: { /* one from before, or from ahead */
            int64_t from = (int64_t)seq + (int8_t)fuzz_u8(&t);

            n = true_packet(packet, session, from > 0 ? (uint64_t)from : 1, count);
            break;
        }
        case 3: /* time passes */
            now_ns += 1ULL << (how & 31);
            if (rl_lines_poll(&lines, now_ns))
                hear_all(&lines, &l);
            continue;
        case 4: /* a request is answered, maybe with less */
            if (!rl_lines_request(&lines, now_ns, &request) || request.is_snapshot)
                continue;
            CHECK(request.n > 0 && request.attempt > 0);
            n = true_packet(packet, session, request.first,
                            request.n < count ? (uint32_t)request.n : count);
            line = RL_LINE_RECOVERY;
            break;
        case 5: /* the end of the session, or the next one */
            if (how & 1) {
                n = true_packet(packet, session, seq, 0);
                rl_put_be16(packet + 18, RL_MOLD_END);
            } else {
                session = (session + 1) % N_SESSIONS;
                seq = 1;
                n = true_packet(packet, session, seq, count);
                seq += count;
            }
            break;
        case 6: /* what nobody ever sent */
            n = true_packet(packet, session, seq, count);
            packet[fuzz_u8(&t) % n] ^= how | 1;
            l.is_damaged = true;
            break;
        default: /* cut short */
            n = true_packet(packet, session, seq, count);
            n = how % (n + 1);
            break;
        }
        now_ns += fuzz_u8(&t);
        copy = fuzz_exactly(packet, n);
        if (rl_lines_push(&lines, line, copy, n, now_ns))
            hear_all(&lines, &l);
        free(copy);
        check_counters(&lines, &l);
    }
    return 0;
}

/* --- seeds ------------------------------------------------------------------------------------ */

static uint8_t op_of(unsigned what, unsigned line)
{
    return (uint8_t)(what << 1 | line);
}

size_t fuzz_seed(unsigned i, uint8_t *out)
{
    size_t n = 0;

    if (i >= 8)
        return 0;
    out[n++] = (uint8_t)(i & 1);
    for (unsigned k = 0; k < 24; k++) {
        unsigned what = (i * 5 + k * (1 + i % 3)) % 16;

        what = what < 8 ? 0 : what < 12 ? 2 : what - 9;
        out[n++] = op_of(what, k % 2);
        out[n++] = (uint8_t)(1 + k % 4 + (what == 3 ? 16 : 0));
        if (what == 2)
            out[n++] = (uint8_t)(k % 3 == 0 ? 3 : 256 - 3);
        if (what == 6)
            out[n++] = (uint8_t)(18 + k);
        if (what != 3)
            out[n++] = (uint8_t)(10 * k);
    }
    return n;
}
