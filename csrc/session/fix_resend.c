/*
 * Gaps. Theirs: application messages go out again as copies, and every run of numbers between them
 * as one SequenceReset-GapFill; a long resend goes on over many steps. Ours: they fill or reset.
 */
#include "session/fix_inner.h"

void rl_fix_start_resend(struct rl_fix_session *s, uint64_t from, uint64_t to)
{
    struct rl_fix_inner *in = s->inner;

    if (from == 0)
        from = 1;
    if (from > to)
        return;
    if (in->is_resending) {
        /* Both are wanted; the one at work may have passed what the new one wants. */
        uint64_t first = in->gap_from ? in->gap_from : in->resend_next;

        from = from < first ? from : first;
        to = to > in->resend_last ? to : in->resend_last;
    }
    in->is_resending = true;
    in->resend_next = from;
    in->resend_last = to;
    in->gap_from = 0;
}

void rl_fix_on_resend_request(struct rl_fix_session *s)
{
    struct rl_fix_inner *in = s->inner;
    uint64_t from, to, next_out;

    if (!rl_fix_verify(s, false, false))
        return;
    if (!rl_fix_in_uint(in, TAG_BeginSeqNo, &from) || !rl_fix_in_uint(in, TAG_EndSeqNo, &to)) {
        rl_fix_say_reject(s, RL_FIX_BAD_FORMAT, TAG_BeginSeqNo);
        return;
    }
    next_out = s->store->next_out;
    if ((in->version >= RL_FIX_42 && to == 0) || (in->version <= RL_FIX_42 && to == 999999) ||
        to >= next_out)
        to = next_out - 1;
    if (rl_fix_count_in(s))
        rl_fix_start_resend(s, from, to);
}

/* --- sending again ---------------------------------------------------------------------------- */

static bool is_admin(struct rl_fix_view type)
{
    return type.n == 1 && (type.p[0] == 'A' || (type.p[0] >= '0' && type.p[0] <= '5'));
}

/* A message as it was stored, taken apart into what is written anew; false: it is none to resend.
 */
static bool take_apart(struct rl_fix_view stored, struct rl_fix_draft *d,
                       struct rl_fix_piece extras[RL_FIX_EXTRAS])
{
    struct rl_fix_view rest = stored, type;
    struct rl_fix_piece piece;

    if (stored.n < RL_FIX_TRAILER_BYTES)
        return false;
    rest.n -= RL_FIX_TRAILER_BYTES;
    rl_fix_next_piece(&rest); /* 8 and 9 */
    rl_fix_next_piece(&rest);
    piece = rl_fix_next_piece(&rest);
    if (piece.tag != RL_FIX_MsgType)
        return false;
    type = (struct rl_fix_view){piece.text.p + 3, piece.text.n - 4};
    if (is_admin(type))
        return false;
    *d = (struct rl_fix_draft){
        .type = (const char *)type.p, .n_type = type.n, .is_poss_dup = true, .extras = extras};
    for (;;) {
        d->body = rest;
        piece = rl_fix_next_piece(&rest);
        if (!rl_fix_is_head_tag(piece.tag))
            break;
        if (piece.tag == RL_FIX_SendingTime)
            d->orig_time = (struct rl_fix_view){piece.text.p + 3, piece.text.n - 4};
        else if (piece.tag != RL_FIX_MsgSeqNum && d->n_extras < RL_FIX_EXTRAS)
            extras[d->n_extras++] = piece;
    }
    return true;
}

static void fill_gap(struct rl_fix_session *s, uint64_t to)
{
    struct rl_fix_inner *in = s->inner;

    if (in->gap_from != 0)
        rl_fix_say_gap_fill(s, in->gap_from, to);
    in->gap_from = 0;
}

void rl_fix_resend_some(struct rl_fix_session *s)
{
    struct rl_session_store *store = s->store;
    struct rl_fix_inner *in = s->inner;
    struct rl_fix_piece extras[RL_FIX_EXTRAS];
    struct rl_fix_draft draft;
    /* Numbers without a message cost a look each: a bound on those too. */
    uint32_t n_looks = 4096;

    while (in->is_resending && rl_fix_has_room(s) && n_looks-- > 0) {
        uint64_t seq = in->resend_next;
        struct rl_fix_view stored = {0};

        if (seq > in->resend_last) {
            fill_gap(s, seq);
            in->is_resending = false;
            break;
        }
        if (!s->config.never_resends)
            stored.p = store->ops->get(store, seq, &stored.n);
        if (stored.p && take_apart(stored, &draft, extras)) {
            fill_gap(s, seq);
            if (!rl_fix_send_again(s, &draft, seq))
                in->gap_from = seq;
        } else if (in->gap_from == 0) {
            in->gap_from = seq;
        }
        in->resend_next = seq + 1;
    }
}

/* --- their fills and resets ------------------------------------------------------------------- */

void rl_fix_on_sequence_reset(struct rl_fix_session *s)
{
    struct rl_fix_inner *in = s->inner;
    bool is_gap_fill = rl_fix_in_flag(in, TAG_GapFillFlag);
    uint64_t next_in = s->store->next_in, next;

    if (!rl_fix_verify(s, is_gap_fill, is_gap_fill))
        return;
    if (!rl_fix_in_uint(in, RL_FIX_NewSeqNo, &next)) {
        rl_fix_say_reject(s, RL_FIX_BAD_FORMAT, RL_FIX_NewSeqNo);
        return;
    }
    if (next < next_in) {
        rl_fix_say_reject(s, RL_FIX_WRONG_VALUE, 0);
        return;
    }
    if (next > next_in && rl_fix_set_next_in(s, next)) {
        rl_fix_queue_drop_below(s, next);
        if (in->asked_from != 0 && next > in->asked_to)
            in->asked_from = 0;
    }
}
