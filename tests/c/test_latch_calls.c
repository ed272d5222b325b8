/*
 * The latch on a kernel that is unkind: calls that do a part, are interrupted or refused, and a
 * process whose standard input is closed, where a file may have the number 0.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "trade/kill/board.h"
#include "trade/kill/latch.h"

static struct rl_kill k;
static char dir[] = "/tmp/redline-latch-XXXXXX";
static int dir_fd;

/* ---- libc's, in whose place these stand --------------------------------------------------------
 */

enum call { READ, WRITE, CLOSE, FLOCK, N_CALLS };

static struct {
    size_t at_most; /* bytes a call; 0: all */
    int err, after; /* fails with this once, at the call after so many */
    bool is_empty;  /* does nothing, and says 0 */
} unkind[N_CALLS];

static bool fails(enum call call)
{
    if (!unkind[call].err || unkind[call].after-- > 0)
        return false;
    errno = unkind[call].err;
    unkind[call].err = 0;
    return true;
}

static size_t part(enum call call, size_t n)
{
    return unkind[call].at_most && unkind[call].at_most < n ? unkind[call].at_most : n;
}

ssize_t read(int fd, void *bytes, size_t n)
{
    return fails(READ) ? -1 : syscall(SYS_read, fd, bytes, part(READ, n));
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    if (fails(WRITE))
        return -1;
    errno = EINTR; /* of a call before, which nobody may believe */
    return unkind[WRITE].is_empty ? 0 : syscall(SYS_write, fd, bytes, part(WRITE, n));
}

int close(int fd)
{
    int err = (int)syscall(SYS_close, fd); /* on Linux it is closed whatever is said */

    return fails(CLOSE) ? -1 : err;
}

int flock(int fd, int how)
{
    return fails(FLOCK) ? -1 : (int)syscall(SYS_flock, fd, how);
}

/* ---- Saving and loading -------------------------------------------------------------------------
 */

static void begin(void)
{
    uint32_t epoch;

    memset(unkind, 0, sizeof(unkind));
    rl_kill_init(&k, 41);
    CHECK_EQ(rl_kill_request(&k, &epoch), 0);
    CHECK_EQ(rl_kill_arm(&k, epoch, RL_KILL_ALL, 0), 0);
    rl_kill_trip(&k, RL_SCOPE_ACCOUNT, 5, RL_KILL_LOSS, 4321);
}

static int persist(void)
{
    errno = EINTR; /* of a call before, which nobody may believe */
    return rl_latch_persist(&k, dir_fd);
}

static int load(struct rl_latch *latch)
{
    errno = EINTR;
    return rl_latch_load(latch, dir_fd, NULL);
}

static void check_loads(void)
{
    struct rl_latch latch;

    CHECK_EQ(load(&latch), 0);
    CHECK_EQ(latch.sets[RL_SCOPE_ACCOUNT], 1ULL << 5);
}

static void test_a_file_that_comes_and_goes_in_parts_is_whole(void)
{
    static const size_t parts[] = {1, 7, 4096};

    for (size_t i = 0; i < RL_COUNT(parts); i++) {
        begin();
        unlinkat(dir_fd, RL_LATCH_FILE, 0);
        unkind[WRITE].at_most = unkind[READ].at_most = parts[i];
        CHECK_EQ(persist(), 0);
        check_loads();
    }
}

static void test_an_interrupted_call_is_made_again(void)
{
    static const enum call interrupted[] = {FLOCK, WRITE, READ};

    for (size_t i = 0; i < RL_COUNT(interrupted); i++) {
        begin();
        unlinkat(dir_fd, RL_LATCH_FILE, 0);
        unkind[WRITE].at_most = unkind[READ].at_most = 4096;
        unkind[interrupted[i]].err = EINTR;
        unkind[interrupted[i]].after = interrupted[i] == FLOCK ? 0 : 1;
        CHECK_EQ(persist(), 0);
        check_loads();
        CHECK_EQ(unkind[interrupted[i]].err, 0);
    }
}

static void test_a_refused_call_is_said_and_leaves_the_latch_as_it_was(void)
{
    static const struct {
        enum call call;
        int err;
    } refused[] = {{FLOCK, ENOLCK}, {WRITE, EIO}, {CLOSE, EIO}};

    for (size_t i = 0; i < RL_COUNT(refused); i++) {
        begin();
        CHECK_EQ(persist(), 0);
        rl_kill_trip(&k, RL_SCOPE_ACCOUNT, 6, RL_KILL_LOSS, 4321);
        unkind[refused[i].call].err = refused[i].err;
        CHECK_EQ(persist(), -refused[i].err);
        check_loads();
        CHECK_EQ(faccessat(dir_fd, RL_LATCH_FILE ".new", F_OK, 0), -1);
    }
}

static void test_a_disk_that_takes_nothing_is_an_error_and_no_loop(void)
{
    begin();
    unkind[WRITE].is_empty = true;
    CHECK_EQ(persist(), -EIO);
}

static void test_a_file_that_cannot_be_read_says_so(void)
{
    struct rl_latch latch;
    const char *why = NULL;

    begin();
    CHECK_EQ(persist(), 0);
    unkind[READ].err = EIO;
    CHECK_EQ(rl_latch_load(&latch, dir_fd, &why), -EIO);
    CHECK(strcmp(why, "the latch cannot be read") == 0);
    unkind[READ].err = EIO;
    CHECK_EQ(load(&latch), -EIO);
    CHECK_EQ(rl_latch_load(&latch, dir_fd, &why), 0);
    CHECK(why == NULL);
}

/* ---- What is in it ------------------------------------------------------------------------------
 */

static uint64_t utc_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void test_it_says_when_it_was_saved(void)
{
    struct rl_latch latch;
    uint64_t before = utc_ns();

    begin();
    CHECK_EQ(persist(), 0);
    CHECK_EQ(load(&latch), 0);
    CHECK(latch.saved_ns >= before && latch.saved_ns <= utc_ns());
}

/* Bit by bit, as the polynomial says. */
static uint32_t crc32c(const unsigned char *bytes, size_t n)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < 8 * n; i++)
        crc = crc >> 1 ^ ((crc ^ bytes[i / 8] >> i % 8) & 1 ? 0x82F63B78 : 0);
    return ~crc;
}

static void test_its_checksum_is_the_crc32c_of_all_before(void)
{
    struct rl_latch latch;

    begin();
    rl_latch_take(&latch, &k, 1);
    CHECK_EQ(latch.crc, crc32c((unsigned char *)&latch, offsetof(struct rl_latch, crc)));
}

/* What lies beside the sets on the board is not of them. */
static void test_it_holds_what_is_tripped_and_nothing_else(void)
{
    struct rl_latch latch;

    begin();
    rl_kill_set_active(&k, true, UINT64_MAX);
    rl_kill_set_active(&k, false, UINT64_MAX);
    rl_latch_take(&latch, &k, 1);
    for (uint32_t i = 0; i < RL_KILL_SYMBOL_WORDS; i++)
        CHECK_EQ(latch.symbols[i], 0);
    for (uint32_t s = 0; s < RL_N_SCOPES; s++)
        CHECK_EQ(latch.sets[s], s == RL_SCOPE_ACCOUNT ? 1ULL << 5 : 0);
    rl_latch_restore(&k, &latch, 0, 1);
    CHECK_EQ(k.active_watchdog, 0);
    for (uint32_t i = 0; i < RL_N_VITALS; i++)
        CHECK_EQ(rl_vital(&k.vitals, (enum rl_vital)i), 0);
    for (uint32_t i = 0; i < RL_N_BEATS; i++)
        CHECK_EQ(k.vitals.beats[i].tsc, 0);
}

/* ---- Without a standard input -------------------------------------------------------------------
 */

static void all_of_it(void)
{
    struct rl_board board, tool;
    const char *why = "";
    uint64_t us;

    syscall(SYS_close, 0);
    begin();
    CHECK_EQ(persist(), 0);
    check_loads();
    us = rl_board_process(getpid());
    CHECK_EQ(rl_board_pid_of(us), getpid());
    CHECK_EQ(rl_board_create(&board, dir, 0, &why), 0);
    CHECK_EQ(rl_board_open(&tool, dir, &why), 0);
    rl_board_close(&board);
    CHECK_EQ(open("/dev/null", O_RDONLY), 0); /* given back */
    syscall(SYS_close, 0);
    CHECK(!rl_board_has_engine(&tool));
    CHECK_EQ(open("/dev/null", O_RDONLY), 0);
    CHECK_EQ(rl_board_create(&board, dir, 0, &why), 0);
    syscall(SYS_close, 0);
    CHECK(rl_board_has_engine(&tool));
}

static void test_a_process_without_a_standard_input_has_a_latch_and_a_board(void)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        all_of_it();
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

int main(void)
{
    CHECK(mkdtemp(dir) != NULL);
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(dir_fd > 0);
    test_a_file_that_comes_and_goes_in_parts_is_whole();
    test_an_interrupted_call_is_made_again();
    test_a_refused_call_is_said_and_leaves_the_latch_as_it_was();
    test_a_disk_that_takes_nothing_is_an_error_and_no_loop();
    test_a_file_that_cannot_be_read_says_so();
    test_it_says_when_it_was_saved();
    test_its_checksum_is_the_crc32c_of_all_before();
    test_it_holds_what_is_tripped_and_nothing_else();
    test_a_process_without_a_standard_input_has_a_latch_and_a_board();
    unlinkat(dir_fd, RL_LATCH_FILE, 0);
    unlinkat(dir_fd, RL_BOARD_FILE, 0);
    unlinkat(dir_fd, RL_BOARD_LOCK, 0);
    CHECK_EQ(rmdir(dir), 0);
    return 0;
}
