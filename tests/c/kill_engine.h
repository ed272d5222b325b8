/*
 * kill_engine - an engine in a process of its own for tests of tools: beats, sends, obeys the
 * board.
 *
 * What it sends it counts in memory that only the test and it see: not a counter of the board.
 */
#ifndef RL_TESTS_KILL_ENGINE_H
#define RL_TESTS_KILL_ENGINE_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "check.h"
#include "trade/kill/board.h"

/* What the engine leaves out, so that somebody must notice. */
#define ENGINE_NO_BEAT 1
#define ENGINE_IS_STUCK 2
#define ENGINE_IS_DEAF 4 /* sends on, whatever the board says: the seeded fault */

struct engine {
    _Atomic uint64_t n_sent; /* on the wire */
    _Atomic int faults, is_ready;
    pid_t pid;
    char dir[64];
};

static inline struct engine *engine_new(void)
{
    struct engine *e =
        mmap(NULL, sizeof(*e), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    CHECK(e != MAP_FAILED);
    strcpy(e->dir, "/tmp/redline-kill-XXXXXX");
    CHECK(mkdtemp(e->dir) != NULL);
    return e;
}

static inline void engine_loop(struct engine *e, struct rl_kill *k)
{
    static const struct rl_scopes order = {.instrument = 7, .account = 5};

    for (;;) {
        int faults = atomic_load(&e->faults);
        uint64_t now_tsc = rl_tsc();

        if (!(faults & ENGINE_NO_BEAT))
            rl_kill_beat(k, RL_BEAT_ENGINE, now_tsc);
        rl_vitals_waiting(&k->vitals, RL_BEAT_ENGINE, faults & ENGINE_IS_STUCK ? 1 : 0);
        if (rl_kill_has_news(k))
            rl_kill_acknowledge(k, now_tsc);
        if (rl_kill_allows(k, &order) || faults & ENGINE_IS_DEAF) {
            rl_vital_add(&k->vitals, RL_VITAL_APPROVED_QTY, 100);
            atomic_fetch_add(&e->n_sent, 1);
            rl_vitals_sent(&k->vitals, 100, now_tsc);
        }
        atomic_store(&e->is_ready, 1);
        sched_yield();
    }
}

/* Starts the process; ACTIVE unless `halted`. Two people are not asked: that is harness/. */
static inline void engine_start(struct engine *e, bool halted)
{
    pid_t child;

    atomic_store(&e->is_ready, 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct rl_board board;
        const char *why = "";
        uint32_t epoch;

        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a check that fails must not leave it spinning */

        if (rl_board_create(&board, e->dir, 0, &why) < 0) {
            fprintf(stderr, "%s: %s\n", e->dir, why);
            _exit(1);
        }
        if (!halted) {
            if (rl_kill_draining(board.kill))
                CHECK(rl_kill_drained(board.kill, 0));
            CHECK_EQ(rl_kill_request(board.kill, &epoch), 0);
            CHECK_EQ(rl_kill_arm(board.kill, epoch, RL_KILL_ALL, 0), 0);
        }
        engine_loop(e, board.kill);
    }
    e->pid = child; /* shared with the child: not before, where it would be 0 to both */
    while (!atomic_load(&e->is_ready))
        CHECK_EQ(waitpid(e->pid, NULL, WNOHANG), 0);
}

static inline void engine_kill(struct engine *e)
{
    CHECK(e->pid > 0);
    kill(e->pid, SIGKILL);
    CHECK_EQ(waitpid(e->pid, NULL, 0), e->pid);
}

static inline void engine_free(struct engine *e)
{
    static const char *const files[] = {RL_BOARD_FILE,    RL_BOARD_LOCK, "kill.latch",
                                        "kill.latch.new", "kill.sock",   "kill.trip",
                                        "watchdog.lock"};
    int dir = open(e->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    for (size_t i = 0; i < RL_COUNT(files); i++)
        unlinkat(dir, files[i], 0);
    close(dir);
    CHECK_EQ(rmdir(e->dir), 0); /* nothing else was left behind */
    munmap(e, sizeof(*e));
}

/* The engine's board, mapped by the test as a tool would. */
static inline struct rl_board engine_board(const struct engine *e)
{
    struct rl_board board;
    const char *why = "";

    if (rl_board_open(&board, e->dir, &why) < 0) {
        fprintf(stderr, "%s: %s\n", e->dir, why);
        exit(1);
    }
    return board;
}

/* Waits as long as a hanging test may; the condition is looked at, not the clock. */
#define UNTIL(condition)                                            \
    do {                                                            \
        int until_turns = 60000;                                    \
        while (!(condition) && until_turns-- > 0)                   \
            nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL); \
        CHECK(condition);                                           \
    } while (0)

/* Nothing leaves any more: the count stands still while the engine turns on. */
static inline void engine_is_silent(struct engine *e, const struct rl_kill *k)
{
    uint64_t n_sent, n_beats;

    UNTIL(rl_kill_is_seen(k, rl_kill_mark(k)));
    n_sent = atomic_load(&e->n_sent);
    n_beats = k->vitals.beats[RL_BEAT_ENGINE].n;
    UNTIL(k->vitals.beats[RL_BEAT_ENGINE].n > n_beats + 100);
    CHECK_EQ(atomic_load(&e->n_sent), n_sent);
}

/* A program with its ends of pipes: in, and out (also its errors). */
struct program {
    pid_t pid;
    int in, out;
    char said[4096];
    size_t n_said;
};

/* In the child, before the program begins; may set limits. */
typedef void program_setup(void);

static inline struct program program_start(program_setup *setup, const char *path, ...)
{
    struct program p = {0};
    int in[2], out[2], n = 0;
    char *argv[24];
    va_list args;

    va_start(args, path);
    argv[n++] = (char *)path;
    while ((argv[n] = va_arg(args, char *)))
        CHECK(++n < (int)RL_COUNT(argv));
    va_end(args);
    CHECK_EQ(pipe2(in, O_CLOEXEC), 0);
    CHECK_EQ(pipe2(out, O_CLOEXEC), 0);
    p.pid = fork();
    CHECK(p.pid >= 0);
    if (p.pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(out[1], 2);
        if (setup)
            setup();
        execv(path, argv);
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    p.in = in[1];
    p.out = out[0];
    return p;
}

/* Until it has said this; fails when it ends before. */
static inline void program_says(struct program *p, const char *words)
{
    while (!strstr(p->said, words)) {
        ssize_t n = read(p->out, p->said + p->n_said, sizeof(p->said) - 1 - p->n_said);

        if (n <= 0) {
            fprintf(stderr, "wanted '%s', it said: %s\n", words, p->said);
            exit(1);
        }
        p->n_said += (size_t)n;
        p->said[p->n_said] = '\0';
    }
}

/* Its exit code; 128 + a signal. All that it said is in p->said. */
static inline int program_end(struct program *p)
{
    int status;
    ssize_t n;

    if (p->in >= 0)
        close(p->in);
    while ((n = read(p->out, p->said + p->n_said, sizeof(p->said) - 1 - p->n_said)) > 0)
        p->n_said += (size_t)n;
    p->said[p->n_said] = '\0';
    close(p->out);
    CHECK_EQ(waitpid(p->pid, &status, 0), p->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
