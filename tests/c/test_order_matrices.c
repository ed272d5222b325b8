/*
 * The order state matrices of FIX (4.4 volume 4 appendix D, by their numbers there), played as the
 * venue plays them: state, executed and open lots after each message are those of the matrix.
 *
 * A matrix shows the reports of pending cancels and replaces; those change nothing here. Where a
 * line of a matrix has two paths, both are played.
 */
#include "order_pair.h"

#define ID(n) ((1ULL << RL_ID_COUNTER_BITS) + (n))
#define X ID(1)
#define Y ID(2)
#define Z ID(3)

static struct pair p;

static void is(uint64_t id, enum rl_order_state state, uint64_t qty, uint64_t cum, uint64_t leaves)
{
    const struct rl_order *order = rl_orders_find(&p.o, id);
    int64_t px;

    CHECK(order != NULL);
    CHECK_EQ(order->state, state);
    CHECK_EQ(order->qty, qty);
    CHECK_EQ(order->cum, cum);
    CHECK_EQ(rl_state_is_terminal(order->state) ? 0 : rl_order_leaves(order), leaves);
    /* Never less is reserved than a matrix leaves open. */
    CHECK(rl_orders_reserved(&p.o, order, &px) >= leaves);
}

static void new_order(void)
{
    pair_init(&p);
    CHECK_EQ(pair_send(&p, X, 10000), 0);
    is(X, RL_STATE_PENDING_NEW, 10000, 0, 10000);
    CHECK_EQ(pair_says(&p, RL_EVENT_ACK, X, 0), 0);
    is(X, RL_STATE_WORKING, 10000, 0, 10000);
}

static void a1a_a_filled_order(void)
{
    pair_init(&p);
    pair_send(&p, X, 10000);
    CHECK_EQ(pair_says(&p, RL_EVENT_REJECT, X, 0), RL_ORDER_CLOSED);
    is(X, RL_STATE_REJECTED, 10000, 0, 0);

    new_order();
    CHECK_EQ(pair_fill(&p, X, 1, 2000), 0);
    is(X, RL_STATE_PARTIAL, 10000, 2000, 8000);
    CHECK_EQ(pair_fill(&p, X, 2, 1000), 0);
    is(X, RL_STATE_PARTIAL, 10000, 3000, 7000);
    CHECK_EQ(pair_fill(&p, X, 3, 7000), RL_ORDER_CLOSED);
    is(X, RL_STATE_FILLED, 10000, 10000, 0);
}

static void b1a_a_cancel_of_an_order_without_executions(bool is_refused)
{
    new_order();
    CHECK_EQ(pair_cancel(&p, Y, X), 0);
    is(X, RL_STATE_PENDING_CANCEL, 10000, 0, 10000);
    if (is_refused) {
        CHECK_EQ(pair_says(&p, RL_EVENT_CANCEL_REJECT, Y, X), 0);
        is(X, RL_STATE_WORKING, 10000, 0, 10000);
        return;
    }
    CHECK_EQ(pair_says(&p, RL_EVENT_CANCELLED, Y, X), RL_ORDER_CLOSED);
    is(X, RL_STATE_CANCELLED, 10000, 0, 0);
}

static void b1b_executions_whilst_the_cancel_is_pending(bool is_refused)
{
    new_order();
    pair_fill(&p, X, 1, 2000);
    pair_cancel(&p, Y, X);
    CHECK_EQ(pair_fill(&p, X, 2, 3000), 0); /* the two pass each other */
    is(X, RL_STATE_PENDING_CANCEL, 10000, 5000, 5000);
    CHECK_EQ(pair_fill(&p, X, 3, 1000), 0);
    is(X, RL_STATE_PENDING_CANCEL, 10000, 6000, 4000);
    if (is_refused) {
        CHECK_EQ(pair_says(&p, RL_EVENT_CANCEL_REJECT, Y, X), 0);
        is(X, RL_STATE_PARTIAL, 10000, 6000, 4000);
        return;
    }
    CHECK_EQ(pair_says(&p, RL_EVENT_CANCELLED, Y, X), RL_ORDER_CLOSED);
    is(X, RL_STATE_CANCELLED, 10000, 6000, 0);
}

static void b1c_an_order_that_is_filled_before_it_can_be_cancelled(void)
{
    new_order();
    pair_fill(&p, X, 1, 2000);
    pair_cancel(&p, Y, X);
    pair_fill(&p, X, 2, 3000);
    CHECK_EQ(pair_fill(&p, X, 3, 5000), RL_ORDER_CLOSED);
    is(X, RL_STATE_FILLED, 10000, 10000, 0);
    CHECK_EQ(pair_says(&p, RL_EVENT_CANCEL_REJECT, Y, X), 0); /* too late to cancel */
    is(X, RL_STATE_FILLED, 10000, 10000, 0);
    CHECK_EQ(pair_says(&p, RL_EVENT_CANCEL_REJECT, Y, X), RL_ORDER_ILLEGAL); /* once is enough */
}

static void c1a_a_replace_to_more(bool is_refused)
{
    new_order();
    CHECK_EQ(pair_replace(&p, Y, X, 11000, PAIR_PX), 0);
    is(X, RL_STATE_PENDING_REPLACE, 10000, 0, 10000);
    CHECK_EQ(p.c.now_reserved_qty, 11000);
    if (is_refused) {
        CHECK_EQ(pair_says(&p, RL_EVENT_REPLACE_REJECT, Y, X), 0);
        is(X, RL_STATE_WORKING, 10000, 0, 10000);
        CHECK_EQ(p.c.now_reserved_qty, 10000);
        return;
    }
    CHECK_EQ(pair_says(&p, RL_EVENT_REPLACED, Y, X), 0);
    is(X, RL_STATE_REPLACED, 10000, 0, 0);
    is(Y, RL_STATE_WORKING, 11000, 0, 11000);
    CHECK_EQ(pair_fill(&p, Y, 1, 1000), 0);
    is(Y, RL_STATE_PARTIAL, 11000, 1000, 10000);
    CHECK_EQ(pair_fill(&p, Y, 2, 10000), RL_ORDER_CLOSED);
    is(Y, RL_STATE_FILLED, 11000, 11000, 0);
}

static void c1b_a_replace_to_more_of_an_order_that_is_executed_meanwhile(void)
{
    new_order();
    pair_fill(&p, X, 1, 1000);
    pair_replace(&p, Y, X, 12000, PAIR_PX);
    is(X, RL_STATE_PENDING_REPLACE, 10000, 1000, 9000);
    CHECK_EQ(pair_fill(&p, X, 2, 100), 0);
    is(X, RL_STATE_PENDING_REPLACE, 10000, 1100, 8900);
    CHECK_EQ(pair_says(&p, RL_EVENT_REPLACED, Y, X), 0);
    is(Y, RL_STATE_PARTIAL, 12000, 1100, 10900);
    CHECK_EQ(pair_fill(&p, Y, 3, 10900), RL_ORDER_CLOSED);
    is(Y, RL_STATE_FILLED, 12000, 12000, 0);
}

static void c2a_a_replace_of_the_price_is_too_late_for_a_fill(void)
{
    new_order();
    pair_fill(&p, X, 1, 1000);
    pair_replace(&p, Y, X, 10000, PAIR_PX + 1);
    CHECK_EQ(pair_fill(&p, X, 2, 9000), RL_ORDER_CLOSED);
    is(X, RL_STATE_FILLED, 10000, 10000, 0);
    CHECK_EQ(pair_says(&p, RL_EVENT_CANCEL_REJECT, Y, X), 0); /* 35=9 answers replaces too */
    is(X, RL_STATE_FILLED, 10000, 10000, 0);
}

static void c3a_a_replace_to_less_of_which_more_is_left_than_was_executed(void)
{
    new_order();
    pair_fill(&p, X, 1, 1000);
    pair_replace(&p, Y, X, 8000, PAIR_PX);
    pair_fill(&p, X, 2, 500);
    pair_fill(&p, X, 3, 100);
    is(X, RL_STATE_PENDING_REPLACE, 10000, 1600, 8400);
    CHECK_EQ(p.c.now_reserved_qty, 8400); /* until the answer, the larger of both */
    CHECK_EQ(pair_says(&p, RL_EVENT_REPLACED, Y, X), 0);
    is(Y, RL_STATE_PARTIAL, 8000, 1600, 6400);
    CHECK_EQ(p.c.now_reserved_qty, 6400);
    CHECK_EQ(pair_fill(&p, Y, 4, 6400), RL_ORDER_CLOSED);
}

/* `granted` is the quantity that the venue amends the order to. */
static void c3b_c3c_a_replace_to_no_more_than_was_executed_ends_it(uint64_t asked,
                                                                   uint64_t executed,
                                                                   uint64_t granted)
{
    new_order();
    pair_replace(&p, Y, X, asked, PAIR_PX);
    CHECK_EQ(pair_fill(&p, X, 1, executed), 0);
    is(X, RL_STATE_PENDING_REPLACE, 10000, executed, 10000 - executed);
    CHECK_EQ(pair_event(&p, (struct rl_order_event){.kind = RL_EVENT_REPLACED,
                                                    .id = Y,
                                                    .orig_id = X,
                                                    .qty = granted,
                                                    .px_nano = RL_PX_NONE}),
             RL_ORDER_CLOSED);
    is(Y, RL_STATE_FILLED, granted == 0 ? asked : granted, executed, 0);
    CHECK_EQ(p.c.now_reserved_qty, 0);
}

static void d1a_one_replace_after_the_other(void)
{
    new_order();
    pair_fill(&p, X, 1, 1000);
    pair_replace(&p, Y, X, 8000, PAIR_PX);
    pair_fill(&p, X, 2, 500);
    pair_says(&p, RL_EVENT_REPLACED, Y, X);
    is(Y, RL_STATE_PARTIAL, 8000, 1500, 6500);
    pair_fill(&p, Y, 3, 2000);
    pair_replace(&p, Z, Y, 6000, PAIR_PX);
    CHECK_EQ(pair_fill(&p, Y, 4, 500), 0);
    CHECK_EQ(pair_says(&p, RL_EVENT_REPLACED, Z, Y), 0);
    is(Z, RL_STATE_PARTIAL, 6000, 4000, 2000);
    is(Y, RL_STATE_REPLACED, 8000, 4000, 0);
    CHECK_EQ(pair_fill(&p, Z, 5, 2000), RL_ORDER_CLOSED);
    is(Z, RL_STATE_FILLED, 6000, 6000, 0);
}

static void d1b_d1c_a_replace_after_one_that_was_refused(void)
{
    new_order();
    pair_fill(&p, X, 1, 1000);
    pair_replace(&p, Y, X, 8000, PAIR_PX);
    pair_fill(&p, X, 2, 500);
    CHECK_EQ(pair_says(&p, RL_EVENT_REPLACE_REJECT, Y, X), 0);
    is(X, RL_STATE_PARTIAL, 10000, 1500, 8500);
    pair_fill(&p, X, 3, 2000);
    CHECK_EQ(pair_replace(&p, Z, X, 6000, PAIR_PX), 0); /* of X: Y never was */
    CHECK_EQ(pair_says(&p, RL_EVENT_REPLACED, Z, X), 0);
    is(Z, RL_STATE_PARTIAL, 6000, 3500, 2500);
}

static void d2d_a_second_replace_while_one_is_pending_is_not_sent(void)
{
    new_order();
    pair_fill(&p, X, 1, 1000);
    pair_replace(&p, Y, X, 8000, PAIR_PX);
    CHECK_EQ(pair_replace(&p, Z, X, 7000, PAIR_PX), RL_ORDER_ILLEGAL);
    is(X, RL_STATE_PENDING_REPLACE, 10000, 1000, 9000);
    CHECK_EQ(pair_says(&p, RL_EVENT_REPLACED, Y, X), 0);
    is(Y, RL_STATE_PARTIAL, 8000, 1000, 7000);
}

static void i1_what_cannot_be_hit_is_cancelled_without_a_word(uint8_t time_in_force, uint64_t hit)
{
    pair_init(&p);
    pair_do(&p, (struct pair_op){
                    .what = PAIR_SEND,
                    .id = X,
                    .request = {.qty = 10000, .px_nano = PAIR_PX, .time_in_force = time_in_force}});
    pair_says(&p, RL_EVENT_ACK, X, 0);
    if (hit != 0)
        pair_fill(&p, X, 1, hit);
    CHECK_EQ(pair_says(&p, RL_EVENT_CANCELLED, X, 0), RL_ORDER_CLOSED);
    is(X, RL_STATE_CANCELLED, 10000, hit, 0);
}

static uint32_t bust(uint64_t id, uint64_t ref_exec)
{
    return pair_event(&p, (struct rl_order_event){
                              .kind = RL_EVENT_BUST, .id = id, .exec = 900, .ref_exec = ref_exec});
}

static uint32_t correct(uint64_t id, uint64_t exec, uint64_t ref_exec, uint64_t qty, int64_t px)
{
    return pair_event(&p, (struct rl_order_event){.kind = RL_EVENT_CORRECT,
                                                  .id = id,
                                                  .exec = exec,
                                                  .ref_exec = ref_exec,
                                                  .qty = qty,
                                                  .px_nano = px});
}

/* The broker of this matrix works on what a bust gave back, and says so: STATUS_OPEN. Its last part
 * replaces a filled order by a larger one, which we do with a new order. */
static void j1a_a_filled_order_is_corrected_and_executions_are_cancelled(void)
{
    enum { C = 3, D, E_, F, G, H };

    new_order();
    pair_fill(&p, X, C, 1000);
    pair_fill(&p, X, D, 9000);
    is(X, RL_STATE_FILLED, 10000, 10000, 0);
    CHECK_EQ(bust(X, C), 0);
    CHECK_EQ(p.c.d_qty, -1000);
    CHECK_EQ(p.c.px_nano, PAIR_PX);
    is(X, RL_STATE_FILLED, 10000, 9000, 0);
    CHECK_EQ(pair_says(&p, RL_EVENT_STATUS_OPEN, X, 0), RL_ORDER_REOPENED);
    is(X, RL_STATE_PARTIAL, 10000, 9000, 1000);
    CHECK_EQ(p.c.now_reserved_qty, 1000);
    CHECK_EQ(correct(X, F, D, 9000, PAIR_PX - 10), 0);
    CHECK(p.c.undo_qty == 9000 && p.c.undo_px_nano == PAIR_PX);
    CHECK(p.c.d_qty == 9000 && p.c.px_nano == PAIR_PX - 10);
    is(X, RL_STATE_PARTIAL, 10000, 9000, 1000);
    CHECK_EQ(pair_fill(&p, X, G, 1000), RL_ORDER_CLOSED);
    is(X, RL_STATE_FILLED, 10000, 10000, 0);
    CHECK_EQ(correct(X, H, F, 9000, PAIR_PX + 10), 0);
    CHECK_EQ(p.c.undo_px_nano, PAIR_PX - 10);
    CHECK_EQ(correct(X, E_, H, 9500, PAIR_PX + 10), RL_ORDER_OVERFILL);
    is(X, RL_STATE_FILLED, 10000, 10500, 0);
}

static void j1b_a_cancelled_order_loses_an_execution_and_gets_another(void)
{
    new_order();
    pair_fill(&p, X, 2, 5000);
    pair_cancel(&p, Y, X);
    pair_says(&p, RL_EVENT_CANCELLED, Y, X);
    is(X, RL_STATE_CANCELLED, 10000, 5000, 0);
    CHECK_EQ(bust(Y, 2), 0); /* FIX 4.2 has it under the cancel's id */
    is(X, RL_STATE_CANCELLED, 10000, 0, 0);
    CHECK_EQ(pair_fill(&p, Y, 6, 4000), RL_ORDER_LATE);
    is(X, RL_STATE_CANCELLED, 10000, 4000, 0);
    CHECK_EQ(p.c.d_qty, 4000);
}

/* Not in the matrices: a venue that takes a cancelled execution off the order, and says so. */
static void an_execution_is_cancelled_and_its_lots_do_not_come_back(uint64_t said, uint64_t qty)
{
    new_order();
    pair_fill(&p, X, 1, 2000);
    pair_fill(&p, X, 2, 1000);
    CHECK_EQ(
        pair_event(&p,
                   (struct rl_order_event){
                       .kind = RL_EVENT_BUST, .id = X, .exec = 900, .ref_exec = 1, .qty = said}),
        0);
    is(X, RL_STATE_PARTIAL, qty, 1000, qty - 1000);
    CHECK_EQ(pair_fill(&p, X, 3, qty - 1000), RL_ORDER_CLOSED);
    is(X, RL_STATE_FILLED, qty, qty, 0);
}

int main(void)
{
    a1a_a_filled_order();
    b1a_a_cancel_of_an_order_without_executions(false);
    b1a_a_cancel_of_an_order_without_executions(true);
    b1b_executions_whilst_the_cancel_is_pending(false);
    b1b_executions_whilst_the_cancel_is_pending(true);
    b1c_an_order_that_is_filled_before_it_can_be_cancelled();
    c1a_a_replace_to_more(false);
    c1a_a_replace_to_more(true);
    c1b_a_replace_to_more_of_an_order_that_is_executed_meanwhile();
    c2a_a_replace_of_the_price_is_too_late_for_a_fill();
    c3a_a_replace_to_less_of_which_more_is_left_than_was_executed();
    c3b_c3c_a_replace_to_no_more_than_was_executed_ends_it(7000, 7000, 0);
    c3b_c3c_a_replace_to_no_more_than_was_executed_ends_it(7000, 8000, 8000);
    c3b_c3c_a_replace_to_no_more_than_was_executed_ends_it(7000, 8000, 0);
    d1a_one_replace_after_the_other();
    d1b_d1c_a_replace_after_one_that_was_refused();
    d2d_a_second_replace_while_one_is_pending_is_not_sent();
    i1_what_cannot_be_hit_is_cancelled_without_a_word(RL_TIF_FOK, 0);
    i1_what_cannot_be_hit_is_cancelled_without_a_word(RL_TIF_IOC, 0);
    i1_what_cannot_be_hit_is_cancelled_without_a_word(RL_TIF_IOC, 1000);
    j1a_a_filled_order_is_corrected_and_executions_are_cancelled();
    j1b_a_cancelled_order_loses_an_execution_and_gets_another();
    an_execution_is_cancelled_and_its_lots_do_not_come_back(8000, 8000);
    an_execution_is_cancelled_and_its_lots_do_not_come_back(0, 10000);
    an_execution_is_cancelled_and_its_lots_do_not_come_back(12000, 10000); /* not more than asked */
    return 0;
}
