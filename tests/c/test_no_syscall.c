/*
 * The hot path makes no system call: it runs in a process in which any call but one kills.
 *
 * A seccomp filter allows exit_group alone; what was found lies in memory shared with the parent.
 * The proof is proved: the same child dies of one getpid, and of one write.
 */
#include "check.h"
#include "market/book/view.h"
#include "no_calls.h"
#include "rig/component/component.h"
#include "stream_dict.h"
#include "streams.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum seed { SEED_NONE, SEED_GETPID, SEED_WRITE };

/* Everything is made ready before the filter: inside, nothing may be asked of the kernel. */
struct bench {
    struct rl_stream itch, fix, orders;
    struct rl_arena arena, dict_arena;
    struct rl_fix_dict dict;
    struct rl_fix_msg msg;
    struct rl_fix_field fields[RL_FIX_MAX_FIELDS];
    struct rl_fix_template template;
    struct rl_books books;
    struct rl_feed itch_feed, fix_feed;
    struct rl_views *views;
    uint8_t out[RL_FIX_ORDER_MAX];
};

/* What the child did, so that nothing can pass by doing nothing. */
struct done {
    uint64_t n_parsed, n_valid, n_encoded, n_updates, n_fix_updates, n_read;
    bool is_over;
};

static void open_bench(struct bench *b)
{
    struct rl_books_config books = {
        .n_instruments = 64, .n_orders = 50000, .n_levels_per_side = 2000};
    struct rl_feed_config itch = {.kind = RL_FEED_ITCH, .n_instruments = 64};
    struct rl_feed_config fix = {.kind = RL_FEED_FIX, .n_instruments = 64};
    size_t n_views = rl_views_bytes(books.n_instruments);

    b->itch = itch_stream(2000, 50, 1);
    b->fix = fix_stream(1000, 2);
    b->orders = order_stream(1000, 3);
    stream_dict(&b->dict, &b->dict_arena);
    CHECK_EQ(rl_arena_open(&b->arena,
                           rl_books_bytes(&books) + rl_feed_bytes(&itch) + rl_feed_bytes(&fix) +
                               n_views + (1 << 16),
                           RL_ARENA_ALL),
             0);
    CHECK_EQ(rl_books_init(&b->books, &b->arena, &books), 0);
    CHECK_EQ(rl_feed_init(&b->itch_feed, &b->arena, &itch), 0);
    CHECK_EQ(rl_feed_init(&b->fix_feed, &b->arena, &fix), 0);
    b->views = rl_views_init(rl_arena_take(&b->arena, n_views, 0), n_views, books.n_instruments);
    CHECK(b->views != NULL);
    CHECK_EQ(rl_books_show(&b->books, b->views), 0);
    CHECK_EQ(rl_fix_nos_init(&b->template, "FIX.4.4", "REDLINE", "EXCHANGE"), 0);
    rl_fix_init(&b->msg, b->fields, RL_FIX_MAX_FIELDS);
}

static void parse_and_validate(struct bench *b, const struct rl_stream *s, struct done *done)
{
    for (uint64_t i = 0; i < s->n_recs; i++) {
        const uint8_t *bytes = s->bytes + s->recs[i].offset;

        if (rl_fix_parse(&b->msg, bytes, s->recs[i].n_bytes) != RL_FIX_OK)
            continue;
        done->n_parsed++;
        done->n_valid += rl_fix_validate(&b->dict, &b->msg, RL_FIX_LEVEL_DICTIONARY) == RL_FIX_OK;
    }
}

static uint64_t feed_books(struct bench *b, struct rl_feed *feed, const struct rl_stream *s)
{
    struct rl_feed_cursor cursor;
    struct rl_update u;
    uint64_t n = 0;

    for (uint64_t i = 0; i < s->n_recs; i++) {
        if (!rl_feed_open(feed, s->bytes + s->recs[i].offset, s->recs[i].n_bytes, &cursor))
            continue;
        while (rl_feed_next(feed, &cursor, &u)) {
            rl_books_apply(&b->books, &u);
            n++;
        }
        rl_views_publish(&b->books, i + 1);
    }
    return n;
}

static void hot_path(struct bench *b, struct done *done)
{
    struct rl_fix_nos order = {.cl_ord_id = "0123456789ABC",
                               .time_ns = 1790000000000000000ULL,
                               .symbol = "MSFT",
                               .n_symbol = 4,
                               .qty = 100,
                               .time_in_force = '0'};
    struct rl_book_top top;

    parse_and_validate(b, &b->fix, done);
    parse_and_validate(b, &b->orders, done);
    for (uint64_t i = 0; i < 1000; i++) {
        order.msg_seq = order.secondary_id = i + 1;
        order.time_ns += 1234567;
        order.px_nano = (int64_t)i * 10000000;
        done->n_encoded += rl_fix_nos_write(&b->template, &order, b->out) > 0;
    }
    done->n_updates = feed_books(b, &b->itch_feed, &b->itch);
    done->n_fix_updates = feed_books(b, &b->fix_feed, &b->fix);
    for (uint32_t i = 0; i < 64; i++)
        done->n_read += rl_views_read(b->views, i, &top);
}

/* The hot path in a child under the filter; how it ended, as waitpid says. */
static int run_filtered(struct bench *b, struct done *done, enum seed seed)
{
    int status;
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        if (!allow_exit_alone())
            _exit(NO_SECCOMP);
        if (seed == SEED_GETPID)
            syscall(SYS_getpid);
        else if (seed == SEED_WRITE)
            (void)!write(STDERR_FILENO, "", 0);
        hot_path(b, done);
        done->is_over = true;
        syscall(SYS_exit_group, 0); /* not exit: what libc does at the end is not our path */
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_SECCOMP) {
        fprintf(stderr, "skipped: no seccomp filter may be set here\n");
        exit(RL_SKIP);
    }
    return status;
}

static void test_the_hot_path_asks_nothing_of_the_kernel(struct bench *b, struct done *done)
{
    int status = run_filtered(b, done, SEED_NONE);

    if (WIFSIGNALED(status))
        fprintf(stderr, "the hot path was killed by signal %d: it made a system call\n",
                WTERMSIG(status));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(done->is_over);
    CHECK_EQ(done->n_parsed, b->fix.n_recs + b->orders.n_recs);
    CHECK_EQ(done->n_valid, done->n_parsed);
    CHECK_EQ(done->n_encoded, 1000);
    CHECK(done->n_updates >= b->itch.n_recs);
    CHECK(done->n_fix_updates >= b->fix.n_recs);
    CHECK_EQ(done->n_read, 64);
}

static void test_one_seeded_call_is_caught(struct bench *b, struct done *done, enum seed seed)
{
    int status = run_filtered(b, done, seed);

    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGSYS);
    CHECK(!done->is_over);
}

int main(void)
{
    struct bench *b = calloc(1, sizeof(*b));
    struct done *done =
        mmap(NULL, sizeof(*done), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

#ifdef __SANITIZE_THREAD__
    fprintf(stderr, "skipped: ThreadSanitizer's own code makes system calls\n");
    return RL_SKIP;
#endif
    CHECK(b != NULL && done != MAP_FAILED);
    open_bench(b);
    test_one_seeded_call_is_caught(b, done, SEED_GETPID);
    test_one_seeded_call_is_caught(b, done, SEED_WRITE);
    test_the_hot_path_asks_nothing_of_the_kernel(b, done);
    stream_free(&b->itch);
    stream_free(&b->fix);
    stream_free(&b->orders);
    rl_arena_close(&b->arena);
    rl_arena_close(&b->dict_arena);
    munmap(done, sizeof(*done));
    free(b);
    return 0;
}
