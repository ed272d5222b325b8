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

static uint64_t utc_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec;
}

/* The directory too; and the epoch is one that no earlier start can have had. */
static void test_a_first_start_makes_all_that_it_needs(void)
{
    struct engine *e = engine_new();
    uint64_t before = utc_s();
    struct rl_board board;
    const char *why = "";
    struct stat st;

    CHECK_EQ(rmdir(e->dir), 0);
    errno = 0;
    CHECK_EQ(rl_board_create(&board, e->dir, 0, &why), 0);
    CHECK(board.kill != NULL && rl_board_is_current(&board));
    CHECK_EQ(stat(e->dir, &st), 0);
    CHECK_EQ(st.st_mode & 07777, 0700);
    CHECK(why_of(board.kill).epoch >= before && why_of(board.kill).epoch <= utc_s());
    rl_board_close(&board);
    CHECK_EQ(rl_board_create(&board, "/nonexistent/redline", 0, &why), -ENOENT);
    CHECK(strstr(why, "cannot be made"));
    engine_free(e);
}

/* So that a board of another build is told by any of its sizes. */
static void test_a_board_says_how_it_is_laid_out(void)
{
    struct engine *e = engine_new();
    struct rl_board board;
    const char *why = "";
    uint64_t layout;

    CHECK_EQ(rl_board_create(&board, e->dir, 77, &why), 0);
    layout = board.file->layout;
    CHECK_EQ(layout & 0xFFFFF, sizeof(struct rl_board_file));
    CHECK_EQ(layout >> 20 & 0xFFFFF, offsetof(struct rl_kill, vitals));
    CHECK_EQ(layout >> 40 & 0xFFF, RL_N_VITALS);
    CHECK_EQ(layout >> 52, RL_KILL_N_CAUSES);
    CHECK_EQ(board.file->tsc_hz, 77);
    rl_board_close(&board);
    engine_free(e);
}

static void test_an_engine_that_ends_takes_its_name_off_the_board_and_a_tool_leaves_it(void)
{
    struct engine *e = engine_new();
    struct rl_board board, tool;
    const char *why = "";

    CHECK_EQ(rl_board_create(&board, e->dir, 0, &why), 0);
    tool = engine_board(e);
    rl_board_close(&tool);
    CHECK_EQ(atomic_load(&board.file->engine), rl_board_process(getpid()));
    tool = engine_board(e);
    rl_board_close(&board);
    CHECK_EQ(atomic_load(&tool.file->engine), 0);
    errno = EWOULDBLOCK; /* of a call before */
    CHECK(!rl_board_has_engine(&tool));
    rl_board_close(&tool);
    engine_free(e);
}

static void test_a_latch_that_cannot_be_saved_keeps_an_engine_from_starting(void)
{
    struct engine *e = engine_new();
    struct rl_board board;
    const char *why = "";
    char path[96];

    snprintf(path, sizeof(path), "%s/" RL_LATCH_FILE, e->dir);
    CHECK_EQ(mkdir(path, 0700), 0);
    CHECK_EQ(rl_board_create(&board, e->dir, 0, &why), -EISDIR);
    CHECK(strstr(why, "the latch cannot be saved"));
    CHECK(board.kill == NULL);
    board = engine_board(e);
    CHECK_EQ(board.file->persist_error, -EISDIR);
    CHECK(!rl_board_is_persisted(&board));
    CHECK_EQ(why_of(board.kill).state, RL_KILL_IS_TRIPPED);
    CHECK_EQ(rmdir(path), 0);
    CHECK_EQ(rl_board_persist(&board), 0);
    CHECK_EQ(board.file->persist_error, 0);
    CHECK(rl_board_is_persisted(&board));
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
        CHECK_EQ(why_of(held.kill).scope, RL_SCOPE_GLOBAL);
        CHECK_EQ(why_of(held.kill).index, 0);
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

/* One who is not root runs an engine of his own; root's tool looks after it, others' do not. */
static void test_a_board_is_its_users_and_roots(void)
{
    struct engine *e = engine_new();
    struct rl_board tool;
    const char *why = "";
    pid_t child;
    int status;

    if (geteuid() != 0) {
        fprintf(stderr, "not root: another user was not tried\n");
        engine_free(e);
        return;
    }
    CHECK_EQ(chmod(e->dir, 0755), 0);
    child = fork();
    if (child == 0) {
        CHECK_EQ(setuid(65534), 0);
        check_refused(e->dir, -EACCES, "the directory belongs to somebody else");
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(chown(e->dir, 65534, 65534), 0);
    child = fork();
    if (child == 0) {
        struct rl_board theirs;

        CHECK_EQ(setuid(65534), 0);
        CHECK_EQ(rl_board_create(&theirs, e->dir, 0, &why), 0);
        rl_board_close(&theirs);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(rl_board_open(&tool, e->dir, &why), 0);
    rl_board_close(&tool);
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

/* The start is field 22 of proc(5), counted behind the name, which may hold blanks and brackets. */
static uint64_t start_of_us(void)
{
    char line[1024] = {0}, *p;
    uint64_t start = 0;
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);

    CHECK(read(fd, line, sizeof(line) - 1) > 0);
    close(fd);
    p = strrchr(line, ')');
    CHECK_EQ(sscanf(p,
                    ") %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                    "%*s %" SCNu64,
                    &start),
             1);
    return start;
}

static void test_a_process_is_known_by_its_number_and_its_start(void)
{
    uint64_t us = rl_board_process(getpid());

    CHECK_EQ(rl_board_pid_of(us), getpid());
    CHECK_EQ(us >> 22, start_of_us());
    CHECK_EQ(rl_board_process(0x3FFFFF), 0);
}

static void test_boards_live_where_the_environment_says_or_in_a_place_of_the_user(void)
{
    char dst[64], wanted[64];
    bool has_run = access("/run/redline", W_OK) == 0;

    CHECK_EQ(setenv("REDLINE_RUN_DIR", "/a/b", 1), 0);
    CHECK_EQ(rl_board_default_dir(dst, 5), 0);
    CHECK(strcmp(dst, "/a/b") == 0);
    CHECK_EQ(rl_board_default_dir(dst, 4), -ENAMETOOLONG);
    snprintf(wanted, sizeof(wanted), has_run ? "/run/redline/%u" : "/tmp/redline-%u",
             (unsigned)geteuid());
    CHECK_EQ(setenv("REDLINE_RUN_DIR", "", 1), 0);
    CHECK_EQ(rl_board_default_dir(dst, sizeof(dst)), 0);
    CHECK(strcmp(dst, wanted) == 0);
    CHECK_EQ(unsetenv("REDLINE_RUN_DIR"), 0);
    CHECK_EQ(rl_board_default_dir(dst, sizeof(dst)), 0);
    CHECK(strcmp(dst, wanted) == 0);
}

int main(void)
{
    test_a_first_start_is_tripped_until_two_people_have_looked();
    test_a_first_start_makes_all_that_it_needs();
    test_a_board_says_how_it_is_laid_out();
    test_an_engine_that_ends_takes_its_name_off_the_board_and_a_tool_leaves_it();
    test_a_latch_that_cannot_be_saved_keeps_an_engine_from_starting();
    test_a_second_engine_is_refused_and_a_dead_one_is_not_in_the_way();
    test_kill_9_and_a_restart_find_it_halted_with_its_scopes();
    test_a_power_cut_and_a_restart_find_it_halted_with_its_scopes();
    test_a_latch_that_vanished_or_was_cut_trips_a_restart();
    test_what_is_not_our_board_is_refused();
    test_who_holds_a_replaced_board_can_tell();
    test_another_user_can_neither_open_nor_replace_it();
    test_a_board_is_its_users_and_roots();
    test_a_start_without_room_is_an_error_and_not_a_signal();
    test_a_process_is_known_by_its_number_and_its_start();
    test_boards_live_where_the_environment_says_or_in_a_place_of_the_user();
    return 0;
}
