/* The order table as a store: slots, ids, bits and scopes. */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "order_table.h"

#define N_SLOTS 8192 /* two words of open_words */

static void new_table(uint64_t n_slots)
{
    static RL_ALIGNED uint8_t memory[N_SLOTS * 72];

    CHECK(rl_orders_bytes(n_slots, N_EXECS) <= sizeof(memory));
    CHECK_EQ(rl_orders_init(&o, memory, n_slots, N_EXECS), 0);
    CHECK_EQ(rl_ids_init(&ids, 1), 0);
}

/* ---- Ids and slots -------------------------------------------------------------------------- */

static void sizes_that_cannot_be_served_are_refused(void)
{
    static RL_ALIGNED uint8_t memory[64];
    static const uint64_t bad[][2] = {{0, 16},          {32, 16},         {100, 16},
                                      {1ULL << 25, 16}, {UINT64_MAX, 16}, {64, 0},
                                      {64, 1},          {64, 24},         {64, 1ULL << 29}};

    for (size_t i = 0; i < RL_COUNT(bad); i++) {
        CHECK_EQ(rl_orders_bytes(bad[i][0], bad[i][1]), 0);
        CHECK_EQ(rl_orders_init(&o, memory, bad[i][0], bad[i][1]), -EINVAL);
    }
    CHECK(rl_orders_bytes(64, 2) != 0 && rl_orders_bytes(1ULL << 24, 1ULL << 28) != 0);
}

static void the_table_ends_where_its_memory_does(uint64_t n_slots)
{
    new_table(n_slots);
    CHECK((uint8_t *)(o.execs.ring + N_EXECS) ==
          (uint8_t *)o.slots + rl_orders_bytes(n_slots, N_EXECS));
    CHECK(o.taken >= o.open + n_slots / 64);
    CHECK(o.open_words >= o.taken + n_slots / 64);
    CHECK((uint64_t *)o.execs.heads >= o.open_words + (n_slots + 4095) / 4096);
}

static void an_id_skips_slots_that_are_in_use(void)
{
    uint64_t id;

    new_table(64);
    for (int i = 0; i < 3; i++)
        send(); /* slots 1, 2, 3 */
    ids.next = EPOCH(1) + 64 + 1;
    CHECK(rl_orders_next_id(&o, &ids) == EPOCH(1) + 64 + 4);
    CHECK(rl_orders_next_id(&o, &ids) == EPOCH(1) + 64 + 5);
    says(RL_EVENT_REJECT, EPOCH(1) + 2);
    ids.next = EPOCH(1) + 128 + 1;
    CHECK(rl_orders_next_id(&o, &ids) == EPOCH(1) + 128 + 2); /* what ended is in nobody's way */

    /* A request without an answer is. */
    CHECK_EQ(rl_orders_cancel_sent(&o, EPOCH(1) + 9, EPOCH(1) + 3, &c), 0);
    ids.next = EPOCH(1) + 64 + 9;
    CHECK(rl_orders_next_id(&o, &ids) == EPOCH(1) + 64 + 10);
    says(RL_EVENT_CANCEL_REJECT, EPOCH(1) + 9);
    ids.next = EPOCH(1) + 64 + 9;
    id = rl_orders_next_id(&o, &ids);
    CHECK(id == EPOCH(1) + 64 + 9);
    check_sound();
}

static void an_id_goes_round_the_table_to_a_free_slot(void)
{
    new_table(128);
    for (uint64_t slot = 64; slot < 128; slot++) /* more than ids would be given to */
        rl_orders_sent(&o, EPOCH(1) + slot, &(struct rl_request){.qty = 1}, &c);
    ids.next = EPOCH(1) + 128 + 64;
    CHECK(rl_orders_next_cancel_id(&o, &ids) == EPOCH(1) + 256);
    CHECK_EQ(rl_orders_next_id(&o, &ids), RL_ID_NONE); /* half is full */
    for (uint64_t slot = 0; slot < 64; slot++)
        rl_orders_sent(&o, EPOCH(1) + 128 + slot, &(struct rl_request){.qty = 1}, &c);
    CHECK_EQ(o.n_open, 128);
    CHECK_EQ(rl_orders_next_cancel_id(&o, &ids), RL_ID_NONE);
    /* The one free slot is the last that is come to. */
    says(RL_EVENT_REJECT, EPOCH(1) + 70);
    ids.next = EPOCH(1) + 512 + 71;
    CHECK(rl_orders_next_cancel_id(&o, &ids) == EPOCH(1) + 512 + 128 + 70);
    check_sound();
}

static void there_is_an_id_to_cancel_every_order_twice_and_replaces_beside(void)
{
    uint64_t first[32], n = 0, id;

    new_table(64);
    while ((id = rl_orders_next_id(&o, &ids)) != RL_ID_NONE) {
        CHECK_EQ(rl_orders_sent(&o, id, &(struct rl_request){.qty = 10}, &c), 0);
        first[n++] = id;
        says(RL_EVENT_ACK, id);
        id = rl_orders_next_id(&o, &ids);
        if (id != RL_ID_NONE)
            CHECK_EQ(rl_orders_replace_sent(&o, id, first[n - 1], 20, 100, &c), 0);
    }
    CHECK_EQ(o.n_open + o.n_replaces, 31);
    for (int round = 0; round < 2; round++)
        for (uint64_t i = 0; i < n; i++)
            CHECK_EQ(rl_orders_cancel_sent(&o, rl_orders_next_cancel_id(&o, &ids), first[i], &c),
                     0);
    CHECK_EQ(o.n_cancels, n);
    check_sound();
}

static void at_the_end_of_an_epoch_no_id_is_given_even_if_slots_are_free(uint32_t epoch)
{
    new_table(64);
    CHECK_EQ(rl_ids_init(&ids, epoch), 0);
    ids.next = ids.last - 1;
    CHECK(send() == ids.last - 1);
    CHECK(send() == ids.last);
    CHECK_EQ(rl_orders_next_id(&o, &ids), RL_ID_NONE);
    CHECK_EQ(rl_orders_next_cancel_id(&o, &ids), RL_ID_NONE);
    /* Also when the last id's slot is in use, and those that would come after it. */
    ids.next = ids.last;
    CHECK_EQ(rl_orders_next_id(&o, &ids), RL_ID_NONE);
    rl_orders_sent(&o, EPOCH(epoch) + 64, &(struct rl_request){.qty = 1}, &c); /* slot 0 */
    ids.next = ids.last;
    CHECK_EQ(rl_orders_next_cancel_id(&o, &ids), RL_ID_NONE);
    /* The last one can be skipped to. */
    says(RL_EVENT_REJECT, ids.last);
    ids.next = ids.last - 1;
    CHECK(rl_orders_next_id(&o, &ids) == ids.last);
    CHECK_EQ(rl_orders_next_id(&o, &ids), RL_ID_NONE);
    check_sound();
}

static void an_id_is_used_once(void)
{
    struct rl_request request = {.qty = 1};
    uint64_t id;

    new_table(64);
    id = send();
    CHECK_EQ(rl_orders_sent(&o, id, &request, &c), RL_ORDER_ILLEGAL);
    CHECK_EQ(rl_orders_sent(&o, id + 64, &request, &c), RL_ORDER_ILLEGAL); /* its slot is in use */
    says(RL_EVENT_REJECT, id);
    CHECK_EQ(rl_orders_sent(&o, id, &request, &c), RL_ORDER_ILLEGAL);
    CHECK_EQ(rl_orders_sent(&o, id + 64, &request, &c), 0);
    CHECK(rl_orders_find(&o, id) == NULL); /* pushed out */
    CHECK(rl_orders_find(&o, RL_ID_NONE) == NULL);
    CHECK_EQ(rl_orders_sent(&o, RL_ID_NONE, &request, &c), RL_ORDER_ILLEGAL);
}

static void find_knows_what_ended_live_does_not_and_requests_are_no_orders(void)
{
    uint64_t id, request;

    new_table(64);
    id = send();
    request = rl_orders_next_cancel_id(&o, &ids);
    rl_orders_cancel_sent(&o, request, id, &c);
    CHECK(rl_orders_find(&o, id) != NULL && rl_orders_live(&o, id) != NULL);
    CHECK(rl_orders_find(&o, request) == NULL && rl_orders_live(&o, request) == NULL);
    CHECK_EQ(rl_orders_cancel_sent(&o, request + 1, request, &c), RL_ORDER_UNKNOWN_ORDER);
    CHECK_EQ(rl_orders_replace_sent(&o, request + 1, request, 1, 1, &c), RL_ORDER_UNKNOWN_ORDER);
    says(RL_EVENT_CANCELLED, request);
    CHECK(rl_orders_find(&o, id) != NULL && rl_orders_live(&o, id) == NULL);
}

/* ---- Open orders ---------------------------------------------------------------------------- */

static void open_orders_are_found_by_slot_and_by_scope(void)
{
    static bool is_open[N_SLOTS];
    uint64_t random = 7, n_found = 0, n_open = 0;

    new_table(N_SLOTS);
    memset(is_open, 0, sizeof(is_open));
    for (uint64_t slot = 1; slot < N_SLOTS; slot++) {
        struct rl_request request = {.qty = 1};

        /* Thin in the middle, so that whole words and a word of words are empty. */
        if (check_random(&random) % (slot > 1000 && slot < 7000 ? 3000 : 5) != 0)
            continue;
        request.scopes = (struct rl_scopes){.instrument = (uint32_t)slot % 7,
                                            .venue = (uint8_t)(slot % 2),
                                            .account = (uint8_t)(slot % 3),
                                            .strategy = (uint8_t)(slot % 5)};
        CHECK_EQ(rl_orders_sent(&o, EPOCH(1) + slot, &request, &c), 0);
        is_open[slot] = true;
        n_open++;
    }
    check_sound();
    for (uint64_t from = 0, slot = 0; from <= N_SLOTS + 64; from++) {
        slot = from;
        while (slot < N_SLOTS && !is_open[slot])
            slot++;
        CHECK_EQ(rl_orders_next_open(&o, from), slot < N_SLOTS ? slot : N_SLOTS);
    }
    for (uint64_t s = rl_orders_next_open(&o, 0); s <= o.mask; s = rl_orders_next_open(&o, s + 1)) {
        const struct rl_order *order = &o.slots[s];

        n_found++;
        CHECK(rl_order_is_in(order, RL_SCOPE_GLOBAL, 99));
        for (uint32_t i = 0; i < 7; i++) {
            CHECK_EQ(rl_order_is_in(order, RL_SCOPE_SYMBOL, i), s % 7 == i);
            CHECK_EQ(rl_order_is_in(order, RL_SCOPE_VENUE, i), s % 2 == i);
            CHECK_EQ(rl_order_is_in(order, RL_SCOPE_ACCOUNT, i), s % 3 == i);
            CHECK_EQ(rl_order_is_in(order, RL_SCOPE_STRATEGY, i), s % 5 == i);
        }
        CHECK(!rl_order_is_in(order, (enum rl_scope)RL_N_SCOPES, 0));
        if (s % 3 == 0) /* orders may end on the way */
            CHECK_EQ(says(RL_EVENT_REJECT, order->id), RL_ORDER_CLOSED);
    }
    CHECK_EQ(n_found, n_open);
    check_sound();
}

static uint64_t n_told;

static void told(void *context, const struct rl_order_change *change)
{
    CHECK(context == &n_told);
    CHECK_EQ(change->kind, RL_EVENT_DISCONNECT);
    CHECK_EQ(change->order->venue, 1);
    CHECK_EQ(change->now_reserved_qty, change->was_reserved_qty);
    n_told++;
}

static void a_lost_session_makes_the_open_orders_of_its_venue_unknown(void)
{
    new_table(N_SLOTS);
    for (uint64_t slot = 1; slot <= 3000; slot++) {
        struct rl_request request = {.qty = 1, .scopes.venue = (uint8_t)(slot % 3)};

        rl_orders_sent(&o, EPOCH(1) + slot, &request, &c);
        if (slot % 2 == 0)
            says(RL_EVENT_REJECT, EPOCH(1) + slot);
    }
    n_told = 0;
    CHECK_EQ(rl_orders_disconnect(&o, 1, told, &n_told), 500);
    CHECK_EQ(n_told, 500);
    CHECK_EQ(rl_orders_disconnect(&o, 1, NULL, NULL), 500); /* they stay unknown */
    CHECK_EQ(rl_orders_disconnect(&o, 9, NULL, NULL), 0);
    CHECK_EQ(rl_orders_find(&o, EPOCH(1) + 1)->state, RL_STATE_UNKNOWN);
    CHECK_EQ(rl_orders_find(&o, EPOCH(1) + 3)->state, RL_STATE_PENDING_NEW);
    CHECK_EQ(o.n_open, 1500);
    check_sound();
}

static void nothing_is_allocated(void)
{
    struct rl_order_event fill = {.kind = RL_EVENT_FILL, .qty = 1, .px_nano = 5};

    new_table(64);
    rl_trap_arm();
    for (uint64_t exec = 1; exec <= 1000; exec++) {
        fill.id = send();
        fill.exec = exec;
        rl_orders_event(&o, &fill, &c);
        rl_orders_cancel_sent(&o, rl_orders_next_cancel_id(&o, &ids), fill.id, &c);
        says(RL_EVENT_CANCELLED, fill.id);
    }
    rl_trap_disarm();
    CHECK(!rl_trap_is_linked() || rl_trap_count() == 0);
    CHECK_EQ(o.n_open, 0);
    check_sound();
}

int main(void)
{
    sizes_that_cannot_be_served_are_refused();
    the_table_ends_where_its_memory_does(64);
    the_table_ends_where_its_memory_does(N_SLOTS);
    an_id_skips_slots_that_are_in_use();
    an_id_goes_round_the_table_to_a_free_slot();
    there_is_an_id_to_cancel_every_order_twice_and_replaces_beside();
    at_the_end_of_an_epoch_no_id_is_given_even_if_slots_are_free(3);
    at_the_end_of_an_epoch_no_id_is_given_even_if_slots_are_free(RL_ID_EPOCH_MAX);
    an_id_is_used_once();
    find_knows_what_ended_live_does_not_and_requests_are_no_orders();
    open_orders_are_found_by_slot_and_by_scope();
    a_lost_session_makes_the_open_orders_of_its_venue_unknown();
    nothing_is_allocated();
    return 0;
}
