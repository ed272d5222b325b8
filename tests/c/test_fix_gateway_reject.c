/* What the FIX gateway does not do, and says so: refusals, rejects, and nothing changed. */
#include "fix_gateway_rig.h"

#include "session/fix_session.h"

#define GOOD "55=ABC|54=1|38=100|40=2|44=10"

/* Nothing that is refused or rejected leaves a trace. */
static uint64_t hash_of(const struct rig *r)
{
    return rl_match_hash(r->venue.match) ^ r->venue.n.requests << 32 ^ r->gateway.table.n_live;
}

/* --- refused: the session's to answer --------------------------------------------------------- */

static void what_cannot_be_answered_by_a_report_is_refused(void)
{
    static const struct {
        const char *text;
        uint32_t reason, tag;
    } cases[] = {
        {"D|55=ABC|54=1|38=100|40=2|44=10", RL_FIX_REFUSE_MISSING, 11},
        {"D|11=1|54=1|38=100|40=2|44=10", RL_FIX_REFUSE_MISSING, 55},
        {"D|11=1|55=ABC|38=100|40=2|44=10", RL_FIX_REFUSE_MISSING, 54},
        {"D|11=1|55=ABC|54=1|38=100|44=10", RL_FIX_REFUSE_MISSING, 40},
        {"D|11=1|55=ABC|54=11|38=100|40=2|44=10", RL_FIX_REFUSE_FIELD + RL_FIX_BAD_FORMAT, 54},
        {"D|11=1|55=ABC|54=!|38=100|40=2|44=10", RL_FIX_REFUSE_FIELD + RL_FIX_WRONG_VALUE, 54},
        {"D|11=1|55=ABC|54=1|38=100|40=LIMIT|44=10", RL_FIX_REFUSE_FIELD + RL_FIX_BAD_FORMAT, 40},
        {"D|11=1|11=2|" GOOD, RL_FIX_REFUSE_FIELD + RL_FIX_TAG_TWICE, 11},
        {"D|11=1|" GOOD "|8000=N|8000=N", RL_FIX_REFUSE_FIELD + RL_FIX_TAG_TWICE, 8000},
        {"F|41=1|55=ABC|54=1", RL_FIX_REFUSE_MISSING, 11},
        {"F|11=1|55=ABC|54=1", RL_FIX_REFUSE_MISSING, 41},
        {"G|11=1|" GOOD, RL_FIX_REFUSE_MISSING, 41},
        {"H|55=ABC|54=1", RL_FIX_REFUSE_MISSING, 11},
        {"H|11=1|55=ABC", RL_FIX_REFUSE_MISSING, 54},
        {"H|11=1|54=1", RL_FIX_REFUSE_MISSING, 55},
        {"q|530=7", RL_FIX_REFUSE_MISSING, 11},
        {"q|11=1", RL_FIX_REFUSE_MISSING, 530},
        {"AF|585=7", RL_FIX_REFUSE_MISSING, 584},
        {"AF|584=1", RL_FIX_REFUSE_MISSING, 585},
    };
    struct rig r;
    uint32_t h;

    rig_open(&r);
    h = rig_join(&r, RL_FIX_42);
    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        uint64_t before = hash_of(&r);

        CHECK_EQ(rig_say(&r, h, cases[i].text), RL_FIX_GATEWAY_REFUSED);
        CHECK_EQ(r.why.reason, cases[i].reason);
        CHECK_EQ(r.why.tag, cases[i].tag);
        CHECK_EQ(r.gateway.n.refused, i + 1);
        CHECK(hash_of(&r) == before);
        HEAR_NOTHING(&r);
    }
    CHECK_EQ(rig_say(&r, h, "D|11=1|" GOOD), RL_FIX_GATEWAY_TAKEN);
    rig_close(&r);
}

static void an_id_of_65_characters_is_refused(void)
{
    struct rig r;
    uint32_t h;
    char text[256];

    rig_open(&r);
    h = rig_join(&r, RL_FIX_44);
    snprintf(text, sizeof text, "D|11=%065d|" GOOD, 7);
    CHECK_EQ(rig_say(&r, h, text), RL_FIX_GATEWAY_REFUSED);
    CHECK_EQ(r.why.tag, 11);
    snprintf(text, sizeof text, "F|11=1|41=%065d|54=1", 7);
    CHECK_EQ(rig_say(&r, h, text), RL_FIX_GATEWAY_REFUSED);
    CHECK_EQ(r.why.tag, 41);
    snprintf(text, sizeof text, "D|11=%064d|" GOOD, 7);
    CHECK_EQ(rig_say(&r, h, text), RL_FIX_GATEWAY_TAKEN);
    rig_close(&r);
}

static void other_messages_are_somebody_elses(void)
{
    static const char *const types[] = {"R|131=1", "V|262=1", "8|37=1", "E|66=1", "AE|571=1"};
    struct rig r;
    uint32_t h;

    rig_open(&r);
    h = rig_join(&r, RL_FIX_44);
    for (uint32_t i = 0; i < RL_COUNT(types); i++)
        CHECK_EQ(rig_say(&r, h, types[i]), RL_FIX_GATEWAY_NOT_MINE);
    CHECK_EQ(rig_say(&r, 99, "D|11=1|" GOOD), RL_FIX_GATEWAY_NOT_MINE); /* no such session */
    CHECK_EQ(r.gateway.n.messages, 0);
    HEAR_NOTHING(&r);
    rig_close(&r);
}

/* --- rejects ---------------------------------------------------------------------------------- */

static void an_order_that_cannot_be_is_rejected_with_the_reason(void)
{
    static const struct {
        const char *fields, *wanted;
    } cases[] = {
        {"55=NONE|54=1|38=100|40=2|44=10", "103=1|58=unknown symbol|55=NONE"},
        {"55=SEVENTEENLETTERSA|54=1|38=1|40=2|44=1", "103=1|55=SEVENTEENLETTERSA"},
        {"55=ABC|54=1|40=2|44=10", "103=13|58=no OrderQty|38=0"},
        {"55=ABC|54=1|38=0|40=2|44=10", "103=13|38=0"},
        {"55=ABC|54=1|38=-5|40=2|44=10", "103=13"},
        {"55=ABC|54=1|38=1.5|40=2|44=10", "103=13"},
        {"55=ABC|54=1|38=1e3|40=2|44=10", "103=13"},
        {"55=ABC|54=1|38=18446744073709551616|40=2|44=10", "103=13"},
        {"55=ABC|54=1|38=9223372036854775807|40=2|44=10", "103=13"},
        {"55=ABC|54=1|38=99999999999999999999999999999999|40=2|44=10", "103=13"},
        {"55=ABC|54=1|38=1000000000000001|40=2|44=10", "103=13"},
        {"55=ABC|54=1|38=100|40=2", "103=99|58=no Price"},
        {"55=ABC|54=1|38=100|40=2|44=0", "103=99|-44"},
        {"55=ABC|54=1|38=100|40=2|44=-10", "103=99"},
        {"55=ABC|54=1|38=100|40=2|44=10.0000000001", "103=99"},
        {"55=ABC|54=1|38=100|40=2|44=99999999999", "103=99"},
        {"55=ABC|54=1|38=100|40=2|44=1,5", "103=99"},
        {"55=ABC|54=1|38=100|40=2|44=ten", "103=99"},
        {"55=ABC|54=1|38=100|40=2|44=10.0005",
         "103=99|58=price is not a multiple of the tick, or none"},
        {"55=ABC|54=3|38=100|40=2|44=10", "103=11|54=3|58=Side is not served here"},
        {"55=ABC|54=1|38=100|40=5", "103=11|-40"},
        {"55=ABC|54=1|38=100|40=P|18=R", "103=11"},
        {"55=ABC|54=1|38=100|40=P", "103=11"},
        {"55=ABC|54=1|38=100|40=3", "103=99|58=no StopPx"},
        {"55=ABC|54=1|38=100|40=4|44=10", "103=99|58=no StopPx"},
        {"55=ABC|54=1|38=100|40=4|99=10", "103=99|58=no Price"},
        {"55=ABC|54=1|38=100|40=3|99=-1", "103=99"},
        {"55=ABC|54=1|38=100|40=2|44=10|59=7", "103=11|-59"},
        {"55=ABC|54=1|38=100|40=2|44=10|59=6", "103=99|59=6"},
        {"55=ABC|54=1|38=100|40=2|44=10|59=6|126=tomorrow", "103=99"},
        {"55=ABC|54=1|38=100|40=2|44=10|59=6|432=20261301", "103=99"},
        {"55=ABC|54=1|38=100|40=2|44=10|59=6|126=20260921-14:13:00", "58=date reached"},
        {"55=ABC|54=1|38=100|40=2|44=10|18=M", "103=11|58=ExecInst is not served here"},
        {"55=ABC|54=1|38=100|40=2|44=10|18=66", "103=11"},
        {"55=ABC|54=1|38=100|40=2|44=10|18=6 ", "103=11"},
        {"55=ABC|54=1|38=100|40=2|44=10|18= 6", "103=11"},
        {"55=ABC|54=1|38=100|40=2|44=10|18=a", "103=11"},
        {"55=ABC|54=1|38=100|40=2|44=10|111=0", "103=13"},
        {"55=ABC|54=1|38=100|40=2|44=10|111=-1", "103=13"},
        {"55=ABC|54=1|38=100|40=2|44=10|110=101", "103=13"},
        {"55=ABC|54=1|38=100|40=2|44=10|110=x", "103=13"},
        {"55=ABC|54=1|38=100|40=2|44=10|8000=X", "103=11"},
        {"55=ABC|54=1|38=100|40=P|18=a|99=11", "103=99|58=PegOffsetValue is no distance"},
        {"55=ABC|54=1|38=100|40=P|18=a|99=11|211=0", "103=99"},
        {"55=ABC|54=1|38=100|40=P|18=a|99=11|211=1|836=2", "103=11"},
        {"55=ABC|54=1|38=100|40=P|18=a|99=11|211=1.5|836=1", "103=99"},
        {"55=ABC|54=1|38=100|40=P|18=a|99=11|211=10001|836=1", "103=99"},
        {"55=ABC|54=1|38=100|40=1|18=6", "103=11|58=these conditions cannot be combined"},
    };
    struct rig r;
    uint32_t h;

    rig_open(&r);
    h = rig_join(&r, RL_FIX_44);
    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        uint32_t n_live = r.gateway.table.n_live;
        char text[256];

        snprintf(text, sizeof text, "D|11=%u|%s", i, cases[i].fields);
        rig_ask(&r, h, text);
        HEAR(&r, h, "8", cases[i].wanted);
        r.n_read--;
        snprintf(text, sizeof text, "11=%u|150=8|39=8|14=0|6=0|151=0", i);
        HEAR(&r, h, "8", text);
        HEAR_NOTHING(&r);
        CHECK_EQ(r.gateway.table.n_live, n_live);
        CHECK_EQ(rl_match_books(r.venue.match)->n_orders, 0);
        CHECK_EQ(r.gateway.n.rejected, i + 1);
    }
    rig_close(&r);
}

static void what_looks_odd_but_is_right_is_taken(void)
{
    static const char *const cases[] = {
        "55=ABC|54=1|38=100.0|40=2|44=10",
        "55=ABC|54=1|38=00000000100|40=2|44=010.000",
        "55=ABC|54=1|38=100.|40=2|44=.5",
        "55=ABC|54=1|38=1000000000000000|40=2|44=10",
        "55=ABC |54=6|38=1|40=2|44=9223372.03",
        "55=ABC|54=1|38=100|40=2|44=10.0000000000000000000",
        "55=ABC|54=1|38=100|40=2|44=10|111=100",
        "55=ABC|54=1|38=100|40=2|44=10|110=0|18=1 2 5",
        "55=ABC|54=1|38=100|40=2|44=10|9999=x=y=z|58=55=XYZ|5001=44=3",
    };
    struct rig r;
    uint32_t h;

    rig_open(&r);
    h = rig_join(&r, RL_FIX_44);
    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        char text[256];

        snprintf(text, sizeof text, "D|11=%u|%s", i, cases[i]);
        rig_ask(&r, h, text);
        HEAR(&r, h, "8", "150=0|55=ABC");
    }
    rig_close(&r);
}

static void a_symbol_of_10000_characters_is_rejected_and_cut(void)
{
    static char text[10100], symbol[10001], wanted[100];
    struct rig r;
    uint32_t h;

    memset(symbol, 'S', 10000);
    snprintf(text, sizeof text, "D|11=1|55=%s|54=1|38=1|40=2|44=1", symbol);
    snprintf(wanted, sizeof wanted, "103=1|55=%.64s", symbol);
    rig_open(&r);
    h = rig_join(&r, RL_FIX_44);
    rig_ask(&r, h, text);
    HEAR(&r, h, "8", wanted);
    snprintf(text, sizeof text, "H|11=%.64s|55=%s|54=1|790=%s", symbol, "ABC", symbol);
    rig_ask(&r, h, text);
    HEAR(&r, h, "8", "150=I|39=8");
    rig_close(&r);
}

static void every_version_has_its_own_numbers_for_the_reasons(void)
{
    static const struct {
        enum rl_fix_version version;
        const char *symbol, *qty, *kind, *px, *tick;
    } cases[] = {
        {RL_FIX_40, "103=1", "103=0", "103=0", "103=0", "103=0"},
        {RL_FIX_41, "103=1", "103=0", "103=0", "103=0", "103=0"},
        {RL_FIX_42, "103=1", "103=0", "103=0", "103=0", "103=0"},
        {RL_FIX_43, "103=1", "103=0", "103=11", "103=0", "103=0"},
        {RL_FIX_44, "103=1", "103=13", "103=11", "103=99", "103=99"},
        {RL_FIX_50, "103=1", "103=13", "103=11", "103=99", "103=18"},
        {RL_FIX_50SP2, "103=1", "103=13", "103=11", "103=99", "103=18"},
    };

    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        struct rig r;
        uint32_t h;

        rig_open(&r);
        h = rig_join(&r, cases[i].version);
        rig_ask(&r, h, "D|11=1|55=NO|54=1|38=1|40=2|44=1");
        HEAR(&r, h, "8", cases[i].symbol);
        rig_ask(&r, h, "D|11=2|55=ABC|54=1|38=x|40=2|44=1");
        HEAR(&r, h, "8", cases[i].qty);
        rig_ask(&r, h, "D|11=3|55=ABC|54=1|38=1|40=7|44=1");
        HEAR(&r, h, "8", cases[i].kind);
        rig_ask(&r, h, "D|11=4|55=ABC|54=1|38=1|40=2|44=-1");
        HEAR(&r, h, "8", cases[i].px);
        rig_ask(&r, h, "D|11=5|55=ABC|54=1|38=1|40=2|44=1.00001");
        HEAR(&r, h, "8", cases[i].tick);
        rig_close(&r);
    }
}

static void halted_and_closed_instruments_reject_as_closed(void)
{
    static const uint8_t phases[] = {RL_MATCH_HALTED, RL_MATCH_CLOSED};
    static const char *const texts[] = {"58=the instrument is halted",
                                        "58=the instrument is closed"};

    for (uint32_t i = 0; i < 2; i++) {
        struct rig r;
        uint32_t h;

        rig_open(&r);
        h = rig_join(&r, RL_FIX_44);
        rig_ask(&r, h, "D|11=1|" GOOD);
        HEAR(&r, h, "8", "150=0");
        rl_venue_decide(
            &r.venue,
            &(struct rl_match_request){.op = RL_MATCH_PHASE, .instrument = 0, .phase = phases[i]},
            r.now_ns);
        rig_ask(&r, h, "D|11=2|" GOOD);
        HEAR(&r, h, "8", "150=8|103=2");
        r.n_read--;
        HEAR(&r, h, "8", texts[i]);
        rig_ask(&r, h, "G|11=3|41=1|" GOOD "|111=3");
        HEAR(&r, h, "9", "102=2|434=2|39=0");
        rig_ask(&r, h, "F|11=4|41=1|55=ABC|54=1");
        HEAR(&r, h, "8", "150=4");
        rig_close(&r);
    }
}

/* --- duplicates ------------------------------------------------------------------------------- */

static void a_second_order_with_an_id_is_rejected_with_the_state_of_the_first(void)
{
    static const struct {
        enum rl_fix_version version;
        const char *wanted;
    } cases[] = {{RL_FIX_40, "39=8|103=0|38=100|37=1"},
                 {RL_FIX_41, "150=8|39=0|103=6|38=100|151=100|37=1"},
                 {RL_FIX_44, "150=8|39=0|103=6|38=100|151=100|37=1|54=1"}};

    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        struct rig r;
        uint32_t h;

        rig_open(&r);
        h = rig_join(&r, cases[i].version);
        rig_ask(&r, h, "D|11=1|" GOOD);
        HEAR(&r, h, "8", "39=0");
        rig_ask(&r, h, "D|11=1|55=ABC|54=2|38=7|40=2|44=11");
        HEAR(&r, h, "8", cases[i].wanted);
        CHECK_EQ(rl_match_books(r.venue.match)->n_orders, 1);
        CHECK_EQ(r.gateway.n.duplicates, 1);
        rig_close(&r);
    }
}

static void an_order_that_may_be_a_repetition_is_answered_with_its_state(void)
{
    struct rig r;
    uint32_t h;

    rig_open(&r);
    h = rig_join(&r, RL_FIX_44);
    rig_ask(&r, h, "D|97=Y|11=1|" GOOD); /* never seen: an order as any */
    HEAR(&r, h, "8", "150=0");
    rig_ask(&r, h, "D|97=Y|11=1|" GOOD);
    HEAR(&r, h, "8", "150=I|39=0|17=0|-103|151=100");
    rig_ask(&r, h, "F|11=2|41=1|55=ABC|54=1");
    HEAR(&r, h, "8", "150=4");
    rig_ask(&r, h, "F|97=Y|11=2|41=1|55=ABC|54=1");
    HEAR(&r, h, "8", "150=I|39=4|151=0");
    rig_ask(&r, h, "F|11=2|41=1|55=ABC|54=1");
    HEAR(&r, h, "9", "102=6|39=4");
    HEAR_NOTHING(&r);
    rig_close(&r);
}

static void ids_of_requests_and_of_former_orders_are_taken_too(void)
{
    struct rig r;
    uint32_t h;

    rig_open(&r);
    h = rig_join(&r, RL_FIX_44);
    rig_ask(&r, h, "D|11=1|" GOOD);
    rig_ask(&r, h, "G|11=2|41=1|" GOOD "|111=10");
    rig_ask(&r, h, "F|11=3|41=2|55=ABC|54=1");
    r.n_read = r.n_heard;
    rig_ask(&r, h, "D|11=1|" GOOD);
    HEAR(&r, h, "8", "150=8|103=6|39=4");
    rig_ask(&r, h, "D|11=2|" GOOD);
    HEAR(&r, h, "8", "150=8|103=6|39=4");
    rig_ask(&r, h, "D|11=3|" GOOD);
    HEAR(&r, h, "8", "150=8|103=6");
    rl_fix_gateway_forget(&r.gateway, h); /* a new day */
    for (int i = 1; i <= 3; i++) {
        char text[128];

        snprintf(text, sizeof text, "D|11=%d|" GOOD, i);
        rig_ask(&r, h, text);
        HEAR(&r, h, "8", "150=0");
    }
    rl_fix_gateway_forget(&r.gateway, h); /* live orders keep theirs */
    rig_ask(&r, h, "D|11=2|" GOOD);
    HEAR(&r, h, "8", "150=8|103=6");
    HEAR_NOTHING(&r);
    rig_close(&r);
}

static void an_id_of_a_rejected_order_may_be_used_again(void)
{
    struct rig r;
    uint32_t h;

    rig_open(&r);
    h = rig_join(&r, RL_FIX_44);
    rig_ask(&r, h, "D|11=1|55=ABC|54=1|38=0|40=2|44=10");
    HEAR(&r, h, "8", "150=8");
    rig_ask(&r, h, "D|11=1|" GOOD);
    HEAR(&r, h, "8", "150=0");
    rig_close(&r);
}

/* --- cancel rejects --------------------------------------------------------------------------- */

static void cancels_and_replaces_that_cannot_be_are_refused_with_the_reason(void)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"F|11=c1|41=none|55=ABC|54=1", "102=1|39=8|37=NONE|41=none|434=1"},
        {"G|11=c2|41=none|" GOOD, "102=1|39=8|37=NONE|434=2"},
        {"F|11=c3|41=live|55=SIXTEENLETTERSAB|54=1", "102=99|39=0|37=1"},
        {"F|11=c4|41=live|55=ABC|54=2", "102=99|39=0"},
        {"F|11=c5|41=live|55=ABC|54=1|37=77", "102=1|39=8|37=NONE"},
        {"F|11=live|41=live|55=ABC|54=1", "102=6|39=0|37=1"},
        {"F|11=c6|41=done|55=ABC|54=1", "102=0|39=4"},
        {"G|11=c7|41=done|" GOOD, "102=0|39=4"},
        {"F|11=c8|41=cxl|55=ABC|54=1", "102=1|39=8"},
        {"G|11=c9|41=live|55=ABC|54=1|38=0|40=2|44=10", "102=99|434=2|39=0"},
        {"G|11=c10|41=live|55=ABC|54=1|38=100|40=2|44=-1", "102=99"},
        {"G|11=c11|41=live|55=ABC|54=1|38=100|40=2", "102=99|58=no Price"},
        {"G|11=c12|41=live|55=ABC|54=1|40=2|44=10", "102=99|58=no OrderQty"},
        {"G|11=c13|41=live|55=ABC|54=1|38=100|40=3|99=10|44=10",
         "102=99|58=OrdType cannot be changed"},
        {"G|11=c14|41=live|55=ABC|54=1|38=100|40=2|44=10|59=1",
         "102=99|58=TimeInForce cannot be changed"},
        {"G|11=c15|41=live|55=ABC|54=1|38=100|40=2|44=10.00001", "102=99"},
        {"F|11=c16|41=old|55=ABC|54=1", "102=1|39=0|58=OrigClOrdID has been replaced by another"},
    };
    struct rig r;
    uint32_t h;

    rig_open(&r);
    h = rig_join(&r, RL_FIX_44);
    rig_ask(&r, h, "D|11=old|" GOOD);
    rig_ask(&r, h, "G|11=live|41=old|" GOOD "|59=0");
    rig_ask(&r, h, "D|11=done|" GOOD);
    rig_ask(&r, h, "F|11=cxl|41=done|55=ABC|54=1");
    r.n_read = r.n_heard;
    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        uint64_t before = rl_match_books(r.venue.match)->n_orders;

        rig_ask(&r, h, cases[i].text);
        HEAR(&r, h, "9", cases[i].wanted);
        HEAR_NOTHING(&r);
        CHECK_EQ(rl_match_books(r.venue.match)->n_orders, before);
    }
    CHECK_EQ(r.gateway.n.cancel_rejects, RL_COUNT(cases));
    rig_ask(&r, h, "F|11=c18|41=live|55=ABC|54=1|37=1");
    HEAR(&r, h, "8", "150=4|41=live");
    rig_close(&r);
}

static void cancel_rejects_have_what_their_version_has(void)
{
    static const struct {
        enum rl_fix_version version;
        const char *unknown, *side;
    } cases[] = {
        {RL_FIX_40, "102=1|37=NONE|-39|-41|-434|-60", "-102|37=1"},
        {RL_FIX_41, "102=1|37=NONE|39=8|41=x|-434|-60", "-102|39=0"},
        {RL_FIX_42, "102=1|39=8|41=x|434=1|60=20260921-14:13:20.000", "102=2|434=1"},
        {RL_FIX_43, "102=1|39=8|41=x|434=1", "102=2|434=1"},
        {RL_FIX_44, "102=1|39=8|41=x|434=1", "102=99|434=1"},
        {RL_FIX_50SP2, "102=1|39=8|41=x|434=1|60=20260921-14:13:20.000000", "102=99"},
    };

    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        struct rig r;
        uint32_t h;

        rig_open(&r);
        h = rig_join(&r, cases[i].version);
        rig_ask(&r, h, "D|11=1|" GOOD);
        HEAR(&r, h, "8", "39=0");
        rig_ask(&r, h, "F|11=2|41=x|55=ABC|54=1");
        HEAR(&r, h, "9", cases[i].unknown);
        rig_ask(&r, h, "F|11=3|41=1|55=ABC|54=2");
        HEAR(&r, h, "9", cases[i].side);
        rig_close(&r);
    }
}

/* --- limits ----------------------------------------------------------------------------------- */

static void a_session_above_its_rate_is_rejected_and_may_still_cancel(void)
{
    struct rig r;
    int handle;
    uint32_t h;

    rig_open(&r);
    handle = rl_fix_gateway_join(
        &r.gateway,
        &(struct rl_fix_gateway_session_config){.version = RL_FIX_44, .rate_per_s = 1, .burst = 2});
    CHECK(handle >= 0);
    h = (uint32_t)handle;
    rig_ask(&r, h, "D|11=1|" GOOD);
    HEAR(&r, h, "8", "150=0");
    rig_ask(&r, h, "D|11=2|" GOOD);
    HEAR(&r, h, "8", "150=0");
    rig_ask(&r, h, "D|11=3|" GOOD);
    HEAR(&r, h, "8", "150=8|103=99|58=more requests than the session may send");
    rig_ask(&r, h, "G|11=4|41=1|" GOOD);
    HEAR(&r, h, "9", "102=99|58=more requests than the session may send|39=0");
    rig_ask(&r, h, "F|11=5|41=1|55=ABC|54=1");
    HEAR(&r, h, "8", "150=4");
    r.now_ns += 1000000000;
    rig_ask(&r, h, "D|11=3|" GOOD); /* which was no order */
    HEAR(&r, h, "8", "150=0");
    rig_close(&r);
}

static void a_full_table_rejects_and_has_room_again_when_orders_end(void)
{
    struct rig r;
    uint32_t h;
    char text[128];

    rig_open(&r);
    h = rig_join(&r, RL_FIX_44);
    for (int i = 0; i < 64; i++) {
        snprintf(text, sizeof text, "D|11=%d|" GOOD, i);
        rig_ask(&r, h, text);
        HEAR(&r, h, "8", "150=0");
    }
    rig_ask(&r, h, "D|11=more|" GOOD);
    HEAR(&r, h, "8", "150=8|103=99|58=no room for another order");
    CHECK_EQ(r.gateway.n.full, 1);
    rig_ask(&r, h, "F|11=c|41=7|55=ABC|54=1");
    HEAR(&r, h, "8", "150=4");
    rig_ask(&r, h, "D|11=more|" GOOD);
    HEAR(&r, h, "8", "150=0");
    rig_ask(&r, h, "H|11=7|55=ABC|54=1"); /* given up for it */
    HEAR(&r, h, "8", "150=I|39=8|103=5");
    rig_close(&r);
}

static void replacing_for_ever_needs_no_more_room(void)
{
    struct rig r;
    uint32_t h;
    char text[128];

    rig_open(&r);
    h = rig_join(&r, RL_FIX_44);
    rig_ask(&r, h, "D|11=0|" GOOD);
    for (int i = 1; i < 5000; i++) {
        snprintf(text, sizeof text, "G|11=%d|41=%d|55=ABC|54=1|38=%d|40=2|44=10", i, i - 1,
                 100 + i % 7);
        rig_ask(&r, h, text);
        r.n_read = r.n_heard - 1;
        HEAR(&r, h, "8", "150=5|39=0|37=1");
    }
    CHECK_EQ(r.gateway.n.full, 0);
    rig_ask(&r, h, "D|11=4999|" GOOD);
    HEAR(&r, h, "8", "150=8|103=6");
    rig_ask(&r, h, "D|11=3|" GOOD); /* long forgotten */
    HEAR(&r, h, "8", "150=0");
    rig_close(&r);
}

/* Any fields with any values, in any message: answered or refused, and nothing breaks. */
static void random_fields_do_no_harm(uint64_t seed)
{
    static const char *const types[] = {"D", "D", "D", "F", "G", "G", "H", "q", "AF"};
    static const unsigned tags[] = {1,   11,  18,  37,  38,  40,   41,   44,  54,
                                    55,  59,  97,  99,  110, 111,  126,  211, 432,
                                    530, 584, 585, 790, 836, 1094, 1138, 8000};
    static const char *const values[] = {"1",
                                         "2",
                                         "3",
                                         "4",
                                         "6",
                                         "7",
                                         "P",
                                         "a",
                                         "G",
                                         "8",
                                         "0",
                                         "Y",
                                         "N",
                                         "O",
                                         "B",
                                         "D",
                                         "ABC",
                                         "XYZ",
                                         "SIXTEENLETTERSAB",
                                         "10",
                                         "10.5",
                                         "-1",
                                         "100",
                                         "99999999999999999999",
                                         "1.0000000001",
                                         "20260921-14:20:00",
                                         "20260922",
                                         "a b",
                                         "6 G",
                                         "=",
                                         "9223372036854775807",
                                         "1000000000000000",
                                         "0.001",
                                         "id1",
                                         "id2",
                                         "id3",
                                         "id4",
                                         "id5",
                                         "id6",
                                         "id7",
                                         "id8"};
    struct rig r;
    const char *what = NULL;

    rig_open(&r);
    for (int i = 0; i < 4; i++)
        rig_join(&r, (enum rl_fix_version)(i * 2));
    for (int i = 0; i < 20000; i++) {
        uint32_t h = (uint32_t)(check_random(&seed) % 4), n = 1;
        char text[512] = "";

        strcat(text, types[check_random(&seed) % RL_COUNT(types)]);
        for (uint32_t k = 0; k < RL_COUNT(tags); k++) {
            bool is_likely = tags[k] == 11 || tags[k] == 54 || tags[k] == 55 || tags[k] == 40 ||
                             tags[k] == 38 || tags[k] == 44 || tags[k] == 41;
            const char *value = values[check_random(&seed) % RL_COUNT(values)];

            if (check_random(&seed) % 10 >= (is_likely ? 9u : 1u))
                continue;
            if (check_random(&seed) % 3 && is_likely) /* one that makes sense */
                value = tags[k] == 54   ? (check_random(&seed) % 2 ? "1" : "2")
                        : tags[k] == 55 ? "ABC"
                        : tags[k] == 40 ? "2"
                        : tags[k] == 38 ? "100"
                        : tags[k] == 44 ? "10"
                                        : value;
            snprintf(text + strlen(text), 64, "|%u=%s", tags[k], value);
            n++;
        }
        if (n == 1)
            continue;
        CHECK(rig_say(&r, h, text) != RL_FIX_GATEWAY_NOT_MINE);
        r.n_heard = r.n_read = 0;
        if (i % 200 == 0 && rl_fix_gateway_check(&r.gateway, &what)) {
            fprintf(stderr, "broken: %s\n", what);
            exit(1);
        }
    }
    CHECK(r.gateway.n.orders > 50 && r.gateway.n.refused > 50 && r.gateway.n.rejected > 50 &&
          r.gateway.n.cancel_rejects > 50 && r.gateway.n.replaces > 5);
    rig_close(&r);
}

int main(void)
{
    what_cannot_be_answered_by_a_report_is_refused();
    an_id_of_65_characters_is_refused();
    other_messages_are_somebody_elses();
    an_order_that_cannot_be_is_rejected_with_the_reason();
    what_looks_odd_but_is_right_is_taken();
    a_symbol_of_10000_characters_is_rejected_and_cut();
    every_version_has_its_own_numbers_for_the_reasons();
    halted_and_closed_instruments_reject_as_closed();
    a_second_order_with_an_id_is_rejected_with_the_state_of_the_first();
    an_order_that_may_be_a_repetition_is_answered_with_its_state();
    ids_of_requests_and_of_former_orders_are_taken_too();
    an_id_of_a_rejected_order_may_be_used_again();
    cancels_and_replaces_that_cannot_be_are_refused_with_the_reason();
    cancel_rejects_have_what_their_version_has();
    a_session_above_its_rate_is_rejected_and_may_still_cancel();
    a_full_table_rejects_and_has_room_again_when_orders_end();
    replacing_for_ever_needs_no_more_room();
    random_fields_do_no_harm(1);
    return 0;
}
