#include "trade/kill/board.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "trade/kill/latch.h"

/* Changes when any part of the board moves. */
static uint64_t layout(void)
{
    return sizeof(struct rl_board_file) | (uint64_t)offsetof(struct rl_kill, vitals) << 20 |
           (uint64_t)RL_N_VITALS << 40 | (uint64_t)RL_KILL_N_CAUSES << 52;
}

static uint64_t utc_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

static int refuse(int err, const char **why, const char *said)
{
    *why = said;
    return err;
}

/* Ours, or root's tool looking after somebody's engine. */
static bool may_own(uid_t owner)
{
    return owner == geteuid() || geteuid() == 0;
}

static int open_dir(struct rl_board *b, const char *dir, const char **why)
{
    struct stat st;

    b->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (b->dir_fd < 0)
        return refuse(-errno, why, errno == ENOENT ? "no such directory" : "not a run directory");
    if (fstat(b->dir_fd, &st) < 0)
        return refuse(-errno, why, "the directory cannot be looked at");
    if (!may_own(st.st_uid))
        return refuse(-EACCES, why, "the directory belongs to somebody else");
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return refuse(-EACCES, why, "others may write the directory (chmod 700)");
    return 0;
}

static int map(struct rl_board *b, int fd)
{
    void *p = mmap(NULL, sizeof(struct rl_board_file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (p == MAP_FAILED)
        return -errno;
    b->file = p;
    b->kill = &b->file->kill;
    (void)mlock(p, sizeof(struct rl_board_file)); /* may be forbidden; its pages are in use */
    return 0;
}

static int open_file(struct rl_board *b, const char **why)
{
    struct stat st;
    int err, fd = openat(b->dir_fd, RL_BOARD_FILE, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0)
        return refuse(-errno, why,
                      errno == ENOENT ? "there is no board: no engine has run here"
                                      : "the board cannot be opened");
    if (fstat(fd, &st) < 0)
        err = refuse(-errno, why, "the board cannot be looked at");
    else if (!S_ISREG(st.st_mode) || !may_own(st.st_uid))
        err = refuse(-EACCES, why, "the board belongs to somebody else, or is not a file");
    else if (st.st_mode & (S_IRWXG | S_IRWXO))
        err = refuse(-EACCES, why, "others may open the board (chmod 600)");
    else if ((uint64_t)st.st_size != sizeof(struct rl_board_file))
        err = refuse(-EBADMSG, why, "the board has the size of another build's");
    else
        err = map(b, fd);
    close(fd);
    if (err)
        return err;
    b->inode = st.st_ino;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a mapping that fails sets errno */
    if (b->file->magic != RL_BOARD_MAGIC || b->file->n_bytes != sizeof(struct rl_board_file) ||
        b->file->layout != layout())
        return refuse(-EBADMSG, why, "not a board of this build");
    return 0;
}

static void start_empty(struct rl_board *b)
{
    *b = (struct rl_board){.dir_fd = -1, .lock_fd = -1};
}

int rl_board_open(struct rl_board *b, const char *dir, const char **why)
{
    int err;

    start_empty(b);
    *why = "the board cannot be mapped";
    err = open_dir(b, dir, why);
    if (!err)
        err = open_file(b, why);
    if (err)
        rl_board_close(b);
    return err;
}

/* A new file beside, then in one step in its place: nobody ever maps half a board. */
static int make_file(struct rl_board *b, uint64_t tsc_hz, const char **why)
{
    static const char temporary[] = RL_BOARD_FILE ".new"; /* the lock makes us the only one */
    int err, fd;

    unlinkat(b->dir_fd, temporary, 0);
    fd = openat(b->dir_fd, temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return refuse(-errno, why, "the board cannot be made");
    err = -posix_fallocate(fd, 0, sizeof(struct rl_board_file));
    if (!err)
        err = map(b, fd);
    if (err) {
        close(fd);
        unlinkat(b->dir_fd, temporary, 0);
        return refuse(err, why, "there is no room for the board");
    }
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a mapping that fails sets errno */
    b->file->magic = RL_BOARD_MAGIC;
    b->file->n_bytes = sizeof(struct rl_board_file);
    b->file->layout = layout();
    b->file->tsc_hz = tsc_hz;
    rl_kill_init(b->kill, 0);
    if (renameat(b->dir_fd, temporary, b->dir_fd, RL_BOARD_FILE) < 0) {
        err = refuse(-errno, why, "the board cannot be put in its place");
    } else {
        struct stat st;

        if (fstat(fd, &st) == 0)
            b->inode = st.st_ino;
    }
    close(fd);
    return err;
}

static int lock_engine(struct rl_board *b, const char **why)
{
    b->lock_fd = openat(b->dir_fd, RL_BOARD_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (b->lock_fd < 0)
        return refuse(-errno, why, "the engine's lock cannot be made");
    if (flock(b->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return refuse(-EBUSY, why, "another engine has this board");
    return 0;
}

int rl_board_create(struct rl_board *b, const char *dir, uint64_t tsc_hz, const char **why)
{
    struct rl_latch latch;
    bool is_new;
    int err, latch_err;

    start_empty(b);
    *why = "the board cannot be mapped";
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return refuse(-errno, why, "the directory cannot be made");
    err = open_dir(b, dir, why);
    if (!err)
        err = lock_engine(b, why);
    if (err)
        goto out;
    err = open_file(b, why);
    is_new = err == -ENOENT || err == -EBADMSG;
    if (is_new) {
        if (b->file)
            munmap(b->file, sizeof(struct rl_board_file));
        b->file = NULL;
        err = make_file(b, tsc_hz, why);
    }
    if (err)
        goto out;
    latch_err = rl_latch_load(&latch, b->dir_fd, NULL);
    if (is_new)
        rl_latch_restore(b->kill, &latch, latch_err, utc_ns());
    else
        rl_kill_take_over(b->kill, latch_err ? NULL : &latch.word);
    if (!is_new && latch_err)
        rl_kill_trip(b->kill, RL_SCOPE_GLOBAL, 0, RL_KILL_LATCH, (uint32_t)getpid());
    atomic_store_explicit(&b->file->engine, rl_board_process(getpid()), memory_order_relaxed);
    err = rl_board_persist(b);
    if (err) {
        rl_kill_trip(b->kill, RL_SCOPE_GLOBAL, 0, RL_KILL_LATCH, (uint32_t)getpid());
        *why = "the latch cannot be saved";
    }
out:
    if (err)
        rl_board_close(b);
    return err;
}

bool rl_board_is_current(const struct rl_board *b)
{
    struct stat st;

    return fstatat(b->dir_fd, RL_BOARD_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_ino == b->inode;
}

bool rl_board_has_engine(const struct rl_board *b)
{
    bool has = false;
    int fd = openat(b->dir_fd, RL_BOARD_LOCK, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return false;
    has = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    close(fd);
    return has;
}

int rl_board_persist(struct rl_board *b)
{
    struct rl_kill_mark mark = rl_kill_mark(b->kill);
    int err = rl_latch_persist(b->kill, b->dir_fd);

    atomic_store_explicit(&b->file->persist_error, err, memory_order_relaxed);
    if (!err) {
        atomic_store_explicit(&b->file->persisted_notes, mark.n_notes, memory_order_relaxed);
        atomic_store_explicit(&b->file->persisted_word, mark.word, memory_order_relaxed);
    }
    return err;
}

bool rl_board_is_persisted(const struct rl_board *b)
{
    struct rl_kill_mark mark = rl_kill_mark(b->kill);

    return atomic_load_explicit(&b->file->persisted_word, memory_order_relaxed) == mark.word &&
           atomic_load_explicit(&b->file->persisted_notes, memory_order_relaxed) == mark.n_notes;
}

void rl_board_close(struct rl_board *b)
{
    if (b->file && b->lock_fd >= 0) /* a clean end: nobody need look for us */
        atomic_store_explicit(&b->file->engine, 0, memory_order_relaxed);
    if (b->file)
        munmap(b->file, sizeof(struct rl_board_file));
    if (b->lock_fd >= 0)
        close(b->lock_fd);
    if (b->dir_fd >= 0)
        close(b->dir_fd);
    start_empty(b);
}

uint64_t rl_board_process(int pid)
{
    char path[40], line[1024], *p;
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    n = read(fd, line, sizeof(line) - 1);
    close(fd);
    line[n > 0 ? n : 0] = '\0';
    p = strrchr(line, ')'); /* the name may hold anything */
    for (int field = 2; p && field < 22; field++) {
        p = strchr(p, ' ');
        if (p)
            p++;
    }
    return p ? strtoull(p, NULL, 10) << 22 | (uint64_t)pid : 0;
}

int rl_board_default_dir(char *dst, size_t n_dst)
{
    const char *named = getenv("REDLINE_RUN_DIR");
    bool has_run = access("/run/redline", W_OK) == 0;
    int n;

    if (named && *named)
        n = snprintf(dst, n_dst, "%s", named);
    else
        n = snprintf(dst, n_dst, has_run ? "/run/redline/%u" : "/tmp/redline-%u",
                     (unsigned)geteuid());
    return n < 0 || (size_t)n >= n_dst ? -ENAMETOOLONG : 0;
}
