/*
 * replay_files - small captures built byte by byte, and the checks that every reader must pass.
 *
 * A file is read from memory of exactly its size, so that a sanitizer sees the first byte too many.
 */
#ifndef RL_TESTS_REPLAY_FILES_H
#define RL_TESTS_REPLAY_FILES_H

#include "check.h"

#include <errno.h>
#include <string.h>

#include "market/codec/mold.h"
#include "market/replay/replay.h"

static uint8_t file[65536];
static uint32_t n_file;
static struct rl_stream_rec recs[64];
static struct rl_replay_error error;
static uint64_t n_indexed;
/* Where the file may end and still be whole: ends of the header and of each record. */
static uint32_t ends[64];
static uint32_t n_ends;

static inline void file_begin(void)
{
    n_file = 0;
    n_ends = 0;
}

static inline void put(const void *bytes, uint32_t n)
{
    CHECK(n_file + n <= sizeof file);
    memcpy(file + n_file, bytes, n);
    n_file += n;
}

static inline void put_u16(uint16_t v, bool swapped)
{
    v = swapped ? __builtin_bswap16(v) : v;
    put(&v, 2);
}

static inline void put_u32(uint32_t v, bool swapped)
{
    v = swapped ? __builtin_bswap32(v) : v;
    put(&v, 4);
}

static inline void put_u64(uint64_t v, bool swapped)
{
    v = swapped ? __builtin_bswap64(v) : v;
    put(&v, 8);
}

static inline void file_may_end(void)
{
    CHECK(n_ends < RL_COUNT(ends));
    ends[n_ends++] = n_file;
}

/* The first n bytes of the file. */
static inline int index_part(enum rl_source source, uint32_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    int err;

    CHECK(copy != NULL);
    memcpy(copy, file, n);
    err = rl_replay_index(source, copy, n, recs, RL_COUNT(recs), &n_indexed, &error);
    free(copy);
    return err;
}

static inline int index_file(enum rl_source source)
{
    return index_part(source, n_file);
}

/* The file with one thing wrong is refused, at that place and with these words. */
static inline void check_refused(enum rl_source source, uint32_t offset, const char *words)
{
    int err = index_file(source);

    if (err != -EBADMSG || error.offset != offset || strstr(error.what, words) == NULL) {
        fprintf(stderr, "wanted byte %u: %s; saw %d, byte %" PRIu64 ": %s\n", offset, words, err,
                error.offset, error.what ? error.what : "nothing");
        exit(1);
    }
}

/*
 * Cut at every byte. Where a record ends the file is whole, with the records up to there; anywhere
 * else it is refused, and the offset is inside what is left and not before the record that is cut.
 * `n_without` such ends are of no record yet: a format may refuse them as empty.
 */
static inline void check_every_cut(enum rl_source source, uint32_t n_without, bool empty_is_whole)
{
    uint32_t n_whole = n_file, k = 0;

    for (uint32_t n = 0; n <= n_whole; n++) {
        int err = index_part(source, n);

        while (k < n_ends && ends[k] < n)
            k++;
        if (k < n_ends && ends[k] == n && (k >= n_without || empty_is_whole)) {
            if (err) {
                fprintf(stderr, "cut at %u of %u: %s\n", n, n_whole, error.what);
                exit(1);
            }
            CHECK_EQ(n_indexed, k < n_without ? 0 : k + 1 - n_without);
            continue;
        }
        CHECK_EQ(err, -EBADMSG);
        CHECK(error.what != NULL && error.offset <= n);
        CHECK(k == 0 || error.offset >= ends[k - 1]);
    }
}

#endif
