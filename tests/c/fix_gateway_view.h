/*
 * fix_gateway_view - what a client knows of its orders from the reports of the gateway alone, in
 * any version of FIX.
 */
#ifndef RL_TESTS_FIX_GATEWAY_VIEW_H
#define RL_TESTS_FIX_GATEWAY_VIEW_H

#include "fix_gateway_rig.h"

#define VIEW_ORDERS 8192
#define VIEW_EXECS (1u << 16) /* a power of two, twice as many as there are reports */
#define VIEW_ID 24

struct view_order {
    uint64_t qty, cum, leaves, fills; /* fills: what its executions add up to */
    __int128 notional;
    int64_t px_nano;
    uint32_t handle;
    bool is_known, is_live;
    char side, status;
    char cl_ord_id[VIEW_ID];
};

struct view {
    struct view_order orders[VIEW_ORDERS]; /* by OrderID */
    uint64_t execs[VIEW_EXECS];            /* that were seen: a hash set */
    uint32_t n_execs;
    int64_t position[16]; /* by session: bought less sold */
    __int128 cash[16];    /* what it was paid less what it paid, in nano */
    uint64_t n_fills, n_busts, n_repeated, n_rejects, n_cancel_rejects;
    enum rl_fix_version versions[16];
    bool is_rough; /* fills may be told late, in any order, and twice */
};

static inline bool view_text(const struct rig_said *s, unsigned tag, char *out)
{
    char wanted[16];
    const char *at;
    size_t n;

    snprintf(wanted, sizeof wanted, "|%u=", tag);
    at = strstr(s->body, wanted);
    if (!at)
        return false;
    at += strlen(wanted);
    n = strcspn(at, "|");
    CHECK(n < VIEW_ID);
    memcpy(out, at, n);
    out[n] = 0;
    return true;
}

static inline char view_char(const struct rig_said *s, unsigned tag)
{
    char text[VIEW_ID];

    return view_text(s, tag, text) ? text[0] : 0;
}

/* False: it was there already. */
static inline bool view_is_new_exec(struct view *v, uint64_t id)
{
    uint64_t at = id * 0x9E3779B97F4A7C15ULL >> 32;

    CHECK(v->n_execs < VIEW_EXECS / 2);
    for (;; at++) {
        uint64_t *slot = &v->execs[at % VIEW_EXECS];

        if (*slot == id)
            return false;
        if (*slot == 0) {
            *slot = id;
            v->n_execs++;
            return true;
        }
    }
}

static inline void view_book(struct view *v, struct view_order *o, const struct rig_said *s,
                             int sign)
{
    uint64_t qty = rig_uint(s, 32);
    int64_t px = rig_px(s, 31);
    int bought = o->side == '1' ? sign : -sign;

    CHECK(qty > 0 && px > 0);
    o->fills += (uint64_t)sign * qty;
    o->notional += sign * (__int128)px * qty;
    v->position[o->handle] += bought * (int64_t)qty;
    v->cash[o->handle] -= bought * (__int128)px * qty;
}

/* Nothing of the order is open any more. */
static inline bool view_is_end(char status)
{
    return status == '2' || status == '4' || status == '8' || status == 'C';
}

static inline void view_check(const struct view *v, const struct view_order *o,
                              const struct rig_said *s)
{
    int64_t avg = rig_px(s, 6);
    __int128 twice;

    if (v->is_rough)
        return;
    CHECK_EQ(o->cum, o->fills);
    CHECK_EQ(o->leaves + o->cum, o->is_live ? o->qty : o->leaves + o->cum);
    CHECK(o->is_live || o->leaves == 0);
    if (o->cum == 0) {
        CHECK_EQ(avg, 0);
        return;
    }
    twice = 2 * (o->notional - (__int128)avg * o->cum); /* half a nano at most */
    CHECK(twice <= (__int128)o->cum && twice >= -(__int128)o->cum);
}

static inline void view_report(struct view *v, const struct rig_said *s)
{
    enum rl_fix_version version = v->versions[s->handle];
    uint64_t id = rig_has(s, "37=NONE") ? 0 : rig_uint(s, 37), exec = rig_uint(s, 17);
    char exec_type = view_char(s, 150), trans = view_char(s, 20), status = view_char(s, 39);
    char text[VIEW_ID];
    bool is_bust = trans == '1' || exec_type == 'H';
    bool is_status = trans == '3' || exec_type == 'I';
    bool is_fill = !is_bust && !is_status &&
                   (version >= RL_FIX_43   ? exec_type == 'F'
                    : version >= RL_FIX_41 ? exec_type == '1' || exec_type == '2'
                                           : rig_uint(s, 32) > 0);
    struct view_order *o;

    CHECK(version == RL_FIX_40 ? exec_type == 0 : exec_type != 0);
    CHECK((version < RL_FIX_43) == (trans != 0));
    if (is_status ? exec != 0 : !view_is_new_exec(v, exec)) {
        CHECK(v->is_rough && is_fill);
        v->n_repeated++;
        return;
    }
    if (id == 0) { /* of no order */
        CHECK_EQ(status, '8');
        v->n_rejects++;
        return;
    }
    CHECK(id < VIEW_ORDERS);
    o = &v->orders[id];
    if (!o->is_known) {
        CHECK(view_text(s, 11, o->cl_ord_id));
        o->is_known = true;
        o->handle = s->handle;
        o->side = view_char(s, 54);
    }
    CHECK_EQ(o->handle, s->handle);
    CHECK_EQ(o->side, view_char(s, 54));
    if (view_text(s, 41, text) && !v->is_rough)
        CHECK(strcmp(text, o->cl_ord_id) == 0);
    if (status == '4' && view_text(s, 11, text) && strcmp(text, o->cl_ord_id) != 0)
        CHECK(version == RL_FIX_40 || view_text(s, 41, text)); /* the request's */
    else
        CHECK(view_text(s, 11, o->cl_ord_id));
    v->n_rejects += exec_type == '8' || status == '8';
    v->n_fills += is_fill;
    v->n_busts += is_bust;
    if (is_fill || is_bust)
        view_book(v, o, s, is_fill ? 1 : -1);
    o->qty = rig_uint(s, 38);
    o->cum = rig_uint(s, 14);
    o->status = status;
    o->is_live = !view_is_end(status);
    if (rig_has_tag(s, 44))
        o->px_nano = rig_px(s, 44);
    o->leaves = version > RL_FIX_40 ? rig_uint(s, 151) : o->is_live ? o->qty - o->cum : 0;
    view_check(v, o, s);
}

/* All that was said since the last time. */
static inline void view_hear(struct view *v, struct rig *r)
{
    for (; r->n_read < r->n_heard; r->n_read++) {
        const struct rig_said *s = &r->heard[r->n_read];

        if (strcmp(s->type, "8") == 0)
            view_report(v, s);
        else if (strcmp(s->type, "9") == 0)
            v->n_cancel_rejects++;
        else
            CHECK(strcmp(s->type, "r") == 0);
    }
    r->n_read = r->n_heard = 0;
}

#endif
