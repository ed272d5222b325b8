/* Replaces in flight, lost sessions and answers of nothing, a case at a time; each step also by the
 * slow reference. */
#include "order_pair.h"

#define ID(n) ((1ULL << RL_ID_COUNTER_BITS) + (n))
#define ORDER ID(1)
#define REPLACE ID(2)
#define CANCEL ID(3)
#define OTHER ID(4)

static struct pair p;

static void an_order_of(uint64_t qty)
{
    pair_init(&p);
    CHECK_EQ(pair_send(&p, ORDER, qty), 0);
    CHECK_EQ(p.c.now_reserved_qty, qty);
    CHECK_EQ(pair_says(&p, RL_EVENT_ACK, ORDER, 0), 0);
}

/* ---- Replaces ------------------------------------------------------------------------------- */

static void until_a_replace_is_answered_the_worse_of_both_is_reserved(uint64_t qty, int64_t px,
                                                                      uint64_t new_qty,
                                                                      int64_t new_px,
                                                                      uint64_t reserved, int64_t at)
{
    pair_init(&p);
    pair_do(&p, (struct pair_op){
                    .what = PAIR_SEND, .id = ORDER, .request = {.qty = qty, .px_nano = px}});
    pair_fill(&p, ORDER, 1, 2);
    CHECK_EQ(pair_replace(&p, REPLACE, ORDER, new_qty, new_px), 0);
    CHECK_EQ(p.c.now_reserved_qty, reserved);
    CHECK_EQ(p.c.now_reserved_px_nano, at);
    CHECK_EQ(pair_says(&p, RL_EVENT_REPLACED, REPLACE, ORDER), 0);
    CHECK_EQ(p.c.was_reserved_qty, reserved);
    CHECK_EQ(p.c.now_reserved_qty, new_qty - 2);
    CHECK_EQ(p.c.now_reserved_px_nano, new_px);
}

static void an_order_filled_under_a_pending_replace_to_more_has_not_ended(bool is_granted)
{
    an_order_of(10);
    pair_replace(&p, REPLACE, ORDER, 25, PAIR_PX);
    CHECK_EQ(pair_fill(&p, ORDER, 1, 10), 0);
    CHECK_EQ(p.c.now_reserved_qty, 15);
    CHECK_EQ(pair_fill(&p, REPLACE, 2, 5), 0); /* the new id before the answer */
    if (is_granted) {
        CHECK_EQ(pair_says(&p, RL_EVENT_REPLACED, REPLACE, ORDER), 0);
        CHECK_EQ(pair_state(&p, REPLACE), RL_STATE_PARTIAL);
        CHECK_EQ(p.c.now_reserved_qty, 10);
        return;
    }
    CHECK_EQ(pair_says(&p, RL_EVENT_REPLACE_REJECT, REPLACE, ORDER), RL_ORDER_CLOSED);
    CHECK_EQ(pair_state(&p, ORDER), RL_STATE_FILLED);
}

static void a_cancel_goes_on_for_the_order_that_replaced(void)
{
    an_order_of(10);
    pair_replace(&p, REPLACE, ORDER, 20, PAIR_PX);
    pair_cancel(&p, CANCEL, ORDER);
    CHECK_EQ(pair_says(&p, RL_EVENT_REPLACED, REPLACE, ORDER), 0);
    CHECK_EQ(pair_state(&p, REPLACE), RL_STATE_PENDING_CANCEL);
    CHECK_EQ(pair_says(&p, RL_EVENT_CANCELLED, CANCEL, ORDER), RL_ORDER_CLOSED);
    CHECK_EQ(pair_state(&p, REPLACE), RL_STATE_CANCELLED);
}

static void an_answer_that_names_an_old_id_ends_nothing(unsigned kind)
{
    an_order_of(10);
    pair_replace(&p, REPLACE, ORDER, 20, PAIR_PX);
    pair_says(&p, RL_EVENT_REPLACED, REPLACE, ORDER);
    CHECK_EQ(pair_says(&p, kind, ORDER, 0), RL_ORDER_ILLEGAL);
    CHECK_EQ(pair_state(&p, REPLACE), RL_STATE_WORKING);
}

/* A chain of n replaces, then an execution under its first id. */
static uint32_t an_execution_under_an_id_n_replaces_old(uint64_t n)
{
    static struct rl_orders o;
    static RL_ALIGNED uint8_t memory[32768];
    struct rl_request request = {.qty = 10, .px_nano = PAIR_PX};
    struct rl_order_event e = {.id = ORDER, .kind = RL_EVENT_ACK, .px_nano = RL_PX_NONE};
    struct rl_order_change c;
    const char *why;

    CHECK(rl_orders_bytes(256, 16) <= sizeof(memory));
    CHECK_EQ(rl_orders_init(&o, memory, 256, 16), 0);
    rl_orders_sent(&o, ORDER, &request, &c);
    rl_orders_event(&o, &e, &c);
    e.kind = RL_EVENT_REPLACED;
    for (uint64_t i = 0; i < n; i++) {
        e.id = ORDER + i + 1;
        CHECK_EQ(rl_orders_replace_sent(&o, e.id, ORDER + i, 10, PAIR_PX, &c), 0);
        CHECK_EQ(rl_orders_event(&o, &e, &c), 0);
    }
    e = (struct rl_order_event){
        .id = ORDER, .kind = RL_EVENT_FILL, .exec = 1, .qty = 4, .px_nano = PAIR_PX};
    rl_orders_event(&o, &e, &c);
    CHECK_EQ(c.d_qty, 4);
    CHECK_EQ(rl_orders_check(&o, &why), 0);
    CHECK_EQ(rl_orders_find(&o, ORDER + n)->cum, (c.flags & RL_ORDER_LATE) != 0 ? 0 : 4);
    return c.flags;
}

static void an_execution_under_an_old_id_is_of_the_order_that_lives(void)
{
    CHECK_EQ(an_execution_under_an_id_n_replaces_old(1), 0);
    CHECK_EQ(an_execution_under_an_id_n_replaces_old(RL_ORDER_HOPS), 0);
    CHECK_EQ(an_execution_under_an_id_n_replaces_old(RL_ORDER_HOPS + 1), RL_ORDER_LATE);
}

/* ---- Lost sessions -------------------------------------------------------------------------- */

static void lost(void)
{
    pair_do(&p, (struct pair_op){.what = PAIR_DISCONNECT});
    CHECK_EQ(pair_state(&p, ORDER), RL_STATE_UNKNOWN);
}

static void an_unknown_order_stays_reserved_until_the_venue_says_what_it_is(unsigned kind,
                                                                            unsigned state)
{
    an_order_of(10);
    pair_fill(&p, ORDER, 1, 4);
    lost();
    CHECK_EQ(p.c.now_reserved_qty, 6);
    CHECK_EQ(pair_fill(&p, ORDER, 2, 1), 0);
    CHECK_EQ(pair_state(&p, ORDER), RL_STATE_UNKNOWN);
    CHECK_EQ(pair_replace(&p, REPLACE, ORDER, 20, PAIR_PX), RL_ORDER_ILLEGAL);
    CHECK_EQ(pair_cancel(&p, CANCEL, ORDER), 0);
    CHECK_EQ(p.c.now_reserved_qty, 5);
    pair_says(&p, kind, ORDER, 0);
    CHECK_EQ(pair_state(&p, ORDER), state);
    CHECK_EQ(p.c.now_reserved_qty, rl_state_is_terminal(state) ? 0 : 5);
}

static void only_an_unknown_order_can_be_gone(void)
{
    an_order_of(10);
    CHECK_EQ(pair_says(&p, RL_EVENT_STATUS_GONE, ORDER, 0), RL_ORDER_ILLEGAL);
    pair_replace(&p, REPLACE, ORDER, 20, PAIR_PX);
    lost();
    /* It may be gone because it was replaced: the venue is asked for the new id first. */
    CHECK_EQ(pair_says(&p, RL_EVENT_STATUS_GONE, ORDER, 0), RL_ORDER_ILLEGAL);
    CHECK_EQ(pair_says(&p, RL_EVENT_STATUS_GONE, REPLACE, 0), 0);
    CHECK_EQ(p.c.now_reserved_qty, 10);
    CHECK_EQ(pair_says(&p, RL_EVENT_STATUS_GONE, ORDER, 0), RL_ORDER_CLOSED);
}

static void a_replace_that_the_venue_has_is_granted(bool had_ended)
{
    an_order_of(10);
    pair_fill(&p, ORDER, 1, 4);
    pair_replace(&p, REPLACE, ORDER, 20, PAIR_PX + 1);
    if (had_ended)
        pair_says(&p, RL_EVENT_CANCELLED, ORDER, 0);
    else
        lost();
    CHECK_EQ(pair_says(&p, RL_EVENT_STATUS_OPEN, REPLACE, 0), had_ended ? RL_ORDER_REOPENED : 0);
    CHECK_EQ(pair_state(&p, REPLACE), RL_STATE_PARTIAL);
    CHECK_EQ(pair_state(&p, ORDER), RL_STATE_REPLACED);
    CHECK(p.c.now_reserved_qty == 16 && p.c.now_reserved_px_nano == PAIR_PX + 1);
}

/* ---- Nonsense ------------------------------------------------------------------------------- */

static void what_is_of_no_order_is_told(void)
{
    an_order_of(10);
    for (unsigned kind = 0; kind < 256; kind++)
        CHECK_EQ(pair_says(&p, kind, OTHER, 0), RL_ORDER_UNKNOWN_ORDER);
    CHECK(p.c.order == NULL);
    CHECK_EQ(pair_fill(&p, RL_ID_NONE, 1, 1), RL_ORDER_UNKNOWN_ORDER);
    CHECK_EQ(pair_fill(&p, ORDER + PAIR_SLOTS, 1, 1), RL_ORDER_UNKNOWN_ORDER); /* same slot */
}

static void an_answer_whose_two_ids_are_of_two_orders_changes_neither(void)
{
    an_order_of(10);
    pair_send(&p, OTHER, 10);
    CHECK_EQ(pair_says(&p, RL_EVENT_CANCELLED, OTHER, ORDER), RL_ORDER_ILLEGAL);
    CHECK_EQ(pair_says(&p, RL_EVENT_CANCELLED, ORDER, OTHER), RL_ORDER_ILLEGAL);
    CHECK_EQ(p.o.n_open, 2);
    CHECK_EQ(p.o.n_illegal[RL_STATE_PENDING_NEW][RL_EVENT_CANCELLED], 1);
    CHECK_EQ(p.o.n_illegal[RL_STATE_WORKING][RL_EVENT_CANCELLED], 1);
    CHECK_EQ(p.o.n_flags[__builtin_ctz(RL_ORDER_ILLEGAL)], 2);
}

int main(void)
{
    until_a_replace_is_answered_the_worse_of_both_is_reserved(10, 100, 20, 90, 18, 100);
    until_a_replace_is_answered_the_worse_of_both_is_reserved(20, 90, 10, 100, 18, 100);
    until_a_replace_is_answered_the_worse_of_both_is_reserved(10, 50, 10, -60, 8, -60);
    until_a_replace_is_answered_the_worse_of_both_is_reserved(10, INT64_MAX, 10, -1, 8, INT64_MAX);
    until_a_replace_is_answered_the_worse_of_both_is_reserved(10, 5, 10, RL_PX_NONE, 8, RL_PX_NONE);
    until_a_replace_is_answered_the_worse_of_both_is_reserved(10, RL_PX_NONE, 10, 5, 8, RL_PX_NONE);
    an_order_filled_under_a_pending_replace_to_more_has_not_ended(true);
    an_order_filled_under_a_pending_replace_to_more_has_not_ended(false);
    a_cancel_goes_on_for_the_order_that_replaced();
    an_answer_that_names_an_old_id_ends_nothing(RL_EVENT_CANCELLED);
    an_answer_that_names_an_old_id_ends_nothing(RL_EVENT_EXPIRED);
    an_answer_that_names_an_old_id_ends_nothing(RL_EVENT_REJECT);
    an_answer_that_names_an_old_id_ends_nothing(RL_EVENT_STATUS_OPEN);
    an_execution_under_an_old_id_is_of_the_order_that_lives();
    an_unknown_order_stays_reserved_until_the_venue_says_what_it_is(RL_EVENT_STATUS_OPEN,
                                                                    RL_STATE_PARTIAL);
    an_unknown_order_stays_reserved_until_the_venue_says_what_it_is(RL_EVENT_STATUS_GONE,
                                                                    RL_STATE_CANCELLED);
    only_an_unknown_order_can_be_gone();
    a_replace_that_the_venue_has_is_granted(false);
    a_replace_that_the_venue_has_is_granted(true);
    what_is_of_no_order_is_told();
    an_answer_whose_two_ids_are_of_two_orders_changes_neither();
    return 0;
}
