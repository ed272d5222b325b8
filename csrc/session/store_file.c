#include "session/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mix.h"

#define MAGIC 0x31305845534C52ULL /* "RLSEX01" */
#define BOOT_BYTES 40
#define PAGE 4096

struct numbers {
    uint64_t version; /* the higher one is the newer */
    uint64_t next_out, next_in, created_utc_ns;
    uint64_t sum;
};

struct slot {
    uint64_t seq; /* 0: nothing */
    uint64_t at;  /* bytes written to the ring before it */
    uint64_t n;
    uint64_t sum; /* of the message: a slot half written does not fit */
};

/* The first page is what a power cut is judged by, and is synced by itself. */
struct rl_store_map {
    uint64_t magic;
    uint64_t n_bytes, n_messages;
    uint64_t reserved_out; /* numbers below may have been used */
    uint64_t is_open;
    char name[RL_STORE_NAME];
    char boot[BOOT_BYTES];
    RL_ALIGNED struct numbers numbers[2];
    _Alignas(PAGE) struct slot slots[];
};

static struct rl_file_store *file_of(struct rl_session_store *s)
{
    return (struct rl_file_store *)s;
}

static uint8_t *ring_of(const struct rl_store_map *m)
{
    return (uint8_t *)(m->slots + m->n_messages);
}

static struct slot *slot_of(struct rl_store_map *m, uint64_t seq)
{
    return &m->slots[seq & (m->n_messages - 1)];
}

/* --- sums ------------------------------------------------------------------------------------- */

static uint64_t sum_of_numbers(const struct numbers *n)
{
    return rl_mix(rl_mix(rl_mix(rl_mix(n->version + MAGIC) ^ n->next_out) ^ n->next_in) ^
                  n->created_utc_ns);
}

static uint64_t sum_of_bytes(const uint8_t *bytes, uint64_t n)
{
    uint64_t sum = MAGIC + n, word;

    for (; n >= 8; n -= 8, bytes += 8) {
        memcpy(&word, bytes, 8);
        sum = (sum ^ word) * RL_MIX_STEP;
        sum ^= sum >> 29;
    }
    word = 0;
    memcpy(&word, bytes, n);
    return rl_mix(sum ^ word);
}

/* --- the numbers ------------------------------------------------------------------------------ */

/* The older copy is overwritten: whoever dies meanwhile leaves the newer one as it was. */
static void write_numbers(struct rl_file_store *f)
{
    struct rl_store_map *m = f->map;
    unsigned newer = m->numbers[1].version > m->numbers[0].version;
    struct numbers now = {.version = m->numbers[newer].version + 1,
                          .next_out = f->store.next_out,
                          .next_in = f->store.next_in,
                          .created_utc_ns = f->store.created_utc_ns};

    now.sum = sum_of_numbers(&now);
    atomic_signal_fence(memory_order_release); /* the message before its number */
    m->numbers[!newer] = now;
    atomic_signal_fence(memory_order_release);
}

static bool is_whole(const struct numbers *n)
{
    return n->sum == sum_of_numbers(n) && n->next_out > 0 && n->next_in > 0;
}

static int sync_page(struct rl_file_store *f)
{
    return msync(f->map, PAGE, MS_SYNC) < 0 ? -errno : 0;
}

/* Before a number at or beyond the reserved ones is given out. */
static int reserve(struct rl_file_store *f, uint64_t next_out)
{
    if (next_out < f->map->reserved_out)
        return 0;
    f->map->reserved_out = next_out + RL_STORE_RESERVE;
    return sync_page(f);
}

/* --- what a store does ------------------------------------------------------------------------ */

static int put(struct rl_session_store *s, uint64_t seq, const uint8_t *bytes, uint32_t n_bytes)
{
    struct rl_file_store *f = file_of(s);
    struct rl_store_map *m = f->map;
    uint64_t at = f->head & (m->n_bytes - 1);
    int err = n_bytes > m->n_bytes ? -EMSGSIZE : reserve(f, seq + 1);

    if (err != 0)
        return err;
    if (at + n_bytes > m->n_bytes) { /* a message lies in one piece */
        f->head += m->n_bytes - at;
        at = 0;
    }
    memcpy(ring_of(m) + at, bytes, n_bytes);
    *slot_of(m, seq) = (struct slot){seq, f->head, n_bytes, sum_of_bytes(bytes, n_bytes)};
    f->head += n_bytes;
    s->next_out = seq + 1;
    write_numbers(f);
    return 0;
}

static const uint8_t *get(struct rl_session_store *s, uint64_t seq, uint32_t *n_bytes)
{
    struct rl_file_store *f = file_of(s);
    const struct slot *slot = slot_of(f->map, seq);
    const uint8_t *bytes = ring_of(f->map) + (slot->at & (f->map->n_bytes - 1));

    if (seq == 0 || slot->seq != seq || f->head - slot->at > f->map->n_bytes ||
        slot->n > f->head - slot->at ||
        (slot->at & (f->map->n_bytes - 1)) + slot->n > f->map->n_bytes ||
        slot->sum != sum_of_bytes(bytes, slot->n))
        return NULL;
    *n_bytes = (uint32_t)slot->n;
    return bytes;
}

static int set_next(struct rl_session_store *s, uint64_t next_out, uint64_t next_in)
{
    int err = reserve(file_of(s), next_out);

    if (err != 0)
        return err;
    s->next_out = next_out;
    s->next_in = next_in;
    write_numbers(file_of(s));
    return 0;
}

static int reset(struct rl_session_store *s, uint64_t now_utc_ns)
{
    struct rl_file_store *f = file_of(s);

    memset(f->map->slots, 0, f->map->n_messages * sizeof(struct slot));
    f->head = 0;
    s->next_out = s->next_in = 1;
    s->created_utc_ns = now_utc_ns;
    write_numbers(f);
    f->map->reserved_out = 1 + RL_STORE_RESERVE;
    return sync_page(f); /* a power cut must not bring the old numbers back */
}

static const struct rl_session_store_ops file_ops = {"file", put, get, set_next, reset};

/* --- opening ---------------------------------------------------------------------------------- */

static bool is_power_of_two(uint64_t n)
{
    return n > 0 && (n & (n - 1)) == 0 && n <= RL_STORE_FILE_BYTES_MAX / 64;
}

static uint64_t file_bytes(uint64_t n_bytes, uint64_t n_messages)
{
    return sizeof(struct rl_store_map) + n_messages * sizeof(struct slot) + n_bytes;
}

static void read_boot(char boot[BOOT_BYTES])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, boot, BOOT_BYTES - 1);

    boot[n < 0 ? 0 : n] = 0; /* unknown: every unclean end counts as a power cut */
    if (fd >= 0)
        close(fd);
}

/* The sizes that the file says it has, if it can be one of ours. */
static int read_sizes(int fd, uint64_t n_file_bytes, uint64_t *n_bytes, uint64_t *n_messages,
                      const char **why)
{
    struct rl_store_map head;

    *why = "not a session store, or a damaged one";
    if (n_file_bytes < sizeof head || pread(fd, &head, sizeof head, 0) != sizeof head ||
        head.magic != MAGIC || !is_power_of_two(head.n_bytes) ||
        !is_power_of_two(head.n_messages) ||
        file_bytes(head.n_bytes, head.n_messages) != n_file_bytes)
        return -EBADMSG;
    *n_bytes = head.n_bytes;
    *n_messages = head.n_messages;
    return 0;
}

/* What the file says of the past, made the present. */
static int adopt(struct rl_file_store *f, const char *name, const char **why)
{
    struct rl_store_map *m = f->map;
    char boot[BOOT_BYTES] = {0};
    const struct numbers *n;

    *why = "the store is another session's";
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): a mapping that fails sets errno */
    if (strncmp(m->name, name, RL_STORE_NAME) != 0)
        return -EXDEV;
    *why = "neither copy of the store's numbers is whole";
    if (!is_whole(&m->numbers[0]) && !is_whole(&m->numbers[1]))
        return -EBADMSG;
    n = &m->numbers[!is_whole(&m->numbers[0]) ||
                    (is_whole(&m->numbers[1]) && m->numbers[1].version > m->numbers[0].version)];
    read_boot(boot);
    f->was_cut = m->is_open && (boot[0] == 0 || strncmp(m->boot, boot, BOOT_BYTES) != 0);
    f->store.next_out = f->was_cut && m->reserved_out > n->next_out ? m->reserved_out : n->next_out;
    f->store.next_in = n->next_in;
    f->store.created_utc_ns = n->created_utc_ns;
    for (uint64_t i = 0; i < m->n_messages; i++) /* the ring goes on behind what is kept */
        if (m->slots[i].seq > 0 && m->slots[i].at + m->slots[i].n > f->head &&
            m->slots[i].seq < f->store.next_out)
            f->head = m->slots[i].at + m->slots[i].n;
    m->numbers[n == &m->numbers[0]].version = 0; /* if it is not whole, it must not seem newer */
    return 0;
}

static void begin(struct rl_file_store *f, const char *name, uint64_t n_bytes, uint64_t n_messages,
                  uint64_t now_utc_ns)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a mapping that fails sets errno */
    f->map->n_bytes = n_bytes;
    f->map->n_messages = n_messages;
    strcpy(f->map->name, name);
    f->store.next_out = f->store.next_in = 1;
    f->store.created_utc_ns = now_utc_ns;
    write_numbers(f);
}

/* From here on the file says that it is in use, and since which boot. */
static int take_over(struct rl_file_store *f)
{
    read_boot(f->map->boot);
    f->map->is_open = 1;
    f->map->reserved_out = f->store.next_out + RL_STORE_RESERVE;
    write_numbers(f);
    f->map->magic = MAGIC; /* last: a file that was not finished is none */
    return msync(f->map, f->n_file_bytes, MS_SYNC) < 0 ? -errno : 0;
}

/* The file, or one under a name to come when there is none. */
static int open_locked(const char *path, const char *new_path, bool *is_new, const char **why)
{
    struct stat st;
    int err, fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    *why = "the session store cannot be opened";
    *is_new = fd < 0 && errno == ENOENT;
    if (*is_new)
        fd = open(new_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return -errno;
    err = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
    if (err == -EWOULDBLOCK) {
        *why = "another process has the session store";
        err = -EBUSY;
    } else if (err == 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
        *why = "the session store is no file";
        err = -EBADMSG;
    }
    if (err != 0) {
        close(fd);
        return err;
    }
    return fd;
}

/* Maps a file of the size that f says. */
static int map_file(struct rl_file_store *f, const char **why)
{
    *why = "the session store cannot be mapped";
    f->map = mmap(NULL, f->n_file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
    if (f->map != MAP_FAILED)
        return 0;
    f->map = NULL;
    return -errno;
}

static int open_old(struct rl_file_store *f, const char *name, const char **why)
{
    uint64_t n_bytes, n_messages;
    struct stat st;
    int err;

    if (fstat(f->fd, &st) < 0)
        return -errno;
    err = read_sizes(f->fd, (uint64_t)st.st_size, &n_bytes, &n_messages, why);
    f->n_file_bytes = (uint64_t)st.st_size;
    if (err == 0)
        err = map_file(f, why);
    if (err == 0)
        err = adopt(f, name, why);
    if (err == 0) {
        *why = "the session store cannot be written to the disk";
        err = take_over(f);
    }
    return err;
}

static int sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int err, dir;

    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1,
             slash ? path : ".");
    dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -errno;
    err = fsync(dir) < 0 ? -errno : 0;
    close(dir);
    return err;
}

/* Takes its name when it is whole and on the disk: an end in between leaves no store. */
static int make_new(struct rl_file_store *f, const char *path, const char *new_path,
                    const char *name, const struct rl_store_map *sizes, const char **why)
{
    int err;

    f->n_file_bytes = file_bytes(sizes->n_bytes, sizes->n_messages);
    *why = "no room for the session store";
    err = ftruncate(f->fd, 0) < 0 ? -errno : -posix_fallocate(f->fd, 0, (off_t)f->n_file_bytes);
    if (err == 0)
        err = map_file(f, why);
    if (err == 0) {
        begin(f, name, sizes->n_bytes, sizes->n_messages, sizes->numbers[0].created_utc_ns);
        *why = "the session store cannot be written to the disk";
        err = take_over(f);
    }
    if (err == 0 && rename(new_path, path) < 0)
        err = -errno;
    if (err == 0)
        err = sync_folder(path);
    if (err != 0)
        unlink(new_path);
    return err;
}

int rl_file_store_open(struct rl_file_store *f, const char *path, const char *name,
                       uint64_t n_bytes, uint64_t n_messages, uint64_t now_utc_ns, const char **why)
{
    struct rl_store_map sizes = {
        .n_bytes = n_bytes, .n_messages = n_messages, .numbers[0].created_utc_ns = now_utc_ns};
    char new_path[PATH_MAX];
    bool is_new;
    int err;

    *f = (struct rl_file_store){.store.ops = &file_ops, .fd = -1};
    *why = "sizes are powers of two, and a name has 1 to 191 characters";
    if (!is_power_of_two(n_bytes) || !is_power_of_two(n_messages) || name[0] == 0 ||
        strlen(name) >= RL_STORE_NAME)
        return -EINVAL;
    *why = "the path is too long";
    if (snprintf(new_path, sizeof new_path, "%s.new", path) >= (int)sizeof new_path)
        return -ENAMETOOLONG;
    f->fd = open_locked(path, new_path, &is_new, why);
    if (f->fd < 0)
        return f->fd;
    err = is_new ? make_new(f, path, new_path, name, &sizes, why) : open_old(f, name, why);
    if (err != 0) {
        if (f->map)
            munmap(f->map, f->n_file_bytes);
        close(f->fd);
        *f = (struct rl_file_store){.fd = -1};
        return err;
    }
    *why = NULL;
    return 0;
}

int rl_file_store_close(struct rl_file_store *f)
{
    int err = 0;

    if (!f->map)
        return 0;
    err = msync(f->map, f->n_file_bytes, MS_SYNC) < 0 ? -errno : 0;
    if (err == 0) { /* only when all of it is there may the file say so */
        f->map->is_open = 0;
        err = sync_page(f);
    }
    munmap(f->map, f->n_file_bytes);
    close(f->fd);
    *f = (struct rl_file_store){.fd = -1};
    return err;
}
