/*
 * The views of the books: what a reader gets is what the writer published, whole, and nothing else.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "market/book/view.h"
#include "spin.h"

enum { N_INSTRUMENTS = 3, N_PACKETS = 40000, PACKET_MOST = 8, N_READERS = 2 };

static struct rl_arena arena;
static struct rl_books books;
static struct rl_views *views;

static void books_open(uint32_t n_instruments)
{
    struct rl_books_config config = {
        .n_instruments = n_instruments, .n_orders = 512, .n_levels_per_side = 64};
    size_t n_bytes = rl_views_bytes(n_instruments);

    CHECK_EQ(rl_arena_open(&arena, rl_books_bytes(&config) + n_bytes + RL_CACHE_LINE, 0), 0);
    CHECK_EQ(rl_books_init(&books, &arena, &config), 0);
    views = rl_views_init(rl_arena_take(&arena, n_bytes, 0), n_bytes, n_instruments);
    CHECK(views != NULL);
    CHECK_EQ(rl_books_show(&books, views), 0);
}

static void books_close(void)
{
    const char *what = NULL;

    if (rl_books_check(&books, &what) != 0)
        fprintf(stderr, "%s\n", what);
    CHECK(what == NULL);
    rl_arena_close(&arena);
}

static void add(uint64_t seq, uint32_t instrument, enum rl_side side, int64_t px, uint64_t qty)
{
    struct rl_update u = {.seq = seq,
                          .ts_ns = seq * 10,
                          .op = RL_OP_ADD,
                          .id = seq,
                          .instrument = instrument,
                          .side = (uint8_t)side,
                          .px_nano = px,
                          .qty = qty};

    rl_books_apply(&books, &u);
}

/* A few levels more than a view shows, and every operation. */
static struct rl_update random_update(uint64_t *random, uint64_t seq)
{
    static const uint8_t ops[] = {RL_OP_ADD,    RL_OP_ADD,     RL_OP_ADD,    RL_OP_REDUCE,
                                  RL_OP_DELETE, RL_OP_REPLACE, RL_OP_MODIFY, RL_OP_LEVEL};
    uint64_t r = check_random(random);
    struct rl_update u = {.seq = seq,
                          .ts_ns = seq * 10,
                          .op = ops[r % RL_COUNT(ops)],
                          .instrument = (uint32_t)(r >> 8) % N_INSTRUMENTS,
                          .side = (r >> 16) & 1,
                          .px_nano = 1000 + (int64_t)((r >> 20) % 24),
                          .qty = (r >> 28) % 8,
                          .id = 1 + (r >> 32) % 150,
                          .new_id = 1 + (r >> 40) % 150};

    if ((r >> 48) % 2048 < 2)
        u.op = (r >> 48) % 2048 == 0 ? RL_OP_CLEAR : RL_OP_RESET;
    return u;
}

/* --- one thread: what a view shows, and when -------------------------------------------------- */

static bool is_as_the_book_says(const struct rl_book_top *top, uint32_t instrument)
{
    struct rl_book_depth depth[RL_VIEW_LEVELS];

    for (unsigned side = 0; side < 2; side++) {
        uint32_t n = rl_books_depth(&books, instrument, (enum rl_side)side, depth, RL_VIEW_LEVELS);

        if (top->n_levels[side] != n)
            return false;
        for (uint32_t i = 0; i < n; i++)
            if (top->levels[side][i].px_nano != depth[i].px_nano ||
                top->levels[side][i].qty != depth[i].qty ||
                top->levels[side][i].n_orders != depth[i].n_orders)
                return false;
    }
    return rl_book_top_state(top) == rl_books_state(&books, instrument);
}

static void test_a_view_shows_the_ten_best_of_each_side_after_every_one_of_200000_updates(void)
{
    uint64_t random = 11, n_full = 0;

    books_open(N_INSTRUMENTS);
    for (uint64_t seq = 1; seq <= 200000; seq++) {
        struct rl_update u = random_update(&random, seq);
        struct rl_book_top top;
        struct rl_bbo bbo, wanted;

        rl_books_apply(&books, &u); /* not held: readable at once */
        if (seq % 3 == 0) {
            rl_views_publish(&books, seq);
            CHECK_EQ(rl_views_published(views), seq);
        }
        for (uint32_t i = 0; i < N_INSTRUMENTS; i++) {
            CHECK(rl_views_read_tries(views, i, &top, 1));
            CHECK(is_as_the_book_says(&top, i));
            CHECK(top.seq <= seq && top.ts_ns == top.seq * 10);
            n_full += top.n_levels[RL_BUY] == RL_VIEW_LEVELS;
            CHECK(rl_views_bbo(views, i, &bbo));
            rl_books_bbo(&books, i, &wanted);
            CHECK(memcmp(&bbo, &wanted, sizeof bbo) == 0);
        }
        if (seq % 64 == 0)
            CHECK_EQ(rl_books_check(&books, NULL), 0);
    }
    CHECK(n_full > 10000);
    books_close();
}

static void test_nobody_sees_the_inside_of_a_packet(void)
{
    struct rl_book_top top;

    books_open(N_INSTRUMENTS);
    rl_views_hold(&books);
    add(1, 0, RL_BUY, 100, 5);
    CHECK(!rl_views_read(views, 0, &top)); /* not in a thousand tries */
    CHECK(rl_views_read_tries(views, 1, &top, 1));
    add(2, 0, RL_SELL, 105, 7);
    add(3, 2, RL_SELL, 105, 7);
    rl_views_publish(&books, 3);
    CHECK(rl_views_read_tries(views, 0, &top, 1));
    CHECK_EQ(top.seq, 2);
    CHECK_EQ(top.ts_ns, 20);
    CHECK_EQ(top.n_levels[RL_BUY] + top.n_levels[RL_SELL], 2);
    CHECK_EQ(top.levels[RL_SELL][0].px_nano, 105);
    CHECK_EQ(top.levels[RL_SELL][0].n_orders, 1);
    CHECK_EQ(rl_book_top_state(&top), RL_BOOK_OPEN);
    CHECK_EQ(rl_views_published(views), 3);
    CHECK(rl_views_read_tries(views, 2, &top, 1));
    CHECK_EQ(rl_book_top_state(&top), RL_BOOK_ONE_SIDED);
    CHECK(!rl_views_read(views, N_INSTRUMENTS, &top));
    books_close();
}

static void test_an_update_beyond_the_ten_best_is_seen_by_its_number_alone(void)
{
    struct rl_book_top before, after;

    books_open(1);
    for (uint64_t i = 0; i < RL_VIEW_LEVELS; i++)
        add(1 + i, 0, RL_BUY, 100 + (int64_t)i, 5);
    memset(&before, 0, sizeof before);
    memset(&after, 0, sizeof after);
    CHECK(rl_views_read(views, 0, &before));
    add(11, 0, RL_BUY, 99, 5);
    add(12, 0, RL_BUY, 99, 6);
    CHECK(rl_views_read(views, 0, &after));
    CHECK_EQ(after.seq, 12);
    before.seq = after.seq;
    before.ts_ns = after.ts_ns;
    CHECK(memcmp(&before, &after, sizeof before) == 0);
    /* The best one goes: the eleventh gets into view. */
    rl_books_apply(&books, &(struct rl_update){.seq = 13, .op = RL_OP_DELETE, .id = 10});
    CHECK(rl_views_read(views, 0, &after));
    CHECK_EQ(after.levels[RL_BUY][9].px_nano, 99);
    CHECK_EQ(after.levels[RL_BUY][9].qty, 11);
    CHECK_EQ(after.levels[RL_BUY][9].n_orders, 2);
    CHECK_EQ(after.seq, 13);
    /* What is not there changes not even the number. */
    rl_books_apply(&books, &(struct rl_update){.seq = 14, .op = RL_OP_DELETE, .id = 10});
    CHECK(rl_views_read(views, 0, &after));
    CHECK_EQ(after.seq, 13);
    books_close();
}

static void test_views_begin_with_what_is_there_and_can_be_taken_away(void)
{
    size_t n_bytes = rl_views_bytes(N_INSTRUMENTS);
    struct rl_views *others;
    uint64_t random = 5;
    struct rl_book_top top;

    books_open(N_INSTRUMENTS);
    others = rl_views_init(aligned_alloc(RL_CACHE_LINE, n_bytes), n_bytes, N_INSTRUMENTS);
    CHECK(others != NULL);
    for (uint64_t seq = 1; seq < 2000; seq++) {
        struct rl_update u = random_update(&random, seq);

        if (seq == 500)
            CHECK_EQ(rl_books_show(&books, NULL), 0);
        if (seq == 1000)
            CHECK_EQ(rl_books_show(&books, others), 0);
        if (seq == 1500) /* in the middle of a packet, and back to views that were used before */
            CHECK_EQ(rl_books_show(&books, views), 0);
        if (seq % 3 == 1 && seq % 2 == 0)
            rl_views_hold(&books);
        rl_books_apply(&books, &u);
        if (seq % 3 == 0) {
            rl_views_publish(&books, seq);
            CHECK_EQ(rl_books_check(&books, NULL), 0);
        }
    }
    rl_views_publish(&books, 2000);
    for (uint32_t i = 0; i < N_INSTRUMENTS; i++) {
        CHECK(rl_views_read_tries(views, i, &top, 1));
        CHECK(is_as_the_book_says(&top, i));
        CHECK(rl_views_read_tries(others, i, &top, 1)); /* old, but whole */
    }
    books_close();
    free(others);
}

/* It had begun to write, or not: who comes after it ends what it began. */
static void test_views_of_a_writer_that_died_in_a_write_can_be_read_again(void)
{
    struct rl_book_top top;

    for (uint64_t died_at = 0; died_at < 4; died_at++) {
        books_open(N_INSTRUMENTS);
        CHECK_EQ(rl_books_show(&books, NULL), 0);
        atomic_store(&views->books[1].sequence, died_at);
        CHECK(rl_views_read_tries(views, 1, &top, 1) == (died_at % 2 == 0));
        CHECK(!rl_views_read_tries(views, 0, &top, 0)); /* never tried, never read */
        CHECK_EQ(rl_books_show(&books, views), 0);
        CHECK(rl_views_read_tries(views, 1, &top, 1));
        add(1, 1, RL_BUY, 100, 5);
        rl_views_publish(&books, 1);
        CHECK(rl_views_read_tries(views, 1, &top, 1));
        CHECK(is_as_the_book_says(&top, 1));
        books_close();
    }
}

static void test_views_that_do_not_fit_are_refused(void)
{
    static RL_ALIGNED uint8_t memory[8192];
    size_t n_bytes = rl_views_bytes(2);
    struct rl_views *v = rl_views_init(memory, sizeof memory, 2);

    CHECK_EQ(rl_views_bytes(0), 0);
    CHECK_EQ(rl_views_bytes((1u << 24) + 1), 0);
    CHECK(rl_views_init(memory, sizeof memory, 0) == NULL);
    CHECK(rl_views_init(memory, n_bytes - 1, 2) == NULL);
    CHECK(rl_views_init(memory + 8, n_bytes, 2) == NULL);
    CHECK_EQ(rl_views_check(v, n_bytes), 0);
    CHECK_EQ(rl_views_check(v, n_bytes - 1), -EINVAL);
    CHECK_EQ(rl_views_check(v, 10), -EINVAL);
    v->magic++;
    CHECK_EQ(rl_views_check(v, sizeof *v), -EPROTO); /* enough to be told so */
    CHECK_EQ(rl_views_check(v, sizeof *v - 1), -EINVAL);
    v->magic--;
    v->n_instruments = 3;
    CHECK_EQ(rl_views_check(v, sizeof memory), -EINVAL);
    v->n_instruments = 2;
    v->n_levels = 5;
    CHECK_EQ(rl_views_check(v, n_bytes), -EPROTO);
    v->n_levels = RL_VIEW_LEVELS;
    v->magic++;
    CHECK_EQ(rl_views_check(v, n_bytes), -EPROTO);
    books_open(N_INSTRUMENTS);
    CHECK_EQ(rl_books_show(&books, v), -EINVAL);
    books_close();
}

static void test_a_view_is_read_through_another_mapping_that_may_not_write(void)
{
    size_t n_bytes = rl_views_bytes(N_INSTRUMENTS);
    int fd = memfd_create("views", MFD_CLOEXEC);
    void *written, *seen;
    struct rl_book_top top;

    CHECK(fd >= 0 && ftruncate(fd, (off_t)n_bytes) == 0);
    written = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    seen = mmap(NULL, n_bytes, PROT_READ, MAP_SHARED, fd, 0);
    CHECK(written != MAP_FAILED && seen != MAP_FAILED && written != seen);
    books_open(N_INSTRUMENTS);
    CHECK_EQ(rl_books_show(&books, rl_views_init(written, n_bytes, N_INSTRUMENTS)), 0);
    add(1, 1, RL_BUY, 100, 5);
    rl_views_publish(&books, 1);
    CHECK_EQ(rl_views_check(seen, n_bytes), 0);
    CHECK(rl_views_read(seen, 1, &top));
    CHECK(is_as_the_book_says(&top, 1));
    CHECK_EQ(rl_books_show(&books, NULL), 0);
    books_close();
    munmap(written, n_bytes);
    munmap(seen, n_bytes);
    close(fd);
}

static void test_a_broken_view_does_not_pass_the_check(void)
{
    const char *what;

    books_open(1);
    for (uint64_t i = 1; i <= 12; i++)
        add(i, 0, RL_BUY, 100 + (int64_t)i, 5);
    rl_views_publish(&books, 12);
    atomic_fetch_add(&views->books[0].cells[3].qty, 1);
    CHECK_EQ(rl_books_check(&books, &what), -EBADMSG);
    atomic_fetch_sub(&views->books[0].cells[3].qty, 1);
    atomic_fetch_xor(&views->books[0].ranks[RL_BUY], 1);
    CHECK_EQ(rl_books_check(&books, &what), -EBADMSG);
    atomic_fetch_xor(&views->books[0].ranks[RL_BUY], 1);
    books_close();
}

static void test_showing_neither_allocates_nor_faults(void)
{
    uint64_t random = 99;
    struct rl_usage before, used;
    struct rl_book_top top;

    books_open(N_INSTRUMENTS);
    CHECK(rl_trap_is_linked());
    memset(&top, 0, sizeof top);
    rl_trap_arm();
    before = rl_usage_now();
    for (uint64_t n = 0; n < 50000; n++) {
        struct rl_update u = random_update(&random, n);

        rl_books_apply(&books, &u);
        rl_views_publish(&books, n);
        CHECK(rl_views_read_tries(views, u.instrument % N_INSTRUMENTS, &top, 1));
    }
    used = rl_usage_diff(before, rl_usage_now());
    rl_trap_disarm();
    CHECK_EQ(used.n_allocs, 0);
    CHECK_EQ(used.majflt, 0);
    books_close();
}

/* --- readers beside the writer ---------------------------------------------------------------- */

/* Sums of the tops that were published, by the sequence number that they bear. */
static uint64_t known[N_INSTRUMENTS][N_PACKETS * PACKET_MOST + 1];
/* What each view bore when a packet was published. */
static uint64_t borne[N_PACKETS + 1][N_INSTRUMENTS];
static _Atomic bool done;

static uint64_t sum_of_levels(uint64_t sum, const struct rl_book_depth *depth, uint32_t n)
{
    sum = rl_mix(sum ^ n);
    for (uint32_t i = 0; i < n; i++)
        sum = rl_books_hash_one(depth[i].n_orders, sum, i & 1, depth[i].px_nano, depth[i].qty);
    return sum;
}

static uint64_t sum_of_top(const struct rl_book_top *top, uint32_t instrument)
{
    uint64_t sum = rl_mix(instrument + 1);

    for (unsigned side = 0; side < 2; side++)
        sum = sum_of_levels(sum, top->levels[side], top->n_levels[side]);
    return sum;
}

static uint64_t sum_of_book(uint32_t instrument)
{
    struct rl_book_depth depth[RL_VIEW_LEVELS];
    uint64_t sum = rl_mix(instrument + 1);

    for (unsigned side = 0; side < 2; side++)
        sum = sum_of_levels(
            sum, depth,
            rl_books_depth(&books, instrument, (enum rl_side)side, depth, RL_VIEW_LEVELS));
    return sum;
}

static bool was_published(const struct rl_book_top *top, uint32_t instrument)
{
    return top->seq == 0 || known[instrument][top->seq] == sum_of_top(top, instrument);
}

/* Applies a packet and writes down what is about to be published, from the books themselves. */
static uint64_t write_packet(uint64_t packet, uint64_t seq, uint64_t *random)
{
    uint64_t n = 1 + check_random(random) % PACKET_MOST;

    rl_views_hold(&books);
    for (uint64_t i = 0; i < n; i++) {
        struct rl_update u = random_update(random, ++seq);

        rl_books_apply(&books, &u);
    }
    for (uint32_t i = 0; i < N_INSTRUMENTS; i++) {
        uint64_t bears = atomic_load_explicit(&views->books[i].seq, memory_order_relaxed);

        if (bears > seq - n)
            known[i][bears] = sum_of_book(i);
        borne[packet][i] = bears;
    }
    return seq;
}

struct reader {
    pthread_t thread;
    uint64_t n_reads, n_refused;
};

static void *read_all_the_time(void *arg)
{
    struct reader *r = arg;
    uint64_t last[N_INSTRUMENTS] = {0};
    uint32_t n_turns = 0;
    bool was_done;

    do {
        was_done = atomic_load(&done);
        for (uint32_t i = 0; i < N_INSTRUMENTS; i++) {
            uint64_t packet = rl_views_published(views);
            struct rl_book_top top;

            if (!rl_views_read_tries(views, i, &top, 1)) {
                r->n_refused++;
                spin_wait(&n_turns);
                continue;
            }
            CHECK(was_published(&top, i));
            CHECK(top.seq >= last[i] && top.seq >= borne[packet][i]);
            last[i] = top.seq;
            r->n_reads++;
        }
    } while (!was_done);
    for (uint32_t i = 0; i < N_INSTRUMENTS; i++)
        CHECK_EQ(last[i], borne[N_PACKETS][i]); /* the last packet is not lost */
    return NULL;
}

static void test_every_snapshot_is_one_that_the_writer_published(void)
{
    struct reader readers[N_READERS] = {0};
    uint64_t random = 3, seq = 0;

    books_open(N_INSTRUMENTS);
    memset(known, 0, sizeof known);
    atomic_store(&done, false);
    for (int i = 0; i < N_READERS; i++)
        CHECK_EQ(pthread_create(&readers[i].thread, NULL, read_all_the_time, &readers[i]), 0);
    for (uint64_t packet = 1; packet <= N_PACKETS; packet++) {
        seq = write_packet(packet, seq, &random);
        rl_views_publish(&books, packet);
        spin_dawdle(PACE_SLOW, &random);
    }
    atomic_store(&done, true);
    for (int i = 0; i < N_READERS; i++) {
        CHECK_EQ(pthread_join(readers[i].thread, NULL), 0);
        CHECK(readers[i].n_reads > 0);
    }
    books_close();
}

/*
 * A writer that does not say that it is at it: its sequence is even while a packet is half applied.
 * The checks above must see what its readers get.
 */
static void test_a_writer_that_skips_the_odd_sequence_is_caught(void)
{
    uint64_t random = 3, seq = 0, n_torn = 0;

    books_open(N_INSTRUMENTS);
    memset(known, 0, sizeof known);
    for (uint64_t packet = 1; packet <= 1000; packet++) {
        uint64_t first = seq + 1;
        struct rl_book_top top;

        seq = write_packet(packet, seq, &random);
        rl_views_publish(&books, packet);
        for (uint32_t i = 0; i < N_INSTRUMENTS; i++) {
            CHECK(rl_views_read_tries(views, i, &top, 1));
            CHECK(was_published(&top, i));
        }
        rl_views_hold(&books);
        for (; seq < first + PACKET_MOST; seq++) { /* one update, and the lie that all is done */
            struct rl_update u = random_update(&random, seq + 1);

            rl_books_apply(&books, &u);
            for (uint32_t i = 0; i < N_INSTRUMENTS; i++)
                if (atomic_load(&views->books[i].sequence) & 1) {
                    atomic_fetch_add(&views->books[i].sequence, 1);
                    CHECK(rl_views_read_tries(views, i, &top, 1));
                    n_torn += !was_published(&top, i);
                    atomic_fetch_sub(&views->books[i].sequence, 1);
                }
        }
        for (uint32_t i = 0; i < N_INSTRUMENTS; i++)
            known[i][atomic_load(&views->books[i].seq)] = sum_of_book(i);
        rl_views_publish(&books, packet);
    }
    CHECK(n_torn > 1000);
    books_close();
}

int main(void)
{
    test_a_view_shows_the_ten_best_of_each_side_after_every_one_of_200000_updates();
    test_nobody_sees_the_inside_of_a_packet();
    test_an_update_beyond_the_ten_best_is_seen_by_its_number_alone();
    test_views_begin_with_what_is_there_and_can_be_taken_away();
    test_views_of_a_writer_that_died_in_a_write_can_be_read_again();
    test_views_that_do_not_fit_are_refused();
    test_a_view_is_read_through_another_mapping_that_may_not_write();
    test_a_broken_view_does_not_pass_the_check();
    test_showing_neither_allocates_nor_faults();
    test_every_snapshot_is_one_that_the_writer_published();
    test_a_writer_that_skips_the_odd_sequence_is_caught();
    return 0;
}
