/*
 * A million checks, with messages and answers between them, make no system call and ask for no
 * memory: they run in a process in which any call but one kills, with the allocation trap armed.
 * The same process dies of one seeded call, and the trap counts one seeded block.
 */
#include "no_calls.h"
#include "risk_world.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_CHECKS 1000000

enum seed { SEED_NONE, SEED_GETPID, SEED_ALLOC };

/* What the child did, so that nothing can pass by doing nothing. */
struct done {
    uint64_t n_checks, n_accepted, n_sent, n_allocs;
    bool is_over;
};

static struct world w;

/* Every path: accepted and refused, sent and answered, other limits, scans, overrides, words. */
static void decide(struct done *done)
{
    uint64_t state = 1;

    for (uint64_t i = 0; i < N_CHECKS; i++) {
        uint64_t draw = check_random(&state);
        unsigned side = draw & 1;
        int64_t away = (int64_t)(draw >> 32 & 1023) * (UNIT / 100) - 3 * UNIT;
        struct rl_request q = world_request(side, 10 * (1 + (draw >> 8 & 63)),
                                            100 * UNIT + (side == RL_BUY ? -away : away));
        int64_t limit, actual;
        uint32_t mask;
        uint64_t id;

        if (i % 64 == 0)
            world_pass(&w, 10 * MS);
        if (i % 4096 == 0)
            rl_risk_use(&w.risk, w.set);
        rl_risk_see(&w.risk, INSTRUMENT, &w.in.bbo, w.now);
        mask = world_check(&w, &q);
        done->n_checks++;
        done->n_accepted += mask == 0;
        rl_risk_check_cancel(&w.risk, &q.scopes, w.now);
        rl_risk_poll(&w.risk, w.now, &w.trip);
        if (mask != 0) {
            rl_risk_explain(&w.risk, &q, &w.in, w.now, mask & -mask, &limit, &actual);
            continue;
        }
        id = world_send(&w, &q);
        done->n_sent++;
        if ((draw >> 16 & 3) == 0)
            world_says(&w, RL_EVENT_ACK, id);
        if ((draw >> 18 & 15) == 0)
            world_fills(&w, id, q.qty, q.px_nano);
        else
            world_says(&w, RL_EVENT_CANCELLED, id);
        rl_risk_set_state(&w.risk, RL_SCOPE_STRATEGY, STRATEGY, RL_RISK_ACTIVE);
    }
}

static int run_filtered(struct done *done, enum seed seed)
{
    int status;
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        if (!allow_exit_alone())
            _exit(NO_SECCOMP);
        if (seed == SEED_GETPID)
            syscall(SYS_getpid);
        rl_trap_arm();
        if (seed == SEED_ALLOC) {
            void *volatile block = malloc(16);

            free(block);
        } else {
            decide(done);
        }
        rl_trap_disarm();
        done->n_allocs = rl_trap_count();
        done->is_over = true;
        syscall(SYS_exit_group, 0); /* not exit: what libc does at the end is not our path */
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_SECCOMP) {
        fprintf(stderr, "skipped: no seccomp filter may be set here\n");
        exit(RL_SKIP);
    }
    return status;
}

static void test_a_million_checks_ask_nothing_of_the_kernel_and_of_the_heap(struct done *done)
{
    int status = run_filtered(done, SEED_NONE);

    if (WIFSIGNALED(status))
        fprintf(stderr, "the checks were killed by signal %d: they made a system call\n",
                WTERMSIG(status));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(done->is_over);
    CHECK_EQ(done->n_checks, N_CHECKS);
    CHECK(done->n_accepted > 10000 && done->n_accepted < N_CHECKS / 2);
    CHECK(rl_trap_is_linked());
    CHECK_EQ(done->n_allocs, 0);
}

static void test_one_seeded_call_is_caught(struct done *done)
{
    int status = run_filtered(done, SEED_GETPID);

    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGSYS);
    CHECK(!done->is_over);
}

/* The block comes from what the heap has already, so the trap alone can see it. */
static void test_one_seeded_block_is_caught(struct done *done)
{
    void *volatile block = malloc(16);
    int status;

    free(block);
    status = run_filtered(done, SEED_ALLOC);
    CHECK(WIFEXITED(status) && done->is_over);
    CHECK(done->n_allocs > 0);
    *done = (struct done){.is_over = false};
}

int main(void)
{
    struct done *done =
        mmap(NULL, sizeof(*done), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

#ifdef __SANITIZE_THREAD__
    fprintf(stderr, "skipped: ThreadSanitizer's own code makes system calls\n");
    return RL_SKIP;
#endif
    CHECK(done != MAP_FAILED);
    world_open(&w);
    test_one_seeded_call_is_caught(done);
    test_one_seeded_block_is_caught(done);
    test_a_million_checks_ask_nothing_of_the_kernel_and_of_the_heap(done);
    world_close(&w);
    munmap(done, sizeof(*done));
    return 0;
}
