/*
 * Views of a ledger: what another thread or process reads is one moment of it, whole.
 *
 * The writers here book, in account 0 and instrument 0, executions after which a known relation
 * holds between all numbers of a position; a reader that sees it broken has read two moments.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spin.h"
#include "trade/position/view.h"

#ifdef __SANITIZE_THREAD__
enum { N_WRITES = 30000 }; /* each is as long as ten without the sanitizer */
#else
enum { N_WRITES = 100000 };
#endif
enum { N_ACCOUNTS = 2, N_SYMBOLS = 3, N_READERS = 2, PX = 100 };

static struct rl_arena arena;
static struct rl_ledger l;
static struct rl_ledger_view *view;

static void ledger_open(void)
{
    struct rl_ledger_config config = {.n_accounts = N_ACCOUNTS,
                                      .n_instruments = N_SYMBOLS,
                                      .n_fifo_lots = 4096,
                                      .method = {[1] = RL_METHOD_FIFO}};
    size_t n_bytes = rl_ledger_view_bytes(N_ACCOUNTS, N_SYMBOLS);
    void *shared;

    CHECK_EQ(rl_arena_open(&arena, rl_ledger_bytes(&config), 0), 0);
    CHECK_EQ(rl_ledger_init(&l, &arena, &config), 0);
    shared = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    view = rl_ledger_view_init(shared, n_bytes, N_ACCOUNTS, N_SYMBOLS);
    CHECK(view != NULL);
}

static void ledger_close(void)
{
    CHECK_EQ(rl_ledger_check(&l, NULL), 0);
    CHECK_EQ(munmap(view, view->n_bytes), 0);
    rl_arena_close(&arena);
}

/* --- one thread ------------------------------------------------------------------------------- */

/* The lots of a FIFO position stay at home. */
static bool is_as_shown(const struct rl_position *held, const struct rl_position *seen)
{
    struct rl_position wanted = *held;

    wanted.first_lot = wanted.last_lot = 0;
    return memcmp(&wanted, seen, sizeof wanted) == 0;
}

static void check_everything(void)
{
    struct rl_position p;
    struct rl_account a;
    struct rl_mark m;

    for (uint32_t i = 0; i < N_SYMBOLS; i++) {
        CHECK(rl_ledger_read_mark(view, i, &m));
        CHECK(m.px_nano == l.marks[i].px_nano && m.tsc == l.marks[i].tsc && m.accounts == 0);
        for (uint32_t k = 0; k < N_ACCOUNTS; k++) {
            CHECK(rl_ledger_read_position(view, k, i, &p));
            CHECK(is_as_shown(rl_ledger_at(&l, k, i), &p));
        }
    }
    for (uint32_t k = 0; k < N_ACCOUNTS; k++) {
        CHECK(rl_ledger_read_account(view, k, &a));
        CHECK(memcmp(&a, &l.accounts[k], sizeof a) == 0);
    }
}

static void test_a_view_that_is_shown_each_change_shows_everything(void)
{
    uint64_t random = 3;

    ledger_open();
    check_everything(); /* nothing yet */
    for (uint64_t n = 1; n <= 20000; n++) {
        uint64_t r = check_random(&random) >> 20, qty = 1 + r % 7;
        uint32_t a = (uint32_t)(r >> 20) % N_ACCOUNTS, i = (uint32_t)(r >> 24) % N_SYMBOLS;
        int64_t px = PX + (int64_t)(r >> 8 & 3);

        switch (r >> 12 & 3) {
        case 0:
            CHECK(rl_ledger_mark(&l, i, px, n));
            rl_ledger_show_mark(view, &l, i);
            break;
        case 1:
            CHECK(rl_ledger_fee(&l, a, i, (rl_money)qty));
            rl_ledger_show(view, &l, a, i);
            break;
        default:
            CHECK(rl_ledger_fill(&l, a, i, (enum rl_side)(r >> 16 & 1), px, qty));
            rl_ledger_show(view, &l, a, i);
        }
        check_everything();
    }
    ledger_close();
}

static void test_nothing_is_shown_before_the_writer_says_so(void)
{
    struct rl_position p;

    ledger_open();
    for (uint32_t a = 0; a < N_ACCOUNTS; a++) {
        for (uint32_t i = 0; i < N_SYMBOLS; i++) {
            CHECK(rl_ledger_mark(&l, i, PX + i, 1));
            CHECK(rl_ledger_fill(&l, a, i, RL_BUY, PX, 5 + i));
            CHECK(rl_ledger_read_position(view, a, i, &p));
            CHECK_EQ(p.net, 0);
        }
    }
    CHECK_EQ(rl_ledger_show_all(view, &l), 0);
    check_everything();
    ledger_close();
}

static void test_who_is_not_there_cannot_be_read(void)
{
    struct rl_position p;
    struct rl_account a;
    struct rl_mark m;

    ledger_open();
    CHECK(!rl_ledger_read_position(view, N_ACCOUNTS, 0, &p));
    CHECK(!rl_ledger_read_position(view, 0, N_SYMBOLS, &p));
    CHECK(!rl_ledger_read_account(view, N_ACCOUNTS, &a));
    CHECK(!rl_ledger_read_mark(view, N_SYMBOLS, &m));
    ledger_close();
}

static void test_a_row_whose_writer_died_is_not_read_and_the_others_are(void)
{
    struct rl_position p;

    ledger_open();
    atomic_store(&rl_shown_positions(view)[0].lock.sequence, 3);
    CHECK(!rl_ledger_read_position(view, 0, 0, &p));
    CHECK(rl_ledger_read_position(view, 0, 1, &p));
    ledger_close();
}

static void test_bytes_that_are_no_view_are_told_apart(void)
{
    size_t n_bytes = rl_ledger_view_bytes(N_ACCOUNTS, N_SYMBOLS);
    struct rl_ledger other;

    ledger_open();
    CHECK_EQ(rl_ledger_view_check(view, n_bytes), 0);
    CHECK_EQ(rl_ledger_view_check(view, n_bytes - 1), -EINVAL);
    CHECK_EQ(rl_ledger_view_check(view, 8), -EINVAL);
    view->n_accounts++;
    CHECK_EQ(rl_ledger_view_check(view, n_bytes), -EINVAL);
    view->n_accounts = 0;
    CHECK_EQ(rl_ledger_view_check(view, n_bytes), -EINVAL);
    view->n_accounts = N_ACCOUNTS;
    view->magic ^= 1;
    CHECK_EQ(rl_ledger_view_check(view, n_bytes), -EPROTO);
    CHECK(rl_ledger_view_init(view, n_bytes - 1, N_ACCOUNTS, N_SYMBOLS) == NULL);
    CHECK(rl_ledger_view_init((char *)view + 8, n_bytes, N_ACCOUNTS, 1) == NULL);
    CHECK_EQ(rl_ledger_view_bytes(0, 1), 0);
    CHECK_EQ(rl_ledger_view_bytes(RL_MAX_ACCOUNTS + 1, 1), 0);
    CHECK_EQ(rl_ledger_view_bytes(1, 0), 0);
    CHECK_EQ(rl_ledger_view_bytes(1, RL_MAX_SYMBOLS + 1), 0);
    CHECK(rl_ledger_view_init(view, n_bytes, N_ACCOUNTS, N_SYMBOLS) == view);
    other = l;
    other.n_instruments--;
    CHECK_EQ(rl_ledger_show_all(view, &other), -EINVAL);
    ledger_close();
}

/* --- readers beside a writer ------------------------------------------------------------------ */

/* Write n: one more lot bought at PX and a fee of 1, marked at PX + 1. */
static void write_once(bool is_marked_too)
{
    CHECK(rl_ledger_fill(&l, 0, 0, RL_BUY, PX, 1));
    CHECK(rl_ledger_fee(&l, 0, 0, 1));
    if (is_marked_too)
        CHECK(rl_ledger_mark(&l, 0, PX + 1, (uint64_t)rl_ledger_at(&l, 0, 0)->net));
}

struct seen {
    int64_t net;
    rl_money fees;
};

/* Whether the copies are of one write each; `last` is how far the reader had come. */
static bool is_whole(const struct rl_position *p, const struct rl_account *a, struct seen *last)
{
    rl_money n = p->net, m = a->fees;
    bool is_it = p->done[RL_BUY] == (uint64_t)p->net && p->cost == n * PX && p->fees == n &&
                 p->cash == -n * PX - n && p->net >= last->net && m >= last->fees &&
                 a->unrealised == m && a->gross == m * (PX + 1) && a->net_low == a->gross;

    *last = (struct seen){p->net, a->fees};
    return is_it;
}

struct reader {
    pthread_t thread;
    uint64_t n_reads, n_torn;
    struct seen last;
};

static _Atomic bool done;

static void read_all_the_time(struct reader *r, const volatile _Atomic bool *until)
{
    struct rl_position p;
    struct rl_account a;
    uint32_t n_turns = 0;
    bool was_done;

    do {
        was_done = atomic_load(until);
        if (rl_ledger_read_position(view, 0, 0, &p) && rl_ledger_read_account(view, 0, &a)) {
            r->n_torn += !is_whole(&p, &a, &r->last);
            r->n_reads++;
        }
        spin_wait(&n_turns);
    } while (!was_done);
}

static void *reader_main(void *arg)
{
    read_all_the_time(arg, &done);
    return NULL;
}

static void readers_start(struct reader *readers)
{
    atomic_store(&done, false);
    memset(readers, 0, N_READERS * sizeof *readers);
    for (int i = 0; i < N_READERS; i++)
        CHECK_EQ(pthread_create(&readers[i].thread, NULL, reader_main, &readers[i]), 0);
}

static void test_threads_beside_the_writer_read_whole_positions_and_the_last_one(void)
{
    struct reader readers[N_READERS];
    uint64_t random = 3;

    ledger_open();
    CHECK(rl_ledger_mark(&l, 0, PX + 1, 0));
    CHECK_EQ(rl_ledger_show_all(view, &l), 0);
    readers_start(readers);
    for (int n = 0; n < N_WRITES; n++) {
        write_once(false);
        rl_ledger_show(view, &l, 0, 0);
        spin_dawdle(PACE_BURSTS, &random);
    }
    atomic_store(&done, true);
    for (int i = 0; i < N_READERS; i++) {
        CHECK_EQ(pthread_join(readers[i].thread, NULL), 0);
        CHECK(readers[i].n_reads > 0);
        CHECK_EQ(readers[i].n_torn, 0);
        CHECK_EQ(readers[i].last.net, N_WRITES);
        CHECK_EQ(readers[i].last.fees, N_WRITES);
    }
    ledger_close();
}

static void test_a_process_beside_the_writer_reads_whole_positions_too(void)
{
    volatile _Atomic bool *until =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status;
    pid_t pid;

    CHECK(until != MAP_FAILED);
    ledger_open();
    CHECK(rl_ledger_mark(&l, 0, PX + 1, 0));
    CHECK_EQ(rl_ledger_show_all(view, &l), 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        struct reader r = {.n_reads = 0};

        read_all_the_time(&r, until);
        _exit(r.n_torn > 0 ? 1 : r.last.net != N_WRITES ? 2 : 0);
    }
    for (int n = 0; n < N_WRITES; n++) {
        write_once(true);
        rl_ledger_show_mark(view, &l, 0);
        rl_ledger_show(view, &l, 0, 0);
    }
    atomic_store(until, true);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
    CHECK_EQ(munmap((void *)until, 4096), 0);
    ledger_close();
}

/* --- a writer that leaves a step out must be caught, or the readers above prove nothing ------- */

enum skipped { SKIP_NOTHING, SKIP_ODD, SKIP_SEQUENCE, SKIP_A_WORD, N_SKIPPED };

/* rl_seqlock_write without one of its steps; it rests in the middle as a preempted thread does. */
static void show_without(enum skipped what)
{
    union rl_shown_position *row = &rl_shown_positions(view)[0];
    uint64_t sequence = atomic_load(&row->lock.sequence), words[RL_SHOWN_POSITION_WORDS];
    bool is_silent = what == SKIP_SEQUENCE;

    memcpy(words, &rl_ledger_at(&l, 0, 0)->net, sizeof words);
    if (what != SKIP_ODD && !is_silent)
        atomic_store(&row->lock.sequence, sequence + 1);
    for (size_t i = 0; i < RL_SHOWN_POSITION_WORDS; i++) {
        if (i == RL_SHOWN_POSITION_WORDS / 2)
            sched_yield();
        if (what != SKIP_A_WORD || i != 3)
            atomic_store(&row->words[i], words[i]);
    }
    if (!is_silent)
        atomic_store(&row->lock.sequence, sequence + 2);
    rl_shown_write_account(view, &l.accounts[0], 0);
}

/* Torn copies that the readers saw of so many writes; with a bug, of as many as it takes. */
static uint64_t n_torn_of(enum skipped what)
{
    struct reader readers[N_READERS];
    uint64_t n_torn = 0;

    ledger_open();
    CHECK(rl_ledger_mark(&l, 0, PX + 1, 0));
    CHECK_EQ(rl_ledger_show_all(view, &l), 0);
    while (n_torn == 0) {
        readers_start(readers);
        for (int n = 0; n < N_WRITES / 20; n++) {
            write_once(false);
            show_without(what);
        }
        atomic_store(&done, true);
        for (int i = 0; i < N_READERS; i++) {
            CHECK_EQ(pthread_join(readers[i].thread, NULL), 0);
            n_torn += readers[i].n_torn;
        }
        if (what == SKIP_NOTHING)
            break;
    }
    ledger_close();
    return n_torn;
}

static void test_a_writer_that_skips_a_step_is_caught_and_one_that_does_not_is_not(void)
{
    CHECK_EQ(n_torn_of(SKIP_NOTHING), 0);
    for (enum skipped what = SKIP_ODD; what < N_SKIPPED; what++)
        CHECK(n_torn_of(what) > 0);
}

int main(void)
{
    test_a_view_that_is_shown_each_change_shows_everything();
    test_nothing_is_shown_before_the_writer_says_so();
    test_who_is_not_there_cannot_be_read();
    test_a_row_whose_writer_died_is_not_read_and_the_others_are();
    test_bytes_that_are_no_view_are_told_apart();
    test_a_process_beside_the_writer_reads_whole_positions_too();
    test_threads_beside_the_writer_read_whole_positions_and_the_last_one();
    test_a_writer_that_skips_a_step_is_caught_and_one_that_does_not_is_not();
    return 0;
}
