/*
 * fuzz_file - what holds for every reader of a capture file, whatever the file holds.
 *
 * Surveying, counting and filling agree; records lie in the file, one behind the other; an error
 * has a place and a sentence and leaves nothing behind; and a file cut short either says so or
 * gives the same records up to there.
 */
#ifndef RL_TESTS_FUZZ_FILE_H
#define RL_TESTS_FUZZ_FILE_H

#include <errno.h>

#include "fuzz.h"
#include "market/replay/replay.h"

enum { FUZZ_MAX_RECS = 2048 };

static struct rl_stream_rec fuzz_recs[FUZZ_MAX_RECS];

/* Returns how many records there are; 0 after an error. They are in fuzz_recs. */
static inline uint64_t fuzz_index(enum rl_source source, const uint8_t *data, size_t size)
{
    struct rl_replay_error error, again;
    uint64_t n = 77, n_again = 77, end = 0;
    int err = rl_replay_index(source, data, size, NULL, 0, &n, &error);

    CHECK_EQ(rl_replay_index(source, data, size, fuzz_recs, FUZZ_MAX_RECS, &n_again, &again), err);
    CHECK_EQ(n, n_again);
    if (err) {
        CHECK_EQ(err, -EBADMSG);
        CHECK_EQ(n, 0);
        CHECK(error.what != NULL && error.what[0] != '\0' && error.offset <= size);
        CHECK_EQ(error.offset, again.offset);
        CHECK(strcmp(error.what, again.what) == 0);
        return 0;
    }
    CHECK(n <= FUZZ_MAX_RECS);
    for (uint64_t i = 0; i < n; i++) {
        CHECK(fuzz_recs[i].offset >= end && fuzz_recs[i].offset <= size);
        CHECK(fuzz_recs[i].n_bytes <= size - fuzz_recs[i].offset);
        end = fuzz_recs[i].offset + fuzz_recs[i].n_bytes;
    }
    return n;
}

static inline void fuzz_survey(enum rl_source source, const uint8_t *data, size_t size, uint64_t n)
{
    static struct rl_replay_survey survey;
    struct rl_replay_want want = {.source = source};
    struct rl_replay_error error;
    uint64_t n_packets = 0, n_messages = 0, n_counted = 0;

    if (rl_replay_survey(&want, data, size, &survey, &error) != 0) {
        CHECK_EQ(n, 0);
        return;
    }
    CHECK_EQ(survey.n_records, n);
    CHECK(survey.n_lines <= RL_REPLAY_MAX_LINES);
    for (uint32_t i = 0; i < survey.n_lines; i++) {
        n_packets += survey.lines[i].n_packets;
        n_messages += survey.lines[i].n_messages;
    }
    if (survey.n_lines == 0)
        return;
    for (uint64_t i = 0; i < n; i++) {
        CHECK(fuzz_recs[i].line < survey.n_lines);
        n_counted += fuzz_recs[i].n_messages;
    }
    CHECK_EQ(n_packets, n);
    CHECK_EQ(n_messages, n_counted);
}

/*
 * What the file has of that kind, after all of the checks above; the cut is where the file itself
 * says: anywhere.
 */
static inline uint64_t fuzz_file(enum rl_source source, const uint8_t *data, size_t size)
{
    static struct rl_stream_rec whole[FUZZ_MAX_RECS];
    uint64_t n_whole = fuzz_index(source, data, size), n_cut;
    size_t n_left = size ? (data[size / 2] * 257u + size) % (size + 1) : 0;
    uint8_t *cut;

    (void)rl_replay_guess(data, size);
    fuzz_survey(source, data, size, n_whole);
    memcpy(whole, fuzz_recs, n_whole * sizeof *whole);
    cut = fuzz_exactly(data, n_left);
    n_cut = fuzz_index(source, cut, n_left);
    if (n_whole > 0) {
        CHECK(n_cut <= n_whole);
        for (uint64_t i = 0; i < n_cut; i++) {
            CHECK_EQ(fuzz_recs[i].offset, whole[i].offset);
            CHECK_EQ(fuzz_recs[i].ts_ns, whole[i].ts_ns);
            /* the last message of a text may end where the file does */
            CHECK(fuzz_recs[i].n_bytes == whole[i].n_bytes || i + 1 == n_cut);
        }
    }
    free(cut);
    memcpy(fuzz_recs, whole, n_whole * sizeof *whole);
    return n_whole;
}

#endif
