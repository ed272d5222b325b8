/* What the wire calls an instrument, and the number it has here. */
#include <errno.h>

#include "market/feed/feed_inner.h"

/* A symbol as it is kept: zero padded. False when empty or too long. */
static inline bool symbol_pad(char out[RL_FEED_SYMBOL], const void *text, uint32_t n)
{
    if (n == 0 || n >= RL_FEED_SYMBOL)
        return false;
    memset(out, 0, RL_FEED_SYMBOL);
    memcpy(out, text, n);
    return true;
}

bool rl_feed_symbol_set(struct rl_feed *f, uint32_t instrument, const uint8_t *text, uint32_t n)
{
    char padded[RL_FEED_SYMBOL];

    if (!symbol_pad(padded, text, n))
        return false;
    memcpy(f->symbols[instrument], padded, RL_FEED_SYMBOL);
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
uint32_t rl_feed_locate_new(struct rl_feed *f, uint32_t locate, const uint8_t *symbol)
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

uint32_t rl_feed_locate_find(struct rl_feed *f, const uint8_t *message)
{
    uint32_t locate = rl_itch_locate(message);
    uint32_t i = f->locates[locate];

    if (RL_LIKELY(i < RL_FEED_UNNAMED))
        return i;
    if (i != RL_FEED_NONE && !rl_itch_symbol(message))
        return i & ~RL_FEED_UNNAMED;
    return rl_feed_locate_new(f, locate, rl_itch_symbol(message));
}

static inline uint32_t key_hash(uint32_t key)
{
    return (uint32_t)((key * 0x9E3779B97F4A7C15ULL) >> 32);
}

/* DBN: by number; a new one is called by its number until somebody names it. */
uint32_t rl_feed_number_find(struct rl_feed *f, uint32_t key)
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
        if (key >= RL_FEED_LOCATES)
            return -EINVAL;
        i = rl_feed_locate_new(f, key, NULL);
        if (i != RL_FEED_NONE)
            f->locates[key] = i;
        break;
    case RL_FEED_DBN:
        i = rl_feed_number_find(f, key);
        break;
    case RL_FEED_BINANCE: /* follows one */
        i = f->symbols[0][0] == '\0' || strcmp(f->symbols[0], symbol) == 0 ? 0 : RL_FEED_NONE;
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
