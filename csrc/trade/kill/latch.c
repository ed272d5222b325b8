#include "trade/kill/latch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "trade/kill/inner.h"

static const char magic[8] = {'R', 'L', 'L', 'A', 'T', 'C', 'H', '1'};

_Static_assert(sizeof(struct rl_latch) == 8 * (9 + RL_N_SCOPES + RL_KILL_SYMBOL_WORDS + 1),
               "the file has no holes");

static uint64_t crc_of(const struct rl_latch *l)
{
    const unsigned char *p = (const unsigned char *)l;
    uint64_t crc = 0xFFFFFFFF;

    for (size_t i = 0; i < offsetof(struct rl_latch, crc); i += 8) {
        uint64_t word;

        memcpy(&word, p + i, 8);
        crc = __builtin_ia32_crc32di(crc, word);
    }
    return crc ^ 0xFFFFFFFF;
}

static uint64_t load(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, RELAXED);
}

void rl_latch_take(struct rl_latch *l, const struct rl_kill *k, uint64_t now_ns)
{
    uint64_t word;

    memset(l, 0, sizeof(*l));
    memcpy(l->magic, magic, sizeof(magic));
    l->n_bytes = sizeof(*l);
    l->saved_ns = now_ns;
    /* Twice when it moves: what was in either is in the file. A reset that ends meanwhile saves
     * after us. */
    for (int i = 0; i < 2; i++) {
        const struct rl_kill_reasons *r;

        word = rl_kill_word(k);
        r = &k->reasons[rl_kill_arms_of(word) & 1];
        l->word = word;
        l->causes |= load(&r->causes);
        l->first = load(&r->first);
        l->tsc = load(&r->tsc);
        l->wall_ns = load(&r->wall_ns);
        l->who = load(&r->who);
        for (size_t s = 0; s < RL_N_SCOPES; s++)
            l->sets[s] |= load(&k->sets[s]);
        for (size_t s = 0; s < RL_KILL_SYMBOL_WORDS; s++)
            l->symbols[s] |= load(&k->symbols[s]);
        if (rl_kill_word(k) == word)
            break;
    }
    l->crc = crc_of(l);
}

int rl_latch_read(struct rl_latch *l, const void *bytes, size_t n_bytes, const char **why)
{
    const char *said = NULL;

    if (n_bytes < sizeof(*l))
        said = "the latch is cut off";
    else if (n_bytes > sizeof(*l))
        said = "the latch is too long";
    if (!said) {
        memcpy(l, bytes, sizeof(*l));
        if (memcmp(l->magic, magic, sizeof(magic)) != 0 || l->n_bytes != sizeof(*l))
            said = "not a latch of this version";
        else if (l->crc != crc_of(l))
            said = "the latch is damaged";
    }
    if (why)
        *why = said;
    return said ? -EBADMSG : 0;
}

int rl_latch_load(struct rl_latch *l, int dir_fd, const char **why)
{
    unsigned char bytes[sizeof(*l) + 1];
    size_t n = 0;
    int err = 0, fd = openat(dir_fd, RL_LATCH_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0) {
        if (why)
            *why = errno == ENOENT ? "there is no latch" : "the latch cannot be opened";
        return -errno;
    }
    while (n < sizeof(bytes)) {
        ssize_t got = read(fd, bytes + n, sizeof(bytes) - n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            err = -errno;
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    close(fd);
    if (err && why)
        *why = "the latch cannot be read";
    return err ? err : rl_latch_read(l, bytes, n, why);
}

static int write_all(int fd, const void *bytes, size_t n_bytes)
{
    for (size_t n = 0; n < n_bytes;) {
        ssize_t put = write(fd, (const char *)bytes + n, n_bytes - n);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? -errno : -EIO;
        n += (size_t)put;
    }
    return 0;
}

int rl_latch_save(const struct rl_latch *l, int dir_fd)
{
    static const char name[] = RL_LATCH_FILE ".new";
    int err, fd;

    unlinkat(dir_fd, name, 0); /* left by one who died while he saved */
    fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    err = write_all(fd, l, sizeof(*l));
    /* After a failed fsync nobody knows what is on the disk: this file is given up, never retried.
     */
    if (!err && fsync(fd) < 0)
        err = -errno;
    if (close(fd) < 0 && !err)
        err = -errno;
    if (!err && renameat(dir_fd, name, dir_fd, RL_LATCH_FILE) < 0)
        err = -errno;
    if (err) {
        unlinkat(dir_fd, name, 0);
        return err;
    }
    return fsync(dir_fd) < 0 ? -errno : 0;
}

int rl_latch_persist(const struct rl_kill *k, int dir_fd)
{
    struct rl_latch latch;
    struct timespec now;
    int err, lock = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (lock < 0)
        return -errno;
    while (flock(lock, LOCK_EX) < 0) {
        if (errno != EINTR) {
            err = -errno;
            goto out;
        }
    }
    clock_gettime(CLOCK_REALTIME, &now);
    rl_latch_take(&latch, k, (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec);
    err = rl_latch_save(&latch, dir_fd);
out:
    close(lock);
    return err;
}

void rl_latch_restore(struct rl_kill *k, const struct rl_latch *l, int err, uint64_t now_ns)
{
    uint64_t epoch = err ? now_ns / 1000000000ULL : rl_kill_epoch_of(l->word) + 1ULL;
    struct rl_kill_reasons *r = &k->reasons[0];
    uint64_t first;

    rl_kill_init(k, (uint32_t)epoch);
    if (err) {
        rl_kill_trip(k, RL_SCOPE_GLOBAL, 0, RL_KILL_LATCH, (uint32_t)getpid());
        return;
    }
    rl_kill_restore(k, l->sets, l->symbols);
    if (!(l->word & RL_KILL_SCOPES))
        return; /* nothing was tripped: it is HALTED by the start alone */
    atomic_fetch_or_explicit(&r->causes, l->causes, RELAXED);
    first = l->first;
    if (!rl_kill_first_is_of(first, rl_kill_arms_of(l->word)))
        return;
    first &= 0x0000FFFFFFFFFFFFULL; /* arms begin at 0 again */
    atomic_store_explicit(&r->tsc, l->tsc, RELAXED);
    atomic_store_explicit(&r->wall_ns, l->wall_ns, RELAXED);
    atomic_store_explicit(&r->who, l->who, RELAXED);
    atomic_store_explicit(&r->told, first, RELAXED);
    atomic_store_explicit(&r->first, first, RELAXED);
}
