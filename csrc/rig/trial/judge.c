#include "rig/trial/judge.h"

#include <string.h>

const char *const rl_judge_counter_names[] = {
#define RL_JUDGE_NAME(name, what) #name,
    RL_JUDGE_COUNTERS(RL_JUDGE_NAME)
#undef RL_JUDGE_NAME
        NULL,
};

void rl_judge_init(struct rl_judge *j, const struct rl_kill *kill, const struct rl_clock *clock)
{
    j->kill = kill;
    j->clock = clock;
    memset(&j->n, 0, sizeof j->n);
    rl_judge_begin(j, rl_kill_mark(kill).n_notes);
}

void rl_judge_begin(struct rl_judge *j, uint64_t n_notes)
{
    j->is_tripped = j->is_past_trip = j->is_seen = j->is_past_seen = j->had_orders = false;
    j->trip_tsc = j->seen_tsc = j->last_order_tsc = j->cancelled_tsc = 0;
    j->n_in_flight = j->n_after = 0;
    j->n_notes = n_notes;
}

static void record(struct rl_judge *j, enum rl_judge_hist which, uint64_t then_tsc)
{
    uint64_t ticks = then_tsc > j->trip_tsc ? then_tsc - j->trip_tsc : 0;

    rl_hist_record(&j->hist[which], rl_ticks_to_ns(j->clock, ticks));
}

void rl_judge_rule(struct rl_judge *j)
{
    rl_count(&j->n.trips, 1);
    if (j->is_seen)
        record(j, RL_JUDGE_trip_to_seen, j->seen_tsc);
    else
        rl_count(&j->n.trips_unseen, 1);
    /* Until the acknowledgement an order could have come, though none did. */
    record(j, RL_JUDGE_trip_to_last_order,
           j->last_order_tsc > j->seen_tsc ? j->last_order_tsc : j->seen_tsc);
    if (j->had_orders) {
        rl_count(&j->n.trips_with_orders, 1);
        if (j->cancelled_tsc != 0)
            record(j, RL_JUDGE_trip_to_all_cancelled, j->cancelled_tsc);
    }
    if (j->cancelled_tsc == 0)
        rl_count(&j->n.trips_residual, 1);
    rl_count(&j->n.orders_in_flight, j->n_in_flight);
    if (j->n_in_flight > rl_counted(&j->n.orders_in_flight_most))
        rl_count(&j->n.orders_in_flight_most,
                 j->n_in_flight - rl_counted(&j->n.orders_in_flight_most));
    rl_count(&j->n.orders_after_trip, j->n_after);
}
