#include "rig/exchange/md_snapshot.h"

#include <errno.h>
#include <stdio.h>

#include "market/codec/itch.h"

/* Blocks of one size each, so that a message is found by its number. */
enum {
    DIRECTORY_BYTES = 39,
    ACTION_BYTES = 25,
    ORDER_BYTES = 36,
    DIRECTORY_BLOCK = RL_MOLD_BLOCK + DIRECTORY_BYTES,
    INSTRUMENT_BLOCKS = DIRECTORY_BLOCK + RL_MOLD_BLOCK + ACTION_BYTES,
    ORDER_BLOCK = RL_MOLD_BLOCK + ORDER_BYTES,
    NUMBER_DIGITS = RL_MD_IMAGE_END_BYTES - 1,
};

const char *const rl_md_snapshot_counter_names[] = {
#define NAME(name, what) #name,
    RL_MD_SNAPSHOT_COUNTERS(NAME)
#undef NAME
        NULL};

/* --- set-up ----------------------------------------------------------------------------------- */

static size_t directory_bytes(const struct rl_md_snapshot_config *config)
{
    return (size_t)config->n_instruments * INSTRUMENT_BLOCKS;
}

/* An encoder may fill a whole message more than it says. */
static size_t orders_bytes(const struct rl_md_snapshot_config *config)
{
    return (size_t)config->n_orders * ORDER_BLOCK + RL_CACHE_LINE;
}

size_t rl_md_snapshot_bytes(const struct rl_md_snapshot_config *config)
{
    return RL_MD_IMAGES * (directory_bytes(config) + orders_bytes(config) + 2 * RL_CACHE_LINE) +
           config->n_levels_per_side * sizeof(struct rl_book_depth) + RL_CACHE_LINE;
}

int rl_md_snapshot_init(struct rl_md_snapshot *s, struct rl_arena *arena,
                        const struct rl_md_snapshot_config *config)
{
    if (config->n_instruments == 0 || config->n_orders == 0 || config->n_levels_per_side == 0 ||
        config->n_packet_bytes < RL_MD_PACKET_MIN || config->n_packet_bytes > RL_MD_PACKET_MAX ||
        !config->answer)
        return -EINVAL;
    memset(s, 0, sizeof *s);
    s->config = *config;
    for (int i = 0; i < RL_MD_IMAGES; i++) {
        s->images[i].directory = rl_arena_take(arena, directory_bytes(config), RL_CACHE_LINE);
        s->images[i].orders = rl_arena_take(arena, orders_bytes(config), RL_CACHE_LINE);
        if (!s->images[i].directory || !s->images[i].orders)
            return -ENOMEM;
    }
    s->levels = rl_arena_take(arena, config->n_levels_per_side * sizeof *s->levels, RL_CACHE_LINE);
    if (!s->levels)
        return -ENOMEM;
    rl_md_snapshot_turn(s);
    return 0;
}

void rl_md_snapshot_turn(struct rl_md_snapshot *s)
{
    s->n_left = s->config.n_packets_per_turn ? s->config.n_packets_per_turn : UINT32_MAX;
}

/* --- taking an image -------------------------------------------------------------------------- */

static void list(struct rl_md_image *m, const struct rl_md_source *from, uint32_t instrument)
{
    uint8_t *block = m->directory + (size_t)instrument * INSTRUMENT_BLOCKS;
    uint8_t message[RL_ITCH_MAX_MESSAGE];

    rl_put_be16(block, DIRECTORY_BYTES);
    (void)from->directory(from->context, instrument, message);
    memcpy(block + RL_MOLD_BLOCK, message, DIRECTORY_BYTES);
    block += DIRECTORY_BLOCK;
    rl_put_be16(block, ACTION_BYTES);
    (void)from->action(from->context, instrument, message);
    memcpy(block + RL_MOLD_BLOCK, message, ACTION_BYTES);
}

static void queue(struct rl_md_snapshot *s, struct rl_md_image *m, const struct rl_md_source *from,
                  uint32_t instrument, enum rl_side side, int64_t px_nano)
{
    const struct rl_book_order *o = rl_books_front_at(from->books, instrument, side, px_nano);

    for (; o; o = rl_books_behind(from->books, o)) {
        uint8_t *block = m->orders + m->n_orders * ORDER_BLOCK;

        if (m->n_orders == s->config.n_orders) {
            s->n.cut++;
            continue;
        }
        /* 0: an order that the stream has not told either */
        if (from->order(from->context, instrument, side, px_nano, o, block + RL_MOLD_BLOCK) == 0)
            continue;
        rl_put_be16(block, ORDER_BYTES);
        m->n_orders++;
    }
}

static void fill(struct rl_md_snapshot *s, struct rl_md_image *m, const struct rl_md_source *from,
                 uint64_t next)
{
    char text[32];
    uint32_t n = from->n_instruments;

    m->n_instruments = n < s->config.n_instruments ? n : s->config.n_instruments;
    m->n_orders = 0;
    m->next = next;
    s->n_named = s->n_named % 999999999 + 1;
    (void)snprintf(text, sizeof text, "S%09u", (unsigned)s->n_named);
    memcpy(m->session, text, RL_MOLD_SESSION);
    for (uint32_t i = 0; i < m->n_instruments; i++) {
        list(m, from, i);
        for (int side = RL_BUY; side <= RL_SELL; side++) {
            uint32_t n_levels = rl_books_depth(from->books, i, (enum rl_side)side, s->levels,
                                               s->config.n_levels_per_side);

            for (uint32_t k = 0; k < n_levels; k++)
                queue(s, m, from, i, (enum rl_side)side, s->levels[k].px_nano);
        }
    }
    rl_put_be16(m->end, RL_MD_IMAGE_END_BYTES);
    (void)snprintf(text, sizeof text, "%c%020llu", RL_MD_IMAGE_END, (unsigned long long)next);
    memcpy(m->end + RL_MOLD_BLOCK, text, RL_MD_IMAGE_END_BYTES);
}

const struct rl_md_image *rl_md_snapshot_take(struct rl_md_snapshot *s,
                                              const struct rl_md_source *from, uint64_t next,
                                              uint64_t now_ns)
{
    struct rl_md_image *newer = &s->images[s->newer], *older = &s->images[1 - s->newer];

    if (newer->next == next ||
        (newer->next != 0 && now_ns - newer->taken_ns < s->config.pause_ns) ||
        (older->next != 0 && now_ns - older->read_ns < s->config.hold_ns)) {
        s->n.shared++;
        newer->read_ns = now_ns;
        return newer;
    }
    fill(s, older, from, next);
    older->taken_ns = older->read_ns = now_ns;
    s->newer = 1 - s->newer;
    s->n.images++;
    return older;
}

/* --- reading one ------------------------------------------------------------------------------ */

uint64_t rl_md_image_n(const struct rl_md_image *m)
{
    return m->next == 0 ? 0 : 2ull * m->n_instruments + m->n_orders + 1;
}

const uint8_t *rl_md_image_message(const struct rl_md_image *m, uint64_t seq, uint32_t *n_bytes)
{
    const uint8_t *block = m->end;
    uint64_t i = seq - 1, n_listed = 2ull * m->n_instruments;

    if (i >= rl_md_image_n(m)) /* also when seq is 0 */
        return NULL;
    if (i < n_listed)
        block = m->directory + i / 2 * INSTRUMENT_BLOCKS + (i % 2 ? DIRECTORY_BLOCK : 0);
    else if (i - n_listed < m->n_orders)
        block = m->orders + (i - n_listed) * ORDER_BLOCK;
    *n_bytes = rl_be16(block);
    return block + RL_MOLD_BLOCK;
}

bool rl_md_image_read_end(const uint8_t *message, uint32_t n_bytes, uint64_t *next)
{
    uint64_t v = 0;

    if (n_bytes != RL_MD_IMAGE_END_BYTES || message[0] != RL_MD_IMAGE_END)
        return false;
    for (int i = 1; i <= NUMBER_DIGITS; i++) {
        uint64_t digit = (uint64_t)message[i] - '0';

        if (digit > 9 || v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *next = v;
    return v > 0;
}

bool rl_md_snapshot_is_session(const uint8_t *session)
{
    if (session[0] != 'S')
        return false;
    for (int i = 1; i < RL_MOLD_SESSION; i++)
        if (session[i] < '0' || session[i] > '9')
            return false;
    return true;
}

void rl_md_snapshot_answer(struct rl_md_snapshot *s, uint64_t handle, const uint8_t *session,
                           uint64_t seq, uint32_t n, uint64_t now_ns)
{
    struct rl_md_image *m = NULL;
    struct rl_mold_writer w;

    s->n.requests++;
    for (int i = 0; i < RL_MD_IMAGES; i++)
        if (s->images[i].next != 0 && memcmp(s->images[i].session, session, RL_MOLD_SESSION) == 0)
            m = &s->images[i];
    if (!m || seq - 1 >= rl_md_image_n(m)) {
        s->n.stale++;
        return;
    }
    if (s->n_left == 0) {
        s->n.over_budget++;
        return;
    }
    rl_mold_begin(&w, s->packet, s->config.n_packet_bytes, m->session, seq);
    for (; n > 0; n--, seq++) {
        uint32_t n_bytes;
        const uint8_t *message = rl_md_image_message(m, seq, &n_bytes);

        if (!message || !rl_mold_add(&w, message, n_bytes))
            break;
    }
    s->n_left--;
    s->n.answers++;
    m->read_ns = now_ns;
    s->config.answer(s->config.context, handle, s->packet, rl_mold_finish(&w));
}
