/* The latch: what was tripped is on the disk, and what is on the disk is believed only when whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "trade/kill/latch.h"

static struct rl_kill k;
static char dir[] = "/tmp/redline-latch-XXXXXX";
static int dir_fd;

/* ---- The calls that make it durable, watched
 * -------------------------------------------------------- */

static int n_file_syncs, n_dir_syncs, fail_sync; /* fail the n-th sync from now, 0: none */
static bool file_had_name, name_was_new;
static ino_t synced_inode;

/* In place of libc's: notes what had happened by then. */
int fsync(int fd)
{
    struct stat st, named = {0};

    CHECK_EQ(fstat(fd, &st), 0);
    fstatat(dir_fd, RL_LATCH_FILE, &named, 0);
    if (S_ISDIR(st.st_mode)) {
        n_dir_syncs++;
        name_was_new = named.st_ino == synced_inode;
    } else {
        n_file_syncs++;
        synced_inode = st.st_ino;
        file_had_name = named.st_ino == st.st_ino;
    }
    if (fail_sync && --fail_sync == 0) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

/* A board with something in every scope. */
static void fill(void)
{
    uint32_t epoch;

    rl_kill_init(&k, 41);
    CHECK_EQ(rl_kill_request(&k, &epoch), 0);
    CHECK_EQ(rl_kill_arm(&k, epoch, RL_KILL_ALL, 0), 0);
    rl_kill_trip(&k, RL_SCOPE_ACCOUNT, 5, RL_KILL_LOSS, 4321);
    rl_kill_trip(&k, RL_SCOPE_VENUE, 15, RL_KILL_SESSION, 1);
    rl_kill_trip(&k, RL_SCOPE_STRATEGY, 63, RL_KILL_EXECUTIONS, 1);
    rl_kill_trip(&k, RL_SCOPE_SYMBOL, 0, RL_KILL_FEED_STALE, 1);
    rl_kill_trip(&k, RL_SCOPE_SYMBOL, RL_MAX_SYMBOLS - 1, RL_KILL_FEED_STALE, 1);
}

static void check_filled(const struct rl_kill *b)
{
    CHECK(rl_kill_is_tripped(b, RL_SCOPE_ACCOUNT, 5));
    CHECK(!rl_kill_is_tripped(b, RL_SCOPE_ACCOUNT, 6));
    CHECK(rl_kill_is_tripped(b, RL_SCOPE_VENUE, 15));
    CHECK(rl_kill_is_tripped(b, RL_SCOPE_STRATEGY, 63));
    CHECK(rl_kill_is_tripped(b, RL_SCOPE_SYMBOL, 0));
    CHECK(rl_kill_is_tripped(b, RL_SCOPE_SYMBOL, RL_MAX_SYMBOLS - 1));
    CHECK(!rl_kill_is_tripped(b, RL_SCOPE_SYMBOL, 1));
}

static void test_a_restart_is_halted_with_what_was_tripped_and_why(void)
{
    struct rl_latch latch;
    struct rl_kill_why why;
    uint32_t before;

    fill();
    before = rl_kill_epoch_of(rl_kill_word(&k));
    CHECK_EQ(rl_latch_persist(&k, dir_fd), 0);
    memset(&k, 0, sizeof(k));
    CHECK_EQ(rl_latch_load(&latch, dir_fd, NULL), 0);
    rl_latch_restore(&k, &latch, 0, 1);
    check_filled(&k);
    CHECK_EQ(rl_kill_cause(&k, &why), RL_KILL_LOSS);
    CHECK_EQ(why.state, RL_KILL_IS_HALTED);
    CHECK_EQ(why.who, 4321);
    CHECK(why.has_details);
    CHECK(why.causes & 1ULL << RL_KILL_BOOT && why.causes & 1ULL << RL_KILL_FEED_STALE);
    CHECK_EQ(why.epoch, before + 1);
}

static void test_a_restart_after_a_quiet_day_is_halted_all_the_same(void)
{
    struct rl_latch latch;
    struct rl_kill_why why;
    uint32_t epoch;

    rl_kill_init(&k, 41);
    CHECK_EQ(rl_kill_request(&k, &epoch), 0);
    CHECK_EQ(rl_kill_arm(&k, epoch, RL_KILL_ALL, 0), 0);
    CHECK_EQ(rl_latch_persist(&k, dir_fd), 0);
    CHECK_EQ(rl_latch_load(&latch, dir_fd, NULL), 0);
    rl_latch_restore(&k, &latch, 0, 1);
    CHECK_EQ(rl_kill_cause(&k, &why), RL_KILL_BOOT);
    CHECK_EQ(why.state, RL_KILL_IS_HALTED);
    CHECK_EQ(why.causes, 1ULL << RL_KILL_BOOT);
}

static void test_without_a_latch_everything_is_tripped_at_an_epoch_never_used(void)
{
    const uint64_t now_ns = 1800000000ULL * 1000000000ULL;
    struct rl_latch latch;
    struct rl_kill_why seen;
    const char *why = NULL;
    int err;

    CHECK_EQ(unlinkat(dir_fd, RL_LATCH_FILE, 0), 0);
    err = rl_latch_load(&latch, dir_fd, &why);
    CHECK_EQ(err, -ENOENT);
    CHECK(why != NULL);
    rl_latch_restore(&k, NULL, err, now_ns);
    CHECK_EQ(rl_kill_state_of(rl_kill_word(&k)), RL_KILL_IS_TRIPPED);
    CHECK_EQ(rl_kill_cause(&k, &seen), RL_KILL_LATCH);
    CHECK_EQ(seen.scope, RL_SCOPE_GLOBAL);
    CHECK_EQ(seen.index, 0);
    CHECK_EQ(rl_kill_epoch_of(rl_kill_word(&k)), 1800000000);
}

static void test_it_is_on_the_disk_before_it_has_its_name_and_the_name_before_it_is_said(void)
{
    fill();
    n_file_syncs = n_dir_syncs = 0;
    CHECK_EQ(rl_latch_persist(&k, dir_fd), 0);
    CHECK_EQ(n_file_syncs, 1);
    CHECK_EQ(n_dir_syncs, 1);
    CHECK(!file_had_name);
    CHECK(name_was_new);
}

static void test_a_sync_that_fails_is_said_and_leaves_a_whole_latch(void)
{
    for (int which = 1; which <= 2; which++) {
        struct rl_latch latch;

        fill();
        fail_sync = which;
        CHECK_EQ(rl_latch_persist(&k, dir_fd), -EIO);
        CHECK_EQ(rl_latch_load(&latch, dir_fd, NULL), 0);
        CHECK_EQ(rl_latch_persist(&k, dir_fd), 0); /* from the start, in a new file */
    }
}

/* ---- Damage -------------------------------------------------------------------------------------
 */

static void check_refused(const void *bytes, size_t n_bytes, const char *said)
{
    static struct rl_kill b;
    struct rl_latch read;
    const char *why = NULL;
    int err = rl_latch_read(&read, bytes, n_bytes, &why);

    if (err != -EBADMSG || strcmp(why, said) != 0) {
        fprintf(stderr, "%zu bytes: %d, %s; wanted: %s\n", n_bytes, err, why ? why : "-", said);
        exit(1);
    }
    rl_latch_restore(&b, &read, err, 1);
    CHECK_EQ(rl_kill_cause(&b, NULL), RL_KILL_LATCH);
    CHECK(!rl_kill_is_clear(&b));
}

static void test_a_latch_cut_off_at_any_byte_is_refused(void)
{
    struct rl_latch latch;
    unsigned char longer[sizeof(latch) + 1] = {0};

    fill();
    rl_latch_take(&latch, &k, 1);
    memcpy(longer, &latch, sizeof(latch));
    CHECK_EQ(rl_latch_read(&latch, longer, sizeof(latch), NULL), 0);
    for (size_t n = 0; n < sizeof(latch); n++)
        check_refused(longer, n, "the latch is cut off");
    check_refused(longer, sizeof(longer), "the latch is too long");
}

static void test_a_latch_with_any_bit_changed_is_refused(void)
{
    struct rl_latch latch, read;
    unsigned char *bytes = (unsigned char *)&latch;
    const char *why;

    fill();
    rl_latch_take(&latch, &k, 1);
    for (size_t bit = 0; bit < 8 * sizeof(latch); bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        if (rl_latch_read(&read, bytes, sizeof(latch), &why) != -EBADMSG) {
            fprintf(stderr, "bit %zu changed, and nobody noticed\n", bit);
            exit(1);
        }
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    CHECK_EQ(rl_latch_read(&read, bytes, sizeof(latch), &why), 0);
}

static void test_bytes_that_are_no_latch_are_refused(void)
{
    static const unsigned char zeros[sizeof(struct rl_latch)];
    unsigned char ones[sizeof(struct rl_latch)];

    memset(ones, 0xFF, sizeof(ones));
    check_refused(zeros, sizeof(zeros), "not a latch of this version");
    check_refused(ones, sizeof(ones), "not a latch of this version");
}

static void test_what_is_not_a_regular_file_of_ours_is_refused(void)
{
    struct rl_latch latch;

    CHECK_EQ(symlinkat("/dev/zero", dir_fd, RL_LATCH_FILE), 0);
    CHECK_EQ(rl_latch_load(&latch, dir_fd, NULL), -ELOOP);
    CHECK_EQ(unlinkat(dir_fd, RL_LATCH_FILE, 0), 0);
    CHECK_EQ(mkfifoat(dir_fd, RL_LATCH_FILE, 0600), 0); /* opening must not wait for a writer */
    CHECK_EQ(rl_latch_load(&latch, dir_fd, NULL), -EBADMSG);
    CHECK_EQ(unlinkat(dir_fd, RL_LATCH_FILE, 0), 0);
    CHECK_EQ(mkdirat(dir_fd, RL_LATCH_FILE, 0700), 0);
    CHECK_EQ(rl_latch_load(&latch, dir_fd, NULL), -EISDIR);
    CHECK_EQ(rl_latch_persist(&k, dir_fd), -EISDIR);
    CHECK_EQ(unlinkat(dir_fd, RL_LATCH_FILE, AT_REMOVEDIR), 0);
}

/* ---- Disks --------------------------------------------------------------------------------------
 */

/* In a child, so that its limits die with it. True when all that was checked held. */
static void in_child(void (*act)(void))
{
    pid_t child = fork();
    int status;

    CHECK(child >= 0);
    if (child == 0) {
        act();
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
}

static int n_entries_but_latch(void)
{
    char command[128];

    snprintf(command, sizeof(command), "test -z \"$(ls %s | grep -v '^kill.latch$')\"", dir);
    return system(command);
}

static void save_beyond_a_file_size_limit(void)
{
    static struct rl_kill b;
    struct rl_latch latch;

    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, 4096}), 0);
    signal(SIGXFSZ, SIG_IGN);
    rl_kill_trip(&k, RL_SCOPE_GLOBAL, 0, RL_KILL_DISK, 1);
    CHECK_EQ(rl_latch_persist(&k, dir_fd), -EFBIG);
    CHECK(!rl_kill_is_clear(&k)); /* the trip holds all the same */
    CHECK_EQ(rl_latch_load(&latch, dir_fd, NULL), 0);
    rl_latch_restore(&b, &latch, 0, 1);
    check_filled(&b); /* the file is as it was */
    CHECK_EQ(n_entries_but_latch(), 0);
}

static void test_a_latch_that_cannot_be_saved_leaves_the_old_one_and_the_trip(void)
{
    fill();
    CHECK_EQ(rl_latch_persist(&k, dir_fd), 0);
    in_child(save_beyond_a_file_size_limit);
}

static void save_on_a_full_disk(void)
{
    char blob[65536] = {0};
    int full, on_disk;

    /* In a mount namespace of our own: whatever happens, it ends with this process. */
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", dir, "tmpfs", 0, "size=64k") < 0)
        _exit(RL_SKIP);
    on_disk = open(dir, O_RDONLY | O_DIRECTORY);
    CHECK_EQ(rl_latch_persist(&k, on_disk), 0);
    full = openat(on_disk, "full", O_WRONLY | O_CREAT, 0600);
    while (write(full, blob, sizeof(blob)) > 0)
        ;
    rl_kill_trip(&k, RL_SCOPE_GLOBAL, 0, RL_KILL_DISK, 1);
    CHECK_EQ(rl_latch_persist(&k, on_disk), -ENOSPC);
    CHECK(!rl_kill_is_clear(&k));
    close(full);
    CHECK_EQ(unlinkat(on_disk, "full", 0), 0);
    CHECK_EQ(rl_latch_persist(&k, on_disk), 0); /* room again: saved anew, not continued */
    close(on_disk);
}

static void test_a_full_disk_is_said_and_the_trip_holds(void)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        save_on_a_full_disk();
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    if (WEXITSTATUS(status) == RL_SKIP)
        fprintf(stderr, "not root: a full disk was tried by a file size limit only\n");
    else
        CHECK_EQ(WEXITSTATUS(status), 0);
}

/* Several save at once while a trip comes: the last file is never older than the last trip. */
static void test_savers_take_turns_and_the_newest_state_stays(void)
{
    enum { N = 4, ROUNDS = 20 };
    pid_t children[N];
    struct rl_latch latch;

    rl_kill_init(&k, 1);
    for (int i = 0; i < N; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            for (int round = 0; round < ROUNDS; round++)
                CHECK_EQ(rl_latch_persist(&k, dir_fd), 0);
            _exit(0);
        }
    }
    rl_kill_trip(&k, RL_SCOPE_ACCOUNT, 9, RL_KILL_LOSS, 1);
    for (int i = 0; i < N; i++) {
        int status;

        CHECK_EQ(waitpid(children[i], &status, 0), children[i]);
        CHECK_EQ(status, 0);
    }
    CHECK_EQ(rl_latch_persist(&k, dir_fd), 0);
    CHECK_EQ(rl_latch_load(&latch, dir_fd, NULL), 0);
    CHECK_EQ(latch.sets[RL_SCOPE_ACCOUNT], 1ULL << 9);
    CHECK_EQ(n_entries_but_latch(), 0);
}

int main(void)
{
    CHECK(mkdtemp(dir) != NULL);
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    test_a_restart_is_halted_with_what_was_tripped_and_why();
    test_a_restart_after_a_quiet_day_is_halted_all_the_same();
    test_it_is_on_the_disk_before_it_has_its_name_and_the_name_before_it_is_said();
    test_a_sync_that_fails_is_said_and_leaves_a_whole_latch();
    test_without_a_latch_everything_is_tripped_at_an_epoch_never_used();
    test_a_latch_cut_off_at_any_byte_is_refused();
    test_a_latch_with_any_bit_changed_is_refused();
    test_bytes_that_are_no_latch_are_refused();
    test_what_is_not_a_regular_file_of_ours_is_refused();
    test_a_latch_that_cannot_be_saved_leaves_the_old_one_and_the_trip();
    test_a_full_disk_is_said_and_the_trip_holds();
    test_savers_take_turns_and_the_newest_state_stays();
    unlinkat(dir_fd, RL_LATCH_FILE, 0);
    CHECK_EQ(rmdir(dir), 0);
    return 0;
}
