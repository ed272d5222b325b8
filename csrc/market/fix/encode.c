/* Any FIX message, field by field: for what is not on the hot path, and to check what is. */
#include "market/fix/encode.h"

#define MAX_BEGIN 16

/* --- text ------------------------------------------------------------------------------------- */

uint32_t rl_fix_print_uint(char out[20], uint64_t v)
{
    char digits[20];
    uint32_t n = 0;

    do {
        digits[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    for (uint32_t i = 0; i < n; i++)
        out[i] = digits[n - 1 - i];
    return n;
}

uint32_t rl_fix_print_px(char out[RL_FIX_PX_CHARS], int64_t px_nano)
{
    bool is_negative = px_nano < 0 && px_nano != RL_PX_NONE;
    uint64_t v = px_nano == RL_PX_NONE ? 0 : is_negative ? -(uint64_t)px_nano : (uint64_t)px_nano;
    uint64_t rest = v % RL_NANO_PER_UNIT;
    uint32_t n = 0, n_decimals = 9;

    if (is_negative)
        out[n++] = '-';
    n += rl_fix_print_uint(out + n, v / RL_NANO_PER_UNIT);
    if (rest == 0)
        return n;
    for (; rest % 10 == 0; rest /= 10)
        n_decimals--;
    out[n++] = '.';
    for (uint32_t i = n_decimals; i-- > 0; rest /= 10)
        out[n + i] = (char)('0' + rest % 10);
    return n + n_decimals;
}

static void print_two(char *out, uint32_t v)
{
    out[0] = (char)('0' + v / 10);
    out[1] = (char)('0' + v % 10);
}

uint32_t rl_fix_print_time(char out[RL_FIX_TIME_CHARS], uint64_t ns, unsigned n_decimals)
{
    uint64_t seconds = ns / 1000000000ULL;
    uint32_t of_day = (uint32_t)(seconds % 86400), fraction = (uint32_t)(ns % 1000000000ULL);
    /* Days to a date, counting years from March so that the leap day comes last. */
    uint32_t z = (uint32_t)(seconds / 86400) + 719468;
    uint32_t era = z / 146097, day_of_era = z % 146097;
    uint32_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t from_march = (5 * day_of_year + 2) / 153;
    uint32_t month = from_march < 10 ? from_march + 3 : from_march - 9;
    uint32_t year = year_of_era + era * 400 + (month <= 2);

    print_two(out, year / 100);
    print_two(out + 2, year % 100);
    print_two(out + 4, month);
    print_two(out + 6, day_of_year - (153 * from_march + 2) / 5 + 1);
    out[8] = '-';
    print_two(out + 9, of_day / 3600);
    out[11] = ':';
    print_two(out + 12, of_day / 60 % 60);
    out[14] = ':';
    print_two(out + 15, of_day % 60);
    if (n_decimals == 0)
        return 17;
    n_decimals = n_decimals > 9 ? 9 : n_decimals;
    out[17] = '.';
    for (unsigned i = 9; i > n_decimals; i--)
        fraction /= 10;
    for (unsigned i = n_decimals; i-- > 0; fraction /= 10)
        out[18 + i] = (char)('0' + fraction % 10);
    return 18 + n_decimals;
}

/* --- fields ----------------------------------------------------------------------------------- */

void rl_fix_begin(struct rl_fix_enc *e, uint8_t *bytes, uint32_t n_max, const char *begin_string)
{
    *e = (struct rl_fix_enc){.bytes = bytes,
                             .begin_string = begin_string,
                             .at = RL_FIX_HEAD_ROOM,
                             .n_max = n_max,
                             .full = n_max < RL_FIX_HEAD_ROOM ||
                                     strnlen(begin_string, MAX_BEGIN + 1) > MAX_BEGIN};
}

void rl_fix_put(struct rl_fix_enc *e, uint32_t tag, const void *value, uint32_t n_bytes)
{
    char digits[20];
    uint32_t n_digits = rl_fix_print_uint(digits, tag);

    if (e->full || n_bytes > e->n_max || e->n_max - e->at < n_digits + 2 + (uint64_t)n_bytes) {
        e->full = true;
        return;
    }
    memcpy(e->bytes + e->at, digits, n_digits);
    e->at += n_digits;
    e->bytes[e->at++] = '=';
    memcpy(e->bytes + e->at, value, n_bytes);
    e->at += n_bytes;
    e->bytes[e->at++] = RL_FIX_SOH;
}

void rl_fix_put_text(struct rl_fix_enc *e, uint32_t tag, const char *text)
{
    rl_fix_put(e, tag, text, (uint32_t)strnlen(text, RL_FIX_MAX_MESSAGE));
}

void rl_fix_put_char(struct rl_fix_enc *e, uint32_t tag, char c)
{
    rl_fix_put(e, tag, &c, 1);
}

void rl_fix_put_uint(struct rl_fix_enc *e, uint32_t tag, uint64_t v)
{
    rl_fix_put_uint_wide(e, tag, v, 1);
}

void rl_fix_put_uint_wide(struct rl_fix_enc *e, uint32_t tag, uint64_t v, uint32_t width)
{
    char digits[20], wide[20];
    uint32_t n = rl_fix_print_uint(digits, v);

    width = width > sizeof wide ? sizeof wide : width < n ? n : width;
    memset(wide, '0', width - n);
    memcpy(wide + width - n, digits, n);
    rl_fix_put(e, tag, wide, width);
}

void rl_fix_put_px(struct rl_fix_enc *e, uint32_t tag, int64_t px_nano)
{
    char text[RL_FIX_PX_CHARS];

    rl_fix_put(e, tag, text, rl_fix_print_px(text, px_nano));
}

void rl_fix_put_time(struct rl_fix_enc *e, uint32_t tag, uint64_t ns, unsigned n_decimals)
{
    char text[RL_FIX_TIME_CHARS];

    rl_fix_put(e, tag, text, rl_fix_print_time(text, ns, n_decimals));
}

uint32_t rl_fix_finish(struct rl_fix_enc *e)
{
    struct rl_fix_enc head;
    uint8_t room[RL_FIX_HEAD_ROOM];
    uint32_t n_body = e->at - RL_FIX_HEAD_ROOM, n_head;
    uint8_t sum;

    if (e->full)
        return 0;
    head = (struct rl_fix_enc){.bytes = room, .n_max = sizeof room};
    rl_fix_put_text(&head, RL_FIX_BeginString, e->begin_string);
    rl_fix_put_uint(&head, RL_FIX_BodyLength, n_body);
    n_head = head.at;
    memmove(e->bytes + n_head, e->bytes + RL_FIX_HEAD_ROOM, n_body);
    memcpy(e->bytes, room, n_head);
    e->at = n_head + n_body;
    sum = rl_fix_sum(e->bytes, e->at);
    rl_fix_put_uint_wide(e, RL_FIX_CheckSum, sum, 3);
    return e->full ? 0 : e->at;
}

/* --- market data ------------------------------------------------------------------------------ */

uint32_t rl_fix_put_md(uint8_t *out, uint32_t n_max, const struct rl_fix_md *head,
                       const struct rl_fix_md_entry *entries, uint32_t n_entries)
{
    struct rl_fix_enc e;

    rl_fix_begin(&e, out, n_max, head->begin_string);
    rl_fix_put_char(&e, RL_FIX_MsgType, 'X');
    rl_fix_put_uint_wide(&e, RL_FIX_MsgSeqNum, head->seq, RL_FIX_SEQ_DIGITS);
    rl_fix_put_text(&e, RL_FIX_SenderCompID, head->sender);
    rl_fix_put_text(&e, RL_FIX_TargetCompID, head->target);
    rl_fix_put_time(&e, RL_FIX_SendingTime, head->sending_time_ns, 6);
    rl_fix_put_uint(&e, RL_FIX_NoMDEntries, n_entries);
    for (uint32_t i = 0; i < n_entries; i++) {
        const struct rl_fix_md_entry *entry = &entries[i];

        rl_fix_put_char(&e, RL_FIX_MDUpdateAction, entry->action);
        rl_fix_put_char(&e, RL_FIX_MDEntryType, entry->type);
        if (entry->id != 0)
            rl_fix_put_uint(&e, RL_FIX_MDEntryID, entry->id);
        rl_fix_put_text(&e, RL_FIX_Symbol, entry->symbol);
        if (entry->px_nano != RL_PX_NONE)
            rl_fix_put_px(&e, RL_FIX_MDEntryPx, entry->px_nano);
        if (entry->qty != 0)
            rl_fix_put_uint(&e, RL_FIX_MDEntrySize, entry->qty);
    }
    return rl_fix_finish(&e);
}
