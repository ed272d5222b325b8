/* A FIX session says the hello, the numbers and the goodbye of its version, one event at a time. */
#include "fix_sides.h"

static const char *const versions[] = {"FIX.4.0", "FIX.4.1", "FIX.4.2",
                                       "FIX.4.3", "FIX.4.4", "FIXT.1.1"};

/* --- the hand-shake --------------------------------------------------------------------------- */

static void test_a_logon_is_answered_in_every_version(void)
{
    for (size_t i = 0; i < RL_COUNT(versions); i++) {
        struct rl_fix_session_config c = side_config();
        bool is_t = versions[i][3] == 'T';
        struct side d;

        c.begin_string = versions[i];
        c.appl_ver_id = '9';
        side_open(&d, &c);
        side_event(&d, RL_FIX_EV_CONNECTED);
        SIDE_DID(&d, "");
        side_told(&d, "A", 1, is_t ? "98=0|108=30|1137=9|" : "98=0|108=30|");
        SIDE_DID(&d, is_t ? "35=A|34=1|49=ME|56=YOU|98=0|108=30|1137=9|\nON\n"
                          : "35=A|34=1|49=ME|56=YOU|98=0|108=30|\nON\n");
        side_told(&d, "5", 2, "");
        SIDE_DID(&d, "35=5|34=2|49=ME|56=YOU|\nOFF\nDISCONNECT logged out\n");
        side_close(&d);
    }
}

static void test_an_initiator_says_logon_first(void)
{
    struct rl_fix_session_config c = side_config();
    struct side d;

    c.is_initiator = true;
    c.heartbeat_s = 7;
    c.username = "U";
    c.password = "P";
    side_open(&d, &c);
    side_event(&d, RL_FIX_EV_CONNECTED);
    SIDE_DID(&d, "35=A|34=1|49=ME|56=YOU|98=0|108=7|553=U|554=P|\n");
    side_told(&d, "A", 1, "98=0|108=7|");
    SIDE_DID(&d, "ON\n");
    side_step(&d, &(struct rl_fix_event){.kind = RL_FIX_EV_LOGOUT, .text = "enough"});
    SIDE_DID(&d, "35=5|34=2|49=ME|56=YOU|58=enough|\n");
    side_told(&d, "5", 2, "");
    SIDE_DID(&d, "OFF\nDISCONNECT logged out\n");
    side_close(&d);
}

static void test_what_is_no_good_logon_ends_the_connection_without_a_word(void)
{
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"35=0|34=1|49=YOU|52=20260101-00:00:00|56=ME|", "the first message is no Logon"},
        {"35=4|34=1|49=YOU|52=20260101-00:00:00|56=ME|36=9|", "the first message is no Logon"},
        {"35=A|34=1|49=YOU|52=20250101-00:00:00|56=ME|98=0|108=30|", "a Logon that is no good"},
        {"35=A|34=1|49=YO|52=20260101-00:00:00|56=ME|98=0|108=30|", "a Logon that is no good"},
        {"35=A|34=1|49=YOU|52=20260101-00:00:00|98=0|108=30|", "a Logon that is no good"},
        {"35=A|34=1|49=YOU|52=20260101-00:00:00|56=ME|98=0|", "a Logon that is no good"},
        {"35=A|34=1|49=YOU|52=20260101-00:00:00|56=ME|98=0|108=x|", "a Logon that is no good"},
        {"35=A|34=1|49=YOU|52=20260101-00:00:00|56=|98=0|108=30|", "a Logon that is no good"},
        {"35=A|49=YOU|52=20260101-00:00:00|56=ME|98=0|108=30|", "a Logon that is no good"},
        {"8=FIX.4.4|9=5|35=A|10=000|", "a Logon that is no good"},
    };

    for (size_t i = 0; i < RL_COUNT(bad); i++) {
        struct rl_fix_session_config c = side_config();
        struct side d;
        char wanted[128];

        side_open(&d, &c);
        side_event(&d, RL_FIX_EV_CONNECTED);
        side_told_raw(&d, bad[i].text);
        snprintf(wanted, sizeof wanted, "DISCONNECT %s\n", bad[i].why);
        SIDE_DID(&d, wanted);
        CHECK_EQ(d.store.store.next_out, 1);
        CHECK_EQ(d.s.state, RL_FIX_AWAY);
        side_close(&d);
    }
}

static void test_numbers_start_over_when_both_say_so(void)
{
    struct rl_fix_session_config c = side_config();
    struct side d;

    side_on(&d, &c);
    side_told(&d, "1", 2, "112=a|");
    side_told(&d, "A", 1, "98=0|108=30|141=Y|");
    SIDE_DID(&d, "35=A|34=1|49=ME|56=YOU|98=0|108=30|141=Y|\n");
    side_told(&d, "1", 2, "112=b|");
    SIDE_DID(&d, "35=0|34=2|49=ME|56=YOU|112=b|\n");
    /* Without the flag a second Logon is an error, and touches no number. */
    side_told(&d, "A", 3, "98=0|108=30|");
    SIDE_DID(&d, "OFF\nDISCONNECT a message that cannot come now\n");
    CHECK_EQ(d.store.store.next_out, 3);
    side_close(&d);
}

static void test_a_logon_may_be_refused_for_what_it_asks(void)
{
    struct rl_fix_session_config c = side_config();
    struct side d;

    c.heartbeat_min_s = 5;
    c.heartbeat_max_s = 60;
    c.username = "U";
    side_open(&d, &c);
    side_event(&d, RL_FIX_EV_CONNECTED);
    side_told(&d, "A", 1, "98=0|108=61|553=U|");
    SIDE_DID(&d, "35=5|34=1|49=ME|56=YOU|58=HeartBtInt is out of bounds|\n"
                 "DISCONNECT HeartBtInt out of bounds\n");
    side_event(&d, RL_FIX_EV_CONNECTED);
    side_told(&d, "A", 1, "98=0|108=60|553=V|");
    SIDE_DID(&d, "35=5|34=2|49=ME|56=YOU|58=Username or Password is wrong|\n"
                 "DISCONNECT a Logon that is no good\n");
    side_event(&d, RL_FIX_EV_CONNECTED);
    side_told(&d, "A", 1, "98=0|108=60|553=U|");
    SIDE_DID(&d, "35=A|34=3|49=ME|56=YOU|98=0|108=60|\nON\n");
    side_close(&d);
}

static void test_what_was_missed_is_sent_behind_the_logon_when_it_says_what_it_expects(void)
{
    struct rl_fix_session_config c = side_config();
    struct side d;

    c.sends_next_expected = true;
    side_open(&d, &c);
    CHECK_EQ(side_send(&d, "8", "37=1|"), 0); /* nobody is there: kept */
    SIDE_DID(&d, "");
    side_event(&d, RL_FIX_EV_CONNECTED);
    side_told(&d, "A", 1, "98=0|108=30|789=1|");
    SIDE_DID(&d, "35=A|34=2|49=ME|56=YOU|98=0|108=30|789=2|\nON\n"
                 "35=8|34=1|43=Y|49=ME|56=YOU|122=*|37=1|\n");
    side_event(&d, RL_FIX_EV_DISCONNECTED);
    side_event(&d, RL_FIX_EV_CONNECTED);
    side_told(&d, "A", 2, "98=0|108=30|789=9|");
    SIDE_DID(&d, "35=5|34=3|49=ME|56=YOU|58=NextExpectedMsgSeqNum too high, expecting 3 but "
                 "received 9|\nDISCONNECT NextExpectedMsgSeqNum too high\n");
    side_close(&d);
}

/* --- numbers ---------------------------------------------------------------------------------- */

static void test_what_comes_too_early_waits_for_what_is_missing(void)
{
    struct rl_fix_session_config c = side_config();
    struct side d;

    side_on(&d, &c);
    side_told(&d, "D", 4, "11=d|");
    SIDE_DID(&d, "35=2|34=2|49=ME|56=YOU|7=2|16=0|\n");
    side_told(&d, "D", 5, "11=e|"); /* asked for already */
    SIDE_DID(&d, "");
    side_told(&d, "D", 2, "43=Y|122=20260101-00:00:00|11=b|");
    SIDE_DID(&d, "DELIVER 35=D|34=2|49=YOU|56=ME|43=Y|122=*|11=b|\n");
    side_told(&d, "4", 3, "43=Y|122=20260101-00:00:00|36=4|123=Y|");
    SIDE_DID(&d, "DELIVER 35=D|34=4|49=YOU|56=ME|11=d|\nDELIVER 35=D|34=5|49=YOU|56=ME|11=e|\n");
    CHECK_EQ(d.store.store.next_in, 6);
    side_close(&d);
}

static void test_a_number_that_was_there_before_ends_the_session_unless_it_is_an_honest_copy(void)
{
    struct rl_fix_session_config c = side_config();
    struct side d;

    side_on(&d, &c);
    side_told(&d, "D", 2, "11=a|");
    side_told(&d, "D", 2, "43=Y|122=20251231-23:59:59|11=a|");
    SIDE_DID(&d, "");
    CHECK_EQ(d.s.counts.n_duplicates, 1);
    side_told(&d, "D", 2, "43=Y|11=a|");
    SIDE_DID(&d, "35=3|34=2|49=ME|56=YOU|45=2|58=Required tag missing|371=122|372=D|373=1|\n");
    side_told(&d, "D", 2, "43=N|11=a|");
    SIDE_DID(&d, "35=5|34=3|49=ME|56=YOU|58=MsgSeqNum too low, expecting 3 but received 2|\n"
                 "OFF\nDISCONNECT MsgSeqNum too low\n");
    side_close(&d);
}

static void test_a_copy_from_the_future_is_refused(void)
{
    struct rl_fix_session_config c = side_config();
    struct side d;

    side_on(&d, &c);
    side_told(&d, "D", 2, "11=a|");
    side_told(&d, "D", 2, "43=Y|122=20260101-00:00:09|11=a|");
    SIDE_DID(&d, "35=3|34=2|49=ME|56=YOU|45=2|58=SendingTime accuracy problem|372=D|373=10|\n"
                 "35=5|34=3|49=ME|56=YOU|\n");
    side_close(&d);
}

static void test_a_reset_moves_on_and_never_back(void)
{
    struct rl_fix_session_config c = side_config();
    struct side d;

    side_on(&d, &c);
    side_told(&d, "4", 0, "36=20|");
    SIDE_DID(&d, "");
    CHECK_EQ(d.store.store.next_in, 20);
    side_told(&d, "4", 0, "36=19|");
    SIDE_DID(&d, "35=3|34=2|49=ME|56=YOU|45=0|58=Value is incorrect (out of range) for this tag|"
                 "372=4|373=5|\n");
    side_told(&d, "4", 0, "36=18446744073709551615|");
    SIDE_DID(&d, "35=3|34=3|49=ME|56=YOU|45=0|58=Incorrect data format for value|371=36|372=4|"
                 "373=6|\n");
    CHECK_EQ(d.store.store.next_in, 20);
    side_close(&d);
}

static void test_sent_messages_go_out_again_as_copies_and_the_rest_is_filled(void)
{
    struct rl_fix_session_config c = side_config();
    struct side d;

    c.sender_sub = "DESK";
    side_on(&d, &c);
    CHECK_EQ(side_send(&d, "8", "37=1|"), 0);
    SIDE_DID(&d, "35=8|34=2|49=ME|50=DESK|56=YOU|37=1|\n");
    side_told(&d, "1", 2, "112=x|");
    side_told(&d, "1", 3, "112=y|");
    side_step(&d, &(struct rl_fix_event){.kind = RL_FIX_EV_SEND,
                                         .type = "8",
                                         .head = (const uint8_t *)"50=S\x01"
                                                                  "97=Y\x01"
                                                                  "128=Z\x01",
                                         .n_head = 16,
                                         .bytes = (const uint8_t *)"37=2\x01",
                                         .n_bytes = 5});
    SIDE_DID(&d, "35=8|34=5|49=ME|50=S|56=YOU|97=Y|128=Z|37=2|\n");
    side_told(&d, "2", 4, "7=1|16=0|");
    SIDE_DID(&d, "35=4|34=1|43=Y|49=ME|50=DESK|56=YOU|122=*|36=2|123=Y|\n"
                 "35=8|34=2|43=Y|49=ME|50=DESK|56=YOU|122=*|37=1|\n"
                 "35=4|34=3|43=Y|49=ME|50=DESK|56=YOU|122=*|36=5|123=Y|\n"
                 "35=8|34=5|43=Y|49=ME|50=S|56=YOU|97=Y|122=*|128=Z|37=2|\n");
    side_told(&d, "2", 5, "7=3|16=4|");
    SIDE_DID(&d, "35=4|34=3|43=Y|49=ME|50=DESK|56=YOU|122=*|36=5|123=Y|\n");
    side_told(&d, "2", 6, "7=9|16=0|");
    SIDE_DID(&d, "");
    CHECK_EQ(d.store.store.next_out, 6); /* nothing of it was new */
    side_close(&d);
}

static void test_a_long_resend_is_bounded_by_step_and_complete(void)
{
    struct rl_fix_session_config c = side_config();
    const struct rl_fix_event go_on = {.kind = RL_FIX_EV_CONTINUE};
    uint8_t ask[512];
    struct side d;
    uint64_t next = 2;
    uint32_t n_steps = 0;

    side_on(&d, &c);
    for (int i = 0; i < 500; i++)
        CHECK_EQ(side_send(&d, "8", "37=1|58=a text that takes some room in the buffer|"), 0);
    rl_fix_session_step(
        &d.s,
        &(struct rl_fix_event){
            .kind = RL_FIX_EV_MESSAGE,
            .bytes = ask,
            .n_bytes = side_bytes("FIX.4.4",
                                  "35=2|34=2|49=YOU|52=20260101-00:00:00|56=ME|7=2|16=0|", ask)},
        d.now);
    for (;; n_steps++) {
        CHECK(d.s.n_actions <= RL_FIX_SESSION_ACTIONS);
        for (uint32_t i = 0; i < d.s.n_actions; i++)
            CHECK_EQ(d.s.actions[i].seq, next++);
        if (!d.s.more)
            break;
        rl_fix_session_step(&d.s, &go_on, d.now);
    }
    CHECK_EQ(next, 502);
    CHECK(n_steps > 500 / RL_FIX_SESSION_ACTIONS);
    side_close(&d);
}

int main(void)
{
    test_a_logon_is_answered_in_every_version();
    test_an_initiator_says_logon_first();
    test_what_is_no_good_logon_ends_the_connection_without_a_word();
    test_numbers_start_over_when_both_say_so();
    test_a_logon_may_be_refused_for_what_it_asks();
    test_what_was_missed_is_sent_behind_the_logon_when_it_says_what_it_expects();
    test_what_comes_too_early_waits_for_what_is_missing();
    test_a_number_that_was_there_before_ends_the_session_unless_it_is_an_honest_copy();
    test_a_copy_from_the_future_is_refused();
    test_a_reset_moves_on_and_never_back();
    test_sent_messages_go_out_again_as_copies_and_the_rest_is_filled();
    test_a_long_resend_is_bounded_by_step_and_complete();
    return 0;
}
