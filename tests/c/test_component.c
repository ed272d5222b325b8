#include "base/cpu.h"
#include "check.h"
#include "rig/component.h"
#include "streams.h"
#include "trade/risk.h"

#include <errno.h>

static uint64_t counts[RL_N_COMPONENT_HISTS * RL_HIST_N_COUNTS];
static struct rl_clock hertz;
static int cpu;

static struct rl_component_config config_of(enum rl_component component, enum rl_regime regime,
                                            const struct rl_stream *stream)
{
    return (struct rl_component_config){
        .component = component,
        .regime = regime,
        .cpu = cpu,
        .seed = 1,
        .clock = &hertz,
        .stream = stream,
        .books = {.n_instruments = 64, .n_orders = 50000, .n_levels_per_side = 2000},
        .warmup_max_ns = 10000000,
        .duration_ns = 10000000,
    };
}

static int run(const struct rl_component_config *config, struct rl_component_result *out)
{
    CHECK_EQ(rl_component_result_init(out, counts, sizeof(counts)), 0);
    return rl_component_run(config, out);
}

static void check_whole(const struct rl_component_result *r)
{
    CHECK_EQ(r->n_wrong, 0);
    CHECK(r->n_chunks >= 3);
    CHECK(r->n_quiet_chunks <= r->n_chunks);
    CHECK(r->n_ops > 0 && r->batch_n_ops > 0 && r->first_op_ticks > 0);
    CHECK(r->floor_chain_mticks > 0 && r->floor_tput_mticks > 0);
    CHECK(r->n_warmup_blocks > 0);
    CHECK_EQ(r->usage.n_allocs, 0);
    for (int i = 0; i < RL_N_COMPONENT_HISTS; i += 2) {
        CHECK(r->hist[i].n_total > 0);
        CHECK(r->hist[i + 1].n_total <= r->hist[i].n_total); /* quiet is a part of as found */
        CHECK_EQ(r->hist[i].n_saturated, 0);
    }
    CHECK_EQ(r->n_ops, r->hist[RL_COMPONENT_HIST_PER_OP].n_total +
                           r->batch_n_ops * (r->hist[RL_COMPONENT_HIST_CHAIN].n_total +
                                             r->hist[RL_COMPONENT_HIST_TPUT].n_total));
}

/* Every component, every regime it knows: right answers, whole results, the same hash again. */
static void test_every_component_gives_right_answers_in_every_regime(const struct rl_stream *itch,
                                                                     const struct rl_stream *fix)
{
    for (unsigned component = 0; component < RL_N_COMPONENTS; component++) {
        unsigned n_known = 0;

        for (unsigned regime = 0; regime < RL_N_REGIMES; regime++) {
            struct rl_component_config config =
                config_of(component, regime, component == RL_COMPONENT_FIX_PARSE ? fix : itch);
            struct rl_component_result first, again;
            int err = run(&config, &first);

            if (err == -EINVAL)
                continue;
            CHECK_EQ(err, 0);
            n_known++;
            check_whole(&first);
            if (component == RL_COMPONENT_CLOCK_PAIR || component == RL_COMPONENT_CLOCK_GETTIME)
                continue; /* their answers are times */
            CHECK_EQ(run(&config, &again), 0);
            CHECK_EQ(again.answer_hash, first.answer_hash);
        }
        CHECK(n_known >= 1);
    }
}

static void
test_book_components_agree_on_the_final_book_whatever_the_way(const struct rl_stream *itch)
{
    struct rl_component_config config = config_of(RL_COMPONENT_BOOK_UPDATE, RL_REGIME_STREAM, itch);
    struct rl_component_result r;
    uint64_t hash;

    CHECK_EQ(run(&config, &r), 0);
    hash = r.answer_hash;
    CHECK_EQ(r.n_live_orders, itch->loop_from);
    CHECK_EQ(r.mix[RL_OP_ADD] + r.mix[RL_OP_DELETE] + r.mix[RL_OP_REPLACE], r.n_inputs);
    config.component = RL_COMPONENT_FEED_BOOK;
    CHECK_EQ(run(&config, &r), 0);
    CHECK_EQ(r.answer_hash, hash);
    config = config_of(RL_COMPONENT_BOOK_UPDATE, RL_REGIME_RANDOM, itch);
    CHECK_EQ(run(&config, &r), 0);
    CHECK_EQ(r.answer_hash, hash);
    CHECK_EQ(r.mix[RL_OP_MODIFY], itch->loop_from);
    config.seed++;
    CHECK_EQ(run(&config, &r), 0);
    CHECK_EQ(r.answer_hash, hash);
}

static void test_every_risk_reason_is_hit_and_some_orders_are_accepted(void)
{
    static const enum rl_regime regimes[] = {RL_REGIME_HOT, RL_REGIME_STREAM};

    for (size_t k = 0; k < RL_COUNT(regimes); k++) {
        struct rl_component_config config = config_of(RL_COMPONENT_RISK_CHECK, regimes[k], NULL);
        struct rl_component_result r;

        CHECK_EQ(run(&config, &r), 0);
        CHECK_EQ(r.n_wrong, 0);
        for (unsigned i = 0; rl_component_mix_name(RL_COMPONENT_RISK_CHECK, i) != NULL; i++) {
            if (1U << i != RL_RISK_NO_ID) /* given by the engine, not by the check */
                CHECK(r.mix[i] > 0);
        }
        CHECK(rl_component_mix_name(RL_COMPONENT_RISK_CHECK, 0) != NULL);
    }
}

static void
test_a_message_that_does_not_parse_has_the_answer_of_the_plain_reader(struct rl_stream *fix)
{
    struct rl_component_config config = config_of(RL_COMPONENT_FIX_PARSE, RL_REGIME_STREAM, fix);
    uint8_t *byte =
        (uint8_t *)(uintptr_t)fix->bytes + fix->recs[5].offset + fix->recs[5].n_bytes - 3;
    struct rl_component_result whole, damaged;
    uint8_t was = *byte;

    CHECK_EQ(run(&config, &whole), 0);
    *byte = was == '0' ? '1' : '0'; /* a digit of the checksum */
    CHECK_EQ(run(&config, &damaged), 0);
    *byte = was;
    CHECK_EQ(damaged.n_wrong, 0);
    CHECK(damaged.answer_hash != whole.answer_hash);
}

/* A stream that claims to loop but does not end where it began. */
static void test_a_book_that_is_not_what_it_was_is_called_wrong(const struct rl_stream *itch)
{
    struct rl_stream cut = *itch;
    struct rl_component_config config = config_of(RL_COMPONENT_FEED_BOOK, RL_REGIME_STREAM, &cut);
    struct rl_component_result r;

    cut.n_recs = cut.loop_from + STREAM_ROUND; /* the round's orders are never put back */
    CHECK_EQ(run(&config, &r), 0);
    CHECK(r.n_wrong > 0);
    cut.loop_from = cut.n_recs; /* played once: the books are emptied before it comes again */
    CHECK_EQ(run(&config, &r), 0);
    CHECK_EQ(r.n_wrong, 0);
}

static void test_what_cannot_be_measured_is_refused(const struct rl_stream *itch,
                                                    const struct rl_stream *fix)
{
    struct rl_component_config config = config_of(RL_COMPONENT_FIX_PARSE, RL_REGIME_HOT, NULL);
    struct rl_component_result r;
    struct rl_stream small = *fix;

    CHECK_EQ(rl_component_result_init(&r, counts, sizeof(counts) - 1), -ENOSPC);
    CHECK_EQ(run(&config, &r), -EINVAL); /* no stream */
    config.stream = itch;
    CHECK_EQ(run(&config, &r), -EINVAL); /* not FIX */
    small.n_recs = 63;
    config.stream = &small;
    CHECK_EQ(run(&config, &r), -EINVAL); /* too few */
    config.stream = fix;
    config.cpu = 1023;
    CHECK_EQ(run(&config, &r), -EINVAL);
    config = config_of(RL_COMPONENT_ORDER_ID, RL_REGIME_STREAM, NULL);
    CHECK_EQ(run(&config, &r), -EINVAL);
    config = config_of(RL_COMPONENT_BOOK_UPDATE, RL_REGIME_HOT, itch);
    CHECK_EQ(run(&config, &r), -EINVAL);
    config = config_of(RL_N_COMPONENTS, RL_REGIME_HOT, itch);
    CHECK_EQ(run(&config, &r), -EINVAL);
}

static void test_a_stop_word_ends_a_run_early(void)
{
    _Atomic uint32_t stop = 1;
    struct rl_component_config config = config_of(RL_COMPONENT_ORDER_ID, RL_REGIME_HOT, NULL);
    struct rl_component_result r;

    config.stop = &stop;
    config.warmup_max_ns = config.duration_ns = 3600000000000ULL;
    CHECK_EQ(run(&config, &r), -EINTR);
}

static void test_names_exist_for_all_and_only_for_them(void)
{
    CHECK(strcmp(rl_component_name(RL_COMPONENT_FIX_PARSE), "fix.parse") == 0);
    CHECK(strcmp(rl_component_name(RL_N_COMPONENTS), "?") == 0);
    CHECK(strcmp(rl_regime_name(RL_REGIME_RANDOM), "random") == 0);
    CHECK(strcmp(rl_component_hist_name(RL_COMPONENT_HIST_CHAIN_QUIET), "chain.quiet") == 0);
    CHECK(strcmp(rl_component_hist_unit(RL_COMPONENT_HIST_CHAIN), "mticks") == 0);
    CHECK(strcmp(rl_component_hist_unit(RL_N_COMPONENT_HISTS), "?") == 0);
    CHECK(strlen(rl_component_text(RL_COMPONENT_ORDER_ID)) > 5);
    CHECK(rl_component_mix_name(RL_COMPONENT_ORDER_ID, 0) == NULL);
}

int main(void)
{
    struct rl_stream itch = itch_stream(2000, 30, 1), fix = fix_stream(600, 2);
    int64_t ppb;

    CHECK(rl_cpu_allowed(&cpu, 1) >= 1);
    CHECK_EQ(rl_clock_calibrate(&hertz, 10000000, &ppb), 0);
    test_every_component_gives_right_answers_in_every_regime(&itch, &fix);
    test_book_components_agree_on_the_final_book_whatever_the_way(&itch);
    test_every_risk_reason_is_hit_and_some_orders_are_accepted();
    test_a_message_that_does_not_parse_has_the_answer_of_the_plain_reader(&fix);
    test_a_book_that_is_not_what_it_was_is_called_wrong(&itch);
    test_what_cannot_be_measured_is_refused(&itch, &fix);
    test_a_stop_word_ends_a_run_early();
    test_names_exist_for_all_and_only_for_them();
    stream_free(&itch);
    stream_free(&fix);
    return 0;
}
