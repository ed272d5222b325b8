/* What goes wrong between an order and its venue, a case at a time; each step also by the slow
 * reference. */
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

static uint32_t undo(unsigned kind, uint64_t id, uint64_t ref_exec, uint64_t qty, uint64_t exec)
{
    return pair_event(&p, (struct rl_order_event){.kind = (uint8_t)kind,
                                                  .id = id,
                                                  .exec = exec,
                                                  .ref_exec = ref_exec,
                                                  .qty = qty,
                                                  .px_nano = PAIR_PX});
}

static uint32_t bust(uint64_t id, uint64_t ref_exec)
{
    return undo(RL_EVENT_BUST, id, ref_exec, 0, 0);
}

/* ---- Executions ----------------------------------------------------------------------------- */

static void an_execution_before_the_acknowledgement_is_booked(void)
{
    pair_init(&p);
    pair_send(&p, ORDER, 10);
    CHECK_EQ(pair_fill(&p, ORDER, 1, 4), RL_ORDER_EARLY);
    CHECK_EQ(pair_state(&p, ORDER), RL_STATE_PARTIAL);
    CHECK_EQ(pair_says(&p, RL_EVENT_ACK, ORDER, 0), 0);
    CHECK_EQ(pair_fill(&p, ORDER, 2, 1), 0);
    CHECK_EQ(pair_says(&p, RL_EVENT_ACK, ORDER, 0), RL_ORDER_ILLEGAL); /* once is enough */
}

static void an_acknowledgement_may_come_after_the_end_but_not_twice(void)
{
    pair_init(&p);
    pair_send(&p, ORDER, 10);
    CHECK_EQ(pair_fill(&p, ORDER, 1, 10), RL_ORDER_EARLY | RL_ORDER_CLOSED);
    CHECK_EQ(pair_says(&p, RL_EVENT_ACK, ORDER, 0), 0);
    CHECK_EQ(pair_state(&p, ORDER), RL_STATE_FILLED);
    CHECK_EQ(pair_says(&p, RL_EVENT_ACK, ORDER, 0), RL_ORDER_ILLEGAL);
}

static void an_execution_after_the_end_is_booked_and_reserves_nothing(unsigned end)
{
    pair_init(&p);
    pair_send(&p, ORDER, 10);
    CHECK(pair_says(&p, end, ORDER, 0) & RL_ORDER_CLOSED);
    CHECK_EQ(pair_fill(&p, ORDER, 1, 4), RL_ORDER_LATE);
    CHECK_EQ(p.c.d_qty, 4);
    CHECK_EQ(p.c.now_reserved_qty, 0);
    CHECK_EQ(pair_fill(&p, ORDER, 2, 7), RL_ORDER_LATE | RL_ORDER_OVERFILL);
    CHECK_EQ(pair_cum(&p, ORDER), 11);
}

static void a_repeated_execution_changes_nothing(void)
{
    an_order_of(10);
    CHECK_EQ(pair_fill(&p, ORDER, 1, 4), 0);
    CHECK_EQ(pair_fill(&p, ORDER, 1, 4), RL_ORDER_DUPLICATE);
    CHECK_EQ(pair_fill(&p, ORDER, 1, 5), RL_ORDER_CONFLICT);
    CHECK_EQ(pair_cum(&p, ORDER), 4);
    pair_fill(&p, ORDER, 2, 6);
    CHECK_EQ(pair_fill(&p, ORDER, 1, 4), RL_ORDER_DUPLICATE); /* not late */
    pair_send(&p, OTHER, 10);
    CHECK_EQ(pair_fill(&p, OTHER, 1, 4), RL_ORDER_CONFLICT); /* of another order */
    CHECK_EQ(pair_fill(&p, OTHER, 0, 4), RL_ORDER_EARLY);    /* without a number: not told apart */
    CHECK_EQ(pair_fill(&p, OTHER, 0, 4), RL_ORDER_EARLY);
}

static void two_venues_may_give_the_same_number_to_an_execution(void)
{
    an_order_of(10);
    pair_do(&p, (struct pair_op){.what = PAIR_SEND,
                                 .id = OTHER,
                                 .request = {.scopes.venue = 1, .qty = 10, .px_nano = PAIR_PX}});
    CHECK_EQ(pair_fill(&p, ORDER, 1, 4), 0);
    CHECK_EQ(pair_fill(&p, OTHER, 1, 4), RL_ORDER_EARLY);
    CHECK_EQ(pair_fill(&p, OTHER, 1, 4), RL_ORDER_DUPLICATE);
}

static void an_execution_of_more_than_was_open_is_booked_and_ends_the_order(void)
{
    an_order_of(10);
    CHECK_EQ(pair_fill(&p, ORDER, 1, 11), RL_ORDER_OVERFILL | RL_ORDER_CLOSED);
    CHECK_EQ(p.c.d_qty, 11);
    CHECK_EQ(pair_fill(&p, ORDER, 2, 1), RL_ORDER_OVERFILL | RL_ORDER_LATE);
    CHECK_EQ(pair_cum(&p, ORDER), 12);
}

static void an_execution_that_cannot_be_counted_is_refused(void)
{
    an_order_of(10);
    CHECK_EQ(pair_fill(&p, ORDER, 1, 0), RL_ORDER_ILLEGAL);
    CHECK_EQ(pair_fill(&p, ORDER, 1, UINT64_MAX), RL_ORDER_ILLEGAL);
    CHECK_EQ(pair_fill(&p, ORDER, 1, 1), 0);
    CHECK_EQ(pair_fill(&p, ORDER, 2, INT64_MAX), RL_ORDER_ILLEGAL); /* the sum has no room */
    CHECK_EQ(pair_fill(&p, ORDER, 2, INT64_MAX - 1), RL_ORDER_OVERFILL | RL_ORDER_CLOSED);
}

/* ---- Busts and corrections ------------------------------------------------------------------ */

static void a_bust_of_an_order_that_works_opens_its_lots_again(void)
{
    an_order_of(10);
    pair_fill(&p, ORDER, 1, 4);
    CHECK_EQ(bust(ORDER, 1), 0);
    CHECK(p.c.d_qty == -4 && p.c.px_nano == PAIR_PX);
    CHECK(p.c.was_reserved_qty == 6 && p.c.now_reserved_qty == 10);
    CHECK_EQ(pair_state(&p, ORDER), RL_STATE_WORKING);
    CHECK_EQ(bust(ORDER, 1), RL_ORDER_DUPLICATE);
    CHECK_EQ(bust(ORDER, 2), RL_ORDER_UNKNOWN_EXEC);
    CHECK_EQ(pair_fill(&p, ORDER, 1, 4), RL_ORDER_DUPLICATE); /* it does not come back */
}

static void a_bust_of_an_order_that_ended_opens_nothing(void)
{
    an_order_of(10);
    pair_fill(&p, ORDER, 1, 4);
    pair_fill(&p, ORDER, 2, 6);
    CHECK_EQ(bust(ORDER, 2), 0);
    CHECK_EQ(pair_state(&p, ORDER), RL_STATE_FILLED);
    CHECK_EQ(p.c.now_reserved_qty, 0);
    CHECK_EQ(pair_fill(&p, ORDER, 3, 6), RL_ORDER_LATE); /* and not an overfill */
    bust(ORDER, 3);
    CHECK_EQ(pair_says(&p, RL_EVENT_STATUS_OPEN, ORDER, 0), RL_ORDER_REOPENED);
    CHECK_EQ(p.c.now_reserved_qty, 6);
    CHECK_EQ(pair_state(&p, ORDER), RL_STATE_PARTIAL);
}

static void what_a_bust_gave_back_may_be_cancelled_by_the_venue(void)
{
    an_order_of(10);
    pair_fill(&p, ORDER, 1, 10);
    CHECK_EQ(pair_says(&p, RL_EVENT_CANCELLED, ORDER, 0), RL_ORDER_ILLEGAL); /* nothing is left */
    bust(ORDER, 1);
    CHECK_EQ(pair_says(&p, RL_EVENT_CANCELLED, ORDER, 0), 0);
    CHECK_EQ(pair_state(&p, ORDER), RL_STATE_CANCELLED);
}

static void a_correction_is_a_bust_and_an_execution_in_one(void)
{
    an_order_of(10);
    pair_fill(&p, ORDER, 1, 4);
    CHECK_EQ(undo(RL_EVENT_CORRECT, ORDER, 1, 7, 2), 0);
    CHECK(p.c.undo_qty == 4 && p.c.d_qty == 7);
    CHECK(p.c.was_reserved_qty == 6 && p.c.now_reserved_qty == 3);
    CHECK_EQ(undo(RL_EVENT_CORRECT, ORDER, 1, 7, 2), RL_ORDER_DUPLICATE);
    CHECK_EQ(undo(RL_EVENT_CORRECT, ORDER, 1, 5, 2), RL_ORDER_CONFLICT);
    CHECK_EQ(undo(RL_EVENT_CORRECT, ORDER, 1, 5, 3), 0); /* by its first number: the one in force */
    CHECK(p.c.undo_qty == 7 && p.c.d_qty == 5);
    CHECK_EQ(undo(RL_EVENT_CORRECT, ORDER, 3, 6, 0), 0); /* without a number of its own */
    CHECK_EQ(undo(RL_EVENT_CORRECT, ORDER, 3, 6, 0), RL_ORDER_DUPLICATE);
    CHECK_EQ(bust(ORDER, 1), 0);
    CHECK_EQ(pair_cum(&p, ORDER), 0);
    CHECK_EQ(undo(RL_EVENT_CORRECT, ORDER, 3, 5, 0), RL_ORDER_CONFLICT); /* it stands no more */
    CHECK_EQ(undo(RL_EVENT_CORRECT, ORDER, 9, 5, 10), RL_ORDER_UNKNOWN_EXEC);
}

static void a_correction_to_all_that_is_open_ends_the_order(uint64_t lots, uint32_t flags)
{
    an_order_of(10);
    pair_fill(&p, ORDER, 1, 4);
    CHECK_EQ(undo(RL_EVENT_CORRECT, ORDER, 1, lots, 2), flags | RL_ORDER_CLOSED);
    CHECK_EQ(pair_state(&p, ORDER), RL_STATE_FILLED);
}

static void an_execution_is_not_taken_back_from_another_order(void)
{
    an_order_of(10);
    pair_fill(&p, ORDER, 1, 4);
    pair_send(&p, OTHER, 10);
    CHECK_EQ(bust(OTHER, 1), RL_ORDER_CONFLICT);
    CHECK_EQ(undo(RL_EVENT_CORRECT, OTHER, 1, 5, 2), RL_ORDER_CONFLICT);
    CHECK_EQ(pair_cum(&p, ORDER), 4);
}

/* ---- Cancels -------------------------------------------------------------------------------- */

static void a_cancel_that_nobody_asked_for_is_told(const struct rl_request *r, bool asks,
                                                   uint32_t flags)
{
    pair_init(&p);
    pair_do(&p, (struct pair_op){.what = PAIR_SEND, .id = ORDER, .request = *r});
    pair_says(&p, RL_EVENT_ACK, ORDER, 0);
    if (asks)
        pair_cancel(&p, CANCEL, ORDER);
    CHECK_EQ(pair_says(&p, RL_EVENT_CANCELLED, ORDER, 0), flags | RL_ORDER_CLOSED);
}

static void a_cancel_that_crosses_the_venues_own_is_refused_without_harm(void)
{
    an_order_of(10);
    pair_cancel(&p, CANCEL, ORDER);
    pair_says(&p, RL_EVENT_EXPIRED, ORDER, 0);
    CHECK_EQ(pair_says(&p, RL_EVENT_CANCEL_REJECT, CANCEL, ORDER), 0);
    CHECK_EQ(pair_says(&p, RL_EVENT_CANCEL_REJECT, CANCEL, ORDER), RL_ORDER_ILLEGAL);
    CHECK_EQ(pair_state(&p, ORDER), RL_STATE_EXPIRED);
}

static void of_two_cancels_the_answer_to_the_first_leaves_the_second_pending(void)
{
    an_order_of(10);
    pair_cancel(&p, CANCEL, ORDER);
    CHECK_EQ(pair_cancel(&p, OTHER, ORDER), 0);
    CHECK_EQ(pair_says(&p, RL_EVENT_CANCEL_REJECT, CANCEL, ORDER), 0);
    CHECK_EQ(pair_state(&p, ORDER), RL_STATE_PENDING_CANCEL);
    CHECK_EQ(pair_says(&p, RL_EVENT_CANCEL_REJECT, OTHER, ORDER), 0);
    CHECK_EQ(pair_state(&p, ORDER), RL_STATE_WORKING);
}

static void a_reject_that_names_a_request_is_of_the_request(void)
{
    an_order_of(10);
    pair_replace(&p, REPLACE, ORDER, 20, PAIR_PX);
    pair_cancel(&p, CANCEL, ORDER);
    CHECK_EQ(pair_says(&p, RL_EVENT_REJECT, REPLACE, 0), 0);
    CHECK_EQ(p.c.now_reserved_qty, 10);
    CHECK_EQ(pair_says(&p, RL_EVENT_REJECT, CANCEL, 0), 0);
    CHECK_EQ(pair_state(&p, ORDER), RL_STATE_WORKING);
}

int main(void)
{
    static const struct rl_request day = {.qty = 10},
                                   ioc = {.qty = 10, .time_in_force = RL_TIF_IOC},
                                   market = {
                                       .qty = 10, .type = RL_TYPE_MARKET, .px_nano = RL_PX_NONE};

    an_execution_before_the_acknowledgement_is_booked();
    an_acknowledgement_may_come_after_the_end_but_not_twice();
    an_execution_after_the_end_is_booked_and_reserves_nothing(RL_EVENT_CANCELLED);
    an_execution_after_the_end_is_booked_and_reserves_nothing(RL_EVENT_EXPIRED);
    an_execution_after_the_end_is_booked_and_reserves_nothing(RL_EVENT_REJECT);
    a_repeated_execution_changes_nothing();
    two_venues_may_give_the_same_number_to_an_execution();
    an_execution_of_more_than_was_open_is_booked_and_ends_the_order();
    an_execution_that_cannot_be_counted_is_refused();
    a_bust_of_an_order_that_works_opens_its_lots_again();
    a_bust_of_an_order_that_ended_opens_nothing();
    what_a_bust_gave_back_may_be_cancelled_by_the_venue();
    a_correction_is_a_bust_and_an_execution_in_one();
    a_correction_to_all_that_is_open_ends_the_order(10, 0);
    a_correction_to_all_that_is_open_ends_the_order(11, RL_ORDER_OVERFILL);
    an_execution_is_not_taken_back_from_another_order();
    a_cancel_that_nobody_asked_for_is_told(&day, false, RL_ORDER_UNSOLICITED);
    a_cancel_that_nobody_asked_for_is_told(&day, true, 0);
    a_cancel_that_nobody_asked_for_is_told(&ioc, false, 0);
    a_cancel_that_nobody_asked_for_is_told(&market, false, 0);
    a_cancel_that_crosses_the_venues_own_is_refused_without_harm();
    of_two_cancels_the_answer_to_the_first_leaves_the_second_pending();
    a_reject_that_names_a_request_is_of_the_request();
    return 0;
}
