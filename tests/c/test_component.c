#include "base/cpu.h"
#include "check.h"
#include "rig/component/component.h"
#include "stream_dict.h"
#include "streams.h"
#include "trade/risk/risk.h"

#include <errno.h>

static uint64_t counts[RL_N_COMPONENT_HISTS * RL_HIST_N_COUNTS];
static struct rl_clock hertz;
static struct rl_fix_dict dict;
static int cpu;

/* What the components read, and what they must not read. */
struct inputs {
    struct rl_stream itch, fix, orders;
};

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
        .dict = &dict,
        .books = {.n_instruments = 64, .n_orders = 50000, .n_levels_per_side = 2000},
        .random_bytes = 1 << 20,
        .warmup_max_ns = 10000000,
        .duration_ns = 10000000,
    };
}

static int run(const struct rl_component_config *config, struct rl_component_result *out)
{
    CHECK_EQ(rl_component_result_init(out, counts, sizeof(counts)), 0);
    return rl_component_run(config, out);
}

/* Batches of cold operations do not exist. */
static bool is_of_batches(int hist)
{
    return hist >= RL_COMPONENT_HIST_CHAIN;
}

static void check_whole(const struct rl_component_result *r, enum rl_regime regime)
{
    bool is_cold = regime == RL_REGIME_COLD;

    CHECK_EQ(r->n_wrong, 0);
    CHECK(r->n_chunks >= (is_cold ? 1 : 3));
    CHECK(r->n_quiet_chunks <= r->n_chunks);
    CHECK(r->n_ops > 0 && r->batch_n_ops > 0 && r->first_op_ticks > 0);
    CHECK(r->floor_chain_mticks > 0 && r->floor_tput_mticks > 0);
    CHECK(r->n_warmup_blocks > 0);
    CHECK_EQ(r->usage.n_allocs, 0);
    for (int i = 0; i < RL_N_COMPONENT_HISTS; i += 2) {
        CHECK_EQ(r->hist[i].n_total > 0, !(is_cold && is_of_batches(i)));
        CHECK(r->hist[i + 1].n_total <= r->hist[i].n_total); /* quiet is a part of as found */
        CHECK_EQ(r->hist[i].n_saturated, 0);
    }
    CHECK_EQ(r->n_ops, r->hist[RL_COMPONENT_HIST_PER_OP].n_total +
                           r->batch_n_ops * (r->hist[RL_COMPONENT_HIST_CHAIN].n_total +
                                             r->hist[RL_COMPONENT_HIST_TPUT].n_total));
}

static const struct rl_stream *input_of(const struct inputs *in, unsigned component)
{
    if (component == RL_COMPONENT_FIX_ENCODE)
        return &in->orders;
    return strncmp(rl_component_name(component), "fix.", 4) == 0 ? &in->fix : &in->itch;
}

/* Every component, every regime it knows: right answers, whole results, the same hash again. */
static void test_every_component_gives_right_answers_in_every_regime(const struct inputs *in)
{
    for (unsigned component = 0; component < RL_N_COMPONENTS; component++) {
        unsigned n_known = 0;

        for (unsigned regime = 0; regime < RL_N_REGIMES; regime++) {
            struct rl_component_config config =
                config_of(component, regime, input_of(in, component));
            struct rl_component_result first, again;
            int err = run(&config, &first);

            if (err == -EINVAL)
                continue;
            CHECK_EQ(err, 0);
            n_known++;
            check_whole(&first, regime);
            if (component == RL_COMPONENT_CLOCK_PAIR || component == RL_COMPONENT_CLOCK_GETTIME)
                continue; /* their answers are times */
            if (regime == RL_REGIME_COLD)
                continue; /* their answers are those of the stream, see below */
            CHECK_EQ(run(&config, &again), 0);
            CHECK_EQ(again.answer_hash, first.answer_hash);
        }
        CHECK(n_known >= 1);
    }
}

static uint64_t hash_of(unsigned component, enum rl_regime regime, const struct rl_stream *stream)
{
    struct rl_component_config config = config_of(component, regime, stream);
    struct rl_component_result r;

    CHECK_EQ(run(&config, &r), 0);
    CHECK_EQ(r.n_wrong, 0);
    return r.answer_hash;
}

static void
test_fix_components_that_convert_the_same_values_give_the_same_answer(const struct inputs *in)
{
    static const enum rl_component same[] = {RL_COMPONENT_FIX_FLOOR, RL_COMPONENT_FIX_VALIDATE};
    const struct rl_stream *const streams[] = {&in->fix, &in->orders};

    for (size_t k = 0; k < RL_COUNT(streams); k++) {
        uint64_t hash = hash_of(RL_COMPONENT_FIX_PARSE, RL_REGIME_STREAM, streams[k]);

        for (size_t i = 0; i < RL_COUNT(same); i++)
            CHECK_EQ(hash_of(same[i], RL_REGIME_STREAM, streams[k]), hash);
        CHECK(hash_of(RL_COMPONENT_FIX_CHECKSUM, RL_REGIME_STREAM, streams[k]) != hash);
    }
}

static void test_cold_operations_give_the_answers_of_the_stream(const struct inputs *in)
{
    static const enum rl_component some[] = {RL_COMPONENT_FIX_PARSE, RL_COMPONENT_BOOK_UPDATE,
                                             RL_COMPONENT_FEED_BOOK, RL_COMPONENT_RISK_CHECK};

    for (size_t i = 0; i < RL_COUNT(some); i++) {
        const struct rl_stream *stream = input_of(in, some[i]);

        CHECK_EQ(hash_of(some[i], RL_REGIME_COLD, stream),
                 hash_of(some[i], RL_REGIME_STREAM, stream));
    }
}

/* A cold operation comes alone: a chunk of the length of others must not hold many of them. */
static void test_a_cold_chunk_holds_few_operations(const struct rl_stream *fix)
{
    struct rl_component_config config = config_of(RL_COMPONENT_FIX_PARSE, RL_REGIME_COLD, fix);
    struct rl_component_result r;

    CHECK_EQ(run(&config, &r), 0);
    CHECK(r.hist[RL_COMPONENT_HIST_PER_OP].n_total < 8 * r.n_chunks);
    config.regime = RL_REGIME_STREAM;
    CHECK_EQ(run(&config, &r), 0);
    CHECK(r.hist[RL_COMPONENT_HIST_PER_OP].n_total > 8 * r.n_chunks);
}

static void test_decoding_gives_the_same_updates_with_and_without_a_feed(const struct inputs *in)
{
    struct rl_stream body = in->itch;

    body.loop_from = body.n_recs; /* or the feed would keep the first orders out of the cycle */
    CHECK_EQ(hash_of(RL_COMPONENT_FEED_DECODE, RL_REGIME_STREAM, &body),
             hash_of(RL_COMPONENT_ITCH_DECODE, RL_REGIME_STREAM, &body));
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
    config.component = RL_COMPONENT_FEED_BOOK_VIEW;
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

static void test_every_reason_that_one_check_can_find_is_hit_and_some_orders_are_accepted(void)
{
    static const enum rl_regime regimes[] = {RL_REGIME_HOT, RL_REGIME_STREAM};

    for (size_t k = 0; k < RL_COUNT(regimes); k++) {
        struct rl_component_config config = config_of(RL_COMPONENT_RISK_CHECK, regimes[k], NULL);
        struct rl_component_result r;
        unsigned n_hit = 0;

        CHECK_EQ(run(&config, &r), 0);
        CHECK_EQ(r.n_wrong, 0);
        /* What windows, answers and the order manager find is no part of one check. */
        for (unsigned i = 0; rl_component_mix_name(RL_COMPONENT_RISK_CHECK, i) != NULL; i++)
            n_hit += r.mix[i] > 0;
        CHECK_EQ(n_hit, 19 + 1); /* and accepted */
        CHECK(rl_component_mix_name(RL_COMPONENT_RISK_CHECK, 0) != NULL);
    }
}

static void test_each_way_to_be_refused_can_be_measured_alone(void)
{
    unsigned way = 1;

    for (; rl_risk_way_name(way) != NULL; way++) {
        unsigned n_regimes =
            way == 1 ? RL_N_REGIMES : 1; /* the order of orders changes no answer */

        for (unsigned regime = 0; regime < n_regimes; regime++) {
            struct rl_component_config config = config_of(RL_COMPONENT_RISK_REFUSE, regime, NULL);
            struct rl_component_result r;
            unsigned n_hit = 0;

            config.risk_way = (uint8_t)way;
            config.warmup_max_ns = config.duration_ns = 1000000;
            CHECK_EQ(run(&config, &r), 0);
            CHECK_EQ(r.n_wrong, 0);
            for (unsigned i = 0; i < RL_RISK_N; i++) {
                CHECK(r.mix[i] == 0 || r.mix[i] == r.n_inputs);
                n_hit += r.mix[i] != 0;
            }
            CHECK_EQ(n_hit, strcmp(rl_risk_way_name(way), "several") == 0 ? 3 : 1);
            CHECK_EQ(r.mix[RL_RISK_N], 0); /* none is accepted */
        }
    }
    CHECK(way > 20);
    CHECK(strcmp(rl_risk_way_name(0), "") == 0);
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

/* Corrects the checksum of a message that was changed. */
static void seal(uint8_t *message, uint32_t n_bytes)
{
    uint32_t sum = rl_fix_sum(message, n_bytes - 7);

    message[n_bytes - 4] = (uint8_t)('0' + sum / 100);
    message[n_bytes - 3] = (uint8_t)('0' + sum / 10 % 10);
    message[n_bytes - 2] = (uint8_t)('0' + sum % 10);
}

static void test_a_message_that_the_dictionary_rejects_is_called_wrong(struct rl_stream *orders)
{
    struct rl_component_config config =
        config_of(RL_COMPONENT_FIX_VALIDATE, RL_REGIME_STREAM, orders);
    const struct rl_stream_rec *rec = &orders->recs[7];
    uint8_t *message = (uint8_t *)(uintptr_t)orders->bytes + rec->offset;
    uint8_t *side = memmem(message, rec->n_bytes, "\00154=", 4);
    struct rl_component_result r;
    uint8_t was;

    CHECK(side != NULL);
    was = side[4];
    side[4] = '9'; /* no such side */
    seal(message, rec->n_bytes);
    CHECK_EQ(run(&config, &r), 0);
    CHECK(r.n_wrong > 0);
    config.component = RL_COMPONENT_FIX_PARSE; /* which knows no dictionary */
    CHECK_EQ(run(&config, &r), 0);
    CHECK_EQ(r.n_wrong, 0);
    side[4] = was;
    seal(message, rec->n_bytes);
}

static void test_an_order_that_cannot_be_written_is_called_wrong(struct rl_stream *orders)
{
    struct rl_component_config config =
        config_of(RL_COMPONENT_FIX_ENCODE, RL_REGIME_STREAM, orders);
    const struct rl_stream_rec *rec = &orders->recs[9];
    uint8_t *message = (uint8_t *)(uintptr_t)orders->bytes + rec->offset;
    uint8_t *force = memmem(message, rec->n_bytes, "\00159=", 4);
    struct rl_component_result r;
    uint8_t was;

    CHECK(force != NULL);
    was = force[3];
    force[3] = '9'; /* tag 599 now: an order without a time in force, which a template always has */
    CHECK_EQ(run(&config, &r), 0);
    force[3] = was;
    CHECK(r.n_wrong > 0);
}

static void test_the_fastest_replay_of_each_chunk_counts(void)
{
    static const uint32_t ticks[] = {10, 200, 30, /* the first replay of three chunks */
                                     11, 150, 30, /* the second */
                                     90, 199, 29};

    CHECK_EQ(rl_component_fastest(ticks, 3, 3), 10 + 150 + 29);
    CHECK_EQ(rl_component_fastest(ticks, 3, 1), 10 + 200 + 30);
    CHECK_EQ(rl_component_fastest(ticks, 0, 3), 0);
}

static void test_only_inputs_with_an_end_are_replayed(const struct inputs *in)
{
    struct rl_component_config config =
        config_of(RL_COMPONENT_FIX_PARSE, RL_REGIME_STREAM, &in->fix);
    struct rl_component_result r;

    CHECK_EQ(run(&config, &r), 0);
    CHECK_EQ(r.n_replay_ops, in->fix.n_recs);
    CHECK(r.replay_fastest_mticks > 0 && r.replay_fastest_mticks <= r.replay_mean_mticks);
    config.is_not_replayed = true;
    CHECK_EQ(run(&config, &r), 0);
    CHECK_EQ(r.n_replay_ops, 0);
    config.is_not_replayed = false;
    config.regime = RL_REGIME_HOT;
    CHECK_EQ(run(&config, &r), 0);
    CHECK_EQ(r.n_replay_ops, 0);
    config.regime = RL_REGIME_RANDOM;
    CHECK_EQ(run(&config, &r), 0);
    CHECK(r.n_inputs > in->fix.n_recs); /* copies: more than a cache holds */
    CHECK_EQ(r.n_replay_ops, 0);
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
    config = config_of(RL_COMPONENT_FIX_VALIDATE, RL_REGIME_STREAM, fix);
    config.dict = NULL;
    CHECK_EQ(run(&config, &r), -EINVAL);
    config = config_of(RL_COMPONENT_FIX_ENCODE, RL_REGIME_STREAM, fix);
    CHECK_EQ(run(&config, &r), -EINVAL); /* no orders in it */
    config = config_of(RL_COMPONENT_ITCH_DECODE, RL_REGIME_STREAM, fix);
    CHECK_EQ(run(&config, &r), -EINVAL);
    config = config_of(RL_COMPONENT_FEED_BOOK, RL_REGIME_RANDOM, itch);
    CHECK_EQ(run(&config, &r), -EINVAL); /* a feed in random order is no feed */
    config = config_of(RL_COMPONENT_ORDER_ID, RL_REGIME_STREAM, NULL);
    CHECK_EQ(run(&config, &r), -EINVAL);
    config = config_of(RL_COMPONENT_BOOK_UPDATE, RL_REGIME_HOT, itch);
    CHECK_EQ(run(&config, &r), -EINVAL);
    config = config_of(RL_COMPONENT_RISK_REFUSE, RL_REGIME_HOT, NULL);
    config.risk_way = 99;
    CHECK_EQ(run(&config, &r), -EINVAL);
    config = config_of(RL_N_COMPONENTS, RL_REGIME_HOT, itch);
    CHECK_EQ(run(&config, &r), -EINVAL);
}

/* The last five blocks agree, or the time was up; never less than the least. */
static void check_warmup(const struct rl_component_config *config,
                         const struct rl_component_result *r)
{
    uint64_t low = UINT64_MAX, high = 0;

    CHECK(r->n_warmup_blocks > 0 && r->n_warmup_blocks <= RL_COMPONENT_MAX_BLOCKS);
    CHECK(r->warmup_ns >= config->warmup_min_ns);
    for (uint32_t i = 0; r->warmup_settled && i < 5; i++) {
        uint64_t median = r->warmup_mticks[r->n_warmup_blocks - 1 - i];

        low = median < low ? median : low;
        high = median > high ? median : high;
    }
    if (r->warmup_settled)
        CHECK(r->n_warmup_blocks >= 5 && high * 100 <= low * 102);
    else
        CHECK(r->warmup_ns >= config->warmup_max_ns);
}

static void test_a_warm_up_ends_when_its_blocks_agree_or_its_time_is_up(void)
{
    static const uint64_t bounds[][2] = {{0, 1}, {0, 50000000}, {40000000, 60000000}};

    for (size_t i = 0; i < RL_COUNT(bounds); i++) {
        struct rl_component_config config = config_of(RL_COMPONENT_ORDER_ID, RL_REGIME_HOT, NULL);
        struct rl_component_result r;

        config.warmup_min_ns = bounds[i][0];
        config.warmup_max_ns = bounds[i][1];
        config.duration_ns = 1000000;
        CHECK_EQ(run(&config, &r), 0);
        check_warmup(&config, &r);
        CHECK(i != 0 || (r.n_warmup_blocks == 1 && !r.warmup_settled));
    }
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
    struct inputs in = {.itch = itch_stream(2000, 30, 1),
                        .fix = fix_stream(600, 2),
                        .orders = order_stream(200, 3)};
    struct rl_arena arena;
    int64_t ppb;

    CHECK(rl_cpu_allowed(&cpu, 1) >= 1);
    CHECK_EQ(rl_clock_calibrate(&hertz, 10000000, &ppb), 0);
    stream_dict(&dict, &arena);
    test_every_component_gives_right_answers_in_every_regime(&in);
    test_fix_components_that_convert_the_same_values_give_the_same_answer(&in);
    test_cold_operations_give_the_answers_of_the_stream(&in);
    test_a_cold_chunk_holds_few_operations(&in.fix);
    test_decoding_gives_the_same_updates_with_and_without_a_feed(&in);
    test_book_components_agree_on_the_final_book_whatever_the_way(&in.itch);
    test_every_reason_that_one_check_can_find_is_hit_and_some_orders_are_accepted();
    test_each_way_to_be_refused_can_be_measured_alone();
    test_a_message_that_does_not_parse_has_the_answer_of_the_plain_reader(&in.fix);
    test_a_message_that_the_dictionary_rejects_is_called_wrong(&in.orders);
    test_an_order_that_cannot_be_written_is_called_wrong(&in.orders);
    test_a_book_that_is_not_what_it_was_is_called_wrong(&in.itch);
    test_the_fastest_replay_of_each_chunk_counts();
    test_only_inputs_with_an_end_are_replayed(&in);
    test_what_cannot_be_measured_is_refused(&in.itch, &in.fix);
    test_a_warm_up_ends_when_its_blocks_agree_or_its_time_is_up();
    test_a_stop_word_ends_a_run_early();
    test_names_exist_for_all_and_only_for_them();
    stream_free(&in.itch);
    stream_free(&in.fix);
    stream_free(&in.orders);
    rl_arena_close(&arena);
    return 0;
}
