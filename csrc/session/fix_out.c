/*
 * Messages out: the header around a body, its number, its copy in the store, its bytes in the
 * action. Most messages have no header field that is not the session's: those take the short way,
 * where the header is three ready texts, a number and a time. All others are merged by tag.
 */
#include <errno.h>

#include "session/fix_inner.h"

#define SOH "\x01"

/* In front of a body: "8=FIX.4.4|9=123456|" */
#define FRONT_ROOM 40
#define TRAILER RL_FIX_TRAILER_BYTES

/* --- small writers ---------------------------------------------------------------------------- */

static uint32_t print_uint(uint8_t *out, uint64_t v)
{
    uint64_t text;
    uint32_t n_zeros;

    if (RL_UNLIKELY(v >= 100000000))
        return rl_fix_print_uint((char *)out, v);
    text = rl_fix_text_of_8((uint32_t)v);
    /* The last digit stays even if it is a zero. */
    n_zeros = (uint32_t)__builtin_ctzll((text ^ 0x3030303030303030ULL) | 1ULL << 56) / 8;
    text >>= 8 * n_zeros;
    memcpy(out, &text, sizeof text);
    return 8 - n_zeros;
}

void rl_fix_pen_put(struct rl_fix_pen *pen, uint32_t tag, const void *value, uint32_t n)
{
    uint8_t text[24];
    uint32_t n_tag = print_uint(text, tag);

    text[n_tag++] = '=';
    if (n_tag + n + 1 > (size_t)(pen->end - pen->at)) {
        pen->is_full = true;
        return;
    }
    memcpy(pen->at, text, n_tag);
    memcpy(pen->at + n_tag, value, n);
    pen->at += n_tag + n;
    *pen->at++ = RL_FIX_SOH;
}

void rl_fix_pen_text(struct rl_fix_pen *pen, uint32_t tag, const char *text)
{
    rl_fix_pen_put(pen, tag, text, (uint32_t)strlen(text));
}

void rl_fix_pen_uint(struct rl_fix_pen *pen, uint32_t tag, uint64_t v)
{
    uint8_t text[24];

    rl_fix_pen_put(pen, tag, text, print_uint(text, v));
}

/* --- the clock -------------------------------------------------------------------------------- */

struct rl_fix_view rl_fix_clock_text(struct rl_fix_inner *in)
{
    uint64_t second = in->now / RL_FIX_NS;
    uint32_t ns = (uint32_t)(in->now % RL_FIX_NS);

    if (RL_UNLIKELY(second != in->clock_second)) {
        in->n_clock = rl_fix_print_time((char *)in->clock, second * RL_FIX_NS, in->n_decimals);
        in->clock_second = second;
    }
    for (uint32_t i = 0, v = in->n_decimals == 3   ? ns / 1000000
                             : in->n_decimals == 6 ? ns / 1000
                                                   : ns;
         i < in->n_decimals; i++, v /= 10)
        in->clock[in->n_clock - 1 - i] = (uint8_t)('0' + v % 10);
    return (struct rl_fix_view){in->clock, in->n_clock};
}

/* --- header fields ---------------------------------------------------------------------------- */

bool rl_fix_is_head_tag(uint32_t tag)
{
    switch (tag) {
    case 8:
    case 9:
    case 34:
    case 35:
    case 43:
    case 49:
    case 50:
    case 52:
    case 56:
    case 57:
    case 90:
    case 91:
    case 97:
    case 115:
    case 116:
    case 122:
    case 128:
    case 129:
    case 142:
    case 143:
    case 144:
    case 145:
    case 212:
    case 213:
    case 347:
    case 369:
    case 370:
    case 627:
    case 628:
    case 629:
    case 630:
    case 1128:
    case 1129:
    case 1156:
        return true;
    default:
        return false;
    }
}

struct rl_fix_piece rl_fix_next_piece(struct rl_fix_view *rest)
{
    struct rl_fix_piece piece = {0};
    const uint8_t *end = memchr(rest->p, RL_FIX_SOH, rest->n);
    uint32_t tag = 0, i = 0, n = end ? (uint32_t)(end - rest->p) + 1 : 0;

    for (; i < n && i < 9 && rest->p[i] >= '0' && rest->p[i] <= '9'; i++)
        tag = tag * 10 + (rest->p[i] - (uint32_t)'0');
    if (i == 0 || i >= n || rest->p[i] != '=')
        return piece;
    piece = (struct rl_fix_piece){tag, {rest->p, n}};
    rest->p += n;
    rest->n -= n;
    return piece;
}

/* Our fields and the extras, ascending. */
static void put_merged_head(struct rl_fix_inner *in, struct rl_fix_pen *pen,
                            const struct rl_fix_draft *d)
{
    const struct rl_fix_view parts[] = {
        {in->before, in->n_before}, {in->after, in->n_after}, {in->last, in->n_last}};
    struct rl_fix_view time = rl_fix_clock_text(in);
    struct rl_fix_piece own[16];
    uint8_t values[96];
    struct rl_fix_pen more = {values, values + sizeof values, false};
    uint32_t n_own = 0, i = 0, k = 0;

    /* Every one of them ends with SOH but the 52 of `before`, which has no value yet. */
    if (d->is_poss_dup)
        own[n_own++] = (struct rl_fix_piece){TAG_PossDupFlag, {(const uint8_t *)"43=Y" SOH, 5}};
    for (uint32_t part = 0; part < RL_COUNT(parts); part++) {
        struct rl_fix_view rest = parts[part];
        struct rl_fix_piece piece;

        if (part == 0)
            rest.n -= 3;
        while ((piece = rl_fix_next_piece(&rest)).tag != 0)
            own[n_own++] = piece;
        if (part == 0) {
            uint8_t *from = more.at;

            rl_fix_pen_put(&more, RL_FIX_SendingTime, time.p, time.n);
            own[n_own++] =
                (struct rl_fix_piece){RL_FIX_SendingTime, {from, (uint32_t)(more.at - from)}};
        }
        if (part == 1 && d->orig_time.p) {
            uint8_t *from = more.at;

            rl_fix_pen_put(&more, TAG_OrigSendingTime, d->orig_time.p, d->orig_time.n);
            own[n_own++] =
                (struct rl_fix_piece){TAG_OrigSendingTime, {from, (uint32_t)(more.at - from)}};
        }
    }
    pen->is_full |= more.is_full;
    while (i < n_own || k < d->n_extras) {
        bool is_extra = k < d->n_extras && (i >= n_own || d->extras[k].tag <= own[i].tag);
        const struct rl_fix_piece *piece = is_extra ? &d->extras[k++] : &own[i];

        rl_fix_pen_bytes(pen, piece->text.p, piece->text.n);
        if (!is_extra || (i < n_own && own[i].tag == piece->tag))
            i++;
    }
}

static void put_head(struct rl_fix_inner *in, struct rl_fix_pen *pen, const struct rl_fix_draft *d)
{
    struct rl_fix_view time;

    if (RL_UNLIKELY(d->n_extras > 0 || d->is_poss_dup || d->orig_time.p)) {
        put_merged_head(in, pen, d);
        return;
    }
    time = rl_fix_clock_text(in);
    rl_fix_pen_bytes(pen, in->before, in->n_before);
    rl_fix_pen_bytes(pen, time.p, time.n);
    rl_fix_pen_bytes(pen, SOH, 1);
    rl_fix_pen_bytes(pen, in->after, in->n_after);
    rl_fix_pen_bytes(pen, in->last, in->n_last);
}

/* --- the message ------------------------------------------------------------------------------ */

/* Writes it behind what this step has written already; {NULL, 0} when it does not fit. */
static struct rl_fix_view write_message(struct rl_fix_inner *in, const struct rl_fix_draft *d,
                                        uint64_t seq)
{
    uint32_t room = in->out_max - in->out_at, n_body, n_digits, sum;
    uint8_t *body = in->out + in->out_at + FRONT_ROOM, *start, digits[24];
    struct rl_fix_pen pen = {body, NULL, false};

    if (room < FRONT_ROOM + TRAILER + 64)
        return (struct rl_fix_view){0};
    pen.end = body + (room < in->message_max ? room : in->message_max) - FRONT_ROOM - TRAILER;
    rl_fix_pen_bytes(&pen, "35=", 3);
    rl_fix_pen_bytes(&pen, d->type, d->n_type);
    rl_fix_pen_bytes(&pen, SOH "34=", 4);
    rl_fix_pen_bytes(&pen, digits, print_uint(digits, seq));
    rl_fix_pen_bytes(&pen, SOH, 1);
    put_head(in, &pen, d);
    if (d->body.n > 0)
        rl_fix_pen_bytes(&pen, d->body.p, d->body.n);
    if (pen.is_full)
        return (struct rl_fix_view){0};

    n_body = (uint32_t)(pen.at - body);
    n_digits = print_uint(digits, n_body);
    start = body - in->n_begin - n_digits - 1;
    memcpy(start, in->begin, in->n_begin);
    memcpy(start + in->n_begin, digits, n_digits);
    body[-1] = RL_FIX_SOH;
    sum = rl_fix_sum(start, (size_t)(pen.at - start));
    memcpy(pen.at, "10=", 3);
    pen.at[3] = (uint8_t)('0' + sum / 100);
    pen.at[4] = (uint8_t)('0' + sum / 10 % 10);
    pen.at[5] = (uint8_t)('0' + sum % 10);
    pen.at[6] = RL_FIX_SOH;
    return (struct rl_fix_view){start, (uint32_t)(pen.at + TRAILER - start)};
}

static void act_send(struct rl_fix_session *s, struct rl_fix_view message, uint64_t seq,
                     bool is_resent)
{
    struct rl_fix_inner *in = s->inner;
    struct rl_fix_action *a = rl_fix_act(s, RL_FIX_DO_SEND);

    a->bytes = message.p;
    a->n_bytes = message.n;
    a->seq = seq;
    a->is_resent = is_resent;
    in->out_at = (uint32_t)(message.p - in->out) + message.n;
    in->sent_at = in->now;
    s->counts.n_out++;
    s->counts.n_resent += is_resent;
}

int rl_fix_send_new(struct rl_fix_session *s, const struct rl_fix_draft *draft, bool is_admin,
                    bool is_kept_only)
{
    struct rl_session_store *store = s->store;
    uint64_t seq = store->next_out;
    struct rl_fix_view message = write_message(s->inner, draft, seq);
    int err;

    if (!message.p)
        return -EMSGSIZE;
    /* Session messages are never sent again: a gap fill takes their place. */
    if (is_admin || s->config.never_resends)
        err = store->ops->set_next(store, seq + 1, store->next_in);
    else
        err = store->ops->put(store, seq, message.p, message.n);
    if (RL_UNLIKELY(err < 0)) {
        rl_fix_store_failed(s, err);
        return err;
    }
    s->seq_sent = seq;
    if (!is_kept_only)
        act_send(s, message, seq, false);
    return 0;
}

bool rl_fix_send_again(struct rl_fix_session *s, const struct rl_fix_draft *draft, uint64_t seq)
{
    struct rl_fix_view message = write_message(s->inner, draft, seq);

    if (!message.p)
        return false;
    act_send(s, message, seq, true);
    return true;
}

/* --- ready texts ------------------------------------------------------------------------------ */

static uint32_t put_ids(uint8_t *out, uint32_t n_max, uint32_t tag, const char *id,
                        uint32_t tag_more, const char *more)
{
    struct rl_fix_pen pen = {out, out + n_max, false};

    if (id)
        rl_fix_pen_text(&pen, tag, id);
    if (more)
        rl_fix_pen_text(&pen, tag_more, more);
    return (uint32_t)(pen.at - out);
}

int rl_fix_out_init(struct rl_fix_session *s)
{
    static const uint8_t decimals[] = {
        [RL_FIX_MILLIS] = 3, [RL_FIX_SECONDS] = 0, [RL_FIX_MICROS] = 6, [RL_FIX_NANOS] = 9};
    const struct rl_fix_session_config *c = &s->config;
    struct rl_fix_inner *in = s->inner;

    in->clock_second = UINT64_MAX;
    in->n_decimals = in->version >= RL_FIX_42 ? decimals[c->precision] : 0;
    in->n_begin =
        put_ids(in->begin, sizeof in->begin, RL_FIX_BeginString, c->begin_string, 0, NULL);
    memcpy(in->begin + in->n_begin, "9=", 2);
    in->n_begin += 2;
    in->n_before = put_ids(in->before, sizeof in->before, RL_FIX_SenderCompID, c->sender,
                           TAG_SenderSubID, c->sender_sub);
    memcpy(in->before + in->n_before, "52=", 3);
    in->n_before += 3;
    in->n_after = put_ids(in->after, sizeof in->after, RL_FIX_TargetCompID, c->target,
                          TAG_TargetSubID, c->target_sub);
    in->n_last = put_ids(in->last, sizeof in->last, TAG_SenderLocationID, c->sender_location,
                         TAG_TargetLocationID, c->target_location);
    return 0;
}
