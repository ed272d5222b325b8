#include "market/codec/binance.h"

#include <string.h>

#define MAX_DEPTH 16 /* of what is passed over; the venue nests five deep */

/* --- JSON, as much of it as is needed --------------------------------------------------------- */

struct scan {
    const uint8_t *text;
    uint32_t at, n;
};

/* The byte that comes next, 0 at the end: no byte of JSON outside strings is 0. */
static inline uint8_t peek(const struct scan *s)
{
    return s->at < s->n ? s->text[s->at] : 0;
}

static inline void skip_space(struct scan *s)
{
    while (s->at < s->n && (s->text[s->at] == ' ' || s->text[s->at] == '\t' ||
                            s->text[s->at] == '\r' || s->text[s->at] == '\n'))
        s->at++;
}

/* Steps over one byte of structure and the space around it. */
static inline bool take(struct scan *s, uint8_t c)
{
    skip_space(s);
    if (peek(s) != c)
        return false;
    s->at++;
    skip_space(s);
    return true;
}

/* A string; its inside goes to `out`, escapes as they are written. */
static bool take_string(struct scan *s, struct rl_binance_text *out)
{
    uint32_t at;

    if (peek(s) != '"')
        return false;
    for (at = ++s->at; at < s->n && s->text[at] != '"'; at++) {
        if (s->text[at] < ' ')
            return false;
        if (s->text[at] == '\\' && ++at == s->n)
            return false;
    }
    if (at >= s->n)
        return false;
    *out = (struct rl_binance_text){s->at, at - s->at};
    s->at = at + 1;
    return true;
}

static inline bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool take_uint(struct scan *s, uint64_t *value)
{
    uint32_t at = s->at;

    *value = 0;
    for (; is_digit(peek(s)); s->at++)
        if (__builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, (uint64_t)(s->text[s->at] - '0'), value))
            return false;
    return s->at > at;
}

static bool take_word(struct scan *s, const char *word)
{
    uint32_t n = (uint32_t)strlen(word);

    if (s->n - s->at < n || memcmp(s->text + s->at, word, n) != 0)
        return false;
    s->at += n;
    return true;
}

/* A number of any shape, true, false or null. */
static bool skip_scalar(struct scan *s)
{
    uint32_t at = s->at;

    if (take_word(s, "true") || take_word(s, "false") || take_word(s, "null"))
        return true;
    if (peek(s) == '-')
        s->at++;
    if (!is_digit(peek(s)))
        return false;
    while (is_digit(peek(s)) || peek(s) == '.' || peek(s) == 'e' || peek(s) == 'E' ||
           peek(s) == '+' || peek(s) == '-')
        s->at++;
    return s->at > at;
}

/* Any value: brackets must pair up, members be named, elements parted by one comma. */
static bool skip_value(struct scan *s)
{
    struct rl_binance_text ignored;
    uint8_t open[MAX_DEPTH];
    uint32_t depth = 0;

    for (;;) {
        uint8_t c = peek(s);

        if (c == '{' || c == '[') {
            if (depth == MAX_DEPTH)
                return false;
            open[depth++] = c;
            take(s, c);
            if (peek(s) != (c == '{' ? '}' : ']')) {
                if (c == '{' && (!take_string(s, &ignored) || !take(s, ':')))
                    return false;
                continue;
            }
        } else if (c == '"') {
            if (!take_string(s, &ignored))
                return false;
        } else if (!skip_scalar(s)) {
            return false;
        }
        /* After a value: close what ends here, then the comma before the next. */
        for (;;) {
            if (depth == 0)
                return true;
            skip_space(s);
            if (peek(s) != (open[depth - 1] == '{' ? '}' : ']'))
                break;
            s->at++;
            depth--;
        }
        if (!take(s, ','))
            return false;
        if (open[depth - 1] == '{' && (!take_string(s, &ignored) || !take(s, ':')))
            return false;
    }
}

/* --- decimals --------------------------------------------------------------------------------- */

/* Digits, or digits, a point and digits. */
static bool is_decimal(const uint8_t *s, uint32_t n)
{
    uint32_t i = 0;

    while (i < n && is_digit(s[i]))
        i++;
    if (i == 0)
        return false;
    if (i < n && s[i] == '.') {
        uint32_t point = i++;

        while (i < n && is_digit(s[i]))
            i++;
        if (i == point + 1)
            return false;
    }
    return i == n;
}

bool rl_binance_decimal(const struct rl_binance *b, struct rl_binance_text text,
                        uint32_t n_decimals, uint64_t *value)
{
    const uint8_t *s = b->text + text.at;
    uint32_t n = text.n, i = 0, n_fraction = 0;
    uint64_t v = 0;

    if (n_decimals >= sizeof rl_pow10 / sizeof rl_pow10[0] || !is_decimal(s, n))
        return false;
    for (bool is_fraction = false; i < n; i++) {
        if (s[i] == '.') {
            is_fraction = true;
            continue;
        }
        if (is_fraction && n_fraction == n_decimals) {
            if (s[i] != '0')
                return false; /* finer than we count */
            continue;
        }
        n_fraction += is_fraction;
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s[i] - '0'), &v))
            return false;
    }
    if (__builtin_mul_overflow(v, rl_pow10[n_decimals - n_fraction], &v) || v > INT64_MAX)
        return false;
    *value = v;
    return true;
}

/* --- levels ----------------------------------------------------------------------------------- */

static bool take_decimal(struct scan *s, struct rl_binance_text *out)
{
    return take_string(s, out) && is_decimal(s->text + out->at, out->n);
}

/* ["price","quantity"]; spot once had a third, empty element, long gone. */
static bool take_level(struct scan *s, struct rl_binance_text *px, struct rl_binance_text *qty)
{
    return take(s, '[') && take_decimal(s, px) && take(s, ',') && take_decimal(s, qty) &&
           take(s, ']');
}

/* An array of levels: where it lies and how many there are. */
static bool take_levels(struct scan *s, struct rl_binance_text *out, uint32_t *n_levels)
{
    struct rl_binance_text px, qty;

    *n_levels = 0;
    if (!take(s, '['))
        return false;
    out->at = s->at;
    if (peek(s) != ']') {
        do {
            if (!take_level(s, &px, &qty))
                return false;
            ++*n_levels;
        } while (take(s, ','));
    }
    out->n = s->at - out->at;
    return take(s, ']');
}

bool rl_binance_level(const struct rl_binance *b, struct rl_binance_text *at,
                      uint32_t n_qty_decimals, int64_t *px_nano, uint64_t *qty, bool *is_good)
{
    struct scan s = {b->text, at->at, at->at + at->n};
    struct rl_binance_text px_text, qty_text;
    uint64_t px;

    if (at->n == 0 || !take_level(&s, &px_text, &qty_text))
        return false;
    take(&s, ',');
    at->n -= s.at - at->at;
    at->at = s.at;
    *is_good = rl_binance_decimal(b, px_text, 9, &px) &&
               rl_binance_decimal(b, qty_text, n_qty_decimals, qty);
    *px_nano = *is_good ? (int64_t)px : 0;
    return true;
}

/* --- messages --------------------------------------------------------------------------------- */

/* Which of the known members were there. */
enum {
    HAS_TYPE = 1 << 0,
    HAS_FIRST = 1 << 1,
    HAS_LAST = 1 << 2,
    HAS_PREVIOUS = 1 << 3,
    HAS_BIDS = 1 << 4,
    HAS_ASKS = 1 << 5,
    HAS_BID = 1 << 6, /* bookTicker's b is a string */
    HAS_ASK = 1 << 7,
    HAS_BID_QTY = 1 << 8,
    HAS_ASK_QTY = 1 << 9,
    HAS_PX = 1 << 10,
    HAS_QTY = 1 << 11,
    HAS_MAKER = 1 << 12,
    HAS_SYMBOL = 1 << 13,
    HAS_EVENT_TIME = 1 << 14,
    HAS_TIME = 1 << 15,
    HAS_LAST_ID = 1 << 16,
};

struct member {
    struct rl_binance *b;
    struct rl_binance_text type;
    uint32_t has;
    uint64_t event_ms, ms;
};

static bool is_text(const uint8_t *text, struct rl_binance_text t, const char *word)
{
    return t.n == strlen(word) && memcmp(text + t.at, word, t.n) == 0;
}

/* False when a known member comes a second time. */
static bool once(struct member *m, uint32_t what)
{
    bool is_first = (m->has & what) == 0;

    m->has |= what;
    return is_first;
}

static bool take_side(struct member *m, struct scan *s, int side)
{
    struct rl_binance *b = m->b;

    if (peek(s) == '[')
        return once(m, side == RL_BUY ? HAS_BIDS : HAS_ASKS) &&
               take_levels(s, &b->levels[side], &b->n_levels[side]);
    return once(m, side == RL_BUY ? HAS_BID : HAS_ASK) && take_decimal(s, &b->px[side]);
}

/* The value of a member whose name has one letter. */
static bool take_short(struct member *m, struct scan *s, uint8_t name)
{
    struct rl_binance *b = m->b;

    switch (name) {
    case 'e':
        return once(m, HAS_TYPE) && take_string(s, &m->type);
    case 's':
        return once(m, HAS_SYMBOL) && take_string(s, &b->symbol);
    case 'E':
        return once(m, HAS_EVENT_TIME) && take_uint(s, &m->event_ms);
    case 'T':
        return once(m, HAS_TIME) && take_uint(s, &m->ms);
    case 'U':
        return once(m, HAS_FIRST) && take_uint(s, &b->first);
    case 'u':
        return once(m, HAS_LAST) && take_uint(s, &b->last);
    case 'b':
    case 'a':
        /* Trades on spot carry the ids of both orders under these names. */
        if (is_digit(peek(s)))
            return skip_scalar(s);
        return take_side(m, s, name == 'b' ? RL_BUY : RL_SELL);
    case 'B':
        return once(m, HAS_BID_QTY) && take_decimal(s, &b->qty[RL_BUY]);
    case 'A':
        return once(m, HAS_ASK_QTY) && take_decimal(s, &b->qty[RL_SELL]);
    case 'p':
        return once(m, HAS_PX) && take_decimal(s, &b->px[0]);
    case 'q':
        return once(m, HAS_QTY) && take_decimal(s, &b->qty[0]);
    case 'm':
        b->is_buyer_maker = peek(s) == 't';
        return once(m, HAS_MAKER) && (take_word(s, "true") || take_word(s, "false"));
    default:
        return skip_value(s);
    }
}

static bool take_member(struct member *m, struct scan *s, struct rl_binance_text name);

/* Members of an object whose brace was taken; `is_outer` may hold the data one level deeper. */
static bool take_members(struct member *m, struct scan *s, bool is_outer)
{
    struct rl_binance_text name;
    bool has_data = false;

    if (take(s, '}'))
        return true;
    do {
        if (!take_string(s, &name) || !take(s, ':'))
            return false;
        if (is_outer && is_text(s->text, name, "data") && peek(s) == '{') {
            if (has_data || m->has != 0)
                return false;
            has_data = true;
            take(s, '{');
            if (!take_members(m, s, false))
                return false;
        } else if (has_data) {
            if (!skip_value(s)) /* of the wrapper, not of the message */
                return false;
        } else if (!take_member(m, s, name)) {
            return false;
        }
    } while (take(s, ','));
    return take(s, '}');
}

static bool take_member(struct member *m, struct scan *s, struct rl_binance_text name)
{
    struct rl_binance *b = m->b;

    if (name.n == 1)
        return take_short(m, s, s->text[name.at]);
    if (is_text(s->text, name, "pu"))
        return once(m, HAS_PREVIOUS) && take_uint(s, &b->previous);
    if (is_text(s->text, name, "lastUpdateId"))
        return once(m, HAS_LAST_ID) && take_uint(s, &b->last);
    if (is_text(s->text, name, "bids") && peek(s) == '[')
        return take_side(m, s, RL_BUY);
    if (is_text(s->text, name, "asks") && peek(s) == '[')
        return take_side(m, s, RL_SELL);
    if (is_text(s->text, name, "symbol") && peek(s) == '"')
        return once(m, HAS_SYMBOL) && take_string(s, &b->symbol);
    return skip_value(s);
}

static inline bool has_all(const struct member *m, uint32_t what)
{
    return (m->has & what) == what;
}

/* What the members make together; false when something of it is missing. */
static bool settle(struct member *m, const uint8_t *text)
{
    struct rl_binance *b = m->b;

    if (has_all(m, HAS_LAST_ID)) {
        b->kind = RL_BINANCE_SNAPSHOT;
        return has_all(m, HAS_BIDS | HAS_ASKS);
    }
    if (is_text(text, m->type, "depthUpdate")) {
        b->kind = RL_BINANCE_DEPTH;
        if (!has_all(m, HAS_FIRST | HAS_LAST | HAS_BIDS | HAS_ASKS | HAS_SYMBOL))
            return false;
        if (!has_all(m, HAS_PREVIOUS))
            b->previous = b->first - 1;
        /* Numbers that run backwards are damage. */
        return b->first >= 1 && b->previous < b->first && b->first <= b->last &&
               b->last < UINT64_MAX;
    }
    if (is_text(text, m->type, "bookTicker") ||
        (m->type.n == 0 && has_all(m, HAS_BID_QTY | HAS_ASK_QTY))) {
        b->kind = RL_BINANCE_TICKER;
        return has_all(m, HAS_LAST | HAS_BID | HAS_ASK | HAS_BID_QTY | HAS_ASK_QTY | HAS_SYMBOL);
    }
    if (is_text(text, m->type, "trade") || is_text(text, m->type, "aggTrade")) {
        b->kind = RL_BINANCE_TRADE;
        return has_all(m, HAS_PX | HAS_QTY | HAS_MAKER | HAS_SYMBOL);
    }
    b->kind = RL_BINANCE_OTHER;
    return true;
}

bool rl_binance_read(struct rl_binance *b, const uint8_t *text, uint32_t n_bytes)
{
    struct scan s = {text, 0, n_bytes};
    struct member m = {.b = b};
    uint64_t ms;

    memset(b, 0, sizeof *b);
    b->text = text;
    if (!take(&s, '{') || !take_members(&m, &s, true))
        return false;
    if (s.at != s.n || !settle(&m, text))
        return false;
    ms = has_all(&m, HAS_TIME) ? m.ms : m.event_ms;
    b->ts_ns = ms <= UINT64_MAX / 1000000 ? ms * 1000000 : 0;
    return b->kind != RL_BINANCE_SNAPSHOT || b->last < UINT64_MAX;
}
