/*
 * OUCH and the packets that carry it: the input is a SoupBinTCP stream, whose data packets are
 * messages, and it is a message itself. What reads is written again to the same bytes; a stream cut
 * anywhere gives the packets of the whole.
 */
#include "fuzz.h"
#include "market/codec/ouch.h"
#include "market/codec/soup.h"

static void check_px(int64_t px_nano)
{
    CHECK(px_nano == RL_PX_NONE || (px_nano >= 0 && px_nano % RL_OUCH_NANO_PER_TICK == 0));
}

/* Every option is within the appendage, and known ones are written as they were. */
static void check_options(const struct rl_ouch_options *o)
{
    uint8_t bytes[16];
    struct rl_ouch_option option, first;
    uint32_t at = 0, end = 0;

    CHECK(o->is_present || o->n_bytes == 0);
    while (rl_ouch_next_option(o, &at, &option)) {
        struct rl_ouch_option_writer w = {.bytes = bytes, .n_max = sizeof bytes};
        int64_t px_nano = 0;
        uint64_t value = 0;
        bool is_uint, is_px;

        CHECK(option.value == o->bytes + end + 2);
        end += 2u + option.n_bytes;
        CHECK(end == at && end <= o->n_bytes);
        CHECK(rl_ouch_find_option(o, option.tag, &first) && first.value <= option.value);
        if (rl_ouch_option_size(option.tag) == 0)
            continue;
        CHECK_EQ(option.n_bytes, rl_ouch_option_size(option.tag));
        is_uint = rl_ouch_option_uint(&option, &value);
        is_px = rl_ouch_option_px(&option, &px_nano);
        CHECK(!is_uint || !is_px);
        if (is_uint)
            CHECK(rl_ouch_put_option_uint(&w, option.tag, value));
        else if (is_px)
            CHECK(rl_ouch_put_option_px(&w, option.tag, px_nano));
        else
            CHECK(rl_ouch_put_option(&w, option.tag, option.value, option.n_bytes));
        CHECK(w.n_bytes == 2u + option.n_bytes &&
              memcmp(w.bytes, option.value - 2, w.n_bytes) == 0);
    }
    CHECK_EQ(end, o->n_bytes);
}

static void check_message(const uint8_t *message, uint32_t n)
{
    uint8_t *m = fuzz_exactly(message, n), *again = malloc(n + 1);
    struct rl_ouch_out out;
    struct rl_ouch_in in;

    CHECK(again != NULL);
    if (rl_ouch_read_in(m, n, &in)) {
        CHECK(n >= rl_ouch_in_sizes[m[0]]);
        check_px(in.px_nano);
        check_options(&in.options);
        CHECK_EQ(rl_ouch_write_in(again, n, &in), n);
        CHECK(memcmp(again, m, n) == 0);
        CHECK_EQ(rl_ouch_write_in(again, n - 1, &in), 0);
    }
    if (rl_ouch_read_out(m, n, &out)) {
        CHECK(n >= rl_ouch_out_sizes[m[0]]);
        check_px(out.px_nano);
        check_options(&out.options);
        CHECK_EQ(rl_ouch_write_out(again, n, &out), n);
        CHECK(memcmp(again, m, n) == 0);
        CHECK_EQ(rl_ouch_write_out(again, n - 1, &out), 0);
    }
    free(again);
    free(m);
}

static void check_login(const struct rl_soup *p)
{
    uint8_t bytes[64];
    struct rl_soup again;
    struct rl_soup_accepted accepted, accepted_again;
    struct rl_soup_login login, login_again;

    if (rl_soup_read_login(p, &login)) {
        uint32_t n = rl_soup_write_login(bytes, sizeof bytes, &login);

        CHECK_EQ(rl_soup_read(bytes, n, &again), RL_SOUP_OK);
        CHECK(rl_soup_read_login(&again, &login_again));
        CHECK_EQ(login.seq, login_again.seq);
        CHECK(memcmp(login.username, login_again.username, RL_SOUP_USERNAME) == 0);
        CHECK(memcmp(login.password, login_again.password, RL_SOUP_PASSWORD) == 0);
        CHECK(memcmp(login.session, login_again.session, RL_SOUP_SESSION) == 0);
    }
    if (rl_soup_read_accepted(p, &accepted)) {
        uint32_t n = rl_soup_write_accepted(bytes, sizeof bytes, &accepted);

        CHECK_EQ(rl_soup_read(bytes, n, &again), RL_SOUP_OK);
        CHECK(rl_soup_read_accepted(&again, &accepted_again));
        CHECK_EQ(accepted.seq, accepted_again.seq);
        CHECK(memcmp(accepted.session, accepted_again.session, RL_SOUP_SESSION) == 0);
    }
}

/* All of the stream at once: returns the packets and where they end; every one is checked. */
static uint32_t read_whole(const uint8_t *data, size_t size, size_t *end, enum rl_soup_result *last)
{
    static uint8_t again[RL_SOUP_HEADER + FUZZ_MAX];
    struct rl_soup p;
    uint32_t n = 0;

    *end = 0;
    while ((*last = rl_soup_read(data + *end, size - *end, &p)) == RL_SOUP_OK) {
        uint32_t n_packet = RL_SOUP_HEADER + p.n_bytes;

        CHECK(n_packet <= size - *end);
        CHECK(rl_soup_fits(p.type, p.n_bytes));
        CHECK_EQ(rl_soup_write(again, sizeof again, p.type, p.payload, p.n_bytes), n_packet);
        CHECK(memcmp(again, data + *end, n_packet) == 0);
        check_login(&p);
        if (p.type == 'U' || p.type == 'S')
            check_message(p.payload, p.n_bytes);
        *end += n_packet;
        n++;
    }
    return n;
}

/* In pieces whose sizes the stream itself decides. */
static void check_pieces(const uint8_t *data, size_t size)
{
    uint8_t *buffer = malloc(FUZZ_MAX);
    enum rl_soup_result last, result = RL_SOUP_MORE;
    struct rl_soup_stream s;
    size_t end, at = 0, taken = 0;
    uint32_t n = 0, n_whole = read_whole(data, size, &end, &last);

    CHECK(buffer != NULL);
    rl_soup_stream_init(&s, buffer, FUZZ_MAX);
    while (at < size && result == RL_SOUP_MORE) {
        size_t n_piece = 1 + data[at] % 19, n_room;
        uint8_t *room = rl_soup_stream_room(&s, &n_room);
        struct rl_soup p;

        n_piece = n_piece < size - at ? n_piece : size - at;
        CHECK(n_piece <= n_room);
        memcpy(room, data + at, n_piece);
        rl_soup_stream_filled(&s, n_piece);
        at += n_piece;
        while ((result = rl_soup_stream_next(&s, &p)) == RL_SOUP_OK) {
            CHECK(memcmp(p.payload - RL_SOUP_HEADER, data + taken, RL_SOUP_HEADER + p.n_bytes) ==
                  0);
            taken += RL_SOUP_HEADER + p.n_bytes;
            n++;
        }
    }
    CHECK_EQ(n, n_whole);
    CHECK_EQ(taken, end);
    if (size < FUZZ_MAX) /* else a packet may be too long for the buffer, and that is a lie too */
        CHECK_EQ(result, last);
    free(buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > FUZZ_MAX)
        return 0;
    check_message(data, (uint32_t)size);
    check_pieces(data, size);
    return 0;
}

/* --- seeds ------------------------------------------------------------------------------------ */

static struct rl_ouch_options some_options(uint8_t *bytes, unsigned i)
{
    struct rl_ouch_option_writer w = {.bytes = bytes, .n_max = 64};

    if (i % 3 == 0)
        CHECK(rl_ouch_put_option_uint(&w, RL_OUCH_OPTION_ref_index, i));
    if (i % 4 == 0)
        CHECK(rl_ouch_put_option_px(&w, RL_OUCH_OPTION_peg_offset, -100000 * (int64_t)i));
    if (i % 5 == 0)
        CHECK(rl_ouch_put_option_text(&w, RL_OUCH_OPTION_firm, "FIRM"));
    return rl_ouch_options_of(&w);
}

static uint32_t in_message(uint8_t *out, unsigned i)
{
    static const char types[] = "OUXMCDEQ";
    uint8_t bytes[64];
    struct rl_ouch_in v = {.type = (uint8_t)types[i % 8],
                           .side = "BSTE"[i % 4],
                           .tif = '0',
                           .display = 'Y',
                           .ref = i + 1,
                           .qty = 100 * i,
                           .px_nano = i % 2 ? RL_PX_NONE : 100000 * (int64_t)i,
                           .symbol = "ABC     ",
                           .firm = "FIRM",
                           .cl_ord_id = "ID            ",
                           .options = some_options(bytes, i)};

    return rl_ouch_write_in(out, RL_OUCH_MAX_MESSAGE, &v);
}

static uint32_t out_message(uint8_t *out, unsigned i)
{
    static const char types[] = "SAUCDEBFJPITMRXGKQ";
    uint8_t bytes[64];
    struct rl_ouch_out v = {.type = (uint8_t)types[i % 18],
                            .side = 'B',
                            .reason = 'U',
                            .ref = i,
                            .qty = 10,
                            .ts_ns = 34200000000000ULL + i,
                            .order_ref = i,
                            .match = 7 * i,
                            .px_nano = 100000 * (int64_t)i,
                            .symbol = "ABC     ",
                            .firm = "FIRM",
                            .cl_ord_id = "ID            ",
                            .options = some_options(bytes, i)};

    if (v.type == 'S')
        v.options = (struct rl_ouch_options){0};
    return rl_ouch_write_out(out, RL_OUCH_MAX_MESSAGE, &v);
}

size_t fuzz_seed(unsigned i, uint8_t *out)
{
    struct rl_soup_login login = {.seq = i};
    struct rl_soup_accepted accepted = {.seq = 1ULL << i % 64};
    uint32_t n = 0;

    if (i < 8)
        return in_message(out, i);
    if (i < 26)
        return out_message(out, i - 8);
    if (i >= 34)
        return 0;
    rl_put_alpha(login.username, "USER", sizeof login.username);
    rl_put_alpha(login.password, "SECRET", sizeof login.password);
    rl_put_alpha(login.session, "", sizeof login.session);
    rl_put_alpha(accepted.session, "SESSION  1", sizeof accepted.session);
    n += i % 2 ? rl_soup_write_login(out, FUZZ_MAX, &login)
               : rl_soup_write_accepted(out, FUZZ_MAX, &accepted);
    for (unsigned k = 0; k < 6; k++) {
        uint8_t m[RL_OUCH_MAX_MESSAGE];
        uint32_t n_message = i % 2 ? in_message(m, i + k) : out_message(m, 3 * i + k);

        n += rl_soup_write(out + n, FUZZ_MAX - n, i % 2 ? 'U' : 'S', m, n_message);
    }
    n += rl_soup_write(out + n, FUZZ_MAX - n, "HROZ"[i % 4], NULL, 0);
    n += rl_soup_write(out + n, FUZZ_MAX - n, '+', "debug", i % 6);
    return n;
}
