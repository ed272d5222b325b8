/* FIX market data: numbering of messages, entries to updates. */
#include "market/feed/feed_inner.h"

/*
 * The number of a message. ApplSeqNum numbers market data across sessions and goes before
 * MsgSeqNum; where it is in use, what comes without it (heartbeats) has no number that matters.
 */
static void read_number(const struct rl_fix_msg *m, struct rl_packet *p)
{
    const struct rl_fix_field *appl = rl_fix_find(m, RL_FIX_ApplSeqNum, 3);
    const struct rl_fix_field *number = rl_fix_find(m, RL_FIX_MsgSeqNum, 3);
    const struct rl_fix_field *new_number;
    uint64_t seq, next;

    p->kind = RL_PACKET_PLAIN;
    if (!rl_fix_uint(m, appl ? appl : number, &seq))
        return;
    p->previous = seq - 1;
    p->next = seq + 1;
    p->numbering = appl != NULL;
    p->kind = RL_PACKET_DATA;
    if (appl)
        return;
    if (m->type == RL_FIX_TYPE1('A') &&
        rl_fix_char(m, rl_fix_find(m, RL_FIX_ResetSeqNumFlag, 3)) == 'Y')
        p->kind = RL_PACKET_RESTART; /* Logon that starts anew */
    new_number = m->type == RL_FIX_TYPE1('4') ? rl_fix_find(m, RL_FIX_NewSeqNo, 3) : NULL;
    if (new_number && rl_fix_uint(m, new_number, &next)) {
        p->kind = RL_PACKET_JUMP; /* SequenceReset: what is skipped is not lost */
        p->next = next;
    }
}

static enum rl_read read_message(struct rl_feed *f, const uint8_t *packet, uint32_t n_bytes,
                                 bool is_whole, struct rl_packet *p)
{
    struct rl_fix_field fields[RL_FIX_MAX_FIELDS];
    struct rl_fix_msg alone, *m = f ? &f->fix : &alone;
    const struct rl_fix_field *time;

    (void)is_whole; /* a parsed message is whole */
    if (f)
        f->parsed = NULL;
    else
        rl_fix_init(&alone, fields, RL_FIX_MAX_FIELDS);
    switch (rl_fix_parse(m, packet, n_bytes)) {
    case RL_FIX_OK:
        break;
    case RL_FIX_REJECT:
        return RL_READ_BAD_MESSAGE;
    default:
        return RL_READ_BAD_FRAME;
    }
    if (f)
        f->parsed = packet;
    *p = (struct rl_packet){.n_messages = 1, .number_bits = 64, .is_counted = 1};
    time = rl_fix_find(m, RL_FIX_SendingTime, 3);
    if (!time || !rl_fix_read_time(rl_fix_value(m, time), time->len, &p->ts_ns))
        p->ts_ns = 0;
    read_number(m, p);
    return RL_READ_OK;
}

static bool start(struct rl_feed *f, const uint8_t *packet, uint32_t n_bytes,
                  const struct rl_packet *p, uint64_t skip, struct rl_feed_cursor *c)
{
    struct rl_fix_msg *m = &f->fix;
    const struct rl_fix_field *count;
    uint64_t n;

    (void)skip;
    if (f->parsed != packet) { /* kept meanwhile: another message was parsed since */
        f->parsed = NULL;
        if (rl_fix_parse(m, packet, n_bytes) != RL_FIX_OK)
            return false;
    }
    f->n.messages++;
    c->instrument = RL_FEED_NONE;
    c->ts_ns = p->ts_ns;
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
            c->instrument = rl_feed_symbol_number(f, rl_fix_value(m, symbol), symbol->len);
        if (c->instrument == RL_FEED_NONE) {
            f->n.no_instrument++;
            return true;
        }
        c->pending = RL_OP_CLEAR;
        rl_feed_snapshot_begins(f, c->instrument);
    }
    if (!rl_fix_uint(m, count, &n) || n > m->n_fields) {
        f->n.bad_entries++;
        return true;
    }
    c->n_left = (uint32_t)n;
    c->field = (uint32_t)(count - m->fields) + 1;
    c->opening = m->fields[c->field].tag; /* at worst CheckSum, which is always last */
    return true;
}

/*
 * MDEntryID as a number: digits as they read, other text of up to eight characters as its bytes
 * with the top bit set, so that the two cannot meet. False for what is longer.
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
        case RL_FIX_MDUpdateAction:
            at = &e->action;
            break;
        case RL_FIX_MDEntryType:
            at = &e->type;
            break;
        case RL_FIX_MDEntryID:
            at = &e->id;
            break;
        case RL_FIX_MDEntryPx:
            at = &e->px;
            break;
        case RL_FIX_MDEntrySize:
            at = &e->size;
            break;
        case RL_FIX_Symbol:
            at = &e->symbol;
            break;
        case RL_FIX_SecurityID:
            at = &e->security;
            break;
        default:
            at = NULL;
            break;
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

static bool next(struct rl_feed *f, struct rl_feed_cursor *c, struct rl_update *u)
{
    const struct rl_fix_msg *m = &f->fix;
    const struct rl_fix_field *symbol;
    struct entry e;

    if (c->is_done)
        return false;
    u->seq = c->seq;
    u->ts_ns = c->ts_ns;
    if (c->n_left == 0) { /* a message that says nothing about a book */
        c->is_done = true;
        return rl_feed_none(u);
    }
    if (c->field + 1 >= m->n_fields || m->fields[c->field].tag != c->opening) {
        f->n.bad_entries += c->n_left; /* promised, but not there */
        c->is_done = true;
        return rl_feed_none(u);
    }
    entry_read(m, c, &e);
    c->n_left--;
    c->is_done = c->n_left == 0;
    f->n.entries++;
    symbol = e.symbol ? e.symbol : e.security;
    if (symbol && !c->is_snapshot) {
        c->instrument = rl_feed_symbol_number(f, rl_fix_value(m, symbol), symbol->len);
        if (c->instrument == RL_FEED_NONE) {
            f->n.no_instrument++;
            return rl_feed_none(u);
        }
    }
    if (c->instrument == RL_FEED_NONE) {
        bad_entry(f);
        return rl_feed_none(u);
    }
    u->instrument = c->instrument;
    u->op = (uint8_t)entry_op(f, c, &e, u);
    return u->op == RL_OP_NONE ? rl_feed_none(u) : true;
}

const struct rl_protocol rl_protocol_fix = {
    .name = "fix", .read = read_message, .start = start, .next = next};
