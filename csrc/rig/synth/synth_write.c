#include "rig/synth/synth_write.h"

#include <string.h>

#include "market/codec/itch.h"

#define DAY_NS (86400ULL * 1000000000ULL)
#define MAX_ENTRIES 3
#define MPID "SYNT"

/*
 * An entry is at most "279=0|269=0|278=|55=SYN000|270=.00|271=|" (40) with 8 digits of id, 9 of
 * price and 10 of quantity; three of them must fit, and with the head they keep the body length at
 * 3 digits.
 */
#define ENTRY_MAX 68
_Static_assert(MAX_ENTRIES *ENTRY_MAX <= RL_SYNTH_FIX_BYTES, "a message's entries fit");

void rl_synth_symbol(char symbol[RL_SYNTH_SYMBOL], uint32_t instrument)
{
    memcpy(symbol, "SYN", 3);
    symbol[3] = (char)('0' + instrument / 100 % 10);
    symbol[4] = (char)('0' + instrument / 10 % 10);
    symbol[5] = (char)('0' + instrument % 10);
    symbol[6] = 0;
}

void rl_synth_writer_init(struct rl_synth_writer *w, enum rl_synth_format format, uint8_t *bytes,
                          size_t n_bytes, struct rl_stream_rec *recs, uint64_t n_recs)
{
    memset(w, 0, sizeof(*w));
    w->format = format;
    w->bytes = bytes;
    w->n_bytes_max = n_bytes;
    w->recs = recs;
    w->n_recs_max = n_recs;
}

/* Where the next message may be written, up to n_bytes; NULL when it does not fit. */
static uint8_t *message_room(struct rl_synth_writer *w, uint32_t n_bytes)
{
    if (w->is_full || w->n_recs == w->n_recs_max || w->n_bytes_max - w->n_bytes < n_bytes) {
        w->is_full = true;
        return NULL;
    }
    return w->bytes + w->n_bytes;
}

static void message_end(struct rl_synth_writer *w, uint32_t n_bytes, uint64_t ts_ns)
{
    w->recs[w->n_recs++] = (struct rl_stream_rec){
        .offset = w->n_bytes, .ts_ns = ts_ns, .n_bytes = n_bytes, .n_messages = 1};
    w->n_bytes += n_bytes;
}

/* --- ITCH --- */

static void itch_event(struct rl_synth_writer *w, const struct rl_synth_event *e)
{
    uint8_t *out = message_room(w, RL_SYNTH_ITCH_BYTES);
    struct rl_itch_head head = {.locate = (uint16_t)(e->instrument + 1),
                                .ts_ns = e->ts_ns % DAY_NS};
    int64_t px_nano = e->tick * RL_SYNTH_TICK_NANO;
    char symbol[RL_SYNTH_SYMBOL];
    uint32_t n = 0;

    if (!out)
        return;
    switch (e->kind) {
    case RL_SYNTH_EV_ADD:
        rl_synth_symbol(symbol, e->instrument);
        n = e->is_special
                ? rl_itch_put_add_mpid(out, &head, e->id, e->side, e->qty, symbol, px_nano, MPID)
                : rl_itch_put_add(out, &head, e->id, e->side, e->qty, symbol, px_nano);
        break;
    case RL_SYNTH_EV_REPLACE:
        n = rl_itch_put_replace(out, &head, e->id, e->new_id, e->new_qty,
                                e->new_tick * RL_SYNTH_TICK_NANO);
        break;
    case RL_SYNTH_EV_TAKE:
        n = e->new_qty ? rl_itch_put_cancel(out, &head, e->id, e->qty - e->new_qty)
                       : rl_itch_put_delete(out, &head, e->id);
        break;
    case RL_SYNTH_EV_FILL:
        w->n_matches++;
        n = e->is_special
                ? rl_itch_put_executed_price(out, &head, e->id, e->qty - e->new_qty, w->n_matches,
                                             true, px_nano)
                : rl_itch_put_executed(out, &head, e->id, e->qty - e->new_qty, w->n_matches);
        break;
    }
    message_end(w, n, e->ts_ns);
}

void rl_synth_write_directory(struct rl_synth_writer *w, uint32_t instrument, uint64_t ts_ns)
{
    struct rl_itch_head head = {.locate = (uint16_t)(instrument + 1), .ts_ns = ts_ns % DAY_NS};
    char symbol[RL_SYNTH_SYMBOL];
    uint8_t *out;

    if (w->format != RL_SYNTH_ITCH || !(out = message_room(w, RL_SYNTH_ITCH_BYTES)))
        return;
    rl_synth_symbol(symbol, instrument);
    message_end(w, rl_itch_put_directory(out, &head, symbol), ts_ns);
}

/* --- FIX --- */

static uint8_t *put_text(uint8_t *p, const char *text)
{
    size_t n = strlen(text);

    memcpy(p, text, n);
    return p + n;
}

static uint8_t *put_uint(uint8_t *p, uint64_t value)
{
    uint8_t digits[20];
    uint32_t n = 0;

    do
        digits[n++] = (uint8_t)('0' + value % 10);
    while (value /= 10);
    while (n)
        *p++ = digits[--n];
    return p;
}

static uint8_t *put_digits(uint8_t *p, uint64_t value, uint32_t n)
{
    for (uint32_t i = n; i--; value /= 10)
        p[i] = (uint8_t)('0' + value % 10);
    return p + n;
}

static void fix_entry(struct rl_synth_writer *w, const struct rl_synth_event *e, char action,
                      uint64_t id, int32_t tick, uint32_t qty)
{
    uint8_t *p = w->entries + w->n_entry_bytes;
    char symbol[RL_SYNTH_SYMBOL];

    rl_synth_symbol(symbol, e->instrument);
    p = put_text(p, "279=");
    *p++ = (uint8_t)action;
    p = put_text(p, e->side == RL_BUY ? "\001269=0\001278=" : "\001269=1\001278=");
    p = put_uint(p, id);
    p = put_text(p, "\00155=");
    p = put_text(p, symbol);
    p = put_text(p, "\001270=");
    p = put_uint(p, (uint32_t)tick / 100);
    *p++ = '.';
    p = put_digits(p, (uint32_t)tick % 100, 2);
    p = put_text(p, "\001271=");
    p = put_uint(p, qty);
    *p++ = 1;
    w->n_entry_bytes = (uint32_t)(p - w->entries);
    w->n_entries++;
}

/* "20240102-09:30:00.123456" */
static uint8_t *put_sending_time(uint8_t *p, uint64_t ts_ns)
{
    uint64_t us = ts_ns % DAY_NS / 1000, s = us / 1000000;

    p = put_text(p, "20240102-");
    p = put_digits(p, s / 3600, 2);
    *p++ = ':';
    p = put_digits(p, s / 60 % 60, 2);
    *p++ = ':';
    p = put_digits(p, s % 60, 2);
    *p++ = '.';
    return put_digits(p, us % 1000000, 6);
}

void rl_synth_write_flush(struct rl_synth_writer *w)
{
    uint8_t *out, *p, *body;
    uint32_t sum = 0;

    if (!w->n_entries)
        return;
    if ((out = message_room(w, RL_SYNTH_FIX_ROOM))) {
        p = put_text(out, "8=FIX.4.4\0019=nnn\001");
        body = p;
        p = put_text(p, "35=X\00134=0000000000\00149=SYNTH\00152=");
        p = put_sending_time(p, w->entries_ts_ns);
        p = put_text(p, "\00156=ENGINE\001268=");
        *p++ = (uint8_t)('0' + w->n_entries);
        *p++ = 1;
        memcpy(p, w->entries, w->n_entry_bytes);
        p += w->n_entry_bytes;
        put_digits(body - 4, (uint64_t)(p - body), 3);
        for (const uint8_t *q = out; q < p; q++)
            sum += *q;
        p = put_text(p, "10=");
        p = put_digits(p, sum % 256, 3);
        *p++ = 1;
        message_end(w, (uint32_t)(p - out), w->entries_ts_ns);
        rl_stream_stamp_fix(out, (uint32_t)(p - out), w->n_recs); /* numbered from 1 in the file */
    }
    w->n_entries = 0;
    w->n_entry_bytes = 0;
}

static void fix_event(struct rl_synth_writer *w, const struct rl_synth_event *e)
{
    uint32_t n_more = e->kind == RL_SYNTH_EV_REPLACE ? 2 : 1;

    if (w->n_entries + n_more > MAX_ENTRIES)
        rl_synth_write_flush(w);
    w->entries_ts_ns = e->ts_ns;
    switch (e->kind) {
    case RL_SYNTH_EV_ADD:
        fix_entry(w, e, '0', e->id, e->tick, e->qty);
        break;
    case RL_SYNTH_EV_REPLACE:
        fix_entry(w, e, '2', e->id, e->tick, e->qty);
        fix_entry(w, e, '0', e->new_id, e->new_tick, e->new_qty);
        break;
    case RL_SYNTH_EV_TAKE:
    case RL_SYNTH_EV_FILL:
        if (e->new_qty)
            fix_entry(w, e, '1', e->id, e->tick, e->new_qty);
        else
            fix_entry(w, e, '2', e->id, e->tick, e->qty);
        break;
    }
    if (!e->has_more)
        rl_synth_write_flush(w);
}

void rl_synth_write_event(struct rl_synth_writer *w, const struct rl_synth_event *event)
{
    if (w->format == RL_SYNTH_ITCH)
        itch_event(w, event);
    else
        fix_event(w, event);
}
