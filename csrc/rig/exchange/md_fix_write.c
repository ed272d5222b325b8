/* Messages of market data, as bodies: the session puts its header and trailer around them. */
#include "rig/exchange/md_fix_inner.h"

/* Where entries begin; what comes before them is put in front when they are complete. */
#define ENTRIES_AT RL_MD_FIX_HEAD

void rl_md_fix_put_symbol(struct rl_md_fix *md, struct rl_fix_enc *e, uint32_t instrument)
{
    const char *symbol = md->config.venue->instruments[instrument].symbol;

    rl_fix_put(e, RL_FIX_Symbol, symbol, (uint32_t)strnlen(symbol, RL_VENUE_SYMBOL));
}

/* --- any message ------------------------------------------------------------------------------ */

struct rl_fix_enc *rl_md_fix_body(struct rl_md_fix *md)
{
    struct rl_md_fix_writer *w = &md->out;

    rl_fix_begin(&w->entries, w->bytes, sizeof w->bytes, "");
    return &w->entries;
}

void rl_md_fix_post(struct rl_md_fix *md, uint32_t handle, const char *type)
{
    struct rl_md_fix_writer *w = &md->out;

    if (!md->sessions[handle].is_closing)
        md->config.send(md->config.context, handle, type, w->bytes + RL_FIX_HEAD_ROOM,
                        w->entries.at - RL_FIX_HEAD_ROOM);
}

/* --- entries ---------------------------------------------------------------------------------- */

void rl_md_fix_begin(struct rl_md_fix *md, const struct rl_md_fix_subscription *s, char type)
{
    struct rl_md_fix_writer *w = &md->out;

    rl_fix_begin(&w->entries, w->bytes, sizeof w->bytes, "");
    w->entries.at = ENTRIES_AT;
    w->type = type;
    w->n_entries = 0;
    w->is_whole = false;
    w->types = s->types;
    w->depth = s->depth;
    w->subscription = (uint32_t)(s - md->subscriptions);
}

void rl_md_fix_end(struct rl_md_fix *md)
{
    struct rl_md_fix_writer *w = &md->out;
    const struct rl_md_fix_subscription *s = &md->subscriptions[w->subscription];
    char type[2] = {w->type, 0};
    uint8_t room[RL_MD_FIX_HEAD];
    struct rl_fix_enc head;
    uint8_t *body;

    w->type = 0;
    if (type[0] == 0 || (type[0] == 'X' && w->n_entries == 0) || md->sessions[s->handle].is_closing)
        return;
    rl_fix_begin(&head, room, sizeof room, "");
    rl_fix_put(&head, TAG_MDReqID, s->id, s->n_id);
    if (type[0] == 'W') {
        rl_md_fix_put_symbol(md, &head, s->instrument);
        if (md->sessions[s->handle].version >= RL_MD_FIX_50SP2) /* required there */
            rl_fix_put_time(&head, TAG_LastUpdateTime, md->now_ns, 3);
    }
    rl_fix_put_uint(&head, RL_FIX_NoMDEntries, w->n_entries);
    head.at -= RL_FIX_HEAD_ROOM;
    body = w->bytes + ENTRIES_AT - head.at;
    memcpy(body, room + RL_FIX_HEAD_ROOM, head.at);
    md->n.snapshots += type[0] == 'W';
    md->n.increments += type[0] == 'X';
    md->n.entries += w->n_entries;
    md->config.send(md->config.context, s->handle, type, body,
                    head.at + w->entries.at - ENTRIES_AT);
}

/* Room for one more entry: what is full goes out and an X goes on. True: entries name an action. */
static bool make_room(struct rl_md_fix *md)
{
    struct rl_md_fix_writer *w = &md->out;

    if (w->n_entries == md->config.n_entries) {
        const struct rl_md_fix_subscription *s = &md->subscriptions[w->subscription];

        rl_md_fix_end(md);
        rl_md_fix_begin(md, s, 'X');
    }
    w->n_entries++;
    return w->type == 'X';
}

static void put_kind(struct rl_md_fix *md, char action, char kind, uint64_t id)
{
    struct rl_fix_enc *e = &md->out.entries;
    bool has_action = make_room(md);

    if (has_action)
        rl_fix_put_char(e, RL_FIX_MDUpdateAction, action);
    rl_fix_put_char(e, RL_FIX_MDEntryType, kind);
    if (!has_action)
        return;
    if (id != 0)
        rl_fix_put_uint(e, RL_FIX_MDEntryID, id);
    rl_md_fix_put_symbol(md, e, md->subscriptions[md->out.subscription].instrument);
}

void rl_md_fix_level(struct rl_md_fix *md, char action, unsigned side,
                     const struct rl_book_depth *level)
{
    struct rl_fix_enc *e = &md->out.entries;

    put_kind(md, action, side == RL_BUY ? '0' : '1', 0);
    rl_fix_put_px(e, RL_FIX_MDEntryPx, level->px_nano);
    if (action == '2')
        return;
    rl_fix_put_uint(e, RL_FIX_MDEntrySize, level->qty);
    rl_fix_put_uint(e, TAG_NumberOfOrders, level->n_orders);
}

void rl_md_fix_trade(struct rl_md_fix *md, const struct rl_md_fix_trade *t)
{
    struct rl_fix_enc *e = &md->out.entries;
    char time[RL_FIX_TIME_CHARS]; /* "20260921-13:55:15.038" */

    put_kind(md, t->is_bust ? '2' : '0', '2', t->match);
    rl_fix_put_px(e, RL_FIX_MDEntryPx, t->px_nano);
    rl_fix_put_uint(e, RL_FIX_MDEntrySize, t->qty);
    (void)rl_fix_print_time(time, t->ts_ns, 3);
    rl_fix_put(e, TAG_MDEntryDate, time, 8);
    rl_fix_put(e, TAG_MDEntryTime, time + 9, 12);
}
