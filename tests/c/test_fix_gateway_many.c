/* What the FIX gateway says when it is asked: status, of one and of many; mass cancels; busts. */
#include "fix_gateway_rig.h"

#include "rig/exchange/mischief.h"

#define GOOD "55=ABC|54=1|38=100|40=2|44=10"

/* --- status ----------------------------------------------------------------------------------- */

static void the_state_of_an_order_is_told_as_each_version_does(void)
{
    static const struct {
        enum rl_fix_version version;
        const char *wanted;
    } cases[] = {
        {RL_FIX_40, "20=3|17=0|39=1|14=40|-150|-151|32=0|31=0"},
        {RL_FIX_41, "20=3|17=0|39=1|150=1|14=40|151=60|6=10"},
        {RL_FIX_42, "20=3|17=0|39=1|150=1|14=40|151=60|6=10|-32"},
        {RL_FIX_43, "-20|17=0|39=1|150=I|14=40|151=60|-790"},
        {RL_FIX_44, "-20|17=0|39=1|150=I|14=40|151=60|790=ask"},
        {RL_FIX_50SP2, "-20|17=0|39=1|150=I|14=40|151=60|790=ask"},
    };

    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        struct rig r;
        uint32_t a, b;

        rig_open(&r);
        a = rig_join(&r, cases[i].version);
        b = rig_join(&r, RL_FIX_44);
        rig_ask(&r, a, "D|11=1|" GOOD);
        rig_ask(&r, b, "D|11=1|55=ABC|54=2|38=40|40=2|44=10");
        r.n_read = r.n_heard;
        rig_ask(&r, a, "H|11=1|55=ABC|54=1|790=ask");
        HEAR(&r, a, "8", cases[i].wanted);
        r.n_read--;
        HEAR(&r, a, "8", "11=1|37=1|38=100|44=10|-103");
        HEAR_NOTHING(&r);
        rig_close(&r);
    }
}

static void former_ids_name_their_order_and_unknown_ones_none(void)
{
    struct rig r;
    uint32_t a;

    rig_open(&r);
    a = rig_join(&r, RL_FIX_44);
    rig_ask(&r, a, "D|11=1|" GOOD);
    rig_ask(&r, a, "G|11=2|41=1|" GOOD "|59=0");
    rig_ask(&r, a, "G|11=3|41=2|55=ABC|54=1|38=-1|40=2|44=1");
    rig_ask(&r, a, "G|11=4|41=2|55=ABC|54=1|38=1|40=2|44=1.00001");
    r.n_read = r.n_heard;
    rig_ask(&r, a, "H|11=1|55=ABC|54=1");
    HEAR(&r, a, "8", "150=I|39=0|11=2|37=1");
    rig_ask(&r, a, "H|11=2|55=ABC|54=1");
    HEAR(&r, a, "8", "150=I|39=0|11=2|37=1");
    rig_ask(&r, a, "H|11=3|55=ABC|54=1"); /* refused by the gateway */
    HEAR(&r, a, "8", "150=I|39=8|103=5|37=NONE|11=3|17=0|55=ABC|54=1");
    rig_ask(&r, a, "H|11=4|55=ABC|54=1"); /* by the venue */
    HEAR(&r, a, "8", "150=I|39=8|103=5|37=NONE|11=4");
    rig_ask(&r, a, "H|11=none|55=ABC|54=2|790=x");
    HEAR(&r, a, "8", "150=I|39=8|103=5|37=NONE|11=none|54=2|790=x");
    rig_close(&r);
}

static void the_state_of_an_order_that_ended_is_known_for_long(void)
{
    struct rig r;
    uint32_t a;
    char text[128];

    rig_open(&r);
    a = rig_join(&r, RL_FIX_44);
    rig_ask(&r, a, "D|11=1|" GOOD);
    rig_ask(&r, a, "F|11=2|41=1|55=ABC|54=1");
    for (int i = 0; i < 63; i++) {
        snprintf(text, sizeof text, "D|11=x%d|" GOOD, i);
        rig_ask(&r, a, text);
    }
    r.n_read = r.n_heard;
    rig_ask(&r, a, "H|11=1|55=ABC|54=1");
    HEAR(&r, a, "8", "150=I|39=4|37=1|151=0|14=0");
    rig_close(&r);
}

static void all_live_orders_of_a_session_are_told_when_it_asks(void)
{
    static const enum rl_fix_version versions[] = {RL_FIX_43, RL_FIX_44, RL_FIX_50SP2};

    for (uint32_t i = 0; i < RL_COUNT(versions); i++) {
        bool is_counted = versions[i] >= RL_FIX_44;
        struct rig r;
        uint32_t a, b;

        rig_open(&r);
        a = rig_join(&r, versions[i]);
        b = rig_join(&r, RL_FIX_44);
        rig_ask(&r, a, "D|11=1|" GOOD);
        rig_ask(&r, b, "D|11=2|" GOOD);
        rig_ask(&r, a, "D|11=3|55=SIXTEENLETTERSAB|54=2|38=5|40=2|44=99");
        rig_ask(&r, a, "D|11=4|" GOOD);
        rig_ask(&r, a, "F|11=5|41=4|55=ABC|54=1");
        r.n_read = r.n_heard;
        rig_ask(&r, a, "AF|584=all|585=7");
        HEAR(&r, a, "8",
             is_counted ? "150=I|11=1|17=0|584=all|-585|911=2|912=N" : "150=I|11=1|-584|-911");
        HEAR(&r, a, "8", is_counted ? "150=I|11=3|17=0|584=all|-585|911=2|912=Y" : "150=I|11=3");
        rig_ask(&r, a, "AF|584=one|585=1|55=ABC");
        HEAR(&r, a, "8", is_counted ? "11=1|584=one|-585|911=1|912=Y" : "11=1");
        rig_ask(&r, a, "AF|584=sells|585=7|54=2");
        HEAR(&r, a, "8", "11=3");
        rig_ask(&r, a, "AF|584=no|585=1|55=XYZ");
        HEAR(&r, a, "8",
             is_counted ? "150=I|39=8|37=NONE|-11|55=XYZ|911=0|912=Y" : "150=I|39=8|-11");
        rig_ask(&r, a, "AF|584=no|585=3");
        HEAR(&r, a, "8", "39=8|150=I");
        rig_ask(&r, b, "AF|584=own|585=7");
        HEAR(&r, b, "8", "11=2|912=Y");
        HEAR_NOTHING(&r);
        rig_close(&r);
    }
}

/* --- mass cancels ----------------------------------------------------------------------------- */

static void a_mass_cancel_ends_each_order_and_then_says_how_many(void)
{
    static const struct {
        const char *request, *said;
        uint32_t n;
    } cases[] = {
        {"q|11=m|530=7", "11=m|530=7|531=7|533=3|-532", 3},
        {"q|11=m|530=1|55=ABC", "11=m|530=1|531=1|533=2", 2},
        {"q|11=m|530=7|54=2", "11=m|530=7|531=7|533=1", 1},
        {"q|11=m|530=1|55=ABC|54=5", "11=m|530=1|531=1|533=0", 0},
    };
    static const enum rl_fix_version versions[] = {RL_FIX_43, RL_FIX_44, RL_FIX_50, RL_FIX_50SP1,
                                                   RL_FIX_50SP2};

    for (uint32_t v = 0; v < RL_COUNT(versions); v++)
        for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
            struct rig r;
            uint32_t a, b;

            rig_open(&r);
            a = rig_join(&r, versions[v]);
            b = rig_join(&r, RL_FIX_44);
            rig_ask(&r, a, "D|11=1|" GOOD);
            rig_ask(&r, a, "D|11=2|" GOOD);
            rig_ask(&r, a, "D|11=3|55=SIXTEENLETTERSAB|54=2|38=5|40=2|44=99");
            rig_ask(&r, b, "D|11=4|" GOOD);
            r.n_read = r.n_heard;
            rig_ask(&r, a, cases[i].request);
            for (uint32_t n = 0; n < cases[i].n; n++)
                HEAR(&r, a, "8", "150=4|39=4|151=0|-41|58=mass cancel");
            HEAR(&r, a, "r", cases[i].said);
            if (versions[v] >= RL_FIX_50SP1) {
                r.n_read--;
                HEAR(&r, a, "r", "37=5|1369=5");
            }
            HEAR_NOTHING(&r);
            CHECK_EQ(rl_match_books(r.venue.match)->n_orders, 4 - cases[i].n);
            rig_close(&r);
        }
}

static void a_mass_cancel_that_cannot_be_is_refused_and_cancels_nothing(void)
{
    static const struct {
        enum rl_fix_version version;
        const char *request, *said;
    } cases[] = {
        {RL_FIX_44, "q|11=m|530=3", "530=3|531=0|532=0|-533"},
        {RL_FIX_44, "q|11=m|530=1|55=XYZ", "530=1|531=0|532=1|58=unknown symbol"},
        {RL_FIX_44, "q|11=m|530=1", "530=1|531=0|532=1"},
        {RL_FIX_44, "q|11=m|530=7|54=9", "531=0"},
        {RL_FIX_44, "q|11=1|530=7", "531=0|532=99|58=ClOrdID has been used before"},
        {RL_FIX_43, "q|11=1|530=7", "531=0|-532"},
    };

    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        struct rig r;
        uint32_t a;

        rig_open(&r);
        a = rig_join(&r, cases[i].version);
        rig_ask(&r, a, "D|11=1|" GOOD);
        HEAR(&r, a, "8", "39=0");
        rig_ask(&r, a, cases[i].request);
        HEAR(&r, a, "r", cases[i].said);
        HEAR_NOTHING(&r);
        CHECK_EQ(rl_match_books(r.venue.match)->n_orders, 1);
        rig_close(&r);
    }
}

/* --- busts ------------------------------------------------------------------------------------ */

static void a_trade_that_is_taken_back_is_named_to_both(void)
{
    static const struct {
        enum rl_fix_version version;
        const char *seller, *buyer;
    } cases[] = {
        {RL_FIX_40, "20=1|39=0|38=60|14=0|6=0|32=40|31=10", "20=1|39=4|14=0|6=0"},
        {RL_FIX_42, "20=1|39=0|150=0|38=60|151=60|14=0|6=0|32=40|31=10", "20=1|150=4|39=4|151=0"},
        {RL_FIX_44, "-20|150=H|39=0|38=60|151=60|14=0|6=0|32=40|31=10",
         "150=H|39=4|151=0|14=0|38=40"},
    };

    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        struct rig r;
        uint32_t a, b;
        uint64_t fills[2];
        char wanted[64];

        rig_open(&r);
        a = rig_join(&r, cases[i].version);
        b = rig_join(&r, cases[i].version);
        rig_ask(&r, a, "D|11=s|55=ABC|54=2|38=100|40=2|44=10");
        rig_ask(&r, b, "D|11=b|55=ABC|54=1|38=40|40=2|44=10");
        for (int n = 0; n < 2; n++)
            fills[n] = rig_uint(&r.heard[r.n_heard - 2 + n], 17);
        r.n_read = r.n_heard;
        rl_venue_decide(
            &r.venue, &(struct rl_match_request){.op = RL_MATCH_BUST, .match = 1, .instrument = 0},
            r.now_ns);
        CHECK_EQ(r.n_heard - r.n_read, 2);
        if (r.heard[r.n_read].handle == b) { /* the buyer may be told first */
            struct rig_said swap = r.heard[r.n_read];

            r.heard[r.n_read] = r.heard[r.n_read + 1];
            r.heard[r.n_read + 1] = swap;
        }
        HEAR(&r, a, "8", cases[i].seller);
        r.n_read--;
        snprintf(wanted, sizeof wanted, "19=%" PRIu64 "|11=s", fills[0]);
        HEAR(&r, a, "8", wanted);
        HEAR(&r, b, "8", cases[i].buyer);
        r.n_read--;
        snprintf(wanted, sizeof wanted, "19=%" PRIu64 "|11=b", fills[1]);
        HEAR(&r, b, "8", wanted);
        rig_ask(&r, a, "G|11=t|41=s|55=ABC|54=2|38=70|40=2|44=10"); /* all of it, as told */
        HEAR(&r, a, "8", cases[i].version >= RL_FIX_43 ? "38=70|14=0|151=70" : "38=70|14=0");
        HEAR_NOTHING(&r);
        rig_close(&r);
    }
}

/* --- hooks of the venue ----------------------------------------------------------------------- */

static void open_mischief(struct rig *r, struct rl_mischief *m, struct rl_arena *arena,
                          const struct rl_mischief_config *config)
{
    rig_open(r);
    CHECK_EQ(rl_arena_open(arena, rl_mischief_bytes(config, 16), 0), 0);
    CHECK_EQ(rl_mischief_init(m, arena, &r->venue, config, r->now_ns), 0);
}

/* Keeps requests until they are let go. */
struct keeper {
    struct rl_match_request kept[8];
    uint32_t n;
    bool is_on;
};

static bool keep(void *context, const struct rl_match_request *r, uint64_t now_ns)
{
    struct keeper *k = context;

    (void)now_ns;
    if (!k->is_on)
        return false;
    CHECK(k->n < 8);
    k->kept[k->n++] = *r;
    return true;
}

static void let_go(struct rig *r, struct keeper *k)
{
    k->is_on = false;
    for (uint32_t i = 0; i < k->n; i++)
        rl_venue_pass_request(&r->venue, &k->kept[i], ++r->now_ns);
    k->n = 0;
}

static uint32_t join_pending(struct rig *r, enum rl_fix_version version)
{
    int handle = rl_fix_gateway_join(
        &r->gateway,
        &(struct rl_fix_gateway_session_config){.version = (uint8_t)version, .says_pending = true});

    CHECK(handle >= 0);
    return (uint32_t)handle;
}

static void fills_while_a_replacement_is_pending_are_of_the_order_as_it_was(void)
{
    struct keeper k = {0};
    struct rig r;
    uint32_t a, b;

    rig_open(&r);
    a = join_pending(&r, RL_FIX_44);
    b = rig_join(&r, RL_FIX_44);
    rl_venue_hook(&r.venue, &(struct rl_venue_hook){.request = keep, .context = &k});
    rig_ask(&r, a, "D|11=x|" GOOD);
    HEAR(&r, a, "8", "150=0"); /* at once: nothing was pending */
    k.is_on = true;
    rig_ask(&r, a, "G|11=y|41=x|55=ABC|54=1|38=80|40=2|44=10");
    HEAR(&r, a, "8", "150=E|39=E|11=y|41=x|38=100|151=100");
    k.is_on = false;
    rig_ask(&r, b, "D|11=s|55=ABC|54=2|38=30|40=2|44=10");
    HEAR(&r, b, "8", "150=0");
    HEAR(&r, a, "8", "150=F|39=E|11=x|38=100|14=30|151=70");
    HEAR(&r, b, "8", "150=F");
    rig_ask(&r, a, "H|11=y|55=ABC|54=1");
    HEAR(&r, a, "8", "150=I|39=E|11=y|41=x|14=30");
    rig_ask(&r, a, "H|11=x|55=ABC|54=1");
    HEAR(&r, a, "8", "150=I|39=E|11=x|-41|14=30");
    let_go(&r, &k);
    HEAR(&r, a, "8", "150=5|39=1|11=y|41=x|38=80|14=30|151=50");
    HEAR_NOTHING(&r);
    rig_close(&r);
}

static void who_asks_is_told_what_waits_even_when_he_hears_of_it_by_nothing_else(void)
{
    struct keeper k = {0};
    struct rig r;
    uint32_t a;

    rig_open(&r);
    a = rig_join(&r, RL_FIX_44);
    rl_venue_hook(&r.venue, &(struct rl_venue_hook){.request = keep, .context = &k});
    rig_ask(&r, a, "D|11=x|" GOOD);
    HEAR(&r, a, "8", "150=0");
    k.is_on = true;
    rig_ask(&r, a, "D|11=n|" GOOD);
    rig_ask(&r, a, "H|11=n|55=ABC|54=1");
    HEAR(&r, a, "8", "150=I|39=A|11=n");
    rig_ask(&r, a, "G|11=y|41=x|55=ABC|54=1|38=80|40=2|44=10");
    rig_ask(&r, a, "H|11=x|55=ABC|54=1");
    HEAR(&r, a, "8", "150=I|39=E|11=x|-41");
    rig_ask(&r, a, "H|11=y|55=ABC|54=1");
    HEAR(&r, a, "8", "150=I|39=E|11=y|41=x|38=100");
    rig_ask(&r, a, "F|11=z|41=y|55=ABC|54=1");
    rig_ask(&r, a, "AF|584=all|585=7");
    HEAR(&r, a, "8", "150=I|39=6|11=x");
    HEAR(&r, a, "8", "150=I|39=A|11=n");
    let_go(&r, &k);
    HEAR(&r, a, "8", "150=0|39=0|11=n");
    HEAR(&r, a, "8", "150=5|39=0|11=y|41=x");
    HEAR(&r, a, "8", "150=4|11=z|41=y");
    rig_ask(&r, a, "H|11=y|55=ABC|54=1");
    HEAR(&r, a, "8", "150=I|39=4");
    HEAR_NOTHING(&r);
    rig_close(&r);
}

static void an_order_that_is_filled_before_its_cancel_is_too_late_to_cancel(void)
{
    static const struct {
        enum rl_fix_version version;
        const char *pending, *filled;
    } cases[] = {{RL_FIX_40, "39=6", "39=6|14=100"},
                 {RL_FIX_41, "150=6|39=6", "150=2|39=6|151=0"},
                 {RL_FIX_44, "150=6|39=6", "150=F|39=6|151=0"}};

    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        struct keeper k = {0};
        struct rig r;
        uint32_t a, b;

        rig_open(&r);
        a = join_pending(&r, cases[i].version);
        b = rig_join(&r, RL_FIX_44);
        rl_venue_hook(&r.venue, &(struct rl_venue_hook){.request = keep, .context = &k});
        rig_ask(&r, a, "D|11=x|" GOOD);
        HEAR(&r, a, "8", "39=0");
        k.is_on = true;
        rig_ask(&r, a, "F|11=y|41=x|55=ABC|54=1");
        HEAR(&r, a, "8", cases[i].pending);
        k.is_on = false;
        rig_ask(&r, b, "D|11=s|55=ABC|54=2|38=100|40=2|44=10");
        HEAR(&r, b, "8", "150=0");
        HEAR(&r, a, "8", cases[i].filled);
        HEAR(&r, b, "8", "150=F");
        let_go(&r, &k);
        HEAR(&r, a, "9", cases[i].version == RL_FIX_40 ? "102=0|11=y" : "102=0|39=2|11=y|41=x");
        HEAR_NOTHING(&r);
        rig_close(&r);
    }
}

static void requests_in_a_row_are_done_in_a_row(void)
{
    struct keeper k = {0};
    struct rig r;
    uint32_t a;

    rig_open(&r);
    a = join_pending(&r, RL_FIX_44);
    rl_venue_hook(&r.venue, &(struct rl_venue_hook){.request = keep, .context = &k});
    k.is_on = true;
    rig_ask(&r, a, "D|11=x|" GOOD);
    HEAR(&r, a, "8", "150=A|39=A|11=x|151=100");
    rig_ask(&r, a, "G|11=y|41=x|55=ABC|54=1|38=80|40=2|44=10");
    HEAR(&r, a, "8", "150=E|39=E|11=y|41=x");
    rig_ask(&r, a, "G|11=z|41=y|55=ABC|54=1|38=90|40=2|44=11");
    HEAR(&r, a, "8", "150=E|39=E|11=z|41=x");
    rig_ask(&r, a, "F|11=c|41=z|55=ABC|54=1");
    HEAR(&r, a, "8", "150=6|39=6|11=c|41=x");
    let_go(&r, &k);
    HEAR(&r, a, "8", "150=0|39=6|11=x");
    HEAR(&r, a, "8", "150=5|39=6|11=y|41=x|38=80");
    HEAR(&r, a, "8", "150=5|39=6|11=z|41=y|38=90|44=11");
    HEAR(&r, a, "8", "150=4|39=4|11=c|41=z|151=0");
    HEAR_NOTHING(&r);
    rig_close(&r);
}

static void requests_that_overtake_an_end_are_refused_one_by_one(void)
{
    struct keeper k = {0};
    struct rig r;
    uint32_t a;

    rig_open(&r);
    a = rig_join(&r, RL_FIX_44);
    rl_venue_hook(&r.venue, &(struct rl_venue_hook){.request = keep, .context = &k});
    rig_ask(&r, a, "D|11=x|" GOOD);
    HEAR(&r, a, "8", "150=0");
    k.is_on = true;
    rig_ask(&r, a, "F|11=1|41=x|55=ABC|54=1");
    rig_ask(&r, a, "F|11=2|41=x|55=ABC|54=1");
    rig_ask(&r, a, "G|11=3|41=x|" GOOD);
    HEAR_NOTHING(&r);
    let_go(&r, &k);
    HEAR(&r, a, "8", "150=4|11=1|41=x");
    HEAR(&r, a, "9", "102=0|39=4|11=2|41=x|434=1");
    HEAR(&r, a, "9", "102=0|39=4|11=3|41=x|434=2");
    HEAR_NOTHING(&r);
    rig_close(&r);
}

static void a_fill_told_twice_has_the_same_id_and_counts_once(void)
{
    struct rl_mischief_config config = {
        .seed = 1, .duplicate_fill_chance = 1000000, .n_waiting = 64};
    struct rl_mischief m;
    struct rl_arena arena;
    struct rig r;
    uint32_t a, b;

    open_mischief(&r, &m, &arena, &config);
    a = rig_join(&r, RL_FIX_44);
    b = rig_join(&r, RL_FIX_44);
    rig_ask(&r, a, "D|11=x|" GOOD);
    rig_ask(&r, b, "D|11=s|55=ABC|54=2|38=40|40=2|44=10");
    rl_venue_turn(&r.venue, ++r.now_ns);
    CHECK_EQ(r.n_heard, 6);
    for (int i = 4; i < 6; i++) { /* the same report again */
        int first = r.heard[i].handle == r.heard[2].handle ? 2 : 3;

        CHECK(strcmp(r.heard[i].body, r.heard[first].body) == 0);
    }
    CHECK_EQ(r.gateway.n.events_again, 2);
    CHECK_EQ(r.gateway.n.executions, 2);
    r.n_read = r.n_heard;
    rig_ask(&r, a, "H|11=x|55=ABC|54=1");
    HEAR(&r, a, "8", "14=40|6=10|151=60|39=1");
    rig_close(&r);
    rl_arena_close(&arena);
}

static void a_fill_told_after_the_cancel_is_not_lost(void)
{
    struct rl_mischief_config config = {
        .seed = 1, .late_fill_chance = 1000000, .late_fill_ns = 1000000, .n_waiting = 64};
    struct rl_mischief m;
    struct rl_arena arena;
    struct rig r;
    uint32_t a, b;

    open_mischief(&r, &m, &arena, &config);
    a = rig_join(&r, RL_FIX_44);
    b = rig_join(&r, RL_FIX_44);
    rig_ask(&r, a, "D|11=x|" GOOD);
    HEAR(&r, a, "8", "150=0");
    rig_ask(&r, b, "D|11=s|55=ABC|54=2|38=40|40=2|44=10");
    HEAR(&r, b, "8", "150=0");
    rig_ask(&r, a, "F|11=c|41=x|55=ABC|54=1");
    HEAR(&r, a, "8", "150=4|39=4|14=40|151=0");
    HEAR_NOTHING(&r);
    rl_venue_turn(&r.venue, r.now_ns += 2000000);
    HEAR(&r, a, "8", "150=F|39=4|32=40|14=40|151=0|6=10|11=x");
    HEAR(&r, b, "8", "150=F|39=2|14=40");
    HEAR_NOTHING(&r);
    rig_close(&r);
    rl_arena_close(&arena);
}

static void rejects_that_a_hook_makes_up_are_told(void)
{
    struct rl_mischief_config config = {
        .seed = 1, .reject_burst_chance = 1000000, .reject_burst = 2, .n_waiting = 64};
    struct rl_mischief m;
    struct rl_arena arena;
    struct rig r;
    uint32_t a;

    open_mischief(&r, &m, &arena, &config);
    a = rig_join(&r, RL_FIX_44);
    rig_ask(&r, a, "D|11=x|" GOOD);
    HEAR(&r, a, "8", "150=8|39=8|103=0|58=the venue's decision|37=1");
    rig_ask(&r, a, "D|11=y|" GOOD);
    HEAR(&r, a, "8", "150=8");
    CHECK(rig_uint(&r.heard[0], 17) != rig_uint(&r.heard[1], 17));
    rig_ask(&r, a, "H|11=x|55=ABC|54=1");
    HEAR(&r, a, "8", "150=I|39=8|37=1");
    rig_close(&r);
    rl_arena_close(&arena);
}

int main(void)
{
    the_state_of_an_order_is_told_as_each_version_does();
    former_ids_name_their_order_and_unknown_ones_none();
    the_state_of_an_order_that_ended_is_known_for_long();
    all_live_orders_of_a_session_are_told_when_it_asks();
    a_mass_cancel_ends_each_order_and_then_says_how_many();
    a_mass_cancel_that_cannot_be_is_refused_and_cancels_nothing();
    a_trade_that_is_taken_back_is_named_to_both();
    fills_while_a_replacement_is_pending_are_of_the_order_as_it_was();
    who_asks_is_told_what_waits_even_when_he_hears_of_it_by_nothing_else();
    an_order_that_is_filled_before_its_cancel_is_too_late_to_cancel();
    requests_in_a_row_are_done_in_a_row();
    requests_that_overtake_an_end_are_refused_one_by_one();
    a_fill_told_twice_has_the_same_id_and_counts_once();
    a_fill_told_after_the_cancel_is_not_lost();
    rejects_that_a_hook_makes_up_are_told();
    return 0;
}
