/* What is wrong with a message is answered in the words of its version, or not at all. */
#include "fix_session_dict.h"
#include "fix_sides.h"

static const char *const versions[] = {"FIX.4.0", "FIX.4.1", "FIX.4.2",
                                       "FIX.4.3", "FIX.4.4", "FIXT.1.1"};

static void test_a_reject_says_what_its_version_can_say(void)
{
    static const char *const wanted[] = {
        "35=3|34=2|49=ME|56=YOU|45=2|58=Required tag missing (112)|\n",
        "35=3|34=2|49=ME|56=YOU|45=2|58=Required tag missing (112)|\n",
        "35=3|34=2|49=ME|56=YOU|45=2|58=Required tag missing|371=112|372=1|373=1|\n",
        "35=3|34=2|49=ME|56=YOU|45=2|58=Required tag missing|371=112|372=1|373=1|\n",
        "35=3|34=2|49=ME|56=YOU|45=2|58=Required tag missing|371=112|372=1|373=1|\n",
        "35=3|34=2|49=ME|56=YOU|45=2|58=Required tag missing|371=112|372=1|373=1|\n",
    };

    for (size_t i = 0; i < RL_COUNT(versions); i++) {
        struct rl_fix_session_config c = side_config();
        struct side d;

        c.begin_string = versions[i];
        side_on(&d, &c);
        side_told(&d, "1", 2, "");
        SIDE_DID(&d, wanted[i]);
        CHECK_EQ(d.store.store.next_in, 3);
        side_close(&d);
    }
}

static void test_a_field_that_is_none_is_rejected_and_garbage_is_ignored(void)
{
    struct rl_fix_session_config c = side_config();
    struct side d;

    side_on(&d, &c);
    side_told(&d, "0", 2, "-1=HI|");
    SIDE_DID(&d, "35=3|34=2|49=ME|56=YOU|45=2|58=Invalid tag number|371=-1|372=0|373=0|\n");
    side_told(&d, "0", 3, "112=|");
    SIDE_DID(&d, "35=3|34=3|49=ME|56=YOU|45=3|58=Tag specified without a value|371=112|372=0|"
                 "373=4|\n");
    side_told(&d, "0", 4, "4garbled=HI|");
    SIDE_DID(&d, "");
    side_told_raw(&d, "8=FIX.4.4|9=5|35=0|10=000|");
    SIDE_DID(&d, "");
    side_told_raw(&d, "anything");
    SIDE_DID(&d, "");
    side_told_raw(&d, "35=0|34=4|49garbled=YOU|52=20260101-00:00:00|56=ME|");
    SIDE_DID(&d, "");
    CHECK_EQ(d.s.counts.n_garbled, 4);
    CHECK_EQ(d.store.store.next_in, 4);
    /* A Logon that is garbled ends even a session that is on. */
    side_told_raw(&d, "8=FIX.4.4|9=5|35=A|10=000|");
    SIDE_DID(&d, "OFF\nDISCONNECT a Logon that is no good\n");
    side_close(&d);
}

static void test_an_answer_goes_back_the_way_the_message_came(void)
{
    struct rl_fix_session_config c = side_config();
    struct side d;

    side_on(&d, &c);
    side_told(&d, "1", 2, "115=A|116=B|144=C|");
    SIDE_DID(&d, "35=3|34=2|49=ME|56=YOU|128=A|129=B|145=C|45=2|58=Required tag missing|371=112|"
                 "372=1|373=1|\n");
    side_told(&d, "1", 3, "128=A|129=B|145=C|");
    SIDE_DID(&d, "35=3|34=3|49=ME|56=YOU|115=A|116=B|144=C|45=3|58=Required tag missing|371=112|"
                 "372=1|373=1|\n");
    side_close(&d);
}

static void test_wrong_names_and_times_are_rejected_and_end_the_session(void)
{
    struct rl_fix_session_config c = side_config();
    struct side d;

    side_on(&d, &c);
    side_told_raw(&d, "35=0|34=2|49=HE|52=20260101-00:00:00|56=ME|");
    SIDE_DID(&d, "35=3|34=2|49=ME|56=YOU|45=2|58=CompID problem|372=0|373=9|\n"
                 "35=5|34=3|49=ME|56=YOU|\n");
    side_close(&d);
    side_on(&d, &c);
    side_told_raw(&d, "35=0|34=2|49=YOU|52=20251231-23:58:00|56=ME|"); /* 120 s */
    SIDE_DID(&d, "");
    side_told_raw(&d, "35=0|34=3|49=YOU|52=20260101-00:02:01|56=ME|");
    SIDE_DID(&d, "35=3|34=2|49=ME|56=YOU|45=3|58=SendingTime accuracy problem|372=0|373=10|\n"
                 "35=5|34=3|49=ME|56=YOU|\n");
    CHECK_EQ(d.s.state, RL_FIX_LOGGING_OUT);
    side_told(&d, "5", 4, "");
    SIDE_DID(&d, "OFF\nDISCONNECT logged out\n");
    side_close(&d);
}

static void test_another_version_ends_the_session(void)
{
    struct rl_fix_session_config c = side_config();
    struct side d;

    side_on(&d, &c);
    side_told_as(&d, "FIX.4.1", "35=0|34=2|49=YOU|52=20260101-00:00:00|56=ME|");
    SIDE_DID(&d, "35=5|34=2|49=ME|56=YOU|58=Incorrect BeginString|\n");
    side_close(&d);
    side_open(&d, &c);
    side_event(&d, RL_FIX_EV_CONNECTED);
    side_told_as(&d, "FIX.4.1", "35=A|34=1|49=YOU|52=20260101-00:00:00|56=ME|98=0|108=30|");
    SIDE_DID(&d, "DISCONNECT a Logon that is no good\n");
    side_close(&d);
}

static void test_what_a_dictionary_forbids_is_rejected_whatever_its_number(void)
{
    struct rl_fix_session_config c = side_config();
    struct side d;

    c.dict = session_dict();
    side_on(&d, &c);
    side_told(&d, "D", 2, "11=a|40=9|");
    SIDE_DID(&d, "35=3|34=2|49=ME|56=YOU|45=2|58=Value is incorrect (out of range) for this tag|"
                 "371=40|372=D|373=5|\n");
    CHECK_EQ(d.store.store.next_in, 3);
    side_told(&d, "D", 9, "40=1|"); /* too high, and no order: nothing is asked for again */
    SIDE_DID(&d, "35=3|34=3|49=ME|56=YOU|45=9|58=Required tag missing|371=11|372=D|373=1|\n");
    CHECK_EQ(d.store.store.next_in, 3);
    side_told(&d, "*", 3, "");
    SIDE_DID(&d, "35=3|34=4|49=ME|56=YOU|45=3|58=Invalid MsgType|372=*|373=11|\n");
    side_told(&d, "D", 4, "11=a|40=1|");
    SIDE_DID(&d, "DELIVER 35=D|34=4|49=YOU|56=ME|11=a|40=1|\n");
    side_told(&d, "D", 0, "11=a|");
    SIDE_DID(&d, "35=5|34=5|49=ME|56=YOU|58=MsgSeqNum too low, expecting 5 but received 0|\n"
                 "OFF\nDISCONNECT MsgSeqNum too low\n");
    side_close(&d);
}

static void test_the_application_can_refuse_what_it_was_given(void)
{
    static const char *const wanted[] = {
        "35=3|34=2|49=ME|56=YOU|45=2|58=Unsupported message type|\n",
        "35=3|34=2|49=ME|56=YOU|45=2|58=Unsupported message type|\n",
        "35=j|34=2|49=ME|56=YOU|45=2|58=Unsupported Message Type|372=8|380=3|\n",
        "35=j|34=2|49=ME|56=YOU|45=2|58=Unsupported Message Type|372=8|380=3|\n",
        "35=j|34=2|49=ME|56=YOU|45=2|58=Unsupported Message Type|372=8|380=3|\n",
        "35=j|34=2|49=ME|56=YOU|45=2|58=Unsupported Message Type|372=8|380=3|1137=7|\n",
    };

    for (size_t i = 0; i < RL_COUNT(versions); i++) {
        struct rl_fix_session_config c = side_config();
        struct side d;

        c.begin_string = versions[i];
        side_on(&d, &c);
        d.is_taken_late = true;
        side_told(&d, "8", 2, "37=1|");
        CHECK_EQ(d.store.store.next_in, 2); /* not taken yet */
        side_step(&d,
                  &(struct rl_fix_event){.kind = RL_FIX_EV_REFUSE, .reason = RL_FIX_REFUSE_TYPE});
        SIDE_DID(&d, wanted[i]);
        CHECK_EQ(d.store.store.next_in, 3);
        side_event(&d, RL_FIX_EV_CONTINUE);
        CHECK_EQ(d.store.store.next_in, 3);
        side_close(&d);
    }
}

static void test_a_message_counts_when_it_was_taken(void)
{
    struct rl_fix_session_config c = side_config();
    struct side d;

    side_on(&d, &c);
    d.is_taken_late = true;
    side_told(&d, "D", 2, "11=a|");
    CHECK_EQ(d.store.store.next_in, 2);
    CHECK_EQ(side_send(&d, "8", "37=1|"), 0); /* the answer */
    SIDE_DID(&d, "35=8|34=2|49=ME|56=YOU|37=1|\n");
    CHECK(d.s.more);
    CHECK_EQ(d.store.store.next_in, 2);
    side_event(&d, RL_FIX_EV_CONTINUE);
    CHECK_EQ(d.store.store.next_in, 3);
    CHECK(!d.s.more);
    side_close(&d);
}

int main(void)
{
    test_a_reject_says_what_its_version_can_say();
    test_a_field_that_is_none_is_rejected_and_garbage_is_ignored();
    test_an_answer_goes_back_the_way_the_message_came();
    test_wrong_names_and_times_are_rejected_and_end_the_session();
    test_another_version_ends_the_session();
    test_what_a_dictionary_forbids_is_rejected_whatever_its_number();
    test_the_application_can_refuse_what_it_was_given();
    test_a_message_counts_when_it_was_taken();
    return 0;
}
