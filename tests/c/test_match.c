/* The matching engine: orders, their conditions, changes, and the venue's decisions. */
#include "match_says.h"

/* --- limit and market orders ------------------------------------------------------------------ */

static void an_order_that_meets_nobody_rests_and_is_shown(void)
{
    take(buy(1, 100, 7));
    CHECK_EQ(w.n_events, 2);
    CHECK_TOLD(ACCEPTED, 1, NONE);
    CHECK_TOLD(RESTED, 1, NONE);
    CHECK_EQ(told(RL_MATCH_EVENT_RESTED, 0)->shown, 7);
    CHECK_EQ(told(RL_MATCH_EVENT_RESTED, 0)->shown_before, 0);
    CHECK_EQ(told(RL_MATCH_EVENT_RESTED, 0)->user, 1001);
    CHECK_EQ(shown_at(RL_BUY, 100), 7);
}

static void the_best_price_trades_first_then_the_oldest_at_their_prices(void)
{
    take(sell(1, 101, 5));
    take(sell(2, 100, 5));
    take(sell(3, 100, 5));
    take(buy(4, 101, 12));
    CHECK_TRADES(3);
    CHECK_TRADE(0, 2, 4, 100, 5);
    CHECK_TRADE(1, 3, 4, 100, 5);
    CHECK_TRADE(2, 1, 4, 101, 2);
    CHECK_EQ(told(RL_MATCH_EVENT_FILL, 5)->flags, RL_MATCH_AGGRESSOR);
    CHECK_EQ(told(RL_MATCH_EVENT_FILL, 5)->leaves, 0);
    CHECK_EQ(told(RL_MATCH_EVENT_FILL, 5)->done, 12);
    CHECK_EQ(told(RL_MATCH_EVENT_FILL, 4)->leaves, 3);
    CHECK_EQ(shown_at(RL_SELL, 101), 3);
}

static void what_a_limit_leaves_of_an_order_rests(void)
{
    take(sell(1, 100, 5));
    take(buy(2, 100, 8));
    CHECK_TRADES(1);
    CHECK_TOLD(RESTED, 2, NONE);
    CHECK_EQ(shown_at(RL_BUY, 100), 3);
    CHECK_EQ(view_of(2).done, 5);
}

static void a_market_order_takes_what_is_there_and_ends(void)
{
    take(sell(1, 100, 5));
    take(sell(2, 900, 5));
    take(market(3, RL_BUY, 12));
    CHECK_TRADES(2);
    CHECK_TOLD(EXPIRED, 3, MARKET_REMAINDER);
    CHECK_EQ(told(RL_MATCH_EVENT_EXPIRED, 0)->qty, 2);
    take(market(4, RL_BUY, 1));
    CHECK_TOLD(EXPIRED, 4, MARKET_REMAINDER);
}

static void slippage_is_counted_from_the_best_price(void)
{
    struct rl_match_request r = market(4, RL_BUY, 30);

    take(sell(1, 100, 5));
    take(sell(2, 101, 5));
    take(sell(3, 102, 5));
    r.slippage_nano = 1 * TICK;
    take(r);
    CHECK_TRADES(2);
    CHECK_TOLD(EXPIRED, 4, MARKET_REMAINDER);
    r.id = 5;
    r.slippage_nano = 0;
    r.qty = 1;
    take(r);
    CHECK_TRADE(0, 3, 5, 102, 1);
}

/* --- conditions ------------------------------------------------------------------------------- */

static void immediate_or_cancel_takes_what_it_can_and_never_rests(void)
{
    take(sell(1, 100, 5));
    take(with_tif(RL_MATCH_IOC, buy(2, 100, 8)));
    CHECK_TRADE(0, 1, 2, 100, 5);
    CHECK_TOLD(EXPIRED, 2, IOC_REMAINDER);
    CHECK(!is_live(2));
}

static void fill_or_kill_trades_all_or_nothing_at_the_resting_prices(void)
{
    take(sell(1, 100, 5));
    take(sell(2, 101, 5));
    take(with_tif(RL_MATCH_FOK, buy(3, 101, 11)));
    CHECK_TRADES(0);
    CHECK_TOLD(EXPIRED, 3, FOK_UNFILLED);
    take(with_tif(RL_MATCH_FOK, buy(4, 101, 10)));
    CHECK_TRADE(0, 1, 4, 100, 5);
    CHECK_TRADE(1, 2, 4, 101, 5);
}

static void a_minimum_quantity_is_met_on_arrival_or_the_order_ends(void)
{
    struct rl_match_request r = buy(2, 100, 10);

    take(sell(1, 100, 5));
    r.min_qty = 6;
    take(r);
    CHECK_TOLD(EXPIRED, 2, MIN_QTY_UNMET);
    r.min_qty = 5;
    take(r);
    CHECK_TRADE(0, 1, 2, 100, 5);
    CHECK_TOLD(RESTED, 2, NONE);
}

static void a_post_only_order_is_refused_when_it_would_trade(void)
{
    take(sell(1, 100, 5));
    take(with_flags(RL_MATCH_POST_ONLY, buy(2, 100, 1)));
    CHECK_TOLD(REJECTED, 2, WOULD_TRADE);
    take(with_flags(RL_MATCH_POST_ONLY, buy(3, 99, 1)));
    CHECK_TOLD(RESTED, 3, NONE);
    take(replace(3, 3, 100, 1));
    CHECK_TOLD(REFUSED, 3, WOULD_TRADE);
    CHECK_EQ(shown_at(RL_BUY, 99), 1);
}

static void an_iceberg_shows_its_parts_one_after_the_other_at_the_back(void)
{
    take(showing(3, sell(1, 100, 8)));
    take(sell(2, 100, 2));
    CHECK_EQ(shown_at(RL_SELL, 100), 5);
    take(buy(3, 100, 4));
    CHECK_TRADE(0, 1, 3, 100, 3);
    CHECK_TOLD(REFILLED, 1, NONE);
    CHECK_TRADE(1, 2, 3, 100, 1);
    CHECK_EQ(told(RL_MATCH_EVENT_FILL, 0)->leaves, 5);
    CHECK_EQ(told(RL_MATCH_EVENT_FILL, 0)->shown, 0);
    take(buy(4, 100, 7));
    CHECK_TRADES(3);
    CHECK_TRADE(0, 2, 4, 100, 1);
    CHECK_TRADE(1, 1, 4, 100, 3);
    CHECK_TRADE(2, 1, 4, 100, 2);
    CHECK_TOLD(RESTED, 4, NONE);
}

static void an_iceberg_of_too_many_parts_is_rejected(void)
{
    take(showing(1, sell(1, 100, RL_MATCH_PARTS)));
    CHECK_TOLD(RESTED, 1, NONE);
    take(showing(1, sell(2, 100, RL_MATCH_PARTS + 1)));
    CHECK_TOLD(REJECTED, 2, BAD_ORDER);
    take(replace(1, 1, 100, 5000));
    CHECK_TOLD(REPLACED, 1, NONE);
    take(showing(1, replace(1, 1, 100, 5000)));
    CHECK_TOLD(REFUSED, 1, BAD_ORDER);
}

static void an_order_reaches_its_date_before_anything_else_happens_then(void)
{
    struct rl_match_request r = with_tif(RL_MATCH_GTD, sell(1, 100, 5));

    w.now_ns = 50;
    r.expire_ns = 60;
    take(r);
    CHECK_EQ(rl_match_next_expiry_ns(&w.m), 60);
    w.now_ns = 60;
    take(buy(2, 100, 5));
    CHECK_TOLD(EXPIRED, 1, DATE_REACHED);
    CHECK_TRADES(0);
    CHECK_EQ(rl_match_next_expiry_ns(&w.m), UINT64_MAX);
    r.id = 3;
    take(r);
    CHECK_TOLD(REJECTED, 3, DATE_REACHED);
}

static void day_orders_end_with_the_day_and_others_do_not(void)
{
    take(with_tif(RL_MATCH_DAY, sell(1, 100, 5)));
    take(sell(2, 100, 5));
    take(with_tif(RL_MATCH_DAY, stop(3, RL_BUY, 110, 1)));
    take((struct rl_match_request){.op = RL_MATCH_DAY_END});
    CHECK_EQ(n_told(RL_MATCH_EVENT_EXPIRED), 2);
    CHECK_EQ(told(RL_MATCH_EVENT_EXPIRED, 0)->id, 1);
    CHECK_EQ(told(RL_MATCH_EVENT_EXPIRED, 1)->id, 3);
    CHECK(is_live(2));
}

/* --- self-trade prevention -------------------------------------------------------------------- */

static void nobody_trades_with_himself_against_his_wish(void)
{
    static const struct {
        unsigned stp;
        bool old_ends, new_ends;
        uint64_t traded;
    } cases[] = {
        {RL_MATCH_STP_NONE, true, false, 8},      {RL_MATCH_STP_NEWEST, false, true, 0},
        {RL_MATCH_STP_OLDEST, true, false, 3},    {RL_MATCH_STP_BOTH, true, true, 0},
        {RL_MATCH_STP_DECREMENT, true, false, 3},
    };

    for (unsigned i = 0; i < RL_COUNT(cases); i++) {
        uint64_t traded = 0;

        take((struct rl_match_request){
            .op = RL_MATCH_MASS_CANCEL, .owner = RL_MATCH_ANYBODY, .side = RL_MATCH_BOTH_SIDES});
        take(sell(1, 100, 5));
        take(of(1, sell(2, 100, 3)));
        take(with_stp(cases[i].stp, buy(3, 100, 9)));
        for (unsigned k = 0; told(RL_MATCH_EVENT_FILL, k); k += 2)
            traded += told(RL_MATCH_EVENT_FILL, k)->qty;
        CHECK_EQ(traded, cases[i].traded);
        CHECK_EQ(is_live(1), !cases[i].old_ends);
        CHECK_EQ(is_live(3), !cases[i].new_ends);
        if (cases[i].stp == RL_MATCH_STP_DECREMENT)
            CHECK_EQ(view_of(3).leaves, 9 - 5 - 3);
    }
}

static void own_orders_do_not_count_as_being_there_for_fill_or_kill(void)
{
    take(sell(1, 100, 5));
    take(of(1, sell(2, 100, 5)));
    take(with_tif(RL_MATCH_FOK, with_stp(RL_MATCH_STP_OLDEST, buy(3, 100, 6))));
    CHECK_TOLD(EXPIRED, 3, FOK_UNFILLED);
    take(with_tif(RL_MATCH_FOK, with_stp(RL_MATCH_STP_NEWEST, buy(3, 100, 5))));
    CHECK_TOLD(EXPIRED, 3, FOK_UNFILLED);
    CHECK(is_live(1));
    take(with_tif(RL_MATCH_FOK, with_stp(RL_MATCH_STP_OLDEST, buy(3, 100, 5))));
    CHECK_TOLD(CANCELLED, 1, SELF_TRADE);
    CHECK_TRADE(0, 2, 3, 100, 5);
}

/* --- changes ---------------------------------------------------------------------------------- */

static void a_place_is_kept_only_when_the_price_stays_and_nothing_grows(void)
{
    take(sell(1, 100, 5));
    take(sell(2, 100, 5));
    take(replace(1, 11, 100, 4));
    CHECK_TOLD(REPLACED, 11, NONE);
    CHECK(told(RL_MATCH_EVENT_REPLACED, 0)->flags & RL_MATCH_KEPT_PLACE);
    CHECK_EQ(told(RL_MATCH_EVENT_REPLACED, 0)->other_id, 1);
    take(market(3, RL_BUY, 1));
    CHECK_TRADE(0, 11, 3, 100, 1);
    take(replace(11, 12, 100, 4));
    CHECK_EQ(told(RL_MATCH_EVENT_REPLACED, 0)->flags & RL_MATCH_KEPT_PLACE, 0);
    take(market(4, RL_BUY, 1));
    CHECK_TRADE(0, 2, 4, 100, 1);
    take(with_flags(RL_MATCH_TO_BACK, replace(2, 2, 100, 1)));
    CHECK_EQ(told(RL_MATCH_EVENT_REPLACED, 0)->flags & RL_MATCH_KEPT_PLACE, 0);
    take(market(5, RL_BUY, 1));
    CHECK_TRADE(0, 12, 5, 100, 1);
}

static void a_replacement_may_trade_on_arrival(void)
{
    take(sell(1, 100, 5));
    take(buy(2, 99, 8));
    take(replace(2, 3, 100, 8));
    CHECK_EQ(told(RL_MATCH_EVENT_REPLACED, 0)->shown_before, 8);
    CHECK_EQ(told(RL_MATCH_EVENT_REPLACED, 0)->shown, 0);
    CHECK_TRADE(0, 1, 3, 100, 5);
    CHECK_TOLD(RESTED, 3, NONE);
    CHECK_EQ(told(RL_MATCH_EVENT_RESTED, 0)->user, 1003);
}

static void a_modification_counts_what_has_traded(void)
{
    struct rl_match_request r = replace(1, 1, 100, 12);

    take(sell(1, 100, 10));
    take(market(2, RL_BUY, 4));
    r.op = RL_MATCH_MODIFY;
    take(r);
    CHECK_EQ(view_of(1).leaves, 8);
    r.qty = 4;
    take(r);
    CHECK_TOLD(CANCELLED, 1, REQUESTED);
}

static void a_reduction_keeps_the_place_and_takes_the_hidden_part_first(void)
{
    struct rl_match_request r = {.op = RL_MATCH_REDUCE, .id = 1, .qty = 6};

    take(showing(3, sell(1, 100, 10)));
    take(sell(2, 100, 1));
    take(r);
    CHECK_TOLD(REDUCED, 1, REQUESTED);
    CHECK_EQ(told(RL_MATCH_EVENT_REDUCED, 0)->leaves, 4);
    CHECK_EQ(told(RL_MATCH_EVENT_REDUCED, 0)->shown, 3);
    take(market(3, RL_BUY, 1));
    CHECK_TRADE(0, 1, 3, 100, 1);
    take(r);
    CHECK_TOLD(CANCELLED, 1, REQUESTED);
}

static void only_its_owner_or_the_venue_changes_an_order(void)
{
    take(sell(1, 100, 5));
    take(of(1, cancel(1)));
    CHECK_TOLD(REFUSED, 1, NOT_OWNER);
    take(of(1, replace(1, 2, 100, 4)));
    CHECK_TOLD(REFUSED, 1, NOT_OWNER);
    take(of(RL_MATCH_ANYBODY, cancel(1)));
    CHECK_TOLD(CANCELLED, 1, REQUESTED);
    take(cancel(1));
    CHECK_TOLD(REFUSED, 1, UNKNOWN_ORDER);
}

static void an_order_is_found_in_any_instrument_when_asked_so(void)
{
    struct rl_match_request r = cancel(1);
    struct rl_match_request other = sell(1, 100, 5);

    other.instrument = 1;
    take(other);
    take(r);
    CHECK_TOLD(REFUSED, 1, UNKNOWN_ORDER);
    r.instrument = RL_INSTRUMENT_ALL;
    take(r);
    CHECK_TOLD(CANCELLED, 1, REQUESTED);
    CHECK_EQ(told(RL_MATCH_EVENT_CANCELLED, 0)->instrument, 1);
}

/* --- what is not accepted --------------------------------------------------------------------- */

static void what_makes_no_sense_is_rejected_with_the_reason(void)
{
    struct rl_match_request r;

    r = sell(1, 100, 5);
    r.instrument = 2;
    take(r);
    CHECK_TOLD(REJECTED, 1, UNKNOWN_INSTRUMENT);
    take(sell(1, 100, 0));
    CHECK_TOLD(REJECTED, 1, BAD_QUANTITY);
    take(sell(1, 100, UINT64_MAX));
    CHECK_TOLD(REJECTED, 1, BAD_QUANTITY);
    r = sell(1, 100, 5);
    r.px_nano++;
    take(r);
    CHECK_TOLD(REJECTED, 1, BAD_PRICE);
    r.px_nano = RL_PX_NONE;
    take(r);
    CHECK_TOLD(REJECTED, 1, BAD_PRICE);
    take(with_flags(RL_MATCH_POST_ONLY, with_tif(RL_MATCH_IOC, sell(1, 100, 5))));
    CHECK_TOLD(REJECTED, 1, BAD_ORDER);
    take(of(3, sell(1, 100, 5)));
    CHECK_TOLD(REJECTED, 1, BAD_ORDER);
    take(with_tif(RL_MATCH_AT_OPEN, sell(1, 100, 5)));
    CHECK_TOLD(REJECTED, 1, BAD_ORDER);
    take(sell(1, 100, 5));
    take(sell(1, 101, 5));
    CHECK_TOLD(REJECTED, 1, DUPLICATE_ID);
    take((struct rl_match_request){.op = RL_MATCH_N_OPS, .id = 9});
    CHECK_TOLD(REFUSED, 9, BAD_ORDER);
}

static void a_full_book_rejects_what_would_rest_and_takes_what_ends(void)
{
    for (uint64_t i = 0; i < 16; i++)
        take(sell(1 + i, 100, 5));
    take(sell(20, 100, 5));
    CHECK_TOLD(REJECTED, 20, BOOK_FULL);
    take(stop(20, RL_BUY, 110, 5));
    CHECK_TOLD(REJECTED, 20, BOOK_FULL);
    take(with_tif(RL_MATCH_IOC, buy(20, 100, 5)));
    CHECK_TRADE(0, 1, 20, 100, 5);
    take(sell(21, 100, 5));
    CHECK_TOLD(RESTED, 21, NONE);
}

static void a_side_full_of_prices_rejects_another(void)
{
    for (uint64_t i = 0; i < 6; i++)
        take(sell(1 + i, 100 + (int64_t)i, 5));
    take(sell(7, 106, 5));
    CHECK_TOLD(REJECTED, 7, BOOK_FULL);
    take(replace(1, 1, 106, 5));
    CHECK_TOLD(REFUSED, 1, BOOK_FULL);
    take(sell(7, 105, 5));
    CHECK_TOLD(RESTED, 7, NONE);
}

/* --- the venue's decisions -------------------------------------------------------------------- */

static void a_halted_instrument_takes_cancels_alone(void)
{
    take(sell(1, 100, 5));
    take(phase(RL_MATCH_HALTED));
    CHECK_EQ(told(RL_MATCH_EVENT_PHASED, 0)->reason, RL_MATCH_HALTED);
    take(buy(2, 100, 5));
    CHECK_TOLD(REJECTED, 2, HALTED);
    take(replace(1, 1, 101, 5));
    CHECK_TOLD(REFUSED, 1, HALTED);
    take(cancel(1));
    CHECK_TOLD(CANCELLED, 1, REQUESTED);
    take(phase(RL_MATCH_CLOSED));
    take(buy(2, 100, 5));
    CHECK_TOLD(REJECTED, 2, CLOSED);
}

static void a_mass_cancel_takes_one_owner_or_all(void)
{
    struct rl_match_request r = {.op = RL_MATCH_MASS_CANCEL,
                                 .owner = 1,
                                 .side = RL_MATCH_BOTH_SIDES,
                                 .reason = RL_MATCH_REASON_DISCONNECTED};

    take(of(1, sell(1, 100, 5)));
    take(of(1, buy(2, 90, 5)));
    take(of(2, buy(3, 91, 5)));
    take(of(1, stop(4, RL_BUY, 120, 5)));
    take(r);
    CHECK_EQ(n_told(RL_MATCH_EVENT_CANCELLED), 3);
    CHECK_EQ(told(RL_MATCH_EVENT_CANCELLED, 0)->reason, RL_MATCH_REASON_DISCONNECTED);
    CHECK_EQ(told(RL_MATCH_EVENT_MASS_CANCELLED, 0)->qty, 3);
    CHECK(is_live(3));
    r.owner = RL_MATCH_ANYBODY;
    r.side = RL_SELL;
    take(r);
    CHECK_EQ(told(RL_MATCH_EVENT_MASS_CANCELLED, 0)->qty, 0);
    r.side = RL_BUY;
    r.instrument = RL_INSTRUMENT_ALL;
    take(r);
    CHECK_EQ(told(RL_MATCH_EVENT_MASS_CANCELLED, 0)->qty, 1);
}

static void an_auction_trades_at_the_price_of_the_largest_quantity(void)
{
    take(phase(RL_MATCH_AUCTION));
    take(buy(1, 103, 10));
    take(buy(2, 101, 10));
    take(sell(3, 99, 5));
    take(sell(4, 101, 10));
    take(sell(5, 102, 10));
    CHECK_TRADES(0);
    take(with_tif(RL_MATCH_IOC, buy(6, 110, 1)));
    CHECK_TOLD(EXPIRED, 6, IOC_REMAINDER);
    take(phase(RL_MATCH_OPEN));
    CHECK_EQ(w.events[0].kind, RL_MATCH_EVENT_PHASED);
    for (unsigned k = 0; told(RL_MATCH_EVENT_FILL, k); k++) {
        CHECK_EQ(told(RL_MATCH_EVENT_FILL, k)->px_nano, 101 * TICK);
        CHECK(told(RL_MATCH_EVENT_FILL, k)->flags & RL_MATCH_IN_AUCTION);
    }
    CHECK(!is_live(1) && !is_live(3) && !is_live(4));
    CHECK_EQ(view_of(2).leaves, 5);
    CHECK_EQ(rl_match_last_px(&w.m, 0), 101 * TICK);
}

static void of_equal_auction_prices_the_nearest_to_the_last_is_taken(void)
{
    take(sell(1, 104, 1));
    take(buy(2, 104, 1));
    take(phase(RL_MATCH_AUCTION));
    take(buy(3, 105, 10));
    take(sell(4, 99, 10));
    take(phase(RL_MATCH_OPEN));
    CHECK_EQ(told(RL_MATCH_EVENT_FILL, 0)->px_nano, 105 * TICK);
    CHECK_TRADES(1);
}

static void what_was_for_the_auction_ends_with_it(void)
{
    take(phase(RL_MATCH_AUCTION));
    take(with_tif(RL_MATCH_AT_OPEN, buy(1, 100, 5)));
    CHECK_TOLD(RESTED, 1, NONE);
    take(phase(RL_MATCH_OPEN));
    CHECK_TOLD(EXPIRED, 1, AUCTION_OVER);
}

static void with_matching_off_orders_rest_crossed_until_it_is_on(void)
{
    struct rl_match_request r = {.op = RL_MATCH_MATCHING, .instrument = RL_INSTRUMENT_ALL};

    take(r);
    CHECK_EQ(n_told(RL_MATCH_EVENT_PHASED), 2);
    take(sell(1, 100, 5));
    take(buy(2, 102, 8));
    take(sell(3, 99, 1));
    CHECK_TRADES(0);
    r.qty = 1;
    take(r);
    CHECK_TRADES(2);
    CHECK_TRADE(0, 2, 3, 102, 1); /* the best of both sides; the older's price */
    CHECK_TRADE(1, 1, 2, 100, 5);
    CHECK_EQ(view_of(2).leaves, 2);
}

static void a_trade_is_taken_back_once_and_both_are_told(void)
{
    struct rl_match_request r = {.op = RL_MATCH_BUST, .owner = RL_MATCH_ANYBODY, .match = 1};

    take(sell(1, 100, 5));
    take(of(1, buy(2, 100, 3)));
    take(replace(1, 9, 100, 1));
    take(of(2, r));
    CHECK_TOLD(REFUSED, 0, NOT_OWNER);
    take(r);
    CHECK_EQ(n_told(RL_MATCH_EVENT_BUSTED), 2);
    CHECK_EQ(told(RL_MATCH_EVENT_BUSTED, 0)->id, 2);
    CHECK_EQ(told(RL_MATCH_EVENT_BUSTED, 1)->id, 1);
    CHECK_EQ(told(RL_MATCH_EVENT_BUSTED, 1)->user, 1001);
    CHECK_EQ(told(RL_MATCH_EVENT_BUSTED, 0)->qty, 3);
    take(r);
    CHECK_TOLD(REFUSED, 0, UNKNOWN_TRADE);
}

/* --- the whole -------------------------------------------------------------------------------- */

static void impossible_configurations_are_refused(void)
{
    struct rl_match_config good = {
        .n_instruments = 1, .n_orders = 4, .n_levels_per_side = 4, .n_owners = 1, .tick_nano = 1};
    struct rl_match_config bad = good;

    CHECK(rl_match_bytes(&good) > 0);
    bad.n_owners = 0;
    CHECK_EQ(rl_match_bytes(&bad), 0);
    bad = good;
    bad.tick_nano = 0;
    CHECK_EQ(rl_match_bytes(&bad), 0);
    bad = good;
    bad.n_trades = 3;
    CHECK_EQ(rl_match_bytes(&bad), 0);
    bad = good;
    bad.n_orders = 0;
    CHECK_EQ(rl_match_bytes(&bad), 0);
}

static void every_multiple_of_a_tick_is_a_price_and_nothing_else(void)
{
    static const int64_t ticks[] = {1, 2, 3, 5, 100, 10000000, 250000000, 999999937};

    for (unsigned i = 0; i < RL_COUNT(ticks); i++) {
        struct rl_match_config config = {.n_instruments = 1,
                                         .n_orders = 4,
                                         .n_levels_per_side = 4,
                                         .n_owners = 1,
                                         .tick_nano = ticks[i]};
        uint64_t random = 1 + i;

        world_open(&w, &config);
        for (int k = 0; k < 2000; k++) {
            int64_t px = (int64_t)check_random(&random) >> (k % 60);
            struct rl_match_request r = buy(1, 0, 1);
            bool is_good = px % ticks[i] == 0 && px > INT64_MIN + 1 && px < INT64_MAX;

            r.px_nano = px - (k % 3 ? px % ticks[i] : 0);
            is_good = r.px_nano % ticks[i] == 0 && r.px_nano > INT64_MIN + 1;
            take(with_tif(RL_MATCH_IOC, r));
            CHECK_EQ(n_told(RL_MATCH_EVENT_REJECTED), !is_good);
        }
        world_close(&w);
    }
}

static uint64_t hash_of_a_day(unsigned odd)
{
    uint64_t random = 5, hash;

    open_world(RL_MATCH_TRIGGER_LAST);
    for (uint64_t i = 1; i < 500; i++) {
        world_take(&w, limit(i, check_random(&random) & 1, 100 + (int64_t)(i % 7), 1 + i % 5));
        world_take(&w, cancel(i / 2));
        if (i == 250 && odd)
            world_take(&w, cancel(i - odd));
    }
    hash = rl_match_hash(&w.m);
    close_world();
    return hash;
}

static void the_same_requests_have_the_same_hash_and_others_another(void)
{
    CHECK_EQ(hash_of_a_day(0), hash_of_a_day(0));
    CHECK(hash_of_a_day(0) != hash_of_a_day(1));
    CHECK(hash_of_a_day(2) != hash_of_a_day(1));
}

static void nothing_is_allocated_when_requests_are_taken(void)
{
    uint64_t random = 5;

    open_world(RL_MATCH_TRIGGER_LAST);
    rl_trap_arm();
    for (uint64_t i = 1; i < 500; i++) {
        struct rl_match_request r =
            limit(i, check_random(&random) & 1, 100 + (int64_t)(i % 7), 1 + i % 5);

        r.type = i % 3 ? RL_MATCH_LIMIT : RL_MATCH_STOP;
        r.stop_px_nano = r.px_nano;
        r.flags = i % 5 || r.type ? 0 : RL_MATCH_ALL_OR_NONE;
        world_take(&w, r);
        world_take(&w, replace(i / 2, i / 2, 103, 2));
        world_take(&w, phase(i % 50 == 49 ? RL_MATCH_AUCTION : RL_MATCH_OPEN));
    }
    rl_trap_disarm();
    if (rl_trap_is_linked())
        CHECK_EQ(rl_trap_count(), 0);
    close_world();
}

/* A broken engine must be seen to be broken. */
static void damage_is_noticed(void)
{
    const char *what;

    open_world(RL_MATCH_TRIGGER_LAST);
    take(showing(2, sell(1, 100, 5)));
    take(stop(2, RL_BUY, 110, 5));
    CHECK_EQ(rl_match_check(&w.m, &what), 0);
    w.m.n_live[0]--;
    CHECK_EQ(rl_match_check(&w.m, &what), -74);
    w.m.n_live[0]++;
    w.m.instruments[0].n_waiting++;
    CHECK_EQ(rl_match_check(&w.m, &what), -74);
    w.m.instruments[0].n_waiting--;
    w.m.instruments[0].rules = 0;
    CHECK_EQ(rl_match_check(&w.m, &what), -74);
    w.m.instruments[0].rules = RL_MATCH_RULE_STOPS;
    w.m.orders[0].type = RL_MATCH_STOP;
    CHECK_EQ(rl_match_check(&w.m, &what), -74);
    w.m.orders[0].type = RL_MATCH_LIMIT;
    w.m.orders[0].flags |= RL_MATCH_DATED;
    CHECK_EQ(rl_match_check(&w.m, &what), -74);
    w.m.orders[0].flags ^= RL_MATCH_DATED;
    w.m.extras[0].show_qty = 1;
    CHECK_EQ(rl_match_check(&w.m, &what), -74);
    w.m.extras[0].show_qty = 2;
    close_world();
}

int main(void)
{
    static void (*const promises[])(void) = {
        an_order_that_meets_nobody_rests_and_is_shown,
        the_best_price_trades_first_then_the_oldest_at_their_prices,
        what_a_limit_leaves_of_an_order_rests,
        a_market_order_takes_what_is_there_and_ends,
        slippage_is_counted_from_the_best_price,
        immediate_or_cancel_takes_what_it_can_and_never_rests,
        fill_or_kill_trades_all_or_nothing_at_the_resting_prices,
        a_minimum_quantity_is_met_on_arrival_or_the_order_ends,
        a_post_only_order_is_refused_when_it_would_trade,
        an_iceberg_shows_its_parts_one_after_the_other_at_the_back,
        an_iceberg_of_too_many_parts_is_rejected,
        an_order_reaches_its_date_before_anything_else_happens_then,
        day_orders_end_with_the_day_and_others_do_not,
        nobody_trades_with_himself_against_his_wish,
        own_orders_do_not_count_as_being_there_for_fill_or_kill,
        a_place_is_kept_only_when_the_price_stays_and_nothing_grows,
        a_replacement_may_trade_on_arrival,
        a_modification_counts_what_has_traded,
        a_reduction_keeps_the_place_and_takes_the_hidden_part_first,
        only_its_owner_or_the_venue_changes_an_order,
        an_order_is_found_in_any_instrument_when_asked_so,
        what_makes_no_sense_is_rejected_with_the_reason,
        a_full_book_rejects_what_would_rest_and_takes_what_ends,
        a_side_full_of_prices_rejects_another,
        a_halted_instrument_takes_cancels_alone,
        a_mass_cancel_takes_one_owner_or_all,
        an_auction_trades_at_the_price_of_the_largest_quantity,
        of_equal_auction_prices_the_nearest_to_the_last_is_taken,
        what_was_for_the_auction_ends_with_it,
        with_matching_off_orders_rest_crossed_until_it_is_on,
        a_trade_is_taken_back_once_and_both_are_told,
    };

    for (unsigned i = 0; i < RL_COUNT(promises); i++) {
        open_world(RL_MATCH_TRIGGER_LAST);
        promises[i]();
        close_world();
    }
    impossible_configurations_are_refused();
    every_multiple_of_a_tick_is_a_price_and_nothing_else();
    the_same_requests_have_the_same_hash_and_others_another();
    nothing_is_allocated_when_requests_are_taken();
    damage_is_noticed();
    return 0;
}
