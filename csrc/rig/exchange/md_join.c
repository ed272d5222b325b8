#include "rig/exchange/md_join.h"

#include <errno.h>

#include "market/codec/itch.h"

#define ADD_BYTES 36
#define ASK_MESSAGES 1024 /* at once: more than any packet holds */

size_t rl_md_join_bytes(uint32_t n_orders)
{
    return (size_t)n_orders * ADD_BYTES + RL_CACHE_LINE;
}

int rl_md_join_init(struct rl_md_join *j, struct rl_arena *arena, struct rl_feed *feed,
                    struct rl_books *books, uint32_t n_orders)
{
    *j = (struct rl_md_join){.feed = feed, .books = books, .n_adds_max = n_orders};
    j->adds = rl_arena_take(arena, (size_t)n_orders * ADD_BYTES, RL_CACHE_LINE);
    return j->adds ? 0 : -ENOMEM;
}

void rl_md_join_restart(struct rl_md_join *j)
{
    j->is_reading = false;
    j->n_adds = 0;
    j->next = 1;
}

void rl_md_join_ask(const struct rl_md_join *j, uint8_t *request, const uint8_t *session)
{
    if (j->is_reading)
        rl_mold_put_request(request, j->session, j->next, ASK_MESSAGES);
    else
        rl_mold_put_request(request, session, RL_MD_IMAGE_REQUEST, ASK_MESSAGES);
}

/* A listed instrument gets the number that the stream's directory would have given it. */
static void list(struct rl_md_join *j, const uint8_t *message)
{
    char symbol[RL_ITCH_SYMBOL + 1] = {0};
    int n = RL_ITCH_SYMBOL;

    memcpy(symbol, rl_itch_symbol(message), RL_ITCH_SYMBOL);
    while (n > 0 && symbol[n - 1] == ' ')
        symbol[--n] = 0;
    if (rl_feed_name(j->feed, rl_itch_locate(message), symbol) < 0)
        j->n_bad++;
}

static void fill(struct rl_md_join *j)
{
    struct rl_update u = {.op = RL_OP_RESET, .instrument = RL_INSTRUMENT_ALL};

    (void)rl_books_apply(j->books, &u);
    for (uint32_t i = 0; i < j->n_adds; i++) {
        const uint8_t *add = j->adds + (size_t)i * ADD_BYTES;

        (void)rl_itch_decode(add, ADD_BYTES, &u);
        u.seq = j->next;
        u.instrument = j->feed->locates[rl_itch_locate(add)];
        if (u.instrument < j->feed->n_instruments)
            (void)rl_books_apply(j->books, &u);
        else
            j->n_bad++;
    }
}

/* The image says what it reaches to: join the stream there, then believe it. */
static enum rl_md_joined join(struct rl_md_join *j, uint64_t next, uint64_t now_ns)
{
    struct rl_feed *f = j->feed;
    uint64_t n_before = f->lines->n.snapshots;

    j->is_reading = false;
    (void)rl_lines_adopt(f->lines, next - 1, now_ns);
    if (f->lines->n.snapshots == n_before) {
        j->n_old++;
        rl_md_join_restart(j);
        return RL_MD_JOIN_OLD;
    }
    fill(j);
    f->base_synced = f->certain_since; /* every book was told anew */
    j->n_joined++;
    rl_md_join_restart(j);
    return RL_MD_JOIN_DONE;
}

enum rl_md_joined rl_md_join_message(struct rl_md_join *j, const uint8_t *message, uint32_t n_bytes,
                                     uint64_t now_ns)
{
    uint64_t next;

    if (rl_md_image_read_end(message, n_bytes, &next))
        return join(j, next, now_ns);
    if (n_bytes == 0 || n_bytes != rl_itch_sizes[message[0]]) {
        j->n_bad++;
    } else if (message[0] == 'R') {
        list(j, message);
    } else if (message[0] == 'A') {
        if (j->n_adds == j->n_adds_max)
            return RL_MD_JOIN_FULL;
        memcpy(j->adds + (size_t)j->n_adds++ * ADD_BYTES, message, ADD_BYTES);
    }
    return RL_MD_JOIN_MORE;
}

/* The packet belongs to the image being read, or begins one. */
static bool is_ours(struct rl_md_join *j, const struct rl_mold *m)
{
    if (!rl_md_snapshot_is_session(m->session) || m->n_left == 0)
        return false;
    if (j->is_reading)
        return memcmp(m->session, j->session, RL_MOLD_SESSION) == 0 && m->seq <= j->next;
    if (m->seq != 1)
        return false;
    rl_md_join_restart(j);
    j->is_reading = true;
    j->n_images++;
    memcpy(j->session, m->session, RL_MOLD_SESSION);
    return true;
}

enum rl_md_joined rl_md_join_push(struct rl_md_join *j, const uint8_t *packet, uint32_t n_bytes,
                                  uint64_t now_ns)
{
    enum rl_md_joined joined = RL_MD_JOIN_IGNORED;
    struct rl_mold m;
    uint32_t n;

    if (!rl_mold_is_whole(packet, n_bytes, &n) || !rl_mold_open(&m, packet, n_bytes) ||
        !is_ours(j, &m))
        return RL_MD_JOIN_IGNORED;
    for (;;) {
        uint64_t seq = m.seq;
        const uint8_t *message = rl_mold_next(&m, &n);

        if (!message)
            return joined;
        if (seq < j->next)
            continue; /* read before */
        j->next = seq + 1;
        joined = rl_md_join_message(j, message, n, now_ns);
        if (joined != RL_MD_JOIN_MORE)
            return joined;
    }
}
