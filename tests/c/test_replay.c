/* Files of messages are indexed exactly or refused with the place and a sentence; nothing between.
 */
#include "replay_files.h"

#include "market/codec/dbn.h"
#include "market/codec/itch.h"
#include "market/fix/fix.h"

/* --- ITCH ------------------------------------------------------------------------------------- */

static void make_itch(bool zero_lengths)
{
    struct rl_itch_head h = {.locate = 1, .ts_ns = 77};
    uint8_t m[2 + RL_ITCH_MAX_MESSAGE];
    uint32_t n;

    file_begin();
    for (uint32_t i = 0; i < 3; i++) {
        n = i == 0   ? rl_itch_put_system(m + 2, &h, 'O')
            : i == 1 ? rl_itch_put_add(m + 2, &h, 1, RL_BUY, 5, "A", 100000)
                     : rl_itch_put_delete(m + 2, &h, 1);
        rl_put_be16(m, zero_lengths ? 0 : (uint16_t)n);
        put(m, 2 + n);
        file_may_end();
    }
}

static void test_itch_messages_are_found_behind_their_lengths(void)
{
    for (int zero = 0; zero < 2; zero++) {
        make_itch(zero);
        CHECK_EQ(index_file(RL_SOURCE_ITCH_FILE), 0);
        CHECK_EQ(n_indexed, 3);
        CHECK_EQ(recs[0].offset, 2);
        CHECK_EQ(recs[1].offset, 2 + 12 + 2);
        CHECK_EQ(recs[1].n_bytes, 36);
        CHECK_EQ(recs[1].n_messages, 1);
        CHECK_EQ(recs[2].ts_ns, 77);
        CHECK_EQ(rl_replay_guess(file, n_file), RL_SOURCE_ITCH_FILE);
        check_every_cut(RL_SOURCE_ITCH_FILE, 0, false);
    }
}

static void test_itch_lengths_and_types_that_lie_are_refused(void)
{
    make_itch(false);
    file[15] = 35; /* the add's length */
    check_refused(RL_SOURCE_ITCH_FILE, 14, "length prefix");
    make_itch(true);
    file[16] = 'z';
    check_refused(RL_SOURCE_ITCH_FILE, 16, "not a message type");
    make_itch(false);
    file[0] = 0xFF;
    check_refused(RL_SOURCE_ITCH_FILE, 0, "length prefix");
}

/* --- DBN -------------------------------------------------------------------------------------- */

static void make_dbn(uint32_t n_metadata, uint32_t n)
{
    struct rl_dbn_mbo r = {.action = 'A', .side = 'B', .ts_recv_ns = 5, .ts_event_ns = 4};
    uint8_t record[RL_DBN_MBO_BYTES];

    file_begin();
    memset(file, 0, sizeof file);
    memcpy(file, "DBN\001", 4);
    memcpy(file + 4, &n_metadata, 4);
    n_file = 8 + n_metadata;
    file_may_end();
    for (uint32_t i = 0; i < n; i++) {
        put(record, rl_dbn_put_mbo(record, &r));
        file_may_end();
    }
}

static void test_dbn_records_follow_the_metadata(void)
{
    make_dbn(100, 3);
    CHECK_EQ(index_file(RL_SOURCE_DBN), 0);
    CHECK_EQ(n_indexed, 3);
    CHECK_EQ(recs[1].offset, 108 + RL_DBN_MBO_BYTES);
    CHECK_EQ(recs[1].n_bytes, RL_DBN_MBO_BYTES);
    CHECK_EQ(recs[1].ts_ns, 5);
    CHECK_EQ(rl_replay_guess(file, n_file), RL_SOURCE_DBN);
    check_every_cut(RL_SOURCE_DBN, 1, true);
}

static void test_dbn_files_that_lie_are_refused(void)
{
    make_dbn(100, 3);
    file[108 + RL_DBN_MBO_BYTES + 1] = 0x01; /* a trade record */
    check_refused(RL_SOURCE_DBN, 108 + RL_DBN_MBO_BYTES, "market-by-order");
    make_dbn(100, 3);
    file[108 + RL_DBN_MBO_BYTES] = 255; /* its length, in words */
    check_refused(RL_SOURCE_DBN, 108 + RL_DBN_MBO_BYTES, "market-by-order");
    make_dbn(100, 3);
    file[3] = 9;
    check_refused(RL_SOURCE_DBN, 3, "version");
    make_dbn(100, 3);
    memset(file + 4, 0xFF, 4);
    check_refused(RL_SOURCE_DBN, 4, "metadata");
}

/* --- FIX -------------------------------------------------------------------------------------- */

static void make_fix(const char *between)
{
    uint8_t m[256];
    struct rl_fix_enc e;

    file_begin();
    for (uint32_t i = 0; i < 3; i++) {
        rl_fix_begin(&e, m, sizeof m, "FIX.4.4");
        rl_fix_put_char(&e, 35, '0');
        rl_fix_put_time(&e, 52, 1789998915000000000ULL + i, 9);
        put(m, rl_fix_finish(&e));
        file_may_end();
        put(between, (uint32_t)strlen(between));
    }
}

static void test_fix_messages_stand_side_by_side_or_on_lines(void)
{
    static const char *const betweens[] = {"", "\n", "\r\n", "\n\n"};

    for (uint32_t i = 0; i < RL_COUNT(betweens); i++) {
        make_fix(betweens[i]);
        CHECK_EQ(index_file(RL_SOURCE_FIX_LOG), 0);
        CHECK_EQ(n_indexed, 3);
        CHECK_EQ(recs[2].ts_ns, 1789998915000000002);
        CHECK(memcmp(file + recs[2].offset, "8=FIX.4.4", 9) == 0);
        CHECK_EQ(rl_replay_guess(file, n_file), RL_SOURCE_FIX_LOG);
    }
    make_fix("");
    check_every_cut(RL_SOURCE_FIX_LOG, 0, false);
}

static void test_fix_logs_with_a_wrong_byte_are_refused_with_its_message(void)
{
    make_fix("\n");
    CHECK_EQ(index_file(RL_SOURCE_FIX_LOG), 0);
    file[recs[1].offset + 20] ^= 1;
    CHECK_EQ(index_file(RL_SOURCE_FIX_LOG), -EBADMSG);
    CHECK(error.offset >= recs[0].n_bytes && error.offset < 2 * recs[0].n_bytes + 2);
    make_fix("junk");
    CHECK_EQ(index_file(RL_SOURCE_FIX_LOG), -EBADMSG);
    make_fix(" ");
    CHECK_EQ(index_file(RL_SOURCE_FIX_LOG), -EBADMSG);
}

/* --- Binance ---------------------------------------------------------------------------------- */

static void make_binance(const char *line_end)
{
    static const char *const lines[] = {
        "1723161256172216566 {\"stream\":\"a@depth\",\"data\":{\"u\":2,\"b\":[[\"1.5\",\"2\"]]}}",
        "1723161256172216567 {\"lastUpdateId\":7,\"bids\":[],\"note\":\"}\\\"]\"}", "0 {}"};

    file_begin();
    for (uint32_t i = 0; i < RL_COUNT(lines); i++) {
        put(lines[i], (uint32_t)strlen(lines[i]));
        file_may_end();
        put(line_end, (uint32_t)strlen(line_end));
    }
}

static void test_binance_lines_are_a_stamp_and_json(void)
{
    static const char *const line_ends[] = {"\n", "\r\n", "\n\n"};

    for (uint32_t i = 0; i < RL_COUNT(line_ends); i++) {
        make_binance(line_ends[i]);
        CHECK_EQ(index_file(RL_SOURCE_BINANCE), 0);
        CHECK_EQ(n_indexed, 3);
        CHECK_EQ(recs[0].offset, 20);
        CHECK_EQ(recs[0].ts_ns, 1723161256172216566);
        CHECK(memcmp(file + recs[1].offset, "{\"lastUpdateId\":7", 17) == 0);
        CHECK_EQ(file[recs[1].offset + recs[1].n_bytes - 1], '}');
        CHECK_EQ(recs[2].ts_ns, 0);
        CHECK_EQ(recs[2].n_bytes, 2);
        CHECK_EQ(rl_replay_guess(file, n_file), RL_SOURCE_BINANCE);
    }
}

static void test_a_binance_capture_cut_within_a_line_is_refused_at_that_line(void)
{
    uint32_t second;

    make_binance("\n");
    second = ends[0] + 1;
    for (uint32_t n = 1; n < n_file; n++) {
        uint32_t k = n <= ends[0] ? 0 : n <= ends[1] ? 1 : 2;
        /* The end of a line may be missing: its JSON is closed. */
        bool is_whole =
            n == ends[0] || n == ends[1] || n == ends[2] || n == second || n == ends[1] + 1;

        if (is_whole) {
            CHECK_EQ(index_part(RL_SOURCE_BINANCE, n), 0);
            continue;
        }
        CHECK_EQ(index_part(RL_SOURCE_BINANCE, n), -EBADMSG);
        CHECK(error.offset >= (k == 0 ? 0 : ends[k - 1] + 1) && error.offset <= n);
        CHECK(strstr(error.what, "the file ends in a line") != NULL);
    }
}

static void check_binance(const char *text, uint32_t offset, const char *words)
{
    file_begin();
    put(text, (uint32_t)strlen(text));
    check_refused(RL_SOURCE_BINANCE, offset, words);
}

static void test_binance_lines_that_lie_are_refused(void)
{
    char deep[200] = "1 {\"a\":";

    check_binance("1 {\"a\":[1}\n", 9, "do not pair up");
    check_binance("1 {\"a\":1}}\n", 9, "something follows");
    check_binance("1 {\"a\":1} {}\n", 9, "something follows");
    check_binance("1 {\"a\n\":1}\n", 5, "ends within its JSON");
    check_binance("1 {\"a\":\n1}\n", 7, "ends within its JSON");
    check_binance("1 {}\nx {}\n", 5, "not a line of");
    check_binance("1 {}\n {}\n", 5, "not a line of");
    check_binance("1 {}\n12{}\n", 5, "not a line of");
    check_binance("1 []\n", 0, "not a line of");
    check_binance("18446744073709551616 {}\n", 0, "beyond 64 bits");
    check_binance("184467440737095516150 {}\n", 0, "not a line of");
    check_binance("1 {\"a\":\"\\", 2, "the file ends in a line");
    memset(deep + strlen(deep), '[', 100);
    check_binance(deep, 38, "nested deeper");
    file_begin();
    put("18446744073709551615 {}", 23);
    CHECK_EQ(index_file(RL_SOURCE_BINANCE), 0);
    CHECK_EQ(recs[0].ts_ns, UINT64_MAX);
}

/* --- all -------------------------------------------------------------------------------------- */

static void test_counting_needs_no_room_and_too_little_room_is_told(void)
{
    uint64_t n;

    make_itch(false);
    CHECK_EQ(rl_replay_index(RL_SOURCE_ITCH_FILE, file, n_file, NULL, 0, &n, &error), 0);
    CHECK_EQ(n, 3);
    CHECK_EQ(rl_replay_index(RL_SOURCE_ITCH_FILE, file, n_file, recs, 2, &n, &error), -ENOSPC);
    CHECK_EQ(rl_replay_index((enum rl_source)77, file, n_file, recs, 2, &n, &error), -EINVAL);
    for (unsigned source = 0; source < RL_N_SOURCES; source++)
        CHECK_EQ(rl_replay_index((enum rl_source)source, file, 0, recs, 2, &n, &error), -EBADMSG);
}

static void test_what_is_like_nothing_here_is_not_guessed_to_be_something(void)
{
    static const char *const others[] = {"hello, world", "9=FIX.4.4", "1723 [",
                                         "17 ",          "DBM\1",     "\x0A\x0D\x0D"};

    for (uint32_t i = 0; i < RL_COUNT(others); i++)
        CHECK_EQ(rl_replay_guess((const uint8_t *)others[i], strlen(others[i])), RL_N_SOURCES);
    CHECK_EQ(rl_replay_guess(file, 0), RL_N_SOURCES);
}

int main(void)
{
    test_itch_messages_are_found_behind_their_lengths();
    test_itch_lengths_and_types_that_lie_are_refused();
    test_dbn_records_follow_the_metadata();
    test_dbn_files_that_lie_are_refused();
    test_fix_messages_stand_side_by_side_or_on_lines();
    test_fix_logs_with_a_wrong_byte_are_refused_with_its_message();
    test_binance_lines_are_a_stamp_and_json();
    test_a_binance_capture_cut_within_a_line_is_refused_at_that_line();
    test_binance_lines_that_lie_are_refused();
    test_counting_needs_no_room_and_too_little_room_is_told();
    test_what_is_like_nothing_here_is_not_guessed_to_be_something();
    return 0;
}
