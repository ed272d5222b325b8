/* The order manager as a whole: what leaves, what is booked, and that its log tells all of it. */
#include "oms_bench.h"

static struct oms_bench bench;

static struct oms_bench *open_usual(void)
{
    struct rl_oms_config config = oms_config();

    oms_open(&bench, &config, &oms_limits);
    return &bench;
}

static void check_whole(struct oms_bench *b)
{
    const char *why = NULL;

    if (rl_oms_verify(&b->oms, &why) != 0)
        fprintf(stderr, "%s\n", why);
    CHECK_EQ(rl_oms_verify(&b->oms, &why), 0);
}

static void test_nothing_leaves_until_session_state_limits_and_kill_word_allow_it(void)
{
    struct rl_request order = oms_request(RL_BUY, 10, 100 * UNIT);
    struct oms_bench *b = open_usual();

    CHECK(oms_send(b, &order) != RL_ID_NONE);
    rl_oms_session(&b->oms, 0, RL_SESSION_LOGGED_ON, ++b->now_tsc);
    CHECK_EQ(oms_send(b, &order), RL_ID_NONE);
    rl_oms_session(&b->oms, 0, RL_SESSION_RECONCILED, ++b->now_tsc);
    CHECK_EQ(rl_oms_set_state(&b->oms, RL_SCOPE_SYMBOL, 0, RL_RISK_HALTED, ++b->now_tsc), 0);
    CHECK_EQ(oms_send(b, &order), RL_ID_NONE);
    CHECK_EQ(rl_oms_set_state(&b->oms, RL_SCOPE_SYMBOL, 0, RL_RISK_ACTIVE, ++b->now_tsc), 0);
    CHECK(oms_send(b, &order) != RL_ID_NONE);
    rl_oms_trip(&b->oms, RL_SCOPE_SYMBOL, 0, RL_KILL_MANUAL, ++b->now_tsc);
    CHECK_EQ(oms_send(b, &order), RL_ID_NONE);
    CHECK_EQ(OMS_N(b, kill_blocks), 1);
    order.scopes.instrument = 1; /* another symbol is not concerned */
    CHECK(oms_send(b, &order) != RL_ID_NONE);
    rl_oms_use_limits(&b->oms, NULL, ++b->now_tsc);
    CHECK_EQ(oms_send(b, &order), RL_ID_NONE);
    CHECK(OMS_N(b, refused_for[20]) > 0); /* R21 */
    oms_close(b);
}

static void test_a_trip_between_check_and_commit_stops_the_order(void)
{
    struct rl_request order = oms_request(RL_BUY, 10, 100 * UNIT);
    struct oms_bench *b = open_usual();
    struct rl_risk_input in = oms_input(b);
    struct rl_ticket t;

    CHECK_EQ(rl_oms_check(&b->oms, &order, &in, ++b->now_tsc, &t), RL_OMS_READY);
    CHECK(rl_kill_trip(&b->kill, RL_SCOPE_ACCOUNT, 0, RL_KILL_MANUAL, 77));
    CHECK(!rl_oms_commit(&b->oms, &t));
    CHECK_EQ(oms_last_record(b)->kind, RL_AUDIT_KILL_BLOCK);
    CHECK_EQ(oms_last_record(b)->detail, RL_KILL_MANUAL);
    CHECK_EQ(b->oms.orders.n_open, 0);
    check_whole(b);
    oms_close(b);
}

static void test_cancels_pass_a_tripped_kill_word_and_a_halted_engine(void)
{
    struct rl_request order = oms_request(RL_BUY, 10, 100 * UNIT);
    struct oms_bench *b = open_usual();
    uint64_t id = oms_send(b, &order), request;

    rl_oms_trip(&b->oms, RL_SCOPE_GLOBAL, 0, RL_KILL_MANUAL, ++b->now_tsc);
    CHECK_EQ(rl_oms_set_state(&b->oms, RL_SCOPE_GLOBAL, 0, RL_RISK_HALTED, ++b->now_tsc), 0);
    CHECK_EQ(oms_replace(b, id, 20, 100 * UNIT), RL_ID_NONE);
    request = oms_cancel(b, id);
    CHECK(request != RL_ID_NONE);
    CHECK_EQ(oms_event(b, RL_EVENT_CANCELLED, request, 0, 0, RL_PX_NONE) & RL_ORDER_ILLEGAL, 0);
    CHECK_EQ(b->oms.orders.n_open, 0);
    check_whole(b);
    oms_close(b);
}

static void test_a_refusal_says_limit_and_what_was_asked(void)
{
    struct rl_request order = oms_request(RL_BUY, 1001, 100 * UNIT);
    struct oms_bench *b = open_usual();
    const struct rl_audit_record *detail;

    CHECK_EQ(oms_send(b, &order), RL_ID_NONE);
    detail = oms_last_record(b);
    CHECK_EQ(detail->kind, RL_AUDIT_RISK_DETAIL);
    CHECK_EQ(detail->detail, 4); /* R05 */
    CHECK_EQ(detail->px_nano, 1000);
    CHECK_EQ(detail->qty, 1001);
    CHECK_EQ(detail[-1].kind, RL_AUDIT_RISK_REJECT);
    CHECK_EQ(detail[-1].detail, RL_RISK_QTY);
    oms_close(b);
}

static void test_fees_are_charged_by_the_lot_and_given_back_with_a_bust(void)
{
    struct rl_request order = oms_request(RL_BUY, 10, 100 * UNIT);
    struct oms_bench *b = open_usual();
    struct rl_position *p = rl_ledger_at(&b->oms.ledger, 0, 0);
    uint64_t id = oms_send(b, &order);
    struct rl_order_event bust = {
        .id = id, .exec = 2, .ref_exec = 1, .px_nano = RL_PX_NONE, .kind = RL_EVENT_BUST};

    (void)oms_event(b, RL_EVENT_FILL, id, 1, 4, 100 * UNIT);
    CHECK(p->fees == 4 * UNIT / 1000);
    CHECK_EQ(p->net, 4);
    CHECK(rl_position_holds(p));
    CHECK_EQ(rl_oms_event(&b->oms, &bust, ++b->now_tsc) & RL_ORDER_UNKNOWN_EXEC, 0);
    CHECK(p->fees == 0);
    CHECK_EQ(p->net, 0);
    check_whole(b);
    oms_close(b);
}

static void test_a_market_order_reserves_what_it_is_valued_at_until_it_ends(void)
{
    struct rl_request order = oms_request(RL_BUY, 10, RL_PX_NONE);
    struct oms_bench *b = open_usual();
    uint64_t id;

    order.time_in_force = RL_TIF_IOC;
    id = oms_send(b, &order);
    CHECK(id != RL_ID_NONE);
    CHECK(b->oms.ledger.accounts[0].open_notional >= (rl_money)10 * 100 * UNIT);
    (void)oms_event(b, RL_EVENT_FILL, id, 1, 4, 101 * UNIT);
    check_whole(b);
    (void)oms_event(b, RL_EVENT_EXPIRED, id, 2, 0, RL_PX_NONE);
    CHECK(b->oms.ledger.accounts[0].open_notional == 0);
    check_whole(b);
    oms_close(b);
}

static void test_a_good_till_date_order_can_be_replaced_and_keeps_its_date(void)
{
    struct rl_request order = oms_request(RL_BUY, 10, 100 * UNIT);
    struct oms_bench *b = open_usual();
    uint64_t id;

    order.time_in_force = RL_TIF_GTD;
    CHECK_EQ(oms_send(b, &order), RL_ID_NONE); /* no date */
    order.expire_ns = 1000;
    id = oms_send(b, &order);
    CHECK(id != RL_ID_NONE);
    (void)oms_event(b, RL_EVENT_ACK, id, 0, 0, RL_PX_NONE);
    CHECK(oms_replace(b, id, 12, 100 * UNIT) != RL_ID_NONE);
    oms_close(b);
}

static unsigned n_heard;

static void hear(void *context, const struct rl_order_change *c)
{
    const struct oms_bench *b = context;

    n_heard++;
    CHECK(c->order != NULL);
    /* All of it is booked by now. */
    CHECK_EQ(rl_ledger_at(&b->oms.ledger, 0, 0)->net, (int64_t)c->order->cum);
}

static void test_listeners_hear_of_a_change_when_all_of_it_is_booked(void)
{
    struct rl_request order = oms_request(RL_BUY, 10, 100 * UNIT);
    struct oms_bench *b = open_usual();
    uint64_t id;

    n_heard = 0;
    CHECK_EQ(rl_oms_listen(&b->oms, hear, b), 0);
    id = oms_send(b, &order);
    (void)oms_event(b, RL_EVENT_ACK, id, 1, 0, RL_PX_NONE);
    (void)oms_event(b, RL_EVENT_FILL, id, 2, 3, 100 * UNIT);
    CHECK_EQ(n_heard, 3);
    for (int i = 1; i < RL_OMS_N_LISTENERS; i++)
        CHECK_EQ(rl_oms_listen(&b->oms, hear, b), 0);
    CHECK_EQ(rl_oms_listen(&b->oms, hear, b), -ENOSPC);
    oms_close(b);
}

static void test_a_lost_session_makes_its_orders_unknown_and_keeps_their_reservations(void)
{
    struct rl_request order = oms_request(RL_SELL, 10, 101 * UNIT);
    struct oms_bench *b = open_usual();
    uint64_t id = oms_send(b, &order);

    rl_oms_session(&b->oms, 0, RL_SESSION_LOST, ++b->now_tsc);
    CHECK_EQ(rl_orders_find(&b->oms.orders, id)->state, RL_STATE_UNKNOWN);
    CHECK_EQ(rl_ledger_at(&b->oms.ledger, 0, 0)->work[RL_SELL], 10);
    (void)oms_event(b, RL_EVENT_STATUS_GONE, id, 0, 0, RL_PX_NONE);
    CHECK_EQ(rl_ledger_at(&b->oms.ledger, 0, 0)->work[RL_SELL], 0);
    check_whole(b);
    oms_close(b);
}

static void test_readers_see_each_change_when_it_is_booked(void)
{
    static RL_ALIGNED uint8_t memory[16 << 10];
    struct rl_ledger_view *view = rl_ledger_view_init(memory, sizeof memory, 1, OMS_INSTRUMENTS),
                          *other;
    struct rl_request order = oms_request(RL_BUY, 10, 100 * UNIT);
    struct oms_bench *b = open_usual();
    struct rl_position seen;
    struct rl_account account;
    uint64_t id;

    CHECK(view != NULL);
    CHECK_EQ(rl_oms_show(&b->oms, view), 0);
    id = oms_send(b, &order);
    CHECK(rl_ledger_read_position(view, 0, 0, &seen));
    CHECK_EQ(seen.work[RL_BUY], 10);
    (void)oms_event(b, RL_EVENT_FILL, id, 1, 4, 100 * UNIT);
    CHECK(rl_ledger_read_position(view, 0, 0, &seen));
    CHECK_EQ(seen.net, 4);
    CHECK_EQ(seen.work[RL_BUY], 6);
    CHECK(seen.fees == rl_ledger_at(&b->oms.ledger, 0, 0)->fees);
    CHECK(rl_ledger_read_account(view, 0, &account));
    CHECK(account.fees == seen.fees);
    other = rl_ledger_view_init(memory, sizeof memory, 1, OMS_INSTRUMENTS - 1);
    CHECK_EQ(rl_oms_show(&b->oms, other), -EINVAL);
    oms_close(b);
}

/* --- answers that cannot be right --------------------------------------------------------------
 */

static void test_executions_that_cannot_be_right_trip_everything(void)
{
    static const struct {
        uint64_t id_offset, qty;
        enum rl_kill_cause cause;
    } cases[] = {{1000, 5, RL_KILL_UNKNOWN_FILL}, {0, 11, RL_KILL_OVERFILL}};

    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        struct rl_request order = oms_request(RL_BUY, 10, 100 * UNIT);
        struct oms_bench *b = open_usual();
        uint64_t id = oms_send(b, &order);

        (void)oms_event(b, RL_EVENT_FILL, id + cases[i].id_offset, 1, cases[i].qty, 100 * UNIT);
        CHECK_EQ(oms_cause(b), cases[i].cause);
        CHECK_EQ(oms_send(b, &order), RL_ID_NONE);
        check_whole(b);
        oms_close(b);
    }
}

static void test_a_fact_that_no_sum_can_hold_trips_everything(void)
{
    struct rl_request order = oms_request(RL_BUY, 10, 100 * UNIT);
    struct oms_bench *b = open_usual();
    uint64_t id = oms_send(b, &order);

    (void)oms_event(b, RL_EVENT_FILL, id, 1, INT64_MAX, 100 * UNIT);
    (void)oms_event(b, RL_EVENT_FILL, id, 2, INT64_MAX, 100 * UNIT);
    CHECK(oms_cause(b) != RL_KILL_NONE);
    CHECK(OMS_N(b, unbooked) >= 1);
    oms_close(b);
}

/* --- the log tells all -------------------------------------------------------------------------
 */

static uint64_t state;

static uint64_t below(uint64_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % n;
}

/* Orders, replaces, cancels and answers of every kind, sane and not. */
static void trade_at_random(struct oms_bench *b, int n_steps)
{
    uint64_t ids[32] = {0}, exec = 0;

    for (int i = 0; i < n_steps; i++) {
        uint64_t *id = &ids[below(RL_COUNT(ids))], next;
        enum rl_side side = (enum rl_side)below(2);
        int64_t px_nano = (int64_t)((side == RL_BUY ? 95 : 100) + below(6)) * UNIT;
        struct rl_request order =
            oms_request(side, 5 + below(20), below(8) == 0 ? RL_PX_NONE : px_nano);
        struct rl_order_event e = {.id = below(50) == 0 ? ids[0] + 17 : *id,
                                   .orig_id =
                                       below(4) == 0 ? ids[below(RL_COUNT(ids))] : RL_ID_NONE,
                                   .exec = below(10) == 0 ? exec : exec + 1,
                                   .ref_exec = below(4) == 0 ? 1 + below(exec + 1) : 0,
                                   .qty = below(8),
                                   .px_nano = below(20) == 0 ? RL_PX_NONE : px_nano,
                                   .kind = (uint8_t)(RL_EVENT_ACK + below(13))};

        order.scopes.instrument = (uint32_t)below(OMS_INSTRUMENTS);
        exec++;
        switch (below(10)) {
        case 0:
        case 1:
            if (rl_orders_live(&b->oms.orders, *id) == NULL)
                *id = oms_send(b, &order);
            break;
        case 2:
            next = oms_replace(b, *id, 1 + below(30), px_nano);
            *id = next != RL_ID_NONE && below(2) ? next : *id;
            break;
        case 3:
            (void)oms_cancel(b, *id);
            break;
        default:
            if (e.kind == RL_EVENT_DISCONNECT || below(2))
                e.kind = RL_EVENT_FILL;
            (void)rl_oms_event(&b->oms, &e, ++b->now_tsc);
            break;
        }
        if (below(200) == 0) {
            rl_oms_session(&b->oms, 0, RL_SESSION_LOST, ++b->now_tsc);
            rl_oms_session(&b->oms, 0, RL_SESSION_RECONCILED, ++b->now_tsc);
        }
        if (!rl_kill_is_clear(&b->kill)) { /* suspicion; somebody has looked and arms again */
            (void)rl_oms_poll(&b->oms, ++b->now_tsc);
            CHECK_EQ(rl_bench_arm(&b->kill), 0);
        }
        oms_take_records(b);
    }
}

/* Index of the record that a replay stumbles over; n when it agrees to the end. */
static uint64_t replay_all(const struct oms_bench *b, uint64_t *hash)
{
    struct rl_replay r;
    const char *why = NULL;
    uint64_t i = 0;

    rl_replay_init(&r, 1 << 12);
    while (i < b->n_records && rl_replay_record(&r, &b->records[i], &why) == 0)
        i++;
    *hash = r.oms != NULL ? rl_oms_hash(r.oms) : 0;
    rl_replay_fini(&r);
    return i;
}

static void test_the_log_leads_to_the_same_state(void)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rl_oms_config config = oms_config();
        struct oms_bench *b = &bench;
        uint64_t hash;

        state = seed * 0x9E3779B97F4A7C15ULL;
        config.ledger.method[0] = seed % 2 ? RL_METHOD_FIFO : RL_METHOD_AVERAGE;
        oms_open(b, &config, &oms_limits);
        trade_at_random(b, 2000);
        check_whole(b);
        CHECK(OMS_N(b, fills) > 50 && OMS_N(b, replaces_sent) > 0 && OMS_N(b, cancels_sent) > 5);
        rl_oms_stop(&b->oms, ++b->now_tsc);
        oms_take_records(b);
        CHECK_EQ(replay_all(b, &hash), b->n_records);
        CHECK_EQ(hash, rl_oms_hash(&b->oms));
        oms_close(b);
    }
}

static void test_a_log_that_was_changed_does_not_replay(void)
{
    struct oms_bench *b = open_usual();
    /* What changed nothing then changes nothing now, whatever it says. */
    const uint32_t inert = RL_ORDER_ILLEGAL | RL_ORDER_UNKNOWN_ORDER | RL_ORDER_DUPLICATE |
                           RL_ORDER_UNKNOWN_EXEC | RL_ORDER_CONFLICT;
    unsigned n_caught = 0, n_changed = 0;
    uint64_t hash;

    state = 77;
    trade_at_random(b, 400);
    rl_oms_stop(&b->oms, ++b->now_tsc);
    oms_take_records(b);
    for (uint64_t i = 1; i + 1 < b->n_records; i++) {
        struct rl_audit_record was = b->records[i];

        /* An execution of one lot more, an order of one lot more: no checksum is looked at here. */
        if ((was.kind != RL_AUDIT_EVENT || was.event != RL_EVENT_FILL ||
             (was.detail & inert) != 0) &&
            was.kind != RL_AUDIT_SENT)
            continue;
        b->records[i].qty++;
        n_changed++;
        n_caught += replay_all(b, &hash) != b->n_records;
        b->records[i] = was;
    }
    CHECK(n_changed > 50);
    CHECK_EQ(n_caught, n_changed);
    oms_close(b);
}

static void test_records_before_a_start_and_nonsense_are_refused_with_a_sentence(void)
{
    struct rl_audit_record start = {.kind = RL_AUDIT_START, .id = 3, .qty = 3};
    struct rl_audit_record sent = {.kind = RL_AUDIT_SENT, .id = 1, .qty = 1};
    const char *why = NULL;
    struct rl_replay r;

    rl_replay_init(&r, 64);
    CHECK_EQ(rl_replay_record(&r, &sent, &why), -EBADMSG);
    CHECK(why != NULL);
    CHECK_EQ(rl_replay_record(&r, &start, &why), -EINVAL);
    CHECK(why != NULL);
    rl_replay_fini(&r);
}

int main(void)
{
    test_nothing_leaves_until_session_state_limits_and_kill_word_allow_it();
    test_a_trip_between_check_and_commit_stops_the_order();
    test_cancels_pass_a_tripped_kill_word_and_a_halted_engine();
    test_a_refusal_says_limit_and_what_was_asked();
    test_fees_are_charged_by_the_lot_and_given_back_with_a_bust();
    test_a_market_order_reserves_what_it_is_valued_at_until_it_ends();
    test_a_good_till_date_order_can_be_replaced_and_keeps_its_date();
    test_listeners_hear_of_a_change_when_all_of_it_is_booked();
    test_a_lost_session_makes_its_orders_unknown_and_keeps_their_reservations();
    test_readers_see_each_change_when_it_is_booked();
    test_executions_that_cannot_be_right_trip_everything();
    test_a_fact_that_no_sum_can_hold_trips_everything();
    test_the_log_leads_to_the_same_state();
    test_a_log_that_was_changed_does_not_replay();
    test_records_before_a_start_and_nonsense_are_refused_with_a_sentence();
    return 0;
}
