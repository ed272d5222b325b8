/*
 * One component for a program that counts instructions: no clock decides what is done, so that two
 * runs of the same binary execute the same; nor a random number, which a book's table would draw.
 *
 *     count_component             names what can be counted, a component a line
 *     count_component COMPONENT   does it, and prints a line of facts
 *
 * The counted steps, and nothing else, run below profile_counted; `valgrind --tool=callgrind
 * --toggle-collect=profile_counted` sees them alone (harness/profile). Before them lies a whole
 * cycle with every answer checked. Regime STREAM where a component knows it, else HOT. The clock's
 * components are left out: what they cost is no matter of instructions.
 */
#include "rig/component/component_job.h"
#include "stream_dict.h"
#include "streams.h"

#include <errno.h>

#define ENDLESS_STEPS 4096 /* counted at least, where the inputs have no end */

/* The boundary that the profiler is told of: it must stay a function and a call. */
__attribute__((noinline, noclone)) uint64_t profile_counted(const struct rl_job *job, uint64_t from,
                                                            uint64_t n);
uint64_t profile_counted(const struct rl_job *job, uint64_t from, uint64_t n)
{
    uint64_t sum = job->loops->overlapping(job->state, from, n);

    __asm__ volatile("" : "+r"(sum)); /* a jump instead of the call would end the count early */
    return sum;
}

static uint64_t burst_of(const struct rl_job *job, uint64_t n_left)
{
    uint64_t n = n_left < RL_JOB_MAX_UNSETTLED ? n_left : RL_JOB_MAX_UNSETTLED;

    return n < job->max_burst ? n : job->max_burst;
}

static void settle(const struct rl_job *job)
{
    if (job->settle != NULL)
        job->settle(job->state);
}

/* Positions 0 .. n_first-1 one by one, into *sum; wrong answers. */
static uint64_t check_first(const struct rl_job *job, uint64_t *sum)
{
    uint64_t n_wrong = 0;

    *sum = 0;
    for (uint64_t i = 0; i < job->n_first; i++) {
        uint64_t answer = job->loops->overlapping(job->state, i, 1);

        if (job->wanted != NULL)
            n_wrong += job->wanted(job->state, i) != answer;
        *sum += answer;
        if ((i + 1) % burst_of(job, UINT64_MAX) == 0)
            settle(job);
    }
    settle(job);
    return n_wrong;
}

static uint64_t run(const struct rl_job *job, uint64_t from, uint64_t n, bool is_counted)
{
    uint64_t sum = 0;

    for (uint64_t done = 0, burst; done < n; done += burst) {
        burst = burst_of(job, n - done);
        sum += is_counted ? profile_counted(job, from + done, burst)
                          : job->loops->overlapping(job->state, from + done, burst);
        settle(job);
    }
    return sum;
}

static void count(const struct rl_component_config *config, const struct rl_job *job,
                  const struct rl_component_result *r)
{
    bool is_endless = job->n_cycle == UINT64_MAX;
    /* Whole rounds of the inputs: then the answers of a round are known. */
    uint64_t n_rounds = is_endless ? (ENDLESS_STEPS + job->n_first - 1) / job->n_first : 1;
    uint64_t n = is_endless ? n_rounds * job->n_first : job->n_cycle;
    uint64_t n_steps = job->n_first + n, first_sum, sum, answer;
    uint64_t n_wrong = check_first(job, &first_sum);
    struct rl_usage before, after;

    answer = job->hash != NULL ? job->hash(job->state) : rl_mix(first_sum);
    if (!is_endless) {
        run(job, job->n_first, job->n_cycle - job->n_first, false);
        n_steps += job->n_cycle - job->n_first;
        job->turn_over(job->state);
    }
    rl_trap_arm();
    before = rl_usage_now();
    sum = run(job, is_endless ? job->n_first : 0, n, true);
    after = rl_usage_now();
    rl_trap_disarm();
    if (job->is_periodic && n % job->n_first == 0)
        n_wrong += sum != n / job->n_first * first_sum;
    if (job->n_wrong != NULL)
        n_wrong += job->n_wrong(job->state, n_steps);
    printf("{\"component\": \"%s\", \"regime\": \"%s\", \"n_ops\": %" PRIu64
           ", \"n_inputs\": %" PRIu64 ", \"n_wrong\": %" PRIu64 ", \"n_allocs\": %" PRIu64
           ", \"answer\": \"%016" PRIx64 "\"}\n",
           rl_component_name(config->component), rl_regime_name(config->regime), n, r->n_inputs,
           n_wrong, rl_usage_diff(before, after).n_allocs, answer);
}

static bool is_countable(const char *name)
{
    return strncmp(name, "clock.", 6) != 0;
}

int main(int argc, char **argv)
{
    static const enum rl_regime regimes[] = {RL_REGIME_STREAM, RL_REGIME_HOT};
    unsigned which = 0;

    if (argc < 2) {
        for (; which < RL_N_COMPONENTS; which++) {
            if (is_countable(rl_component_name(which)))
                puts(rl_component_name(which));
        }
        return 0;
    }
    while (which < RL_N_COMPONENTS && strcmp(rl_component_name(which), argv[1]) != 0)
        which++;
    if (which == RL_N_COMPONENTS || !is_countable(argv[1])) {
        fprintf(stderr, "count_component: no such component: %s\n", argv[1]);
        return 2;
    }
    bool is_fix = strncmp(argv[1], "fix.", 4) == 0;
    struct rl_stream stream = strcmp(argv[1], "fix.encode") == 0 ? order_stream(1000, 3)
                              : is_fix                           ? fix_stream(2048, 2)
                                                                 : itch_stream(1000, 20, 1);
    struct rl_arena arena;
    struct rl_fix_dict dict;
    struct rl_clock clock;
    int err = -EINVAL;

    CHECK_EQ(rl_clock_from_hz(&clock, 1000000000), 0); /* steps that take the time need one */
    stream_dict(&dict, &arena);
    for (size_t i = 0; i < RL_COUNT(regimes) && err == -EINVAL; i++) {
        struct rl_component_config config = {
            .component = which,
            .regime = regimes[i],
            .seed = 1,
            .clock = &clock,
            .stream = &stream,
            .dict = &dict,
            .books = {.n_instruments = 256,
                      .n_orders = 1U << 14,
                      .n_levels_per_side = 4096,
                      .seed = 1},
        };
        struct rl_component_result r = {0};
        struct rl_job job;

        err = rl_job_open(&job, &config, &r);
        if (err == 0) {
            count(&config, &job, &r);
            rl_job_close(&job);
        }
    }
    rl_arena_close(&arena);
    stream_free(&stream);
    if (err != 0)
        fprintf(stderr, "count_component: %s: %s\n", argv[1], strerror(-err));
    return err == 0 ? 0 : 1;
}
