/* Session stores: a number is given out once, whoever dies when; what was sent is there again. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.h"
#include "check.h"
#include "session/store_file.h"

#define RING 4096
#define SLOTS 64
#define NAME "FIX.4.4 VENUE DESK"

static char folder[64], path[96];

static void begin(void)
{
    snprintf(folder, sizeof folder, "/tmp/redline-store-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/session", folder);
}

static void end(void)
{
    unlink(path);
    CHECK_EQ(rmdir(folder), 0); /* nothing else was left */
}

static void open_store(struct rl_file_store *f)
{
    const char *why = "?";
    int err = rl_file_store_open(f, path, NAME, RING, SLOTS, 7, &why);

    if (err != 0)
        fprintf(stderr, "%s: %s\n", why, strerror(-err));
    CHECK_EQ(err, 0);
    CHECK(why == NULL);
}

static void refuses(const char *name, int err)
{
    struct rl_file_store f;
    const char *why = NULL;

    CHECK_EQ(rl_file_store_open(&f, path, name, RING, SLOTS, 7, &why), err);
    CHECK(why != NULL && strlen(why) > 10);
}

static void put_text(struct rl_session_store *s, uint64_t seq)
{
    char text[200];
    int n = snprintf(text, sizeof text, "message %llu %0*d", (unsigned long long)seq,
                     (int)(seq * 7 % 120) + 1, 0);

    CHECK_EQ(s->ops->put(s, seq, (const uint8_t *)text, (uint32_t)n), 0);
}

static bool has_text(struct rl_session_store *s, uint64_t seq)
{
    char text[200];
    uint32_t n_seen = 0;
    const uint8_t *seen = s->ops->get(s, seq, &n_seen);
    int n = snprintf(text, sizeof text, "message %llu %0*d", (unsigned long long)seq,
                     (int)(seq * 7 % 120) + 1, 0);

    CHECK(!seen || (n_seen == (uint32_t)n && memcmp(seen, text, n_seen) == 0));
    return seen != NULL;
}

/* ---- Both kinds ------------------------------------------------------------------------------ */

/* The newest messages that fit, whole; of the others nothing. */
static void keeps_the_newest(struct rl_session_store *s)
{
    uint64_t n_kept = 0, n_bytes = 0;

    for (uint64_t seq = 1; seq <= 1000; seq++) {
        put_text(s, seq);
        CHECK_EQ(s->next_out, seq + 1);
        CHECK(has_text(s, seq));
    }
    while (n_kept < 1000 && has_text(s, 1000 - n_kept))
        n_bytes += 30, n_kept++;
    CHECK(n_kept >= 20 && n_kept <= SLOTS && n_bytes <= RING);
    for (uint64_t seq = 1; seq + n_kept <= 1000; seq++)
        CHECK(!has_text(s, seq));
    CHECK(!has_text(s, 0) && !has_text(s, 1001));
}

static void a_message_longer_than_the_ring_is_refused(struct rl_session_store *s)
{
    static const uint8_t bytes[RING + 1];
    uint64_t next = s->next_out;

    CHECK_EQ(s->ops->put(s, next, bytes, sizeof bytes), -EMSGSIZE);
    CHECK_EQ(s->next_out, next);
    CHECK_EQ(s->ops->put(s, next, bytes, RING), 0);
}

static void a_reset_forgets_everything(struct rl_session_store *s)
{
    put_text(s, s->next_out);
    CHECK_EQ(s->ops->reset(s, 99), 0);
    CHECK(s->next_out == 1 && s->next_in == 1 && s->created_utc_ns == 99);
    for (uint64_t seq = 0; seq < 2000; seq++)
        CHECK(!has_text(s, seq));
    put_text(s, 1);
    CHECK(has_text(s, 1));
}

static void both_kinds_do_what_a_store_does(void)
{
    struct rl_arena arena;
    struct rl_memory_store m;
    struct rl_file_store f;

    CHECK_EQ(rl_arena_open(&arena, rl_memory_store_bytes(RING, SLOTS), 0), 0);
    CHECK_EQ(rl_memory_store_init(&m, &arena, RING, SLOTS, 7), 0);
    begin();
    open_store(&f);
    struct rl_session_store *stores[] = {&m.store, &f.store};
    for (int i = 0; i < 2; i++) {
        CHECK(stores[i]->next_out == 1 && stores[i]->next_in == 1 &&
              stores[i]->created_utc_ns == 7);
        keeps_the_newest(stores[i]);
        a_message_longer_than_the_ring_is_refused(stores[i]);
        a_reset_forgets_everything(stores[i]);
        CHECK_EQ(stores[i]->ops->set_next(stores[i], 17, 23), 0);
        CHECK(stores[i]->next_out == 17 && stores[i]->next_in == 23);
    }
    CHECK_EQ(rl_memory_store_init(&m, &arena, RING, SLOTS, 7), -ENOMEM);
    CHECK_EQ(rl_memory_store_init(&m, &arena, RING - 1, SLOTS, 7), -EINVAL);
    CHECK_EQ(rl_file_store_close(&f), 0);
    CHECK_EQ(rl_file_store_close(&f), 0);
    rl_arena_close(&arena);
    end();
}

/* ---- Files ----------------------------------------------------------------------------------- */

static void a_closed_store_opens_as_it_was(void)
{
    struct rl_file_store f;

    begin();
    open_store(&f);
    for (uint64_t seq = 1; seq <= 100; seq++)
        put_text(&f.store, seq);
    CHECK_EQ(f.store.ops->set_next(&f.store, 105, 42), 0);
    CHECK_EQ(rl_file_store_close(&f), 0);
    open_store(&f);
    CHECK(f.store.next_out == 105 && f.store.next_in == 42 && !f.was_cut);
    CHECK(has_text(&f.store, 100) && !has_text(&f.store, 104));
    put_text(&f.store, 105); /* behind what is kept, not over it */
    CHECK(has_text(&f.store, 105) && has_text(&f.store, 100) && has_text(&f.store, 99));
    CHECK_EQ(rl_file_store_close(&f), 0);
    end();
}

/* A child numbers messages and says so when each is stored; it is killed at any time. */
static void child(int out)
{
    struct rl_file_store f;

    open_store(&f);
    for (;;) {
        uint64_t seq = f.store.next_out;

        put_text(&f.store, seq);
        if (write(out, &seq, sizeof seq) != sizeof seq) /* the bytes leave */
            _exit(1);
    }
}

static void no_number_is_given_out_twice_over_kills(void)
{
    struct rl_random random;
    uint64_t seq, last = 0, n_seen = 0;

    rl_random_seed(&random, 5);
    begin();
    for (int i = 0; i < 40; i++) {
        int pipes[2], status;
        pid_t pid;

        CHECK_EQ(pipe(pipes), 0);
        pid = fork();
        if (pid == 0) {
            close(pipes[0]);
            child(pipes[1]);
        }
        close(pipes[1]);
        for (uint32_t n = 1 + rl_random_below(&random, 300); n > 0; n--) {
            CHECK_EQ(read(pipes[0], &seq, sizeof seq), (ssize_t)sizeof seq);
            CHECK(seq > last);
            last = seq;
            n_seen++;
        }
        kill(pid, SIGKILL);
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        while (read(pipes[0], &seq, sizeof seq) == (ssize_t)sizeof seq) {
            CHECK(seq > last);
            last = seq;
        }
        close(pipes[0]);
    }
    CHECK(n_seen > 1000);
    end();
}

/* Puts bytes into the file as another boot would find it. */
static void poke(size_t at, const void *bytes, size_t n)
{
    int fd = open(path, O_WRONLY);

    CHECK(fd >= 0);
    CHECK_EQ(pwrite(fd, bytes, n, (off_t)at), (ssize_t)n);
    close(fd);
}

#define AT_OPEN 32  /* rl_store_map.is_open */
#define AT_BOOT 232 /* .boot */

/* The numbers on the disk may be old: the file of before is what a power cut leaves. */
static void after_a_power_cut_numbers_start_where_none_was_reserved(void)
{
    struct rl_file_store f;
    uint64_t is_open = 1;

    begin();
    open_store(&f);
    put_text(&f.store, 1);
    CHECK_EQ(rl_file_store_close(&f), 0);
    poke(AT_OPEN, &is_open, sizeof is_open);
    open_store(&f); /* the same boot: a killed process, all of it is there */
    CHECK(!f.was_cut && f.store.next_out == 2);
    CHECK_EQ(rl_file_store_close(&f), 0);
    poke(AT_OPEN, &is_open, sizeof is_open);
    poke(AT_BOOT, "another boot", 13);
    open_store(&f);
    CHECK(f.was_cut && f.store.next_out == 2 + RL_STORE_RESERVE);
    CHECK(has_text(&f.store, 1));
    put_text(&f.store, f.store.next_out);
    CHECK_EQ(rl_file_store_close(&f), 0);
    open_store(&f);
    CHECK(!f.was_cut && f.store.next_out == 3 + RL_STORE_RESERVE);
    CHECK_EQ(rl_file_store_close(&f), 0);
    end();
}

static void two_processes_cannot_have_one_store(void)
{
    struct rl_file_store f;

    begin();
    open_store(&f);
    refuses(NAME, -EBUSY);
    CHECK_EQ(rl_file_store_close(&f), 0);
    refuses("FIX.4.4 VENUE OTHER", -EXDEV);
    refuses("", -EINVAL);
    end();
}

/* Any byte of what decides is changed: refused, or the same numbers. */
static void a_damaged_store_is_refused_or_tells_the_truth(void)
{
    struct rl_file_store f;
    struct stat st;
    const char *why;
    unsigned n_refused = 0;
    uint8_t head[320], flipped;
    int fd;

    begin();
    open_store(&f);
    for (uint64_t seq = 1; seq <= 9; seq++)
        put_text(&f.store, seq);
    CHECK_EQ(rl_file_store_close(&f), 0);
    fd = open(path, O_RDONLY);
    CHECK_EQ(pread(fd, head, sizeof head, 0), (ssize_t)sizeof head);
    CHECK_EQ(fstat(fd, &st), 0);
    close(fd);
    for (size_t at = 0; at < sizeof head; at++) {
        flipped = head[at] ^ 0x10;
        poke(at, &flipped, 1);
        if (rl_file_store_open(&f, path, NAME, RING, SLOTS, 7, &why) == 0) {
            CHECK(f.store.next_out >= 10);
            for (uint64_t seq = 1; seq <= 9; seq++)
                CHECK(has_text(&f.store, seq));
            CHECK_EQ(rl_file_store_close(&f), 0);
        } else {
            n_refused++;
        }
        poke(0, head, sizeof head);
    }
    CHECK(n_refused > 30);
    for (off_t n = st.st_size - 1; n > 0; n /= 3) {
        CHECK_EQ(truncate(path, n), 0);
        refuses(NAME, -EBADMSG);
    }
    CHECK_EQ(truncate(path, 0), 0);
    refuses(NAME, -EBADMSG); /* an empty file is no new store: somebody emptied it */
    end();
}

/* As a full disk does, the limit refuses the file its size. */
static void a_full_disk_is_an_error_of_opening(void)
{
    struct rlimit was, small = {2 * RING, 2 * RING};

    begin();
    CHECK_EQ(getrlimit(RLIMIT_FSIZE, &was), 0);
    small.rlim_max = was.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    refuses(NAME, -EFBIG);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &was), 0);
    CHECK(access(path, F_OK) != 0);
    snprintf(path, sizeof path, "%s/none/session", folder);
    refuses(NAME, -ENOENT);
    snprintf(path, sizeof path, "%s/session", folder);
    end();
}

int main(void)
{
    both_kinds_do_what_a_store_does();
    a_closed_store_opens_as_it_was();
    no_number_is_given_out_twice_over_kills();
    after_a_power_cut_numbers_start_where_none_was_reserved();
    two_processes_cannot_have_one_store();
    a_damaged_store_is_refused_or_tells_the_truth();
    a_full_disk_is_an_error_of_opening();
    return 0;
}
