/* The board as a file: whose it may be, what is refused, and what a restart finds. */
#include <sys/file.h>
#include <sys/resource.h>

#include "kill_engine.h"
#include "trade/kill/latch.h"

static struct rl_kill_why why_of(const struct rl_kill *k)
{
    struct rl_kill_why why;

    rl_kill_cause(k, &why);
    return why;
}

static void test_a_first_start_is_tripped_until_two_people_have_looked(void)
{
    struct engine *e = engine_new();
    struct rl_board board, tool;
    const char *why = "";

    CHECK_EQ(rl_board_create(&board, e->dir, 0, &why), 0);
    CHECK_EQ(why_of(board.kill).state, RL_KILL_IS_TRIPPED);
    CHECK_EQ(why_of(board.kill).cause, RL_KILL_LATCH);
    CHECK(rl_board_has_engine(&board));
    CHECK(rl_board_is_persisted(&board));
    tool = engine_board(e);
    rl_kill_trip(tool.kill, RL_SCOPE_ACCOUNT, 3, RL_KILL_MANUAL, 1);
    CHECK(rl_kill_is_tripped(board.kill, RL_SCOPE_ACCOUNT, 3)); /* one memory */
    rl_board_close(&tool);
    rl_board_close(&board);
    rl_board_close(&board);
    engine_free(e);
}

static void test_a_second_engine_is_refused_and_a_dead_one_is_not_in_the_way(void)
{
    struct engine *e = engine_new();
    struct rl_board board;
    const char *why = "";

    engine_start(e, true);
    CHECK_EQ(rl_board_create(&board, e->dir, 0, &why), -EBUSY);
    CHECK(strstr(why, "another engine"));
    engine_kill(e);
    CHECK_EQ(rl_board_create(&board, e->dir, 0, &why), 0);
    rl_board_close(&board);
    engine_free(e);
}

static void test_kill_9_and_a_restart_find_it_halted_with_its_scopes(void)
{
    struct engine *e = engine_new();
    struct rl_board held;
    uint32_t before;

    engine_start(e, false);
    held = engine_board(e);
    rl_kill_trip(held.kill, RL_SCOPE_STRATEGY, 9, RL_KILL_EXECUTIONS, 1);
    CHECK_EQ(why_of(held.kill).state, RL_KILL_IS_ACTIVE);
    before = why_of(held.kill).epoch;
    engine_kill(e);
    CHECK(!rl_board_has_engine(&held));
    engine_start(e, true);
    CHECK(rl_board_is_current(&held)); /* mapped before, good for every later engine */
    CHECK_EQ(why_of(held.kill).state, RL_KILL_IS_HALTED);
    CHECK(rl_kill_is_tripped(held.kill, RL_SCOPE_STRATEGY, 9));
    CHECK(why_of(held.kill).causes & 1ULL << RL_KILL_EXECUTIONS);
    CHECK_EQ(why_of(held.kill).epoch, before + 1);
    CHECK_EQ(atomic_load(&held.file->engine), rl_board_process(e->pid));
    engine_kill(e);
    rl_board_close(&held);
    engine_free(e);
}

/* The memory is gone too: only the latch is left. */
static void test_a_power_cut_and_a_restart_find_it_halted_with_its_scopes(void)
{
    struct engine *e = engine_new();
    struct rl_board held;
    uint32_t before;
    char path[96];

    engine_start(e, false);
    held = engine_board(e);
    rl_kill_trip(held.kill, RL_SCOPE_SYMBOL, 65534, RL_KILL_FEED_GAP, 1);
    CHECK(!rl_board_is_persisted(&held));
    CHECK_EQ(rl_board_persist(&held), 0);
    CHECK(rl_board_is_persisted(&held));
    before = why_of(held.kill).epoch;
    engine_kill(e);
    rl_board_close(&held);
    snprintf(path, sizeof(path), "%s/" RL_BOARD_FILE, e->dir);
    CHECK_EQ(unlink(path), 0);
    engine_start(e, true);
    held = engine_board(e);
    CHECK_EQ(why_of(held.kill).state, RL_KILL_IS_HALTED);
    CHECK(rl_kill_is_tripped(held.kill, RL_SCOPE_SYMBOL, 65534));
    CHECK_EQ(why_of(held.kill).cause, RL_KILL_FEED_GAP);
    CHECK_EQ(why_of(held.kill).epoch, before + 1);
    engine_kill(e);
    rl_board_close(&held);
    engine_free(e);
}

static void test_a_latch_that_vanished_or_was_cut_trips_a_restart(void)
{
    for (int cut = 0; cut < 2; cut++) {
        struct engine *e = engine_new();
        struct rl_board held;
        char path[96];

        engine_start(e, false);
        held = engine_board(e);
        engine_kill(e);
        snprintf(path, sizeof(path), "%s/" RL_LATCH_FILE, e->dir);
        CHECK_EQ(cut ? truncate(path, 1000) : unlink(path), 0);
        engine_start(e, true);
        CHECK_EQ(why_of(held.kill).state, RL_KILL_IS_TRIPPED);
        CHECK_EQ(why_of(held.kill).cause, RL_KILL_LATCH);
        engine_kill(e);
        rl_board_close(&held);
        engine_free(e);
    }
}

/* ---- Refused ------------------------------------------------------------------------------------
 */

static void check_refused(const char *dir, int err, const char *said)
{
    struct rl_board board;
    const char *why = "";

    CHECK_EQ(rl_board_open(&board, dir, &why), err);
    if (!strstr(why, said)) {
        fprintf(stderr, "said '%s', wanted '%s'\n", why, said);
        exit(1);
    }
    CHECK(board.kill == NULL);
}

static void test_what_is_not_our_board_is_refused(void)
{
    struct engine *e = engine_new();
    struct rl_board board;
    const char *why = "";
    char path[96], other[96];
    uint64_t zero = 0;
    int fd;

    check_refused("/nonexistent/redline", -ENOENT, "no such directory");
    check_refused("/dev/null", -ENOTDIR, "not a run directory");
    check_refused(e->dir, -ENOENT, "no engine has run here");
    CHECK_EQ(rl_board_create(&board, e->dir, 0, &why), 0);
    rl_board_close(&board);
    snprintf(path, sizeof(path), "%s/" RL_BOARD_FILE, e->dir);
    CHECK_EQ(chmod(e->dir, 0777), 0);
    check_refused(e->dir, -EACCES, "others may write the directory");
    CHECK_EQ(rl_board_create(&board, e->dir, 0, &why), -EACCES);
    CHECK_EQ(chmod(e->dir, 0700), 0);
    CHECK_EQ(chmod(path, 0640), 0);
    check_refused(e->dir, -EACCES, "others may open the board");
    CHECK_EQ(chmod(path, 0600), 0);
    fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK_EQ(pwrite(fd, &zero, sizeof(zero), 0), sizeof(zero));
    check_refused(e->dir, -EBADMSG, "not a board of this build");
    CHECK_EQ(ftruncate(fd, 100), 0); /* mapped, it would be a SIGBUS */
    check_refused(e->dir, -EBADMSG, "the size of another build's");
    close(fd);
    snprintf(other, sizeof(other), "%s/" RL_BOARD_LOCK, e->dir);
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(symlink(other, path), 0);
    check_refused(e->dir, -ELOOP, "cannot be opened");
    CHECK_EQ(rl_board_create(&board, e->dir, 0, &why), -ELOOP);
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(mkfifo(path, 0600), 0);
    check_refused(e->dir, -EACCES, "not a file");
    engine_free(e);
}

/* A board of another build is replaced, and who holds the old one can tell. */
static void test_who_holds_a_replaced_board_can_tell(void)
{
    struct engine *e = engine_new();
    struct rl_board held, board;
    const char *why = "";
    uint64_t zero = 0;
    char path[96];
    int fd;

    CHECK_EQ(rl_board_create(&board, e->dir, 0, &why), 0);
    rl_board_close(&board);
    held = engine_board(e);
    CHECK(rl_board_is_current(&held));
    snprintf(path, sizeof(path), "%s/" RL_BOARD_FILE, e->dir);
    fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK_EQ(pwrite(fd, &zero, sizeof(zero), 16), sizeof(zero));
    close(fd);
    CHECK_EQ(rl_board_create(&board, e->dir, 0, &why), 0);
    CHECK(!rl_board_is_current(&held));
    rl_board_close(&held);
    rl_board_close(&board);
    engine_free(e);
}

static void test_another_user_can_neither_open_nor_replace_it(void)
{
    struct engine *e = engine_new();
    struct rl_board board;
    const char *why = "";
    pid_t child;
    int status;

    if (geteuid() != 0) {
        fprintf(stderr, "not root: another user was not tried\n");
        engine_free(e);
        return;
    }
    CHECK_EQ(rl_board_create(&board, e->dir, 0, &why), 0);
    child = fork();
    if (child == 0) {
        struct rl_board theirs;
        char path[96];

        CHECK_EQ(setgid(65534), 0);
        CHECK_EQ(setuid(65534), 0);
        CHECK(rl_board_open(&theirs, e->dir, &why) < 0);
        snprintf(path, sizeof(path), "%s/" RL_BOARD_FILE, e->dir);
        CHECK(open(path, O_WRONLY | O_CLOEXEC) < 0 && errno == EACCES);
        CHECK(unlink(path) < 0 && errno == EACCES);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    rl_board_close(&board);
    engine_free(e);
}

static void test_a_start_without_room_is_an_error_and_not_a_signal(void)
{
    struct engine *e = engine_new();
    pid_t child = fork();
    int status;

    if (child == 0) {
        struct rl_board board;
        const char *why = "";

        signal(SIGXFSZ, SIG_IGN);
        CHECK_EQ(setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, 4096}), 0);
        CHECK_EQ(rl_board_create(&board, e->dir, 0, &why), -EFBIG);
        CHECK(strstr(why, "no room"));
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    engine_free(e);
}

static void test_a_process_is_known_by_its_number_and_its_start(void)
{
    uint64_t us = rl_board_process(getpid());

    CHECK_EQ(rl_board_pid_of(us), getpid());
    CHECK(us >> 22 != 0);
    CHECK_EQ(rl_board_process(getpid()), us);
    CHECK_EQ(rl_board_process(0x3FFFFF), 0);
}

int main(void)
{
    test_a_first_start_is_tripped_until_two_people_have_looked();
    test_a_second_engine_is_refused_and_a_dead_one_is_not_in_the_way();
    test_kill_9_and_a_restart_find_it_halted_with_its_scopes();
    test_a_power_cut_and_a_restart_find_it_halted_with_its_scopes();
    test_a_latch_that_vanished_or_was_cut_trips_a_restart();
    test_what_is_not_our_board_is_refused();
    test_who_holds_a_replaced_board_can_tell();
    test_another_user_can_neither_open_nor_replace_it();
    test_a_start_without_room_is_an_error_and_not_a_signal();
    test_a_process_is_known_by_its_number_and_its_start();
    return 0;
}
