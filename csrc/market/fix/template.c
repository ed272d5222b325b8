/* Templates: how they are made, the clock they share, and messages without leading zeros. */
#include "market/fix/template.h"

#include <errno.h>

#include "market/fix/encode.h"
#include "market/fix/order.h"

void rl_fix_template_clock(struct rl_fix_template *t, uint64_t second)
{
    char text[RL_FIX_TIME_CHARS];

    rl_fix_print_time(text, second * 1000000000ULL, 6);
    memcpy(t->clock, text, 18);
    t->second = second;
    t->clock_sum = 0;
    for (int i = 0; i < 18; i++)
        t->clock_sum += t->clock[i];
}

/* --- making one ------------------------------------------------------------------------------- */

static bool is_name(const char *text, size_t n_max)
{
    size_t n = strnlen(text, n_max + 1);

    for (size_t i = 0; i < n; i++)
        if ((uint8_t)text[i] < ' ' || (uint8_t)text[i] > '~')
            return false;
    return n > 0 && n <= n_max;
}

/* Appends "tag=" and room for a value; where that begins, 0 when there is no room any more. */
static uint32_t room(struct rl_fix_template *t, uint32_t tag, uint32_t n_bytes)
{
    uint32_t at = t->n_prefix;

    if (t->err == 0 &&
        (n_bytes > RL_FIX_TEMPLATE_MAX ||
         at + n_bytes + 12 + RL_FIX_TEXT_MAX + 8 > RL_FIX_TEMPLATE_MAX)) /* 12: tag, '=', SOH */
        t->err = -ENOSPC;
    if (t->err)
        return 0;
    at += rl_fix_print_uint((char *)t->bytes + at, tag);
    t->bytes[at++] = '=';
    t->n_prefix = at + n_bytes;
    t->bytes[t->n_prefix++] = RL_FIX_SOH;
    return at;
}

void rl_fix_template_text(struct rl_fix_template *t, uint32_t tag, const char *text)
{
    uint32_t n = (uint32_t)strnlen(text, RL_FIX_TEMPLATE_MAX), at;

    if (!is_name(text, RL_FIX_TEMPLATE_MAX))
        t->err = t->err ? t->err : -EINVAL;
    at = room(t, tag, n);
    if (at != 0)
        memcpy(t->bytes + at, text, n);
}

int rl_fix_template_slot(struct rl_fix_template *t, uint32_t tag, enum rl_fix_slot_kind kind,
                         uint32_t n_bytes)
{
    uint32_t at;

    if (n_bytes == 0 || n_bytes > UINT8_MAX)
        t->err = t->err ? t->err : -EINVAL;
    if (t->n_slots == RL_FIX_TEMPLATE_SLOTS)
        t->err = t->err ? t->err : -ENOSPC;
    at = room(t, tag, n_bytes);
    if (at == 0)
        return 0; /* a slot that is there; _end says what was wrong */
    t->slots[t->n_slots] = (struct rl_fix_slot){
        .at = (uint16_t)at, .n_bytes = (uint8_t)n_bytes, .kind = (uint8_t)kind};
    return (int)t->n_slots++;
}

int rl_fix_template_begin(struct rl_fix_template *t, const char *begin_string, const char *type,
                          const char *sender, const char *target)
{
    memset(t, 0, sizeof *t);
    if (!is_name(begin_string, 16) || strncmp(begin_string, "FIX", 3) != 0 || !is_name(type, 8) ||
        !is_name(sender, RL_FIX_COMP_MAX) || !is_name(target, RL_FIX_COMP_MAX))
        return -EINVAL;
    t->second = UINT64_MAX;
    rl_fix_template_text(t, RL_FIX_BeginString, begin_string);
    rl_fix_template_slot(t, RL_FIX_BodyLength, RL_FIX_SLOT_UINT, 3);
    t->at_body = t->n_prefix;
    rl_fix_template_text(t, RL_FIX_MsgType, type);
    rl_fix_template_slot(t, RL_FIX_MsgSeqNum, RL_FIX_SLOT_UINT, RL_FIX_SEQ_DIGITS);
    rl_fix_template_text(t, RL_FIX_SenderCompID, sender);
    rl_fix_template_text(t, RL_FIX_TargetCompID, target);
    rl_fix_template_slot(t, RL_FIX_SendingTime, RL_FIX_SLOT_TEXT, RL_FIX_SLOT_TIME_CHARS);
    return t->err;
}

int rl_fix_template_end(struct rl_fix_template *t, uint32_t last_tag)
{
    if (room(t, last_tag, 0) != 0)
        t->n_prefix--; /* its SOH follows the value */
    t->sum = rl_fix_sum(t->bytes, t->n_prefix);
    return t->err;
}

/* --- without leading zeros -------------------------------------------------------------------- */

/* What of a slot's text stays: [*from, *to). */
static void keep(const uint8_t *text, const struct rl_fix_slot *s, uint32_t *from, uint32_t *to)
{
    *from = 0;
    *to = s->n_bytes;
    if (s->kind == RL_FIX_SLOT_TEXT)
        return;
    if (s->kind == RL_FIX_SLOT_PX) {
        while (text[*to - 1] == '0')
            --*to;
        *to -= text[*to - 1] == '.';
    }
    /* A digit stays: "0", and the 0 in "0.5". A price's sign is moved up to its digits. */
    while (*from + 1 < *to && text[*from] == '0' && text[*from + 1] != '.')
        ++*from;
}

uint32_t rl_fix_template_shorten(const struct rl_fix_template *t, uint8_t *out, uint32_t n_bytes)
{
    const struct rl_fix_slot *s = &t->slots[RL_FIX_SLOT_LENGTH];
    uint32_t n_body, at = s->at, read = s->at + s->n_bytes, sum;
    uint8_t body[RL_FIX_TEMPLATE_MAX];
    uint32_t n = 0;

    for (uint32_t i = RL_FIX_SLOT_SEQ; i <= t->n_slots; i++) {
        uint32_t next = i < t->n_slots ? t->slots[i].at : n_bytes - RL_FIX_TRAILER_BYTES;
        uint32_t from, to, is_negative;

        memcpy(body + n, out + read, next - read);
        n += next - read;
        if (i == t->n_slots)
            break;
        s = &t->slots[i];
        is_negative = s->kind == RL_FIX_SLOT_PX && out[next] == '-';
        if (is_negative) {
            body[n++] = '-';
            out[next] = '0';
        }
        keep(out + next, s, &from, &to);
        memcpy(body + n, out + next + from, to - from);
        n += to - from;
        read = next + s->n_bytes;
    }
    n_body = n - 1; /* without the SOH of BodyLength, which is the first byte here */
    at += rl_fix_print_uint((char *)out + at, n_body);
    memcpy(out + at, body, n);
    n += at;
    sum = rl_fix_sum(out, n);
    memcpy(out + n, "10=", 3);
    rl_fix_patch_uint(out + n + 3, 3, sum);
    out[n + 6] = RL_FIX_SOH;
    return n + RL_FIX_TRAILER_BYTES;
}
