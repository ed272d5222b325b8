/* The matching engine: stops, trailing stops, all-or-none orders and their chains. */
#include "match_says.h"

static struct rl_match_request stop_limit(uint64_t id, unsigned side, int64_t stop_px, int64_t px,
                                          uint64_t qty)
{
    struct rl_match_request r = stop(id, side, stop_px, qty);

    r.type = RL_MATCH_STOP_LIMIT;
    r.px_nano = px * TICK;
    return r;
}

static struct rl_match_request trailing(uint64_t id, unsigned side, int64_t stop_px,
                                        int64_t distance, int64_t step, uint64_t qty)
{
    struct rl_match_request r = stop(id, side, stop_px, qty);

    r.type = RL_MATCH_TRAILING_STOP;
    r.trail_nano = distance > 0 ? distance * TICK : distance;
    r.trail_step_nano = distance > 0 ? step * TICK : step;
    return r;
}

static int64_t stop_of(uint64_t id)
{
    return view_of(id).stop_px_nano / TICK;
}

/* A trade of one at that price, which leaves nothing. */
static void trade_at(int64_t px)
{
    take(of(2, sell(901, px, 1)));
    take(of(1, buy(902, px, 1)));
}

/* --- stops, triggered by trades --------------------------------------------------------------- */

static void a_stop_waits_unseen_for_a_trade_at_its_price(void)
{
    take(buy(1, 98, 5));
    take(stop(2, RL_SELL, 99, 3));
    CHECK_EQ(w.n_events, 1);
    CHECK_TOLD(ACCEPTED, 2, NONE);
    CHECK_EQ(shown_at(RL_SELL, 99), 0);
    trade_at(100);
    CHECK_EQ(n_told(RL_MATCH_EVENT_TRIGGERED), 0);
    trade_at(99);
    CHECK_TOLD(TRIGGERED, 2, NONE);
    CHECK_EQ(told(RL_MATCH_EVENT_TRIGGERED, 0)->type, RL_MATCH_MARKET);
    CHECK_TRADE(1, 1, 2, 98, 3);
}

static void a_stop_limit_rests_at_its_limit_when_triggered(void)
{
    take(stop_limit(2, RL_SELL, 99, 105, 3));
    trade_at(98);
    CHECK_TOLD(TRIGGERED, 2, NONE);
    CHECK_TOLD(RESTED, 2, NONE);
    CHECK_EQ(shown_at(RL_SELL, 105), 3);
    take(buy(3, 105, 3));
    CHECK_TRADE(0, 2, 3, 105, 3);
}

static void stops_are_triggered_buys_first_nearest_first_oldest_first(void)
{
    take(stop_limit(1, RL_SELL, 99, 200, 1));
    take(stop_limit(2, RL_SELL, 98, 200, 1));
    take(stop_limit(3, RL_BUY, 103, 10, 1));
    take(stop_limit(4, RL_BUY, 102, 10, 1));
    take(stop_limit(5, RL_BUY, 102, 10, 1));
    take(of(1, sell(10, 104, 1)));
    take(of(1, sell(11, 98, 1)));
    take(phase(RL_MATCH_AUCTION)); /* both trades in one request */
    take(cancel(0));
    take(phase(RL_MATCH_OPEN));
    take(of(2, with_tif(RL_MATCH_IOC, buy(12, 104, 2))));
    CHECK_EQ(n_told(RL_MATCH_EVENT_TRIGGERED), 5);
    CHECK_EQ(told(RL_MATCH_EVENT_TRIGGERED, 0)->id, 4);
    CHECK_EQ(told(RL_MATCH_EVENT_TRIGGERED, 1)->id, 5);
    CHECK_EQ(told(RL_MATCH_EVENT_TRIGGERED, 2)->id, 3);
    CHECK_EQ(told(RL_MATCH_EVENT_TRIGGERED, 3)->id, 1);
    CHECK_EQ(told(RL_MATCH_EVENT_TRIGGERED, 4)->id, 2);
}

static void one_stop_can_trigger_the_next(void)
{
    take(buy(1, 99, 1));
    take(buy(2, 97, 1));
    take(stop(3, RL_SELL, 99, 1));
    take(stop(4, RL_SELL, 97, 1));
    take(buy(5, 95, 1));
    take(market(6, RL_SELL, 1));
    CHECK_TRADES(3);
    CHECK_TRADE(1, 2, 3, 97, 1);
    CHECK_TRADE(2, 5, 4, 95, 1);
}

static void a_stop_that_the_last_trade_has_passed_is_rejected(void)
{
    trade_at(100);
    take(stop(1, RL_SELL, 100, 1));
    CHECK_TOLD(REJECTED, 1, STOP_PASSED);
    take(stop(1, RL_BUY, 101, 1));
    CHECK_TOLD(ACCEPTED, 1, NONE);
}

static void a_waiting_stop_can_be_moved_and_cancelled(void)
{
    struct rl_match_request r = replace(1, 5, 0, 4);

    take(stop(1, RL_BUY, 110, 3));
    take(r);
    CHECK_TOLD(REPLACED, 5, NONE);
    CHECK_EQ(stop_of(5), 110);
    r.id = 5;
    r.stop_px_nano = 104 * TICK;
    take(r);
    CHECK_EQ(stop_of(5), 104);
    CHECK_EQ(view_of(5).leaves, 4);
    take(cancel(5));
    CHECK_TOLD(CANCELLED, 5, REQUESTED);
    trade_at(120);
    CHECK_EQ(n_told(RL_MATCH_EVENT_TRIGGERED), 0);
}

/* --- stops, triggered by the best prices ------------------------------------------------------ */

static void by_best_prices_a_passed_stop_is_triggered_at_once(void)
{
    take(buy(1, 30, 30));
    take(stop(2, RL_SELL, 40, 10));
    CHECK_TOLD(TRIGGERED, 2, NONE);
    CHECK_TRADE(0, 1, 2, 30, 10);
    take(stop(3, RL_BUY, 40, 10)); /* nobody offers: as if infinitely high */
    CHECK_TOLD(EXPIRED, 3, MARKET_REMAINDER);
}

static void by_best_prices_a_stop_follows_the_book_without_a_trade(void)
{
    take(sell(1, 30, 5));
    take(stop_limit(2, RL_BUY, 40, 20, 10));
    CHECK_EQ(n_told(RL_MATCH_EVENT_TRIGGERED), 0);
    take(sell(3, 60, 5));
    take(cancel(1));
    CHECK_TOLD(TRIGGERED, 2, NONE);
    CHECK_EQ(shown_at(RL_BUY, 20), 10);
}

/* --- trailing stops --------------------------------------------------------------------------- */

static void a_trailing_stop_follows_by_steps_and_never_back(void)
{
    take(of(1, buy(1, 200, 20)));
    take(of(1, sell(2, 400, 20)));
    trade_at(300);
    take(trailing(5, RL_SELL, 10, 20, 5, 10));
    CHECK_EQ(stop_of(5), 180);
    take(of(1, replace(1, 1, 204, 20)));
    CHECK_EQ(stop_of(5), 180); /* 4 is less than a step */
    take(of(1, replace(1, 1, 205, 20)));
    CHECK_TOLD(TRAILED, 5, NONE);
    CHECK_EQ(told(RL_MATCH_EVENT_TRAILED, 0)->px_nano, 185 * TICK);
    take(of(1, replace(1, 1, 190, 20)));
    CHECK_EQ(stop_of(5), 185);
    take(of(1, replace(1, 1, 350, 20))); /* the last price, 300, is the lower one now */
    CHECK_EQ(stop_of(5), 280);
}

static void a_trailing_buy_is_the_mirror_image(void)
{
    take(of(1, buy(1, 200, 20)));
    take(of(1, sell(2, 400, 20)));
    trade_at(300);
    take(trailing(5, RL_BUY, 1000, 20, 0, 10));
    CHECK_EQ(stop_of(5), 420);
    take(of(1, replace(2, 2, 310, 20)));
    CHECK_EQ(stop_of(5), 330);
    take(of(1, replace(2, 2, 330, 20)));
    CHECK_EQ(stop_of(5), 330);
}

static void a_distance_can_be_a_share_and_the_limit_follows(void)
{
    struct rl_match_request r = trailing(6, RL_SELL, 0, -1000, -500, 10);

    take(of(1, buy(1, 100, 20)));
    take(of(1, sell(2, 200, 20)));
    trade_at(150);
    r.type = RL_MATCH_TRAILING_STOP_LIMIT;
    r.px_nano = 10 * TICK;
    take(r);
    CHECK_EQ(stop_of(6), 90);
    CHECK_EQ(view_of(6).px_nano, 100 * TICK);
    take(of(1, replace(1, 1, 103, 20)));
    CHECK_EQ(stop_of(6), 90);
    take(of(1, replace(1, 1, 120, 20)));
    CHECK_EQ(stop_of(6), 108);
    CHECK_EQ(view_of(6).px_nano, 118 * TICK);
}

static void a_trailing_stop_without_a_price_waits_for_a_market(void)
{
    struct rl_match_request r = trailing(5, RL_SELL, 0, 20, 0, 10);

    r.stop_px_nano = RL_PX_NONE;
    take(r);
    take(of(1, buy(1, 200, 20)));
    CHECK_EQ(n_told(RL_MATCH_EVENT_TRAILED), 0);
    trade_at(210);
    CHECK_EQ(stop_of(5), 180);
    take(of(1, market(7, RL_SELL, 1)));
    CHECK_EQ(n_told(RL_MATCH_EVENT_TRIGGERED), 0);
    take(of(1, replace(1, 1, 180, 20)));
    take(of(1, market(8, RL_SELL, 1)));
    CHECK_TOLD(TRIGGERED, 5, NONE);
}

/* --- all-or-none ------------------------------------------------------------------------------ */

static void all_or_none_rests_in_a_crossed_book_and_keeps_others_waiting(void)
{
    take(whole(sell(1, 100, 10)));
    take(sell(2, 100, 5));
    take(buy(3, 100, 5));
    CHECK_TRADES(0);
    CHECK_TOLD(RESTED, 3, NONE);
    CHECK_EQ(rl_books_state(rl_match_books(&w.m), 0), RL_BOOK_LOCKED);
    take(buy(4, 100, 4));
    CHECK_TRADES(0);
    take(buy(5, 100, 3)); /* 5 + 4 + 1 of 3 are 10; the rest meets the next */
    CHECK_TRADES(4);
    CHECK_TRADE(0, 1, 3, 100, 5);
    CHECK_TRADE(1, 1, 4, 100, 4);
    CHECK_TRADE(2, 1, 5, 100, 1);
    CHECK_TRADE(3, 2, 5, 100, 2);
    CHECK(!is_live(1) && !is_live(5));
}

static void the_documented_chain_of_all_or_none_orders_is_found(void)
{
    take(whole(buy(1, 10, 20)));
    take(whole(sell(2, 10, 10)));
    take(sell(3, 10, 5));
    take(whole(sell(4, 10, 15)));
    take(buy(5, 10, 5));
    take(whole(buy(6, 10, 20)));
    CHECK_TRADES(0);
    CHECK_EQ(shown_at(RL_BUY, 10), 45);
    CHECK_EQ(shown_at(RL_SELL, 10), 30);
    take(sell(7, 10, 15));
    CHECK_EQ(shown_at(RL_BUY, 10), 0);
    CHECK_EQ(shown_at(RL_SELL, 10), 0);
}

static void an_arriving_all_or_none_order_trades_whole_over_several_prices(void)
{
    take(whole(buy(1, 20, 30)));
    take(buy(2, 20, 10));
    take(whole(buy(3, 30, 30)));
    take(buy(4, 30, 10));
    take(whole(sell(5, 20, 100)));
    CHECK_TOLD(RESTED, 5, NONE);
    take(cancel(5));
    take(whole(sell(6, 20, 80)));
    CHECK_TRADE(0, 3, 6, 30, 30);
    CHECK_TRADE(3, 2, 6, 20, 10);
}

static void a_chain_needs_a_price_that_all_of_it_accept(void)
{
    take(whole(sell(1, 100, 10)));
    take(buy(2, 100, 5));
    take(buy(3, 99, 5)); /* would make the sum, but not at 100 */
    CHECK_TRADES(0);
    take(replace(3, 3, 100, 5));
    CHECK_TRADES(2);
    CHECK_EQ(told(RL_MATCH_EVENT_FILL, 0)->px_nano, 100 * TICK);
}

static void when_the_order_in_the_way_goes_those_behind_it_trade(void)
{
    take(whole(sell(1, 100, 10)));
    take(sell(2, 100, 5));
    take(buy(3, 100, 5));
    take(cancel(1));
    CHECK_TOLD(CANCELLED, 1, REQUESTED);
    CHECK_TRADE(0, 2, 3, 100, 5);
}

static void in_a_chain_nobody_trades_with_himself_against_his_wish(void)
{
    take(of(1, buy(2, 100, 5)));
    take(buy(3, 100, 5));
    take(with_stp(RL_MATCH_STP_NEWEST, whole(sell(1, 100, 10))));
    CHECK_TOLD(RESTED, 1, NONE);
    take(of(1, buy(4, 100, 5)));
    CHECK_TRADES(0);
    take(cancel(3));
    CHECK_TRADES(2);
}

static void an_auction_leaves_all_or_none_orders_out(void)
{
    take(phase(RL_MATCH_AUCTION));
    take(whole(sell(1, 99, 10)));
    take(sell(2, 100, 5));
    take(buy(3, 100, 5));
    take(phase(RL_MATCH_OPEN));
    CHECK_TRADE(0, 2, 3, 100, 5);
    CHECK(is_live(1));
}

int main(void)
{
    static const struct {
        void (*promise)(void);
        unsigned trigger;
    } promises[] = {
        {a_stop_waits_unseen_for_a_trade_at_its_price, RL_MATCH_TRIGGER_LAST},
        {a_stop_limit_rests_at_its_limit_when_triggered, RL_MATCH_TRIGGER_LAST},
        {stops_are_triggered_buys_first_nearest_first_oldest_first, RL_MATCH_TRIGGER_LAST},
        {one_stop_can_trigger_the_next, RL_MATCH_TRIGGER_LAST},
        {a_stop_that_the_last_trade_has_passed_is_rejected, RL_MATCH_TRIGGER_LAST},
        {a_waiting_stop_can_be_moved_and_cancelled, RL_MATCH_TRIGGER_LAST},
        {by_best_prices_a_passed_stop_is_triggered_at_once, RL_MATCH_TRIGGER_BEST},
        {by_best_prices_a_stop_follows_the_book_without_a_trade, RL_MATCH_TRIGGER_BEST},
        {a_trailing_stop_follows_by_steps_and_never_back, RL_MATCH_TRIGGER_LAST},
        {a_trailing_buy_is_the_mirror_image, RL_MATCH_TRIGGER_LAST},
        {a_distance_can_be_a_share_and_the_limit_follows, RL_MATCH_TRIGGER_LAST},
        {a_trailing_stop_without_a_price_waits_for_a_market, RL_MATCH_TRIGGER_LAST},
        {all_or_none_rests_in_a_crossed_book_and_keeps_others_waiting, RL_MATCH_TRIGGER_LAST},
        {the_documented_chain_of_all_or_none_orders_is_found, RL_MATCH_TRIGGER_LAST},
        {an_arriving_all_or_none_order_trades_whole_over_several_prices, RL_MATCH_TRIGGER_LAST},
        {a_chain_needs_a_price_that_all_of_it_accept, RL_MATCH_TRIGGER_LAST},
        {when_the_order_in_the_way_goes_those_behind_it_trade, RL_MATCH_TRIGGER_LAST},
        {in_a_chain_nobody_trades_with_himself_against_his_wish, RL_MATCH_TRIGGER_LAST},
        {an_auction_leaves_all_or_none_orders_out, RL_MATCH_TRIGGER_LAST},
    };

    for (unsigned i = 0; i < RL_COUNT(promises); i++) {
        open_world(promises[i].trigger);
        promises[i].promise();
        close_world();
    }
    return 0;
}
