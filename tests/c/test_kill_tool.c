/* redline-kill against a running engine: what it stops, what it says, and what it needs for that.
 */
#include <sys/resource.h>

#include "kill_engine.h"
#include "trade/kill/latch.h"

#define TOOL RL_TOOLS_DIR "/redline-kill"

static struct rl_kill_why why_of(const struct rl_kill *k)
{
    struct rl_kill_why why;

    rl_kill_cause(k, &why);
    return why;
}

static void test_it_stops_the_engine_and_says_so(void)
{
    struct engine *e = engine_new();
    struct rl_board board;
    struct program p;

    engine_start(e, false);
    board = engine_board(e);
    UNTIL(atomic_load(&e->n_sent) > 1000);
    p = program_start(NULL, TOOL, "--dir", e->dir, "--wait", "60000", NULL);
    CHECK_EQ(program_end(&p), 0);
    CHECK(strncmp(p.said, "tripped epoch=", 14) == 0);
    CHECK(strstr(p.said, " cause=MANUAL scope=global engine=running latch=saved\n"));
    engine_is_silent(e, board.kill);
    CHECK_EQ(why_of(board.kill).who, p.pid);
    CHECK_EQ(board.kill->seen_orders, atomic_load(&e->n_sent));
    engine_kill(e);
    rl_board_close(&board);
    engine_free(e);
}

/* The test above must be able to fail: an engine that does not ask is not silent. */
static void test_an_engine_that_does_not_ask_is_noticed(void)
{
    struct engine *e = engine_new();
    struct rl_board board;
    uint64_t n_sent;

    engine_start(e, false);
    board = engine_board(e);
    atomic_store(&e->faults, ENGINE_IS_DEAF);
    rl_kill_trip(board.kill, RL_SCOPE_GLOBAL, 0, RL_KILL_MANUAL, 1);
    UNTIL(rl_kill_is_seen(board.kill, rl_kill_mark(board.kill)));
    n_sent = atomic_load(&e->n_sent);
    UNTIL(atomic_load(&e->n_sent) > n_sent);
    engine_kill(e);
    rl_board_close(&board);
    engine_free(e);
}

static void test_a_scope_and_a_cause_can_be_given(void)
{
    struct engine *e = engine_new();
    struct rl_board board;
    struct program p;
    uint64_t n_sent;

    engine_start(e, false);
    board = engine_board(e);
    p = program_start(NULL, TOOL, "--dir", e->dir, "--scope=account=6", "--cause", "loss", NULL);
    CHECK_EQ(program_end(&p), 0);
    CHECK(strstr(p.said, "active epoch="));
    CHECK(strstr(p.said, "cause=LOSS scope=account=6"));
    n_sent = atomic_load(&e->n_sent);
    UNTIL(atomic_load(&e->n_sent) > n_sent); /* account 5 trades on */
    p = program_start(NULL, TOOL, "--dir", e->dir, "--scope", "account=5", "--wait", "60000", NULL);
    CHECK_EQ(program_end(&p), 0);
    engine_is_silent(e, board.kill);
    p = program_start(NULL, TOOL, "--dir", e->dir, "--status", NULL);
    CHECK_EQ(program_end(&p), 0);
    CHECK(strstr(p.said, "active epoch="));
    engine_kill(e);
    rl_board_close(&board);
    engine_free(e);
}

static void test_a_mistake_stops_nothing_and_says_so(void)
{
    static const char *const mistakes[][2] = {
        {"--scope=acount=3", "no such scope"},  {"--scope=account=64", "no such scope"},
        {"--scope=all", "no such scope"},       {"--cause=boot", "no such cause"},
        {"--cause=tired", "no such cause"},     {"--wait=soon", "not a number of milliseconds"},
        {"--wait=99999999999", "not a number"}, {"--dir", "no such option, or without its value"},
        {"--hlep", "no such option"},           {"now", "no such option"},
    };
    struct engine *e = engine_new();
    struct rl_board board;

    engine_start(e, false);
    board = engine_board(e);
    for (size_t i = 0; i < RL_COUNT(mistakes); i++) {
        struct program p = program_start(NULL, TOOL, "--dir", e->dir, (char *)mistakes[i][0], NULL);

        CHECK_EQ(program_end(&p), 2);
        CHECK(strstr(p.said, mistakes[i][1]) && strstr(p.said, "nothing was stopped"));
        CHECK(rl_kill_is_clear(board.kill));
    }
    engine_kill(e);
    rl_board_close(&board);
    engine_free(e);
}

static void test_without_a_board_it_says_so(void)
{
    struct engine *e = engine_new();
    struct program p = program_start(NULL, TOOL, "--dir", e->dir, NULL);

    CHECK_EQ(program_end(&p), 3);
    CHECK(strstr(p.said, "there is no board") && strstr(p.said, "nothing was stopped"));
    engine_free(e);
}

static void test_a_stopped_engine_sends_nothing_when_it_goes_on(void)
{
    struct engine *e = engine_new();
    struct rl_board board;
    struct program p;
    uint64_t n_sent;
    int status;

    engine_start(e, false);
    board = engine_board(e);
    UNTIL(atomic_load(&e->n_sent) > 100);
    CHECK_EQ(kill(e->pid, SIGSTOP), 0);
    CHECK_EQ(waitpid(e->pid, &status, WUNTRACED), e->pid);
    CHECK(WIFSTOPPED(status));
    n_sent = atomic_load(&e->n_sent);
    p = program_start(NULL, TOOL, "--dir", e->dir, "--wait", "20", NULL);
    CHECK_EQ(program_end(&p), 1);
    CHECK(strstr(p.said, "has not acknowledged it in 20 ms"));
    CHECK(!rl_kill_is_clear(board.kill));
    CHECK_EQ(kill(e->pid, SIGCONT), 0);
    engine_is_silent(e, board.kill);
    /* At most the one that was past the question when it was stopped. */
    CHECK(atomic_load(&e->n_sent) - n_sent <= 1);
    engine_kill(e);
    rl_board_close(&board);
    engine_free(e);
}

/* ---- Held ready ---------------------------------------------------------------------------------
 */

static void no_more_memory(pid_t pid)
{
    struct rlimit none = {1, 1};

    CHECK_EQ(prlimit(pid, RLIMIT_AS, &none, NULL), 0);
    CHECK_EQ(prlimit(pid, RLIMIT_DATA, &none, NULL), 0);
}

static void test_held_ready_it_stops_at_a_line_at_the_end_of_input_or_at_a_signal(void)
{
    for (int way = 0; way < 3; way++) {
        struct engine *e = engine_new();
        struct rl_board board;
        struct program p;

        engine_start(e, false);
        board = engine_board(e);
        p = program_start(NULL, TOOL, "--dir", e->dir, "--hold", "--wait=60000", NULL);
        program_says(&p, "ready\n");
        CHECK(rl_kill_is_clear(board.kill));
        if (way == 0)
            CHECK_EQ(write(p.in, "\n", 1), 1);
        else if (way == 1)
            close(p.in), p.in = -1;
        else
            CHECK_EQ(kill(p.pid, SIGUSR2), 0);
        UNTIL(!rl_kill_is_clear(board.kill)); /* its input stays open, but at the end of it */
        CHECK_EQ(program_end(&p), 0);
        CHECK_EQ(why_of(board.kill).cause, way == 2 ? RL_KILL_SIGNAL : RL_KILL_MANUAL);
        engine_is_silent(e, board.kill);
        engine_kill(e);
        rl_board_close(&board);
        engine_free(e);
    }
}

static void test_held_ready_it_needs_no_more_memory(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(RL_COVERAGE)
    fprintf(stderr, "sanitizers and gcov need memory of their own: not tried without\n");
    return;
#endif
    struct engine *e = engine_new();
    struct rl_board board;
    struct program p;

    engine_start(e, false);
    board = engine_board(e);
    p = program_start(NULL, TOOL, "--dir", e->dir, "--hold", "--wait=60000", NULL);
    program_says(&p, "ready\n");
    no_more_memory(p.pid);
    CHECK_EQ(write(p.in, "\n", 1), 1);
    CHECK_EQ(program_end(&p), 0);
    CHECK(strstr(p.said, "latch=saved"));
    engine_is_silent(e, board.kill);
    engine_kill(e);
    rl_board_close(&board);
    engine_free(e);
}

static void test_held_ready_it_also_stops_an_engine_that_came_with_another_board(void)
{
    struct engine *e = engine_new();
    struct rl_board board;
    struct program p;
    uint64_t zero = 0;
    char path[96];
    int fd;

    engine_start(e, false);
    p = program_start(NULL, TOOL, "--dir", e->dir, "--hold", "--wait=60000", NULL);
    program_says(&p, "ready\n");
    engine_kill(e);
    snprintf(path, sizeof(path), "%s/" RL_BOARD_FILE, e->dir);
    fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK_EQ(pwrite(fd, &zero, sizeof(zero), 16), sizeof(zero)); /* the layout of another build */
    close(fd);
    engine_start(e, false);
    board = engine_board(e);
    CHECK_EQ(write(p.in, "\n", 1), 1);
    CHECK_EQ(program_end(&p), 0);
    CHECK_EQ(why_of(board.kill).who, p.pid);
    engine_is_silent(e, board.kill);
    engine_kill(e);
    rl_board_close(&board);
    engine_free(e);
}

/* ---- Adversities --------------------------------------------------------------------------------
 */

static void small_files(void)
{
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, 4096}), 0);
}

static void test_with_the_disk_full_it_stops_the_engine_and_says_that_the_latch_is_old(void)
{
    struct engine *e = engine_new();
    struct rl_board board;
    struct program p;

    engine_start(e, false);
    board = engine_board(e);
    p = program_start(small_files, TOOL, "--dir", e->dir, "--wait=60000", NULL);
    CHECK_EQ(program_end(&p), 4);
    CHECK(strstr(p.said, "stopped in memory, but the latch cannot be saved (File too large)"));
    CHECK(strstr(p.said, "latch=behind"));
    engine_is_silent(e, board.kill);
    CHECK_EQ(board.file->persist_error, -EFBIG);
    CHECK_EQ(rl_board_persist(&board), 0); /* who can, makes good for it */
    CHECK(rl_board_is_persisted(&board));
    engine_kill(e);
    rl_board_close(&board);
    engine_free(e);
}

static void test_many_at_once_give_one_epoch_one_first_cause_and_all_causes(void)
{
    static const char *const causes[] = {"manual",  "loss",  "exposure", "position",
                                         "rejects", "audit", "clock",    "disk"};
    enum { N = RL_COUNT(causes) };
    struct engine *e = engine_new();
    struct rl_kill_why why;
    struct rl_board board;
    struct program p[N];
    uint32_t epoch;
    int n_first = 0;

    engine_start(e, false);
    board = engine_board(e);
    epoch = why_of(board.kill).epoch;
    for (int i = 0; i < N; i++) {
        char option[32];

        snprintf(option, sizeof(option), "--cause=%s", causes[i]);
        p[i] = program_start(NULL, TOOL, "--dir", e->dir, "--hold", option, NULL);
    }
    for (int i = 0; i < N; i++)
        program_says(&p[i], "ready\n");
    for (int i = 0; i < N; i++)
        CHECK_EQ(write(p[i].in, "\n", 1), 1);
    for (int i = 0; i < N; i++)
        CHECK_EQ(program_end(&p[i]), 0);
    why = why_of(board.kill);
    CHECK_EQ(why.epoch, epoch);
    CHECK_EQ(__builtin_popcountll(why.causes), N);
    for (int i = 0; i < N; i++)
        n_first += why.who == (uint32_t)p[i].pid;
    CHECK_EQ(n_first, 1);
    engine_is_silent(e, board.kill);
    CHECK(rl_board_is_persisted(&board));
    engine_kill(e);
    rl_board_close(&board);
    engine_free(e);
}

int main(void)
{
    test_it_stops_the_engine_and_says_so();
    test_an_engine_that_does_not_ask_is_noticed();
    test_a_scope_and_a_cause_can_be_given();
    test_a_mistake_stops_nothing_and_says_so();
    test_without_a_board_it_says_so();
    test_a_stopped_engine_sends_nothing_when_it_goes_on();
    test_held_ready_it_stops_at_a_line_at_the_end_of_input_or_at_a_signal();
    test_held_ready_it_needs_no_more_memory();
    test_held_ready_it_also_stops_an_engine_that_came_with_another_board();
    test_with_the_disk_full_it_stops_the_engine_and_says_that_the_latch_is_old();
    test_many_at_once_give_one_epoch_one_first_cause_and_all_causes();
    return 0;
}
