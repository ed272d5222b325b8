/* What a FIX session sends on its own: what the application gives it, what the clock asks for. */
#include "fix_session_dict.h"
#include "fix_sides.h"

static const char *const versions[] = {"FIX.4.0", "FIX.4.1", "FIX.4.2",
                                       "FIX.4.3", "FIX.4.4", "FIXT.1.1"};

/* --- sending ---------------------------------------------------------------------------------- */

static void test_what_is_no_application_message_takes_no_number(void)
{
    static const char *const heads[] = {"43=Y\x01",
                                        "52=1\x01",
                                        "11=a\x01",
                                        "97=Y",
                                        "97=Y\x01"
                                        "50=a\x01",
                                        "x=1\x01"};
    static char large[20000];
    struct rl_fix_session_config c = side_config();
    struct side d;

    side_on(&d, &c);
    CHECK_EQ(side_send(&d, "", "11=a|"), -22);
    CHECK_EQ(side_send(&d, "A", "11=a|"), -22);
    CHECK_EQ(side_send(&d, "5", ""), -22);
    CHECK_EQ(side_send(&d, "D", "11=a"), -22);
    for (uint32_t i = 0; i < RL_COUNT(heads); i++)
        CHECK_EQ(side_step(&d, &(struct rl_fix_event){.kind = RL_FIX_EV_SEND,
                                                      .type = "D",
                                                      .head = (const uint8_t *)heads[i],
                                                      .n_head = (uint32_t)strlen(heads[i])}),
                 -22);
    memset(large, 'x', sizeof large);
    memcpy(large, "58=", 3);
    large[sizeof large - 1] = RL_FIX_SOH;
    CHECK_EQ(side_step(&d, &(struct rl_fix_event){.kind = RL_FIX_EV_SEND,
                                                  .type = "D",
                                                  .bytes = (const uint8_t *)large,
                                                  .n_bytes = sizeof large}),
             -90);
    CHECK_EQ(d.store.store.next_out, 2);
    CHECK_EQ(side_send(&d, "D", "11=a|"), 0);
    CHECK_EQ(d.s.seq_sent, 2);
    side_close(&d);
}

static void test_what_would_be_forgotten_is_not_taken(void)
{
    struct rl_fix_session_config c = side_config();
    struct side d;

    c.reset_on_logon = true;
    side_open(&d, &c);
    CHECK_EQ(side_send(&d, "8", "37=1|"), -11); /* the next Logon starts over */
    CHECK_EQ(d.store.store.next_out, 1);
    side_event(&d, RL_FIX_EV_CONNECTED);
    side_told(&d, "A", 7, "98=0|108=30|");
    CHECK_EQ(side_send(&d, "8", "37=1|"), 0);
    side_close(&d);
}

static void test_no_step_takes_memory_from_the_heap(void)
{
    struct rl_fix_session_config c = side_config();
    struct side d;

    c.dict = session_dict();
    side_open(&d, &c);
    rl_trap_arm();
    side_event(&d, RL_FIX_EV_CONNECTED);
    side_told(&d, "A", 1, "98=0|108=30|");
    for (uint64_t i = 2; i < 200; i++) {
        side_told(&d, "D", i + (i % 20 == 0), "11=a|");
        side_send(&d, "8", "37=1|");
        side_told(&d, "2", i, "7=1|16=0|");
    }
    rl_trap_disarm();
    CHECK(d.s.counts.n_asked_again > 0 && d.s.counts.n_resent > 0);
    CHECK_EQ(rl_trap_count(), 0);
    CHECK(rl_trap_is_linked());
    side_close(&d);
}

static int refuse_put(struct rl_session_store *s, uint64_t seq, const uint8_t *bytes, uint32_t n)
{
    (void)s, (void)seq, (void)bytes, (void)n;
    return -28;
}

static void test_what_cannot_be_stored_is_not_sent(void)
{
    struct rl_fix_session_config c = side_config();
    struct rl_session_store_ops ops;
    struct side d;

    side_on(&d, &c);
    ops = *d.store.store.ops;
    ops.put = refuse_put;
    d.store.store.ops = &ops;
    CHECK_EQ(side_send(&d, "8", "37=1|"), -28);
    SIDE_DID(&d, "OFF\nDISCONNECT the store failed\n");
    CHECK_EQ(d.store.store.next_out, 2);
    CHECK_EQ(d.s.counts.n_store_errors, 1);
    side_close(&d);
}

static void test_times_are_as_fine_as_configured_and_as_the_version_allows(void)
{
    static const uint32_t n_chars[] = {
        [RL_FIX_MILLIS] = 21, [RL_FIX_SECONDS] = 17, [RL_FIX_MICROS] = 24, [RL_FIX_NANOS] = 27};

    for (uint32_t p = RL_FIX_MILLIS; p <= RL_FIX_NANOS; p++)
        for (uint32_t v = 0; v < RL_COUNT(versions); v++) {
            struct rl_fix_session_config c = side_config();
            char text[RL_FIX_TIME_CHARS + 1] = {0}, wanted[64];
            const unsigned decimals = v < 2 || p == RL_FIX_SECONDS ? 0 : n_chars[p] - 18;
            struct side d;

            c.begin_string = versions[v];
            c.precision = (enum rl_fix_precision)p;
            side_on(&d, &c);
            for (int i = 0; i < 50; i++) {
                uint8_t seen[512];
                uint32_t n;

                d.now += 123456789;
                CHECK_EQ(
                    rl_fix_session_step(
                        &d.s, &(struct rl_fix_event){.kind = RL_FIX_EV_SEND, .type = "D"}, d.now),
                    0);
                n = d.s.actions[0].n_bytes;
                memcpy(seen, d.s.actions[0].bytes, n);
                text[rl_fix_print_time(text, d.now, decimals)] = 0;
                snprintf(wanted, sizeof wanted, "%c52=%s%c", RL_FIX_SOH, text, RL_FIX_SOH);
                CHECK(memmem(seen, n, wanted, strlen(wanted)) != NULL);
            }
            side_close(&d);
        }
}

/* --- the clock -------------------------------------------------------------------------------- */

static void test_silence_is_met_with_heartbeats_a_test_request_and_the_end(void)
{
    struct rl_fix_session_config c = side_config();
    struct side d;
    uint64_t start;

    side_open(&d, &c);
    start = d.now;
    side_event(&d, RL_FIX_EV_CONNECTED);
    side_told(&d, "A", 1, "98=0|108=10|");
    CHECK_EQ(rl_fix_session_deadline(&d.s), start + 10 * SIDE_SECOND);
    d.now = start + 10 * SIDE_SECOND - 1;
    side_event(&d, RL_FIX_EV_TIMER);
    SIDE_DID(&d, ""); /* not yet */
    d.now++;
    side_event(&d, RL_FIX_EV_TIMER);
    SIDE_DID(&d, "35=0|34=2|49=ME|56=YOU|\n");
    CHECK_EQ(rl_fix_session_deadline(&d.s), start + 12 * SIDE_SECOND);
    d.now = rl_fix_session_deadline(&d.s);
    side_event(&d, RL_FIX_EV_TIMER);
    SIDE_DID(&d, "35=1|34=3|49=ME|56=YOU|112=TEST|\n");
    CHECK_EQ(rl_fix_session_deadline(&d.s), start + 24 * SIDE_SECOND);
    d.now += SIDE_SECOND;
    side_told(&d, "0", 2, "112=TEST|");
    d.now = rl_fix_session_deadline(&d.s); /* both wait again */
    side_event(&d, RL_FIX_EV_TIMER);
    SIDE_DID(&d, "35=0|34=4|49=ME|56=YOU|\n");
    for (int i = 0; i < 2; i++) {
        d.now = rl_fix_session_deadline(&d.s);
        side_event(&d, RL_FIX_EV_TIMER);
    }
    SIDE_DID(&d, "OFF\nDISCONNECT no message in time\n");
    CHECK_EQ(d.now, start + 13 * SIDE_SECOND + 24 * SIDE_SECOND);
    CHECK(rl_fix_session_deadline(&d.s) == UINT64_MAX);
    side_close(&d);
}

static void test_nobody_waits_forever_for_a_logon_or_a_logout(void)
{
    struct rl_fix_session_config c = side_config();
    struct side d;

    side_open(&d, &c);
    side_event(&d, RL_FIX_EV_CONNECTED);
    d.now = rl_fix_session_deadline(&d.s);
    CHECK_EQ(d.now, SIDE_START + 10 * SIDE_SECOND);
    side_event(&d, RL_FIX_EV_TIMER);
    SIDE_DID(&d, "DISCONNECT no Logon in time\n");
    side_close(&d);

    side_on(&d, &c);
    side_event(&d, RL_FIX_EV_LOGOUT);
    SIDE_DID(&d, "35=5|34=2|49=ME|56=YOU|\n");
    CHECK_EQ(rl_fix_session_deadline(&d.s), d.now + 2 * SIDE_SECOND);
    d.now += SIDE_SECOND;
    side_told(&d, "1", 2, "112=still here|"); /* buys no time */
    SIDE_DID(&d, "35=0|34=3|49=ME|56=YOU|112=still here|\n");
    d.now += SIDE_SECOND;
    side_event(&d, RL_FIX_EV_TIMER);
    SIDE_DID(&d, "OFF\nDISCONNECT no answer to a Logout\n");
    side_close(&d);
}

int main(void)
{
    test_what_is_no_application_message_takes_no_number();
    test_what_would_be_forgotten_is_not_taken();
    test_no_step_takes_memory_from_the_heap();
    test_what_cannot_be_stored_is_not_sent();
    test_times_are_as_fine_as_configured_and_as_the_version_allows();
    test_silence_is_met_with_heartbeats_a_test_request_and_the_end();
    test_nobody_waits_forever_for_a_logon_or_a_logout();
    return 0;
}
