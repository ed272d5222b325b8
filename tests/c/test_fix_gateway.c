/* An order's life through the FIX gateway, as each version tells it. */
#include "fix_gateway_rig.h"

static const enum rl_fix_version all[] = {RL_FIX_40, RL_FIX_41, RL_FIX_42,    RL_FIX_43,
                                          RL_FIX_44, RL_FIX_50, RL_FIX_50SP1, RL_FIX_50SP2};

/* --- orders, in every version ----------------------------------------------------------------- */

static void an_order_is_acknowledged_with_its_terms(void)
{
    for (uint32_t i = 0; i < RL_COUNT(all); i++) {
        struct rig r;
        uint32_t h;

        rig_open(&r);
        h = rig_join(&r, all[i]);
        rig_ask(&r, h, "D|11=first|1=acct|21=1|55=ABC|54=1|38=100|40=2|44=10.25|59=1");
        HEAR(&r, h, "8",
             "11=first|1=acct|14=0|6=0|37=1|38=100|39=0|40=2|44=10.25|54=1|55=ABC|59=1|-41|-58|-103"
             "|-99|-126");
        HEAR_NOTHING(&r);
        rig_close(&r);
    }
}

static void the_versions_differ_in_how_they_say_new(void)
{
    static const char *const wanted[] = {
        "20=0|-150|-151|31=0|32=0|60=20260921-14:13:20",
        "20=0|150=0|151=7|31=0|32=0|60=20260921-14:13:20",
        "20=0|150=0|151=7|-31|-32|60=20260921-14:13:20.000",
        "-20|150=0|151=7|-31|-32|60=20260921-14:13:20.000",
        "-20|150=0|151=7|-31|-32|60=20260921-14:13:20.000",
        "-20|150=0|151=7|-31|-32|60=20260921-14:13:20.000000",
        "-20|150=0|151=7|-31|-32|60=20260921-14:13:20.000000",
        "-20|150=0|151=7|-31|-32|60=20260921-14:13:20.000000",
    };

    for (uint32_t i = 0; i < RL_COUNT(all); i++) {
        struct rig r;
        uint32_t h;

        rig_open(&r);
        h = rig_join(&r, all[i]);
        rig_ask(&r, h, "D|11=x|55=ABC|54=2|38=7|40=2|44=1");
        HEAR(&r, h, "8", wanted[i]);
        rig_close(&r);
    }
}

static void fills_tell_both_sides_what_is_left_and_at_what_price(void)
{
    static const char *const part[] = {"39=1|-150|20=0",          "39=1|150=1|151=60|20=0",
                                       "39=1|150=1|151=60|20=0",  "39=1|150=F|151=60|-20",
                                       "39=1|150=F|151=60|851=1", "39=1|150=F|151=60|851=1",
                                       "39=1|150=F|151=60|851=1", "39=1|150=F|151=60|851=1"};
    static const char *const whole[] = {"39=2|-150|20=0",         "39=2|150=2|151=0|20=0",
                                        "39=2|150=2|151=0|20=0",  "39=2|150=F|151=0|-20|-851",
                                        "39=2|150=F|151=0|851=2", "39=2|150=F|151=0|851=2",
                                        "39=2|150=F|151=0|851=2", "39=2|150=F|151=0|851=2"};

    for (uint32_t i = 0; i < RL_COUNT(all); i++) {
        struct rig r;
        uint32_t a, b;

        rig_open(&r);
        a = rig_join(&r, all[i]);
        b = rig_join(&r, all[i]);
        rig_ask(&r, a, "D|11=sell|55=ABC|54=5|38=100|40=2|44=10.5");
        HEAR(&r, a, "8", "39=0|54=5");
        rig_ask(&r, b, "D|11=buy|55=ABC|54=1|38=40|40=2|44=10.5");
        HEAR(&r, b, "8", "39=0|11=buy");
        HEAR(&r, a, "8", part[i]);
        r.n_read--;
        HEAR(&r, a, "8", "11=sell|32=40|31=10.5|14=40|6=10.5|38=100|37=1");
        HEAR(&r, b, "8", whole[i]);
        r.n_read--;
        HEAR(&r, b, "8", "11=buy|32=40|31=10.5|14=40|6=10.5|38=40|37=2");
        HEAR_NOTHING(&r);
        rig_close(&r);
    }
}

static void the_average_price_is_exact_and_rounded_once(void)
{
    struct rig r;
    uint32_t a, b;

    rig_open(&r);
    a = rig_join(&r, RL_FIX_44);
    b = rig_join(&r, RL_FIX_44);
    rig_ask(&r, a, "D|11=1|55=ABC|54=2|38=1|40=2|44=10");
    rig_ask(&r, a, "D|11=2|55=ABC|54=2|38=2|40=2|44=10.001");
    rig_ask(&r, b, "D|11=b|55=ABC|54=1|38=3|40=2|44=11");
    HEAR(&r, a, "8", "150=0");
    HEAR(&r, a, "8", "150=0");
    HEAR(&r, b, "8", "150=0");
    HEAR(&r, a, "8", "150=F|6=10");
    HEAR(&r, b, "8", "150=F|31=10|6=10|39=1|151=2");
    HEAR(&r, a, "8", "150=F|6=10.001");
    HEAR(&r, b, "8", "150=F|31=10.001|6=10.000666667|39=2|14=3");
    rig_close(&r);
}

static void a_cancel_ends_an_order_under_the_id_of_the_request(void)
{
    for (uint32_t i = 0; i < RL_COUNT(all); i++) {
        struct rig r;
        uint32_t h;

        rig_open(&r);
        h = rig_join(&r, all[i]);
        rig_ask(&r, h, "D|11=o|55=ABC|54=1|38=100|40=2|44=10");
        HEAR(&r, h, "8", "39=0");
        rig_ask(&r, h, "F|11=c|41=o|55=ABC|54=1|38=100");
        HEAR(&r, h, "8",
             all[i] == RL_FIX_40 ? "11=c|-41|39=4|-151|37=1" : "11=c|41=o|150=4|39=4|151=0|37=1");
        HEAR_NOTHING(&r);
        CHECK_EQ(rl_match_books(r.venue.match)->n_orders, 0);
        rig_close(&r);
    }
}

static void a_replacement_takes_over_name_price_and_quantity(void)
{
    for (uint32_t i = 0; i < RL_COUNT(all); i++) {
        struct rig r;
        uint32_t h;
        const char *wanted = all[i] == RL_FIX_40 ? "11=b|-41|39=5|38=150|44=11|37=1|14=0"
                             : all[i] <= RL_FIX_42
                                 ? "11=b|41=a|150=5|39=5|38=150|151=150|44=11|37=1"
                                 : "11=b|41=a|150=5|39=0|38=150|151=150|44=11|37=1";

        rig_open(&r);
        h = rig_join(&r, all[i]);
        rig_ask(&r, h, "D|11=a|55=ABC|54=1|38=100|40=2|44=10");
        HEAR(&r, h, "8", "39=0");
        rig_ask(&r, h, "G|11=b|41=a|55=ABC|54=1|38=150|40=2|44=11");
        HEAR(&r, h, "8", wanted);
        rig_ask(&r, h, "F|11=c|41=b|55=ABC|54=1");
        HEAR(&r, h, "8", "11=c|39=4|37=1");
        HEAR_NOTHING(&r);
        rig_close(&r);
    }
}

static void a_chain_of_replacements_keeps_what_was_executed(void)
{
    struct rig r;
    uint32_t a, b;

    rig_open(&r);
    a = rig_join(&r, RL_FIX_42);
    b = rig_join(&r, RL_FIX_44);
    rig_ask(&r, a, "D|11=x|55=ABC|54=1|38=100|40=2|44=10");
    HEAR(&r, a, "8", "39=0");
    rig_ask(&r, b, "D|11=s|55=ABC|54=2|38=30|40=2|44=10");
    HEAR(&r, b, "8", "150=0");
    HEAR(&r, a, "8", "150=1|39=1|14=30|151=70");
    HEAR(&r, b, "8", "150=F");
    rig_ask(&r, a, "G|11=y|41=x|55=ABC|54=1|38=80|40=2|44=10");
    HEAR(&r, a, "8", "11=y|41=x|150=5|39=1|38=80|14=30|151=50|6=10");
    rig_ask(&r, a, "G|11=z|41=y|55=ABC|54=1|38=90|40=2|44=12");
    HEAR(&r, a, "8", "11=z|41=y|150=5|39=1|38=90|14=30|151=60|44=12");
    rig_ask(&r, b, "D|11=t|55=ABC|54=2|38=60|40=2|44=12");
    HEAR(&r, b, "8", "150=0");
    HEAR(&r, a, "8", "11=z|150=2|39=2|14=90|151=0|6=11.333333333");
    HEAR(&r, b, "8", "150=F|39=2");
    rig_ask(&r, a, "G|11=w|41=x|55=ABC|54=1|38=200|40=2|44=12");
    HEAR(&r, a, "9", "11=w|41=x|39=2|102=0|434=2");
    HEAR_NOTHING(&r);
    rig_close(&r);
}

static void a_replacement_to_what_was_executed_or_less_leaves_it_filled(void)
{
    static const char *const totals[] = {"30", "10"};

    for (uint32_t i = 0; i < RL_COUNT(totals); i++) {
        struct rig r;
        uint32_t a, b;
        char text[128];

        rig_open(&r);
        a = rig_join(&r, RL_FIX_44);
        b = rig_join(&r, RL_FIX_44);
        rig_ask(&r, a, "D|11=x|55=ABC|54=1|38=100|40=2|44=10");
        rig_ask(&r, b, "D|11=s|55=ABC|54=2|38=30|40=2|44=10");
        r.n_read = r.n_heard;
        snprintf(text, sizeof text, "G|11=y|41=x|55=ABC|54=1|38=%s|40=2|44=10", totals[i]);
        rig_ask(&r, a, text);
        HEAR(&r, a, "8", "11=y|41=x|150=5|39=2|38=30|14=30|151=0");
        rig_ask(&r, a, "F|11=z|41=y|55=ABC|54=1");
        HEAR(&r, a, "9", "11=z|41=y|39=2|102=0|434=1");
        HEAR_NOTHING(&r);
        rig_close(&r);
    }
}

/* --- kinds of orders -------------------------------------------------------------------------- */

static void what_is_not_executed_at_once_is_cancelled_or_expires(void)
{
    static const struct {
        const char *order, *wanted;
    } cases[] = {
        {"40=1|59=0", "150=4|39=4|58=market order found no more"},
        {"40=2|44=9|59=3", "150=4|39=4|58=immediate-or-cancel remainder"},
        {"40=2|44=9|59=4", "150=4|39=4|58=fill-or-kill quantity is not there"},
    };

    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        struct rig r;
        uint32_t h;
        char text[128];

        rig_open(&r);
        h = rig_join(&r, RL_FIX_44);
        snprintf(text, sizeof text, "D|11=o|55=ABC|54=1|38=100|%s", cases[i].order);
        rig_ask(&r, h, text);
        HEAR(&r, h, "8", "150=0|39=0");
        HEAR(&r, h, "8", cases[i].wanted);
        r.n_read--;
        HEAR(&r, h, "8", "151=0|14=0|11=o|-41");
        HEAR_NOTHING(&r);
        rig_close(&r);
    }
}

static void days_and_dates_expire(void)
{
    struct rig r;
    uint32_t h;

    rig_open(&r);
    h = rig_join(&r, RL_FIX_44);
    rig_ask(&r, h, "D|11=day|55=ABC|54=1|38=1|40=2|44=9");
    rig_ask(&r, h, "D|11=gtc|55=ABC|54=1|38=1|40=2|44=9|59=1");
    rig_ask(&r, h, "D|11=gtd|55=ABC|54=1|38=1|40=2|44=9|59=6|126=20260921-15:00:00");
    rig_ask(&r, h, "D|11=date|55=ABC|54=1|38=1|40=2|44=9|59=6|432=20260922");
    for (int i = 0; i < 2; i++)
        HEAR(&r, h, "8", "150=0");
    HEAR(&r, h, "8", "150=0|59=6|126=20260921-15:00:00.000");
    HEAR(&r, h, "8", "150=0|59=6|126=20260923-00:00:00.000");
    r.now_ns += 3600 * 1000000000ULL;
    rl_venue_turn(&r.venue, r.now_ns);
    HEAR(&r, h, "8", "11=gtd|150=C|39=C|151=0|58=date reached");
    rl_venue_decide(&r.venue, &(struct rl_match_request){.op = RL_MATCH_DAY_END}, r.now_ns);
    HEAR(&r, h, "8", "11=day|150=C|39=C|58=day is over");
    r.now_ns += 48 * 3600 * 1000000000ULL;
    rl_venue_turn(&r.venue, r.now_ns);
    HEAR(&r, h, "8", "11=date|150=C|39=C");
    HEAR_NOTHING(&r);
    rig_close(&r);
}

static void an_iceberg_shows_a_part_and_trades_whole(void)
{
    static const char *const fields[] = {"111=10", "1138=10"};

    for (uint32_t i = 0; i < RL_COUNT(fields); i++) {
        struct rig r;
        uint32_t a, b;
        char text[128];

        rig_open(&r);
        a = rig_join(&r, RL_FIX_50SP2);
        b = rig_join(&r, RL_FIX_44);
        snprintf(text, sizeof text, "D|11=i|55=ABC|54=2|38=100|40=2|44=10|%s", fields[i]);
        rig_ask(&r, a, text);
        HEAR(&r, a, "8", "150=0|38=100|151=100|111=10");
        CHECK_EQ(rl_match_books(r.venue.match)->n_orders, 1);
        rig_ask(&r, b, "D|11=b|55=ABC|54=1|38=25|40=2|44=10");
        HEAR(&r, b, "8", "150=0");
        while (r.n_read < r.n_heard)
            r.n_read++;
        CHECK(rig_has(&r.heard[r.n_heard - 1], "14=25"));
        rig_ask(&r, a, "G|11=j|41=i|55=ABC|54=2|38=60|40=2|44=10|111=20");
        HEAR(&r, a, "8", "150=5|38=60|14=25|151=35|111=20");
        rig_close(&r);
    }
}

static void post_only_all_or_none_and_minimum_reach_the_venue(void)
{
    struct rig r;
    uint32_t a, b;

    rig_open(&r);
    a = rig_join(&r, RL_FIX_44);
    b = rig_join(&r, RL_FIX_44);
    rig_ask(&r, a, "D|11=s|55=ABC|54=2|38=10|40=2|44=10");
    HEAR(&r, a, "8", "150=0");
    rig_ask(&r, b, "D|11=post|55=ABC|54=1|38=10|40=2|44=10|18=6");
    HEAR(&r, b, "8", "11=post|150=8|39=8|58=post-only order would trade");
    rig_ask(&r, b, "D|11=post2|55=ABC|54=1|38=10|40=2|44=9|18=1 6");
    HEAR(&r, b, "8", "11=post2|150=0");
    rig_ask(&r, b, "D|11=aon|55=ABC|54=1|38=20|40=2|44=10|18=G");
    HEAR(&r, b, "8", "11=aon|150=0|151=20");
    rig_ask(&r, b, "D|11=min|55=ABC|54=1|38=20|40=2|44=10|110=15|59=3");
    HEAR(&r, b, "8", "11=min");
    HEAR(&r, b, "8", "11=min|39=4|14=0|58=minimum quantity is not there");
    HEAR_NOTHING(&r);
    rig_close(&r);
}

static void stops_wait_and_then_trade(void)
{
    struct rig r;
    uint32_t a, b;

    rig_open(&r);
    a = rig_join(&r, RL_FIX_50);
    b = rig_join(&r, RL_FIX_44);
    rig_ask(&r, a, "D|11=stop|55=ABC|54=2|38=10|40=3|99=9");
    HEAR(&r, a, "8", "150=0|40=3|99=9|-44");
    rig_ask(&r, a, "D|11=stoplimit|55=ABC|54=2|38=10|40=4|99=9|44=8");
    HEAR(&r, a, "8", "150=0|40=4|99=9|44=8");
    rig_ask(&r, a, "G|11=moved|41=stop|55=ABC|54=2|38=10|40=3|99=9.5");
    HEAR(&r, a, "8", "150=5|11=moved|99=9.5|39=0");
    rig_ask(&r, b, "D|11=b1|55=ABC|54=1|38=11|40=2|44=9.5");
    HEAR(&r, b, "8", "150=0");
    rig_ask(&r, b, "D|11=s1|55=ABC|54=2|38=1|40=2|44=9.5");
    HEAR(&r, b, "8", "150=0|11=s1");
    HEAR(&r, b, "8", "150=F|11=b1");
    HEAR(&r, b, "8", "150=F|11=s1");
    HEAR(&r, a, "8", "150=L|11=moved|39=0");
    HEAR(&r, b, "8", "150=F|11=b1");
    HEAR(&r, a, "8", "150=F|11=moved|39=2|31=9.5");
    HEAR_NOTHING(&r);
    rig_close(&r);
}

static void trailing_stops_can_be_asked_for_in_two_ways(void)
{
    static const char *const asks[] = {"40=P|18=a|211=-0.5|99=9", "40=3|1094=8|211=0.5|99=9",
                                       "40=P|18=a|211=50|836=1|99=9"};

    for (uint32_t i = 0; i < RL_COUNT(asks); i++) {
        struct rig r;
        uint32_t a;
        char text[128];

        rig_open(&r);
        a = rig_join(&r, RL_FIX_50SP2);
        snprintf(text, sizeof text, "D|11=t|55=ABC|54=2|38=10|%s", asks[i]);
        rig_ask(&r, a, text);
        HEAR(&r, a, "8", "150=0|99=9|39=0");
        CHECK_EQ(rl_match_stops(r.venue.match)->n_orders, 1);
        rig_close(&r);
    }
}

static void orders_at_the_opening_trade_in_the_auction(void)
{
    struct rig r;
    uint32_t a;
    struct rl_match_request phase = {
        .op = RL_MATCH_PHASE, .instrument = 0, .phase = RL_MATCH_AUCTION};

    rig_open(&r);
    a = rig_join(&r, RL_FIX_44);
    rig_ask(&r, a, "D|11=early|55=ABC|54=2|38=10|40=2|44=10|59=2");
    HEAR(&r, a, "8", "150=8|103=11");
    rl_venue_decide(&r.venue, &phase, r.now_ns);
    rig_ask(&r, a, "D|11=open|55=ABC|54=2|38=10|40=2|44=10|59=2");
    HEAR(&r, a, "8", "150=0|59=2");
    phase.phase = RL_MATCH_OPEN;
    rl_venue_decide(&r.venue, &phase, r.now_ns);
    HEAR(&r, a, "8", "11=open|150=C|39=C");
    HEAR_NOTHING(&r);
    rig_close(&r);
}

static void self_trades_are_prevented_as_the_tag_or_the_session_says(void)
{
    struct rig r;
    uint32_t h;
    int handle;

    rig_open(&r);
    handle = rl_fix_gateway_join(&r.gateway, &(struct rl_fix_gateway_session_config){
                                                 .version = RL_FIX_44, .stp = RL_MATCH_STP_NEWEST});
    CHECK(handle >= 0);
    h = (uint32_t)handle;
    rig_ask(&r, h, "D|11=s|55=ABC|54=2|38=10|40=2|44=10");
    HEAR(&r, h, "8", "150=0");
    rig_ask(&r, h, "D|11=newest|55=ABC|54=1|38=10|40=2|44=10");
    HEAR(&r, h, "8", "150=0|11=newest");
    HEAR(&r, h, "8", "150=4|11=newest|58=self-trade prevention");
    rig_ask(&r, h, "D|11=less|55=ABC|54=1|38=4|40=2|44=10|8000=D");
    HEAR(&r, h, "8", "150=0|11=less");
    HEAR(&r, h, "8", "150=D|378=5|11=s|38=6|151=6|14=0|39=0");
    HEAR(&r, h, "8", "150=4|11=less|39=4");
    rig_ask(&r, h, "D|11=oldest|55=ABC|54=1|38=1|40=2|44=10|8000=O");
    HEAR(&r, h, "8", "150=0|11=oldest");
    HEAR(&r, h, "8", "150=4|11=s|58=self-trade prevention");
    rig_ask(&r, h, "D|11=both|55=ABC|54=2|38=1|40=2|44=10|8000=B");
    HEAR(&r, h, "8", "150=0|11=both");
    HEAR(&r, h, "8", "150=4");
    HEAR(&r, h, "8", "150=4");
    rig_ask(&r, h, "D|11=s2|55=ABC|54=2|38=1|40=2|44=10");
    rig_ask(&r, h, "D|11=none|55=ABC|54=1|38=1|40=2|44=10|8000=0");
    HEAR(&r, h, "8", "150=0");
    HEAR(&r, h, "8", "150=0");
    HEAR(&r, h, "8", "150=F");
    HEAR(&r, h, "8", "150=F");
    HEAR_NOTHING(&r);
    rig_close(&r);
}

static void a_reduction_by_the_venue_is_told_as_old_versions_can(void)
{
    static const char *const wanted[] = {"20=3|39=0|38=6|-150", "20=3|150=0|38=6|151=6",
                                         "20=0|150=D|378=5|38=6", "-20|150=D|378=5"};

    for (uint32_t i = 0; i < RL_COUNT(wanted); i++) {
        struct rig r;
        uint32_t h;

        rig_open(&r);
        h = rig_join(&r, all[i]);
        rig_ask(&r, h, "D|11=s|55=ABC|54=2|38=10|40=2|44=10");
        rig_ask(&r, h, "D|11=less|55=ABC|54=1|38=4|40=2|44=10|8000=D");
        r.n_read += 2;
        HEAR(&r, h, "8", wanted[i]);
        rig_close(&r);
    }
}

/* --- ids -------------------------------------------------------------------------------------- */

static void ids_are_any_text_of_up_to_64_characters(void)
{
    static const char id[] = "=a b~!\"#$%&'()*+,-./0123456789:;<>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]";
    struct rig r;
    uint32_t h;
    char text[256], wanted[128];

    CHECK_EQ(strlen(id), 64);
    rig_open(&r);
    h = rig_join(&r, RL_FIX_44);
    snprintf(text, sizeof text, "D|11=%s|55=SIXTEENLETTERSAB|54=1|38=1|40=2|44=1", id);
    rig_ask(&r, h, text);
    snprintf(wanted, sizeof wanted, "11=%s", id);
    HEAR(&r, h, "8", wanted);
    snprintf(text, sizeof text, "F|11=c|41=%s|55=SIXTEENLETTERSAB|54=1", id);
    rig_ask(&r, h, text);
    snprintf(wanted, sizeof wanted, "41=%s", id);
    HEAR(&r, h, "8", wanted);
    rig_close(&r);
}

static void sessions_do_not_share_ids_or_orders(void)
{
    struct rig r;
    uint32_t a, b;

    rig_open(&r);
    a = rig_join(&r, RL_FIX_44);
    b = rig_join(&r, RL_FIX_44);
    rig_ask(&r, a, "D|11=1|55=ABC|54=1|38=1|40=2|44=1");
    HEAR(&r, a, "8", "150=0|37=1");
    rig_ask(&r, b, "F|11=2|41=1|55=ABC|54=1");
    HEAR(&r, b, "9", "37=NONE|39=8|102=1");
    rig_ask(&r, b, "D|11=1|55=ABC|54=1|38=1|40=2|44=1");
    HEAR(&r, b, "8", "150=0|37=2");
    HEAR_NOTHING(&r);
    rig_close(&r);
}

static void execution_ids_are_never_the_same(void)
{
    struct rig r;
    uint32_t a, b;
    uint64_t ids[64];

    rig_open(&r);
    a = rig_join(&r, RL_FIX_44);
    b = rig_join(&r, RL_FIX_42);
    rig_ask(&r, a, "D|11=1|55=ABC|54=1|38=10|40=2|44=1");
    rig_ask(&r, a, "D|11=2|55=NO|54=1|38=10|40=2|44=1");
    rig_ask(&r, b, "D|11=3|55=ABC|54=2|38=3|40=2|44=1");
    rig_ask(&r, b, "D|11=3|55=ABC|54=2|38=3|40=2|44=1");
    rig_ask(&r, b, "D|11=4|55=ABC|54=2|38=3|40=2|44=1");
    rig_ask(&r, a, "G|11=5|41=1|55=ABC|54=1|38=9|40=2|44=1");
    rig_ask(&r, a, "F|11=6|41=5|55=ABC|54=1");
    CHECK_EQ(r.n_heard, 11);
    for (uint32_t i = 0; i < r.n_heard; i++) {
        ids[i] = rig_uint(&r.heard[i], 17);
        CHECK(ids[i] != 0);
        for (uint32_t j = 0; j < i; j++)
            CHECK(ids[i] != ids[j]);
    }
    rig_close(&r);
}

static void a_session_that_is_away_is_told_all_the_same(void)
{
    struct rig r;
    uint32_t a, b;

    rig_open(&r);
    a = rig_join(&r, RL_FIX_44);
    b = rig_join(&r, RL_FIX_44);
    rig_ask(&r, a, "D|11=1|55=ABC|54=1|38=10|40=2|44=1");
    HEAR(&r, a, "8", "150=0");
    rl_fix_gateway_disconnect(&r.gateway, a, ++r.now_ns);
    HEAR_NOTHING(&r); /* its orders stay */
    rig_ask(&r, b, "D|11=1|55=ABC|54=2|38=4|40=2|44=1");
    HEAR(&r, b, "8", "150=0");
    HEAR(&r, a, "8", "150=F|14=4|151=6");
    HEAR(&r, b, "8", "150=F");
    rl_fix_gateway_connect(&r.gateway, a);
    rig_close(&r);
}

static void orders_are_cancelled_on_disconnect_when_that_is_wished(void)
{
    struct rig r;
    int handle;

    rig_open(&r);
    handle =
        rl_fix_gateway_join(&r.gateway, &(struct rl_fix_gateway_session_config){
                                            .version = RL_FIX_44, .cancels_on_disconnect = true});
    CHECK(handle >= 0);
    rig_ask(&r, (uint32_t)handle, "D|11=1|55=ABC|54=1|38=10|40=2|44=1");
    HEAR(&r, (uint32_t)handle, "8", "150=0");
    rl_fix_gateway_disconnect(&r.gateway, (uint32_t)handle, ++r.now_ns);
    HEAR(&r, (uint32_t)handle, "8", "150=4|11=1|-41|58=owner disconnected");
    HEAR_NOTHING(&r);
    rig_close(&r);
}

static void what_cannot_be_sent_is_counted(void)
{
    struct rig r;
    uint32_t h;

    rig_open(&r);
    h = rig_join(&r, RL_FIX_44);
    r.drops = true;
    rig_ask(&r, h, "D|11=1|55=ABC|54=1|38=10|40=2|44=1");
    CHECK_EQ(r.gateway.n.unsent, 1);
    CHECK_EQ(r.gateway.n.sent, 0);
    rig_close(&r);
}

static void nothing_is_allocated_after_init(void)
{
    struct rig r;
    uint32_t h;

    rig_open(&r);
    h = rig_join(&r, RL_FIX_44);
    if (!rl_trap_is_linked())
        exit(RL_SKIP);
    rl_trap_arm();
    rig_ask(&r, h, "D|11=1|55=ABC|54=1|38=10|40=2|44=1");
    rig_ask(&r, h, "G|11=2|41=1|55=ABC|54=1|38=11|40=2|44=2");
    rig_ask(&r, h, "H|11=2|55=ABC|54=1");
    rig_ask(&r, h, "F|11=3|41=2|55=ABC|54=1");
    rl_trap_disarm();
    CHECK_EQ(rl_trap_count(), 0);
    rig_close(&r);
}

int main(void)
{
    an_order_is_acknowledged_with_its_terms();
    the_versions_differ_in_how_they_say_new();
    fills_tell_both_sides_what_is_left_and_at_what_price();
    the_average_price_is_exact_and_rounded_once();
    a_cancel_ends_an_order_under_the_id_of_the_request();
    a_replacement_takes_over_name_price_and_quantity();
    a_chain_of_replacements_keeps_what_was_executed();
    a_replacement_to_what_was_executed_or_less_leaves_it_filled();
    what_is_not_executed_at_once_is_cancelled_or_expires();
    days_and_dates_expire();
    an_iceberg_shows_a_part_and_trades_whole();
    post_only_all_or_none_and_minimum_reach_the_venue();
    stops_wait_and_then_trade();
    trailing_stops_can_be_asked_for_in_two_ways();
    orders_at_the_opening_trade_in_the_auction();
    self_trades_are_prevented_as_the_tag_or_the_session_says();
    a_reduction_by_the_venue_is_told_as_old_versions_can();
    ids_are_any_text_of_up_to_64_characters();
    sessions_do_not_share_ids_or_orders();
    execution_ids_are_never_the_same();
    a_session_that_is_away_is_told_all_the_same();
    orders_are_cancelled_on_disconnect_when_that_is_wished();
    what_cannot_be_sent_is_counted();
    nothing_is_allocated_after_init();
    return 0;
}
