/* The board: halted from birth, latched scopes, one first cause, and resets that cannot lose a
 * trip. */
#include <errno.h>
#include <string.h>

#include "check.h"
#include "trade/kill/kill.h"

static struct rl_kill k;

static void begin_active(void)
{
    uint32_t epoch;

    rl_kill_init(&k, 7);
    CHECK_EQ(rl_kill_request(&k, &epoch), 0);
    CHECK_EQ(rl_kill_arm(&k, epoch, RL_KILL_ALL, 0), 0);
    CHECK_EQ(rl_kill_state_of(rl_kill_word(&k)), RL_KILL_IS_ACTIVE);
}

static void drain(void)
{
    CHECK(rl_kill_draining(&k));
    CHECK(rl_kill_drained(&k, 0));
}

static enum rl_kill_state state(void)
{
    return rl_kill_state_of(rl_kill_word(&k));
}

static const struct rl_scopes order = {.instrument = 70, .venue = 3, .account = 5, .strategy = 9};

static void test_a_new_board_forbids_everything(void)
{
    struct rl_kill_why why;

    rl_kill_init(&k, 7);
    CHECK_EQ(state(), RL_KILL_IS_HALTED);
    CHECK(!rl_kill_is_clear(&k));
    CHECK(!rl_kill_allows(&k, &order));
    CHECK_EQ(rl_kill_cause(&k, &why), RL_KILL_BOOT);
    CHECK_EQ(why.causes, 1ULL << RL_KILL_BOOT);
    CHECK(!why.has_details);
}

static void test_an_all_zero_board_is_not_taken_for_a_started_one(void)
{
    memset(&k, 0, sizeof(k));
    CHECK(rl_kill_is_clear(&k)); /* so nobody may be handed one: rl_kill_init comes first */
    rl_kill_init(&k, 0);
    CHECK(!rl_kill_is_clear(&k));
}

/* Every scope with its lowest, a middle and its highest index; what it forbids and what not. */
static void test_a_tripped_scope_forbids_its_orders_and_no_others(void)
{
    static const uint32_t ends[] = {0, RL_MAX_VENUES, RL_MAX_ACCOUNTS, RL_MAX_STRATEGIES,
                                    RL_MAX_SYMBOLS};

    for (uint32_t scope = RL_SCOPE_VENUE; scope <= RL_SCOPE_SYMBOL; scope++) {
        uint32_t indices[] = {0, ends[scope] / 2, ends[scope] - 1};

        for (size_t i = 0; i < RL_COUNT(indices); i++) {
            struct rl_scopes in = {.instrument = 1, .venue = 1, .account = 1, .strategy = 1};
            struct rl_scopes out = in;

            if (scope == RL_SCOPE_VENUE)
                in.venue = (uint8_t)indices[i];
            else if (scope == RL_SCOPE_ACCOUNT)
                in.account = (uint8_t)indices[i];
            else if (scope == RL_SCOPE_STRATEGY)
                in.strategy = (uint8_t)indices[i];
            else
                in.instrument = indices[i];
            begin_active();
            CHECK(rl_kill_allows(&k, &in));
            CHECK(rl_kill_trip(&k, (enum rl_scope)scope, indices[i], RL_KILL_LOSS, 42));
            CHECK(!rl_kill_is_clear(&k));
            CHECK(!rl_kill_allows(&k, &in));
            CHECK(rl_kill_allows(&k, &out));
            CHECK(rl_kill_is_tripped(&k, (enum rl_scope)scope, indices[i]));
            CHECK(!rl_kill_is_tripped(&k, RL_SCOPE_GLOBAL, 0));
            CHECK_EQ(state(), RL_KILL_IS_ACTIVE);
        }
    }
}

static void test_scopes_that_do_not_exist_are_forbidden_once_anything_is(void)
{
    static const struct rl_scopes strange[] = {
        {.instrument = RL_MAX_SYMBOLS}, {.instrument = UINT32_MAX},      {.venue = RL_MAX_VENUES},
        {.account = RL_MAX_ACCOUNTS},   {.strategy = RL_MAX_STRATEGIES}, {.strategy = UINT8_MAX}};

    begin_active();
    rl_kill_trip(&k, RL_SCOPE_VENUE, 1, RL_KILL_LOSS, 0);
    for (size_t i = 0; i < RL_COUNT(strange); i++)
        CHECK(!rl_kill_allows(&k, &strange[i]));
}

static void test_a_trip_of_what_does_not_exist_trips_everything(void)
{
    static const struct {
        uint32_t scope, index;
    } strange[] = {{RL_SCOPE_VENUE, RL_MAX_VENUES},
                   {RL_SCOPE_SYMBOL, RL_MAX_SYMBOLS},
                   {RL_SCOPE_GLOBAL, 1},
                   {5, 0},
                   {RL_KILL_ALL, 0},
                   {UINT32_MAX, UINT32_MAX}};

    for (size_t i = 0; i < RL_COUNT(strange); i++) {
        begin_active();
        CHECK(rl_kill_trip(&k, (enum rl_scope)strange[i].scope, strange[i].index, RL_KILL_LOSS, 0));
        CHECK_EQ(state(), RL_KILL_IS_TRIPPED);
    }
}

static void test_a_cause_that_does_not_exist_is_recorded_as_unknown(void)
{
    static const uint32_t strange[] = {RL_KILL_NONE, RL_KILL_N_CAUSES, 64, 255, UINT32_MAX};

    for (size_t i = 0; i < RL_COUNT(strange); i++) {
        begin_active();
        CHECK(rl_kill_trip(&k, RL_SCOPE_GLOBAL, 0, (enum rl_kill_cause)strange[i], 0));
        CHECK_EQ(rl_kill_cause(&k, NULL), RL_KILL_UNKNOWN);
    }
}

static void test_the_first_cause_is_kept_and_all_are_joined(void)
{
    struct rl_kill_why why;

    begin_active();
    CHECK(rl_kill_trip(&k, RL_SCOPE_ACCOUNT, 5, RL_KILL_LOSS, 4321));
    CHECK(!rl_kill_trip(&k, RL_SCOPE_GLOBAL, 0, RL_KILL_AUDIT, 1));
    CHECK(!rl_kill_trip(&k, RL_SCOPE_ACCOUNT, 5, RL_KILL_LOSS, 2));
    CHECK_EQ(rl_kill_cause(&k, &why), RL_KILL_LOSS);
    CHECK_EQ(why.scope, RL_SCOPE_ACCOUNT);
    CHECK_EQ(why.index, 5);
    CHECK_EQ(why.who, 4321);
    CHECK(why.has_details);
    CHECK(why.tsc != 0 && why.wall_ns > 1500000000ULL * 1000000000ULL);
    CHECK_EQ(why.causes, 1ULL << RL_KILL_LOSS | 1ULL << RL_KILL_AUDIT);
}

static void test_a_trip_does_not_change_the_epoch_and_a_reset_does(void)
{
    uint32_t epoch, before;

    begin_active();
    before = rl_kill_epoch_of(rl_kill_word(&k));
    for (uint32_t i = 0; i < 100; i++)
        rl_kill_trip(&k, RL_SCOPE_SYMBOL, i, RL_KILL_MANUAL, i);
    rl_kill_trip(&k, RL_SCOPE_GLOBAL, 0, RL_KILL_MANUAL, 0);
    CHECK_EQ(rl_kill_epoch_of(rl_kill_word(&k)), before);
    drain();
    CHECK_EQ(rl_kill_request(&k, &epoch), 0);
    CHECK_EQ(epoch, before + 1);
    CHECK_EQ(rl_kill_arm(&k, epoch, RL_KILL_ALL, 0), 0);
    CHECK_EQ(rl_kill_epoch_of(rl_kill_word(&k)), before + 2);
    CHECK(rl_kill_is_clear(&k));
    CHECK_EQ(rl_kill_cause(&k, NULL), RL_KILL_NONE);
}

/* ---- States -------------------------------------------------------------------------------------
 */

/* Puts a board into a state by the shortest way. */
static void go_to(enum rl_kill_state wanted)
{
    uint32_t epoch;

    rl_kill_init(&k, 7);
    if (wanted == RL_KILL_IS_HALTED)
        return;
    CHECK_EQ(rl_kill_request(&k, &epoch), 0);
    if (wanted == RL_KILL_IS_ARMING)
        return;
    CHECK_EQ(rl_kill_arm(&k, epoch, RL_KILL_ALL, 0), 0);
    if (wanted == RL_KILL_IS_ACTIVE)
        return;
    rl_kill_trip(&k, RL_SCOPE_GLOBAL, 0, RL_KILL_MANUAL, 0);
    if (wanted == RL_KILL_IS_TRIPPED)
        return;
    CHECK(rl_kill_draining(&k));
    if (wanted == RL_KILL_IS_DRAINING)
        return;
    CHECK(rl_kill_drained(&k, 0));
}

#define N_STATES 6
#define STAYS 255

/* What each act makes of each state; STAYS: it is refused. Row: state before. */
static void test_every_act_in_every_state(void)
{
    enum { TRIP, REQUEST, ARM, DRAINING, DRAINED, N_ACTS };
    static const uint8_t after[N_STATES][N_ACTS] = {
        [RL_KILL_IS_HALTED] = {RL_KILL_IS_TRIPPED, RL_KILL_IS_ARMING, STAYS, STAYS, STAYS},
        [RL_KILL_IS_ARMING] = {RL_KILL_IS_TRIPPED, RL_KILL_IS_ARMING, RL_KILL_IS_ACTIVE, STAYS,
                               STAYS},
        [RL_KILL_IS_ACTIVE] = {RL_KILL_IS_TRIPPED, STAYS, STAYS, STAYS, STAYS},
        [RL_KILL_IS_TRIPPED] = {RL_KILL_IS_TRIPPED, STAYS, STAYS, RL_KILL_IS_DRAINING, STAYS},
        [RL_KILL_IS_DRAINING] = {RL_KILL_IS_DRAINING, STAYS, STAYS, STAYS, RL_KILL_IS_DRAINED},
        [RL_KILL_IS_DRAINED] = {RL_KILL_IS_DRAINED, RL_KILL_IS_ARMING, STAYS, STAYS, STAYS},
    };

    for (uint32_t from = 0; from < N_STATES; from++) {
        for (int act = 0; act < N_ACTS; act++) {
            uint32_t epoch, wanted = after[from][act] == STAYS ? from : after[from][act];
            bool done = true;

            go_to((enum rl_kill_state)from);
            CHECK_EQ(state(), from);
            epoch = rl_kill_epoch_of(rl_kill_word(&k));
            if (act == TRIP)
                rl_kill_trip(&k, RL_SCOPE_GLOBAL, 0, RL_KILL_LOSS, 0);
            else if (act == REQUEST)
                done = rl_kill_request(&k, &epoch) == 0;
            else if (act == ARM)
                done = rl_kill_arm(&k, epoch, RL_KILL_ALL, 0) == 0;
            else if (act == DRAINING)
                done = rl_kill_draining(&k);
            else
                done = rl_kill_drained(&k, 1);
            CHECK_EQ(done, after[from][act] != STAYS);
            CHECK_EQ(state(), wanted);
            CHECK_EQ(rl_kill_is_clear(&k), wanted == RL_KILL_IS_ACTIVE);
        }
    }
}

static void test_a_trip_of_a_scope_ends_an_arming(void)
{
    uint32_t epoch, second;

    rl_kill_init(&k, 7);
    CHECK_EQ(rl_kill_request(&k, &epoch), 0);
    rl_kill_trip(&k, RL_SCOPE_SYMBOL, 9, RL_KILL_FEED_GAP, 0);
    CHECK_EQ(state(), RL_KILL_IS_TRIPPED);
    CHECK_EQ(rl_kill_arm(&k, epoch, RL_KILL_ALL, 0), -EAGAIN);
    CHECK_EQ(rl_kill_request(&k, &second), -EBUSY);
    drain();
    CHECK_EQ(rl_kill_request(&k, &second), 0);
    CHECK_EQ(rl_kill_arm(&k, epoch, RL_KILL_ALL, 0), -ESTALE); /* approved before the trip */
    CHECK_EQ(rl_kill_arm(&k, second, RL_KILL_ALL, 0), 0);
}

static void test_an_approval_is_good_for_one_reset(void)
{
    uint32_t epoch;

    begin_active();
    rl_kill_trip(&k, RL_SCOPE_ACCOUNT, 1, RL_KILL_LOSS, 0);
    CHECK_EQ(rl_kill_request(&k, &epoch), 0);
    CHECK_EQ(rl_kill_arm(&k, epoch + 1, RL_SCOPE_ACCOUNT, 1), -ESTALE);
    CHECK_EQ(rl_kill_arm(&k, epoch - 1, RL_SCOPE_ACCOUNT, 1), -ESTALE);
    CHECK_EQ(rl_kill_arm(&k, epoch, RL_SCOPE_ACCOUNT, 1), 0);
    CHECK_EQ(rl_kill_arm(&k, epoch, RL_SCOPE_ACCOUNT, 1), -ESTALE);
    rl_kill_trip(&k, RL_SCOPE_ACCOUNT, 1, RL_KILL_LOSS, 0);
    CHECK_EQ(rl_kill_arm(&k, epoch, RL_SCOPE_ACCOUNT, 1), -ESTALE);
}

static void test_a_reset_while_a_cause_holds_is_refused(void)
{
    for (int watchdog = 0; watchdog < 2; watchdog++) {
        uint32_t epoch;

        begin_active();
        rl_kill_trip(&k, RL_SCOPE_GLOBAL, 0, RL_KILL_CLOCK, 0);
        drain();
        CHECK_EQ(rl_kill_request(&k, &epoch), 0);
        rl_kill_set_active(&k, watchdog, 1ULL << RL_KILL_CLOCK);
        CHECK_EQ(rl_kill_arm(&k, epoch, RL_KILL_ALL, 0), -EBUSY);
        CHECK_EQ(state(), RL_KILL_IS_ARMING);
        rl_kill_set_active(&k, watchdog, 0);
        CHECK_EQ(rl_kill_arm(&k, epoch, RL_KILL_ALL, 0), 0);
    }
}

static void test_a_reset_of_one_scope_leaves_the_others_and_their_causes(void)
{
    struct rl_kill_why why;
    uint32_t epoch;

    begin_active();
    rl_kill_trip(&k, RL_SCOPE_ACCOUNT, 5, RL_KILL_LOSS, 11);
    rl_kill_trip(&k, RL_SCOPE_ACCOUNT, 6, RL_KILL_POSITION, 12);
    rl_kill_trip(&k, RL_SCOPE_SYMBOL, 70, RL_KILL_FEED_STALE, 13);
    CHECK_EQ(rl_kill_request(&k, &epoch), 0);
    CHECK_EQ(state(), RL_KILL_IS_ACTIVE); /* the rest trades on */
    CHECK_EQ(rl_kill_arm(&k, epoch, RL_SCOPE_ACCOUNT, 5), 0);
    CHECK(!rl_kill_is_tripped(&k, RL_SCOPE_ACCOUNT, 5));
    CHECK(rl_kill_is_tripped(&k, RL_SCOPE_ACCOUNT, 6));
    CHECK(rl_kill_is_tripped(&k, RL_SCOPE_SYMBOL, 70));
    CHECK_EQ(rl_kill_cause(&k, &why), RL_KILL_LOSS);
    CHECK(why.has_details);
    CHECK_EQ(why.who, 11);
    CHECK_EQ(why.causes,
             1ULL << RL_KILL_LOSS | 1ULL << RL_KILL_POSITION | 1ULL << RL_KILL_FEED_STALE);
    CHECK_EQ(rl_kill_request(&k, &epoch), 0);
    CHECK_EQ(rl_kill_arm(&k, epoch, RL_KILL_ALL, 0), 0);
    CHECK(rl_kill_is_clear(&k));
    CHECK_EQ(rl_kill_cause(&k, &why), RL_KILL_NONE);
    CHECK_EQ(why.causes, 0);
}

/* In the same word of the set, in the next, and at both ends of it. */
static void test_a_reset_of_a_symbol_is_of_that_symbol_alone(void)
{
    static const uint32_t symbols[] = {0, 63, 64, 70, RL_MAX_SYMBOLS - 1};

    for (size_t reset = 0; reset < RL_COUNT(symbols); reset++) {
        uint32_t epoch;

        begin_active();
        for (size_t i = 0; i < RL_COUNT(symbols); i++)
            rl_kill_trip(&k, RL_SCOPE_SYMBOL, symbols[i], RL_KILL_FEED_STALE, 13);
        CHECK_EQ(rl_kill_request(&k, &epoch), 0);
        CHECK_EQ(rl_kill_arm(&k, epoch, RL_SCOPE_SYMBOL, symbols[reset]), 0);
        for (size_t i = 0; i < RL_COUNT(symbols); i++)
            CHECK_EQ(rl_kill_is_tripped(&k, RL_SCOPE_SYMBOL, symbols[i]), i != reset);
    }
}

/* Of all that was tripped only a symbol is left: the word says so, whichever it is. */
static void test_a_symbol_that_a_reset_leaves_is_forbidden_though_nothing_else_is(void)
{
    static const uint32_t symbols[] = {0, 70, RL_MAX_SYMBOLS - 1};

    for (size_t i = 0; i < RL_COUNT(symbols); i++) {
        struct rl_scopes scopes = {.instrument = symbols[i]};
        uint32_t epoch;

        begin_active();
        rl_kill_trip(&k, RL_SCOPE_SYMBOL, symbols[i], RL_KILL_FEED_STALE, 13);
        rl_kill_trip(&k, RL_SCOPE_ACCOUNT, 5, RL_KILL_LOSS, 11);
        CHECK_EQ(rl_kill_request(&k, &epoch), 0);
        CHECK_EQ(rl_kill_arm(&k, epoch, RL_SCOPE_ACCOUNT, 5), 0);
        CHECK_EQ(rl_kill_word(&k) & RL_KILL_SCOPES, 1ULL << RL_SCOPE_SYMBOL);
        CHECK(!rl_kill_allows(&k, &scopes));
        scopes.instrument = 1;
        CHECK(rl_kill_allows(&k, &scopes));
    }
}

/* The symbol and the account of one number have nothing in common but that number. */
static void test_a_reset_of_a_scope_leaves_the_same_number_of_another(void)
{
    for (uint32_t reset = RL_SCOPE_VENUE; reset <= RL_SCOPE_SYMBOL; reset++) {
        uint32_t epoch;

        begin_active();
        for (uint32_t scope = RL_SCOPE_VENUE; scope <= RL_SCOPE_SYMBOL; scope++)
            rl_kill_trip(&k, (enum rl_scope)scope, 5, RL_KILL_LOSS, 0);
        CHECK_EQ(rl_kill_request(&k, &epoch), 0);
        CHECK_EQ(rl_kill_arm(&k, epoch, reset, 5), 0);
        for (uint32_t scope = RL_SCOPE_VENUE; scope <= RL_SCOPE_SYMBOL; scope++)
            CHECK_EQ(rl_kill_is_tripped(&k, (enum rl_scope)scope, 5), scope != reset);
    }
}

static void test_a_reset_of_everything_at_once_leaves_tripped_scopes_when_not_asked_for_all(void)
{
    uint32_t epoch;

    rl_kill_init(&k, 1);
    rl_kill_trip(&k, RL_SCOPE_STRATEGY, 9, RL_KILL_EXECUTIONS, 0);
    drain();
    CHECK_EQ(rl_kill_request(&k, &epoch), 0);
    CHECK_EQ(rl_kill_arm(&k, epoch, RL_SCOPE_GLOBAL, 0), 0);
    CHECK_EQ(state(), RL_KILL_IS_ACTIVE);
    CHECK(!rl_kill_allows(&k, &order));
    CHECK(rl_kill_allows(&k, &(struct rl_scopes){.strategy = 1}));
}

static void test_a_reset_of_a_scope_while_halted_stays_halted(void)
{
    uint32_t epoch;

    rl_kill_init(&k, 1);
    rl_kill_trip(&k, RL_SCOPE_STRATEGY, 9, RL_KILL_EXECUTIONS, 0);
    drain();
    CHECK_EQ(rl_kill_request(&k, &epoch), 0);
    CHECK_EQ(rl_kill_arm(&k, epoch, RL_SCOPE_STRATEGY, 9), 0);
    CHECK_EQ(state(), RL_KILL_IS_HALTED);
    CHECK(!rl_kill_is_tripped(&k, RL_SCOPE_STRATEGY, 9));
    CHECK(!rl_kill_allows(&k, &order));
}

static void test_a_reset_of_what_does_not_exist_is_refused(void)
{
    uint32_t epoch;

    rl_kill_init(&k, 1);
    CHECK_EQ(rl_kill_request(&k, &epoch), 0);
    CHECK_EQ(rl_kill_arm(&k, epoch, RL_SCOPE_VENUE, RL_MAX_VENUES), -EINVAL);
    CHECK_EQ(rl_kill_arm(&k, epoch, 5, 0), -EINVAL);
    CHECK_EQ(rl_kill_arm(&k, epoch, RL_SCOPE_GLOBAL, 1), -EINVAL);
    CHECK_EQ(state(), RL_KILL_IS_ARMING);
}

static void test_with_nothing_tripped_there_is_nothing_to_reset(void)
{
    uint32_t epoch = 99;

    begin_active();
    CHECK_EQ(rl_kill_request(&k, &epoch), -EALREADY);
    CHECK_EQ(epoch, 99);
}

static void test_a_reset_whose_actor_died_in_it_stops_everything(void)
{
    uint32_t epoch;

    begin_active();
    rl_kill_trip(&k, RL_SCOPE_ACCOUNT, 1, RL_KILL_LOSS, 0);
    CHECK_EQ(rl_kill_request(&k, &epoch), 0);
    atomic_fetch_or(&k.word, RL_KILL_RESETTING); /* as far as he came */
    CHECK(!rl_kill_allows(&k, &order));
    CHECK_EQ(rl_kill_arm(&k, epoch, RL_SCOPE_ACCOUNT, 1), -EAGAIN);
    CHECK_EQ(rl_kill_request(&k, &epoch), -EBUSY);
    CHECK_EQ(state(), RL_KILL_IS_TRIPPED);
    CHECK(rl_kill_word(&k) & RL_KILL_GLOBAL && !(rl_kill_word(&k) & RL_KILL_RESETTING));
    drain();
    CHECK_EQ(rl_kill_request(&k, &epoch), 0);
    CHECK_EQ(rl_kill_arm(&k, epoch, RL_KILL_ALL, 0), 0);
    CHECK(rl_kill_is_clear(&k));
}

static void test_epochs_and_periods_survive_their_wrap(void)
{
    uint32_t epoch;

    rl_kill_init(&k, UINT32_MAX - 1);
    for (int i = 0; i < 70000; i++) { /* more periods than their 16 bits */
        CHECK_EQ(rl_kill_request(&k, &epoch), 0);
        CHECK_EQ(rl_kill_arm(&k, epoch, RL_KILL_ALL, 0), 0);
        CHECK(rl_kill_is_clear(&k));
        CHECK(rl_kill_trip(&k, RL_SCOPE_GLOBAL, 0, RL_KILL_LOSS, 0));
        CHECK_EQ(rl_kill_cause(&k, NULL), RL_KILL_LOSS);
        drain();
    }
}

/* ---- Taking over, acknowledging, notes ----------------------------------------------------------
 */

static void test_a_new_engine_on_an_old_board_is_halted_and_keeps_what_was_tripped(void)
{
    for (uint32_t from = 0; from < N_STATES; from++) {
        struct rl_kill_why why;
        uint32_t before, epoch;

        go_to((enum rl_kill_state)from);
        if (from == RL_KILL_IS_ACTIVE)
            rl_kill_trip(&k, RL_SCOPE_ACCOUNT, 5, RL_KILL_LOSS, 1);
        rl_kill_beat(&k, RL_BEAT_ENGINE, 1);
        rl_kill_beat(&k, RL_BEAT_WATCHDOG, 2);
        before = rl_kill_epoch_of(rl_kill_word(&k));
        rl_kill_take_over(&k, NULL);
        rl_kill_cause(&k, &why);
        CHECK_EQ(why.state, RL_KILL_IS_HALTED);
        CHECK(why.causes & 1ULL << RL_KILL_BOOT);
        CHECK_EQ(rl_kill_is_tripped(&k, RL_SCOPE_ACCOUNT, 5), from == RL_KILL_IS_ACTIVE);
        CHECK_EQ(rl_kill_epoch_of(rl_kill_word(&k)), before + 1);
        CHECK_EQ(rl_kill_arm(&k, before, RL_KILL_ALL, 0), -ESTALE);
        CHECK_EQ(k.vitals.beats[RL_BEAT_ENGINE].tsc, 0);
        CHECK_EQ(k.vitals.beats[RL_BEAT_WATCHDOG].tsc, 2);
        CHECK_EQ(rl_kill_request(&k, &epoch), 0);
        CHECK_EQ(rl_kill_arm(&k, epoch, RL_KILL_ALL, 0), 0);
    }
}

/* Ages, counts and causes of the dead engine are not those of the new one. */
static void test_a_new_engine_starts_with_nothing_of_the_old_ones_vitals(void)
{
    struct rl_kill_why why;

    begin_active();
    for (uint32_t i = 0; i < RL_N_VITALS; i++)
        rl_vital_set(&k.vitals, (enum rl_vital)i, 1000 + i);
    for (uint32_t i = 0; i < RL_N_BEATS; i++) {
        rl_kill_beat(&k, (enum rl_beat)i, 5);
        rl_vitals_waiting(&k.vitals, (enum rl_beat)i, 6);
    }
    rl_kill_set_active(&k, false, 1);
    rl_kill_take_over(&k, NULL);
    for (uint32_t i = 0; i < RL_N_VITALS; i++)
        CHECK_EQ(rl_vital(&k.vitals, (enum rl_vital)i), 0);
    for (uint32_t i = 0; i < RL_N_BEATS; i++) {
        CHECK_EQ(k.vitals.beats[i].tsc, i == RL_BEAT_WATCHDOG ? 5 : 0); /* it lives */
        CHECK_EQ(k.vitals.beats[i].waiting_tsc, 0);
    }
    CHECK_EQ(k.active_engine, 0);
    rl_kill_cause(&k, &why);
    CHECK_EQ(why.causes, 1ULL << RL_KILL_BOOT);
}

/* The board may be older than the latch: its epoch was used all the same, also across the wrap. */
static void test_a_new_engine_takes_an_epoch_beyond_the_board_and_the_latch(void)
{
    static const struct {
        uint32_t board, latch, wanted;
    } cases[] = {{7, 6, 8},         {7, 7, 8}, {7, 8, 9}, {7, 700, 701}, {UINT32_MAX - 1, 3, 4},
                 {3, UINT32_MAX, 4}};

    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        uint64_t latch_word = (uint64_t)cases[i].latch << 32;

        rl_kill_init(&k, cases[i].board);
        rl_kill_take_over(&k, &latch_word);
        CHECK_EQ(rl_kill_epoch_of(rl_kill_word(&k)), cases[i].wanted);
        CHECK_EQ(state(), RL_KILL_IS_HALTED);
    }
}

static void test_the_order_thread_hears_of_each_trip_and_says_when_it_has(void)
{
    struct rl_kill_mark mark;
    uint32_t epoch;

    begin_active();
    rl_kill_acknowledge(&k, 1);
    CHECK(!rl_kill_has_news(&k));
    rl_kill_trip(&k, RL_SCOPE_ACCOUNT, 5, RL_KILL_LOSS, 0);
    CHECK(rl_kill_has_news(&k));
    rl_kill_acknowledge(&k, 2);
    CHECK(!rl_kill_has_news(&k));
    rl_kill_trip(&k, RL_SCOPE_ACCOUNT, 5, RL_KILL_LOSS, 0);
    CHECK(!rl_kill_has_news(&k));                           /* nothing new is forbidden */
    rl_kill_trip(&k, RL_SCOPE_ACCOUNT, 6, RL_KILL_LOSS, 0); /* the word does not change by this */
    mark = rl_kill_mark(&k);
    CHECK(rl_kill_has_news(&k));
    CHECK(!rl_kill_is_seen(&k, mark));
    rl_vitals_sent(&k.vitals, 100, 1);
    rl_kill_acknowledge(&k, 3);
    CHECK(rl_kill_is_seen(&k, mark));
    CHECK_EQ(k.seen_tsc, 3);
    CHECK_EQ(k.seen_orders, 1);
    rl_kill_trip(&k, RL_SCOPE_GLOBAL, 0, RL_KILL_LOSS, 0);
    CHECK(!rl_kill_is_seen(&k, rl_kill_mark(&k)));
    rl_kill_acknowledge(&k, 4);
    CHECK(rl_kill_is_seen(&k, rl_kill_mark(&k)));
    CHECK(rl_kill_is_seen(&k, mark)); /* of an earlier moment */
    mark = rl_kill_mark(&k);
    drain();
    CHECK_EQ(rl_kill_request(&k, &epoch), 0);
    CHECK_EQ(rl_kill_arm(&k, epoch, RL_KILL_ALL, 0), 0);
    rl_kill_acknowledge(&k, 5); /* of a later epoch: what was before it, too */
    CHECK(rl_kill_is_seen(&k, mark));
    rl_kill_trip(&k, RL_SCOPE_ACCOUNT, 5, RL_KILL_LOSS, 0);
    mark = rl_kill_mark(&k);
    CHECK_EQ(rl_kill_request(&k, &epoch), 0); /* also of the very next epoch */
    rl_kill_acknowledge(&k, 6);
    CHECK_EQ(rl_kill_epoch_of(k.seen), rl_kill_epoch_of(mark.word) + 1);
    CHECK(rl_kill_is_seen(&k, mark));
}

static void test_what_is_new_in_the_set_is_noted_once(void)
{
    begin_active();
    for (int i = 0; i < 3; i++)
        rl_kill_trip(&k, RL_SCOPE_ACCOUNT, 5, RL_KILL_LOSS, 77);
    CHECK_EQ(k.n_notes, 1);
    CHECK_EQ(k.notes[0].what, RL_KILL_LOSS | RL_SCOPE_ACCOUNT << 8 | 5ULL << 16 | 77ULL << 32);
    for (uint32_t i = 0; i < 2 * RL_KILL_N_NOTES; i++)
        rl_kill_trip(&k, RL_SCOPE_SYMBOL, i, RL_KILL_FEED_STALE, 78);
    CHECK_EQ(k.n_notes, 1 + 2 * RL_KILL_N_NOTES);
}

static void test_every_cause_has_a_sentence_and_every_state_a_name(void)
{
#define CAUSE(name, number, text)                          \
    CHECK(strcmp(rl_kill_cause_text(number), text) == 0);  \
    CHECK(strcmp(rl_kill_cause_name(number), #name) == 0); \
    _Static_assert((number) < 64, "the board keeps causes in one word");
    RL_KILL_CAUSES(CAUSE)
#undef CAUSE
    CHECK(strcmp(rl_kill_cause_text(RL_KILL_N_CAUSES), "unknown cause") == 0);
    CHECK(strcmp(rl_kill_cause_name(255), "UNKNOWN") == 0);
    CHECK(strcmp(rl_kill_state_text(RL_KILL_IS_DRAINING), "draining") == 0);
    CHECK(strcmp(rl_kill_state_text(N_STATES), "unknown state") == 0);
    CHECK(rl_beat_name(RL_N_BEATS) == NULL);
    CHECK(rl_beat_name(RL_N_BEATS - 1) != NULL);
    CHECK(rl_vital_name(RL_VITAL_SENT_QTY) != NULL && rl_vital_name(RL_N_VITALS) == NULL);
}

int main(void)
{
    test_a_new_board_forbids_everything();
    test_an_all_zero_board_is_not_taken_for_a_started_one();
    test_a_tripped_scope_forbids_its_orders_and_no_others();
    test_scopes_that_do_not_exist_are_forbidden_once_anything_is();
    test_a_trip_of_what_does_not_exist_trips_everything();
    test_a_cause_that_does_not_exist_is_recorded_as_unknown();
    test_the_first_cause_is_kept_and_all_are_joined();
    test_a_trip_does_not_change_the_epoch_and_a_reset_does();
    test_every_act_in_every_state();
    test_a_trip_of_a_scope_ends_an_arming();
    test_an_approval_is_good_for_one_reset();
    test_a_reset_while_a_cause_holds_is_refused();
    test_a_reset_of_one_scope_leaves_the_others_and_their_causes();
    test_a_reset_of_a_symbol_is_of_that_symbol_alone();
    test_a_symbol_that_a_reset_leaves_is_forbidden_though_nothing_else_is();
    test_a_reset_of_a_scope_leaves_the_same_number_of_another();
    test_a_reset_of_everything_at_once_leaves_tripped_scopes_when_not_asked_for_all();
    test_a_reset_of_a_scope_while_halted_stays_halted();
    test_a_reset_of_what_does_not_exist_is_refused();
    test_with_nothing_tripped_there_is_nothing_to_reset();
    test_a_reset_whose_actor_died_in_it_stops_everything();
    test_epochs_and_periods_survive_their_wrap();
    test_a_new_engine_on_an_old_board_is_halted_and_keeps_what_was_tripped();
    test_a_new_engine_starts_with_nothing_of_the_old_ones_vitals();
    test_a_new_engine_takes_an_epoch_beyond_the_board_and_the_latch();
    test_the_order_thread_hears_of_each_trip_and_says_when_it_has();
    test_what_is_new_in_the_set_is_noted_once();
    test_every_cause_has_a_sentence_and_every_state_a_name();
    return 0;
}
