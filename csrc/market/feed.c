#include "market/feed.h"

#include <errno.h>

#include "base/mem.h"

#define N_LOCATES 65536u
#define NONE UINT32_MAX
/* A sequence number that far ahead is a damaged packet, not a gap: following it would deafen the feed. */
#define MAX_JUMP (1ULL << 32)

/* --- set-up -------------------------------------------------------------------------------------- */

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
    f->last_instrument = NONE;
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

/* --- instruments ------------------------------------------------------------------------------------ */

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
        return NONE;
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
    if (i == NONE) {
        i = instrument_new(f, locate, padded);
        if (i == NONE)
            return NONE;
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
    if (i != NONE && !rl_itch_symbol(message))
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

    if (RL_LIKELY(key == f->last_key && f->last_instrument != NONE))
        return f->last_instrument;
    while (f->slots[at] != NONE && f->keys[f->slots[at]] != key)
        at = (at + 1) & f->slot_mask;
    if (f->slots[at] == NONE) {
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

/* FIX: by symbol. */
static uint32_t symbol_find(struct rl_feed *f, const uint8_t *text, uint32_t n)
{
    char symbol[RL_FEED_SYMBOL];
    uint32_t at;

    if (!symbol_pad(symbol, text, n))
        return NONE;
    at = symbol_hash(symbol) & f->slot_mask;
    while (f->slots[at] != NONE && memcmp(f->symbols[f->slots[at]], symbol, RL_FEED_SYMBOL) != 0)
        at = (at + 1) & f->slot_mask;
    if (f->slots[at] == NONE)
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
        if (i != NONE)
            f->locates[key] = i;
        break;
    case RL_FEED_DBN:
        i = number_find(f, key);
        break;
    default:
        return symbol_find(f, (const uint8_t *)symbol, (uint32_t)strlen(symbol)) == NONE ? -ENOSPC
                                                                                         : 0;
    }
    if (i == NONE)
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

/* --- packets ------------------------------------------------------------------------------------------ */

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
    if (RL_UNLIKELY(m->seq > f->next_seq && m->seq - f->next_seq > MAX_JUMP)) {
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

static inline bool none(struct rl_update *u)
{
    u->op = RL_OP_NONE;
    u->instrument = 0;
    return true;
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
        return none(u);
    }
    if (u->op == RL_OP_NONE) {
        if (message[0] == 'R')
            locate_new(f, rl_itch_locate(message), rl_itch_symbol(message));
        return none(u);
    }
    u->instrument = locate_find(f, message);
    if (RL_UNLIKELY(u->instrument == NONE)) {
        f->n.no_instrument++;
        return none(u);
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
        return none(u);
    }
    instrument = number_find(f, rl_dbn_instrument(record));
    if (RL_UNLIKELY(instrument == NONE)) {
        f->n.no_instrument++;
        return none(u);
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

/* --- FIX ------------------------------------------------------------------------------------------------ */

/* One sequence of numbers; false when the message was delivered before. */
static bool number_is_new(struct rl_feed *f, uint64_t *next, uint64_t seq)
{
    if (*next == 0)
        *next = seq;
    if (seq < *next) {
        f->n.duplicates++;
        return false;
    }
    if (seq > *next) {
        if (seq - *next > MAX_JUMP) {
            f->n.bad_frames++;
            return false;
        }
        f->n.gaps++;
        f->n.lost += seq - *next;
    }
    *next = seq + 1;
    return true;
}

/*
 * ApplSeqNum numbers market data across sessions and goes before MsgSeqNum; where it is in use, what
 * comes without it (heartbeats) has no number that matters.
 */
static bool fix_sequence(struct rl_feed *f, uint64_t *seq)
{
    const struct rl_fix_msg *m = &f->fix;
    const struct rl_fix_field *appl = rl_fix_find(m, RL_FIX_ApplSeqNum, 3);
    const struct rl_fix_field *number = rl_fix_find(m, RL_FIX_MsgSeqNum, 3);
    const struct rl_fix_field *next;
    uint64_t v;

    if (appl) {
        if (rl_fix_uint(m, appl, seq))
            return number_is_new(f, &f->next_appl_seq, *seq);
    } else if (number && rl_fix_uint(m, number, seq)) {
        if (m->type == RL_FIX_TYPE1('A') &&
            rl_fix_char(m, rl_fix_find(m, RL_FIX_ResetSeqNumFlag, 3)) == 'Y')
            f->next_seq = *seq; /* Logon that starts anew */
        next = m->type == RL_FIX_TYPE1('4') ? rl_fix_find(m, RL_FIX_NewSeqNo, 3) : NULL;
        if (next && rl_fix_uint(m, next, &v)) { /* SequenceReset: what is skipped is not lost */
            f->next_seq = v > f->next_seq ? v : f->next_seq;
            return true;
        }
        return number_is_new(f, &f->next_seq, *seq);
    }
    f->n.unsequenced++;
    *seq = f->n.frames;
    return true;
}

static bool fix_open(struct rl_feed *f, const uint8_t *frame, uint32_t n_bytes,
                     struct rl_feed_cursor *c)
{
    struct rl_fix_msg *m = &f->fix;
    const struct rl_fix_field *time, *count;
    uint64_t n;

    switch (rl_fix_parse(m, frame, n_bytes)) {
    case RL_FIX_OK:
        break;
    case RL_FIX_REJECT:
        f->n.bad_messages++;
        return false;
    default:
        f->n.bad_frames++;
        return false;
    }
    if (!fix_sequence(f, &c->mold.seq))
        return false;
    f->n.messages++;
    c->instrument = NONE;
    c->n_entries = 0;
    c->is_done = false;
    time = rl_fix_find(m, RL_FIX_SendingTime, 3);
    if (!time || !rl_fix_read_time(rl_fix_value(m, time), time->len, &c->ts_ns))
        c->ts_ns = 0;
    if (m->type == RL_FIX_TYPE1('0'))
        f->n.heartbeats++;
    c->is_snapshot = m->type == RL_FIX_TYPE1('W');
    if (m->type != RL_FIX_TYPE1('X') && !c->is_snapshot)
        return true;
    count = rl_fix_find(m, RL_FIX_NoMDEntries, 3);
    if (c->is_snapshot) {
        const struct rl_fix_field *symbol = rl_fix_find(m, RL_FIX_Symbol, 3);

        if (!symbol)
            symbol = rl_fix_find(m, RL_FIX_SecurityID, 3);
        if (symbol)
            c->instrument = symbol_find(f, rl_fix_value(m, symbol), symbol->len);
        if (c->instrument == NONE) {
            f->n.no_instrument++;
            return true;
        }
        c->pending = RL_OP_CLEAR;
    }
    if (!rl_fix_uint(m, count, &n) || n > m->n_fields) {
        f->n.bad_entries++;
        return true;
    }
    c->n_entries = (uint32_t)n;
    c->field = (uint32_t)(count - m->fields) + 1;
    c->opening = m->fields[c->field].tag; /* at worst CheckSum, which is always last */
    return true;
}

/*
 * MDEntryID as a number: digits as they read, other text of up to eight characters as its bytes with
 * the top bit set, so that the two cannot meet. False for what is longer.
 */
static bool entry_id(const uint8_t *s, uint32_t n, uint64_t *id)
{
    uint64_t text = 0;

    if (n <= 18 && (s[0] != '0' || n == 1) && rl_fix_read_uint(s, n, id))
        return true;
    if (n > 8)
        return false;
    for (uint32_t i = 0; i < n; i++)
        text = text << 8 | s[i];
    *id = text | 1ULL << 63;
    return true;
}

/* The fields of one entry that matter here; the first of each counts. */
struct entry {
    const struct rl_fix_field *action, *type, *id, *px, *size, *symbol, *security;
};

static void entry_read(const struct rl_fix_msg *m, struct rl_feed_cursor *c, struct entry *e)
{
    uint32_t i = c->field;

    *e = (struct entry){0};
    do {
        const struct rl_fix_field **at;

        switch (m->fields[i].tag) {
        case RL_FIX_MDUpdateAction: at = &e->action; break;
        case RL_FIX_MDEntryType: at = &e->type; break;
        case RL_FIX_MDEntryID: at = &e->id; break;
        case RL_FIX_MDEntryPx: at = &e->px; break;
        case RL_FIX_MDEntrySize: at = &e->size; break;
        case RL_FIX_Symbol: at = &e->symbol; break;
        case RL_FIX_SecurityID: at = &e->security; break;
        default: at = NULL; break;
        }
        if (at && !*at)
            *at = &m->fields[i];
        i++;
    } while (i + 1 < m->n_fields && m->fields[i].tag != c->opening);
    c->field = i;
}

static bool entry_qty(const struct rl_feed *f, const struct rl_fix_field *size, uint64_t *qty)
{
    int64_t v;
    bool inexact;

    if (!rl_fix_read_decimal(rl_fix_value(&f->fix, size), size->len, f->n_qty_decimals, &v,
                             &inexact) ||
        v < 0 || inexact)
        return false;
    *qty = (uint64_t)v;
    return true;
}

static enum rl_op bad_entry(struct rl_feed *f)
{
    f->n.bad_entries++;
    return RL_OP_NONE;
}

/* What an entry asks for; fills the rest of `u`. */
static enum rl_op entry_op(struct rl_feed *f, const struct rl_feed_cursor *c, const struct entry *e,
                           struct rl_update *u)
{
    const struct rl_fix_msg *m = &f->fix;
    uint8_t type = rl_fix_char(m, e->type);
    uint8_t action = c->is_snapshot ? '0' : rl_fix_char(m, e->action);
    bool has_id, is_level;

    if (type == 'J')
        return RL_OP_CLEAR;
    if (type != '0' && type != '1' && type != '2') {
        f->n.other_entries++;
        return RL_OP_NONE;
    }
    u->side = type == '1' ? RL_SELL : RL_BUY;
    has_id = e->id && entry_id(rl_fix_value(m, e->id), e->id->len, &u->id);
    is_level = !has_id && type != '2';
    f->n.level_entries += is_level;
    if (action == '2' && has_id && type != '2')
        return RL_OP_DELETE;
    if (!rl_fix_px(m, e->px, &u->px_nano))
        return bad_entry(f);
    if (action == '2') {
        u->qty = 0;
        return is_level ? RL_OP_LEVEL : RL_OP_NONE;
    }
    if (!e->size) {
        f->n.sizeless_entries++;
        return RL_OP_NONE;
    }
    if (!entry_qty(f, e->size, &u->qty))
        return bad_entry(f);
    if (type == '2')
        return RL_OP_TRADE;
    if (action != '0' && action != '1' && action != '5')
        return bad_entry(f); /* delete-from and delete-through are for feeds by position */
    if (is_level)
        return RL_OP_LEVEL;
    if (action == '0')
        return RL_OP_ADD;
    return u->qty == 0 ? RL_OP_DELETE : RL_OP_MODIFY;
}

static bool fix_next(struct rl_feed *f, struct rl_feed_cursor *c, struct rl_update *u)
{
    const struct rl_fix_msg *m = &f->fix;
    const struct rl_fix_field *symbol;
    struct entry e;

    if (c->is_done)
        return false;
    u->seq = c->mold.seq;
    u->ts_ns = c->ts_ns;
    if (c->n_entries == 0) { /* a message that says nothing about a book */
        c->is_done = true;
        return none(u);
    }
    if (c->field + 1 >= m->n_fields || m->fields[c->field].tag != c->opening) {
        f->n.bad_entries += c->n_entries; /* promised, but not there */
        c->is_done = true;
        return none(u);
    }
    entry_read(m, c, &e);
    c->n_entries--;
    c->is_done = c->n_entries == 0;
    f->n.entries++;
    symbol = e.symbol ? e.symbol : e.security;
    if (symbol && !c->is_snapshot) {
        c->instrument = symbol_find(f, rl_fix_value(m, symbol), symbol->len);
        if (c->instrument == NONE) {
            f->n.no_instrument++;
            return none(u);
        }
    }
    if (c->instrument == NONE) {
        bad_entry(f);
        return none(u);
    }
    u->instrument = c->instrument;
    u->op = (uint8_t)entry_op(f, c, &e, u);
    return u->op == RL_OP_NONE ? none(u) : true;
}

/* --- all kinds -------------------------------------------------------------------------------------------- */

bool rl_feed_open(struct rl_feed *f, const uint8_t *frame, uint32_t n_bytes,
                  struct rl_feed_cursor *c)
{
    f->n.frames++;
    c->message = NULL;
    c->pending = RL_OP_NONE;
    if (f->kind == RL_FEED_FIX)
        return fix_open(f, frame, n_bytes, c);
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
        is_there = fix_next(f, c, u);
        break;
    }
    f->n.updates += is_there;
    return is_there;
}
