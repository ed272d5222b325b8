#include "market/feed/feed.h"

#include <errno.h>

#include "base/mem.h"
#include "market/feed/feed_inner.h"

#define N_LOCATES 65536u

/* --- set-up ----------------------------------------------------------------------------------- */

static uint32_t slots_for(uint32_t n_instruments)
{
    uint32_t n = 4;

    while (n < 2 * n_instruments)
        n <<= 1;
    return n;
}

static bool config_is_good(const struct rl_feed_config *c)
{
    return c->n_instruments > 0 && c->n_instruments <= 1u << 24 && c->n_qty_decimals <= 18 &&
           (c->kind == RL_FEED_ITCH || c->kind == RL_FEED_DBN || c->kind == RL_FEED_FIX);
}

size_t rl_feed_bytes(const struct rl_feed_config *c)
{
    if (!config_is_good(c))
        return 0;
    return (c->kind == RL_FEED_ITCH ? N_LOCATES : slots_for(c->n_instruments)) * sizeof(uint32_t) +
           c->n_instruments * (RL_FEED_SYMBOL + sizeof(uint32_t) + sizeof(uint8_t)) +
           4 * RL_CACHE_LINE;
}

int rl_feed_init(struct rl_feed *f, struct rl_arena *arena, const struct rl_feed_config *c)
{
    uint32_t n_slots;

    if (!config_is_good(c))
        return -EINVAL;
    memset(f, 0, sizeof *f);
    f->kind = c->kind;
    f->mold = c->mold && c->kind != RL_FEED_FIX;
    f->n_qty_decimals = c->n_qty_decimals;
    f->n_instruments_max = c->n_instruments;
    f->next_seq = c->first_seq;
    f->next_appl_seq = c->first_seq;
    f->last_instrument = RL_FEED_NONE;
    n_slots = c->kind == RL_FEED_ITCH ? N_LOCATES : slots_for(c->n_instruments);
    f->slots = rl_arena_take(arena, n_slots * sizeof *f->slots, RL_CACHE_LINE);
    f->symbols = rl_arena_take(arena, c->n_instruments * sizeof *f->symbols, RL_CACHE_LINE);
    f->keys = rl_arena_take(arena, c->n_instruments * sizeof *f->keys, RL_CACHE_LINE);
    f->in_snapshot = rl_arena_take(arena, c->n_instruments, RL_CACHE_LINE);
    if (!f->slots || !f->symbols || !f->keys || !f->in_snapshot)
        return -ENOMEM;
    memset(f->slots, 0xFF, n_slots * sizeof *f->slots);
    f->slot_mask = n_slots - 1;
    if (c->kind == RL_FEED_ITCH)
        f->locates = f->slots;
    rl_fix_init(&f->fix, f->fields, RL_FIX_MAX_FIELDS);
    return 0;
}

/* --- instruments ------------------------------------------------------------------------------ */

/* A symbol as it is kept: zero padded. False when empty or too long. */
static inline bool symbol_pad(char out[RL_FEED_SYMBOL], const void *text, uint32_t n)
{
    if (n == 0 || n >= RL_FEED_SYMBOL)
        return false;
    memset(out, 0, RL_FEED_SYMBOL);
    memcpy(out, text, n);
    return true;
}

static uint32_t instrument_new(struct rl_feed *f, uint32_t key, const char symbol[RL_FEED_SYMBOL])
{
    uint32_t i = f->n_instruments;

    if (i == f->n_instruments_max)
        return RL_FEED_NONE;
    f->n_instruments++;
    f->keys[i] = key;
    memcpy(f->symbols[i], symbol, RL_FEED_SYMBOL);
    return i;
}

/* ITCH: symbols are 8 characters, padded with spaces. */
static uint32_t locate_new(struct rl_feed *f, uint32_t locate, const uint8_t *symbol)
{
    uint32_t i = f->locates[locate];
    char padded[RL_FEED_SYMBOL] = {0};
    uint32_t n = symbol ? RL_ITCH_SYMBOL : 0;

    while (n > 0 && (symbol[n - 1] == ' ' || symbol[n - 1] == 0))
        n--;
    if (n > 0)
        memcpy(padded, symbol, n);
    if (i == RL_FEED_NONE) {
        i = instrument_new(f, locate, padded);
        if (i == RL_FEED_NONE)
            return RL_FEED_NONE;
    } else {
        i &= ~RL_FEED_UNNAMED;
        if (n > 0)
            memcpy(f->symbols[i], padded, RL_FEED_SYMBOL);
    }
    f->locates[locate] = n > 0 ? i : i | RL_FEED_UNNAMED;
    return i;
}

static inline uint32_t locate_find(struct rl_feed *f, const uint8_t *message)
{
    uint32_t locate = rl_itch_locate(message);
    uint32_t i = f->locates[locate];

    if (RL_LIKELY(i < RL_FEED_UNNAMED))
        return i;
    if (i != RL_FEED_NONE && !rl_itch_symbol(message))
        return i & ~RL_FEED_UNNAMED;
    return locate_new(f, locate, rl_itch_symbol(message));
}

static inline uint32_t key_hash(uint32_t key)
{
    return (uint32_t)((key * 0x9E3779B97F4A7C15ULL) >> 32);
}

/* DBN: by number; a new one is called by its number until somebody names it. */
static uint32_t number_find(struct rl_feed *f, uint32_t key)
{
    uint32_t at = key_hash(key) & f->slot_mask;

    if (RL_LIKELY(key == f->last_key && f->last_instrument != RL_FEED_NONE))
        return f->last_instrument;
    while (f->slots[at] != RL_FEED_NONE && f->keys[f->slots[at]] != key)
        at = (at + 1) & f->slot_mask;
    if (f->slots[at] == RL_FEED_NONE) {
        char symbol[RL_FEED_SYMBOL] = {0};

        rl_fix_print_uint(symbol, key);
        f->slots[at] = instrument_new(f, key, symbol);
    }
    f->last_key = key;
    f->last_instrument = f->slots[at];
    return f->last_instrument;
}

static inline uint32_t symbol_hash(const char symbol[RL_FEED_SYMBOL])
{
    uint64_t words[RL_FEED_SYMBOL / 8], h = 0;

    memcpy(words, symbol, sizeof words);
    for (unsigned i = 0; i < RL_COUNT(words); i++)
        h = (h ^ words[i]) * 0x9E3779B97F4A7C15ULL;
    return (uint32_t)(h >> 32) ^ (uint32_t)(h >> 48);
}

uint32_t rl_feed_symbol_number(struct rl_feed *f, const uint8_t *text, uint32_t n)
{
    char symbol[RL_FEED_SYMBOL];
    uint32_t at;

    if (!symbol_pad(symbol, text, n))
        return RL_FEED_NONE;
    at = symbol_hash(symbol) & f->slot_mask;
    while (f->slots[at] != RL_FEED_NONE &&
           memcmp(f->symbols[f->slots[at]], symbol, RL_FEED_SYMBOL) != 0)
        at = (at + 1) & f->slot_mask;
    if (f->slots[at] == RL_FEED_NONE)
        f->slots[at] = instrument_new(f, 0, symbol);
    return f->slots[at];
}

const char *rl_feed_symbol(const struct rl_feed *f, uint32_t instrument)
{
    return instrument < f->n_instruments ? f->symbols[instrument] : "";
}

int rl_feed_name(struct rl_feed *f, uint32_t key, const char *symbol)
{
    char padded[RL_FEED_SYMBOL];
    uint32_t i;

    if (!symbol_pad(padded, symbol, (uint32_t)strnlen(symbol, RL_FEED_SYMBOL)))
        return -EINVAL;
    switch (f->kind) {
    case RL_FEED_ITCH:
        if (key >= N_LOCATES)
            return -EINVAL;
        i = locate_new(f, key, NULL);
        if (i != RL_FEED_NONE)
            f->locates[key] = i;
        break;
    case RL_FEED_DBN:
        i = number_find(f, key);
        break;
    default:
        return rl_feed_symbol_number(f, (const uint8_t *)symbol, (uint32_t)strlen(symbol)) ==
                       RL_FEED_NONE
                   ? -ENOSPC
                   : 0;
    }
    if (i == RL_FEED_NONE)
        return -ENOSPC;
    memcpy(f->symbols[i], padded, RL_FEED_SYMBOL);
    return 0;
}

uint32_t rl_feed_find(const struct rl_feed *f, const char *symbol)
{
    for (uint32_t i = 0; i < f->n_instruments; i++)
        if (strncmp(f->symbols[i], symbol, RL_FEED_SYMBOL) == 0)
            return i;
    return RL_INSTRUMENT_ALL;
}

/* --- packets ---------------------------------------------------------------------------------- */

/* The sequence of a packet against what was expected; skips what was delivered before. */
static bool packet_sequence(struct rl_feed *f, struct rl_mold *m)
{
    uint32_t n_bytes;

    if (RL_UNLIKELY(m->seq > f->next_seq)) {
        f->n.gaps++;
        f->n.lost += m->seq - f->next_seq;
    }
    while (RL_UNLIKELY(m->seq < f->next_seq && m->n_left > 0)) {
        if (!rl_mold_next(m, &n_bytes)) {
            f->n.bad_frames++;
            m->n_left = 0;
            return false;
        }
        f->n.duplicates++;
    }
    if (m->seq + m->n_left > f->next_seq)
        f->next_seq = m->seq + m->n_left;
    return m->n_left > 0;
}

static bool packet_open(struct rl_feed *f, const uint8_t *frame, uint32_t n_bytes,
                        struct rl_feed_cursor *c)
{
    struct rl_mold *m = &c->mold;

    if (RL_UNLIKELY(!rl_mold_open(m, frame, n_bytes))) {
        f->n.bad_frames++;
        return false;
    }
    if (RL_UNLIKELY(memcmp(f->session, m->session, RL_MOLD_SESSION) != 0 || !f->has_session)) {
        if (f->has_session) {
            f->n.sessions++;
            f->next_seq = 0;
            c->pending = RL_OP_RESET;
        }
        f->has_session = true;
        memcpy(f->session, m->session, RL_MOLD_SESSION);
    }
    if (RL_UNLIKELY(f->next_seq == 0))
        f->next_seq = m->seq;
    if (RL_UNLIKELY(m->seq > f->next_seq && m->seq - f->next_seq > RL_FEED_MAX_JUMP)) {
        f->n.bad_frames++;
        m->n_left = 0;
        return c->pending != RL_OP_NONE;
    }
    if (m->is_end)
        f->n.ends++;
    else if (m->n_left == 0)
        f->n.heartbeats++;
    /* A heartbeat carries the next number: it shows that the last packets were lost. */
    return packet_sequence(f, m) || c->pending != RL_OP_NONE;
}

/* The next message of the frame with its number; NULL at the end. */
static inline const uint8_t *message_next(struct rl_feed *f, struct rl_feed_cursor *c,
                                          uint32_t *n_bytes, uint64_t *seq)
{
    const uint8_t *message;

    if (RL_UNLIKELY(c->message != NULL)) {
        message = c->message;
        *n_bytes = c->n_message;
        *seq = c->mold.seq - 1;
        c->message = NULL;
        return message;
    }
    message = rl_mold_next(&c->mold, n_bytes);
    if (RL_UNLIKELY(!message)) {
        if (c->mold.n_left > 0) { /* the packet ends before its messages do */
            f->n.bad_frames++;
            f->n.lost += c->mold.n_left;
            c->mold.n_left = 0;
        }
        return NULL;
    }
    *seq = c->mold.seq - 1;
    f->n.messages++;
    return message;
}

static inline bool itch_next(struct rl_feed *f, struct rl_feed_cursor *c, struct rl_update *u)
{
    uint32_t n_bytes;
    const uint8_t *message = message_next(f, c, &n_bytes, &u->seq);

    if (!message)
        return false;
    if (RL_UNLIKELY(!rl_itch_decode(message, n_bytes, u))) {
        f->n.bad_messages++;
        u->ts_ns = 0;
        return rl_feed_none(u);
    }
    if (u->op == RL_OP_NONE) {
        if (message[0] == 'R')
            locate_new(f, rl_itch_locate(message), rl_itch_symbol(message));
        return rl_feed_none(u);
    }
    u->instrument = locate_find(f, message);
    if (RL_UNLIKELY(u->instrument == RL_FEED_NONE)) {
        f->n.no_instrument++;
        return rl_feed_none(u);
    }
    return true;
}

static inline bool dbn_next(struct rl_feed *f, struct rl_feed_cursor *c, struct rl_update *u)
{
    uint32_t n_bytes, instrument;
    uint64_t seq;
    const uint8_t *record = message_next(f, c, &n_bytes, &seq);
    bool is_good, in_snapshot;

    if (!record)
        return false;
    is_good = rl_dbn_decode(record, n_bytes, u);
    f->venue_seq = is_good ? u->seq : f->venue_seq;
    u->seq = seq;
    if (RL_UNLIKELY(!is_good)) {
        f->n.bad_messages++;
        u->ts_ns = 0;
        return rl_feed_none(u);
    }
    instrument = number_find(f, rl_dbn_instrument(record));
    if (RL_UNLIKELY(instrument == RL_FEED_NONE)) {
        f->n.no_instrument++;
        return rl_feed_none(u);
    }
    u->instrument = instrument;
    in_snapshot = (rl_dbn_flags(record) & RL_DBN_FLAG_SNAPSHOT) != 0;
    if (RL_UNLIKELY(in_snapshot && !f->in_snapshot[instrument])) {
        f->in_snapshot[instrument] = 1;
        f->n.snapshots++;
        c->message = record;
        c->n_message = n_bytes;
        u->op = RL_OP_CLEAR;
        return true;
    }
    f->in_snapshot[instrument] = in_snapshot && !(rl_dbn_flags(record) & RL_DBN_FLAG_LAST);
    return true;
}

/* --- all kinds -------------------------------------------------------------------------------- */

bool rl_feed_open(struct rl_feed *f, const uint8_t *frame, uint32_t n_bytes,
                  struct rl_feed_cursor *c)
{
    f->n.frames++;
    c->message = NULL;
    c->pending = RL_OP_NONE;
    if (f->kind == RL_FEED_FIX)
        return rl_feed_fix_open(f, frame, n_bytes, c);
    if (f->mold)
        return packet_open(f, frame, n_bytes, c);
    f->next_seq += f->next_seq == 0;
    c->mold = (struct rl_mold){.seq = ++f->next_seq};
    c->message = frame;
    c->n_message = n_bytes;
    f->n.messages++;
    return true;
}

bool rl_feed_next(struct rl_feed *f, struct rl_feed_cursor *c, struct rl_update *u)
{
    bool is_there;

    if (RL_UNLIKELY(c->pending != RL_OP_NONE)) {
        u->op = c->pending;
        u->instrument = c->pending == RL_OP_RESET ? RL_INSTRUMENT_ALL : c->instrument;
        u->seq = c->mold.seq;
        u->ts_ns = 0;
        c->pending = RL_OP_NONE;
        f->n.updates++;
        return true;
    }
    switch (f->kind) {
    case RL_FEED_ITCH:
        is_there = itch_next(f, c, u);
        break;
    case RL_FEED_DBN:
        is_there = dbn_next(f, c, u);
        break;
    default:
        is_there = rl_feed_fix_next(f, c, u);
        break;
    }
    f->n.updates += is_there;
    return is_there;
}
