/* The order table's hash tells any change, and its check finds any damage. */
#include <errno.h>
#include <string.h>

#include "order_table.h"

static void new_table(uint64_t n_slots)
{
    static RL_ALIGNED uint8_t memory[64 * 128];

    CHECK(rl_orders_bytes(n_slots, N_EXECS) <= sizeof(memory));
    CHECK_EQ(rl_orders_init(&o, memory, n_slots, N_EXECS), 0);
    CHECK_EQ(rl_ids_init(&ids, 1), 0);
}

/* An order with a replace and a cancel, one that ended, one that was replaced; executions. */
static void some_orders(void)
{
    uint64_t id;

    new_table(64);
    id = send();
    says(RL_EVENT_ACK, id);
    rl_orders_replace_sent(&o, rl_orders_next_id(&o, &ids), id, 20, 100, &c);
    rl_orders_cancel_sent(&o, rl_orders_next_cancel_id(&o, &ids), id, &c);
    id = send();
    says(RL_EVENT_REJECT, id);
    id = send();
    says(RL_EVENT_ACK, id);
    for (uint64_t exec = 1; exec <= 3; exec++) {
        struct rl_order_event e = {
            .id = id, .kind = RL_EVENT_FILL, .exec = exec, .qty = 1, .px_nano = 5};

        CHECK_EQ(rl_orders_event(&o, &e, &c), 0);
    }
    rl_orders_replace_sent(&o, rl_orders_next_id(&o, &ids), id, 20, 100, &c);
    says(RL_EVENT_REPLACED, c.order->link);
    check_sound();
}

static void the_hash_tells_any_change(void)
{
    uint64_t hash;

    some_orders();
    hash = rl_orders_hash(&o);
    for (uint64_t at = 1; at <= 6; at++) {
        for (size_t byte = 0; byte < sizeof(struct rl_order); byte++) {
            uint8_t *b = (uint8_t *)&o.slots[at] + byte;

            for (int bit = 0; bit < 8; bit++) {
                *b ^= (uint8_t)(1 << bit);
                CHECK(rl_orders_hash(&o) != hash);
                *b ^= (uint8_t)(1 << bit);
            }
        }
    }
    for (uint32_t at = 1; at <= 3; at++) {
        struct rl_exec *x = &o.execs.ring[at];

        for (size_t byte = 0; byte < offsetof(struct rl_exec, older); byte++) {
            ((uint8_t *)x)[byte] ^= 1;
            CHECK(rl_orders_hash(&o) != hash);
            ((uint8_t *)x)[byte] ^= 1;
        }
        x->state ^= 1;
        CHECK(rl_orders_hash(&o) != hash);
        x->state ^= 1;
    }
    CHECK(rl_orders_hash(&o) == hash);
    some_orders();
    CHECK(rl_orders_hash(&o) == hash);
}

/* Each is a word of the table that is damaged by adding to it. */
static void every_damage_is_found(void)
{
    struct rl_order *slots = o.slots;
    /* Slots: 1 the order, 2 its replace, 3 its cancel, 4 rejected, 5 replaced by 6. */
    struct {
        void *at;
        size_t n_bytes;
        uint64_t xor ;
    } damage[] = {
        {&slots[1].id, 8, 1},
        {&slots[1].state, 1, RL_STATE_PENDING_CANCEL ^ RL_STATE_WORKING},
        {&slots[1].state, 1, RL_STATE_PENDING_CANCEL ^ RL_STATE_CANCELLED},
        {&slots[1].state, 1, 0x80},
        {&slots[1].link, 8, 7},
        {&slots[1].cancel, 4, 1},
        {&slots[1].cum, 8, 32},
        {&slots[1].cum, 8, 1ULL << 63},
        {&slots[1].qty, 8, 10},
        {&slots[1].flags, 1, RL_SLOT_CANCEL},
        {&slots[2].link, 8, 1},
        {&slots[2].state, 1, RL_STATE_PENDING_REPLACE ^ RL_STATE_REJECTED},
        {&slots[2].state, 1, RL_STATE_PENDING_REPLACE ^ RL_STATE_PENDING_CANCEL},
        {&slots[2].flags, 1, RL_SLOT_ANSWERED},
        {&slots[2].flags, 1, RL_SLOT_REPLACE},
        {&slots[3].link, 8, 4},
        {&slots[3].flags, 1, RL_SLOT_ANSWERED},
        {&slots[4].state, 1, RL_STATE_REJECTED ^ RL_STATE_WORKING},
        {&slots[4].cancel, 4, 1},
        {&slots[4].link, 8, 1},
        {&slots[5].link, 8, 3},
        {&slots[6].flags, 1, RL_SLOT_ACKED | RL_SLOT_CANCEL},
        {&slots[7].state, 1, RL_STATE_FILLED},
        {&o.open[0], 8, 1 << 1},
        {&o.open[0], 8, 1 << 4},
        {&o.taken[0], 8, 1 << 2},
        {&o.taken[0], 8, 1 << 9},
        {&o.open_words[0], 8, 1},
        {&o.n_open, 8, 1},
        {&o.n_cancels, 8, 1},
        {&o.n_replaces, 8, 3},
        {&o.execs.ring[1].exec, 8, 64},
        {&o.execs.ring[2].qty, 8, 1},
        {&o.execs.ring[3].id, 8, EPOCH(1) + 5},
        {&o.execs.ring[3].state, 1, 4},
        {&o.execs.next, 4, 1},
        {&o.execs.n, 4, 128},
    };
    const char *why;

    some_orders();
    for (size_t i = 0; i < RL_COUNT(damage); i++) {
        for (int is_damaged = 1; is_damaged >= 0; is_damaged--) {
            uint64_t word = 0;

            memcpy(&word, damage[i].at, damage[i].n_bytes);
            word ^= damage[i].xor ;
            memcpy(damage[i].at, &word, damage[i].n_bytes);
            if (rl_orders_check(&o, &why) != (is_damaged ? -EBADMSG : 0)) {
                fprintf(stderr, "damage %zu: %s\n", i, why == NULL ? "not found" : why);
                exit(1);
            }
            CHECK((why != NULL) == (is_damaged == 1));
        }
    }
}

int main(void)
{
    the_hash_tells_any_change();
    every_damage_is_found();
    return 0;
}
